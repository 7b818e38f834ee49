from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reclib.datasets import Dataset, load
from reclib.datasets.canonical import among
from reclib.errors import DataError
from reclib.inclusion import include

INTER = "user_id:token\titem_id:token\n01\ta\n2\ta\n2\tb\n3\tb\n"
PAIRS = [["01", "2"], ["2", "01"], ["2", "stranger"], ["2", "2"], ["01", "2"], ["3", "01"]]


def social(tmp_path: Path, head: str = "source_id:token\ttarget_id:token") -> Path:
    folder = tmp_path / "club"
    folder.mkdir()
    (folder / "club.inter").write_text(INTER)
    rows = "".join("\t".join(pair) + "\n" for pair in PAIRS)
    (folder / "club.net").write_text(f"{head}\n{rows}")
    return folder


def pairs(data: Dataset) -> list[list[str]]:
    assert data.links is not None
    assert data.links.columns.tolist() == ["user_id", "friend_id"]
    return data.links.to_numpy().tolist()


@pytest.mark.parametrize("head", [
    "source_id:token\ttarget_id:token", "user_id:token\tfriend_id:token",
])  # fmt: skip
def test_a_net_file_is_read_as_it_is(tmp_path: Path, head: str) -> None:
    assert pairs(load(social(tmp_path, head))) == PAIRS


def test_links_count_in_the_checksum_and_their_absence_changes_nothing(tmp_path: Path) -> None:
    folder = social(tmp_path)
    linked = load(folder)
    (folder / "club.net").unlink()
    alone = load(folder)
    assert alone.links is None
    assert alone.checksum != linked.checksum
    assert alone.checksum == Dataset("club", "club", alone.interactions).checksum


def test_inclusion_keeps_links_of_two_users_who_are_there_and_counts_the_others(
    tmp_path: Path,
) -> None:
    found = include(load(social(tmp_path)))
    assert pairs(found.dataset) == [["01", "2"], ["2", "01"], ["3", "01"]]
    assert "Of the 6 links between users, 3 name" in found.criteria[1].finding
    assert found.criteria[1].removed == 0
    assert "Friend graph: 3 directed links." in found.criteria[3].finding


def test_users_who_are_left_out_take_their_links_along(tmp_path: Path) -> None:
    path = social(tmp_path) / "club.inter"
    path.write_text(INTER + "3\ta\n")
    kept = include(load(path.parent), min_user=2).dataset
    assert set(kept.interactions["user_id"]) == {"2", "3"}
    assert pairs(kept) == []


def test_among_asks_for_both_ends() -> None:
    links = pd.DataFrame({"user_id": ["a", "b", "a"], "friend_id": ["b", "c", "b"]})
    assert among(links, pd.Series(["a", "b"])).to_numpy().tolist() == [["a", "b"]]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_folder_of_ones_own_names_the_two_ends_in_columns_yaml(tmp_path: Path, kind: str) -> None:
    orders = pd.DataFrame({"member": ["ä b", "007"], "thing": ["x", "y"]})
    friends = pd.DataFrame({"member": ["ä b"], "knows": ["007"]})
    for stem, frame in (("interactions", orders), ("links", friends)):
        if kind == "csv":
            frame.to_csv(tmp_path / f"{stem}.csv", index=False)
        else:
            frame.to_parquet(tmp_path / f"{stem}.parquet")
    (tmp_path / "columns.yaml").write_text("user_id: member\nitem_id: thing\nfriend_id: knows\n")
    data = load(tmp_path)
    assert pairs(data) == [["ä b", "007"]]
    assert include(data).dataset is data


def test_a_link_with_one_end_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "interactions.csv").write_text("user_id,item_id\n1,a\n2,a\n")
    (tmp_path / "links.csv").write_text("user_id,friend_id\n1,2\n2,\n")
    with pytest.raises(DataError, match="identifier is empty") as caught:
        load(tmp_path)
    assert (caught.value.row, caught.value.column) == (3, "friend_id")


def test_a_file_of_links_without_friends_lists_what_it_has(tmp_path: Path) -> None:
    folder = social(tmp_path, head="user_id:token\tknows:token")
    with pytest.raises(DataError, match="The file has: user_id, knows"):
        load(folder)
