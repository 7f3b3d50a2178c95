"""Ways to a bone, what must be known for them, and what of it is derived (``approaches``, ``derived``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated

from pydantic import Field, model_validator

from osteoplan.errors import named
from osteoplan.knowledge.load import Cited, Strict, document, documents
from osteoplan.model.anatomy import StructureKind
from osteoplan.model.trajectory import Position

__all__ = [
    "Approach", "DerivedFamily", "NeedleWay", "Waypoint", "approach", "approaches", "approaches_of",
    "derived_families", "names_for",
]  # fmt: skip


class Waypoint(Strict):
    """A place that a needle must pass: a disc across its way, around a part or a landmark of the bone.

    Attributes:
        part: of the bone, without its side (``pedicle``): its narrowest place is the disc's middle.
        landmark: of the frame, e.g. ``neck_centre``.
        lateral_mm: how far to the side of the middle the disc reaches, from and to, away from the midline;
            around the middle where it is not given.
        radius_mm: of the disc.
    """

    part: str = ""
    landmark: str = ""
    lateral_mm: tuple[float, float] | None = None
    radius_mm: float = Field(gt=0)

    @model_validator(mode="after")
    def _one(self) -> Waypoint:
        if bool(self.part) == bool(self.landmark):
            raise ValueError("a waypoint is a part or a landmark, one of them")
        return self


class NeedleWay(Cited):
    """How a needle goes on an approach.

    Attributes:
        outward: middle of the directions from the tip to the skin: lateral, posterior, superior in the
            bone's frame.
        within_deg: half angle of the cone around it.
        frame: kind of the frame; the bone's own where empty.
        through: what it must pass.
        inside: from the waypoint to the tip it stays inside the bone.
        joints_crossed: joints that it crosses on purpose.
        positions: of the patient, in which this way is open.
    """

    outward: tuple[float, float, float]
    within_deg: float = Field(gt=0, le=180)
    frame: str = ""
    through: Waypoint | None = None
    inside: bool = False
    joints_crossed: tuple[str, ...] = ()
    positions: tuple[Position, ...] = Field(min_length=1)


class Approach(Cited):
    """A way to a bone.

    Attributes:
        bones: names in a case; ``vertebra`` for every vertebra, ``rib`` for every rib.
        levels: vertebrae that are reached this way; empty for all.
        needs: structures that must be known: families of derived ones, or labels, without level and side.
        rarely_labelled: what must be known too, though no scheme numbers it; a case's own table may name it.
        warned: what speaks against this way at any time; told wherever it is proposed.
        needle: how a needle goes; None for a way that only screws take.
        short_title: one to three words, of which the short titles of options are made.
    """

    id: str
    title: str
    short_title: Annotated[str, Field(max_length=20)]
    bones: tuple[str, ...] = Field(min_length=1)
    levels: tuple[str, ...] = ()
    needs: tuple[str, ...] = Field(min_length=1)
    rarely_labelled: tuple[str, ...] = ()
    warned: str = ""
    needle: NeedleWay | None = None

    def serves(self, bone: str) -> bool:
        """True where the bone is reached this way."""
        if bone.startswith("vertebra_"):
            level = bone.removeprefix("vertebra_")
            return "vertebra" in self.bones and (not self.levels or level in self.levels)
        if bone.startswith("rib_"):
            return "rib" in self.bones
        return bone in self.bones


class DerivedFamily(Strict):
    """One kind of derived structure, all levels and sides.

    Attributes:
        rule: what is done.
        needs: labels that it takes.
        limits: where it is wrong.
    """

    kind: StructureKind
    rule: str
    needs: tuple[str, ...]
    limits: str


class FamiliesFile(Cited):
    """All families."""

    families: dict[str, DerivedFamily]


@cache
def approaches() -> Mapping[str, Approach]:
    """Every approach by its id."""
    return {file.id: file for file in documents("approaches", Approach).values()}


def approach(name: str) -> Approach:
    """The approach of that id.

    Raises:
        UnknownName: there is none.
    """
    return named("approach", name, approaches())


def approaches_of(bone: str) -> tuple[Approach, ...]:
    """Every approach to a bone of a case."""
    return tuple(one for one in approaches().values() if one.serves(bone))


def derived_families() -> Mapping[str, DerivedFamily]:
    """Family name -> what is derived, from what, and where it is wrong."""
    return document("derived/families.yaml", FamiliesFile).families


def names_for(need: str, bone: str, present: Iterable[str]) -> tuple[str, ...]:
    """Structures of a case that answer a need around a bone; empty where a side or the level is lacking.

    ``nerve_root`` around ``vertebra_T12`` is answered by ``nerve_root_T12_left`` and ``_right`` together, not
    by another level's; ``hip_joint`` around ``femur_left`` only by ``hip_joint_left``.
    """
    found = [name for name in present if _belongs(name, need)]
    level = bone.removeprefix("vertebra_") if bone.startswith("vertebra_") else ""
    if level and need in _BY_LEVEL:
        # A foramen is named by both its levels; the one below the vertebra starts with its own.
        found = [name for name in found if name.removeprefix(f"{need}_").startswith(f"{level}_")]
    sides = {name.rpartition("_")[2] for name in found} & set(_SIDES)
    if not sides:
        return tuple(found)
    own = bone.rpartition("_")[2]
    wanted = {own} if own in _SIDES else set(_SIDES)
    return tuple(found) if wanted <= sides else ()


_SIDES = ("left", "right")
_BY_LEVEL = ("nerve_root", "neural_foramen")


def _belongs(structure: str, family: str) -> bool:
    """True where a structure is the family, or has level and side behind it."""
    return structure == family or structure.startswith(f"{family}_")
