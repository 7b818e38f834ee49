"""Which settings a search tries, and the file that keeps those it found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from reclib import recommenders

METRIC = "ndcg@10"
SETTINGS = Path(__file__).parents[1] / "notebooks" / "settings"
"""One file a dataset: protocol, then recommender, then settings."""


def candidates(
    name: str, n_trials: int, seed: int, *, short: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield the settings of each trial: the defaults, their variants, then random draws.

    Before them comes, where histories are ``short``, what is known to help there.
    """
    entry = recommenders.CATALOGUE[name]
    random = np.random.default_rng(seed)
    known: list[Mapping[str, Any]] = [*(entry.short if short else ()), {}, *entry.variants]
    for trial in range(n_trials if entry.space else 1):
        drawn = {key: draw(choices, random) for key, choices in entry.space.items()}
        yield {**entry.defaults, **(known[trial] if trial < len(known) else drawn)}


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
    head = f"# Settings for {dataset}, chosen on its valid part.\n"
    SETTINGS.mkdir(parents=True, exist_ok=True)
    text = head + yaml.safe_dump(known, sort_keys=True, default_flow_style=False)
    scratch = SETTINGS / f".{dataset}.yaml"
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(SETTINGS / f"{dataset}.yaml")
