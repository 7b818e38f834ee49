"""Lists for a reader's own users: from all that is known, with titles, as a table or a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from reclib import recommenders
from reclib.errors import DataError, UnknownName
from reclib.progress import track
from reclib.ranking import check_cutoff, top_k, users_at_once
from reclib.recommenders import Recommender
from reclib.splits import Split, whole_split
from reclib.study import Spec, Study

PROTOCOLS = ("leave-last-out", "holdout")
"""How it is found what a recommender is worth and how long to train it: the first possible one."""
WRITERS = {".parquet": pyarrow.parquet.ParquetWriter, ".csv": pyarrow.csv.CSVWriter}


@dataclass(frozen=True)
class Lists:
    """A recommender that was fitted on every interaction.

    Parameters
    ----------
    study : Study
    recommender : Recommender
        Fitted on ``split``.
    split : Split
        Everything is its training part.
    """

    study: Study
    recommender: Recommender
    split: Split

    @classmethod
    def fit(cls, study: Study, name: str) -> Self:
        """Fit a recommender with its chosen settings on every interaction.

        How many epochs a network takes is what its run under the first possible protocol
        found; the run is made, and kept in the ledger, if it is not there.

        Raises
        ------
        reclib.errors.UnknownName
            For a recommender that is not in the catalogue.
        reclib.errors.DataError
            For an ensemble, whose members' epochs are in no run, for floor and ceiling, and for
            data of which nothing can be held back.
        """
        if name not in recommenders.CATALOGUE:
            raise UnknownName("recommender", name, recommenders.CATALOGUE)
        if recommenders.CATALOGUE[name].family in ("ensemble", "bound"):
            raise DataError(f"'{name}' makes no lists of its own", "Choose another recommender.")
        possible = study.supported(PROTOCOLS)
        if not possible:
            raise DataError(
                f"{study.dataset.title} has too little to hold anything back",
                "Supply more interactions a user: how long to train is found on those held back.",
            )
        protocol = possible[0]
        row = study.run(Spec(name, protocol)).row
        settings = row["settings"] | (row.get("found") or {})
        split = whole_split(study.dataset, protocol, study.seed)
        made = recommenders.build(name, settings, seed=study.seed)
        return cls(study, made.fit(split), split)

    @cached_property
    def titles(self) -> pd.Series:
        """Title of each item by its dense index."""
        return self.study.dataset.titles().reindex(self.split.item_ids).reset_index(drop=True)

    @cached_property
    def popularity(self) -> Recommender:
        """What those get of whom nothing is known."""
        return recommenders.build("popularity").fit(self.split)

    def of(self, users: Iterable[str], k: int = 10) -> pd.DataFrame:
        """Return the k best items that each user has not had yet, best first.

        Parameters
        ----------
        users : iterable of str
            Identifiers as in the data. Who is not among them gets what is popular.
        k : int

        Returns
        -------
        pandas.DataFrame
            ``user_id``, ``rank`` (from 1), ``item_id``, ``title``, ``score`` (float32) and
            ``known``: whether the user was. Fewer than k rows for users who have had nearly all.
        """
        check_cutoff(k, self.split.n_items)
        names = np.asarray([str(user) for user in users], dtype=object)
        place = pd.Index(self.split.user_ids).get_indexer(pd.Index(names))
        index = np.where(place >= 0, place, 0).astype(np.int32)
        scores = self.recommender.scores(index)
        scores[place < 0] = self.popularity.scores(index[:1])
        allowed = self.split.candidates(index) | (place < 0)[:, None]
        scores = np.where(allowed, scores, -np.inf)
        best = top_k(scores, k)
        rows, ranks = np.nonzero(best >= 0)
        items = best[rows, ranks]
        return pd.DataFrame({
            "user_id": names[rows],
            "rank": ranks + 1,
            "item_id": self.split.item_ids[items],
            "title": self.titles.to_numpy()[items],
            "score": scores[rows, items].astype(np.float32),
            "known": (place >= 0)[rows],
        })  # fmt: skip

    def write(self, path: str | Path, k: int = 10) -> Path:
        """Write the lists of all users to a ``.parquet`` or ``.csv`` file, a batch at a time.

        The file is there only when it is whole.

        Raises
        ------
        reclib.errors.DataError
            For another ending, or a folder that cannot be written.
        """
        path = Path(path)
        if path.suffix not in WRITERS:
            raise DataError(
                f"'{path.suffix}' is no kind of file that lists are written to",
                f"End the name in {' or '.join(WRITERS)}.", file=path,
            )  # fmt: skip
        scratch = path.with_name(f".{path.name}.unfinished")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._write(scratch, WRITERS[path.suffix], k)
            scratch.replace(path)
        except OSError as problem:
            raise DataError(
                f"the lists cannot be written ({problem.strerror or problem})",
                "Choose a folder that you may write to, on a disk with room.", file=path,
            ) from problem  # fmt: skip
        finally:
            scratch.unlink(missing_ok=True)
        return path

    def _write(self, path: Path, writer: type, k: int) -> None:
        first = pa.Table.from_pandas(self.of(self.split.user_ids[:1], k), preserve_index=False)
        with writer(str(path), first.schema) as out:
            for batch in self._batches(k):
                out.write_table(batch.cast(first.schema))

    def _batches(self, k: int) -> Iterator[pa.Table]:
        users = self.split.user_ids
        at_once = users_at_once(self.split.n_items)
        starts = range(0, len(users), at_once)
        for start in track(starts, total=len(starts), label="lists"):
            lists = self.of(users[start : start + at_once], k)
            yield pa.Table.from_pandas(lists, preserve_index=False)


DEFAULTS: dict[str, Any] = {"recommender": "integrated", "k": 10, "out": None, "seed": 2026}
"""What can be said to `write_lists`."""


def write_lists(
    datasets: Sequence[str], options: Mapping[str, Any], folder: Path, **study: Any
) -> Iterator[Path]:
    """Write the lists of all users of each dataset, and yield the files.

    Parameters
    ----------
    datasets : sequence of str
        Names from the catalogue, or folders.
    options : mapping
        Some of `DEFAULTS`. ``out`` is a file if there is one dataset; otherwise each has one of
        its own in ``folder``.
    folder : Path
    **study : Any
        Of `Study.open`.
    """
    for name in options:
        if name not in DEFAULTS:
            raise UnknownName("option", name, DEFAULTS)
    wanted = DEFAULTS | dict(options)
    if wanted["out"] and len(datasets) > 1:
        raise DataError("one file cannot hold the lists of several datasets", "Leave out= out.")
    for dataset in datasets:
        opened = Study.open(dataset, seed=wanted["seed"], **study)
        lists = Lists.fit(opened, wanted["recommender"])
        yield lists.write(wanted["out"] or folder / f"{opened.dataset.name}.parquet", wanted["k"])
