"""The command that values: value."""

from __future__ import annotations

from pathlib import Path

from osteoplan.cli.root import DONE, USE, Json, app
from osteoplan.errors import BadInput

__all__ = ["value"]


@app.command
def value(model: Path, *, draws: int = 10_000, seed: int = 1, json: Json = False) -> int:
    """Cost, quality-adjusted life and ratios of the strategies of a cohort, with what is uncertain drawn.

    Example: osteoplan value model.yaml --json

    Parameters
    ----------
    model
        a cohort model in YAML: docs/value.md
    draws
        of the uncertain inputs
    seed
        of every random stream
    """
    from osteoplan.cli.console import out, print_json
    from osteoplan.cli.value_tables import cohort_lines, cohort_table
    from osteoplan.decide.value.cohort import run_cohort
    from osteoplan.io.cohort_file import read_cohort
    from osteoplan.io.documents import as_json
    from osteoplan.io.value_json import CohortDocument
    from osteoplan.model.ensemble import Ensemble

    if not 100 <= draws <= 1_000_000:
        raise BadInput(f"--draws {draws} is outside 100 to 1000000")
    found = as_json(CohortDocument, run_cohort(read_cohort(model), Ensemble(seed, draws)))
    if json:
        print_json(found)
    else:
        out.print(cohort_table(found))
        for line in cohort_lines(found):
            out.print(line, markup=False)
        out.print(USE, style="dim")
    return DONE
