"""What supports leave free, by its name and against the rows themselves."""

from __future__ import annotations

import numpy as np
import pytest

from osteoplan.kernels.rigid_motions import free_motions

H = (1.0, 0.5, 2.0)
A, B, C = (0, 0, 0), (8, 0, 0), (8, 32, 0)  # corners
ALL = (0, 1, 2)


def free(*pins, shape=(8, 32, 40), edges=H):
    """Of a whole block with some components held at some corners."""
    held = np.zeros((*(n + 1 for n in shape), 3), dtype=bool)
    for at, components in pins:
        for c in components:
            held[(*at, c)] = True
    return free_motions(np.argwhere(np.ones(shape)), held, edges)


NAMED = {
    "nothing": ((), "slides along x, y and z and turns about any axis through (4, 8, 40) mm"),
    "ball joint": (((A, ALL),), "turns about any axis through (0, 0, 0) mm"),
    "two pins": (((A, ALL), (B, ALL)), "turns about x through (4, 0, 0) mm"),
    "two oblique pins": (((A, ALL), (C, ALL)), "turns about (0.45, 0.89, 0.00) through (4, 8, 0) mm"),
    "universal joint": (((A, ALL), (C, (0,))), "turns about x and y through (0, 0, 0) mm"),
    "a table": (
        ((A, (2,)), (B, (2,)), (C, (2,))), "slides along x and y and turns about z through (4, 8, 40) mm",
    ),
    "a shaft in bearings": (
        ((A, (0, 1)), ((0, 0, 9), (0, 1))), "slides along z and turns about z through (0, 0, 40) mm",
    ),
    "3-2-1": (((A, ALL), (B, (1, 2)), (C, (2,))), ""),
    "a lever of one voxel": (((A, ALL), ((1, 0, 0), (1, 2)), ((0, 1, 0), (2,))), ""),
}  # fmt: skip


@pytest.mark.parametrize(("pins", "words"), NAMED.values(), ids=NAMED)
def test_what_is_free_is_named(pins, words):
    assert free(*pins).words() == words


def test_corners_are_named_where_edges_are_told():
    told = free((A, ALL), (C, ALL)).words(H)
    assert told.endswith("through corner (4, 16, 0) = (4, 8, 0) mm")


def test_a_screw_is_named_with_its_pitch_and_a_mirror_turns_its_thread():
    """Single components of five corners askew leave a turn and a slide that go together."""
    found = free((A, (0,)), ((0, 4, 6), (0,)), ((3, 0, 5), (1,)), ((6, 2, 8), (2,)), ((1, 9, 3), (1,)))
    assert len(found) == 1
    assert f" as a right-hand screw of {found.per_turn_mm[0]:.3g} mm a turn" in found.words()
    assert abs(found.per_turn_mm[0]) > 0.1
    mirrored = found.placed(np.diag([-1.0, 0.5, 2.0, 1.0]), H)
    assert mirrored.per_turn_mm == -found.per_turn_mm
    assert f" as a left-hand screw of {found.per_turn_mm[0]:.3g} mm a turn" in mirrored.words()


def test_motions_are_told_in_the_space_that_an_affine_leads_to():
    """Index axes (i, j, k) along (y, -x, z), corner (0, 0, 0) at (10, 20, 30)."""
    to = np.array([[0.0, -0.5, 0.0, 10.0], [1.0, 0.0, 0.0, 20.0], [0.0, 0.0, 2.0, 30.0], [0, 0, 0, 1]])
    assert free((A, ALL), (B, ALL)).placed(to, H).words() == "turns about y through (10, 24, 30) mm"
    assert free((A, (0, 1)), ((0, 0, 9), (0, 1))).placed(to, H).words().startswith("slides along z and turns")


@pytest.mark.parametrize("count", range(1, 8))
def test_every_free_motion_moves_nothing_that_is_held_and_none_is_missed(count):
    rng = np.random.default_rng(count)
    for _ in range(20):
        edges = rng.choice([0.5, 0.7, 1.0, 2.5], 3)
        corners, components = rng.integers(0, 4, (count, 3)), rng.integers(0, 3, count)
        found = free(
            *((at, (c,)) for at, c in zip(corners, components, strict=True)), shape=(3, 3, 3), edges=edges
        )
        at, unit = corners * edges, np.eye(3)[components]
        rank = np.linalg.matrix_rank(np.concatenate([unit, np.cross(at, unit)], axis=1))
        assert len(found) == 6 - rank
        moved = [np.tile(way, (count, 1)) for way in found.slides]
        twists = [np.concatenate([way, np.zeros(3)]) for way in found.slides]
        for axis, point, slide in zip(found.turns, found.through_mm, found.per_turn_mm, strict=True):
            along = slide / (2 * np.pi) * axis
            moved.append(np.cross(axis, at - point) + along)
            twists.append(np.concatenate([np.cross(axis, -point) + along, axis]))
        for u in moved:
            np.testing.assert_allclose(u[np.arange(count), components], 0.0, atol=1e-9)
        if twists:
            assert np.linalg.matrix_rank(np.array(twists)) == 6 - rank
