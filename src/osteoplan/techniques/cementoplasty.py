"""Cementoplasty outside the spine: cement through one needle or several into a lesion of pelvis or limb."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from osteoplan.errors import OsteoplanError
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.effects import Effects, Port
from osteoplan.model.findings import Findings
from osteoplan.model.plan import (
    Deliver,
    Expand,
    Inject,
    Measure,
    Place,
    Plan,
    Remove,
    Sample,
    Violation,
    Wait,
)
from osteoplan.model.way import Way
from osteoplan.techniques.filling import (
    apart,
    cement_recipe,
    cement_ways,
    filling_violations,
    needle_estimates,
    needle_violations,
    no_needle,
)
from osteoplan.techniques.fixation import serves
from osteoplan.techniques.protocol import Shelf
from osteoplan.techniques.screws import numbered

__all__ = ["Cementoplasty"]

BONES = ("hip", "femur", "humerus")


@dataclass(frozen=True)
class Cementoplasty:
    """Cement alone, through needles that come out again."""

    id: str = "cementoplasty"
    title: str = "cementoplasty outside the spine"
    kind: Literal["plan", "comparator"] = "plan"

    def propose(self, anatomy: Anatomy, findings: Findings, shelf: Shelf) -> tuple[Plan, ...]:
        """A plan for each of the best needle ways, and one with several needles."""
        if not serves(anatomy, BONES):
            return ()
        ways = cement_ways(anatomy, shelf)
        fitting = [way for way in ways if way.ok and way.skin_mm is not None]
        if not fitting:
            return (Plan(f"{self.id}_none", self.id, f"{self.title}: no needle way", anatomy.lesion.id),)
        most, needles = int(shelf.limit("plans_most")), int(shelf.limit("needles_most"))
        sets: list[Sequence[Way]] = [[way] for way in fitting[:most]]
        several = apart(fitting, needles, shelf.limit("needle_tips_apart_mm"))
        if len(several) > 1:
            sets = [*sets[: most - 1], several]
        return tuple(self._plan(chosen, anatomy, shelf) for chosen in sets)

    def violations(self, plan: Plan, anatomy: Anatomy, shelf: Shelf) -> tuple[Violation, ...]:
        """Hard limits that the plan's own needles and volumes break, measured afresh."""
        if not plan.steps:
            return tuple(no_needle(cement_ways(anatomy, shelf)))
        return (*needle_violations(plan, anatomy, shelf), *filling_violations(plan, anatomy, shelf))

    def effects(self, plan: Plan, anatomy: Anatomy, shelf: Shelf) -> Effects:
        """Cement ports at the tips; no solid stays."""
        ports = []
        for step in plan.steps:
            match step.act:
                case Inject(agent, at_mm, volume_mL):
                    ports.append(Port(at_mm, agent, volume_mL))
                case Place() | Remove() | Wait() | Measure():
                    pass  # needles come out again
                case Expand() | Deliver() | Sample():
                    raise OsteoplanError(f"{plan.id}: {type(step.act).__name__} is no act of cement alone")
                case _:
                    assert_never(step.act)
        return Effects(ports=tuple(ports))

    def _plan(self, ways: Sequence[Way], anatomy: Anatomy, shelf: Shelf) -> Plan:
        names = " and ".join(way.name for way in ways)
        return Plan(
            id=f"{self.id}_{'-'.join(way.id for way in ways)}",
            technique=self.id,
            title=f"{self.title}, {names}",
            lesion=anatomy.lesion.id,
            steps=numbered(cement_recipe(ways, anatomy, shelf)),
            approach="; ".join(way.name for way in ways),
            uses=("pmma", "cement_alone"),
            clearances=needle_estimates(ways),
        )
