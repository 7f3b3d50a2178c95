"""The shell: exit status, one line for bad input, JSON on stdout alone."""

import json
import subprocess
import sys
import time

import pytest

import osteoplan
from osteoplan.cli import main
from osteoplan.cli.app import app
from osteoplan.cli.tables import needed_first


def run(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def refused(capsys, *arguments):
    status, out, err = run(capsys, *arguments)
    assert status == 2
    assert out == ""
    assert len(err.strip().splitlines()) == 1, err
    assert "Traceback" not in err
    return err


def test_a_score_is_printed_for_people_and_for_programs(capsys):
    pairs = ("location=junctional", "pain=mechanical", "lesion=lytic")
    status, out, _ = run(capsys, "score", "sins", *pairs)
    assert status == 0
    assert "8 to 18 of 18" in out
    assert "Research use only" in out
    status, out, err = run(capsys, "score", "sins", *pairs, "--json")
    assert json.loads(out)["total"] == [8, 18]
    assert err == ""


def test_a_pathway_file_gives_verdicts_and_questions(capsys, tmp_path):
    facts = tmp_path / "facts.yaml"
    facts.write_text("region: spine\nsins: 14\nbenign: false\n")
    status, out, _ = run(capsys, "pathway", facts, "--json")
    document = json.loads(out)
    truths = {verdict["rule"]: verdict["truth"] for verdict in document["verdicts"]}
    assert status == 0
    assert truths["SP1"] is True
    assert truths["S2"] is None  # nobody said whether there is a deficit: unknown, never "no"
    assert any(question["fact"] == "new_neuro_deficit" for question in document["questions"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plann"], 'Did you mean "plan"'),
        (["plan"], "requires an argument"),
        (["plan", "nowhere"], "no case.yaml here"),
        (["plan", "nowhere", "--draws", "3"], "--draws 3 is outside"),
        (["plan", "nowhere", "--spacing", "9"], "fitted at 1 to 3 mm"),
        (["strength", "nowhere"], "no case.yaml here"),
        (["check", "nowhere"], "no case.yaml here"),
        (["score", "sinns"], "did you mean 'sins'"),
        (["score", "sins", "loc=junctional"], "did you mean 'location'"),
        (["score", "sins", "pain"], "is not key=value"),
        (["score", "sins", "pain=none", "pain=mechanical"], "given twice"),
        (["pathway", "nowhere.yaml"], "no such file"),
        (["replay", "nowhere.json"], "no such file"),
        (["demo", "knee"], "knee"),
        (["init", "x", "--ct", "nowhere.nii.gz"], "no such file"),
        (["simulate-lesion", "x", "--bone", "vertebra_T12", "--axes", "1,2"], "--axes takes 3 numbers"),
    ],
)
def test_bad_input_is_one_line_and_exit_status_two(capsys, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert words in refused(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_fact_names_its_neighbour(capsys, tmp_path):
    facts = tmp_path / "facts.yaml"
    facts.write_text("region: spine\nbilski: '2'\n")
    assert "did you mean 'bilsky'" in refused(capsys, "pathway", facts)


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, osteoplan; print(','.join(m for m in "
        "('numpy','scipy','numba','nibabel','matplotlib','skimage','jinja2','pydantic') if m in sys.modules))"
    )
    start = time.perf_counter()
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""
    assert time.perf_counter() - start < 3.0  # a gross guard; benchmarks/imports.py measures it


def test_every_public_name_is_there():
    assert set(osteoplan.__all__) == {"__version__", *osteoplan._HOMES}
    assert all(getattr(osteoplan, name) is not None for name in osteoplan.__all__)
    with pytest.raises(AttributeError, match="no attribute 'plann'"):
        _ = osteoplan.plann


def test_every_command_has_an_example(capsys):
    single = [[name] for name in app if not name.startswith("-")]
    grouped = [["knowledge", name] for name in app["knowledge"] if not name.startswith("-")]
    for command in (*single, *grouped):
        status, out, _ = run(capsys, *command, "--help")
        assert status == 0
        assert f"osteoplan {' '.join(command)}" in out.split("Example:")[1]


def test_what_a_plan_needs_is_not_buried_among_open_scores_and_facts():
    needs = [
        {"purpose": "strength in newtons", "what": "density", "state": "missing", "todo": "calibrate"},
        {"purpose": "score: SINS", "what": "pain", "state": "missing", "todo": "add"},
        {"purpose": "score: Mirels", "what": "every item", "state": "there", "todo": ""},
    ]
    first, told = needed_first(needs, [f"fact{n}: what is it? (asked by R{n})" for n in range(45)])
    assert [need["purpose"] for need in first] == ["strength in newtons", "score: Mirels"]
    (line,) = told
    assert "1 scores are ranges, 45 facts are unknown (first fact0, fact1, fact2)" in line
    assert "--all" in line
    assert needed_first(needs[:1], ()) == (needs[:1], ())
