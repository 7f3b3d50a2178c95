"""The proximal femur on its testing machine: standing on one leg, and falling on the side.

    stance   a cup of cement on top of the head moves down the shaft's axis; the shaft is held where the scan
             ends, or where the axis of the upper shaft ends
    fall     a pad on the head moves towards a pad on the greater trochanter, which is held along the load;
             the end of the shaft is held across the load, as on a roller

The load's own axes (third: along the load, from what is held to what is moved) follow from the femur's frame:

    stance   third = superior
    fall     third = medial, turned forward by the internal rotation and downward by the adduction

Nothing is known of a side here: medial is where the head lies.  Sources and sizes: loads/femur_stance.yaml,
loads/femur_fall.yaml.  Tests: tests/unit/test_long_bones.py.
"""

from __future__ import annotations

import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.errors import BadInput, NotAvailable
from osteoplan.kernels.elasticity import Bricks
from osteoplan.kernels.vectors import unit
from osteoplan.knowledge.loads import LoadCase, load_case
from osteoplan.mechanics.cases.cement_pads import Platen, near, plane_nodes, platen
from osteoplan.mechanics.cases.nodes import Nodes
from osteoplan.mechanics.cases.resampled import (
    ResampledBone,
    away_from_grips,
    counts_of,
    frame_of,
    image_of,
    load_frame,
    one_piece,
    rebuild,
    words_of,
)
from osteoplan.mechanics.specimen import BoundaryConditions, Specimen
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.model.anatomy import Anatomy, BoneFrame

__all__ = [
    "build_fall", "build_head", "build_stance", "fall_frame", "lateral", "make_specimen", "press_head",
    "shaft_end",
]  # fmt: skip

STANCE, FALL = "femur_stance", "femur_fall"
ROUND_MM = 1e-6  # numerics: ties on a lattice are not left to rounding, which a mirrored bone has otherwise
TOUCH_MM = 2.0  # numerics: surface this near to its lowest point tells where the pad's middle is
HEAD_REACH = 1.3  # times the head's radius: farther from its centre, bone is no head


def build_stance(anatomy: Anatomy, settings: MechanicsSettings) -> Specimen:
    """A femur in stance: cup on the head, shaft held.

    Raises:
        NotAvailable: head, lesser trochanter or the shaft under it is not on the scan, or no bone joins them.
    """
    case, femur = load_case(STANCE), frame_of(anatomy, "proximal_femur")
    end = shaft_end(anatomy, femur, case.known("held_mm").number)
    return press_head(anatomy, settings, case, femur, femur.superior, end)


def press_head(
    anatomy: Anatomy, settings: MechanicsSettings, case: LoadCase, bone: BoneFrame, up: F64, end_mm: float
) -> Specimen:
    """The upper end of a long bone: a cup on its head moves against ``up``, its shaft is clamped.

    Args:
        bone: frame with ``head_centre`` and ``head_radius``; up: (3,) unit vector through the cup's middle.
        end_mm: height in that frame up to which the bone is clamped.

    Raises:
        NotAvailable: no bone joins head and shaft, or the lesion lies wholly outside what is loaded.
    """
    edge, thick = settings.spacing_mm, case.known("pad_thickness_mm").number
    across = bone.left if abs(up @ bone.left) < abs(up @ bone.superior) else bone.superior
    axes = load_frame(bone.landmarks_mm["head_centre"], up, across)
    body = rebuild(anatomy, axes, edge, margin_mm=(0.0, 0.0, thick + edge))
    head = near(
        body.at_mm(), bone.landmarks_mm["head_centre"], HEAD_REACH * bone.lengths_mm["head_radius"], up,
        0.5 * case.known("cup_opening_deg").number,
    )  # fmt: skip
    cup = _pad(body, head, thick, up=True, where="head", name=anatomy.level)
    free = _above(body, bone, end_mm - 2.0 * edge)
    solid = one_piece(
        (body.bone & free) | cup.elements, cup.elements, ~_above(body, bone, end_mm),
        name=anatomy.level, between="head and shaft",
    )  # fmt: skip
    mesh = Bricks.of(solid)
    held = bone.local(Nodes.of(mesh, body.grid).at_mm)[:, 2] <= end_mm + ROUND_MM
    return make_specimen(
        anatomy, settings, case, body, mesh, caps=cup.elements, held=np.repeat(held[:, None], 3, axis=1),
        moved=plane_nodes(mesh, cup), what="cup on the head", counts=_above(body, bone, end_mm),
    )  # fmt: skip


