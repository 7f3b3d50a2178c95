"""Stiffness of half a pelvis under the hip: a thin case, for ratios between states only.

The bone is rebuilt on cubes along the axes of the anterior pelvic plane.  Its sacroiliac surface and its
symphysis are held.  The femoral head, a ball on a bed of springs (the cartilage), presses into the lunate:

    p = k max(delta . n, 0)            n: from the centre of the socket to its wall

delta is the ball's move for which the pressure adds up to the given force F along the given direction; the
pressure is then a cosine about delta.  Faces of the fossa lie too deep to touch the ball.

    w = u . f / F                      displacement along the force, averaged over the work that it does
    K = F / w = F^2 / (u . f)          stiffness

Every state (intact, now, after cement and screws) uses one mesh, one load and the same supports.  K is a
minimum of energy at w = 1 mm: stiffer material anywhere never lowers it; the estimates of ``worlds`` hold.

No strength: no failure criterion for such a mesh of a pelvis was found.  The force's direction is a default
of ours (materials/hemipelvis.yaml).
Tests: tests/unit/test_hemipelvis.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from osteoplan.errors import NotAvailable
from osteoplan.kernels.distance import signed_distance
from osteoplan.kernels.elasticity import (
    Bricks,
    Stiffness,
    brick_stiffness,
    effective_strain,
    element_energy,
)
from osteoplan.kernels.multigrid import Equilibrium, OnStep, equilibrium
from osteoplan.kernels.resample import bounding_box, gather_linear
from osteoplan.knowledge.materials import material, modulus_law
from osteoplan.mechanics.anchors import anchors
from osteoplan.mechanics.contact import press, socket_faces
from osteoplan.mechanics.screws import Embedded, embed
from osteoplan.mechanics.state import (
    MechanicsResult,
    MechanicsSettings,
    Solved,
    State,
    cement_share,
    grid_along_the_bone,
    inside,
    replaced_by_soft_tissue,
    sample,
    stiffness_draws,
)
from osteoplan.mechanics.worlds import Tissue, central_world, modulus, worlds
from osteoplan.model.anatomy import Anatomy, BoneFrame
from osteoplan.model.effects import Effects
from osteoplan.model.evidence import worst
from osteoplan.model.field import Field
from osteoplan.model.outcome import Estimate
from osteoplan.model.volume import Volume

__all__ = ["TARGET", "HemipelvisModel", "build_hemipelvis", "hemipelvis_settings", "load"]

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

TARGET = "hip contact"
THIN = "thin case: relative stiffness only, replaced by a later version"
BOUNDARY_CONDITION = (
    "cosine pressure on the lunate, resultant straight superior; sacroiliac joint and pubis fixed"
)
SACRUM = ("sacrum", "vertebrae_S1")
LEAST_FACES = 12  # numerics: fewer faces or nodes than this are no surface


@dataclass(frozen=True, eq=False)
class HemipelvisModel:
    """A hip bone on the testing machine.

    Attributes:
        grid: box of elements in patient space; axes left, posterior, superior of the pelvis.
        image: CT value of each element, by state.
        lesion: (n_elements,) mask.
        fixed: (n_nodes, 3) held; force: (n_nodes, 3) that the ball brings, 1 N in all.
    """

    anatomy: Anatomy
    settings: MechanicsSettings
    grid: Volume
    mesh: Bricks
    image: Mapping[State, F64]
    lesion: Bool
    fixed: Bool
    force: F64
    diagnostics: Mapping[str, float | int | str]
    warnings: tuple[str, ...]


def hemipelvis_settings(spacing_mm: float | None = None) -> MechanicsSettings:
    """The settings of this case: its own laws, its own edge unless a coarser one is asked for."""
    edge = max(_number("spacing_mm"), spacing_mm or 0.0)
    laws = tuple(str(material(f"hemipelvis.{key}").value) for key in ("law_central", "law_other"))
    return MechanicsSettings(spacing_mm=edge, laws=laws)


def build_hemipelvis(anatomy: Anatomy, settings: MechanicsSettings) -> HemipelvisModel:
    """Mesh the hip bone, find where it is loaded and held.

    Raises:
        NotAvailable: socket, sacroiliac joint or symphysis is not seen, or the bone is torn between them.
    """
    socket, pelvis = _frame(anatomy, "acetabulum"), _frame(anatomy, "hemipelvis")
    grid = grid_along_the_bone(anatomy, settings.spacing_mm, margin_mm=(0.0, 0.0, 0.0))
    now, intact = sample(grid, anatomy.image), sample(grid, anatomy.image_intact)
    seen = np.isfinite(now) & np.isfinite(intact)
    bone = inside(grid, anatomy, anatomy.bone_mask)
    solid = _largest_piece(bone & seen)
    mesh = Bricks.of(solid)
    nodes = _Nodes.of(mesh, grid)
    held = {"sacroiliac joint": _at_sacrum(anatomy, nodes), "pubis": _at_symphysis(anatomy, pelvis, nodes)}
    for name, at in held.items():
        if at.sum() < LEAST_FACES:
            raise NotAvailable(f"{anatomy.level}: no bone is found at the {name}, where the model is held")
    faces = socket_faces(
        mesh, grid, socket.landmarks_mm["centre"], socket.lengths_mm["radius"], _number("contact_depth_mm")
    )
    pressed = press(faces, pelvis.superior)
    if pressed is None:
        raise NotAvailable(f"{anatomy.level}: the roof of the socket is not seen: the hip cannot load it")
    turn = grid.affine[:3, :3] / settings.spacing_mm
    return HemipelvisModel(
        anatomy, settings, grid, mesh, {"now": mesh.of_box(now), "intact": mesh.of_box(intact)},
        lesion=mesh.of_box(inside(grid, anatomy, anatomy.lesion_mask)),
        fixed=np.repeat((held["sacroiliac joint"] | held["pubis"])[:, None], 3, axis=1),
        force=pressed.nodal(len(mesh.nodes)) @ turn,
        diagnostics={
            "elements": len(mesh.cells), "nodes": len(mesh.nodes), "spacing_mm": settings.spacing_mm,
            "loose_elements_left_out": int((bone & seen).sum() - solid.sum()),
            "elements_outside_the_scan": int((bone & ~seen).sum()),
            "boundary_condition": BOUNDARY_CONDITION,
            "sacroiliac_nodes": int(held["sacroiliac joint"].sum()), "pubis_nodes": int(held["pubis"].sum()),
            "contact_area_mm2": round(pressed.area_mm2, 1),
            "pressure_axis_off_deg": round(pressed.off_deg, 1),
        },
        warnings=(
            f"stiffness of the {anatomy.level} under the hip is relative to intact, by a thin load case; "
            "no strength is claimed",
        ),
    )  # fmt: skip


def load(
    model: HemipelvisModel,
    *,
    image: State,
    fields: tuple[Field, ...] = (),
    fill_worlds: tuple[Field, ...] = (),
    effects: Effects | None = None,
    seed: int,
    n_draws: int,
    on_step: OnStep | None = None,
) -> MechanicsResult:
    """Load the hip bone in one state.

    Args:
        model: of ``build_hemipelvis``.
        image: ``intact`` (without the lesion) or ``now``.
        fields: what was done to it; ``cement_fraction`` is understood.
        fill_worlds: ``cement_fraction`` of an uncertain fill; draw k takes world k modulo their number.
        effects: its solids are screws and wires, bonded to the bone.
        seed, n_draws: of the sampled worlds.

    Raises:
        NotConverged: the solver stopped short.
        Cancelled: ``on_step(iteration, residual)`` returned False.
    """
    rods = tuple(embed(solid, model.grid, model.mesh) for solid in (effects.solids if effects else ()))
    tissue = _tissue(model, image, fields, rods)
    central = central_world(model.anatomy.calibration, model.settings.laws[0])
    E = modulus(tissue, central)
    solved, K0 = _solve(model, E, on_step)
    s = _energies(model, solved, K0)
    K = float((E * s).sum())
    sampled = worlds(model.anatomy.calibration, model.settings.laws, seed, n_draws)

    def energies(other: F64) -> F64:
        # Energies are second order in the error of the field: a loose solve is enough.
        again, _ = _solve(model, other, on_step, tolerance=1e-4, start_mm=solved.displacement_mm)
        return _energies(model, again, K0)

    state = Solved(tissue, E, s)
    fixed = anchors(state, central, model.settings.laws, energies)
    cements = [cement_share(model.grid, model.mesh, (fill,)) for fill in fill_worlds]
    draws, again = stiffness_draws(state, cements, central, sampled, energies)
    draws = draws * np.array([fixed.factor(world) for world in sampled])
    return MechanicsResult(
        (_outcome(model, tissue, K, draws),),
        (_strain_field(model, s, K),),
        {
            **model.diagnostics,
            **_diagnostics(model, tissue, K, solved),
            "fills_solved_again": again,
            "anchors_solved": fixed.solved,
        },
        model.warnings,
    )


@dataclass(frozen=True, eq=False)
class _Nodes:
    """Nodes of the mesh in patient space.

    Attributes:
        at_mm: (n_nodes, 3); surface: (n_nodes,) True where some element around the node is missing.
        lattice: (4, 4) affine and shape of the lattice of nodes.
    """

    mesh: Bricks
    at_mm: F64
    surface: Bool
    affine: F64

    @classmethod
    def of(cls, mesh: Bricks, grid: Volume) -> _Nodes:
        affine = grid.affine.copy()
        affine[:3, 3] -= 0.5 * affine[:3, :3].sum(axis=1)
        shared = np.bincount(mesh.corners.ravel(), minlength=len(mesh.nodes))
        return cls(mesh, mesh.nodes @ affine[:3, :3].T + affine[:3, 3], shared < 8, affine)

    def distance_to(self, anatomy: Anatomy, mask: Bool) -> F64:
        """(n_nodes,) signed distance [mm] to a mask on the anatomy's grid; inf far away."""
        low, high = bounding_box(mask)
        reach = np.ceil(20.0 / anatomy.image.spacing_mm).astype(int)
        crop = anatomy.image.with_array(mask, "mask").crop(low - reach, high + reach)
        ni, nj, nk = (n + 1 for n in self.mesh.shape)
        field = signed_distance(crop.array, crop.spacing_mm)
        box = gather_linear(field, crop.affine, self.affine, (ni, nj, nk), outside=np.inf)
        found: F64 = box[tuple(self.mesh.nodes.T)]
        return found


