"""Anatomical sites (``data/sites``): names of their bones, what is measured there, what is at risk."""

from __future__ import annotations

import datetime

from pydantic import Field

from osteoplan.errors import UnknownName
from osteoplan.knowledge.load import Strict, document
from osteoplan.model.anatomy import StructureKind

__all__ = ["SpineSite", "thoracolumbar_spine"]


class SpineSite(Strict):
    """A stretch of the spine.

    Attributes:
        region: value of the fact ``region`` for a lesion here.
        bone_prefix, label_prefix: before the level, in a case's bone and in a label's name.
        levels: from above to below; neighbours in the list are neighbours in the body.
        planned_levels: those that can be planned.
    """

    id: str
    title: str
    date: datetime.date
    region: str
    bone_prefix: str
    label_prefix: str
    levels: tuple[str, ...] = Field(min_length=1)
    planned_levels: tuple[str, ...] = Field(min_length=1)
    frame: str
    load_cases: tuple[str, ...]
    corridors: tuple[str, ...]
    structures_at_risk: tuple[StructureKind, ...]
    scores: tuple[str, ...]

    def level(self, bone: str) -> str:
        """Level of a bone, e.g. ``T12`` of ``vertebra_T12``.

        Raises:
            UnknownName: not a bone of this site that can be planned.
        """
        level = bone.removeprefix(self.bone_prefix)
        if not bone.startswith(self.bone_prefix) or level not in self.planned_levels:
            raise UnknownName("bone", bone, (self.bone_prefix + level for level in self.planned_levels))
        return level

    def neighbours(self, level: str) -> tuple[str | None, str | None]:
        """Levels above and below; None at an end of the list."""
        at = self.levels.index(level)
        above = self.levels[at - 1] if at else None
        below = self.levels[at + 1] if at + 1 < len(self.levels) else None
        return above, below


def thoracolumbar_spine() -> SpineSite:
    """The site of every vertebra from T1 to L5."""
    return document("sites/thoracolumbar_spine.yaml", SpineSite)
