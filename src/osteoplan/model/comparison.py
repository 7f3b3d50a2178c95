"""Options side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Option

__all__ = ["NOT_APPLICABLE", "NO_EVIDENCE", "Column", "ComparedCell", "Comparison", "Difference"]

NO_EVIDENCE = "no comparable evidence"
NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, eq=False)
class ComparedCell:
    """What is known of one option in one column; where nothing is, the note says why."""

    estimates: tuple[Estimate, ...]
    note: str = ""


@dataclass(frozen=True)
class Column:
    """What options are compared in: one outcome, or several that share a column.

    Attributes:
        kind: ``ranked``: the ranking is by it; ``beside``: it stands in the table; ``against``: it is told
            among what speaks against an option.
        plans_only: it does not arise without a needle.
    """

    title: str
    outcomes: tuple[str, ...]
    kind: Literal["ranked", "beside", "against"] = "beside"
    plans_only: bool = False

    def cell(self, option: Option) -> ComparedCell:
        """What is known, or that nothing comparable is, or that the question does not arise."""
        known = tuple(found for id in self.outcomes if (found := option.outcome(id)) is not None)
        needless = self.plans_only and option.kind == "comparator"
        return ComparedCell(known, "" if known else NOT_APPLICABLE if needless else NO_EVIDENCE)


@dataclass(frozen=True, eq=False)
class Difference:
    """A paired difference of an option to another one (``reference``).

    ``supported`` is False where the interval, widened by what the model resolves, holds zero: the page greys
    it and says *not told apart*.
    """

    option: str
    reference: str
    estimate: Estimate
    supported: bool


@dataclass(frozen=True, eq=False)
class Comparison:
    """What the meeting sees.

    Attributes:
        reference: option id that differences are taken against (best supportive care).
        columns: the ranked outcome first, then those beside it, in reading order.
        ranking: option ids, best first, by ``ranked_by``; empty where a stop or route rule spoke.
        groups: the ranking, cut where all before is told above all behind: within a group nothing is above
            anything else, and safety orders.
        between: paired differences of every two ranked options, better less worse.
        ties: neighbours in the ranking that the uncertainty does not tell apart.
    """

    reference: str
    ranked_by: str
    ranking: tuple[str, ...]
    columns: tuple[Column, ...]
    differences: tuple[Difference, ...]
    ties: tuple[tuple[str, str], ...] = ()
    emptied_by: str = ""
    notes: tuple[str, ...] = ()
    kind: Literal["single_outcome"] = "single_outcome"
    between: tuple[Difference, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()

    def place(self, option: str) -> int | None:
        """Place of an option, 1 the best; all of a group share theirs; None where it is not ranked."""
        before = 0
        for group in self.groups:
            if option in group:
                return before + 1
            before += len(group)
        return None

    @property
    def ranked_word(self) -> str:
        """What the options are ranked by, in a word: strength, or stiffness where no strength is claimed."""
        return self.columns[0].title
