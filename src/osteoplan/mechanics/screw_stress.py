"""What screws and wires bear under a load, against the yield of their metal.

    sigma = |N| / A + M D / 2 I        at the outer fibre, where shear is 0        D outer diameter (root)
    tau   = V / k A                    at the axis, where bending is 0
    von Mises = the larger of sigma and sqrt((N / A)^2 + 3 tau^2)

N, V, M are the end forces of the beam's elements.  Notches of a thread are not in it: the root is a smooth
round bar.  Linear: twice the load, twice the stress.  Tests: tests/unit/test_rods.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from osteoplan.knowledge.values import known, number
from osteoplan.mechanics.rods import Rod
from osteoplan.mechanics.sampling import strata, uniform
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.evidence import Known, worst
from osteoplan.model.outcome import Estimate

__all__ = ["Stress", "screw_estimates", "stress", "yield_of"]

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stress:
    """The most that a rod bears under a load.

    Attributes:
        von_mises_MPa: at ``at_mm`` (LPS); axial_N (pull is positive), moment_Nmm: there.
        share_of_yield, share_of_fatigue: of the metal's yield, and of the part of it that repeated loading
            is taken to bear.
    """

    von_mises_MPa: float
    axial_N: float
    moment_Nmm: float
    at_mm: tuple[float, float, float]
    share_of_yield: float
    share_of_fatigue: float


def yield_of(metal: str) -> Known:
    """Yield strength of a metal [MPa]."""
    return known(f"metal_strength.{metal}_yield")


def stress(rod: Rod, u: F64) -> Stress:
    """The most that the rod bears under (n_nodes, 3) displacements [mm] in the grid's own axes."""
    forces = rod.beam.forces(rod.tie.displacement(u))
    A = np.array([one.area_mm2 for one in rod.sections])
    W = np.array([one.section_modulus_mm3 for one in rod.sections])
    kA = np.array([one.shear_area_mm2 for one in rod.sections])
    moment = np.linalg.norm(forces.moment_Nmm, axis=2)  # (m - 1, start and end)
    pull = np.abs(forces.axial_N) / A
    shear = np.linalg.norm(forces.shear_N, axis=1) / kA
    mises = np.maximum(pull[:, None] + moment / W[:, None], np.sqrt(pull**2 + 3.0 * shear**2)[:, None])
    e, end = (int(n) for n in np.unravel_index(int(mises.argmax()), mises.shape))
    most = float(mises[e, end])
    share = most / yield_of(rod.cylinder.material).number
    x, y, z = (float(v) for v in rod.points_mm[e + end])
    return Stress(
        most, float(forces.axial_N[e]), float(moment[e, end]), (x, y, z), share,
        share / number("metal_strength.fatigue_share"),
    )  # fmt: skip


def screw_estimates(
    rods: Sequence[Rod], u: F64, case: str, load: str, ensemble: Ensemble
) -> tuple[Estimate, ...]:
    """The rod that is nearest to its yield, under displacements at a stated ``load``; none without rods.

    The interval is that of the metal's yield alone, where it has one.
    """
    if not rods:
        return ()
    borne = [stress(rod, u) for rod in rods]
    n = max(range(len(rods)), key=lambda at: borne[at].share_of_yield)
    rod, worst_one = rods[n], borne[n]
    known = yield_of(rod.cylinder.material)
    x, y, z = worst_one.at_mm
    because = (
        f"rod {n + 1} of {len(rods)} at {load}: {worst_one.von_mises_MPa:.0f} MPa (von Mises; "
        f"axial {worst_one.axial_N:.0f} N, moment {worst_one.moment_Nmm / 1000.0:.2f} N m) at "
        f"({x:.0f}, {y:.0f}, {z:.0f}) mm",
        f"{rod.cylinder.material}, yield {known.number:.0f} MPa; {known.note}",
        f"{100.0 * worst_one.share_of_fatigue:.0f} % of what repeated loading is taken to bear",
        "end forces of the beam; a smooth round root, no notch of the thread",
    )
    value = 100.0 * worst_one.share_of_yield
    low, high = (None if end is None else value * known.number / end for end in (known.high, known.low))
    draws = np.full(ensemble.n, value)
    if known.low is not None and known.high is not None:
        draws *= known.number / uniform(strata(ensemble, "metal_yield")[:, 0], *known.range)
    return (
        Estimate(
            "screw_stress_share_of_yield", case, value, low, high, "%", "simulated", because,
            draws=draws, status=worst(known.status, "unverified"),
        ),
    )  # fmt: skip
