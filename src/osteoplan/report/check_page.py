"""The check page: what was read, drawn and measured, for a person to approve before anything is planned.

page = render_check(checked)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from osteoplan.model.checked import Checked, Level, Need
from osteoplan.report.page_view import calibration_words, finding_line
from osteoplan.report.pictures import BONE_WINDOW, SOFT_WINDOW, Picture, Scenery, slices, stamps_of
from osteoplan.report.projection import frame_pictures, projected
from osteoplan.report.rendering import filled
from osteoplan.report.views import INTENDED_USE, Line
from osteoplan.report.words import name_of

__all__ = ["CheckPage", "check_page", "render_check"]

_LARGE, _MIDDLE = 380.0, 420.0
_SPINE_PIXEL_MM = 1.5


@dataclass(frozen=True, eq=False)
class CheckPage:
    """View-model of the page.

    Attributes:
        levels: the spine from the front with the names of the label map, to be counted.
        bone, soft: bone, lesion and structures in two windows, to be approved.
        frames: the bone with its axes and landmarks.
    """

    program: str
    case: str
    title: str
    use: str
    banners: tuple[str, ...]
    read: tuple[str, ...]
    needs: tuple[Need, ...]
    warnings: tuple[str, ...]
    questions: tuple[str, ...]
    count: tuple[str, ...]
    rows: tuple[tuple[str, str, str], ...]
    levels: Picture | None
    bone: tuple[Picture, ...]
    soft: tuple[Picture, ...]
    frames: tuple[Picture, ...]
    lengths: tuple[Line, ...]
    calibration: tuple[Line, ...]
    findings: tuple[Line, ...]
    credits: tuple[str, ...]


def render_check(checked: Checked) -> str:
    """The page as HTML that loads nothing; whatever a user typed is escaped."""
    return filled("check.html.j2", page=check_page(checked))


def check_page(checked: Checked) -> CheckPage:
    """Everything that the page shows."""
    scenery: Scenery | None = None
    stamps: tuple[str, ...] = ()
    if checked.case is not None and checked.anatomy is not None:
        stamps = stamps_of(checked.case, checked.anatomy)
        scenery = Scenery.of(checked.case.ct, checked.anatomy, stamps).with_bone()
    return CheckPage(
        program=f"osteoplan {checked.program}",
        case=checked.id,
        title=_title(checked),
        use=INTENDED_USE,
        banners=_banners(checked),
        read=checked.read,
        needs=checked.needs,
        warnings=checked.warnings,
        questions=checked.questions,
        count=checked.count,
        rows=tuple(
            (
                _short(level),
                ", ".join(map(name_of, level.ribs)) or "-",
                "whole" if level.whole else "cut",
            )
            for level in checked.levels
        ),
        levels=_levels(checked, stamps),
        bone=() if scenery is None else slices(scenery, window=BONE_WINDOW, width=_LARGE),
        soft=() if scenery is None else slices(scenery, window=SOFT_WINDOW, width=_LARGE),
        frames=_frames(checked, stamps),
        lengths=_lengths(checked),
        calibration=_calibration(checked),
        findings=tuple(finding_line(found, checked.labels) for found in checked.findings),
        credits=() if checked.case is None else checked.case.credits,
    )


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
    return tuple(found)


def _levels(checked: Checked, stamps: tuple[str, ...]) -> Picture | None:
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
