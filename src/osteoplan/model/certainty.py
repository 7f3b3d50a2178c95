"""What makes an answer unsure: one input at a time."""

from __future__ import annotations

from dataclasses import dataclass

from osteoplan.model.outcome import Estimate

__all__ = ["Bar", "Tornado"]


@dataclass(frozen=True)
class Bar:
    """How far one input alone moves an outcome: from ``low`` to ``high``, in its unit."""

    input: str
    title: str
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Tornado:
    """An outcome, and what each input alone makes of it, widest first.

    Attributes:
        title: what the estimate is of, in words.
        option, reference: ids of what is compared; both "" for the bone before treatment.
    """

    title: str
    option: str
    reference: str
    estimate: Estimate
    bars: tuple[Bar, ...]
