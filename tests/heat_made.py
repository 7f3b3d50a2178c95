"""A run of heat or cold that nobody solved: a made ball of temperature around the tip, for tests of what is
told of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from osteoplan.arrays import F64
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.effects import Source
from osteoplan.model.heat import HeatLimit, HeatRecord
from osteoplan.model.plan import Segment
from osteoplan.thermal.record import heat_record
from osteoplan.thermal.run import HeatRun, Hottest, Watch
from osteoplan.thermal.scene import scene
from osteoplan.trajectory.surroundings import surroundings

BODY = 37.0
LIMITS = {"spinal_canal": HeatLimit(10.0, 45.0, ("made",))}
TIMES = np.array([0.0, 120.0, 300.0, 420.0])
COURSE = np.array([0.0, 0.8, 1.0, 0.5])  # share of the hottest, at those times


def made_run(anatomy: Anatomy, *, cold: bool = False, wide_mm: float = 9.0, edge_mm: float = 2.0) -> HeatRun:
    """A ball around the lesion's middle, hottest at 300 s."""
    around = surroundings(anatomy)
    middle = tuple(anatomy.image.positions_mm(np.argwhere(anatomy.lesion_mask)).mean(axis=0).tolist())
    made = scene(around, [middle], edge_mm=edge_mm, reach_mm=30.0)
    grid, peak = made.grid, -150.0 if cold else 70.0
    points = _points(anatomy, middle)

    def ball(share: float) -> Callable[[F64], F64]:
        return lambda at: (
            BODY + peak * share * np.exp(-((np.linalg.norm(at - middle, axis=-1) / wide_mm) ** 2))
        )

    everywhere = grid.positions_mm(np.moveaxis(np.indices(grid.shape), 0, -1))
    end, top = (ball(share)(everywhere).astype(np.float32) for share in (COURSE[-1], 1.0))
    still = np.full(grid.shape, BODY, dtype=np.float32)
    return HeatRun(
        made, end, still if cold else top, top if cold else still,
        np.where(top > 55.0, 1e4, 0.1).astype(np.float32), {"made": np.zeros(grid.shape, np.float32)},
        Watch(
            tuple(points), tuple(points.values()), TIMES,
            np.stack([[ball(share)(np.array(at)) for share in COURSE] for at in points.values()], axis=1),
        ),
        {"spinal_canal": Hottest(300.0, top)}, 420.0, -12.0 if cold else 15.0, 2e-4,
        ("the limit of power was met",),
    )  # fmt: skip


def made_record(anatomy: Anatomy, *, cold: bool = False, step: int = 2, wide_mm: float = 9.0) -> HeatRecord:
    """The same as a page keeps it."""
    run = made_run(anatomy, cold=cold, wide_mm=wide_mm)
    middle = run.watch.points_mm[0]
    segments = (Segment(300.0, set_degC=-120.0),) if cold else (Segment(300.0, power_W=15.0), Segment(120.0))
    kind = "cold" if cold else "rf_bipolar"
    source = Source(
        kind, "generic_probe", (middle,), ((middle[0], middle[1] + 80.0, middle[2]),), segments, step
    )
    lethal = (
        {"-20 degC": run.T_min < -20.0, "-40 degC": run.T_min < -40.0} if cold
        else {"60 degC": run.T_max > 60.0, "CEM43 240": run.cem43 > 240.0}
    )  # fmt: skip
    return heat_record(
        run, source, lethal=lethal, limits=LIMITS, body_degC=BODY,
        lethal_degC=(-20.0, -40.0) if cold else (60.0,), edge_degC=0.0 if cold else 45.0,
        stamps=("generic applicator", "unverified"), not_judged=("skin",),
    )  # fmt: skip


def _points(anatomy: Anatomy, middle: tuple[float, ...]) -> dict[str, tuple[float, float, float]]:
    """The point of the canal that is nearest to the middle, and one beside it."""
    (canal,) = anatomy.of_kind("canal")
    voxels = anatomy.image.positions_mm(np.argwhere(canal.mask))
    order = np.argsort(np.linalg.norm(voxels - middle, axis=1))
    near, far = (tuple(voxels[n].tolist()) for n in (order[0], order[-1]))
    return {"spinal_canal #1": far, "spinal_canal #2": near}
