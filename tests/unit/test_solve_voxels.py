"""The array-level call: closed forms on bricks with three edges, and each bad input its own line."""

from __future__ import annotations

import doctest
from types import SimpleNamespace

import numpy as np
import pytest

import osteoplan
from osteoplan.errors import BadInput, Cancelled, NotAvailable, NotConverged
from osteoplan.mechanics import memory
from osteoplan.mechanics.memory import available_bytes, ensure_memory, needed_bytes
from osteoplan.mechanics.voxels import problem
from osteoplan.mechanics.voxels import solve as voxels
from osteoplan.mechanics.voxels.pieces import held_pieces

H = (0.7, 1.1, 1.9)
SHAPE = (2, 3, 5)


def lattice(shape=SHAPE):
    return np.full((*(n + 1 for n in shape), 3), np.nan)


def between_plates(shape=SHAPE, squeeze=-0.05):
    """Bonded plates at both ends of k."""
    held = lattice(shape)
    held[:, :, 0] = 0.0
    held[:, :, -1] = (0.0, 0.0, squeeze)
    return held


def affine_motion(gradient, shape=SHAPE):
    """u = G x on every corner of the surface, free inside."""
    x = np.stack(
        np.meshgrid(*(np.arange(n + 1) * h for n, h in zip(shape, H, strict=True)), indexing="ij"), -1
    )
    held = x @ np.asarray(gradient).T
    held[1:-1, 1:-1, 1:-1] = np.nan
    return held


def test_a_bar_that_may_thin_follows_hooke_in_every_field():
    """Sliding ends: sigma = E eps, the sides draw in by nu eps; reaction is stress times area."""
    E, nu, strain = 1700.0, 0.3, -0.01
    held = lattice()
    held[:, :, 0, 2], held[:, :, -1, 2] = 0.0, strain * SHAPE[2] * H[2]
    held[0, 0, 0] = 0.0
    held[-1, 0, 0, 1] = 0.0
    found = osteoplan.solve_voxels(np.full(SHAPE, E), H, held, poisson_ratio=nu, tolerance=1e-12)
    area = SHAPE[0] * H[0] * SHAPE[1] * H[1]
    np.testing.assert_allclose(
        found.strain,
        np.broadcast_to([-nu * strain, -nu * strain, strain, 0, 0, 0], found.strain.shape),
        atol=1e-11,
    )
    np.testing.assert_allclose(found.stress_MPa[..., 2], E * strain, rtol=1e-9)
    np.testing.assert_allclose(found.stress_MPa[..., [0, 1, 3, 4, 5]], 0.0, atol=1e-7)
    assert found.reaction_N[:, :, -1, 2].sum() == pytest.approx(E * strain * area, rel=1e-10)
    assert found.energy_mJ == pytest.approx(0.5 * E * strain**2 * area * SHAPE[2] * H[2], rel=1e-9)


def test_every_component_of_strain_stands_in_its_voigt_place():
    """An arbitrary gradient is reproduced: xx, yy, zz, yz, zx, xy, shears as engineering strains."""
    gradient = np.array([[1.0, 2.0, -3.0], [0.5, -1.5, 4.0], [2.5, 1.0, 0.7]]) * 1e-3
    found = osteoplan.solve_voxels(
        np.full(SHAPE, 900.0), H, affine_motion(gradient), poisson_ratio=0.25, tolerance=1e-12
    )
    e = gradient + gradient.T
    expected = [e[0, 0] / 2, e[1, 1] / 2, e[2, 2] / 2, e[1, 2], e[2, 0], e[0, 1]]
    np.testing.assert_allclose(found.strain, np.broadcast_to(expected, found.strain.shape), atol=1e-12)
    first, mu = 900.0 * 0.25 / (1.25 * 0.5), 900.0 / 2.5
    trace = np.trace(gradient)
    stress = [first * trace + 2 * mu * gradient[c, c] for c in range(3)] + [mu * g for g in expected[3:]]
    np.testing.assert_allclose(found.stress_MPa, np.broadcast_to(stress, found.stress_MPa.shape), rtol=1e-9)


def test_layers_in_series_and_a_void_beside_them():
    E = np.full(SHAPE, 0.0)
    E[:, :2] = np.array([100.0, 200.0, 400.0, 800.0, 1600.0])
    found = osteoplan.solve_voxels(E, H, between_plates(), poisson_ratio=0.0, tolerance=1e-11)
    stiffness = 2 * H[0] * 2 * H[1] / (H[2] * (1 / E[0, 0]).sum())
    assert found.reaction_N[:, :, -1, 2].sum() == pytest.approx(-0.05 * stiffness, rel=1e-9)
    assert np.isnan(found.displacement_mm[:, 3]).all()
    assert np.isnan(found.strain[:, 2]).all()
    assert not np.isnan(found.displacement_mm[:, :3]).any()
    assert not found.reaction_N[:, 3].any()


