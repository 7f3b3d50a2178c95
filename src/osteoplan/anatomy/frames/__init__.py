"""Axes, landmarks and lengths of every bone that is planned on, from its mask.

``bone_frames`` gives each frame that the bone can carry and that the scan shows; ``cautions`` says in words
what is missing or stands on little.  What is not seen is left out, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from osteoplan.anatomy.aligned import depth_map
from osteoplan.anatomy.frame import vertebra_frame
from osteoplan.anatomy.frames.femur import femur_frames, head_of
from osteoplan.anatomy.frames.hemipelvis import hemipelvis_frames
from osteoplan.anatomy.frames.humerus import humerus_frames
from osteoplan.anatomy.frames.sacrum import mirror_normal, sacrum_frame
from osteoplan.anatomy.frames.shaft import radius_profile
from osteoplan.anatomy.frames.surface import BoneSurface, mirror_frame, mirror_volume
from osteoplan.errors import BadInput, GeometryMismatch
from osteoplan.kernels.resample import gather_nearest
from osteoplan.knowledge.sites import bone_site, side_of
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.volume import Volume

__all__ = ["BoneSurface", "bone_frames", "cautions", "radius_profile"]

FIRST_SACRAL = "vertebrae_S1"
RAISED = 0.5  # cosine between a humerus and the patient's axis below which the arm is raised


def bone_frames(
    bone: str, mask: Volume, *, context: Mapping[str, Volume] | None = None
) -> Mapping[str, BoneFrame]:
    """Every frame of a bone that its mask shows, by kind.

    Args:
        bone: as a case names it: ``sacrum``, ``hemipelvis_left``, ``femur_right``, ``vertebra_T12`` ...
        mask: boolean, the whole bone; a crop will do if it leaves a voxel of margin where the scan goes on,
            because bone in the outermost voxels counts as cut off by the scan.
        context: masks of other bones by canonical label.  A hip bone uses the other one (``hip_right``)
            for the pelvic plane and its femur (``femur_left``) for the joint; a sacrum takes in
            ``vertebrae_S1``.

    Raises:
        BadInput: the mask is empty, or does not show what every frame of this bone rests on.
        UnknownName: no such bone.
        GeometryMismatch: context in another frame of reference.
    """
    others = dict(context or {})
    for name, other in others.items():
        if other.frame != mask.frame:
            raise GeometryMismatch(
                f"the mask of {name} is on frame {other.frame}, {bone} on {mask.frame}: register them "
                f"or load "
                "the matching labels"
            )
    site = bone_site(bone)
    if site is None:
        return {"vertebra": _vertebra(mask)}
    if site.frames == ("patient",):
        return {"patient": _of_the_patient(mask)}
    if bone == "sacrum":
        first = others.get(FIRST_SACRAL)
        surface = BoneSurface.of(mask if first is None else _together(mask, first))
        return {"sacrum": sacrum_frame(surface, *mirror_normal(surface))}
    if side_of(bone) == "left":
        return _sided(bone, mask, others)
    # one code for both sides: a right bone is mirrored to a left one, its frames are mirrored back
    mirrored = {name: mirror_volume(other) for name, other in others.items()}
    found = _sided(bone, mirror_volume(mask), mirrored)
    return {kind: mirror_frame(frame) for kind, frame in found.items()}


def cautions(bone: str, frames: Mapping[str, BoneFrame]) -> tuple[str, ...]:
    """What a reader of these frames must know: what was not seen, and what stands on little; may be empty."""
    said: list[str] = []
    for kind, frame in frames.items():
        lengths, points = frame.lengths_mm, frame.landmarks_mm
        if kind in ("proximal_femur", "proximal_humerus"):
            said += _about_shaft(bone, frame)
        if kind == "proximal_humerus" and frame.superior[2] < RAISED:
            said.append(f"{bone}: the arm is raised; directions are the bone's, superior is towards its head")
        if kind == "proximal_femur" and "neck_centre" not in points:
            said.append(f"{bone}: the neck is not whole on the scan; no neck axis, left is the patient's")
        if kind == "proximal_femur" and "anteversion_deg" not in lengths and "neck_centre" in points:
            said.append(
                f"{bone}: the condyles are not on the scan; anteversion unknown, left follows the neck"
            )
        if kind == "hemipelvis" and not lengths["plane_found"]:
            said.append(
                f"{bone}: ASIS or pubic tubercle is not on the scan; the pelvic axes are the patient's "
                f"as scanned"
            )
        elif kind == "hemipelvis" and not lengths["both_sides"]:
            said.append(f"{bone}: pelvic plane from this side, mirrored at the patient's sagittal plane")
        if kind == "hemipelvis" and "ischial_tuberosity" not in points:
            said.append(f"{bone}: the ischial tuberosity is not whole on the scan")
        if kind == "sacrum" and "apex" not in points:
            said.append(f"{bone}: the sacrum's lower end is not on the scan")
    wanted = _expected(bone)
    said += [f"{bone}: no {kind.replace('_', ' ')} frame, the scan does not show enough of it"
             for kind in wanted if kind not in frames]  # fmt: skip
    return tuple(said)


def _about_shaft(bone: str, frame: BoneFrame) -> list[str]:
    seen = frame.lengths_mm["shaft_seen"]
    if "shaft_axis_top" not in frame.landmarks_mm:
        if frame.superior[2] < RAISED:
            return [
                f"{bone}: no shaft on the scan; superior points from what is seen of the bone to its head"
            ]
        return [f"{bone}: no shaft on the scan; superior is the patient's as scanned, no neck-shaft angle"]
    if seen < number("frames.shaft_sure_mm"):
        return [
            f"{bone}: only {seen:.0f} mm of true shaft on the scan; its axis, and each angle on it, is "
            f"uncertain"
        ]
    return []


def _expected(bone: str) -> tuple[str, ...]:
    site = bone_site(bone)
    return ("vertebra",) if site is None else site.frames


def _vertebra(mask: Volume) -> BoneFrame:
    filled = np.asarray(mask.array, dtype=bool)
    if not filled.any():
        raise BadInput("the vertebra's mask is empty: label the bone, or segment it from a seed")
    return vertebra_frame(depth_map(mask.with_array(filled, "mask")))


def _of_the_patient(mask: Volume) -> BoneFrame:
    """The patient's own axes as scanned, in the middle of a bone that has no frame of its own."""
    at = np.argwhere(mask.array)
    if not len(at):
        raise BadInput("the bone's mask is empty: label it, or segment it from a seed")
    return BoneFrame(mask.positions_mm(at).mean(axis=0), np.eye(3), "patient")


