"""The check page: what was read, drawn and measured, for a person to approve before anything is planned.

page = render_check(checked)
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from osteoplan.arrays import F64
from osteoplan.model.checked import Checked, Level
from osteoplan.model.volume import Volume
from osteoplan.report.drawing.pictures import BONE_WINDOW, SOFT_WINDOW, Picture, Scenery, slices, stamps_of
from osteoplan.report.drawing.projection import frame_pictures, projected
from osteoplan.report.drawing.stack import DrawnMask, stack
from osteoplan.report.facts_in_words import calibration_words, finding_line
from osteoplan.report.rendering import filled, hash_of, source
from osteoplan.report.views import INTENDED_USE, Line
from osteoplan.report.words import name_of, names_of

__all__ = ["render_check"]

_LARGE, _MIDDLE, _STACK = 380.0, 420.0, 620.0
_AROUND_MM = 20.0
_OVERVIEW = 120  # slices of a whole scan
_SPINE_PIXEL_MM = 1.5


def render_check(checked: Checked) -> str:
    """The page as HTML that loads nothing; whatever a user typed is escaped.

    The spine from the front is there to be counted, bone, lesion and structures in two windows and the axes
    of the bone to be approved.  Its script (allowed by its hash alone) tells where a click is.
    """
    case, anatomy = checked.case, checked.anatomy
    stamps = () if case is None or anatomy is None else stamps_of(case, anatomy)
    bone: Sequence[Picture] = ()
    soft: Sequence[Picture] = ()
    if case is not None and anatomy is not None:
        scenery = Scenery.of(case.ct, anatomy, stamps)
        bone, soft = (slices(scenery, window=window, width=_LARGE) for window in (BONE_WINDOW, SOFT_WINDOW))
    script, leaves = source("check.js"), _stack(checked, stamps)
    return filled(
        "check.html.j2",
        script=script, script_hash=hash_of(script), grid=_grid(checked), stack=leaves,
        first=_first(checked, leaves),
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
    labels = checked.label_map
    if checked.ct is None or labels is None or not checked.levels:
        return None
    shown = [name for name in labels.present() if name.startswith(("vertebrae", "rib", "sacrum"))]
    points = {_short(level): level.centre_mm for level in checked.levels}
    points |= {f"{name.split('_')[2]} {name.split('_')[1][0].upper()}": _on_rib(labels.near(name, 0.0), name)
               for level in checked.levels for name in level.ribs}  # fmt: skip
    picture, _ = projected(
        checked.ct, labels.any_of(shown), "coronal", "spine as labelled (NOT counted by a person)",
        width=_MIDDLE, pixel_mm=_SPINE_PIXEL_MM, points_mm=points, stamps=stamps,
    )  # fmt: skip
    return picture


def _grid(checked: Checked) -> str:
    """What turns LPS mm into voxel indices, as JSON; empty without a scan."""
    if checked.ct is None:
        return ""
    inverse = np.linalg.inv(checked.ct.affine)[:3].tolist()
    return json.dumps({"inverse": inverse, "shape": checked.ct.shape})


def _stack(checked: Checked, stamps: tuple[str, ...]) -> tuple[Picture, ...]:
    """The bone on every slice; without a lesion what was grown, else the whole scan, to find a point on."""
    anatomy, ct, labels = checked.anatomy, checked.ct, checked.label_map
    if ct is None:
        return ()
    if anatomy is not None:
        grid, bone = anatomy.image, anatomy.bone_mask
        things = [DrawnMask("bone", bone, grid), DrawnMask.lesion(anatomy.lesion_mask, grid)]
        hold = grid.positions_mm(np.argwhere(bone))
        return stack(ct, anatomy.level, hold, things, width=_STACK, margin_mm=_AROUND_MM, stamps=stamps)
    if labels is not None and checked.seeded:
        mask = labels.any_of(checked.seeded)
        hold = ct.positions_mm(np.argwhere(mask))
        things = [DrawnMask(names_of(checked.seeded), mask, ct)]
        stamps = ("bone grown from a point",)
        return stack(ct, "grown", hold, things, width=_STACK, margin_mm=_AROUND_MM, stamps=stamps)
    things = []
    if labels is not None:
        things = [DrawnMask("bones as labelled", labels.any_of(checked.bones), ct)]
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in ct.shape])).reshape(3, -1).T
    return stack(
        ct, "whole scan", ct.positions_mm(corners), things, width=_STACK, margin_mm=0.0, most=_OVERVIEW
    )


def _first(checked: Checked, leaves: Sequence[Picture]) -> Picture | None:
    """The slice that is open at first: through the lesion's centre, else the middle one."""
    if not leaves or checked.anatomy is None:
        return leaves[len(leaves) // 2] if leaves else None
    anatomy = checked.anatomy
    z = float(anatomy.image.positions_mm(np.argwhere(anatomy.lesion_mask))[:, 2].mean())
    return min(leaves, key=lambda leaf: abs(leaf.at[2] - z))


def _short(level: Level) -> str:
    return level.name.removeprefix("vertebrae_")


def _on_rib(rib: Volume, name: str) -> F64:
    """(3,) a place on a rib, for its number: seven tenths of the way to its side."""
    at = rib.positions_mm(np.argwhere(rib.array))
    outward = np.argsort(at[:, 0] if "left" in name else -at[:, 0])
    place: F64 = at[outward[int(0.7 * len(at))]]
    return place


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
