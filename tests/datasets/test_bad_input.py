from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
import pytest

from reclib.datasets import load
from reclib.errors import DataError

INTER = "user_id:token\titem_id:token\trating:float\ttimestamp:float"
ROWS = [f"u{n}\ti{n}\t{n}\t{1000 + n}" for n in range(1, 6)]
TOMORROW = time.time() + 2 * 24 * 3600


def shop(folder: Path, **files: str | bytes) -> Path:
    """Write a folder of atomic files, good but for those given."""
    folder = folder / "shop"
    folder.mkdir()
    for ending, text in ({"inter": "\n".join([INTER, *ROWS])} | files).items():
        content = text if isinstance(text, bytes) else text.encode()
        (folder / f"shop.{ending}").write_bytes(content)
    return folder


def swap(row: int, text: str, rows: list[str] | None = None) -> str:
    """Return the interactions with another text in one line."""
    lines = [INTER, *(rows or ROWS)]
    lines[row - 1] = text
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "row", "column", "said"),
    [
        ("", None, None, "empty"),
        (INTER + "\n", None, None, "no record"),
        (swap(1, INTER.replace("item_id:token\t", "")), 1, "item_id", "is missing"),
        ("user_id:token\trating:float\nu\t1\n", 1, "item_id", "is missing"),
        (swap(1, INTER.replace("rating:float", "rating:foo")), 1, "rating", "type 'foo'"),
        (swap(1, INTER.replace("user_id:token", "user_id:float")), 1, "user_id", "'token'"),
        (swap(1, INTER.replace("rating:float", "rating:token")), 1, "rating", "'float'"),
        (swap(1, INTER.replace("rating:float", "rating")), 1, "rating", "no type"),
        (swap(1, INTER.replace("timestamp:", "rating:")), 1, "rating", "twice"),
        (swap(4, "u\ti\tgood\t1003"), 4, "rating", "'good' is not a number"),
        (swap(4, "u\ti\t4\tyesterday"), 4, "timestamp", "'yesterday' is not a number"),
        (swap(4, "u\ti\t\t1003"), 4, "rating", "missing value"),
        (swap(4, "u\ti\tnan\t1003"), 4, "rating", "missing value"),
        (swap(4, "u\ti\tinf\t1003"), 4, "rating", "finite"),
        (swap(5, "u\ti\t4\t-1"), 5, "timestamp", "before 1970"),
        (swap(5, "u\ti\t4\t978300760000"), 5, "timestamp", "divide by 1000"),
        (swap(5, f"u\ti\t4\t{TOMORROW:.0f}"), 5, "timestamp", "future"),
        (swap(5, "u\ti\t4\t9e17"), 5, "timestamp", "future"),
        (swap(3, "u\ti\t4"), 3, None, "3 fields where 4 belong"),
        (swap(3, "u\ti\t4\t5\t6"), 3, None, "5 fields where 4 belong"),
        (swap(3, "\n\nu\ti\tbad\t5"), 5, "rating", "'bad'"),
        (swap(3, "\n\nu\ti\tnan\t5"), 5, "rating", "missing"),
        (swap(3, "u\ti\xe9\t4\t5").encode("latin-1"), 3, "item_id", "not UTF-8"),
        (swap(1, INTER.replace("rating", "not\xe9")).encode("latin-1"), 1, None, "not UTF-8"),
    ],
)
def test_bad_interactions_are_refused_with_their_place(
    tmp_path: Path, text: str | bytes, row: int | None, column: str | None, said: str
) -> None:
    folder = shop(tmp_path, inter=text)
    with pytest.raises(DataError, match=said) as caught:
        load(folder)
    error = caught.value
    assert error.file == folder / "shop.inter"
    assert (error.row, error.column) == (row, column)
    assert str(error).startswith(str(error.file))
    assert error.remedy.rstrip().endswith((".", "`."))
    if row is not None:
        assert f"row {row}" in str(error)


