"""The check page: what was read, drawn and measured, for a person to approve before anything is planned.

page = render_check(checked)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from osteoplan.model.checked import Checked, Level
from osteoplan.report.page_view import calibration_words, finding_line
from osteoplan.report.pictures import BONE_WINDOW, SOFT_WINDOW, Picture, Scenery, slices, stamps_of
from osteoplan.report.projection import frame_pictures, projected
from osteoplan.report.rendering import filled
from osteoplan.report.views import INTENDED_USE, Line
from osteoplan.report.words import name_of, names_of

__all__ = ["render_check"]

_LARGE, _MIDDLE = 380.0, 420.0
_SPINE_PIXEL_MM = 1.5


def render_check(checked: Checked) -> str:
    """The page as HTML that loads nothing; whatever a user typed is escaped.

    The spine from the front is there to be counted, bone, lesion and structures in two windows and the axes
    of the bone to be approved.
    """
    case, anatomy = checked.case, checked.anatomy
    stamps = () if case is None or anatomy is None else stamps_of(case, anatomy)
    bone: Sequence[Picture] = ()
    soft: Sequence[Picture] = ()
    if case is not None and anatomy is not None:
        scenery = Scenery.of(case.ct, anatomy, stamps).with_bone()
        bone, soft = (slices(scenery, window=window, width=_LARGE) for window in (BONE_WINDOW, SOFT_WINDOW))
    return filled(
        "check.html.j2",
        checked=checked, use=INTENDED_USE, title=_title(checked), banners=_banners(checked), bone=bone,
        soft=soft, spine=_spine(checked, stamps), frames=_frames(checked, stamps), lengths=_lengths(checked),
        calibration=_calibration(checked), credits=() if case is None else case.credits,
        findings=tuple(finding_line(found, checked.labels) for found in checked.findings),
        short=_short, names_of=names_of,
    )  # fmt: skip


def _title(checked: Checked) -> str:
    if checked.anatomy is None:
        return "not complete: no plan can be made yet"
    lesion = checked.anatomy.lesion
    return f"{checked.anatomy.level}, lesion {lesion.id}, {lesion.side}, {lesion.matrix or 'matrix unknown'}"


def _banners(checked: Checked) -> tuple[str, ...]:
    """What must be read first."""
    found = [
        f"{need.purpose}: {need.what}. {need.todo}" for need in checked.needs if need.state == "unconfirmed"
    ]
    if checked.case is not None and checked.case.phantom:
        found.insert(0, "Generated phantom: these images are not a patient.")
    return (*found, *(() if checked.anatomy is None else checked.anatomy.alerts))


def _spine(checked: Checked, stamps: tuple[str, ...]) -> Picture | None:
    """The spine from the front, every labelled level named at its centre."""
    if checked.case is None or not checked.levels:
        return None
    labels = checked.case.label_map
    assert labels is not None, "levels come from labels"
    shown = [name for name in labels.present() if name.startswith(("vertebrae", "rib", "sacrum"))]
    points = {_short(level): level.centre_mm for level in checked.levels}
    picture, _ = projected(
        checked.case.ct, labels.any_of(shown), "coronal", "spine as labelled (NOT counted by a person)",
        width=_MIDDLE, pixel_mm=_SPINE_PIXEL_MM, points_mm=points, stamps=stamps,
    )  # fmt: skip
    return picture


def _short(level: Level) -> str:
    return level.name.removeprefix("vertebrae_")


def _frames(checked: Checked, stamps: tuple[str, ...]) -> tuple[Picture, ...]:
    if checked.case is None or checked.anatomy is None or not checked.anatomy.frames:
        return ()
    anatomy = checked.anatomy
    return frame_pictures(
        anatomy.image,
        anatomy.bone_mask,
        tuple(anatomy.frames.values()),
        anatomy.level,
        width=_MIDDLE,
        stamps=stamps,
    )


def _lengths(checked: Checked) -> tuple[Line, ...]:
    """Lengths and angles of the frames."""
    if checked.anatomy is None:
        return ()
    return tuple(
        Line(f"{name_of(kind)}: {name_of(name)}", f"{length:.1f}")
        for kind, frame in checked.anatomy.frames.items()
        for name, length in frame.lengths_mm.items()
        if np.isfinite(length)
    )


def _calibration(checked: Checked) -> tuple[Line, ...]:
    """What density rests on: the equation, then every region that was used."""
    if checked.anatomy is None:
        return ()
    calibration = checked.anatomy.calibration
    lines = [Line(calibration.kind, calibration_words(calibration))]
    for point in calibration.points:
        reference = "" if point.reference is None else f", known: {point.reference:g} {point.unit}"
        left_out = "" if point.used else f", left out: {point.note}"
        text = f"{point.mean_HU:.0f} ± {point.sd_HU:.0f} HU{reference}{left_out}"
        lines.append(Line(name_of(point.name), text, note=f"{point.voxels} voxels"))
    return tuple(lines)
