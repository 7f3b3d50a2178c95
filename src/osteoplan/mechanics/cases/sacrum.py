"""The sacrum on its testing machine: the first endplate is pressed, both sacroiliac joints hold.

A pad of cement on the first sacral endplate moves along its normal.  Surface of the sacrum at either joint
space is held, or surface near either hip bone where no joint was derived.  The first sacral vertebra belongs
to the bone, also where it has a label of its own.  Sources and sizes: loads/sacrum_endplate.yaml.
Tests: tests/unit/test_pelvis_loads.py.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from osteoplan.arrays import Bool, Mask
from osteoplan.errors import BadInput, NotAvailable
from osteoplan.kernels.elasticity import Bricks
from osteoplan.knowledge.loads import LoadCase, load_case
from osteoplan.mechanics.cases.cement_pads import plane_nodes, platen
from osteoplan.mechanics.cases.femur import make_specimen
from osteoplan.mechanics.cases.nodes import Nodes
from osteoplan.mechanics.cases.resampled import ResampledBone, frame_of, load_frame, one_piece, rebuild
from osteoplan.mechanics.specimen import Specimen
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.model.anatomy import Anatomy, BoneFrame

__all__ = ["at_joint", "build_endplate", "endplate", "whole_sacrum"]

FIRST = "vertebrae_S1"
LEAST_NODES = 12  # numerics: fewer nodes than this are no surface


def build_endplate(anatomy: Anatomy, settings: MechanicsSettings) -> Specimen:
    """A sacrum under the load of the spine.

    Raises:
        NotAvailable: endplate, or one of the sacroiliac joints, is not on the scan, or no bone joins them.
    """
    case, sacrum = load_case("sacrum_endplate"), frame_of(anatomy, "sacrum")
    anatomy = replace(anatomy, bone_mask=whole_sacrum(anatomy))
    edge, thick = settings.spacing_mm, case.known("pad_thickness_mm").number
    body = rebuild(
        anatomy, load_frame(sacrum.origin_mm, sacrum.superior, sacrum.left), edge,
        margin_mm=(0.0, 0.0, thick + edge),
    )  # fmt: skip
    try:
        plate = platen(
            endplate(body, sacrum, case.known("pad_depth_mm").number),
            body.bone,
            edge_mm=edge,
            thickness_mm=thick,
            up=True,
        )
    except BadInput as why:
        raise NotAvailable(f"{anatomy.level}: no pad can sit on its first endplate: {why}") from why
    solid = one_piece(
        body.bone | plate.elements, plate.elements, name=anatomy.level, between="endplate and joints"
    )
    mesh = Bricks.of(solid)
    nodes = Nodes.of(mesh, body.grid)
    held = at_joint(anatomy, nodes, "left", case) | at_joint(anatomy, nodes, "right", case)
    return make_specimen(
        anatomy, settings, case, body, mesh, caps=plate.elements, held=np.repeat(held[:, None], 3, axis=1),
        moved=plane_nodes(mesh, plate), what="pad on the first sacral endplate", counts=body.bone,
    )  # fmt: skip


def whole_sacrum(anatomy: Anatomy) -> Mask:
    """The sacrum with its first vertebra, which some label maps keep apart."""
    parts = [one.mask for one in anatomy.structures if one.name == FIRST and anatomy.bone == "sacrum"]
    whole: Mask = np.logical_or.reduce([anatomy.bone_mask, *parts])
    return whole


def endplate(body: ResampledBone, sacrum: BoneFrame, depth_mm: float) -> Bool:
    """(ni, nj, nk) elements within an ellipse of the endplate's width and depth, and near its plane.

    Raises:
        NotAvailable: the endplate's extent was not found.
    """
    sizes = ("s1_endplate_width", "s1_endplate_depth")
    if not sacrum.lengths_mm.keys() >= set(sizes):
        raise NotAvailable("sacrum: the extent of its first endplate is not seen, where the spine loads it")
    width, depth = (sacrum.lengths_mm[size] for size in sizes)
    left, back, up = np.moveaxis(sacrum.local(body.at_mm()), -1, 0)
    found: Bool = ((left / width) ** 2 + (back / depth) ** 2 <= 0.25) & (np.abs(up) <= depth_mm) & body.bone
    return found


def at_joint(anatomy: Anatomy, nodes: Nodes, side: str, case: LoadCase) -> Bool:
    """(n_nodes,) surface at the sacroiliac joint of a side; towards the hip bone where no joint was derived.

    Raises:
        NotAvailable: neither is seen.
    """
    masks = {one.name: one.mask for one in anatomy.structures if one.mask.any()}
    for name, reach in ((f"sacroiliac_joint_{side}", "joint_reach_mm"), (f"hip_{side}", "bone_reach_mm")):
        if name in masks:
            held: Bool = nodes.surface & (nodes.distance_to(anatomy, masks[name]) <= case.known(reach).number)
            if held.sum() >= LEAST_NODES:
                return held
    raise NotAvailable(
        f"{anatomy.level}: the {side} sacroiliac joint is not seen, where the model is held: "
        f"label the {side} hip bone"
    )
