"""Several probes for one lesion: which, where and how deep, along the trajectories that were found.

    plan = probes(result, ProbeSettings(modality="mwa", at_most=3))

The zones are geometry, unverified and not measured in bone: what is covered enters no ranking.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.errors import BadInput
from osteoplan.knowledge.applicators import (
    ApplicatorTable,
    Modality,
    applicators,
    load_applicators,
)
from osteoplan.knowledge.values import number
from osteoplan.model.case import Case
from osteoplan.model.trajectory import Trajectory, WaysResult
from osteoplan.trajectory.needles.limits import NeedleTask
from osteoplan.trajectory.needles.search import recheck
from osteoplan.trajectory.probes.cover import cover
from osteoplan.trajectory.probes.parallel import ProbePath, beside, probe_path_of
from osteoplan.trajectory.probes.placed import cover_limits, dangers
from osteoplan.trajectory.probes.plan import CoverPlan
from osteoplan.trajectory.probes.target import target_of
from osteoplan.trajectory.surroundings import Surroundings, surroundings
from osteoplan.workflow.progress import Progress, quiet, stage
from osteoplan.workflow.ways import WaysSettings, tasks_of

__all__ = ["ProbeSettings", "probes"]

DEPTHS_MM = (-10.0, -5.0, 0.0, 5.0, 10.0)  # of the tip, along each way


@dataclass(frozen=True)
class ProbeSettings:
    """What is asked of the probes.

    Attributes:
        modality: rfa, mwa, cryo or laser.
        margin_mm: around the lesion; None takes that of the case's intent.
        at_most: how many probes there are.
        keep_out: kinds of structure that no zone may reach; the others are told.
    """

    modality: Modality
    margin_mm: float | None = None
    at_most: int = 4
    keep_out: tuple[str, ...] = ("canal",)


def probes(
    result: WaysResult, settings: ProbeSettings, ways: WaysSettings, *, progress: Progress = quiet
) -> CoverPlan:
    """Choose and place probes along the needle paths of a result.

    Raises:
        BadInput: no needle path fits, no zone of that modality can be placed, or no margin is known.
    """
    stage(progress, "choosing probes", 0.9, 0.95)
    table = _table(result.case)
    rows = table.placeable(settings.modality)
    if not rows:
        raise BadInput(
            f"no zone of {settings.modality} can be placed: no table of it was found in a readable source; "
            "name the centre's own under applicators in centre.yaml"
        )
    around = surroundings(result.anatomy)
    thickest = max(
        table.diameter_mm(row) or number("placement.probe_diameter_when_unknown_mm") for row in rows
    )
    asked = tuple(_as_probe(task, thickest) for task in tasks_of(around, result.case, ways))
    candidates = _candidates(around, result.ways, asked)
    if not candidates:
        raise BadInput(
            "no needle path into this lesion fits, so no probe can be placed: see the ways' reasons"
        )

    def allowed(entries: F64, tips: F64) -> Bool:
        return np.asarray(np.any([recheck(around, task, entries, tips) for task in asked], axis=0))

    canal = [s.mask for s in around.structures if s.kind == "canal"]
    return cover(
        target_of(
            around.lesion, around.grid, _margin(result.case, settings),
            sparing=np.logical_or.reduce(canal) if canal else None,
        ),
        candidates, table, rows,
        cover_limits(
            settings.at_most, keep_out=settings.keep_out,
            structures=dangers(around.structures, around.grid),
        ),
        allowed=allowed,
    )  # fmt: skip


def _candidates(
    around: Surroundings, ways: Sequence[Trajectory], asked: Sequence[NeedleTask]
) -> tuple[ProbePath, ...]:
    """Trajectories that fit and their parallels, each re-checked against every limit of its own search."""
    found: list[ProbePath] = []
    radius = float(np.cbrt(3.0 * around.lesion.sum() * around.grid.voxel_volume_mm3 / (4.0 * np.pi)))
    for task in asked:

        def allowed(entries: F64, tips: F64, task: NeedleTask = task) -> Bool:
            return recheck(around, task, entries, tips)

        own = [way for way in ways if way.ok and way.approach == task.approach.id and way.side == task.side]
        made = [probe_path_of(way) for way in own if way.kind == "needle"]
        found += beside(made, allowed=allowed, reach_mm=radius, depths_mm=DEPTHS_MM)
    return tuple(found)


def _as_probe(task: NeedleTask, diameter_mm: float) -> NeedleTask:
    """The same search for a probe of that thickness, which may end anywhere near the lesion."""
    known = task.device.values["outer_diameter_mm"]
    values = {**task.device.values, "outer_diameter_mm": replace(known, value=diameter_mm)}
    values.pop("length_mm", None)  # no probe's length is in a source that was read
    return replace(task, device=replace(task.device, values=values))


def _table(case: Case) -> ApplicatorTable:
    return load_applicators(case.centre.applicators) if case.centre.applicators else applicators()


def _margin(case: Case, settings: ProbeSettings) -> float:
    if settings.margin_mm is not None:
        return settings.margin_mm
    intent = case.goals.get("intent")
    if intent not in ("curative", "palliative"):
        raise BadInput(
            "how far beyond the lesion the probes should reach is not known: set goals.intent to curative or "
            "palliative in case.yaml, or give --margin"
        )
    return number(f"placement.margin_{intent}_mm")