def _frame(anatomy: Anatomy, kind: str) -> BoneFrame:
    if kind not in anatomy.frames:
        raise NotAvailable(f"{anatomy.level}: no frame of the {kind} was found, which the load case needs")
    return anatomy.frames[kind]


def _at_sacrum(anatomy: Anatomy, nodes: _Nodes) -> Bool:
    """(n_nodes,) surface at the sacroiliac joint; towards the sacrum where no joint was derived."""
    side = anatomy.bone.rpartition("_")[2]
    masks = {structure.name: structure.mask for structure in anatomy.structures if structure.mask.any()}
    joint = masks.get(f"sacroiliac_joint_{side}")
    if joint is not None:
        return nodes.surface & (nodes.distance_to(anatomy, joint) <= _number("joint_reach_mm"))
    for name in SACRUM:
        if name in masks:
            near = nodes.distance_to(anatomy, masks[name]) <= _number("sacrum_reach_mm")
            return nodes.surface & near
    raise NotAvailable(
        f"{anatomy.level}: neither sacroiliac joint nor sacrum is seen, where the model is held: "
        "label the sacrum"
    )


def _at_symphysis(anatomy: Anatomy, pelvis: BoneFrame, nodes: _Nodes) -> Bool:
    """(n_nodes,) surface of the pubis at the symphysis."""
    if "symphysis" not in pelvis.landmarks_mm:
        raise NotAvailable(
            f"{anatomy.level}: the symphysis is not seen on the scan, where the model is held: "
            "load a scan that holds the whole pubis"
        )
    middle = pelvis.landmarks_mm["symphysis"]
    outward = pelvis.left if anatomy.bone.endswith("_left") else -pelvis.left
    away = nodes.at_mm - middle
    near = np.linalg.norm(away, axis=1) <= _number("symphysis_radius_mm")
    face: Bool = nodes.surface & near & (away @ outward <= _number("symphysis_depth_mm"))
    return face


