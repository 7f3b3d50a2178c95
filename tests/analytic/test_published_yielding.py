"""The published vertebra until it yields."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from osteoplan.io.nifti import read_nifti
from osteoplan.kernels.plasticity import Body, Boundary, follow
from osteoplan.knowledge.materials import Density, modulus_law, strength_law
from osteoplan.knowledge.values import number
from osteoplan.verification.vertebrae import supported, verse_l2

HEIGHT_MM, PUBLISHED_N = 29.0, 1847.0  # of the published table
TRESCA_LEAST = np.sqrt(3.0) / 2.0


def yield_l2(load, *, shift, to_mm):
    """Path of the vertebra by von Mises; ``shift`` 1 reads both tables as the published run did."""
    capped = verse_l2(load, shift=shift)
    mesh, E, fixed, prescribed, _ = supported(capped, clamped=False)
    end_cap = mesh.of_box(capped.superior | capped.inferior)
    # a modulus tells its bin, and so its density: the law of moduli is one power
    (power,) = modulus_law("kopperdahl_2002_power").pieces
    density = Density((E / power.coefficient) ** (1.0 / power.exponent), "K2HPO4")
    bone = strength_law("kopperdahl_2002_yield")(density, floor_MPa=1e-4)
    strength = np.where(end_cap, number("yielding.cap_yield"), bone)
    flat = np.zeros_like(E)
    body = Body(mesh, (1.0, 1.0, 1.0), 0.3, E, strength / np.sqrt(3.0), flat, flat)
    return follow(body, Boundary(fixed, prescribed), to_mm=to_mm, steps=6, tolerance=1e-3)


@pytest.mark.data
def test_the_published_strength_lies_where_tresca_can_be_with_the_table_one_bin_high(data: Path):
    path = yield_l2(lambda name: read_nifti(data / name, "MPa").array, shift=1, to_mm=0.019 * HEIGHT_MM)
    assert path.stiffness == pytest.approx(12362.0, rel=1e-3)
    assert path.peak_N == pytest.approx(2056.0, rel=5e-3)
    assert TRESCA_LEAST * path.peak_N < PUBLISHED_N < path.peak_N


@pytest.mark.data
def test_the_published_strength_is_above_what_the_table_as_meant_can_bear(data: Path):
    path = yield_l2(lambda name: read_nifti(data / name, "MPa").array, shift=0, to_mm=0.019 * HEIGHT_MM)
    assert path.peak_N == pytest.approx(1649.0, rel=5e-3)
    assert path.peak_N < 0.95 * PUBLISHED_N
