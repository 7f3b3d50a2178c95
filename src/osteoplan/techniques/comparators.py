"""What every percutaneous plan is compared with.  No steps, no physical effects: published outcomes only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from osteoplan.model.findings import Findings
from osteoplan.model.plan import Plan, Violation
from osteoplan.trajectory.setting import Setting

__all__ = ["BestSupportiveCare", "OpenSurgery", "Radiotherapy", "Sbrt"]


@dataclass(frozen=True)
class _Comparator:
    id: str
    title: str
    kind: Literal["plan", "comparator"] = "comparator"

    def propose(self, setting: Setting, findings: Findings) -> tuple[Plan, ...]:
        """One plan without steps."""
        return (Plan(id=self.id, technique=self.id, title=self.title, lesion=setting.anatomy.lesion.id),)

    def violations(self, plan: Plan, setting: Setting) -> tuple[Violation, ...]:
        """None: no geometry is planned."""
        return ()


@dataclass(frozen=True)
class BestSupportiveCare(_Comparator):
    """Analgesia, bracing, systemic treatment: the option that all others are measured against."""

    id: str = "best_supportive_care"
    title: str = "best supportive and systemic care"


@dataclass(frozen=True)
class Radiotherapy(_Comparator):
    """Conventional external beam radiotherapy."""

    id: str = "radiotherapy"
    title: str = "conventional radiotherapy"


@dataclass(frozen=True)
class Sbrt(_Comparator):
    """Stereotactic radiotherapy of the body: a high dose in one or a few fractions."""

    id: str = "sbrt"
    title: str = "stereotactic radiotherapy"


@dataclass(frozen=True)
class OpenSurgery(_Comparator):
    """Open decompression and stabilisation."""

    id: str = "open_surgery"
    title: str = "open surgery"
