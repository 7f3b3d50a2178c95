"""What each part of the report says, as typed nouns; the template only loops over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from osteoplan.model.plan import Option
from osteoplan.model.result import PlanResult
from osteoplan.model.technique import TechniqueCard
from osteoplan.report.drawing.pictures import Legend, Picture
from osteoplan.report.views import Line
from osteoplan.report.words import Value

__all__ = [
    "BoundaryView",
    "CertaintyView",
    "ChartView",
    "Cite",
    "ColourBar",
    "Drawings",
    "EvidenceRow",
    "FirstPage",
    "Followed",
    "Headed",
    "Heading",
    "NotHere",
    "OptionDetail",
    "OutcomeView",
    "PairView",
    "PlanPage",
    "RigidityView",
    "Row",
    "RuleView",
    "ScoreView",
    "StrainPage",
    "cites",
]  # fmt: skip


@dataclass(frozen=True)
class Cite:
    """A source by its number in the list; number 0 is a source that the list does not hold."""

    key: str
    number: int


@dataclass(frozen=True)
class Heading:
    """The line on top: which case, how sure of the level, how the scan is, demo or real."""

    program: str
    case: str
    place: str
    level_note: str
    scan: str
    origin: str


@dataclass(frozen=True)
class Row:
    """A technique in the table of the first page, its ways beneath it.

    Attributes:
        ways: its ways by what tells them apart, the one that is drawn first.
        tier: in words; ``terms``: on what, what it waits for, what was presumed.
        bone: per cent of intact, line by line; ``risk``, ``burden``, ``evidence`` likewise.
    """

    technique: str
    title: str
    anchor: str
    ways: str
    tier: str
    terms: str
    aim: str
    evidence: tuple[str, ...]
    bone: tuple[str, ...]
    risk: tuple[str, ...]
    burden: tuple[str, ...]
    against: str


@dataclass(frozen=True)
class NotHere:
    """A technique that is not for this patient, or has no way in, and why."""

    technique: str
    title: str
    anchor: str
    reason: str


@dataclass(frozen=True, eq=False)
class Headed:
    """A picture with what a meeting reads off it."""

    head: str
    picture: Picture


@dataclass(frozen=True)
class FirstPage:
    """What a meeting decides on.

    Attributes:
        flags: what must be read before anything else, three at most.
        rows, not_here: seven in all; ``beyond``: what the table has no room for.
        columns: of the table that any row fills.
        now: what the bone bears before treatment, for the head of its column.
        notes: what the numbers of the table mean, said once.
    """

    header: Heading
    question: str
    goal: str
    flags: tuple[str, ...]
    facts: tuple[Line, ...]
    rows: tuple[Row, ...]
    not_here: tuple[NotHere, ...]
    beyond: tuple[str, ...]
    columns: tuple[str, ...]
    now: str
    notes: tuple[str, ...]
    questions: tuple[str, ...]
    checklist: str


@dataclass(frozen=True)
class PairView:
    """One option less another one, in points of intact."""

    better: str
    worse: str
    gap: Value


@dataclass(frozen=True)
class ChartView:
    """A chart with what it shows in words."""

    title: str
    image: str
    words: str


@dataclass(frozen=True)
class RigidityView:
    """Losses of a segment of bone, as (name, value, where), and their chart; ``because`` holds for all."""

    segment: str
    losses: tuple[tuple[str, Value, str], ...]
    because: tuple[str, ...]
    chart: ChartView


@dataclass(frozen=True)
class CertaintyView:
    """The section of the report; empty where nothing was simulated."""

    word: str
    pairs: tuple[PairView, ...]
    tornadoes: tuple[ChartView, ...]
    rigidity: tuple[RigidityView, ...]

    @property
    def empty(self) -> bool:
        """Nothing to show."""
        return not (self.pairs or self.tornadoes or self.rigidity)


@dataclass(frozen=True)
class BoundaryView:
    """One load case: its picture, what it says in words, outcomes of the untreated bone by name."""

    title: str
    image: str
    lines: tuple[str, ...]
    outcomes: tuple[tuple[str, Value], ...]


@dataclass(frozen=True)
class ScoreView:
    """A score with its items; ``headline`` says it in a line."""

    name: str
    headline: str
    bands: tuple[str, ...]
    missing: tuple[str, ...]
    items: tuple[Line, ...]
    tag: str
    cites: tuple[Cite, ...]
    notes: tuple[str, ...]
    conflicts: tuple[str, ...] = ()
    silent: bool = False


@dataclass(frozen=True)
class RuleView:
    """One rule: what it says here and on what; ``about``: rows of the first page that it speaks of."""

    rule: str
    effect: str
    text: str
    about: str
    facts: tuple[Line, ...]
    ask: tuple[str, ...]
    tag: str
    cites: tuple[Cite, ...]


@dataclass(frozen=True)
class EvidenceRow:
    """A published number: of what, how large, on whom; the ``nth`` of its technique."""

    technique: str
    nth: int
    outcome: str
    value: Value
    n: str
    who: str
    apart: bool
    cites: tuple[Cite, ...]


@dataclass(frozen=True)
class OutcomeView:
    """One outcome with its basis."""

    name: str
    target: str
    value: Value
    level: str
    basis: str
    because: tuple[str, ...]
    cites: tuple[Cite, ...]


@dataclass(frozen=True, eq=False)
class OptionDetail:
    """Everything on one option; ``card`` where it is the first that uses its technique."""

    option: Option
    anchor: str
    status: str
    reasons: tuple[str, ...]
    clearances: tuple[OutcomeView, ...]
    clearances_because: tuple[str, ...]
    outcomes: tuple[OutcomeView, ...]
    card: TechniqueCard | None


@dataclass(frozen=True, eq=False)
class Followed:
    """A way as it is walked: cuts along it, its steps, what is near."""

    title: str
    pictures: tuple[Picture, ...]
    steps: tuple[str, ...]
    near: tuple[str, ...]


@dataclass(frozen=True)
class ColourBar:
    """A map from 0 to the top: data URI of the ramp, tick labels as (per cent of length, text)."""

    image: str
    ticks: tuple[tuple[float, str], ...]
    title: str


@dataclass(frozen=True, eq=False)
class StrainPage:
    """Strain in every state, on one range."""

    bar: ColourBar
    states: tuple[tuple[str, tuple[Picture, ...]], ...]
    because: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Drawings:
    """The pictures of the report: three for the first page with one legend, cuts along ways, strain."""

    meeting: tuple[Headed, ...] = ()
    legend: tuple[Legend, ...] = ()
    ways: Mapping[str, tuple[Picture, ...]] = field(default_factory=dict)
    strain: StrainPage | None = None


@dataclass(frozen=True, eq=False)
class PlanPage:
    """The whole report; what the template tells as it stands is read off ``result``."""

    result: PlanResult
    first: FirstPage
    drawings: Drawings
    followed: tuple[Followed, ...]
    boundary_summaries: tuple[BoundaryView, ...]
    certainty: CertaintyView
    evidence: tuple[EvidenceRow, ...]
    spoke: tuple[RuleView, ...]
    cannot: tuple[RuleView, ...]
    silent: tuple[RuleView, ...]
    scores: tuple[ScoreView, ...]
    details: tuple[OptionDetail, ...]
    findings: tuple[Line, ...]
    overruled: tuple[Line, ...]
    printed_sources: frozenset[int]
    stamp: tuple[Line, ...]
    digests: tuple[Line, ...]


def cites(result: PlanResult, keys: Iterable[str]) -> tuple[Cite, ...]:
    """Each key with its place in the list; 0 for a source that the list does not hold."""
    numbers = {citation.key: n for n, citation in enumerate(result.citations, 1)}
    return tuple(Cite(key, numbers.get(key, 0)) for key in keys)
