"""Tables of the settings that were chosen, and of the published numbers beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import yaml

from reclib import recommenders
from reclib.ledger import Run
from reclib.tables.findings import listed
from reclib.tables.results import by_recommender, pooled, title

if TYPE_CHECKING:
    from reclib.study import Study

ANCHORS = Path(__file__).parents[2] / "book" / "anchors.yml"
TOLERANCE = 0.003
"""Difference from a published mean beyond which the report has to say why."""


def settings_table(study: Study, names: Sequence[str], protocols: Sequence[str]) -> pd.DataFrame:
    """Return the settings of each recommender under each protocol, defaults marked as such."""
    rows = {
        title(name): {protocol: _settings_text(study, name, protocol) for protocol in protocols}
        for name in names
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("recommender")


def _settings_text(study: Study, name: str, protocol: str) -> str:
    chosen = study.settings(name, protocol)
    settings = chosen or dict(recommenders.CATALOGUE[name].defaults)
    text = ", ".join(f"{key} {_short(value)}" for key, value in settings.items())
    return f"{text}{'' if chosen else ' (default)'}" if text else "none"


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def anchors(dataset: str, protocol: str) -> dict[str, dict[str, float]]:
    """Return published means by recommender and metric, from ``book/anchors.yml``."""
    rows = [
        row for row in known_anchors()["anchors"]
        if row["dataset"] == dataset and row["protocol"] == protocol
    ]  # fmt: skip
    return {row["recommender"]: row["metrics"] for row in rows}


class Published(NamedTuple):
    """A published result: the method, who published it, and its means by metric."""

    title: str
    source: str
    metrics: Mapping[str, float]


def best_published(dataset: str, protocol: str, metric: str) -> Published | None:
    """Return the published result that is best by a metric on the same data, None without one."""
    known = known_anchors()
    found = [
        Published(row["method"], row["source"], row["metrics"])
        for row in known["others"]
        if row["dataset"] == dataset and row["protocol"] == protocol
    ]
    found += [
        Published(title(name), known["anchors_source"], metrics)
        for name, metrics in anchors(dataset, protocol).items()
    ]
    return max(
        (each for each in found if metric in each.metrics),
        key=lambda each: each.metrics[metric], default=None,
    )  # fmt: skip


def known_anchors() -> dict[str, Any]:
    """Return the published numbers that ours are set against, from ``book/anchors.yml``."""
    known: dict[str, Any] = yaml.safe_load(ANCHORS.read_text(encoding="utf-8"))
    return known


def against_anchors(runs: Sequence[Run], dataset: str) -> pd.DataFrame:
    """Return our means beside the published ones, with the difference.

    Returns
    -------
    pandas.DataFrame
        One row for each recommender and metric with a published value: ``published``,
        ``ours``, ``difference``; empty when nothing is published for this dataset.
    """
    rows = []
    for (protocol, name), group in by_recommender(runs).items():
        for metric, published in anchors(dataset, protocol).get(name, {}).items():
            ours = round(float(pooled(group, metric).mean()), 4)
            rows.append((protocol, title(name), metric, published, ours, ours - published))
    names = ["protocol", "recommender", "metric", "published", "ours", "difference"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(difference=frame["difference"].astype(float).round(4))


def anchor_finding(frame: pd.DataFrame) -> str:
    """Say which of ours differ from the published numbers by more than the tolerance, and why."""
    if frame.empty:
        return "Nothing is published for this data under this protocol."
    off = frame[frame["difference"].abs() > TOLERANCE]
    if off.empty:
        return f"All {len(frame)} numbers are within {TOLERANCE} of the published ones."
    reasons = [
        f"{name} {listed([f'{row.metric} ({row.difference:+.3f})' for row in rows.itertuples()])}: "
        f"{reason}."
        for (name, reason), rows in off.groupby(["recommender", off.apply(_why, axis=1)])
    ]
    count = f"{len(off)} of {len(frame)} numbers differ by more than {TOLERANCE}."
    return " ".join([count, *reasons])


def _why(row: pd.Series) -> str:
    """Return why a number is above or below the published one, from ``book/anchors.yml``."""
    reasons = known_anchors()["why"]
    known = reasons["below" if row["difference"] < 0 else "above"]
    names = {title(name): reason for name, reason in known.items() if name != "others"}
    return str(names.get(row["recommender"], known.get("others", "no reason is known")))