def test_corners_inside_the_body_may_be_prescribed():
    """A plane in the middle moves: each half is a bar of its own."""
    held = between_plates((2, 3, 6), 0.0)
    held[:, :, 2] = (0.0, 0.0, 0.03)
    found = osteoplan.solve_voxels(np.full((2, 3, 6), 500.0), H, held, poisson_ratio=0.0, tolerance=1e-11)
    area = 2 * H[0] * 3 * H[1]
    pull, push = 500.0 * area * 0.03 / (2 * H[2]), 500.0 * area * 0.03 / (4 * H[2])
    assert found.reaction_N[:, :, 2, 2].sum() == pytest.approx(pull + push, rel=1e-9)
    assert found.reaction_N[:, :, 6, 2].sum() == pytest.approx(-push, rel=1e-9)


def test_a_force_is_carried_to_the_support_and_stretches_the_bar():
    held = lattice()
    held[:, :, 0] = 0.0
    force = np.zeros(held.shape)
    share = np.outer([0.5, 1.0, 0.5], [0.5, 1.0, 1.0, 0.5]) / 6.0  # of an even stress on 2 x 3 faces
    force[:, :, -1, 2] = 12.0 * share
    found = osteoplan.solve_voxels(
        np.full(SHAPE, 1000.0), H, held, poisson_ratio=0.0, force_N=force, tolerance=1e-11
    )
    stretched = 12.0 * SHAPE[2] * H[2] / (1000.0 * SHAPE[0] * H[0] * SHAPE[1] * H[1])
    np.testing.assert_allclose(found.displacement_mm[:, :, -1, 2], stretched, rtol=1e-8)
    assert found.reaction_N[..., 2].sum() == pytest.approx(-12.0, rel=1e-9)


def test_one_edge_stands_for_a_cube_and_bone_lends_its_poisson_ratio():
    cube = osteoplan.solve_voxels(np.ones(SHAPE), 2.0, between_plates())
    same = osteoplan.solve_voxels(np.ones(SHAPE), (2.0, 2.0, 2.0), between_plates(), poisson_ratio=0.3)
    np.testing.assert_array_equal(cube.reaction_N, same.reaction_N)


def test_debris_is_left_out_counted_and_told():
    E = np.zeros((6, 3, 5))
    E[:2] = 1000.0
    E[3, 0, 2] = E[5, 2, 2] = E[5, 2, 3] = 1000.0
    alone = osteoplan.solve_voxels(E[:2], H, between_plates(), tolerance=1e-11)
    found = osteoplan.solve_voxels(E, H, between_plates((6, 3, 5)), tolerance=1e-11)
    assert (found.dropped_pieces, found.dropped_voxels) == (2, 3)
    assert found.warnings == ("3 voxels in 2 pieces that nothing holds were left out",)
    assert np.isnan(found.displacement_mm[3:]).all()
    assert not found.modulus_MPa[3:].any()
    assert found.reaction_N.sum() == pytest.approx(alone.reaction_N.sum(), abs=1e-9)
    assert alone.warnings == ()
    assert found.energy_mJ == pytest.approx(alone.energy_mJ, rel=1e-9)


def test_pieces_hang_together_by_faces_not_by_an_edge():
    E = np.zeros((3, 2, 4))
    E[0, 0] = 1.0
    E[1, 1, 1:3] = 1.0
    found = osteoplan.solve_voxels(E, 1.0, between_plates((3, 2, 4)))
    assert (found.dropped_pieces, found.dropped_voxels) == (1, 2)


def test_a_corner_of_a_dropped_piece_that_a_held_one_shares_keeps_its_displacement():
    E = np.zeros((3, 2, 4))
    E[0, 0] = 1.0
    E[1, 1, 1:3] = 1.0
    found = osteoplan.solve_voxels(E, 1.0, between_plates((3, 2, 4)))
    assert not np.isnan(found.displacement_mm[1, 1, 2]).any()


def _with(array, at, value):
    array = np.array(array, dtype=float)
    array[at] = value
    return array


