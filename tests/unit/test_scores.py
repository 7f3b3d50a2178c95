"""Scores add up, unknown items widen the total, and a word that no table knows is refused."""

import itertools
import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osteoplan.errors import BadInput, UnknownName
from osteoplan.knowledge.expression import AnyOf, lint_findings, names, parse
from osteoplan.knowledge.lint.scores import score_findings
from osteoplan.knowledge.scores import ScoreExample, StandIn, conversions, score_table, score_tables
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.evidence import ScoreResult
from osteoplan.pathway.expression import evaluate, samples
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.scores import applicable_scores, items_from, risk, score

SUMS = [id for id, table in score_tables().items() if table.kind == "sum"]
CLASSES = [id for id, table in score_tables().items() if table.kind == "class"]
TABLES = [id for id, table in score_tables().items() if table.kind == "table"]
EXAMPLES = [(id, example) for id, table in score_tables().items() for example in table.examples]
T12 = {"location": "T12", "pain": "mechanical", "lesion": "lytic", "alignment": "normal",
       "collapse": "over_50", "posterolateral": "bilateral"}  # fmt: skip


@pytest.mark.parametrize(("id", "example"), EXAMPLES)
def test_every_example_of_every_score_comes_out_as_written(id: str, example: ScoreExample) -> None:
    result = score(id, example.items)
    if example.total is not None:
        assert result.total == example.total
    assert result.band == example.bands
    assert result.missing == example.missing


def test_the_published_vector_of_a_lytic_junctional_vertebra_is_14_and_unstable() -> None:
    result = score("sins", T12)
    assert result.total == (14, 14)
    assert result.band_text == ("unstable",)
    assert result.items["location"] == (3, 3)
    assert result.maximum == 18


@pytest.mark.parametrize("id", [id for id in SUMS if not score_table(id).digits])
def test_totals_run_over_the_whole_range_and_every_band_is_reached(id: str) -> None:
    table = score_table(id)
    # grown item by item, because the product of all answers is too large
    reached: dict[float, dict[str, str]] = {float(table.start): {}}
    for name, item in table.items.items():
        reached = {
            total + level.points: {**answers, name: key}
            for total, answers in reached.items()
            for key, level in item.levels.items()
        }
    totals, bands = set(), set()
    for total, answers in reached.items():
        result = score(id, answers)
        assert result.total == (total, total)
        assert result.missing == ()
        totals.add(result.total[0])
        bands.update(result.band)
    assert totals == set(range(int(table.range[0]), int(table.range[1]) + 1))
    assert bands == {name for name, _ in table.bands(*table.range)}


@given(data=st.data())
def test_a_range_holds_every_total_that_the_missing_items_could_give(data: st.DataObject) -> None:
    table = score_table(data.draw(st.sampled_from(SUMS)))
    known = {item: data.draw(st.sampled_from([None, *row.levels])) for item, row in table.items.items()}
    result = score(table.id, known)
    open_items = [item for item, level in known.items() if level is None]
    assert set(result.missing) == set(open_items)
    filled = {item: data.draw(st.sampled_from(list(table.items[item].levels))) for item in open_items}
    low, high = result.total
    total, again = score(table.id, {**known, **filled}).total
    assert low <= total == again <= high
    best = {i: max(table.items[i].levels, key=lambda k: table.items[i].levels[k].points) for i in open_items}
    assert score(table.id, {**known, **best}).total == (high, high)


@pytest.mark.parametrize("id", CLASSES)
def test_on_complete_facts_exactly_one_class_holds(id: str) -> None:
    table = score_table(id)
    both = AnyOf(tuple(parse(row.when) for row in table.classes.values()))
    facts = names(both)
    reached = set()
    for values in itertools.product(*(samples(both, name, None, vocabulary()[name]) for name in facts)):
        result = score(id, dict(zip(facts, values, strict=True)))
        assert len(result.band) == 1, values
        assert result.missing == ()
        reached.update(result.band)
    assert reached == set(table.classes)


