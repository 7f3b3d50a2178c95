"""A quantity over space that one room computed and another one reads."""

from __future__ import annotations

from dataclasses import dataclass

from osteoplan.model.volume import Volume

__all__ = ["Field"]


@dataclass(frozen=True, eq=False)
class Field:
    """E.g. ``cement_fraction`` (0..1), ``effective_strain`` (mm/mm), on whatever grid its maker chose.

    Attributes:
        volume: the central value.
        samples: the same quantity in sampled patients, on a crop of the grid that holds all that differs from
            nothing; draw k is sample k modulo their number.  Empty where it is as good as certain.
    """

    quantity: str
    volume: Volume
    unit: str
    because: str = ""
    samples: tuple[Volume, ...] = ()
