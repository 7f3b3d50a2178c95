"""What is asked of a construct.  The numbers are a technique's limits, which a centre may replace."""

from __future__ import annotations

from dataclasses import dataclass

from osteoplan.knowledge.corridors import templates

__all__ = ["ConstructLimits"]


@dataclass(frozen=True)
class ConstructLimits:
    """Limits of a construct.

    Attributes:
        between_mm: least gap between the surfaces of two screws (hard).
        tip_joint_mm: least distance of a tip from a joint, where the corridor asks for no more (hard).
        tip_cover_mm: least depth of a tip in bone: a screw is shortened to keep it.
        reach_mm: a screw whose surface passes farther from the lesion does not reinforce it.
        anchor_mm: thread in sound bone that is wanted on each side of the lesion.
        angle_deg: wanted between two screws of the construct.
        spread_mm: wanted between the axes of screws that run nearly parallel.
        sourced_within_mm: a screw may be narrower by so much if its root or shaft was read in a source.
        screws_most, constructs_most: in one construct; in the answer.
        alike: two constructs that share a larger part of their corridors are one.
        cannulated: only screws that go over a wire.
    """

    between_mm: float
    tip_joint_mm: float
    tip_cover_mm: float
    reach_mm: float
    anchor_mm: float
    angle_deg: float
    spread_mm: float
    sourced_within_mm: float
    screws_most: int
    constructs_most: int
    alike: float
    cannulated: bool = True

    def joint_of(self, approach: str) -> float:
        """Distance [mm] that a tip must keep from a joint: the larger of ours and the corridor's own."""
        template = templates().get(approach)
        own = (
            template.spread.tip_to_joint_mm if template is not None and template.spread is not None else None
        )
        return max(self.tip_joint_mm, own or 0.0)
