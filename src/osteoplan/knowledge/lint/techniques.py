"""What is wrong with the monographs, the evidence and the order of acts, in sentences (part of ``lint``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from osteoplan.knowledge.evidence import OutcomeRow, evidence
from osteoplan.knowledge.lint.checks import expression_findings, twice, unit_known
from osteoplan.knowledge.load import documents
from osteoplan.knowledge.monographs import StatementRow
from osteoplan.knowledge.order import OrderFile, order
from osteoplan.knowledge.outcomes import outcomes
from osteoplan.knowledge.techniques import TechniqueFile
from osteoplan.knowledge.vocabulary import FactRow, resources, uses, vocabulary
from osteoplan.model.technique import SECTIONS

__all__ = ["technique_findings"]


def technique_findings(root: Path | None, rules: set[str]) -> Iterator[str]:
    """Faults of techniques, evidence and order; ``rules`` are the ids of every rule."""
    files = documents("techniques", TechniqueFile, root)
    facts = vocabulary(root)
    for stem, file in files.items():
        yield from (f"technique {stem}: {fault}" for fault in _file_findings(file, stem, root))
        yield from (f"technique {stem}: {fault}" for fault in _row_findings(file, facts, rules))
    carried = {use for file in files.values() for use in file.uses}
    yield from (f"vocabulary: no technique uses '{use}': a tag that nobody carries"
                for use in uses(root) if use not in carried)  # fmt: skip
    yield from _evidence_findings(root, {file.id for file in files.values()}, facts)
    yield from _order_findings(order(root), facts)


def _file_findings(file: TechniqueFile, stem: str, root: Path | None) -> Iterator[str]:
    if file.id != stem:
        yield f"calls itself '{file.id}': the id must be the name of the file"
    known = {id for rows in resources(root).values() for id in rows}
    yield from (f"uses '{use}', which is not in the vocabulary's uses"
                for use in file.uses if use not in uses(root))  # fmt: skip
    yield from (f"needs '{one}', which is not in the vocabulary's resources"
                for group in file.needs for one in group if one not in known)  # fmt: skip
    if not all(file.needs):
        yield "needs one of nothing: a group in 'needs' is empty"
    under = {one for group in file.needs for one in group} & set(resources(root).get("anaesthesia", ()))
    if (file.anaesthesia in under) != bool(under) or (file.anaesthesia == "none") != (not under):
        least = "no" if file.anaesthesia == "none" else file.anaesthesia
        yield f"{least} anaesthesia, but 'needs' names {sorted(under) or 'none'}"
    for section in SECTIONS:
        rows, words = getattr(file, section), file.nothing_found.get(section, "")
        if bool(rows) == bool(words):
            yield f"{section}: give rows, or else say in 'nothing_found' that there are none"


def _row_findings(file: TechniqueFile, facts: Mapping[str, FactRow], rules: set[str]) -> Iterator[str]:
    if file.applies:
        yield from (f"applies: {fault}" for fault in expression_findings(file.applies, facts))
    rows: list[StatementRow] = [row for section in SECTIONS for row in getattr(file, section)]
    for row in rows:
        if row.when:
            yield from (f"'{row.text}': {fault}" for fault in expression_findings(row.when, facts))
        if not row.cite and not row.note:
            yield f"'{row.text}': no 'cite', and no 'note' that says why"
        unit = getattr(row, "unit", "")
        if unit and not unit_known(unit):
            yield f"'{row.text}': the unit '{unit}' is not one of osteoplan.units"
    for reason in file.contraindications:
        if reason.rule and reason.rule not in rules:
            yield f"'{reason.text}' leans on the rule {reason.rule}: no such rule"


def _evidence_findings(
    root: Path | None, techniques: set[str], facts: Mapping[str, FactRow]
) -> Iterator[str]:
    found = evidence(root)
    yield from (f"evidence {id}: there is no such technique" for id in found if id not in techniques)
    cards = documents("techniques", TechniqueFile, root).values()
    parts = {(file.id, part) for file in cards for group in file.parts for part in group}
    yield from (f"{id}: 'parts' names '{part}', no technique" for id, part in sorted(parts)
                if part not in techniques)  # fmt: skip
    yield from (f"evidence: no file for {id}" for id in sorted(techniques - set(found)))
    regions = {"any", *facts["region"].levels}
    for id, file in found.items():
        if not file.outcomes and not file.nothing_found:
            yield f"evidence {id}: give outcomes, or say in 'nothing_found' that there are none"
        for row in file.outcomes:
            yield from (f"evidence {id}: {row.id}: the site '{site}' is no region"
                        for site in row.sites if site not in regions)  # fmt: skip
            yield from (f"evidence {id}: {fault}" for fault in _outcome_findings(row, root))
            yield from (f"evidence {id}: {row.id}: {fault}" for fault in _study_findings(row, facts))
            if (row.low is None) != (row.high is None):
                yield f"evidence {id}: {row.id}: an interval has both ends"


def _outcome_findings(row: OutcomeRow, root: Path | None) -> Iterator[str]:
    """Whether a published outcome is one that the data know, in its unit."""
    known = outcomes(root).get(row.id)
    if known is None:
        yield f"{row.id}: no such outcome in knowledge/data/outcomes"
        return
    if row.unit not in known.units:
        yield f"{row.id}: in '{row.unit}', but its unit is {' or '.join(known.units)}"
    if "published" not in known.by:
        yield f"{row.id}: the outcome does not say that it is published"


# regimens of other patients than those with a tumour; beside such a word a number needs its ``population``
_OTHERS = ("osteoporotic", "fragility", "injury", "trauma")


def _study_findings(row: OutcomeRow, facts: Mapping[str, FactRow]) -> Iterator[str]:
    """What a published number lacks to be judged: its design, its base, whose it is."""
    words = f"{row.regimen} {row.note}"
    share = row.unit == "%" and "probability" in row.id
    if not row.design:
        yield "no 'design': series, cohort, registry, pooled, randomised or model"
    if share and row.n is None and "base not stated" not in words:
        yield "a share without 'n' says 'base not stated' in its regimen or note"
    if row.events is not None and (not share or row.n is None or row.events > row.n):
        yield "'events' is of a share, beside 'n' and not above it"
    elif row.events is not None and row.n and abs(row.value - 100.0 * row.events / row.n) > _PRINTED:
        yield f"{row.value:g} % is not {row.events} of {row.n}"
    if row.sd is not None and (row.n is None or row.low is not None):
        yield "'sd' stands beside 'n', and not beside a printed interval"
    if row.followed is not None and (row.months is None or row.n is None or row.followed > row.n):
        yield "'followed' is of 'n' at 'months', and not above it"
    if any(word in row.regimen.casefold() for word in _OTHERS) and not row.population:
        yield "other patients or another procedure: say so in 'population'"
    for key, given in (("lesion_kind", row.kinds), ("primary", row.primaries)):
        yield from (f"'{level}' is no level of {key}" for level in given if level not in facts[key].levels)


_PRINTED = 0.55  # per cent: a whole one as printed, with the half that its rounding hides


def _order_findings(file: OrderFile, facts: Mapping[str, FactRow]) -> Iterator[str]:
    """Rows on unknown kinds, and rows that no example lets speak."""
    named = [kind.counts_as for kind in file.kinds.values() if kind.counts_as]
    named += [kind for row in file.rows for kind in (*row.first, *row.second, *row.unless)]
    named += [act for example in file.examples for act in example.acts]
    yield from (
        f"order: '{kind}' is no kind of act" for kind in dict.fromkeys(named) if kind not in file.kinds
    )
    yield from (f"order: {fault}" for fault in twice("row", [row.id for row in file.rows]))
    said = {id for example in file.examples for id in example.says}
    for row in file.rows:
        wanted = [row.id, f"!{row.id}"] if row.effect == "usual" and not _turned(row.id, file) else [row.id]
        yield from (f"order {row.id}: no example says {id}" for id in wanted if id not in said)
        if row.when:
            yield from (f"order {row.id}: {fault}" for fault in expression_findings(row.when, facts))
    ids = {row.id for row in file.rows}
    yield from (f"order: an example says {id}, which is no row"
                for id in sorted(said) if id.removeprefix("!") not in ids)  # fmt: skip


def _turned(id: str, file: OrderFile) -> bool:
    """Whether the row, turned round, is spoken for by other rows (at least for some of its acts)."""
    this = next(row for row in file.rows if row.id == id)
    return any(
        set(row.first) & set(this.second) and set(row.second) & set(this.first) for row in file.rows
    )  # fmt: skip
