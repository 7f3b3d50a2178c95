"""Commands on what matters to the patient: prefer, smaa."""

from __future__ import annotations

from pathlib import Path

from osteoplan.cli.root import DONE, USE, Json, app
from osteoplan.errors import BadInput

__all__ = ["prefer", "smaa"]

MOST_WEIGHTS = 2_000_000  # beyond, memory ends before anything is told apart better


@app.command
def prefer(case: Path, answers: Path, *, json: Json = False) -> int:
    """Check what the patient answered and keep it in the case; earlier answers stay.

    Example: osteoplan prefer case1 answers.yaml

    Parameters
    ----------
    case
        case folder
    answers
        YAML of the answers: kind, by, date, language, ranges, points or sets, sure, choice, questions
    """
    from osteoplan.cli.console import out, plain_table, print_json
    from osteoplan.io.answers_file import answers_document
    from osteoplan.workflow.preference import prefer as keep
    from osteoplan.workflow.preference import remarks

    kept, contradictions = keep(case, answers)
    warnings = remarks(case, kept)
    if json:
        documents = [{**answers_document(one), "date": one.date.isoformat()} for one in kept]
        told = {"contradictions": list(contradictions), "warnings": list(warnings)}
        print_json({"answers": documents, **told})
        return DONE
    table = plain_table("date", "answered by", "kind", "SURE before", "after", "choice")
    for one in kept:
        sure = ["-" if s is None else "-".join(map(str, dict.fromkeys(s.score))) for s in
                (one.sure_before, one.sure_after)]  # fmt: skip
        who = one.by.replace("_", " ")
        table.add_row(one.date.isoformat(), who, one.kind.replace("_", " "), *sure, one.choice or "-")
    out.print(table)
    for line in contradictions:
        out.print(f"contradictory, kept as it was said: {line}; all weights count", markup=False)
    for line in warnings:
        out.print(f"warning: {line}", markup=False)
    out.print("the last line counts; SURE of fewer than 4 is decisional conflict", markup=False)
    out.print(USE, style="dim")
    return DONE


@app.command
def smaa(problem: Path, *, weights: int = 100_000, json: Json = False) -> int:
    """How often each option is first over all weights that the answers leave: SMAA of any problem.

    Example: osteoplan smaa problem.yaml --json

    Parameters
    ----------
    problem
        YAML: attributes (worst, best), options with their figures, points or sets where somebody answered
    weights
        samples of the weights
    """
    from osteoplan.cli.console import out, plain_table, print_json
    from osteoplan.workflow.preference import smaa_of

    if not 1_000 <= weights <= MOST_WEIGHTS:
        raise BadInput(f"--weights {weights}: give 1 000 to {MOST_WEIGHTS:,}".replace(",", " "))
    found = smaa_of(problem, weights)
    if json:
        print_json(found)
        return DONE
    names = list(found["weights"])
    table = plain_table("option", "first", *names, right=("first", *names))
    for one in found["options"]:
        central = one["central_weights"]
        shown = [f"{central[name]:.2f}" if central else "-" for name in names]
        table.add_row(one["id"], f"{100.0 * one['first']:.1f} %", *shown)
    out.print(table)
    out.print(
        f"undecided: {100.0 * found['undecided']:.1f} %; columns: central weights where it is first",
        markup=False,
    )
    for line in found["warnings"]:
        out.print(f"warning: {line}", markup=False)
    if found["contradiction"]:
        out.print(f"contradictory: {found['contradiction']}; all weights count", markup=False)
    out.print(USE, style="dim")
    return DONE
