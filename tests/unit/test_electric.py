"""Radiofrequency: what a field heats, and how a generator drives it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.errors import BadInput
from osteoplan.kernels.bioheat import Bioheat
from osteoplan.kernels.potential import edge_leak, line_leak, potential
from osteoplan.knowledge.applicators import applicator_of
from osteoplan.knowledge.tissues import heat_tissue
from osteoplan.knowledge.values import number
from osteoplan.model.evidence import Known
from osteoplan.model.plan import Segment
from osteoplan.model.volume import Volume
from osteoplan.thermal.charted import even_matter
from osteoplan.thermal.electric import ElectricField, Radiofrequency, conductivity_factor
from osteoplan.thermal.shaft import active_ends

WAY = np.array([0.48, 0.64, 0.6])
BIPOLAR, MONOPOLAR = "generic_rf_bipolar_20mm", "generic_rf_monopolar"
DRIED = {"per_K": 0.02, "dried": 0.01}


def cubes(edge_mm: float = 2.0, wide_mm: float = 48.0, tissue: str = "cancellous"):
    n = round(wide_mm / edge_mm)
    affine = np.diag([edge_mm, edge_mm, edge_mm, 1.0])
    affine[:3, 3] = -(n - 1) / 2 * edge_mm
    grid = Volume(np.zeros((n, n, n), np.float32), affine, "degC")
    return grid, even_matter(heat_tissue(tissue), grid, perfused=True, start_degC=37.0)


def probe(device: str, at_mm=(0.0, 0.0, 0.0)):
    """Tip and entry of a probe whose active part has its middle there."""
    one = applicator_of(device)
    tip = np.array(at_mm) - WAY * (one.tip_mm + 0.5 * one.length_mm)
    return tuple(tip.tolist()), tuple((tip + 90.0 * WAY).tolist())


def generator(device: str, *places, changes=None, **more):
    grid, matter = cubes(**more)
    one = replace(applicator_of(device), **(changes or {}))
    return Radiofrequency(grid, matter, one, [probe(device, at) for at in places or [(0, 0, 0)]]), matter


def drive(driver, matter, seconds, segment):
    """Bioheat after a time, and (s, W, hottest held degC) of every look."""
    heat, told, into = Bioheat(matter.medium, 37.0), [], 0.0
    while into < seconds:
        driven = driver.act(heat.T, into, segment)
        heat.run(driver.control_s, heat=driven.heat, probes=driven.probes)
        into += driver.control_s
        channel = driver.channels[0]
        told.append((into, driver.power_W, float(heat.T[channel.electric.box][channel.hot].max())))
    return heat, np.array(told)


def field_of(device: str, T: float = 37.0):
    grid, matter = cubes()
    one = applicator_of(device)
    electric = ElectricField(grid, matter.electric_S_m, one, *active_ends(one, *probe(device)), **DRIED)
    return electric, electric.at(np.full(grid.shape, T, np.float32)), grid


def test_a_bipolar_field_leaves_all_its_power_as_heat():
    _, heating, grid = field_of(BIPOLAR)
    power = heating.heat.sum(dtype=float) * grid.voxel_volume_mm3 * 1e-9
    assert power == pytest.approx(heating.conductance_S, rel=2e-3)  # at one volt


def test_a_monopolar_field_leaves_what_goes_to_the_pad_beyond_its_box():
    electric, heating, grid = field_of(MONOPOLAR)
    here = heating.heat.sum(dtype=float) * grid.voxel_volume_mm3 * 1e-9 / heating.conductance_S
    # of an ellipsoid of that length the share of the resistance within about 25 mm
    assert 0.6 < here < 0.95
    R = np.log(2 * 10 / 0.91) / (2 * np.pi * 0.087 * 10e-3)  # a thin needle, nearly
    assert 1.0 / heating.conductance_S == pytest.approx(R, rel=0.15)
    assert electric.solves == 1


@pytest.mark.parametrize(("device", "worst"), [(BIPOLAR, 0.01), (MONOPOLAR, 0.02)])
def test_what_lies_beyond_the_box_changes_little(device, worst):
    """Against the field of the whole grid."""
    grid, matter = cubes(wide_mm=96.0)
    one, sigma = applicator_of(device), matter.electric_S_m.astype(float)
    ends = active_ends(one, *probe(device))
    small = ElectricField(grid, matter.electric_S_m, one, *ends, **DRIED).at(
        np.full(grid.shape, 37.0, np.float32)
    )
    a, b = grid.indices(np.array(ends))
    h, radius = grid.spacing_mm, 0.5 * one.diameter_mm
    if device == MONOPOLAR:
        own = line_leak(sigma, h, a, b, radius)
        whole = potential(
            sigma,
            h,
            leak=own + edge_leak(sigma, h, far_from=0.5 * (a + b)),
            leak_volts=np.where(own > 0, 1.0, 0),
        )
        conductance = whole.currents_A[own > 0].sum()
    else:
        share = one.active_mm / one.length_mm
        first = line_leak(sigma, h, a, a + share * (b - a), radius)
        second = line_leak(sigma, h, b - share * (b - a), b, radius)
        both = first + second
        volts = np.divide(0.5 * (first - second), both, out=np.zeros_like(both), where=both > 0)
        whole = potential(sigma, h, leak=both, leak_volts=volts)
        conductance = (first * (0.5 - whole.V)).sum()
    assert small.conductance_S == pytest.approx(conductance, rel=worst)
    q = (whole.heat_W / (grid.voxel_volume_mm3 * 1e-9))[small.box]
    where = q > 0.05 * q.max()
    assert np.abs(small.heat[where] / q[where] - 1.0).max() < 5 * worst


def test_conductivity_rises_with_warmth_and_falls_with_boiling():
    T = np.array([37.0, 47.0, 100.0, 105.0, 200.0], np.float32)
    np.testing.assert_allclose(
        conductivity_factor(T, 0.02, 0.01), [1.0, 1.2, 2.26, 0.0226, 0.0226], rtol=1e-6
    )


def test_a_field_is_solved_anew_where_conductivity_has_changed_by_a_twentieth():
    electric, heating, grid = field_of(BIPOLAR)
    T = np.full(grid.shape, 37.0, np.float32)
    T[tuple(n // 2 for n in grid.shape)] += 2.4  # 4.8 %
    assert not electric.at(T).solved
    assert electric.at(T).conductance_S == heating.conductance_S
    T += 1.0
    again = electric.at(T)
    assert again.solved
    assert again.conductance_S > heating.conductance_S
    T[0, 0, 0] = 90.0  # where no current goes
    assert not electric.at(T).solved


@pytest.mark.parametrize("device", [BIPOLAR, "generic_rf_bipolar_10mm", MONOPOLAR])
def test_the_generator_holds_the_hottest_tissue(device):
    driver, matter = generator(device)
    one = applicator_of(device)
    segment = Segment(600.0, one.power_W.number, one.set_degC.number)
    heat, told = drive(driver, matter, 420.0, segment)
    assert driver.notes == ()
    assert told[-60:, 2] == pytest.approx(one.set_degC.number, abs=1.5)
    assert told[:, 2].max() < one.set_degC.number + 5.0
    assert told[:, 1].max() <= segment.power_W
    assert 0.5 < told[-1, 1] < 8.0
    assert driver.channels[0].electric.solves < 40
    assert heat.T[0, 0, 0] == pytest.approx(37.0, abs=0.1)


def test_a_power_alone_is_given_as_it_is_and_duty_takes_its_share():
    driver, matter = generator(BIPOLAR)
    _, told = drive(driver, matter, 20.0, Segment(60.0, 3.0))
    assert (told[:, 1] == 3.0).all()
    driver, matter = generator(BIPOLAR, changes={"efficiency": Known(0.5, "1")})
    _, told = drive(driver, matter, 6.0, Segment(60.0, 3.0, duty=0.5))
    assert (told[:, 1] == 0.75).all()


def test_power_never_passes_the_device_while_it_looks_for_its_temperature():
    driver, matter = generator(MONOPOLAR)
    _, told = drive(driver, matter, 30.0, Segment(60.0, 0.5, 90.0))
    assert told[-1, 1] == 0.5
    (note,) = driver.notes
    assert "not reached" in note


def test_the_heat_given_is_the_power_taken():
    driver, _ = generator(MONOPOLAR)
    T = np.full(driver.grid.shape, 37.0, np.float32)
    q = driver.act(T, 0.0, Segment(60.0, 10.0)).heat
    within = q.sum(dtype=float) * driver.grid.voxel_volume_mm3 * 1e-9
    heating = driver.channels[0].electric.at(T)
    share = heating.heat.sum(dtype=float) * driver.grid.voxel_volume_mm3 * 1e-9 / heating.conductance_S
    assert within == pytest.approx(10.0 * share, rel=1e-5)


def test_a_cooled_shaft_is_held_and_tissue_3_mm_off_it_is_what_the_generator_looks_at():
    driver, _ = generator(BIPOLAR, edge_mm=1.0)
    T = np.full(driver.grid.shape, 37.0, np.float32)
    (shaft,) = driver.act(T, 0.0, Segment(60.0, 5.0)).probes
    assert shaft.wall_degC == applicator_of(BIPOLAR).coolant_degC.number
    channel = driver.channels[0]
    at = np.argwhere(channel.hot) + [part.start for part in channel.electric.box]
    line = np.linspace(shaft.start, shaft.end, 200)
    nearest = np.linalg.norm((at[:, None] - line) * driver.grid.spacing_mm, axis=2).min(axis=1)
    assert nearest.min() == pytest.approx(number("heat.rf_held_mm"), abs=0.3)


@pytest.mark.parametrize("edge_mm", [1.0, 2.5])
def test_no_tissue_boils_while_a_temperature_is_held(edge_mm):
    driver, matter = generator("generic_rf_bipolar_10mm", edge_mm=edge_mm, wide_mm=40.0)
    heat, _ = drive(driver, matter, 120.0, Segment(600.0, 20.0, 70.0))
    assert 60.0 < heat.T_max.max() < 100.0


def test_cubes_too_wide_for_a_coolant_are_refused():
    with pytest.raises(BadInput, match=r"2\.5 mm or less"):
        generator(BIPOLAR, edge_mm=3.0)


def test_two_shafts_are_two_pairs_in_one_medium():
    driver, matter = generator(BIPOLAR, (-7.0, 5.0, 0.0), (7.0, -5.0, 0.0))
    alone, _ = generator(BIPOLAR, (-7.0, 5.0, 0.0))
    T = np.full(driver.grid.shape, 37.0, np.float32)
    segment = Segment(60.0, 4.0)
    both, one = driver.act(T, 0.0, segment), alone.act(T, 0.0, segment)
    assert driver.power_W == 2 * alone.power_W == 8.0
    assert len(both.probes) == 2
    assert (both.heat >= one.heat - 1e-3).all()
    heat, _ = drive(driver, matter, 200.0, Segment(600.0, 20.0, 70.0))
    hottest = [float(heat.T[c.electric.box][c.hot].max()) for c in driver.channels]
    assert hottest == pytest.approx([70.0, 70.0], abs=4.0)


def test_a_generator_pauses_when_impedance_is_too_high_and_says_so():
    driver, matter = generator(MONOPOLAR, changes={"impedance_max_ohm": Known(600.0, "ohm")})
    _, told = drive(driver, matter, 160.0, Segment(600.0, 12.0))
    off = told[:, 1] == 0.0
    assert off.any()
    assert not off.all()
    first = int(off.argmax())
    assert off[first : first + int(number("heat.rf_pause_s") / driver.control_s)].all()
    (note,) = driver.notes
    assert "paused" in note


def test_a_generator_that_is_told_nothing_is_refused():
    driver, _ = generator(MONOPOLAR, changes={"power_W": None})
    with pytest.raises(BadInput, match="neither a temperature nor a power"):
        driver.act(np.full(driver.grid.shape, 37.0, np.float32), 0.0, Segment(10.0))


def test_an_electrode_where_nothing_conducts_is_refused():
    grid, matter = cubes()
    dry = replace(matter, electric_S_m=np.zeros(grid.shape, np.float32))
    driver = Radiofrequency(grid, dry, applicator_of(BIPOLAR), [probe(BIPOLAR)])
    with pytest.raises(BadInput, match="nothing conducts"):
        driver.act(np.full(grid.shape, 37.0, np.float32), 0.0, Segment(60.0, 5.0))
