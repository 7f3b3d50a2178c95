"""A cohort model as somebody writes it down: states, transitions, payoffs, strategies; run, compared, drawn.

    rate r a year        p = 1 - exp(-r h) in a cycle of h years; who dies in a cycle does nothing else in it
    cost, effect         weighted times in states (``kernels.cohort``) times what a year in a state is paid

A term is a number, or a sum or product of inputs by name.  Tests: tests/analytic/test_cohort_model.py.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from osteoplan.arrays import F64
from osteoplan.decide.value.curve import outlives
from osteoplan.decide.value.frontier import frontier
from osteoplan.decide.value.information import acceptability, evpi, evppi
from osteoplan.decide.value.inputs import Input, drawn
from osteoplan.errors import BadInput, named
from osteoplan.kernels.cohort import Weights, cycle_weights, discount, state_times
from osteoplan.model.certainty import Bar
from osteoplan.model.cohort import CohortResult, StrategyValue
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.outcome import Estimate
from osteoplan.model.value import AcceptableAt, SurvivalCurve, WorthKnowing

__all__ = ["REST", "Cohort", "Strategy", "Term", "run_cohort", "transitions"]

Term = float | str
Rows = Mapping[str, Mapping[str, Term]]
Amounts = Mapping[str, F64]
REST = "rest"  # of a row of probabilities: what the others leave
LEVEL = 0.95
MOST = 5e9  # cycles x draws x strategies x states squared: some 20 s on one core
SLIGHT = 1e-9  # rounding
_SIGNS: Mapping[type[ast.operator], Callable[[F64, F64], F64]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip


@dataclass(frozen=True)
class Strategy:
    """What happens and what is paid under one strategy.

    Attributes:
        rates, probabilities: from a state to another, a year or a cycle; a row stands in one of the two.
        costs, utilities: of a year in a state; once: cost at the start.
    """

    rates: Rows = field(default_factory=dict)
    probabilities: Rows = field(default_factory=dict)
    costs: Mapping[str, Term] = field(default_factory=dict)
    utilities: Mapping[str, Term] = field(default_factory=dict)
    once: Term = 0.0


@dataclass(frozen=True)
class Cohort:
    """A cohort model.

    Attributes:
        states: the last one is dead; everybody starts in the first.
        discounts: a year, of costs and of effects.
        alive: years -> share alive: death beside the transitions, with a constant hazard between.
    """

    name: str
    states: tuple[str, ...]
    cycles: int
    strategies: Mapping[str, Strategy]
    inputs: Mapping[str, Input] = field(default_factory=dict)
    cycle_years: float = 1.0
    weights: Weights = "half_cycle"
    discounts: tuple[float, float] = (0.0, 0.0)
    currency: str = ""
    thresholds: tuple[float, ...] = ()
    alive: Mapping[float, float] = field(default_factory=dict)


def run_cohort(cohort: Cohort, ensemble: Ensemble | None = None) -> CohortResult:
    """Every strategy, at the inputs' values and over draws of what is uncertain.

    Raises:
        BadInput: a state that does not exist, a row that does not sum to 1, a cost below zero, a living state
            without a utility, a dead state with a payoff or a way out, a term that cannot be read or is not
            finite, Simpson's rule with an odd number of cycles, more work than ``MOST``.
    """
    names = tuple(cohort.strategies)
    values = {id: np.full(1, one.value) for id, one in cohort.inputs.items()}
    costs, effects = _run(cohort, values)
    places = frontier(costs[0].tolist(), effects[0].tolist())
    sampled = {} if ensemble is None else drawn(cohort.inputs, ensemble)
    more = _run(cohort, {**values, **sampled}) if sampled else None

    def estimate(id: str, name: str, k: int, table: F64, draws: F64 | None, unit: str) -> Estimate:
        if draws is None:
            return Estimate(id, name, float(table[0, k]), None, None, unit, "simulated", level=LEVEL)
        return Estimate.from_draws(
            id, name, value=float(table[0, k]), draws=draws[:, k], unit=unit, level=LEVEL
        )

    rows = tuple(
        StrategyValue(
            name, estimate("cost", name, k, costs, more and more[0], cohort.currency),
            estimate("qaly", name, k, effects, more and more[1], "a"), *places[k],
        )
        for k, name in enumerate(names)
    )  # fmt: skip
    result = CohortResult(cohort.name, cohort.currency, cohort.thresholds, cohort.states, rows)
    if more is None or not cohort.thresholds or len(names) < 2 or ensemble is None:
        return result
    return _compared(result, cohort, sampled, more)


def transitions(cohort: Cohort, strategy: str) -> F64:
    """(1, 1, S, S) probabilities of a cycle under a strategy, with every input at its value."""
    known = {id: np.full(1, one.value) for id, one in cohort.inputs.items()}
    return _moves(cohort, cohort.strategies[strategy], known, 1, f"strategy {strategy}")


def _compared(result: CohortResult, cohort: Cohort, sampled: Amounts, more: tuple[F64, F64]) -> CohortResult:
    """What the draws say of the choice between the strategies."""
    names = tuple(cohort.strategies)
    first = cohort.thresholds[0] * more[1] - more[0]
    best, second = np.argsort(-first.mean(axis=0), kind="stable")[:2]
    worth = [
        WorthKnowing(id, cohort.inputs[id].title, evppi(first, phi), cohort.currency)
        for id, phi in sampled.items()
    ]
    bars = []
    for id in sampled:
        ends = {**{other: np.full(2, one.value) for other, one in cohort.inputs.items()}}
        costs, effects = _run(cohort, {**ends, id: np.array(cohort.inputs[id].swing(LEVEL))})
        benefit = cohort.thresholds[0] * effects - costs
        low, high = benefit[:, best] - benefit[:, second]
        bars.append(Bar(id, cohort.inputs[id].title, float(low), float(high)))
    return CohortResult(
        result.name, result.currency, result.thresholds, result.states, result.strategies,
        (names[best], names[second]),
        tuple(
            AcceptableAt(w, dict(zip(names, map(float, acceptability(w * more[1] - more[0])), strict=True)))
            for w in cohort.thresholds
        ),
        evpi(first), tuple(sorted(worth, key=lambda one: -one.value)),
        tuple(sorted(bars, key=lambda one: -abs(one.high - one.low))), len(first),
    )  # fmt: skip


def _run(cohort: Cohort, known: Amounts) -> tuple[F64, F64]:
    """(n, strategies) costs and (n, strategies) quality-adjusted years."""
    n = max((len(one) for one in known.values()), default=1)
    if cohort.cycles * n * len(cohort.strategies) * len(cohort.states) ** 2 > MOST:
        raise BadInput(
            f"{cohort.cycles:,} cycles of {len(cohort.strategies)} strategies in {n:,} draws take too long: "
            "ask for fewer draws (--draws) or cycles"
        )
    whole = cycle_weights(cohort.cycles, cohort.weights) * cohort.cycle_years
    weights = np.stack(
        [whole * discount(cohort.cycles, rate, cohort.cycle_years) for rate in cohort.discounts]
    )
    start = np.zeros((n, len(cohort.states)))
    start[:, 0] = 1.0
    costs, effects = [], []
    for name, strategy in cohort.strategies.items():
        where = f"strategy {name}"
        times = state_times(
            _moves(cohort, strategy, known, n, where), start, weights, alive=_outlives(cohort)
        )
        paid = _paid(cohort, strategy.costs, known, n, where, "cost")
        lived = _paid(cohort, strategy.utilities, known, n, where, "utility")
        once = _amount(strategy.once, known, f"{where}, once", low=0.0)
        costs.append((times[:, 0] * paid).sum(axis=1) + once)
        effects.append((times[:, 1] * lived).sum(axis=1))
    return np.stack(costs, axis=1), np.stack(effects, axis=1)


def _outlives(cohort: Cohort) -> F64 | None:
    if not cohort.alive:
        return None
    years, shares = (np.array(column) for column in zip(*sorted(cohort.alive.items()), strict=True))
    if years[0] <= 0.0 or (np.diff(shares, prepend=1.0) > 0.0).any() or shares[-1] < 0.0:
        raise BadInput("alive: shares fall with time, from 1 at time 0")
    curve = SurvivalCurve("alive", 12.0 * years, shares[None], shares)
    return outlives(curve, cohort.cycles, cycle_months=12.0 * cohort.cycle_years)


def _moves(cohort: Cohort, strategy: Strategy, known: Amounts, n: int, where: str) -> F64:
    """(n, 1, S, S) transitions in a cycle."""
    at = {state: k for k, state in enumerate(cohort.states)}
    P = np.zeros((n, 1, len(at), len(at)))
    P[:, 0] = np.eye(len(at))
    dead = cohort.states[-1]
    for here in (*strategy.rates, *strategy.probabilities):
        if here == dead and {*strategy.rates.get(here, ()), *strategy.probabilities.get(here, ())} - {dead}:
            raise BadInput(f"{where}: the last state, {dead}, is dead: nobody leaves it")
    for here, row in strategy.rates.items():
        i = named("state", here, at, where)
        chance = {
            named("state", there, at, where): 1.0
            - np.exp(-cohort.cycle_years * _amount(term, known, f"{where}, {here} to {there}", low=0.0))
            for there, term in row.items()
        }
        dies = chance.pop(len(at) - 1, np.zeros(1))
        P[:, 0, i] = 0.0
        for j, share in chance.items():
            P[:, 0, i, j] = (1.0 - dies) * share
        P[:, 0, i, -1] = dies
        if i in chance:
            raise BadInput(f"{where}: {here} to {here} has a rate: what does not leave stays by itself")
        P[:, 0, i, i] = _left(P[:, 0, i], row, known, f"{where}, {here}")
    for here, row in strategy.probabilities.items():
        i = named("state", here, at, where)
        if here in strategy.rates:
            raise BadInput(f"{where}: {here} has rates and probabilities; give one of them")
        P[:, 0, i] = 0.0
        rest = [there for there, term in row.items() if term == REST]
        if len(rest) > 1 or (REST in row and REST not in at):
            raise BadInput(
                f"{where}: {here}: '{REST}' is the value of one state, as in {{{here}: {REST}}}, and no key"
            )
        for there, term in row.items():
            j = named("state", there, at, where)
            P[:, 0, i, j] = (
                0.0 if there in rest else _amount(term, known, f"{where}, {here} to {there}", 0.0, 1.0)
            )
        left = _left(P[:, 0, i], row, known, f"{where}, {here}")
        if rest:
            P[:, 0, i, at[rest[0]]] = left
        elif left.max() > SLIGHT:
            k = int(left.argmax())
            raise BadInput(
                f"{where}: the probabilities of {here} sum to {1.0 - left[k]:g}, not 1"
                f"{_given(row, known, k)}; write '{REST}' for what the others leave"
            )
    return P


def _left(P: F64, row: Mapping[str, Term], known: Amounts, where: str) -> F64:
    """(n,) what the transitions (n, S) of one state leave of it."""
    left = 1.0 - P.sum(axis=1)
    k = int(left.argmin())
    if left[k] < -SLIGHT:
        raise BadInput(
            f"{where}: more leave in a cycle than are there: {1.0 - left[k]:g} of 1{_given(row, known, k)}"
        )
    return np.asarray(np.maximum(left, 0.0))


def _paid(cohort: Cohort, terms: Mapping[str, Term], known: Amounts, n: int, where: str, what: str) -> F64:
    """(n, S) payoff of a year in each state; death costs and is worth nothing."""
    at = {state: k for k, state in enumerate(cohort.states)}
    paid = np.zeros((n, len(at)))
    for state, term in terms.items():
        low, high = (0.0, np.inf) if what == "cost" else (-np.inf, 1.0)
        amount = _amount(term, known, f"{where}, {what} of {state}", low, high)
        paid[:, named("state", state, at, where)] = amount
    if paid[:, -1].any():
        raise BadInput(f"{where}: the last state, {cohort.states[-1]}, is dead: its {what} is 0")
    lacking = [state for state in cohort.states[:-1] if state not in terms]
    if what == "utility" and lacking:
        raise BadInput(f"{where}: {lacking[0]} has no utility")
    return paid


def _amount(term: Term, known: Amounts, where: str, low: float = -np.inf, high: float = np.inf) -> F64:
    """A term with its inputs filled in, (n,) or (1,), finite and from low to high."""
    try:
        with np.errstate(all="ignore"):
            amount = _worth(ast.parse(str(term), mode="eval").body, known, where)
    except (SyntaxError, RecursionError) as why:
        raise BadInput(f"{where}: '{term}' is no sum or product of inputs") from why
    faults = {
        "not finite": ~np.isfinite(amount), f"below {low:g}": amount < low - SLIGHT,
        f"above {high:g}": amount > high + SLIGHT,
    }  # fmt: skip
    for fault, found in faults.items():
        if found.any():
            k = int(found.argmax())
            given = _given({where: term}, known, k)
            raise BadInput(f"{where}: '{term}' is {amount[k]:g}, {fault}{given}")
    return amount


def _given(terms: Mapping[str, Term], known: Amounts, k: int) -> str:
    """The inputs in some terms, as they are in draw k."""
    nodes = [node for term in terms.values() for node in ast.walk(ast.parse(str(term), mode="eval"))]
    names = dict.fromkeys(node.id for node in nodes if isinstance(node, ast.Name) and node.id in known)
    told = ", ".join(f"{name} = {known[name][k % len(known[name])]:g}" for name in names)
    return f" ({told})" if told else ""


def _worth(node: ast.expr, known: Amounts, where: str) -> F64:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return np.full(1, float(value))
        case ast.Name(id=name):
            return named("input", name, known, where)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_worth(inner, known, where)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _SIGNS:
            return _SIGNS[type(op)](_worth(left, known, where), _worth(right, known, where))
    raise BadInput(f"{where}: '{ast.unparse(node)}' is no sum or product of inputs")
