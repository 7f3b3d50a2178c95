"""A quantity over space that one room computed and another one reads."""

from __future__ import annotations

from dataclasses import dataclass

from osteoplan.model.volume import Volume

__all__ = ["Field", "SampledInput"]


@dataclass(frozen=True)
class SampledInput:
    """What was varied over the samples of a field: its stated value, its ends, and what each sample took."""

    name: str
    value: float
    ends: tuple[float, float]
    samples: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Field:
    """E.g. ``cement_fraction`` (0..1), ``effective_strain`` (mm/mm), on whatever grid its maker chose.

    Attributes:
        volume: the central value.
        samples: the same quantity in sampled patients, on a crop of the grid that holds all that differs from
            nothing; draw k is sample k modulo their number.  Empty where it is as good as certain.
        inputs: what was varied over the samples, beside what has no number (where an uneven bone lets it go).
    """

    quantity: str
    volume: Volume
    unit: str
    because: str = ""
    samples: tuple[Volume, ...] = ()
    inputs: tuple[SampledInput, ...] = ()
