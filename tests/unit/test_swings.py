"""One input at a time, the outline of the lesion, and what of both reaches a ratio or a difference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.kernels.elasticity import effective_strain
from osteoplan.knowledge.loads import load_case
from osteoplan.mechanics.cases.vertebra import build_compression, build_compression_through_discs
from osteoplan.mechanics.load import load, settings_of, solve, tissue_of
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.mechanics.uncertainty.lesion_outline import redrawn
from osteoplan.mechanics.uncertainty.one_at_a_time import TITLES, bars, probes
from osteoplan.mechanics.uncertainty.samples import central_sample, modulus
from osteoplan.model.case import Calibration
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.field import Field
from osteoplan.model.outcome import Estimate
from tests.synthetic_vertebra import vertebra

COARSE = MechanicsSettings(spacing_mm=2.5)
UNSURE = Calibration.line("density", 1.0, 0.0, 0.05, 6.0, calibrated=True)

OF_FILLS = ("cement_volume", "tumour_left", "cement_place")


@pytest.fixture(scope="module")
def specimen():
    bone = replace(vertebra("oblique", lesion_at=(6.0, 0.0, 0.0), lesion_radius=8.0), calibration=UNSURE)
    return build_compression(bone, COARSE)


@pytest.fixture(scope="module")
def column(specimen):
    """Cement through the body beside the lesion."""
    anatomy = specimen.anatomy
    at = np.moveaxis(np.indices(anatomy.image.shape), 0, -1)
    left, back, _ = np.moveaxis(anatomy.frame.local(anatomy.image.positions_mm(at)), -1, 0)
    mask = (np.hypot(left - 6, back) < 7) & anatomy.parts["body"]
    return Field("cement_fraction", anatomy.image.with_array(mask.astype(np.float32), "f"), "1")


@pytest.fixture(scope="module")
def states(specimen, column):
    told = {
        "intact": {"image": "intact"},
        "now": {"image": "now"},
        "filled": {"image": "now", "fields": (column,)},
    }
    found = {name: load(specimen, ensemble=Ensemble(1, 16), **how) for name, how in told.items()}
    return {name: result.outcomes[0] for name, result in found.items()}


def test_every_input_moves_alone(specimen):
    central = central_sample(UNSURE, COARSE.laws[0])
    found = {probe.input: probe for probe in probes(UNSURE, central, COARSE.laws)}
    assert set(found) == set(TITLES) - {"calibration_bend", "mesh", *OF_FILLS}
    for probe in found.values():
        assert len(probe.samples) == len(probe.at) >= 2
        for world in probe.samples:
            moved = [
                name
                for name in central.__dataclass_fields__
                if getattr(world, name) != getattr(central, name)
            ]
            assert len(moved) <= 1
    slopes = [world.calibration.slope for world in found["calibration_slope"].samples]
    assert slopes == pytest.approx([1.0 - 1.645 * 0.05, 1.0 + 1.645 * 0.05], rel=1e-4)
    sure = probes(Calibration.line("density", 1.0, 0.0, 0.0, 0.0, calibrated=True), central, COARSE.laws[:1])
    assert not {"calibration_slope", "calibration_offset", "law"} & {probe.input for probe in sure}


@pytest.mark.parametrize("name", ["now", "filled"])
def test_the_ends_of_every_input_are_true_solves_or_as_good(specimen, column, states, name):
    central = central_sample(UNSURE, COARSE.laws[0])
    tissue = tissue_of(specimen, "now", (column.volume,) if name == "filled" else ())
    for probe in probes(UNSURE, central, COARSE.laws):
        if probe.input == "load_direction":
            continue
        for world, found in zip(probe.samples, states[name].one_at_a_time[probe.input], strict=True):
            other = modulus(redrawn(specimen, tissue, "now", world.edge_mm), world)
            assert found == pytest.approx(solve(specimen, other).stiffness, rel=3e-3), probe.input


def test_the_swing_of_a_ratio_is_that_of_its_parts(states):
    ratio = states["now"].ratio_to(states["intact"], "ratio")
    gain = states["filled"].ratio_to(states["intact"], "ratio").minus(ratio)
    ours, whole = (states[name].one_at_a_time["lytic_modulus"] for name in ("now", "intact"))
    assert ratio.one_at_a_time["lytic_modulus"] == pytest.approx(
        [100 * a / b for a, b in zip(ours, whole, strict=True)]
    )
    assert set(gain.one_at_a_time) == set(ratio.one_at_a_time)
    # the intact bone has no soft tissue and no cement
    assert np.ptp(states["intact"].one_at_a_time["lytic_modulus"]) == 0.0
    assert np.ptp(ratio.one_at_a_time["pmma_modulus"]) == 0.0
    assert np.ptp(gain.one_at_a_time["pmma_modulus"]) > 0.1
    # calibration moves newtons a lot and a ratio hardly
    newtons = np.ptp(states["now"].one_at_a_time["calibration_slope"]) / states["now"].value
    assert newtons > 5 * np.ptp(ratio.one_at_a_time["calibration_slope"]) / ratio.value


def test_bars_come_widest_first_and_hold_the_value(states):
    ratio = states["now"].ratio_to(states["intact"], "ratio")
    found = bars(ratio)
    widths = [bar.high - bar.low for bar in found]
    assert widths == sorted(widths, reverse=True)
    assert all(bar.low <= ratio.value <= bar.high for bar in found)
    assert "pmma_modulus" not in {bar.input for bar in found}
    assert bars(Estimate("x", "y", 1.0, None, None, "%", "published")) == ()


def test_an_input_that_one_side_lacks_stays_at_its_value():
    def told(value, **one_at_a_time):
        return replace(
            Estimate.from_draws("k", "t", value=value, draws=np.ones(3), unit="N"),
            one_at_a_time=one_at_a_time,
        )

    found = told(10.0, a=(9.0, 12.0)).minus(told(4.0, b=(3.0, 5.0)))
    assert found.one_at_a_time == {"a": (5.0, 8.0), "b": (7.0, 5.0)}


def test_a_wider_outline_takes_more_bone_and_fills_more_of_the_twin(specimen):
    anatomy = specimen.anatomy
    tissue = {state: tissue_of(specimen, state) for state in ("now", "intact")}
    gone = [redrawn(specimen, tissue["now"], "now", e).replaced.sum() for e in (-2.0, 0.0, 2.0)]
    assert gone[0] < gone[1] <= gone[2]
    assert np.array_equal(redrawn(specimen, tissue["now"], "now", 0.0).replaced, tissue["now"].replaced)
    drawn_in = redrawn(specimen, tissue["intact"], "intact", -2.0).image
    assert (drawn_in != tissue["intact"].image).any()
    assert np.isin(drawn_in, np.concatenate([specimen.image["now"], specimen.image["intact"]])).all()
    earlier = replace(anatomy, image_intact=anatomy.image.with_array(anatomy.image.array + 1.0))
    other = replace(specimen, anatomy=earlier)
    assert np.array_equal(redrawn(other, tissue["intact"], "intact", 2.0).image, specimen.image["intact"])


def test_the_interval_of_the_ratio_holds_direction_and_outline(specimen, states):
    """Draws move with both: without them the ratio's interval is narrower."""
    ratio = states["now"].ratio_to(states["intact"], "ratio")
    assert ratio.low < ratio.value < ratio.high
    edge = ratio.one_at_a_time["lesion_edge"]
    assert ratio.high - ratio.low > 0.3 * abs(edge[1] - edge[0])


