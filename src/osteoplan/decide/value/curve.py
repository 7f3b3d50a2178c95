"""This patient's survival as the death transition: hazards that are constant between the known points.

    log S(t)    straight from (0, 0) through the points (t_k, log S_k); beyond them the last hazard goes on

Which source: a typed model (most points first), the team's estimate as a median, a score's band.  One
is used, the others are told; survival enters here and is never cut off a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from osteoplan.arrays import F64
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.evidence import Survival, SurvivalRow
from osteoplan.model.value import SurvivalCurve

__all__ = ["alive_at", "curve_of", "median_curve", "outlives"]

FACTS = {"PathFx": "pathfx_{:g}mo_pct", "SPRING": "spring_{:g}mo_pct"}
TEAM = "le_weeks"
LEAST = 1e-3  # share alive that stands for nobody: a hazard is finite


def curve_of(survival: Survival | None, ensemble: Ensemble) -> tuple[SurvivalCurve | None, tuple[str, ...]]:
    """The curve that is used, and sentences about it; None where no source gives one.

    A span of shares or months is drawn evenly, with one draw for all of its points.
    """
    rows = () if survival is None else survival.rows
    said: list[str] = []
    for basis in ("typed", "estimate", "published"):
        mine = [row for row in rows if row.basis == basis]
        for curve in (*_by_shares(mine, ensemble, said), *_by_length(mine, ensemble)):
            others = dict.fromkeys(
                row.model for row in rows if _usable(row) and row.model not in curve.source
            )
            beside = f"; not used: {', '.join(others)}" if others else ""
            return curve, (
                f"survival: {curve.source}{beside}",
                *said,
                *(survival.disagreements if survival else ()),
            )
    return None, tuple(said)


def median_curve(months: float) -> SurvivalCurve:
    """An exponential curve of that median."""
    half = np.full((1, 1), 0.5)
    return SurvivalCurve(f"median {months:g} months", np.array([months]), half, half[0])


def alive_at(curve: SurvivalCurve, months: F64, *, central: bool = False) -> F64:
    """(n, len(months)) share alive; (1, len(months)) at the central value."""
    points = np.maximum(curve.value[None] if central else curve.alive, LEAST)
    return np.exp(np.log(points) @ _line(curve.months, np.asarray(months, dtype=np.float64)))


def outlives(curve: SurvivalCurve, cycles: int, *, central: bool = False, cycle_months: float = 1.0) -> F64:
    """(n, cycles) share of the living that outlives each cycle."""
    alive = alive_at(curve, cycle_months * np.arange(cycles + 1.0), central=central)
    return np.ascontiguousarray(alive[:, 1:] / alive[:, :-1])


def _line(knots: F64, at: F64) -> F64:
    """(k, m) weights of the points in a straight line through them from 0; the last piece goes on."""
    whole = np.concatenate([[0.0], knots])
    piece = np.clip(np.searchsorted(whole, at, side="right") - 1, 0, len(knots) - 1)
    part = (at - whole[piece]) / (whole[piece + 1] - whole[piece])
    weights = np.zeros((len(whole), len(at)))
    every = np.arange(len(at))
    weights[piece, every] = 1.0 - part
    weights[piece + 1, every] += part
    return weights[1:]


def _usable(row: SurvivalRow) -> bool:
    return row.low is not None or row.months is not None


def _by_shares(rows: Sequence[SurvivalRow], ensemble: Ensemble, said: list[str]) -> Iterable[SurvivalCurve]:
    """Curves through shares at times, the one with most points first."""
    models: dict[str, list[SurvivalRow]] = {}
    for row in rows:
        if row.at_months and row.low is not None:
            models.setdefault(row.model, []).append(row)
    for model, points in sorted(models.items(), key=lambda item: -len(item[1])):
        points.sort(key=lambda row: row.at_months or 0.0)
        months = np.array([row.at_months for row in points], dtype=np.float64)
        ends = np.array([(row.low, row.high) for row in points], dtype=np.float64).T / 100.0
        if (np.diff(ends, axis=1, prepend=1.0) > 0.0).any():
            said.append(f"{model} is not used: its shares alive rise with time")
            continue
        alive, value = _between(ends[0], ends[1], ensemble, f"value/{model}")
        fact = FACTS.get(model, "").format(months[-1])
        cite = tuple(dict.fromkeys(key for row in points for key in row.cite))
        times = ", ".join(f"{at:g}" for at in months)
        yield SurvivalCurve(f"{model}, shares alive at {times} months", months, alive, value, fact, cite)


def _by_length(rows: Sequence[SurvivalRow], ensemble: Ensemble) -> Iterable[SurvivalCurve]:
    """Exponential curves of a length of life taken as the median; an open or empty one gives none."""
    for row in rows:
        low, high = row.months or (None, None)
        if row.at_months is not None or not low or not high:
            continue
        ends = np.array([[low], [high]])
        drawn, value = _between(ends[0], ends[1], ensemble, f"value/{row.model}")
        # a median m as a point at the middle time: S(t) = 2^(-t / m)
        at = np.array([value[0]])
        fact = TEAM if row.basis == "estimate" else ""
        yield SurvivalCurve(
            f"{row.model}, {row.text}, taken as the median", at, 2.0 ** (-at / drawn), 2.0 ** (-at / value),
            fact, row.cite,
        )  # fmt: skip


def _between(low: F64, high: F64, ensemble: Ensemble, stream: str) -> tuple[F64, F64]:
    """((n or 1, k) draws between two ends, (k,) the middle)."""
    if (low == high).all():
        return low[None], low
    u = ensemble.strata(stream)
    return low + (high - low) * u, (low + high) / 2.0