def _sided(bone: str, mask: Volume, others: Mapping[str, Volume]) -> dict[str, BoneFrame]:
    """Frames of a bone that has been turned to a left one."""
    stem, _, side = bone.rpartition("_")
    if stem == "humerus":
        return _required(humerus_frames(mask), bone)
    surface = BoneSurface.of(mask)
    if stem == "femur":
        return _required(femur_frames(surface), bone)
    opposite = others.get("hip_right" if side == "left" else "hip_left")
    facing = None if opposite is None else BoneSurface.of(mirror_volume(opposite))
    femur = others.get(f"femur_{side}")
    head = None if femur is None else head_of(BoneSurface.of(femur))
    return hemipelvis_frames(surface, other=facing, head=head)


def _required(frames: dict[str, BoneFrame], bone: str) -> dict[str, BoneFrame]:
    if not frames:
        raise BadInput(
            f"{bone}: neither a head nor a stretch of shaft is found in the mask; show more of the bone, "
            "or check its label"
        )
    return frames


def _together(one: Volume, other: Volume) -> Volume:
    """Both masks on the first one's grid, made large enough for both."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in other.shape])).reshape(3, -1).T
    # rounded to a thousandth of a voxel: crops of one scan meet on whole indices
    at = np.round(one.indices(other.positions_mm(corners)), 3)
    low = np.minimum(np.floor(at.min(axis=0)), 0).astype(int)
    high = np.maximum(np.ceil(at.max(axis=0)) + 1, one.shape).astype(int)
    affine = one.affine.copy()
    affine[:3, 3] = one.positions_mm(low)
    ni, nj, nk = (int(n) for n in high - low)
    both = np.zeros((ni, nj, nk), dtype=bool)
    for part in (one, other):
        both |= gather_nearest(part.array.astype(bool), part.affine, affine, (ni, nj, nk))
    return Volume(both, affine, "mask", one.frame)
