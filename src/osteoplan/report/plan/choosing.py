"""What stands behind the order of the first page: the choice, as sections of the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from osteoplan.model.choice import ABOVE_WORDS, Choice, NextQuestion
from osteoplan.model.evidence import tier_words
from osteoplan.model.outcome import Estimate
from osteoplan.model.preference import PreferenceResult
from osteoplan.model.result import PlanResult
from osteoplan.model.value import ValueResult, of_draws
from osteoplan.report.plan.choice_charts import Point2, acceptability_chart, bar_chart, front, trade_chart
from osteoplan.report.plan.nouns import Chart, Part, ReportSection, Table, TableRow, Words
from osteoplan.report.plan.rows import in_order, told
from osteoplan.report.plan.uncertainty import bars_chart
from osteoplan.report.words import joined, number, unit_word, value_of

__all__ = ["choosing"]

_KINDS: Mapping[str, str] = {
    "fact": "open fact", "presumed": "taken for granted", "physics": "input of the simulation",
    "preference": "the patient",
}  # fmt: skip


def choosing(result: PlanResult) -> Iterator[ReportSection]:
    """The choice within its tiers, and what matters to the patient; nothing that was not put together."""
    if result.choice is not None:
        parts = tuple(_choice(result, result.choice))
        yield ReportSection(
            "choice", "What is left to choose from, and what tells it apart", parts, screen=False
        )

    if result.preference is not None:
        parts = tuple(_preference(result, result.preference))
        yield ReportSection("preference", "What matters to this patient", parts)
    if result.value is not None:
        parts = tuple(_value(result, result.value))
        yield ReportSection("value", "What it is worth, over patients like this one", parts)


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
    """*3 of 4 answers*: so many of those that were tried change what stands first; *40 % of weights*."""
    if one.kind == "preference":
        return f"{100.0 * one.share:.0f} % of weights"
    of = "ends" if one.kind == "physics" else "answers" if one.tried > 1 else "answer"
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


def _preference(result: PlanResult, told_by: PreferenceResult) -> Iterator[Part]:
    """How often each is first over the weights that the answers leave, and what would have to matter."""
    names, answers = titles(result), told_by.answers
    if answers is None:
        who = "nobody has asked yet: all weights count alike, none is invented"
    else:
        who = f"{answers.kind.replace('_', ' ')}, by {answers.by.replace('_', ' ')}, {answers.date}"
    language = answers.language if answers else "en"
    called = {
        id: one.words.get(language, next(iter(one.words.values()))).name
        for id, one in told_by.attributes.items()
    }
    yield Words("", (who, *told_by.warnings))
    bars = {one.title: one.first for one in told_by.options if one.compared}
    if any(bars.values()):
        note = (
            f"{told_by.samples:,} weights over {told_by.draws} samples of the outcomes; none is first in "
            f"{100.0 * told_by.undecided:.0f} %; within a tier alone it orders, across tiers it is only told"
        )
        says = "; ".join(f"{title} {100.0 * share:.0f} %" for title, share in bars.items())
        yield Chart("how often each is first", bar_chart(bars, "first in [% of samples]"), note, says)
    rows = []
    for id in (id for id in told_by.attributes if id in told_by.ranges):  # differ, or were answered
        swing, unit = told_by.ranges[id], unit_word(told_by.attributes[id].unit)
        weight = f"{100.0 * told_by.weights[id]:.0f} %" if id in told_by.weights else "not counted"
        ends = f"{number(swing.worst)} to {number(swing.best)} {unit}".strip()
        rows.append(TableRow((called[id], ends, weight)))
    yield Table("what was weighed", ("what", "worst to best", "mean weight"), (50, 30, 20), tuple(rows))
    yield Table(
        "what would have to matter for another to be first", ("technique", "first in", ""), (28, 14, 58),
        tuple(
            TableRow(
                (
                    names[one.technique],
                    f"{100.0 * one.first:.0f} % of all weights" if one.weights else "–",
                    one.text,
                )
            )
            for one in told_by.would_win
        ),
    )  # fmt: skip
    why: dict[str, list[str]] = {}
    for out in told_by.left_out:
        why.setdefault(out.reason, []).append(called.get(out.attribute, out.attribute.replace("_", " ")))
    yield Words("not asked", tuple(f"{reason}: {', '.join(out)}" for reason, out in why.items()))


def _value(result: PlanResult, worth: ValueResult) -> Iterator[Part]:
    """Quality-adjusted life, cost, net benefit; what can be said of a pair; which fact is worth getting."""
    names = titles(result)
    yield Words(
        "",
        (
            "expected over many patients like this one, never what happens to this one; it places nothing",
            *(f"missing: {one}" for one in worth.missing),
        ),
    )
    rows = []
    for one in worth.techniques:
        money = one.base.words if one.base else ""
        figures = (_amount(one.qaly), _amount(one.cost), _amount(one.nmb))
        rows.append(TableRow((one.title, *figures, money, "; ".join(one.missing))))
    heads = ("technique", "QALY", "cost", "net benefit", "money", "missing")
    yield Table("", heads, (18, 11, 11, 12, 12, 36), tuple(rows))
    pairs = tuple(
        TableRow(
            (
                names[one.technique], names[one.reference], _amount(one.qaly), _amount(one.cost),
                _amount(one.nmb), one.told, one.because,
            )
        )
        for one in worth.pairs
    )  # fmt: skip
    told_by = ("this", "less that", "QALY", "cost", "net benefit", "the first is", "why")
    yield Table("pair by pair, over what both have", told_by, (16, 16, 14, 12, 14, 10, 18), pairs)
    if len(worth.acceptability) > 1:
        at = [one.threshold for one in worth.acceptability]
        shares = {names[id]: [one.shares[id] for one in worth.acceptability] for id in worth.compared}
        says = "; ".join(
            f"{title} {of_draws(line[0], worth.draws)} to {of_draws(line[-1], worth.draws)}"
            for title, line in shares.items()
        )
        note = f"{worth.draws:,} draws; over inputs that all have: {', '.join(worth.inputs)}".replace(
            "_", " "
        )
        money = worth.base.words if worth.base else worth.unit
        yield Chart(
            "how often each has the highest net benefit", acceptability_chart(at, shares, money), note, says
        )
    if worth.one_at_a_time and len(worth.leading) == 2:
        lead, other = (names[id] for id in worth.leading)
        says = "; ".join(f"{bar.title} {bar.low:.3g} to {bar.high:.3g}" for bar in worth.one_at_a_time[:3])
        what = f"{lead} less {other} [{worth.unit}]"
        yield Chart(
            "one input at a time", bars_chart(worth.one_at_a_time, 0.0, what), "line: no difference", says
        )
    rows = [
        TableRow(
            (one.title, number(one.value, one.unit), one.fact.replace("_", " ") or "a study, not a fact")
        )
        for one in worth.worth
    ]
    if worth.perfect_information is not None:
        rows.insert(0, TableRow(("everything", number(worth.perfect_information, worth.unit), "")))
    yield Table(
        "what knowing it would gain", ("input", "expected gain", "settled by"), (50, 25, 25), tuple(rows)
    )
    yield Words(
        "assumed, and rests on",
        (*worth.assumptions, *([f"sources: {', '.join(worth.sources)}"] if worth.sources else [])),
    )


def _amount(estimate: Estimate | None) -> str:
    """Value and interval; a dash where it is not known."""
    return "–" if estimate is None else joined(value_of(estimate))
