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
        sins or mirels
    items
        key=value pairs; 'osteoplan score NAME' lists what is missing
    """
    from osteoplan.cli.console import out, print_json
    from osteoplan.cli.tables import score_lines
    from osteoplan.workflow.clinical import score_document_of

    found = score_document_of(name, items)
    if json:
        print_json(found)
    else:
        for line in score_lines(found):
            out.print(line, markup=False)
        out.print(USE, style="dim")
    return DONE


@app.command
def pathway(facts: Path, *, json: Json = False) -> int:
    """Verdicts, trace and open questions for a file of facts.

    Example: osteoplan pathway facts.yaml

    Parameters
    ----------
    facts
        flat YAML mapping, e.g. 'region: spine' and 'sins: 9'
    """
    from osteoplan.cli.console import out, print_json
    from osteoplan.cli.tables import verdict_table
    from osteoplan.workflow.clinical import pathway_document

    found = pathway_document(facts)
    if json:
        print_json(found)
        return DONE
    spoken = [verdict for verdict in found["verdicts"] if verdict["truth"] is not False]
    out.print(verdict_table(sorted(spoken, key=lambda verdict: verdict["truth"] is None)))
    for question in found["questions"]:
        out.print(f"? {question['text']}  ({', '.join(question['asked_by'])})", markup=False)
    out.print(USE, style="dim")
    return DONE
