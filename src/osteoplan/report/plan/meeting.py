"""The first page: who, how sure, what is in play and what could be done, to be read in five minutes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from osteoplan.model.choice import Candidate
from osteoplan.model.evidence import Question, ScoreResult
from osteoplan.model.findings import Finding
from osteoplan.model.plan import BREACH, Option
from osteoplan.model.result import PlanResult
from osteoplan.report.facts_in_words import fact_words, found_words, label_of
from osteoplan.report.plan.choosing import share_words
from osteoplan.report.plan.nouns import FirstPage, Heading, Linked, Row
from osteoplan.report.plan.rows import ALONE, bone_lines, chosen, in_order, not_here, row
from osteoplan.report.views import Line
from osteoplan.report.words import clause, few_words, number

__all__ = ["best_option", "first_page", "header", "total_words"]

_FLAGS, _QUESTIONS = 3, 3
# characters that a place of the page holds
_FLAG, _QUESTION, _FACT, _BEYOND, _TIES, _APART = 105, 40, 30, 120, 60, 180
_COLUMNS = ("aim", "evidence", "bone", "risk", "burden", "against")
# What the facts in play say, in the few words that fit beside a value: the patient, then the lesion.
_PATIENT = {
    "primary": "primary", "ecog": "ECOG", "rs": "radiosensitivity", "prior_rt": "irradiated before",
    "le_weeks": "expected, weeks", "inr": "INR", "plt": "platelets", "antithrombotics": "antithrombotics",
}  # fmt: skip
_LESION = {
    "spine": {
        "axes_mm": "size", "body_involved_pct": "of the body", "canal_mm": "to the canal",
        "posterior_wall_defect": "posterior wall defect", "collapse_pct": "collapse", "fx": "fracture",
    },
    "sacrum": {
        "axes_mm": "size", "denis_zone": "zone", "canal_mm": "to the canal", "nerve_mm": "to a nerve",
        "joint_mm": "to the joint", "fx": "fracture",
    },
    "pelvis": {
        "axes_mm": "size", "dome_lost_pct": "dome lost", "joint_mm": "to the joint",
        "nerve_mm": "to a nerve", "fx": "fracture",
    },
    "long bone": {
        "axes_mm": "size", "axial_mm": "cortex, along", "circ_pct": "cortex, around",
        "bone_diameter_pct": "of the diameter", "joint_mm": "to the joint", "fx": "fracture",
    },
}  # fmt: skip


def first_page(result: PlanResult) -> FirstPage:
    """Everything that the first page says."""
    standings = in_order(result)
    open_, shut = chosen(standings)
    rows = tuple(row(result, one, result.aims.get(one.recommendation.technique, ()), open_) for one in open_)
    ranked_by = result.comparison.ranked_by
    now = bone_lines(result, [e for e in result.simulations.now if e.id == ranked_by])
    return FirstPage(
        header=header(result),
        question=_question(result),
        goal=_goal(result),
        flags=tuple(Linked(clause(flag, _FLAG, at="\n"), link) for flag, link in _flags(result))[:_FLAGS],
        facts=tuple(_facts(result)),
        rows=rows,
        not_here=tuple(not_here(one) for one in shut),
        beyond=tuple(_beyond(standings, (*open_, *shut))),
        columns=tuple(name for name in _COLUMNS if any(getattr(one, name) for one in rows)),
        now=now[:1],
        apart=_apart(result),
        notes=tuple(_notes(result, frozenset(o.id for one in open_ for o in one.open), rows)),
        questions=tuple(_next(result))[:_QUESTIONS],
        checklist=few_words([label_of(q.fact, result.wordings.labels) for q in result.explanation.checklist]),
    )


def best_option(result: PlanResult) -> Option | None:
    """The way that the first page draws: of its first row that has one; None where no way can be gone."""
    open_, _ = chosen(in_order(result))
    return next((one.plan for one in open_ if one.plan), None)


def header(result: PlanResult) -> Heading:
    """The line on top of the first page and of every printed one."""
    case, anatomy = result.reading.case, result.reading.anatomy
    lesion = anatomy.lesion
    place = anatomy.level if lesion.side in anatomy.level else f"{anatomy.level}, {lesion.side}"
    counted = "level counted (by whom is not recorded)" if lesion.level_confirmed else "level NOT confirmed"
    thick = f"{max(anatomy.image.spacing_mm):.1f} mm slices"
    calibrated = "calibrated" if anatomy.calibration.calibrated else "uncalibrated: ratios only"
    origin = (
        "GENERATED PHANTOM" if case.phantom
        else "DEMO: SIMULATED LESION in a real scan" if lesion.simulated
        else "invented patient" if case.patient.invented else "real case"
    )  # fmt: skip
    return Heading(
        program=f"osteoplan {result.stamp.program} · research use only",
        case=case.id,
        place=place,
        level_note=counted if anatomy.is_vertebra else "bone and side as declared",
        scan=f"CT, date not kept, {thick}, {calibrated}",
        origin=origin,
    )


def total_words(score: ScoreResult) -> str:
    """`` 9–12 of 18`` of a sum; what a class or a table says; *open* where that is nothing yet."""
    if score.silent:
        return "open"
    if score.kind != "sum":
        return clause(" or ".join(score.band_text or score.band) or "nothing for certain", _FACT)
    low, high = score.total
    return f"{low if low == high else f'{low}–{high}'} of {score.maximum}"


def _question(result: PlanResult) -> str:
    """What brings the patient here: pain, fracture, neurology; only what somebody said."""
    labels, value = result.wordings.labels, result.reading.findings.value
    kind = "" if value("pain_type") is None else fact_words("pain_type", value("pain_type"), labels)
    pain = "pain" if value("pain_nrs") is None else f"pain {value('pain_nrs')} of 10"
    said = [f"{clause(kind, at=',(')} {pain}".strip() if kind or value("pain_nrs") is not None else ""]
    for name in ("fx", "new_neuro_deficit", "analgesia_failed", "rt_failed"):
        if value(name) not in (None, False, "none"):
            word = label_of(name, labels)
            said.append(word if value(name) is True else fact_words(name, value(name), labels))
    return "; ".join(filter(None, said)) or "not stated"


def _goal(result: PlanResult) -> str:
    """What the patient wants, and with what intent."""
    labels, value = result.wordings.labels, result.reading.findings.value
    goals = value("treatment_goals")
    wanted = "not stated" if goals is None else fact_words("treatment_goals", goals, labels)
    titles = {one.technique: one.title for one in result.explanation.recommendations}
    answers = result.preference.answers if result.preference else None
    chose = f"; the patient chose {titles[answers.choice]}" if answers and answers.choice in titles else ""
    return wanted + (f" ({value('intent')})" if value("intent") else "") + chose


def _flags(result: PlanResult) -> Iterator[tuple[str, str]]:
    """What must be read first: what stops, what nobody checked, what the scan cannot show; and its place."""
    for verdict in result.explanation.verdicts:
        if verdict.spoke and verdict.effect in ("stop", "route"):
            yield f"{verdict.rule}: {verdict.first or verdict.text}", f"rule-{verdict.rule}"
    anatomy = result.reading.anatomy
    if result.reading.case.phantom:
        yield "generated phantom: these images are not a patient", "findings"
    yield from ((alert, "findings") for alert in anatomy.alerts)
    if anatomy.is_vertebra and not anatomy.lesion.level_confirmed:
        yield f"level {anatomy.level} was not counted by a person", "findings"
    yield from ((coarse, "findings") for coarse in anatomy.coarse)
    near, thick = result.reading.findings.value("canal_mm"), max(anatomy.image.spacing_mm)
    if isinstance(near, float) and near < thick:
        text = f"lesion {number(near, 'mm')} from the canal on slices of {number(thick, 'mm')}"
        yield text, "fact-canal_mm"


def _facts(result: PlanResult) -> Iterator[Line]:
    """Patient, lesion and scores; a question mark where nobody knows, and where a value comes from."""
    patient = result.reading.case.patient
    age = "age ?" if patient.age_y is None else f"{patient.age_y:.0f} y"
    yield Line(
        "persona, invented" if patient.invented else "patient",
        f"{age}, {patient.sex or 'sex ?'}",
        link="digests",
    )
    own = _LESION.get(result.wordings.site, _LESION["long bone"])
    supposed = {one.fact: one for one in result.explanation.presumed}
    for name, label in (_PATIENT | own).items():
        found: Finding | None = result.reading.findings.items.get(name)
        if found is None and name not in supposed:
            yield Line(label, "?")
            continue
        labels = result.wordings.labels
        text = found_words(found, labels) if found else fact_words(name, supposed[name].value, labels)
        kind = found.source if found is not None else supposed[name].kind
        said = clause(text, _FACT, at=",(").removesuffix(f" {label}")
        yield Line(label, said, tag="" if kind in ("given", "measured") else kind, link=f"fact-{name}")
    read = {name for verdict in result.explanation.verdicts for name in verdict.trace}
    for score in result.explanation.scores:
        if score.id in read and not score.silent:
            yield Line(_abbreviation(score.name), total_words(score), link=f"score-{score.id}")


def _abbreviation(name: str) -> str:
    """``SINS`` of a name that ends with it in brackets; else the name."""
    return name[name.rindex("(") + 1 : -1] if name.endswith(")") and "(" in name else name


def _asked(result: PlanResult, question: Question) -> Linked:
    """A question with how much hangs on it."""
    count = len(question.techniques)
    moves = f" (moves {count} option{'s' if count != 1 else ''})" if count else ""
    asked = clause(label_of(question.fact, result.wordings.labels), _QUESTION)
    return Linked(f"{asked}?{moves}", f"question-{question.fact}")


def _next(result: PlanResult) -> Iterator[Linked]:
    """What would change what stands first; then open facts that move other techniques."""
    asked = set()
    for one in result.choice.next_questions if result.choice else ():
        asked.add(one.id)
        fact = one.kind in ("fact", "presumed")
        words = label_of(one.id, result.wordings.labels) if fact else one.text.removesuffix("?")
        text = f"{clause(words, _QUESTION)}? ({share_words(one)})"
        yield Linked(text, f"question-{one.id}" if one.kind == "fact" else "choice")
    beside = {one.id for one in in_order(result) if one.beside}
    for question in result.explanation.questions:
        # what moves only bone drugs or a biopsy changes nothing between the options
        if question.fact not in asked and not (
            question.techniques and beside.issuperset(question.techniques)
        ):
            yield _asked(result, question)


def _apart(result: PlanResult) -> tuple[Linked, ...]:
    """Where rules, simulation and preference point apart, in one line."""
    said = result.choice.disagreements if result.choice else ()
    return (Linked(clause(f"point apart: {'; '.join(said)}", _APART, at="\n"), "choice"),) if said else ()


def _beyond(standings: Sequence[Candidate], listed: Sequence[Candidate]) -> Iterator[str]:
    """What the table has no room for, by name: what could be done, and what is not for this patient."""
    left = [one for one in standings if one not in listed]
    groups: Mapping[str, list[str]] = {
        "also possible": [
            o.recommendation.title for o in left if not o.shut and o.recommendation.tier in (1, 2, 3)
        ],
        "not known yet": [o.recommendation.title for o in left if not o.shut and o.recommendation.tier == 5],
        "planned, but no rule speaks for it": [
            o.recommendation.title for o in left if o.plan and not o.recommendation.tier
        ],
        "not here": [o.recommendation.title for o in left if o.shut],
    }
    for words, titles in groups.items():
        if titles:
            yield f"{words}: {few_words(titles, _BEYOND)}"


def _notes(result: PlanResult, listed: frozenset[str], rows: Sequence[Row]) -> Iterator[str]:
    """How the numbers of the table are to be read."""
    levels = sorted({e.level for o in result.simulations.options for e in o.outcomes if e.low is not None})
    what = f"{result.comparison.ranked_word}: per cent of the intact bone, the worst load first, as drawn"
    if not result.simulations.now:
        what = f"{result.comparison.ranked_word}: not modelled for this bone"
    yield what + (f"; in brackets {levels[0]:.0%} intervals".replace("%", " %") if levels else "")
    figures = [one.text for row in rows for one in (*row.evidence, *row.risk)]
    if any(row.evidence for row in rows):
        yield "evidence: of groups of patients, not of this one"
    if any(ALONE in text for text in figures):
        yield f"{ALONE} no other option left has this figure: no comparable evidence"
    first = result.choice.first if result.choice else ()
    if len(first) > 1:
        called = {one.technique: one.title for one in result.explanation.recommendations}
        yield f"nothing tells apart: {few_words([called[id] for id in first], _TIES)}"
    titles = {o.id: o.plan.short_title for o in result.simulations.options}
    names = dict.fromkeys(
        titles[id] for pair in result.comparison.ties if listed.issuperset(pair) for id in pair
    )
    if names and result.choice is None:
        yield f"not told apart by the bone: {few_words(tuple(names), _TIES)}"
    if any(o.plan.clearances for o in result.simulations.options):
        yield f"breach: of a needle that nobody corrects; above {100 * BREACH:.0f} % it speaks against"
