"""Ways to a bone, what must be known for them, and what of it is derived (``approaches``, ``derived``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from pydantic import Field

from osteoplan.errors import UnknownName
from osteoplan.knowledge.load import Cited, Strict, document, documents
from osteoplan.model.anatomy import StructureKind

__all__ = [
    "Approach",
    "DerivedFamily",
    "approach",
    "approaches",
    "approaches_of",
    "derived_families",
    "family_of",
    "missing_needs",
    "names_for",
    "needed_structures",
]


class Approach(Cited):
    """A way to a bone.

    Attributes:
        bones: names in a case, or ``vertebra`` for every vertebra.
        levels: vertebrae that are reached this way; empty for all.
        needs: structures that must be known: families of derived ones, or labels, without level and side.
    """

    id: str
    title: str
    bones: tuple[str, ...] = Field(min_length=1)
    levels: tuple[str, ...] = ()
    needs: tuple[str, ...] = Field(min_length=1)

    def serves(self, bone: str) -> bool:
        """True where the bone is reached this way."""
        if bone.startswith("vertebra_"):
            level = bone.removeprefix("vertebra_")
            return "vertebra" in self.bones and (not self.levels or level in self.levels)
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
    if name not in approaches():
        raise UnknownName("approach", name, approaches())
    return approaches()[name]


def approaches_of(bone: str) -> tuple[Approach, ...]:
    """Every approach to a bone of a case."""
    return tuple(one for one in approaches().values() if one.serves(bone))


def needed_structures(name: str) -> tuple[str, ...]:
    """Structures that must be known for an approach, without level and side.

    Raises:
        UnknownName: there is no such approach.
    """
    return approach(name).needs


def derived_families() -> Mapping[str, DerivedFamily]:
    """Family name -> what is derived, from what, and where it is wrong."""
    return document("derived/families.yaml", FamiliesFile).families


def family_of(structure: str) -> str | None:
    """Family of a derived structure: ``nerve_root`` of ``nerve_root_T12_left``; None for a label."""
    return next((name for name in derived_families() if _belongs(structure, name)), None)


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


def missing_needs(name: str, bone: str, present: Iterable[str]) -> tuple[str, ...]:
    """One sentence for each structure that an approach to a bone needs and a case does not have.

    Args:
        bone: as named in a case; its side and level must be those of the structures.
        present: names of the structures of the case, given and derived.

    Raises:
        UnknownName: there is no such approach.
    """
    names = tuple(present)
    return tuple(
        f"{approach(name).title}: {need.replace('_', ' ')} is not known around {bone} in this case, "
        "so nothing keeps a way clear of it; label it, or look for it on the scan"
        for need in needed_structures(name)
        if not names_for(need, bone, names)
    )


_SIDES = ("left", "right")
_BY_LEVEL = ("nerve_root", "neural_foramen")


def _belongs(structure: str, family: str) -> bool:
    """True where a structure is the family, or has level and side behind it."""
    return structure == family or structure.startswith(f"{family}_")
