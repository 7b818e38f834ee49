"""Tables and sentences about time and memory."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from reclib.tables.findings import listed
from reclib.tables.results import title

BENCHMARKS = Path(__file__).parents[2] / "book" / "benchmarks"


def exponent_table(exponents: pd.DataFrame) -> pd.DataFrame:
    """Return fitted exponents as they are printed, a column for each dimension.

    "flat" stands for a measure that never left the grain of the meter.
    """
    cells = [
        f"{row.exponent:.2f} [{row.low:.2f}, {row.high:.2f}]" if row.low == row.low else "flat"
        for row in exponents.itertuples()
    ]
    table = exponents.assign(cell=cells).pivot_table(
        index=["measure", "title"], columns="dimension", values="cell", aggfunc="first", sort=False
    )
    return table.rename_axis(columns=None).rename_axis(index={"title": "recommender"})


def exponent_finding(exponents: pd.DataFrame, measure: str = "fit seconds") -> str:
    """Name the steepest and the flattest growth in time to fit."""
    rows = exponents[(exponents["measure"] == measure) & exponents["low"].notna()]
    if rows.empty:
        return "With so few sizes no interval can be given, and growth is not spoken of."
    steep, flat = rows.loc[rows["exponent"].idxmax()], rows.loc[rows["exponent"].idxmin()]
    return (
        f"Time to fit grows fastest for {steep['title']} with the number of {steep['dimension']}: "
        f"exponent {steep['exponent']:.2f} [{steep['low']:.2f}, {steep['high']:.2f}]; slowest for "
        f"{flat['title']} with the number of {flat['dimension']}: {flat['exponent']:.2f} "
        f"[{flat['low']:.2f}, {flat['high']:.2f}]. Data this small is ruled by fixed costs, which "
        "pull the exponents down: they describe this range, and are no licence to extrapolate."
    )


def cutoff_finding(frame: pd.DataFrame) -> str:
    """Say how much longer the longest list takes than the shortest."""
    medians = frame.groupby(["title", "cutoff"], sort=False)["rank seconds"].median().unstack()
    ratio = medians.iloc[:, -1] / medians.iloc[:, 0]
    parts = [f"{value:.1f} times for {name}" for name, value in ratio.items()]
    short, long = medians.columns[0], medians.columns[-1]
    return (
        f"A list of {long} takes {listed(parts)} as long as one of {short}: scoring the "
        "catalogue, not sorting it, is most of the work."
        if ratio.max() < 2
        else f"A list of {long} takes {listed(parts)} as long as one of {short}."
    )


def benchmark(dataset: str, name: str = "sequence_models") -> pd.DataFrame:
    """Return a published benchmark on a dataset; empty if there is none.

    Parameters
    ----------
    dataset : str
    name : {"sequence_models", "matmul_share"}
        The module of ``benchmarks`` that measured it.
    """
    path = BENCHMARKS / f"{name}.{dataset}.csv"
    return pd.read_csv(path) if path.exists() else pd.DataFrame()


def benchmark_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return quality and seconds of each pair of models as they are printed."""
    if rows.empty:
        return rows
    columns = {
        "peer": rows["peer"].map(title),
        "NDCG at 10": rows["ndcg@10"].round(3),
        "of the peer": rows["peer ndcg@10"].round(3),
        "seconds": rows["seconds"].round(),
        "of the peer, seconds": rows["peer seconds"].round(),
        "peer / ours": rows["time ratio"],
    }
    return pd.DataFrame(columns).set_index(rows["ours"].map(title).rename("recommender"))


def benchmark_finding(rows: pd.DataFrame) -> str:
    """Say who ranks better after how long, and when and where that was measured."""
    if rows.empty:
        return "No benchmark of this dataset is on record; `make benchmarks` makes one."
    parts = [
        f"{title(row['ours'])} {row['verdict']} {title(row['peer'])}, which trained "
        f"{row['time ratio']:.0f} times as long ({row['peer epochs']} epochs)"
        for _, row in rows.iterrows()
    ]
    last = rows.iloc[-1]
    return (
        f"{listed(parts)}. Measured in one run, {last['threads']} thread each, on "
        f"{last['finished'][:10]} ({last['device']}, commit {last['commit']})."
    )


def matmul_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what a training step of each branch does and achieves, as it is printed."""
    if rows.empty:
        return rows
    columns = {
        "MFLOP an interaction": (1e3 * rows["gflop"] / rows["interactions"]).round(2),
        "GFLOP/s": (rows["gflop"] / rows["seconds"]).round(),
        "share of the peak": rows["share"].map("{:.0%}".format),
    }
    return pd.DataFrame(columns).set_index(_branches_text(rows).rename("branches"))


def matmul_finding(rows: pd.DataFrame) -> str:
    """Say how near a training step comes to the peak, and when and where that was measured."""
    if rows.empty:
        return "No measurement of this dataset is on record; `make benchmarks` makes one."
    alone, whole, names = rows.iloc[:-1], rows.iloc[-1], _branches_text(rows)
    low, high = alone["share"].idxmin(), alone["share"].idxmax()
    return (
        f"One product of two large matrices reaches {whole['peak']:.0f} GFLOP/s on "
        f"{whole['threads']} thread; a training step of the whole model {whole['share']:.0%} of "
        f"that, of a branch alone {alone['share'][low]:.0%} ({names[low]}) to "
        f"{alone['share'][high]:.0%} ({names[high]}). Measured on {whole['finished'][:10]} "
        f"({whole['device']}, commit {whole['commit']})."
    )


def _branches_text(rows: pd.DataFrame) -> pd.Series:
    """Return the branches of each row in words: the last row has all."""
    names = rows["branches"].copy()
    names.iloc[-1] = "all"
    return names
