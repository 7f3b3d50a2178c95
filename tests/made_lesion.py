"""One irregular lesion in one bone, as most tests want it."""

from __future__ import annotations

from osteoplan.anatomy.simulate import Recipe, SimulatedLesion, simulate
from osteoplan.anatomy.simulate.shape import body_of
from osteoplan.model.anatomy import BoneFrame


def simulate_lesion(ct, bone_mask, *, centre_mm, axes_mm, frame_axes, matrix, seed) -> SimulatedLesion:
    """``axes_mm``: full axes along the frame's left, posterior and superior, the rows of ``frame_axes``."""
    body = body_of(centre_mm, axes_mm, frame_axes, seed)
    recipe = Recipe(tuple(body.centre_mm.tolist()), tuple(body.axes_mm.tolist()), matrix)
    frame = BoneFrame(body.centre_mm, body.frame_axes, "bone")
    return simulate(ct, bone_mask, recipe, frame=frame, seed=seed)
