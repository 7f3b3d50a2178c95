"""Cement alone, through one needle or several: outside the spine, and into the sacrum (sacroplasty)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from osteoplan.model.findings import Findings
from osteoplan.model.plan import Plan, Violation, short_of
from osteoplan.model.trajectory import Trajectory
from osteoplan.techniques.estimates import nearest_gaps
from osteoplan.techniques.filling import (
    apart,
    cement_recipe,
    cement_ways,
    needle_estimates,
    no_needle,
    short_way,
)
from osteoplan.techniques.fixation import serves
from osteoplan.techniques.screws import numbered
from osteoplan.trajectory.setting import Setting

__all__ = ["Cementoplasty", "Sacroplasty"]


@dataclass(frozen=True)
class Cementoplasty:
    """Cement alone, through needles that come out again."""

    id: str = "cementoplasty"
    title: str = "cementoplasty outside the spine"
    kind: Literal["plan", "comparator"] = "plan"
    bones: ClassVar[tuple[str, ...]] = ("hip", "femur", "humerus", "scapula", "sternum", "rib")
    uses: ClassVar[tuple[str, ...]] = ("pmma", "cement_alone")

    def propose(self, setting: Setting, findings: Findings) -> tuple[Plan, ...]:
        """A plan for each of the best needle trajectories, and one with several needles."""
        if not serves(setting, self.bones):
            return ()
        ways = cement_ways(setting)
        fitting = [way for way in ways if way.ok and way.skin_mm is not None]
        if not fitting:
            return (
                Plan(
                    f"{self.id}_none",
                    self.id,
                    f"{self.title}: no needle way",
                    setting.anatomy.lesion.id,
                    short_title=f"{self.title.partition(' ')[0]}: no needle way",
                ),
            )
        most, needles = (
            int(setting.inventory.limit("plans_most").number),
            int(setting.inventory.limit("needles_most").number),
        )
        sets: list[Sequence[Trajectory]] = [[way] for way in fitting[:most]]
        several = apart(fitting, needles, setting.inventory.limit("needle_tips_apart_mm").number)
        if len(several) > 1:
            sets = [*sets[: most - 1], several]
        return tuple(self._plan(chosen, setting) for chosen in sets)

    def violations(self, plan: Plan, setting: Setting) -> tuple[Violation, ...]:
        """Why there is no way in, approach by approach."""
        return () if plan.steps else tuple(no_needle(cement_ways(setting)))

    def _plan(self, ways: Sequence[Trajectory], setting: Setting) -> Plan:
        names = " and ".join(way.name for way in ways)
        return Plan(
            id=f"{self.id}_{'-'.join(way.id for way in ways)}",
            technique=self.id,
            title=f"{self.title}, {names}",
            lesion=setting.anatomy.lesion.id,
            steps=numbered(cement_recipe(ways, setting)),
            approach="; ".join(way.name for way in ways),
            uses=self.uses,
            clearances=needle_estimates(ways, setting.ensemble),
            gaps=nearest_gaps(ways),
            short_title=short_of(f"cement, {short_way(ways)}"),
        )


@dataclass(frozen=True)
class Sacroplasty(Cementoplasty):
    """The same in the sacrum: along it, from behind beside its foramina, or through the ilium."""

    id: str = "sacroplasty"
    title: str = "sacroplasty"
    bones: ClassVar[tuple[str, ...]] = ("sacrum",)
    uses: ClassVar[tuple[str, ...]] = ("pmma",)
