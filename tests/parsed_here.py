"""Foreign files parsed in this process instead of a child: a tenth of the time, and what went wrong is seen.

The child turns whatever a reader raises into one sentence; so does this, and keeps what it was in ``raised``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from osteoplan.errors import BadInput, OsteoplanError

__all__ = ["parsed_here"]


@contextmanager
def parsed_here() -> Iterator[list[Exception]]:
    """Within it no child is started; what a reader raised that was no refusal of its own is collected."""
    raised: list[Exception] = []

    def here(
        function: Callable[..., Any], *args: object, memory_MB: float, seconds: float, **more: Any
    ) -> Any:
        on_step = {key: step for key, step in more.items() if step is not None}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # as the child is started
                return function(*args, **on_step)
        except OsteoplanError:
            raise
        except Exception as why:
            raised.append(why)
            raise BadInput(f"a file could not be read ({type(why).__name__})") from None

    places = ("opened", "image", "series")
    patches = [mock.patch(f"osteoplan.io.dicom.{place}.in_child", here) for place in places]
    with patches[0], patches[1], patches[2]:
        yield raised
