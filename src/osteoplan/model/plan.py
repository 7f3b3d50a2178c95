"""What could be done: eight physical acts, steps, plans and options.

Acts are closed and matched exhaustively; techniques are open.  RFA, cryo and laser are all *deliver* with
another source; kyphoplasty is *expand* and *inject*; thaw and cure are *wait*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from osteoplan.arrays import Point
from osteoplan.model.outcome import Estimate

__all__ = [
    "Act", "Deliver", "Expand", "Inject", "Measure", "Option", "OptionStatus", "Place", "Plan",
    "Reason", "Remove", "Sample", "Step", "Violation", "Wait", "shortened",
]  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Put a straight device from the skin (entry) to a point (target).

    Attributes:
        through: the part, approach or corridor that it goes through.
        stays: True for what is left in the bone.
        length_mm: of a screw or wire that stays: its outer end lies that far from the tip, on the way to the
            entry; None for what reaches the skin.
    """

    device: str
    entry_mm: Point
    target_mm: Point
    through: str = ""
    stays: bool = False
    length_mm: float | None = None


@dataclass(frozen=True)
class Remove:
    """Take a device out, or tissue away."""

    what: str


@dataclass(frozen=True)
class Expand:
    """Open a cavity or lift an endplate."""

    device: str
    at_mm: Point
    volume_mL: float


@dataclass(frozen=True)
class Deliver:
    """Bring heat, cold, current or sound to tissue."""

    device: str
    at_mm: Point
    source: str
    power_W: float | None
    duration_s: float


@dataclass(frozen=True)
class Inject:
    """Push an agent (cement, gas, embolic) out of a device's tip."""

    agent: str
    at_mm: Point
    volume_mL: float


@dataclass(frozen=True)
class Wait:
    """Let something happen: cure, thaw, settle."""

    for_what: str
    minutes: float | None = None


@dataclass(frozen=True)
class Sample:
    """Take tissue."""

    device: str
    at_mm: Point


@dataclass(frozen=True)
class Measure:
    """Look: an image, a temperature, a length."""

    what: str
    at_mm: Point | None = None


Act = Place | Remove | Expand | Deliver | Inject | Wait | Sample | Measure


@dataclass(frozen=True)
class Step:
    """One act, in its order, in its session (staged work has more than one)."""

    order: int
    act: Act
    session: int = 1
    why: str = ""


@dataclass(frozen=True)
class Plan:
    """One way to treat one lesion.

    Attributes:
        id: unique among the options of a case, e.g. ``vertebroplasty_left``.
        technique: id of the technique that proposed it.
        title: what people call it, e.g. "vertebroplasty, left pedicle".
        approach: ways in, in words.
        uses: what the plan depends on, e.g. ``pmma``; a rule can exclude a use.
        remarks: what speaks against it without forbidding it, in sentences.
    """

    id: str
    technique: str
    title: str
    lesion: str
    steps: tuple[Step, ...] = ()
    approach: str = ""
    uses: tuple[str, ...] = ()
    clearances: tuple[Estimate, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def short_title(self) -> str:
        """The title in at most 40 characters."""
        return shortened(self.title)


@dataclass(frozen=True)
class Violation:
    """A hard limit that a plan breaks: the sentence, the number and the limit."""

    limit: str
    text: str
    value: float | None = None
    bound: float | None = None
    unit: str = ""


OptionStatus = Literal[
    "ranked", "excluded_by_rule", "refer_elsewhere", "infeasible", "exceeds_limit", "failed", "comparator"
]


@dataclass(frozen=True)
class Reason:
    """Why an option has its status: a sentence, and the rule or limit behind it."""

    text: str
    rule: str = ""


@dataclass(frozen=True)
class Option:
    """A plan or a comparator, with its status, reasons and outcomes."""

    plan: Plan
    kind: Literal["plan", "comparator"]
    status: OptionStatus
    reasons: tuple[Reason, ...] = ()
    outcomes: tuple[Estimate, ...] = field(default=())
    warnings: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The plan's id."""
        return self.plan.id

    def outcome(self, id: str, target: str | None = None) -> Estimate | None:
        """The first outcome of that id (and target); None where there is none, or of another population."""
        for estimate in self.outcomes:
            other = estimate.study is not None and estimate.study.population
            if estimate.id == id and target in (None, estimate.target) and not other:
                return estimate
        return None


def shortened(title: str, longest: int = 40) -> str:
    """A title that fits a narrow column: whole words, and a sign where some were left out."""
    return title if len(title) <= longest else title[: longest - 1].rsplit(" ", 1)[0] + " …"