BODY = np.full(SHAPE, 100.0)
PULL = np.zeros((3, 4, 6, 3))
SPLIT = np.ones((2, 3, 6))
SPLIT[:, :, 3] = 0.0


def _sliding_only():
    held = lattice()
    held[:, :, 0, 2], held[:, :, -1, 2] = 0.0, -0.1
    return held


def _void_held():
    held = lattice((4, 3, 5))
    held[3:] = 0.0
    return held


BAD = {
    "two axes": ((np.ones((2, 3)), 1.0, between_plates()), r"shape \(2, 3\).*one modulus for each voxel"),
    "no voxels": ((np.ones((0, 3, 5)), 1.0, between_plates()), "one modulus for each voxel"),
    "words": (([[["stiff"]]], 1.0, between_plates()), "not an array of real numbers"),
    "NaN modulus": ((_with(BODY, (1, 2, 3), np.nan), 1.0, between_plates()), r"not finite in 1.*\(1, 2, 3\)"),
    "endless modulus": ((_with(BODY, (0, 2, 3), np.inf), 1.0, between_plates()), r"not finite.*\(0, 2, 3\)"),
    "negative modulus": ((_with(BODY, (1, 0, 4), -5.0), 1.0, between_plates()), r"negative in.*\(1, 0, 4\)"),
    "empty": ((np.zeros(SHAPE), 1.0, between_plates()), "0 everywhere"),
    "Pa": ((np.full(SHAPE, 1e10), 1.0, between_plates()), "give MPa, not Pa"),
    "metres": ((BODY, (0.0007, 0.0007, 0.001), between_plates()), "looks like metres: multiply it by 1000"),
    "micrometres": ((BODY, 82.0, between_plates()), "looks like micrometres: divide it by 1000"),
    "no edge": ((BODY, (1.0, 0.0, 1.0), between_plates()), "positive lengths"),
    "negative edge": ((BODY, (1.0, -1.0, 1.0), between_plates()), "positive lengths"),
    "NaN edge": ((BODY, (1.0, np.nan, 1.0), between_plates()), "positive lengths"),
    "two edges": ((BODY, (1.0, 1.0), between_plates()), "one edge, or the three"),
    "on voxels": ((BODY, 1.0, np.zeros((*SHAPE, 3))), r"shape \(2, 3, 5, 3\), not \(3, 4, 6, 3\).*corners"),
    "endless motion": ((BODY, 1.0, _with(between_plates(), (0, 0, 0, 1), np.inf)), "NaN for what is free"),
    "nothing held": ((BODY, 1.0, lattice()), "no displacement is prescribed"),
    "held in a void": ((_with(np.ones((4, 3, 5)), np.s_[2:], 0), 1.0, _void_held()), "no prescribed node"),
    "can slide": ((BODY, 1.0, _sliding_only()), "30 voxels.* held in 3 of its 6 rigid motions and still "
                  r"slides along x and y and turns about z through corner \(1, 1, 2\) = \(1, 1, 2\) mm: "),
    "no path": ((SPLIT, 1.0, between_plates((2, 3, 6))), "no piece reaches from what is moved"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "says"), BAD.values(), ids=BAD.keys())
def test_each_bad_input_is_one_line_of_its_own(arguments, says):
    with pytest.raises(BadInput, match=says) as caught:
        osteoplan.solve_voxels(*arguments)
    assert "\n" not in str(caught.value)


def _masked(array):
    return np.ma.masked_less(array, np.ma.filled(array).max())


