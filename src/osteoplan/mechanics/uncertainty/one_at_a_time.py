"""One-at-a-time sensitivity: how far each input alone moves an outcome, a ratio or a difference.

An input goes to the ends of its range (one with a normal spread to its 5th and 95th percentile, so that bars
and 90 % intervals are alike), everything else stays at its stated value.  The same ends are taken in
every state, so the move of a ratio or a difference is that of its two parts, paired, as draws are.

The stiffness at an end is solved, unless rigorous bounds (``samples.stiffness_bounds``) leave the estimate
within ``TIGHT``; then the estimate stands.
Tests: tests/unit/test_swings.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from osteoplan.arrays import F64
from osteoplan.knowledge.materials import modulus_law
from osteoplan.knowledge.values import known, number
from osteoplan.mechanics.uncertainty.draws import PERCENTILE
from osteoplan.mechanics.uncertainty.samples import (
    ParameterSample,
    Tissue,
    modulus,
    stiffness_bounds,
    stiffness_in,
)
from osteoplan.model.calibration import Calibration
from osteoplan.model.certainty import Bar
from osteoplan.model.outcome import Estimate

__all__ = ["TIGHT", "TITLES", "Probe", "bars", "one_at_a_time", "probes"]

TIGHT = 0.005  # numerics: of the stiffness; half a percentage point of a ratio

TITLES: Mapping[str, str] = {
    "calibration_slope": "calibration: slope",
    "calibration_offset": "calibration: offset",
    "calibration_bend": "calibration: curvature",
    "law": "density-modulus law",
    "lytic_modulus": "modulus of soft tissue in the lesion",
    "pmma_modulus": "modulus of cement",
    "porosity": "porosity of cement",
    "interface_factor": "bond of cement to bone",
    "load_direction": "direction of the load",
    "lesion_edge": "outline of the lesion",
    "cement_volume": "volume of cement placed",
    "tumour_left": "tumour left in the void",
    "cement_place": "where cement goes",
    "mesh": "size of the elements",
}


_SINGLE: Mapping[str, Callable[[ParameterSample, float], ParameterSample]] = {
    "lytic_modulus": lambda sample, end: replace(sample, lytic_MPa=end),
    "pmma_modulus": lambda sample, end: replace(sample, pmma_MPa=end),
    "porosity": lambda sample, end: replace(sample, porosity=end),
    "interface_factor": lambda sample, end: replace(sample, interface=end),
}


@dataclass(frozen=True)
class Probe:
    """One input at its ends: samples that differ from the central one in it alone, and what these are."""

    input: str
    samples: tuple[ParameterSample, ...]
    at: tuple[str, ...]


def probes(calibration: Calibration, central: ParameterSample, laws: Sequence[str]) -> tuple[Probe, ...]:
    """Every sampled input at the ends of its range; what has no range is left out."""
    found = [*_of_calibration(calibration, central)]
    if len(laws) > 1:
        found.append(Probe("law", tuple(replace(central, law=modulus_law(law)) for law in laws), tuple(laws)))
    for input, moved in _SINGLE.items():
        row = known("bone.lytic_tissue_modulus" if input == "lytic_modulus" else f"cement.{input}")
        ends = row.range
        at = tuple(f"{end:g} {row.unit}".removesuffix(" 1") for end in ends)
        found.append(Probe(input, tuple(moved(central, end) for end in ends), at))
    return (*found, _of_direction(central), _of_edge(central))


def one_at_a_time(
    E: F64,
    s: F64,
    all_probes: Sequence[Probe],
    tissue_at: Callable[[float], Tissue],
    load_direction: Callable[[tuple[float, float]], float],
    energies: Callable[[F64], F64],
) -> tuple[dict[str, tuple[float, ...]], int]:
    """(stiffness of a state in every sample of every probe, samples that were solved for it).

    Args:
        E, s: moduli and energies of the state, solved in the central sample.
        tissue_at: its tissue for an outline moved by so much [mm].
        load_direction: K(tilt) / K.
        energies: of a modulus field, solved anew.
    """
    K, solved = float((E * s).sum()), 0
    found: dict[str, tuple[float, ...]] = {}
    for probe in all_probes:
        values = []
        for sample in probe.samples:
            if probe.input == "load_direction":
                values.append(K * load_direction(sample.load_slopes))
                continue
            other = modulus(tissue_at(sample.edge_mm), sample)
            low, high = stiffness_bounds(E, s, other)
            tight = high <= (1.0 + TIGHT) * low
            values.append(stiffness_in(E, s, other) if tight else float((other * energies(other)).sum()))
            solved += not tight
        found[probe.input] = tuple(values)
    return found, solved


def bars(outcome: Estimate) -> tuple[Bar, ...]:
    """The tornado of an outcome, widest first; inputs that do not move it are left out."""
    found = [
        Bar(input, TITLES.get(input, input.replace("_", " ")),
            min(outcome.value, *values), max(outcome.value, *values))
        for input, values in outcome.one_at_a_time.items()
    ]  # fmt: skip
    size = max((bar.high - bar.low for bar in found), default=0.0)
    return tuple(sorted((b for b in found if b.high - b.low > 1e-6 * size), key=lambda b: b.low - b.high))


def _of_calibration(calibration: Calibration, central: ParameterSample) -> list[Probe]:
    ends = PERCENTILE * np.kron(np.eye(3), np.array([[-1.0], [1.0]]))
    moved = calibration.draws(ends)
    still = calibration.draws(np.zeros((1, 3)))[0].coefficients
    return [
        Probe(f"calibration_{name}",
              tuple(replace(central, calibration=c) for c in moved[2 * n : 2 * n + 2]), ("5 %", "95 %"))
        for n, name in enumerate(("slope", "offset", "bend"))
        if moved[2 * n].coefficients != still
    ]  # fmt: skip


def _of_direction(central: ParameterSample) -> Probe:
    cone = number("uncertainty.load_cone_deg")
    slope = float(np.tan(np.radians(cone)))
    tilts = ((slope, 0.0), (-slope, 0.0), (0.0, slope), (0.0, -slope))
    return Probe(
        "load_direction", tuple(replace(central, load_slopes=t) for t in tilts), (f"{cone:g} deg",) * 4
    )


def _of_edge(central: ParameterSample) -> Probe:
    ends = known("uncertainty.lesion_edge_mm").range
    return Probe(
        "lesion_edge", tuple(replace(central, edge_mm=e) for e in ends), tuple(f"{e:+g} mm" for e in ends)
    )
