"""Put a lytic, mixed or blastic lesion into a scan, and keep the truth.

    g(x) = distance to the outline [mm], negative inside (``shape``), changed by what the recipe says:
             spared shell      g = max(g, t - depth)      depth below the bone's surface, t: the shell
             breach            g = min(g, window)
    w(x) = 1/2 - g / e                share of the voxel inside, cut to 0..1
    HU   = (1 - w) scan + w tissue    inside the bone, and in the soft-tissue part outside it

e is the voxel's extent across the edge, so that the edge is blurred as a scanner blurs it; sclerosis fades
over some mm more.  The tissue carries noise with the standard deviation and the correlation between
neighbours that the scan itself has in soft tissue near by.  A collapse comes first (``collapse``), the lesion
after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from osteoplan.anatomy.simulate.collapse import Compression, compression
from osteoplan.anatomy.simulate.recipe import Recipe
from osteoplan.anatomy.simulate.shape import (
    WAVE_NUMBERS,
    LesionBody,
    body_of,
    gap_and_extent,
    local_of,
)
from osteoplan.anatomy.simulate.tissue import (
    noise_like,
    permeation,
    tissue,
)
from osteoplan.anatomy.simulate.window import destroyed, window
from osteoplan.arrays import F64, Array, Mask
from osteoplan.boxes import Box
from osteoplan.errors import BadInput, GeometryMismatch, LesionError
from osteoplan.kernels.distance import signed_distance
from osteoplan.knowledge.values import number, values
from osteoplan.model.anatomy import BoneFrame
from osteoplan.model.evidence import worst
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume

__all__ = ["SimulatedLesion", "simulate", "simulate_several"]

_SURROUNDINGS_MM = 15.0  # beside the lesion: enough soft tissue to measure noise in
_AIR_HU = -400.0  # no lesion grows into air
_BONE_HU = 250.0  # nor into bone that is not its own


@dataclass(frozen=True, eq=False)
class SimulatedLesion:
    """A scan with a lesion in it.

    Attributes:
        ct: the whole scan, same grid and dtype.
        mask: (ni, nj, nk) bool, the lesion with its soft-tissue part, without its rim.
        truth: what was put in, ready for JSON.
        bone: (ni, nj, nk) bool, the bone as it is now: the given mask, or what a collapse left of it.
        labels: the label map as it is now; None where none was given.
    """

    ct: Volume
    mask: Mask
    truth: Mapping[str, Any]
    bone: Mask
    labels: LabelMap | None = None


@dataclass(frozen=True, eq=False)
class _Field:
    """The crop around the lesion: image in HU, its own bone, what else it may grow into."""

    near: Volume
    hu: F64
    bone: Mask
    free: Mask
    local: F64
    depth: F64


@dataclass(frozen=True, eq=False)
class _Grown:
    """Shares of every voxel of the crop: lesion, and sclerotic rim around it."""

    share: F64
    rim: F64
    gap: F64


def simulate_several(
    ct: Volume,
    bone_mask: Mask,
    recipes: Sequence[Recipe],
    *,
    frame: BoneFrame,
    labels: LabelMap | None = None,
    seed: int,
) -> tuple[SimulatedLesion, ...]:
    """Several lesions in one bone, one after the other; the last one's image holds them all.

    A collapse belongs to the first, so that no earlier mask is left behind.

    Raises:
        BadInput: no recipe, two with one id, or a collapse in a later one.
        LesionError: one lesion overlaps an earlier one.
    """
    if not recipes or len({recipe.id for recipe in recipes}) != len(recipes):
        raise BadInput("several lesions need a recipe each, every one with an id of its own")
    if any(recipe.collapse for recipe in recipes[1:]):
        raise BadInput("a collapse after the first lesion would leave its mask behind: give it to the first")
    made: list[SimulatedLesion] = []
    squeezed = None
    for n, recipe in enumerate(recipes):
        if n == 0 and recipe.collapse:
            squeezed = compression(ct.with_array(bone_mask, "mask"), frame, recipe.collapse)
        elif squeezed:
            x, y, z = squeezed.forward_mm(recipe.centre_mm)
            recipe = replace(recipe, centre_mm=(float(x), float(y), float(z)))
        one = simulate(ct, bone_mask, recipe, frame=frame, labels=labels, seed=seed + n)
        for other in made:
            if (one.mask & other.mask).any():
                raise LesionError(
                    f"lesions {other.truth['id']} and {recipe.id} overlap: move one, or make one of both"
                )
        made.append(one)
        ct, bone_mask, labels = one.ct, one.bone, one.labels
    return tuple(made)


def simulate(
    ct: Volume,
    bone_mask: Mask,
    recipe: Recipe,
    *,
    frame: BoneFrame,
    labels: LabelMap | None = None,
    seed: int,
) -> SimulatedLesion:
    """Put one lesion into one bone as the recipe says; again on the result for another lesion.

    Args:
        ct: scan in HU, or of density with ``recipe.density_line``.
        bone_mask: (ni, nj, nk) bool on the scan's grid, the whole bone, marrow included.
        frame: of the bone; ``kind`` ``vertebra`` for a collapse.
        labels: of the scan; moved along by a collapse, and other structures named in it stay free of the
            soft-tissue part.
        seed: of shape, patches and noise.

    Raises:
        LesionError: the lesion lies beside the image or the bone, or holds too few voxels of bone.
        GeometryMismatch: mask or labels are not on the scan's grid.
        BadInput: neither HU nor a line to it; axes that cannot be.
    """
    _require_scan(ct, bone_mask, recipe, labels)
    squeezed = None
    if recipe.collapse:
        squeezed = compression(ct.with_array(bone_mask, "mask"), frame, recipe.collapse)
        ct, bone_mask, labels = _collapsed(ct, bone_mask, labels, squeezed)
    centre = recipe.centre_mm if squeezed is None else squeezed.forward_mm(recipe.centre_mm)
    body = body_of(centre, recipe.axes_mm, frame.axes, seed)
    box = _box(ct, body, recipe)
    field = _field(ct, bone_mask, labels, box, body, recipe)
    grown = _grown(field, body, recipe)
    lesion = grown.share >= 0.5
    _require_bone(lesion & field.bone, body, number("simulated_lesions.least_voxels"))
    filled, extra = _filled(field, grown, lesion, body, recipe)
    array, mask = ct.array.copy(), np.zeros(ct.shape, dtype=np.bool_)
    array[box], mask[box] = filled, lesion
    truth = _truth(body, recipe) | _measured(field, grown, lesion, recipe, float(bone_mask.sum())) | extra
    if squeezed is not None:
        truth["collapse"] = _collapse_truth(squeezed)
    return SimulatedLesion(ct.with_array(array), mask, truth, bone_mask, labels)


def _require_scan(ct: Volume, bone_mask: Mask, recipe: Recipe, labels: LabelMap | None) -> None:
    if ct.meaning != "HU" and recipe.density_line is None:
        raise BadInput(
            f"a lesion is simulated in HU, this image holds {ct.meaning}: give the CT itself, or the line "
            "from HU to density"
        )
    if ct.meaning == "HU" and recipe.density_line is not None:
        raise BadInput("this image is in HU already: leave out the line from HU to density")
    if bone_mask.shape != ct.shape or bone_mask.dtype != np.bool_:
        raise GeometryMismatch(
            f"the bone's mask is {bone_mask.dtype} of shape {bone_mask.shape}, the CT has {ct.shape}: "
            "give a boolean mask on the CT's grid"
        )
    if labels is not None:
        ct.require_same_grid(labels.volume, what="the label map")


def _collapsed(
    ct: Volume, bone: Mask, labels: LabelMap | None, squeezed: Compression
) -> tuple[Volume, Mask, LabelMap | None]:
    images = [ct, ct.with_array(bone, "mask"), *([labels.volume] if labels else [])]
    after = squeezed.apply(*images)
    moved = None if labels is None else LabelMap(after[2], labels.values)
    return after[0], after[1].array, moved


def _box(ct: Volume, body: LesionBody, recipe: Recipe) -> Box:
    """Index box around the lesion and its surroundings, within the image."""
    reach = 0.75 * body.axes_mm + recipe.rim_mm  # half axes, half as long again where the radius wavers
    if recipe.breach is not None:
        reach = np.maximum(reach, [60.0, 60.0, recipe.breach.axial_mm / 2])  # through any bone to its surface
        reach = reach + recipe.breach.soft_tissue_mm
    reach = reach + recipe.soft_tissue_mm + _SURROUNDINGS_MM
    corners = np.stack(np.meshgrid(*[(-r, r) for r in reach]), axis=-1).reshape(-1, 3)
    box = ct.box(corners @ body.frame_axes + body.centre_mm)
    if any(side.stop <= side.start for side in box):
        raise LesionError(f"the lesion at {body.place} lies outside the image: give LPS positions in mm")
    return box


def _field(
    ct: Volume,
    bone_mask: Mask,
    labels: LabelMap | None,
    box: Box,
    body: LesionBody,
    recipe: Recipe,
) -> _Field:
    near = ct.on(box)
    slope, intercept = recipe.density_line or (1.0, 0.0)
    hu = (near.array.astype(np.float64) - intercept) / slope
    bone = bone_mask[box]
    depth = signed_distance(bone, near.spacing_mm).astype(np.float64)
    # the bone's own blurred edge is bright, and gives way too
    free = ~bone & (hu > _AIR_HU) & ((hu < _BONE_HU) | (depth <= near.spacing_mm.max()))
    if labels is not None:
        free &= labels.volume.array[box] == 0
    return _Field(near, hu, bone, free, local_of(near, body), depth)


def _grown(field: _Field, body: LesionBody, recipe: Recipe) -> _Grown:
    """The lesion within the bone, beyond it, and its rim."""
    names = {"ellipsoid": None, "lobulated": "lobulation"}
    name = names.get(recipe.shape, "irregularity")
    irregularity = number(f"simulated_lesions.{name}") if name else 0.0
    gap, extent = gap_and_extent(
        field.near, field.local, body, irregularity=irregularity, waves=WAVE_NUMBERS[recipe.shape]
    )
    if recipe.matrix == "blastic":
        extent = np.hypot(extent, number("simulated_lesions.blastic_edge_mm"))
    outline = gap
    beyond = field.depth - recipe.soft_tissue_mm if recipe.soft_tissue_mm else np.full_like(gap, np.inf)
    if recipe.breach is not None or recipe.cortex == "spared":
        gap = np.maximum(gap, number("simulated_lesions.spared_shell_mm") + field.depth)
    if recipe.breach is not None:
        opening, q = window(field.local, field.bone, recipe.breach)
        gap = np.minimum(gap, opening)
        dome = np.where(q < 1, np.sqrt(np.clip(1.0 - q**2, 0.0, 1.0)), -np.inf)
        # one sector or tunnel looks to one side: what lies beyond the far wall has no dome
        beyond = field.depth - recipe.breach.soft_tissue_mm * dome if recipe.breach.soft_tissue_mm else beyond
    elif recipe.soft_tissue_mm:
        beyond = np.maximum(beyond, outline)
    inside = np.clip(0.5 - gap / extent, 0.0, 1.0)
    outside = np.clip(0.5 - beyond / extent, 0.0, 1.0)
    share = np.where(field.bone, inside, np.where(field.free, outside, 0.0))
    rim = np.zeros_like(share)
    if recipe.rim_mm:
        wide = np.clip(0.5 - (gap - recipe.rim_mm) / np.hypot(extent, 1.0), 0.0, 1.0)
        rim = np.where(field.bone, np.maximum(wide - share, 0.0), 0.0)
    return _Grown(share, rim, gap)


def _filled(
    field: _Field, grown: _Grown, lesion: Mask, body: LesionBody, recipe: Recipe
) -> tuple[Array, dict[str, Any]]:
    """Values of the crop with the lesion in it, and what only the filling knows."""
    noise, noise_from = noise_like(field.hu, field.bone, field.near.spacing_mm, body.seed)
    changed = (grown.share > 0.0) | (grown.rim > 0.0)
    hu, local, rough, own = field.hu[changed], field.local[changed], noise[changed], field.bone[changed]
    inner = tissue(hu, local, rough, recipe.matrix, body.seed)
    soft = number("simulated_lesions.soft_tissue_HU") + rough
    if recipe.matrix == "blastic":
        soft = np.maximum(soft, hu)
    share, gone = grown.share[changed], 1.0
    if recipe.shape == "permeative":
        holes = permeation(local, body.seed)
        gone = float(holes[lesion[changed]].mean())
        share = share * np.where(own, holes, 1.0)
    filled = (1.0 - share) * hu + share * np.where(own, inner, soft)
    if recipe.rim_mm:
        raised = tissue(hu, local, rough, "blastic", body.seed)  # nowhere lowered
        filled += grown.rim[changed] * np.maximum(raised - filled, 0.0)
    after = field.hu.copy()
    after[changed] = filled
    slope, intercept = recipe.density_line or (1.0, 0.0)
    stored = _as_stored(after * slope + intercept, field.near.array, changed)
    return stored, {
        "voxels_changed": int((stored != field.near.array).sum()),
        "noise_HU": float(noise.std()),
        "noise_from": noise_from,
        "destroyed_share": gone,
        "mean_HU": float(after[lesion & field.bone].mean()),
    }


def _as_stored(values: F64, stored: Array, changed: Mask) -> Array:
    """The values in the scan's own dtype; voxels that did not change keep their bits."""
    if np.issubdtype(stored.dtype, np.integer):
        limits = np.iinfo(stored.dtype)
        values = np.clip(np.rint(values), limits.min, limits.max)
    return np.where(changed, values.astype(stored.dtype), stored)


