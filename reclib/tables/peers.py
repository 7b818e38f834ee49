"""Tables and sentences about published benchmarks against named peers."""

from __future__ import annotations

import pandas as pd

from reclib import scaling
from reclib.tables import costs
from reclib.tables.findings import listed
from reclib.tables.results import title

ORIGIN = ("finished", "device", "commit", "threads")
COLUMNS = {
    "title": ("tool", "engine", "library", "peer", "title"),
    "size": ("rows", "interactions", "size"),
    "seconds": ("seconds",),
}
"""How a benchmark of the preparation may call what `scaling.exponents` asks for."""
BATCH = "histories a batch"
NOT_THERE = "No benchmark of this kind is on record; `make benchmarks` makes one."


def on_record(name: str) -> pd.DataFrame:
    """Return all published tables of a benchmark below each other; empty if there is none.

    Parameters
    ----------
    name : str
        The module of ``benchmarks`` that measured them: the beginning of their files' names.

    Returns
    -------
    pandas.DataFrame
        As it was published, with ``data``, the dataset that stands in the file's name, in front;
        empty where the name has none.
    """
    frames = []
    for path in sorted(costs.BENCHMARKS.glob(f"{name}*.csv")):
        frame = pd.read_csv(path)
        label = path.name.removeprefix(name).removesuffix(".csv").strip("._-")
        frames.append(frame if "data" in frame else frame.assign(data=label))
    if not frames:
        return pd.DataFrame()
    table = pd.concat(frames, ignore_index=True)
    return table[["data", *table.columns.drop("data")]]


def recorded_table(rows: pd.DataFrame) -> pd.DataFrame | None:
    """Return a published table as it is printed, without where and when; None without one."""
    if rows.empty:
        return None
    kept = rows[[name for name in rows.columns if name not in ORIGIN]].round(3)
    return kept.set_index("data").dropna(axis="columns", how="all")


def measured_on(rows: pd.DataFrame) -> str:
    """Say when, where and by which code the last row was measured."""
    last = rows.iloc[-1]
    number = int(last.get("threads", 0))
    threads = f", {number} thread{'s' if number > 1 else ''}" if number else ""
    place = f" ({last['device']}{threads}, commit {last['commit']})" if "device" in rows else ""
    return f"Measured on {str(last['finished'])[:10]}{place}." if "finished" in rows else ""


def neighbours_table(rows: pd.DataFrame) -> pd.DataFrame | None:
    """Return seconds of ours and of each peer, from interactions to lists, as they are printed."""
    if rows.empty:
        return None
    columns = {
        "k": rows["k"],
        "fit (s)": rows["fit seconds"].round(2),
        "of the peer, fit (s)": rows["peer fit seconds"].round(2),
        "rank (s)": rows["rank seconds"].round(2),
        "of the peer, rank (s)": rows["peer rank seconds"].round(2),
        "peer / ours": rows["ratio"].round(1),
        "same items": rows["overlap"].map("{:.1%}".format),
        "NDCG at k": rows["ndcg"].round(3),
        "of the peer": rows["peer ndcg"].round(3),
    }
    index = pd.MultiIndex.from_arrays([rows["data"], _release(rows)], names=["data", "peer"])
    return pd.DataFrame(columns).set_index(index)


def neighbours_finding(rows: pd.DataFrame) -> str:
    """Say how many times longer each peer takes for fit and lists, and whether lists agree."""
    if rows.empty:
        return NOT_THERE
    same = rows[rows["overlap"] > 0.95]
    other = [peer for peer in rows["peer"].unique() if peer not in set(same["peer"])]
    parts = [
        f"{peer} takes {_span(part['ratio'])} times as long as ours"
        for peer, part in rows.groupby("peer", sort=False)
    ]
    agree = (
        "No peer's lists agree with ours"
        if same.empty
        else f"{same['overlap'].min():.1%} of the items of a list or more are the same"
    )
    note = f"; {listed(other)} is another model, whose lists differ" if other else ""
    return (
        f"From interactions in memory to lists, {listed(parts)}. {agree}{note}. {measured_on(rows)}"
    )


def metrics_table(rows: pd.DataFrame) -> pd.DataFrame | None:
    """Return milliseconds of ours and of each peer for the metrics of given lists."""
    if rows.empty:
        return None
    columns = {
        "lists": rows["users"],
        "values": rows["values"],
        "ours (ms)": (1e3 * rows["seconds"]).round(1),
        "of the peer (ms)": (1e3 * rows["peer seconds"]).round(1),
        "peer / ours": rows["ratio"].round(1),
        "largest difference": rows["largest difference"].map("{:.0e}".format),
    }
    index = pd.MultiIndex.from_arrays([rows["data"], _release(rows)], names=["data", "peer"])
    return pd.DataFrame(columns).set_index(index)


