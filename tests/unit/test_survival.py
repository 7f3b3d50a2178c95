"""The time that is left: what scores published, what people typed, and where they point apart."""

from osteoplan.knowledge.lint.checks import expression_findings
from osteoplan.knowledge.scores import outlook
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.evidence import Survival
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.scores import applicable_scores
from osteoplan.pathway.survival import survival

BAD = {"region": "spine", "primary_growth": "rapid", "visceral_spread": "disseminated", "ecog": 3, "plt": 90,
       "prior_chemotherapy": True, "n_bone_mets": 5}  # fmt: skip


def of(**facts: object) -> Survival:
    return survival(Facts(facts), applicable_scores(Facts(facts)))


def shares(found: Survival, model: str) -> dict[float, tuple[float, float]]:
    return {
        row.at_months: (row.low, row.high)
        for row in found.rows
        if row.model == model and row.at_months is not None and row.low is not None and row.high is not None
    }


def test_a_score_gives_the_shares_that_were_published_for_its_band() -> None:
    found = of(**BAD)
    assert shares(found, "new Katagiri score") == {6: (27, 27), 12: (6, 6)}
    row = next(row for row in found.rows if row.at_months == 12)
    assert (row.cite, row.status, row.basis) == (("Katagiri2014",), "unverified", "published")


def test_where_two_bands_are_possible_the_share_is_a_range_and_where_one_has_no_figure_there_is_none() -> (
    None
):
    found = of(**{**BAD, "plt": None, "visceral_spread": None})
    assert shares(found, "new Katagiri score") == {6: (27, 74), 12: (6, 49)}


def test_a_score_of_which_nothing_is_known_says_nothing() -> None:
    assert of(region="spine").rows == ()


def test_what_was_typed_from_a_model_stands_as_typed() -> None:
    found = of(pathfx_3mo_pct=80, pathfx_12mo_pct=[30, 40], spring_3mo_pct=70)
    assert shares(found, "PathFx") == {3: (80, 80), 12: (30, 40)}
    assert shares(found, "SPRING") == {3: (70, 70)}
    assert {row.basis for row in found.rows} == {"typed"}


def test_an_estimate_that_most_would_not_live_to_see_is_told() -> None:
    found = of(**BAD, le_weeks=60)
    assert any(
        "the team expects 60 weeks" in text and "6 % alive (source not read) at 12 months" in text
        for text in found.disagreements
    )
    assert of(**BAD, le_weeks=10).disagreements == ()


def test_an_estimate_shorter_than_what_most_live_is_told() -> None:
    assert of(le_weeks=4, pathfx_3mo_pct=90).disagreements == (
        "the team expects 4 weeks, PathFx gives 90 % alive at 3 months",
    )
    assert of(le_weeks=30, pathfx_3mo_pct=90).disagreements == ()


def test_two_models_on_two_sides_of_a_half_are_told() -> None:
    found = of(**BAD, pathfx_12mo_pct=70)
    said = "at 12 months new Katagiri score gives 6 % alive (source not read), PathFx 70 % alive"
    assert said in found.disagreements
    assert of(pathfx_3mo_pct=70, spring_3mo_pct=60).disagreements == ()


TOKUHASHI = {"region": "spine", "kps": 30, "n_extraspinal_bone_mets": 4, "n_vertebral_mets": 3,
             "organ_mets": "unremovable", "primary": "lung"}  # fmt: skip


def test_a_band_that_is_a_length_of_life_contradicts_an_estimate_and_a_model() -> None:
    found = of(**TOKUHASHI, le_weeks=60, pathfx_12mo_pct=80)
    row = next(row for row in found.rows if row.model == "revised Tokuhashi score")
    assert row.months == (None, 6)
    said = "revised Tokuhashi score says total 0 to 2: less than 6 months"
    assert set(found.disagreements) == {
        f"the team expects 60 weeks, {said}",
        f"{said}, PathFx gives 80 % alive at 12 months",
    }


def test_half_a_year_in_weeks_is_half_a_year_in_months_and_contradicts_neither_band_beside_it() -> None:
    assert of(**TOKUHASHI, le_weeks=26).disagreements == ()
    longer = {**TOKUHASHI, "primary": "breast", "kps": 70, "organ_mets": "none", "frankel": "C"}
    found = of(**longer, le_weeks=26)
    assert any(row.months == (6, None) for row in found.rows)
    assert found.disagreements == ()
    assert of(**longer, le_weeks=25).disagreements != ()


def test_two_bands_that_are_possible_span_both_lengths() -> None:
    open_ = {**TOKUHASHI, "primary": "breast", "kps": None, "organ_mets": "none", "frankel": "C"}
    found = of(**open_)
    row = next(row for row in found.rows if row.model == "revised Tokuhashi score")
    assert row.months == (None, None)
    assert of(**open_, le_weeks=100).disagreements == ()


def test_the_old_medians_by_primary_are_told_with_their_years_and_contradict_nobody() -> None:
    found = of(region="spine", primary="lung", le_weeks=80)
    row = next(row for row in found.rows if "2001 to 2010" in row.model)
    assert row.text == "median, lung 2.0 months"
    assert row.cite == ("Bollen",)
    assert found.disagreements == ()
    assert not any("2001" in row.model for row in of(region="rib", primary="lung").rows)
    assert not any("2001" in row.model for row in of(region="spine", primary="colorectal").rows)