def _largest_piece(solid: Bool) -> Bool:
    pieces, _ = ndimage.label(solid)
    size = np.bincount(pieces.ravel())
    size[0] = 0
    largest: Bool = np.equal(pieces, int(size.argmax()))
    return largest


def _tissue(
    model: HemipelvisModel, state: State, fields: tuple[Field, ...], rods: tuple[Embedded, ...]
) -> Tissue:
    image = model.image[state]
    return Tissue(
        image, np.zeros(len(image), dtype=bool),
        replaced_by_soft_tissue(model.anatomy, image, model.lesion, state),
        cement_share(model.grid, model.mesh, fields), rods,
    )  # fmt: skip


def _solve(
    model: HemipelvisModel,
    E: F64,
    on_step: OnStep | None,
    *,
    tolerance: float | None = None,
    start_mm: F64 | None = None,
) -> tuple[Equilibrium, F64]:
    """Displacements under 1 N from the hip, and the element matrix."""
    K0 = brick_stiffness([model.settings.spacing_mm] * 3, float(material("bone.poisson_ratio").value or 0.0))
    A = Stiffness.uniform(model.mesh, K0, E, dtype=np.float64)
    solved = equilibrium(
        A, fixed=model.fixed, prescribed_mm=np.zeros(model.fixed.shape), force_N=model.force,
        tolerance=tolerance or model.settings.tolerance, start_mm=start_mm,
        max_iterations=model.settings.max_iterations, on_step=on_step,
    )  # fmt: skip
    return solved, K0


