"""The pelvic ring in gait: one hip loads its socket, the other socket and the spine's endplate hold.  Thin.

Both hip bones and the sacrum are one body, joined by soft layers where their labels leave a gap:

    sacroiliac joint   no bone, and d(hip) + d(sacrum) <= gap
    symphysis          no bone, and d(left hip) + d(right hip) <= gap, near the symphysis

The femoral head presses its socket as in ``mechanics.cases.hemipelvis``.  The loaded side is that of the bone
which the lesion lies in; in the sacrum, the half that holds most of the lesion.  No muscle, no ligament
beyond the layers.  Relative stiffness only.  Sources and sizes: loads/pelvic_ring_gait.yaml.
Tests: tests/unit/test_pelvis_loads.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from osteoplan.arrays import Bool, Mask
from osteoplan.errors import NotAvailable
from osteoplan.kernels.elasticity import Bricks
from osteoplan.knowledge.loads import LoadCase, load_case
from osteoplan.mechanics.cases.nodes import Nodes
from osteoplan.mechanics.cases.resampled import (
    ResampledBone,
    counts_of,
    image_of,
    one_piece,
    rebuild,
    words_of,
)
from osteoplan.mechanics.cases.socket_contact import Pressed, press, socket_faces
from osteoplan.mechanics.sampled_image import inside
from osteoplan.mechanics.specimen import BoundaryConditions, Specimen
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.model.anatomy import Anatomy, BoneFrame

__all__ = ["build_gait", "joint_layer"]

HIPS = ("hip_left", "hip_right")
OTHER = {"left": "right", "right": "left"}


@dataclass(frozen=True, eq=False)
class _Ring:
    """The three bones of a ring: masks by label, frames by label and kind, the loaded side."""

    masks: Mapping[str, Mask]
    frames: Mapping[str, Mapping[str, BoneFrame]]
    side: str

    def socket(self, side: str) -> BoneFrame:
        return self.frames[f"hip_{side}"]["acetabulum"]

    @property
    def pelvis(self) -> BoneFrame:
        return self.frames[f"hip_{self.side}"]["hemipelvis"]

    @property
    def sacrum(self) -> BoneFrame:
        return self.frames["sacrum"]["sacrum"]


def build_gait(anatomy: Anatomy, settings: MechanicsSettings) -> Specimen:
    """A pelvic ring that stands on one hip.

    Raises:
        NotAvailable: a bone of the ring, a socket, the symphysis or the spine's endplate is not on the scan,
            or the ring is torn.
    """
    case, ring = load_case("pelvic_ring_gait"), _ring(anatomy)
    whole = replace(anatomy, bone_mask=np.logical_or.reduce(list(ring.masks.values())))
    body = rebuild(whole, ring.pelvis, settings.spacing_mm, margin_mm=(0.0, 0.0, 0.0))
    layers = _layers(whole, ring, body, case)
    solid = one_piece(
        body.bone | layers, *(inside(body.grid, whole, mask) for mask in ring.masks.values()),
        name=anatomy.level, between="both hip bones and the sacrum",
    )  # fmt: skip
    mesh = Bricks.of(solid)
    pressed, other = (
        _pressed(anatomy, ring.socket(side), mesh, body, ring.pelvis, case)
        for side in (ring.side, OTHER[ring.side])
    )
    turn = body.grid.affine[:3, :3] / settings.spacing_mm
    plate = _at_endplate(anatomy, ring.sacrum, Nodes.of(mesh, body.grid), case)
    fixed = np.repeat((plate | (other.nodal(len(mesh.nodes)) != 0.0).any(axis=1))[:, None], 3, axis=1)
    return Specimen(
        anatomy, settings, case, body.grid, mesh, image_of(body, mesh, layers),
        lesion=mesh.of_box(body.lesion & body.bone), body=mesh.of_box(body.bone),
        end_cap=mesh.of_box(layers & solid),
        conditions=BoundaryConditions(
            fixed, np.zeros(fixed.shape), pressed.nodal(len(mesh.nodes)) @ turn, moved="femoral head"
        ),
        counted={
            "loaded_side": ring.side, "joint_elements": int((layers & solid).sum()),
            "endplate_nodes": int(plate.sum()), "contact_area_mm2": round(pressed.area_mm2, 1),
            **counts_of(body, mesh, layers),
        },
        warnings=words_of(anatomy, case, body, mesh, layers),
    )  # fmt: skip


def joint_layer(bone: Bool, one: Bool, other: Bool, *, gap_mm: float, edge_mm: float) -> Bool:
    """(ni, nj, nk) elements without bone whose distances to two bones add up to no more than a gap."""
    apart = ndimage.distance_transform_edt(~one) + ndimage.distance_transform_edt(~other)
    found: Bool = ~bone & (apart * edge_mm <= gap_mm)
    return found


def _ring(anatomy: Anatomy) -> _Ring:
    """Masks and frames of the ring.

    Raises:
        NotAvailable: something of it is not on the scan.
    """
    own = "sacrum" if anatomy.bone == "sacrum" else anatomy.bone.replace("hemipelvis", "hip")
    near = {one.name: one.mask for one in anatomy.structures if one.mask.any()} | {own: anatomy.bone_mask}
    frames = {**anatomy.neighbour_frames, own: anatomy.frames}
    for label, kinds in ((HIPS[0], _HIP), (HIPS[1], _HIP), ("sacrum", ("sacrum",))):
        lacking = [kind for kind in kinds if kind not in frames.get(label, {})]
        if label not in near or lacking:
            words = (
                label.replace("_", " ") if label not in near else f"{lacking[0]} of {label.replace('_', ' ')}"
            )
            raise NotAvailable(
                f"{anatomy.level}: the {words} is not found, which the ring needs: label both hip bones "
                "and the sacrum on a scan that holds them whole"
            )
    masks = {label: near[label] for label in (*HIPS, "sacrum")}
    if "vertebrae_S1" in near:
        masks["sacrum"] = masks["sacrum"] | near["vertebrae_S1"]
    return _Ring(masks, frames, _side(anatomy, frames["sacrum"]["sacrum"]))


_HIP = ("hemipelvis", "acetabulum")


def _side(anatomy: Anatomy, sacrum: BoneFrame) -> str:
    side = anatomy.bone.rpartition("_")[2]
    if side in OTHER:
        return side
    lesion = sacrum.local(anatomy.image.positions_mm(np.argwhere(anatomy.lesion_mask)))
    return "right" if len(lesion) and lesion[:, 0].mean() < 0.0 else "left"


def _layers(anatomy: Anatomy, ring: _Ring, body: ResampledBone, case: LoadCase) -> Bool:
    """Elements of both sacroiliac joints and of the symphysis.

    Raises:
        NotAvailable: the symphysis is not seen.
    """
    if "symphysis" not in ring.pelvis.landmarks_mm:
        raise NotAvailable(
            f"{anatomy.level}: the symphysis is not seen on the scan, which closes the ring: load a scan "
            "that holds the whole pubis"
        )
    at = {label: inside(body.grid, anatomy, mask) for label, mask in ring.masks.items()}
    edge, out = body.edge_mm, np.zeros_like(body.bone)
    for hip in HIPS:
        out |= joint_layer(
            body.bone, at[hip], at["sacrum"], gap_mm=case.known("sacroiliac_gap_mm").number, edge_mm=edge
        )
    between = joint_layer(
        body.bone, at[HIPS[0]], at[HIPS[1]], gap_mm=case.known("symphysis_gap_mm").number, edge_mm=edge
    )
    away = np.linalg.norm(body.at_mm() - ring.pelvis.landmarks_mm["symphysis"], axis=-1)
    layers: Bool = out | (between & (away <= case.known("symphysis_radius_mm").number))
    return layers


def _pressed(
    anatomy: Anatomy, socket: BoneFrame, mesh: Bricks, body: ResampledBone, pelvis: BoneFrame, case: LoadCase
) -> Pressed:
    faces = socket_faces(
        mesh,
        body.grid,
        socket.landmarks_mm["centre"],
        socket.lengths_mm["radius"],
        case.known("contact_depth_mm").number,
    )
    pressed = press(faces, pelvis.superior)
    if pressed is None:
        raise NotAvailable(
            f"{anatomy.level}: the roof of a socket is not seen: the hip can neither load nor hold it"
        )
    return pressed


def _at_endplate(anatomy: Anatomy, sacrum: BoneFrame, nodes: Nodes, case: LoadCase) -> Bool:
    """(n_nodes,) surface of the first sacral endplate."""
    sizes = ("s1_endplate_width", "s1_endplate_depth")
    if not sacrum.lengths_mm.keys() >= set(sizes):
        raise NotAvailable(
            f"{anatomy.level}: the extent of the first sacral endplate is not seen, where the spine holds"
        )
    width, depth = (sacrum.lengths_mm[size] for size in sizes)
    left, back, up = np.moveaxis(sacrum.local(nodes.at_mm), -1, 0)
    inside_it = (left / width) ** 2 + (back / depth) ** 2 <= 0.25
    found: Bool = nodes.surface & inside_it & (np.abs(up) <= case.known("endplate_depth_mm").number)
    if found.sum() < 12:
        raise NotAvailable(
            f"{anatomy.level}: no bone is found at the first sacral endplate, where the spine holds"
        )
    return found
