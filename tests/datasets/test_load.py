from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclib.datasets import CATALOGUE, Dataset, load
from reclib.datasets.canonical import checksum
from reclib.errors import DataError, UnknownName
from reclib.study import Study

SHARED = Path(__file__).parents[3] / "shared/data"
SIZES = {  # from the README beside the files
    "ml-1m": (6040, 3706, 1_000_209),
    "ml-1m-5core": (6040, 3706, 1_000_209),
    "amazon-beauty": (22_363, 12_101, 198_502),
    "amazon-sports": (35_598, 18_357, 296_337),
    "amazon-ratings": (6170, 2753, 195_791),
    "lastfm": (1892, 17_632, 92_834),
    "yelp": (30_431, 20_033, 316_354),
}


@pytest.fixture
def ml_100k() -> Dataset:
    return load("ml-100k")


def test_ml_100k_is_complete_and_canonical(ml_100k: Dataset) -> None:
    frame = ml_100k.interactions
    assert (ml_100k.n_users, ml_100k.n_items, len(frame)) == (943, 1682, 100_000)
    assert list(frame.columns) == ["user_id", "item_id", "rating", "timestamp"]
    assert frame.iloc[0].tolist() == ["196", "242", 3.0, 881_250_949.0]
    assert ml_100k.users is not None
    assert ml_100k.items is not None
    assert (len(ml_100k.users), len(ml_100k.items)) == (943, 1682)
    assert ml_100k.kinds["genre"] == "token_seq"
    assert ml_100k.scale == (1, 5)


def test_loading_twice_gives_the_same_checksum(ml_100k: Dataset) -> None:
    assert load("ml-100k").checksum == ml_100k.checksum
    assert len(ml_100k.checksum) == 64


def test_embedded_data_is_found_without_importing_recbole_or_torch() -> None:
    code = (
        "import sys, reclib.datasets as d; d.load('ml-100k'); "
        "print({'recbole', 'torch'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="only where the larger datasets lie")
@pytest.mark.parametrize("name", SIZES)
def test_real_data_has_its_known_size(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECLIB_DATA", str(SHARED))
    data = load(name)
    assert (data.n_users, data.n_items, len(data.interactions)) == SIZES[name]
    assert data.title == CATALOGUE[name].title


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="only where the larger datasets lie")
def test_the_5_core_of_movielens_1m_is_what_sasrec_was_published_on() -> None:
    folder = SHARED / "ml-1m/published"
    pairs = np.loadtxt(folder / "sasrec-sequences.txt", np.int64)
    columns = []
    for column, name in zip(pairs.T, ("users", "items"), strict=True):
        sasrec, original = np.loadtxt(folder / f"sasrec-to-original-{name}.txt", np.int64).T
        columns.append(original[np.argsort(sasrec)][column - 1])
    study = Study.open("ml-1m-5core", data_dir=str(SHARED))
    ours = study.dataset.interactions[["user_id", "item_id"]].astype(np.int64)
    published = pd.DataFrame(dict(zip(ours, columns, strict=True)))
    of_user = [frame.groupby("user_id")["item_id"].agg(tuple) for frame in (ours, published)]
    pd.testing.assert_series_equal(*of_user)


def test_titles_carry_the_year_and_fall_back_to_the_id() -> None:
    data = Dataset(
        "d",
        "D",
        pd.DataFrame({"user_id": ["u", "u"], "item_id": ["1", "9"]}),
        items=pd.DataFrame(
            {
                "item_id": ["1", "2", "3"],
                "movie_title": ["Toy Story", "Jumanji", np.nan],
                "release_year": ["1995", np.nan, np.nan],
            }
        ),
    )
    expected = {"1": "Toy Story (1995)", "2": "Jumanji", "3": "3", "9": "9"}
    assert data.titles().to_dict() == expected
    assert replace(data, items=None).titles().to_dict() == {"1": "1", "9": "9"}


def test_with_interactions_changes_the_checksum_and_nothing_else(ml_100k: Dataset) -> None:
    fewer = ml_100k.with_interactions(ml_100k.interactions.iloc[5:])
    assert fewer.checksum != ml_100k.checksum
    assert fewer.interactions.index[0] == 0
    assert (fewer.items is ml_100k.items, fewer.scale) == (True, (1, 5))
    assert ml_100k.with_interactions(ml_100k.interactions).checksum == ml_100k.checksum


IDS = st.lists(st.sampled_from(["a", "b", "ab", ""]), min_size=1, max_size=6)


@given(IDS, IDS)
def test_checksum_tells_contents_apart_and_ignores_the_index(
    first: list[str], second: list[str]
) -> None:
    def of(values: list[str], start: int = 0) -> str:
        index = range(start, start + len(values))
        return checksum(pd.DataFrame({"user_id": values}, index=index))

    assert (of(first) == of(second)) == (first == second)
    assert of(first) == of(first, start=7)


def test_checksum_does_not_move_values_between_columns_or_frames() -> None:
    frames = [
        pd.DataFrame({"a": ["x"], "b": ["y"]}),
        pd.DataFrame({"a": ["y"], "b": ["x"]}),
        pd.DataFrame({"a": ["x"]}),
        pd.DataFrame({"b": ["x"]}),
        pd.DataFrame({"a": [1.0]}),
        pd.DataFrame({"a": [np.nan]}),
    ]
    sums = [checksum(frame, None) for frame in frames] + [checksum(None, frames[2])]
    assert len(set(sums)) == len(sums)


def test_unknown_names_and_paths() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'ml-100k'"):
        load("ml100k")
    with pytest.raises(DataError, match="folder is not there"):
        load("./nowhere/at-all")
    with pytest.raises(DataError, match="Give the folder"):
        load(__file__)


@pytest.mark.parametrize("name", [n for n, e in CATALOGUE.items() if not e.url and not e.embedded])
def test_what_code_cannot_download_says_where_to_put_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="cannot be downloaded") as caught:
        load(name, data_dir=tmp_path)
    assert caught.value.file == tmp_path / name
    assert f"{name}.inter" in caught.value.remedy
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", CATALOGUE)
def test_own_atomic_files_go_before_everything_else(tmp_path: Path, name: str) -> None:
    files = CATALOGUE[name].files or name
    folder = tmp_path / files
    folder.mkdir()
    (folder / f"{files}.inter").write_text(
        "\ufeffuser_id:token\titem_id:token\r\n 1\t01\r\n2\tNA\r\n"
    )
    data = load(name, data_dir=tmp_path)
    assert data.interactions.to_numpy().tolist() == [["1", "01"], ["2", "NA"]]
    assert not data.has_ratings
    assert not data.has_times


