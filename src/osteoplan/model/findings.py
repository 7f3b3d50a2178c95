"""What is known about this patient and lesion, each with unit and source.

Unknown is a value: a finding that nobody gave and nothing measured is None, and stays None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from osteoplan.model.case import Fact

__all__ = ["Finding", "Findings", "Label"]


@dataclass(frozen=True)
class Label:
    """What a fact is called: its label, its unit, and its levels in words."""

    label: str
    unit: str
    levels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """One fact: its value, unit, and whether a person gave it, the image gave it, or a rule derived it."""

    name: str
    value: Fact
    unit: str = "1"
    source: Literal["given", "measured", "derived"] = "given"
    because: str = ""


@dataclass(frozen=True)
class Findings:
    """All findings of a case, by the names of the vocabulary.

    A given fact wins over a measured one of the same name; the measured one stays listed in ``overruled``.
    """

    items: Mapping[str, Finding] = field(default_factory=dict)
    overruled: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, *findings: Finding) -> Findings:
        """Findings in order of authority: the first of a name wins."""
        items: dict[str, Finding] = {}
        overruled: list[Finding] = []
        for finding in findings:
            if finding.value is None:
                continue
            if finding.name in items:
                overruled.append(finding)
            else:
                items[finding.name] = finding
        return cls(items, tuple(overruled))

    def value(self, name: str) -> Fact:
        """The value of a finding; None where it is unknown."""
        found = self.items.get(name)
        return None if found is None else found.value

    def facts(self) -> dict[str, Fact]:
        """Plain mapping name -> value, for rules and scores."""
        return {name: finding.value for name, finding in self.items.items()}

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.items.values())
