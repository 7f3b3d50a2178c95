"""Published outcomes for one patient: how near, which comes first, what can be compared, what lasts."""

from dataclasses import replace

import pytest

from osteoplan.decide.outcomes import _of_way, distance, lasting, outcome_table, published_on, summed
from osteoplan.model.choice import Candidate
from osteoplan.model.evidence import Recommendation, Survival, SurvivalRow
from osteoplan.model.outcome import Estimate, Study
from osteoplan.model.outcome_table import NOTHING_COMPARABLE, Lasts
from osteoplan.model.plan import Option, Plan

PATIENT = {"region": "spine", "lesion_kind": "metastasis", "primary": "breast", "intent": "palliative"}
SAME = Study(50, sites=("spine",), kinds=("metastasis",), design="series")


def _candidate(id: str, *outcomes: Estimate, tier: int | None = 2) -> Candidate:
    said = Recommendation(id, id, "comparator", "surgery", "comparator", tier)
    return Candidate(said, (), outcomes)


def _told(id: str, value: float, low: float | None = None, high: float | None = None,
          target: str = "x", unit: str = "%", **study: object) -> Estimate:  # fmt: skip
    return Estimate(id, target, value, low, high, unit, "published", study=Study(**study))


def _lives(low: float | None, high: float | None) -> Survival:
    return Survival((SurvivalRow("a score", "so long", "published", months=(low, high)),))


@pytest.mark.parametrize(
    ("change", "words", "count"),
    [
        ({}, "same site", 0),
        ({"sites": ()}, "any bone", 1),
        ({"sites": ("spine", "sacrum")}, "site among several", 1),
        ({"sites": ("rib",)}, "other site: rib", 2),
        ({"kinds": ()}, "kinds of lesion not told", 1),
        ({"kinds": ("benign",)}, "other kind of lesion: benign", 2),
        ({"primaries": ("breast",)}, "same primary tumour", 0),
        ({"primaries": ("kidney",)}, "other primary tumour: kidney", 2),
        ({"intent": "palliative"}, "same aim", 0),
        ({"intent": "curative"}, "other aim: curative", 2),
    ],
)
def test_distance_counts_in_what_the_patients_differ(change, words, count):
    told, apart = distance(replace(SAME, **change), PATIENT)
    assert words in told
    assert apart == count


def test_an_unknown_fact_is_told_as_unknown_and_counts_one():
    told, apart = distance(SAME, {"region": "spine"})
    assert told[1] == "kind of lesion: metastasis, this one not known"
    assert apart == 1


def test_other_patients_have_no_distance_and_stand_apart():
    assert distance(replace(SAME, population="injury, not tumours"), PATIENT)[1] is None


def test_the_nearest_figure_comes_first_then_the_surer_and_no_other_population_ever():
    found = published_on("radiotherapy", PATIENT)
    pain = [e for e in found if e.id == "pain_response_probability"]
    assert [(e.value, e.study.apart) for e in pain if e.study] == [(36.0, 0), (60.5, 0), (67.0, 1)]
    iliac = published_on("percutaneous_screws", {**PATIENT, "region": "pelvic_ring"})
    times = [e.value for e in iliac if e.id == "procedure_time_min"]
    assert times == [73.3, 23.0]  # fragility and injury behind the surer tumours


def test_the_least_anaesthesia_is_that_of_the_card_and_says_so():
    (level,) = (e for e in published_on("rfa", PATIENT) if e.id == "anaesthesia_level")
    assert level.value == 2.0
    assert level.because[0].startswith("sedation: the least")
    assert level.status == "design_default"


def test_times_of_parts_add_up_only_where_each_is_known():
    one = _told("procedure_time_min", 40.0, 34.0, 46.0, unit="min", tag="F~")
    two = _told("procedure_time_min", 60.0, 52.0, 68.0, unit="min", tag="F~")
    one, two = replace(one, because=("by balloon", "KeyA")), replace(two, because=("by screw", "KeyB"))
    whole = summed([one, two])
    assert whole is not None
    assert (whole.value, whole.low, whole.high) == (100.0, 90.0, 110.0)  # 6 and 8 are 10 together
    assert whole.because == ("sum of 40 min (by balloon) and 60 min (by screw)", "KeyA", "KeyB")
    assert whole.study is not None
    assert whole.study.tag == "F~+D"
    assert summed([one, None]) is None
    assert summed([]) is None
    bare = summed([one, replace(two, low=None, high=None)])
    assert bare is not None
    assert (bare.value, bare.low) == (100.0, None)


def test_a_combination_keeps_its_own_time_and_has_none_where_a_part_lacks_one():
    own = published_on("ablation_with_stabilisation", {**PATIENT, "region": "acetabulum"})
    assert [e.value for e in own if e.id == "procedure_time_min"] == [167.4]
    spine = published_on("ablation_with_stabilisation", PATIENT)
    assert [e for e in spine if e.id == "procedure_time_min"] == []
    table = outcome_table([_candidate("ablation_with_stabilisation", *spine)], Survival())
    assert table.notes[0][1].startswith("no time: neither its own nor that of each of its parts")


