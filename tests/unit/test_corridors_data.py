"""Templates of corridors: the package's, and a centre's own file."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.corridors import (
    corridor_sets,
    load_template,
    template,
    templates,
)
from osteoplan.knowledge.refs import citation
from osteoplan.knowledge.values import values
from osteoplan.trajectory.corridors.find import corridors
from tests.corridor_made import GRIDS, along_x, ring_with_foramina, screw

WANTED = {
    "superior_ramus_antegrade", "superior_ramus_retrograde", "posterior_column", "lc2", "iliosacral_s1",
    "iliosacral_s2", "transsacral_s1", "transsacral_s2", "iliac_crest", "ischium", "femoral_neck_lower",
    "femoral_neck_upper_front", "femoral_neck_upper_back", "humeral_head", "sternum", "odontoid", "pedicle",
    "reverse_roy_camille",
}  # fmt: skip


def own(tmp_path: Path, **changes: object) -> Path:
    """A centre's file: the made bar, changed."""
    content = along_x(60.0, 22.0).model_dump(mode="json", exclude_none=True)
    content = {"id": "our_bar", **{k: v for k, v in content.items() if k != "id"}, **changes}
    path = tmp_path / "bar.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def test_every_corridor_of_the_issue_is_there() -> None:
    assert set(templates()) >= WANTED
    with pytest.raises(UnknownName, match="did you mean 'pedicle'"):
        template("pedicel")


@pytest.mark.parametrize("name", sorted(templates()))
def test_a_template_is_unverified_until_a_clinician_has_read_it_and_its_sources_resolve(name: str) -> None:
    one = template(name)
    assert one.status != "verified"
    assert one.note
    assert one.margins_mm["wall"] >= 0.5  # a slow checker is to find at least that much bone around a screw
    assert one.diameters_mm[0] < one.diameters_mm[1]
    for row in (one, *one.published, *([one.spread] if one.spread else ())):
        for key in row.cite:
            assert citation(key).text
    for row in one.published:
        assert row.cite or row.status != "verified"


@pytest.mark.parametrize("name", sorted(corridor_sets()))
def test_a_set_is_made_of_corridors_that_exist_on_the_same_sides(name: str) -> None:
    members = [template(member) for member in corridor_sets()[name].members]
    assert len({one.sides for one in members}) == 1


def test_the_tripod_is_three_corridors_around_the_socket() -> None:
    assert len(corridor_sets()["acetabular_tripod"].members) == 3


def test_retrograde_is_antegrade_turned_round() -> None:
    there, back = template("superior_ramus_antegrade"), template("superior_ramus_retrograde")
    assert (there.entry, there.exit) == (back.exit, back.entry)


def test_the_numbers_of_the_search_are_our_own_defaults() -> None:
    assert {row.status for row in values("corridor_search").values()} == {"design_default"}


def test_every_corridor_and_set_of_the_package_has_a_short_title() -> None:
    told = [one.short_title for one in (*templates().values(), *corridor_sets().values())]
    assert all(told)
    assert len(set(told)) == len(told)


def test_a_centres_own_template_is_read_and_used(tmp_path: Path) -> None:
    one = load_template(own(tmp_path))
    (way,) = corridors(ring_with_foramina().on(GRIDS[0]), [one], screws=[screw(6.5)])
    assert (way.id, way.approach, way.status) == ("our_bar", "our_bar", "fits")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "pedicle"}, "is a corridor of the package"),
        ({"id": "Our Bar"}, "id: string should match"),
        ({"margins_mm": {"nerve": 2.0}}, "needs 'wall'"),
        ({"margins_mm": {"wall": 1.0, "nerv": 2.0}}, "margins_mm.nerv"),
        ({"sides": []}, "sides"),
        ({"levels": ["L3"]}, "go together"),
        ({"bones": ["femur_left"]}, "not among the bones"),
        ({"bones": ["hip_left", "hip_{sides}"]}, "'{sides}' is not filled in"),
        ({"also": {"vertebrae_S1": "sacrum"}}, "'also' names a bone"),
        ({"exit_kind": "inside"}, "faces nowhere"),
        ({"colour": "red"}, "colour: extra inputs"),
        ({"status": "sure"}, "status"),
        ({"entry": {"bone": "hip_left", "frame": "acetabulum"}}, "give 'within'"),
        ({"entry": {"bone": "hip_left", "frame": "hip", "within": 9}}, "the frame 'hip' is none of"),
        (
            {"entry": {"bone": "hip_left", "frame": "own", "within": 9, "lateral": [3, -3]}},
            "lower to its high",
        ),
        ({"bridges": [{"between": ["hip_left", "sacrum"], "gap_mm": 8, "joint": "x"}]}, "a bridge ends on"),
    ],
)
def test_a_faulty_template_of_a_centre_is_told_in_a_sentence(tmp_path: Path, changes, said: str) -> None:
    with pytest.raises(BadInput) as told:
        load_template(own(tmp_path, **changes))
    assert said in str(told.value)
    assert "bar.yaml" in str(told.value)


def test_a_file_that_is_not_there_or_no_yaml_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        load_template(tmp_path / "none.yaml")
    path = tmp_path / "twice.yaml"
    path.write_text("id: a\nid: b\n", encoding="utf-8")
    with pytest.raises(BadInput, match="stands twice"):
        load_template(path)
