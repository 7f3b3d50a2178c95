"""All pictures of the report: three for the first page, cuts along the ways that are open, strain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from matplotlib import colormaps
from scipy.spatial import cKDTree

from osteoplan.arrays import F64
from osteoplan.model.field import Field
from osteoplan.model.heat import STILL_K, HeatMoment, HeatRecord
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Option, Place
from osteoplan.model.result import PlanResult
from osteoplan.report.drawing.boundary_conditions import boundary_uri
from osteoplan.report.drawing.heat import clock_chart, farthest, isotherms, margins, middle_of, reaches_edge
from osteoplan.report.drawing.pictures import (
    BONE_WINDOW,
    DrawnRod,
    Picture,
    Scenery,
    Stroke,
    along_needle,
    at_plane,
    in_short,
    rods_of,
    stamps_of,
    strain_map,
    strain_top,
)
from osteoplan.report.drawing.plane import Cut, Plane, along, cuts_along, fit, widened
from osteoplan.report.drawing.surface import MARGIN_MM, margin_colours
from osteoplan.report.places import angles, midline
from osteoplan.report.plan.heat import clock_key, delivered, heat_notes, heat_title
from osteoplan.report.plan.meeting import best_option
from osteoplan.report.plan.nouns import ColourBar, Drawings, Headed, HeatPage, Linked, StrainPage
from osteoplan.report.plan.rows import breach_of, chosen, in_order, near_to
from osteoplan.report.plan.uncertainty import rigidity_chart, tornado_chart
from osteoplan.report.rendering import data_uri
from osteoplan.report.words import name_of, number

__all__ = ["draw", "drawn_from", "heat_page", "strain_page"]

_WIDTH, _ASPECT = 240.0, 1.62  # of a picture of the first page: its width in CSS pixels, width over height
_ALONG, _STRAIN, _HEAT = 244.0, 165.0, 200.0
_PIXEL_MM = 0.4
_CLOSE_MM = 22.0  # margin around two points that are close
_WAYS = 3  # rows of the first page whose ways are drawn in the appendix
_AROUND_MM = 25.0  # bone around the lesion
_STEP_MM = 0.5
_MOMENTS = 3  # of a delivery that are drawn


def draw(result: PlanResult) -> Drawings:
    """All pictures of a result."""
    case, anatomy = result.reading.case, result.reading.anatomy
    scenery = Scenery.of(case.ct, anatomy, stamps_of(case, anatomy))
    meeting = tuple(_meeting(scenery, result))
    open_, _ = chosen(in_order(result))
    plans = [one.plan for one in open_ if one.plan is not None]
    followed = plans[:_WAYS]
    heat = {
        option.id: tuple(heat_page(scenery, result, option, record) for record in records)
        for option in plans
        if (records := result.simulations.heat.get(option.id))
    }
    return Drawings(
        meeting=meeting,
        legend=in_short([entry for one in meeting for entry in one.picture.legend]),
        ways={option.id: _along(scenery, result, option) for option in followed},
        strain=strain_page(scenery, result),
        heat=heat,
        charts={
            **{s.title: boundary_uri(anatomy, s) for s in result.simulations.boundary_summaries},
            **{t.title: tornado_chart(t) for t in result.tornadoes},
            **{r.now.segment: rigidity_chart(r) for r in result.rigidity},
            **{clock_key(id, one.title): one.clock for id, own in heat.items() for one in own},
        },
    )


def drawn_from(result: PlanResult) -> tuple[object, ...]:
    """All that the pictures depend on, beside the images and the settings of the simulation."""
    case, anatomy, simulated = result.reading.case, result.reading.anatomy, result.simulations
    open_, _ = chosen(in_order(result))
    best = best_option(result)
    return (
        stamps_of(case, anatomy), anatomy.calibration, result.reading.findings.value("axes_mm"),
        "" if best is None else best.id, [one.plan.plan for one in open_ if one.plan is not None],
        result.wordings.devices, simulated.boundary_summaries, result.tornadoes, result.rigidity,
    )  # fmt: skip


def _meeting(scenery: Scenery, result: PlanResult) -> Iterator[Headed]:
    """The lesion alone; the best way; where it comes closest.  Without a way three cuts of the lesion."""
    best = best_option(result)
    lesion_mm = scenery.anatomy.image.positions_mm(np.argwhere(scenery.anatomy.lesion_mask))
    bare, level = scenery.with_lesion_alone(), scenery.anatomy.level
    cuts: tuple[Cut, ...] = ("axial",) if best is not None else ("axial", "sagittal", "coronal")
    for cut in cuts:
        plane = fit(cut, level, scenery.lesion_centre_mm, lesion_mm, margin_mm=_AROUND_MM, pixel_mm=_PIXEL_MM)
        words = ", ".join(
            filter(None, [scenery.anatomy.lesion.matrix, str(result.reading.findings.value("axes_mm") or "")])
        )
        head = f"lesion: {words}{' mm' if 'x' in words else ''}" if cut == "axial" else ""
        yield Headed(Linked(head, "findings"), _picture(bare if best is not None else scenery, plane))
    if best is None:
        return
    rods = rods_of(best.plan, result.wordings.devices)
    cement = _field(result, best.id, "cement_fraction")
    if rods:
        plane = _way_plane(scenery, rods)
        yield Headed(
            Linked(f"{best.plan.short_title}: {_way_words(result, best)}", f"option-{best.id}"),
            _picture(scenery, plane, rods, cement),
        )
    closest = _closest(scenery, result, best, rods)
    if closest is not None:
        yield closest


def _picture(
    scenery: Scenery, plane: Plane, rods: Sequence[DrawnRod] = (), cement: Field | None = None
) -> Picture:
    return at_plane(
        scenery, widened(plane, _ASPECT), window=BONE_WINDOW, width=_WIDTH, rods=rods, cement=cement
    )


def _way_plane(scenery: Scenery, rods: Sequence[DrawnRod]) -> Plane:
    """The cut that holds the first device and leans least; entry and bone are on it."""
    rod = rods[0]
    corners = np.stack([scenery.bone_mm.min(axis=0), scenery.bone_mm.max(axis=0)])
    hold = np.concatenate([corners, *[np.stack([each.entry_mm, each.tip_mm]) for each in rods]])
    cut = cuts_along(rod.tip_mm - rod.entry_mm)[0]
    return along(
        f"the {rod.kind}", rod.entry_mm, rod.tip_mm, hold, cut=cut, margin_mm=8.0, pixel_mm=_PIXEL_MM
    )


def _way_words(result: PlanResult, option: Option) -> str:
    """Entry, the two angles and the depth of the first device."""
    act = next(step.act for step in option.plan.steps if isinstance(step.act, Place))
    seen = angles(act.entry_mm, act.target_mm)
    middle = midline(result.reading.case, result.reading.anatomy, act.entry_mm, lambda _: None)
    entry = "" if middle is None else f"entry {abs(middle.offset_mm):.0f} mm {middle.side} of the midline, "
    tilt = f"{seen.cranio_caudal_deg:.0f}° to the {seen.points_to or 'table'}"
    depth = float(np.linalg.norm(np.subtract(act.target_mm, act.entry_mm)))
    return f"{entry}{seen.in_plane_deg:.0f}° in plane, {tilt}, {depth:.0f} mm deep"


def _closest(scenery: Scenery, result: PlanResult, option: Option, rods: Sequence[DrawnRod]) -> Headed | None:
    """The axial slice where a way comes closest to what it must keep clear of, with the gap drawn."""
    gaps = [e for e in option.plan.clearances if e.id == "clearance_mm"]
    if not gaps or not rods:
        return None
    least = min(gaps, key=lambda e: e.value)
    ends = _gap_ends(scenery, least, rods)
    if ends is None:
        return None
    plane = fit(
        "axial", scenery.anatomy.level, ends.mean(axis=0), ends, margin_mm=_CLOSE_MM, pixel_mm=_PIXEL_MM / 2
    )
    picture = _picture(scenery, plane, rods)
    plane = widened(plane, _ASPECT)
    (x0, y0), (x1, y1) = ((plane.pixel(ends) + 0.5) * (_WIDTH / plane.cols)).tolist()
    gap = Stroke(f"M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}", "#FFFFFF", width=1.2)
    name, breach = near_to(least), breach_of(option)
    of = f" ({breach[1]})" if breach and breach[1] else ""
    chance = "" if breach is None else f"; breach {number(100.0 * breach[0])} %{of}"
    head = f"closest: {name} {number(least.value, 'mm')}{chance}"
    return Headed(Linked(head, f"option-{option.id}"), replace(picture, outlines=(*picture.outlines, gap)))


def _gap_ends(scenery: Scenery, gap: Estimate, rods: Sequence[DrawnRod]) -> F64 | None:
    """(2, 3) nearest points [LPS mm] of a structure and of the devices' axes; None where it has no voxel."""
    words = set(near_to(gap).split())
    structure = next(
        (s for s in scenery.anatomy.structures if set(s.name.replace("_", " ").split()) == words), None
    )
    if structure is None or not structure.mask.any():
        return None
    voxels = scenery.anatomy.image.positions_mm(np.argwhere(structure.mask))
    points = np.concatenate(
        [
            rod.entry_mm
            + np.arange(0.0, 1.0, _STEP_MM / np.linalg.norm(rod.tip_mm - rod.entry_mm))[:, None]
            * (rod.tip_mm - rod.entry_mm)
            for rod in rods
        ]
    )
    away, index = cKDTree(voxels).query(points)
    at = int(np.argmin(away))
    return np.stack([points[at], voxels[int(index[at])]])


