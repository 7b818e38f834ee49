from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from planted_runs import Plant
from small_data import random_frame, write_dataset

from reclib import search, tables
from reclib.datasets import Dataset
from reclib.errors import DataError
from reclib.recommenders import CATALOGUE
from reclib.splits import PROTOCOLS
from reclib.study import Spec, Study
from reclib.tables.settings import ANCHORS, TOLERANCE, anchors


def test_every_anchor_names_something_we_have() -> None:
    found = anchors("ml-100k", "holdout")
    assert found["ease"] == {"precision@10": 0.3739, "recall@10": 0.2430}
    assert set(found) <= set(CATALOGUE)
    assert ANCHORS.is_file()
    assert anchors("ml-100k", "strong") == {}


def test_our_means_stand_beside_the_published_ones(plant: Plant) -> None:
    runs = [
        plant("ease", {"precision@10": [0.3739, 0.3739], "recall@10": [0.25, 0.35]}),
        plant("bpr", {"precision@10": [0.1, 0.1]}),
    ]
    found = tables.against_anchors(runs, "ml-100k").set_index("metric")
    assert set(found["recommender"]) == {"EASE"}
    assert found["difference"].to_dict() == {"precision@10": 0.0, "recall@10": 0.057}
    text = tables.anchor_finding(found.reset_index())
    assert text.startswith(
        f"1 of 2 numbers differ by more than {TOLERANCE}. EASE recall@10 (+0.057): ours also weighs"
    )
    assert text.count(":") == 1
    assert "All 1 numbers" in tables.anchor_finding(found.loc[["precision@10"]].reset_index())


def test_each_difference_has_the_reason_for_its_direction(plant: Plant) -> None:
    def said(name: str, value: float) -> str:
        runs = [plant(name, {"precision@10": [value, value], "recall@10": [value, value]})]
        return tables.anchor_finding(tables.against_anchors(runs, "ml-100k"))

    assert "BM25" in said("user-knn", 0.3)
    assert "a fifth of each user's" in said("user-knn", 0.1)
    assert "solver" in said("slim", 0.1)
    assert not any("no reason" in said(n, v) for n in anchors("ml-100k", "holdout") for v in (0, 1))


