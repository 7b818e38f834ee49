"""Runs under conditions with the chosen settings."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from planted_runs import planter

from reclib import tables
from reclib.ledger import Ledger
from reclib.tables.in_full import in_words

METRIC = "ndcg@10"
CHOSEN: dict[str, Any] = {"max_epochs": 9}
THIN = {"name": "thin", "share": 0.3, "seed": 1}
UNSEEN = {"name": "cold-items", "among": "unseen", "seed": 1}


@pytest.fixture
def study(tmp_path: Path) -> Any:
    """Return a study in whose ledger item-based CF is ahead where data are thin."""
    plant, noise = planter(tmp_path), np.random.default_rng(0).normal(0, 0.01, 50)
    means = {
        "item-knn": [(0.1, None), (0.3, THIN)],
        "integrated": [(0.4, None), (0.2, THIN), (0.2, UNSEEN)],
        "content": [(0.1, UNSEEN)],
        "random": [(0.0, None), (0.0, THIN)],
        "ease": [(0.2, None)],
    }
    data = dict.fromkeys(("dataset", "dataset_checksum", "split_checksum"), "shop")
    origin = data | {"kind": "run", "stage": "test", "protocol": "leave-last-out"}
    for name, some in means.items():
        settings = CHOSEN if name == "integrated" else {}
        for mean, condition in some:
            row = origin | {"settings": settings, "finished": "2026-01-01"}
            plant(name, {METRIC: mean + noise[::-1] * mean}, **row, condition=condition)
    brief = origin | {"settings": {"max_epochs": 1}, "finished": "2025-01-01"}
    plant("integrated", {METRIC: noise + 0.9}, **brief, condition=THIN | {"name": "noise"})
    return SimpleNamespace(dataset=SimpleNamespace(name="shop"), ledger=Ledger(tmp_path))


def test_each_condition_is_compared_by_itself(study: Any) -> None:
    found = tables.in_full(study, "leave-last-out", METRIC)
    told = {(row.condition, row.recommender): row.against for row in found.itertuples()}
    assert told == {
        ("as it is", "item-knn"): "beats",
        ("as it is", "integrated"): "",
        ("30 % of the interactions", "item-knn"): "falls behind",
        ("30 % of the interactions", "integrated"): "",
        ("new items", "integrated"): "",
        ("new items", "content"): "beats",
    }, "EASE and the floor were under no condition, and one epoch is not in full"
    means = found.set_index(["condition", "recommender"])["mean"]
    assert means["new items", "content"] == pytest.approx(0.1, abs=0.01)
    table = tables.in_full_table(found)
    assert table is not None
    assert table.loc["new items", "Item-based CF"] == "-"
    assert list(table) == ["Integrated", "Item-based CF", "Content-based"], "as elsewhere"
    assert list(table.index) == ["as it is", "30 % of the interactions", "new items"]
    text = tables.in_full_finding(found)
    assert "Integrated beats everybody under 1 of 2 conditions (new items)" in text
    assert "falls behind Item-based CF (30 % of the interactions)" in text


def test_another_protocol_is_another_question(study: Any) -> None:
    found = tables.in_full(study, "holdout", METRIC)
    assert tables.in_full_table(found) is None
    assert "EDITION=full" in tables.in_full_finding(found)


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({}, "without context"),
        ({"users": True}, "with demographics alone"),
        ({"items": True, "times": True}, "with item attributes and times alone"),
    ],
)
def test_context_is_named_by_what_is_known(known: dict[str, bool], words: str) -> None:
    none = dict.fromkeys(("users", "items", "times"), False)
    assert in_words({"name": "context"} | none | known) == words
