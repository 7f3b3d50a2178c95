"""What moves a solved state beside its moduli: direction of the load, outline of the lesion; and each input.

    K(sample) = estimate(sample) K(tilt) / K  K(edge) / K        both factors in the central sample

K(edge) is linear between the outline moved inward, as drawn, and moved outward.
Tests: tests/unit/test_swings.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from osteoplan.arrays import F64
from osteoplan.kernels.multigrid import Hierarchy, equilibrium
from osteoplan.mechanics.specimen import Response, Specimen
from osteoplan.mechanics.state import State
from osteoplan.mechanics.uncertainty.draws import Surrogate, local_correction
from osteoplan.mechanics.uncertainty.lesion_outline import redrawn
from osteoplan.mechanics.uncertainty.load_direction import LoadDirection, load_direction
from osteoplan.mechanics.uncertainty.one_at_a_time import one_at_a_time, probes
from osteoplan.mechanics.uncertainty.samples import ParameterSample, Tissue
from osteoplan.model.outcome import Estimate

__all__ = ["Sensitivity", "sensitivity"]


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """What each input alone makes of the stiffness K of a state.

    Attributes:
        one_at_a_time: stiffness at the ends of each input.
        local_correction: what a tissue criterion gains beside K at the ends of each input (``draws``).
        edges_mm, edge_factors: outlines of the lesion and what they do to K.
        solved: fields that were solved for it.
    """

    K: float
    one_at_a_time: Mapping[str, tuple[float, ...]]
    load_direction: LoadDirection
    edges_mm: tuple[float, ...]
    edge_factors: tuple[float, ...]
    solved: int
    local_correction: Mapping[str, tuple[float, ...]]

    def factor(self, sample: ParameterSample) -> float:
        """On the stiffness of a sample that its moduli alone give."""
        edge = float(np.interp(sample.edge_mm, self.edges_mm, self.edge_factors))
        return edge * self.load_direction.factor(sample.load_slopes)

    def on(self, outcomes: tuple[Estimate, ...], of_tissue: frozenset[str]) -> tuple[Estimate, ...]:
        """The outcomes, each input alone; ``of_tissue`` are the ids that a tissue criterion gives."""
        return tuple(
            replace(o, one_at_a_time={**o.one_at_a_time, **{
                input: tuple(o.value * v / self.K * (gain if o.id in of_tissue else 1.0)
                             for v, gain in zip(values, self.local_correction[input], strict=True))
                for input, values in self.one_at_a_time.items()
            }})
            for o in outcomes
        )  # fmt: skip


def sensitivity(
    specimen: Specimen,
    state: Surrogate,
    image: State,
    central: ParameterSample,
    found: Response,
    energies: Callable[[F64], F64],
    preconditioner: Hierarchy,
) -> Sensitivity:
    """Of a state solved in the central sample.

    Args:
        energies: of a modulus field, solved anew.
    """  # fmt: skip
    lean = _load_direction(specimen, state, found, preconditioner)
    known = probes(specimen.anatomy.calibration, central, specimen.settings.laws)

    def tissue_at(edge_mm: float) -> Tissue:
        return redrawn(specimen, state.tissue, image, edge_mm) if edge_mm else state.tissue

    values, solved = one_at_a_time(state.E, state.s, known, tissue_at, lean.factor, energies)
    K = float((state.E * state.s).sum())
    edges = next(probe for probe in known if probe.input == "lesion_edge").samples
    places = (edges[0].edge_mm, 0.0, edges[1].edge_mm)
    at = values["lesion_edge"]
    gains = {p.input: tuple(local_correction(state, ~specimen.end_cap, p.samples).tolist()) for p in known}
    return Sensitivity(K, values, lean, places, (at[0] / K, 1.0, at[1] / K), solved, gains)


def _load_direction(
    specimen: Specimen, state: Surrogate, found: Response, preconditioner: Hierarchy
) -> LoadDirection:
    conditions = specimen.conditions
    if conditions.load_unit != "N":
        return LoadDirection()
    A = specimen.stiffness(state.E, state.tissue.rods)

    def solve(force: F64) -> F64:
        return equilibrium(
            A, fixed=conditions.fixed, prescribed_mm=np.zeros(conditions.fixed.shape), force_N=force,
            tolerance=1e-5, preconditioner=preconditioner, max_iterations=specimen.settings.max_iterations,
        ).displacement_mm  # fmt: skip

    at_mm = (specimen.mesh.nodes * specimen.settings.spacing_mm).astype(np.float64)
    u = found.equilibrium.displacement_mm
    return load_direction(at_mm, conditions.fixed, conditions.prescribed_mm, conditions.force_N, u, solve)