@given(data=st.data())
def test_the_possible_classes_hold_the_one_that_comes_out_in_the_end(data: st.DataObject) -> None:
    table = score_table(data.draw(st.sampled_from([*CLASSES, *TABLES])))
    both = AnyOf(tuple(parse(row.when) for row in table.classes.values()))
    choices = {name: samples(both, name, None, vocabulary()[name]) for name in names(both)}
    whole = {name: data.draw(st.sampled_from(values)) for name, values in choices.items()}
    part = {name: value for name, value in whole.items() if data.draw(st.booleans())}
    early, late = score(table.id, part), score(table.id, whole)
    assert early.total[0] <= late.total[0] <= late.total[1] <= early.total[1]
    if table.kind == "class":
        assert set(late.band) <= set(early.band)
        assert (early.missing == ()) == (len(early.band) == 1)
    else:
        assert set(early.band) <= set(late.band)
    assert set(early.missing) <= set(whole) - set(part)


def test_a_rule_on_the_points_is_exact_to_the_last_decimal_of_the_value_sets() -> None:
    """Vectors of the three published value sets, computed by hand from the decrements."""
    vectors = {
        "11111": (1, 1, 1), "21231": (0.853, 0.808, 0.738), "22232": (0.774, 0.680, 0.592),
        "31342": (0.444, 0.507, 0.402), "33343": (0.299, 0.401, 0.229), "44444": (-0.209, -0.094, -0.329),
        "55555": (-0.567, -0.285, -0.573),
    }  # fmt: skip
    for profile, indices in vectors.items():
        for id, index in zip(("eq5d5l_uk", "eq5d5l_england", "eq5d5l_usa"), indices, strict=True):
            assert score(id, {"profile": profile}).total == (index, index), (id, profile)


@pytest.mark.parametrize("profile", ["2123", "212311", "21236", "", 21231])
def test_a_profile_that_cannot_be_meant_is_refused(profile: object) -> None:
    with pytest.raises(BadInput, match=r"write 5 signs|unknown level"):
        score("eq5d5l_uk", {"profile": profile})


def test_an_item_and_a_profile_that_holds_it_are_refused_in_either_order() -> None:
    both = {"profile": "11111", "mobility": "5"}
    for items in (both, dict(reversed(both.items()))):
        with pytest.raises(BadInput, match="mobility is given twice, once in profile"):
            score("eq5d5l_uk", items)


def test_a_profile_that_is_not_known_leaves_every_item_open() -> None:
    assert score("eq5d5l_uk", {"profile": None}) == score("eq5d5l_uk", {})


def test_no_wording_of_a_licensed_questionnaire_is_stored() -> None:
    for id in ("eq5d5l_uk", "eq5d5l_england", "eq5d5l_usa"):
        for item in score_table(id).items.values():
            assert [level.text for level in item.levels.values()] == [f"level {n}" for n in range(1, 6)]


KATAGIRI = {"region": "spine", "primary_growth": "slow", "visceral_spread": "none", "ecog": 1,
            "prior_chemotherapy": False, "n_bone_mets": 1}  # fmt: skip
LABS = {
    "crp_mg_dl": 0.1,
    "ldh_iu_l": 200,
    "albumin_g_dl": 4.0,
    "plt": 200,
    "calcium_mg_dl": 9,
    "bilirubin_mg_dl": 0.5,
}


@pytest.mark.parametrize(
    ("changed", "total"),
    [
        ({}, (0, 0)),
        ({"plt": 99}, (2, 2)),
        ({"crp_mg_dl": 200.0 / 10}, (1, 1)),
        ({"crp_mg_dl": 3, "calcium_mg_dl": 11}, (2, 2)),
        ({"albumin_g_dl": 3.69}, (1, 1)),
        ({"ldh_iu_l": 250}, (1, 1)),
        ({"bilirubin_mg_dl": 1.4}, (2, 2)),
        ({"calcium_mg_dl": None}, (0, 2)),
        ({"calcium_mg_dl": None, "plt": 50}, (2, 2)),
        ({"calcium_mg_dl": None, "crp_mg_dl": 1}, (1, 2)),
    ],
)
def test_one_critical_value_settles_the_laboratory_and_a_missing_one_leaves_it_open(
    changed: dict[str, object], total: tuple[int, int]
) -> None:
    found = {s.id: s for s in applicable_scores(Facts({**KATAGIRI, **LABS, **changed}))}
    assert found["katagiri"].total == total


