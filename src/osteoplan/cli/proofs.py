"""Commands that prove: verify."""

from __future__ import annotations

from osteoplan.cli.root import DONE, INCOMPLETE, Json, app

__all__ = ["verify"]


@app.command
def verify(*, json: Json = False) -> int:
    """Compute the verification cases now: closed forms and published answers.

    Published answers need the development scans: set OSTEOPLAN_DATA to their folder.

    Example: osteoplan verify
    """
    from osteoplan.cli.console import out, print_json, watching
    from osteoplan.cli.tables import verification_table
    from osteoplan.io.documents import VerificationDocument, as_json
    from osteoplan.workflow.verify import verify as verify_all

    with watching() as progress:
        found = as_json(VerificationDocument, verify_all(progress=progress))
    if json:
        print_json(found)
    else:
        out.print(verification_table(found["cases"]))
        out.print(f"{found['seconds']:.0f} s", markup=False)
    return INCOMPLETE if any(case["ok"] is False for case in found["cases"]) else DONE
