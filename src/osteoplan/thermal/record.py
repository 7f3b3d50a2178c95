"""From what one delivery did on the heat grid to what a page keeps of it: a crop of all that changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from osteoplan.arrays import F32, Mask
from osteoplan.boxes import Box, around
from osteoplan.model.effects import Source
from osteoplan.model.heat import HeatClock, HeatLimit, HeatMoment, HeatRecord
from osteoplan.model.volume import Volume
from osteoplan.thermal.run import HeatRun, Watch

__all__ = ["heat_record", "structure_of"]

_CHANGED_K = 0.5  # below that no picture shows a difference
_RIM = 3  # voxels beyond what changed
_NO_LIMIT = HeatLimit()


def heat_record(
    run: HeatRun,
    source: Source,
    *,
    lethal: Mapping[str, Mask],
    limits: Mapping[str, HeatLimit],
    body_degC: float,
    lethal_degC: Sequence[float],
    edge_degC: float,
    stamps: Sequence[str] = (),
    not_judged: Sequence[str] = (),
) -> HeatRecord:
    """What a page keeps of a run.

    Args:
        lethal: criterion -> (ni, nj, nk) what it calls dead, on the run's grid.
        limits: structure -> between which temperatures it is to stay.
        body_degC: temperature of what was not touched.
        lethal_degC, edge_degC: isotherms that pictures draw, solid and dashed.
        stamps: what every picture and table must say of the probes.
        not_judged: what the scan does not show.
    """
    grid = run.scene.grid
    box = _changed(run, body_degC)

    def kept(array: F32) -> Volume:
        return grid.with_array(array, "degC").on(box)

    return HeatRecord(
        device=source.device,
        source=source.kind,
        step=source.step,
        lethal_degC=tuple(lethal_degC),
        edge_degC=edge_degC,
        end=kept(run.T_end),
        hottest=kept(run.T_max),
        coldest=kept(run.T_min),
        cem43=grid.with_array(run.cem43, "min").on(box),
        lethal={name: grid.with_array(mask, "mask").on(box) for name, mask in lethal.items()},
        clock=_clock(run.watch, limits, body_degC),
        moments=tuple(
            HeatMoment(name, one.time_s, kept(one.degC)) for name, one in run.hottest.items()
        ),
        stamps=tuple(stamps),
        not_judged=tuple(not_judged),
        seconds=run.seconds,
        power_W=run.power_W,
        audit=run.audit,
        notes=run.notes,
    )  # fmt: skip


def structure_of(point: str) -> str:
    """The structure of a watched point: points of one are *name #1*, *name #2*, or *name* alone."""
    return point.partition(" #")[0]


def _changed(run: HeatRun, body_degC: float) -> Box:
    """The box of all that changed, and of the lesion, with a rim."""
    moved = (run.T_max - body_degC > _CHANGED_K) | (body_degC - run.T_min > _CHANGED_K) | run.scene.lesion
    if not moved.any():
        moved = np.ones_like(moved)
    return around(moved, _RIM)


def _clock(watch: Watch, limits: Mapping[str, HeatLimit], body_degC: float) -> HeatClock:
    """Of each structure the point that strays farthest from the body's temperature at any time."""
    names = tuple(dict.fromkeys(structure_of(name) for name in watch.names))
    farthest = np.abs(watch.degC - body_degC).max(axis=0)
    own = [[n for n, point in enumerate(watch.names) if structure_of(point) == name] for name in names]
    told = [max(points, key=farthest.__getitem__) for points in own]
    return HeatClock(
        names, tuple(watch.points_mm[n] for n in told), watch.times_s, watch.degC[:, told],
        tuple(limits.get(name, _NO_LIMIT) for name in names),
    )  # fmt: skip
