"""The rules as CDS Hooks services: the discovery document that a record system reads before it calls.

A description only; nothing here answers a call.  Source: HL7 CDS Hooks 2.0, section Discovery (each service
has ``hook``, ``description`` and ``id``; ``title``, ``prefetch``, ``usageRequirements`` and ``extension`` are
optional).

The hook is ``patient-view``: the rules speak about a patient with a lesion when the record is opened for the
tumour board.  No order exists then that ``order-select`` or ``order-sign`` could carry, and procedures of
interventional radiology have no order code that was checked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from osteoplan.io.documents import INTENDED_USE
from osteoplan.knowledge.codes import CodeRow, codes, without_code
from osteoplan.knowledge.expression import names
from osteoplan.knowledge.load import release
from osteoplan.knowledge.rules import Rule, blocks
from osteoplan.knowledge.vocabulary import FactRow, vocabulary
from osteoplan.model.evidence import NO_CLINICIAN

__all__ = ["HOOK", "service_descriptions"]

Json = dict[str, Any]
HOOK = "patient-view"


def service_descriptions(
    rules: Sequence[Rule], *, titles: Mapping[str, str] | None = None, release_name: str = ""
) -> Json:
    """The discovery document: one service for each block that has a rule.

    Args:
        rules: effective rules, e.g. of a ``knowledge.centre.ruleset.RuleSet``.
        titles: title of every block; None takes those of the package.
        release_name: release (and centre) whose rules these are; empty takes that of the content.
    """
    called = blocks() if titles is None else titles
    whose = release_name or release().version
    by_block: dict[str, list[Rule]] = {}
    for rule in rules:
        by_block.setdefault(rule.block, []).append(rule)
    return {"services": [_service(id, called.get(id, id), those, whose) for id, those in by_block.items()]}


def _service(block: str, title: str, rules: Sequence[Rule], whose: str) -> Json:
    facts = vocabulary()
    read = _facts_read(rules, facts)
    coded = {name: row for name, row in codes().items() if not row.fact or row.fact in read}
    # a recorded condition only prompts a question: its fact must still be asked
    settled = {row.fact for row in coded.values() if row.fact and not row.level}
    return {
        "hook": HOOK,
        "title": f"osteoplan: {title}",
        "description": _description(title, rules, whose),
        "id": f"osteoplan-{block.replace('_', '-')}",
        "prefetch": {
            "patient": "Patient/{{context.patientId}}",
            **{_key(name): _query(row) for name, row in coded.items()},
        },
        "usageRequirements": f"{INTENDED_USE} {_requirements(coded)} {without_code()}",
        "extension": {
            "osteoplan": {
                "release": whose,
                "rules": [rule.id for rule in rules],
                "prefetched": [_coded(name, row) for name, row in coded.items() if row.fact],
                "facts": [_asked(name, facts[name]) for name in read if name not in settled],
            }
        },
    }


def _description(title: str, rules: Sequence[Rule], whose: str) -> str:
    """How many rules of which effect, and how well checked."""
    effects = Counter(rule.row.effect for rule in rules)
    checked = sum(rule.row.status == "verified" for rule in rules)
    parts = ", ".join(f"{count} {effect}" for effect, count in effects.items())
    plural = "rule" if len(rules) == 1 else "rules"
    return (
        f"{title}: {len(rules)} {plural} on percutaneous treatment of bone tumours ({parts}); {checked} of "
        f"{len(rules)} with every source read, {NO_CLINICIAN}; release {whose}. A rule "
        "whose facts are missing asks for them."
    )


def _facts_read(rules: Sequence[Rule], facts: Mapping[str, FactRow]) -> tuple[str, ...]:
    """Facts that the rules read, in the order of the vocabulary."""
    read = {name for rule in rules for name in names(rule.when)}
    return tuple(name for name in facts if name in read)


def _key(name: str) -> str:
    """A name of prefetch in camel case, as the specification's own examples write it."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _query(row: CodeRow) -> str:
    """A FHIR search; the last observation, or every active condition."""
    code = quote(f"{row.system}|{row.code}", safe="")
    tail = "&_sort=-date&_count=1" if row.resource == "Observation" else "&clinical-status=active"
    return f"{row.resource}?patient={{{{context.patientId}}}}&code={code}{tail}"


def _requirements(coded: Mapping[str, CodeRow]) -> str:
    observed = [row.display for row in coded.values() if row.resource == "Observation"]
    if not observed:
        return "No fact of these rules can be read from the record by a checked code."
    return f"Read from the record where it has them: {'; '.join(observed)}."


def _coded(name: str, row: CodeRow) -> Json:
    return {
        "fact": row.fact, "prefetch": _key(name), "system": row.system, "code": row.code,
        "display": row.display, "status": row.status, "note": row.note,
        **({"prompts": row.level} if row.level else {}),
    }  # fmt: skip


def _asked(name: str, row: FactRow) -> Json:
    """What the caller must ask: the question and what may be answered."""
    found: Json = {"fact": name, "label": row.label, "ask": row.ask, "kind": row.kind}
    if row.range is not None:
        found |= {"unit": row.unit, "range": list(row.range)}
    if row.levels:
        found["levels"] = dict(row.levels)
    return found
