"""A published outcome in plain words: of so many people, how sure, in how many people it was seen.

0 of n is never told as nothing, an unknown is *nobody knows*, and a number is said to be of other people.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from osteoplan.knowledge.patient import PatientWords, Topic
from osteoplan.model.outcome import Estimate, Study
from osteoplan.report.drawing.icon_array import people
from osteoplan.report.patient.nouns import Figure

__all__ = ["figure", "told_by"]

Cite = Callable[[Sequence[str]], tuple[int, ...]]


def told_by(topic: Topic, outcomes: Sequence[Estimate]) -> tuple[Estimate, ...]:
    """What answers a topic, all the same way round; figures of another population answer nothing here."""
    found = []
    for one in outcomes:
        if one.basis != "published" or (one.study and one.study.population):
            continue
        if one.id in topic.of:
            found.append(one)
        elif one.id in topic.complement:
            found.append(_complement(one))
    return tuple(found)


def figure(topic: Topic, found: Sequence[Estimate], words: PatientWords, cite: Cite) -> Figure:
    """A topic of one way, from all that answers it: one study or more."""
    title = words.topics[topic.id]
    sources = cite([key for one in found for key in one.because if " " not in key])
    seen = _seen(found, words.page)
    apart = len(_by_source(found)) > 1
    if topic.kind != "people":
        seen = _each(topic.kind, found, 0, words) if apart else seen
        return Figure(title, (*_numbers(topic.kind, found, words), *seen), sources=sources)
    shown = list(found)
    if any(one.low is None or one.high is None for one in found) and len(found) > 1:
        # a limit of one study is never mixed with the bare figure of another
        shown = [
            replace(one, low=one.value, high=one.high if one.value == 0.0 else one.value) for one in found
        ]
    lows = [one.value if one.low is None else one.low for one in shown]
    highs = [one.value if one.high is None else one.high for one in shown]
    low, high = min(lows), max(highs)
    rare = high < 1.0 or 0.0 < max(one.value for one in found) < 1.0
    of = 1000 if rare else 100
    if apart:
        differ = (words.page["studies"],) if len({one.value for one in found}) > 1 else ()
        told = (*differ, *_each(topic.kind, found, of, words))
        return Figure(title, told, people(low, high, of), sources)
    said = _shares(found, low, high, of, words.page)
    return Figure(title, (*said, *seen), people(low, high, of), sources)


def _complement(one: Estimate) -> Estimate:
    """The others of a share [%]."""
    low, high = (None if end is None else 100.0 - end for end in (one.high, one.low))
    return replace(one, value=100.0 - one.value, low=low, high=high)


def _shares(
    found: Sequence[Estimate], low: float, high: float, of: int, page: Mapping[str, str]
) -> tuple[str, ...]:
    """So many of 100 or 1 000 people, and how sure that is."""
    who = page["people" if _of_people(found) else "places"]
    ends = {"low": _whole(low, of), "high": max(_whole(high, of), 1), "of": of, "who": who}
    if len(found) > 1 and low < high:
        return (page["times_of"].format(**ends),)
    one, n = found[0], (found[0].study or Study()).n
    if one.value == 0.0:
        return (page["none"] if n is None else page["none_of"].format(n=n, **ends),)
    if one.value == 100.0 and n is not None:
        return (page["all_of"].format(n=n, **ends),)
    about = page["about_of"].format(value=max(_whole(one.value, of), 1), of=of, who=who)
    if one.low is None or one.high is None:
        return (about, page["unsure"])
    return (about, page["range_of" if ends["low"] else "up_to_of"].format(**ends))


def _numbers(kind: str, found: Sequence[Estimate], words: PatientWords) -> tuple[str, ...]:
    """Points of pain, days or minutes; a fall of pain is told as how far it falls."""
    sign = -1.0 if kind == "points" else 1.0
    values = sorted(sign * one.value for one in found)
    say = _decimal(words, 1 if kind == "points" else 0)
    if values[0] < values[-1]:
        return (words.page[f"{kind}_from"].format(low=say(values[0]), high=say(values[-1])),)
    ends = sorted(sign * end for end in (found[0].low, found[0].high) if end is not None)
    single = f"{kind}_one" if say(values[0]) == "1" else kind
    about = words.page.get(single, words.page[kind]).format(value=say(values[0]))
    if len(ends) < 2:
        return (about, words.page["unsure"])
    return (about, words.page["range_plain"].format(low=say(ends[0]), high=say(ends[1])))


def _each(kind: str, found: Sequence[Estimate], of: int, words: PatientWords) -> tuple[str, ...]:
    """Every study's own figure, in how many it was counted; each a sentence."""
    page, sign, told = words.page, -1.0 if kind == "points" else 1.0, []
    say = _decimal(words, 1 if kind == "points" else 0)
    for one in found:
        study = one.study or Study()
        who = page["people" if study.of == "patients" else "places"]
        if not of:
            what = say(sign * one.value)
        elif one.low is None or one.high is None:
            if not one.value:
                told.append(page["none"])
                continue
            what = page["study_of"].format(value=max(_whole(one.value, of), 1), of=of)
        else:
            ends = {"low": _whole(one.low, of), "high": max(_whole(one.high, of), 1)}
            what = page["study_range"].format(
                value=max(_whole(one.value, of), one.value > 0.0), of=of, **ends
            )
        key = "study_some" if study.n is None else "study_n"
        told.append(page[key].format(what=what, n=study.n, who=who))
    return tuple(dict.fromkeys(told))


def _seen(found: Sequence[Estimate], page: Mapping[str, str]) -> tuple[str, ...]:
    """In how many other people it was counted, and when."""
    counted, months = _by_source(found).values(), (found[0].study or Study()).months
    if None in counted:
        seen = page["seen_some"]
    else:
        n = max(n for n in counted if n)  # of one source
        seen = page["seen_in" if _of_people(found) else "seen_in_bones"].format(n=n)
    if len(found) > 1 or not months or months < 1.0:
        return (seen,)
    later = "month_later" if _whole(months, 100) == 1 else "months_later"
    return (seen, page[later].format(months=_whole(months, 100)))


def _of_people(found: Sequence[Estimate]) -> bool:
    return all(one.study is None or one.study.of == "patients" for one in found)


def _by_source(found: Sequence[Estimate]) -> Mapping[tuple[str, ...], int | None]:
    """How many were counted, source by source: at another time the same people are told again."""
    most: dict[tuple[str, ...], int | None] = {}
    for one in found:
        source, n = tuple(key for key in one.because if " " not in key), (one.study or Study()).n
        before = most.get(source, 0)
        most[source] = None if n is None or before is None else max(n, before)
    return most


def _whole(share_pct: float, of: int) -> int:
    """A share [%] as whole people of so many, halves up."""
    return math.floor(share_pct * of / 100.0 + 0.5)


def _decimal(words: PatientWords, digits: int) -> Callable[[float], str]:
    def say(value: float) -> str:
        return f"{round(value, digits):g}".replace(".", words.decimal)

    return say
