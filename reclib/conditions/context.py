"""What is known beyond who took what: demographics, item attributes and times, each or none."""

from __future__ import annotations

from dataclasses import replace

from reclib.conditions.seal import Conditioned, sealed
from reclib.splits import Split


def context(
    split: Split, users: bool = False, items: bool = False, times: bool = False
) -> Conditioned:
    """Hide the kinds of context that are not named; order and ratings stay.

    Parameters
    ----------
    split : Split
    users, items : bool
        Whether the attributes of users and of items are there.
    times : bool
        Whether hour, weekday and gaps can be read off the interactions.
    """
    data = split.dataset
    shown = replace(
        data, users=data.users if users else None, items=data.items if items else None
    )  # the checksum stays: it names the data that were read
    frame = split.interactions
    if not times and "timestamp" in frame:
        frame = frame.drop(columns="timestamp")
    parameters = {"users": users, "items": items, "times": times}
    return sealed(split, frame, "context", parameters, dataset=shown)