def build_fall(anatomy: Anatomy, settings: MechanicsSettings) -> Specimen:
    """A femur in a fall on its side: pads on head and greater trochanter, end of the shaft on a roller.

    Raises:
        NotAvailable: head, greater trochanter, or the shaft under the lesser one is not on the scan, or no
            bone joins them.
    """
    case, femur = load_case(FALL), frame_of(anatomy, "proximal_femur")
    if "greater_trochanter_lateral" not in femur.landmarks_mm:
        raise NotAvailable(
            f"{anatomy.level}: the greater trochanter is not whole on the scan, where the fall is held: load "
            "a scan that shows it"
        )
    end, thick = (
        shaft_end(anatomy, femur, case.known("held_mm").number),
        case.known("pad_thickness_mm").number,
    )
    axes = fall_frame(femur, case.known("internal_rotation_deg").number, case.known("adduction_deg").number)
    body = rebuild(anatomy, axes, settings.spacing_mm, margin_mm=(0.0, 0.0, thick + settings.spacing_mm))
    on_head, on_trochanter = _sides(body, femur, case)
    pads = (
        _pad(body, on_head, thick, up=True, where="head", name=anatomy.level),
        _pad(body, on_trochanter, thick, up=False, where="greater trochanter", name=anatomy.level),
    )
    caps = pads[0].elements | pads[1].elements
    free = _above(body, femur, end - 2.0 * settings.spacing_mm)
    solid = one_piece(
        (body.bone & free) | caps, pads[0].elements, pads[1].elements, ~_above(body, femur, end),
        name=anatomy.level, between="head, greater trochanter and shaft",
    )  # fmt: skip
    mesh = Bricks.of(solid)
    held = np.zeros((len(mesh.nodes), 3), dtype=bool)
    held[femur.local(Nodes.of(mesh, body.grid).at_mm)[:, 2] <= end + ROUND_MM, :2] = True
    held[plane_nodes(mesh, pads[1]), 2] = True
    between = femur.landmarks_mm["head_centre"] - femur.landmarks_mm["greater_trochanter_lateral"]
    return make_specimen(
        anatomy, settings, case, body, mesh, caps=caps, held=held, moved=plane_nodes(mesh, pads[0]),
        what="pad on the head", counts=_above(body, femur, end),
        height_mm=float(between @ axes.superior) + femur.lengths_mm["head_radius"],
    )  # fmt: skip


def lateral(femur: BoneFrame) -> F64:
    """(3,) unit vector from the head to the shaft's side, at right angles to the shaft."""
    away = femur.landmarks_mm["shaft_axis_top"] - femur.landmarks_mm["head_centre"]
    side = away @ femur.left
    return femur.left if side > 0 else -femur.left


def fall_frame(femur: BoneFrame, internal_rotation_deg: float, adduction_deg: float) -> BoneFrame:
    """Axes of the fall: the third points up from the ground, the first along the shaft as near as it can.

    With the femur turned inward, ground lies at the back of its lateral side; with the thigh adducted, the
    knee is higher above ground than the trochanter, so up leans towards the knee.
    """
    turned, load_direction = np.radians([internal_rotation_deg, adduction_deg])
    medial, anterior = -lateral(femur), -femur.posterior
    level = np.cos(turned) * medial + np.sin(turned) * anterior
    up = np.cos(load_direction) * level - np.sin(load_direction) * femur.superior
    return load_frame(femur.landmarks_mm["head_centre"], up, femur.superior)


def shaft_end(anatomy: Anatomy, femur: BoneFrame, held_mm: float) -> float:
    """Height in the femur's frame up to which the shaft is held [mm].

    Raises:
        NotAvailable: no whole section below the lesser trochanter is on the scan.
    """
    points = femur.landmarks_mm
    if "shaft_axis_bottom" in points and "lesser_trochanter" in points:
        end = float(femur.local(points["shaft_axis_bottom"])[2]) + held_mm
        if end <= float(femur.local(points["lesser_trochanter"])[2]):
            return end
    raise NotAvailable(
        f"{anatomy.level}: the scan ends above the lesser trochanter, below which the shaft is held: "
        "load a scan that reaches farther down the thigh"
    )


