"""The slow checker against closed forms, on bricks with three edges, turned and mirrored."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tests.slow_checker import Capsule, gap_to, inside, profile, violations, wall_across, wall_around
from tests.synthetic_vertebra import rotation

EDGES = np.array([0.7, 1.1, 2.3])
TURNS = {
    "straight": np.eye(3),
    "oblique": rotation((14.0, -9.0, 21.0)),
    "left_handed": rotation((-8.0, 6.0, -12.0)) @ np.diag([-1.0, 1.0, 1.0]),
    "swapped": np.eye(3)[:, [2, 0, 1]] @ np.diag([1.0, -1.0, 1.0]),
}
SHAPE = (60, 40, 30)


@pytest.fixture(params=TURNS)
def affine(request: pytest.FixtureRequest) -> np.ndarray:
    made = np.eye(4)
    made[:3, :3] = TURNS[request.param] * EDGES
    made[:3, 3] = (12.0, -80.0, 300.0)
    return made


def at(affine: np.ndarray, *index: float) -> tuple[float, float, float]:
    """LPS position of a continuous index."""
    x, y, z = affine[:3, :3] @ np.array(index) + affine[:3, 3]
    return float(x), float(y), float(z)


def one_voxel(*index: int) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[index] = True
    return mask


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_needle_beside_one_box_is_as_far_as_its_face(affine: np.ndarray, axis: int) -> None:
    start, stop = np.array([30.0, 20.0, 15.0]), np.array([30.0, 20.0, 15.0])
    other = (axis + 1) % 3
    start[axis] += 4.0
    stop[axis] += 4.0
    start[other] -= 5.0
    stop[other] += 5.0
    capsule = Capsule(at(affine, *start), at(affine, *stop), 0.6)
    assert gap_to(one_voxel(30, 20, 15), affine, capsule) == pytest.approx(3.5 * EDGES[axis] - 0.6)


def test_a_corner_is_as_far_as_pythagoras_says(affine: np.ndarray) -> None:
    capsule = Capsule(at(affine, 33, 22, 17), at(affine, 40, 30, 25), 0.0)
    assert gap_to(one_voxel(30, 20, 15), affine, capsule) == pytest.approx(
        np.linalg.norm(np.array([2.5, 1.5, 1.5]) * EDGES)
    )


def test_an_oblique_needle_past_an_edge_is_as_far_as_a_fine_search_says(affine: np.ndarray) -> None:
    a, b = np.array([25.0, 16.0, 19.0]), np.array([38.0, 28.0, 16.3])
    t = np.linspace(0, 1, 200_001)[:, None]
    off = np.maximum(np.abs((a + t * (b - a)) - [30, 20, 15]) - 0.5, 0.0) * EDGES
    exact = float(np.linalg.norm(off, axis=1).min())
    found = gap_to(one_voxel(30, 20, 15), affine, Capsule(at(affine, *a), at(affine, *b), 1.0)) + 1.0
    assert exact - 1e-6 <= found <= exact + 0.05


def test_an_axis_inside_a_box_is_as_deep_as_the_radius(affine: np.ndarray) -> None:
    capsule = Capsule(at(affine, 20, 20, 15), at(affine, 40, 20, 15), 1.5)
    assert gap_to(one_voxel(30, 20, 15), affine, capsule) == -1.5


def test_every_box_counts_not_only_the_one_whose_centre_is_nearest(affine: np.ndarray) -> None:
    # slices are 2.3 mm thick: the box whose centre is farther away has the nearer face
    mask = one_voxel(30, 20, 17)  # face 1.5 slices away: 3.45 mm; centre 4.6 mm
    mask[36, 20, 15] = True  # face 5.5 columns away: 3.85 mm; centre 4.2 mm
    capsule = Capsule(at(affine, 30, 20, 15), at(affine, 30, 20.01, 15), 0.0)
    assert gap_to(mask, affine, capsule) == pytest.approx(1.5 * EDGES[2], abs=1e-6)


def test_nothing_near_is_infinitely_far(affine: np.ndarray) -> None:
    capsule = Capsule(at(affine, 1, 1, 1), at(affine, 2, 2, 1), 1.0)
    assert gap_to(one_voxel(59, 39, 29), affine, capsule) == np.inf
    assert gap_to(np.zeros(SHAPE, dtype=bool), affine, capsule) == np.inf


def test_the_wall_of_a_square_tunnel_is_its_half_width_less_the_radius(affine: np.ndarray) -> None:
    bone = np.zeros(SHAPE, dtype=bool)
    bone[10:50, 15:26, 12:19] = True  # 11 x 7 boxes across, the axis runs along i
    capsule = Capsule(at(affine, 12, 20, 15), at(affine, 47, 20, 15), 1.5)
    across = min(5.5 * EDGES[1], 3.5 * EDGES[2])
    ends = 2.5 * EDGES[0]  # to the near end's face
    assert wall_around(bone, affine, capsule) == pytest.approx(min(across, ends) - 1.5)
    long = 40 * EDGES[0]
    assert wall_around(bone, affine, capsule, from_mm=8.0, to_mm=long - 12.0) == pytest.approx(across - 1.5)
    bone[30, 25, 15] = False  # a hole in the wall: its face is 4.5 boxes away
    assert wall_around(bone, affine, capsule, from_mm=8.0, to_mm=long - 12.0) == pytest.approx(
        4.5 * EDGES[1] - 1.5
    )


def test_beside_a_round_rod_there_is_its_radius_less_the_screw_s_to_a_part_of_a_voxel(
    affine: np.ndarray,
) -> None:
    index = np.moveaxis(np.indices(SHAPE), 0, -1)
    rod = np.linalg.norm(((index - [30, 20, 15]) * EDGES)[..., 1:], axis=-1) < 10.0
    capsule = Capsule(at(affine, 5, 20, 15), at(affine, 55, 20, 15), 2.0)
    assert wall_across(rod, affine, capsule, from_mm=2.0) == pytest.approx(8.0, abs=0.5 * EDGES[2])
    # bricks are read shorter than the rod, and this less so
    assert wall_around(rod, affine, capsule, from_mm=12.0, to_mm=24.0) < wall_across(rod, affine, capsule)
    rod[30, 20, 18:] = False
    assert wall_across(rod, affine, capsule) < 2.5 * EDGES[2] - 2.0 + 0.6 * EDGES[2]
    assert wall_across(np.ones(SHAPE, dtype=bool), affine, capsule) == np.inf


def test_the_image_s_edge_is_no_hole(affine: np.ndarray) -> None:
    capsule = Capsule(at(affine, 2, 2, 2), at(affine, 50, 30, 20), 1.0)
    assert wall_around(np.ones(SHAPE, dtype=bool), affine, capsule) == np.inf


def test_a_ball_is_as_far_as_its_radius_to_half_a_box(affine: np.ndarray) -> None:
    index = np.moveaxis(np.indices(SHAPE), 0, -1)
    ball = np.linalg.norm((index - [30, 20, 15]) * EDGES, axis=-1) < 9.0
    capsule = Capsule(at(affine, 30 + 14 / 0.7, 10, 15), at(affine, 30 + 14 / 0.7, 30, 15), 2.0)
    half = 0.5 * float(np.linalg.norm(EDGES))
    assert 14.0 - 9.0 - 2.0 - half <= gap_to(ball, affine, capsule) <= 14.0 - 9.0 - 2.0 + half
    s, depth = profile(ball, affine, Capsule(at(affine, 30, 20, 15), at(affine, 50, 20, 15), 1.0))
    assert depth[0] == pytest.approx(9.0, abs=half)
    assert (depth[s > 9.0 + half] == 0.0).all()


def test_violations_name_what_is_too_near_and_by_how_much(affine: np.ndarray) -> None:
    near, far = one_voxel(30, 20, 15), one_voxel(30, 30, 15)
    capsule = Capsule(at(affine, 20, 23, 15), at(affine, 40, 23, 15), 1.0)
    found = violations({"near": near, "far": far}, affine, capsule, {"near": 2.0, "far": 2.0})
    assert [v.name for v in found] == ["near"]
    assert found[0].gap_mm == pytest.approx(2.5 * EDGES[1] - 1.0)
    assert inside(near, affine, at(affine, 30.4, 19.6, 15.4))
    assert not inside(near, affine, at(affine, 30.6, 20, 15))


def test_a_path_through_a_large_region_takes_less_than_two_seconds() -> None:
    affine = np.diag([0.7, 0.7, 1.0, 1.0])
    noise = np.random.default_rng(4).standard_normal((2, 200, 200, 150))
    blobs = [gaussian_filter(one, 4.0) > 0 for one in noise]  # half of all boxes, and much surface
    masks = dict(zip("ab", blobs, strict=True))
    capsule = Capsule((20.0, 20.0, 20.0), (120.0, 110.0, 120.0), 1.5)
    start = time.process_time()
    violations(masks, affine, capsule, {"a": 1.0, "b": 1.0})
    assert time.process_time() - start < 2.0


def test_the_checker_shares_no_code_with_what_it_checks() -> None:
    code = "import sys, tests.slow_checker; print([m for m in sys.modules if m.startswith('osteoplan')])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
