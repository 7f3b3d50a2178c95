"""The report: one HTML file that loads nothing, prints on A4 and says *research use only* on every page.

page = render(result)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from matplotlib import colormaps

from osteoplan.model.field import Field
from osteoplan.model.plan import Option
from osteoplan.model.result import PlanResult
from osteoplan.report.drawing.pictures import (
    BONE_WINDOW,
    SOFT_WINDOW,
    DrawnRod,
    Picture,
    Scenery,
    along_needle,
    rods_of,
    slices,
    stamps_of,
    strain_map,
    strain_top,
)
from osteoplan.report.drawing.plane import Cut, cuts_along
from osteoplan.report.drawing.projection import frame_pictures
from osteoplan.report.drawing.surface import scene
from osteoplan.report.facts_in_words import SECTION_TITLES
from osteoplan.report.plan import clinical
from osteoplan.report.plan.nouns import ColourBar, Drawings, PlanPage, StrainPage, cites
from osteoplan.report.plan.options import act_words, mark_of
from osteoplan.report.plan.page_view import page_view
from osteoplan.report.rendering import data_uri, filled
from osteoplan.report.words import link_of, number, tag

__all__ = ["best_option", "draw", "html", "render", "strain_page"]

_THUMB, _LARGE, _MIDDLE, _SMALL = 270.0, 380.0, 260.0, 210.0


def render(result: PlanResult) -> str:
    """The report of one plan, as HTML."""
    return html(page_view(result, draw(result)))


def html(page: PlanPage) -> str:
    """The page as HTML; whatever a user typed is escaped."""
    return filled(
        "report.html.j2",
        page=page, result=page.result, cites=partial(cites, page.result), act_words=act_words, tag_of=tag,
        link_of=link_of, marks=clinical.MARKS, section_titles=SECTION_TITLES,
        **{name: getattr(clinical, name) for name in clinical.__all__ if name.endswith("_words")},
    )  # fmt: skip


def draw(result: PlanResult) -> Drawings:
    """All pictures of a result."""
    devices = result.wordings.devices
    scenery = Scenery.of(
        result.reading.case.ct, result.reading.anatomy, stamps_of(result.reading.case, result.reading.anatomy)
    )
    best = best_option(result)
    rods = () if best is None else rods_of(best.plan, devices)
    cement = None if best is None else _field(result, best.id, "cement_fraction")
    return Drawings(
        planes=slices(scenery, window=BONE_WINDOW, width=_THUMB, margin_mm=15.0, rods=rods, cement=cement),
        scene=scene(scenery, width=_THUMB, rods=rods, cement=cement),
        shown=""
        if best is None
        else f"drawn with option 1, {best.plan.title}; thin line: path projected onto the slice",
        bone=slices(scenery, window=BONE_WINDOW, width=_LARGE),
        soft=slices(scenery, window=SOFT_WINDOW, width=_LARGE),
        options={
            o.id: _option(scenery, result, o, rods_of(o.plan, devices)) for o in result.simulations.options
        },
        strain=strain_page(scenery, result),
        frames=_frames(result),
    )


def _frames(result: PlanResult) -> tuple[Picture, ...]:
    """The bone with its axes and landmarks."""
    anatomy = result.reading.anatomy
    frames = tuple(anatomy.frames.values()) or (anatomy.frame,)
    return frame_pictures(
        anatomy.image,
        anatomy.bone_mask,
        frames,
        anatomy.level,
        width=_LARGE,
        stamps=stamps_of(result.reading.case, result.reading.anatomy),
    )


def best_option(result: PlanResult) -> Option | None:
    """The option that the first page draws: the first of the ranking, none where there is no ranking."""
    return next((o for o in result.simulations.options if o.id in result.comparison.ranking[:1]), None)


def _option(
    scenery: Scenery, result: PlanResult, option: Option, rods: Sequence[DrawnRod]
) -> tuple[Picture, ...]:
    """Along every needle twice, and once in three dimensions; nothing for an option without a path."""
    if not rods:
        return ()
    cement = _field(result, option.id, "cement_fraction")
    pictures = [
        along_needle(scenery, rod, cut=cut, window=BONE_WINDOW, width=_MIDDLE, cement=cement)
        for rod in rods
        for cut in cuts_along(rod.tip_mm - rod.entry_mm)[:2]
    ]
    return (*pictures, scene(scenery, width=_MIDDLE, rods=rods, cement=cement))


def strain_page(scenery: Scenery, result: PlanResult) -> StrainPage | None:
    """Strain intact, now and after every option that has it, on one range; None where there is none."""
    titles = {"intact": "intact", "now": "now, untreated"}
    titles |= {o.id: f"{mark_of(result, o)}  {o.plan.title}" for o in result.simulations.options}
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
                    strain_map(
                        scenery, field, cut=cut, top=top, width=_SMALL,
                        cement=_field(result, state, "cement_fraction"),
                    )
                    for cut in cuts
                ),
            )
            for state, field in fields.items()
        ),
        because=tuple(dict.fromkeys(field.because for field in fields.values() if field.because)),
    )  # fmt: skip


def _bar(top: float) -> ColourBar:
    """The magma ramp from 0 to the top, in per cent strain."""
    ramp = 255.0 * colormaps["magma"](np.linspace(0.0, 1.0, 256))[None, :, :3]
    ticks = tuple((25.0 * n, number(25.0 * n * top)) for n in range(5))
    return ColourBar(data_uri(np.repeat(ramp, 2, axis=0).astype(np.uint8)), ticks, "effective strain, %")


def _field(result: PlanResult, state: str, quantity: str) -> Field | None:
    return next((f for f in result.simulations.fields.get(state, ()) if f.quantity == quantity), None)
