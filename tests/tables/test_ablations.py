"""What each branch is worth, by the runs on record."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from planted_runs import Plant, planter

from reclib import tables
from reclib.ledger import Ledger

METRIC = "ndcg@10"
NOISE = np.random.default_rng(0).normal(0, 0.05, 60)
BASE = np.random.default_rng(1).uniform(0.2, 0.6, 60)
BRANCHES = ["cf", "rnn", "side"]
CHOSEN: dict[str, Any] = {"max_epochs": 9}


def values(shift: float = 0.0) -> dict[str, Any]:
    return {METRIC: BASE + shift + (NOISE if shift else 0)}


def test_an_ablation_says_which_branch_is_missed(plant: Plant) -> None:
    whole = [plant("integrated", values())]
    without = {
        "cf": [plant("integrated", values(-0.1))],
        "cnn": [plant("integrated", values(1e-3))],
    }
    found = tables.ablation(whole, without, METRIC)
    assert found["title"].tolist() == ["without cf", "without cnn"]
    assert found["verb"].tolist() == ["falls behind", "is level with"]
    assert "Switching off cf costs" in tables.ablation_finding(found)
    assert "No single branch" in tables.ablation_finding(found.iloc[1:])
    assert "`EDITION=full` makes it" in tables.ablation_finding(tables.ablation(whole, {}, METRIC))


def test_branches_alone_are_set_against_the_whole(plant: Plant) -> None:
    whole = [plant("integrated", values())]
    parts = {"cf": [plant("integrated", values(-0.1))], "rnn": [plant("integrated", values(1e-3))]}
    found = tables.ablation(whole, parts, METRIC, "{} alone")
    assert list(found["title"]) == ["cf alone", "rnn alone"]
    text = tables.alone_finding(found)
    assert text.startswith("Rnn alone is not told apart")
    assert "The best is rnn alone, at +0.0" in text
    assert "Every branch alone falls behind" in tables.alone_finding(found.iloc[:1])
    assert "`EDITION=full` makes it" in tables.alone_finding(tables.ablation(whole, {}, METRIC))


def test_parts_are_compared_over_the_seeds_that_the_whole_has_too(plant: Plant) -> None:
    """By the second seed everything is worse, and the third was run without CF alone."""
    whole = [plant("integrated", values(), seed=1), plant("integrated", values(-0.2), seed=2)]
    parts = {
        "cf": [plant("integrated", values(shift), seed=seed)
               for seed, shift in enumerate((-0.1, -0.3, 0.5), start=1)],
        "rnn": [plant("integrated", values(-0.2), seed=2)],
        "side": [plant("integrated", values(), seed=3)],
    }  # fmt: skip
    found = tables.ablation(whole, parts, METRIC).set_index("title")
    assert list(found.index) == ["without cf", "without rnn"]
    assert found["seeds"].tolist() == [2, 1]
    assert found["mean"]["without cf"] == pytest.approx(-0.1 + NOISE.mean() / 2)
    assert found["mean"]["without rnn"] == pytest.approx(0, abs=1e-12)


@pytest.fixture
def study(tmp_path: Path) -> Any:
    plant = planter(tmp_path)
    data = dict.fromkeys(("dataset", "dataset_checksum", "split_checksum"), "shop")
    origin = data | {"kind": "run", "stage": "test", "protocol": "leave-last-out",
                     "device": "cpu", "commit": "abc"}  # fmt: skip

    def add(shift: float, seed: int = 1, day: str = "2026-01-02", **changes: Any) -> None:
        settings = CHOSEN | changes.pop("settings", {})
        row = origin | {"settings": settings, "seed": seed, "finished": day} | changes
        plant("integrated", values(shift), **row)

    for seed in (1, 2, 3):
        add(0.0, seed)
    for seed in (1, 2):
        add(-0.1, seed, settings={"branches": ["side", "rnn"]})
    add(-0.2, settings={"branches": ["side"]}, day="2026-01-03", commit="def")
    add(0.3, settings={"branches": ["side"]}, day="2026-01-01")  # by older code
    add(0.4, settings={"branches": ["cf"], "max_epochs": 2})
    add(0.4, settings={"branches": ["rnn"]}, kind="trial")
    add(0.4, settings={"branches": ["rnn"]}, condition={"name": "thin"})
    add(0.4, settings={"branches": ["cf", "side"]}, protocol="holdout")
    add(0.4, settings={"branches": ["cf", "rnn", "side", "image"]})
    return SimpleNamespace(dataset=SimpleNamespace(name="shop"), ledger=Ledger(tmp_path))


def test_parts_are_those_with_the_settings_that_stand_now(study: Any) -> None:
    found = tables.ablated_runs(study, "leave-last-out", BRANCHES)
    assert set(found.without) == {"cf"}
    assert set(found.alone) == {"side"}
    assert [run.row["seed"] for run in found.without["cf"]] == [1, 2]
    assert [run.row["commit"] for run in found.alone["side"]] == ["def"], "the last counts"
    assert sorted(run.row["seed"] for run in found.whole) == [1, 2], "the seeds of the parts"
    origin = tables.ablation_origin(found)
    assert origin.startswith("3 runs with the chosen settings, seeds 1 and 2, made on ")
    assert "2026-01-02 to 2026-01-03 (cpu, commit abc and def)" in origin


def test_data_without_an_ablation_say_what_makes_one(study: Any) -> None:
    study.dataset.name = "other"
    found = tables.ablated_runs(study, "leave-last-out", BRANCHES)
    assert found == ([], {}, {})
    assert "`EDITION=full` makes it" in tables.ablation_origin(found)
