"""Percutaneous screws: a few constructs in the corridors of a pelvis, sacrum, femur or humerus.

Each construct is a plan.  Where no corridor takes a screw one plan without steps stays listed, and its
violations say why, corridor by corridor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, assert_never

from osteoplan.errors import OsteoplanError
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.construct import Construct
from osteoplan.model.effects import Effects
from osteoplan.model.findings import Findings
from osteoplan.model.plan import (
    Act,
    Deliver,
    Expand,
    Inject,
    Measure,
    Place,
    Plan,
    Remove,
    Sample,
    Step,
    Violation,
    Wait,
)
from osteoplan.model.way import Way
from osteoplan.techniques.fixation import (
    estimates,
    no_corridor,
    not_here,
    proposed,
    screw_recipe,
    screw_violations,
    serves,
    solids,
)
from osteoplan.techniques.protocol import Shelf

__all__ = ["BONES", "PercutaneousScrews", "numbered", "titled"]

BONES = ("hip", "sacrum", "femur", "humerus")


@dataclass(frozen=True)
class PercutaneousScrews:
    """Cannulated screws through small incisions, without cement."""

    id: str = "percutaneous_screws"
    title: str = "percutaneous screws"
    kind: Literal["plan", "comparator"] = "plan"

    def propose(self, anatomy: Anatomy, findings: Findings, shelf: Shelf) -> tuple[Plan, ...]:
        """A plan for each construct, the best first; none for a bone that this technique does not serve."""
        if not serves(anatomy, BONES):
            return ()
        made, ways = proposed(anatomy, shelf)
        found = tuple(self._plan(one, ways, anatomy, shelf) for one in made)
        return (*found, *not_here(self.id, self.title, made, ways, anatomy))

    def violations(self, plan: Plan, anatomy: Anatomy, shelf: Shelf) -> tuple[Violation, ...]:
        """Hard limits that the plan's own screws break, measured afresh."""
        if not plan.steps:
            return tuple(no_corridor(plan, proposed(anatomy, shelf)[1], anatomy))
        return tuple(screw_violations(plan, anatomy, shelf))

    def effects(self, plan: Plan, anatomy: Anatomy, shelf: Shelf) -> Effects:
        """The screws that stay."""
        for step in plan.steps:
            match step.act:
                case Place() | Remove() | Measure():
                    pass
                case Inject() | Wait() | Expand() | Deliver() | Sample():
                    raise OsteoplanError(f"{plan.id}: {type(step.act).__name__} is no act of screws alone")
                case _:
                    assert_never(step.act)
        return Effects(solids=solids(plan, anatomy, shelf))

    def _plan(self, made: Construct, ways: tuple[Way, ...], anatomy: Anatomy, shelf: Shelf) -> Plan:
        return Plan(
            id=f"{self.id}_{made.id.replace('+', '-')}",
            technique=self.id,
            title=titled(self.title, made),
            lesion=anatomy.lesion.id,
            steps=numbered(screw_recipe(made.screws, ways, shelf)),
            remarks=remarks(made),
            approach="; ".join(screw.name for screw in made.screws),
            uses=("fixation",),
            clearances=estimates(made, ways),
        )


def titled(technique: str, made: Construct) -> str:
    """What people call the plan."""
    count = len(made.screws)
    return f"{technique}, {made.title} ({count} screw{'s' if count > 1 else ''})"


def remarks(made: Construct) -> tuple[str, ...]:
    """What the checks and the construct's notes say."""
    said = [check.text for check in made.failed] + [c.text for c in made.checks if c.ok is None]
    return (*said, *made.notes)


def numbered(recipe: Iterator[tuple[Act, str]]) -> tuple[Step, ...]:
    """Acts as steps from 1."""
    return tuple(Step(order, act, why=why) for order, (act, why) in enumerate(recipe, start=1))
