"""Percutaneous screws: a few constructs in the corridors of a pelvis, sacrum, femur, humerus or sternum.

Each construct is a plan.  Where no corridor takes a screw one plan without steps stays listed, and its
violations say why, corridor by corridor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from osteoplan.model.construct import Construct
from osteoplan.model.findings import Findings
from osteoplan.model.plan import Act, Plan, Step, Violation
from osteoplan.model.trajectory import Trajectory
from osteoplan.techniques.estimates import nearest_gaps
from osteoplan.techniques.fixation import (
    estimates,
    no_corridor,
    not_here,
    proposed,
    screw_recipe,
    serves,
    short_title,
)
from osteoplan.trajectory.setting import Setting

__all__ = ["BONES", "PercutaneousScrews", "numbered", "remarks"]

BONES = ("hip", "sacrum", "femur", "humerus", "sternum")


@dataclass(frozen=True)
class PercutaneousScrews:
    """Cannulated screws through small incisions, without cement."""

    id: str = "percutaneous_screws"
    title: str = "percutaneous screws"
    kind: Literal["plan", "comparator"] = "plan"
    bones: ClassVar[tuple[str, ...]] = BONES

    def propose(self, setting: Setting, findings: Findings) -> tuple[Plan, ...]:
        """A plan for each construct, the best first; none for a bone that this technique does not serve."""
        if not serves(setting, BONES):
            return ()
        made, ways = proposed(setting)
        found = tuple(self._plan(one, ways, setting) for one in made)
        return (*found, *not_here(self.id, self.title, made, ways, setting))

    def violations(self, plan: Plan, setting: Setting) -> tuple[Violation, ...]:
        """Why there is no corridor, corridor by corridor."""
        return () if plan.steps else tuple(no_corridor(plan, proposed(setting)[1], setting))

    def _plan(self, made: Construct, ways: tuple[Trajectory, ...], setting: Setting) -> Plan:
        count = len(made.screws)
        return Plan(
            id=f"{self.id}_{made.id.replace('+', '-')}",
            technique=self.id,
            title=f"{self.title}, {made.title} ({count} screw{'s' if count > 1 else ''})",
            lesion=setting.anatomy.lesion.id,
            steps=numbered(screw_recipe(made.screws, ways, setting.inventory)),
            remarks=remarks(made),
            approach="; ".join(screw.name for screw in made.screws),
            uses=("fixation",),
            clearances=estimates(made, ways, setting.ensemble),
            gaps=nearest_gaps(way for way in ways if way.id in {screw.way for screw in made.screws}),
            short_title=short_title(made),
        )


def remarks(made: Construct) -> tuple[str, ...]:
    """What the checks and the construct's notes say."""
    said = [check.text for check in made.failed] + [c.text for c in made.checks if c.ok is None]
    return (*said, *made.notes)


def numbered(recipe: Iterator[tuple[Act, str]]) -> tuple[Step, ...]:
    """Acts as steps from 1."""
    return tuple(Step(order, act, why=why) for order, (act, why) in enumerate(recipe, start=1))
