"""Lists for real users: what is in them, who gets them, and the file that holds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_data import FULL, random_frame, write_dataset

from reclib import lists as module
from reclib.__main__ import main
from reclib.errors import DataError, UnknownName
from reclib.lists import Lists, write_lists
from reclib.report.layout import Layout
from reclib.splits import whole_split
from reclib.study import Study


def test_everything_is_known_and_nobody_is_ranked(small: object) -> None:
    split = whole_split(small, "holdout")  # type: ignore[arg-type]
    assert len(split.train) == len(split.history) == len(split.interactions)
    assert not len(split.users())
    assert not len(split.targets)


@pytest.mark.parametrize("name", ["item-knn", "user-knn", "ease", "transitions", "bpr", "rnn"])
def test_lists_hold_the_best_items_that_a_user_has_not_had(study: Study, name: str) -> None:
    lists = Lists.fit(study, name)
    users = list(study.dataset.interactions["user_id"].unique()[:5])
    found = lists.of(users, 4)
    assert found.columns.tolist() == ["user_id", "rank", "item_id", "title", "score", "known"]
    had = study.dataset.interactions.groupby("user_id")["item_id"].agg(set)
    for user, rows in found.groupby("user_id"):
        assert rows["rank"].tolist() == [1, 2, 3, 4]
        assert not set(rows["item_id"]) & had[user]
        assert rows["score"].is_monotonic_decreasing
    place = pd.Index(lists.split.user_ids).get_loc(users[0])
    scores = pd.Series(lists.recommender.scores(np.array([place]))[0], lists.split.item_ids)
    expected = scores.drop(list(had[users[0]])).sort_values(ascending=False, kind="stable")
    assert found["score"][:4].tolist() == pytest.approx(expected[:4].tolist(), rel=1e-5)


def test_strangers_get_what_is_popular_and_are_marked(study: Study) -> None:
    found = Lists.fit(study, "item-knn").of(["nobody", study.dataset.interactions["user_id"][0]], 3)
    counts = study.dataset.interactions["item_id"].value_counts()
    stranger = found[found["user_id"] == "nobody"]
    assert counts[stranger["item_id"]].tolist() == counts.iloc[:3].tolist()
    assert stranger["score"].tolist() == counts.iloc[:3].tolist(), "how often each was taken"
    assert stranger["known"].tolist() == [False] * 3
    assert found.loc[found["user_id"] != "nobody", "known"].all()


def test_who_has_had_nearly_all_gets_a_shorter_list(tmp_path: Path) -> None:
    frame = random_frame()
    rest = pd.DataFrame({"user_id": "all", "item_id": frame["item_id"].unique()[1:],
                         "rating": 3.0, "timestamp": 1.0})  # fmt: skip
    folder = write_dataset(tmp_path / "nearly", pd.concat([frame, rest], ignore_index=True))
    study = Study.open(str(folder), build_dir=tmp_path / "build")
    found = Lists.fit(study, "item-knn").of(["all"], 5)
    assert found["item_id"].tolist() == [str(frame["item_id"].unique()[0])]


def test_data_of_which_nothing_can_be_held_back_is_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"]})
    folder = write_dataset(tmp_path / "tiny", frame)
    with pytest.raises(DataError, match="too little to hold anything back"):
        Lists.fit(Study.open(str(folder), build_dir=tmp_path / "build"), "item-knn")


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_file_holds_everybody_and_is_whole(
    study: Study, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "users_at_once", lambda n_items: 7)
    lists = Lists.fit(study, "item-knn")
    path = lists.write(tmp_path / "out" / f"lists.{ending}", 3)
    read = (
        pd.read_parquet(path) if ending == "parquet" else pd.read_csv(path, dtype={"user_id": str})
    )
    expected = lists.of(lists.split.user_ids, 3)
    assert read["user_id"].tolist() == expected["user_id"].tolist()
    assert read["rank"].tolist() == expected["rank"].tolist()
    np.testing.assert_allclose(read["score"], expected["score"], rtol=1e-5)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_what_is_broken_off_leaves_the_file_that_was_there(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = Lists.fit(study, "item-knn")
    path = lists.write(tmp_path / "lists.csv", 3)
    before = path.read_bytes()
    monkeypatch.setattr(module, "users_at_once", lambda n_items: 7)
    real, calls = Lists.of, iter([True, True, False])

    def stops(self: Lists, *arguments: object) -> pd.DataFrame:
        if not next(calls):
            raise KeyboardInterrupt
        return real(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Lists, "of", stops)
    with pytest.raises(KeyboardInterrupt):
        lists.write(path, 4)
    assert path.read_bytes() == before
    assert len(list(tmp_path.glob("*lists.csv*"))) == 1


def test_what_cannot_be_done_is_said(study: Study, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="makes no lists"):
        Lists.fit(study, "ensemble")
    lists = Lists.fit(study, "item-knn")
    with pytest.raises(DataError, match=r"\.parquet or \.csv"):
        lists.write(tmp_path / "lists.xls")
    with pytest.raises(DataError, match="catalogue of"):
        lists.of(["u1"], 1000)
    with pytest.raises(UnknownName, match="recommender"):
        list(write_lists([study.name], {"recomender": "ease"}, tmp_path))
    with pytest.raises(DataError, match="several datasets"):
        list(write_lists([study.name] * 2, {"out": "x.csv"}, tmp_path))


def test_a_disk_without_room_is_said_and_leaves_nothing(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise FULL

    lists = Lists.fit(study, "item-knn")
    monkeypatch.setattr(Lists, "of", full)
    with pytest.raises(DataError, match="No space left"):
        lists.write(tmp_path / "here" / "lists.csv")
    assert not list((tmp_path / "here").iterdir())


def test_the_command_writes_a_file_and_says_where(
    study: Study,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Layout, "build", tmp_path / "build")
    out = tmp_path / "mine.csv"
    words = [f"DATASETS={study.name}", "recommender=item-knn", "k=2", f"out={out}"]
    assert main(["recommend", *words]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert pd.read_csv(out)["rank"].max() == 2
    assert main(["recommend", "recommender=itemknn"]) == 1
    assert "item-knn" in capsys.readouterr().err
