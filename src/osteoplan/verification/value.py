"""Rows of the verification table about value: a tutorial's cohort, utilities, tables and their slips."""

from __future__ import annotations

import numpy as np

from osteoplan.decide.value.cohort import Cohort, Strategy, run_cohort, transitions
from osteoplan.decide.value.curve import alive_at, median_curve
from osteoplan.decide.value.inputs import Input
from osteoplan.kernels.cohort import cycle_weights, discount, state_times
from osteoplan.knowledge.value import eq5d3l_index, eq5d_index
from osteoplan.verification.closed_forms import Finding, Proof

__all__ = ["SICK_SICKER", "VALUE", "life_years"]

# strategy -> cost and QALY as printed
PRINTED = {"none": (151580, 20.711), "A": (284805, 21.499), "B": (259100, 22.184), "A+B": (378875, 23.137)}
PRINTED_RATIOS = {"B": 72988, "A+B": 125764}
_ILL = {"healthy": 0.5, "sicker": 0.105}
_SLOWER = {**_ILL, "sicker": 0.105 * 0.6}


def _strategy(more: float, lifted: bool, ill: dict[str, float]) -> Strategy:
    return Strategy(
        {
            "healthy": {"sick": 0.15, "dead": "dies"},
            "sick": {**ill, "dead": "3 * dies"},
            "sicker": {"dead": "10 * dies"},
        },
        costs={"healthy": 2000, "sick": 4000 + more, "sicker": 15000 + more},
        utilities={"healthy": 1.0, "sick": 0.95 if lifted else 0.75, "sicker": 0.5},
    )


SICK_SICKER = Cohort(
    "Sick-Sicker", ("healthy", "sick", "sicker", "dead"), 75,
    {
        "none": _strategy(0, False, _ILL), "A": _strategy(12000, True, _ILL),
        "B": _strategy(13000, False, _SLOWER), "A+B": _strategy(25000, True, _SLOWER),
    },
    {"dies": Input("dies", "rate of death", 0.002)}, weights="tutorial", discounts=(0.03, 0.03),
)  # fmt: skip

# profile -> UK 2026, England 2018, USA 2019
PROFILES = {
    "11111": (1, 1, 1), "21231": (0.853, 0.808, 0.738), "22232": (0.774, 0.680, 0.592),
    "31342": (0.444, 0.507, 0.402), "33343": (0.299, 0.401, 0.229), "44444": (-0.209, -0.094, -0.329),
    "55555": (-0.567, -0.285, -0.573),
}  # fmt: skip


def sick_sicker() -> Finding:
    """Printed digits that are not reached: costs, effects, places, ratios."""
    rows = {row.strategy: row for row in run_cohort(SICK_SICKER).strategies}
    wrong = sum(
        (round(rows[name].cost.value), round(rows[name].qaly.value, 3)) != told
        for name, told in PRINTED.items()
    )
    wrong += sum(round(rows[name].icer or 0.0) != ratio for name, ratio in PRINTED_RATIOS.items())
    wrong += rows["A"].place != "dominated"
    told = "; ".join(f"{name} {row.cost.value:,.0f}, {row.qaly.value:.3f}" for name, row in rows.items())
    return float(wrong), f"{told}; per QALY {rows['B'].icer:,.0f} and {rows['A+B'].icer:,.0f}, A is dominated"


def true_simpson() -> Finding:
    """The same by Simpson's weights, 4/3 first, though its cycles are odd in number."""
    cycles = SICK_SICKER.cycles
    weights = cycle_weights(cycles + 1, "simpson")[:-1] * discount(cycles, 0.03, 1.0)
    weights[-1] /= 4.0  # the last point is an end
    lived = state_times(transitions(SICK_SICKER, "none"), np.eye(4)[:1], weights[None])[0, 0]
    return float(lived @ [2000, 4000, 15000, 0]), f"{lived @ [1, 0.75, 0.5, 0]:.3f} QALY, 21.021 printed"