def test_evidence_for_one_side_only_is_not_comparable():
    table = outcome_table(
        [
            _candidate("a", _told("fracture_probability", 14.0), _told("stay_days", 2.0, unit="d")),
            _candidate("b", _told("stay_days", 4.0, unit="d", months=3.0)),
            _candidate("shut", _told("fracture_probability", 3.0), tier=4),
        ],
        Survival(),
    )
    fracture, stay = table.compared
    assert (fracture.have, fracture.lack) == (("a",), ("b",))
    assert fracture.words("a") == fracture.words("b") == NOTHING_COMPARABLE
    assert (stay.have, stay.lack, stay.words("a")) == (("a", "b"), (), "")


def test_figures_of_other_targets_units_or_populations_are_not_compared():
    table = outcome_table(
        [
            _candidate("c", _told("pain_response_probability", 50.0, target="nerve")),
            _candidate("a", _told("pain_response_probability", 60.0, target="pain", months=1.0)),
            _candidate("b", _told("pain_response_probability", 50.0, target="pain", months=6.0)),
            _candidate("d", _told("pain_response_probability", 90.0, target="pain", population="others")),
        ],
        Survival(),
    )
    (pain,) = table.compared
    assert (pain.have, pain.lack) == (("a", "b"), ("c", "d"))
    assert pain.notes == ("told at 1, 6 months",)


@pytest.mark.parametrize(
    ("lives", "ends", "verdict"),
    [
        (_lives(3.0, 12.0), (80.0, 97.0), "outlasts"),
        (_lives(3.0, 12.1), (80.0, 97.0), "cannot say"),  # followed for less than somebody expects
        (_lives(3.0, None), (80.0, 97.0), "cannot say"),
        (_lives(3.0, 12.0), (50.0, 97.0), "cannot say"),  # half is within reach
        (_lives(12.0, 30.0), (20.0, 49.0), "does not"),
        (_lives(11.9, 30.0), (20.0, 49.0), "cannot say"),
        (Survival(), (80.0, 97.0), "cannot say"),
    ],
)
def test_what_holds_is_held_against_the_time_that_is_left(lives, ends, verdict):
    middle = sum(ends) / 2.0
    held = _told("implant_survival_probability", middle, *ends, months=12.0)
    fails = _told(
        "implant_failure_probability", 100.0 - middle, 100.0 - ends[1], 100.0 - ends[0], months=12.0
    )
    for one in (held, fails):
        (told,) = lasting(_candidate("a", one), lives)
        assert isinstance(told, Lasts)
        assert told.verdict == verdict


def test_the_longest_follow_up_that_is_needed_tells_what_lasts():
    one = _told("implant_survival_probability", 92.0, months=12.0)
    two = _told("implant_survival_probability", 89.0, months=60.0)
    (told,) = lasting(_candidate("a", one, two), _lives(6.0, 24.0))
    assert (told.verdict, told.months) == ("outlasts", 60.0)
    assert told.because == "held in 89 % at 60 months, no interval; 6 to 24 months are left"
    (soon,) = lasting(_candidate("a", one, two), _lives(3.0, 9.0))
    assert soon.months == 12.0


def test_of_ways_the_least_clearance_and_the_whole_breach_are_compared():
    def way(id: str, clearance: float, breach: float) -> Candidate:
        near = tuple(
            Estimate("clearance_mm", name, value, None, None, "mm", "simulated")
            for name, value in ((f"canal, {id}", clearance), (f"pleura, {id}", 9.0))
        )
        gone = Estimate("breach_probability", f"any, {id}", breach, None, None, "1", "simulated")
        plan = Plan(id, id, id, "lesion", clearances=(*near, gone))
        said = Recommendation(id, id, "plan", "cement", "ranked", 2)
        return Candidate(said, (Option(plan, "plan", "ranked"),), ())

    assert next(iter(_of_way(way("a", 2.0, 0.1)))).value == 2.0
    table = outcome_table([way("a", 2.0, 0.1), way("b", 4.0, 0.2), _candidate("c")], Survival())
    assert [(one.outcome, one.have, one.lack) for one in table.compared] == [
        ("clearance_mm", ("a", "b"), ("c",)),
        ("breach_probability", ("a", "b"), ("c",)),
    ]


def test_no_newton_becomes_a_probability_of_fracture():
    way = Plan("w", "sbrt", "w", "lesion")
    simulated = Estimate("strength_ratio_to_now", "compression", 118.0, 105.0, 130.0, "%", "simulated")
    rate = _told("fracture_probability", 14.0)
    said = Recommendation("sbrt", "sbrt", "plan", "radiotherapy", "ranked", 2)
    one = Candidate(said, (Option(way, "plan", "ranked", outcomes=(simulated, rate)),), (rate,))
    ((technique, note),) = outcome_table([one], Survival()).notes
    assert technique == "sbrt"
    assert note.startswith("fracture: published 14 %; simulated strength is 118 % of untreated")
    assert one.outcome("fracture_probability") == rate
