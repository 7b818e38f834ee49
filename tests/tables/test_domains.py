"""All domains at a glance: the gain over item-based CF beside the paper's."""

from __future__ import annotations

import numpy as np
import pytest
from test_larger import BASE, planted

from reclib import tables
from reclib.ledger import Run


def pair(dataset: str, gain: float, protocol: str = "leave-last-out") -> list[Run]:
    """Plant item-based CF, a better user-based CF, and the model with a relative gain."""
    where = {"dataset": dataset, "protocol": protocol}
    return [
        planted("item-knn", 0.0, noise=1e-5, **where),
        planted("user-knn", 0.3, noise=1e-5, **where),
        planted("integrated", gain * float(BASE.mean()), noise=1e-5, **where),
    ]


def test_every_domain_has_its_gain_over_item_based_cf_alone() -> None:
    runs = pair("ml-1m", 0.5) + pair("amazon-beauty", 0.1) + pair("ml-100k", 0.9, "rated-only")
    gains = tables.domain_gains(runs)
    assert gains["data"].unique().tolist() == [
        "beauty products: Amazon Beauty", "films: MovieLens 1M",
    ]  # fmt: skip
    assert set(gains["other"]) == {"Item-based CF"}
    found = gains.groupby("data", sort=False)["ours"].mean()
    np.testing.assert_allclose(found, [0.1, 0.5], atol=1e-3)


def test_the_finding_counts_and_names_the_ends() -> None:
    text = tables.domain_finding(tables.domain_gains(pair("ml-1m", 0.5) + pair("lastfm", 0.19)))
    assert 'in all datasets" is not found in all' in text
    assert "in precision at 10 it is reached in 2 of 2 settings" in text
    assert "in recall at 10 it is reached in 1 of 2 settings, from +19 % (music artists: " in text
    assert "to +50 % (films: MovieLens 1M, `leave-last-out`)" in text
    assert "beaten in every one" in text
    worse = tables.domain_finding(tables.domain_gains(pair("ml-1m", -0.1)))
    assert "not beaten in every metric on films: MovieLens 1M under `leave-last-out`" in worse
    all_of_it = tables.domain_finding(tables.domain_gains(pair("ml-1m", 0.5)))
    assert 'in all datasets" is found in all' in all_of_it


@pytest.mark.parametrize("runs", [[], [planted("ease", 0.1)]])
def test_nothing_to_compare_is_said(runs: list[Run]) -> None:
    assert tables.domain_gains(runs).empty
    assert "No domain" in tables.domain_finding(tables.domain_gains(runs))
