"""What is known of a patient, checked once: whoever is handed ``Facts`` trusts them.

facts = Facts({"region": "spine", "sins": [9, 12], "bilsky": "1b"})
facts["sins"]                                        # (9, 12): a number may be a closed range
facts.get("infection")                               # None: what nobody knows is absent
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from osteoplan.errors import BadInput
from osteoplan.knowledge.expression import Expression, names, parse
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.pathway.expression import evaluate
from osteoplan.pathway.vocabulary import Value, parse_value

__all__ = ["Facts", "definitions"]


class Facts(Mapping[str, Value]):
    """Facts of the vocabulary, and those yes-or-no facts that follow from them and that nobody gave."""

    def __init__(self, given: Mapping[str, object], *, where: str = "facts") -> None:
        """Check what a user says.

        Args:
            given: name of the vocabulary -> value, None for unknown, [lowest, highest] for a number, or a
                list of levels.
            where: file and place, for the message.

        Raises:
            UnknownName: a name that is not in the vocabulary.
            BadInput: a value that cannot be meant, or facts that contradict one another.
        """
        checked = {name: parse_value(name, value, where=where) for name, value in given.items()}
        self._known = _settled({name: value for name, value in checked.items() if value is not None}, where)

    def __getitem__(self, name: str) -> Value:
        return self._known[name]

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a fact; None, or the default, where it is unknown."""
        return self._known.get(name, default)  # as Mapping.get, ten times as fast

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def __repr__(self) -> str:
        return f"Facts({self._known})"

    def without(self, name: str) -> Facts:
        """These facts less one that is not certain, as a total that is a range."""
        fewer = Facts({})
        fewer._known = {one: value for one, value in self._known.items() if one != name}
        return fewer

    def taking(self, checked: Mapping[str, Value]) -> Facts:
        """These facts and checked values, which win over ranges, with what then follows.

        Raises:
            BadInput: what follows contradicts what is known.
        """
        taken = Facts({})
        taken._known = _settled({**self._known, **checked}, "facts")
        return taken

    def filled(self, given: Mapping[str, object]) -> Facts:
        """These facts, and what is given for those that are unknown here."""
        new = {name: parse_value(name, value) for name, value in given.items() if name not in self._known}
        return self.taking({name: value for name, value in new.items() if value is not None})


@cache
def definitions() -> tuple[tuple[str, Expression], ...]:
    """The yes-or-no facts that others settle, each with what settles it."""
    return tuple((name, parse(row.follows_from)) for name, row in vocabulary().items() if row.follows_from)


def _settled(known: dict[str, Value], where: str) -> dict[str, Value]:
    for name, definition in definitions():
        truth = evaluate(definition, known)
        if truth is not None and known.setdefault(name, truth) is not truth:
            others = ", ".join(f"{other}: {known[other]}" for other in names(definition))
            raise BadInput(
                f"{where}: {name}: {str(known[name]).lower()} contradicts {others}; one of them is wrong"
            )
    return known
