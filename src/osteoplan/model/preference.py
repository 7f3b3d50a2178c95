"""What matters to this patient, in his own answers, and what follows from it for the options left.

Attributes are data (``knowledge/data/preference``).  Answers carry the swing ranges in units that they were
given about: an option that comes later changes no order of the others.  Only the patient answers, alone or
with a helper; nobody's weights stand in for his.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from osteoplan.errors import BadInput

__all__ = [
    "OPEN_CHOICES", "SURE_ITEMS", "Answers", "AnswersBy", "AnswersKind", "Attribute", "AttributeWords",
    "BestWorst", "LeftOut", "LeftOutReason", "PairShare", "PreferenceResult", "RankShare", "Sure", "Swing",
    "WouldWin",
]  # fmt: skip

AnswersKind = Literal["swing", "best_worst", "you_decide"]
AnswersBy = Literal["patient", "patient_with_helper"]
OPEN_CHOICES = ("later", "talk")  # decide later, talk with somebody first: no technique
LeftOutReason = Literal["same in all", "not told apart", "no comparable evidence"]


@dataclass(frozen=True)
class AttributeWords:
    """An attribute in one language.

    Attributes:
        name: what it is called, in a few words.
        sentence: what a value means, ``{n}`` where the number stands, ``{of}`` where it is of so many.
        decimal: decimal sign of the language.
        levels: what stands for 0, 1, 2 ... where the values are levels.
    """

    name: str
    sentence: str
    decimal: str = "."
    levels: tuple[str, ...] = ()

    def says(self, value: float) -> str:
        """The sentence of a value; a share [%] is of 100 people, below 1 % of 1000."""
        if self.levels:
            return self.sentence.format(n=self.levels[round(value)])
        if "{of}" not in self.sentence:
            number = f"{value:.0f}" if value >= 10.0 else f"{round(value, 1):g}"
            return self.sentence.format(n=number.replace(".", self.decimal))
        of = 1000 if value < 1.0 else 100
        return self.sentence.format(n=round(value * of / 100.0), of=of)


@dataclass(frozen=True)
class Attribute:
    """Something that matters to patients and differs between treatments.

    Attributes:
        outcome: id of the outcome that it reads; ``target``: for which structure or time, "" for any.
        unit: of its values; a figure in another unit is not compared.
        better: which way is better.
        words: by language.
    """

    id: str
    outcome: str
    unit: str
    better: Literal["more", "less"]
    words: Mapping[str, AttributeWords]
    target: str = ""


@dataclass(frozen=True)
class Swing:
    """From the worst to the best that was shown, in the attribute's unit.

    Raises:
        BadInput: both are the same: nothing swings.
    """

    worst: float
    best: float

    def __post_init__(self) -> None:
        if self.worst == self.best:
            raise BadInput(f"a range from {self.worst:g} to {self.best:g} does not swing: leave it out")

    def share(self, value: float) -> float:
        """Where a value lies: 0 at the worst, 1 at the best, beyond both outside the range."""
        return (value - self.worst) / (self.best - self.worst)


@dataclass(frozen=True)
class BestWorst:
    """One set of attributes that was shown: what matters most of it, and least."""

    shown: tuple[str, ...]
    best: str
    worst: str


SURE_ITEMS = ("sure", "informed", "weighed", "supported")


@dataclass(frozen=True)
class Sure:
    """Four yes-or-no questions on how settled the choice feels; None is unanswered.

    A yes counts 1, a no or an unsure 0; fewer than 4 means decisional conflict.
    Source: Legare et al. 2010, from memory; the questions are asked in our own words.

    Attributes:
        sure: the best choice for oneself is clear.
        informed: good and bad sides of each choice are known.
        weighed: it is clear which good and bad sides matter most to oneself.
        supported: there is support and advice enough to choose.
    """

    sure: bool | None = None
    informed: bool | None = None
    weighed: bool | None = None
    supported: bool | None = None

    @property
    def score(self) -> tuple[int, int]:
        """(lowest, highest) count of yes: apart where a question is unanswered."""
        answers = [getattr(self, item) for item in SURE_ITEMS]
        return sum(answer is True for answer in answers), sum(answer is not False for answer in answers)

    @property
    def conflict(self) -> bool | None:
        """Whether there is decisional conflict; None where it hangs on an unanswered question."""
        low, high = self.score
        return False if low == len(SURE_ITEMS) else True if high < len(SURE_ITEMS) else None


@dataclass(frozen=True)
class Answers:
    """What a patient said on one day.

    Attributes:
        ranges: attribute id -> the worst and the best that the questions were about.
        points: of ``swing``: 0 to 100 for moving each attribute from its worst to its best.
        sets: of ``best_worst``.
        sure_before, sure_after: before and after the page was gone through; None where it was not asked.
        choice: id of the technique that was chosen, or one of ``OPEN_CHOICES``; empty where nothing was said.
        questions: the patient's own, as written; own_words: what can be chosen, told back.
        case: id of the case whose page was answered; empty where the file does not say.
    """

    kind: AnswersKind
    by: AnswersBy
    date: datetime.date
    language: str
    ranges: Mapping[str, Swing] = field(default_factory=dict)
    points: Mapping[str, float] = field(default_factory=dict)
    sets: tuple[BestWorst, ...] = ()
    sure_before: Sure | None = None
    sure_after: Sure | None = None
    choice: str = ""
    questions: tuple[str, ...] = ()
    own_words: str = ""
    case: str = ""


@dataclass(frozen=True)
class LeftOut:
    """An attribute that is not asked, and why; ``because`` names the figures that cannot be compared."""

    attribute: str
    reason: LeftOutReason
    because: tuple[str, ...] = ()


@dataclass(frozen=True)
class RankShare:
    """How often one technique stands where.

    Attributes:
        first: share of the samples in which it beats every other one that anything can be compared with.
        ranks: (options,) share in which exactly so many others beat it; where all attributes are shared this
            is the rank acceptability of SMAA.
        compared: False of one that shares no attribute with any other: it stands beside.
    """

    technique: str
    title: str
    first: float
    ranks: tuple[float, ...]
    compared: bool = True


@dataclass(frozen=True)
class PairShare:
    """Two techniques: how often each is better; the rest is equal, or they have too little in common to say.

    They are compared on the attributes that both have (``shared``), where these carry half of the weight.
    """

    one: str
    other: str
    one_wins: float
    other_wins: float
    shared: tuple[str, ...]


@dataclass(frozen=True)
class WouldWin:
    """What would have to matter for a technique to be first.

    Attributes:
        first: share of all weights with which it is first; 0: no weights put it first.
        weights: the central ones of those, by attribute, summing to 1; empty where there are none.
        attribute: whose weight would have to differ most from what was said (or from equal weights).
        text: the same as a sentence, in the language of the answers.
    """

    technique: str
    first: float
    weights: Mapping[str, float] = field(default_factory=dict)
    attribute: str = ""
    text: str = ""


@dataclass(frozen=True)
class PreferenceResult:
    """What the answers make of the options left, within what is known of them.

    Attributes:
        answers: None where nobody was asked yet: all weights stand, as for *you decide*.
        asked: ids of the attributes that differ between the options and are compared.
        attributes: all that could be asked, with their words.
        ranges: of those, the worst and best in units: from the answers, else of the options.
        values: technique -> attribute -> central value, of those that can be compared.
        ends: technique -> attribute -> where the middle 90 % of its draws lie.
        left_out: attributes that are not asked.
        unasked: attributes that differ, but that the answers say nothing about: not counted.
        weights: mean weights, summing to 1; ``fixed``: they are the patient's own points.
        order: pairs (matters more, matters less) that the answers say.
        options: every technique, the most often first one first.
        pairs: every two of them.
        undecided: share of the samples in which none beats all others.
        would_win: of every technique.
        samples: how many weights; ``draws``: how many samples of the outcomes stand behind them.
        warnings: extrapolated, contradictory, unasked, in sentences.
    """

    answers: Answers | None
    asked: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    ranges: Mapping[str, Swing]
    values: Mapping[str, Mapping[str, float]]
    left_out: tuple[LeftOut, ...]
    unasked: tuple[str, ...]
    weights: Mapping[str, float]
    fixed: bool
    order: tuple[tuple[str, str], ...]
    options: tuple[RankShare, ...]
    pairs: tuple[PairShare, ...]
    undecided: float
    would_win: tuple[WouldWin, ...]
    samples: int
    draws: int
    warnings: tuple[str, ...] = ()
    ends: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)

    @property
    def leader(self) -> str:
        """Id of the technique that is most often first; empty where none ever is."""
        return self.options[0].technique if self.options and self.options[0].first > 0.0 else ""
