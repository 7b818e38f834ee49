"""Progress bars for the person who waits, never for the rendered page."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

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
    if os.environ.get("RECLIB_PROGRESS") != "terminal" and _in_notebook():
        yield from tqdm_notebook(items, total=total, desc=label, leave=False)
    else:
        stream = sys.__stderr__
        silent = None if stream is not None else True  # None: shown only on a terminal
        yield from tqdm(items, total=total, desc=label, leave=False, file=stream, disable=silent)


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    instance = shell.get_ipython() if shell is not None else None
    return type(instance).__name__ == "ZMQInteractiveShell"
