"""Strength over what life asks for: the ratio of each load case to each of its loads.

    ratio = strength / load          below 1 a fracture is to be expected under that load

A load is a formula over weight and height with a source (``knowledge.loads``); where the patient's weight is
needed and unknown there is no ratio.  Nor is there one of a scan without calibrated density, or by a
criterion that only compares states of one bone: those newtons are not absolute.  Where a source gives a
range, draws take the load evenly from it.
Tests: tests/unit/test_loads.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from osteoplan.arrays import F64
from osteoplan.knowledge.loads import Amount, LoadCase, Magnitude
from osteoplan.mechanics.uncertainty.latin_hypercube import strata, uniform
from osteoplan.model.case import Patient
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.evidence import worst
from osteoplan.model.outcome import Estimate

__all__ = ["strength_to_load"]

STRENGTH = {"N": "strength_N", "N mm": "strength_Nmm"}


def strength_to_load(
    outcomes: Sequence[Estimate],
    case: LoadCase,
    bone: str,
    patient: Patient,
    *,
    calibrated: bool,
    ensemble: Ensemble,
) -> tuple[Estimate, ...]:
    """One ratio for each load of the case that is known for this bone and patient.

    Args:
        outcomes: of that case, with draws.
        bone: as the case file names it.
        calibrated: the density is; without, there is no ratio.
    """
    if not calibrated:
        return ()
    absolute = {criterion.id for criterion in case.criteria if not criterion.relative}
    found = {one.id: one for one in outcomes if one.target == case.title and one.id in absolute}
    ratios = []
    for magnitude in case.magnitudes:
        strength = found.get(STRENGTH[magnitude.unit])
        amount = magnitude.of(patient) if magnitude.applies(bone) else None
        if strength is not None and amount is not None:
            ratios.append(_ratio(strength, case, magnitude, amount, ensemble))
    return tuple(ratios)


def _ratio(
    strength: Estimate, case: LoadCase, magnitude: Magnitude, amount: Amount, ensemble: Ensemble
) -> Estimate:
    assert strength.draws is not None
    because = (
        f"strength over {amount.value:.0f} {magnitude.unit} ({magnitude.value}): {magnitude.title}",
        *magnitude.cite, *strength.because,
    )  # fmt: skip
    return Estimate.from_draws(
        "strength_to_load", f"{case.title}: {magnitude.title}", value=strength.value / amount.value,
        draws=strength.draws / _loads(amount, ensemble), unit="1", because=because,
        level=strength.level, status=worst(strength.status, magnitude.status),  # type: ignore[arg-type]
    )  # fmt: skip


def _loads(amount: Amount, ensemble: Ensemble) -> F64:
    """(n,) loads of the draws; the same place in the range in every state and option."""
    low = amount.value if amount.low is None else amount.low
    high = amount.value if amount.high is None else amount.high
    return uniform(strata(ensemble, "load_magnitude")[:, 0], low, high)
