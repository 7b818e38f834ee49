"""What fits into memory: blocks of a bounded size, and refusals before anything is allocated."""

from __future__ import annotations

import os

import psutil

from reclib.errors import DataError

LIMIT = "RECLIB_MEMORY_GB"
"""Environment variable that sets how much memory closed forms may take, in GB (10**9 bytes)."""


def limit() -> int:
    """Return how many bytes may still be taken: ``RECLIB_MEMORY_GB``, else what is free now.

    Raises
    ------
    reclib.errors.DataError
        If the variable is not a positive number.
    """
    given = os.environ.get(LIMIT)
    if not given:
        return int(psutil.virtual_memory().available)
    try:
        found = float(given)
    except ValueError:
        found = 0.0
    if not found > 0:
        raise DataError(f"{LIMIT}='{given}' is no amount of memory", "Give GB, such as 16.")
    return int(found * 1e9)


def require(needed: float, what: str, alternative: str) -> None:
    """Refuse what cannot fit, before it is begun.

    Parameters
    ----------
    needed : float
        Bytes at the peak.
    what : str
        What needs them, such as "EASE on 1,000,000 items".
    alternative : str
        What the reader can do instead.

    Raises
    ------
    reclib.errors.DataError
        If more is needed than `limit` allows.
    """
    allowed = limit()
    if needed > allowed:
        raise DataError(
            f"{what} needs about {gigabytes(needed)} of memory, and {gigabytes(allowed)} may be "
            "taken",
            f"{alternative} {LIMIT} sets another limit.",
        )


def gigabytes(n: float) -> str:
    """Return a number of bytes in GB (10**9 bytes), for print."""
    return f"{n / 1e9:,.1f} GB"


def rows_at_once(bytes_of_row: float, block_mb: float, most: int) -> int:
    """Return how many rows of a size fit into a block: at least 1, and at most ``most``."""
    return max(1, min(most, int(block_mb * 1e6 / max(bytes_of_row, 1.0))))
