"""The published vertebra until it yields."""

from __future__ import annotations

from pathlib import Path

import pytest

from osteoplan.io.nifti import read_nifti
from osteoplan.verification.vertebrae import HEIGHT_MM, PUBLISHED_N, TRESCA_LEAST, yield_l2


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
