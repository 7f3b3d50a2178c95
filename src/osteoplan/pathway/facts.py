"""What is known of a patient, checked once: whoever is handed ``Facts`` trusts them.

facts = Facts({"region": "spine", "sins": [9, 12], "bilsky": "1b"})
facts["sins"]                                        # (9, 12): a number may be a closed range
facts.get("infection")                               # None: what nobody knows is absent
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from osteoplan.errors import BadInput
from osteoplan.knowledge.expression import names, parse
from osteoplan.knowledge.vocabulary import vocabulary
from osteoplan.pathway.expression import evaluate
from osteoplan.pathway.vocabulary import Value, parse_value

__all__ = ["Facts"]


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

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def __repr__(self) -> str:
        return f"Facts({self._known})"

    def filled(self, given: Mapping[str, object]) -> Facts:
        """These facts, and what is given for those that are unknown here."""
        added = Facts({name: value for name, value in given.items() if name not in self._known})
        added._known = _settled({**added._known, **self._known}, "facts")
        return added


def _settled(known: dict[str, Value], where: str) -> dict[str, Value]:
    for name, row in vocabulary().items():
        if not row.follows_from:
            continue
        truth = evaluate(parse(row.follows_from), known)
        if truth is not None and known.setdefault(name, truth) is not truth:
            others = ", ".join(f"{other}: {known[other]}" for other in names(parse(row.follows_from)))
            raise BadInput(
                f"{where}: {name}: {str(known[name]).lower()} contradicts {others}; one of them is wrong"
            )
    return known
