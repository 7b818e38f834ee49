"""The six protocols: who is held out, what is ranked, and what counts as relevant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Parts = npt.NDArray[np.str_]
TEST_SHARE, VALID_EVERY, N_FOLDS = 0.2, 8, 5
"""A fifth is the test part of each of five folds; an eighth of the rest is the valid part."""
HELD_OUT_SHARE = 0.1
"""Share of the users that ``strong`` holds out for the test, and again for the valid part."""
N_NEGATIVES = 100
RELEVANT_FROM = 4.0


@dataclass(frozen=True)
class Protocol:
    """A split, a candidate set and a rule of relevance.

    Parameters
    ----------
    name : str
    parts : callable
        Takes interactions (``user``, ``timestamp``; in time order within a user), fold and a
        random generator; returns the part of each interaction.
    needs_times, needs_ratings : bool
        What the data must have.
    refits : bool
        Whether the valid part belongs to the training part once the settings are chosen.
    candidates : {"catalogue", "own test items", "sampled"}
        Which items are ranked for a user.
    use : str
        What the protocol is for.
    """

    name: str
    parts: Callable[[pd.DataFrame, int, np.random.Generator], Parts]
    needs_times: bool = False
    needs_ratings: bool = False
    refits: bool = False
    candidates: str = "catalogue"
    use: str = ""


def random_order(users: npt.NDArray[np.int32], random: np.random.Generator) -> pd.DataFrame:
    """Return ``rank`` (a random place within the user), ``size`` and ``offset`` of each row."""
    order = np.lexsort((random.random(len(users)), users))
    sizes = np.bincount(users)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rank = np.empty(len(users), dtype=np.int64)
    rank[order] = np.arange(len(users)) - starts[users[order]]
    offset = random.integers(0, N_FOLDS, len(sizes))
    return pd.DataFrame({"rank": rank, "size": sizes[users], "offset": offset[users]})


def holdout(frame: pd.DataFrame, fold: int, random: np.random.Generator) -> Parts:
    """Per user, a random fifth is tested in each of five folds; an eighth of the rest is valid.

    A user with a single interaction stays in the training part.
    """
    place = random_order(frame["user"].to_numpy(), random)
    rank, offset = place["rank"], place["offset"]
    test = ((rank + offset) % N_FOLDS == fold) & (place["size"] > 1)
    first = (fold - offset) % N_FOLDS  # rank of the user's first tested interaction
    among_rest = rank - (rank - first + N_FOLDS - 1) // N_FOLDS
    valid = ~test & ((among_rest + offset) % VALID_EVERY == VALID_EVERY - 1)
    return _named(test, valid)


def _named(test: pd.Series, valid: pd.Series) -> Parts:
    return np.select([test, valid], ["test", "valid"], "train")


def leave_last_out(frame: pd.DataFrame, fold: int, random: np.random.Generator) -> Parts:
    """Per user, the last interaction is tested, the last but one is valid; ties by file order.

    Users with fewer than three interactions stay in the training part.
    """
    by_user = frame.groupby("user", sort=False)["user"]
    from_end = by_user.cumcount(ascending=False)
    enough = by_user.transform("size") >= 3
    return _named(enough & (from_end == 0), enough & (from_end == 1))


def temporal(frame: pd.DataFrame, fold: int, random: np.random.Generator) -> Parts:
    """One cut in time for everybody: the last fifth is tested, an eighth of the rest is valid."""
    times = frame["timestamp"]
    test = times >= times.quantile(1 - TEST_SHARE, interpolation="higher")
    valid = ~test & (times >= times[~test].quantile(1 - 1 / VALID_EVERY, interpolation="higher"))
    return _named(test, valid)


def strong(frame: pd.DataFrame, fold: int, random: np.random.Generator) -> Parts:
    """Test a tenth of the users: four fifths of their history are input, a fifth is asked for.

    Another tenth is valid in the same way; the rest is the training part.
    """
    users = frame["user"].to_numpy()
    n_users = int(users.max()) + 1
    place = np.empty(n_users, dtype=np.int64)
    place[random.permutation(n_users)] = np.arange(n_users)
    share = (place + 0.5) / n_users
    group = np.select([share < HELD_OUT_SHARE, share < 2 * HELD_OUT_SHARE], ["test", "valid"], "")
    order = random_order(users, random)
    asked = (order["rank"] + order["offset"]) % N_FOLDS == 0
    of_row = group[users].astype("<U11")
    held_out = of_row != ""
    return np.where(held_out, np.where(asked, of_row, np.char.add(of_row, "-input")), "train")


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol("holdout", holdout, refits=True,
                 use="the paper's comparison, cross-validation, published tables"),
        Protocol("leave-last-out", leave_last_out, needs_times=True,
                 use="published sequential results"),
        Protocol("temporal", temporal, needs_times=True,
                 use="no leakage from the future; what a deployed system would see"),
        Protocol("strong", strong, use="users never seen in training"),
        Protocol("rated-only", holdout, needs_ratings=True, refits=True,
                 candidates="own test items", use="where the paper's table could come from"),
        Protocol("sampled", leave_last_out, needs_times=True, candidates="sampled",
                 use="only to say how far it misleads"),
    )
}  # fmt: skip
