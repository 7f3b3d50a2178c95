"""Screw corridors: where a straight screw goes in and out, in which bones, past what (``data/corridors``).

A corridor is data.  The package's templates and a centre's own (``load_template``) have one schema.  Names in
a template may hold ``{side}``, ``{other}`` (the other side) and ``{level}`` (of a vertebra).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from osteoplan.errors import BadInput, named
from osteoplan.knowledge.load import Cited, PlainLoader, Strict, dated, documents

__all__ = [
    "Bridge", "CorridorSet", "PublishedSize", "RegionRow", "Spread", "Template", "corridor_sets",
    "load_template", "template", "templates",
]  # fmt: skip

TemplateSide = Literal["left", "right", "midline"]
GapKind = Literal["wall", "canal", "nerve", "vessel", "pleura", "bowel", "organ", "joint", "metal"]
Range = Annotated[tuple[float, float], Field(description="lowest and highest")]
Millimetres = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]

_FRAMES = (
    "vertebra", "sacrum", "hemipelvis", "acetabulum", "proximal_femur", "femoral_shaft", "proximal_humerus",
    "humeral_shaft", "own", "patient",
)  # fmt: skip


class RegionRow(Strict):
    """Where an end may lie: points of a bone in a box around a landmark.

    Attributes:
        bone: canonical label of the bone whose surface (or inside) is meant.
        of: label of the bone whose frame is used; empty for ``bone``.
        frame: kind of frame.  ``own`` is made from the bone's shape (superior along its longest axis,
            landmarks ``top`` and ``bottom``), ``patient`` from the scan (landmarks ``highest``, ``lowest``).
        landmark: point of that frame; ``origin`` for its origin.
        unit: of the box and of ``within``: ``mm``, a length of the frame (``head_radius``), or ``core``: the
            depth of the bone at the frame's origin.
        lateral, posterior, superior: the box, from the landmark, along the frame's axes; lateral points away
            from the midline on both sides (to the left for a midline corridor).  None is unlimited.
        within: greatest distance from the landmark.
        facing: direction (lateral, posterior, superior) that the surface faces, to ``facing_deg``.
        depth_mm: an end inside the bone lies at least as deep.
    """

    bone: str
    of: str = ""
    frame: str
    landmark: str = "origin"
    unit: str = "mm"
    lateral: Range | None = None
    posterior: Range | None = None
    superior: Range | None = None
    within: Millimetres | None = None
    facing: tuple[float, float, float] | None = None
    facing_deg: Annotated[float, Field(gt=0, le=180)] = 90.0
    depth_mm: Millimetres = 0.0

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        boxes = (self.lateral, self.posterior, self.superior)
        if self.frame not in _FRAMES:
            raise ValueError(f"the frame '{self.frame}' is none of {', '.join(_FRAMES)}")
        if self.within is None and any(box is None for box in boxes):
            raise ValueError("give 'within', or all of lateral, posterior and superior")
        if any(box is not None and box[0] >= box[1] for box in boxes):
            raise ValueError("a box runs from its lower to its higher number")
        if self.facing is not None and not any(self.facing):
            raise ValueError("'facing' has no direction")
        return self


class Bridge(Strict):
    """Two bones with a gap that is crossed on purpose: the gap counts as bone.

    Attributes:
        between: their labels.
        gap_mm: what lies between them counts where the distances to both add up to no more.
        joint: name of the joint structure that is not avoided then.
    """

    between: tuple[str, str]
    gap_mm: Millimetres
    joint: str


class PublishedSize(Cited):
    """A size of this corridor as somebody measured it."""

    what: str
    value: float | None
    low: float | None = None
    high: float | None = None
    unit: str


class Spread(Cited):
    """Several screws of one kind.

    Attributes:
        count: usual numbers of screws.
        apart_mm: least distance between their surfaces.
        tip_to_joint_mm: least distance of a tip from the joint.
    """

    count: tuple[int, ...]
    apart_mm: Millimetres
    tip_to_joint_mm: Millimetres | None = None


class Template(Cited):
    """One corridor.

    Attributes:
        short_title: one to three words, of which the short titles of options are made.
        sides: which it exists on.
        levels: of a vertebra; empty for other bones.
        bones: labels that it may run in; all must be there.
        also: label -> the bone that it counts as where it is there (a first sacral body of its own).
        bridges: gaps that are crossed on purpose.
        entry, exit: where it begins and ends.
        exit_kind: ``through`` the far cortex, or with its tip ``inside`` the bone.
        waist: box that the axis passes through on its way; None where only the ends are told.
        end_skip_mm: cortex at an end that is not asked to lie around the screw.
        least_length_mm: a shorter one is not this corridor.
        margins_mm: bone around the screw (``wall``), and its distance to each kind of structure; a kind that
            is left out is not looked at.
        needs: structures that must be known, as in an approach.
        screws: which screws suit, by what they are made for.
        diameters_mm: thinnest and thickest screw that is used here.
        position: how the patient lies.
        published: sizes in the literature.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: Annotated[str, Field(min_length=5)]
    short_title: Annotated[str, Field(max_length=20)] = ""
    sides: tuple[TemplateSide, ...] = Field(min_length=1)
    levels: tuple[str, ...] = ()
    bones: tuple[str, ...] = Field(min_length=1)
    also: dict[str, str] = {}
    bridges: tuple[Bridge, ...] = ()
    entry: RegionRow
    exit: RegionRow
    exit_kind: Literal["through", "inside"]
    waist: RegionRow | None = None
    end_skip_mm: Millimetres
    least_length_mm: Millimetres
    margins_mm: dict[GapKind, Millimetres]
    needs: tuple[str, ...] = Field(min_length=1)
    screws: tuple[str, ...] = Field(min_length=1)
    diameters_mm: Range
    position: str
    spread: Spread | None = None
    published: tuple[PublishedSize, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if "wall" not in self.margins_mm:
            raise ValueError("margins_mm needs 'wall': the bone that must stay around the screw")
        if bool(self.levels) != any("{level}" in bone for bone in self.bones):
            raise ValueError("'levels' and '{level}' go together")
        known = set(self.bones)
        for end in (self.entry, self.exit):
            if end.bone not in known:
                raise ValueError(f"an end lies on '{end.bone}', which is not among the bones")
        for name in (bone for bridge in self.bridges for bone in bridge.between):
            if name not in known:
                raise ValueError(f"a bridge ends on '{name}', which is not among the bones")
        if not known.issuperset(self.also.values()):
            raise ValueError("'also' names a bone that is not among the bones")
        if self.exit_kind == "inside" and self.exit.facing is not None:
            raise ValueError("an exit inside the bone faces nowhere: leave out 'facing'")
        texts = (*self.bones, *self.also, self.entry.bone, self.entry.of, self.exit.bone, self.exit.of)
        for token in re.findall(r"\{(.*?)\}", " ".join(texts)):
            if token not in ("side", "other", "level"):
                raise ValueError(f"'{{{token}}}' is not filled in; {{side}}, {{other}} and {{level}} are")
        return self

    def names(self, side: str, level: str = "") -> Mapping[str, str]:
        """What stands for ``{side}``, ``{other}`` and ``{level}``."""
        other = {"left": "right", "right": "left"}.get(side, side)
        return {"side": side, "other": other, "level": level}


class CorridorSet(Cited):
    """Corridors that are used together."""

    id: str
    title: str
    short_title: Annotated[str, Field(max_length=20)]
    members: tuple[str, ...] = Field(min_length=2)


@cache
def templates() -> Mapping[str, Template]:
    """Every template of the package by its id."""
    return {file.id: file for file in documents("corridors", Template).values()}


def template(id: str) -> Template:
    """The template of that id.

    Raises:
        UnknownName: there is none.
    """
    return named("corridor", id, templates())


@cache
def corridor_sets() -> Mapping[str, CorridorSet]:
    """Corridors that are used together, by the set's id."""
    return {file.id: file for file in documents("corridors/sets", CorridorSet).values()}


def load_template(path: Path) -> Template:
    """A centre's own corridor, from a YAML file of the same schema.

    Raises:
        BadInput: no such file, not YAML, or not a template; the sentence names the place.
    """
    try:
        content: Any = yaml.load(Path(path).read_text(encoding="utf-8"), PlainLoader)
    except OSError as why:
        raise BadInput(
            f"{path}: the corridor's file cannot be read ({why.strerror}): check its name"
        ) from why
    except (yaml.YAMLError, UnicodeDecodeError) as why:
        raise BadInput(
            f"{path}: not valid YAML ({' '.join(str(why).split())}): see docs/corridors.md"
        ) from why
    try:
        found = Template.model_validate(dated(content))
    except ValidationError as why:
        first = why.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        told = first["msg"].removeprefix("Value error, ")
        raise BadInput(f"{path}: {place}: {told[0].lower()}{told[1:]}; see docs/corridors.md") from why
    if found.id in templates():
        raise BadInput(f"{path}: the id '{found.id}' is a corridor of the package: give yours another id")
    return found
