"""Options and wordings of ``plan.json`` as the nouns that they were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args

from pydantic import TypeAdapter

from osteoplan.errors import BadInput
from osteoplan.model.outcome import Estimate
from osteoplan.model.plan import Act, Option, Plan, Reason, Step
from osteoplan.model.result import Wordings

__all__ = ["option_noun", "wordings_noun"]

Json = dict[str, Any]
_ACTS: Mapping[str, type[Any]] = {kind.__name__.lower(): kind for kind in get_args(Act)}
_OF_STEP = ("act", "order", "session", "why")


def option_noun(document: Json) -> Option:
    """The option that a checked ``plan.json`` holds; estimates come without their draws.

    Raises:
        BadInput: a step that is no act of this version.
    """
    plan = Plan(
        id=document["id"],
        technique=document["technique"],
        title=document["title"],
        lesion=document["lesion"],
        steps=tuple(_step(step, document["id"]) for step in document["steps"]),
        approach=document["approach"],
        uses=tuple(document["uses"]),
        remarks=tuple(document["remarks"]),
        clearances=tuple(_estimate(outcome) for outcome in document["clearances"]),
    )
    return Option(
        plan=plan,
        kind=document["kind"],
        status=document["status"],
        reasons=tuple(Reason(**reason) for reason in document["reasons"]),
        outcomes=tuple(_estimate(outcome) for outcome in document["outcomes"]),
        warnings=tuple(document["warnings"]),
    )


def wordings_noun(document: Json) -> Wordings | None:
    """The words of the day of the plan; None where an older version wrote it."""
    words = document["wordings"]
    return None if words is None else TypeAdapter(Wordings).validate_python(words)


def _step(document: Json, option: str) -> Step:
    kind = _ACTS.get(document.get("act", ""))
    given = {key: _frozen(value) for key, value in document.items() if key not in _OF_STEP}
    if kind is None or not set(given) <= {field.name for field in fields(kind)}:
        raise BadInput(
            f"option {option}, step {document.get('order')}: '{document.get('act')}' with "
            f"{', '.join(given)} is no act of this version: plan the case again"
        )
    return Step(document["order"], kind(**given), document["session"], document["why"])


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _estimate(document: Json) -> Estimate:
    renamed = {**document, "target": document["for"], "because": tuple(document["because"])}
    del renamed["for"]
    return Estimate(**renamed)
