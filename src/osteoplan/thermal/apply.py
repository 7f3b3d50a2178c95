"""Heat and cold of a plan: what dies, what margin is reached, what every structure at risk feels.

    full model     cubes of 1 mm, the patient as stated, with the filling of the canal (fat or fluid) by which
                   canal and roots stray farther; margins, extremes and pictures are its
    search model   cubes of 2 mm, once as stated and once for each of m sampled patients

    draw = full model + (search model of the sample - search model as stated)

A sample differs in perfusion, conductivities, what the probe gives, how cold it gets, and where its tip came
to lie: the same hand as of every needle.  Where search and full model differ by more than 1 K at canal or
root, no probability is told for that structure; a share of m samples has its exact interval for m, and is
never told as 0 or 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from osteoplan.errors import OnStep, OsteoplanError
from osteoplan.kernels.threads import each
from osteoplan.knowledge.heat_limits import isotherms_drawn
from osteoplan.knowledge.values import number
from osteoplan.model.effects import Layer, Source
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.field import Field
from osteoplan.model.heat import HeatRecord
from osteoplan.model.outcome import Estimate, exact_interval
from osteoplan.model.simulated import Simulated
from osteoplan.thermal.at_risk import NERVES, AtRisk, Felt, felt, not_judged, shown_limit
from osteoplan.thermal.heat_plan import EMBOLICS, HeatNumbers, HeatPlan, place_words, probe_samples
from osteoplan.thermal.lethal import lethal_fields
from osteoplan.thermal.margins import Margins
from osteoplan.thermal.record import heat_record
from osteoplan.thermal.run import HeatRun
from osteoplan.thermal.shaft import probe_of
from osteoplan.thermal.tissue import CanalFilling, tissue_samples
from osteoplan.trajectory.surroundings import Surroundings

__all__ = ["HeatSettings", "apply_heat"]

DOSE_MOST = 1e4  # minutes: more says nothing more
NEAR_K = 5.0  # of a limit: farther from it in the full model and in every sample, no probability is told
FELT_K = 2.0  # a structure that strays less is not told, canal and roots apart


@dataclass(frozen=True)
class HeatSettings:
    """How finely heat is simulated.

    Attributes:
        edge_mm: of the full model's cubes; None: there is the search model alone, and all says so.
        search_mm: of the search model's.
        samples: of patients; None takes that of the data, 0 tells no interval and no probability.
    """

    edge_mm: float | None = 1.0
    search_mm: float = 2.0
    samples: int | None = None


def apply_heat(
    around: Surroundings,
    sources: Sequence[Source],
    layers: Sequence[Layer],
    ensemble: Ensemble,
    settings: HeatSettings,
    *,
    cement: Field | None = None,
    on_step: OnStep | None = None,
) -> Simulated:
    """Simulate the sources, one after the other.

    Args:
        layers: gas or fluid between tissues, and embolics, which take the lesion's perfusion back.
        cement: that was there before, set.

    Raises:
        BadInput: a probe that cannot do what is asked, or lies outside tissue, or in another one.
        Cancelled: ``on_step`` returned False.
    """
    try:
        for source in sources:
            probe_of(source)
    except OsteoplanError as why:  # a plan by a probe that no simulation knows is a plan all the same
        return Simulated((), warnings=(f"heat or cold is not simulated: {why}",))
    plan = HeatPlan(around, tuple(sorted(sources, key=lambda one: one.step)), tuple(layers), cement)
    plan.require_possible()
    risks = plan.risks(settings.search_mm)
    canal = any(risk.kind == "canal" for risk in risks)
    asked: tuple[CanalFilling, ...] = ("fat", "csf") if canal else ("csf",)
    fillings = {filling: plan.run(settings.search_mm, canal=filling) for filling in asked}
    worse = max(fillings, key=lambda filling: _strays(felt(fillings[filling], risks), risks))
    stated = fillings[worse]
    edge = settings.edge_mm or settings.search_mm
    full = stated if settings.edge_mm is None else plan.run(edge, canal=worse, on_step=on_step, keep=True)
    m = int(number("heat.samples")) if settings.samples is None else settings.samples
    embolised = any(layer.agent in EMBOLICS for layer in layers)
    patients = tissue_samples(ensemble, m, embolised=embolised) if m else ()
    probes = probe_samples(ensemble, len(patients)) if m else ()
    sampled = each(
        lambda k: plan.told(
            plan.run(settings.search_mm, patients[k], probes[k], canal=worse, threads=1), settings.search_mm
        ),
        len(patients),
    )
    told = _Told(
        plan.told(full, edge), plan.told(stated, settings.search_mm), tuple(sampled), plan.risks(edge),
        ensemble,
        _because(full, worse, len(patients), settings),
    )  # fmt: skip
    record = _record(plan, full, edge, settings)
    return Simulated(
        tuple(told.estimates(plan.sources)), (_left(full),),
        {"samples": len(patients), "canal": worse, "energy_error": full.audit},
        tuple(told.warnings(plan, full)), (record,),
    )  # fmt: skip


_Read = Callable[[HeatNumbers], float | None]


@dataclass(frozen=True, eq=False)
class _Told:
    """The full model, the search model as stated and in every sample, put together."""

    full: HeatNumbers
    stated: HeatNumbers
    sampled: tuple[HeatNumbers, ...]
    risks: tuple[AtRisk, ...]
    ensemble: Ensemble
    because: tuple[str, ...]

    def estimates(self, sources: Sequence[Source]) -> Iterator[Estimate]:
        """Of the lesion by each criterion, and of each structure."""
        for title, margins in self.full.margins.items():

            def lesion(read: Callable[[Margins], float | None], title: str = title) -> _Read:
                return lambda one: read(one.margins[title])

            share, left = lesion(lambda one: one.coverage_pct), lesion(lambda one: one.left_mL)
            yield self._of("ablation_coverage_pct", title, "%", share, 0.0, 100.0)
            yield self._of("ablation_spared_mL", title, "mL", left, 0.0, inf)
            if margins.minimum_mm is not None:
                yield self._of("ablation_margin_mm", title, "mm", lesion(lambda one: one.minimum_mm))
                yield self._of("ablation_margin_p5_mm", title, "mm", lesion(lambda one: one.p5_mm))
        body = number("heat.body_degC")
        for risk in self.told_risks():
            mine = self.full.felt[risk.name]

            def structure(read: Callable[[Felt], float], name: str = risk.name) -> _Read:
                return lambda one: read(one.felt[name])

            hot, cold = structure(lambda one: one.hottest_degC), structure(lambda one: one.coldest_degC)
            dose = structure(lambda one: min(one.dose_min, DOSE_MOST))
            if mine.hottest_degC > body + 0.5:
                yield self._of("hottest_degC", risk.name, "degC", hot)
                yield self._of("thermal_dose_min", risk.name, "min", dose, 0.0, DOSE_MOST)
            if mine.coldest_degC < body - 0.5:
                yield self._of("coldest_degC", risk.name, "degC", cold)
            if self.agrees(risk):
                yield from self._beyond(risk)
        minutes = sum(segment.duration_s for source in sources for segment in source.segments) / 60.0
        yield Estimate.of_geometry(
            "ablation_time_min", "", minutes, "min", self.ensemble, because=("the protocol",)
        )

    def told_risks(self) -> list[AtRisk]:
        """Those of canal and roots, and any other that strays."""
        body = number("heat.body_degC")

        def strays(one: AtRisk) -> float:
            mine = self.full.felt[one.name]
            return max(mine.hottest_degC - body, body - mine.coldest_degC)

        found = [one for one in self.risks if strays(one) > (0.5 if one.kind in NERVES else FELT_K)]
        return sorted(found, key=lambda one: (one.kind not in NERVES, -strays(one)))

    def agrees(self, risk: AtRisk) -> bool:
        """Whether search and full model tell nearly the same of a structure; without samples none is told."""
        if not self.sampled:
            return False
        fine, rough = self.full.felt[risk.name], self.stated.felt.get(risk.name)
        if rough is None:
            return False
        off = max(abs(fine.hottest_degC - rough.hottest_degC), abs(fine.coldest_degC - rough.coldest_degC))
        return off <= number("heat.search_agrees_K") or risk.kind not in NERVES

    def warnings(self, plan: HeatPlan, run: HeatRun) -> Iterator[str]:
        yield from plan.near_metal()
        for risk in self.told_risks():
            yield from _beyond_words(risk, self.full.felt[risk.name], run)
            if self.sampled and not self.agrees(risk):
                yield (
                    f"{_words(risk.name)}: search and full model differ by more than "
                    f"{number('heat.search_agrees_K'):g} K there, so no probability is told"
                )
        for title, one in self.full.margins.items():
            if one.left_mL >= 0.05:  # what would not print as 0.0 mL
                yield f"{one.left_mL:.1f} mL of the lesion stay alive by {title}"
        for missing in not_judged(run.scene):
            yield f"not judged: {missing}"

    def _of(
        self, id: str, target: str, unit: str, read: _Read,
        least: float = -inf, most: float = inf,
    ) -> Estimate:  # fmt: skip
        """Full model as stated; draws paired by the search model, where it has the number at all."""
        value, rough = _read(read, self.full), _read(read, self.stated)
        samples = [_read(read, one) for one in self.sampled]
        assert value is not None
        if not samples:
            return Estimate.of_geometry(
                id, target, value, unit, self.ensemble, because=self.because, status="design_default"
            )
        if rough is None or any(one is None for one in samples):
            return Estimate(
                id, target, value, None, None, unit, "simulated", self.because, status="design_default"
            )
        draws = np.clip(value + np.array(samples, float) - rough, least, most)
        return Estimate.from_draws(
            id, target, value=value, draws=draws, unit=unit, because=self.because, status="design_default",
            ensemble=self.ensemble,
        )  # fmt: skip

    def _beyond(self, risk: AtRisk) -> Iterator[Estimate]:
        """Share of the samples in which a structure leaves its limits, with its exact interval for m."""
        value, rough = self.full.felt[risk.name], self.stated.felt[risk.name]
        m = len(self.sampled)
        out = np.array(
            [
                _is_beyond(risk, Felt(
                    value.hottest_degC + one.felt[risk.name].hottest_degC - rough.hottest_degC,
                    value.coldest_degC + one.felt[risk.name].coldest_degC - rough.coldest_degC,
                    one.felt[risk.name].dose_min,
                ))
                for one in self.sampled
            ]
        )  # fmt: skip
        count = int(out.sum())
        if count == 0 and not _is_near(risk, value):
            return
        low, high = exact_interval(count, m)
        # none or all of m is no probability of 0 or 1: the rule of succession stands for it
        share = 100.0 * (count + 1.0) / (m + 2.0) if count in (0, m) else 100.0 * count / m
        yield Estimate(
            "beyond_limit_probability", risk.name, share, low, high, "%", "simulated",
            (*self.because, f"{count} of {m} sampled patients; the interval is exact for {m}, at 95 %"),
            0.95, status="design_default",
        )  # fmt: skip


def _read(read: _Read, one: HeatNumbers) -> float | None:
    try:
        return read(one)
    except KeyError:  # a structure too thin for the search model's cubes
        return None


def _record(plan: HeatPlan, run: HeatRun, edge_mm: float, settings: HeatSettings) -> HeatRecord:
    stamps = dict.fromkeys(plan.stamps)
    if settings.edge_mm is None:
        stamps["search model"] = None
    lethal_degC, edge_degC = isotherms_drawn(cold=plan.cold)
    return heat_record(
        run, plan.sources[0], lethal_degC=lethal_degC, edge_degC=edge_degC,
        lethal={title: dead > 0.0 for title, dead in lethal_fields(run, cold=plan.cold).items()},
        limits={one.name: shown_limit(one.limit) for one in plan.risks(edge_mm)},
        body_degC=number("heat.body_degC"), stamps=tuple(stamps), not_judged=not_judged(run.scene),
    )  # fmt: skip


def _left(run: HeatRun) -> Field:
    """The temperatures in which cement would be put: at the end."""
    return Field(
        "temperature_end", run.scene.grid.with_array(run.T_end, "degC"), "degC", "after heat or cold"
    )


def _strays(found: Mapping[str, Felt], risks: Sequence[AtRisk]) -> float:
    """How far canal and roots stray from the body's temperature, by the worst of them."""
    body = number("heat.body_degC")
    return max(
        (
            max(found[one.name].hottest_degC - body, body - found[one.name].coldest_degC)
            for one in risks
            if one.kind in NERVES
        ),
        default=0.0,
    )


