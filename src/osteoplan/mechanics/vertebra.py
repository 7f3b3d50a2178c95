"""Strength of a vertebra in compression: bricks of bone between two caps of cement.

The bone is rebuilt on cubes along its own axes, potted on both endplates and compressed along its superior
axis by a prescribed displacement; x and y are free (the boundary condition that the failure criterion below
was published with).  Every state (intact, now, after cement) uses one mesh and one boundary condition, so
states differ by their materials alone.

    K = reaction / displacement              strength = 0.0068 K H  (linear criterion, see the material file)

Sources: spineFE-benchmark (Walle 2025) for caps and criterion; Pistoia 2002 for the second criterion.
Tests: tests/unit/test_mechanics.py, tests/analytic/test_published_answers.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from osteoplan.errors import BadInput, NotAvailable
from osteoplan.kernels.elasticity import (
    Bricks,
    Stiffness,
    brick_stiffness,
    effective_strain,
    element_energy,
)
from osteoplan.kernels.multigrid import Equilibrium, OnStep, equilibrium
from osteoplan.knowledge.materials import material, modulus_law
from osteoplan.mechanics.potting import Potting, pot
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
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.effects import Effects
from osteoplan.model.evidence import worst
from osteoplan.model.field import Field
from osteoplan.model.outcome import Estimate
from osteoplan.model.volume import Volume

__all__ = ["MechanicsResult", "MechanicsSettings", "VertebraModel", "build_model", "compress"]

F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
BOUNDARY_CONDITION = (
    "superior cap moved down, inferior cap held, x and y free "
    "(rigid motion pinned at two nodes of the inferior plane)"
)


@dataclass(frozen=True, eq=False)
class VertebraModel:
    """A potted vertebra: mesh, what the images show in each element, and how the machine holds it.

    Attributes:
        grid: box of elements in patient space; axes left, posterior, superior of the bone.
        image: CT value of each element, by state.
        lesion, body, cap: (n_elements,) masks.
        fixed: (n_nodes, 3) held by the machine; moved: (n_nodes,) nodes of the moving plane.
    """

    anatomy: Anatomy
    settings: MechanicsSettings
    grid: Volume
    mesh: Bricks
    image: Mapping[State, F64]
    lesion: Bool
    body: Bool
    cap: Bool
    fixed: Bool
    moved: Bool
    height_mm: float
    diagnostics: Mapping[str, float | int | str]


def build_model(anatomy: Anatomy, settings: MechanicsSettings) -> VertebraModel:
    """Mesh and pot the vertebra.

    Raises:
        BadInput: the body cannot be potted, the bone is torn between the caps, or it leaves the image.
    """
    h = settings.spacing_mm
    grid = grid_along_the_bone(anatomy, h, margin_mm=(0.0, 0.0, _number("cap_thickness_mm") + h))
    bone, body, lesion = (
        inside(grid, anatomy, mask)
        for mask in (anatomy.bone_mask, anatomy.parts["body"], anatomy.lesion_mask)
    )
    body &= bone
    potting = pot(
        body, bone, edge_mm=settings.spacing_mm,
        thickness_mm=_number("cap_thickness_mm"), depth_mm=_number("cap_depth_mm"),
        percentile=_number("height_percentile"),
    )  # fmt: skip
    caps = potting.superior | potting.inferior
    solid = _one_piece(bone | caps, potting)
    mesh = Bricks.of(solid)
    fixed, moved = _held(mesh, potting)
    return VertebraModel(
        anatomy, settings, grid, mesh,
        {"now": _values(grid, anatomy.image, mesh), "intact": _values(grid, anatomy.image_intact, mesh)},
        lesion=mesh.of_box(lesion), body=mesh.of_box(body), cap=mesh.of_box(caps), fixed=fixed, moved=moved,
        height_mm=potting.height_mm,
        diagnostics={
            "elements": len(mesh.cells), "nodes": len(mesh.nodes),
            "loose_elements_left_out": int(bone.sum() + caps.sum() - solid.sum()),
            "spacing_mm": settings.spacing_mm, "height_mm": round(potting.height_mm, 3),
            "boundary_condition": BOUNDARY_CONDITION,
            "plane_nodes": int(moved.sum()),
        },
    )  # fmt: skip


def compress(
    model: VertebraModel,
    *,
    image: State,
    fields: tuple[Field, ...] = (),
    fill_worlds: tuple[Field, ...] = (),
    effects: Effects | None = None,
    seed: int,
    n_draws: int,
    on_step: OnStep | None = None,
) -> MechanicsResult:
    """Compress the vertebra in one state.

    Args:
        model: of ``build_model``.
        image: ``intact`` (without the lesion) or ``now``.
        fields: what was done to it; ``cement_fraction`` is understood.
        fill_worlds: ``cement_fraction`` of an uncertain fill; draw k takes world k modulo their number.
        effects: its solids must be empty: rods are not simulated here.
        seed, n_draws: of the sampled worlds.

    Raises:
        NotConverged: the solver stopped short.
        Cancelled: ``on_step(iteration, residual)`` returned False.
        NotAvailable: the plan leaves rods in the bone.
    """
    if effects is not None and effects.solids:
        raise NotAvailable("rods in a vertebra are not simulated yet: leave this option's strength open")
    tissue = _tissue(model, image, fields)
    central = central_world(model.anatomy.calibration, model.settings.laws[0])
    E = modulus(tissue, central)
    solved, K0 = _solve(model, E, on_step)
    s = element_energy(model.mesh, K0, solved.displacement_mm)  # the machine moves by 1 mm
    K = float((E * s).sum())
    sampled = worlds(model.anatomy.calibration, model.settings.laws, seed, n_draws)

    def energies(other: F64) -> F64:
        # Energies are second order in the error of the field: a loose solve is enough.
        again, _ = _solve(model, other, on_step, tolerance=1e-4, start_mm=solved.displacement_mm)
        return element_energy(model.mesh, K0, again.displacement_mm)

    cements = [_cement(model, (fill,)) for fill in fill_worlds]
    draws, again = stiffness_draws(Solved(tissue, E, s), cements, central, sampled, energies)
    strain = effective_strain(s, model.settings.spacing_mm**3)
    return MechanicsResult(
        _outcomes(model, tissue, K, draws, strain),
        (_strain_field(model, strain / K),),
        {
            **model.diagnostics,
            **_diagnostics(model, tissue, K, solved),
            "fills_solved_again": again,
        },
    )


def _values(grid: Volume, image: Volume, mesh: Bricks) -> F64:
    """(n_elements,) image values."""
    sampled: F64 = mesh.of_box(sample(grid, image))
    if not np.isfinite(sampled).all():
        raise BadInput("the bone or its caps leave the image: load a scan that holds the whole vertebra")
    return sampled


def _one_piece(solid: Bool, potting: Potting) -> Bool:
    """The piece (connected over faces) that joins the caps."""
    pieces, _ = ndimage.label(solid)
    shared = np.intersect1d(pieces[potting.superior], pieces[potting.inferior])
    if shared.size == 0:
        raise BadInput("the bone mask is torn between the endplates: no load can pass; check the mask")
    size = np.bincount(pieces.ravel())
    return np.asarray(pieces == max(shared, key=lambda piece: size[piece]))


def _held(mesh: Bricks, potting: Potting) -> tuple[Bool, Bool]:
    """(fixed unknowns, nodes of the moving plane)."""
    moved = _plane(mesh, potting.superior, potting.top, side=1)
    still = np.flatnonzero(_plane(mesh, potting.inferior, potting.bottom, side=0))
    fixed = np.zeros((len(mesh.nodes), 3), dtype=bool)
    fixed[moved, 2] = True
    fixed[still, 2] = True
    # Three supports without reaction: they only stop the bone from drifting and turning about the load.
    left, right = still[np.argmax(mesh.nodes[still, 0])], still[np.argmin(mesh.nodes[still, 0])]
    fixed[left, :2] = True
    fixed[right, 1] = True
    return fixed, moved


def _plane(mesh: Bricks, cap: Bool, plane: int, *, side: int) -> Bool:
    """(n_nodes,) nodes where a cap ends in the plane."""
    lattice = np.zeros(tuple(n + 1 for n in mesh.shape), dtype=bool)
    i, j = np.nonzero(cap[:, :, plane - side])
    for di in (0, 1):
        for dj in (0, 1):
            lattice[i + di, j + dj, plane] = True
    at: Bool = lattice[tuple(mesh.nodes.T)]
    return at


def _tissue(model: VertebraModel, state: State, fields: tuple[Field, ...]) -> Tissue:
    image = model.image[state]
    replaced = replaced_by_soft_tissue(model.anatomy, image, model.lesion, state)
    return Tissue(image, model.cap, replaced & ~model.cap, _cement(model, fields))


def _cement(model: VertebraModel, fields: tuple[Field, ...]) -> F64:
    """(n_elements,) share of each element that is cement."""
    return np.where(model.cap, 0.0, cement_share(model.grid, model.mesh, fields))


def _solve(
    model: VertebraModel,
    E: F64,
    on_step: OnStep | None,
    *,
    tolerance: float | None = None,
    start_mm: F64 | None = None,
) -> tuple[Equilibrium, F64]:
    """Displacements with the superior plane moved down by 1 mm, and the element matrix."""
    K0 = brick_stiffness([model.settings.spacing_mm] * 3, float(material("bone.poisson_ratio").value or 0.0))
    prescribed = np.zeros(model.fixed.shape)
    prescribed[model.moved, 2] = -1.0
    A = Stiffness.uniform(model.mesh, K0, E, dtype=np.float64)
    solved = equilibrium(
        A, fixed=model.fixed, prescribed_mm=prescribed, tolerance=tolerance or model.settings.tolerance,
        start_mm=start_mm,        max_iterations=model.settings.max_iterations, on_step=on_step,
    )  # fmt: skip
    return solved, K0


def _outcomes(
    model: VertebraModel, tissue: Tissue, K: float, draws: F64, strain: F64
) -> tuple[Estimate, ...]:
    """Stiffness, and load at failure by both criteria; ``strain`` is that at 1 mm."""
    laws = [modulus_law(law) for law in model.settings.laws]
    stated = [material(f"vertebra_compression.{key}") for key in ("failure_strain", "pistoia_strain")]
    calibration = model.anatomy.calibration
    because = [
        *dict.fromkeys(key for law in laws for key in law.cite),
        "voxel finite elements between cement caps",
        "the interval holds calibration, law and material ranges (energies of one solved field), "
        "not the error of the criterion itself",
    ]
    if tissue.cement.any():
        because += ["Kinzl", "Jasper2002"]
    if not calibration.calibrated:
        because += ["uncalibrated density: read ratios between states, not newtons"]
    status = worst(*(law.status for law in laws), *(known.status for known in stated))
    strength = _number("failure_strain") * model.height_mm
    bone = model.body & ~model.cap & ~tissue.replaced & (tissue.cement < 0.5)
    critical = float(np.quantile(strain[bone], 1.0 - _number("pistoia_volume_fraction")))
    pistoia = _number("pistoia_strain") / critical
    rows = (
        ("stiffness_N_per_mm", 1.0, "N/mm", ()),
        (
            "strength_N",
            strength,
            "N",
            ("SpineFE2025", f"{_number('failure_strain'):g} K H with H {model.height_mm:.1f} mm"),
        ),
        (
            "pistoia_load_N",
            pistoia,
            "N",
            (
                "Pistoia2002",
                f"{100 * _number('pistoia_volume_fraction'):g} % of the body's bone above "
                f"{100 * _number('pistoia_strain'):g} % effective strain",
            ),
        ),
    )
    return tuple(
        Estimate.from_draws(
            id, "compression", value=K * factor, draws=draws * factor, unit=unit, because=(*why, *because),
            status=status,
        )
        for id, factor, unit, why in rows
    )  # fmt: skip


def _diagnostics(model: VertebraModel, tissue: Tissue, K: float, solved: Equilibrium) -> dict[str, float]:
    reaction = -float(solved.reaction_N[model.moved, 2].sum())
    return {
        "iterations": solved.iterations,
        "residual": solved.residual,
        "reaction_against_energy": abs(reaction - K) / K,
        "replaced_by_soft_tissue_mL": _mL(model, tissue.replaced.astype(np.float64)),
        "cement_in_bone_mL": _mL(model, tissue.cement),
    }


def _strain_field(model: VertebraModel, per_newton: F64) -> Field:
    load = _number("display_load_N")
    box = model.mesh.box((per_newton * load).astype(np.float32))
    return Field(
        "effective_strain", model.grid.with_array(box, "strain"), "1", f"at {load:g} N, element mean (rms)"
    )


def _mL(model: VertebraModel, fraction: F64) -> float:
    return float(fraction.sum()) * model.settings.spacing_mm**3 / 1000.0


def _number(key: str) -> float:
    return float(material(f"vertebra_compression.{key}").value or 0.0)
