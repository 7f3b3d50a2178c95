"""What a patient answered, as YAML: one file, or under ``preferences:`` of a case.

Answers are checked one by one and kept as they were said; contradictory ones are told by
``decide.preference``.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from osteoplan.errors import BadInput, named
from osteoplan.io.yaml import checked, read_yaml
from osteoplan.knowledge.load import Strict
from osteoplan.knowledge.preference import attribute, attributes, languages
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.model.preference import OPEN_CHOICES, Answers, AnswersKind, BestWorst, Sure, Swing

__all__ = [
    "AnswersFile",
    "Number",
    "SetFile",
    "answers_document",
    "best_worst",
    "parse_answers",
    "read_answers",
    "read_preferences",
    "require_of_case",
]

Item = Literal["sure", "informed", "weighed", "supported"]


def _number(content: Any) -> Any:
    if isinstance(content, str) and "," in content:
        raise ValueError(f"write a decimal point: {content.replace(',', '.')}")
    return content


def _day(content: Any) -> Any:
    if isinstance(content, str) and not re.fullmatch(r"\d{4}-\d\d-\d\d", content):
        raise ValueError("write the day as YYYY-MM-DD")
    return content


def _yes(content: Any) -> Any:
    said = content.lower() if isinstance(content, str) else content
    if said not in (None, True, False, "yes", "no", "true", "false", "unsure"):
        raise ValueError("write yes, no or unsure")
    return said


def _lower(content: Any) -> Any:
    return content.lower() if isinstance(content, str) else content


Number = Annotated[float, BeforeValidator(_number)]
YesNo = Annotated[bool | Literal["unsure"] | None, BeforeValidator(_yes)]
SureFile = dict[Item, YesNo]  # left out is unanswered, unsure counts as no


class SwingFile(Strict):
    """The worst and the best that were shown, in the attribute's unit."""

    worst: Number = Field(allow_inf_nan=False)
    best: Number = Field(allow_inf_nan=False)


class SetFile(Strict):
    """One set of best-worst scaling."""

    shown: list[str] = Field(min_length=2)
    best: str
    worst: str


class AnswersFile(Strict):
    """What a patient answered on one day."""

    kind: Annotated[AnswersKind, BeforeValidator(_lower)]
    by: Annotated[str, BeforeValidator(_lower)]
    date: Annotated[datetime.date, BeforeValidator(_day)]
    language: Annotated[str, BeforeValidator(_lower)]
    ranges: dict[str, SwingFile] = {}
    points: dict[str, Annotated[Number, Field(ge=0.0, le=100.0)]] = {}
    sets: list[SetFile] = []
    sure: dict[Literal["before", "after"], SureFile] = {}
    choice: str = ""
    questions: list[str] = []
    own_words: str = ""
    case: str = ""


def read_answers(path: Path) -> tuple[Answers, ...]:
    """The answers in a file, the earliest first: one of them, or a list under ``answers:``.

    Raises:
        BadInput: what cannot be meant, in one sentence.
    """
    content = read_yaml(path)
    if set(content) == {"answers"} and isinstance(content["answers"], list):
        return parse_answers(content["answers"], str(path))
    return parse_answers(content, str(path))


def parse_answers(content: Any, where: str) -> tuple[Answers, ...]:
    """One mapping of answers or a list of them, checked, the earliest first.

    Raises:
        BadInput: what cannot be meant, in one sentence.
    """
    listed = content if isinstance(content, list) else [content] if content else []
    if not all(isinstance(one, Mapping) for one in listed):
        raise BadInput(f"{where}: answers are 'key: value' lines: kind, by, date, language")
    found = [_answers(checked(AnswersFile, dict(one), where), where) for one in listed]
    return tuple(sorted(found, key=lambda one: one.date))


def read_preferences(
    folder: Path, given: str | Mapping[str, Any] | Sequence[Any], case: str
) -> tuple[Answers, ...]:
    """The answers of a case, the earliest first: written in ``case.yaml``, or the file that it names.

    Raises:
        BadInput: what cannot be meant, or answers of another case, in one sentence.
    """
    if isinstance(given, str):
        found, where = read_answers(folder / given), str(folder / given)
    else:
        where = f"{folder / 'case.yaml'}: preferences"
        found = parse_answers(given, where)
    require_of_case(found, case, where)
    return found


