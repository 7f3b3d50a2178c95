"""The rules that a patient is asked: whose release, on which day, and changed by whom.

The package's own rules in force on a day are a rule set; a centre's overrides make another.
Reports say which one spoke.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from osteoplan.knowledge.centre.overrides import LocalKnowledge, apply
from osteoplan.knowledge.load import release, version
from osteoplan.knowledge.rules import Rule, rules
from osteoplan.model.evidence import Citation, KnowledgeUsed

__all__ = ["RuleSet", "rule_set"]


@dataclass(frozen=True)
class RuleSet:
    """Rules in order of precedence, and where they come from.

    Attributes:
        release: version of the content.
        version: release and digest of the content; what a stamp records.
        as_of: the day whose rules these are; None for the newest.
        rules: effective rules, overrides applied.
        local: id of the centre's own knowledge; empty where there is none.
        overrides: one sentence for each rule that the centre changed, added or switched off.
        refs: the centre's own sources by key.
        warnings: what every reader of a report must know about the overrides.
    """

    release: str
    version: str
    as_of: datetime.date | None
    rules: tuple[Rule, ...]
    local: str = ""
    signed_by: str = ""
    overrides: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    refs: Mapping[str, Citation] = field(default_factory=dict)

    @property
    def stamp(self) -> str:
        """What made the verdicts, in one line."""
        day = f"; as of {self.as_of}" if self.as_of else ""
        return self.version + day + (f"; {self.local}" if self.local else "")

    @property
    def used(self) -> KnowledgeUsed:
        """What reports print of this rule set."""
        day = self.as_of.isoformat() if self.as_of else ""
        return KnowledgeUsed(
            self.release, self.version, day, self.local, self.signed_by, self.overrides, self.warnings
        )

    def rule(self, id: str) -> Rule | None:
        """The rule of that id; None where the set has none."""
        return next((rule for rule in self.rules if rule.id == id), None)


def rule_set(as_of: datetime.date | None = None, local: LocalKnowledge | None = None) -> RuleSet:
    """The rule set of a day and a centre.

    Args:
        as_of: the day whose rules are wanted; None for the newest.
        local: a centre's overrides.

    Raises:
        BadInput: an override that does not fit the rules of that day.
    """
    own = _own(as_of)
    if local is None:
        return own
    return RuleSet(
        own.release, own.version, as_of, apply(own.rules, local),
        f"{local.id} {local.digest[:12]}", local.signed_by, local.overrides, local.warnings,
        local.refs,
    )  # fmt: skip


@cache
def _own(as_of: datetime.date | None) -> RuleSet:
    return RuleSet(release().version, version(), as_of, rules(None, as_of))