def _along(scenery: Scenery, result: PlanResult, option: Option) -> tuple[Picture, ...]:
    """Along the first device, twice."""
    cement = _field(result, option.id, "cement_fraction")
    return tuple(
        along_needle(scenery, rod, cut=cut, window=BONE_WINDOW, width=_ALONG, cement=cement)
        for rod in rods_of(option.plan, result.wordings.devices)[:1]
        for cut in cuts_along(rod.tip_mm - rod.entry_mm)[:2]
    )


def strain_page(scenery: Scenery, result: PlanResult) -> StrainPage | None:
    """Strain intact, now and after the best of every technique, on one range; None where there is none."""
    open_, _ = chosen(in_order(result))
    titles = {"intact": "intact", "now": "now, untreated"}
    titles |= {one.plan.id: one.plan.plan.short_title for one in open_ if one.plan is not None}
    fields = {state: f for state in titles if (f := _field(result, state, "effective_strain")) is not None}
    if not fields:
        return None
    if not result.reading.anatomy.calibration.calibrated:
        scenery = replace(scenery, stamps=(*scenery.stamps, "uncalibrated"))
    top = strain_top(scenery, tuple(fields.values()))
    cuts: tuple[Cut, Cut] = ("sagittal", "coronal")
    return StrainPage(
        bar=_bar(top),
        states=tuple(
            (
                titles[state],
                tuple(
                    _bare(
                        strain_map(
                            scenery, field, cut=cut, top=top, width=_STRAIN,
                            cement=_field(result, state, "cement_fraction"),
                        ),
                        f"{scenery.anatomy.level}, ",
                    )
                    for cut in cuts
                ),
            )
            for state, field in fields.items()
        ),
        because=tuple(dict.fromkeys(field.because for field in fields.values() if field.because)),
    )  # fmt: skip


