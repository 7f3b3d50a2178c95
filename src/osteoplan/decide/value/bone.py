"""A bone tumour, month by month: pain, fracture, a compressed cord, a second treatment, death.

    month 0     everybody in pain; a share (the published response) is relieved in the first month
    events      published shares at a constant rate within the time of their study, and none after it
    fracture    pain is back, and is not controlled after it; a second treatment works as the first did
    death       this patient's survival alone, alike in every living state

    quality     u0 in pain; u0 + g f(t) relieved, f fades; u0 + decrement fractured or with a compressed cord

Everything that is paid is linear in the weighted times of ``kernels.cohort``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from osteoplan.arrays import F64, I64
from osteoplan.decide.value.curve import alive_at, outlives
from osteoplan.kernels.cohort import cycle_weights, discount, state_times
from osteoplan.knowledge.values import number
from osteoplan.model.value import SurvivalCurve

__all__ = ["EVENTS", "STATES", "BoneCohort", "Course"]

STATES = ("pain not controlled", "pain controlled", "fractured", "cord compressed", "treated again", "dead")
PAIN, RELIEVED, FRACTURED, CORD, AGAIN, DEAD = range(6)
EVENTS = {"fracture": FRACTURED, "cord": CORD, "again": AGAIN}  # in the order in which a month asks for them
MONTHS_A_YEAR = 12
NOBODY, LONGEST = 1e-3, 600  # the model ends where fewer are alive, or after 50 years
SURE = 0.999  # a share of 1 keeps a monthly rate finite


@dataclass(frozen=True, eq=False)
class Course:
    """What one technique does; every share (n or 1,).

    Attributes:
        response: share whose pain is relieved.
        events: name of an event -> its share, and the months in which it happens.
        lost: share that dies of the procedure.
    """

    response: F64
    events: Mapping[str, tuple[F64, float]] = field(default_factory=dict)
    lost: F64 = field(default_factory=lambda: np.zeros(1))

    @property
    def stages(self) -> tuple[float, ...]:
        """Months at which an event stops, rising."""
        return tuple(sorted({months for _, months in self.events.values()}))


@dataclass(frozen=True, eq=False)
class BoneCohort:
    """What all techniques share: survival, utilities, time.

    Attributes:
        in_pain: utility where pain is not controlled; gain: what control adds before it fades.
        decrements: ``fracture`` and ``cord``, added to ``in_pain``.
        fading: 1 where the gain fades, 0 where it stays (an assumption of its own).
    """

    curve: SurvivalCurve
    in_pain: float
    gain: float
    decrements: Mapping[str, float]
    central: bool = False

    @cached_property
    def months(self) -> int:
        """Length of the model: until nobody is alive in any draw."""
        alive = alive_at(self.curve, np.arange(LONGEST + 1.0), central=self.central).max(axis=0)
        return max(MONTHS_A_YEAR, int((alive >= NOBODY).sum())) if alive[-1] < NOBODY else LONGEST

    @cached_property
    def outlives(self) -> F64:
        """(n or 1, months)."""
        return outlives(self.curve, self.months, central=self.central)

    @cached_property
    def weights(self) -> F64:
        """(4, months + 1): years, years times what is left of a gain, counts, undiscounted years."""
        worth = discount(self.months, number("value_model.discount_rate"), 1.0 / MONTHS_A_YEAR)
        years = cycle_weights(self.months) / MONTHS_A_YEAR
        full, fading = number("value_model.months_full_gain"), number("value_model.months_to_no_gain")
        left = np.clip(1.0 - (np.arange(self.months + 1) - full) / fading, 0.0, 1.0)
        return np.stack([years * worth, years * worth * left, worth, years])

    @cached_property
    def life_years(self) -> F64:
        """(n or 1,) undiscounted years of life, without any procedure."""
        alive = alive_at(self.curve, np.arange(self.months + 1.0), central=self.central)
        lived: F64 = alive @ self.weights[3]
        return lived

    def times(self, course: Course) -> F64:
        """(n, 4, states) weighted times under a course."""
        phase = _phase(course, self.months)
        return state_times(_moves(course), _start(course), self.weights, phase=phase, alive=self.outlives)

    def qaly(self, times: F64, *, gain: F64 | float | None = None, fading: F64 | float = 1.0) -> F64:
        """(n,) quality-adjusted years of life, discounted."""
        lived = times[:, 0]
        base = lived[:, :DEAD].sum(axis=1) * self.in_pain
        for state, name in ((FRACTURED, "fracture"), (CORD, "cord")):
            base = base + lived[:, state] * self.decrements.get(name, 0.0)
        relieved = fading * times[:, 1, RELIEVED] + (1.0 - fading) * lived[:, RELIEVED]
        return np.asarray(base + (self.gain if gain is None else gain) * relieved)

    def treated(self, times: F64) -> F64:
        """(n,) treatments per head, the first and later ones, discounted."""
        return np.asarray(1.0 + times[:, 2, AGAIN])


def _start(course: Course) -> F64:
    start = np.zeros((len(course.lost), len(STATES)))
    start[:, PAIN], start[:, DEAD] = 1.0 - course.lost, course.lost
    return start


def _phase(course: Course, months: int) -> I64:
    """The first month, then one phase after another as events stop."""
    month = np.arange(months)
    return np.where(month == 0, 0, 1 + np.searchsorted(course.stages, month, side="left")).astype(np.int64)


def _moves(course: Course) -> F64:
    """(n, 2 + stages, S, S): the response, then what can still happen, then nothing."""
    n = max(len(course.response), *(len(share) for share, _ in course.events.values()), 1)
    P = np.zeros((n, 2 + len(course.stages), len(STATES), len(STATES)))
    for state in (PAIN, RELIEVED, CORD, DEAD):
        P[:, :, state, state] = 1.0
    leaves = 1.0 / number("value_model.months_fractured")
    P[:, :, FRACTURED, FRACTURED], P[:, :, FRACTURED, PAIN] = 1.0 - leaves, leaves
    P[:, :, AGAIN, RELIEVED] = course.response[:, None]
    P[:, :, AGAIN, PAIN] = 1.0 - course.response[:, None]
    P[:, 0, PAIN, RELIEVED], P[:, 0, PAIN, PAIN] = course.response, 1.0 - course.response
    for event, state in EVENTS.items():
        if event in course.events:
            share, months = course.events[event]
            until = 2 + course.stages.index(months)
            # the first month is the response's: what its study counted falls into the others
            monthly = (1.0 - (1.0 - np.minimum(share, SURE)) ** (1.0 / max(months, 1.0)))[:, None]
            for here in (PAIN, RELIEVED):
                stays = P[:, 1:until, here, here]
                P[:, 1:until, here, state] = monthly * stays
                P[:, 1:until, here, here] = (1.0 - monthly) * stays
    return P