def test_a_strength_by_strain_follows_the_bone_and_not_the_discs_in_series_with_it(specimen):
    """Between soft discs calibration hardly moves the stiffness, and the strength as much as the bone."""
    between = build_compression_through_discs(
        specimen.anatomy, settings_of(load_case("vertebra_compression_disc"), 2.5)
    )
    found = load(between, image="now", ensemble=Ensemble(2, 12))
    told = next(o for o in found.outcomes if o.id == "strength_N")
    stiff = found.outcomes[0]
    case, laws = between.case, between.settings.laws
    tissue = tissue_of(between, "now")
    bone = between.body & ~between.end_cap & ~tissue.replaced
    (criterion,) = case.criteria
    limit, share = case.known(criterion.strain).number, case.known(criterion.volume_fraction).number

    def strength(E):
        solved = solve(between, E)
        strain = effective_strain(solved.s, between.settings.spacing_mm**3) / solved.stiffness
        return limit / np.quantile(strain[bone], 1 - share)

    central = central_sample(UNSURE, laws[0])
    assert strength(modulus(tissue, central)) == pytest.approx(told.value, rel=1e-6)
    slopes = next(p for p in probes(UNSURE, central, laws) if p.input == "calibration_slope").samples
    for world, swung, moved in zip(
        slopes, told.one_at_a_time["calibration_slope"], stiff.one_at_a_time["calibration_slope"], strict=True
    ):
        true = strength(modulus(tissue, world)) / told.value - 1
        assert abs(true) > 0.05
        assert swung / told.value - 1 == pytest.approx(true, abs=0.02)
        assert abs(moved / stiff.value - 1) < 0.5 * abs(true)
    assert np.std(told.draws) / told.value > 1.5 * np.std(stiff.draws) / stiff.value
