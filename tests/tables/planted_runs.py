"""Runs with planted values a user, as the ledger would give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reclib.ledger import Ledger, Run

Plant = Callable[..., Run]


def planter(folder: Path) -> Plant:
    """Return a function that writes a run with one value a user into a ledger."""
    ledger = Ledger(folder)

    def plant(
        name: str,
        values: Mapping[str, Sequence[float]],
        *,
        protocol: str = "holdout",
        fold: int = 0,
        users: Sequence[int] | None = None,
        curve: pd.DataFrame | None = None,
        **row: Any,
    ) -> Run:
        n = len(next(iter(values.values())))
        index = pd.Index(range(n) if users is None else users, name="user")
        per_user = pd.DataFrame({key: np.asarray(each) for key, each in values.items()}, index)
        key = f"{name}-{protocol}-{fold}-{len(ledger.rows())}"
        origin = {"key": key, "recommender": name, "protocol": protocol, "fold": fold, "seed": 1}
        return ledger.add(
            origin | row, per_user=per_user, top=np.zeros((n, 1), np.int32), curve=curve
        )

    return plant


def summary(rows: Mapping[tuple[str, str], float], metric: str = "precision@10") -> pd.DataFrame:
    """Return a summary with the mean of each protocol and recommender."""
    return pd.DataFrame(
        [
            {"protocol": protocol, "recommender": name, "title": name.upper(), "metric": metric,
             "mean": mean, "low": mean - 0.01, "high": mean + 0.01}
            for (protocol, name), mean in rows.items()
        ]
    )  # fmt: skip
