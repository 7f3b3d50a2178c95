"""Commands that let a person read, test and compare the body of knowledge."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from osteoplan.cli.root import DONE, INCOMPLETE, USE, Json, app
from osteoplan.errors import BadInput

__all__ = ["knowledge"]

HELP = """Read, check and compare scores, rules, techniques and their sources.

Example: osteoplan knowledge show SP4
"""
knowledge = App(name="knowledge", help=HELP)
app.command(knowledge)


@knowledge.command(name="list")
def list_(kind: str | None = None, *, as_of: str | None = None, json: Json = False) -> int:
    """Every score, rule, block of rules, technique, fact and source, with review status and date.

    Example: osteoplan knowledge list rule

    Parameters
    ----------
    kind
        score, rule, block, technique, fact or source; all without it
    as_of
        the rules of a day, e.g. 2023-01-01
    """
    from osteoplan.cli.console import out, print_json
    from osteoplan.cli.knowledge_tables import catalogue_table, status_line
    from osteoplan.workflow.knowledge import catalogue, day

    found = catalogue(kind, day(as_of))
    if json:
        print_json(found)
        return DONE
    out.print(catalogue_table(found["pieces"]))
    out.print(status_line(found), markup=False)
    out.print(USE, style="dim")
    return DONE


@knowledge.command
def show(name: str, *, as_of: str | None = None, centre: Path | None = None, json: Json = False) -> int:
    """One piece, whole: what it says, on whose word, how well checked, and where it is used.

    Example: osteoplan knowledge show SP4

    Parameters
    ----------
    name
        id of a score, rule, block, technique, fact or source; 'fact:sins' where one name stands for two
    as_of
        the rule as it stood on a day, e.g. 2023-01-01
    centre
        folder with a centre's own rules
    """
    from osteoplan.cli.console import out, print_json
    from osteoplan.cli.knowledge_tables import shown_lines
    from osteoplan.workflow.knowledge import day, shown

    found = shown(name, day(as_of), centre)
    if json:
        print_json(found)
        return DONE
    for line in shown_lines(found):
        out.print(line, markup=False)
    out.print(USE, style="dim")
    return DONE


@knowledge.command
def lint(folder: Path | None = None, *, json: Json = False) -> int:
    """What is wrong with the knowledge: the package's, a copy of its data, or a centre's own rules.

    Exit status 3 where something is wrong.

    Example: osteoplan knowledge lint centre/knowledge

    Parameters
    ----------
    folder
        folder to check; the package's own data without it
    """
    from osteoplan.cli.console import out, print_json
    from osteoplan.workflow.knowledge import lint_findings

    found = lint_findings(folder)
    if json:
        print_json({"faults": list(found)})
    else:
        for fault in found:
            out.print(fault, markup=False)
        out.print("nothing wrong" if not found else f"{len(found)} wrong", style="bold")
    return INCOMPLETE if found else DONE


@knowledge.command
def diff(before: str, after: str = "package", *, json: Json = False) -> int:
    """What changed between two states: a day's rules, the package, a copy of its data, a centre's rules.

    Example: osteoplan knowledge diff 2023-01-01 package

    Parameters
    ----------
    before
        'package', a day such as 2023-01-01, or a folder
    after
        the same
    """
    from osteoplan.cli.console import out, print_json
    from osteoplan.cli.knowledge_tables import difference_lines
    from osteoplan.workflow.knowledge import difference

    found = difference(before, after)
    if json:
        print_json(found)
        return DONE
    for line in difference_lines(found):
        out.print(line, markup=False)
    return DONE


@knowledge.command(name="fit-applicator")
def fit_applicator(file: Path, *, device: str | None = None, json: Json = False) -> int:
    """Fit probes to charted zones: at most as many parameters as numbers, and how far off on rows left out.

    Exit status 3 where no probe could be held against a row.

    Example: osteoplan knowledge fit-applicator centre/zones.yaml

    Parameters
    ----------
    file
        a centre's own zones and probes (docs/applicators.md)
    device
        id of the one probe to fit; all that the file's zones name without it
    """
    from osteoplan.cli.applicator_lines import as_json, fit_lines
    from osteoplan.cli.console import out, print_json, watching
    from osteoplan.workflow.fit_applicator import fit_applicators

    with watching() as progress:
        found = fit_applicators(file, device, progress=progress)
    if json:
        print_json({"probes": [as_json(one) for one in found]})
    else:
        for one in found:
            for line in fit_lines(one):
                out.print(line, markup=False)
        out.print(USE, style="dim")
    return DONE if any(one.fitted for one in found) else INCOMPLETE


@knowledge.command
def site(folder: Path, *, centre: Path | None = None) -> int:
    """Write the knowledge as pages for a browser: every score, rule, technique, drawing and source.

    Example: osteoplan knowledge site knowledge-pages

    Parameters
    ----------
    folder
        where the pages go
    centre
        folder with a centre's own rules
    """
    from osteoplan.cli.console import out
    from osteoplan.workflow.knowledge import local_rule_set
    from osteoplan.workflow.knowledge_site import write_site

    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file; give a folder for the pages")
    whose = local_rule_set(centre)
    pages = write_site(folder, whose, sources=whose.refs)
    out.print(f"{len(pages)} pages; open {folder / 'index.html'}", markup=False)
    out.print(USE, style="dim")
    return DONE


@knowledge.command
def services() -> int:
    """The rules as CDS Hooks services: the discovery document (JSON); nothing is served yet.

    Example: osteoplan knowledge services
    """
    from osteoplan.cli.console import print_json
    from osteoplan.io.cds_hooks import service_descriptions
    from osteoplan.knowledge.centre.ruleset import rule_set

    print_json(service_descriptions(rule_set().rules))
    return DONE
