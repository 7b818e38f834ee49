"""One real user: the history, and what each recommender puts on top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from reclib.errors import DataError
from reclib.ledger import Run
from reclib.tables.results import title

if TYPE_CHECKING:
    from reclib.study import Study


def example_user(study: Study, protocol: str, user_id: str | None = None) -> int:
    """Return the dense index of the user to show: the one asked for, or one of median activity.

    Raises
    ------
    reclib.errors.DataError
        If the user asked for is not ranked under the protocol.
    """
    split = study.split(protocol)
    users = split.users()
    if user_id is not None:
        found = [user for user in users if split.user_ids[user] == str(user_id)]
        if not found:
            raise DataError(
                f"user '{user_id}' is not ranked under '{protocol}'",
                f"Choose another, for example '{split.user_ids[users[0]]}'.",
            )
        return int(found[0])
    activity = split.history["user"].value_counts().reindex(users, fill_value=0)
    distance = (activity - activity.median()).abs()
    return int(distance.sort_values(kind="stable").index[0])


def titles(study: Study, protocol: str) -> pd.Series:
    """Return the title of each item by its dense index."""
    split = study.split(protocol)
    return study.dataset.titles().reindex(split.item_ids).reset_index(drop=True)


def history(study: Study, protocol: str, user: int, last: int = 8) -> pd.DataFrame:
    """Return the last interactions of a user's history, the newest first."""
    known = study.split(protocol).history
    rows = known[known["user"] == user].tail(last).iloc[::-1]
    frame = pd.DataFrame({"item": titles(study, protocol)[rows["item"]].to_numpy()})
    if study.dataset.has_ratings:
        frame["rating"] = rows["rating"].to_numpy().astype(int)
    return frame


def top_lists(
    study: Study, protocol: str, user: int, runs: Sequence[Run], k: int = 10
) -> pd.DataFrame:
    """Return each recommender's first k items by title, a tick at those of the test part."""
    targets = study.split(protocol).targets
    wanted = set(targets.loc[targets["user"] == user, "item"])
    names = titles(study, protocol)
    columns = {}
    for run in runs:
        items = run.top[run.per_user.index.get_loc(user)][:k]
        ticks = [f"{names[item]}{' ✓' if item in wanted else ''}" for item in items if item >= 0]
        columns[title(run.row["recommender"])] = ticks + [""] * (k - len(ticks))
    return pd.DataFrame(columns, index=pd.RangeIndex(1, k + 1, name="rank"))
