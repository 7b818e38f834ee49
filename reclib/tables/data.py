"""Tables that describe a dataset, each returned as a small frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reclib.datasets import Dataset
from reclib.errors import ProtocolUnsupported
from reclib.inclusion.honesty import dishonest, has_clock

if TYPE_CHECKING:
    from reclib.study import Study

PAPER_TABLE_ONE = pd.DataFrame(
    {
        "items": ["3,900", "1M+"],
        "users": ["6,040", "1M+"],
        "interactions": ["20 (unit not given)", "233M"],
    },
    index=["MovieLens (the paper)", "Amazon Ratings (the paper)"],
)
"""Table 1 of the paper, word for word."""


def sizes(data: Dataset) -> dict[str, float]:
    """Count users, items and interactions, and what follows from them."""
    per_user = data.interactions["user_id"].value_counts()
    per_item = data.interactions["item_id"].value_counts()
    n = len(data.interactions)
    return {
        "users": data.n_users,
        "items": data.n_items,
        "interactions": n,
        "density": n / (data.n_users * data.n_items),
        "median per user": float(per_user.median()),
        "median per item": float(per_item.median()),
    }


def table_one(data: Dataset) -> pd.DataFrame:
    """Return the paper's Table 1 with the row of this dataset, counted, on top."""
    size = sizes(data)
    names = ["items", "users", "interactions"]
    ours = pd.DataFrame({name: [f"{size[name]:,}"] for name in names}, index=[data.title])
    return pd.concat([ours, PAPER_TABLE_ONE])


def share_of_head(counts: pd.Series, head: float) -> float:
    """Return the share of all interactions that the most popular ``head`` of the items hold."""
    ordered = np.sort(counts.to_numpy())[::-1]
    n_head = max(1, round(head * len(ordered)))
    return float(ordered[:n_head].sum() / ordered.sum())


def rating_counts(data: Dataset) -> pd.DataFrame:
    """Return each rating with its interactions and share; empty without ratings."""
    if not data.has_ratings:
        return pd.DataFrame(columns=["interactions", "share (%)"])
    counts = data.interactions["rating"].value_counts().sort_index()
    share = (100 * counts / counts.sum()).round(1)
    return pd.DataFrame({"interactions": counts, "share (%)": share}).rename_axis("rating")


def rating_finding(data: Dataset) -> str:
    """Say in a sentence what the ratings are like."""
    if not data.has_ratings:
        return (
            "There are no ratings: every interaction counts as a sign of interest, and the "
            "protocol `rated-only` is out of reach."
        )
    rating = data.interactions["rating"]
    return (
        f"The mean rating is {rating.mean():.2f}; {100 * (rating >= 4).mean():.0f} % of the "
        "ratings are 4 or more, which is the precision that a random ranking of them has."
    )


def time_finding(data: Dataset) -> str:
    """Say in a sentence over which time the interactions spread and how many are ties."""
    if not data.has_times:
        return "There are no times: protocols that need an order are out of reach."
    frame = data.interactions
    tied = frame.duplicated(["user_id", "timestamp"], keep=False).mean()
    if not has_clock(data):
        return (
            "The times are of no clock: they only say what came before what, which is all that "
            f"`leave-last-out` needs; {100 * tied:.0f} % of the interactions share theirs with "
            "another of the user."
        )
    first, last = pd.to_datetime(frame["timestamp"].agg(["min", "max"]), unit="s")
    spans = frame.groupby("user_id")["timestamp"].agg(np.ptp)
    one_day = (spans < 24 * 3600).mean()
    return (
        f"The interactions run from {first:%d %B %Y} to {last:%d %B %Y}; {100 * tied:.0f} % of "
        f"them share their second with another of the user, and {100 * one_day:.0f} % of the "
        "users did everything within one day."
    )


def side_feature_counts(data: Dataset, most: int = 4) -> dict[str, pd.Series]:
    """Count the values of the categorical side features that can be read in a chart.

    Features with a value of its own for nearly every user or item (titles, zip codes) are left
    out, and so are those with a single value.
    """
    counts: dict[str, pd.Series] = {}
    for frame in (data.users, data.items):
        if frame is None:
            continue
        for name in frame.columns[1:]:
            values = frame[name].dropna().astype(str)
            if data.kinds.get(name, "").endswith("_seq"):
                values = values.str.split().explode()
            found = values.value_counts()
            if 1 < len(found) <= max(12, len(frame) // 8):
                counts[name] = found
    return dict(list(counts.items())[:most])


def context_finding(data: Dataset) -> str:
    """Say in a sentence which side features there are."""
    parts = []
    for name, frame in (("users", data.users), ("items", data.items)):
        columns = [] if frame is None else [c.replace("_", " ") for c in frame.columns[1:]]
        parts.append(f"of {name}: {', '.join(columns) if columns else 'nothing'}")
    if data.links is not None:
        parts.append(f"of friends: {len(data.links):,} directed links")
    return f"Known beyond the interactions, {'; '.join(parts)}."


def protocol_support(study: Study, protocols: Sequence[str]) -> pd.DataFrame:
    """Return for each protocol whether the data supports it, and how it would be used."""
    reasons = dishonest(study.dataset)
    rows = [_support(study, protocol, reasons.get(protocol)) for protocol in protocols]
    return pd.DataFrame(rows).set_index("protocol")


def _support(study: Study, protocol: str, dishonest_since: str | None) -> dict[str, object]:
    try:
        split = study.split(protocol)
    except ProtocolUnsupported as reason:
        row = {"train": 0, "valid": 0, "test": 0, "users ranked": 0}
        return {"protocol": protocol, "possible": False, **row, "note": reason.problem}
    parts = split.interactions["part"].value_counts()
    counts = {part: int(parts.get(part, 0)) for part in ("train", "valid", "test")}
    ranked = len(split.users())
    note = f"not to be believed here: {dishonest_since}" if dishonest_since else ""
    return {"protocol": protocol, "possible": True, **counts, "users ranked": ranked, "note": note}
