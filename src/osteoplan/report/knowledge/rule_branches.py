"""Rules of a block as a tree of questions: what several rules ask is asked once, the region first.

Every path from the left to a rule holds exactly the parts of its ``when``.  The branches of one place do not
exclude each other: all of them are asked, and several rules can speak.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from osteoplan.knowledge.expression import Expression, names
from osteoplan.knowledge.rules import Rule
from osteoplan.report.knowledge.rule_words import conjuncts

__all__ = ["Branch", "branches", "paths"]

_DEEPEST = 3  # more questions in a row than this no longer fit the width of a page; they share one box
_GATE = "region"

Open = tuple[Rule, tuple[Expression, ...]]


@dataclass(frozen=True)
class Branch:
    """A question and what follows a yes.

    Attributes:
        conditions: parts that must all hold.
        rules: rules that then speak.
        branches: what is asked next.
    """

    conditions: tuple[Expression, ...]
    rules: tuple[Rule, ...]
    branches: tuple[Branch, ...]


def branches(rules: Sequence[Rule]) -> tuple[Branch, ...]:
    """The tree of some rules, in the order of the rules as far as sharing allows."""
    todo = [(rule, conjuncts(rule.when)) for rule in rules]
    gates = dict.fromkeys(gate for _, parts in todo for gate in parts if _is_gate(gate))
    gated: dict[Expression | None, list[Open]] = {}
    for rule, parts in todo:
        gated.setdefault(next((gate for gate in gates if gate in parts), None), []).append((rule, parts))
    found: list[Branch] = []
    for gate, group in gated.items():
        found.extend(_asked(group, 0) if gate is None else [_branch(gate, group, 0)])
    return tuple(found)


def paths(
    tree: Sequence[Branch], before: tuple[Expression, ...] = ()
) -> Iterator[tuple[Rule, tuple[Expression, ...]]]:
    """Every rule with the parts on its way, from the top."""
    for branch in tree:
        so_far = (*before, *branch.conditions)
        yield from ((rule, so_far) for rule in branch.rules)
        yield from paths(branch.branches, so_far)


def _is_gate(part: Expression) -> bool:
    return names(part) == (_GATE,)


def _asked(todo: Sequence[Open], depth: int) -> list[Branch]:
    """The branches of one place, those that ask about the same fact side by side."""
    found = _shared(todo, depth)
    order = [rule.id for rule, _ in todo]
    place = {id(one): min(order.index(rule.id) for rule, _ in paths((one,))) for one in found}
    first: dict[str, int] = {}
    for one in sorted(found, key=lambda one: place[id(one)]):
        first.setdefault(_fact(one), place[id(one)])
    return sorted(found, key=lambda one: (first[_fact(one)], place[id(one)]))


def _fact(branch: Branch) -> str:
    return names(branch.conditions[0])[0]


def _shared(todo: Sequence[Open], depth: int) -> list[Branch]:
    """Rules under the part that they share, of the fact that most of them read; the rest the same way."""
    counts = Counter(part for _, parts in todo for part in parts)
    readers = Counter(name for _, parts in todo for name in {n for part in parts for n in names(part)})
    shared = [part for part in counts if counts[part] > 1]
    if not shared or depth >= _DEEPEST - 1:
        return _alone(todo)
    # max() takes the first of equals: the order of the rules decides, never chance
    best = max(shared, key=lambda part: (max(readers[name] for name in names(part)), counts[part]))
    group = [(rule, parts) for rule, parts in todo if best in parts]
    others = [(rule, parts) for rule, parts in todo if best not in parts]
    return [_branch(best, group, depth), *_shared(others, depth)]


def _branch(first: Expression, group: Sequence[Open], depth: int) -> Branch:
    """A question with everything that the whole group shares."""
    common = [part for part in group[0][1] if all(part in parts for _, parts in group)]
    common.sort(key=lambda part: part != first)
    rest = [(rule, tuple(part for part in parts if part not in common)) for rule, parts in group]
    return Branch(
        tuple(common),
        tuple(rule for rule, parts in rest if not parts),
        tuple(_asked([(rule, parts) for rule, parts in rest if parts], depth + 1)),
    )


def _alone(todo: Sequence[Open]) -> list[Branch]:
    """Rules that share no part (or may not go deeper): those with the same parts share a box."""
    same: dict[tuple[Expression, ...], list[Rule]] = {}
    for rule, parts in todo:
        same.setdefault(parts, []).append(rule)
    return [Branch(parts, tuple(rules), ()) for parts, rules in same.items()]
