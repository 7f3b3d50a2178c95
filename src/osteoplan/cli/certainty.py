"""How sure a strength is, in lines of text: sections as a beam, and one input at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from osteoplan.knowledge.outcomes import outcome

__all__ = ["certainty_lines"]

MOST = 5  # bars of a tornado in text; all stand in the JSON


def certainty_lines(found: dict[str, Any]) -> Iterator[str]:
    """Of the document of ``workflow.strength``."""
    for part in found["rigidity"]:
        yield f"the {part['stretch']} as a beam, beside the finite elements:"
        for loss in part["outcomes"]:
            at = next((why for why in loss["because"] if why.startswith("weakest ")), "")
            value = f"{loss['value']:.0f} % ({loss['low']:.0f} to {loss['high']:.0f})"
            yield f"  {outcome(loss['id']).title}: {value}, {at}"
    for tornado in found["sensitivity"]:
        yield f"one input at a time, {tornado['title']} ({tornado['value']:.1f} {tornado['unit']}):"
        for bar in tornado["bars"][:MOST]:
            yield f"  {bar['low']:6.1f} to {bar['high']:6.1f}  {bar['title']}"
