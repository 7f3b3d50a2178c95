"""A bone from one point in it, by classical means, where nobody labelled it; to be reviewed in pictures."""

from osteoplan.anatomy.segment.bone import segment_bone
from osteoplan.anatomy.segment.result import Segmented

__all__ = ["Segmented", "segment_bone"]
