"""One ensemble: draw k is the same patient and the same hand wherever it is asked for."""

import ast
from pathlib import Path

import numpy as np
import pytest
from scipy.stats.qmc import LatinHypercube

import osteoplan
from osteoplan.errors import BadInput
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.outcome import Estimate

SRC = Path(osteoplan.__file__).parent


def test_a_stream_is_the_same_whoever_asks_and_whoever_drew_before():
    one, two = Ensemble(3, 20), Ensemble(3, 500)
    one.stream("placement").standard_normal(7)
    assert np.array_equal(one.stream("cement", "4").random(5), two.stream("cement", "4").random(5))
    assert not np.array_equal(one.stream("cement", "4").random(5), one.stream("cement", "5").random(5))
    assert not np.array_equal(one.stream("law").random(5), Ensemble(4, 20).stream("law").random(5))


def test_more_samples_give_their_first_and_fewer_repeat():
    ensemble = Ensemble(1, 5)
    assert ensemble.drawn(np.arange(9)).tolist() == [0, 1, 2, 3, 4]
    assert ensemble.drawn(np.arange(2)).tolist() == [0, 1, 0, 1, 0]
    assert ensemble.drawn(np.arange(6).reshape(3, 2)).shape == (5, 2)


def test_an_interval_is_of_all_samples_and_the_draws_are_the_ensembles():
    samples = np.linspace(0.0, 1.0, 101)
    one = Estimate.from_draws("x", "y", value=0.5, draws=samples, unit="1", ensemble=Ensemble(1, 7))
    assert (one.low, one.high) == (pytest.approx(0.05), pytest.approx(0.95))
    assert np.array_equal(one.draws, samples[:7])
    fixed = Estimate.of_geometry("x", "y", 2.0, "mm", Ensemble(1, 7))
    assert (fixed.low, fixed.draws.tolist()) == (None, [2.0] * 7)
    assert one.minus(fixed).draws.shape == (7,)


def test_an_ensemble_of_nobody_is_refused():
    with pytest.raises(BadInput, match="holds nobody"):
        Ensemble(1, 0)


def test_no_seed_has_a_default_below_the_workflow():
    found = []
    for path in SRC.rglob("*.py"):
        if path.relative_to(SRC).parts[0] in ("workflow", "cli", "verification"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                given = node.args
                named = given.args[len(given.args) - len(given.defaults) :] if given.defaults else []
                named += [
                    a for a, d in zip(given.kwonlyargs, given.kw_defaults, strict=True) if d is not None
                ]
                found += [f"{path.name}: {node.name}" for a in named if a.arg == "seed"]
    assert found == []


@pytest.mark.parametrize(("seed", "n", "columns"), [(1, 64, 1), (7, 200, 3), (3, 1, 2)])
def test_strata_are_those_of_the_library(seed, n, columns):
    ours = Ensemble(seed, n)
    theirs = LatinHypercube(columns, rng=ours.stream("cement_tip")).random(n)
    assert np.array_equal(ours.strata("cement_tip", columns), theirs)
