"""Ablate: heat and cold of a case's options alone, of probes as they really lie, or of a block of tissue.

    ablated = ablate("case1")                                 # every ablation that can be done here
    ablated = ablate("case1", option="mwa_transpedicular_left_4")
    ablated = ablate("case1", probes=Path("probes.yaml"))      # replanned from where the probes lie
    document = heat_model(Path("model.yaml"))                  # no patient: the equations by themselves

Nothing is ranked here, and no strength is worked out: that is ``plan``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from osteoplan.errors import BadInput, OsteoplanError, UnknownName
from osteoplan.io.heat_file import HeatModelFile, ProbesFile, read_heat_model, read_probes
from osteoplan.kernels.bioheat import Bioheat
from osteoplan.knowledge.applicators import applicator_of
from osteoplan.knowledge.heat_limits import lethal_criteria
from osteoplan.knowledge.tissues import heat_tissue
from osteoplan.model.effects import Effects, Source
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Deliver, Option, Reason, Segment
from osteoplan.model.result import Reading
from osteoplan.model.simulated import Simulated
from osteoplan.model.volume import Volume
from osteoplan.techniques.effects import effects
from osteoplan.thermal.charted import even_matter
from osteoplan.thermal.deliver import Driven
from osteoplan.thermal.heat_plan import driver_of
from osteoplan.thermal.lethal import lethal_field
from osteoplan.thermal.search import find_protocol, margin_wanted
from osteoplan.trajectory.setting import Setting
from osteoplan.workflow.cache import Cache
from osteoplan.workflow.explain import explain
from osteoplan.workflow.inventory import setting_of
from osteoplan.workflow.options import options
from osteoplan.workflow.progress import Progress, Span, quiet, stage
from osteoplan.workflow.read import read
from osteoplan.workflow.rooms import HeatRoom, kept, searching
from osteoplan.workflow.settings import PlanSettings

__all__ = ["Ablated", "AblatedOption", "ablate", "ablate_document", "heat_model"]


@dataclass(frozen=True, eq=False)
class AblatedOption:
    """One delivery: what it is called, what the probes do, and what that does."""

    id: str
    title: str
    sources: tuple[Source, ...]
    simulated: Simulated
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Ablated:
    """Ablations of one case; ``left_out``: what cannot be done or simulated, by id, with the reason."""

    reading: Reading
    options: tuple[AblatedOption, ...]
    left_out: tuple[tuple[str, str], ...] = ()


def ablate(
    folder: Path | str,
    *,
    option: str | None = None,
    probes: Path | None = None,
    settings: PlanSettings | None = None,
    cache: Cache | None = None,
    progress: Progress = quiet,
) -> Ablated:
    """Simulate the ablations of a case.

    Args:
        option: id of one; its full model is run.  By default the search model of all of them.
        probes: file of probes as they lie; then nothing is proposed.

    Raises:
        BadInput: anything in the folder or the files that cannot be used.
        UnknownName: no ablation of that id.
        Cancelled: ``progress`` returned False.
    """
    settings, cache = settings or PlanSettings(), cache or Cache()
    reading = read(Path(folder), lesion=settings.lesion, cache=cache, progress=progress)
    explained = explain(reading)
    setting = setting_of(reading, settings)
    if probes is not None:
        asked = read_probes(probes)
        return Ablated(reading, (_replanned(asked, probes, explained.facts, setting, cache, progress),))
    proposed = [
        one
        for one in options(reading, explained, setting, cache=cache, progress=progress)
        if any(isinstance(step.act, Deliver) for step in one.plan.steps)
    ]
    if option is not None:
        known = {one.id: one for one in proposed}
        if option not in known:
            raise UnknownName("ablation", option, known, str(folder))
        proposed = [known[option]]
    left = [one for one in proposed if one.status in ("infeasible", "failed")]
    found = [one for one in proposed if one not in left]
    room = HeatRoom() if option is not None else searching(HeatRoom())
    done, failed = [], [(one.id, _reasons(one.reasons)) for one in left]
    for n, one in enumerate(found):
        span = (0.5 + 0.5 * n / len(found), 0.5 + 0.5 * (n + 1) / len(found))
        try:
            done.append(_simulated(one, room, setting, cache, progress, span))
        except OsteoplanError as why:
            failed.append((one.id, str(why)))
    return Ablated(reading, tuple(done), tuple(failed))


def _reasons(reasons: Sequence[Reason]) -> str:
    return "; ".join(one.text for one in reasons) or "cannot be done here"


def _simulated(
    option: Option, room: Any, setting: Setting, cache: Cache, progress: Progress, span: Span
) -> AblatedOption:
    done = effects(option.plan, setting.inventory.devices)
    told = f"{room.doing}: {option.plan.title}"
    made = kept(room, setting, done, (), cache, told, progress=progress, span=span)
    return AblatedOption(option.id, option.plan.title, done.sources, made, option.warnings)


def _replanned(
    asked: ProbesFile, path: Path, facts: Any, setting: Setting, cache: Cache, progress: Progress
) -> AblatedOption:
    """Probes as they lie: their power and time are searched where the file gives none."""
    one = applicator_of(asked.device)
    segments = tuple(segment.segment for segment in asked.segments)
    source = Source(
        one.energy, asked.device, tuple(probe.tip_mm for probe in asked.probes),
        tuple(probe.entry_mm for probe in asked.probes), segments or _usual(asked.device), 0,
    )  # fmt: skip
    remarks: tuple[str, ...] = ()
    if not segments:
        stage(progress, "searching power and time", 0.2, 0.5)
        margin = margin_wanted(facts.get("intent") == "curative")
        found = find_protocol(setting.around, source, margin_mm=margin)
        source, remarks = replace(source, segments=found.segments), (found.told,)
    made = kept(
        HeatRoom(), setting, Effects(sources=(source,)), (), cache, "heating or freezing", progress=progress,
        span=(0.5, 1.0),
    )  # fmt: skip
    return AblatedOption(path.stem, f"{one.name}, {len(asked.probes)} as they lie", (source,), made, remarks)


def _usual(device: str) -> tuple[Segment, ...]:
    """What a probe of its kind does by default, before the search."""
    one = applicator_of(device)
    if one.energy == "cold":
        freeze = Segment(600.0, set_degC=None if one.wall_degC is None else one.wall_degC.number)
        return freeze, Segment(300.0), freeze
    power, held = (None if known is None else known.number for known in (one.power_W, one.set_degC))
    return (Segment(600.0, power, held),)


def ablate_document(ablated: Ablated) -> dict[str, Any]:
    """As JSON: every option with its protocol, its outcomes, and what must be said of it."""
    return {
        "case": ablated.reading.case.id,
        "bone": ablated.reading.anatomy.bone,
        "options": [
            {
                "id": one.id,
                "title": one.title,
                "deliveries": [_delivery(source) for source in one.sources],
                "outcomes": [_outcome(estimate) for estimate in one.simulated.outcomes],
                "not_judged": [line for record in one.simulated.heat for line in record.not_judged],
                "stamps": [stamp for record in one.simulated.heat for stamp in record.stamps],
                "warnings": [*one.remarks, *one.simulated.warnings],
            }
            for one in ablated.options
        ],
        "left_out": [{"id": id, "because": why} for id, why in ablated.left_out],
    }


def _delivery(source: Source) -> dict[str, Any]:
    return {
        "device": source.device,
        "source": source.kind,
        "tips_mm": [list(tip) for tip in source.tips_mm],
        "segments": [
            {
                "minutes": one.duration_s / 60.0,
                "power_W": one.power_W,
                "set_degC": one.set_degC,
                "duty": one.duty,
            }
            for one in source.segments
        ],
    }


def _outcome(one: Estimate) -> dict[str, Any]:
    return {
        "id": one.id, "for": one.target, "value": one.value, "low": one.low, "high": one.high,
        "unit": one.unit, "level": one.level, "because": list(one.because),
    }  # fmt: skip


def heat_model(path: Path) -> dict[str, Any]:
    """A block of one tissue around its probes: temperatures of the watched points, and what dies.

    Raises:
        BadInput: anything in the file that cannot be used.
    """
    asked = read_heat_model(path)
    grid, heat, driver = _block(asked, path)
    indices = {name: _cube(grid, at, name, path) for name, at in asked.watch.items()}
    heat.watch(indices.values())
    energy = {"heat_J": 0.0, "probes_J": 0.0, "perfusion_J": 0.0, "edge_J": 0.0, "stored_J": 0.0}
    for one in asked.segments:
        segment, into = one.segment, 0.0
        while into < segment.duration_s - 1e-6:
            length = min(driver.control_s, segment.duration_s - into)
            driven = Driven() if segment.passive else driver.act(heat.T, into, segment)
            audit = heat.run(length, heat=driven.heat, probes=driven.probes)
            energy = {name: joules + getattr(audit, name) for name, joules in energy.items()}
            into += length
    times, degC = heat.watched
    omega = dict(zip(heat.sets, heat.omega, strict=True))
    cold = applicator_of(asked.device).energy == "cold"
    mL = grid.voxel_volume_mm3 / 1000.0
    return {
        "model": path.stem,
        "seconds": heat.time_s,
        **energy,
        "hottest_degC": float(heat.T_max.max()),
        "coldest_degC": float(heat.T_min.min()),
        "dead_mL": {
            one.title: mL * float((lethal_field(one, heat.T_max, heat.T_min, heat.cem43, omega) > 0.0).sum())
            for one in lethal_criteria(cold=cold)
        },
        "times_s": [float(time) for time in times],
        "watched_degC": {name: [float(t) for t in degC[:, n]] for n, name in enumerate(indices)},
    }


def _block(asked: HeatModelFile, path: Path) -> tuple[Volume, Bioheat, Any]:
    """The grid about the origin, its tissue, and what drives the probes."""
    n = 2 * round(asked.half_mm / asked.edge_mm) + 1
    affine = np.diag([asked.edge_mm, asked.edge_mm, asked.edge_mm, 1.0])
    affine[:3, 3] = -asked.edge_mm * (n // 2)
    grid = Volume(np.zeros((n, n, n), dtype=np.float32), affine, "HU", "model")
    matter = even_matter(
        heat_tissue(asked.tissue), grid, perfused=asked.perfused, start_degC=asked.start_degC
    )
    one = applicator_of(asked.device)
    for segment in asked.segments:
        one.require(segment.power_W, segment.set_degC)
    ways = [(probe.tip_mm, probe.entry_mm) for probe in asked.probes]
    for tip, _ in ways:
        _cube(grid, tip, "tip", path)
    driver = driver_of(grid, matter, one, ways)
    return grid, Bioheat(matter.medium, asked.start_degC, edge=asked.walls), driver


def _cube(grid: Volume, at_mm: tuple[float, float, float], name: str, path: Path) -> tuple[int, int, int]:
    i, j, k = (int(x) for x in np.rint(grid.indices(np.array(at_mm))))
    if min(i, j, k) < 0 or max(i, j, k) >= grid.shape[0]:
        raise BadInput(f"{path}: {name} at {at_mm} mm lies outside the block; give half_mm more")
    return i, j, k