def test_missing_ids_and_quotes_are_kept_for_inclusion_to_judge(tmp_path: Path) -> None:
    (tmp_path / "x.inter").write_text('user_id:token\titem_id:token\n\t"7\nu\t\n')
    found = load(tmp_path).interactions
    assert found.to_numpy().tolist() == [["", '"7'], ["u", ""]]


def write_movielens(folder: Path) -> None:
    folder.mkdir()
    (folder / "ratings.dat").write_text("1::10::5::978300760\n1::20::3::978302109\n")
    (folder / "users.dat").write_text("1::F::1::10::48067\n")
    films = (
        "10::Toy Story (1995)::Animation|Children's\n20::Mis\xe9rables, Les::(no genres listed)\n"
    )
    (folder / "movies.dat").write_text(films, encoding="latin-1")


def test_official_dat_files(tmp_path: Path) -> None:
    write_movielens(tmp_path / "ml-1m")
    data = load("ml-1m", data_dir=tmp_path)
    assert data.interactions.iloc[1].tolist() == ["1", "20", 3.0, 978_302_109.0]
    assert data.users is not None
    assert data.users.iloc[0].tolist() == ["1", "F", "1", "10", "48067"]
    assert data.items is not None
    assert data.items["genre"].tolist()[0] == "Animation Children's"
    assert data.items["genre"].isna().tolist() == [False, True]
    assert data.titles().tolist() == ["Toy Story (1995)", "Mis\xe9rables, Les"]


@pytest.mark.parametrize(
    ("line", "row", "column"), [("1::20::x::5", 3, "rating"), ("1::20::3", 3, None)]
)
def test_bad_dat_lines_are_refused(tmp_path: Path, line: str, row: int, column: str | None) -> None:
    write_movielens(tmp_path / "ml-1m")
    with (tmp_path / "ml-1m/ratings.dat").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(DataError) as caught:
        load("ml-1m", data_dir=tmp_path)
    assert (caught.value.row, caught.value.column) == (row, column)


def test_official_csv_files(tmp_path: Path) -> None:
    folder = tmp_path / "ml-20m"
    folder.mkdir()
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,2,3.5,1112486027\n")
    films = 'movieId,title,genres\n2,"American President, The (1995)",Comedy|Drama\n'
    (folder / "movies.csv").write_text(films)
    data = load("ml-20m", data_dir=tmp_path)
    assert data.titles().tolist() == ["American President, The (1995)"]
    assert data.interactions["rating"].tolist() == [3.5]
    assert data.users is None
    assert data.scale == (0.5, 5)


@pytest.mark.parametrize("kind", ["csv", "parquet", "tsv"])
def test_a_folder_of_ones_own_with_a_mapping(tmp_path: Path, kind: str) -> None:
    def write(frame: pd.DataFrame, stem: str) -> None:
        path = tmp_path / f"{stem}.{kind}"
        if kind == "parquet":
            frame.to_parquet(path)
        else:
            frame.to_csv(path, index=False, sep="," if kind == "csv" else "\t")

    orders = {"customer": [7, 8], "product": ["a", "b"], "stars": [4, 5], "when": [100, 200]}
    write(pd.DataFrame(orders), "interactions")
    items = {"product": ["a", "b"], "title": ["Red, hat", "Cap"], "price": [1.5, 2], "size": [4, 5]}
    write(pd.DataFrame(items), "items")
    yaml = "user_id: customer\nitem_id: product\nrating: stars\ntimestamp: when\n"
    (tmp_path / "columns.yaml").write_text(yaml)
    data = load(tmp_path)
    assert data.interactions.to_numpy().tolist() == [["7", "a", 4, 100], ["8", "b", 5, 200]]
    assert data.kinds == {"title": "token_seq", "price": "float", "size": "token"}
    assert data.titles().tolist() == ["Red, hat", "Cap"]
    assert data.items is not None
    assert data.items["price"].tolist() == [1.5, 2]
    assert data.name == tmp_path.name


def test_parquet_dates_become_seconds_and_gaps_missing_ids(tmp_path: Path) -> None:
    when = pd.to_datetime(["2001-09-09 01:46:40", "1970-01-01 00:00:00"])
    frame = pd.DataFrame({"user_id": [1.0, np.nan], "item_id": ["a", None], "timestamp": when})
    frame.to_parquet(tmp_path / "any.parquet")
    found = load(tmp_path).interactions
    assert found.to_numpy().tolist() == [["1", "a", 1e9], ["", "", 0]]