def test_a_share_over_two_bands_is_as_certain_as_the_less_certain_of_them() -> None:
    found = of(region="rib", primary_growth="moderate", visceral_spread="none", ecog=1,
               prior_chemotherapy=False, n_bone_mets=2)  # fmt: skip
    row = next(row for row in found.rows if row.at_months == 12)
    assert (row.low, row.high, row.status) == (49, 91, "unverified")


def test_a_number_from_memory_says_in_every_contradiction_that_its_source_was_not_read() -> None:
    known = {"region": "rib", "primary_growth": "moderate", "visceral_spread": "nodular", "ecog": 1,
             "plt": 50, "prior_chemotherapy": False, "n_bone_mets": 2}  # fmt: skip
    assert of(**known, le_weeks=10).disagreements == (
        "the team expects 10 weeks, new Katagiri score gives 74 % alive (source not read) at 6 months",
    )
    typed = of(le_weeks=4, pathfx_3mo_pct=90)
    assert not any("not read" in text for text in typed.disagreements)


MEDIANS = {"breast": "18.6", "prostate": "7.4", "kidney": "7.8", "thyroid": "7.3", "lung": "2.0",
           "urothelial": "1.7", "unknown": "2.8", "melanoma": "1.5", "pancreas_biliary": "2.5",
           "oesophagus": "2.1", "stomach": "1.4", "liver": "4.8"}  # fmt: skip


def test_each_primary_has_its_own_median_and_no_other_has_any() -> None:
    for primary in vocabulary()["primary"].levels:
        told = [row.text for row in of(region="spine", primary=primary).rows if "2001" in row.model]
        assert [text.split()[-2] for text in told] == [MEDIANS[key] for key in MEDIANS if key == primary]
    colon = of(region="spine", primary="colorectal", primary_detail="colon").rows
    assert [row.text for row in colon if "2001" in row.model] == ["median, colon 3.1 months"]


def test_only_the_two_ends_of_the_leiden_model_that_are_known_are_told() -> None:
    told = {
        (primary, kps, spread): [row.text.rsplit(", ", 1)[-1] for row in rows if "Leiden" in row.model]
        for primary in vocabulary()["primary"].levels
        for kps in (None, 10, 79, 80, 100)
        for spread in (None, "none", "nodular", "disseminated")
        for rows in [of(region="spine", primary=primary, kps=kps, visceral_spread=spread).rows]
    }
    best = ["no visceral or brain metastases 31.2 months"]
    worst = ["visceral or brain metastases 4.8 months (2.3 to 7.3)"]
    assert {key: text for key, text in told.items() if text} == {
        **{("breast", kps, "none"): best for kps in (80, 100)},
        **{("breast", kps, spread): worst for kps in (10, 79) for spread in ("nodular", "disseminated")},
    }


def test_every_median_asks_only_for_facts_that_exist() -> None:
    assert [fault for row in outlook() for fault in expression_findings(row.when, vocabulary())] == []


def growth_of(**facts: object) -> dict[str, tuple[float, float]]:
    results = applicable_scores(Facts({"region": "spine", **facts}))
    return {one.id: one.items["primary"] for one in results if "primary" in one.items}


def test_a_primary_that_is_not_known_counts_as_rapid_unless_its_growth_was_given() -> None:
    found = growth_of(primary="unknown")
    assert (found["tomita"], found["katagiri"]) == ((4, 4), (3, 3))
    found = growth_of(primary="unknown", tomita_growth="slow", primary_growth="moderate")
    assert (found["tomita"], found["katagiri"]) == ((1, 1), (2, 2))
    for primary in ("breast", "lung", "other"):
        found = growth_of(primary=primary)
        assert (found["tomita"], found["katagiri"]) == ((1, 4), (0, 3))


def test_every_answer_that_can_be_typed_from_a_model_stands_at_its_own_month() -> None:
    for model, months in (("PathFx", (1, 3, 6, 12, 18, 24)), ("SPRING", (3, 6, 12))):
        facts = {f"{model.lower()}_{month}mo_pct": 80 - month for month in months}
        assert shares(of(**facts), model) == {month: (80 - month, 80 - month) for month in months}


def test_a_half_on_the_dot_is_on_neither_side() -> None:
    assert of(pathfx_3mo_pct=50, spring_3mo_pct=60).disagreements == ()
    assert of(pathfx_3mo_pct=50, spring_3mo_pct=40).disagreements == ()
    assert of(pathfx_3mo_pct=40, spring_3mo_pct=50).disagreements == ()
    assert of(pathfx_3mo_pct=60, spring_3mo_pct=50).disagreements == ()
    assert of(pathfx_3mo_pct=[40, 60], spring_3mo_pct=70).disagreements == ()
    for one, two in ((49, 51), (51, 49)):
        assert len(of(pathfx_3mo_pct=one, spring_3mo_pct=two).disagreements) == 1
    assert of(pathfx_3mo_pct=49, spring_6mo_pct=51).disagreements == ()  # not at one time
    assert of(le_weeks=13, pathfx_3mo_pct=50).disagreements == ()
    assert len(of(le_weeks=13, pathfx_3mo_pct=49).disagreements) == 1
    assert len(of(le_weeks=13, pathfx_3mo_pct=51).disagreements) == 1