def test_all_worst_is_10_in_the_katagiri_score() -> None:
    worst = {**KATAGIRI, **LABS, "primary_growth": "rapid", "visceral_spread": "disseminated", "ecog": 4,
             "prior_chemotherapy": True, "n_bone_mets": 2, "plt": 90}  # fmt: skip
    assert {s.id: s for s in applicable_scores(Facts(worst))}["katagiri"].total == (10, 10)


@pytest.mark.parametrize("row", conversions())
def test_a_conversion_is_written_over_facts_that_exist_and_gives_what_they_can_hold(row: StandIn) -> None:
    for text in filter(None, (row.when, row.unless)):
        assert lint_findings(parse(text), vocabulary()) == ()
    assert Facts(row.gives)


def test_ecog_and_karnofsky_convert_there_and_back_and_leave_no_number_out() -> None:
    def filled(**facts: object) -> Mapping[str, tuple[int | float, int | float]]:
        return {s.id: s for s in applicable_scores(Facts({"region": "spine", **facts}))}["tokuhashi"].items

    assert [filled(ecog=ecog)["kps"] for ecog in range(5)] == [(2, 2), (1, 2), (1, 1), (0, 0), (0, 0)]
    for kps in range(10, 101):
        found = {s.id: s for s in applicable_scores(Facts({"region": "spine", "kps": kps}))}["katagiri"]
        assert found.items["performance"] == ((1, 1) if kps < 50 else (0, 0)), kps
        assert found.sources["performance"] == "derived"


def test_what_was_given_is_never_replaced_by_what_follows() -> None:
    facts = {"region": "spine", "ecog": 0, "kps": 40, "solitary": True, "n_bone_mets": 7}
    found = {s.id: s for s in applicable_scores(Facts(facts))}
    assert found["tokuhashi"].items["kps"] == (0, 0)
    assert found["tomita"].items["bone"] == (2, 2)
    assert found["katagiri"].sources["performance"] == "given"


def test_the_only_lesion_settles_how_many_and_where() -> None:
    found = {s.id: s for s in applicable_scores(Facts({"region": "spine", "solitary": True}))}
    assert found["tokuhashi"].items["vertebral_bodies"] == (2, 2)
    assert found["tokuhashi"].items["extraspinal_bone"] == (2, 2)
    assert found["tokuhashi"].items["organs"] == (2, 2)
    assert found["tomita"].total == (2, 5)
    several = {s.id: s for s in applicable_scores(Facts({"region": "spine", "n_vertebral_mets": 2}))}
    assert several["tomita"].items["bone"] == (2, 2)
    unknown = {s.id: s for s in applicable_scores(Facts({"region": "spine", "solitary": False}))}
    assert unknown["tomita"].items["bone"] == (1, 2)


def test_a_result_is_no_surer_than_the_conversion_that_it_rests_on() -> None:
    def status(**facts: object) -> str:
        return {s.id: s for s in applicable_scores(Facts({"region": "spine", **facts}))}["tokuhashi"].status

    assert status(kps=90) == "verified"
    assert status(ecog=0) == "unverified"
    assert status(kps=90, solitary=True) == "design_default"


def test_scores_of_metastases_are_not_worked_out_on_a_benign_lesion() -> None:
    for region in ("spine", "prox_femur"):
        found = {s.id for s in applicable_scores(Facts({"region": region, "benign": True}))}
        assert not found & {"katagiri", "tokuhashi", "tomita", "bauer", "bauer_modified", "capanna"}
        assert {"sins", "mirels"} & found
        told = {s.id for s in applicable_scores(Facts({"region": region, "benign": False}))}
        assert told == {s.id for s in applicable_scores(Facts({"region": region}))}


def test_points_from_memory_say_so_and_those_that_were_read_do_not() -> None:
    items = {"morphology": "B2", "neurology": "N1", "modifier": "M0"}
    assert "morphology B2: from memory" in score("tl_aosis", items).notes
    assert not any(
        note.endswith(": from memory") for note in score("tl_aosis", {**items, "morphology": "A3"}).notes
    )


