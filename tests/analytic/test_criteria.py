"""Criteria of failure on strains whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.kernels.criteria import (
    failure_load,
    mean_strain,
    principal_strains,
    strain_demand,
)
from osteoplan.kernels.elasticity import Bricks
from osteoplan.verification.elements import BRICK


def test_a_linear_displacement_has_its_own_gradient_as_mean_strain():
    mesh = Bricks.of(np.random.default_rng(0).uniform(size=(3, 4, 5)) < 0.8)
    gradient = np.random.default_rng(1).standard_normal((3, 3))
    u = (mesh.nodes * np.array(BRICK)) @ gradient.T + 5.0
    e = (gradient + gradient.T) / 2
    expected = [e[0, 0], e[1, 1], e[2, 2], 2 * e[1, 2], 2 * e[2, 0], 2 * e[0, 1]]
    np.testing.assert_allclose(
        mean_strain(mesh, BRICK, u), np.tile(expected, (len(mesh.cells), 1)), atol=1e-12
    )


def test_principal_strains_do_not_depend_on_the_axes():
    turn = np.linalg.qr(np.random.default_rng(2).standard_normal((3, 3)))[0]
    e = turn @ np.diag([0.01, -0.002, -0.03]) @ turn.T
    strain = np.array([[e[0, 0], e[1, 1], e[2, 2], 2 * e[1, 2], 2 * e[2, 0], 2 * e[0, 1]]])
    np.testing.assert_allclose(principal_strains(strain)[0], [0.01, -0.002, -0.03], atol=1e-15)


def test_pure_shear_fails_in_tension_where_tension_bears_less():
    principal = principal_strains(np.array([[0.0, 0.0, 0.0, 0.0, 0.0, 0.02]]))  # +-1 %
    assert strain_demand(principal, tension=0.0073, compression=0.0104)[0] == pytest.approx(0.01 / 0.0073)


def test_the_load_fells_the_most_strained_elements_of_the_stated_volume():
    demand = np.array([0.1, 4.0, 2.0, 1.0, 0.5])
    assert failure_load(demand, 8.0, failing_mm3=1.0) == 0.25  # the first of all
    assert failure_load(demand, 8.0, failing_mm3=16.0) == 0.5
    assert failure_load(demand, 8.0, failing_mm3=16.1) == 1.0


def test_too_little_bone_or_no_strain_is_said():
    with pytest.raises(ValueError, match="8 mm3 are there"):
        failure_load(np.ones(1), 8.0, failing_mm3=9.0)
    with pytest.raises(ValueError, match="no element is strained"):
        failure_load(np.zeros(3), 8.0, failing_mm3=1.0)