def _is_beyond(risk: AtRisk, one: Felt) -> bool:
    limit = risk.limit
    return bool(
        (limit.high_degC is not None and one.hottest_degC > limit.high_degC.number)
        or (limit.low_degC is not None and one.coldest_degC < limit.low_degC.number)
        or (limit.cem43_min is not None and one.dose_min > limit.cem43_min.number)
    )


def _is_near(risk: AtRisk, one: Felt) -> bool:
    high, low = risk.limit.high_degC, risk.limit.low_degC
    return (high is not None and one.hottest_degC > high.number - NEAR_K) or (
        low is not None and one.coldest_degC < low.number + NEAR_K
    )


def _beyond_words(risk: AtRisk, one: Felt, run: HeatRun) -> Iterator[str]:
    limit, name = risk.limit, _words(risk.name)
    when, where = _first(run, risk)
    if limit.high_degC is not None and one.hottest_degC > limit.high_degC.number:
        told = f"{name} reaches {one.hottest_degC:.0f} degC, above its {limit.high_degC.number:g} degC"
        yield f"{told}{when}; {where}"
    if limit.low_degC is not None and one.coldest_degC < limit.low_degC.number:
        told = f"{name} falls to {one.coldest_degC:.0f} degC, below its {limit.low_degC.number:g} degC"
        yield f"{told}{when}; {where}"
    most, strict = limit.cem43_min, limit.strict_cem43_min
    told = f"{name} takes {_dose(one.dose_min)} equivalent minutes at 43 degC"
    if most is not None and one.dose_min > most.number:
        yield f"{told}, above its {most.number:g}"
    elif most is not None and strict is not None and one.dose_min > strict.number:
        yield f"{told}: below {most.number:g}, above the strict {strict.number:g}"


