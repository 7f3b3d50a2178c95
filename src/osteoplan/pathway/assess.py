"""What the rules make of every technique that could be compared: a tier, its reasons, and what it waits for.

    assessor = Assessor(rule_set(), centre)
    assessor.recommendations(facts)      # every technique that this region allows
    assessor.questions(facts)            # the unknowns that would move a tier, the most telling first

Only *prefer* and *consider* support.  Exclusion beats support, whatever the block; a stop or route shuts all
that it does not leave.  Rules are not counted: three that prefer say no more than one.

    tier 1 first choice   a rule prefers it
         2 reasonable     a rule considers it, or would if one plain fact were known (``open``)
         3 only if        a *require* that caps is true
         4 not here       a rule excludes it, a stop or route does not leave it, or a gate of its card is shut
         5 not known      support or exclusion hangs on facts that nobody gave (``open``: the fewest of them)
      None                no rule could support it
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import get_args

from osteoplan.errors import BadInput
from osteoplan.knowledge.centre.ruleset import RuleSet
from osteoplan.knowledge.expression import names, parse
from osteoplan.knowledge.rules import Rule
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.centre import Centre
from osteoplan.model.evidence import Effect, Recommendation, RecommendationStatus, Tier
from osteoplan.model.technique import TechniqueCard
from osteoplan.pathway.expression import evaluate
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.monographs import applies
from osteoplan.pathway.presume import stood_in
from osteoplan.pathway.resources import refer
from osteoplan.pathway.settle import MissingFacts, settled, undetermined
from osteoplan.pathway.vocabulary import Value

__all__ = ["Assessor"]

SUPPORTIVE = "best_supportive_care"
# A diagnosis, the cord and stability are never taken for the one plain fact that is missing.
_DIAGNOSIS = frozenset({
    "tumour_type", "lesion_kind", "benign", "histology_confirmed", "haemangioma_aggressive",
    "suspected_primary_bone_tumour", "primary", "bilsky", "sins", "new_neuro_deficit",
})  # fmt: skip
# Nor is a score of strength, or the dose of a treatment that nobody has chosen.
_NOT_PLAIN = _DIAGNOSIS | {"mirels", "sbrt_gy_fx"}
_KEPT = 200_000  # recommendations remembered at most
# What is not known is listed before what is not here, and that before what no rule supports.
_ORDER: Mapping[Tier | None, int] = {1: 1, 2: 2, 3: 3, 5: 4, 4: 5, None: 6}


@dataclass(frozen=True)
class _Concerned:
    """The rules that speak about one card, by what they do to it."""

    card: TechniqueCard
    by_effect: Mapping[Effect, tuple[Rule, ...]]
    shutting: tuple[Rule, ...]  # stops and routes that do not leave it
    reads: tuple[str, ...]  # the facts on which its tier hangs, and those that define them

    @property
    def supporting(self) -> tuple[Rule, ...]:
        """Those that prefer it, then those that consider it."""
        return (*self.by_effect["prefer"], *self.by_effect["consider"])

    @property
    def closing(self) -> tuple[Rule, ...]:
        """Those any of which takes it out: shutting ones, then those that exclude."""
        return (*self.shutting, *self.by_effect["exclude"])


class Assessor:
    """The rules of a set and the techniques of the house, asked about one patient after another.

    It remembers what a rule said, and what became of a card, on the same facts; it changes nothing else.
    """

    def __init__(self, asked: RuleSet, centre: Centre | None = None) -> None:
        """Sort the rules by the technique that they speak about.

        Args:
            asked: whose rules.
            centre: what the centre has; what it lacks is *refer_elsewhere*, never hidden.
        """
        self.rules = asked.rules
        self._centre = centre
        self._routes = [rule for rule in asked.rules if rule.row.despite]
        self._concerned = {card.id: _concerned(card, asked.rules) for card in technique_cards().values()}
        self._reads = {rule.id: names(rule.when) for rule in asked.rules}
        self._insisting = tuple(dict.fromkeys(name for rule in self._routes for name in names(rule.when)))
        self._said: dict[tuple[object, ...], bool | None] = {}
        self._judged: dict[tuple[object, ...], Recommendation] = {}

    def truth(self, rule: Rule, facts: Mapping[str, Value]) -> bool | None:
        """What a rule says on facts; unknown is None."""
        key = (rule.id, *map(facts.get, self._reads[rule.id]))
        if key not in self._said:
            self._said[key] = evaluate(rule.when, facts)
        return self._said[key]

    def reach(self, technique: str) -> frozenset[str]:
        """The words by which a rule can speak about a technique: its id and what it uses."""
        card = self._concerned[technique].card
        return frozenset({card.id, *card.uses})

    def recommendations(self, facts: Facts) -> tuple[Recommendation, ...]:
        """Every technique of the comparison set, in the order of tiers; equals in the order of the alphabet.

        Args:
            facts: given and derived ones; what is presumed of most patients is added here, and told.
        """
        leaned, presumed = stood_in(facts, "tiers")
        found = self.tiers(leaned)
        on: dict[str, list[str]] = {}
        for fact in dict.fromkeys(one.fact for one in presumed):
            without, _ = stood_in(facts, "tiers", without=fact)
            for id, other in self.tiers(without).items():
                if id in found and other.tier != found[id].tier:
                    on.setdefault(id, []).append(fact)
        told = [replace(one, presumed=tuple(on.get(id, ()))) for id, one in found.items()]
        return tuple(sorted(told, key=lambda one: (_ORDER[one.tier], _uncapped(one), one.title)))

    def tiers(self, facts: Facts) -> dict[str, Recommendation]:
        """Every technique that the region allows, by id, on these facts alone: nothing is presumed."""
        found = {
            id: self._remembered(one, facts)
            for id, one in self._concerned.items()
            if applies(one.card, facts) is not False
        }
        care = found[SUPPORTIVE]
        others = [one for id, one in found.items() if id != SUPPORTIVE and one.tier in (1, 2, 3, 5)]
        if care.tier is None and not others:
            found[SUPPORTIVE] = replace(care, tier=2, because=("nothing else stands on what is known",))
        return found

    def settled(self, facts: Facts) -> dict[str, Tier]:
        """The tiers that what is known gives, by id; what hangs on what is not known has none."""
        tiers = ((id, self._settled(one, facts)) for id, one in self._concerned.items())
        return {id: tier for id, tier in tiers if tier is not None}

    def _remembered(self, one: _Concerned, facts: Facts) -> Recommendation:
        key = (one.card.id, *map(facts.get, one.reads), *map(facts.get, self._insisting))
        if key not in self._judged:
            if len(self._judged) > _KEPT:
                self._judged.clear()
            self._judged[key] = self._recommendation(one, facts)
        return self._judged[key]

    def _recommendation(self, one: _Concerned, facts: Facts) -> Recommendation:
        true: dict[Effect, tuple[Rule, ...]] = {
            effect: tuple(rule for rule in rules if self.truth(rule, facts))
            for effect, rules in one.by_effect.items()
        }
        closing = [rule for rule in one.closing if self.truth(rule, facts)]
        tier, because, open_ = self._told(one, true["require"], closing, facts)
        card = one.card
        elsewhere = () if self._centre is None else refer(card.needs, self._centre)
        status: RecommendationStatus = (
            "excluded_by_rule" if tier == 4
            else "comparator" if card.kind == "comparator"
            else "refer_elsewhere" if elsewhere else "ranked"
        )  # fmt: skip
        first = next((rule.row.first for rule in closing if rule.row.first), "")

        def ids(effect: Effect) -> tuple[str, ...]:
            return tuple(rule.id for rule in true[effect])

        return Recommendation(
            card.id, card.title, card.kind, card.family, status, tier,
            prefer=ids("prefer"), consider=ids("consider"), require=ids("require"),
            exclude=tuple(rule.id for rule in closing), caution=ids("caution"), info=ids("info"),
            open=open_, first=first, because=(*because, *elsewhere),
        )  # fmt: skip

    def _told(
        self, one: _Concerned, require: Sequence[Rule], closing: Sequence[Rule], facts: Facts
    ) -> tuple[Tier | None, tuple[str, ...], tuple[str, ...]]:
        """The tier, why, and the facts that it hangs on."""
        tier = self._settled(one, facts)
        if tier is not None:
            return tier, (*_told(closing), *_shut(one.card, facts)) or _told(require), ()
        waits = self._waits(one, facts)
        if waits is None or all(vocabulary()[name].checklist for name in waits):
            return None, (), ()
        open_, conditions = tuple(waits), _told(require)
        if self._plain(open_, one.card) and not self._blocked(one, facts) and not self._supported(one, facts):
            capped: Tier = 3 if any(rule.row.caps for rule in require) else 2
            return capped, (f"reasonable if {waits[open_[0]].words}", *conditions), open_
        return 5, (f"waits for {', '.join(vocabulary()[name].label for name in open_)}", *conditions), open_

    def _settled(self, one: _Concerned, facts: Facts) -> Tier | None:
        """The tier that what is known gives it; None where it lacks support, or that hangs on what is not."""
        closing = [rule for rule in one.closing if self.truth(rule, facts)]
        if closing:
            return 3 if self._spared(one.card, facts) else 4
        if _shut(one.card, facts):
            return 4
        supported = self._supported(one, facts)
        if supported is None or self._blocked(one, facts):
            return None
        capped = any(rule.row.caps and self.truth(rule, facts) for rule in one.by_effect["require"])
        return 3 if capped else supported

    def _supported(self, one: _Concerned, facts: Facts) -> Tier | None:
        if any(self.truth(rule, facts) for rule in one.by_effect["prefer"]):
            return 1
        return 2 if any(self.truth(rule, facts) for rule in one.by_effect["consider"]) else None

    def _blocked(self, one: _Concerned, facts: Facts) -> bool:
        return any(self._decisive(rule, one.card, facts) for rule in one.closing)

    def _plain(self, open_: tuple[str, ...], card: TechniqueCard) -> bool:
        """Whether one fact is missing that may be taken for likely: no diagnosis, and no check list.

        Whether there is histology is plain for a biopsy.
        """
        if len(open_) != 1 or vocabulary()[open_[0]].checklist:
            return False
        return open_[0] not in _NOT_PLAIN or (card.family, open_[0]) == ("diagnosis", "histology_confirmed")

    def _spared(self, card: TechniqueCard, facts: Facts) -> bool:
        """Whether a route that is true keeps it possible although other stops do not leave it.

        Not where an exclusion holds; of radiation, nor where one may: a child of unknown age gets none.
        """
        excluding = self._concerned[card.id].by_effect["exclude"]
        may = "radiation" in card.uses
        if any(self.truth(rule, facts) or (may and self._decisive(rule, card, facts)) for rule in excluding):
            return False
        kept = {id for rule in self._routes if self.truth(rule, facts) for id in rule.row.despite}
        return bool(kept & {card.id, *card.uses})

    def _decisive(self, rule: Rule, card: TechniqueCard, facts: Mapping[str, Value]) -> bool:
        """Whether an open rule leaves a technique unknown.

        One that hangs on the check list does not: that is confirmed before anything is done.  Nor does a
        biopsy wait for the diagnosis that it is to find.
        """
        if self.truth(rule, facts) is not None:
            return False
        open_ = undetermined(rule.when, facts)
        finds = card.family == "diagnosis" and bool(_DIAGNOSIS & set(open_))
        return not finds and not any(vocabulary()[name].checklist for name in open_)

    def _waits(self, one: _Concerned, facts: Facts) -> MissingFacts | None:
        """The fewest facts, and what they would have to be, that would make it supported."""
        open_ = [rule for rule in one.closing if self.truth(rule, facts) is None]
        found: MissingFacts | None = None
        for rule in one.supporting:
            most = len(found) if found is not None else len(vocabulary())
            answers = self._answers(rule, open_, one.card, facts, most)
            if answers is not None and (found is None or len(answers) < len(found)):
                found = answers
        return found

    def _answers(
        self, support: Rule, open_: Iterable[Rule], card: TechniqueCard, facts: Facts, most: int
    ) -> MissingFacts | None:
        """What makes one rule support it while nothing takes it out; None where nothing or too much does."""
        answers = settled(support.when, True, facts)
        if answers is None or len(answers) > most:
            return None
        try:
            known = _taking(facts, answers)
            for rule in open_:
                if self.truth(rule, known):
                    return None
                if self._decisive(rule, card, known):
                    more = settled(rule.when, False, known)
                    if more is None or len(answers) + len(more) > most:
                        return None
                    answers, known = {**answers, **more}, _taking(known, more)
        except BadInput:
            return None  # what was typed rules it out
        return answers


def _taking(facts: Facts, answers: MissingFacts) -> Facts:
    return facts.taking({name: one.value for name, one in answers.items()}) if answers else facts


def _concerned(card: TechniqueCard, rules: Sequence[Rule]) -> _Concerned:
    """Support reaches a combination by its id alone; everything else reaches a card by what it uses, too."""
    known, alone = {card.id, *card.uses}, {card.id}
    by_effect: dict[Effect, tuple[Rule, ...]] = {}
    for effect in get_args(Effect):
        reach = alone if card.family == "combination" and effect in ("prefer", "consider") else known
        by_effect[effect] = tuple(r for r in rules if r.row.effect == effect and reach & set(r.row.about))
    shutting = tuple(r for r in rules if r.row.effect in ("stop", "route") and not known & set(r.row.remains))
    speaking = (*shutting, *(rule for rules in by_effect.values() for rule in rules))
    read = {name for rule in speaking for name in names(rule.when)}
    reads = tuple(sorted({*read, *_defining(), "le_weeks", "fit_for_surgery"}))
    return _Concerned(card, by_effect, shutting, reads)


def _shut(card: TechniqueCard, facts: Mapping[str, Value]) -> tuple[str, ...]:
    """Gates of the card that are certainly shut, in sentences; a gate that is open shuts nothing."""
    weeks, shut = facts.get("le_weeks"), []
    longest = weeks[1] if isinstance(weeks, tuple) else weeks
    if isinstance(longest, int | float) and longest < card.min_weeks:
        shut.append(f"needs a life expectancy of {card.min_weeks:g} weeks or more")
    if card.needs_fitness and facts.get("fit_for_surgery") is False:
        shut.append("needs a patient who is fit for open surgery")
    return tuple(shut)


@cache
def _defining() -> tuple[str, ...]:
    """Facts by which others are defined: an answer to one of them settles another."""
    rows = vocabulary().values()
    return tuple({name for row in rows if row.follows_from for name in names(parse(row.follows_from))})


def _uncapped(one: Recommendation) -> int:
    """Within *only if*, what is preferred stands first; of what is not known, what waits for least."""
    if one.tier == 5:
        return len(one.open)
    return 0 if one.tier != 3 or one.prefer else 1


def _told(rules: Iterable[Rule]) -> tuple[str, ...]:
    return tuple(f"{rule.id}: {rule.row.then}" for rule in rules)
