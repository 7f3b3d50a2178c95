"""What ``check`` found in a case: what is there, what is missing for which result, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from osteoplan.arrays import F64
from osteoplan.model.anatomy import Anatomy, BoneFrame
from osteoplan.model.case import Case
from osteoplan.model.findings import Findings, Label
from osteoplan.model.labels import LabelMap
from osteoplan.model.volume import Volume

__all__ = ["Checked", "Level", "Need", "NeedState"]

NeedState = Literal["there", "derived", "unconfirmed", "missing"]


@dataclass(frozen=True)
class Need:
    """One thing that one result needs.

    Attributes:
        purpose: which result.
        what: what it needs.
        state: ``there``, ``derived`` (from the scan, printed so), ``unconfirmed`` (a person must look), or
            ``missing``.
        todo: what to do, "" where there is nothing to do.
    """

    purpose: str
    what: str
    state: NeedState
    todo: str = ""


@dataclass(frozen=True, eq=False)
class Level:
    """One vertebra of the label map, for the person who counts.

    Attributes:
        centre_mm: (3,) LPS centroid.
        whole: False where the scan's edge cuts it.
        ribs: the ribs that touch it, by label.
    """

    name: str
    centre_mm: F64
    whole: bool
    ribs: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Checked:
    """A case that was looked at.

    Attributes:
        program: version that looked.
        case: None while there is no lesion yet.
        read: sentences on what was read.
        levels: vertebrae of the label map, from above to below.
        count: sentences of the counting aid.
        bones: what of the labels is bone.
        frames: of the target bone.
        labels: what facts are called.
        ct, label_map: the scan and what is labelled on it, with or without a lesion.
        seeded: bones that were grown here from a point.
    """

    id: str
    program: str
    case: Case | None
    anatomy: Anatomy | None
    findings: Findings
    needs: tuple[Need, ...]
    read: tuple[str, ...]
    warnings: tuple[str, ...]
    questions: tuple[str, ...] = ()
    levels: tuple[Level, ...] = ()
    count: tuple[str, ...] = ()
    bones: tuple[str, ...] = ()
    frames: Mapping[str, BoneFrame] = field(default_factory=dict)
    labels: Mapping[str, Label] = field(default_factory=dict)
    ct: Volume | None = None
    label_map: LabelMap | None = None
    seeded: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """True where a plan can be made."""
        return self.anatomy is not None