def metrics_finding(rows: pd.DataFrame) -> str:
    """Say how many times longer each peer takes, and how far the values differ at most."""
    if rows.empty:
        return NOT_THERE
    parts = [
        f"{peer} {_span(part['ratio'])} times" for peer, part in rows.groupby("peer", sort=False)
    ]
    return (
        f"For the same values of the same lists, as long as ours take: {listed(parts)}. No mean "
        f"differs by more than {rows['largest difference'].max():.0e}. {measured_on(rows)}"
    )


def preparation_finding(rows: pd.DataFrame) -> str:
    """Say how the seconds of preparing interactions grow with their number, for each tool."""
    if rows.empty:
        return "No preparation at full size is on record here; `make benchmarks` makes one."
    found = _columns(rows)
    text = f"{len(rows)} measurements of the preparation are on record."
    if None in found.values():
        return f"{text} {measured_on(rows)}"
    frame = rows.rename(columns={str(old): new for new, old in found.items()})
    frame = frame.assign(dimension="rows", size=pd.to_numeric(frame["size"])).dropna(
        subset=["size", "seconds"]
    )
    several = frame[frame.groupby("title")["size"].transform("nunique") > 2]
    largest = frame.loc[frame["size"].idxmax()]
    text = (
        f"{text} The largest has {largest['size']:,.0f} rows ({largest['title']}, "
        f"{largest['seconds']:,.0f} s)."
    )
    text += _beside_ours(frame)
    if several.empty:
        return f"{text} {measured_on(rows)}"
    parts = [
        f"{row.title} {row.exponent:.2f} [{row.low:.2f}, {row.high:.2f}]"
        for row in scaling.exponents(several, ["seconds"]).itertuples()
    ]
    return f"{text} Exponents of the seconds in the rows: {listed(parts)}. {measured_on(rows)}"


def _beside_ours(frame: pd.DataFrame) -> str:
    """Say how long other tools, and fewer workers, take at the most rows both have."""
    ours = frame[frame["title"].str.startswith("ours")]
    parts = []
    for name, part in frame.groupby("title", sort=False):
        shared = set(part["size"]) & set(ours.loc[ours["title"] != name, "size"])
        if not shared:
            continue
        size = max(shared)
        best = ours[ours["size"] == size].sort_values("seconds").iloc[0]
        if best["title"] != name:
            ratio = part.loc[part["size"] == size, "seconds"].min() / best["seconds"]
            parts.append(f"{name} {ratio:.2f} times ({size:,} rows, beside {best['title']})")
    return f" As long as ours take: {listed(parts)}." if parts else ""


def largest_size(rows: pd.DataFrame) -> float:
    """Return the most rows of any preparation on record, 0 without one."""
    column = _columns(rows)["size"]
    return 0.0 if column is None or rows.empty else float(rows[column].max())


def _columns(rows: pd.DataFrame) -> dict[str, str | None]:
    return {kind: next((n for n in names if n in rows), None) for kind, names in COLUMNS.items()}


def ddp_finding(rows: pd.DataFrame) -> str:
    """Say how much faster several processes train one network, and what becomes of its quality."""
    if rows.empty:
        return "No training by several processes is on record here; `make benchmarks` makes one."
    parts = [
        f"{pair['processes']} processes train {title(pair['recommender'])} {pair['speed-up']:.2f} "
        f"times as fast as one with {pair[BATCH]} histories a batch, where NDCG at 10 is "
        f"{pair['ndcg@10']:.4f} instead of {pair['ndcg@10 of one']:.4f}"
        for _, pair in distributed(rows).iterrows()
    ]
    return f"{listed(parts)}. {measured_on(rows)}"


def distributed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of several processes with NDCG at 10 of one process beside theirs.

    ``ndcg@10 of one`` is that with the same batch, ``best of one`` the best with any.
    """
    keys = ["data", "recommender", BATCH]
    alone = rows[rows["processes"] == 1].drop_duplicates(keys, keep="last")
    best = alone.groupby(keys[:2])["ndcg@10"].transform("max")
    alone = alone.assign(**{"best of one": best})[[*keys, "ndcg@10", "best of one"]]
    several = rows[rows["processes"] > 1]
    return several.merge(alone, on=keys, suffixes=("", " of one"))


def _release(rows: pd.DataFrame) -> pd.Series:
    name, comma, rest = (rows["peer"].str.partition(",")[place] for place in range(3))
    return name + " " + rows["release"].astype(str) + comma + rest


def _span(values: pd.Series) -> str:
    low, high = values.min(), values.max()
    digits = ".1f" if high < 100 else ",.0f"
    ends = dict.fromkeys(f"{value:{digits}}" for value in (low, high))
    return " to ".join(ends)
