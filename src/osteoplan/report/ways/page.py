"""The page of ways: every trajectory into one lesion in a table, its pictures, and what was rejected and why.

page = render_ways(result)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from osteoplan.model.device import Device
from osteoplan.model.trajectory import ErrorBudget, Gap, Trajectory, WaysResult
from osteoplan.report.drawing.pictures import Picture, Scenery, stamps_of
from osteoplan.report.drawing.surface import scene
from osteoplan.report.rendering import filled
from osteoplan.report.views import INTENDED_USE
from osteoplan.report.ways.pictures import rod_of_way, way_pictures
from osteoplan.report.ways.profile import WORDS, profile_chart
from osteoplan.report.words import name_of, names_of, number, plain

__all__ = ["render_ways"]

_WIDTH, _SPACE_WIDTH = 300.0, 420.0
_DRAWN_PER_SEARCH = 1  # needle ways of one search that get pictures


def render_ways(result: WaysResult) -> str:
    """The page as HTML that loads nothing, ways that fit first; whatever a user typed is escaped."""
    scenery = Scenery.of(result.case.ct, result.anatomy, stamps_of(result.case, result.anatomy))
    ways = sorted(result.ways, key=lambda way: not way.ok)
    return filled(
        "ways.html.j2",
        result=result, use=INTENDED_USE, ways=ways, drawn=_drawn(ways), banners=_banners(result),
        space=_in_space(scenery, ways), pictures_of=partial(way_pictures, scenery, width=_WIDTH),
        profile_chart=profile_chart, budget_words=_budget, breach_words=_breach, measured=_measured, mm=_mm,
        gap_name=_gap_name, devices_of=partial(_devices, result.devices), name_of=name_of, names_of=names_of,
    )  # fmt: skip


def _banners(result: WaysResult) -> list[str]:
    """What must be read first."""
    found = [*result.anatomy.alerts, *result.anatomy.coarse]
    if result.anatomy.is_vertebra and not result.anatomy.lesion.level_confirmed:
        found.insert(0, f"Level {result.anatomy.level} is NOT confirmed: nobody has counted it.")
    unchecked = sorted({name for way in result.ways if way.ok for name in way.unchecked})
    if unchecked:
        found.append(
            f"Unchecked against {names_of(unchecked)}: not labelled here, so no way is known to be clear of "
            "it."
        )
    return found


def _measured(way: Trajectory, name: str, unit: str, digits: int = 0) -> str:
    """A measure in words; empty where nobody knows it."""
    if name not in way.measures:
        return ""
    value = f"{way.measures[name]:.{digits}f}".replace("-", "−")
    return f"{value}{'' if unit == '°' else ' '}{unit}"


def _mm(value: float) -> str:
    return f"{value + 0.0:.1f}".replace("-", "−")


def _gap_name(gap: Gap) -> str:
    return WORDS["wall"] if gap.kind == "wall" else name_of(gap.structure)


def _breach(budget: ErrorBudget) -> str:
    """Probability of touching anything, else of the likeliest, with whose error it is."""
    if not budget.breach:
        return ""
    name = "any" if "any" in budget.breach else max(budget.breach, key=lambda kind: budget.breach[kind])
    what = "" if name == "any" else f"{WORDS.get(name, name_of(name))} "
    return f"{what}{_per_cent(budget.breach[name])} ({name_of(budget.guidance)})"


def _per_cent(share: float) -> str:
    return f"{number(100.0 * share)} %"


def _devices(devices: Mapping[str, Device], way: Trajectory) -> str:
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
