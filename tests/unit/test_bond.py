"""The layer between cement and bone: where it lies, and that it only ever softens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.errors import BadInput
from osteoplan.kernels.elasticity import Bricks
from osteoplan.mechanics.cases.vertebra import build_compression
from osteoplan.mechanics.load import solve, tissue_of
from osteoplan.mechanics.scenarios import interface_layer, layered
from osteoplan.mechanics.state import MechanicsSettings
from osteoplan.mechanics.uncertainty.samples import central_sample, modulus
from osteoplan.mechanics.yielding import strengths
from osteoplan.model.field import Field
from tests.synthetic_vertebra import vertebra


@pytest.fixture(scope="module")
def bench():
    anatomy = vertebra("oblique", lesion_at=(0.0, 0.0, 0.0), lesion_radius=8.0)
    specimen = build_compression(anatomy, MechanicsSettings(spacing_mm=2.0))
    shape = anatomy.image.shape
    at = np.moveaxis(
        anatomy.frame.local(anatomy.image.positions_mm(np.moveaxis(np.indices(shape), 0, -1))), -1, 0
    )
    column = ((np.hypot(at[0], at[1]) < 9.0) & (np.abs(at[2]) < 10.0)).astype(np.float32)
    field = Field("cement_fraction", anatomy.image.with_array(column, "fraction"), "1")
    world = central_sample(anatomy.calibration, specimen.settings.laws[0])
    return specimen, tissue_of(specimen, "now", (field.volume,)), tissue_of(specimen, "now"), world


def test_the_layer_is_the_outermost_element_of_the_cement():
    mesh = Bricks.of(np.ones((9, 8, 7), dtype=bool))
    cement = np.zeros(mesh.shape)
    cement[2:7, 2:6, 1:7] = 1.0  # reaches the last layer of the bone, beyond which nothing is
    layer = mesh.box(interface_layer(mesh, mesh.of_box(cement)))
    inner = np.zeros(mesh.shape, dtype=bool)
    inner[3:6, 3:5, 2:7] = True
    assert np.array_equal(layer, (cement > 0) & ~inner)
    assert not interface_layer(mesh, np.zeros(len(mesh.cells))).any()


def test_a_softer_layer_gives_a_softer_bone_and_no_layer_the_stiffest(bench):
    specimen, filled, bare, world = bench
    mesh = specimen.mesh
    states = [bare, *(layered(filled, mesh, factor) for factor in (0.05, 0.5, 1.0)), filled]
    K = [solve(specimen, modulus(state, world)).stiffness for state in states]
    assert K[0] < K[1] < 0.99 * K[2] < 0.99 * K[3]
    assert K[3] == pytest.approx(K[4], rel=1e-6)
    assert np.array_equal(layered(filled, mesh).layer, layered(filled, mesh, 0.5).layer)


def test_the_layer_is_weak_in_tension_only(bench):
    specimen, filled, _, world = bench
    law = replace(world, law=world.law)
    skin = layered(filled, specimen.mesh)
    E = modulus(skin, law)
    (c0, t0), (c1, t1) = strengths(filled, law, E), strengths(skin, law, E)
    inside = interface_layer(specimen.mesh, filled.cement)
    assert np.array_equal(c0, c1)
    assert np.array_equal(t0[~inside], t1[~inside])
    assert (t1[inside] <= 3.0).all()
    assert (t0[inside] > 3.0).any()


@pytest.mark.parametrize("factor", [0.0, -1.0, 1.5])
def test_a_factor_that_is_no_share_is_refused(bench, factor):
    specimen, filled, *_ = bench
    with pytest.raises(BadInput, match="keeps a share of its modulus"):
        layered(filled, specimen.mesh, factor)
