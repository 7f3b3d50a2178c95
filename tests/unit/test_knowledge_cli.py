"""The knowledge on the command line: listed, shown, linted, compared, and a pathway that a person reads."""

import json
from pathlib import Path

import pytest

from osteoplan.cli import main
from osteoplan.knowledge.load import release
from osteoplan.knowledge.rules import rules
from osteoplan.knowledge.scores import score_tables
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.workflow.knowledge import KINDS, catalogue, difference, shown

CENTRE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "centre"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def documented(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    status, out, err = run(capsys, *arguments, "--json")
    assert (status, err) == (0, "")
    return json.loads(out)


def test_everything_is_listed_once_with_its_status(capsys):
    found = documented(capsys, "knowledge", "list")
    assert found["release"] == release().version
    named = [(piece["kind"], piece["id"]) for piece in found["pieces"]]
    assert len(named) == len(set(named))
    assert {kind for kind, _ in named} == set(KINDS)
    assert {id for kind, id in named if kind == "rule"} == {rule.id for rule in rules()}
    assert {id for kind, id in named if kind == "score"} == set(score_tables())
    assert {id for kind, id in named if kind == "technique"} == set(technique_cards())


def test_a_list_fits_a_terminal_and_says_how_much_was_checked(capsys):
    status, out, _ = run(capsys, "knowledge", "list", "rule")
    assert status == 0
    assert max(map(len, out.splitlines())) <= 100
    assert "source not read" in out
    assert "no clinician has agreed" in out
    assert "verified" not in out


def test_an_unknown_kind_or_name_tells_its_neighbour(capsys):
    assert "did you mean 'rule'" in run(capsys, "knowledge", "list", "rul")[2]
    status, _, err = run(capsys, "knowledge", "show", "vertebroplast")
    assert status == 2
    assert "did you mean 'vertebroplasty'" in err


@pytest.mark.parametrize(
    "piece", [(p["kind"], p["id"]) for p in catalogue()["pieces"] if p["kind"] != "source"]
)
def test_every_piece_can_be_shown(piece):
    kind, id = piece
    found = shown(f"{kind}:{id}")
    assert (found["kind"], found["id"]) == piece
    assert found["content"]


def test_a_shown_piece_is_readable_and_says_on_whose_word(capsys):
    status, out, _ = run(capsys, "knowledge", "show", "SP4")
    assert status == 0
    assert max(map(len, out.splitlines())) <= 100
    for word in ("when:", "posterior_wall_defect", "WJSO2022", "abstract or secondary", "examples"):
        assert word in out
    assert "Research use only" in out


def test_a_name_that_stands_for_two_things_says_so(capsys):
    found = documented(capsys, "knowledge", "show", "sins")
    assert found["kind"] == "score"
    assert found["also"] == ["fact:sins"]
    assert documented(capsys, "knowledge", "show", "fact:sins")["used_by"][:2] == ["SP1", "SP1b"]


@pytest.mark.parametrize(
    ("written", "id"),
    [("SINS", "sins"), ("sp4", "SP4"), ("Fact:SINS", "sins"), ("VERTEBROPLASTY", "vertebroplasty")],
)
def test_a_name_is_found_whatever_its_capitals(capsys, written, id):
    assert documented(capsys, "knowledge", "show", written)["id"] == id


def test_a_score_is_computed_whatever_the_capitals_of_its_name(capsys):
    assert documented(capsys, "score", "SINS", "pain=mechanical")["id"] == "sins"


def test_a_superseded_version_is_shown_beside_the_one_in_force(capsys):
    found = documented(capsys, "knowledge", "show", "S2")
    (older,) = found["other_versions"]
    assert older["until"] == found["content"]["since"]
    then = documented(capsys, "knowledge", "show", "S2", "--as-of", "2020-01-01")
    assert then["content"]["then"] == older["then"]
    _, out, _ = run(capsys, "knowledge", "show", "S2")
    assert "another version, in force from the beginning to 2023-09-01" in out


def test_the_days_differ_by_the_rules_that_were_superseded(capsys):
    found = difference("2020-01-01", "package")
    assert {(c["kind"], c["id"], c["change"]) for c in found["changes"]} == {("rule", "S2", "changed")}
    fields = {field["field"] for field in found["changes"][0]["fields"]}
    assert {"then", "cite", "since", "until"} <= fields
    status, out, _ = run(capsys, "knowledge", "diff", "2020-01-01")
    assert status == 0
    assert "1 pieces differ" in out


def test_nothing_differs_from_itself():
    assert difference("package", "package")["changes"] == []


def test_a_centre_differs_by_its_overrides(capsys):
    changes = difference("package", str(CENTRE / "knowledge"))["changes"]
    assert changes
    assert {change["kind"] for change in changes} == {"rule"}


def test_what_cannot_be_compared_is_refused(capsys):
    status, _, err = run(capsys, "knowledge", "diff", "yesterday")
    assert status == 2
    assert "neither 'package', a day" in err
    status, _, err = run(capsys, "knowledge", "list", "--as-of", "2020-13-01")
    assert status == 2
    assert "write it as 2026-11-24" in err


def test_the_data_of_the_package_and_of_the_example_centre_pass_the_lint(capsys):
    for arguments in (("knowledge", "lint"), ("knowledge", "lint", CENTRE / "knowledge")):
        status, out, _ = run(capsys, *arguments)
        assert (status, out.strip()) == (0, "nothing wrong")


def test_a_broken_override_is_told_with_its_line_and_exit_status_3(capsys, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "rules.yaml").write_text(
        "id: ours\ndate: 2026-11-24\noff:\n  - {rule: P99, because: a typing mistake}\n"
    )
    status, out, _ = run(capsys, "knowledge", "lint", tmp_path / "own")
    assert status == 3
    assert "rules.yaml:4" in out
    facts = tmp_path / "facts.yaml"
    facts.write_text("region: spine\n")
    (tmp_path / "centre.yaml").write_text("name: ours\nknowledge: own\n")
    status, out, err = run(capsys, "pathway", facts, "--centre", tmp_path / "centre.yaml", "--json")
    assert (status, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert "rules.yaml:4" in err


@pytest.fixture
def facts(tmp_path):
    path = tmp_path / "facts.yaml"
    path.write_text(
        "region: spine\nvertebra: T12\nmatrix: lytic\npain_type: mech\npain_nrs: 7\nbilsky: '0'\n"
        "collapse_pct: 20\nalignment: normal\nposterolateral: none\nprimary: breast\nplt: 60\ninr: 1.1\n"
        "posterior_wall_defect: true\nantithrombotics: [apixaban]\nnew_neuro_deficit: false\n"
    )
    return path


def test_a_pathway_gives_the_whole_contract(capsys, facts):
    found = documented(capsys, "pathway", facts)
    assert {"verdicts", "scores", "questions", "sources"} <= set(found)
    by = {one["technique"]: one for one in found["standings"]}
    assert by["vertebroplasty"]["tier"] in (1, 2, 5)
    assert "SP4" in by["vertebroplasty"]["caution"]
    near = {(c["rule"], c["fact"]): c for c in found["would_change"]}
    assert near["S4", "plt"]["distance"] == 10
    assert near["SP1", "sins"]["threshold"] == 13
    verdicts = {verdict["rule"]: verdict for verdict in found["verdicts"]}
    unknown = [v for v in verdicts.values() if v["truth"] is None]
    assert unknown
    assert all(verdict["ask"] for verdict in unknown)
    assert {"lesion_kind"} <= {one["fact"] for one in found["presumed"]}
    assert 0 < len(found["questions"]) <= 7
    assert all(one["changes"] for one in found["questions"])
    asking = {q["fact"] for q in found["checklist"]}
    assert "crcl_ml_min" in asking, "apixaban is taken, and its hold hangs on the kidneys"
    assert found["knowledge"]["release"] == release().version


def test_a_pathway_is_readable_in_a_hundred_columns(capsys, facts):
    status, out, _ = run(capsys, "pathway", facts, "--everything")
    assert status == 0
    assert max(map(len, out.splitlines())) <= 100
    for heading in (
        "options",
        "rules that spoke",
        "what would change",
        "scores",
        "questions",
    ):
        assert heading in out


def test_a_stop_is_the_first_line_and_shuts_what_it_does_not_leave(capsys, tmp_path):
    path = tmp_path / "facts.yaml"
    path.write_text("region: spine\ninfection: true\n")
    _, out, _ = run(capsys, "pathway", path)
    found = documented(capsys, "pathway", path)
    (stop,) = [verdict for verdict in found["verdicts"] if verdict["rule"] == "S3"]
    assert out.startswith(f"S3 first: {stop['first']}"[:90])
    for one in found["standings"]:
        left = one["technique"] in stop["remains"]
        assert (one["tier"] == 4) is not left, one["technique"]


def test_the_example_centre_is_named_with_its_overrides_and_refers_for_what_it_lacks(capsys, facts):
    facts.write_text(facts.read_text() + "rt_failed: true\nfx: none\n")  # radiofrequency, which it lacks
    found = documented(capsys, "pathway", facts, "--centre", CENTRE / "centre.yaml")
    assert found["knowledge"]["local"]
    assert found["knowledge"]["overrides"]
    assert any(one["status"] == "refer_elsewhere" and one["because"] for one in found["standings"])
    _, out, _ = run(capsys, "pathway", facts, "--centre", CENTRE / "centre.yaml")
    assert found["knowledge"]["overrides"][0].split()[0] in out
    assert "refer elsewhere" in out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("regoin: spine", "did you mean 'region'"),
        ("ecog: 7", "write a whole number from 0 to 4"),
        ("inr: -1", "write a number from 0.5 to 20"),
        ("pain_nrs: 12", "write a number from 0 to 10"),
        ("size_mm: 3 cm", "write a number from 0 to 500 mm, without quotes and without the unit"),
        ("plt: '60'", "without quotes"),
        ("pacemaker: 'no'", "write true or false"),
        ("antithrombotics: apixaban", "write a list, [] for none"),
        ("antithrombotics: [apixiban]", "did you mean 'apixaban'"),
        ("{primary: breast, primary_known: false}", "one of them is wrong"),
        ("sins: [9, 4]", "runs backwards"),
        ("sins: 9\nsins: 4", "'sins' stands twice"),
        ("null: 1", "the key None is no word"),
        ("1: 2", "the key 1 is no word"),
        ("yes: true", "the key True is no word"),
        ("", "found nothing"),
        ("bilsky: 2", "in quotes: '2'"),
    ],
)
def test_a_fact_that_cannot_be_meant_is_refused_in_one_line(capsys, tmp_path, line, words):
    path = tmp_path / "facts.yaml"
    path.write_text(line + "\n")
    status, out, err = run(capsys, "pathway", path, "--json")
    assert (status, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert words in " ".join(err.split())


def test_the_knowledge_is_written_as_pages_with_the_centre_in_them(capsys, tmp_path):
    status, out, _ = run(capsys, "knowledge", "site", tmp_path / "pages", "--centre", CENTRE / "knowledge")
    assert status == 0
    index = (tmp_path / "pages" / "index.html").read_text(encoding="utf-8")
    assert "example-hospital" in index
    assert "Research use only" in index
    assert f"{len(list((tmp_path / 'pages').glob('*.html')))} pages" in out
    (tmp_path / "file").write_text("x")
    status, _, err = run(capsys, "knowledge", "site", tmp_path / "file")
    assert status == 2
    assert "is a file" in err


def test_the_rules_are_described_as_services_for_a_program(capsys):
    status, out, err = run(capsys, "knowledge", "services")
    assert (status, err) == (0, "")
    assert {"hook", "id", "description"} <= set(json.loads(out)["services"][0])


def test_a_total_that_is_told_as_unknown_is_added_up_for_the_rules_too(capsys, tmp_path, facts):
    path = tmp_path / "unknown.yaml"
    path.write_text(facts.read_text() + "sins: null\n")
    left_out, told = documented(capsys, "pathway", facts), documented(capsys, "pathway", path)
    assert told["verdicts"] == left_out["verdicts"]
    assert told["scores"] == left_out["scores"]
