"""Screws with cement (FICS, AORIF): wires, screws over them, then cement through a needle around the screws.

Cement leaves a cannulated screw at its tip, which lies in sound bone beyond the lesion; so it goes in beside
the screws, unless a screw ends in the lesion: then the screw itself is the way in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from osteoplan.model.construct import Construct, Screw
from osteoplan.model.plan import Act, Inject, Measure, Plan, Violation, Wait
from osteoplan.model.trajectory import Trajectory
from osteoplan.techniques.effects import rod_of
from osteoplan.techniques.estimates import nearest_gaps
from osteoplan.techniques.filling import (
    cement_asked,
    cement_recipe,
    cement_ways,
    clear_of,
    needle_estimates,
    no_needle,
)
from osteoplan.techniques.fixation import screw_recipe, short_title
from osteoplan.techniques.screws import PercutaneousScrews, numbered
from osteoplan.trajectory.setting import Setting

__all__ = ["CementedScrews"]


@dataclass(frozen=True)
class CementedScrews(PercutaneousScrews):
    """Cannulated screws and cement in one session: a needle for the cement keeps clear of the screws."""

    id: str = "cemented_screws"
    title: str = "screws with cement"

    def violations(self, plan: Plan, setting: Setting) -> tuple[Violation, ...]:
        """Why there is no corridor, or no needle trajectory beside the screws."""
        if not plan.steps or any(isinstance(step.act, Inject) for step in plan.steps):
            return super().violations(plan, setting)
        return tuple(no_needle(cement_ways(setting)))

    def _plan(self, made: Construct, ways: tuple[Trajectory, ...], setting: Setting) -> Plan:
        needles, screws = _needles(made, setting), super()._plan(made, ways, setting)
        return replace(
            screws,
            steps=numbered(_recipe(made, ways, needles, setting)),
            approach="; ".join((screws.approach, *(w.name for w in needles))),
            uses=("fixation", "pmma"),
            clearances=(*screws.clearances, *needle_estimates(needles, setting.ensemble)),
            gaps=nearest_gaps((*(w for w in ways if w.id in {s.way for s in made.screws}), *needles)),
            short_title=short_title(made, " + cement"),
        )


def _recipe(
    made: Construct, ways: tuple[Trajectory, ...], needles: tuple[Trajectory, ...], setting: Setting
) -> Iterator[tuple[Act, str]]:
    """Wires and screws, then cement; a plan without a way for the cement ends with its screws."""
    yield from screw_recipe(made.screws, ways, setting.inventory)
    portal = _portal(made, setting)
    if portal is not None:
        yield from _through_screw(portal, setting)
    elif needles:
        yield from cement_recipe(needles, setting)


def _through_screw(screw: Screw, setting: Setting) -> Iterator[tuple[Act, str]]:
    """Cement through the bore of a screw that ends in the lesion."""
    cement = setting.inventory.device(str(setting.inventory.limit("cement_device").value))
    cure = cement.values["hardening_min"].number if "hardening_min" in cement.values else None
    asked_mL, why = cement_asked(setting)
    act = Inject(cement.id, screw.tip_mm, asked_mL)
    yield act, f"{why}; through the bore of {screw.name}, which ends in the lesion"
    yield Wait("cement cure", cure), ""
    yield Measure("CT: cement, leaks"), "joints, vessels, nerves, soft tissue"


def _portal(made: Construct, setting: Setting) -> Screw | None:
    """A screw whose tip lies in the lesion."""
    maps = setting.maps
    for screw in made.screws:
        if float(maps.at("lesion", np.array(screw.tip_mm)[None])[0]) < 0.0:
            return screw
    return None


def _needles(made: Construct, setting: Setting) -> tuple[Trajectory, ...]:
    """Needle trajectories that fit, clear of the construct's screws; none where a screw is the way in."""
    if _portal(made, setting) is not None:
        return ()
    rods = [
        rod_of(setting.inventory.device(screw.device), screw.head_mm, screw.tip_mm) for screw in made.screws
    ]
    clear = clear_of(setting, rods, setting.inventory.limit("needle_screw_min_mm").number)
    return clear[: int(setting.inventory.limit("needles_most").number)]
