"""What stands behind the order of the first page: the choice, as sections of the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from osteoplan.model.choice import ABOVE_WORDS, Choice, NextQuestion
from osteoplan.model.evidence import tier_words
from osteoplan.model.outcome import Estimate
from osteoplan.model.result import PlanResult
from osteoplan.report.plan.choice_charts import Point2, front, trade_chart
from osteoplan.report.plan.nouns import Chart, Part, Section, Table, TableRow, Words
from osteoplan.report.plan.rows import in_order, told
from osteoplan.report.words import joined, unit_word

__all__ = ["choosing"]

_KINDS: Mapping[str, str] = {
    "fact": "open fact", "presumed": "taken for granted", "physics": "input of the simulation",
    "preference": "the patient",
}  # fmt: skip


def choosing(result: PlanResult) -> Iterator[Section]:
    """The choice within its tiers; nothing where it was not put together."""
    if result.choice is not None:
        parts = tuple(_choice(result, result.choice))
        yield Section("choice", "What is left to choose from, and what tells it apart", parts, screen=False)


def titles(result: PlanResult) -> Mapping[str, str]:
    """Techniques by id, as people call them."""
    return {one.technique: one.title for one in result.explanation.recommendations}


def _choice(result: PlanResult, choice: Choice) -> Iterator[Part]:
    names, outcomes = titles(result), result.wordings.outcomes
    family = {one.technique: one.family for one in result.explanation.recommendations}

    def called(ids: Iterable[str], words: Mapping[str, str] = names) -> str:
        return ", ".join(words.get(id, id) for id in ids)

    beaten = {one.technique: one for one in choice.dominated}
    yield Table(
        "by tier and place; a place that several share is told apart by nothing",
        ("tier", "place", "technique", "told above"), (20, 8, 30, 42),
        tuple(
            TableRow(
                (
                    tier_words(one.tier, family.get(one.technique, "")), str(one.place), names[one.technique],
                    "; ".join(
                        f"{names[pair.worse]} {ABOVE_WORDS[pair.by]} ({pair.because})"
                        for pair in choice.above if pair.better == one.technique
                    ),
                ),
                paper=bool(n < 9),
            )
            for n, one in enumerate(choice.placed)
        ),
    )  # fmt: skip
    titled = {id: one.title for id, one in outcomes.items()}
    yield Words(
        "",
        (
            *(
                f"dominated: {names[id]} by {names[one.by]}: nowhere better on "
                f"{called(one.outcomes, titled)}; told worse on {called(one.better, titled)}"
                for id, one in beaten.items()
            ),
            *(f"points apart: {said}" for said in choice.disagreements),
        ),
    )
    yield Table(
        "what would change what stands first",
        ("question", "of what kind", "changes it", "first then"), (40, 18, 18, 24),
        tuple(
            TableRow((one.text, _KINDS[one.kind], share_words(one), _then(one, names)))
            for one in choice.next_questions
        ),
    )  # fmt: skip
    yield from _trade(result, choice)


def share_words(one: NextQuestion) -> str:
    """*in 3 of 4 answers*; of many weights *in 40 % of all weights*."""
    if one.kind == "preference":
        return f"{100.0 * one.share:.0f} % of all weights"
    of = "ends of its range" if one.kind == "physics" else "answers"
    return f"{round(one.share * one.tried)} of {one.tried} {of}"


def _then(one: NextQuestion, names: Mapping[str, str]) -> str:
    also = ", ".join(names.get(id, id) for id in one.then)
    lost = ", ".join(names.get(id, id) for id in one.lost)
    return "; ".join([*([also] if also else []), *([f"no longer {lost}"] if lost else [])])


def _trade(result: PlanResult, choice: Choice) -> Iterator[Part]:
    """The best tier between the two outcomes that most of it have."""
    if len(choice.axes) != 2 or not choice.placed:
        return
    best, (across, up) = choice.placed[0].tier, choice.axes
    tier = {one.technique for one in choice.placed if one.tier == best}
    found: list[tuple[str, Estimate, Estimate]] = []
    for one in in_order(result):
        x, y = one.outcome(across), one.outcome(up)
        if one.id in tier and x is not None and y is not None:
            found.append((one.recommendation.title, x, y))
    if len(found) < 2:
        return
    points = tuple(Point2(title, (x.value, x.low, x.high), (y.value, y.low, y.high)) for title, x, y in found)
    heads = [result.wordings.outcomes[id] for id in choice.axes]
    better = (heads[0].better == "more", heads[1].better == "more")
    words = [f"{one.title} [{unit_word(e.unit) or '1'}]" for one, e in zip(heads, found[0][1:], strict=True)]
    says = "; ".join(
        f"{title}: {joined(told(result, x))}, {joined(told(result, y))}" for title, x, y in found
    )
    edge = ", ".join(one.title for one in front(points, better))
    yield Chart(
        f"{heads[0].title} against {heads[1].title}",
        trade_chart(points, (words[0], words[1]), better),
        f"filled and joined: none is as good on both by its central value ({edge}); lines: intervals",
        says,
    )
