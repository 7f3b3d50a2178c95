"""The deliveries of one plan in one patient: scenes of any edge, their drivers, and runs of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import dist

import numpy as np

from osteoplan.arrays import F32, Point
from osteoplan.errors import BadInput, OnStep
from osteoplan.kernels.resample import gather_linear
from osteoplan.knowledge.applicators import Applicator
from osteoplan.knowledge.order import order
from osteoplan.knowledge.values import number
from osteoplan.model.effects import Layer, Source
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.field import Field
from osteoplan.model.volume import Volume
from osteoplan.thermal.at_risk import AtRisk, Felt, at_risk, felt
from osteoplan.thermal.deliver import Checkpoint, Driver, deliver
from osteoplan.thermal.electric import Radiofrequency
from osteoplan.thermal.freezing import Cryo
from osteoplan.thermal.lethal import lethal_fields
from osteoplan.thermal.margins import Margins, lesion_surface, margins_of
from osteoplan.thermal.radiated import Radiator
from osteoplan.thermal.run import HeatRun
from osteoplan.thermal.scene import HeatScene, parted, scene
from osteoplan.thermal.shaft import active_ends, probe_of
from osteoplan.thermal.tissue import CENTRAL, CanalFilling, Matter, TissueSample, matter_of
from osteoplan.trajectory.placement_error import across
from osteoplan.trajectory.probes.parallel import segment_distances
from osteoplan.trajectory.surroundings import Surroundings, point

__all__ = [
    "EMBOLICS", "HeatNumbers", "HeatPlan", "ProbeSample", "driver_of", "drivers_of", "place_words",
    "probe_samples",
]  # fmt: skip

REACH_MM = 40.0  # around the active parts: what heat and cold of one session can reach
EMBOLICS = order().kinds["embolise"].agents


@dataclass(frozen=True)
class ProbeSample:
    """What the probes do in one sample: quantiles of their ranges, and normal numbers of the hand across."""

    output: float = 0.5
    wall: float = 0.5
    cooling: float = 0.5
    hand: tuple[float, float] = (0.0, 0.0)


AS_STATED = ProbeSample()


@dataclass(eq=False)
class HeatPlan:
    """The deliveries of a plan, and what was made for them once per edge."""

    around: Surroundings
    sources: tuple[Source, ...]
    layers: tuple[Layer, ...]
    cement: Field | None

    def __post_init__(self) -> None:
        self.surface_mm = lesion_surface(self.around)
        self._risks: dict[float, tuple[AtRisk, ...]] = {}

    @property
    def as_stated(self) -> TissueSample:
        """The patient as stated: an embolised lesion keeps the stated share of its perfusion."""
        embolised = any(layer.agent in EMBOLICS for layer in self.layers)
        return replace(CENTRAL, embolised=number("heat.embolised_perfusion")) if embolised else CENTRAL

    @property
    def stamps(self) -> tuple[str, ...]:
        """What stands on every picture and table of these probes."""
        return tuple(dict.fromkeys(stamp for one in self.sources for stamp in probe_of(one).stamps))

    def require_possible(self) -> None:
        """That the probes can do what is asked of them, where they are.

        Raises:
            BadInput: a power outside the device's range, a probe outside tissue, two probes in one place.
        """
        _require_possible(self.sources, self.around)

    def near_metal(self) -> Iterator[str]:
        """What must be said of metal beside an active part."""
        return _near_metal(self)

    @property
    def cold(self) -> bool:
        """True where every source freezes."""
        return all(source.kind == "cold" for source in self.sources)

    def scene(self, edge_mm: float) -> HeatScene:
        """The scene on cubes of that edge; kept with the neighbourhood."""
        points = tuple(
            end
            for source in self.sources
            for tip, entry in _probes(source)
            for end in active_ends(probe_of(source), tip, entry)
        )
        key = ("heat_scene", points, self.layers, edge_mm)
        return self.around.memo.once(
            key,
            lambda: parted(scene(self.around, points, edge_mm=edge_mm, reach_mm=REACH_MM), self.layers),
        )

    def risks(self, edge_mm: float) -> tuple[AtRisk, ...]:
        """What is at risk on it."""
        if edge_mm not in self._risks:
            self._risks[edge_mm] = at_risk(self.scene(edge_mm))
        return self._risks[edge_mm]

    def run(
        self, edge_mm: float, patient: TissueSample | None = None, probe: ProbeSample = AS_STATED, *,
        canal: CanalFilling, threads: int = 0, keep: bool = False, tail: bool = True,
        checkpoint: Checkpoint | None = None, on_step: OnStep | None = None,
    ) -> HeatRun:  # fmt: skip
        """All deliveries; ``keep``: the fields at which structures strayed farthest too."""
        here = self.scene(edge_mm)
        matter = matter_of(here, patient or self.as_stated, canal=canal, cement=self._set(here))
        deliveries = [(drivers_of(here, matter, source, probe), source.segments) for source in self.sources]
        at_risk_here = {one.name: one.mask for one in self.risks(edge_mm)}
        return deliver(
            here,
            matter,
            deliveries,
            at_risk=at_risk_here,
            keep_moments=keep,
            threads=threads,
            tail=tail,
            checkpoint=checkpoint,
            on_step=on_step,
        )

    def told(self, run: HeatRun, edge_mm: float) -> HeatNumbers:
        """Margins and what was felt."""
        lesion = run.scene.grid.with_array(run.scene.lesion, "mask")
        return HeatNumbers(
            {
                title: margins_of(dead, run.scene.grid, lesion, self.surface_mm)
                for title, dead in lethal_fields(run, cold=self.cold).items()
            },
            felt(run, self.risks(edge_mm)),
        )

    def _set(self, here: HeatScene) -> F32 | None:
        if self.cement is None:
            return None
        there = self.cement.volume
        return gather_linear(
            there.array.astype(np.float32), there.affine, here.grid.affine, here.grid.shape, outside=0.0
        )


@dataclass(frozen=True, eq=False)
class HeatNumbers:
    """What one run says: margins by criterion, and what was felt by structure."""

    margins: Mapping[str, Margins]
    felt: Mapping[str, Felt]


def _require_possible(sources: Sequence[Source], around: Surroundings) -> None:
    """That the probes can do what is asked of them, where they are.

    Raises:
        BadInput: a power outside the device's range, a probe outside tissue, two probes in one place.
    """
    shafts = []
    for source in sources:
        one = probe_of(source)
        for segment in source.segments:
            one.require(segment.power_W, segment.set_degC)
        for tip, entry in _probes(source):
            ends = active_ends(one, tip, entry)
            at = np.rint(around.grid.indices(np.array(ends))).astype(int)
            inside = ((at >= 0) & (at < np.array(around.grid.shape))).all(axis=1)
            if not inside.all() or not around.skin[tuple(at[inside].T)].all():
                raise BadInput(
                    f"{one.name}: its active part at {place_words(tip)} lies outside the body or the scan; "
                    "move the tip"
                )
            shafts.append((source.step, one, ends))
    for (step_a, a, ends_a), (step_b, b, ends_b) in combinations(shafts, 2):
        gap = float(segment_distances(*(np.array([end]) for end in (*ends_a, *ends_b)))[0, 0])
        if step_a == step_b and gap < 0.5 * (a.diameter_mm + b.diameter_mm):
            raise BadInput(
                f"two probes ({a.name}) are {gap:.1f} mm apart, less than their thickness; move one"
            )


def drivers_of(here: HeatScene, matter: Matter, source: Source, sample: ProbeSample = AS_STATED) -> Driver:
    """What drives the probes of a source; strayed tips move across their way by the hand of the sample.

    Raises:
        BadInput: heat of a kind that no model here makes.
    """
    probes = _strayed(_probes(source), sample.hand)
    return driver_of(here.grid, matter, probe_of(source), probes, sample)


def driver_of(
    grid: Volume, matter: Matter, one: Applicator, probes: Sequence[tuple[Point, Point]],
    sample: ProbeSample = AS_STATED,
) -> Driver:  # fmt: skip
    """What drives probes (tip, entry) of one kind.

    Raises:
        BadInput: heat of a kind that no model here makes.
    """
    match one.energy:
        case "cold":
            return Cryo(
                grid,
                one,
                probes,
                body_degC=matter.medium.blood_degC,
                wall=sample.wall,
                cooling=sample.cooling,
            )
        case "microwave" | "laser":
            return Radiator(grid, matter, one, probes, output=sample.output)
        case _:
            return Radiofrequency(grid, matter, one, probes)


def probe_samples(ensemble: Ensemble, m: int) -> tuple[ProbeSample, ...]:
    """m sampled deliveries; the hand is the one that every needle of draw k has."""
    few = Ensemble(ensemble.seed, m)
    at = {name: few.strata(f"heat_{name}")[:, 0] for name in ("output", "wall", "cooling")}
    hand = ensemble.stream("placement").standard_normal((m, 4))[:, :2]
    return tuple(
        ProbeSample(
            float(at["output"][k]), float(at["wall"][k]), float(at["cooling"][k]),
            (float(hand[k, 0]), float(hand[k, 1])),
        )
        for k in range(m)
    )  # fmt: skip


def _strayed(probes: Sequence[tuple[Point, Point]], hand: tuple[float, float]) -> list[tuple[Point, Point]]:
    sd = number("growth.tip_sd_mm")
    found = []
    for tip, entry in probes:
        way = np.subtract(entry, tip) / max(dist(entry, tip), 1e-9)
        shift = sd * (np.array(hand) @ across(way[None])[0])
        found.append((point(np.array(tip) + shift), entry))
    return found


def _probes(source: Source) -> list[tuple[Point, Point]]:
    return list(zip(source.tips_mm, source.entries_mm, strict=True))


def _near_metal(plan: HeatPlan) -> Iterator[str]:
    gap = number("placement.rf_metal_gap_min_mm")
    metal = plan.around.metal
    for source in plan.sources:
        one = probe_of(source)
        if one.energy not in ("rf_monopolar", "rf_bipolar", "microwave") or not metal.any():
            continue
        points = plan.around.grid.positions_mm(np.argwhere(metal))
        for tip, entry in _probes(source):
            ends = np.array(active_ends(one, tip, entry))
            nearest = segment_distances(ends[:1], ends[1:], points, points).min()
            if nearest < gap:
                yield (
                    f"{one.name}: metal or cement lies {nearest:.0f} mm from its active part (less than "
                    f"{gap:g}); what metal does to the field is not modelled"
                )


def place_words(place: Point) -> str:
    """A place as pages print it."""
    return f"({', '.join(f'{x:.0f}' for x in place)}) mm"
