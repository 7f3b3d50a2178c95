"""Anatomical sites (``data/sites``): names of their bones, what is measured there, what is at risk."""

from __future__ import annotations

import datetime
import re
from functools import cache
from typing import Literal

from pydantic import Field

from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.load import Strict, document
from osteoplan.knowledge.structures import SPINE_LEVELS
from osteoplan.model.anatomy import StructureKind
from osteoplan.model.case import Side
from osteoplan.model.labels import LabelMap

__all__ = [
    "BoneRow", "BoneSite", "SpineSite", "bone_called", "bone_site", "label_of", "planned_bones", "side_of",
    "thoracolumbar_spine",
]  # fmt: skip

_BONE_SITES = ("sacrum", "pelvis", "femur", "humerus", "scapula", "sternum", "ribs", "clavicle", "tibia")


class SpineSite(Strict):
    """A stretch of the spine.

    Attributes:
        region: value of the fact ``region`` for a lesion here.
        bone_prefix, label_prefix: before the level, in a case's bone and in a label's name.
        levels: from above to below; neighbours in the list are neighbours in the body.
        planned_levels: those that can be planned.
        variant_levels: those that few people have; no neighbour of anything where they are not labelled.
    """

    id: str
    title: str
    date: datetime.date
    region: str
    bone_prefix: str
    label_prefix: str
    levels: tuple[str, ...] = Field(min_length=1)
    planned_levels: tuple[str, ...] = Field(min_length=1)
    variant_levels: tuple[str, ...] = ()
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

    def neighbours(self, level: str, labels: LabelMap) -> tuple[str | None, str | None]:
        """Levels above and below on this scan; None at an end of the list."""
        there = [
            one for one in self.levels
            if one == level or one not in self.variant_levels or labels.has(self.label_prefix + one)
        ]  # fmt: skip
        at = there.index(level)
        return there[at - 1] if at else None, there[at + 1] if at + 1 < len(there) else None


class BoneRow(Strict):
    """One bone: its canonical label, and its side where it has one."""

    label: str
    side: Literal["left", "right"] | None = None


class BoneSite(Strict):
    """A site of few bones, with a name each.

    Attributes:
        bones: name in a case -> label and side.
        also: other words for such a bone, without its side and with ``_`` for blanks.
        regions: values of the fact ``region`` that a lesion here can have.
        frames: kinds of ``BoneFrame`` that are read here.
    """

    id: str
    title: str
    date: datetime.date
    bones: dict[str, BoneRow] = Field(min_length=1)
    also: tuple[str, ...] = ()
    regions: tuple[str, ...] = Field(min_length=1)
    frames: tuple[str, ...] = Field(min_length=1)
    load_cases: tuple[str, ...]
    corridors: tuple[str, ...]
    structures_at_risk: tuple[StructureKind, ...]
    scores: tuple[str, ...]


def thoracolumbar_spine() -> SpineSite:
    """The site of every vertebra from T1 to L5."""
    return document("sites/thoracolumbar_spine.yaml", SpineSite)


@cache
def _bone_sites() -> dict[str, BoneSite]:
    return {
        bone: site
        for site in (document(f"sites/{name}.yaml", BoneSite) for name in _BONE_SITES)
        for bone in site.bones
    }


def planned_bones() -> tuple[str, ...]:
    """Every bone that a case may name."""
    spine = thoracolumbar_spine()
    return (*(spine.bone_prefix + level for level in spine.planned_levels), *_bone_sites())


def bone_site(bone: str) -> BoneSite | None:
    """The site of a bone that is no vertebra; None for a vertebra.

    Raises:
        UnknownName: no site holds such a bone.
    """
    _require(bone)
    return _bone_sites().get(bone)


def bone_called(text: str) -> str:
    """The bone of a case that somebody names in words of his own: ``T8``, ``right femur``, ``rib 5 left``.

    Side and level are read, never guessed: a bone with two sides needs one.

    Raises:
        BadInput: no such bone, or one that cannot be planned; a suggestion never changes level or side.
    """
    if text in planned_bones():
        return text
    words = re.findall(r"[a-z]+\d*|\d+", text.lower())
    spine = thoracolumbar_spine()
    if level := re.fullmatch(r"([ctls])_?0?(\d{1,2})", "_".join(w for w in words if w not in _OF_A_VERTEBRA)):
        found = (level[1] + level[2]).upper()
        if found in spine.planned_levels:
            return spine.bone_prefix + found
        planned = f"vertebrae are planned from {spine.planned_levels[0]} to {spine.planned_levels[-1]}"
        if level[1] == "s":
            raise BadInput(f"{text}: this is a part of the sacrum here; give --bone sacrum ({planned})")
        known = "can be labelled, not planned" if found in SPINE_LEVELS else "is no vertebra"
        raise BadInput(f"{text}: {known}; {planned}")
    words = [_SIDES.get(word, word) for word in words]
    meant = [bone for bone in planned_bones() if sorted(bone.split("_")) == sorted(words)]
    side = [word for word in words if word in ("left", "right")]
    rest = "_".join(word for word in words if word not in side)
    for site in {site.id: site for site in _bone_sites().values()}.values():
        if rest in site.also:
            meant += [bone for bone, row in site.bones.items() if [row.side] == side or row.side is None]
            if not meant:
                raise BadInput(f"{text}: which side? give {' or '.join(list(site.bones)[:2])}")
    if len(set(meant)) != 1:
        raise UnknownName("bone", text, planned_bones())
    return meant[0]


# what people write for a side, and around a level
_SIDES = {"l": "left", "lt": "left", "r": "right", "rt": "right", "sin": "left", "dex": "right"}
_OF_A_VERTEBRA = ("vertebra", "vertebrae", "vertebral", "body", "level", "spine")


def label_of(bone: str) -> str:
    """Canonical label of a bone, e.g. ``hip_left`` of ``hemipelvis_left``.

    Raises:
        UnknownName: no site holds such a bone.
    """
    site = bone_site(bone)
    if site is not None:
        return site.bones[bone].label
    spine = thoracolumbar_spine()
    return spine.label_prefix + spine.level(bone)


def side_of(bone: str) -> Side | None:
    """The side that a bone's name tells; None where it has none.

    Raises:
        UnknownName: no site holds such a bone.
    """
    site = bone_site(bone)
    return None if site is None else site.bones[bone].side


def _require(bone: str) -> None:
    known = planned_bones()
    if bone not in known:
        raise UnknownName("bone", bone, known)
