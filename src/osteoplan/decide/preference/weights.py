"""Weights from answers: fixed points, an order that leaves many, or all of them.

Each attribute draws from a stream of its own name: another attribute, or their order, moves no weight of it
against the others.  Contradictory answers are told, not repaired: then all weights count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import product

import numpy as np

from osteoplan.arrays import F64
from osteoplan.errors import BadInput
from osteoplan.kernels.simplex import MOST, along_order, on_simplex
from osteoplan.model.preference import BestWorst
from osteoplan.provenance import rng

__all__ = ["Weighing", "weigh"]


@dataclass(frozen=True, eq=False)
class Weighing:
    """Weights of named attributes.

    Attributes:
        weights: (samples, attributes), each row sums to 1.
        order: every pair (matters more, matters less) that follows from the answers.
        fixed: they are points that were given.
        contradiction: why the answers order nothing, in a sentence.
    """

    weights: F64
    order: tuple[tuple[str, str], ...] = ()
    fixed: bool = False
    contradiction: str = ""


def weigh(
    names: Sequence[str],
    *,
    seed: int,
    samples: int,
    points: Mapping[str, float] | None = None,
    sets: Sequence[BestWorst] = (),
) -> Weighing:
    """Weights of the attributes: the points given, uniform on what the sets order, or uniform on all.

    Args:
        points: of swing weighting, 0 or more; an attribute without any weighs nothing.
        sets: of best-worst scaling; attributes outside ``names`` hand their order on.

    Raises:
        BadInput: more than 16 attributes in an order.
    """
    if points:
        whole = sum(points.get(name, 0.0) for name in names)
        if whole > 0.0:
            given = np.array([points.get(name, 0.0) for name in names]) / whole
            return Weighing(np.broadcast_to(given, (samples, len(names))), fixed=True)
    by_name = sorted(range(len(names)), key=lambda n: names[n])
    streams = [rng(seed, "preference", "weight", names[n]).standard_exponential(samples) for n in by_name]
    drawn = on_simplex(np.array(streams).reshape(len(names), samples).T)
    order, contradiction = _order(sets)
    if points:
        contradiction = "every attribute was given 0 points"
    told = tuple(pair for pair in order if set(pair) <= set(names))
    if told:
        if len(names) > MOST:
            raise BadInput(f"{len(names)} attributes are too many to order: ask {MOST} at most")
        place = {names[n]: at for at, n in enumerate(by_name)}
        above = np.zeros((len(names), len(names)), dtype=bool)
        for more, less in told:
            above[place[more], place[less]] = True
        drawn = along_order(drawn, above, rng(seed, "preference", "order").random(drawn.shape))
    weights = np.empty_like(drawn)
    weights[:, by_name] = drawn
    return Weighing(weights, told, contradiction=contradiction)


def _order(sets: Sequence[BestWorst]) -> tuple[tuple[tuple[str, str], ...], str]:
    """Every pair that follows from the sets, or none and the contradiction among them."""
    above: dict[str, set[str]] = {}  # attribute -> those that matter more
    for one in sets:
        if one.best == one.worst:
            return (), f"{one.best} was named as what matters most and least"
        for other in one.shown:
            above.setdefault(other, set()).update({one.best} - {other})
        above[one.worst].update(set(one.shown) - {one.worst})
    try:
        sequence = list(TopologicalSorter(above).static_order())
    except CycleError as why:
        return (), "what matters more goes in a circle: " + " over ".join(why.args[1])
    for name in sequence:  # those that matter more come first: their own are complete
        above[name] |= {further for more in tuple(above[name]) for further in above[more]}
    return tuple(sorted((more, less) for less, more in _pairs(above))), ""


def _pairs(above: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    return [pair for less, more in above.items() for pair in product((less,), more)]