KINDS = {
    "complex moduli": ("moduli_MPa", BODY + 0j, "moduli_MPa is not an array of real numbers but complex128"),
    "a mask for moduli": ("moduli_MPa", BODY > 0, "moduli_MPa is not .* but bool: convert"),
    "objects": ("moduli_MPa", BODY.astype(object), "moduli_MPa is not .* but object"),
    "numbers as text": ("moduli_MPa", BODY.astype(str), "moduli_MPa is not .* but <U"),
    "whole numbers beyond 64 bits": ("moduli_MPa", [[[10**30]]], "moduli_MPa is not .* but object"),
    "ragged moduli": ("moduli_MPa", [[[1.0], [1.0, 2.0]]], "moduli_MPa is not an array of real numbers"),
    "masked moduli": ("moduli_MPa", _masked(_with(BODY, (0, 0, 0), 7)), "moduli_MPa is masked in part: fill"),
    "denormal moduli": ("moduli_MPa", np.full(SHAPE, 1e-300), "1e-300 MPa, softer than any solid: give MPa"),
    "denormal voxel": ("moduli_MPa", _with(BODY, (1, 2, 3), 1e-300), r"first at \(1, 2, 3\).*use 0"),
    "contrast of 1e11": ("moduli_MPa", _with(BODY, (1, 2, 3), 1e-9), r"less than 1e-10 of .* \(100 MPa"),
    "complex spacing": ("spacing_mm", (1.0, 1j, 1.0), "spacing_mm is not .* but complex128"),
    "no spacing": ("spacing_mm", None, "spacing_mm is not an array of real numbers but object"),
    "complex motion": ("prescribed_mm", between_plates() * 1j, "prescribed_mm is not .* but complex128"),
    "masked motion": ("prescribed_mm", _masked(PULL + np.arange(3)), "NaN for what is free"),
    "huge motion": ("prescribed_mm", between_plates(squeeze=1e200), r"up to 1e\+200 mm.*proportional"),
    "huge negative motion": ("prescribed_mm", between_plates(squeeze=-1e200), r"up to 1e\+200 mm"),
    "tiny motion": ("prescribed_mm", between_plates(squeeze=1e-200), "up to 1e-200 mm.*between 1e-12 and"),
    "complex force": ("force_N", PULL + 0j, "force_N is not an array of real numbers but complex128"),
    "huge force": ("force_N", PULL + 1e300, r"force_N goes up to 1e\+300 N"),
    "complex ratio": ("poisson_ratio", 0.3 + 0j, "poisson_ratio is not a real number but complex128"),
    "ratio in words": ("poisson_ratio", "0.3", "poisson_ratio is not a real number but <U3"),
    "ratio of truth": ("poisson_ratio", False, "poisson_ratio is not a real number but bool"),
    "ratio of each voxel": ("poisson_ratio", 0.3 * BODY, r"shape \(2, 3, 5\): one number serves the whole"),
    "no device": ("device", None, "unknown device 'None'; known: cpu, cuda"),
    **{
        f"tolerance {given}": ("tolerance", given, f"a tolerance of {given} .*such as 1e-8")
        for given in (-1, 0, float("nan"), float("inf"), 2, 1, 1e-17, None, True, 1e-8j, "1e-8")
    },
    **{
        f"{given} steps": ("max_iterations", given, f"max_iterations is {given}: give a whole number")
        for given in (0, -3, 2.5, True, None, float("nan"))
    },
}  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("argument", "given", "says"), KINDS.values(), ids=KINDS)
def test_what_is_no_number_or_none_that_can_be_solved_is_one_line_before_any_work(
    argument, given, says, monkeypatch
):
    def never(*_args, **_kwargs):
        raise AssertionError("solved all the same")

    monkeypatch.setattr(voxels, "equilibrium", never)
    monkeypatch.setattr(problem, "held_pieces", never)
    sound = {"moduli_MPa": BODY, "spacing_mm": 1.0, "prescribed_mm": between_plates()}
    with pytest.raises(BadInput, match=says) as caught:
        osteoplan.solve_voxels(**(sound | {argument: given}))
    assert "\n" not in str(caught.value)


def test_whole_and_short_numbers_and_a_mask_of_nothing_are_numbers():
    exact = osteoplan.solve_voxels(BODY, H, between_plates(), poisson_ratio=0.25)
    for moduli in (BODY.astype(np.uint8), BODY.astype(np.float16), np.ma.array(BODY), BODY.tolist()):
        found = osteoplan.solve_voxels(
            moduli, np.array(H), between_plates(), poisson_ratio=np.float32(0.25), max_iterations=np.int32(9)
        )
        np.testing.assert_array_equal(found.reaction_N, exact.reaction_N)


def test_a_contrast_of_1e10_side_by_side_is_solved():
    """Bars of 100 and 1e-8 MPa between plates: each is as it would be alone."""
    E = _with(BODY, np.s_[1], 1e-8)
    found = osteoplan.solve_voxels(E, H, between_plates(), poisson_ratio=0.0, tolerance=1e-10)
    alone = 100.0 * H[0] * 3 * H[1] * -0.05 / (5 * H[2])
    assert found.reaction_N[:, :, -1, 2].sum() == pytest.approx(alone, rel=1e-8)


@pytest.mark.parametrize("ratio", [0.5, -1.0, float("nan")])
def test_a_poisson_ratio_of_no_stable_solid_is_refused(ratio):
    with pytest.raises(BadInput, match=r"Poisson.*\(-1, 0\.5\)"):
        osteoplan.solve_voxels(BODY, 1.0, between_plates(), poisson_ratio=ratio)


