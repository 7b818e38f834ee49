"""The searches of a study: their trials, and the settings that they choose."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import pandas as pd

from reclib import datasets, recommenders, search
from reclib.ledger import Ledger, Run
from reclib.spec import Spec
from reclib.splits import PROTOCOLS

SHORT_HISTORY = 20
"""Median interactions of a user below which histories are short."""


class Searches(ABC):
    """What `reclib.study.Study` knows of searches; it makes their runs and keeps its ledger."""

    edition: str
    seed: int

    @property
    @abstractmethod
    def dataset(self) -> datasets.Dataset:
        """The dataset that is searched on."""

    @property
    @abstractmethod
    def ledger(self) -> Ledger:
        """Where trials are kept."""

    @abstractmethod
    def run_all(self, specs: Iterable[Spec], label: str = "runs", kind: str = "run") -> list[Run]:
        """Make runs, and return them in the order given."""

    def trials(self, names: Sequence[str], protocols: Sequence[str], n_trials: int) -> pd.DataFrame:
        """Return the trials of the searches: made now in the full edition, else on record.

        Returns
        -------
        pandas.DataFrame
            Ledger rows of kind "trial" with ``title`` and ``trial`` (from 0) added.
        """
        if self.edition == "full":
            self.search_all(names, protocols, n_trials)
        rows = self.ledger.frame(published=True)
        if rows.empty:
            return rows
        mine = rows["dataset"].eq(self.dataset.name) & rows["kind"].eq("trial")
        rows = rows[mine & rows["recommender"].isin(names) & rows["protocol"].isin(protocols)]
        titles = rows["recommender"].map(lambda name: recommenders.CATALOGUE[name].title)
        rows = rows.assign(title=titles, trial=self._trial_numbers(rows, n_trials))
        keys = ["protocol", "recommender", "trial"]
        rows = rows.dropna(subset="trial").drop_duplicates(keys, keep="last")
        return rows.astype({"trial": int}).sort_values(keys, ignore_index=True)

    def _trial_numbers(self, rows: pd.DataFrame, n_trials: int) -> pd.Series:
        """Return each row's place in its search, NaN for trials of an earlier search space."""
        drawn = {name: self.candidates(name, n_trials) for name in rows["recommender"].unique()}
        numbers = [
            drawn[row.recommender].index(row.settings)
            if row.settings in drawn[row.recommender]
            else float("nan")
            for row in rows.itertuples()
        ]
        return pd.Series(numbers, index=rows.index, dtype=float)

    def candidates(self, name: str, n_trials: int) -> list[dict[str, Any]]:
        """Return the settings of each trial of a recommender on this dataset."""
        short = self.dataset.interactions.groupby("user_id").size().median() < SHORT_HISTORY
        return list(search.candidates(name, n_trials, self.seed, short=bool(short)))

    def search_all(self, names: Sequence[str], protocols: Sequence[str], n_trials: int) -> None:
        """Search settings on the valid part of fold 0, and write the best ones to their file.

        Every recommender has the same number of trials. Finished trials are not repeated.
        """
        specs = [
            Spec(name, protocol, settings=settings, stage="valid")
            for protocol, name in product(protocols, names)
            for settings in self.candidates(name, n_trials)
        ]
        done = self.run_all(specs, "search", kind="trial")
        best: dict[tuple[str, str], Run] = {}
        for spec, trial in zip(specs, done, strict=True):
            known = best.setdefault((spec.protocol, spec.recommender), trial)
            if trial.row[search.METRIC] > known.row[search.METRIC]:
                best[spec.protocol, spec.recommender] = trial
        for (protocol, name), trial in best.items():
            # where the valid part is trained on in the end, nothing can be looked for there
            found = trial.row["found"] if PROTOCOLS[protocol].refits else {}
            search.write_settings(self.dataset.name, protocol, name, trial.row["settings"] | found)
