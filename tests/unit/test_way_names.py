"""One way has one name, a row's title fits, and what the scan stops short of is not judged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from osteoplan.errors import BadInput
from osteoplan.knowledge.approaches import approaches, approaches_of
from osteoplan.knowledge.devices import device
from osteoplan.knowledge.guidance import guidance
from osteoplan.model.construct import Construct, Screw
from osteoplan.model.plan import OFF_SCAN, Option, Plan, Reason, Violation
from osteoplan.model.trajectory import Trajectory
from osteoplan.techniques.fixation import no_corridor, short_title
from osteoplan.trajectory.needles.candidates import named_so, outward_axis
from osteoplan.trajectory.needles.limits import NeedleTask, needle_rules
from osteoplan.trajectory.needles.search import once_each
from osteoplan.trajectory.surroundings import distance_maps, surroundings
from osteoplan.workflow import options as verb
from tests.made_setting import setting_of
from tests.synthetic_vertebra import vertebra

HIP = surroundings(replace(vertebra("straight"), bone="hemipelvis_left"))


def way(n: int, entry, tip=(0.0, 0.0, 0.0), **changes) -> Trajectory:
    made = Trajectory(
        f"iliac_left_{n}", f"along the wing, {n}", "needle", "iliac", "fits", side="left", entry_mm=entry,
        target_mm=tip,
    )  # fmt: skip
    return replace(made, **changes)


def test_every_direction_into_a_hip_bone_has_exactly_one_name() -> None:
    rng = np.random.default_rng(1)
    directions = rng.standard_normal((2000, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    frame, reached, named = HIP.frames["hip_left"], np.zeros(2000, dtype=int), np.zeros(2000, dtype=int)
    asked = [one for one in approaches_of("hemipelvis_left") if one.needle is not None]
    assert len(asked) >= 4
    for one in asked:
        task = NeedleTask(
            one, "left", "prone", device("cannula_13g"), (guidance("freehand_ct"),), needle_rules()
        )
        axis = outward_axis(next(iter(frame.values())), one.needle, "left")
        inside = directions @ axis >= np.cos(np.radians(one.needle.within_deg))
        reached += inside
        named += inside & named_so(HIP, task, directions)
    assert (reached > 1).sum() > 300  # the cones overlap: that is why one way had two names
    assert (named[reached > 0] == 1).all()


def test_from_the_side_is_not_along_the_wing() -> None:
    side = np.array([[1.0, 0.0, 0.0]])
    for name, held in (("iliac", False), ("transiliac", True), ("supraacetabular", False)):
        task = NeedleTask(
            approaches()[name], "left", "prone", device("cannula_13g"), (guidance("freehand_ct"),),
            needle_rules(),
        )  # fmt: skip
        assert named_so(HIP, task, side).tolist() == [held], name


def test_two_ways_that_come_to_one_are_told_once_with_both_names() -> None:
    ways = (
        way(1, (90.0, 0.0, 0.0)),
        way(2, (90.0, 4.0, 0.0), (0.0, 1.0, 0.0), name="from the side, 1"),
        way(3, (90.0, 12.0, 0.0)),  # enters 12 mm away: another way
        way(4, (90.0, 1.0, 0.0), status="none", reasons=("too narrow",)),
    )
    told = once_each(ways, needle_rules())
    assert [one.id for one in told] == ["iliac_left_1", "iliac_left_3", "iliac_left_4"]
    assert told[0].reasons == ("also found as: from the side, 1",)


def test_a_short_title_has_at_most_40_characters_and_the_long_one_stays() -> None:
    long = "screws with cement, supra-acetabular (LC2), from spine to spine, right (1 screw)"
    made = Plan("a", "b", long, "L1", short_title="LC2 screw + cement, right")
    assert (made.title, made.short_title) == (long, "LC2 screw + cement, right")
    assert Plan("a", "b", "open surgery", "L1").short_title == "open surgery"
    with pytest.raises(BadInput, match="longer than 40 characters; give a short_title"):
        Plan("a", "b", long, "L1")


@pytest.mark.parametrize(
    ("ids", "sides", "cement", "said"),
    [
        (["lc2"], "r", " + cement", "LC2 screw + cement, right"),
        (["lc2", "posterior_column"], "ll", "", "LC2 + post. column screws, left"),
        (["superior_ramus_antegrade", "posterior_column", "lc2"], "lll", " + cement",
         "tripod screws + cement, left"),
        (["superior_ramus_antegrade", "posterior_column"], "ll", " + cement",
         "superior ramus + 1 screw + cement, left"),
        (["transsacral_s1"], "", "", "transsacral S1 screw"),
    ],
)  # fmt: skip
def test_screws_have_short_titles_of_their_corridors(ids, sides, cement: str, said: str) -> None:
    def screw(id: str, side: str) -> Screw:
        at = (0.0, 0.0, 0.0)
        return Screw("s", f"{id}_{side}", id, id, side, at, at, 90.0, 7.0, 4.5, 32.0, at)

    word = {"l": "left", "r": "right", "": ""}
    made = Construct("x", "x", tuple(screw(id, word[sides[n : n + 1]]) for n, id in enumerate(ids)))
    assert short_title(made, cement) == said
    assert len(said) <= 40


def test_what_the_scan_stops_short_of_is_not_judged_and_never_infeasible(monkeypatch) -> None:
    setting = setting_of(vertebra("straight"), "percutaneous_screws")
    off = way(1, None, None, status="not_judged", reasons=("not judged: the scan stops 41 mm from it",))
    plan = Plan("percutaneous_screws_none", "percutaneous_screws", "screws: no corridor", "L1")
    (said,) = no_corridor(plan, (off,), setting)
    assert (said.limit, said.text) == (
        OFF_SCAN, "along the wing, 1: not judged: the scan stops 41 mm from it",
    )  # fmt: skip
    technique = type("T", (), {"id": "percutaneous_screws"})()
    status, reasons = verb._status(technique, verb._Proposal(plan, (said,)), (), None)
    assert Option(plan, "plan", status, reasons).not_judged
    assert status != "infeasible"
    both = (said, Violation("corridor", "too narrow"))
    assert verb._status(technique, verb._Proposal(plan, both), (), None)[0] == "infeasible"
    assert not Option(plan, "plan", "failed", (Reason("a mesh that tears"),)).not_judged


def test_the_way_to_the_edge_of_an_image_is_measured_along_the_axis() -> None:
    maps = distance_maps(surroundings(vertebra("oblique")))
    middle = maps.grid.positions_mm((np.array(maps.grid.shape) - 1) / 2.0)
    outward = np.array([0.6, 0.48, 0.64])
    away = maps.to_edge_mm(middle, outward)
    assert maps.inside_grid(middle + (away - 0.01) * outward)
    assert not maps.inside_grid(middle + (away + 3.0) * outward)
