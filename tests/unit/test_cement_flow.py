"""Cement on a small block: nothing is lost, what arrives first is filled first, and more holds less."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.cement.grow import _pour
from osteoplan.cement.medium import arrivals, medium, speeds
from osteoplan.errors import BadInput
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import Structure
from osteoplan.model.effects import Effects, Port
from tests.synthetic_long_bone import grid, local, made

GRIDS = ("straight", "oblique", "left_handed")
SPACING = (1.0, 1.3, 1.7)
HALF = (9.0, 8.0, 7.0)


def block(name="oblique", *, hole=(0.0, -3.0, 0.0), radius=4.0, canal=False):
    """A block of spongy bone in soft tissue with a void; ``canal`` lies behind its back face."""
    image = grid(name, (34.0, 32.0, 30.0), SPACING)
    at = local(image)
    bone = np.logical_and.reduce([np.abs(x) < h for x, h in zip(at, HALF, strict=True)])
    void = sum((x - c) ** 2 for x, c in zip(at, hole, strict=True)) < radius**2
    density = np.where(bone, 150.0, 20.0)
    now = np.where(void & bone, 10.0, density)
    behind = Structure("spinal_canal", "canal", (at[1] > HALF[1]) & (np.abs(at[0]) < 5.0), False)
    return made(image, bone, void, density, now, structures=(behind,) if canal else ())


def ports(anatomy, *places, mL):
    world = [tuple(float(x) for x in anatomy.frame.world(place)) for place in places]
    amounts = mL if isinstance(mL, tuple) else (mL,) * len(places)
    return Effects(ports=tuple(Port(at, "pmma", one) for at, one in zip(world, amounts, strict=True)))


def poured(anatomy, effects, noise=None):
    through = medium(anatomy)
    found = _pour(anatomy, effects, through, noise)
    share = np.zeros(anatomy.image.shape)
    share[through.box] = found.share
    return replace(found, share=share)


def mL(anatomy, share):
    return float(share.sum()) * anatomy.image.voxel_volume_mm3 / 1000.0


@pytest.mark.parametrize("name", GRIDS)
def test_a_voxel_is_bone_void_or_outside_and_the_breach_is_where_the_void_meets_the_outside(name):
    anatomy = block(name, hole=(0.0, 6.0, 0.0))
    through = medium(anatomy)
    bone, lesion = (mask[through.box] for mask in (anatomy.bone_mask, anatomy.lesion_mask))
    assert (through.trabecular ^ through.void == bone).all()
    assert (through.void == bone & lesion).all()
    assert (through.outside == ~bone).all()  # soft tissue alone lies around it
    assert through.breach.any()
    assert not (through.breach & ~through.void).any()
    back = np.moveaxis(np.array(local(anatomy.image)), 0, -1)[through.box][through.breach]
    assert (np.abs(back[:, 1] - HALF[1]) < 1.7).all()  # the ball leaves through the back face alone
    dense = replace(anatomy, image=anatomy.image.with_array(np.where(anatomy.bone_mask, 900.0, 0.0)))
    walled = medium(dense)
    assert not walled.trabecular.any()
    assert not walled.void.any()


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("seed", [None, 3, 8])
def test_what_is_pushed_in_is_in_the_bone_or_beside_it_and_nowhere_else(name, seed):
    anatomy = block(name, hole=(0.0, 6.0, 0.0))
    effects = ports(anatomy, (0.0, 4.0, 0.0), (-5.0, -4.0, 2.0), mL=(0.6, 0.35))
    found = poured(anatomy, effects, None if seed is None else np.random.default_rng(seed))
    assert mL(anatomy, found.share) == pytest.approx(0.95, rel=1e-9)
    assert found.placed_mL == pytest.approx(0.95, rel=1e-9)
    inside = mL(anatomy, found.share[anatomy.bone_mask])
    assert inside + found.escape_mL["outside"] + found.escape_mL["spinal_canal"] == pytest.approx(
        0.95, rel=1e-9
    )
    assert found.escape_mL["outside"] > 0.0
    assert found.share.min() >= 0.0
    assert found.share.max() <= 1.0 + 1e-12


def test_what_the_bone_cannot_hold_is_not_placed():
    anatomy = block(radius=0.0)  # closed: its surface stands everywhere
    room = anatomy.bone_mask.sum() * anatomy.image.voxel_volume_mm3 / 1000.0
    found = poured(anatomy, ports(anatomy, (0.0, 0.0, 0.0), mL=room + 5.0))
    assert found.placed_mL == pytest.approx(room)
    assert found.share[anatomy.bone_mask] == pytest.approx(1.0)
    assert not found.share[~anatomy.bone_mask].any()


@pytest.mark.parametrize("name", GRIDS)
def test_what_arrives_first_is_filled_first_and_more_cement_holds_what_less_did(name):
    anatomy = block(name)
    through = medium(anatomy)
    one = ports(anatomy, (-4.0, 1.0, -2.0), mL=1.0)
    (times,) = arrivals(anatomy, through, speeds(through, None), one.ports, 9.0)
    before = np.zeros(times.shape)
    for volume in (0.2, 0.5, 1.1):
        share = poured(anatomy, ports(anatomy, (-4.0, 1.0, -2.0), mL=volume)).share[through.box]
        part = (share > 0.0) & (share < 1.0 - 1e-9)
        assert part.sum() <= 1  # the front stands in one voxel
        assert times[share >= 1.0 - 1e-9].max() <= times[share <= 0.0].min()
        assert (share >= before - 1e-12).all()
        before = share


def test_the_order_in_which_ports_are_named_changes_nothing():
    anatomy = block()
    places, amounts = ((-5.0, 2.0, 0.0), (5.0, -3.0, 3.0)), (0.5, 0.3)
    first = poured(anatomy, ports(anatomy, *places, mL=amounts))
    second = poured(anatomy, ports(anatomy, *places[::-1], mL=amounts[::-1]))
    np.testing.assert_allclose(first.share, second.share, atol=1e-9)


def test_a_void_is_filled_before_the_bone_around_it_and_a_wall_never():
    anatomy = block()
    volume = anatomy.lesion_mask.sum() * anatomy.image.voxel_volume_mm3 / 1000.0
    share = poured(anatomy, ports(anatomy, (0.0, -3.0, 0.0), mL=0.9 * volume)).share
    assert share[anatomy.lesion_mask].mean() == pytest.approx(0.9, abs=0.04)
    left = local(anatomy.image)[0]
    wall = anatomy.bone_mask & (np.abs(left - 5.0) < 1.6)
    array = np.where(wall, number("growth.wall_density_min") + 1.0, anatomy.image.array)
    walled = replace(anatomy, image=anatomy.image.with_array(array))
    share = poured(walled, ports(walled, (0.0, -3.0, 0.0), mL=99.0)).share
    assert not share[wall].any()
    assert not share[anatomy.bone_mask & (left > 6.7)].any()  # behind it nothing comes
    with pytest.raises(BadInput, match=r"port at \(.*\) mm lies outside the bone or in dense bone"):
        poured(walled, ports(walled, (5.0, 0.0, 0.0), mL=0.5))


def test_cement_that_would_enter_the_canal_stops_its_port_and_the_other_goes_on():
    anatomy = block(hole=(0.0, 7.0, 0.0), canal=True)
    near, far = (0.0, 5.0, 0.0), (-6.0, -5.0, -3.0)
    canal = anatomy.structures[0].mask
    alone = poured(anatomy, ports(anatomy, near, mL=1.5))
    assert alone.reached_canal
    assert alone.placed_mL < 1.5
    assert not alone.share[canal].any()
    assert alone.escape_mL["spinal_canal"] > 0.0
    both = poured(anatomy, ports(anatomy, near, far, mL=(1.5, 0.2)))
    assert both.placed_mL == pytest.approx(alone.placed_mL + 0.2, abs=0.02)
    # nothing flows back through the surface: the escape is on the outside
    assert alone.escape_mL["spinal_canal"] + alone.escape_mL["outside"] < 1.5


@pytest.mark.parametrize("name", GRIDS)
def test_uneven_bone_is_uneven_by_as_much_and_over_as_far_as_knowledge_says(name):
    image = grid(name, (60.0, 60.0, 60.0), SPACING)
    whole = np.ones(image.shape, dtype=bool)
    through = medium(block(name))
    through = replace(through, trabecular=whole, void=~whole)
    assert (speeds(through, None) == 1.0).all()
    log = np.log(speeds(through, np.random.default_rng(4)))
    assert log.std() == pytest.approx(number("growth.trabecular_log_sd"), rel=1e-9)
    # white noise under a Gaussian of that sd keeps exp(-1/4) at a distance of its sd, along every edge alike
    for axis in range(3):
        step = round(number("growth.trabecular_grain_mm") / SPACING[axis])
        far = step * SPACING[axis] / number("growth.trabecular_grain_mm")
        r = (log * np.roll(log, step, axis=axis)).mean() / log.var()
        assert r == pytest.approx(np.exp(-(far**2) / 4), abs=0.12)
    half = replace(through, trabecular=~whole, void=whole)
    assert (speeds(half, np.random.default_rng(4)) == number("growth.void_speed_ratio")).all()
