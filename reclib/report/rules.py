"""The rules of the claims: each reads the runs of a report and gives a verdict with its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from reclib.ledger import Run
from reclib.tables import peers
from reclib.tables.findings import listed
from reclib.tables.results import as_strong, compare_all, pooled, title

SUPPORTED, REFUTED = "supported", "not supported"
UNTESTABLE, OPEN = "not testable here", "open"
VERDICTS = (SUPPORTED, REFUTED, OPEN, UNTESTABLE)

NEIGHBOURS = ("user-knn", "item-knn")
NETWORKS = ("ann", "cnn", "rnn", "attention", "integrated")
FEWEST_FOLDS = 3
LEAST_SPEED_UP, MOST_LOST, LARGE = 1.6, 0.005, 100e6
"""What the claim of scale asks of two processes, of NDCG at 10, and of a preparation's rows."""


@dataclass(frozen=True)
class Evidence:
    """The runs of a report, by the title of their dataset.

    Parameters
    ----------
    runs : mapping of str to sequence of Run
        Test runs with the chosen settings, one dataset after the other.
    cutoff : int
        k of the metrics that rules look at.
    conditioned : mapping of str to sequence of Run
        Test runs with the chosen settings under conditions, by the title of their dataset.
    """

    runs: Mapping[str, Sequence[Run]]
    cutoff: int = 10
    conditioned: Mapping[str, Sequence[Run]] = field(default_factory=dict)

    def of(self, dataset: str, protocol: str, names: Sequence[str] = ()) -> list[Run]:
        """Return the runs of a dataset under a protocol, of all recommenders or of some."""
        return [
            run
            for run in self.runs[dataset]
            if run.row["protocol"] == protocol and (not names or run.row["recommender"] in names)
        ]

    def under(self, dataset: str, condition: str) -> list[Run]:
        """Return the runs of a dataset under a condition of this name."""
        runs = self.conditioned.get(dataset, ())
        return [run for run in runs if run.row["condition"]["name"] == condition]

    def against(self, dataset: str, protocol: str, baseline: str, metric: str) -> pd.DataFrame:
        """Compare every recommender with the baseline; indexed by recommender, maybe empty."""
        runs = self.of(dataset, protocol)
        have = {run.row["recommender"] for run in runs}
        if baseline not in have or not have - {baseline, "random", "oracle"}:
            return pd.DataFrame(columns=["recommender", "mean", "low", "high", "verb"])
        return compare_all(runs, baseline, f"{metric}@{self.cutoff}").set_index("recommender")

    def protocols(self) -> list[str]:
        """Return the protocols under which anything was run."""
        found = [run.row["protocol"] for runs in self.runs.values() for run in runs]
        return list(dict.fromkeys(found))


@dataclass(frozen=True)
class Judgement:
    """A verdict and the sentence with the numbers behind it."""

    verdict: str
    evidence: str


def judge_gain(evidence: Evidence, metric: str, least: float) -> Judgement:
    """Look for a protocol under which every dataset shows the gain over both neighbourhoods."""
    weakest = [
        min(gains, key=lambda gain: float(gain[3].low))
        for protocol in evidence.protocols()
        if (gains := list(_gains(evidence, protocol, metric)))
    ]
    if not weakest:
        return Judgement(OPEN, "No protocol has runs of the integrated approach.")
    protocol, dataset, baseline, row = max(weakest, key=lambda gain: float(gain[3].low))
    held = row.low >= least
    return Judgement(
        SUPPORTED if held else REFUTED,
        f"The protocol kindest to the claim is `{protocol}`: there the smallest gain over a "
        f"neighbourhood method is {points(row['mean'])} points [{points(row.low)}, "
        f"{points(row.high)}], over {title(baseline)} on {dataset}; the claim needs at least "
        f"{points(least)}.",
    )


def _gains(evidence: Evidence, protocol: str, metric: str) -> Iterator[tuple[str, str, str, Any]]:
    """Yield the gain of the integrated approach over each neighbourhood on each dataset."""
    for dataset in evidence.runs:
        have = {run.row["recommender"] for run in evidence.of(dataset, protocol)}
        for baseline in (as_strong(name, have) for name in NEIGHBOURS):
            table = evidence.against(dataset, protocol, baseline, metric)
            if "integrated" in table.index:
                yield protocol, dataset, baseline, table.loc["integrated"]


def points(value: Any) -> str:
    """Return a difference in percentage points."""
    return f"{100 * value:+.1f}"