def _energies(model: HemipelvisModel, solved: Equilibrium, K0: F64) -> F64:
    """(n_elements,) energies s at E = 1 MPa, at a work-averaged displacement of 1 mm."""
    w = float((solved.displacement_mm * model.force).sum())
    return element_energy(model.mesh, K0, solved.displacement_mm) / w**2


def _outcome(model: HemipelvisModel, tissue: Tissue, K: float, draws: F64) -> Estimate:
    laws = [modulus_law(law) for law in model.settings.laws]
    because = [
        THIN,
        *dict.fromkeys(key for law in laws for key in law.cite),
        f"voxel finite elements; {BOUNDARY_CONDITION}",
        "density laws of the femur stand in for the pelvis",
        "the interval holds calibration, law and material ranges (energies of solved fields)",
    ]
    used = ["law_central", "law_other", "load_direction", "contact_depth_mm"]
    statuses = [material(f"hemipelvis.{key}").status for key in used]
    if tissue.cement.any():
        because += ["Kinzl", "Jasper2002"]
    if tissue.rods:
        because.append("screws as scaled voxels, bonded to the bone")
        statuses.append("unverified")
    if not model.anatomy.calibration.calibrated:
        because.append("uncalibrated density: read ratios between states, not newtons")
    return Estimate.from_draws(
        "stiffness_N_per_mm", TARGET, value=K, draws=draws, unit="N/mm", because=tuple(because),
        status=worst(*(law.status for law in laws), *statuses),
    )  # fmt: skip


def _diagnostics(
    model: HemipelvisModel, tissue: Tissue, K: float, solved: Equilibrium
) -> dict[str, float | int]:
    voxel_mL = model.settings.spacing_mm**3 / 1000.0
    w = float((solved.displacement_mm * model.force).sum())
    return {
        "iterations": solved.iterations,
        "residual": solved.residual,
        "work_against_energy": abs(1.0 / w - K) / K,
        "reaction_against_load": float(np.linalg.norm((solved.reaction_N + model.force).sum(axis=0))),
        "replaced_by_soft_tissue_mL": float(tissue.replaced.sum()) * voxel_mL,
        "cement_in_bone_mL": float(tissue.cement.sum()) * voxel_mL,
        "metal_in_bone_mL": float(sum(rod.share.sum() for rod in tissue.rods)) * voxel_mL,
    }


def _strain_field(model: HemipelvisModel, s: F64, K: float) -> Field:
    newtons = _number("display_load_N")
    strain = effective_strain(s, model.settings.spacing_mm**3) * newtons / K
    box = model.mesh.box(strain.astype(np.float32))
    volume = model.grid.with_array(box, "strain")
    return Field("effective_strain", volume, "1", f"at {newtons:g} N, element mean (rms)")


def _number(key: str) -> float:
    return float(material(f"hemipelvis.{key}").value or 0.0)
