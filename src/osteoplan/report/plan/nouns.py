"""What each part of the page says, as typed nouns; the template only loops over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from osteoplan.model.plan import Option
from osteoplan.model.result import PlanResult
from osteoplan.model.technique import TechniqueCard
from osteoplan.report.drawing.charts import ChartAxis, Whisker
from osteoplan.report.drawing.pictures import Picture
from osteoplan.report.views import INTENDED_USE, Line
from osteoplan.report.words import Value

__all__ = [
    "BoundaryView", "CertaintyView", "ChartView", "Cite", "ColourBar", "ColumnView", "Drawings", "NowBar",
    "OptionDetail", "OptionRow", "OptionsTable", "OutcomeView", "PairView", "PlanPage", "Plot",
    "RigidityView", "RuleView", "Running", "ScoreView", "StrainPage", "cites",
]  # fmt: skip


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
class Running:
    """The line on top of every printed page."""

    program: str
    case: str
    level: str
    level_note: str
    date: str
    plan: str
    use: str = INTENDED_USE


@dataclass(frozen=True)
class Cite:
    """A source by its number in the list; number 0 is a source that the list does not hold."""

    key: str
    number: int


@dataclass(frozen=True)
class Plot:
    """A whisker on an axis."""

    axis: ChartAxis
    whisker: Whisker


@dataclass(frozen=True)
class NowBar:
    """Strength before treatment: per cent of intact first, newtons behind."""

    ratio: Value | None
    plot: Plot | None
    newtons: str
    basis: str


@dataclass(frozen=True)
class ScoreView:
    """A score with its items; ``headline`` is what the first page says, unless it is ``silent`` yet."""

    id: str
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
class OptionRow:
    """One line of the options table; a rejected one has a ``reason`` instead of cells."""

    anchor: str
    mark: str
    title: str
    kind: str
    strength: Value | None
    plot: Plot | None
    change: Value | None
    no_strength: str
    cells: tuple[tuple[Value, ...], ...]
    against: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class ColumnView:
    """Head of a column: what it is, on what basis, and the review tag that all its values share."""

    title: str
    basis: str
    tag: str


@dataclass(frozen=True)
class OptionsTable:
    """Options side by side; ``ranked_word`` is strength, or stiffness where no strength is claimed."""

    axis: ChartAxis
    ranked_word: str
    strength_tag: str
    columns: tuple[ColumnView, ...]
    rows: tuple[OptionRow, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class RuleView:
    """One rule: what it says here and on what."""

    rule: str
    block: str
    effect: str
    text: str
    short: str
    tag: str
    facts: tuple[Line, ...]
    ask: tuple[str, ...]
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
    mark: str
    status: str
    kind: str
    reasons: tuple[str, ...]
    pictures: tuple[Picture, ...]
    before_after: tuple[Line, ...]
    clearances: tuple[OutcomeView, ...]
    clearances_because: tuple[str, ...]
    outcomes: tuple[OutcomeView, ...]
    card: TechniqueCard | None


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
    """The pictures that the page shows."""

    planes: tuple[Picture, ...]
    scene: Picture
    shown: str
    bone: tuple[Picture, ...]
    soft: tuple[Picture, ...]
    options: Mapping[str, tuple[Picture, ...]]
    strain: StrainPage | None
    frames: tuple[Picture, ...] = ()


@dataclass(frozen=True, eq=False)
class PlanPage:
    """The whole report; what the template tells as it stands is read off ``result``."""

    result: PlanResult
    running: Running
    banners: tuple[str, ...]
    lesion_title: str
    lesion: tuple[Line, ...]
    drawings: Drawings
    now: NowBar
    scores: tuple[ScoreView, ...]
    first_scores: tuple[ScoreView, ...]
    silent_scores: str
    options: OptionsTable
    spoke: tuple[RuleView, ...]
    cannot: tuple[RuleView, ...]
    silent: tuple[RuleView, ...]
    first_spoke: tuple[RuleView, ...]
    first_cannot: tuple[Line, ...]
    rules_note: str
    details: tuple[OptionDetail, ...]
    boundary_summaries: tuple[BoundaryView, ...]
    certainty: CertaintyView
    findings: tuple[Line, ...]
    overruled: tuple[Line, ...]
    questions: tuple[Line, ...]
    stamp: tuple[Line, ...]


def cites(result: PlanResult, keys: Iterable[str]) -> tuple[Cite, ...]:
    """Each key with its place in the list; 0 for a source that the list does not hold."""
    numbers = {citation.key: n for n, citation in enumerate(result.citations, 1)}
    return tuple(Cite(key, numbers.get(key, 0)) for key in keys)
