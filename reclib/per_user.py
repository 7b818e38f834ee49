"""Values a user of published runs, in one small file, for tests over users."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from reclib.ledger import Ledger, Run
from reclib.metrics import at_cutoff

ONE_TARGET = ("leave-last-out", "sampled")
"""Protocols that ask for one item a user, so that its rank says all."""
MANY = ("cold-items",)
"""Conditions that ask for many items a user whatever the protocol."""
BOUNDS = ("random", "oracle")
KEPT = ("precision@10", "recall@10", "map@10", "ndcg@10")
LEVELS = 240
"""Steps from 0 to 1 in which `KEPT` are stored: a byte each, halves to sixths and tenths exact."""

Stored = Mapping[str, Any]


@dataclass(frozen=True)
class PublishedRun(Run):
    """A run of the published ledger; of its artefacts only some values a user are there.

    Attributes
    ----------
    stored : mapping
        Its line in the file of `write_per_user`, empty if it has none.
    """

    stored: Stored = field(default_factory=dict)

    @cached_property
    def per_user(self) -> pd.DataFrame:
        """One row a ranked user, one column a metric that was kept; none if nothing was."""
        if not self.stored:
            return pd.DataFrame()
        index = pd.Index(self.stored["user"], name="user")
        if self.stored["rank"] is not None:
            return pd.DataFrame(_of_rank(self.stored["rank"], self.row["cutoffs"]), index)
        values = {metric: self.stored[metric] / LEVELS for metric in KEPT}
        return pd.DataFrame(values, index)


def write_per_user(ledger: Ledger, rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write what tests over users need of these runs, in one small file.

    One line a run: ``key``, ``user`` (indices of the split, which name nobody) and, where one
    item is asked for, its ``rank`` (0 beyond the largest cutoff), out of which every metric
    follows; elsewhere the metrics in `KEPT`, rounded to 1 / `LEVELS`. Random and oracle are left
    out. 6,000 users take some 20 kB a run, or 4 kB where a rank does. A run whose artefacts are
    not in the ledger keeps the line that the file had for it.
    """
    before = read_per_user(path)
    lines = []
    for row in rows:
        run = ledger.find(str(row["key"]))
        line = before.get(str(row["key"])) if run is None else _line(run)
        if line is not None and row["recommender"] not in BOUNDS:
            lines.append(line)
    scratch = path.with_suffix(".unfinished")
    # one dictionary for all lists would be larger than the plain values under zstd
    pd.DataFrame(lines, columns=["key", "user", "rank", *KEPT]).to_parquet(
        scratch, index=False, compression="zstd", compression_level=19, use_dictionary=False
    )
    scratch.replace(path)


def read_per_user(path: Path) -> dict[str, Stored]:
    """Return the lines of the file of `write_per_user` by the key of their run."""
    if not path.exists():
        return {}
    return {line["key"]: line for line in pd.read_parquet(path).to_dict("records")}


def _line(run: Run) -> Stored:
    values = run.per_user
    line = {"key": run.row["key"], "user": values.index.to_numpy(np.int32), "rank": None}
    condition = run.row.get("condition") or {}
    if run.row["protocol"] in ONE_TARGET and condition.get("name") not in MANY:
        found = values[f"mrr@{max(run.row['cutoffs'])}"].to_numpy()
        rank = np.rint(1 / np.where(found > 0, found, np.inf))
        return line | {"rank": rank.astype(np.uint8)} | dict.fromkeys(KEPT)
    kept = {metric: np.rint(values[metric].to_numpy() * LEVELS) for metric in KEPT}
    return line | {metric: column.astype(np.uint8) for metric, column in kept.items()}


def _of_rank(
    rank: npt.NDArray[np.uint8], cutoffs: Sequence[int]
) -> dict[str, npt.NDArray[np.float64]]:
    """Return every metric of lists whose only relevant item has this rank, 0 if in none."""
    hits = rank[:, None] == np.arange(1, max(cutoffs) + 1)
    one = np.ones(len(rank), dtype=np.int64)
    values = {k: at_cutoff(hits[:, :k], one) for k in cutoffs}
    return {f"{name}@{k}": column for k, found in values.items() for name, column in found.items()}
