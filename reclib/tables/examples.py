"""Real users: the history, what each recommender puts on top, and who is served better by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
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


def ranks(study: Study, protocol: str, runs: Sequence[Run]) -> pd.DataFrame:
    """Return at which place each run has the one held-out item of each user.

    Returns
    -------
    pandas.DataFrame
        Index ``user``, a column for each recommender's name; infinite beyond the list. Without
        a row under protocols that hold out other than one last item.
    """
    targets = study.split(protocol).targets.set_index("user")["item"]
    if not study.split(protocol).rules.needs_times or targets.index.has_duplicates:
        return pd.DataFrame(columns=[run.row["recommender"] for run in runs])
    found = {}
    for run in runs:
        hits = run.top == targets.loc[run.per_user.index].to_numpy()[:, None]
        place = np.where(hits.any(axis=1), hits.argmax(axis=1) + 1.0, np.inf)
        found[run.row["recommender"]] = pd.Series(place, run.per_user.index)
    return pd.DataFrame(found)


def told_apart(
    study: Study, protocol: str, model: Run, other: Run, *, n: int = 4, last: int = 1, k: int = 10
) -> pd.DataFrame:
    """Return users whose next item the model has among its first k and the other has not.

    Those are taken whose item the model has furthest up, and the shortest histories of them.

    Returns
    -------
    pandas.DataFrame
        One row a user: the last item or items of the history, the item taken next, its place in
        both lists, and what the other put first instead.
    """
    places = ranks(study, protocol, [model, other])
    names, known = titles(study, protocol), study.split(protocol).history.groupby("user")["item"]
    mine, its = model.row["recommender"], other.row["recommender"]
    some = places[(places[mine] <= k) & (places[its] > k)]
    some = some.assign(length=known.size().reindex(some.index)).sort_values([mine, "length"])
    targets = study.split(protocol).targets.set_index("user")["item"]
    rows = [
        {
            "taken last": "; ".join(names[known.get_group(user).iloc[-last:]]),
            "taken next": names[targets[user]],
            f"place, {title(mine)}": _place(row[mine], model),
            f"place, {title(its)}": _place(row[its], other),
            f"first of {title(its)}": names[other.top[other.per_user.index.get_loc(user)][0]],
        }
        for user, row in some.head(n).iterrows()
    ]
    return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="user"))


def _place(place: float, run: Run) -> str:
    return f"{place:.0f}" if np.isfinite(place) else f"beyond {run.top.shape[1]}"


def told_apart_finding(study: Study, protocol: str, model: Run, other: Run, *, k: int = 10) -> str:
    """Say for how many users only one of the two has the next item among its first k."""
    places = ranks(study, protocol, [model, other])
    if places.empty:
        return "This needs a protocol that holds out the last item of each user."
    mine, its = (places[run.row["recommender"]] <= k for run in (model, other))
    names = [title(run.row["recommender"]) for run in (model, other)]
    return (
        f"Of {len(places):,} users, {int((mine & its).sum()):,} find the next item among the "
        f"first {k} of both, {int((mine & ~its).sum()):,} only with {names[0]}, "
        f"{int((its & ~mine).sum()):,} only with {names[1]}, and "
        f"{int((~mine & ~its).sum()):,} with neither."
    )
