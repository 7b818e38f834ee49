"""Tables and sentences about predictions, parallel work, serving and machine-hours."""

from __future__ import annotations

import pandas as pd

from reclib.tables.findings import listed
from reclib.tables.results import title

HOUR = 3600.0


def prediction_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return what the small sizes predict for the largest beside what was measured."""
    rows = predictions
    columns = {
        "from": rows["largest seen"].map("{:,}".format),
        "to": rows["size"].map("{:,}".format),
        "predicted": [
            f"{row.predicted:.3g} [{row.low:.2g}, {row.high:.2g}]" for row in rows.itertuples()
        ],
        "measured": rows["measured"].map("{:.3g}".format),
        "measured / predicted": (rows["measured"] / rows["predicted"]).round(2),
        "in the interval": rows["held"].map({True: "yes", False: "no"}),
    }
    keys = ["measure", "dimension", "title"]
    table = pd.DataFrame(columns).set_index(pd.MultiIndex.from_frame(rows[keys]))
    return table.rename_axis(index={"title": "recommender"})


def prediction_finding(predictions: pd.DataFrame) -> str:
    """Say how many predictions held, which missed, and how far off the worst was."""
    ratio = predictions["measured"] / predictions["predicted"]
    off = ratio.where(ratio > 1, 1 / ratio)
    if off.empty:
        return "There are too few sizes for a law that could predict the largest."
    worst = predictions.loc[off.idxmax()]
    missed = predictions[~predictions["held"]]
    text = (
        f"The small sizes predicted the largest in {predictions['held'].sum()} of "
        f"{len(predictions)} cases, by 95 % intervals that are as wide as so few sizes make them. "
        f"The worst is {worst['measure']} of {worst['title']} by {worst['dimension']}: predicted "
        f"{worst['predicted']:.3g}, measured {worst['measured']:.3g}, "
        f"{worst['measured'] / worst['predicted']:.2f} times as much."
    )
    if missed.empty:
        return text
    names = [f"{row.measure} of {row.title} by {row.dimension}" for row in missed.itertuples()]
    return f"{text} The law misses {listed(names)}."


def speed_up_table(speed_ups: pd.DataFrame, law: pd.DataFrame, what: str) -> pd.DataFrame:
    """Return seconds, speed-up and efficiency by number of ``what``, and the law's serial share."""
    rows = speed_ups.merge(law, on="title", how="left")
    columns = {
        what: rows["n"],
        "seconds": rows["seconds"].round(3),
        "speed-up": rows["speed-up"].round(2),
        "efficiency": rows["efficiency"].map("{:.0%}".format),
        "serial share": rows["serial share"].map("{:.0%}".format),
    }
    return pd.DataFrame(columns).set_index(rows["title"].rename(""))


def speed_up_finding(speed_ups: pd.DataFrame, law: pd.DataFrame, what: str) -> str:
    """Say the best speed-up, and what Amdahl's law leaves to gain with any number of them."""
    most = speed_ups[speed_ups["n"] == speed_ups["n"].max()]
    best = most.loc[most["speed-up"].idxmax()]
    parts = [
        f"{row.title} {row.share:.0%}"
        for row in law.rename(columns={"serial share": "share"}).itertuples()
    ]
    outside = most[(most["speed-up"] > most["n"]) | (most["speed-up"] < 1)]["title"].tolist()
    note = (
        f" {listed(outside)} {'lies' if len(outside) == 1 else 'lie'} outside what the law allows, "
        "which is noise of short runs or the cost of dividing the work."
        if outside
        else ""
    )
    return (
        f"With {best['n']} {what} instead of 1 the best speed-up is {best['speed-up']:.2f} "
        f"(efficiency {best['efficiency']:.0%}), for {best['title']}. Serial share by Amdahl's "
        f"law: {listed(parts)}.{note}"
    )


def same_lists_finding(threads: pd.DataFrame, workers: pd.DataFrame, batches: pd.DataFrame) -> str:
    """Say whether parallel work changed any list, which is what "without loss" asks for."""
    done = {
        "the number of threads": threads.groupby("title")["same scores"].all(),
        "the number of worker processes": workers.groupby("title")["same lists"].all(),
        "the size of the scoring batch": batches.groupby("title")["same lists"].all(),
    }
    changed = [
        f"{what} changed lists of {listed(list(same.index[~same]))}"
        for what, same in done.items() if not same.all()
    ]  # fmt: skip
    compared = f"{int(workers['lists'].max()):,} lists by {int(workers['workers'].max())} processes"
    if changed:
        return f"Not everything stayed the same: {listed(changed)}. {compared} were compared."
    return (
        f"Nothing was lost: {listed(list(done))} changed no list of any user, and neither with it "
        f"any metric. Among others, {compared} were compared with those of one."
    )


