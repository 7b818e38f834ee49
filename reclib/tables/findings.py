"""Sentences that close a section, made from the numbers above them and so never out of date."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from IPython.display import Markdown

from reclib import figures
from reclib.ledger import Run
from reclib.tables.paper import PAPER, paper_value
from reclib.tables.results import by_recommender, compare_all, measured_epochs, position, title

BOUNDS = ("random", "oracle")


def answer(text: str) -> Markdown:
    """Return the sentence that answers a section's question, set off from the prose."""
    return Markdown(f"**Answer.** {text}")


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does: "a, b and c"."""
    *first, last = words or ["none"]
    return f"{', '.join(first)} and {last}" if first else last


def _metric(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    rows = frame[(frame["metric"] == metric) & ~frame["recommender"].isin(BOUNDS)]
    return rows.sort_values("mean", ascending=False)


def ranking_finding(summary: pd.DataFrame, metric: str) -> str:
    """Name the best recommender by a metric, and the best neighbourhood method."""
    if summary.empty:
        return "This protocol is not possible with this data."
    rows = _metric(summary, metric)
    best = rows.iloc[0]
    knn = rows[rows["recommender"].isin(("user-knn", "item-knn"))].iloc[0]
    label = figures.metric_label(metric)
    return (
        f"The highest {label} is that of {best['title']}, {best['mean']:.3f} "
        f"[{best['low']:.3f}, {best['high']:.3f}]; the better of the two neighbourhood methods, "
        f"{knn['title']}, reaches {knn['mean']:.3f} [{knn['low']:.3f}, {knn['high']:.3f}]."
    )


def comparison_finding(comparison: pd.DataFrame, baseline: str) -> str:
    """Say who beats the baseline, who is level with it and who falls behind."""
    parts = []
    for verb, phrase in (
        ("beats", "ahead of"),
        ("is level with", "not told apart from"),
        ("falls behind", "behind"),
    ):
        names = comparison.loc[comparison["verb"] == verb, "title"].tolist()
        if names:
            parts.append(f"{phrase} {baseline}: {listed(names)}")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]} (paired test over users, Holm-corrected, .05)."


def liking_finding(runs: Sequence[Run], metric: str) -> str:
    """Say whether the networks know better than item-based CF what will be liked."""
    if not runs:
        return "This data has no ratings to learn."
    comparison = compare_all(runs, "item-knn-ratings", metric)
    known = [run.row["settings"] | (run.row.get("found") or {}) for run in runs]
    share = next((each["cf_weight"] for each in known if "cf_weight" in each), None)
    found = comparison_finding(comparison, "item-based CF over ratings")
    if share is None:
        return found
    return f"{found} The valid part gave CF a share of {share:.1f} in the integrated model."


def tuning_finding(trials: pd.DataFrame, metric: str) -> str:
    """Say what the search brought over the settings known from the literature."""
    if trials.empty:
        return "No search has been recorded for this data: the defaults are used."
    groups = trials.sort_values("trial").groupby(["protocol", "title"], sort=False)[metric]
    gain = groups.max() / groups.first() - 1
    most = gain.idxmax()
    return (
        f"Over {len(gain)} searches of {int(groups.size().median())} trials, the best trial is in "
        f"the median {100 * gain.median():.0f} % better on valid than the starting point; "
        f"the most was gained by {most[1]} under `{most[0]}` ({100 * gain.max():.0f} %)."
    )


def fold_finding(runs: Sequence[Run], metric: str) -> str:
    """Say how far the folds lie apart, beside the gap between the best and the second."""
    means = {
        title(name): [run.per_user[metric].mean() for run in group]
        for (_, name), group in by_recommender(runs).items()
        if len(group) > 1 and name not in BOUNDS
    }
    if not means:
        return "Only one fold was run in this edition."
    folds = pd.DataFrame(means)
    order = folds.mean().sort_values(ascending=False).index
    same = (folds.rank(axis=1, ascending=False).nunique() == 1).all()
    return (
        f"Between folds, {figures.metric_label(metric)} varies with a standard deviation of at "
        f"most {folds.std().max():.3f}; the order {', '.join(order)} is "
        f"{'the same in every fold' if same else 'not the same in every fold'}."
    )


def training_finding(runs: Sequence[Run], protocol: str) -> str:
    """Say how long each network trained, and which were not measured on the valid part."""
    mine = [
        (title(run.row["recommender"]), run, curve)
        for run in runs
        if run.row["protocol"] == protocol and (curve := run.curve) is not None
    ]
    parts = [
        f"{name} {run.row['fit_seconds']:.0f} s ({len(curve)} epochs)" for name, run, curve in mine
    ]
    blind = dict.fromkeys(name for name, run, _ in mine if measured_epochs(run).empty)
    text = f"Training took {listed(parts)}, on {runs[0].row['device']}."
    if not blind:
        return text
    return (
        f"{text} {listed(list(blind))} trained for as many epochs as were chosen before, and "
        "nothing was measured on the way."
    )


def quality_time_finding(table: pd.DataFrame) -> str:
    """Say when each network passes the best of what is solved at once, on the valid part."""
    solved, trained = table[table["epoch"].isna()], table[table["epoch"].notna()]
    best = solved.loc[solved["valid_ndcg@10"].idxmax()]
    ahead = trained[trained["valid_ndcg@10"] > best["valid_ndcg@10"]]
    first = ahead.groupby("title", sort=False)["seconds"].min()
    never = [name for name in trained["title"].unique() if name not in first.index]
    passed = [f"{name} after {seconds:.0f} s" for name, seconds in first.items()]
    sentences = [
        f"The best that is solved at once is {best['title']}, with {best['valid_ndcg@10']:.3f} in "
        f"{best['seconds']:.1f} s."
    ]
    if passed:
        sentences.append(f"{listed(passed)} {'is' if len(passed) == 1 else 'are'} ahead of it.")
    if never:
        sentences.append(f"{listed(never)} never {'is' if len(never) == 1 else 'are'}.")
    return " ".join(sentences)


def protocol_finding(summary: pd.DataFrame, metric: str) -> str:
    """Say how far the protocol moves the value of one and the same method."""
    rows = summary[(summary["metric"] == metric) & (summary["recommender"] == "item-knn")]
    low, high = rows.loc[rows["mean"].idxmin()], rows.loc[rows["mean"].idxmax()]
    return (
        f"{figures.metric_label(metric)} of one and the same {low['title']} runs from "
        f"{low['mean']:.2f} under `{low['protocol']}` to {high['mean']:.2f} under "
        f"`{high['protocol']}`: the protocol decides the number."
    )


def paper_finding(summary: pd.DataFrame, metrics: Sequence[str]) -> str:
    """Say which of the paper's values no ranking could reach, and where the rest could be had."""
    means = summary.pivot_table(index=["protocol", "recommender"], columns="metric", values="mean")
    beyond = []
    for protocol in dict.fromkeys(summary["protocol"]):
        over = [
            figures.metric_label(metric)
            for metric in metrics
            if paper_value("integrated", metric) > means.loc[(protocol, "oracle"), metric]
        ]
        if over:
            beyond.append(f"under `{protocol}` {listed(over)}")
    text = (
        f"The paper's values for the integrated approach lie above the oracle {'; '.join(beyond)}."
    )
    if not beyond:
        text = "None of the paper's values lies above the oracle under any protocol here."
    return f"{text} {_nearest(means, metrics)}"


