"""Context, traits of lists, groups and pictures: what is said follows the numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from planted_runs import Plant

from reclib import tables
from reclib.spec import conditioned
from reclib.study import Study

METRIC = "ndcg@10"


def test_context_is_said_to_help_where_it_does(plant: Plant) -> None:
    random = np.random.default_rng(0)
    bare, users, items, times = (
        plant("integrated", {METRIC: mean + random.normal(0, 0.01, 100)})
        for mean in (0.2, 0.3, 0.1, 0.2)
    )
    known = {"users": [users], "items": [items], "times": [times]}
    table = tables.ablation([bare], known, METRIC, "{}")
    said = tables.context_finding_of(table)
    assert said.startswith(
        "The quality is raised by users, lowered by items and not moved by times"
    )
    groups = pd.DataFrame({"half": ["a"] * 50 + ["b"] * 50}, bare.per_user.index)
    strata = tables.context_by_group(bare, {"users": users}, METRIC, groups)
    assert strata["title"].unique().tolist() == ["without context", "users"]
    assert strata.loc[strata["title"] == "users", "mean"].mean() == pytest.approx(0.3, abs=0.01)


def test_lists_are_described_from_the_runs_on_record(study: Study) -> None:
    names = ["random", "popularity", "ease"]
    runs = study.run_all(conditioned(names, "leave-last-out"))
    table = tables.beyond_table(study, runs)
    wide = table.pivot_table(index="recommender", columns="metric", values="mean")
    assert wide["lift@10"].idxmax() == "popularity"
    assert wide["coverage@10"].idxmax() == "random"
    assert set(wide) == {"coverage@10", "novelty@10", "lift@10"}, "these items have no categories"
    said = tables.beyond_finding(table, "ease")
    assert f"Popularity lift at 10 {wide.loc['ease', 'lift@10']:.2f} (the others" in said


def test_groups_are_named_with_their_size_or_said_to_be_missing(study: Study) -> None:
    runs = study.run_all(conditioned(["ease"], "leave-last-out"))
    table = tables.group_gaps(study, runs, METRIC)
    assert tables.gap_finding(table, "ease").startswith("This data says nothing of its users")
    rows = {"title": ["sex: F (30)", "sex: M (30)"], "mean": [-0.1, 0.1], "low": -0.2,
            "high": 0.2, "verb": ["falls behind", "beats"]}  # fmt: skip
    said = tables.gap_finding(pd.DataFrame(rows), "ease")
    assert said.endswith(
        "serves better than the rest: sex: M (30) +0.100; worse: sex: F (30) -0.100."
    )
    level = pd.DataFrame(rows).assign(verb="is level with")
    assert "none is served by EASE better or worse" in tables.gap_finding(level, "ease")


def picture_row(branches: list[str], value: float, **more: Any) -> dict[str, Any]:
    settings = {"branches": branches} | more.pop("settings", {})
    return {"key": str(value), "kind": "run", "stage": "test", "dataset": "d", "seed": 1,
            "protocol": "holdout", "recommender": "integrated", "settings": settings,
            METRIC: value} | more  # fmt: skip


def test_pictures_stand_beside_their_twins(tmp_path: Path) -> None:
    both, cold = ["cf", "image"], {"condition": {"name": "cold-items"}}
    rows = [
        picture_row(both, 0.3),
        picture_row(both, 0.2, settings={"image_shuffle": True}),
        picture_row(["cf"], 0.25),
        picture_row(["rnn"], 0.9),
        picture_row(both, 0.1, **cold),
        picture_row(["cf"], 0.15, **cold),
    ]
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, rows)))
    table = tables.image_table(tmp_path).set_index("ranked")
    columns = ["as they are", "without pictures", "pictures shuffled"]
    assert table.loc["all items", columns].tolist() == [0.3, 0.25, 0.2]
    assert table.loc["cold-items", columns[:2]].tolist() == [0.1, 0.15]
    said = tables.image_finding(table.reset_index())
    assert "in 1 of 2 cases on record" in said
    assert "shuffled ones in 1 of 1" in said


def test_without_pictures_on_record_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text(json.dumps(picture_row(["cf"], 0.2)))
    table = tables.image_table(tmp_path)
    assert table.empty
    assert tables.image_finding(table).startswith("No run with pictures is on record")
