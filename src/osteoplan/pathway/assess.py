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
from typing import get_args

from osteoplan.errors import BadInput
from osteoplan.knowledge.centre.ruleset import RuleSet
from osteoplan.knowledge.expression import names
from osteoplan.knowledge.rules import Rule
from osteoplan.knowledge.techniques import technique_cards
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.case import Fact
from osteoplan.model.centre import Centre
from osteoplan.model.evidence import Effect, Recommendation, RecommendationStatus, Tier
from osteoplan.model.technique import TechniqueCard
from osteoplan.pathway.expression import evaluate
from osteoplan.pathway.facts import Facts, definitions_read
from osteoplan.pathway.monographs import applies
from osteoplan.pathway.presume import stood_in
from osteoplan.pathway.resources import refer
from osteoplan.pathway.settle import fewest, settled, undetermined
from osteoplan.pathway.vocabulary import Value

__all__ = ["Assessor"]

SUPPORTIVE = "best_supportive_care"
# A diagnosis, the cord and stability are never taken for the one plain fact that is missing.
_DIAGNOSIS = frozenset({
    "tumour_type", "lesion_kind", "benign", "histology_confirmed", "haemangioma_aggressive",
    "suspected_primary_bone_tumour", "primary", "bilsky", "sins", "new_neuro_deficit",
})  # fmt: skip
_LAST = 6  # of the order in which tiers are listed: 1, 2, 3, what is not known, what is not here, no support
_ORDER: Mapping[Tier | None, int] = {1: 1, 2: 2, 3: 3, 5: 4, 4: 5, None: _LAST}