def _nearest(means: pd.DataFrame, metrics: Sequence[str]) -> str:
    """Name the protocol whose item-based CF comes closest to the paper's over the metrics."""
    ours = means.xs("item-knn", level="recommender")[list(metrics)]
    paper = pd.Series({metric: paper_value("item-knn", metric) for metric in metrics})
    gap = (ours - paper).abs().mean(axis=1)
    protocol = gap.idxmin()
    floor, ceiling = means.loc[(protocol, "random")], means.loc[(protocol, "oracle")]
    share = position(paper[metrics[0]], floor[metrics[0]], ceiling[metrics[0]])
    nearest = (
        f"The paper's item-based CF is nearest to ours under `{protocol}`, where a random ranking "
        f"already has a precision of {floor[metrics[0]]:.2f}"
    )
    if np.isnan(share):
        return f"{nearest}, and so has the oracle: the lists hold all that is ranked."
    return (
        f"{nearest} and the paper's {PAPER.loc['item-knn', 'precision']:.2f} is "
        f"{100 * share:.0f} % of the way to the ceiling."
    )


def gain_finding(gains: pd.DataFrame) -> str:
    """Say how many of the paper's gains are reached, and how many gains there are at all."""
    if gains.empty:
        return "The integrated model, or what it is compared with, is not part of this build."
    reached = (gains["ours"] >= gains["paper"]).sum()
    real = (gains["verb"] == "beats").sum()
    return (
        f"In {real} of {len(gains)} comparisons the integrated model beats the baseline by the "
        f"corrected test; in {reached} of {len(gains)} its gain is at least the paper's."
    )
