"""What must be true of a bone before it is loaded; each fault is one line of its own."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from osteoplan.arrays import Bool
from osteoplan.errors import BadInput, LesionError
from osteoplan.kernels.elasticity import Bricks
from osteoplan.kernels.rigid_motions import free_motions
from osteoplan.knowledge.values import number
from osteoplan.mechanics.cases.nodes import Nodes
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.volume import Volume

__all__ = ["largest_piece", "require_held", "require_load_path", "require_sound", "require_spacing"]

# Edges that a cube of bone can have: numerics, far outside of what makes sense on either side.
LEAST_EDGE_MM, GREATEST_EDGE_MM = 0.02, 20.0


def require_spacing(spacing_mm: float, *, what: str) -> None:
    """Refuse an edge that is no edge in millimetres.

    Raises:
        BadInput: zero, negative, not finite, or of a size that only another unit explains.
    """
    if LEAST_EDGE_MM <= spacing_mm <= GREATEST_EDGE_MM:
        return
    hint = " (is it in metres?)" if 0.0 < spacing_mm < LEAST_EDGE_MM else ""
    raise BadInput(
        f"{what} is {spacing_mm:g} mm{hint}: give millimetres between {LEAST_EDGE_MM:g} and "
        f"{GREATEST_EDGE_MM:g}"
    )


def require_sound(anatomy: Anatomy) -> None:
    """Refuse a bone that cannot be meant.

    Raises:
        BadInput: voxels in metres, no bone, or a density that is not a number inside the bone.
        LesionError: the lesion lies outside the bone.
    """
    for edge in anatomy.image.spacing_mm:
        require_spacing(float(edge), what=f"{anatomy.level}: the edge of the scan's voxels")
    bone = anatomy.bone_mask
    if not bone.any():
        raise BadInput(f"{anatomy.level}: the mask of the bone is empty; label it on this scan")
    for image, name in ((anatomy.image, "scan"), (anatomy.image_intact, "intact twin")):
        bad = int(np.count_nonzero(~np.isfinite(image.array[bone])))
        if bad:
            raise BadInput(
                f"{anatomy.level}: the {name} holds no number in {bad} of {int(bone.sum())} voxels "
                "of the bone (NaN or infinite): export it again, or trim the mask"
            )
    if anatomy.lesion_mask.any() and not (anatomy.lesion_mask & bone).any():
        raise LesionError(
            f"lesion {anatomy.lesion.id} lies wholly outside the {anatomy.level}: check mask, bone and scan"
        )


def largest_piece(solid: Bool, *, bone: str) -> Bool:
    """The greatest piece (connected over faces) of the elements.

    Raises:
        BadInput: none, or another piece too large to be left out as debris.
    """
    pieces, count = ndimage.label(solid)
    if count == 0:
        raise BadInput(f"{bone}: no element of the mesh lies in the bone; give a smaller --spacing")
    size = np.bincount(pieces.ravel())
    size[0] = 0
    first = int(size.argmax())
    rest = np.delete(size, first).max(initial=0)
    most = number("bone.debris_share_max")
    if rest > most * size[first]:
        share = 100.0 * rest / size.sum()
        raise BadInput(
            f"{bone}: the bone is disconnected: a second piece holds {share:.0f} % of it; join the mask, "
            "or plan the piece as a bone of its own"
        )
    largest: Bool = np.equal(pieces, first)
    return largest


def require_load_path(mesh: Bricks, held: Bool, loaded: Bool, *, bone: str, case: str) -> None:
    """Refuse a mesh whose loaded nodes are not joined to held ones through faces of elements.

    Args:
        held, loaded: (n_nodes,).

    Raises:
        BadInput: nothing is held or loaded, or a piece is loaded or loose that nothing holds.
    """
    for at, word in ((held, "held"), (loaded, "loaded")):
        if not at.any():
            raise BadInput(f"{bone}, {case}: no node of the mesh is {word}; check masks and frames")
    pieces, count = ndimage.label(mesh.solid)
    number = mesh.of_box(pieces)
    touches = [np.zeros(count + 1, dtype=bool) for _ in range(2)]
    for at, found in zip((held, loaded), touches, strict=True):
        found[number[at[mesh.corners].any(axis=1)]] = True
    on_held, on_loaded = touches
    if (on_loaded & ~on_held).any():
        raise BadInput(
            f"{bone}, {case}: no load can pass: what is loaded is not joined to what is held; "
            "close the gap in the mask, or give a smaller --spacing"
        )
    loose = count - int(on_held.sum())
    if loose:
        raise BadInput(
            f"{bone}, {case}: {loose} loose piece(s) of the mesh are held by nothing; leave them out"
        )


def require_held(mesh: Bricks, fixed: Bool, grid: Volume, *, bone: str, case: str) -> None:
    """Refuse a mesh of which a piece can still move as a whole.

    Args:
        fixed: (n_nodes, 3); grid: its elements are those of the mesh.

    Raises:
        BadInput: the free motions of the piece are named, in patient space.
    """
    pieces, count = ndimage.label(mesh.solid)
    held: Bool = np.zeros((*(n + 1 for n in mesh.shape), 3), dtype=bool)
    held[tuple(mesh.nodes.T)] = fixed
    for piece in range(1, count + 1):
        free = free_motions(np.argwhere(pieces == piece), held, grid.spacing_mm)
        if free:
            told = free.placed(Nodes.of(mesh, grid).affine, grid.spacing_mm).words()
            raise BadInput(
                f"{bone}, {case}: the machine holds {6 - len(free)} of 6 rigid motions, and the mesh still "
                f"{told} (LPS): check masks and frames where it grips"
            )