def utilities() -> Finding:
    """The worst error over all profiles and sets."""
    sets = ("eq5d5l_uk", "eq5d5l_england", "eq5d5l_usa")
    errors = [
        eq5d_index(profile, score) - index
        for profile, indices in PROFILES.items()
        for score, index in zip(sets, indices, strict=True)
    ]
    errors += [eq5d3l_index("22222") - 0.516, eq5d3l_index("33333") + 0.594]
    return max(map(abs, errors)), f"{len(errors)} profiles, UK 1997 of three levels among them"


def ontario() -> Finding:
    """Cost a case over its ratio: the same effect behind both procedures."""
    kyphoplasty, vertebroplasty = 7246 / 33471, 3870 / 17870
    return kyphoplasty, f"vertebroplasty {vertebroplasty:.4f}: one effect behind both ratios"


def unit_error() -> Finding:
    """How many times too small a ratio is that was divided by months and printed per year."""
    per_month = (1269.66 - 447.28) / (7.87 - 5.95)
    return (
        12.0 * per_month / 428.38,
        f"{per_month:.1f} a quality-adjusted month, {12 * per_month:,.0f} per QALY",
    )


def break_even() -> Finding:
    """Survival from which radiosurgery is below 100,000 a QALY, were its gain in proportion to life."""
    # 7,913 more at 124,552 a QALY with 9 months of survival: the ratio falls as life with relief grows
    ends, grid = [], np.linspace(9.0, 13.0, 41)
    for lag in (0, 3):
        wanted = life_years(9.0, after=lag) * 124552 / 100000
        ends.append(float(np.interp(wanted, [life_years(m, after=lag) for m in grid], grid)))
    gain = (9000 - 1087) / 124552
    note = (
        f"{min(ends):.1f} to {max(ends):.1f} months, as relief begins at 3 months or at once; assumed: "
        f"exponential survival, a gain of {gain:.4f} QALY at 9 months, prices as the only difference"
    )
    return sum(ends) / 2.0, note


def life_years(median_months: float, yearly: float = 0.03, *, after: int = 0) -> float:
    """Discounted years of life of an exponential curve, beyond a month, by months and Simpson's rule."""
    months = 2 * int(30 * median_months)
    alive = alive_at(median_curve(median_months), after + np.arange(months + 1.0))[0]
    worth = discount(after + months, yearly, 1 / 12)[after:]
    return float(alive @ (cycle_weights(months, "simpson") * worth) / 12.0)


VALUE: tuple[Proof, ...] = (
    Proof("value-sick-sicker", "a tutorial's cohort of four strategies: printed digits not reached", 0.0, 0.0,
        sick_sicker, "Alarid-Escudero 2023, its own weights"),
    Proof("value-simpson", "the same without treatment, true Simpson weights, cost", 152092.0, 3e-6,
        true_simpson, "152,092 and 21.021 by our own arithmetic", "USD"),
    Proof("value-eq5d", "EQ-5D indices of 7 profiles in 3 sets and 2 in an old one, worst error", 0.0, 1e-9,
        utilities, "Rowen 2026, Devlin 2018, Pickard 2019, Dolan 1997"),
    Proof("value-ontario", "effect behind the ratios of two cement procedures", 0.2165, 5e-4, ontario,
        "Ontario 2016", "a"),
    Proof("value-iran", "a ratio printed per QALY that is per month: how many times too small", 12.0, 1e-3,
        unit_error, "a table of 2017"),
    Proof("value-break-even", "radiosurgery below 100,000 USD a QALY from how much survival", 11.0, 0.05,
        break_even, "Kim 2015", "mo"),
    Proof("value-life-years", "median survival of 9 months, discounted at 3 %", 1.0485, 1e-4,
        lambda: life_years(9.0), "1 / (ln 2 / 0.75 + ln 1.03)", "a"),
)  # fmt: skip
