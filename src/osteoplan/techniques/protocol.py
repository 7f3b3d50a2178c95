"""What a technique is: it proposes.  What a plan then does and breaks follows from its acts."""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

from osteoplan.model.findings import Findings
from osteoplan.model.plan import Plan, Violation
from osteoplan.trajectory.setting import Setting

__all__ = ["Technique"]


@runtime_checkable
class Technique(Protocol):
    """Something that can be done for a bone lesion.

    The methods are pure: the same arguments give the same answer, and nothing is changed.  A technique whose
    ``kind`` is ``comparator`` proposes one plan without steps and has no violations.
    """

    @property
    def id(self) -> str:
        """Name of the technique in files, e.g. ``vertebroplasty``."""
        ...

    @property
    def title(self) -> str:
        """What people call it."""
        ...

    @property
    def kind(self) -> Literal["plan", "comparator"]:
        """Whether it is planned here, or stands beside the plans with published outcomes."""
        ...

    def propose(self, setting: Setting, findings: Findings) -> tuple[Plan, ...]:
        """Every way to do it here; plans that break a limit are proposed too, ``violations`` says why."""
        ...

    def violations(self, plan: Plan, setting: Setting) -> tuple[Violation, ...]:
        """What this technique alone knows against a plan, e.g. why there is no way in.

        What holds for every plan with the same acts is told by ``techniques.violations``.
        """
        ...
