"""Facts with a source, and what rules and scores say on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from osteoplan.errors import BadInput

__all__ = [
    "NO_CLINICIAN", "READ_WORDS", "Citation", "Effect", "KnowledgeUsed", "Known",
    "NearThreshold", "Presumed", "Question", "Recommendation", "RecommendationStatus", "ReviewStatus",
    "ScoreResult", "Survival", "SurvivalRow", "Tier", "Verdict", "few", "how_read", "tier_words",
    "worst",
]  # fmt: skip

ReviewStatus = Literal["verified", "unverified", "design_default"]
READ_WORDS: Mapping[str, str] = {
    "verified": "source read, no clinician",
    "design_default": "our default",
    "unverified": "source not read",
}
NO_CLINICIAN = "no clinician has agreed"
_TAG_WORDS = {
    "F": READ_WORDS["verified"], "F~": "abstract or secondary", "MH": "from memory", "MM": "from memory",
    "ML": "from memory", "D": READ_WORDS["design_default"],
}  # fmt: skip
Effect = Literal["stop", "route", "exclude", "require", "prefer", "consider", "caution", "info"]
Tier = Literal[1, 2, 3, 4, 5]
_TIERS = {1: "first choice", 2: "reasonable", 3: "only if", 4: "not here", 5: "not known"}


@dataclass(frozen=True)
class Citation:
    """Where a fact was published."""

    key: str
    text: str
    doi: str = ""
    pmid: str = ""
    url: str = ""


@dataclass(frozen=True)
class Known:
    """One fact from ``knowledge``: value, unit, source, review status, date.

    ``low`` and ``high`` bound the value where the source gives a range; ``name`` is its name and file.
    """

    value: float | int | str | bool | None
    unit: str = "1"
    cite: tuple[str, ...] = ()
    status: ReviewStatus = "unverified"
    date: str = ""
    low: float | None = None
    high: float | None = None
    note: str = ""
    name: str = ""

    @property
    def number(self) -> float:
        """The value, in ``unit``.

        Raises:
            BadInput: it is missing, a word or a truth.
        """
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            is_what = "is missing" if self.value is None else f"is {self.value!r}, not a number"
            raise BadInput(f"{self.name or 'a value'} {is_what}: give it one in {self.unit}")
        return float(self.value)

    @property
    def range(self) -> tuple[float, float]:
        """(low, high), in ``unit``.

        Raises:
            BadInput: an end is missing.
        """
        if self.low is None or self.high is None:
            raise BadInput(f"{self.name or 'a value'} has no range: give it 'low' and 'high' in {self.unit}")
        return float(self.low), float(self.high)


@dataclass(frozen=True)
class KnowledgeUsed:
    """Whose rules spoke: release and digest of the content, the day, and what a centre changed.

    ``as_of`` is empty where the newest rules spoke, ``local`` where no centre changed any.
    """

    release: str
    version: str
    as_of: str = ""
    local: str = ""
    signed_by: str = ""
    overrides: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """An unknown whose answer could change what is recommended.

    Attributes:
        techniques: ids of those whose tier some answer would move.
        asked_by: ids of the rules that lack it.
        weighed_as: the fact whose answers were tried: the total that an item belongs to, else the fact.
    """

    fact: str
    text: str
    techniques: tuple[str, ...]
    asked_by: tuple[str, ...]
    weighed_as: str = ""


@dataclass(frozen=True)
class Presumed:
    """A fact that nobody gave and that is taken for granted until somebody does.

    Attributes:
        kind: *derived* from what was given (a kidney primary is hypervascular); any rule reads it.
            *presumed* of most patients (fit for surgery); only tiers lean on it, and the row says so.
        because: from what, or on which terms, in words.
    """

    fact: str
    value: bool | int | float | str | tuple[float, float]
    kind: Literal["derived", "presumed"]
    because: str
    cite: tuple[str, ...] = ()
    tag: str = ""


@dataclass(frozen=True)
class ScoreResult:
    """A clinical score on what is known.

    Attributes:
        total: (lowest, highest) possible total; equal when nothing is missing.  Of a class: lowest
            and highest rank that is possible, from 0; of a table: how many rows hold, and how many may.
        band: ids of every band that the range reaches; of a class, of every class that is possible; of a
            table, of every row that holds for certain.
        missing: items without a finding; of a class or table, the facts that could settle it.
        items: item -> (lowest, highest) points.
        kind: sum, class or table.
        sources: item, or fact of a class or table -> where the answer came from: given, measured, derived.
        conflicts: where sources disagree, in sentences.
        shown_only: made for another disease; no rule reads it.
        silent: it says nothing yet: every band is possible, or (of a framework) no row holds.
    """

    id: str
    name: str
    total: tuple[int | float, int | float]
    maximum: int | float
    band: tuple[str, ...]
    band_text: tuple[str, ...]
    missing: tuple[str, ...]
    items: Mapping[str, tuple[int | float, int | float]]
    cite: tuple[str, ...]
    status: ReviewStatus
    notes: tuple[str, ...] = ()
    kind: Literal["sum", "class", "table"] = "sum"
    sources: Mapping[str, str] = field(default_factory=dict)
    conflicts: tuple[str, ...] = ()
    shown_only: bool = False
    silent: bool = False


@dataclass(frozen=True)
class NearThreshold:
    """A number that stands near a threshold: what would change a verdict, and how far away that is.

    Attributes:
        truth: what the rule says now.
        becomes: what it would say beyond the threshold; None where another fact would then decide.
        distance: from the value to the nearest value that changes the verdict, in the fact's unit.
    """

    rule: str
    fact: str
    value: float | tuple[float, float]
    threshold: float
    distance: float
    unit: str
    truth: bool
    becomes: bool | None
    effect: Effect


RecommendationStatus = Literal["ranked", "excluded_by_rule", "refer_elsewhere", "comparator"]


@dataclass(frozen=True)
class Recommendation:
    """What the rules make of one technique of the comparison set.

    Attributes:
        tier: 1 first choice, 2 reasonable, 3 only if, 4 not here, 5 not known; None where no rule could
            support it.  Equal tiers are equal.
        prefer, consider, require, exclude, caution, info: ids of the true rules about it, by effect; a stop
            or route that does not leave it stands among ``exclude``.
        open: the fewest facts that a tier 5 waits for; of a tier 2, the one fact that it is reasonable if.
        first: what comes first, by the stop or route that shuts it.
        because: conditions, reasons and what it waits for, in sentences.
        presumed: the presumed facts that the tier leans on.
        not_simulated: of a planned case, why no room simulates anything of it; empty where one does.
    """

    technique: str
    title: str
    kind: Literal["plan", "comparator"]
    family: str
    status: RecommendationStatus
    tier: Tier | None
    prefer: tuple[str, ...] = ()
    consider: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    caution: tuple[str, ...] = ()
    info: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    first: str = ""
    because: tuple[str, ...] = ()
    presumed: tuple[str, ...] = ()
    not_simulated: str = ""


@dataclass(frozen=True)
class Verdict:
    """What one rule says: true, false, or unknown (None) with the facts to ask for.

    Attributes:
        trace: the facts that the rule read, with their values (None is unknown, a pair is a range).
        first, remains: of a stop or route: the first step, and the techniques or uses that it leaves.
        supposed: the truth where presumed facts count as well.
        tag: how the rule's source was read (``knowledge.load.Cited``).
        origin: whose override made the rule; empty for the package's own.
    """

    rule: str
    block: str
    truth: bool | None
    effect: Effect
    text: str
    ask: tuple[str, ...]
    cite: tuple[str, ...]
    status: ReviewStatus
    trace: Mapping[str, bool | int | float | str | frozenset[str] | tuple[float, float] | None]
    techniques: tuple[str, ...] = ()
    first: str = ""
    remains: tuple[str, ...] = ()
    supposed: bool | None = None
    tag: str = ""
    origin: str = ""

    @property
    def spoke(self) -> bool:
        """Whether it is true, on what is known or with what is presumed."""
        return bool(self.truth or self.supposed)


def few(ids: Sequence[str], most: int = 5) -> str:
    """Ids in one breath: all of a few, the first of many and how many more."""
    if len(ids) <= most:
        return ", ".join(ids)
    return f"{', '.join(ids[: most - 1])} and {len(ids) - most + 1} more"


def how_read(status: str, tag: str = "", reviewer: str = "") -> str:
    """How the source of a fact was read, as people are told: by its tag, else by what follows from it."""
    parts = [_TAG_WORDS[part] for part in tag.split("+")] if tag else [READ_WORDS[status]]
    words = "; ".join(dict.fromkeys(parts))
    return f"{words.replace(', no clinician', '')}, agreed by {reviewer}" if reviewer else words


def tier_words(tier: Tier | None, family: str) -> str:
    """A tier as people are told; supportive care without one is what the others are compared with."""
    return _TIERS[tier] if tier else "beside the list" if family == "support" else "no rule for it"


def worst(*statuses: ReviewStatus) -> ReviewStatus:
    """The least certain of several review statuses."""
    order: tuple[ReviewStatus, ...] = ("verified", "design_default", "unverified")
    return max(statuses, key=order.index, default="verified")


@dataclass(frozen=True)
class SurvivalRow:
    """What one source says.

    Attributes:
        model: who says it.
        text: what, in words.
        at_months: how long after now the share is meant; None where no time is meant.
        low, high: share still alive [%]; equal where it is one number, None where the source gives no share.
        months: where a source gives a length of life: from and to; None is open at that end.
        basis: published for a score's band, typed from a model, or the team's own estimate.
    """

    model: str
    text: str
    basis: Literal["published", "typed", "estimate"]
    at_months: float | None = None
    low: float | None = None
    high: float | None = None
    cite: tuple[str, ...] = ()
    status: ReviewStatus = "unverified"
    months: tuple[float | None, float | None] | None = None


@dataclass(frozen=True)
class Survival:
    """Every source that has something to say, and where they point apart."""

    rows: tuple[SurvivalRow, ...] = ()
    disagreements: tuple[str, ...] = ()
