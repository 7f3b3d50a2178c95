"""The order of acts: every example of the data, and plans read as sequences."""

from __future__ import annotations

import itertools

import pytest

from osteoplan.errors import UnknownName
from osteoplan.knowledge.order import OrderExample, order, order_kinds
from osteoplan.model.plan import (
    Act,
    Deliver,
    Expand,
    Inject,
    Measure,
    Place,
    Remove,
    Sample,
    Segment,
    Step,
    Wait,
)
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.order import Remark, check_order, sequence_of

O = (0.0, 0.0, 0.0)
EXAMPLES = order().examples


def deliver(source: str, power_W: float | None, duration_s: float) -> Deliver:
    return Deliver("probe", source, (Segment(duration_s, power_W),), (O,), (1,))


def said(remarks: tuple[Remark, ...]) -> tuple[str, ...]:
    return tuple(("!" if remark.effect == "unusual" else "") + remark.row for remark in remarks)


def effects(*acts: str) -> set[str]:
    return {remark.effect for remark in check_order(acts)}


def steps(*acts: Act, sessions: tuple[int, ...] = ()) -> list[Step]:
    numbers = sessions or (1,) * len(acts)
    return [Step(i, act, session=n) for i, (act, n) in enumerate(zip(acts, numbers, strict=True), start=1)]


@pytest.mark.parametrize("example", EXAMPLES, ids=[" ".join(example.acts) for example in EXAMPLES])
def test_every_example_of_the_data_says_what_is_written_there(example: OrderExample) -> None:
    assert said(check_order(example.acts, Facts(example.given))) == example.says


def test_embolisation_before_ablation_before_radiotherapy_is_the_usual_order() -> None:
    """Acceptance case 14: a bulky kidney-cancer metastasis."""
    right, wrong = ("embolise", "ablate_heat", "irradiate"), ("ablate_heat", "embolise", "irradiate")
    assert effects(*right) == {"usual", "legal"}
    (remark,) = [one for one in check_order(wrong) if one.effect == "unusual"]
    assert (remark.first, remark.second) == (0, 1)
    assert "embolise before ablation" in remark.text
    assert remark.cite == ("CasesJ2009",)


def test_cement_before_heat_or_cold_is_warned_of_and_its_reverse_is_not() -> None:
    assert effects("cement", "ablate_heat") == {"warn"}
    assert effects("cement", "ablate_cold") == {"warn"}
    assert effects("ablate_heat", "cement") == {"usual"}


def test_cement_into_ice_is_forbidden_until_a_thaw_or_another_day() -> None:
    (remark,) = check_order(["ablate_cold", "cement"])
    assert (remark.effect, remark.status) == ("forbid", "unverified")
    assert effects("ablate_cold", "thaw", "cement") == set()
    assert effects("ablate_cold", "later", "cement") == set()
    assert effects("ablate_cold", "cement", "thaw") == {"forbid"}


def test_ablation_through_a_screw_is_legal_and_monopolar_current_at_metal_a_warning() -> None:
    assert effects("fix", "ablate_heat") == {"legal"}
    assert effects("fix", "ablate_monopolar") == {"legal", "warn"}
    assert effects("ablate_monopolar", "fix", "cement") == {"usual"}


def test_a_row_for_some_patients_speaks_only_where_it_holds_for_certain() -> None:
    def rows(**facts: object) -> list[str]:
        return [one.row for one in check_order(["embolise", "fix"], Facts(facts))]

    assert rows(hypervascular=True) == ["O3"]
    assert rows() == rows(hypervascular=False) == []


def test_every_pair_of_acts_is_answered_and_never_both_usual_and_unusual() -> None:
    for pair in itertools.product(order_kinds(), repeat=2):
        remarks = check_order(pair)
        assert len({one.row for one in remarks}) == len(remarks)
        assert not {"usual", "unusual"} <= {one.effect for one in remarks}
        assert all((one.first, one.second) == (0, 1) for one in remarks)


def test_one_act_or_none_has_no_order_and_an_unknown_one_names_its_neighbour() -> None:
    assert check_order([]) == ()
    assert all(check_order([kind]) == () for kind in order_kinds())
    with pytest.raises(UnknownName, match="did you mean 'cement'"):
        check_order(["cemment"])


# ---- plans


def test_the_steps_of_a_plan_become_acts_and_looking_takes_no_part() -> None:
    plan = steps(
        Place("cannula_11g", O, O),
        Measure("CT"),
        Sample("biopsy_needle", O),
        Inject("embolic", O, 1.0),
        deliver("rf_bipolar", 10.0, 600.0),
        Place("screw", O, O, stays=True),
        Expand("balloon", O, 2.0),
        Inject("gas", O, 5.0),
        Inject("pmma", O, 4.0),
        Wait("cement cure", 10.0),
        Remove("cannula"),
        deliver("radiation", None, 60.0),
    )
    assert sequence_of(plan) == ("biopsy", "embolise", "ablate_heat", "fix", "expand", "cement", "irradiate")
    assert {one.effect for one in check_order(sequence_of(plan))} == {"usual", "legal"}


def test_steps_are_read_in_the_order_of_their_numbers() -> None:
    plan = steps(Inject("pmma", O, 4.0), deliver("microwave", 60.0, 300.0))
    assert sequence_of(plan) == ("cement", "ablate_microwave")
    assert sequence_of(plan[::-1]) == ("cement", "ablate_microwave")


def test_ice_and_cement_need_a_thaw_or_a_later_session_in_a_plan_too() -> None:
    ice, thaw, cement = deliver("cold", None, 600.0), Wait("thaw", 8.0), Inject("pmma", O, 4.0)
    assert [one.row for one in check_order(sequence_of(steps(ice, cement)))] == ["O7"]
    assert check_order(sequence_of(steps(ice, thaw, cement))) == ()
    assert check_order(sequence_of(steps(ice, cement, sessions=(1, 2)))) == ()


def test_a_source_or_agent_that_nobody_knows_is_refused_not_left_out() -> None:
    with pytest.raises(UnknownName, match=r"source of energy 'microwawe'.*did you mean 'microwave'"):
        sequence_of(steps(deliver("microwawe", None, 60.0)))
    with pytest.raises(UnknownName, match=r"agent 'pnma'.*did you mean 'pmma'"):
        sequence_of(steps(Inject("pnma", O, 1.0)))
