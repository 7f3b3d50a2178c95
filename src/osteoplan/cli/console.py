"""What every command shares: two consoles, one progress bar, JSON on stdout alone."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from osteoplan.workflow.progress import Progress as Watcher

__all__ = ["err", "out", "plain_table", "print_json", "watching"]

WIDTH = 100

out = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False, soft_wrap=False)
err = Console(stderr=True, width=None if sys.stderr.isatty() else WIDTH, highlight=False)


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def plain_table(*columns: str, fold: Container[str] = (), right: Container[str] = ()) -> Table:
    """A table without lines; which columns may fold, and which hold numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(
            name,
            overflow="fold" if name in fold else "ellipsis",
            justify="right" if name in right else "left",
        )
    return table


@contextmanager
def watching() -> Iterator[Watcher]:
    """One progress bar on stderr with the step in words; lines where stderr is not a terminal."""
    if not err.is_terminal:
        yield _Lines()
        return
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn(), TimeRemainingColumn(),
        console=err, transient=True,
    )  # fmt: skip
    with bar:
        task = bar.add_task("starting", total=1.0)

        def watch(what: str, fraction: float, /) -> bool:
            bar.update(task, description=f"{what:<44.44}", completed=fraction)
            return True

        yield watch


class _Lines:
    """A line for each new step, for logs; nothing for what is over within a second."""

    def __init__(self) -> None:
        self.told: set[str] = set()
        self.start = time.monotonic()

    def __call__(self, what: str, fraction: float, /) -> bool:
        if what not in self.told and time.monotonic() > self.start + 1.0:
            err.print(f"[{100 * fraction:3.0f} %] {what}", markup=False)
            self.told.add(what)
        return True