def judge_recurrent(evidence: Evidence) -> Judgement:
    """Compare the recurrent network with every other network where order counts."""
    verbs, sentences = [], []
    for dataset in evidence.runs:
        table = evidence.against(dataset, "leave-last-out", "rnn", "ndcg")
        table = table[table.index.isin(NETWORKS)]
        verbs += table["verb"].tolist()
        sentences += [
            f"{title(str(name))} {row.verb} it on {dataset} by {row['mean']:+.3f} "
            f"[{row.low:+.3f}, {row.high:+.3f}]"
            for name, row in table.iterrows()
        ]
    if not verbs:
        return Judgement(OPEN, _lack_of_networks(evidence))
    if all(verb == "falls behind" for verb in verbs):
        verdict = SUPPORTED
    else:
        verdict = REFUTED if "beats" in verbs else OPEN
    text = listed(sentences)
    return Judgement(verdict, f"Beside the RNN, in NDCG at {evidence.cutoff}: {text}.")


def _lack_of_networks(evidence: Evidence) -> str:
    """Say which runs are missing where the recurrent network has nothing to be compared with."""
    networks = {
        protocol: {
            run.row["recommender"]
            for dataset in evidence.runs
            for run in evidence.of(dataset, protocol, NETWORKS)
        }
        for protocol in evidence.protocols()
    }
    if not any(networks.values()):
        return "No dataset on record has times and runs of networks."
    ordered = networks.get("leave-last-out", set())
    if not ordered:
        return "No network on record was run under `leave-last-out`, which needs times."
    if "rnn" in ordered:
        return f"No dataset on record has a run of another network beside the {title('rnn')}."
    others = listed([title(name) for name in NETWORKS if name in ordered])
    return (
        f"There is no run of the {title('rnn')} alone under `leave-last-out`; of the "
        f"networks, there is {others}."
    )


def judge_scale(evidence: Evidence) -> Judgement:
    """Look at the trainings by several processes and the preparations that were published."""
    runs = [run for runs in evidence.runs.values() for run in runs]
    if not runs:
        return Judgement(OPEN, "There is no run on record.")
    slowest = max(runs, key=lambda run: float(run.row["fit_seconds"]))
    together, prepared = peers.on_record("ddp"), peers.on_record("preparation")
    text = (
        f"All {len(runs)} runs on record used one machine; the longest fit took "
        f"{slowest.row['fit_seconds']:,.0f} s ({title(slowest.row['recommender'])}, "
        f"`{slowest.row['protocol']}`). {peers.ddp_finding(together)} "
        f"{peers.preparation_finding(prepared)}"
    )
    if together.empty:
        return Judgement(OPEN, text)
    pairs = peers.distributed(together)
    faster = pairs["speed-up"] >= LEAST_SPEED_UP
    kept = pairs["ndcg@10"] >= pairs["best of one"] - MOST_LOST
    if not (faster & kept).any():
        return Judgement(REFUTED, text)
    large = peers.largest_size(prepared) >= LARGE and len(pairs) > 0
    return Judgement(SUPPORTED if large else OPEN, text)


def judge_robust(evidence: Evidence) -> Judgement:
    """Ask whether the integrated approach is ahead of both neighbourhoods on every fold."""
    metric = f"precision@{evidence.cutoff}"
    ahead, folds, sentences = [], [], []
    for dataset in evidence.runs:
        table = fold_means(evidence.of(dataset, "holdout"), metric)
        names = [name for name in NEIGHBOURS if name in table]
        if "integrated" in table and names:
            both = table.dropna(subset=["integrated", *names])
            folds.append(len(both))
            ahead += (both["integrated"] > both[names].max(axis=1)).tolist()
        sentences += [
            f"{title(name)} on {dataset} {table[name].mean():.3f} ± {table[name].std():.3f} over "
            f"{table[name].count()} folds"
            for name in (*names, "integrated")
            if name in table and table[name].count() > 1
        ]
    text = f" Precision at {evidence.cutoff}: {listed(sentences)}." if sentences else ""
    if not folds or min(folds) < FEWEST_FOLDS:
        known = min(folds, default=0)
        fewest = f"{known} fold{'s' * (known != 1)} of the dataset with the fewest"
        return Judgement(OPEN, f"The integrated approach was run on {fewest}.{text}")
    won = f"The integrated approach leads on {sum(ahead)} of {len(ahead)} folds.{text}"
    return Judgement(SUPPORTED if all(ahead) else REFUTED, won)


def fold_means(runs: Sequence[Run], metric: str) -> pd.DataFrame:
    """Return the mean over users, a row a fold and a column a recommender."""
    rows = [
        (run.row["fold"], run.row["recommender"], float(np.mean(pooled([run], metric))))
        for run in runs
    ]
    frame = pd.DataFrame(rows, columns=["fold", "recommender", "value"])
    return frame.pivot_table(index="fold", columns="recommender", values="value")


def judge_business(evidence: Evidence) -> Judgement:
    """Say that logs of what happened do not tell what would have."""
    return Judgement(
        UNTESTABLE,
        "No dataset here records what was shown to whom, so nothing can be said about what a "
        "recommendation changed. That takes an experiment with users.",
    )