def test_a_table_that_gives_rapid_growth_3_points_is_refused() -> None:
    """The print of one review: no total would reach 10."""
    table = score_table("tomita")
    levels = {**table.items["primary"].levels}
    levels["rapid"] = levels["rapid"].model_copy(update={"points": 3})
    primary = table.items["primary"].model_copy(update={"levels": levels})
    wrong = table.model_copy(update={"items": {**table.items, "primary": primary}})
    assert "score tomita: the points add up to 2..9, the range says (2, 10)" in tuple(
        score_findings(wrong, vocabulary())
    )
    assert tuple(score_findings(table, vocabulary())) == ()


def test_what_the_scan_told_is_marked_as_measured() -> None:
    facts = {"region": "spine", "vertebra": "T12", "matrix": "lytic", "collapse_pct": 60, "pain_type": "mech"}
    sources = {"matrix": "measured", "collapse_pct": "measured", "vertebra": "given"}
    sins = {s.id: s for s in applicable_scores(Facts(facts), sources)}["sins"]
    assert sins.sources == {
        "location": "given",
        "pain": "given",
        "lesion": "measured",
        "collapse": "measured",
    }
    genant = {s.id: s for s in applicable_scores(Facts(facts), sources)}["genant"]
    assert genant.sources == {"collapse_pct": "measured"}


def test_a_score_of_another_disease_says_that_no_rule_reads_it() -> None:
    for id in ("genant", "tl_aosis"):
        result = score(id, {})
        assert result.shown_only
        assert "no rule reads it" in result.notes[0]


def test_a_total_that_was_added_up_is_read_by_the_framework_that_hangs_on_it() -> None:
    facts = {"region": "spine", "vertebra": "T12", "matrix": "lytic", "pain_type": "mech",
             "alignment": "normal", "collapse_pct": 60, "posterolateral": "bilateral",
             "fit_for_surgery": True}  # fmt: skip
    noms = {s.id: s for s in applicable_scores(Facts(facts))}["noms"]
    assert noms.band == ("unstable_fit",)
    assert noms.sources["sins"] == "derived"


@pytest.mark.parametrize("id", ["sins", "mirels"])
def test_a_total_that_is_told_as_unknown_is_worked_out_as_if_it_were_left_out(id: str) -> None:
    facts = {"region": "spine" if id == "sins" else "prox_femur", "vertebra": "T12", "matrix": "lytic",
             "pain_type": "mech", "alignment": "normal", "collapse_pct": 60, "posterolateral": "bilateral",
             "fit_for_surgery": True}  # fmt: skip
    assert applicable_scores(Facts({**facts, id: None})) == applicable_scores(Facts(facts))


def test_where_sources_disagree_every_result_says_so() -> None:
    for id in ("mirels", "tokuhashi", "tomita", "bilsky", "harrington", "chow_2012", "gertzbein_1990"):
        assert score(id, {}).conflicts, id


def test_nothing_known_gives_the_whole_range_and_never_a_zero() -> None:
    result = score("sins", {})
    assert result.total == (0, 18)
    assert result.band == ("stable", "potentially_unstable", "unstable")
    assert len(result.missing) == 6


def test_a_level_may_be_typed_in_its_other_ways() -> None:
    assert score("sins", {**T12, "location": "junctional"}).total == (14, 14)
    assert score("sins", {**T12, "pain": "mech"}).total == (14, 14)
    assert score("mirels", {"size": "<1/3"}).items["size"] == (1, 1)


def test_an_unknown_score_item_or_level_names_its_nearest_neighbour() -> None:
    with pytest.raises(UnknownName, match=r"unknown score 'sin'; did you mean 'sins'\?"):
        score("sin", {})
    with pytest.raises(
        UnknownName, match=r"unknown item 'colapse' in the score sins; did you mean 'collapse'\?"
    ):
        score("sins", {"colapse": "none"})
    with pytest.raises(
        UnknownName, match=r"unknown level of lesion 'litic' in the score sins; did you mean 'lytic'\?"
    ):
        score("sins", {"lesion": "litic"})


@pytest.mark.parametrize("answer", [3, True, [], ()])
def test_points_cannot_be_typed_in_place_of_a_level(answer: object) -> None:
    with pytest.raises(BadInput, match=r"lesion is .*write one of lytic, mixed, blastic"):
        score("sins", {"lesion": answer})  # type: ignore[dict-item]


