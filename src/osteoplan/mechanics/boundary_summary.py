"""Boundary conditions of a specimen for a picture: where and how it is held and loaded.

A force points as its loaded nodes are moved or pressed on average.  A given moment turns about sum r x f, a
prescribed turn v = theta x r + what all nodes do together about

    theta = J^-1 sum r x v        J = sum (r.r I - r r^T), r from the middle of the loaded nodes

Tests: tests/unit/test_boundary_summary.py.
"""

from __future__ import annotations

import numpy as np

from osteoplan.arrays import F64
from osteoplan.knowledge.loads import Magnitude
from osteoplan.mechanics.specimen import Specimen
from osteoplan.model.boundary_summary import BoundarySummary, LifeLoad, Measured, PublishedLimit
from osteoplan.model.case import Patient

__all__ = ["boundary_summary"]


def boundary_summary(specimen: Specimen, patient: Patient) -> BoundarySummary:
    """How this specimen stands on its machine, with the loads of life that are known for its bone."""
    case, cells = specimen.case, specimen.grid.positions_mm(specimen.mesh.cells)
    turns = case.load_unit == "N mm"
    return BoundarySummary(
        case.id, case.title, case.held, case.loaded, case.direction,
        body_mm=cells[~specimen.end_cap], cap_mm=cells[specimen.end_cap],
        held_mm=specimen.held_mm, loaded_mm=specimen.loaded_mm,
        load_axis=turn_axis(specimen) if turns else specimen.push, unit=case.load_unit,
        shown_at=case.display_load.value,
        loads=tuple(
            _life(one, patient) for one in case.magnitudes if one.applies(specimen.anatomy.bone)
        ),
        thresholds=tuple(
            PublishedLimit(one.outcome, one.title, one.value, one.unit, one.cite, one.status, one.note)
            for one in case.thresholds
        ),
        measured=tuple(
            Measured(one.title, one.published, one.ours, one.unit, one.of, one.cite, one.status, one.note)
            for one in case.measured
        ),
    )  # fmt: skip


def turn_axis(specimen: Specimen) -> F64:
    """(3,) LPS unit vector that the loaded nodes turn about, by the right hand."""
    conditions = specimen.conditions
    steps = specimen.grid.affine[:3, :3] / specimen.grid.spacing_mm
    r = specimen.loaded_mm - specimen.loaded_mm.mean(axis=0)
    given = conditions.prescribed_mm if conditions.force_N is None else conditions.force_N
    turn = np.cross(r, given[conditions.loaded] @ steps.T).sum(axis=0)
    if conditions.force_N is None:
        turn = np.linalg.lstsq(np.eye(3) * (r**2).sum() - r.T @ r, turn, rcond=None)[0]
    axis: F64 = turn / max(float(np.linalg.norm(turn)), 1e-12)
    return axis


def _life(magnitude: Magnitude, patient: Patient) -> LifeLoad:
    amount = magnitude.of(patient)
    value, low, high = (None, None, None) if amount is None else (amount.value, amount.low, amount.high)
    return LifeLoad(
        magnitude.id, magnitude.title, value, low, high, magnitude.unit, magnitude.value, magnitude.cite,
        magnitude.status, magnitude.note,
    )  # fmt: skip
