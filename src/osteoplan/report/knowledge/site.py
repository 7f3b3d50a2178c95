"""The knowledge as pages that a clinician reads in a browser, without code and without a network.

    for name, html in pages(rule_set()).items(): ...

The templates ``knowledge_*`` read the knowledge as it is; ``workflow.knowledge_site.write_site`` puts the
pages into a folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from osteoplan.knowledge.centre.ruleset import RuleSet
from osteoplan.knowledge.codes import codes, without_code
from osteoplan.knowledge.load import release
from osteoplan.knowledge.order import order
from osteoplan.knowledge.outcomes import outcome
from osteoplan.model.evidence import NO_CLINICIAN, READ_WORDS, Citation, how_read
from osteoplan.model.outcome import none_or_all
from osteoplan.report.facts_in_words import SECTION_TITLES
from osteoplan.report.knowledge import words as knowledge_words
from osteoplan.report.knowledge.library import (
    Library,
    Word,
    anchor,
    capitalised,
    href,
    library,
    rule_word,
)
from osteoplan.report.knowledge.rule_tree import tree
from osteoplan.report.knowledge.rule_words import level_words, listed, with_unit
from osteoplan.report.rendering import filled
from osteoplan.report.views import INTENDED_USE
from osteoplan.report.words import name_of

__all__ = ["pages"]

_CHAPTERS = {
    "start": "index.html",
    "rules": "rules.html",
    "scores": "scores.html",
    "techniques": "techniques.html",
    "order of acts": "order.html",
    "facts": "facts.html",
    "sources": "sources.html",
}
_STATUSES = {
    how_read("verified", "F"): "the source was read: the paper, or the page of the body that issued it",
    how_read("unverified", "F~"): "of the source an abstract was read, or another text that quotes it",
    how_read("unverified", "MH"): "from memory; nobody has looked it up",
    how_read("unverified"): "an abstract, a secondary source or memory; not told apart here",
    how_read("design_default"): "nobody's finding: chosen here, and open to a centre to change",
}
_SCORE_KINDS = {"sum": "points added up", "class": "one of several classes", "table": "every row that holds"}
# what the templates call, beside the library and what a page is about
_CALLED: dict[str, Any] = {
    **{name: getattr(knowledge_words, name) for name in knowledge_words.__all__},
    **{
        function.__name__: function
        for function in (
            Word, anchor, capitalised, codes, how_read, href, level_words, listed, name_of, none_or_all,
            outcome, rule_word, tree, with_unit, without_code,
        )
    },
    "section_titles": SECTION_TITLES,
    "status_words": READ_WORDS,
    "no_clinician": NO_CLINICIAN,
    "statuses": _STATUSES,
    "score_kinds": _SCORE_KINDS,
    "use": INTENDED_USE,
    "chapters": _CHAPTERS,
}  # fmt: skip


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
    name = title or (f"Knowledge of {rule_set.local}" if rule_set.local else "Knowledge")
    stamp = " · ".join(filter(None, (f"knowledge {_short(rule_set)}", rule_set.local)))
    return {
        file: filled(
            f"knowledge_{template}.html.j2",
            lib=lib, site=name, stamp=stamp, chapter=chapter, title=called, one=one, **_CALLED,
        )
        for file, chapter, template, called, one in _pages(lib, name)
    }  # fmt: skip


def _pages(lib: Library, name: str) -> Iterator[tuple[str, str, str, str, Any]]:
    """File, chapter, template and title of every page, and the piece that it is about."""
    yield "index.html", "start", "index", name, release()
    yield "rules.html", "rules", "rules", "Rules of the pathway", None
    for block, title in lib.blocks.items():
        yield href("block", block), "rules", "block", title, block
    yield "scores.html", "scores", "scores", "Scores", None
    for table in lib.scores.values():
        yield href("score", table.id), "scores", "score", capitalised(table.name), table
    yield "techniques.html", "techniques", "techniques", "Techniques", None
    for file in lib.techniques.values():
        yield href("technique", file.id), "techniques", "technique", capitalised(file.title), file
    yield "order.html", "order of acts", "order", "Order of acts", order()
    yield "facts.html", "facts", "facts", "Facts", None
    yield "sources.html", "sources", "sources", "Sources", None


def _short(rule_set: RuleSet) -> str:
    """Release, the start of the digest, and the day: enough to tell two states apart on paper."""
    name, _, digest = rule_set.version.partition("+")
    return f"{name}+{digest[:12]}" + (f", as of {rule_set.as_of}" if rule_set.as_of else "")