@pytest.mark.parametrize(
    ("text", "row", "column", "said"),
    [
        ("item_id:token\tprice:float\na\t1\nb\t2\na\t3\n", 4, "item_id", "already .* row 2"),
        ("item_id:token\tprice:float\na\t1\n\t2\n", 3, "item_id", "is empty"),
        ("item_id:token\tprice:float\na\t1\nb\tcheap\n", 3, "price", "'cheap'"),
        ("name:token\tprice:float\na\t1\n", 1, "item_id", "is missing"),
        ("", None, None, "empty"),
    ],
)
def test_bad_items_are_refused_with_their_place(
    tmp_path: Path, text: str, row: int | None, column: str | None, said: str
) -> None:
    folder = shop(tmp_path, item=text)
    with pytest.raises(DataError, match=said) as caught:
        load(folder)
    assert caught.value.file == folder / "shop.item"
    assert (caught.value.row, caught.value.column) == (row, column)


def test_twice_described_users_are_refused(tmp_path: Path) -> None:
    folder = shop(tmp_path, user="user_id:token\nu1\nu1\n")
    with pytest.raises(DataError, match=r"shop\.user, row 3, column 'user_id'"):
        load(folder)


@pytest.mark.parametrize(
    ("text", "row", "column", "said"),
    [
        ("customer,product,stars\nu,i,5\nu,j,x\n", 3, "stars", "'x'"),
        ('customer,product,stars\n"u,1",i,5\n"u\n2",j,x\n', 4, "stars", "'x'"),
        ("customer,product,stars\nu,i\n", 2, None, "2 fields where 3 belong"),
        ("customer,product,stars\nu,i,\n", 2, "stars", "missing"),
        ("customer,thing,stars\nu,i,4\n", 1, "product", "missing"),
        ("customer,product\nu,i\n", 1, "stars", "missing"),
        ("customer,product,product\nu,i,4\n", 1, "product", "twice"),
    ],
)
def test_bad_csv_is_refused_under_the_names_of_the_reader(
    tmp_path: Path, text: str, row: int, column: str | None, said: str
) -> None:
    (tmp_path / "orders.csv").write_text(text)
    names = {"user_id": "customer", "item_id": "product", "rating": "stars"}
    with pytest.raises(DataError, match=said) as caught:
        load(tmp_path, columns=names)
    assert caught.value.file == tmp_path / "orders.csv"
    assert (caught.value.row, caught.value.column) == (row, column)


def test_csv_without_known_columns_lists_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("customer;product\nu;i\n")
    with pytest.raises(DataError, match="The file has: customer;product"):
        load(tmp_path)


def test_parquet_with_text_for_a_rating_is_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"user_id": ["u", "v"], "item_id": ["i", "j"], "rating": ["4", "good"]})
    frame.to_parquet(tmp_path / "ratings.parquet")
    with pytest.raises(DataError, match=r"row 3, column 'rating': 'good' is not a number"):
        load(tmp_path)


def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ratings.parquet").write_text("user_id,item_id")
    with pytest.raises(DataError, match="not a Parquet file"):
        load(tmp_path)


@pytest.mark.parametrize("text", ["- a\n", "user_id: 3\n", "user_id: [a\n"])
def test_bad_columns_yaml_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "columns.yaml").write_text(text)
    (tmp_path / "ratings.csv").write_text("user_id,item_id\nu,i\n")
    with pytest.raises(DataError, match=r"columns\.yaml"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "no file of"),
        (["a.csv", "b.csv"], "which of a.csv, b.csv"),
        (["a.inter", "b.inter"], "several files"),
    ],
)
def test_a_folder_without_clear_interactions_is_refused(
    tmp_path: Path, names: list[str], said: str
) -> None:
    for name in names:
        (tmp_path / name).write_text("user_id,item_id\nu,i\n")
    with pytest.raises(DataError, match=said):
        load(tmp_path)
