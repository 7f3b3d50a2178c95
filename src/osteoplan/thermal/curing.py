"""Cement that sets in bone: what canal and roots feel of its heat, and how long to wait before it is put in.

Heat scales with the share of each cube that is cement; tissue around is alive and at body temperature.  The
three published kinetics are three samples on coarse cubes; the central run is on fine ones, by the set whose
canal peak lies in the middle.

After heat or cold, cement waits until

    no cube that cement will fill is colder than 15 degC
    what is left of the heat and the peak of the cement's own pass no structure's limit together

so that two doses which each keep to the limits cannot add up past one.  What is left is worked out without
cement, the two are added: more than what would come about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from osteoplan.arrays import F32, Mask
from osteoplan.errors import OnStep
from osteoplan.kernels.bioheat import Bioheat
from osteoplan.kernels.curing import Curing
from osteoplan.kernels.resample import gather_linear
from osteoplan.kernels.threads import each
from osteoplan.knowledge.curing import CuringKinetics, curing_kinetics, curing_start
from osteoplan.knowledge.tissues import heat_tissue
from osteoplan.knowledge.values import number
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.field import Field
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Segment
from osteoplan.model.simulated import Simulated
from osteoplan.model.volume import Volume
from osteoplan.thermal.at_risk import NERVES, AtRisk, Felt, at_risk, felt
from osteoplan.thermal.deliver import Driven, deliver
from osteoplan.thermal.run import HeatRun
from osteoplan.thermal.scene import HeatScene, scene
from osteoplan.thermal.tissue import Matter, TissueSample, matter_of
from osteoplan.trajectory.surroundings import Surroundings, point

__all__ = ["CuringSettings", "cure"]

REACH_MM = 25.0  # around the cement: its heat goes no farther
SETTING_S = 1200.0  # that are simulated: all three kinetics have set by then
CONTROL_S = 2.0
LEAST_SHARE = 0.02  # of a cube that is told as cement
WAIT_STEP_S, WAIT_MOST_S = 30.0, 3600.0
FELT_K = 1.0  # a structure that cement warms less is not told


@dataclass(frozen=True)
class CuringSettings:
    """Edges of the cubes of the central run (None: the coarse ones alone) and of the samples."""

    edge_mm: float | None = 1.0
    search_mm: float = 2.0


def cure(
    around: Surroundings,
    cement: Field,
    after: Field | None,
    ensemble: Ensemble,
    settings: CuringSettings,
    *,
    on_step: OnStep | None = None,
) -> Simulated:
    """Let the cement of a plan set.

    Args:
        cement: share of each voxel.
        after: temperatures that heat or cold left; None where there was none.

    Raises:
        Cancelled: ``on_step`` returned False.
    """
    rough = _Cemented.of(around, cement, settings.search_mm)
    if not rough.share.any():
        return Simulated(())
    kinetics = curing_kinetics()
    runs = each(lambda n: rough.run(kinetics[n], threads=1), len(kinetics))
    peaks = [felt(run, rough.risks) for run in runs]
    order = np.argsort([_highest(one, rough.risks) for one in peaks])
    middle = int(order[len(order) // 2])
    fine, full = rough, runs[middle]
    if settings.edge_mm is not None:
        fine = _Cemented.of(around, cement, settings.edge_mm)
        full = fine.run(kinetics[middle], on_step=on_step)
    found, stated = felt(full, fine.risks), peaks[middle]
    because = (
        f"heat of setting in cubes of {settings.edge_mm or settings.search_mm:g} mm, "
        f"{kinetics[middle].title}; the interval is over {len(kinetics)} published kinetics",
    )
    outcomes = [
        Estimate.from_draws(
            "cement_heat_degC", risk.name, value=found[risk.name].hottest_degC, unit="degC", because=because,
            draws=np.array(
                [found[risk.name].hottest_degC + one[risk.name].hottest_degC - stated[risk.name].hottest_degC
                 for one in peaks]
            ),
            status="design_default", ensemble=ensemble,
        )
        for risk in fine.risks
        if risk.name in stated
        and (risk.kind in NERVES or risk.limit is not None)
        and found[risk.name].hottest_degC > number("heat.body_degC") + FELT_K
    ]  # fmt: skip
    warnings = [line for risk in fine.risks for line in _beyond(risk, found[risk.name])]
    if after is not None:
        wait = rough.wait_min(after, peaks)
        if wait is None:
            warnings.append(f"an hour after heat or cold the cement cannot be put in yet: {rough.why_not}")
        else:
            outcomes.append(
                Estimate.of_geometry(
                    "cement_wait_min",
                    "",
                    wait,
                    "min",
                    ensemble,
                    because=(*because, rough.why_wait),
                    status="design_default",
                )
            )
    return Simulated(
        tuple(outcomes), (), {"kinetics": kinetics[middle].id, "energy_error": full.audit}, tuple(warnings)
    )


@dataclass(eq=False)
class _Cemented:
    """A scene around cement, on cubes of one edge."""

    here: HeatScene
    matter: Matter
    share: F32
    risks: tuple[AtRisk, ...]
    why_wait: str = ""
    why_not: str = ""

    @classmethod
    def of(cls, around: Surroundings, cement: Field, edge_mm: float) -> _Cemented:
        volume = cement.volume
        at = np.argwhere(volume.array > LEAST_SHARE)
        corners = volume.positions_mm(np.array([at.min(axis=0), at.max(axis=0)])) if len(at) else None
        if corners is None:
            corners = around.grid.positions_mm(np.argwhere(around.lesion)[:1])
        key = ("cement_scene", tuple(map(tuple, corners.round(3).tolist())), edge_mm)
        here: HeatScene = around.memo.once(
            key, lambda: scene(around, [point(one) for one in corners], edge_mm=edge_mm, reach_mm=REACH_MM)
        )
        share = np.clip(_on(volume, here.grid, 0.0), 0.0, 1.0)
        # what the samples on the image's own voxels hold, no more and no less
        asked = float(volume.array.sum(dtype=np.float64)) * volume.voxel_volume_mm3
        here_mm3 = float(share.sum(dtype=np.float64)) * here.grid.voxel_volume_mm3
        if here_mm3 > 0.0:
            share = np.minimum(share * np.float32(min(asked / here_mm3, 1.0)), 1.0)
        share[share < LEAST_SHARE] = 0.0
        return cls(
            here, _with_cement(matter_of(here, canal="csf"), share), share, _but_cement(at_risk(here), share)
        )

    def run(self, kinetics: CuringKinetics, *, threads: int = 0, on_step: OnStep | None = None) -> HeatRun:
        body = self.matter.medium.blood_degC
        start = (body + self.share * (curing_start().number - body)).astype(np.float32)
        return deliver(
            self.here, self.matter, [(_Setting(kinetics, self.share), (Segment(SETTING_S, power_W=1.0),))],
            at_risk={one.name: one.mask for one in self.risks}, keep_moments=False, start=start,
            threads=threads, on_step=on_step,
        )  # fmt: skip

    def wait_min(self, after: Field, peaks: Sequence[Mapping[str, Felt]]) -> float | None:
        """Minutes from the end of heat or cold; None after an hour in vain."""
        body, coldest = number("heat.body_degC"), number("heat.cement_least_degC")
        plain = matter_of(
            self.here, TissueSample(embolised=0.0), canal="csf"
        )  # dead, the lesion is not perfused
        left = np.full(self.here.grid.shape, body, np.float32)
        left[1:-1, 1:-1, 1:-1] = _on(after.volume, self.here.grid, body)[1:-1, 1:-1, 1:-1]
        heat = Bioheat(plain.medium, left)
        filled = self.share > 0.5 if (self.share > 0.5).any() else self.share > 0.0
        for n in range(int(WAIT_MOST_S / WAIT_STEP_S) + 1):
            cold = float(heat.T[filled].min())
            over = [name for name, more in self._sums(heat.T, peaks, body) if more]
            if cold >= coldest and not over:
                self.why_wait = (
                    f"no cement below {coldest:g} degC, and no structure warmed past its limit by both"
                )
                return n * WAIT_STEP_S / 60.0
            heat.run(WAIT_STEP_S)
        told = [f"the cement's place is at {cold:.0f} degC"] if cold < coldest else []
        self.why_not = "; ".join(
            [*told, *(f"{name.replace('_', ' ')} would pass its limit" for name in over)]
        )
        return None

    def _sums(self, T: F32, peaks: Sequence[Mapping[str, Felt]], body: float) -> list[tuple[str, bool]]:
        """Structures that cement alone keeps within limits, and whether both together do not."""
        found = []
        for one in self.risks:
            if one.limit.high_degC is None:
                continue
            limit = one.limit.high_degC.number
            rise = max(peak[one.name].hottest_degC for peak in peaks) - body
            if body + rise <= limit:
                found.append((one.name, float(T[one.mask].max()) + rise > limit))
            else:  # cement alone is too much: waiting for more than body temperature helps nothing
                found.append((one.name, float(T[one.mask].max()) > body + FELT_K))
        return found


class _Setting:
    """Cement as a driver: heat by what sets, from the temperatures that it is shown."""

    control_s = CONTROL_S
    notes: tuple[str, ...] = ()

    def __init__(self, kinetics: CuringKinetics, share: F32) -> None:
        cells = np.flatnonzero(share)
        self.state = Curing(
            cells, rate_1_s=kinetics.rate_1_s, energy_J_mol=kinetics.energy_J_mol, m=kinetics.m, n=kinetics.n,
            glass_K=kinetics.glass_K, seed=kinetics.seed,
        )  # fmt: skip
        self.J_m3 = kinetics.heat_J_m3 * share.ravel()[cells]
        self.shape = share.shape

    def act(self, T: F32, into_s: float, segment: Segment) -> Driven:
        """Heat of the next seconds."""
        gain = self.state.step(T.ravel()[self.state.cells], self.control_s)
        heat = np.zeros(T.size, np.float32)
        heat[self.state.cells] = self.J_m3 * gain / self.control_s
        return Driven(heat.reshape(self.shape))


def _with_cement(matter: Matter, share: F32) -> Matter:
    """Matter of cubes that cement shares with what was there; it brings no blood."""
    set_ = heat_tissue("cement")
    medium = matter.medium
    live = 1.0 - share
    return replace(
        matter,
        medium=replace(
            medium,
            k=live * medium.k + share * set_.number("conductivity_W_mK"),
            k_frozen=live * medium.k_frozen + share * set_.number("conductivity_W_mK"),
            c=live * medium.c + share * set_.volumetric_J_m3K,
            c_frozen=live * medium.c_frozen + share * set_.volumetric_J_m3K,
            perfusion=live * medium.perfusion,
        ),
    )


def _but_cement(risks: tuple[AtRisk, ...], share: F32) -> tuple[AtRisk, ...]:
    """Structures less the cubes that are cement: what has leaked there is told by its own outcome."""
    kept: list[tuple[AtRisk, Mask]] = [(one, one.mask & (share < 0.5)) for one in risks]
    return tuple(replace(one, mask=mask) for one, mask in kept if mask.any())


def _highest(found: Mapping[str, Felt], risks: Sequence[AtRisk]) -> float:
    body = number("heat.body_degC")
    return max((found[one.name].hottest_degC for one in risks if one.kind in NERVES), default=body)


def _beyond(risk: AtRisk, one: Felt) -> list[str]:
    limit = risk.limit
    if limit.high_degC is None or one.hottest_degC <= limit.high_degC.number:
        return []
    return [
        f"{risk.name.replace('_', ' ')} is warmed to {one.hottest_degC:.0f} degC by setting cement, above "
        f"its {limit.high_degC.number:g} degC"
    ]


def _on(volume: Volume, grid: Volume, outside: float) -> F32:
    found: F32 = gather_linear(
        volume.array.astype(np.float32), volume.affine, grid.affine, grid.shape, outside=outside
    )
    return found