def _dose(minutes: float) -> str:
    return "more than 10 000" if minutes > 1e4 else f"{minutes:.2g}" if minutes < 100 else f"{minutes:.0f}"


def _first(run: HeatRun, risk: AtRisk) -> tuple[str, str]:
    """When a structure first leaves its limits, and where a thermocouple would read it."""
    n = run.watch.names.index(risk.name)
    T = run.watch.degC[:, n]
    limit = risk.limit
    out = np.zeros(len(T), dtype=bool)
    if limit.high_degC is not None:
        out |= limit.high_degC.number < T
    if limit.low_degC is not None:
        out |= limit.low_degC.number > T
    when = ""
    if out.any():
        seconds = float(run.watch.times_s[int(out.argmax())])
        when = f", first after {int(seconds) // 60}:{int(seconds) % 60:02d} min"
    return when, f"a thermocouple reads it first at {place_words(run.watch.points_mm[n])}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _because(full: HeatRun, canal: CanalFilling, m: int, settings: HeatSettings) -> tuple[str, ...]:
    filled = {"fat": "fat", "csf": "fluid"}[canal]
    edge = settings.edge_mm or settings.search_mm
    sampled = (
        f"the interval is over {m} sampled patients and deliveries on cubes of {settings.search_mm:g} mm"
    )
    return (
        f"heat in cubes of {edge:g} mm, the canal filled with {filled} (the worse of fat and fluid)",
        sampled if m else "the search model alone: no patients were sampled, so there is no interval",
        *full.notes,
    )
