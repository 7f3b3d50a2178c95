"""Cement in a vertebra of known shape."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from osteoplan.cement import grow
from osteoplan.cement.medium import medium
from osteoplan.errors import BadInput, Cancelled
from osteoplan.knowledge.values import number
from osteoplan.model.anatomy import Anatomy
from osteoplan.model.effects import Effects, Port
from osteoplan.model.ensemble import Ensemble
from osteoplan.model.outcome import Estimate
from osteoplan.model.simulated import Simulated
from osteoplan.trajectory.surroundings import surroundings
from tests.synthetic_vertebra import CORTEX, Grid, vertebra

GRIDS: tuple[Grid, ...] = ("straight", "oblique", "left_handed")

FEW = Ensemble(1, 3)  # enough where only the even bone is looked at


def fill(anatomy: Anatomy, effects: Effects, **more: Any) -> Simulated:
    return grow.fill(surroundings(anatomy), effects, **{"ensemble": FEW, **more})


def ports(anatomy: Anatomy, *local: tuple[float, float, float], mL: float = 3.0) -> Effects:
    places = [tuple(float(x) for x in anatomy.frame.world(place)) for place in local]
    return Effects(ports=tuple(Port(at, "pmma", mL / len(places)) for at in places))  # type: ignore[arg-type]


def outcome(result: Simulated, id: str, target: str) -> Estimate:
    return next(e for e in result.outcomes if (e.id, e.target) == (id, target))


def volume_mL(anatomy: Anatomy, result: Simulated) -> float:
    return float(result.fields[0].volume.array.sum()) * anatomy.image.voxel_volume_mm3 / 1000.0


@pytest.mark.parametrize("grid", GRIDS)
def test_the_asked_volume_is_placed_exactly_and_inside_the_bone(grid: Grid) -> None:
    anatomy = vertebra(grid)
    result = fill(anatomy, ports(anatomy, (4.0, -7.0, 0.0), mL=3.3))
    assert volume_mL(anatomy, result) == pytest.approx(3.3, abs=1e-9)
    assert outcome(result, "cement_volume_mL", "vertebra_T12").value == pytest.approx(3.3)
    assert not result.fields[0].volume.array[~anatomy.bone_mask].any()
    assert result.fields[0].volume.same_grid(anatomy.image)
    body = anatomy.parts["body"].sum() * anatomy.image.voxel_volume_mm3 / 1000.0
    assert outcome(result, "cement_fill_pct", "body").value == pytest.approx(100 * 3.3 / body, rel=0.02)
    (plates,) = result.warnings
    assert plates.startswith("cement touches ")


@pytest.mark.parametrize("grid", GRIDS)
def test_cement_starts_at_its_port_and_fills_the_void_first(grid: Grid) -> None:
    anatomy = vertebra(grid, lesion_at=(6.0, -4.0, 0.0), lesion_radius=5.0)
    share = fill(anatomy, ports(anatomy, (6.0, -4.0, 0.0), mL=1.5)).fields[0].volume.array
    void = anatomy.lesion_mask & anatomy.bone_mask
    assert share[void].mean() > 0.98
    positions = anatomy.image.positions_mm(np.argwhere(share > 0))
    assert anatomy.frame.local(positions).mean(axis=0) == pytest.approx([6.0, -4.0, 0.0], abs=0.8)


def test_without_a_void_cement_in_even_bone_is_a_ball() -> None:
    anatomy = vertebra("oblique", lesion_at=(0.0, 200.0, 0.0))
    share = fill(anatomy, ports(anatomy, (0.0, 0.0, 0.0), mL=2.0)).fields[0].volume.array
    distance = np.linalg.norm(
        anatomy.frame.local(anatomy.image.positions_mm(np.argwhere(share > 0.5))), axis=1
    )
    radius = (3 * 2000.0 / (4 * np.pi)) ** (1 / 3)
    assert distance.max() < radius + 2.0
    outside = anatomy.frame.local(anatomy.image.positions_mm(np.argwhere((share < 0.5) & anatomy.bone_mask)))
    assert np.linalg.norm(outside, axis=1).min() > radius - 2.0


def on_the_left(anatomy, result) -> float:
    """Share of the cement that lies to the patient's left of the bone's middle."""
    share = result.fields[0].volume.array
    local = anatomy.frame.local(anatomy.image.positions_mm(np.argwhere(share > 0)))
    return float(share[share > 0][local[:, 0] > 0].sum() / share.sum())


def test_the_left_port_puts_cement_on_the_patients_left() -> None:
    anatomy = vertebra("left_handed", lesion_at=(0.0, 200.0, 0.0))
    left = on_the_left(anatomy, fill(anatomy, ports(anatomy, (9.0, -3.0, 0.0))))
    right = on_the_left(anatomy, fill(anatomy, ports(anatomy, (-9.0, -3.0, 0.0))))
    both = on_the_left(anatomy, fill(anatomy, ports(anatomy, (9.0, -3.0, 0.0), (-9.0, -3.0, 0.0))))
    assert left > 0.85
    assert right < 0.15
    assert both == pytest.approx(0.5, abs=0.1)


def test_each_of_two_ports_places_its_own_volume_though_one_lies_in_a_void() -> None:
    anatomy = vertebra("oblique", lesion_at=(8.0, -4.0, 0.0), lesion_radius=5.0)
    result = fill(anatomy, ports(anatomy, (8.0, -4.0, 0.0), (-10.0, -4.0, 0.0), mL=1.6))
    assert on_the_left(anatomy, result) == pytest.approx(0.5, abs=0.03)


def test_cement_stops_at_the_canal_when_the_wall_is_gone() -> None:
    anatomy = vertebra("oblique", lesion_at=(0.0, 9.0, 0.0), lesion_radius=7.0)
    result = fill(anatomy, ports(anatomy, (0.0, 5.0, 0.0), mL=4.0))
    placed = outcome(result, "cement_volume_mL", "vertebra_T12").value
    assert placed < 3.5
    assert volume_mL(anatomy, result) == pytest.approx(placed)
    assert not result.fields[0].volume.array[anatomy.structure("spinal_canal").mask].any()
    assert outcome(result, "cement_escape_mL", "spinal_canal").value > 0.5
    assert outcome(result, "cement_to_canal_mm", "spinal_canal").value < 1.5
    assert any("reaches the spinal canal" in warning for warning in result.warnings)


def test_what_would_escape_and_what_stays_make_up_the_asked_volume() -> None:
    anatomy = vertebra("straight", lesion_at=(0.0, -10.0, 0.0), lesion_radius=7.0)
    result = fill(anatomy, ports(anatomy, (0.0, -6.0, 0.0), mL=3.0))
    inside = result.fields[0].volume.array[anatomy.bone_mask].sum() * anatomy.image.voxel_volume_mm3 / 1000.0
    out = outcome(result, "cement_escape_mL", "outside").value
    assert out > 0.3
    assert inside + out == pytest.approx(3.0)
    assert outcome(result, "cement_escape_mL", "spinal_canal").value == 0.0
    assert any("leave the bone" in warning for warning in result.warnings)


def test_a_lesion_whose_surface_still_stands_lets_nothing_out() -> None:
    broken = vertebra("oblique", lesion_at=(0.0, 9.0, 0.0), lesion_radius=7.0)
    density = broken.image.array.copy()
    density[medium_breach(broken)] = CORTEX
    held = replace(broken, image=broken.image.with_array(density))
    assert not medium(held).breach.any()
    result = fill(held, ports(held, (0.0, 5.0, 0.0), mL=4.0))
    assert outcome(result, "cement_escape_mL", "spinal_canal").value == 0.0
    assert volume_mL(held, result) == pytest.approx(4.0)


def medium_breach(anatomy: Anatomy) -> np.ndarray:
    through = medium(anatomy)
    mask = np.zeros(anatomy.image.shape, dtype=bool)
    mask[through.box] = through.breach
    return mask


def test_more_cement_touches_more_of_the_endplates() -> None:
    anatomy = vertebra("straight")
    touched = [
        outcome(
            fill(anatomy, ports(anatomy, (0.0, -3.0, 4.0), mL=mL)), "endplate_contact_pct", "superior"
        ).value
        for mL in (0.5, 3.0, 6.0)
    ]
    assert touched[0] < touched[1] < touched[2]
    below = outcome(
        fill(anatomy, ports(anatomy, (0.0, -3.0, 4.0), mL=0.5)), "endplate_contact_pct", "inferior"
    )
    assert below.value == 0.0


def test_dense_bone_that_encloses_the_port_limits_the_volume() -> None:
    anatomy = vertebra("straight", lesion_at=(0.0, 200.0, 0.0))
    positions = anatomy.image.positions_mm(np.moveaxis(np.indices(anatomy.image.shape), 0, -1))
    radius = np.linalg.norm(anatomy.frame.local(positions), axis=-1)
    density = anatomy.image.array.copy()
    density[(radius > 6.0) & (radius < 9.5) & anatomy.bone_mask] = CORTEX
    shell = replace(anatomy, image=anatomy.image.with_array(density))
    result = fill(shell, ports(shell, (0.0, 0.0, 0.0), mL=3.0))
    assert outcome(result, "cement_volume_mL", "vertebra_T12").value == pytest.approx(0.9, abs=0.15)
    assert any("dense bone encloses" in warning for warning in result.warnings)


def test_the_same_seed_gives_the_same_uneven_bones_and_another_one_others() -> None:
    anatomy = vertebra("oblique")
    effects = ports(anatomy, (4.0, -7.0, 0.0))
    first, again, other = (fill(anatomy, effects, ensemble=Ensemble(seed, 7)) for seed in (1, 1, 2))
    one, same, different = (
        outcome(r, "endplate_contact_pct", "superior").draws for r in (first, again, other)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, different)
    for a, b in zip(first.fields[0].samples, again.fields[0].samples, strict=True):
        assert np.array_equal(a.array, b.array)


def test_fewer_samples_than_draws_repeat_and_the_interval_is_that_of_the_samples() -> None:
    anatomy = vertebra("oblique")
    result = fill(anatomy, ports(anatomy, (4.0, -7.0, 0.0)), ensemble=Ensemble(1, 29))
    (field,) = result.fields
    assert (len(field.samples), result.diagnostics["samples"], number("growth.draws")) == (12, 12, 12)
    contact = outcome(result, "endplate_contact_pct", "superior")
    assert contact.draws is not None
    assert np.array_equal(contact.draws, contact.draws[[*range(12), *range(12), 0, 1, 2, 3, 4]])
    low, high = np.percentile(contact.draws[:12], [5, 95])
    ends = min(low, contact.value), max(high, contact.value)
    assert (contact.low, contact.high) == pytest.approx(ends)
    assert "over 12 injections" in contact.because[0]


def test_a_port_outside_the_bone_is_refused_with_its_place() -> None:
    anatomy = vertebra("straight")
    with pytest.raises(BadInput, match=r"port at \(.*\) mm lies outside the bone"):
        fill(anatomy, ports(anatomy, (0.0, -40.0, 0.0)))


def test_a_plan_without_cement_has_nothing_to_grow() -> None:
    with pytest.raises(BadInput, match="injects no cement"):
        fill(vertebra("straight"), Effects())


def test_growth_can_be_stopped_between_worlds() -> None:
    anatomy = vertebra("straight")
    seen: list[int] = []

    def stop_at_three(i: int, residual: float) -> bool:
        seen.append(i)
        return i < 3

    with pytest.raises(Cancelled):
        fill(anatomy, ports(anatomy, (4.0, -7.0, 0.0)), ensemble=Ensemble(1, 40), on_step=stop_at_three)
    assert seen == [0, 1, 2, 3]


def test_what_is_placed_is_spread_around_what_was_asked_as_often_below_as_above() -> None:
    anatomy = vertebra("oblique")
    result = fill(anatomy, ports(anatomy, (4.0, -7.0, 0.0), mL=3.0), ensemble=Ensemble(1, 12))
    volume = outcome(result, "cement_volume_mL", "vertebra_T12")
    assert volume.value == pytest.approx(3.0)
    assert volume.draws is not None
    assert 2.0 <= volume.draws.min() < 2.3
    assert 5.0 < volume.draws.max() <= 6.0
    assert (volume.draws < 3.0).sum() == 6
    by_name = {one.name: one for one in result.fields[0].inputs}
    assert by_name["cement_volume"].ends == (2.0, 6.0)
    assert by_name["cement_volume"].samples == pytest.approx(volume.draws)
    assert sorted(np.floor(12 * np.array(by_name["tumour_left"].samples))) == list(range(12))


def test_tumour_that_stays_keeps_cement_out_of_the_part_of_the_void_it_would_reach_last() -> None:
    anatomy = vertebra("oblique", lesion_at=(0.0, -4.0, 0.0), lesion_radius=7.0)
    effects = ports(anatomy, (0.0, -8.0, 0.0), mL=1.4)
    through = medium(anatomy)

    def poured(left: float) -> grow._Poured:
        return grow._pour(anatomy, effects, through, None, grow.Hand(1.0, left, np.zeros(3)))

    empty, half, full = (poured(left) for left in (0.0, 0.5, 1.0))
    in_void = [one.share[through.void].sum() / through.void.sum() for one in (empty, half, full)]
    assert in_void[0] > 0.9
    assert in_void[1] == pytest.approx(0.5, abs=0.02)
    assert in_void[2] < 0.1
    assert half.placed_mL == pytest.approx(1.4)  # the rest of it goes into the bone around
    assert half.share[through.trabecular].sum() > empty.share[through.trabecular].sum()


def test_cement_that_only_fills_the_void_has_no_anchorage_and_the_plan_says_so() -> None:
    anatomy = vertebra("oblique", lesion_at=(0.0, -4.0, 0.0), lesion_radius=8.0)
    in_void = fill(anatomy, ports(anatomy, (0.0, -4.0, 0.0), mL=1.0))
    assert outcome(in_void, "cement_anchored_pct", "vertebra_T12").value == 0.0
    assert in_void.warnings[0].startswith("cement anchored in bone by 0 % of its surface")
    whole = vertebra("oblique", lesion_at=(0.0, 200.0, 0.0))
    beside = fill(whole, ports(whole, (0.0, -4.0, 0.0), mL=1.0))
    assert outcome(beside, "cement_anchored_pct", "vertebra_T12").value == 100.0
    assert not any("anchorage" in line for line in beside.warnings)


def test_a_tip_that_lands_in_dense_bone_fills_from_the_nearest_place_that_takes_cement() -> None:
    anatomy = vertebra("oblique")
    effects, through = ports(anatomy, (0.0, 0.0, 0.0), mL=0.5), medium(anatomy)
    far = grow._pour(anatomy, effects, through, None, grow.Hand(1.0, 0.0, np.array([0.0, 0.0, 60.0])))
    assert far.placed_mL == pytest.approx(0.5)
