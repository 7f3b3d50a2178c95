"""SMAA of any problem, from arrays: how often each option is first over weights and values that are not sure.

found = smaa([[70, 4], [55, 1]], [(30, 80), (10, 0)], seed=1)
found.first, found.undecided                      # share of 100 000 weights
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from osteoplan.arrays import Bool
from osteoplan.decide.preference.weights import Weighing, weigh
from osteoplan.errors import BadInput, named
from osteoplan.kernels.smaa import Counts, acceptability
from osteoplan.model.preference import BestWorst, PairShare, RankShare

__all__ = ["SAMPLES", "Acceptability", "smaa"]

MOST_POINTS = 1e9  # beyond, their sum may lose one of them
SAMPLES = 100_000  # weights: a share of them is known to 0.2 %


@dataclass(frozen=True, eq=False)
class Acceptability(Counts):
    """The shares, the attributes that were counted, and the weights behind them."""

    names: tuple[str, ...]
    weighing: Weighing

    @property
    def weights(self) -> Mapping[str, float]:
        """Mean weight of each attribute."""
        return dict(zip(self.names, self.weighing.weights.mean(axis=0).tolist(), strict=True))

    def central_weights(self, option: int) -> Mapping[str, float]:
        """Mean weight of each attribute where an option is first; empty where it never is."""
        found = zip(self.names, self.central[option].tolist(), strict=True)
        return dict(found) if self.first[option] > 0.0 else {}

    def rank_shares(self, titles: Mapping[str, str]) -> tuple[RankShare, ...]:
        """Options by id and title, in their order here: sorted, the most often first one first."""
        told = [
            RankShare(id, title, float(self.first[n]), tuple(self.ranks[n].tolist()), bool(self.compared[n]))
            for n, (id, title) in enumerate(titles.items())
        ]
        return tuple(sorted(told, key=lambda one: (not one.compared, -one.first, one.title)))

    def pair_shares(self, ids: Sequence[str]) -> tuple[PairShare, ...]:
        """Every two options, by their ids in their order here."""
        return tuple(
            PairShare(
                ids[n], ids[m], float(self.over[n, m]), float(self.over[m, n]),
                tuple(name for name, both in zip(self.names, self.shared[n, m], strict=True) if both),
            )
            for n, m in combinations(range(len(ids)), 2)
        )  # fmt: skip


def smaa(
    values: npt.ArrayLike,
    ranges: npt.ArrayLike,
    *,
    seed: int,
    names: Sequence[str] | None = None,
    points: Mapping[str, float] | None = None,
    sets: Sequence[BestWorst] = (),
    samples: int = SAMPLES,
    alike: Bool | None = None,
) -> Acceptability:
    """How often each option is first, over all weights that the answers leave.

    Args:
        values: (options, attributes) or (options, attributes, draws) in the attributes' units; NaN where an
            option has no figure: then it is compared on the others alone, pair by pair.
        ranges: (attributes, 2): the worst and the best, in units.  Values are linear between and beyond.
        names: of the attributes; "0", "1" ... where left out.
        points, sets: as in ``weigh``; neither: all weights.
        alike: (options, options, attributes) which figures may be held against each other; None: all.

    Raises:
        BadInput: what is no number, shapes that do not fit, a range without width, points below 0 or of a
            stranger, points and sets together, no samples.
    """
    if np.ma.isMaskedArray(values):
        raise BadInput("a mask is not read: put NaN where an option has no figure")
    try:
        given, ends = np.asarray(values, dtype=np.float64), np.asarray(ranges, dtype=np.float64)
    except (TypeError, ValueError) as why:
        raise BadInput(f"values and ranges are arrays of numbers ({why})") from why
    given = given[:, :, None] if given.ndim == 2 else given
    if given.ndim != 3 or ends.shape != (given.shape[1], 2) or not given.shape[2]:
        raise BadInput(
            f"values of shape {given.shape} with ranges of shape {ends.shape}: values are (options, "
            "attributes) or (options, attributes, draws), ranges (attributes, 2)"
        )
    called = tuple(names) if names is not None else tuple(str(n) for n in range(len(ends)))
    if not len(set(called)) == len(called) == len(ends):
        raise BadInput(f"{len(ends)} attributes need as many names, each its own")
    flat = [name for name, (worst, best) in zip(called, ends, strict=True) if best == worst]
    if flat or np.isinf(given).any() or not np.isfinite(ends).all():
        raise BadInput(f"{', '.join(flat) or 'a value'}: a range has two ends that differ, all are finite")
    if points and sets:
        raise BadInput("points and sets are two ways to say one thing: give one of them")
    if points and not set(points) <= set(called):
        raise BadInput(f"points of {', '.join(sorted(set(points) - set(called)))}: no attribute is called so")
    if samples < 1 or any(not 0.0 <= value <= MOST_POINTS for value in (points or {}).values()):
        raise BadInput(f"samples are 1 or more, points 0 or more, at most {MOST_POINTS:g}")
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise BadInput(f"seed is a whole number, 0 or more, not {seed!r}")
    for one in sets:
        for name in (*one.shown, one.best, one.worst):
            named("attribute", name, dict.fromkeys(called), "sets")
    if alike is not None and (alike.dtype != bool or alike.shape != (len(given), len(given), len(ends))):
        raise BadInput("alike is an array of truths: (options, options, attributes)")
    weighing = weigh(called, seed=seed, samples=samples, points=points, sets=sets)
    worst, best = ends[:, 0, None], ends[:, 1, None]
    with np.errstate(over="ignore"):
        shares = (given - worst) / (best - worst)
        if not np.isfinite(best - worst).all() or np.isinf(shares).any():
            raise BadInput("values and ranges are too far apart for numbers of 64 bits")
    counts = acceptability(shares, weighing.weights, alike)
    return Acceptability(**vars(counts), names=called, weighing=weighing)
