"""A result is frozen: a page prints what was handed in, and asks no other room for anything."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

import osteoplan
from osteoplan.errors import BadInput
from osteoplan.io.migrations import NEWEST, SCHEMA
from osteoplan.io.plan_json import json_schema, option_noun, plan_document, read_plan, wordings_noun
from osteoplan.model.plan import Deliver, Segment, Step
from tests.report_fixture import changed, plan_result

REPORT = Path(osteoplan.__file__).parent / "report"
ABOUT_KNOWLEDGE = ("knowledge_", "rule_")  # pages whose subject is the data themselves
PAGES = sorted(path for path in REPORT.glob("*.py") if not path.name.startswith(ABOUT_KNOWLEDGE))
ROOMS = ("knowledge", "pathway", "anatomy", "techniques", "mechanics", "cement", "decide")
PURE = {"osteoplan.trajectory.reach"}  # angles of a line as a C-arm sees it


def asked(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return [name for name in found if name.split(".")[:1] == ["osteoplan"]]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_of_a_result_asks_no_room(page: Path) -> None:
    of_rooms = [name for name in asked(page) if name.split(".")[1] in (*ROOMS, "trajectory")]
    assert set(of_rooms) <= PURE


STORED = sorted((Path(__file__).parents[1] / "golden" / "plans").glob("plan-*.json"))


def test_every_older_schema_has_a_stored_plan() -> None:
    assert [path.stem for path in STORED] == [f"plan-{n}" for n in range(1, NEWEST)]


OLD = {
    "height_load_N": "strength_N", "strength_N": "pistoia_load_N",
    "stiffness_ratio_to_intact": "strength_ratio_to_intact",
    "stiffness_ratio_to_now": "strength_ratio_to_now",
}  # fmt: skip


def plain(outcome: dict[str, object]) -> dict[str, object]:
    """An outcome as the first plans had it: 0.0068 K H was called a strength, no criterion was named."""
    kept = {key: value for key, value in outcome.items() if key not in ("criterion", "beside")}
    return {**kept, "id": OLD.get(str(outcome["id"]), outcome["id"])}


def test_what_was_called_the_strength_of_a_vertebra_is_read_as_the_stiffness_that_it_was() -> None:
    old, new = json.loads(STORED[0].read_text(encoding="utf-8")), read_plan(STORED[0])
    assert old["comparison"]["ranked_by"] == "strength_ratio_to_intact"
    assert new["comparison"]["ranked_by"] == "stiffness_ratio_to_intact"
    assert {one["outcome"]["id"] for one in new["comparison"]["differences"]} == {"stiffness_ratio_to_intact"}
    assert {one["outcome"] for one in new["sensitivity"]} == {"stiffness_ratio_to_intact"}
    assert new["comparison"]["groups"] == [[id] for id in old["comparison"]["ranking"]]


@pytest.mark.parametrize("stored", STORED, ids=lambda path: path.stem)
def test_a_stored_plan_of_an_older_schema_is_read_as_this_one_would_hold_it(stored: Path) -> None:
    old, new = json.loads(stored.read_text(encoding="utf-8")), read_plan(stored)
    assert new["schema"] == SCHEMA
    jsonschema.validate(new, json_schema())
    assert [plain(one) for one in new["now"]] == old["now"]
    for was, now in zip(old["options"], new["options"], strict=True):
        told = {name: [plain(one) for one in now[name]] for name in ("outcomes", "clearances")}
        assert {key: {**now, **told}[key] for key in was} == was
        assert option_noun(now).plan.title == was["title"]
        assert len(now["short_title"]) <= 40
    assert wordings_noun(new) is None, "nobody knows any more what an older version said"


def test_the_first_plans_had_no_standings_and_are_read_without(tmp_path: Path) -> None:
    first = json.loads(STORED[0].read_text(encoding="utf-8"))
    for key in ("standings", "conflicts", "survival", "knowledge", "sensitivity", "rigidity"):
        del first[key]
    del first["comparison"]["between"]
    (tmp_path / "plan.json").write_text(json.dumps(first), encoding="utf-8")
    read = read_plan(tmp_path / "plan.json")
    assert (read["standings"], read["survival"], read["comparison"]["between"]) == ([], None, [])


def test_a_plan_of_a_newer_schema_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    newer = {"schema": f"osteoplan.plan/{NEWEST + 1}"}
    (tmp_path / "plan.json").write_text(json.dumps(newer), encoding="utf-8")
    with pytest.raises(BadInput, match=r"made by a newer version .*: update osteoplan"):
        read_plan(tmp_path / "plan.json")


def test_the_words_of_the_day_come_back_as_they_were() -> None:
    result = plan_result()
    document = json.loads(json.dumps(plan_document(result, case_folder="case")))
    assert wordings_noun(document) == result.wordings


def test_heat_of_an_older_plan_is_one_segment_through_the_nearest_way(tmp_path: Path) -> None:
    old = json.loads(STORED[0].read_text(encoding="utf-8"))
    steps = next(one["steps"] for one in old["options"] if any(s["act"] == "place" for s in one["steps"]))
    place = next(step for step in steps if step["act"] == "place")
    near = [x + 0.5 for x in place["target_mm"]]
    far = {**place, "order": 77, "target_mm": [x + 50.0 for x in place["target_mm"]]}
    heat = {"device": "probe", "source": "rf_bipolar", "at_mm": near, "duration_s": 300.0, "power_W": 20.0}
    steps += [far, {"act": "deliver", "order": 78, "session": 1, "why": "", **heat}]
    (tmp_path / "plan.json").write_text(json.dumps(old), encoding="utf-8")
    read = read_plan(tmp_path / "plan.json")
    (act,) = (s.act for o in read["options"] for s in option_noun(o).plan.steps if isinstance(s.act, Deliver))
    assert act == Deliver(
        "probe", "rf_bipolar", (Segment(300.0, 20.0),), (tuple(near),), (place["order"],)
    )  # fmt: skip


def test_a_protocol_of_several_probes_comes_back_as_it_was_and_keeps_the_schema() -> None:
    act = Deliver(
        "probe", "cold", (Segment(600.0, set_degC=-75.0, duty=0.8), Segment(480.0)),
        ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0)), (1, 2),
    )  # fmt: skip
    result = plan_result()
    option = result.simulations.options[0]
    option = replace(option, plan=replace(option.plan, steps=(*option.plan.steps, Step(70, act))))
    document = json.loads(json.dumps(plan_document(changed(result, options=(option,)), case_folder="case")))
    jsonschema.validate(document, json_schema())
    assert option_noun(document["options"][0]).plan.steps[-1].act == act
    document["options"][0]["steps"][-1]["segments"][0]["watts"] = 3.0
    with pytest.raises(BadInput, match="is no act of this version"):
        option_noun(document["options"][0])
