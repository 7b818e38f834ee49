"""What every condition returns: a split with the same test part and another checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from reclib.datasets import Dataset
from reclib.errors import ProtocolUnsupported
from reclib.splits.split import IntArray, Split

KEEPER = "\x1fkeeper"
"""Lists the items that nobody has left; never trained on and never ranked."""
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Conditioned(Split):
    """A split under a condition.

    Parameters
    ----------
    strangers : bool
        Whether users of whom nothing is known are ranked, too.
    pool : numpy.ndarray or None
        bool ``[n_items]``, the only items that are ranked in the test.
    hidden : scipy.sparse.csr_matrix or None
        ``[n_users, n_items]``, items that a user has had though the recommender is not told;
        they are not ranked in the test.
    groups : numpy.ndarray or None
        int64 ``[n_users]``, the group of each user by which results are told apart.
    pushed : int
        Index of the item that fake users push, -1 without any.
    """

    strangers: bool = False
    pool: Bools | None = None
    hidden: sp.csr_matrix | None = None
    groups: npt.NDArray[np.int64] | None = None
    pushed: int = -1

    def users(self) -> IntArray:
        """Return the users that are ranked, strangers among them where they are asked for."""
        if not self.strangers or self.stage == "valid":
            return super().users()
        asked: IntArray = np.flatnonzero(self.relevant().getnnz(axis=1)).astype(np.int32)
        return asked

    def candidates(self, users: IntArray) -> Bools:
        """Return which items are ranked for each user, bool ``[len(users), n_items]``."""
        allowed = super().candidates(users)
        if self.stage == "valid":
            return allowed
        if self.pool is not None:
            allowed &= self.pool
        if self.hidden is not None:
            allowed &= self.hidden[users].toarray() == 0
        return allowed

    def found(self, per_user: pd.DataFrame, top: IntArray) -> dict[str, Any]:
        """Return what a row of the ledger says beyond the means over all users.

        Parameters
        ----------
        per_user : pandas.DataFrame
            One row a ranked user, one column a metric.
        top : numpy.ndarray
            int32 ``[n_users_ranked, k]``, the lists.

        Returns
        -------
        dict
            ``groups``: the means of each group, with ``n_users``. ``pushed``: by cutoff, the
            share of users whose list holds the pushed item, of those who have not had it.
        """
        row: dict[str, Any] = {}
        if self.groups is not None:
            by_group = per_user.groupby(self.groups[per_user.index])
            means = by_group.mean().round(6).assign(n_users=by_group.size())
            row["groups"] = {str(group): dict(values) for group, values in means.iterrows()}
        if self.pushed >= 0:
            free = self.candidates(per_user.index.to_numpy(np.int32))[:, self.pushed]
            cutoffs = {int(name.partition("@")[2]) for name in per_user if "@" in name}
            shown = {k: (top[free, :k] == self.pushed).any(axis=1) for k in sorted(cutoffs)}
            row["pushed"] = {str(k): round(float(hit.mean()), 6) for k, hit in shown.items()}
        return row


def sealed(
    split: Split,
    frame: pd.DataFrame,
    name: str,
    parameters: Mapping[str, Any],
    *,
    dataset: Dataset | None = None,
    user_ids: npt.NDArray[np.object_] | None = None,
    **more: Any,
) -> Conditioned:
    """Return a split with other interactions, sealed by its content and the condition.

    Items without an interaction left stay in the catalogue: RecBole knows only what stands in
    its files, so a user who is never trained on and never ranked keeps them there.

    Parameters
    ----------
    split : Split
        What the condition was applied to.
    frame : pandas.DataFrame
        Interactions in the order of users and time.
    name : str
    parameters : mapping
        Of the condition; they are part of the checksum.
    dataset : Dataset, optional
        With other attributes; its checksum stays that of the data.
    user_ids : numpy.ndarray, optional
        With users added at the end.
    **more : Any
        Further fields of `Conditioned`.

    Raises
    ------
    reclib.errors.ProtocolUnsupported
        If a user has no interaction left in any part.
    """
    ids = split.user_ids if user_ids is None else user_ids
    if frame["user"].nunique() < len(ids):
        raise ProtocolUnsupported(
            f"'{name}' leaves users without any interaction under '{split.protocol}'",
            "Choose another protocol, or ask for less.",
        )
    gone = np.setdiff1d(np.arange(split.n_items), frame["item"])
    if len(gone):
        frame, ids = kept_in_catalogue(frame, gone, len(ids)), np.append(ids, KEEPER)
        more = {key: _longer(value) for key, value in more.items()}
    text = json.dumps([split.checksum, name, parameters], sort_keys=True)
    digest = hashlib.sha256(text.encode())
    for column in sorted(frame.columns):
        values = frame[column].astype(str) if column == "part" else frame[column]
        digest.update(pd.util.hash_array(values.to_numpy(), categorize=True).tobytes())
    inherited = {each.name: getattr(split, each.name) for each in fields(Split)}
    changed = {
        "dataset": dataset or split.dataset, "interactions": frame.reset_index(drop=True),
        "user_ids": ids, "checksum": digest.hexdigest(),
    }  # fmt: skip
    return Conditioned(**(inherited | changed | more))


def kept_in_catalogue(frame: pd.DataFrame, gone: npt.NDArray[Any], keeper: int) -> pd.DataFrame:
    """Add one more user who has had the items that are gone, in no part that is learned from."""
    values: dict[str, Any] = {"user": np.int32(keeper), "part": "valid-input"}
    values |= {name: frame[name].iloc[0] for name in frame if name in ("rating", "timestamp")}
    rows = pd.DataFrame({"item": gone.astype(np.int32), **values})[list(frame.columns)]
    parts = pd.concat([frame["part"].astype(str), rows["part"]])
    return pd.concat([frame, rows]).assign(part=pd.Categorical(parts))


def _longer(value: Any) -> Any:
    """Make room for one more user in what has a row a user."""
    if isinstance(value, sp.csr_matrix):
        return sp.vstack([value, sp.csr_matrix((1, value.shape[1]))], format="csr")
    if isinstance(value, np.ndarray) and value.dtype == np.int64:
        return np.append(value, -1)
    return value
