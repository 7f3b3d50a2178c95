"""Work shared out over the cores of this machine: equal pieces, one pool, results in their own places.

A kernel that writes only its own rows gives the same numbers whatever the count of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

__all__ = ["cores", "each", "in_parts", "shared_out", "worth"]


def shared_out(work: Callable[[int, int], None], count: int, *, least: int = 1, threads: int = 0) -> None:
    """Call ``work(first, last)`` on pieces of ``range(count)``; at once where there is little to do.

    Args:
        work: releases the interpreter's lock (``nogil``) and writes rows first to last only.
        count: rows in all.
        least: rows that are worth a thread.
        threads: how many at most; 0 for every core.
    """
    in_parts(work, count, worth(count, least, threads))


def worth(count: int, least: int, threads: int = 0) -> int:
    """Into how many parts ``shared_out`` cuts."""
    return max(1, min(threads or cores(), count // max(least, 1)))


def in_parts(work: Callable[[int, int], None], count: int, parts: int) -> None:
    """Call ``work(first, last)`` on so many pieces of ``range(count)``."""
    if parts == 1:
        work(0, count)
        return
    edges = [count * part // parts for part in range(parts + 1)]
    pool = _pool(parts)
    jobs = [pool.submit(work, a, b) for a, b in pairwise(edges[:-1])]
    work(edges[-2], edges[-1])  # this thread takes its share
    for job in jobs:
        job.result()


def each(work: Callable[[int], None], count: int) -> None:
    """Call ``work(n)`` for every n below ``count``, several at once; ``work`` itself takes one thread."""
    # a pool of its own: tasks that wait for others of the same pool would wait for ever
    with ThreadPoolExecutor(max(1, min(cores(), count))) as pool:
        list(pool.map(work, range(count)))


@cache
def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="osteoplan-kernels")