@dataclass(frozen=True)
class _Concerned:
    """The rules that speak about one card, by what they do to it."""

    card: TechniqueCard
    by_effect: Mapping[Effect, tuple[Rule, ...]]
    shutting: tuple[Rule, ...]  # stops and routes that do not leave it

    @property
    def supporting(self) -> tuple[Rule, ...]:
        """Those that prefer it, then those that consider it."""
        return (*self.by_effect["prefer"], *self.by_effect["consider"])

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule that speaks about it."""
        return (*self.shutting, *(rule for rules in self.by_effect.values() for rule in rules))

    @property
    def closing(self) -> tuple[Rule, ...]:
        """Those any of which takes it out: shutting ones, then those that exclude."""
        return (*self.shutting, *self.by_effect["exclude"])


class Assessor:
    """The rules of a set and the techniques of the house, asked about one patient after another.

    It remembers what a rule, and the rules of a card, said on the same facts; it changes nothing else.
    """

    def __init__(self, asked: RuleSet, centre: Centre | None = None) -> None:
        """Sort the rules by the technique that they speak about.

        Args:
            asked: whose rules.
            centre: what the centre has; what it lacks is *refer_elsewhere*, never hidden.
        """
        self.rules = asked.rules
        self._centre = centre
        self._concerned = {card.id: _concerned(card, asked.rules) for card in technique_cards().values()}
        self._reads = {rule.id: names(rule.when) for rule in asked.rules}
        self._said: dict[tuple[object, ...], tuple[bool | None, bool]] = {}
        self._settled: dict[tuple[object, ...], Mapping[str, Fact] | None] = {}
        self._told: dict[tuple[object, ...], Recommendation] = {}
        self._hangs_on = {
            id: tuple(
                dict.fromkeys([*definitions_read(), *(n for r in one.rules for n in self._reads[r.id])])
            )
            for id, one in self._concerned.items()
        }

    def truth(self, rule: Rule, facts: Mapping[str, Value]) -> bool | None:
        """What a rule says on facts; unknown is None."""
        return self._judged(rule, facts)[0]

    def _judged(self, rule: Rule, facts: Mapping[str, Value]) -> tuple[bool | None, bool]:
        """What a rule says, and whether it is open on more than the check list."""
        key = (rule.id, *map(facts.get, self._reads[rule.id]))
        if key not in self._said:
            truth = evaluate(rule.when, facts)
            open_on = undetermined(rule.when, facts) if truth is None else ()
            decisive = truth is None and not any(vocabulary()[name].checklist for name in open_on)
            self._said[key] = truth, decisive
        return self._said[key]

    def _settles(self, rule: Rule, truth: bool, facts: Mapping[str, Value]) -> Mapping[str, Fact] | None:
        """Values with which the rule has that truth."""
        key = (rule.id, truth, *map(facts.get, self._reads[rule.id]))
        if key not in self._settled:
            self._settled[key] = settled(rule.when, truth, facts)
        return self._settled[key]

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

    def _remembered(self, one: _Concerned, facts: Facts) -> Recommendation:
        """What was found before on the facts that this card's rules read: a question moves few of them."""
        key = (one.card.id, *map(facts.get, self._hangs_on[one.card.id]))
        if key not in self._told:
            self._told[key] = self._recommendation(one, facts)
        return self._told[key]

    def _recommendation(self, one: _Concerned, facts: Facts) -> Recommendation:
        true: dict[Effect, tuple[Rule, ...]] = {
            effect: tuple(rule for rule in rules if self.truth(rule, facts))
            for effect, rules in one.by_effect.items()
        }
        closing = [rule for rule in one.closing if self.truth(rule, facts)]
        tier, because, open_ = self._tier(one, true, closing, facts)
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

    def _tier(
        self, one: _Concerned, true: Mapping[Effect, Sequence[Rule]], closing: Sequence[Rule], facts: Facts
    ) -> tuple[Tier | None, tuple[str, ...], tuple[str, ...]]:
        """The tier, why, and the facts that it hangs on."""
        if closing:
            spared = self._spared(one.card, closing, facts)
            return (3 if spared else 4), _told(closing), ()
        conditions = _told(true["require"])
        capped = any(rule.row.caps for rule in true["require"])
        supported: Tier | None = 1 if true["prefer"] else 2 if true["consider"] else None
        blocked = any(self._decisive(rule, facts) for rule in one.closing)
        if supported and not blocked:
            return (3 if capped else supported), conditions, ()
        waits = self._waits(one, facts)
        if waits is None:
            return None, (), ()
        if not supported and not blocked and len(waits) == 1 and not _DIAGNOSIS & set(waits):
            return (3 if capped else 2), (f"reasonable if: {_label(waits[0])}", *conditions), waits
        return 5, (f"waits for {', '.join(map(_label, waits))}", *conditions), waits

    def _spared(self, card: TechniqueCard, closing: Sequence[Rule], facts: Facts) -> bool:
        """Whether a route that is true keeps it possible although other stops do not leave it."""
        if any(rule.row.effect == "exclude" for rule in closing):
            return False
        routes = [r for one in self._concerned.values() for r in one.shutting if r.row.despite]
        kept = {id for rule in routes if self.truth(rule, facts) for id in rule.row.despite}
        return bool(kept & {card.id, *card.uses})

    def _decisive(self, rule: Rule, facts: Mapping[str, Value]) -> bool:
        """Whether an open rule leaves a technique unknown; one that hangs on the check list does not."""
        return self._judged(rule, facts)[1]

    def _waits(self, one: _Concerned, facts: Facts) -> tuple[str, ...] | None:
        """The fewest facts some values of which would make it supported; None where none would."""
        answers = fewest(self._answers(rule, one.closing, facts) for rule in one.supporting)
        if answers is None:
            return None
        return tuple(name for name in answers if not vocabulary()[name].checklist)

    def _answers(self, support: Rule, closing: Iterable[Rule], facts: Facts) -> Mapping[str, Fact] | None:
        """Values that make one rule support it while nothing takes it out."""
        wanted = self._settles(support, True, facts)
        if wanted is None:
            return None
        answers = dict(wanted)
        try:
            known = facts.filled(answers) if answers else facts
            for rule in closing:
                truth, decisive = self._judged(rule, known)
                if truth:
                    return None
                if decisive:
                    more = self._settles(rule, False, known)
                    if more is None:
                        return None
                    answers.update(more)
                    known = known.filled(more)
        except BadInput:
            return None  # a definition that is known says otherwise
        return answers


def _concerned(card: TechniqueCard, rules: Sequence[Rule]) -> _Concerned:
    """Support reaches a combination by its id alone; everything else reaches a card by what it uses, too."""
    known, alone = {card.id, *card.uses}, {card.id}
    by_effect: dict[Effect, tuple[Rule, ...]] = {}
    for effect in get_args(Effect):
        reach = alone if card.family == "combination" and effect in ("prefer", "consider") else known
        by_effect[effect] = tuple(r for r in rules if r.row.effect == effect and reach & set(r.row.about))
    shutting = tuple(r for r in rules if r.row.effect in ("stop", "route") and not known & set(r.row.remains))
    return _Concerned(card, by_effect, shutting)


def _uncapped(one: Recommendation) -> int:
    """Within a tier, what is preferred stands before what is only considered."""
    return 0 if one.prefer else 1 if one.consider else 2


def _told(rules: Iterable[Rule]) -> tuple[str, ...]:
    return tuple(f"{rule.id}: {rule.row.then}" for rule in rules)


def _label(fact: str) -> str:
    return vocabulary()[fact].label
