"""Half a pelvis under the hip: builder of a thin case, for ratios between states only.

The bone is resampled on cubes along the axes of the anterior pelvic plane.  Its sacroiliac surface and its
symphysis are held.  The femoral head, a ball on a bed of springs (the cartilage), presses into the lunate:

    p = k max(delta . n, 0)            n: from the centre of the socket to its wall

delta is the ball's move for which the pressure adds up to the given force F along the given direction; the
pressure is then a cosine about delta.  Faces of the fossa lie too deep to touch the ball.

No strength: no failure criterion for such a mesh of a pelvis was found.  The force's direction is a default
of ours (loads/hemipelvis_hip_contact.yaml).
Tests: tests/unit/test_hemipelvis.py.
"""

from __future__ import annotations

import numpy as np

from osteoplan.arrays import Bool
from osteoplan.errors import NotAvailable
from osteoplan.kernels.elasticity import Bricks
from osteoplan.knowledge.loads import LoadCase, load_case
from osteoplan.mechanics.cases.nodes import Nodes
from osteoplan.mechanics.cases.resampled import image_of, rebuild
from osteoplan.mechanics.cases.socket_contact import press, socket_faces
from osteoplan.mechanics.checks import largest_piece
from osteoplan.mechanics.specimen import BoundaryConditions, Specimen
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.model.anatomy import Anatomy, BoneFrame

__all__ = ["build_hemipelvis", "frame_of", "held_at_sacrum", "held_at_symphysis", "require_nodes"]

SACRUM = ("sacrum", "vertebrae_S1")
LEAST_NODES = 12  # numerics: fewer nodes than this are no surface


def build_hemipelvis(anatomy: Anatomy, settings: MechanicsSettings) -> Specimen:
    """Mesh the hip bone, find where it is loaded and held.

    Raises:
        NotAvailable: socket, sacroiliac joint or symphysis is not seen, or the bone is torn between them.
        BadInput, LesionError: a bone that cannot be meant (``mechanics.checks``).
    """
    body = rebuild(anatomy, anatomy.frame, settings.spacing_mm, margin_mm=(0.0, 0.0, 0.0))
    case = load_case("hemipelvis_hip_contact")
    socket, pelvis = frame_of(anatomy, "acetabulum"), frame_of(anatomy, "hemipelvis")
    solid = largest_piece(body.bone, bone=anatomy.level)
    mesh, grid = Bricks.of(solid), body.grid
    nodes = Nodes.of(mesh, grid)
    held = {
        "sacroiliac joint": held_at_sacrum(anatomy, nodes, case),
        "pubis": held_at_symphysis(anatomy, pelvis, nodes, case),
    }
    for name, at in held.items():
        require_nodes(at, anatomy, f"at the {name}, where the model is held")
    radius, depth = socket.lengths_mm["radius"], case.known("contact_depth_mm").number
    pressed = press(socket_faces(mesh, grid, socket.landmarks_mm["centre"], radius, depth), pelvis.superior)
    if pressed is None:
        raise NotAvailable(f"{anatomy.level}: the roof of the socket is not seen: the hip cannot load it")
    turn = grid.affine[:3, :3] / settings.spacing_mm
    fixed = np.repeat((held["sacroiliac joint"] | held["pubis"])[:, None], 3, axis=1)
    force = pressed.nodal(len(mesh.nodes)) @ turn
    return Specimen(
        anatomy, settings, case, grid, mesh, image_of(body, mesh, np.zeros_like(solid)),
        lesion=mesh.of_box(body.lesion),
        body=np.ones(len(mesh.cells), dtype=bool), end_cap=np.zeros(len(mesh.cells), dtype=bool),
        conditions=BoundaryConditions(fixed, np.zeros(fixed.shape), force, moved="femoral head"),
        counted={
            "loose_elements_left_out": int(body.bone.sum() - solid.sum()),
            "elements_outside_the_scan": body.unseen,
            "sacroiliac_nodes": int(held["sacroiliac joint"].sum()), "pubis_nodes": int(held["pubis"].sum()),
            "contact_area_mm2": round(pressed.area_mm2, 1),
            "pressure_axis_off_deg": round(pressed.off_deg, 1),
        },
        warnings=tuple(line.format(bone=anatomy.level) for line in case.warnings),
    )  # fmt: skip


def frame_of(anatomy: Anatomy, kind: str) -> BoneFrame:
    """The frame of that kind.

    Raises:
        NotAvailable: none was found.
    """
    if kind not in anatomy.frames:
        raise NotAvailable(f"{anatomy.level}: no frame of the {kind} was found, which the load case needs")
    return anatomy.frames[kind]


def require_nodes(at: Bool, anatomy: Anatomy, where: str) -> None:
    """Refuse a support or a loaded surface of too few nodes (n_nodes,) bool.

    Raises:
        NotAvailable: fewer than a dozen.
    """
    if at.sum() < LEAST_NODES:
        raise NotAvailable(f"{anatomy.level}: no bone is found {where}")


def held_at_sacrum(anatomy: Anatomy, nodes: Nodes, case: LoadCase) -> Bool:
    """(n_nodes,) surface at the sacroiliac joint; towards the sacrum where no joint was derived.

    Raises:
        NotAvailable: neither is seen.
    """
    side = anatomy.bone.rpartition("_")[2]
    masks = {structure.name: structure.mask for structure in anatomy.structures if structure.mask.any()}
    joint = masks.get(f"sacroiliac_joint_{side}")
    if joint is not None:
        return nodes.surface & (nodes.distance_to(anatomy, joint) <= case.known("joint_reach_mm").number)
    for name in SACRUM:
        if name in masks:
            near = nodes.distance_to(anatomy, masks[name]) <= case.known("sacrum_reach_mm").number
            return nodes.surface & near
    raise NotAvailable(
        f"{anatomy.level}: neither sacroiliac joint nor sacrum is seen, where the model is held: "
        "label the sacrum"
    )


def held_at_symphysis(anatomy: Anatomy, pelvis: BoneFrame, nodes: Nodes, case: LoadCase) -> Bool:
    """(n_nodes,) surface of the pubis at the symphysis.

    Raises:
        NotAvailable: it is not seen.
    """
    if "symphysis" not in pelvis.landmarks_mm:
        raise NotAvailable(
            f"{anatomy.level}: the symphysis is not seen on the scan, where the model is held: "
            "load a scan that holds the whole pubis"
        )
    middle = pelvis.landmarks_mm["symphysis"]
    outward = pelvis.left if anatomy.bone.endswith("_left") else -pelvis.left
    away = nodes.at_mm - middle
    near = np.linalg.norm(away, axis=1) <= case.known("symphysis_radius_mm").number
    face: Bool = nodes.surface & near & (away @ outward <= case.known("symphysis_depth_mm").number)
    return face