def make_specimen(
    anatomy: Anatomy,
    settings: MechanicsSettings,
    case: LoadCase,
    body: ResampledBone,
    mesh: Bricks,
    *,
    caps: Bool,
    held: Bool,
    moved: Bool,
    what: str,
    counts: Bool,
    height_mm: float | None = None,
) -> Specimen:
    """A specimen whose machine moves some nodes against the third axis and holds others.

    Args:
        caps: (ni, nj, nk) elements of cement; counts: (ni, nj, nk) where a criterion may look.
        held: (n_nodes, 3) held still; moved: (n_nodes,) moved along the third axis.

    Raises:
        NotAvailable: what should hold or move the bone touches none of it.
    """
    if not moved.any() or not held.any():
        raise NotAvailable(
            f"{anatomy.level}, {case.title}: nothing of the bone is found where the machine grips"
        )
    counts_all = counts_of(body, mesh, caps)
    if counts_all["lesion_elements_left_out"] and not counts_all["lesion_elements_modelled"]:
        raise NotAvailable(f"{anatomy.level}: the lesion lies outside what {case.title} loads")
    prescribed = np.zeros((len(mesh.nodes), 3))
    prescribed[moved, 2] = -1.0
    fixed = held.copy()
    fixed[moved, 2] = True
    body_counts = away_from_grips(body, caps, counts, case.known("uncounted_mm").number)
    return Specimen(
        anatomy, settings, case, body.grid, mesh,
        image_of(body, mesh, caps), lesion=mesh.of_box(body.lesion & body.bone),
        body=mesh.of_box(body_counts), end_cap=mesh.of_box(caps),
        conditions=BoundaryConditions(fixed, prescribed, moved=what),
        height_mm=height_mm,
        counted=counts_all, warnings=words_of(anatomy, case, body, mesh, caps),
    )  # fmt: skip


def _above(body: ResampledBone, femur: BoneFrame, height_mm: float) -> Bool:
    return femur.local(body.at_mm())[..., 2] > height_mm


def _sides(body: ResampledBone, femur: BoneFrame, case: LoadCase) -> tuple[Bool, Bool]:
    """Elements that the pad on the head, and the pad on the trochanter, may sit on."""
    up, at, points = body.frame.superior, body.at_mm(), femur.landmarks_mm
    radius = femur.lengths_mm["head_radius"]
    on_head = near(
        at, points["head_centre"], HEAD_REACH * radius, up, 0.5 * case.known("head_pad_opening_deg").number
    )
    # where the trochanter touches ground, then everything within the pad's radius of it
    upper = femur.local(at)[..., 2] > femur.local(points["greater_trochanter_lateral"])[2] - radius
    beside = body.bone & upper & ((at - points["head_centre"]) @ lateral(femur) > radius)
    height = (at - points["head_centre"]) @ up
    bottom = float(height[beside].min())
    lowest = at[beside & (height < bottom + TOUCH_MM + ROUND_MM)].mean(axis=0)
    across = at - lowest
    across = np.linalg.norm(across - (across @ up)[..., None] * up, axis=-1)
    deep = height - bottom
    return on_head, beside & (across <= case.known("trochanter_pad_radius_mm").number + ROUND_MM) & (
        deep <= case.known("trochanter_pad_depth_mm").number + ROUND_MM
    )


def _pad(body: ResampledBone, part: Bool, thick: float, *, up: bool, where: str, name: str) -> Platen:
    try:
        return platen(part & body.bone, body.bone, edge_mm=body.edge_mm, thickness_mm=thick, up=up)
    except BadInput as why:
        raise NotAvailable(f"{name}: no pad can sit on the {where}: {why}") from why


def build_head(anatomy: Anatomy, settings: MechanicsSettings) -> Specimen:
    """A humerus whose head is pressed into its shaft.

    Raises:
        NotAvailable: head or shaft is not on the scan, or no bone joins them.
    """
    case, humerus = load_case("humerus_head"), frame_of(anatomy, "proximal_humerus")
    points = humerus.landmarks_mm
    if "shaft_axis_bottom" not in points:
        raise NotAvailable(
            f"{anatomy.level}: no shaft below the surgical neck is on the scan, where it is held: load a "
            "scan that reaches farther down the arm"
        )
    up = unit(points["head_apex"] - points["head_centre"])
    end = float(humerus.local(points["shaft_axis_bottom"])[2]) + case.known("held_mm").number
    return press_head(anatomy, settings, case, humerus, up, end)
