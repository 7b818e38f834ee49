"""All domains at a glance: what the integrated model gains over item-based CF in each."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reclib.ledger import Run
from reclib.tables.findings import listed
from reclib.tables.larger_tests import PAPER_BETTER, larger_gains

CATALOGUE_RANKED = ("leave-last-out", "holdout")
"""Protocols that rank the catalogue, in which domains can be set side by side."""


def domain_gains(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the gain over item-based CF in every domain, where the catalogue is ranked.

    Returns
    -------
    pandas.DataFrame
        As `larger_gains` returns it, domain after domain, its name before that of the data.
    """
    here = [run for run in runs if run.row["protocol"] in CATALOGUE_RANKED]
    gains = larger_gains(here, [PAPER_BETTER])
    if gains.empty:
        return gains
    gains = gains.sort_values("domain", kind="stable", ignore_index=True)
    return gains.assign(data=gains["domain"] + ": " + gains["data"])


def domain_finding(gains: pd.DataFrame) -> str:
    """Say in how many domains the gain of the paper is reached, and where it is least and most."""
    if gains.empty:
        return "No domain has a run of the integrated model beside item-based CF."
    parts = []
    for metric, rows in gains.groupby("metric", sort=False):
        least, most = rows.loc[rows["ours"].idxmin()], rows.loc[rows["ours"].idxmax()]
        reached = int((rows["ours"] >= rows["paper"]).sum())
        parts.append(
            f"in {metric.replace('@', ' at ')} it is reached in {reached} of {len(rows)} settings, "
            f"from {_gain(least)} to {_gain(most)}"
        )
    behind = gains[gains["verb"] != "beats"].drop_duplicates(["data", "protocol"])
    kept = gains["ours"].ge(gains["paper"]).all()
    return (
        f'The paper\'s gain over item-based CF "in all datasets" is '
        f"{'' if kept else 'not '}found in all: {'; '.join(parts)}. "
        + _behind([f"{row.data} under `{row.protocol}`" for row in behind.itertuples()])
    )


def _gain(row: pd.Series) -> str:
    return f"{100 * row['ours']:+.0f} % ({row['data']}, `{row['protocol']}`)"


def _behind(places: Sequence[str]) -> str:
    if not places:
        return "Item-based CF is beaten in every one (paired test over users, Holm-corrected, .05)."
    return f"Item-based CF is not beaten in every metric on {listed(places)}."
