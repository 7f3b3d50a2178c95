"""Whether acts stand in an order that makes sense: biopsy, ablation, screws, cement.

check_order(["ablate_cold", "cement"])            # one remark that forbids it: the ice must thaw first
check_order(sequence_of(plan.steps))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from osteoplan.errors import UnknownName, named
from osteoplan.knowledge.devices import devices
from osteoplan.knowledge.expression import parse
from osteoplan.knowledge.order import OrderEffect, OrderRow, order, order_kinds
from osteoplan.model.evidence import ReviewStatus
from osteoplan.model.plan import Act, Deliver, Expand, Inject, Measure, Place, Remove, Sample, Step, Wait
from osteoplan.pathway.expression import evaluate
from osteoplan.pathway.vocabulary import Value

__all__ = ["Remark", "check_order", "sequence_of"]


@dataclass(frozen=True)
class Remark:
    """What one row says about two acts of a sequence.

    Attributes:
        row: id of the row.
        effect: that of the row; ``unusual`` where a usual order is turned round.
        text: what follows, for people.
        first, second: places in the sequence, counted from 0, of the two acts that it is about.
    """

    row: str
    effect: OrderEffect | Literal["unusual"]
    text: str
    first: int
    second: int
    cite: tuple[str, ...]
    status: ReviewStatus
    note: str = ""


def check_order(sequence: Sequence[str], facts: Mapping[str, Value] | None = None) -> tuple[Remark, ...]:
    """Every row that speaks about a sequence of acts, once each, in the order of the rows.

    A usual order that is turned round is told as ``unusual``, except where a row of its own speaks about the
    turned order of these very acts.

    Args:
        sequence: kinds of act (``knowledge.order``), in time.
        facts: checked facts of the patient; without them a row for some patients only may hold.

    Raises:
        UnknownName: a kind of act that does not exist.
    """
    kinds = order_kinds()
    for act in sequence:
        if act not in kinds:
            raise UnknownName("kind of act", act, kinds, "the order of acts")
    acts = [kinds[act] for act in sequence]
    return tuple(remark for row in order().rows for remark in _said(row, acts, facts or {}))


def sequence_of(steps: Sequence[Step]) -> tuple[str, ...]:
    """Kinds of act of a plan's steps, in their order.

    Steps that take no part (needles, looking) are left out.  A new session puts ``later`` between the acts
    on its two sides.

    Raises:
        UnknownName: a source or agent that no kind of act knows.
    """
    found: list[str] = []
    session = 1
    for step in sorted(steps, key=lambda step: step.order):
        if step.session != session:
            found.append("later")
            session = step.session
        found += _kind(step.act)
    return tuple(found)


def _said(row: OrderRow, acts: Sequence[frozenset[str]], facts: Mapping[str, Value]) -> Iterator[Remark]:
    """The row's remark: at most one, on the first pair of acts that it concerns."""
    if row.when and evaluate(parse(row.when), facts) is not True:
        return
    pair = _pair(row.first, row.second, row.unless, acts)
    effect: OrderEffect | Literal["unusual"] = row.effect
    text = row.then
    if pair is None and row.effect == "usual":
        pair = _pair(row.second, row.first, row.unless, acts)
        if pair is None or _spoken_for(acts[pair[0]], acts[pair[1]]):
            return
        effect, text = "unusual", f"not the usual order: {row.then}"
    if pair is not None:
        yield Remark(row.id, effect, text, *pair, row.cite, row.status, row.note)


def _pair(
    first: Sequence[str], second: Sequence[str], unless: Sequence[str], acts: Sequence[frozenset[str]]
) -> tuple[int, int] | None:
    """Places of the earliest two acts that stand in this order with nothing between that settles it."""
    for i, earlier in enumerate(acts):
        for j in range(i + 1, len(acts)):
            between = frozenset().union(*acts[i + 1 : j])
            if earlier & set(first) and acts[j] & set(second) and not between & set(unless):
                return i, j
    return None


def _spoken_for(earlier: frozenset[str], later: frozenset[str]) -> bool:
    """Whether some row is about these two acts in this order."""
    return any(earlier & set(row.first) and later & set(row.second) for row in order().rows)


def _kind(act: Act) -> list[str]:
    """The kind of an act; an empty list where it takes no part in the order."""
    match act:
        case Sample():
            return ["biopsy"]
        case Expand():
            return ["expand"]
        case Place(stays=stays):
            return ["fix"] if stays else []
        case Wait(for_what=what):
            return ["thaw"] if "thaw" in what.split() else []
        case Deliver(source=source):
            return [_by_source(source)]
        case Inject(agent=agent):
            return _by_agent(agent)
        case Remove() | Measure():
            return []
        case _:
            assert_never(act)


def _by_source(source: str) -> str:
    kinds = {word: name for name, kind in order().kinds.items() for word in kind.sources}
    return named("source of energy", source, kinds, "the order of acts")


def _by_agent(agent: str) -> list[str]:
    kinds = {word: name for name, kind in order().kinds.items() for word in kind.agents}
    word = devices()[agent].kind if agent in devices() else agent
    if word in order().no_part:
        return []
    if word not in kinds:
        raise UnknownName("agent", agent, {*kinds, *order().no_part, *devices()}, "the order of acts")
    return [kinds[word]]
