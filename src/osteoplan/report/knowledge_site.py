"""The knowledge as pages that a clinician reads in a browser, without code and without a network.

    for name, html in pages(rule_set()).items(): ...

``workflow.knowledge_site.write_site`` puts them into a folder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from osteoplan.knowledge.centre.ruleset import RuleSet
from osteoplan.knowledge.load import Cited, release
from osteoplan.knowledge.order import order
from osteoplan.model.evidence import Citation
from osteoplan.model.technique import SECTIONS
from osteoplan.report.knowledge_facts import facts_page, sources_page
from osteoplan.report.knowledge_library import Library, library
from osteoplan.report.knowledge_rules import block_page, rules_page
from osteoplan.report.knowledge_scores import score_page, scores_page
from osteoplan.report.knowledge_techniques import order_page, technique_page, techniques_page
from osteoplan.report.knowledge_views import Page, Part, Row, Table, Text, Word, cell, said
from osteoplan.report.rendering import filled
from osteoplan.report.rule_tree import STATUS_WORDS

__all__ = ["pages"]

_CHAPTERS = (
    ("start", "index.html"),
    ("rules", "rules.html"),
    ("scores", "scores.html"),
    ("techniques", "techniques.html"),
    ("order of acts", "order.html"),
    ("facts", "facts.html"),
    ("sources", "sources.html"),
)
_PAGES = {
    "rules": "rules.html",
    "scores": "scores.html",
    "statements on techniques": "techniques.html",
    "published outcomes": "techniques.html",
    "orders of acts": "order.html",
}
_STATUS = (
    (
        "verified",
        "every source behind it was read: the paper, its abstract, or the page of the body that issued it",
    ),
    ("our default", "nobody's finding: chosen here, and open to a centre to change"),
    ("unverified", "read in a secondary source, or from memory; the source itself has not been read"),
)
_READING = (
    "A fact that nobody gave is unknown, and unknown is not no. A rule says yes, no, or cannot say; where it "
    "cannot say, it names the facts that would settle it.",
    "In the drawings, yes follows the line to the right; no leaves it; unknown asks the question. Branches "
    "do not exclude each other: all are asked, and several rules can speak.",
    "Beside every statement stands how well it was checked, how its source was read, and the source itself.",
)


def pages(
    rule_set: RuleSet, *, title: str = "", sources: Mapping[str, Citation] | None = None
) -> dict[str, str]:
    """Every page by the name of its file; ``index.html`` is where to start.

    Args:
        rule_set: the effective rules, with a centre's overrides where it has any.
        title: whose pages these are; empty for the package's own.
        sources: a centre's own sources by key.
    """
    lib = library(rule_set, sources)
    stamp = " · ".join(filter(None, (f"knowledge {_short(rule_set)}", rule_set.local)))
    name = title or (f"Knowledge of {rule_set.local}" if rule_set.local else "Knowledge")
    return {
        page.file: filled("knowledge_page.html.j2", page=page, site=name, stamp=stamp, chapters=_CHAPTERS)
        for page in _pages(lib, name)
    }


def _pages(lib: Library, name: str) -> tuple[Page, ...]:
    return (
        _index(lib, name),
        rules_page(lib),
        *(block_page(lib, block) for block in lib.blocks),
        scores_page(lib),
        *(score_page(lib, table) for table in lib.scores.values()),
        techniques_page(lib),
        *(technique_page(lib, file) for file in lib.techniques.values()),
        order_page(lib),
        facts_page(lib),
        sources_page(lib),
    )


def _short(rule_set: RuleSet) -> str:
    """Release, the start of the digest, and the day: enough to tell two states apart on paper."""
    name, _, digest = rule_set.version.partition("+")
    return f"{name}+{digest[:12]}" + (f", as of {rule_set.as_of}" if rule_set.as_of else "")


def _index(lib: Library, name: str) -> Page:
    """What this is, whose it is, how well checked, and how to read it."""
    content = release()
    lead = said(
        "Scores, rules, techniques and their sources, as the program reads them: percutaneous treatment of "
        "bone tumours, beside radiotherapy, surgery and best supportive care.",
        f"Content release {content.version} of {content.date}: {content.note}.",
        f"Rules as of {lib.rule_set.as_of}." if lib.rule_set.as_of else "",
    )
    sections = [
        *_local(lib.rule_set),
        Part("How well checked", table=_counts(lib)),
        Part("What the marks mean", table=_marks()),
        Part("How to read it", said(*_READING)),
        Part("In this release", said(*(f"· {text}" for text in content.changes))),
    ]
    return Page("index.html", "start", name, lead, tuple(sections))


def _local(rule_set: RuleSet) -> list[Part]:
    """What a centre changed, first, because it is not what the package says."""
    if not rule_set.local:
        return []
    signed = f"Signed by {rule_set.signed_by}." if rule_set.signed_by else "Signed by nobody."
    warned = said(*rule_set.warnings, style="warn")
    told = said(*(f"· {text}" for text in rule_set.overrides))
    return [Part(f"Changed by {rule_set.local}", (*warned, *told, *said(signed)))]


def _counts(lib: Library) -> Table:
    """Pieces by kind and review status."""
    kinds: dict[str, list[Cited]] = {
        "rules": [rule.row for rule in lib.rule_set.rules],
        "scores": list(lib.scores.values()),
        "statements on techniques": [
            row for file in lib.techniques.values() for name in SECTIONS for row in getattr(file, name)
        ],
        "published outcomes": [row for file in lib.outcomes.values() for row in file.outcomes],
        "orders of acts": list(order().rows),
    }
    rows = []
    for kind, pieces in kinds.items():
        found = Counter(STATUS_WORDS[piece.status] for piece in pieces)
        reviewed = sum(bool(piece.reviewer) for piece in pieces)
        numbers = (len(pieces), *(found[word] for word, _ in _STATUS), reviewed)
        rows.append(Row((cell(Word(kind, _PAGES[kind])), *(cell(str(n), number=True) for n in numbers))))
    head = ("kind", "in all", *(word for word, _ in _STATUS), "reviewed by a clinician")
    return Table(head, tuple(rows))


def _marks() -> Table:
    rows = tuple(Row((cell(Text((Word(word),), style="badge")), cell(text))) for word, text in _STATUS)
    return Table(("mark", "means"), rows)
