"""The page of ways: every trajectory into one lesion in a table, its pictures, and what was rejected and why.

page = render_ways(result)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from osteoplan.model.device import Device
from osteoplan.model.trajectory import ErrorBudget, Trajectory, WaysResult
from osteoplan.report.pictures import Picture, Scenery, stamps_of
from osteoplan.report.rendering import filled
from osteoplan.report.scene import scene
from osteoplan.report.views import INTENDED_USE
from osteoplan.report.ways_pictures import WayPictures, rod_of_way, way_pictures
from osteoplan.report.ways_profile import WORDS, profile_chart
from osteoplan.report.words import name_of, number, plain

__all__ = ["GapRow", "WayDetail", "WayRow", "WaysPage", "render_ways", "ways_page"]

_WIDTH, _SPACE_WIDTH = 300.0, 420.0
_DRAWN_PER_SEARCH = 1  # needle ways of one search that get pictures


@dataclass(frozen=True)
class WayRow:
    """One line of the table; numbers are words, empty where nobody knows them."""

    anchor: str
    name: str
    kind: str
    fits: bool
    length: str
    in_plane: str
    cranio_caudal: str
    skin: str
    nearest: str
    breach: str
    width: str
    devices: str
    unchecked: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class GapRow:
    """The nearest structure of one kind."""

    structure: str
    kind: str
    gap: str
    needed: str
    short: bool
    derived: bool


@dataclass(frozen=True, eq=False)
class WayDetail:
    """Everything on one trajectory."""

    row: WayRow
    pictures: WayPictures
    profile: str
    gaps: tuple[GapRow, ...]
    budget: tuple[str, ...]
    reach: tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class WaysPage:
    """View-model of the page.

    Attributes:
        drawn: anchors of the ways that have pictures below.
        rejected: approach, and its reasons with how many candidates fell to each, most first.
    """

    program: str
    case: str
    title: str
    use: str
    date: str
    banners: tuple[str, ...]
    rows: tuple[WayRow, ...]
    space: Picture | None
    details: tuple[WayDetail, ...]
    drawn: frozenset[str]
    rejected: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    warnings: tuple[str, ...]
    credits: tuple[str, ...]


def render_ways(result: WaysResult) -> str:
    """The page as HTML that loads nothing; whatever a user typed is escaped."""
    return filled("ways.html.j2", page=ways_page(result))


def ways_page(result: WaysResult) -> WaysPage:
    """Everything that the page shows; ways that fit stand first."""
    anatomy, devices = result.anatomy, result.devices
    scenery = Scenery.of(result.case.ct, anatomy, stamps_of(result.case, anatomy))
    ways = sorted(result.ways, key=lambda way: not way.ok)
    details = tuple(_detail(scenery, way, devices) for way in _drawn(ways))
    return WaysPage(
        program=f"osteoplan {result.stamp.program}",
        case=result.case.id,
        title=f"Ways into {anatomy.level}, lesion {anatomy.lesion.id}",
        use=INTENDED_USE,
        date=result.stamp.created[:10],
        banners=tuple(_banners(result)),
        rows=tuple(_row(way, devices) for way in ways),
        space=_in_space(scenery, ways),
        details=details,
        drawn=frozenset(detail.row.anchor for detail in details),
        rejected=tuple(
            (name_of(approach), tuple(sorted(reasons.items(), key=lambda one: -one[1])))
            for approach, reasons in result.rejected.items()
            if reasons
        ),
        warnings=result.warnings,
        credits=result.credits or result.case.credits,
    )


def _banners(result: WaysResult) -> list[str]:
    """What must be read first."""
    found = list(result.anatomy.coarse)
    if result.anatomy.is_vertebra and not result.anatomy.lesion.level_confirmed:
        found.insert(0, f"Level {result.anatomy.level} is NOT confirmed: nobody has counted it.")
    unchecked = sorted({name for way in result.ways if way.ok for name in way.unchecked})
    if unchecked:
        names = ", ".join(name_of(name) for name in unchecked)
        found.append(f"Unchecked against {names}: not labelled here, so no way is known to be clear of it.")
    return found


def _row(way: Trajectory, devices: Mapping[str, Device]) -> WayRow:
    measures = way.measures
    gap = way.gaps[0] if way.gaps else None
    nearest = ""
    if gap is not None:
        derived = ", derived" if gap.derived else ""
        nearest = f"{_gap_name(gap.structure, gap.kind)}{derived}: {_mm(gap.gap_mm)} mm"
    return WayRow(
        anchor=way.id,
        name=way.name,
        kind=way.kind,
        fits=way.ok,
        length=_said(measures, "length_mm", "mm"),
        in_plane=_said(measures, "in_plane_deg", "°"),
        cranio_caudal=_said(measures, "cranio_caudal_deg", "°"),
        skin=_said(measures, "skin_angle_deg", "°"),
        nearest=nearest,
        breach="" if way.budget is None else _breach(way.budget),
        width=_said(measures, "width_mm", "mm", 1),
        devices=_devices(way, devices),
        unchecked=tuple(name_of(name) for name in way.unchecked),
        reasons=way.reasons,
    )


def _said(measures: Mapping[str, float], name: str, unit: str, digits: int = 0) -> str:
    if name not in measures:
        return ""
    value = f"{measures[name]:.{digits}f}".replace("-", "−")
    return f"{value}{'' if unit == '°' else ' '}{unit}"


def _mm(value: float) -> str:
    return f"{value + 0.0:.1f}".replace("-", "−")


def _gap_name(structure: str, kind: str) -> str:
    return WORDS["wall"] if kind == "wall" else name_of(structure)


def _breach(budget: ErrorBudget) -> str:
    """Probability of touching anything, else of the likeliest, with whose error it is."""
    if not budget.breach:
        return ""
    name = "any" if "any" in budget.breach else max(budget.breach, key=lambda kind: budget.breach[kind])
    what = "" if name == "any" else f"{WORDS.get(name, name_of(name))} "
    return f"{what}{_per_cent(budget.breach[name])} ({name_of(budget.guidance)})"


def _per_cent(share: float) -> str:
    return f"{number(100.0 * share)} %"


def _devices(way: Trajectory, devices: Mapping[str, Device]) -> str:
    """Screws that fit, or the needle that it was measured with."""
    ids = way.fits or ((way.device,) if way.device else ())
    return ", ".join(devices[id].name if id in devices else name_of(id) for id in ids)


def _drawn(ways: Sequence[Trajectory]) -> list[Trajectory]:
    """Trajectories with pictures: corridors, and of each needle search the most robust or the nearest miss.

    The others stand in the table and in ``ways.json``; ten pictures each would hide what differs.
    """
    taken: Counter[tuple[str, str]] = Counter()
    found = []
    for way in ways:
        search = way.approach, way.side
        if way.kind == "needle" and taken[search] >= _DRAWN_PER_SEARCH:
            continue
        taken[search] += 1
        found.append(way)
    return found


def _detail(scenery: Scenery, way: Trajectory, devices: Mapping[str, Device]) -> WayDetail:
    return WayDetail(
        row=_row(way, devices),
        pictures=way_pictures(scenery, way, width=_WIDTH),
        profile=profile_chart(way),
        gaps=tuple(
            GapRow(
                structure=_gap_name(gap.structure, gap.kind),
                kind=WORDS.get(gap.kind, name_of(gap.kind)),
                gap=_mm(gap.gap_mm),
                needed=_mm(gap.needed_mm),
                short=gap.gap_mm < gap.needed_mm,
                derived=gap.derived,
            )
            for gap in way.gaps
        ),
        budget=() if way.budget is None else tuple(_budget(way.budget)),
        reach=tuple((name_of(guidance), words) for guidance, words in way.reach.items()),
    )


def _budget(budget: ErrorBudget) -> list[str]:
    """What the placement error does, in sentences."""
    found = [
        f"{name_of(budget.guidance)}, nobody corrects it: strays {budget.lateral_sd_mm:.1f} mm and "
        f"{budget.angle_sd_deg:.1f}° (sd), {plain(budget.draws)} draws"
    ]
    found += [
        f"touches {'anything' if kind == 'any' else WORDS.get(kind, name_of(kind))}: {_per_cent(share)}"
        for kind, share in budget.breach.items()
    ]
    if budget.grades:
        grades = ", ".join(f"{grade} {_per_cent(share)}" for grade, share in budget.grades.items())
        found.append(f"grades ({budget.scale}): {grades}")
    found += [
        f"gap to {WORDS.get(kind, name_of(kind))}: {_mm(middle)} mm ({_mm(low)} to {_mm(high)}, 5th to 95th)"
        for kind, (low, middle, high) in budget.gap_mm.items()
    ]
    return found


def _in_space(scenery: Scenery, ways: list[Trajectory]) -> Picture | None:
    """The bone with every trajectory that fits."""
    rods = tuple(rod_of_way(way) for way in ways if way.ok and way.entry_mm and way.target_mm)
    return scene(scenery, width=_SPACE_WIDTH, rods=rods) if rods else None
