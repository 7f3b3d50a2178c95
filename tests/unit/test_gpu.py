"""The CUDA twin: equal to the processor in numba's simulator, refused where there is no device."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import osteoplan
from osteoplan.errors import NotAvailable, UnknownName
from osteoplan.kernels.elasticity import Stiffness
from osteoplan.kernels.gpu import equilibrium_on_gpu, require_gpu
from tests.conftest import ROOT, skip_or_fail
from tests.solved_made import H, mixed_body


@pytest.fixture(scope="module")
def simulated():
    """Results of the twin in a process whose CUDA is simulated."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.gpu_in_simulator"], cwd=ROOT, capture_output=True, text=True,
        timeout=900, env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_the_product_of_the_twin_is_the_product(simulated):
    assert simulated["product"] < 1e-13


@pytest.mark.slow
def test_a_cycle_over_four_grids_is_the_same_to_single_precision(simulated):
    assert simulated["levels"] == 4
    assert [1, 1, 1] not in simulated["factors"]
    assert simulated["cycle"] < 2e-5


@pytest.mark.slow
def test_the_twin_finds_the_same_displacements_and_reactions_in_as_many_steps(simulated):
    assert simulated["displacement"] < 1e-6
    assert simulated["reaction"] < 1e-6
    twin, plain, told = simulated["iterations"]
    assert abs(twin - plain) <= 1
    assert told == twin
    assert simulated["residual"] <= 1e-5


@pytest.mark.slow
def test_a_force_is_carried_on_the_twin_as_well(simulated):
    assert simulated["pulled"] < 1e-7
    assert simulated["bent"] < 1e-7


def no_device():
    from numba import cuda

    return not cuda.is_available()


def test_without_a_device_the_twin_is_refused_and_nothing_is_chosen_instead():
    if not no_device():
        pytest.skip("a CUDA device is here")
    with pytest.raises(NotAvailable, match=r"no CUDA device.*device='cpu'.*osteoplan\[gpu\]") as caught:
        osteoplan.solve_voxels(np.ones((2, 3, 5)), H, _held(), device="cuda")
    assert "\n" not in str(caught.value)


def test_a_device_that_does_not_exist_is_named():
    with pytest.raises(UnknownName, match=r"unknown device 'cdua'; did you mean 'cuda'"):
        osteoplan.solve_voxels(np.ones((2, 3, 5)), H, _held(), device="cdua")


def test_rods_are_refused_on_the_device(monkeypatch):
    from numba import cuda

    monkeypatch.setattr(cuda, "is_available", lambda: True)
    problem = mixed_body().problem
    A = Stiffness(problem.mesh, np.zeros((1, 24, 24)), np.zeros(25, np.int32), np.ones(25), ties=(object(),))
    with pytest.raises(NotAvailable, match="rods are not solved on the GPU"):
        equilibrium_on_gpu(A, fixed=problem.fixed, prescribed_mm=problem.prescribed_mm)


def test_a_body_that_needs_composite_grids_is_refused_on_the_device(monkeypatch):
    """Thin struts: the averaged grids are tried on the processor before anything is carried over."""
    from numba import cuda

    monkeypatch.setattr(cuda, "is_available", lambda: True)
    E = np.zeros((24, 24, 24))
    for at in (3, 11, 19):
        E[at : at + 2, at : at + 2, :] = E[at : at + 2, :, at : at + 2] = E[:, at : at + 2, at : at + 2] = 1e3
        E[:, at, 12] = E[at, :, 12] = E[12, at, :] = 1e3
    held = np.full((25, 25, 25, 3), np.nan)
    held[:, :, 0], held[:, :, -1] = 0.0, (0.0, 0.0, -0.1)
    with pytest.raises(NotAvailable, match=r"composite grids.*not carried over to the GPU.*device='cpu'"):
        osteoplan.solve_voxels(E, H, held, device="cuda")


def _held():
    held = np.full((3, 4, 6, 3), np.nan)
    held[:, :, 0], held[:, :, -1] = 0.0, (0.0, 0.0, -0.1)
    return held


@pytest.mark.gpu
def test_a_real_device_finds_what_the_processor_finds():
    if no_device():
        skip_or_fail("gpu", "no CUDA device here")
    require_gpu()
    E = 10.0 ** np.random.default_rng(2).uniform(0, 3, (40, 36, 44))
    held = np.full((41, 37, 45, 3), np.nan)
    held[:, :, 0], held[:, :, -1] = 0.0, (0.0, 0.0, -0.1)
    ours, theirs = (osteoplan.solve_voxels(E, H, held, device=device) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(theirs.displacement_mm, ours.displacement_mm, atol=1e-7)
    assert abs(ours.iterations - theirs.iterations) <= 1
