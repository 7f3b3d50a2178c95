"""A cohort model in a YAML file: what is told once for all strategies, and what each changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from osteoplan.decide.value.cohort import Cohort, Strategy
from osteoplan.decide.value.inputs import Input, Kind
from osteoplan.kernels.cohort import Weights
from osteoplan.knowledge.load import Strict
from osteoplan.knowledge.marked import Marked, read_marked

__all__ = ["CohortFile", "read_cohort"]

Term = float | str
Rows = dict[str, dict[str, Term]]
Pair = tuple[float, float]


class InputFile(Strict):
    """A number, or one distribution; ``value`` beside it where its mean (or median) is not meant."""

    model_config = ConfigDict(allow_inf_nan=False)

    value: float | None = None
    title: str = ""
    beta: Pair | None = None
    normal: Pair | None = None
    lognormal: Pair | None = None
    gamma: Pair | None = None
    uniform: Pair | None = None

    @model_validator(mode="before")
    @classmethod
    def _number(cls, given: Any) -> Any:
        return given if isinstance(given, Mapping) else {"value": given}

    @model_validator(mode="after")
    def _one(self) -> InputFile:
        """One distribution, whose numbers can be meant."""
        told = [(kind, pair) for kind, pair in self if kind not in ("value", "title") and pair is not None]
        if not told and self.value is not None:
            return self
        if len(told) != 1:
            raise ValueError("give one of beta, normal, lognormal, gamma, uniform")
        kind, (a, b) = told[0]
        if kind == "beta" and not 0.0 <= a <= b:
            raise ValueError("beta is [a, n]: a of n, from 0 to n")
        if kind in ("lognormal", "uniform") and not a < b:
            raise ValueError(f"{kind} is [lowest, highest]")
        if kind in ("normal", "gamma") and not b > 0.0:
            raise ValueError(f"{kind} is [mean, standard deviation]")
        if kind in ("lognormal", "gamma") and not a > 0.0:
            raise ValueError(f"{kind} lies above 0")
        return self

    def noun(self, id: str) -> Input:
        """The same as an input of that id."""
        kinds: tuple[Kind, ...] = ("beta", "normal", "lognormal", "gamma", "uniform")
        kind = next((kind for kind in kinds if getattr(self, kind) is not None), None)
        if kind is None:
            assert self.value is not None  # _one refused it otherwise
            return Input(id, self.title or id, self.value)
        a, b = getattr(self, kind)
        middle = {"beta": a / b if b else 0.0, "lognormal": (a * b) ** 0.5, "uniform": (a + b) / 2.0}.get(
            kind, a
        )
        return Input(id, self.title or id, middle if self.value is None else self.value, kind, a, b)


class StrategyFile(Strict):
    """What one strategy changes."""

    model_config = ConfigDict(allow_inf_nan=False)

    rates: Rows = {}
    probabilities: Rows = {}
    costs: dict[str, Term] = {}
    utilities: dict[str, Term] = {}
    once: Term = 0.0


class CohortFile(StrategyFile):
    """A cohort model; its own rates, costs and so on hold where a strategy says nothing."""

    name: str = ""
    states: tuple[str, ...] = Field(min_length=2)
    cycles: int = Field(ge=1, le=100_000)
    cycle_years: float = Field(1.0, gt=0.0)
    weights: Weights = "half_cycle"
    discount: float | dict[str, float] = 0.0
    currency: str = ""
    thresholds: tuple[Annotated[float, Field(gt=0.0)], ...] = ()
    inputs: dict[str, InputFile] = {}
    alive: dict[float, float] = {}
    strategies: dict[str, StrategyFile] = Field(min_length=1)


def read_cohort(path: Path) -> Cohort:
    """The cohort in a file.

    Raises:
        BadInput: the first fault, with file, line and reason.
    """
    marked = read_marked(path)
    file = marked.checked(CohortFile)
    if len(set(file.states)) < len(file.states):
        raise marked.fault(("states",), "a state stands twice")
    return Cohort(
        file.name or path.stem, file.states, file.cycles,
        {name: _strategy(file, one) for name, one in file.strategies.items()},
        {name: one.noun(name) for name, one in file.inputs.items()},
        file.cycle_years, file.weights, _discounts(marked, file), file.currency, file.thresholds, file.alive,
    )  # fmt: skip


def _strategy(file: CohortFile, own: StrategyFile) -> Strategy:
    once = own.once if "once" in own.model_fields_set else file.once
    return Strategy(
        _rows(file.rates, own.rates), _rows(file.probabilities, own.probabilities),
        {**file.costs, **own.costs}, {**file.utilities, **own.utilities}, once,
    )  # fmt: skip


def _rows(base: Mapping[str, Mapping[str, Any]], own: Mapping[str, Mapping[str, Any]]) -> Rows:
    """Row by row, and in a row transition by transition."""
    return {state: {**base.get(state, {}), **own.get(state, {})} for state in (*base, *own)}


def _discounts(marked: Marked, file: CohortFile) -> tuple[float, float]:
    given = file.discount
    rates = given if isinstance(given, dict) else {"costs": given, "effects": given}
    if set(rates) != {"costs", "effects"}:
        raise marked.fault(("discount",), "write one rate, or {costs: 0.035, effects: 0.035}")
    for rate in rates.values():
        if not 0.0 <= rate <= 1.0:
            raise marked.fault(("discount",), f"{rate:g} is outside 0 to 1: write 0.035 for 3.5 % a year")
    return rates["costs"], rates["effects"]
