"""A piece of a long bone's shaft between two end caps: bent from side to side, bent to the front, or twisted.

    EI = M L / theta        GJ = T L / phi        L the gauge between the caps, theta and phi in rad

The lower cap is clamped.  The upper one carries a pure couple: forces along the shaft that rise across it, or
forces around it, without any resultant.  So every section of the gauge carries the same moment, as between
the inner rollers of a four-point bending test, and the neutral axis lies where the bone wants it.  Caps
are as good as rigid: what turns is the gauge.

Axes: first to the patient's left, second posterior, third up the shaft; origin in the middle of the gauge.
Sources and sizes: loads/shaft_*.yaml.  Tests: tests/unit/test_long_bones.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy import ndimage

from osteoplan.arrays import F64
from osteoplan.errors import NotAvailable
from osteoplan.kernels.elasticity import Bricks
from osteoplan.knowledge.loads import LoadCase, load_case
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

__all__ = ["bending", "build_coronal", "build_sagittal", "build_torsion", "gauge", "torsion"]

SHAFTS = {"femur": "femoral_shaft", "humerus": "humeral_shaft"}
_Couple = Callable[[F64], F64]
_IN_SECTION = ndimage.generate_binary_structure(2, 1)[:, :, None]  # neighbours across the shaft only
SPARE_MM = 6.0  # numerics: bone beyond the caps that keeps their sections whole


def build_coronal(anatomy: Anatomy, settings: MechanicsSettings) -> Specimen:
    """A shaft that is bent in the coronal plane, its lateral side in tension.

    Raises:
        NotAvailable: too little shaft is on the scan, or the lesion lies elsewhere.
    """
    case = load_case("shaft_bending_coronal")
    lateral = -1.0 if anatomy.bone.endswith("_right") else 1.0
    return _build(anatomy, settings, case, lambda at: bending(at, np.array([lateral, 0.0])))


def build_sagittal(anatomy: Anatomy, settings: MechanicsSettings) -> Specimen:
    """A shaft that is bent in the sagittal plane, its anterior side in tension.

    Raises:
        NotAvailable: as ``build_coronal``.
    """
    case = load_case("shaft_bending_sagittal")
    return _build(anatomy, settings, case, lambda at: bending(at, np.array([0.0, -1.0])))


def build_torsion(anatomy: Anatomy, settings: MechanicsSettings) -> Specimen:
    """A shaft that is twisted.

    Raises:
        NotAvailable: as ``build_coronal``.
    """
    return _build(anatomy, settings, load_case("shaft_torsion"), torsion)


def bending(at_mm: F64, tension: F64) -> F64:
    """(n, 3) forces along the third axis that bend with 1 N mm and have no resultant.

    Args:
        at_mm: (n, 2) positions across the shaft; tension: (2,) unit vector to the side that is pulled.
    """
    lever = at_mm @ tension
    lever = lever - lever.mean()
    out = np.zeros((len(at_mm), 3))
    out[:, 2] = lever / (lever @ lever)
    return out


def torsion(at_mm: F64) -> F64:
    """(n, 3) forces around the third axis that twist with 1 N mm and have no resultant; (n, 2) positions."""
    lever = at_mm - at_mm.mean(axis=0)
    out = np.zeros((len(at_mm), 3))
    out[:, 0], out[:, 1] = -lever[:, 1], lever[:, 0]
    return out / float((lever**2).sum())


def gauge(
    low_mm: float, high_mm: float, wanted_mm: float, middle_mm: float, *, pot_mm: float
) -> tuple[float, float] | None:
    """(middle, length) of the gauge on a shaft seen from ``low_mm`` to ``high_mm``, as near to ``middle_mm``
    as it fits with a cap at either end; None where not even a cap fits."""
    room = high_mm - low_mm - 2.0 * pot_mm
    if room <= 0.0:
        return None
    length = min(wanted_mm, room)
    margin = 0.5 * length + pot_mm
    return float(np.clip(middle_mm, low_mm + margin, high_mm - margin)), length


def _build(anatomy: Anatomy, settings: MechanicsSettings, case: LoadCase, couple: _Couple) -> Specimen:
    edge = settings.spacing_mm
    origin, length, frame = _place(anatomy, case)
    layers, thick = round(0.5 * length / edge), max(2, round(case.known("pot_mm").number / edge))
    body = _slab(anatomy, load_frame(origin, frame.superior, frame.left), edge, (layers + thick) * edge)
    zero = round(-float(body.frame.local(body.grid.positions_mm(np.zeros(3)))[2]) / edge + 0.5)
    k = np.arange(body.grid.shape[2])
    between = (k >= zero - layers) & (k < zero + layers)
    upper = (k >= zero + layers) & (k < zero + layers + thick)
    lower = (k >= zero - layers - thick) & (k < zero - layers)
    whole = ndimage.binary_fill_holes(body.bone, structure=_IN_SECTION)
    solid = one_piece(
        (body.bone & between) | (whole & (upper | lower)), whole & upper, whole & lower,
        name=anatomy.level, between="the two ends of the piece of shaft",
    )  # fmt: skip
    mesh, caps = Bricks.of(solid), whole & (upper | lower)
    held = mesh.nodes[:, 2] == zero - layers - thick
    turned = mesh.nodes[:, 2] == zero + layers + thick
    force = np.zeros((len(mesh.nodes), 3))
    force[turned] = couple(mesh.nodes[turned, :2].astype(np.float64) * edge)
    counts = away_from_grips(body, caps, between & body.bone, case.known("uncounted_mm").number)
    return Specimen(
        anatomy, settings, case, body.grid, mesh,
        image_of(body, mesh, caps), lesion=mesh.of_box(body.lesion & body.bone),
        body=mesh.of_box(counts), end_cap=mesh.of_box(caps),
        conditions=BoundaryConditions(
            np.repeat(held[:, None], 3, axis=1), np.zeros((len(mesh.nodes), 3)), force_N=force,
            moved="upper pot", load_unit="N mm",
        ),
        counted={"gauge_mm": 2.0 * layers * edge, "pot_mm": thick * edge, **counts_of(body, mesh, caps)},
        warnings=words_of(anatomy, case, body, mesh, caps),
    )  # fmt: skip


def _place(anatomy: Anatomy, case: LoadCase) -> tuple[F64, float, BoneFrame]:
    """(middle of the gauge (3,) LPS, its length, the shaft's frame)."""
    kind = SHAFTS.get(anatomy.bone.partition("_")[0])
    if kind is None:
        raise NotAvailable(f"{anatomy.level}: no shaft: {case.title} is for the femur and the humerus")
    frame = frame_of(anatomy, kind)
    low, high = (float(frame.local(frame.landmarks_mm[end])[2]) for end in ("axis_bottom", "axis_top"))
    inside = np.argwhere(anatomy.lesion_mask & anatomy.bone_mask)
    lesion = frame.local(anatomy.image.positions_mm(inside))[:, 2]
    middle = float(lesion.mean()) if len(lesion) else 0.5 * (low + high)
    wanted, least, pot = (case.known(f"{name}_mm").number for name in ("gauge", "gauge_least", "pot"))
    found = gauge(low, high, wanted, middle, pot_mm=pot)
    if found is None or found[1] < least:
        raise NotAvailable(
            f"{anatomy.level}: only {high - low:.0f} mm of true shaft are on the scan, {case.title} needs "
            f"{least + 2.0 * pot:.0f}: load a scan that shows more"
        )
    at, length = found
    if len(lesion) and not (abs(lesion - at) <= 0.5 * length).any():
        raise NotAvailable(f"{anatomy.level}: the lesion lies outside the shaft, which {case.title} loads")
    return frame.world([0.0, 0.0, at]), length, frame


def _slab(anatomy: Anatomy, frame: BoneFrame, edge: float, half_mm: float) -> ResampledBone:
    """The bone within that height of the frame's origin, on cubes."""
    at = np.argwhere(anatomy.bone_mask)
    near = np.abs(frame.local(anatomy.image.positions_mm(at))[:, 2]) <= half_mm + SPARE_MM
    mask = np.zeros_like(anatomy.bone_mask)
    mask[tuple(at[near].T)] = True
    if anatomy.lesion_mask.any() and not (anatomy.lesion_mask & mask).any():
        raise NotAvailable(f"{anatomy.level}: the lesion lies outside the piece of shaft that is loaded")
    return rebuild(replace(anatomy, bone_mask=mask), frame, edge, margin_mm=(0.0, 0.0, 0.0))