def test_forces_that_are_no_forces_are_refused():
    def pulled(force, E=BODY):
        return osteoplan.solve_voxels(E, 1.0, between_plates(E.shape), force_N=force)

    nothing = np.zeros((3, 4, 6, 3))
    with pytest.raises(BadInput, match=r"force_N has shape \(3, 4, 6\)"):
        pulled(nothing[..., 0])
    with pytest.raises(BadInput, match=r"force_N is not finite at \(1, 1, 1, 0\)"):
        pulled(_with(nothing, (1, 1, 1, 0), np.nan))
    floating = np.zeros((4, 3, 5))
    floating[:2] = floating[3, 1, 2] = 1.0
    with pytest.raises(BadInput, match="pulls at 1 nodes of no voxel that is held"):
        pulled(_with(np.zeros((5, 4, 6, 3)), (4, 1, 2, 0), 1.0), floating)


def _bent(pin):
    """Ends that turn about x, a pin, and a stop against the turn about z, which needs the pin beside it."""
    held = lattice((4, 6, 8))
    held[:, :, 0, 2] = 0.0
    held[:, :, -1, 2] = 0.01 * np.arange(7)
    held[(*pin, 0)][:2] = held[0, 3, 0, 1] = 0.0
    return held


def test_a_pin_that_leaves_one_turn_is_refused_by_its_name_and_one_voxel_aside_is_held():
    E = np.full((4, 6, 8), 100.0)
    with pytest.raises(
        BadInput,
        match=r"192 voxels, \(0, 0, 0\) to \(3, 5, 7\), is held in 5 of its 6 rigid motions and still turns "
        r"about z through corner \(0, 1, 4\) = \(0, 1.1, 7.6\) mm: prescribe more",
    ):
        osteoplan.solve_voxels(E, H, _bent((0, 1)))
    held_pieces(E > 0, _bent((1, 1)), H, loaded=False)


def test_a_short_lever_on_a_wide_face_holds():
    """Single precision of the normal matrix would lose one row of a voxel's length among 90 000."""
    held = lattice((300, 300, 1))
    held[:, :, 0, 2] = 0.0
    held[0, 0, 0, :2] = held[1, 0, 0, 1] = 0.0
    held_pieces(np.ones((300, 300, 1), dtype=bool), held, H, loaded=True)


def test_a_motion_as_a_whole_is_an_answer_and_strains_nothing():
    held = lattice()
    held[:, :, 0] = held[:, :, -1] = (0.1, 0.2, 0.3)
    found = osteoplan.solve_voxels(BODY, 1.0, held, tolerance=1e-10)
    np.testing.assert_allclose(found.strain, 0.0, atol=1e-10)


@pytest.mark.parametrize("edges", [(1.0, 1.0, 1.0), (1.0, 0.5, 2.0), (0.3, 0.3, 5.0), (5.0, 0.3, 0.061)])
@pytest.mark.parametrize("side", [7, 31])
@pytest.mark.parametrize("down", [0.1, 1.0, 1e-9])
def test_a_gap_is_no_load_path_however_many_corners_are_moved(edges, side, down):
    """A misfit that is a difference of squares is rounding of 1e-8 of all that is prescribed."""
    solid = np.ones((side, side + 2, 5), dtype=bool)
    solid[:, :, 2] = False
    held = np.full((side + 1, side + 3, 6, 3), np.nan)
    held[:, :, 0], held[:, :, 5] = 0.0, (0.3 * down, 0.0, -down)
    with pytest.raises(BadInput, match="no load path"):
        held_pieces(solid, held, edges, loaded=False)
    held[0, 0, 5, 2] -= 1e-5 * down  # one corner that strains its piece is a load
    held_pieces(solid, held, edges, loaded=False)


def test_two_separate_bars_are_both_solved():
    E = np.zeros((5, 3, 5))
    E[:2], E[3:] = 100.0, 300.0
    found = osteoplan.solve_voxels(E, H, between_plates((5, 3, 5)), poisson_ratio=0.0, tolerance=1e-10)
    per_MPa = 2 * H[0] * 3 * H[1] / (5 * H[2]) * -0.05
    assert found.reaction_N[:3, :, -1, 2].sum() == pytest.approx(100 * per_MPa, rel=1e-8)
    assert found.reaction_N[3:, :, -1, 2].sum() == pytest.approx(300 * per_MPa, rel=1e-8)


