"""Progress bars for the person who waits, never for the rendered page."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from tqdm import tqdm
from tqdm.notebook import tqdm_notebook

Item = TypeVar("Item")


def track(items: Iterable[Item], *, label: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items and show a bar that is gone when they are.

    In JupyterLab the bar is a widget below the cell. Where a notebook is executed by
    ``make report`` (which sets ``RECLIB_PROGRESS=terminal``) or outside a notebook, it goes to
    the terminal of the process, past the kernel's captured streams, so that no bar is ever
    stored in an output.
    """
    yield from _bar(items, total=total, desc=label)


@contextmanager
def counted(total: int, *, label: str, unit: str = " rows") -> Iterator[Callable[[int], object]]:
    """Show a bar of what is done and how fast; call what is given with each number done."""
    with _bar(None, total=total, desc=label, unit=unit, unit_scale=True) as bar:
        yield bar.update


def _bar(items: Any, **options: Any) -> Any:
    if os.environ.get("RECLIB_PROGRESS") != "terminal" and _in_notebook():
        return tqdm_notebook(items, leave=False, **options)
    stream = sys.__stderr__
    silent = None if stream is not None else True  # None: shown only on a terminal
    return tqdm(items, leave=False, file=stream, disable=silent, **options)


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    instance = shell.get_ipython() if shell is not None else None
    return type(instance).__name__ == "ZMQInteractiveShell"