def heat_page(scenery: Scenery, result: PlanResult, option: Option, record: HeatRecord) -> HeatPage:
    """A delivery: isotherms of the extremes, of the moments of structures, of the end; then the rest."""
    act, devices = delivered(option, record), result.wordings.devices
    rods = rods_of(option.plan, devices)
    drawn, left = _moments(record)
    peaks = {one.structure: one for one in record.peaks}
    farthest_mm, most = middle_of(record, act.at_mm), record.coldest if record.cold else record.hottest
    side = "lowest" if record.cold else "highest"
    cuts = [(f"of the {side} temperature that every place reached", farthest_mm, most, "")]
    for one in drawn:
        told = f"when the {name_of(one.structure)} was {_extreme(record)}, {one.time_s / 60.0:.1f} min"
        peak = peaks[one.structure]
        cuts.append((told, peak.at_mm, one.degC, number(peak.degC, "degC")))
    if reaches_edge(record, record.end):
        cuts.append(("at the end, when what was watched had turned back", farthest_mm, record.end, ""))
    return HeatPage(
        title=heat_title(option, record, devices),
        cuts=tuple(
            (said, isotherms(scenery, record, degC, at, width=_HEAT, rods=rods, named=named))
            for said, at, degC, named in cuts
        ),
        clock=clock_chart(record) if record.clock.names else "",
        margins=tuple(
            (name.replace("degC", "°C"), margins(scenery, record, name, width=_STRAIN))
            for name in record.lethal
        ),
        bar=_margin_bar(),
        notes=(*(_moment_words(record, one) for one in left), *heat_notes(record)),
    )  # fmt: skip


