"""One door to every bone that can be grown from a point."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from osteoplan.anatomy.segment.joint_bones import grown_joint_bone
from osteoplan.anatomy.segment.result import Segmented
from osteoplan.anatomy.segment.vertebra import grown_vertebra
from osteoplan.errors import BadInput
from osteoplan.knowledge.sites import bone_site
from osteoplan.model.volume import Volume

__all__ = ["segment_bone"]


def segment_bone(ct: Volume, bone: str, seed_mm: npt.ArrayLike) -> Segmented:
    """The bone that holds a point, on the scan's own grid.

    Args:
        ct: HU.
        bone: as a case names it; a level is taken as given, never counted.
        seed_mm: (3,) LPS; in a lytic hole of the bone is as good as in bone.

    Raises:
        UnknownName: no such bone.
        BadInput: not HU, a point outside the scan or far from such a bone, or on its other side.
    """
    seed = np.asarray(seed_mm, dtype=np.float64)
    if ct.meaning != "HU":
        raise BadInput(f"a bone is grown in HU, this image holds {ct.meaning}: give the CT, or a label map")
    index = ct.indices(seed)
    outside = (index < -0.5).any() or (index > np.array(ct.shape) - 0.5).any()
    if seed.shape != (3,) or not np.isfinite(seed).all() or outside:
        raise BadInput(
            f"the point {seed.tolist()} lies outside the scan: give x,y,z in LPS mm, "
            "or write ras: or ijk: before them"
        )
    site = bone_site(bone)
    if site is None:
        return grown_vertebra(ct, bone, seed)
    if site.id in ("pelvis", "femur", "humerus"):
        return grown_joint_bone(ct, bone, seed)
    raise BadInput(
        f"{bone} is not grown from a point by this version: give a label map that holds it, or point into a "
        "vertebra, hip bone, femur or humerus"
    )
