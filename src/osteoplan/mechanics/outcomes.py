"""From a solved specimen to what is told: stiffness, load at failure by each criterion, a strain field.

    height         F = strain K H
    tissue         F = strain / (effective strain per unit load that ``volume_fraction`` of the bone exceeds)
    strain limit   F at which ``failing_mm3`` of bone is strained beyond a limit in tension or compression

Draws of a strength are those of the stiffness times a factor of their fill: the criterion's own error is not
in them, what lies between criteria and supports is (``worst_first``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from osteoplan.arrays import F64, Bool
from osteoplan.errors import BadInput
from osteoplan.kernels.criteria import failure_load, mean_strain, principal_strains, strain_demand
from osteoplan.kernels.elasticity import effective_strain
from osteoplan.knowledge.loads import Criterion
from osteoplan.knowledge.materials import modulus_law
from osteoplan.mechanics.specimen import Response, Specimen
from osteoplan.mechanics.uncertainty.draws import response
from osteoplan.mechanics.uncertainty.samples import Tissue
from osteoplan.model.evidence import worst
from osteoplan.model.field import Field, SampledInput
from osteoplan.model.outcome import Estimate, pooled

__all__ = ["SolvedFill", "as_planned", "outcomes", "strain_field", "units_per_motion", "worst_first"]

DEGREE = float(np.pi / 180.0)
FILLED = 0.5  # an element more than half cement or metal is no bone that a tissue criterion counts


@dataclass(frozen=True, eq=False)
class SolvedFill:
    """A state with one fill, solved in the central sample."""

    tissue: Tissue
    E: F64
    found: Response

    @property
    def K(self) -> float:
        """Stiffness [per mm or rad]."""
        return float((self.E * self.found.s).sum())


def outcomes(
    specimen: Specimen,
    stated: SolvedFill,
    fills: Sequence[SolvedFill],
    draws: F64,
    local_correction: F64,
    inputs: Sequence[SampledInput] = (),
) -> tuple[Estimate, ...]:
    """Stiffness and load at failure.

    Args:
        stated: the central sample of the plan as drawn; fills: as it may turn out, draw k being fill k modulo
            their number.
        draws: stiffness of every draw, per mm or rad.
        local_correction: (n_draws,) what a tissue criterion gains beside the stiffness (``draws``).
        inputs: what was varied over the fills.
    """
    case = specimen.case
    because = _because(specimen, stated.tissue)
    status = worst(case.status, *(("unverified",) if stated.tissue.rods else ()))
    K = np.array([fill.K for fill in fills])

    def told(id: str, of: Callable[[SolvedFill], float], unit: str, why: tuple[str, ...]) -> Estimate:
        factor, factors = of(stated), np.array([of(fill) for fill in fills])
        drawn = np.resize(factors, len(draws)) if len(fills) else factor
        found = Estimate.from_draws(
            id, case.title, value=stated.K * factor, unit=unit, because=(*why, *because), status=status,
            criterion=why[-1] if why else "",
            draws=draws * drawn * (local_correction if id in case.of_tissue else 1.0),
        )  # fmt: skip
        return replace(found, one_at_a_time=response(K * factors, found.value, inputs))

    per, unit = units_per_motion(case.load_unit)
    rows = [told(case.stiffness, lambda _: per, unit, ())]
    for criterion in case.criteria:
        _, why = _motion_at_failure(specimen, stated, criterion)

        def at_failure(fill: SolvedFill, criterion: Criterion = criterion) -> float:
            motion, _ = _motion_at_failure(specimen, fill, criterion)
            return motion * (abs(fill.found.companion) if criterion.told_as == "companion" else 1.0)

        unit = "N" if criterion.told_as == "companion" else case.load_unit
        rows.append(told(criterion.id, at_failure, unit, why))
    return tuple(rows)


def worst_first(estimates: Sequence[Estimate]) -> tuple[Estimate, ...]:
    """Shares of strength by every load case, the worst first; then the other outcomes as they stand.

    The worst one names the others (``beside``), and its interval is that of all their draws together: how the
    bone is held and loaded is one more thing that is not known.
    """
    shares: dict[str, list[Estimate]] = {}
    for one in estimates:
        if one.id.startswith("strength_ratio_to_") and one.draws is not None:
            shares.setdefault(one.id, []).append(one)
    rows = [joined for found in shares.values() for joined in _joined(sorted(found, key=lambda e: e.value))]
    return (*rows, *(one for one in estimates if one.id not in shares))


def as_planned(estimates: Sequence[Estimate]) -> tuple[str, ...]:
    """A sentence where most of the draws fall short of the plan as drawn, by the first share of strength."""
    first = next((one for one in estimates if one.id == "strength_ratio_to_intact"), None)
    if first is None or first.draws is None or first.value <= np.percentile(first.draws, 75.0):
        return ()
    return (
        f"{first.value:.0f} % is the plan as drawn; as injections turn out, half stay below "
        f"{np.median(first.draws):.0f} % ({first.target})",
    )


def _joined(shares: Sequence[Estimate]) -> tuple[Estimate, ...]:
    worst, *others = shares
    if not others:
        return (worst,)
    beside = {one.target: one.value for one in others}
    told = ", ".join(f"{value:.0f} % in {title}" for title, value in beside.items())
    low, high = pooled(shares)
    because = (f"worst of {len(shares)} load cases; {told}: the interval holds them all", *worst.because)
    return (replace(worst, low=low, high=high, beside=beside, because=because), *others)


def units_per_motion(load_unit: str) -> tuple[float, str]:
    """(factor on K, unit): a turning motion is told per degree."""
    return (1.0, "N/mm") if load_unit == "N" else (DEGREE, "N mm/deg")


def strain_field(specimen: Specimen, s: F64, K: float) -> Field:
    """Effective strain of each element at the display load."""
    amount, unit = specimen.case.display_load.value, specimen.case.load_unit
    strain = effective_strain(s[: len(specimen.mesh.cells)], specimen.settings.spacing_mm**3) * amount / K
    volume = specimen.grid.with_array(specimen.mesh.box(strain.astype(np.float32)), "strain")
    return Field("effective_strain", volume, "1", f"at {amount:g} {unit}, element mean (rms)")


def _motion_at_failure(
    specimen: Specimen, fill: SolvedFill, criterion: Criterion
) -> tuple[float, tuple[str, ...]]:
    """(motion [mm or rad] at which the criterion is met, by whose word)."""
    case, tissue, found = specimen.case, fill.tissue, fill.found
    strain = case.known(criterion.strain)
    limit = strain.number
    if criterion.kind == "height":
        if specimen.height_mm is None:
            raise BadInput(f"{case.id}: a height criterion needs a gauge length, and this bone has none")
        return limit * specimen.height_mm, (
            *strain.cite[:1], f"{limit:g} K H with H {specimen.height_mm:.1f} mm",
        )  # fmt: skip
    bone = specimen.body & ~specimen.end_cap & ~tissue.replaced & (tissue.cement < FILLED)
    for rod in tissue.rods:
        bone &= rod.share < FILLED
    if not bone.any():
        raise BadInput(f"{specimen.anatomy.level}, {case.title}: no bone is left for the criterion")
    if criterion.kind == "strain_limit":
        density = specimen.anatomy.calibration.density_as("K2HPO4", tissue.image)
        return _strain_limit(
            specimen, criterion, found, bone & (density >= case.known(criterion.dense).number)
        )
    fraction = case.known(criterion.volume_fraction).number
    at_one = effective_strain(found.s[: len(bone)][bone], specimen.settings.spacing_mm**3)
    critical = float(np.quantile(at_one, 1.0 - fraction))
    part = "body's bone" if specimen.anatomy.is_vertebra else "bone"
    return limit / critical, (
        *strain.cite[:1],
        f"{100 * fraction:g} % of the {part} outside cement above {100 * limit:g} % effective strain",
    )  # fmt: skip


def _strain_limit(
    specimen: Specimen, criterion: Criterion, found: Response, bone: Bool
) -> tuple[float, tuple[str, ...]]:
    """The same by principal strains at the middle of each element."""
    case, edge = specimen.case, specimen.settings.spacing_mm
    tension, compression = case.known(criterion.strain).number, case.known(criterion.compression).number
    failing = case.known(criterion.failing_mm3).number
    principal = principal_strains(mean_strain(specimen.mesh, [edge] * 3, found.unit_motion_mm)[bone])
    demand = strain_demand(principal, tension=tension, compression=compression)
    if failing > demand.size * edge**3:
        raise BadInput(f"{specimen.anatomy.level}, {case.title}: too little bone is left for the criterion")
    return failure_load(demand, edge**3, failing_mm3=failing), (
        *case.known(criterion.strain).cite[:1],
        f"{failing:g} mm3 of dense bone outside cement beyond {100 * tension:g} % in tension or "
        f"{100 * compression:g} % in compression",
    )  # fmt: skip


def _because(specimen: Specimen, tissue: Tissue) -> tuple[str, ...]:
    case, calibration = specimen.case, specimen.anatomy.calibration
    laws = [modulus_law(law) for law in specimen.settings.laws]
    because = [
        *case.notes,
        *dict.fromkeys(key for law in laws for key in law.cite),
        f"voxel finite elements; loaded: {case.loaded}; held: {case.held}",
        "the interval holds calibration, law, material ranges, outline of the lesion and, for forces, their "
        "direction (energies of solved fields), "
        "not the error of a criterion",
    ]
    if tissue.cement.any():
        because += ["Kinzl", "Jasper2002"]
    if tissue.rods:
        held = ", ".join(sorted({rod.interface for rod in tissue.rods}))
        because.append(f"screws and wires as beams tied to the bone ({held})")
    if not calibration.calibrated:
        because.append("uncalibrated density: read ratios between states, not newtons")
    return tuple(because)
