"""Every way into one lesion that was looked for, as one noun: the page draws it, ``io`` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from osteoplan.model.anatomy import Anatomy
from osteoplan.model.case import Case
from osteoplan.model.device import Device
from osteoplan.model.way import Way
from osteoplan.provenance import Stamp

__all__ = ["WaysResult"]


@dataclass(frozen=True, eq=False)
class WaysResult:
    """The ways of one lesion.

    Attributes:
        ways: those that fit and those that were looked for and not found.
        devices: device files by id, for names and true diameters.
        rejected: approach -> reason -> how many candidates fell to it.
        warnings: what must be read with all of them.
        credits: sentences that must be printed wherever the images appear.
    """

    case: Case
    anatomy: Anatomy
    ways: tuple[Way, ...]
    rejected: Mapping[str, Mapping[str, int]]
    stamp: Stamp
    devices: Mapping[str, Device]
    warnings: tuple[str, ...] = ()
    credits: tuple[str, ...] = field(default=())
