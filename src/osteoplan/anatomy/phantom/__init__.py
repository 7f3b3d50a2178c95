"""Scans made of known shapes, with the truth known: spine, pelvis, proximal femur, proximal humerus."""

from osteoplan.anatomy.phantom.make import Implant, Phantom, Site, make_phantom
from osteoplan.anatomy.phantom.scene import GridName
from osteoplan.anatomy.phantom.spine import LABELS, SPINE, VERTEBRAE, PhantomSpine, spine_phantom

__all__ = [
    "LABELS", "SPINE", "VERTEBRAE", "GridName", "Implant", "Phantom", "PhantomSpine", "Site", "make_phantom",
    "spine_phantom",
]  # fmt: skip
