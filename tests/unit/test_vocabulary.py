"""What a user may say about a patient: checked word by word, and never guessed."""

import math

import pytest

from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.vocabulary import fact_row, parse_facts, parse_text, parse_value
from osteoplan.workflow.explain import explain_facts


def test_facts_that_can_be_meant_come_back_as_they_are() -> None:
    given = {"region": "spine", "bilsky": "1c", "inr": 1.1, "infection": False, "ecog": 2}
    assert parse_facts(given) == given


def test_unknown_stays_unknown() -> None:
    assert parse_facts({"sins": None, "infection": None, "matrix": None}) == {
        "sins": None,
        "infection": None,
        "matrix": None,
    }


def test_an_unknown_fact_names_its_nearest_neighbour_and_the_place() -> None:
    with pytest.raises(
        UnknownName, match=r"unknown fact 'bilski' in case.yaml: facts; did you mean 'bilsky'\?"
    ):
        parse_facts({"bilski": "1c"}, where="case.yaml: facts")


def test_an_unknown_level_names_its_nearest_neighbour() -> None:
    with pytest.raises(UnknownName, match=r"unknown matrix 'litic' in facts; did you mean 'lytic'\?"):
        parse_facts({"matrix": "litic"})


@pytest.mark.parametrize("number", ["9", "nine", "", True, False, [9]])
def test_what_only_looks_like_a_number_is_refused(number: object) -> None:
    with pytest.raises(BadInput, match=r"sins is .*write a whole number from 0 to 18"):
        parse_facts({"sins": number})


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_refused_for_every_number(number: float) -> None:
    for name, row in vocabulary().items():
        if row.range is not None:
            with pytest.raises(BadInput, match="leave out what is not known"):
                parse_facts({name: number})


@pytest.mark.parametrize(
    ("name", "number"), [("sins", 19), ("sins", -1), ("mirels", 3), ("inr", 0), ("pain_nrs", 10.5)]
)
def test_a_number_outside_its_range_is_refused(name: str, number: float) -> None:
    with pytest.raises(BadInput, match=f"{name} is .*from"):
        parse_facts({name: number})


def test_the_ends_of_a_range_are_inside_it() -> None:
    assert parse_facts({"sins": 0, "mirels": 12}) == {"sins": 0, "mirels": 12}


def test_a_whole_number_must_be_whole() -> None:
    with pytest.raises(BadInput, match="a whole number"):
        parse_facts({"sins": 9.5})
    whole = parse_facts({"sins": 9.0})["sins"]
    assert whole == 9
    assert isinstance(whole, int)


@pytest.mark.parametrize("answer", [1, 0, "yes", "true", 1.0])
def test_yes_or_no_is_only_true_or_false(answer: object) -> None:
    with pytest.raises(BadInput, match=r"infection is .*write true or false"):
        parse_facts({"infection": answer})


def test_a_grade_without_quotes_is_refused_with_the_way_to_write_it() -> None:
    with pytest.raises(BadInput, match=r"bilsky is 2; write one of 0, 1a, .* \(in quotes: '2'\)"):
        parse_facts({"bilsky": 2})


def test_a_number_may_be_a_closed_range_where_ranges_are_allowed() -> None:
    assert Facts({"sins": [9, 12]}) == {"sins": (9, 12)}
    assert Facts({"sins": (9, 9)}) == {"sins": 9}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sins": [12, 9]}, r"runs backwards; write \[9, 12\]"),
        ({"sins": [9]}, r"a range is \[lowest, highest\]"),
        ({"sins": [9, 19]}, "from 0 to 18"),
        ({"sins": [9, None]}, "sins is None"),
        ({"infection": [False, True]}, "infection cannot be a range"),
        ({"matrix": ["lytic", "mixed"]}, "matrix cannot be a range"),
    ],
)
def test_a_range_that_cannot_be_meant_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Facts(given)


def test_every_fact_that_the_interfaces_promise_is_in_the_vocabulary() -> None:
    promised = (
        "age ecog kps le_weeks intent primary primary_known solitary suspected_primary_bone_tumour "
        "fit_for_surgery infection cement_allergy pacemaker pregnant new_neuro_deficit rt_failed "
        "rt_contraindicated reirradiation_possible displaced cortical_erosion posterior_wall_defect "
        "joint_surface_collapsed protrusio lesser_troch_fracture deformity baseline_vcf hypervascular "
        "planned_open_surgery analgesia_failed collapse_recoverable n_mets rs pain_nrs pain_type "
        "bilsky sins mirels axial_mm circ_pct fx region matrix size_mm nerve_mm collapse_pct levels "
        "sbrt_gy_fx harrington inr plt probes asa can_lie_prone crcl_ml_min"
    )
    for name in promised.split():
        assert fact_row(name).label


def test_every_fact_has_a_question_that_a_meeting_can_be_asked() -> None:
    for name, row in vocabulary().items():
        assert row.ask.endswith("?"), name
        assert row.ask[0].isupper(), name
    assert vocabulary()["pain_type"].ask == "Is the pain worse on loading or moving, and better lying down?"


def test_a_fact_that_nobody_knows_is_absent_and_what_follows_is_there():
    facts = Facts({"infection": None, "primary": "breast"})
    assert "infection" not in facts
    assert dict(facts) == {"primary": "breast", "primary_known": True}
    with pytest.raises(BadInput, match="my file: primary_known: false contradicts primary: breast"):
        Facts({"primary": "breast", "primary_known": False}, where="my file")


def test_only_unknown_facts_are_filled_and_only_they_are_checked(monkeypatch):
    facts = Facts({"sins": [9, 12], "infection": None})
    checked = []
    monkeypatch.setattr(
        "osteoplan.pathway.facts.parse_value", lambda name, value, **where: checked.append(name) or value
    )
    assert dict(facts.filled({"sins": 3, "infection": True})) == {"sins": (9, 12), "infection": True}
    assert checked == ["infection"]


def test_facts_are_checked_once_on_the_way_to_a_verdict(monkeypatch):
    facts = Facts({"region": "spine", "vertebra": "T12", "matrix": "lytic", "infection": False})
    checked = []

    def seen(name, value, **where):
        checked.append(name)
        return parse_value(name, value, **where)

    monkeypatch.setattr("osteoplan.pathway.facts.parse_value", seen)
    explain_facts(facts)
    assert not set(checked) & set(facts)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("sins", "12", 12), ("sins", "8..11", (8, 11)), ("plt", "55.5", 55.5),
        ("plt", "40..60.5", (40, 60.5)), ("infection", "true", True),
        ("infection", "false", False),
        ("region", "spine", "spine"),
        ("le_weeks", "+26", 26), ("inr", "1e0", 1.0),
    ],
)  # fmt: skip
def test_a_fact_is_typed_as_one_word(name: str, text: str, value: object) -> None:
    found = parse_text(name, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [("sins", "twelve"), ("sins", "12.5"), ("infection", "yes"), ("sins", "11..8"), ("plt", "")],
)
def test_a_word_that_writes_no_such_fact_is_refused(name: str, text: str) -> None:
    with pytest.raises(BadInput, match=name):
        parse_text(name, text)
