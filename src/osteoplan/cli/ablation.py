"""The command that heats or freezes."""

from __future__ import annotations

from pathlib import Path

from osteoplan.cli.root import DONE, INCOMPLETE, USE, Json, app

__all__ = ["ablate"]


@app.command
def ablate(
    case: Path | None = None,
    *,
    option: str | None = None,
    probes: Path | None = None,
    model: Path | None = None,
    lesion: str | None = None,
    draws: int = 200,
    seed: int = 1,
    json: Json = False,
) -> int:
    """What heat or cold kills, with what margin, and what canal, roots, skin, joint and bowel feel.

    Without OPTION every ablation that fits is run on the search model.  Exit status 3: none can be done.

    Example: osteoplan ablate case1

    Parameters
    ----------
    case
        case folder; none is needed with --model
    option
        id of one ablation: its full model is run
    probes
        file of probes as they really lie: plan anew from there
    model
        a block of one tissue instead of a patient: for verification
    lesion
        id of the lesion (default: the target)
    draws
        sampled patients of the plan
    seed
        of the sampled patients
    """
    from osteoplan.cli.console import out as console
    from osteoplan.cli.console import print_json, watching
    from osteoplan.cli.heat_tables import ablation_table, felt_table, model_table
    from osteoplan.errors import BadInput
    from osteoplan.workflow.ablate import ablate as ablate_case
    from osteoplan.workflow.ablate import ablate_document, heat_model
    from osteoplan.workflow.settings import PlanSettings

    if model is not None:
        document = heat_model(model)
        if json:
            print_json(document)
        else:
            console.print(model_table(document))
        return DONE
    if case is None:
        raise BadInput("ablate needs a case folder, or --model with a file")
    with watching() as progress:
        found = ablate_case(
            case, option=option, probes=probes, settings=PlanSettings(lesion=lesion, draws=draws, seed=seed),
            progress=progress,
        )  # fmt: skip
    document = ablate_document(found)
    status = DONE if document["options"] else INCOMPLETE
    if json:
        print_json(document)
        return status
    console.print(f"{document['case']} · {document['bone']} · {USE}", markup=False)
    console.print(ablation_table(document["options"]))
    for one in document["options"]:
        if option is not None or probes is not None:
            console.print(felt_table(one))
            for line in one["warnings"]:
                console.print(f"warning: {line}", markup=False)
    for line in document["left_out"]:
        console.print(f"not done: {line['id']}: {line['because']}", markup=False, style="dim")
    return status