def _require_bone(lesion: Mask, body: LesionBody, least: float) -> None:
    count = int(lesion.sum())
    if count == 0:
        raise LesionError(f"the lesion at {body.place} holds no bone: move its centre into the bone")
    if count < least:
        raise LesionError(
            f"the lesion at {body.place} holds {count} voxels of bone, at least {least:.0f} are needed: "
            "make its axes longer, or move its centre into the bone"
        )


def _measured(
    field: _Field, grown: _Grown, lesion: Mask, recipe: Recipe, bone_voxels: float
) -> dict[str, Any]:
    """Truth that the mask tells."""
    voxel_mL = field.near.voxel_volume_mm3 / 1000.0
    outside = lesion & ~field.bone
    edges = np.abs((field.near.direction * field.near.spacing_mm).T @ _axes_of(field)).max(axis=0)
    return {
        "volume_mL": float(lesion.sum() * voxel_mL),
        "solid_volume_mL": float(grown.share.sum() * voxel_mL),
        "ellipsoid_volume_mL": float(np.pi / 6 * np.prod(recipe.axes_mm) / 1000.0),
        "share_of_bone_pct": float(100.0 * (lesion & field.bone).sum() / bone_voxels),
        "voxels": int(lesion.sum()),
        "soft_tissue_mL": float(outside.sum() * voxel_mL),
        "soft_tissue_reach_mm": float(field.depth[outside].max()) if outside.any() else 0.0,
        "rim_mL": float((grown.rim >= 0.5).sum() * voxel_mL),
        "cortex": destroyed(field.local, field.bone, field.depth, lesion, edges),
    }


