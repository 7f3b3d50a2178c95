"""How sure a published number is: both sides of each threshold of the rule."""

from dataclasses import replace

import pytest

from osteoplan.knowledge.certainty import certainty_of, certainty_rule
from osteoplan.knowledge.evidence import evidence, study_of
from osteoplan.model.outcome import Study

READ_TRIAL = Study(200, tag="F", design="randomised")
SERIES = Study(100, tag="F~", design="series")


def test_a_trial_that_was_read_is_high_and_whatever_was_followed_low():
    assert certainty_of(READ_TRIAL) == ("high", ("randomised",))
    assert certainty_of(replace(READ_TRIAL, tag="F+D"))[0] == "high"  # our arithmetic on what was read
    for design in ("cohort", "registry", "pooled", "series"):
        assert certainty_of(replace(READ_TRIAL, design=design))[0] == "low"
    assert certainty_of(replace(READ_TRIAL, design="model"))[0] == "very low"
    assert certainty_of(replace(READ_TRIAL, design="")) == ("", ())


def test_what_was_not_read_whole_is_at_most_moderate_and_memory_very_low():
    assert certainty_of(replace(READ_TRIAL, tag="F~"))[0] == "moderate"
    assert certainty_of(replace(READ_TRIAL, tag="F~"))[1][1] == "at most moderate: abstract or secondary"
    assert certainty_of(replace(READ_TRIAL, tag="MH"))[0] == "very low"
    assert certainty_of(SERIES) == ("low", ("series",))  # low already: nothing held it down
    computed = replace(SERIES, design="model", tag="MM")
    assert certainty_of(computed) == ("very low", ("model",))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"n": 30}, "low"),
        ({"n": 29}, "very low"),
        ({"n": None}, "very low"),
        ({"followed": 80}, "low"),
        ({"followed": 79}, "very low"),
        ({"population": "injury, not tumours"}, "very low"),
    ],
)
def test_few_lost_or_others_cost_one_word(change, word):
    assert certainty_of(replace(SERIES, **change))[0] == word
    better = replace(READ_TRIAL, n=100, **{key: value for key, value in change.items() if key != "n"})
    better = replace(better, n=change.get("n", 100))
    assert certainty_of(better)[0] == ("high" if word == "low" else "moderate")


def test_it_never_falls_below_very_low():
    least = replace(SERIES, n=5, followed=1, population="others", tag="MM", months=3.0)
    assert certainty_of(least)[0] == "very low"
    assert len(certainty_of(least)[1]) == 5


def test_the_rule_is_our_default_and_says_so():
    rule = certainty_rule()
    assert rule.status == "design_default"
    assert rule.tag == "D"


def test_every_published_number_has_a_word_and_those_of_a_board_are_as_expected():
    rows = {
        (technique, row.id, row.value): study_of(row)
        for technique, file in evidence().items()
        for row in file.outcomes
    }
    assert all(study.certainty for study in rows.values())
    opus = rows["ablation_with_stabilisation", "pain_change_nrs", -4.7]
    assert (opus.n, opus.followed, opus.months, opus.certainty) == (100, 22, 6.0, "very low")
    assert "22 of 100 still there" in opus.certainty_because
    assert rows["vertebroplasty", "major_complication_probability", 2.0].events == 19
    assert rows["vertebroplasty", "death_probability", 0.5].events == 5
    acrin = {r.months: r.value for r in evidence()["rfa"].outcomes if r.id == "pain_change_nrs"}
    assert acrin == {1.0: -2.69, 3.0: -1.42}
