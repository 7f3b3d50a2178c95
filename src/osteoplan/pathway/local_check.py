"""Whether the examples of a centre's own rules come out as written.

``knowledge.centre`` checks what can be seen without asking a rule; this is the door that others use.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

from osteoplan.errors import BadInput
from osteoplan.knowledge.centre.overrides import LocalKnowledge, apply, local_knowledge
from osteoplan.knowledge.centre.ruleset import rule_set
from osteoplan.knowledge.rules import Rule, RuleExample
from osteoplan.pathway.expression import deciders, evaluate
from osteoplan.pathway.facts import Facts

__all__ = ["checked_local", "example_findings", "read_local"]

_TRUTH = {True: True, False: False, "unknown": None}
_WORD = {True: "yes", False: "no", None: "unknown"}


def read_local(folder: Path) -> LocalKnowledge:
    """A centre's own knowledge, every check passed.

    Raises:
        BadInput: the first fault, with file, line and reason.
    """
    return checked_local(local_knowledge(folder))


def checked_local(local: LocalKnowledge, as_of: datetime.date | None = None) -> LocalKnowledge:
    """The same knowledge, once every example of every rule that it touches comes out as written.

    Args:
        local: what the folder says.
        as_of: the day whose rules it changes; today's where none is given.

    Raises:
        BadInput: the first example that does not, with file, line and reason.
    """
    by_rule = {change.rule: change for change in local.changes}
    for rule in apply(rule_set(as_of).rules, local):
        for example, fault in example_findings(rule) if rule.origin else ():
            change = by_rule[rule.id]
            own = list(getattr(change.row, "examples", None) or ())
            inside = ("examples", own.index(example)) if example in own else ()
            raise change.fault(f"rule {rule.id}: {fault}", *inside)
    return local


def example_findings(rule: Rule) -> Iterator[tuple[RuleExample, str]]:
    """Examples that do not come out as written, each with a sentence."""
    for example in rule.row.examples:
        try:
            facts = Facts(example.given, where="an example")
        except BadInput as why:
            yield example, str(why)
            continue
        shown = ", ".join(f"{name}: {value}" for name, value in example.given.items()) or "nothing"
        wanted, truth = _TRUTH[example.fires], evaluate(rule.when, facts)
        if truth is not wanted:
            yield example, f"the example on {shown} says {_WORD[wanted]} and comes out {_WORD[truth]}"
            continue
        ask = deciders(rule.when, facts) if truth is None else ()
        if ask != example.ask:
            listed = ", ".join(ask) or "nothing"
            yield (
                example,
                f"the example on {shown} asks for {listed}, and says {', '.join(example.ask) or 'nothing'}",
            )