def test_the_definition_of_the_mirels_size_has_no_default_and_no_points() -> None:
    items = {"site": "lower_limb", "pain": "mild", "lesion": "lytic", "size": "under_third"}
    without = score("mirels", items)
    assert without.total == (7, 7)
    assert without.missing == ("size_definition",)
    assert any("there is no default" in note for note in without.notes)
    for definition in ("bone_diameter", "cortical_thickness"):
        told = score("mirels", {**items, "size_definition": definition})
        assert told.total == without.total
        assert told.missing == ()
        assert not any("no default" in note for note in told.notes)


def test_a_mirels_total_of_8_shows_both_readings_each_with_its_name() -> None:
    items = {"site": "lower_limb", "pain": "moderate", "lesion": "lytic", "size": "under_third"}
    result = score("mirels", items)
    assert result.total == (8, 8)
    assert result.band_text == (
        "cut of Mirels' own abstract, 1989: fractured more often",
        "cut of a later convention: between the two",
    )
    assert {"Mirels1989", "Jawad2010"} <= set(result.cite)


def test_fracture_figures_stand_beside_the_mirels_total_with_their_status() -> None:
    rows = risk("mirels", 8, 11)
    assert [(row.low_total, row.value, row.status) for row in rows] == [
        (8, 15, "unverified"),
        (9, 33, "unverified"),
        (10, 72, "unverified"),
        (11, 96, "unverified"),
    ]
    items = {"site": "lower_limb", "pain": "moderate", "lesion": "lytic", "size": "under_third"}
    assert any(
        n.startswith("fracture at a total of 8: 15 % (abstract or secondary")
        for n in score("mirels", items).notes
    )


def test_the_status_of_a_score_is_its_least_certain_part() -> None:
    assert score("tokuhashi", {}).status == "verified"
    assert score("mirels", {}).status == "unverified", "its later reading was seen in secondary sources alone"


@pytest.mark.parametrize(
    ("facts", "item", "answer"),
    [
        ({"vertebra": "T12"}, "location", "junctional"),
        ({"vertebra": "C2"}, "location", "junctional"),
        ({"vertebra": "T10"}, "location", "semirigid"),
        ({"vertebra": "L3"}, "location", "mobile"),
        ({"vertebra": "S1"}, "location", "junctional"),
        ({"vertebra": "S2"}, "location", "rigid"),
        ({"pain_type": "mech"}, "pain", "mechanical"),
        ({"pain_type": "none"}, "pain", "none"),
        ({"matrix": "mixed"}, "lesion", "mixed"),
        ({"collapse_pct": 51}, "collapse", "over_50"),
        ({"collapse_pct": 50}, "collapse", "under_50"),
        ({"collapse_pct": 0.5}, "collapse", "under_50"),
        ({"collapse_pct": 0, "body_involved_pct": 51}, "collapse", "involved_over_50"),
        ({"collapse_pct": 0, "body_involved_pct": 50}, "collapse", "none"),
        ({"collapse_pct": 0}, "collapse", ("involved_over_50", "none")),
        ({"body_involved_pct": 80}, "collapse", ("over_50", "under_50", "involved_over_50")),
        ({"posterolateral": "unilateral"}, "posterolateral", "unilateral"),
        ({}, "posterolateral", None),
        ({}, "alignment", None),
        ({}, "location", None),
    ],
)
def test_sins_items_follow_from_findings_and_from_nothing_else(
    facts: dict[str, object], item: str, answer: object
) -> None:
    assert items_from("sins", facts)[item] == answer  # type: ignore[arg-type]


def test_the_site_of_mirels_needs_a_person_where_the_femur_may_be_broken_off_the_trochanters() -> None:
    assert items_from("mirels", {"region": "femur_shaft"})["site"] == "lower_limb"
    assert items_from("mirels", {"region": "humerus_shaft"})["site"] == "upper_limb"
    assert items_from("mirels", {"region": "prox_femur"})["site"] == ("lower_limb", "peritrochanteric")
    assert (
        items_from("mirels", {"region": "prox_femur", "peritrochanteric": True})["site"] == "peritrochanteric"
    )
    assert items_from("mirels", {"region": "prox_femur", "peritrochanteric": False})["site"] == "lower_limb"


