"""A bone resampled on cubes along the axes of its load, before anything holds it.

The third axis of the cubes is the load's own: what the machine moves or holds along the load is then one
component of a displacement, whatever way the bone lies in the patient.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from osteoplan.arrays import F64, Bool
from osteoplan.errors import NotAvailable
from osteoplan.kernels.elasticity import Bricks
from osteoplan.kernels.vectors import axes_along, unit
from osteoplan.knowledge.loads import LoadCase
from osteoplan.mechanics.checks import require_sound, require_spacing
from osteoplan.mechanics.sampled_image import grid_along_the_bone, inside, sample
from osteoplan.mechanics.state import State
from osteoplan.model.anatomy import Anatomy, BoneFrame
from osteoplan.model.volume import Volume

__all__ = [
    "ResampledBone", "away_from_grips", "counts_of", "frame_of", "image_of", "load_frame", "one_piece",
    "rebuild", "words_of",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class ResampledBone:
    """A bone on cubes.

    Attributes:
        frame: origin and axes of the load, the cubes' axes in rows.
        grid: box of cubes in patient space; edge_mm: of a cube.
        bone, lesion: (ni, nj, nk) elements; bone only where the scan shows it.
        now, intact: (ni, nj, nk) image values by state; NaN outside the scan.
        unseen: how many elements of bone lie outside the scan.
    """

    frame: BoneFrame
    grid: Volume
    edge_mm: float
    bone: Bool
    lesion: Bool
    now: F64
    intact: F64
    unseen: int

    def at_mm(self) -> F64:
        """(ni, nj, nk, 3) LPS centres of the elements."""
        return self.grid.positions_mm(np.moveaxis(np.indices(self.grid.shape), 0, -1))


def rebuild(
    anatomy: Anatomy, frame: BoneFrame, edge_mm: float, *, margin_mm: tuple[float, float, float]
) -> ResampledBone:
    """The anatomy's bone on cubes along a frame, with room around it for what holds it.

    Raises:
        BadInput, LesionError: an edge or a bone that cannot be meant (``mechanics.checks``).
    """
    require_spacing(edge_mm, what="the edge of the finite elements")
    require_sound(anatomy)
    turned = replace(anatomy, frame=frame)
    grid = grid_along_the_bone(turned, edge_mm, margin_mm=margin_mm)
    now, intact = sample(grid, anatomy.image), sample(grid, anatomy.image_intact)
    seen = np.isfinite(now) & np.isfinite(intact)
    bone, lesion = (inside(grid, anatomy, mask) for mask in (anatomy.bone_mask, anatomy.lesion_mask))
    return ResampledBone(frame, grid, edge_mm, bone & seen, lesion, now, intact, int((bone & ~seen).sum()))


def load_frame(origin_mm: F64, along: F64, across: F64) -> BoneFrame:
    """Axes of a load: the third along it, the first as near to ``across`` as it can be."""
    return BoneFrame(origin_mm, axes_along(unit(along), across), "load")


def one_piece(solid: Bool, *ends: Bool, name: str, between: str) -> Bool:
    """The largest piece (connected over faces) that holds something of every end.

    Raises:
        NotAvailable: no load path joins the ends.
    """
    pieces, _ = ndimage.label(solid)
    shared = [np.unique(pieces[end & solid]) for end in ends]
    common = [piece for piece in shared[0] if piece > 0 and all(piece in other for other in shared[1:])]
    if not common:
        raise NotAvailable(f"{name}: no bone joins {between}, so no load can pass: check the bone's mask")
    size = np.bincount(pieces.ravel())
    chosen: Bool = np.equal(pieces, max(common, key=lambda piece: int(size[piece])))
    return chosen


def frame_of(anatomy: Anatomy, kind: str) -> BoneFrame:
    """The anatomy's frame of that kind.

    Raises:
        NotAvailable: the scan does not show it.
    """
    if kind not in anatomy.frames:
        words = kind.replace("_", " ")
        raise NotAvailable(
            f"{anatomy.level}: no {words} is found on the scan, which this load case needs: load a scan "
            "that shows it whole"
        )
    return anatomy.frames[kind]


def away_from_grips(body: ResampledBone, caps: Bool, counts: Bool, away_mm: float) -> Bool:
    """(ni, nj, nk) bone farther than ``away_mm`` from every cap and from bone that is not to be counted."""
    off = caps | (body.bone & ~counts)
    if not off.any():
        return body.bone
    found: Bool = body.bone & (ndimage.distance_transform_edt(~off) * body.edge_mm > away_mm)
    return found


def image_of(body: ResampledBone, mesh: Bricks, caps: Bool) -> dict[State, F64]:
    """(n_elements,) image values by state; caps may lie outside the scan."""
    return {
        "now": mesh.of_box(np.where(caps & ~np.isfinite(body.now), 0.0, body.now)),
        "intact": mesh.of_box(np.where(caps & ~np.isfinite(body.intact), 0.0, body.intact)),
    }


def counts_of(body: ResampledBone, mesh: Bricks, caps: Bool) -> dict[str, float | int | str]:
    """What a builder left out, and how much of the lesion is in the model."""
    lesion = body.lesion & body.bone
    modelled = int(mesh.of_box(lesion & ~caps).sum())
    return {
        "elements_outside_the_scan": body.unseen,
        "elements_left_out": int((body.bone | caps).sum()) - len(mesh.cells),
        "lesion_elements_modelled": modelled,
        "lesion_elements_left_out": int(lesion.sum()) - modelled,
    }


def words_of(
    anatomy: Anatomy, case: LoadCase, body: ResampledBone, mesh: Bricks, caps: Bool
) -> tuple[str, ...]:
    """What every reader must know: the case's own warnings, and a lesion that is partly left out."""
    said = [text.format(bone=anatomy.level) for text in case.warnings]
    if counts_of(body, mesh, caps)["lesion_elements_left_out"]:
        said.append(
            f"{anatomy.level}, {case.title}: part of the lesion lies outside what this load case loads; its "
            "result does not tell what that part does"
        )
    return tuple(said)
