"""What lesion to make, in words of the reading room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from osteoplan.anatomy.simulate.shape import LesionMatrix, LesionShape
from osteoplan.arrays import Point
from osteoplan.errors import BadInput, UnknownName

__all__ = ["Breach", "Collapse", "CollapseKind", "Recipe", "Toward"]

Toward = Literal["left", "right", "anterior", "posterior", "superior", "inferior"]
CollapseKind = Literal["crush", "wedge"]


@dataclass(frozen=True)
class Breach:
    """A window through the cortex; outside it the cortex is spared.

    Give ``circumference_deg`` for a long bone: a sector about the bone's own axis, ``axial_mm`` long, is
    destroyed through its whole wall.  Give ``width_mm`` for any bone: an elliptic tunnel of axial_mm x
    width_mm from the lesion's centre outward, to where it first leaves the bone.

    Attributes:
        axial_mm: full length along the bone's superior axis (along its posterior axis where the breach looks
            up or down).
        soft_tissue_mm: how far the lesion stands out of the bone in the window's middle; 0 for none.
    """

    toward: Toward
    axial_mm: float
    width_mm: float | None = None
    circumference_deg: float | None = None
    soft_tissue_mm: float = 0.0

    def __post_init__(self) -> None:
        _require(self.toward, Toward, "direction of a breach")
        given = [v for v in (self.width_mm, self.circumference_deg) if v is not None]
        if len(given) != 1:
            raise BadInput("a breach has a width in mm or a circumference in degrees: give one of them")
        if self.axial_mm <= 0 or given[0] <= 0 or self.soft_tissue_mm < 0:
            raise BadInput("a breach has lengths that are not positive: give mm and degrees above 0")
        if self.circumference_deg is not None and self.circumference_deg > 360:
            raise BadInput(
                f"a breach of {self.circumference_deg:g} degrees is more than a full turn: give 360 or less"
            )
        if self.circumference_deg is not None and self.toward in ("superior", "inferior"):
            raise BadInput(
                "a breach around a bone looks to a side: toward left, right, anterior or posterior"
            )


@dataclass(frozen=True)
class Collapse:
    """Loss of height of a vertebral body, by per cent of its height.

    ``crush``: the same everywhere.  ``wedge``: ``pct`` at the anterior wall, none at the posterior wall.
    """

    pct: float
    kind: CollapseKind = "crush"

    def __post_init__(self) -> None:
        _require(self.kind, CollapseKind, "kind of collapse")
        if not 0 < self.pct <= 70:
            raise BadInput(
                f"a collapse of {self.pct:g} % cannot be made: give a loss of height above 0 up to 70 %"
            )


@dataclass(frozen=True)
class Recipe:
    """One lesion.

    Attributes:
        id: e.g. ``L1``.
        centre_mm: LPS, in the scan as it is given (before a collapse, which carries it along).
        axes_mm: full axes along left, posterior and superior of the bone.
        cortex: ``as_reached``: destroyed wherever the lesion reaches it; ``spared``: an outer shell stays.
            A breach spares the rest of the cortex.
        rim_mm: width of a sclerotic rim around the lesion, 0 for none; not part of the lesion's mask.
        soft_tissue_mm: how far the lesion reaches beyond the bone where it destroyed the cortex
            (without a breach; with one, the breach says it).
        density_line: (slope, intercept) of density = slope HU + intercept, for an image of density.
    """

    centre_mm: Point
    axes_mm: Point
    matrix: LesionMatrix = "lytic"
    shape: LesionShape = "irregular"
    cortex: Literal["as_reached", "spared"] = "as_reached"
    breach: Breach | None = None
    soft_tissue_mm: float = 0.0
    rim_mm: float = 0.0
    collapse: Collapse | None = None
    id: str = "L1"
    density_line: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        _require(self.matrix, LesionMatrix, "lesion matrix")
        _require(self.shape, LesionShape, "shape of a lesion")
        _require(self.cortex, Literal["as_reached", "spared"], "fate of the cortex")
        if self.rim_mm < 0 or self.soft_tissue_mm < 0:
            raise BadInput("a rim or soft-tissue part has a negative width: give mm, 0 for none")
        if self.soft_tissue_mm > 0 and (self.breach is not None or self.cortex == "spared"):
            raise BadInput(
                "soft_tissue_mm of the lesion goes with cortex as_reached: give it in the breach instead"
            )
        if self.shape == "permeative" and self.matrix != "lytic":
            raise BadInput("a permeative lesion eats holes into bone: its matrix is lytic")


def _require(given: str, known: object, what: str) -> None:
    if given not in get_args(known):
        raise UnknownName(what, given, get_args(known))
