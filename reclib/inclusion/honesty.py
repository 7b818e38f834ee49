"""What is wrong with data, and which protocols can be run on it and should not be believed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reclib.datasets import Dataset, Entry, find
from reclib.datasets.validate import is_clock

MOST = 0.5
"""A share of users or of steps from which something is said of all of them."""
OWN_START = (
    "it cuts at one time for everybody, and these times start anew with each user's own history"
)


def entry_of(data: Dataset) -> Entry | None:
    """Return what the catalogue knows of a dataset, None for a reader's own."""
    return find(data.name)


def has_clock(data: Dataset) -> bool:
    """Return whether interactions carry times of a clock, not only an order."""
    return data.has_times and is_clock(data.interactions["timestamp"])


def starts_anew(data: Dataset) -> bool:
    """Return whether times without a clock start at the same value for most users."""
    if not data.has_times or has_clock(data) or data.n_users < 2:
        return False
    first = data.interactions.groupby("user_id")["timestamp"].min()
    return bool((first == first.min()).mean() > MOST)


def is_surrogate(data: Dataset) -> bool:
    """Return whether most times lie one step of the catalogue's apart: they were made up."""
    entry = entry_of(data)
    if entry is None or entry.surrogate_step is None or not data.has_times:
        return False
    gaps = _gaps(data.interactions)
    return bool(len(gaps)) and bool((gaps == entry.surrogate_step).mean() > MOST)


def _gaps(frame: pd.DataFrame) -> pd.Series:
    ordered = frame[["user_id", "timestamp"]].sort_values(["user_id", "timestamp"])
    return ordered.groupby("user_id")["timestamp"].diff().dropna()


def undecided_last(data: Dataset) -> float:
    """Return the share of users whose last interaction has the time of the one before it."""
    if not data.has_times:
        return np.nan
    frame = data.interactions
    last = frame.groupby("user_id")["timestamp"].transform("max")
    return float((frame["timestamp"] == last).groupby(frame["user_id"]).sum().gt(1).mean())


def dishonest(data: Dataset) -> dict[str, str]:
    """Return each protocol that the data allows and does not deserve, with the reason."""
    entry = entry_of(data)
    found = {"temporal": OWN_START} if starts_anew(data) else {}
    if entry is not None and (entry.surrogate_step is None or is_surrogate(data)):
        found |= entry.dishonest
    return found if data.has_times else {}


def faults(data: Dataset) -> list[str]:
    """Return what is known to be wrong with the data, from the catalogue and from the frames."""
    entry = entry_of(data)
    found = [] if entry is None else list(entry.faults)
    if entry is not None and is_surrogate(data):
        found += entry.surrogate_faults
    if data.has_times and not has_clock(data):
        found.append("Times are of no clock: they only say what came before what.")
    if (tied := undecided_last(data)) > 0.01:
        found.append(
            f"For {100 * tied:.0f} % of the users the last interaction shares its time with "
            "another: which of them is last is the order of the file."
        )
    return found + list(data.notes)
