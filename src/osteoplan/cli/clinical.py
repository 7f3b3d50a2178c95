"""Commands of the clinical brain: score, pathway."""

from __future__ import annotations

from pathlib import Path

from osteoplan.cli.root import DONE, USE, Json, app

__all__ = ["pathway", "score"]


@app.command
def score(name: str, *items: str, json: Json = False) -> int:
    """One clinical score; items left out are unknown, and the total becomes a range.

    Example: osteoplan score sins location=junctional pain=mechanical lesion=lytic

    Parameters
    ----------
    name
        e.g. sins, mirels, katagiri; 'osteoplan knowledge list score' lists all
    items
        key=value pairs; 'osteoplan knowledge show NAME' lists keys and values
    """
    from osteoplan.cli.console import out, print_json
    from osteoplan.cli.tables import score_lines
    from osteoplan.io.documents import ScoreDocument, as_json
    from osteoplan.workflow.clinical import score_of

    found = as_json(ScoreDocument, score_of(name, items))
    if json:
        print_json(found)
    else:
        for line in score_lines(found):
            out.print(line, markup=False)
        out.print(USE, style="dim")
    return DONE


@app.command
def pathway(
    facts: Path,
    *,
    centre: Path | None = None,
    as_of: str | None = None,
    everything: bool = False,
    json: Json = False,
) -> int:
    """What scores and rules say on a file of facts: options, verdicts, near thresholds, open questions.

    Example: osteoplan pathway facts.yaml --centre centre.yaml

    Parameters
    ----------
    facts
        flat YAML mapping, e.g. 'region: spine' and 'sins: 9'; a number may be a range [9, 12]
    centre
        centre.yaml: what the centre has, and its own rules
    as_of
        ask the rules of a day, e.g. 2023-01-01
    everything
        print undetermined rules and every near threshold too
    """
    from osteoplan.cli.clinical_tables import print_pathway
    from osteoplan.cli.console import print_json
    from osteoplan.io.documents import PathwayDocument, as_json
    from osteoplan.workflow.clinical import pathway as pathway_of
    from osteoplan.workflow.knowledge import day

    found = as_json(PathwayDocument, pathway_of(facts, centre_file=centre, as_of=day(as_of)))
    if json:
        print_json(found)
    else:
        print_pathway(found, everything=everything)
    return DONE
