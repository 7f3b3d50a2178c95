"""The pages of the rules: a list of blocks, and a page for each with its tree and every rule in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from osteoplan.knowledge.expression import names
from osteoplan.knowledge.rules import Rule, RuleExample
from osteoplan.report.knowledge_library import Library
from osteoplan.report.knowledge_views import (
    Page,
    Part,
    Row,
    Table,
    Text,
    Word,
    anchor,
    basis_of,
    cell,
    condition,
    href,
    joined,
    plain_value,
    said,
)
from osteoplan.report.rule_tree import STATUS_WORDS, tree
from osteoplan.report.rule_words import sentence

__all__ = ["block_page", "rules_page"]

_ANSWERS = {True: "yes", False: "no"}


def rules_page(lib: Library) -> Page:
    """Every block, in order of precedence."""
    rows = []
    for id, title in lib.blocks.items():
        own = [rule for rule in lib.rule_set.rules if rule.block == id]
        effects = Counter(rule.row.effect for rule in own)
        checked = Counter(STATUS_WORDS[rule.row.status] for rule in own)
        rows.append(
            Row(
                (
                    cell(Word(title, href("block", id))),
                    cell(str(len(own)), number=True),
                    cell(", ".join(f"{n} {effect}" for effect, n in effects.items())),
                    cell(", ".join(f"{n} {word}" for word, n in checked.items())),
                )
            )
        )
    lead = said(
        "Blocks in order of precedence: what a block above says is heard first. Several rules can speak at "
        "once; none wins in silence, and rules that point opposite ways are shown side by side.",
        "A stop or route empties the ranking: referral comes first. An exclude removes an option and names "
        "itself.",
    )
    table = Table(("block", "rules", "what they do", "how well checked"), tuple(rows))
    return Page(
        "rules.html", "rules", "Rules of the pathway", lead,
        (Part("Blocks", table=table),), legend=True,
    )  # fmt: skip


def block_page(lib: Library, block: str) -> Page:
    """One block: its tree, then every rule."""
    own = [rule for rule in lib.rule_set.rules if rule.block == block]
    title = lib.blocks.get(block, block)
    table = Table(("rule", "if", "then", "about"), tuple(_row(lib, rule) for rule in own), "ruled")
    sections = [Part("As a tree", tree=tree(own, title=title)), Part("Rule by rule", table=table)]
    older = [rule for rule in lib.older if rule.block == block]
    if older:
        sections.append(_older(lib, older))
    count = "1 rule" if len(own) == 1 else f"{len(own)} rules"
    lead = said(f"{count}. Everything on the way to a rule must hold for it to speak.")
    file = f"{anchor('block', block)}.html"
    return Page(file, "rules", title, lead, tuple(sections), legend=True)


def _row(lib: Library, rule: Rule) -> Row:
    row = rule.row
    asks = joined(
        (Word(lib.facts[name].label, href("fact", name)) for name in names(rule.when)), "soft", "asks: "
    )
    line = f"{row.line} line of therapy" if row.line else ""
    origin = f"changed here by {rule.origin}" if rule.origin else ""
    shown = tuple(_example(lib, example) for example in row.examples)
    return Row(
        (
            cell(Text((Word(rule.id),), style="strong"), row.effect, effect=row.effect),
            cell(*condition(rule.when, lib.facts), asks),
            cell(row.then, Text((Word(line),), style="soft") if line else "",
                 Text((Word(origin),), style="strong") if origin else ""),
            cell(_about(lib, row.about)),
        ),
        basis_of(row, lib.sources),
        anchor("rule", rule.id),
        f"{len(shown)} examples that are run as tests",
        shown,
    )  # fmt: skip


def _about(lib: Library, about: Sequence[str]) -> Text | str:
    """What the effect is about; semicolons, since names have commas of their own."""
    return joined((lib.called(id) for id in about), between="; ") if about else ""


def _example(lib: Library, example: RuleExample) -> str:
    """*with SINS total 13: yes*; *...: asks for SINS total*."""
    given = [
        f"{lib.facts[name].label}: {plain_value(value, lib.facts[name])}" if name in lib.facts else name
        for name, value in example.given.items()
    ]
    said = f"With {'; '.join(given)}" if given else "With nothing known"
    if isinstance(example.fires, bool):
        return f"{said} → {_ANSWERS[example.fires]}"
    asked = ", ".join(lib.facts[name].label for name in example.ask)
    return f"{said} → cannot say" + (f", asks for {asked}" if asked else "")


def _older(lib: Library, rules: list[Rule]) -> Part:
    """Versions not in force: superseded, not yet in force, or changed or switched off by a centre."""
    rows = tuple(
        Row(
            (
                cell(rule.id, rule.row.effect, effect=rule.row.effect),
                cell(sentence(rule.when, lib.facts)),
                cell(rule.row.then),
            ),
            basis_of(rule.row, lib.sources),
            anchor("older", f"{rule.id} {n}"),
        )
        for n, rule in enumerate(rules, 1)
    )
    lead = said("Earlier versions, and rules that a centre changed or switched off. They stay readable.")
    return Part("Not in force", lead, Table(("rule", "if", "then"), rows))
