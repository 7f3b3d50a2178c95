"""What each part of the report says, as typed nouns; the template only loops over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from osteoplan.report.drawing.pictures import Legend, Picture
from osteoplan.report.views import Line

__all__ = [
    "Chart",
    "Cite",
    "ColourBar",
    "Drawings",
    "FirstPage",
    "Headed",
    "Heading",
    "HeatPage",
    "Linked",
    "NotHere",
    "Part",
    "ReportSection",
    "Row",
    "StrainPage",
    "Table",
    "TableRow",
    "Words",
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
class Linked:
    """A figure of the first page, and what it rests on.

    Attributes:
        link: id of the place in the report where it comes from: load case, option, fact, rule or source.
        sources: their numbers in the list.
    """

    text: str
    link: str
    sources: tuple[int, ...] = ()


@dataclass(frozen=True)
class Row:
    """A technique in the table of the first page, its ways beneath it.

    Attributes:
        part: it is a part of the combination above it, by itself; told beneath it.
        ways: its ways by what tells them apart, the one that is drawn first.
        tier: in words; ``above``: those of its tier that it is told above, and by what; ``terms``: on what it
            stands, what it waits for, what was presumed.
        bone: per cent of intact, line by line; ``risk``, ``burden``, ``evidence`` likewise.
    """

    technique: str
    title: str
    anchor: str
    ways: str
    tier: str
    above: tuple[Linked, ...]
    terms: str
    aim: str
    evidence: tuple[Linked, ...]
    bone: tuple[Linked, ...]
    risk: tuple[Linked, ...]
    burden: tuple[Linked, ...]
    against: tuple[Linked, ...]
    part: bool = False


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

    head: Linked
    picture: Picture


@dataclass(frozen=True)
class FirstPage:
    """What a meeting decides on.

    Attributes:
        flags: what must be read before anything else, three at most.
        rows, not_here: seven in all; ``beyond``: what the table has no room for.
        columns: of the table that any row fills.
        now: what the bone bears before treatment, for the head of its column.
        apart: where rules, simulation and preference point apart.
        notes: what the numbers of the table mean, said once.
    """

    header: Heading
    question: str
    goal: str
    flags: tuple[Linked, ...]
    facts: tuple[Line, ...]
    rows: tuple[Row, ...]
    not_here: tuple[NotHere, ...]
    beyond: tuple[str, ...]
    columns: tuple[str, ...]
    now: tuple[Linked, ...]
    apart: tuple[Linked, ...]
    notes: tuple[str, ...]
    questions: tuple[Linked, ...]
    checklist: str


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
class HeatPage:
    """One delivery of heat or cold, drawn.

    Attributes:
        title: what was delivered, in words.
        cuts: what the moment is -> three cuts with their isotherms.
        clock: data URI of temperature against time; empty where nothing was watched.
        margins: criterion -> the lesion's surface from two sides; ``bar``: of them all.
        notes: stamps, what was not judged, what happened on the way.
    """

    title: str
    cuts: tuple[tuple[str, tuple[Picture, ...]], ...]
    clock: str
    margins: tuple[tuple[str, tuple[Picture, ...]], ...]
    bar: ColourBar
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Drawings:
    """The pictures of the report: three for the first page with one legend, cuts along ways, strain.

    Attributes:
        heat: by id of option, each delivery of heat or cold.
        charts: data URIs of what is drawn of a load case, a tornado or a segment, by its title.
    """

    meeting: tuple[Headed, ...] = ()
    legend: tuple[Legend, ...] = ()
    ways: Mapping[str, tuple[Picture, ...]] = field(default_factory=dict)
    strain: StrainPage | None = None
    heat: Mapping[str, tuple[HeatPage, ...]] = field(default_factory=dict)
    charts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TableRow:
    """Cells of one option, rule or number; ``paper`` is False for what the printed report leaves out.

    Attributes:
        sources: their numbers in the list.
    """

    cells: tuple[str, ...]
    sources: tuple[int, ...] = ()
    paper: bool = True


@dataclass(frozen=True)
class Table:
    """Rows under heads; widths are relative."""

    title: str
    heads: tuple[str, ...]
    widths: tuple[float, ...]
    rows: tuple[TableRow, ...]
    kind: str = "table"


@dataclass(frozen=True)
class Chart:
    """A drawing as data URI, what stands beneath it, and what it shows in words."""

    title: str
    image: str
    note: str
    says: str
    kind: str = "chart"


@dataclass(frozen=True)
class Words:
    """Sentences, one a line."""

    title: str
    lines: tuple[str, ...]
    kind: str = "words"


Part = Table | Chart | Words


@dataclass(frozen=True)
class ReportSection:
    """A part of the report behind its first page, on the screen and on paper alike.

    Attributes:
        parts: those that say nothing are left out.
        screen: True for what the printed report leaves to the screen and to the technical PDF.
    """

    id: str
    title: str
    parts: tuple[Part, ...]
    screen: bool = True
