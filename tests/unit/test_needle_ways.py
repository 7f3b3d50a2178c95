"""Needle paths of an approach, in a vertebra of known shape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.errors import UnknownName
from osteoplan.knowledge.approaches import approach, approaches, approaches_of
from osteoplan.knowledge.devices import device
from osteoplan.knowledge.guidance import guidance
from osteoplan.knowledge.values import values
from osteoplan.model.anatomy import Anatomy, Structure
from osteoplan.trajectory.needles.limits import NeedleTask, needle_rules
from osteoplan.trajectory.needles.search import NeedleSearch, needle_ways, recheck
from osteoplan.trajectory.surroundings import surroundings
from tests.made_setting import ENSEMBLE
from tests.synthetic_vertebra import Grid, vertebra, with_structure

GRIDS: tuple[Grid, ...] = ("straight", "oblique", "left_handed")


def task(name: str = "transpedicular", side: str = "left", **changes: object) -> NeedleTask:
    made = NeedleTask(
        approach(name), side, "prone", device("cannula_13g"), (guidance("freehand_ct"),), needle_rules(),
        (31.0, -17.0, 240.0),
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def search(anatomy: Anatomy, asked: NeedleTask) -> NeedleSearch:
    return needle_ways(surroundings(anatomy), asked, ENSEMBLE)


@pytest.fixture(scope="module")
def whole() -> Anatomy:
    return vertebra("oblique", lesion_radius=8.0)


@pytest.fixture(scope="module")
def found(whole: Anatomy) -> NeedleSearch:
    return search(whole, task())


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("side", ["left", "right"])
def test_proposals_run_through_the_pedicle_into_the_lesion_from_behind(grid: Grid, side: str) -> None:
    # a lesion on the needle's own side: a pedicle as long as this one leads nowhere else
    sign = 1.0 if side == "left" else -1.0
    anatomy = vertebra(grid, lesion_at=(4.0 * sign, -3.0, 0.0))
    ways = search(anatomy, task(side=side)).ways
    assert all(way.ok for way in ways)
    for way in ways:
        entry, tip = (anatomy.frame.local(end) for end in (way.entry_mm, way.target_mm))
        outward = (entry - tip) / np.linalg.norm(entry - tip)
        share = (14.0 - tip[1]) / outward[1]  # where the way leaves the body: the pedicle's front
        left, _, up = tip + share * outward
        # the pedicle is a box 10 to 19 mm beside the middle, 4 below to 10 above
        assert 10.0 + 1.2 < sign * left < 19.0 - 1.2
        assert -4.0 + 1.2 < up < 10.0 - 1.2
        assert np.linalg.norm(tip - [4.0 * sign, -3.0, 0.0]) < 6.0  # in the ball of the lesion
        assert entry[1] > 50.0


def test_every_proposal_keeps_every_limit_when_it_is_measured_afresh(
    whole: Anatomy, found: NeedleSearch
) -> None:
    entries, tips = (np.array([getattr(way, end) for way in found.ways]) for end in ("entry_mm", "target_mm"))
    assert recheck(surroundings(whole), task(), entries, tips).all()
    for way in found.ways:
        assert all(gap.gap_mm >= gap.needed_mm for gap in way.gaps), way.id


def test_proposals_differ_by_entry_or_direction(whole: Anatomy) -> None:
    ways = search(whole, task("parapedicular_costovertebral")).ways
    assert 2 <= len(ways) <= 5
    axes = [(np.array(way.entry_mm), np.array(way.entry_mm) - np.array(way.target_mm)) for way in ways]
    for n, (entry, axis) in enumerate(axes):
        for other, along in axes[n + 1 :]:
            cosine = axis @ along / np.linalg.norm(axis) / np.linalg.norm(along)
            assert np.linalg.norm(entry - other) >= 10.0 or np.degrees(np.arccos(cosine)) >= 10.0


def test_the_steadiest_proposal_stands_first(found: NeedleSearch) -> None:
    breaches = [way.budget.breach["any"] for way in found.ways if way.budget]
    assert len(breaches) == len(found.ways)
    assert breaches == sorted(breaches)
    assert found.ways[0].id == "transpedicular_left_1"


def test_the_same_search_twice_gives_the_same_ways(whole: Anatomy, found: NeedleSearch) -> None:
    again = search(whole, task())
    assert [way.entry_mm for way in again.ways] == [way.entry_mm for way in found.ways]
    assert dict(again.rejected) == dict(found.rejected)


def test_paths_that_break_a_limit_are_counted_by_it(found: NeedleSearch) -> None:
    assert found.tried > 500
    assert 0 < found.rejected["wall_depth_min_mm"] < found.tried
    assert (
        found.rejected["skin"] < 0.05 * found.tried
    )  # the image holds the skin wherever these paths leave it


def test_a_pedicle_too_narrow_gives_none_with_the_bone_that_is_there() -> None:
    narrow = vertebra("straight", pedicle_half_width=1.6)
    way = search(narrow, task()).ways[0]
    assert not way.ok
    assert any("bone" in reason and ("needed" in reason or "out of" in reason) for reason in way.reasons)
    assert way.entry_mm is not None  # where the best miss runs is shown


def test_beside_a_narrow_pedicle_there_is_a_way() -> None:
    narrow = vertebra("straight", pedicle_half_width=1.6)
    assert search(narrow, task("parapedicular_costovertebral")).ways[0].ok


def test_supine_a_way_from_behind_is_not_reached_and_says_so(whole: Anatomy) -> None:
    way = search(whole, task(position="supine")).ways[0]
    assert not way.ok
    assert any("table" in reason for reason in way.reasons)


def test_a_needle_too_short_is_told_with_both_lengths(whole: Anatomy) -> None:
    known = device("cannula_13g").values["length_mm"]
    short = replace(
        device("cannula_13g"),
        values={**device("cannula_13g").values, "length_mm": replace(known, value=40.0)},
    )
    way = search(whole, task(device=short)).ways[0]
    assert not way.ok
    assert any("mm long" in reason and "reaches 30 mm" in reason for reason in way.reasons)


def test_an_image_without_skin_gives_no_way_and_asks_for_a_wider_one(whole: Anatomy) -> None:
    way = search(replace(whole, body_surface=np.ones_like(whole.body_surface)), task()).ways[0]
    assert not way.ok
    assert any("use a wider CT" in reason for reason in way.reasons)


def test_a_vessel_in_the_way_moves_or_ends_it(whole: Anatomy) -> None:
    at = whole.image.positions_mm(np.moveaxis(np.indices(whole.image.shape), 0, -1))
    left, back, _ = np.moveaxis(whole.frame.local(at), -1, 0)
    sheet = (np.abs(back - 48.0) < 3.0) & (left > -60.0) & (left < 60.0)
    blocked = with_structure(whole, Structure("graft", "vessel", sheet, True))
    ended = search(blocked, task())
    assert not ended.ways[0].ok
    assert any("graft" in reason for reason in ended.ways[0].reasons)
    assert ended.rejected["vessel_clearance_min_mm"] == ended.tried


def test_metal_in_the_pedicle_blocks_it() -> None:
    from osteoplan.model.anatomy import Implant

    middle = vertebra("oblique", lesion_at=(0.0, -3.0, 0.0), lesion_radius=9.0)
    screw = middle.parts["pedicle_left"]
    held = replace(middle, implants=(Implant("metal", screw, 3000.0, 1.0),))
    way = search(held, task()).ways[0]
    assert not way.ok
    assert any("metal" in reason for reason in way.reasons)
    assert search(held, task(side="right")).ways[0].ok


def test_what_nobody_labelled_is_unchecked_and_not_safe(found: NeedleSearch) -> None:
    # the vertebra of known shape has canal, aorta and lungs, but no roots, foramina or recess
    assert set(found.ways[0].unchecked) == {"neural foramen", "nerve root", "pleural recess"}


def test_a_joint_stops_a_way_unless_the_approach_crosses_it(whole: Anatomy) -> None:
    at = whole.image.positions_mm(np.moveaxis(np.indices(whole.image.shape), 0, -1))
    _, back, _ = np.moveaxis(whole.frame.local(at), -1, 0)
    joint = Structure("sacroiliac_joint_left", "joint", np.abs(back - 48.0) < 3.0, True)
    jointed = with_structure(whole, joint)
    assert not search(jointed, task()).ways[0].ok
    through = approach("transpedicular")
    assert through.needle is not None
    crossing = through.model_copy(
        update={"needle": through.needle.model_copy(update={"joints_crossed": ("sacroiliac_joint",)})}
    )
    assert search(jointed, task(approach=crossing)).ways[0].ok


def test_a_bore_too_narrow_for_the_outer_end_is_a_reason(whole: Anatomy) -> None:
    way = search(whole, task(isocentre_mm=(31.0, -420.0, 240.0))).ways[0]
    assert not way.ok
    assert any("bore" in reason for reason in way.reasons)


def test_a_bone_without_the_landmark_has_no_way_through_it(whole: Anatomy) -> None:
    way = search(whole, task("femoral_neck")).ways[0]
    assert not way.ok
    assert "frame" in way.reasons[0]


def test_a_centre_sets_its_own_limits_by_their_names() -> None:
    assert needle_rules({"canal_clearance_min_mm": 4.0}).clearance_mm["canal"] == 4.0
    with pytest.raises(UnknownName, match="canal_clearance_min_mm"):
        needle_rules({"canal_clearence_min_mm": 4.0})


def test_every_limit_has_a_unit_at_the_end_of_its_name() -> None:
    for name, known in values("needle").items():
        if known.unit != "1":
            assert name.endswith(f"_{known.unit}"), name


def test_every_needle_approach_names_its_bones_side_and_positions() -> None:
    for one in approaches().values():
        if one.needle is not None:
            assert np.linalg.norm(one.needle.outward) == pytest.approx(1.0, abs=0.2), one.id
            assert one.needle.positions, one.id


def test_issue_d_lists_these_approaches() -> None:
    asked = {
        "vertebra_T12": {"transpedicular", "parapedicular_costovertebral"},
        "vertebra_L3": {"transpedicular", "transforaminal_posterolateral"},
        "vertebra_C5": {"anterolateral_cervical"},
        "sacrum": {"sacral_long_axis", "sacral_short_axis", "transiliac"},
        "hemipelvis_left": {"iliac", "supraacetabular", "transiliac"},
        "femur_right": {"femoral_neck"},
        "humerus_left": {"humeral_proximal"},
        "scapula_left": {"scapular"},
        "sternum": {"sternal"},
        "rib_left_7": {"costal"},
    }
    for bone, names in asked.items():
        assert names <= {one.id for one in approaches_of(bone) if one.needle is not None}, bone
    assert approach("anterolateral_cervical").warned


def test_a_lesion_outside_the_region_is_refused_in_a_sentence(whole: Anatomy) -> None:
    way = search(replace(whole, lesion_mask=np.zeros_like(whole.lesion_mask)), task()).ways[0]
    assert not way.ok
    assert "no needle can be aimed" in way.reasons[0]


def test_a_needle_is_called_only_what_every_path_of_its_cone_is() -> None:
    """From the front into a ramus nothing runs from spine to spine above the acetabulum."""
    title = approaches()["supraacetabular"].title
    assert "spine" not in title
    assert "from the side or the front" in title
