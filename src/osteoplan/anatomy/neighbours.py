"""Frames of the bones around a lesion's bone, which corridors between bones are told in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from osteoplan.anatomy.frames import bone_frames
from osteoplan.errors import BadInput
from osteoplan.knowledge.sites import bone_site, label_of, planned_bones
from osteoplan.model.anatomy import Anatomy, BoneFrame
from osteoplan.model.case import Case
from osteoplan.model.labels import LabelMap

__all__ = ["frames_on_scan", "with_neighbours"]

# bone's site -> sites of the bones that share corridors with it
_SHARES = {"pelvis": ("pelvis", "sacrum"), "sacrum": ("pelvis",), "femur": ("pelvis",)}
_MARGIN_MM = 8.0  # so that bone at a crop's edge does not count as cut off


def with_neighbours(anatomy: Anatomy, case: Case) -> Anatomy:
    """The anatomy with the frames of the bones that corridors run to from its own.

    A neighbour whose landmarks this scan does not show is left out, with a sentence among the warnings.
    """
    site, labels = bone_site(anatomy.bone), case.label_map
    wanted = _SHARES.get(site.id, ()) if site is not None else ()
    if labels is None or not wanted:
        return anatomy
    found: dict[str, Mapping[str, BoneFrame]] = {}
    said: list[str] = []
    for bone in _bones(wanted, labels, but=anatomy.bone):
        try:
            found[label_of(bone)] = frames_on_scan(bone, labels)
        except BadInput as why:
            said.append(f"corridors that need {bone.replace('_', ' ')} are not looked for: {why}")
    return replace(anatomy, neighbour_frames=found, warnings=(*anatomy.warnings, *said))


def _bones(sites: tuple[str, ...], labels: LabelMap, *, but: str) -> tuple[str, ...]:
    """Labelled bones of those sites."""
    found = []
    for bone in planned_bones():
        site = bone_site(bone)
        if bone != but and site is not None and site.id in sites and labels.has(label_of(bone)):
            found.append(bone)
    return tuple(found)


def frames_on_scan(bone: str, labels: LabelMap) -> Mapping[str, BoneFrame]:
    """Frames of one bone, sharpened by its partners.

    Raises:
        BadInput: its mask does not show what they rest on.
    """
    names = ("hip_left", "hip_right", "femur_left", "femur_right", "vertebrae_S1")
    context = {name: labels.near(name, _MARGIN_MM) for name in names if labels.has(name)}
    return bone_frames(bone, labels.near(label_of(bone), _MARGIN_MM), context=context)