@pytest.mark.parametrize("id", [id for id in SUMS if score_table(id).applies])
def test_no_finding_puts_an_item_on_two_levels_and_every_level_can_be_reached(id: str) -> None:
    for name, item in score_table(id).items.items():
        trees = {level: parse(row.when) for level, row in item.levels.items()}
        facts = list(dict.fromkeys(fact for tree in trees.values() for fact in names(tree)))
        choices = []
        for fact in facts:
            found = [
                v
                for t in trees.values()
                for v in samples(t, fact, None, vocabulary()[fact])
                if fact in names(t)
            ]
            choices.append(list(dict.fromkeys(found)))
        reached = set()
        for values in itertools.product(*choices):
            true = [lv for lv, t in trees.items() if evaluate(t, dict(zip(facts, values, strict=True)))]
            assert len(true) <= 1, (name, values, true)
            reached.update(true)
        assert reached == set(item.levels), name


def test_partial_findings_narrow_a_total_without_settling_it() -> None:
    facts = {"region": "spine", "vertebra": "T12", "matrix": "lytic", "collapse_pct": 0}
    result = {s.id: s for s in applicable_scores(Facts(facts))}["sins"]
    assert result.items["collapse"] == (0, 1)
    assert result.total == (5, 16)
    assert result.missing == ("pain", "alignment", "collapse", "posterolateral")


def test_scores_are_offered_only_for_the_site_that_they_were_made_for() -> None:
    def offered(**facts: object) -> set[str]:
        return {s.id for s in applicable_scores(Facts(facts))}

    spine = {"sins", "bilsky", "noms", "genant", "katagiri", "tokuhashi", "tomita", "bauer_modified"}
    assert offered(region="spine") == spine
    assert offered(region="prox_femur") == {"mirels", "axial_cortical", "capanna", "katagiri", "bauer"}
    assert offered(region="acetabulum") == {"harrington", "katagiri"}
    assert offered(region="rib") == {"katagiri"}
    assert offered() == set()


def test_a_total_that_a_person_gave_stands_and_a_contradiction_is_told() -> None:
    def sins(**facts: object) -> ScoreResult:
        return {s.id: s for s in applicable_scores(Facts({"region": "spine", **facts}))}["sins"]

    result = sins(sins=9)
    assert result.total == (9, 9)
    assert result.band == ("potentially_unstable",)
    assert result.notes[0].startswith("total as given")
    against = sins(vertebra="T12", matrix="lytic", sins=2)
    assert against.total == (2, 2)
    assert "the findings contradict it: they allow 5 to 18" in against.notes


def test_items_from_findings_feed_the_score() -> None:
    facts = {"vertebra": "T12", "pain_type": "mech", "matrix": "lytic", "alignment": "normal",
             "collapse_pct": 60, "posterolateral": "bilateral"}  # fmt: skip
    assert score("sins", items_from("sins", facts)).total == (14, 14)


def test_a_score_made_for_every_region_of_a_bone_applies_though_the_region_is_not_measured() -> None:
    """A femoral shaft that grew from a point: nobody measured its region, Mirels stays with an open site."""
    known = Facts({"matrix": "lytic", "limb_pain": "functional"})
    assert "mirels" not in {one.id for one in applicable_scores(known)}
    found = {one.id: one for one in applicable_scores(known, regions=("prox_femur", "femur_shaft"))}
    assert "site" in found["mirels"].missing
    assert "sins" not in found
    told = Facts({**known, "region": "spine"})
    assert "mirels" not in {one.id for one in applicable_scores(told, regions=("prox_femur",))}


def test_a_class_or_band_says_what_was_found_and_never_what_to_do() -> None:
    advice = re.compile(
        r"\b(fix|irradiat|excis|resect|radiotherap|consult|replacement|shell|cage|stabilis|conservativ|"
        r"supportive|palliat|operat)",
        re.IGNORECASE,
    )
    for table in score_tables().values():
        told = {f"class {id}": row.text for id, row in table.classes.items()}
        for reading in table.readings.values():
            told[reading.name] = reading.name
            told |= {f"{reading.name} {band.id}": f"{band.id} {band.text}" for band in reading.bands}
        for place, text in told.items():
            assert not advice.search(text), (table.id, place, text)
