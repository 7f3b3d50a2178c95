"""The rules as CDS Hooks services, and the codes by which other systems know our facts."""

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

from osteoplan.errors import BadInput
from osteoplan.io.cds_hooks import service_descriptions
from osteoplan.knowledge.codes import codes, without_code
from osteoplan.knowledge.expression import names
from osteoplan.knowledge.load import data_root, release
from osteoplan.knowledge.rules import blocks, rules
from osteoplan.knowledge.vocabulary import vocabulary

DOCUMENT = service_descriptions(rules())
SERVICES = {service["id"]: service for service in DOCUMENT["services"]}


def of_block(service: dict) -> list:
    ids = service["extension"]["osteoplan"]["rules"]
    return [rule for rule in rules() if rule.id in ids]


def test_every_block_is_one_service_and_every_rule_in_one() -> None:
    assert set(DOCUMENT) == {"services"}
    assert len(DOCUMENT["services"]) == len(SERVICES) == len({rule.block for rule in rules()})
    assert set(SERVICES) <= {f"osteoplan-{block.replace('_', '-')}" for block in blocks()}
    told = [id for service in SERVICES.values() for id in service["extension"]["osteoplan"]["rules"]]
    assert told == [rule.id for rule in rules()]


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_a_service_has_what_the_specification_requires_and_nothing_it_does_not_know(service: dict) -> None:
    known = {"hook", "title", "description", "id", "prefetch", "usageRequirements", "extension"}
    assert {"hook", "description", "id"} <= set(service) <= known
    assert service["hook"] == "patient-view"
    assert all(isinstance(service[name], str) and service[name] for name in known - {"prefetch", "extension"})
    assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", service["id"])
    assert all(isinstance(v, str) and re.fullmatch(r"[A-Za-z]+", k) for k, v in service["prefetch"].items())
    assert json.loads(json.dumps(service)) == service


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_a_description_counts_its_rules_by_effect_and_names_the_release(service: dict) -> None:
    own = of_block(service)
    assert f"{len(own)} rule" in service["description"]
    assert release().version in service["description"]
    for effect in {rule.row.effect for rule in own}:
        count = sum(rule.row.effect == effect for rule in own)
        assert f"{count} {effect}" in service["description"]


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_every_fact_of_a_rule_is_fetched_or_asked(service: dict) -> None:
    told = service["extension"]["osteoplan"]
    asked = {row["fact"] for row in told["facts"]}
    fetched = {row["fact"] for row in told["prefetched"] if "prompts" not in row}
    assert asked | fetched == {name for rule in of_block(service) for name in names(rule.when)}
    assert not asked & fetched
    for row in told["facts"]:
        assert row["ask"] == vocabulary()[row["fact"]].ask
        assert ("range" in row) == (row["kind"] in ("number", "integer"))


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_a_query_asks_about_this_patient_by_a_code_on_file_and_no_other(service: dict) -> None:
    known = {f"{row.system}|{row.code}" for row in codes().values()}
    queries = dict(service["prefetch"])
    assert queries.pop("patient") == "Patient/{{context.patientId}}"
    for query in queries.values():
        found = re.fullmatch(
            r"(Observation|Condition)\?patient=\{\{context\.patientId\}\}&code=([^&]+)(&.*)", query
        )
        assert found, query
        assert unquote(found[2]) in known


def test_a_recorded_fracture_prompts_the_question_and_does_not_answer_it() -> None:
    told = SERVICES["osteoplan-upper-limb"]["extension"]["osteoplan"]
    assert [row["prompts"] for row in told["prefetched"] if row["fact"] == "fx"] == ["pathological"]
    assert "fx" in {row["fact"] for row in told["facts"]}


def test_what_was_not_checked_has_no_code_and_the_requirements_say_so() -> None:
    coded = {row.fact for row in codes().values()}
    assert coded <= {"", "pain_nrs", "ecog", "kps", "fx"}
    safety = SERVICES["osteoplan-safety"]
    assert "INR" in safety["usageRequirements"]
    assert without_code() in safety["usageRequirements"]
    assert "Research use only. Not a medical device." in safety["usageRequirements"]
    assert {"inr", "plt"} <= {row["fact"] for row in safety["extension"]["osteoplan"]["facts"]}


def test_karnofsky_s_code_is_never_ecog_and_bone_s_never_liver() -> None:
    assert {name: row.code for name, row in codes().items()} == {
        "pain_severity": "72514-3",
        "ecog": "89247-1",
        "karnofsky": "89243-0",
        "bone_metastasis": "94222008",
        "pathological_fracture": "268029009",
    }
    for row in codes().values():
        if row.code == "89243-0":
            assert row.fact == "kps"
            assert "karnofsky" in row.display.lower()
        if row.fact == "ecog":
            assert row.code == "89247-1"
        if row.code == "94222008":
            assert "bone" in row.display.lower()
            assert "liver" not in row.display.lower()


def test_no_code_of_a_procedure_that_the_check_warned_of_is_on_file() -> None:
    assert not {row.code for row in codes().values()} & {"392010000", "447766008", "429616001"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"fact": "ecogg"}, "the fact 'ecogg' is not in the vocabulary"),
        ({"fact": "fx", "level": "broken"}, "'fx' is never 'broken'"),
        ({"code": "72514-3"}, "stands twice"),
        ({"fact": "", "level": "x"}, "'level' belongs to a 'fact'"),
    ],
)
def test_a_broken_row_is_refused_with_the_reason(
    tmp_path: Path, change: dict[str, str], complaint: str
) -> None:
    content = yaml.safe_load((data_root() / "codes" / "clinical.yaml").read_text())
    content["codes"]["ecog"] |= change
    for folder in ("codes", "vocabulary"):
        (tmp_path / folder).mkdir()
    (tmp_path / "codes" / "clinical.yaml").write_text(yaml.safe_dump(content))
    for file in (data_root() / "vocabulary").iterdir():
        (tmp_path / "vocabulary" / file.name).write_bytes(file.read_bytes())
    with pytest.raises(BadInput, match=re.escape(complaint)):
        codes(tmp_path)
