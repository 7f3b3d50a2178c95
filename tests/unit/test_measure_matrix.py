"""Lytic, mixed or blastic from the image, and silence where the image cannot tell."""

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.anatomy.intact import filled_in
from osteoplan.anatomy.measure.matrix import matrix
from osteoplan.model.volume import Volume
from tests.made_lesion import simulate_lesion
from tests.synthetic_long_bone import AXES, CENTRE, ball, grid, local, made, tube


def said(anatomy):
    found = matrix(anatomy)
    return {f.name: f for f in found.findings}, found.unmeasured


def simulated(name, kind, *, filled=False, bone_HU=180.0):
    """A block of trabecular bone in HU with grain, and a lesion put in by the simulator."""
    image = grid(name, (70.0, 70.0, 70.0), (0.8, 1.0, 1.6))
    left, back, up = local(image)
    bone = (np.abs(left) < 22.0) & (np.abs(back) < 20.0) & (np.abs(up) < 21.0)
    grain = np.random.default_rng(3).normal(0.0, 20.0, image.shape)
    before = Volume((np.where(bone, bone_HU, 45.0) + grain).astype(np.float32), image.affine, "HU")
    lesion = simulate_lesion(
        before, bone, centre_mm=CENTRE, axes_mm=(24, 20, 18), frame_axes=AXES, matrix=kind, seed=4
    )
    mask = lesion.mask if isinstance(lesion.mask, np.ndarray) else lesion.mask.array
    intact = filled_in(lesion.ct, bone, mask) if filled else before
    return made(lesion.ct, bone, mask, intact.array, lesion.ct.array)


@pytest.mark.parametrize("kind", ["lytic", "mixed", "blastic"])
@pytest.mark.parametrize(("name", "filled"), [("oblique", False), ("left_handed", True)])
def test_a_simulated_lesion_is_named_as_it_was_made(name, kind, filled):
    found, unmeasured = said(simulated(name, kind, filled=filled))
    assert found["matrix"].value == kind
    assert found["matrix"].source == "measured"
    assert "% lytic" in found["matrix"].because
    assert unmeasured == ()


def test_shares_of_a_lesion_of_two_known_halves():
    anatomy = tube("oblique", ball((0.0, 0.0, 0.0), 9.0), marrow=150.0)
    left, _, _ = local(anatomy.image)
    now = np.where(anatomy.lesion_mask, np.where(left > 0, 0.0, 600.0), anatomy.image_intact.array)
    halves = made(anatomy.image, anatomy.bone_mask, anatomy.lesion_mask, anatomy.image_intact.array, now)
    found, _ = said(halves)
    assert found["matrix"].value == "mixed"
    assert found["lytic_pct"].value == pytest.approx(50.0, abs=8.0)
    assert found["sclerotic_pct"].value == pytest.approx(50.0, abs=8.0)


def test_tumour_in_fatty_marrow_shows_no_loss_and_has_no_matrix():
    found, unmeasured = said(tube("oblique", ball((0.0, 0.0, 0.0), 8.0)))
    assert found == {}
    assert "cannot be seen" in unmeasured[0]


def test_bone_in_fatty_marrow_is_blastic():
    found, _ = said(tube("oblique", ball((0.0, 0.0, 0.0), 8.0), tissue=500.0))
    assert found["matrix"].value == "blastic"


def test_a_mask_on_healthy_bone_gives_no_matrix_but_says_the_shares():
    anatomy = tube("oblique", ball((0.0, 0.0, 0.0), 8.0), marrow=150.0, tissue=150.0)
    found, unmeasured = said(anatomy)
    assert "matrix" not in found
    assert found["lytic_pct"].value == 0.0
    assert "matrix is not clear: 0 % lytic, 0 % sclerotic" in unmeasured[0]
    for stated, then in ((None, "state it"), ("lytic", "lytic is as stated, look at the pictures")):
        _, unmeasured = said(replace(anatomy, lesion=replace(anatomy.lesion, matrix=stated)))
        assert unmeasured[0].endswith(f"; {then}")


def test_a_lesion_beside_the_bone_has_no_matrix():
    found, unmeasured = said(tube("oblique", ball((24.0, 0.0, 0.0), 5.0)))
    assert found == {}
    assert "no part of the lesion lies in the bone" in unmeasured[0]
