"""osteoplan ways from the shell, end to end, on a crop of the real chest scan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from osteoplan.cli import main
from osteoplan.io.markups import read_markups

ELLIPSOID = "18.5,54,-255,26,20,18"


@pytest.fixture(scope="module")
def case(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """T12 with a lesion drawn as an ellipsoid, done prone."""
    source, folder = data / "chest_spine", tmp_path_factory.mktemp("ways") / "case"
    labels = ["--labels", source / "T10-L2_mask.nii.gz", "--names", source / "structures.csv"]
    lesion = ["--ellipsoid", ELLIPSOID, "--bone", "vertebra_T12", "--side", "midline", "--matrix", "lytic"]
    assert run("init", folder, "--ct", source / "T10-L2_ct.nii.gz", *labels, "--kvp", 120, *lesion) == 0
    content = yaml.safe_load((folder / "case.yaml").read_text())
    content["procedure"] = {"position": "prone", "scan_position": "supine"}
    content["goals"] = {"intent": "palliative"}
    (folder / "case.yaml").write_text(yaml.safe_dump(content))
    return folder


@pytest.fixture(scope="module")
def found(case: Path) -> dict[str, Any]:
    """What the command wrote."""
    assert run("ways", case, "--probes", "mwa", "--at-most", 2) == 0
    document: dict[str, Any] = json.loads((case / "ways" / "ways.json").read_text())
    return document


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


@pytest.mark.slow
def test_each_way_has_what_programs_were_promised(found: dict[str, Any]) -> None:
    promised = {"name", "kind", "status", "reasons", "entry_mm", "target_mm", "clearances"}
    assert found["ways"]
    for way in found["ways"]:
        assert promised <= way.keys()
        assert way["kind"] in ("needle", "corridor")
        assert way["status"] in ("fits", "none")
        assert way["reasons"] or way["status"] == "fits"
    approaches = {(way["approach"], way["side"]) for way in found["ways"]}
    assert {("transpedicular", "left"), ("transpedicular", "right"), ("pedicle", "left")} <= approaches


def test_a_way_that_fits_keeps_its_margins_and_tells_how_it_forgives(found: dict[str, Any]) -> None:
    fitting = [way for way in found["ways"] if way["status"] == "fits" and way["kind"] == "needle"]
    assert fitting
    for way in fitting:
        assert all(gap["gap_mm"] >= gap["needed_mm"] - 1e-3 for gap in way["clearances"])
        assert 0.0 <= way["budget"]["breach_probability"]["any"] <= 1.0
        length = np.linalg.norm(np.subtract(way["entry_mm"], way["target_mm"]))
        assert length == pytest.approx(way["measures"]["length_mm"], abs=0.01)


def test_every_search_says_how_many_paths_fell_to_which_limit(found: dict[str, Any]) -> None:
    counts = found["rejected"]["transpedicular_left"]
    assert counts["tried"] > 100
    assert all(0 < n <= counts["tried"] for n in counts.values())


def test_lines_for_slicer_are_the_ways_themselves(case: Path, found: dict[str, Any]) -> None:
    lines = {line.name: line for line in read_markups(case / "ways" / "ways.mrk.json")}
    placed = [way for way in found["ways"] if way["entry_mm"] and way["target_mm"]]
    assert set(lines) == {way["id"] for way in placed}
    for way in placed:
        assert lines[way["id"]].start_mm == pytest.approx(way["entry_mm"], abs=0.01)
        assert lines[way["id"]].end_mm == pytest.approx(way["target_mm"], abs=0.01)


def test_probes_are_geometry_that_nobody_measured_in_bone(case: Path, found: dict[str, Any]) -> None:
    cover = found["cover"]
    assert "not measured in bone" in cover["words"]
    assert 0.0 <= cover["coverage_pct"] <= 100.0
    assert len(cover["probes"]) <= 2
    assert "kill" not in (case / "ways" / "ways.json").read_text()


def test_the_page_stands_alone_and_says_what_it_is(case: Path, found: dict[str, Any]) -> None:
    page = (case / "ways" / "ways.html").read_text()
    assert "Research use only" in page
    assert "organs move" in page
    assert "NOT confirmed" in page
    assert page.count("data:image/png") > 10
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--guidance", "robott"), "robot"),
        (("--needle", "cannula_12g"), "cannula_1"),
        (("--probes", "cryo"), "applicators in centre.yaml"),
        (("--lesion", "L7"), "L1"),
    ],
)
def test_a_name_that_is_not_known_ends_in_one_line(
    case: Path, options: tuple[str, str], words: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("ways", case, "--out", tmp_path / "ways", *options) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in said
    assert not (tmp_path / "ways").exists()