def test_it_can_be_stopped_and_says_when_it_did_not_converge():
    E = 10.0 ** np.random.default_rng(2).uniform(0, 3, (14, 12, 13))
    with pytest.raises(Cancelled):
        osteoplan.solve_voxels(E, 1.0, between_plates(E.shape), on_step=lambda step, residual: False)
    with pytest.raises(NotConverged):
        osteoplan.solve_voxels(E, 1.0, between_plates(E.shape), max_iterations=1)


def test_what_double_precision_cannot_reach_is_told_early_with_the_way_out():
    """Metal on three pins in marrow: the forces of its rigid motions are rounding of 1e-8 of the load."""
    E = np.full((14, 14, 14), 1e5)
    E[:, :, :3] = 1.0
    held, force = np.full((15, 15, 15, 3), np.nan), np.zeros((15, 15, 15, 3))
    held[2, 2, 0] = held[12, 3, 0] = held[4, 12, 0] = 0.0
    force[:3, :3, 14, 2] = force[:3, :3, 14, 0] = -1.0
    with pytest.raises(NotConverged, match=r"rounds more away .* larger tolerance$") as told:
        osteoplan.solve_voxels(E, 1.0, held, force_N=force, tolerance=1e-11)
    assert told.value.residual < 1e-7
    assert told.value.iterations < 100
    found = osteoplan.solve_voxels(E, 1.0, held, force_N=force, tolerance=1e-7)
    assert found.reaction_N.sum(axis=(0, 1, 2)) == pytest.approx([9.0, 0.0, 9.0], abs=1e-5)


def test_the_example_of_the_docstring_runs():
    assert doctest.testmod(voxels).attempted >= 4
    assert doctest.testmod(voxels).failed == 0


def test_a_mesh_too_large_is_refused_before_it_is_solved(monkeypatch):
    """1e9 bytes of need and 1/8 of that free: the edge doubles."""
    monkeypatch.setattr(memory, "available_bytes", lambda: 1e9)
    with pytest.raises(
        NotAvailable, match=r"needs 8 GB .* 1 GB are free.*voxels of 1 mm or more instead of 0.5"
    ):
        ensure_memory(int(8e9 / memory.BYTES_PER_UNKNOWN), 0, 0.5)
    monkeypatch.setattr(memory, "available_bytes", lambda: 8.1e9)
    ensure_memory(int(8e9 / memory.BYTES_PER_UNKNOWN), 0, 0.5)
    monkeypatch.setattr(memory, "available_bytes", lambda: 100.0)

    def never(*_args, **_kwargs):
        raise AssertionError("solved all the same")

    monkeypatch.setattr(voxels, "equilibrium", never)
    with pytest.raises(NotAvailable, match="GB are free"):
        osteoplan.solve_voxels(BODY, 1.0, between_plates())


def test_the_edge_that_would_fit_does_fit(monkeypatch):
    unknowns, voxels_, edge = 50_000_000, 30_000_000, 0.4
    free = 1.7e9
    monkeypatch.setattr(memory, "available_bytes", lambda: free)
    with pytest.raises(NotAvailable) as caught:
        ensure_memory(unknowns, voxels_, edge)
    named = float(str(caught.value).split("voxels of ")[1].split(" mm")[0])
    fewer = (edge / named) ** 3
    assert needed_bytes(int(unknowns * fewer), int(voxels_ * fewer)) <= free
    fewer = (edge / (named - 0.1)) ** 3
    assert needed_bytes(int(unknowns * fewer), int(voxels_ * fewer)) > free


def test_free_memory_is_the_least_of_machine_and_container(tmp_path, monkeypatch):
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: SimpleNamespace(available=4e6 * 1024))
    group = tmp_path / "group"
    group.mkdir()
    assert available_bytes(group) == 4e6 * 1024
    (group / "memory.max").write_text("max\n", encoding="ascii")
    (group / "memory.current").write_text("900\n", encoding="ascii")
    assert available_bytes(group) == 4e6 * 1024
    (group / "memory.max").write_text("1000\n", encoding="ascii")
    assert available_bytes(group) == 100.0
    (group / "memory.stat").write_text("anon 100\ninactive_file 500\n", encoding="ascii")
    assert available_bytes(group) == 600.0
    old = tmp_path / "old" / "memory"
    old.mkdir(parents=True)
    (old / "memory.limit_in_bytes").write_text("5000\n", encoding="ascii")
    (old / "memory.usage_in_bytes").write_text("2000\n", encoding="ascii")
    assert available_bytes(old.parent) == 3000.0


def test_this_machine_tells_how_much_is_free():
    assert available_bytes() > 1e6
