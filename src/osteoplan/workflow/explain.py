"""Explain: what scores and rules say on what is known, what they cannot say yet, and on whose word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from osteoplan.knowledge.centre.ruleset import RuleSet, rule_set
from osteoplan.knowledge.refs import citation
from osteoplan.knowledge.sites import bone_site
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.model.centre import Centre
from osteoplan.model.evidence import Citation
from osteoplan.model.result import Explanation, Reading
from osteoplan.pathway.assess import Assessor
from osteoplan.pathway.facts import Facts
from osteoplan.pathway.near_thresholds import near_thresholds
from osteoplan.pathway.presume import stood_in
from osteoplan.pathway.questions import questions
from osteoplan.pathway.rules import verdicts
from osteoplan.pathway.scores import applicable_scores
from osteoplan.pathway.survival import survival
from osteoplan.workflow.knowledge import local_rule_set

__all__ = ["cited", "explain", "explain_facts"]


def explain(reading: Reading) -> Explanation:
    """What scores and rules say of a case, with its centre's own rules; what was measured is marked so.

    Raises:
        BadInput: an override of the centre that does not fit the rules.
    """
    # Measurements that no rule asks about (a mean density, an axis) stay findings.
    findings, centre = reading.findings, reading.case.centre
    facts = Facts({name: value for name, value in findings.facts().items() if name in vocabulary()})
    sources = {finding.name: finding.source for finding in findings}
    site = bone_site(reading.anatomy.bone)
    return explain_facts(
        facts, sources=sources, centre=centre, asked=local_rule_set(centre.knowledge),
        regions=() if site is None else site.regions,
    )  # fmt: skip


def explain_facts(
    facts: Facts,
    *,
    sources: Mapping[str, str] | None = None,
    centre: Centre | None = None,
    asked: RuleSet | None = None,
    regions: Sequence[str] = (),
) -> Explanation:
    """Score what applies to this site, hand the totals (as ranges) to the rules, and run them.

    A total that a person gave wins over one computed here.

    Args:
        facts: what is known.
        sources: where a fact came from: given, measured or derived; given where nothing is said.
        centre: what the centre has.
        asked: whose rules; the package's own, in force today, where none is given.
        regions: where the lesion can lie by its bone, where its region is not known.
    """
    whose = asked or rule_set()
    known, derived = stood_in(facts, "rules")
    told = {**(sources or {}), **{one.fact: "derived" for one in derived}}
    scores = applicable_scores(known, told, regions=regions)
    totals = {score.id: score.total for score in scores if score.kind == "sum" and score.id in vocabulary()}
    known = known.filled(totals)
    leaned, presumed = stood_in(known, "tiers")
    spoken = verdicts(known, whose, leaned)
    assessor = Assessor(whose, centre)
    asked_first, checklist = questions(assessor, known, scores)
    return Explanation(
        facts=dict(known),
        presumed=(*derived, *presumed),
        scores=scores,
        verdicts=spoken,
        questions=asked_first,
        checklist=checklist,
        recommendations=assessor.recommendations(known),
        near_thresholds=near_thresholds(whose.rules, known),
        survival=survival(known, scores),
        knowledge=whose.used,
        sources=cited(
            [*[key for one in scores for key in one.cite], *[key for one in spoken for key in one.cite]],
            whose.refs,
        ),
    )


def cited(keys: Iterable[str], own: Mapping[str, Citation]) -> tuple[Citation, ...]:
    """The sources of those keys, once, in order of first use; ``own`` holds a centre's."""
    return tuple(own[key] if key in own else citation(key) for key in dict.fromkeys(keys))
