"""What is said of results under conditions follows the planted numbers."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pandas as pd
import pytest
from planted_runs import Plant

from reclib import tables
from reclib.conditions import Condition
from reclib.ledger import Run
from reclib.spec import conditioned
from reclib.study import Study

USERS = 60
METRIC = "ndcg@10"


def curve(plant: Plant, name: str, means: dict[float, float], condition: str = "thin") -> list[Run]:
    """Plant a run at every level; 1 is the data as they are."""
    noise = np.random.default_rng(zlib.crc32(name.encode())).normal(0, 0.01, USERS)
    return [
        plant(name, {METRIC: mean + noise - noise.mean()}, **_condition(level, condition))
        for level, mean in means.items()
    ]


def _condition(level: float, name: str) -> dict[str, Any]:
    return {} if level == 1 else {"condition": {"name": name, "share": level}}


def test_levels_are_means_over_users_in_order_and_the_rest_is_neutral(plant: Plant) -> None:
    runs = curve(plant, "ease", {1.0: 0.3, 0.1: 0.1, 0.5: 0.2})
    table = tables.by_level(runs, "share", 1.0, METRIC)
    assert table["level"].tolist() == [0.1, 0.5, 1.0]
    assert table["mean"].tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert (table["low"] < table["mean"]).all()
    assert tables.level_table(table).loc["EASE"].tolist() == ["0.100", "0.200", "0.300"]
    assert list(tables.level_table(table)) == ["10 %", "50 %", "100 %"]


def test_seeds_of_one_level_are_taken_together(plant: Plant) -> None:
    runs = curve(plant, "ease", {0.1: 0.1}) + curve(plant, "ease", {0.1: 0.3})
    assert tables.by_level(runs, "share", 1.0, METRIC)["mean"].tolist() == pytest.approx([0.2])


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({0.1: 0.3, 0.5: 0.3, 1.0: 0.4}, "Integrated is at every share ahead of EASE (+0.200"),
        ({0.1: 0.1, 0.5: 0.3, 1.0: 0.4}, "Integrated is from 50 % on ahead of EASE (+0.200"),
        ({0.1: 0.3, 0.5: 0.1, 1.0: 0.4}, "Integrated is from 100 % on ahead of EASE (+0.200"),
        ({0.1: 0.3, 0.5: 0.3, 1.0: 0.1},
         "at no share for good ahead of, and in the end behind, EASE (-0.100"),
        ({0.1: 0.1, 0.5: 0.1, 1.0: 0.2},
         "at no share for good ahead of, and in the end not ahead of, EASE (-0.000"),
    ],
)  # fmt: skip
def test_the_crossing_is_where_the_lead_begins_to_stay(
    plant: Plant, model: dict[float, float], said: str
) -> None:
    runs = curve(plant, "integrated", model) + curve(plant, "ease", dict.fromkeys(model, 0.2))
    table = tables.against(runs, "share", 1.0, METRIC, "integrated", ["ease"])
    assert said in tables.crossing_finding(table, "integrated")


def test_all_levels_and_baselines_are_corrected_together(plant: Plant) -> None:
    runs = [run for name, mean in (("integrated", 0.2), ("ease", 0.2), ("item-knn", 0.1))
            for run in curve(plant, name, {0.5: mean, 1.0: mean})]  # fmt: skip
    table = tables.against(runs, "share", 1.0, METRIC, "integrated", ["ease", "item-knn"])
    assert table["baseline"].tolist() == ["ease", "ease", "item-knn", "item-knn"]
    assert table["verb"].tolist() == ["is level with"] * 2 + ["beats"] * 2
    nothing = tables.against(runs, "share", 1.0, METRIC, "rnn", ["ease"])
    assert "no two recommenders" in tables.crossing_finding(nothing, "rnn")


def test_what_is_kept_is_a_share_of_what_was_there(plant: Plant) -> None:
    runs = curve(plant, "ease", {1.0: 0.4, 0.2: 0.1}) + curve(plant, "rnn", {1.0: 0.2, 0.2: 0.18})
    levels = tables.by_level(runs, "share", 0.0, METRIC)
    said = tables.kept_finding(levels, 0.0, "of the interactions replaced")
    assert said.startswith("With 20 % of the interactions replaced, RNN keeps 90 % and EASE keeps")
    assert "EASE keeps 25 %" in said
    assert said.endswith("the highest is then RNN, with 0.180.")


def test_places_and_order_are_told_by_protocol() -> None:
    rows = [("holdout", "ease", 0.3), ("holdout", "integrated", 0.2),
            ("temporal", "ease", 0.1), ("temporal", "integrated", 0.2)]  # fmt: skip
    summary = pd.DataFrame(rows, columns=["protocol", "recommender", "mean"])
    said = tables.order_finding(summary, "integrated")
    assert "number 2 of 2 under `holdout` (0.200; best: EASE)" in said
    assert "number 1 of 2 under `temporal`" in said
    assert "is not the same under" in said
    bounds = pd.DataFrame([("holdout", "oracle", 1.0)], columns=summary.columns)
    assert "is the same" in tables.order_finding(pd.concat([summary[:2], bounds]), "integrated")


def test_an_attack_is_measured_against_the_same_lists_without_it(study: Study) -> None:
    attack = Condition.of("shilling", share=0.5)
    specs = conditioned(["popularity", "item-knn"], "leave-last-out", [None, attack])
    runs = study.run_all(specs)
    table = tables.pushed_table(study, specs, runs)
    assert table["level"].tolist() == [0.0, 0.0, 0.5, 0.5]
    popular = table[table["recommender"] == "popularity"].set_index("level")["mean"]
    assert popular[0.5] > popular[0.0], "half as many fake users as there are make it popular"
    split = study.split_of(specs[-1])
    with_it = runs[2].top[:, :10] == split.pushed
    free = split.candidates(split.users())[:, split.pushed]
    assert popular[0.5] == pytest.approx(with_it.any(axis=1)[free].mean(), abs=1e-6)
    levels = tables.by_level(runs, "share", 0.0, METRIC)
    said = tables.pushed_finding(table, levels)
    assert said.startswith("With 50 % fake users the pushed item stands in ")
    assert "of the lists of Popularity" in said
    lost = levels.assign(mean=[0.5, 0.5, 0.5, 0.4])
    assert tables.pushed_finding(table, lost).endswith("by -20 %.")
    kept = levels.assign(mean=[0.5, 0.5, 0.5, 0.499])
    assert tables.pushed_finding(table, kept).endswith("by less than 1 %.")
