"""The time that is left: what scores published, what people typed, and where they point apart."""

from osteoplan.model.survival import Survival
from osteoplan.pathway.scores import applicable_scores
from osteoplan.pathway.survival import survival
from osteoplan.pathway.vocabulary import parse_values

BAD = {"region": "spine", "primary_growth": "rapid", "visceral_spread": "disseminated", "ecog": 3, "plt": 90,
       "prior_chemotherapy": True, "n_bone_mets": 5}  # fmt: skip


def of(**facts: object) -> Survival:
    return survival(parse_values(facts), applicable_scores(facts))


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
    assert (row.cite, row.status, row.basis) == (("Katagiri2014",), "verified", "published")


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
        "the team expects 60 weeks or more" in text and "6 % alive at 12 months" in text
        for text in found.disagreements
    )
    assert of(**BAD, le_weeks=10).disagreements == ()


def test_an_estimate_shorter_than_what_most_live_is_told() -> None:
    assert of(le_weeks=4, pathfx_3mo_pct=90).disagreements == (
        "the team expects 4 weeks or less, PathFx gives 90 % alive at 3 months",
    )
    assert of(le_weeks=30, pathfx_3mo_pct=90).disagreements == ()


def test_two_models_on_two_sides_of_a_half_are_told() -> None:
    found = of(**BAD, pathfx_12mo_pct=70)
    assert "at 12 months new Katagiri score gives 6 % alive, PathFx 70 % alive" in found.disagreements
    assert of(pathfx_3mo_pct=70, spring_3mo_pct=60).disagreements == ()