def serving_table(served: pd.DataFrame) -> pd.DataFrame:
    """Return users a second and the latency for one user by recommender and catalogue."""
    columns = {
        "items": served["items"].map("{:,}".format),
        "users a second": served["users a second"].map("{:,.0f}".format),
        "median (ms)": served["median ms"].round(2),
        "95th percentile (ms)": served["95 % ms"].round(2),
    }
    return pd.DataFrame(columns).set_index(served["title"].rename("recommender"))


def serving_finding(served: pd.DataFrame) -> str:
    """Say the range of latencies and of users a second, and at how many items."""
    slow = served.loc[served["95 % ms"].idxmax()]
    fast = served.loc[served["users a second"].idxmax()]
    return (
        f"One thread ranks {served['users a second'].min():,.0f} to {fast['users a second']:,.0f} "
        f"users a second against the whole catalogue; the most is {fast['title']} over "
        f"{fast['items']:,} items. A single user waits longest for {slow['title']} over "
        f"{slow['items']:,} items: {slow['median ms']:.1f} ms in the median, "
        f"{slow['95 % ms']:.1f} ms at the 95th percentile."
    )


def batch_finding(scoring: pd.DataFrame, training: pd.DataFrame) -> str:
    """Say what larger batches bring to ranking and to training, and what an epoch loses."""
    medians = scoring.groupby(["title", "batch"], sort=False)["users a second"].median().unstack()
    gain = (medians.iloc[:, -1] / medians.iloc[:, 0]).map("{:.1f} times".format)
    parts = [f"{value} for {name}" for name, value in gain.items()]
    small, large = medians.columns[0], medians.columns[-1]
    text = (
        f"Scoring {large} users at a time instead of {small} ranks {listed(parts)} as many a "
        "second."
    )
    if training.empty:
        return text
    means = training.groupby("batch")[["interactions a second", "ndcg@10"]].median()
    first, last = means.iloc[0], means.iloc[-1]
    return (
        f"{text} An epoch in batches of {means.index[-1]} histories instead of {means.index[0]} "
        f"goes through {last.iloc[0] / first.iloc[0]:.1f} times as many interactions a second, and "
        f"leaves NDCG at 10 at {last.iloc[1]:.3f} instead of {first.iloc[1]:.3f}: fewer steps."
    )


def machine_hours(rows: pd.DataFrame) -> pd.DataFrame:
    """Return hours of fitting and ranking by recommender, the most costly first.

    A run that was ranked under several protocols was fitted once: only its own row counts the fit.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of ``Ledger.frame``.

    Returns
    -------
    pandas.DataFrame
        Index ``recommender`` (titles); ``runs``, ``trials``, ``fit (h)``, ``rank (h)``,
        ``together (h)`` and ``share``.
    """
    if rows.empty:
        columns = ["runs", "trials", "fit (h)", "rank (h)", "together (h)", "share"]
        return pd.DataFrame(columns=columns, dtype=float)
    again = rows["fitted_under"].notna() if "fitted_under" in rows else False
    table = rows.assign(
        runs=rows["kind"].eq("run"), trials=rows["kind"].eq("trial"),
        fit=rows["fit_seconds"].where(~pd.Series(again, index=rows.index), 0.0) / HOUR,
        rank=rows["rank_seconds"] / HOUR,
    ).groupby("recommender")[["runs", "trials", "fit", "rank"]].sum()  # fmt: skip
    table["together (h)"] = table["fit"] + table["rank"]
    table["share"] = table["together (h)"] / table["together (h)"].sum()
    table = table.sort_values("together (h)", ascending=False)
    table = table.rename(columns={"fit": "fit (h)", "rank": "rank (h)"})
    return table.set_axis(table.index.map(title)).rename_axis(index="recommender")


def machine_hours_table(built: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Return hours by recommender, of this build and of all that is on record, as printed."""
    table = published.assign(share=published["share"].map("{:.1%}".format)).round(3)
    mine = built["together (h)"].reindex(table.index).fillna(0.0).round(3)
    return table.assign(**{"in this build (h)": mine})


def machine_hours_finding(built: pd.DataFrame, published: pd.DataFrame) -> str:
    """Say what the whole table cost, and which recommender most of it."""
    if published.empty:
        return "No run is on record."
    first, total = published.iloc[0], published["together (h)"].sum()
    mine = built["together (h)"].sum()
    return (
        f"All {int(published['runs'].sum()):,} runs and {int(published['trials'].sum()):,} trials "
        f"on record took {total:,.1f} machine-hours, of which {published.index[0]} "
        f"{first['share']:.0%}; those of this build {mine:.2f}."
    )
