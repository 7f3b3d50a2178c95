"""From a plan to what stands on the patient's page: every way alike, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from osteoplan.knowledge.patient import PatientWords, PlainTechnique, Topic, topics
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.model.choice import Candidate
from osteoplan.model.evidence import Citation
from osteoplan.model.outcome import Estimate
from osteoplan.report.patient.figures import figure, told_by
from osteoplan.report.patient.nouns import Figure, ForPatient, NumberedSource, PlainOption, PlainSection
from osteoplan.report.words import link_of

__all__ = ["Numbered", "bone_words", "options_told", "sets_of", "time_left"]

_WAITING = ("support", "observation")
_HOLDS = frozenset({"hold", "augmentation", "fixation", "surgery"})
_SET_STEPS = (0, 1, 3)  # the difference set of 7: every two attributes meet once in its seven sets


class Numbered:
    """Sources in the order in which the page first names them."""

    def __init__(self, known: dict[str, Citation]) -> None:
        self._known = known
        self._keys: list[str] = []

    def __call__(self, keys: Sequence[str]) -> tuple[int, ...]:
        """Their numbers."""
        for key in keys:
            if key in self._known and key not in self._keys:
                self._keys.append(key)
        return tuple(sorted({self._keys.index(key) + 1 for key in keys if key in self._known}))

    @property
    def sources(self) -> tuple[NumberedSource, ...]:
        """Every source that was numbered."""
        return tuple(
            NumberedSource(n, self._known[key].text, link_of(self._known[key]))
            for n, key in enumerate(self._keys, 1)
        )


def options_told(asked: ForPatient, words: PatientWords, cite: Numbered) -> tuple[PlainOption, ...]:
    """Every way that is left, waiting last; all of them tell the same topics."""
    told = [topic for topic in topics() if topic.core or any(_told(topic, one) for one in asked.left)]
    found = [_way(one, told, asked, words, cite) for one in asked.left]
    return tuple(sorted(found, key=lambda way: way.waiting))


def bone_words(bone: str, words: PatientWords) -> str:
    """What people call a bone, with its side or its level."""
    kind, _, name = bone.partition("_")
    if kind == "vertebra":
        return words.bones[f"vertebra_{name[0]}"].format(name=name)
    if kind in words.bones:
        side = next((words.sides[one] for one in ("left", "right") if one in name.split("_")), "")
        return words.bones[kind].format(side=side)
    return words.bones["other"].format(name=bone.replace("_", " "))


def time_left(asked: ForPatient, words: PatientWords, cite: Numbered) -> tuple[Figure, ...]:
    """What is known of the time that is left, for those who ask; empty where nobody said anything."""
    page, found = words.page, []
    for row in asked.survival.rows:
        if row.at_months is not None and row.low is not None and row.high is not None:
            said = page["time_share"].format(
                of=100, low=round(row.low), high=round(row.high), months=f"{row.at_months:g}"
            )
            found.append(Figure("", (said,), sources=cite(row.cite)))
        elif row.basis == "estimate" and row.months is not None and None not in row.months:
            low, high = (round(end) for end in row.months if end is not None)
            key = "time_about" if low == high else "time_team"
            found.append(Figure("", (page[key].format(low=low, high=high, months=low),)))
    if found and asked.survival.disagreements:
        found.append(Figure("", (page["time_apart"],)))
    return tuple(found)


def sets_of(ids: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """What is shown together when the best and the worst of a few are picked: threes, each in several."""
    n = len(ids)
    if n < 4:
        return (tuple(ids),) if n > 1 else ()
    return tuple(tuple(ids[(first + step) % n] for step in _SET_STEPS) for first in range(n))


def _told(topic: Topic, one: Candidate) -> tuple[Estimate, ...]:
    return told_by(topic, one.published)


def _way(
    one: Candidate, told: Sequence[Topic], asked: ForPatient, words: PatientWords, cite: Numbered
) -> PlainOption:
    card, page = technique_cards().get(one.id), words.page
    plain = words.techniques.get(one.id) or _unwritten(one, words)
    uses = set() if card is None else set(card.uses)
    own = [topic for topic in told if not topic.uses or uses & set(topic.uses)]
    waiting = one.recommendation.family in _WAITING
    answers = {topic: _told(topic, one) for topic in own}

    def section(part: str, title: str, lead: str, *before: Figure) -> PlainSection:
        here = [topic for topic in own if topic.part == part]
        known = tuple(figure(topic, answers[topic], words, cite) for topic in here if answers[topic])
        never = [topic for topic in here if waiting and topic.of_treatment and not answers[topic]]
        unknown = [topic for topic in here if not answers[topic] and topic not in never]
        titles = (tuple(words.topics[topic.id] for topic in some) for some in (unknown, never))
        return PlainSection(page[title], lead, (*before, *known), *titles)

    awake = (
        () if card is None else (Figure(page["asleep"], (words.anaesthesia[card.anaesthesia],), wide=True),)
    )
    firm = _firm(one, waiting, bool(uses & _HOLDS), asked, words)
    return PlainOption(
        one.id, plain, waiting,
        (
            section("better", "better", plain.good, firm),
            section("nerve", "nerve", ""),
            section("worse", "worse", plain.bad),
            section("like", "like", "", *awake),
        ),
        any(e.study and e.study.population for e in one.published),
    )  # fmt: skip


def _middle(one: Estimate) -> Estimate:
    """With the median of its own draws and their 5th to 95th percentile; as it is where it has none."""
    if one.draws is None:
        return one
    low, value, high = (float(end) for end in np.percentile(one.draws, (5.0, 50.0, 95.0)))
    return replace(one, value=value, low=low, high=high)


def _unwritten(one: Candidate, words: PatientWords) -> PlainTechnique:
    """A technique that somebody added without plain words: named, and said to be unexplained."""
    return PlainTechnique(name=one.recommendation.title[:60], what=words.page["no_words"], good="", bad="")


def _firm(one: Candidate, waiting: bool, holds: bool, asked: ForPatient, words: PatientWords) -> Figure:
    """What the bone would bear, by the computer model; ``holds``: of what is to make it firm."""
    page, title = words.page, words.page["firm"]
    cases = [_middle(e) for e in one.outcomes if e.id == "strength_ratio_to_intact"]
    simulated = min(cases, key=lambda e: e.value, default=None)
    if asked.now is None or (simulated is None and holds):
        return Figure(title, (page["firm_not"],), wide=True)
    untreated = [
        asked.bears[o.id] for o in asked.left if o.recommendation.family == "support" and o.id in asked.bears
    ]
    now = round(untreated[0][0] if untreated else _middle(asked.now).value)
    if simulated is None or waiting or simulated.low is None or simulated.high is None:
        return Figure(title, (page["firm_now"].format(now=now),), wide=True)
    value, low, high = asked.bears.get(one.id, (simulated.value, simulated.low, simulated.high))
    ends = {"value": round(value), "low": round(low), "high": round(high)}
    return Figure(title, (page["firm_says"].format(now=now, **ends),), wide=True)