def _axes_of(field: _Field) -> F64:
    """(3, 3) the bone's axes in columns, back from the local coordinates of neighbouring voxels."""
    steps = np.stack([np.diff(field.local.take([0, 1], axis=a), axis=a).reshape(-1, 3)[0] for a in range(3)])
    return np.linalg.solve((field.near.direction * field.near.spacing_mm).T, steps)


def _truth(body: LesionBody, recipe: Recipe) -> dict[str, Any]:
    breach = recipe.breach
    return {
        "simulated": True,
        "id": recipe.id,
        "matrix": recipe.matrix,
        "shape": recipe.shape,
        "centre_mm": body.centre_mm.tolist(),
        "axes_mm": body.axes_mm.tolist(),
        "frame_axes": body.frame_axes.tolist(),
        "seed": body.seed,
        "rim_mm": recipe.rim_mm,
        "cortex_rule": "breach" if breach else recipe.cortex,
        "breach": None
        if breach is None
        else {
            "toward": breach.toward,
            "axial_mm": breach.axial_mm,
            "width_mm": breach.width_mm,
            "circumference_deg": breach.circumference_deg,
            "soft_tissue_mm": breach.soft_tissue_mm,
        },
        "parameters": {name: row.value for name, row in values("simulated_lesions").items()},
        "knowledge": "anatomy/simulated_lesions.yaml",
        "knowledge_status": worst(*(row.status for row in values("simulated_lesions").values())),
    }


def _collapse_truth(squeezed: Compression) -> dict[str, Any]:
    """Heights of the body and what it lost, and the turn of what lies above."""
    places = {
        "front": squeezed.front,
        "middle": 0.5 * (squeezed.front + squeezed.back),
        "back": squeezed.back,
    }
    return {
        "kind": squeezed.kind,
        "collapse_pct": 100.0 * squeezed.share,
        "height_before_mm": squeezed.height_mm,
        "loss_mm": {name: squeezed.loss_mm(p) for name, p in places.items()},
        "loss_pct": {name: 100.0 * squeezed.loss_mm(p) / squeezed.height_mm for name, p in places.items()},
        "turn_deg": float(np.degrees(squeezed.angle_rad)),
    }
