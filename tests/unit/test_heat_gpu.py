"""The CUDA twin of heat: equal to the processor in numba's simulator, refused where there is no device."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from osteoplan.errors import NotAvailable
from osteoplan.kernels.bioheat import METAL, Bioheat
from osteoplan.kernels.bioheat_gpu import run_on_gpu
from osteoplan.verification import heat
from tests.conftest import ROOT, skip_or_fail


def test_the_twin_finds_the_same_temperatures_and_doses_in_the_simulator():
    done = subprocess.run(
        [sys.executable, "-m", "tests.heat_gpu_in_simulator"], cwd=ROOT, capture_output=True, text=True,
        timeout=300, env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["warm"]["most"] > 102.0
    assert found["cold"]["least"] < -30.0
    # ice takes two steps on the processor where the twin takes one
    for part, kelvin in ((found["warm"], 1e-3), (found["cold"], 0.1)):
        assert max(part[name] for name in ("T", "T_max", "T_min")) < kelvin
        assert max(part["dose"], part["omega"]) < 10 * kelvin
        assert part["audit"] < 1e-4
        assert (part["dead"], part["looks"], part["watched"]) == (0, 40, 41)
        assert part["further"] < 1e-4  # the processor goes on from there
        assert part["time"] == pytest.approx(1.0)


def test_without_a_device_and_with_metal_it_is_refused(monkeypatch):
    from numba import cuda

    kind = np.full((3, 3, 3), METAL, np.uint8)
    body = Bioheat(heat.medium((3, 3, 3), kind=kind))
    if not cuda.is_available():
        with pytest.raises(NotAvailable, match="no CUDA device"):
            run_on_gpu(body, 1.0)
    monkeypatch.setattr(cuda, "is_available", lambda: True)
    with pytest.raises(NotAvailable, match="metal"):
        run_on_gpu(Bioheat(heat.medium((5, 5, 5), kind=np.full((5, 5, 5), METAL, np.uint8))), 1.0)


@pytest.mark.gpu
def test_a_real_device_finds_what_the_processor_finds():
    from numba import cuda

    if not cuda.is_available():
        skip_or_fail("gpu", "no CUDA device here")
    ours, theirs = (Bioheat(heat.medium((50, 50, 50))) for _ in range(2))
    q = np.zeros((50, 50, 50))
    q[23:27, 23:27, 20:30] = 3e7
    for _ in range(100):
        ours.run(1.0, heat=q)
        run_on_gpu(theirs, 1.0, heat=q)
    np.testing.assert_allclose(theirs.T, ours.T, atol=0.02)