def test_a_difference_without_a_reason_is_not_hidden(
    plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = {"dataset": "ml-100k", "protocol": "holdout", "recommender": "ease",
                 "metrics": {"precision@10": 0.2, "recall@10": 0.2}}  # fmt: skip
    planted = {"why": {"above": {"slim": "luck"}, "below": {"ease": "haste"}}}
    path = tmp_path / "anchors.yml"
    path.write_text(yaml.safe_dump(planted | {"anchors": [published]}))
    monkeypatch.setattr(tables.settings, "ANCHORS", path)
    run = plant("ease", {"precision@10": [0.1, 0.1], "recall@10": [0.3, 0.3]})
    text = tables.anchor_finding(tables.against_anchors([run], "ml-100k"))
    assert "EASE precision@10 (-0.100): haste." in text
    assert "EASE recall@10 (+0.100): no reason is known." in text


def test_nothing_is_published_for_other_data(plant: Plant) -> None:
    found = tables.against_anchors([plant("ease", {"recall@10": [0.1, 0.2]})], "small")
    assert found.empty
    assert "Nothing is published" in tables.anchor_finding(found)


def test_the_settings_table_marks_defaults(study: Study) -> None:
    search.write_settings("small", "holdout", "bias", {"item_damping": 12.345, "user_damping": 3})
    found = tables.settings_table(study, ["bias", "popularity"], ["holdout", "strong"])
    assert found.loc["Bias only"].to_dict() == {
        "holdout": "item_damping 12.3, user_damping 3",
        "strong": "item_damping 10, user_damping 10 (default)",
    }
    assert found.loc["Popularity", "holdout"] == "none"


def test_sizes_are_counted(small: Dataset) -> None:
    found = tables.sizes(small)
    assert (found["users"], found["items"], found["interactions"]) == (40, 30, 500)
    assert found["density"] == pytest.approx(500 / 1200)
    assert tables.table_one(small).loc["Small", "interactions"] == "500"


def test_the_head_holds_its_share() -> None:
    assert tables.share_of_head(pd.Series([70, 10, 10, 5, 5, 0, 0, 0, 0, 0]), 0.1) == 0.7


def test_ratings_and_times_are_told_or_said_to_be_missing(small: Dataset) -> None:
    frame = small.interactions
    assert tables.rating_counts(small)["interactions"].sum() == 500
    assert f"mean rating is {frame['rating'].mean():.2f}" in tables.rating_finding(small)
    assert "of no clock" in tables.time_finding(small)
    dated = small.with_interactions(frame.assign(timestamp=frame["timestamp"] + 1e9))
    assert "from 09 September 2001 to 09 September 2001" in tables.time_finding(dated)
    plain = small.with_interactions(frame[["user_id", "item_id"]])
    assert tables.rating_counts(plain).empty
    assert "no ratings" in tables.rating_finding(plain)
    assert "no times" in tables.time_finding(plain)


def test_protocol_support_counts_parts_or_gives_the_reason(study: Study) -> None:
    found = tables.protocol_support(study, list(PROTOCOLS))
    assert found.loc["holdout", ["train", "valid", "test"]].sum() == 500
    assert not found.loc["sampled", "possible"]
    assert "100 items" in found.loc["sampled", "note"]
    assert found.loc["sampled", "users ranked"] == 0


def test_a_protocol_that_can_be_run_and_not_believed_is_marked(tmp_path: Path) -> None:
    frame = random_frame().sort_values("user_id", kind="stable", ignore_index=True)
    frame["timestamp"] = frame.groupby("user_id").cumcount().astype(float)
    own = Study.open(str(write_dataset(tmp_path / "own", frame)), build_dir=tmp_path / "build")
    found = tables.protocol_support(own, ["temporal", "leave-last-out"])
    assert found["possible"].all()
    assert "anew with each user" in found.loc["temporal", "note"]
    assert found.loc["leave-last-out", "note"] == ""
    assert "`temporal` is not honest here" in tables.honesty_note(own)


def test_an_example_user_has_a_history_and_ticks_at_the_test_items(study: Study) -> None:
    run = study.run(Spec("oracle", "holdout"))
    user = tables.example_user(study, "holdout")
    lists = tables.top_lists(study, "holdout", user, [run], k=10)
    n_wanted = (study.split("holdout").targets["user"] == user).sum()
    assert lists["Oracle"].str.endswith("✓").tolist() == [True] * n_wanted + [False] * (
        10 - n_wanted
    )
    known = tables.history(study, "holdout", user, last=3)
    assert list(known.columns) == ["item", "rating"]
    assert len(known) == 3
    name = study.split("holdout").user_ids[user]
    assert tables.example_user(study, "holdout", name) == user
    with pytest.raises(DataError, match="'nobody' is not ranked"):
        tables.example_user(study, "holdout", "nobody")


def test_exponents_are_printed_and_the_extremes_named() -> None:
    rows = [("A", "users", 1.5), ("A", "items", 0.5), ("B", "users", 2.5), ("B", "items", 0.1)]
    frame = pd.DataFrame(rows, columns=["title", "dimension", "exponent"])
    frame = frame.assign(measure="fit seconds", low=frame["exponent"] - 0.1, high=9.0)
    table = tables.exponent_table(frame)
    assert table.loc[("fit seconds", "A"), "users"] == "1.50 [1.40, 9.00]"
    text = tables.exponent_finding(frame)
    assert "fastest for B with the number of users: exponent 2.50" in text
    assert "slowest for B with the number of items: 0.10" in text


def test_growth_without_an_interval_is_not_spoken_of() -> None:
    rows = {"title": "A", "dimension": "users", "measure": "fit seconds", "exponent": 1.0}
    frame = pd.DataFrame([rows | {"low": np.nan, "high": np.nan}])
    assert "no interval can be given" in tables.exponent_finding(frame)
