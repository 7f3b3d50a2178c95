"""Screws with cement (FICS, AORIF): wires, screws over them, then cement through a needle around the screws.

Cement leaves a cannulated screw at its tip, which lies in sound bone beyond the lesion; so it goes in beside
the screws, unless a screw ends in the lesion: then the screw itself is the way in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np

from osteoplan.errors import OsteoplanError
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.construct import Construct, Screw
from osteoplan.model.effects import Effects, Port
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
    Violation,
    Wait,
)
from osteoplan.model.way import Way
from osteoplan.techniques.filling import (
    cement_recipe,
    cement_ways,
    clear_of,
    filling_violations,
    needle_estimates,
    needle_violations,
    no_needle,
    volume,
)
from osteoplan.techniques.fixation import (
    cylinder_of,
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
from osteoplan.techniques.screws import BONES, numbered, remarks, titled
from osteoplan.trajectory.surroundings import distance_maps, surroundings

__all__ = ["CementedScrews"]


@dataclass(frozen=True)
class CementedScrews:
    """Cannulated screws and cement in one session."""

    id: str = "cemented_screws"
    title: str = "screws with cement"
    kind: Literal["plan", "comparator"] = "plan"

    def propose(self, anatomy: Anatomy, findings: Findings, shelf: Shelf) -> tuple[Plan, ...]:
        """A plan for each construct, with a cement needle that keeps clear of its screws."""
        if not serves(anatomy, BONES):
            return ()
        made, ways = proposed(anatomy, shelf)
        found = tuple(self._plan(one, ways, anatomy, shelf) for one in made)
        return (*found, *not_here(self.id, self.title, made, ways, anatomy))

    def violations(self, plan: Plan, anatomy: Anatomy, shelf: Shelf) -> tuple[Violation, ...]:
        """Hard limits that the plan's own screws, needles and volumes break, measured afresh."""
        if not plan.steps:
            return tuple(no_corridor(plan, proposed(anatomy, shelf)[1], anatomy))
        rods = solids(plan, anatomy, shelf)
        found = [*screw_violations(plan, anatomy, shelf), *needle_violations(plan, anatomy, shelf, rods)]
        if not any(isinstance(step.act, Inject) for step in plan.steps):
            found += no_needle(cement_ways(anatomy, shelf))
        return (*found, *filling_violations(plan, anatomy, shelf))

    def effects(self, plan: Plan, anatomy: Anatomy, shelf: Shelf) -> Effects:
        """The screws that stay, and cement ports."""
        ports = []
        for step in plan.steps:
            match step.act:
                case Inject(agent, at_mm, volume_mL):
                    ports.append(Port(at_mm, agent, volume_mL))
                case Place() | Remove() | Wait() | Measure():
                    pass  # what stays is told by ``solids``
                case Expand() | Deliver() | Sample():
                    raise OsteoplanError(f"{plan.id}: {type(step.act).__name__} is no act of cemented screws")
                case _:
                    assert_never(step.act)
        return Effects(solids=solids(plan, anatomy, shelf), ports=tuple(ports))

    def _plan(self, made: Construct, ways: tuple[Way, ...], anatomy: Anatomy, shelf: Shelf) -> Plan:
        needles = _needles(made, anatomy, shelf)
        return Plan(
            id=f"{self.id}_{made.id.replace('+', '-')}",
            technique=self.id,
            title=titled(self.title, made),
            lesion=anatomy.lesion.id,
            steps=numbered(_recipe(made, ways, needles, anatomy, shelf)),
            remarks=remarks(made),
            approach="; ".join((*(s.name for s in made.screws), *(w.name for w in needles))),
            uses=("fixation", "pmma"),
            clearances=(*estimates(made, ways), *needle_estimates(needles)),
        )


def _recipe(
    made: Construct, ways: tuple[Way, ...], needles: tuple[Way, ...], anatomy: Anatomy, shelf: Shelf
) -> Iterator[tuple[Act, str]]:
    """Wires and screws, then cement; a plan without a way for the cement ends with its screws."""
    yield from screw_recipe(made.screws, ways, shelf)
    portal = _portal(made, anatomy)
    if portal is not None:
        yield from _through_screw(portal, anatomy, shelf)
    elif needles:
        yield from cement_recipe(needles, anatomy, shelf)


def _through_screw(screw: Screw, anatomy: Anatomy, shelf: Shelf) -> Iterator[tuple[Act, str]]:
    """Cement through the bore of a screw that ends in the lesion."""
    cement = shelf.device(str(shelf.limits["cement_device"].value))
    cure = cement.number("hardening_min") if "hardening_min" in cement.values else None
    asked = volume(anatomy, shelf)
    yield (
        Inject(cement.id, screw.tip_mm, asked.mL),
        f"{asked.why}; through the bore of {screw.name}, which ends in the lesion",
    )
    yield Wait("cement cure", cure), ""
    yield Measure("CT: cement, leaks"), "joints, vessels, nerves, soft tissue"


def _portal(made: Construct, anatomy: Anatomy) -> Screw | None:
    """A screw whose tip lies in the lesion."""
    maps = distance_maps(surroundings(anatomy))
    for screw in made.screws:
        if float(maps.at("lesion", np.array(screw.tip_mm)[None])[0]) < 0.0:
            return screw
    return None


def _needles(made: Construct, anatomy: Anatomy, shelf: Shelf) -> tuple[Way, ...]:
    """Needle ways that fit and keep clear of the construct's screws; none where a screw is the way in."""
    if _portal(made, anatomy) is not None:
        return ()
    rods = [cylinder_of(screw, shelf.device(screw.device)) for screw in made.screws]
    clear = clear_of(anatomy, shelf, rods, shelf.limit("needle_screw_min_mm"))
    return clear[: int(shelf.limit("needles_most"))]