def require_of_case(answers: Sequence[Answers], case: str, where: str) -> None:
    """Refuse the answers of another case; those that name none pass."""
    for one in answers:
        if one.case not in ("", case):
            raise BadInput(f"{where}: answers of the case '{one.case}', and this one is '{case}'")


def answers_document(answers: Answers) -> dict[str, Any]:
    """Answers as the YAML that they are read from; what is empty is left out."""
    sure = {"before": answers.sure_before, "after": answers.sure_after}
    whole = {
        "kind": answers.kind,
        "by": answers.by,
        "date": answers.date,
        "language": answers.language,
        "ranges": {id: {"worst": one.worst, "best": one.best} for id, one in answers.ranges.items()},
        "points": dict(answers.points),
        "sets": [{"shown": list(s.shown), "best": s.best, "worst": s.worst} for s in answers.sets],
        "sure": {when: _said(one) for when, one in sure.items() if one is not None},
        "choice": answers.choice,
        "questions": list(answers.questions),
        "own_words": answers.own_words,
        "case": answers.case,
    }
    return {key: value for key, value in whole.items() if value}


def _said(sure: Sure) -> dict[str, bool]:
    return {item: answer for item, answer in vars(sure).items() if answer is not None}


def _answers(file: AnswersFile, where: str) -> Answers:
    if file.by not in ("patient", "patient_with_helper"):
        raise BadInput(
            f"{where}: by: '{file.by}': only the patient says what matters to him: patient or "
            "patient_with_helper"
        )
    if file.date > datetime.date.today() + datetime.timedelta(days=1):  # it is later elsewhere
        raise BadInput(f"{where}: date: {file.date} is still to come: give the day of the answers")
    named("language", file.language, languages(), f"{where}: language")
    about = {
        *file.ranges,
        *file.points,
        *(id for one in file.sets for id in (*one.shown, one.best, one.worst)),
    }
    for id in sorted(about):
        named("attribute", id, attributes(), where)
    _require_kind(file, where)
    if file.choice not in ("", *OPEN_CHOICES):
        named("technique", file.choice, technique_cards(), f"{where}: choice")
    ranges = {id: _swing(id, one, where) for id, one in file.ranges.items()}
    for id in sorted(about - set(ranges)):
        raise BadInput(f"{where}: {id} was answered without a range: give its worst and best under 'ranges'")
    return Answers(
        file.kind, file.by, file.date, file.language, ranges,  # type: ignore[arg-type]
        file.points,
        tuple(best_worst(one, where) for one in file.sets),
        _sure(file.sure.get("before")), _sure(file.sure.get("after")), file.choice, tuple(file.questions),
        file.own_words, file.case,
    )  # fmt: skip


def _require_kind(file: AnswersFile, where: str) -> None:
    """Points belong to swing, sets to best-worst, and each needs its own."""
    for key, kind in (("points", "swing"), ("sets", "best_worst")):
        if bool(getattr(file, key)) != (file.kind == kind):
            raise BadInput(f"{where}: '{key}' belongs to kind: {kind}, and that kind has them")


def _swing(id: str, file: SwingFile, where: str) -> Swing:
    try:
        swing = Swing(file.worst, file.best)
    except BadInput as why:
        raise BadInput(f"{where}: ranges: {id}: {why}") from why
    better = attribute(id).better
    if (swing.best > swing.worst) != (better == "more"):
        raise BadInput(
            f"{where}: ranges: {id}: {better} is better, but {swing.best:g} is called better than "
            f"{swing.worst:g}: exchange worst and best"
        )
    return swing


def best_worst(file: SetFile, where: str) -> BestWorst:
    """A set, its best and worst among what was shown."""
    for key, id in (("best", file.best), ("worst", file.worst)):
        if id not in file.shown:
            raise BadInput(f"{where}: sets: {key}: '{id}' is none of the shown {', '.join(file.shown)}")
    if len(set(file.shown)) < len(file.shown):
        raise BadInput(f"{where}: sets: one attribute is shown twice in {', '.join(file.shown)}")
    return BestWorst(tuple(file.shown), file.best, file.worst)


def _sure(file: SureFile | None) -> Sure | None:
    """Unsure is no yes."""
    if file is None:
        return None
    return Sure(**{item: False if said == "unsure" else said for item, said in file.items()})
