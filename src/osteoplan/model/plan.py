"""What could be done: eight physical acts, steps, plans and options.

Acts are closed and matched exhaustively; techniques are open.  RFA, cryo and laser are all *deliver* with
another source; kyphoplasty is *expand* and *inject*; thaw and cure are *wait*.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from osteoplan.arrays import Point
from osteoplan.errors import BadInput
from osteoplan.model.outcome import Estimate
from osteoplan.model.trajectory import Gap

__all__ = [
    "BREACH", "OFF_SCAN", "OPTION_WORDS", "SHORT", "Act", "Deliver", "Expand", "Inject", "Measure", "Option",
    "OptionStatus", "Place", "Plan", "Reason", "Remove", "Sample", "Segment", "Step", "Violation", "Wait",
    "short_of",
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
class Segment:
    """One stretch of a protocol: how long, and what drives it; neither power nor temperature: passive.

    Attributes:
        power_W: what the generator gives, to each probe.
        set_degC: temperature that is held: of the hottest tissue (current) or of the wall (cold).
        duty: share of the time that it is on.

    Raises:
        BadInput: it lasts no time, gives no power, or has a duty that is no share.
    """

    duration_s: float
    power_W: float | None = None
    set_degC: float | None = None
    duty: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.duration_s) and self.duration_s > 0.0):
            raise BadInput(f"a protocol's segment of {self.duration_s:g} s: give a time above 0 s")
        if self.power_W is not None and not (math.isfinite(self.power_W) and self.power_W > 0.0):
            raise BadInput(f"a power of {self.power_W:g} W: give a power above 0 W, or none for a pause")
        if not 0.0 < self.duty <= 1.0:
            raise BadInput(f"a duty of {self.duty:g}: give a share above 0, at most 1")

    @property
    def passive(self) -> bool:
        """True where nothing is driven: a pause, a thaw."""
        return self.power_W is None and self.set_degC is None


@dataclass(frozen=True)
class Deliver:
    """Bring heat, cold, current or sound to tissue by one probe, or by several that run together.

    Attributes:
        device: id of the probe.
        source: what it brings, in a word of the order of acts, e.g. ``rf_bipolar``, ``cold``.
        segments: of its protocol, in time.
        tips_mm: of each probe.
        access: of each probe the order of the step that placed the way which it goes through.

    Raises:
        BadInput: no probe, no segment, or a probe without its access.
    """

    device: str
    source: str
    segments: tuple[Segment, ...]
    tips_mm: tuple[Point, ...]
    access: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.tips_mm or not self.segments:
            raise BadInput(f"{self.device}: nothing is delivered without a probe and a protocol")
        if len(self.access) != len(self.tips_mm):
            raise BadInput(
                f"{self.device}: {len(self.tips_mm)} probes and {len(self.access)} ways in; name one each"
            )

    @property
    def at_mm(self) -> Point:
        """Tip of the first probe."""
        return self.tips_mm[0]

    @property
    def duration_s(self) -> float:
        """Of all segments together."""
        return sum(segment.duration_s for segment in self.segments)

    @property
    def power_W(self) -> float | None:
        """The highest power of a segment; None where no segment states one."""
        return max((one.power_W for one in self.segments if one.power_W is not None), default=None)


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


OFF_SCAN = "scan"  # limit of a violation that says what the scan does not show
BREACH = 0.1  # of a needle that nobody corrects: a likelier breach is told among what speaks against
SHORT = 40  # characters of a short title: what a row of the first page holds

Act = Place | Remove | Expand | Deliver | Inject | Wait | Sample | Measure


@dataclass(frozen=True)
class Step:
    """One act, in its order, in its session (staged work has more than one)."""

    order: int
    act: Act
    session: int = 1
    why: str = ""


def short_of(*titles: str) -> str:
    """The first of several titles that a list of options holds; of none the last, cut after a whole word."""
    last = titles[-1]
    cut = f"{last[: SHORT - 2].rpartition(' ')[0] or last[: SHORT - 2]} …"
    return next((one for one in titles if len(one) <= SHORT), cut)


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
        gaps: the nearest structure of each kind over all devices, the nearest of all first.
        short_title: what a list of options prints, at most 40 characters; the title where that fits.

    Raises:
        BadInput: no short title was given, and the title is too long for one; or it is too long itself.
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
    short_title: str = ""
    gaps: tuple[Gap, ...] = ()

    @property
    def breach(self) -> float | None:
        """Probability that a device or more breaches anything uncorrected, strays being independent."""
        told = [one for one in self.clearances if one.id == "breach_probability"]
        whole = [one.value for one in told if one.target.startswith("any,")]
        if not whole:  # told of single structures alone: at least the likeliest
            return max((one.value for one in told), default=None)
        return 1.0 - math.prod(1.0 - share for share in whole)

    @property
    def nearest(self) -> Gap | None:
        """The structure that a device passes nearest; the bone around a device is none."""
        return next((gap for gap in self.gaps if gap.kind != "wall"), None)

    def __post_init__(self) -> None:
        short = self.short_title or self.title
        if len(short) > SHORT:
            raise BadInput(
                f"option {self.id}: '{short}' is longer than {SHORT} characters; give a short_title"
            )
        object.__setattr__(self, "short_title", short)


@dataclass(frozen=True)
class Violation:
    """A hard limit that a plan breaks: the sentence, the number and the limit.

    ``limit`` is ``OFF_SCAN`` where nothing is broken in what was seen, but the scan stops short of it.
    """

    limit: str
    text: str
    value: float | None = None
    bound: float | None = None
    unit: str = ""


OptionStatus = Literal[
    "ranked", "excluded_by_rule", "refer_elsewhere", "infeasible", "exceeds_limit", "failed", "comparator"
]
OPTION_WORDS: Mapping[str, str] = {  # what people are told of a status
    "ranked": "can be done", "excluded_by_rule": "not here", "refer_elsewhere": "refer elsewhere",
    "infeasible": "does not fit", "exceeds_limit": "exceeds a limit", "failed": "simulation failed",
    "comparator": "other treatment",
}  # fmt: skip


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

    @property
    def not_judged(self) -> bool:
        """True where nothing speaks against it but that the scan stops short of it."""
        return self.status == "failed" and {reason.rule for reason in self.reasons} == {OFF_SCAN}

    @property
    def told(self) -> str:
        """Its status in words."""
        return OPTION_WORDS[self.status]

    def outcome(self, id: str, target: str | None = None) -> Estimate | None:
        """The first outcome of that id (and target); None where there is none, or of another population."""
        for estimate in self.outcomes:
            other = estimate.study is not None and estimate.study.population
            if estimate.id == id and target in (None, estimate.target) and not other:
                return estimate
        return None
