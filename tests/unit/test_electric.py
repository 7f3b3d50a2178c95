"""Radiofrequency in a made block: energy, control of temperature, refresh, two shafts, vapour, pauses."""

from __future__ import annotations

from math import log, pi, sqrt

import numpy as np
import pytest

from osteoplan.arrays import F32
from osteoplan.errors import BadInput
from osteoplan.kernels.bioheat import TISSUE, Bioheat, HeatMedium
from osteoplan.knowledge.applicators import applicator_of
from osteoplan.model.plan import Segment
from osteoplan.model.volume import Volume
from osteoplan.thermal.electric import Electrodes, Radiofrequency
from osteoplan.thermal.tissue import Matter

EDGE, N = 1.5, 40


def block(sigma: float = 0.087) -> tuple[Volume, Matter]:
    """60 mm of cancellous bone on a slanted left-handed grid."""
    turn = np.radians(25.0)
    affine = np.eye(4)
    affine[:3, :3] = EDGE * np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, -1.0]]
    )
    affine[:3, 3] = (-20.0, -30.0, 15.0)
    shape = (N, N, N)
    full = np.ones(shape, np.float32)
    medium = HeatMedium(
        k=0.3125 * full, k_frozen=full, c=2.68e6 * full, c_frozen=2e6 * full, freezing_J=1e8 * full,
        boiling_J=1e9 * full, perfusion=2238.0 * full, kind=np.full(shape, TISSUE, np.uint8),
        spacing_mm=(EDGE, EDGE, EDGE),
    )  # fmt: skip
    return Volume(np.zeros(shape, np.float32), affine, "HU", "made"), Matter(medium, sigma * full, full, full)


def run(driver: Radiofrequency, matter: Matter, segment: Segment) -> F32:
    """Temperatures at the end."""
    heat = Bioheat(matter.medium)
    for second in range(int(segment.duration_s)):
        driven = driver.act(heat.T, float(second), segment)
        heat.run(1.0, heat=driven.heat, probes=driven.probes)
    return heat.T


def ends(grid: Volume, *along_mm: tuple[float, float]) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    """Electrodes along the grid's third axis, about the middle."""
    middle = np.array([N / 2, N / 2, N / 2]) + 0.2
    return [
        tuple(tuple(grid.positions_mm(middle + np.array([0, 0, mm / EDGE])).tolist()) for mm in pair)
        for pair in along_mm
    ]


def test_heat_of_a_volt_is_its_square_times_the_conductance() -> None:
    grid, matter = block()
    pair = Electrodes(
        grid, matter.electric_S_m, ends(grid, (-10.0, -1.0), (1.0, 10.0)), 0.735, cooled=False, body_degC=37.0
    )
    pair.field(np.full(grid.shape, 37.0, np.float32))
    watts = float(pair.heat_W_m3.sum(dtype=float)) * grid.voxel_volume_mm3 * 1e-9
    assert watts == pytest.approx(pair.conductance_S, rel=2e-3)


def test_a_monopolar_needle_has_nearly_the_closed_form_s_resistance() -> None:
    """A cylinder of 20 mm is a little better than a spheroid of that length."""
    grid, matter = block()
    one = Electrodes(grid, matter.electric_S_m, ends(grid, (-10.0, 10.0)), 0.85, cooled=False, body_degC=37.0)
    one.field(np.full(grid.shape, 37.0, np.float32))
    f = sqrt(100.0 - 0.85**2)
    spheroid = 1e3 * log((10.0 + f) / (10.0 - f)) / (8.0 * pi * 0.087 * f)
    assert 0.75 * spheroid < 1.0 / one.conductance_S < spheroid


def test_the_field_is_solved_again_where_five_per_cent_have_changed() -> None:
    grid, matter = block()
    one = Electrodes(grid, matter.electric_S_m, ends(grid, (-5.0, 5.0)), 0.5, cooled=False, body_degC=37.0)
    T = np.full(grid.shape, 37.0, np.float32)
    for degC, solved in ((37.0, 1), (39.0, 1), (40.0, 2), (41.0, 2), (44.0, 3)):
        T[...] = degC
        one.field(T)
        assert one.solved == solved
    warm = one.conductance_S
    T[...] = 110.0
    one.field(T)
    assert one.conductance_S < 0.05 * warm  # vapour


def test_the_generator_holds_its_temperature_and_never_more_than_its_power() -> None:
    grid, matter = block()
    probe = applicator_of("generic_rf_bipolar_20mm")
    middle = grid.positions_mm(np.array([N / 2, N / 2, N / 2]))
    tip, entry = (tuple((middle + np.array([0, 0, mm])).tolist()) for mm in (-12.0, 40.0))
    driver = Radiofrequency(grid, matter, probe, [(tip, entry)])
    T = run(driver, matter, Segment(150.0, set_degC=70.0))
    assert 68.0 < T.max() < 74.0
    assert driver.notes == ()
    assert 0.0 < driver.power_W[0] < probe.power_W.number
    weak = Radiofrequency(grid, matter, probe, [(tip, entry)])
    T = run(weak, matter, Segment(60.0, power_W=1.0, set_degC=70.0))
    assert weak.power_W[0] == 1.0
    assert T.max() < 60.0
    assert "not reached" in weak.notes[0]


def test_two_shafts_make_more_heat_than_one_and_each_its_own() -> None:
    grid, matter = block()
    probe = applicator_of("generic_rf_bipolar_10mm")
    middle = grid.positions_mm(np.array([N / 2, N / 2, N / 2]))
    shafts = [
        tuple(tuple((middle + np.array([side, 0, mm])).tolist()) for mm in (-6.0, 40.0))
        for side in (-8.0, 8.0)
    ]
    warm = np.full(grid.shape, 37.0, np.float32)
    heats = [Radiofrequency(grid, matter, probe, ways).act(warm, 0.0, Segment(10.0, power_W=5.0)).heat
             for ways in (shafts[:1], shafts[1:], shafts)]  # fmt: skip
    assert heats[2] == pytest.approx(heats[0] + heats[1], rel=1e-5)


def test_a_generator_that_is_told_nothing_is_refused_and_one_at_its_impedance_pauses() -> None:
    from dataclasses import replace

    from osteoplan.model.evidence import Known

    grid, matter = block()
    probe = applicator_of("generic_rf_monopolar")
    middle = grid.positions_mm(np.array([N / 2, N / 2, N / 2]))
    way = [tuple(tuple((middle + np.array([0, 0, mm])).tolist()) for mm in (-5.0, 40.0))]
    warm = np.full(grid.shape, 37.0, np.float32)
    with pytest.raises(BadInput, match="neither a temperature nor a power"):
        Radiofrequency(grid, matter, probe, way).act(warm, 0.0, Segment(10.0))
    driver = Radiofrequency(grid, matter, replace(probe, impedance_max_ohm=Known(100.0, "Ohm")), way)
    for second in range(20):
        heat = driver.act(warm, float(second), Segment(60.0, power_W=5.0)).heat
        assert heat is not None
        assert heat.max() == 0.0
    assert driver.notes[0].startswith("the generator paused")