def _extreme(record: HeatRecord) -> str:
    return "coldest" if record.cold else "hottest"


def _moments(record: HeatRecord) -> tuple[list[HeatMoment], list[HeatMoment]]:
    """Moments of the structures that strayed, those that strayed most first: drawn, and told in words."""
    rank = {record.clock.names[n]: place for place, n in enumerate(farthest(record.clock, least_K=STILL_K))}
    found = sorted((one for one in record.moments if one.structure in rank), key=lambda m: rank[m.structure])
    return found[:_MOMENTS], found[_MOMENTS:]


def _moment_words(record: HeatRecord, moment: HeatMoment) -> str:
    """A moment that is not drawn: how far the structure went, and when."""
    (peak,) = (one for one in record.peaks if one.structure == moment.structure)
    return (
        f"{name_of(moment.structure)}, not drawn: {_extreme(record)} {number(peak.degC, 'degC')} "
        f"after {moment.time_s / 60.0:.1f} min"
    )


def _margin_bar() -> ColourBar:
    """The map of margins, with its zero where the edge of what is dead lies on the lesion's surface."""
    ramp = 255.0 * margin_colours(np.linspace(-MARGIN_MM, MARGIN_MM, 256))[None]
    ticks = tuple(
        (25.0 * n, f"{MARGIN_MM * (n / 2.0 - 1.0):+.0f}".replace("-", "−").replace("+0", "0"))
        for n in range(5)
    )
    return ColourBar(data_uri(np.repeat(ramp, 2, axis=0).astype(np.uint8)), ticks, "margin, mm")


def _bare(picture: Picture, level: str) -> Picture:
    """The same without the level in its title, for which a small picture has no room."""
    return replace(picture, title=picture.title.replace(level, ""))


def _bar(top: float) -> ColourBar:
    """The magma ramp from 0 to the top, in per cent strain."""
    ramp = 255.0 * colormaps["magma"](np.linspace(0.0, 1.0, 256))[None, :, :3]
    ticks = tuple((25.0 * n, number(25.0 * n * top)) for n in range(5))
    return ColourBar(data_uri(np.repeat(ramp, 2, axis=0).astype(np.uint8)), ticks, "effective strain, %")


def _field(result: PlanResult, state: str, quantity: str) -> Field | None:
    return next((f for f in result.simulations.fields.get(state, ()) if f.quantity == quantity), None)
