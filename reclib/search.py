"""A small search for settings: seeded, resumable, every trial in the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from reclib import recommenders
from reclib.experiment import run
from reclib.ledger import Ledger, Run
from reclib.splits import Split

METRIC = "ndcg@10"
SETTINGS = Path(__file__).parents[1] / "notebooks" / "settings"
"""One file a dataset: protocol, then recommender, then settings."""


@dataclass(frozen=True)
class Search:
    """The trials of one search, in the order in which they were drawn."""

    trials: Sequence[Run]

    @property
    def best(self) -> dict[str, Any]:
        """The settings of the best trial; of equal ones the first."""
        values = [trial.row[METRIC] for trial in self.trials]
        return dict(self.trials[int(np.argmax(values))].row["settings"])


def search(
    name: str, split: Split, *, n_trials: int, seed: int = 2026, ledger: Ledger
) -> Search:
    """Try the recommender's default settings and then random ones; measure each on valid.

    Trials that are in the ledger already are not repeated, so that an interrupted search goes
    on where it stopped.

    Parameters
    ----------
    name : str
    split : Split
        At the valid stage.
    n_trials : int
        The defaults are the first trial. A recommender with nothing to choose has just that.
    seed : int
    ledger : Ledger

    Raises
    ------
    ValueError
        If the split is at the test stage: nothing is chosen there.
    """
    if split.stage != "valid":
        raise ValueError("settings are chosen at the valid stage")
    tried = [
        run(name, split, settings=settings, seed=seed, ledger=ledger, kind="trial")
        for settings in candidates(name, n_trials, seed)
    ]
    return Search(tried)


def candidates(name: str, n_trials: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield the settings of each trial: the defaults, then draws from the search space."""
    entry = recommenders.CATALOGUE[name]
    yield dict(entry.defaults)
    random = np.random.default_rng(seed)
    for _ in range(n_trials - 1 if entry.space else 0):
        drawn = {key: draw(choices, random) for key, choices in entry.space.items()}
        yield dict(entry.defaults) | drawn


def draw(choices: Mapping[str, Any] | Sequence[Any], random: np.random.Generator) -> Any:
    """Draw one value.

    Parameters
    ----------
    choices : sequence or mapping
        A sequence of values, or ``{"low": a, "high": b}`` for a number, logarithmically uniform;
        an integer if both bounds are.
    random : numpy.random.Generator
    """
    if not isinstance(choices, Mapping):
        return choices[int(random.integers(len(choices)))]
    low, high = choices["low"], choices["high"]
    value = float(np.exp(random.uniform(np.log(low), np.log(high))))
    return round(value) if isinstance(low, int) else float(f"{value:.4g}")


def read_settings(dataset: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the committed settings of a dataset by protocol and recommender; {} if none."""
    path = SETTINGS / f"{dataset}.yaml"
    if not path.exists():
        return {}
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def write_settings(dataset: str, protocol: str, name: str, settings: Mapping[str, Any]) -> None:
    """Write one recommender's settings into the file of the dataset, keeping the others."""
    known = read_settings(dataset)
    known.setdefault(protocol, {})[name] = dict(settings)
    head = (
        f"# Settings for {dataset}, chosen on the valid part; written by the full edition.\n"
    )
    SETTINGS.mkdir(parents=True, exist_ok=True)
    text = head + yaml.safe_dump(known, sort_keys=True, default_flow_style=False)
    scratch = SETTINGS / f".{dataset}.yaml"
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(SETTINGS / f"{dataset}.yaml")
