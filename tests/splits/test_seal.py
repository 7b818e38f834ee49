from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_data import FULL, dataset

from reclib.datasets import Dataset
from reclib.errors import DataError
from reclib.splits import make, make_split


def cut(path: Path, keep: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])


def swap_two_parts(folder: Path) -> None:
    frame = pd.read_parquet(folder / "interactions.parquet")
    parts = frame["part"].astype(str)
    parts[parts.eq("test").idxmax()] = "train"
    frame["part"] = parts.astype("category")
    frame.to_parquet(folder / "interactions.parquet", index=False)


def rename_a_user(folder: Path) -> None:
    with np.load(folder / "arrays.npz") as found:
        arrays = dict(found)
    arrays["user_ids"][0] = "zz"
    np.savez(folder / "arrays.npz", **arrays)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a test interaction moved to train": swap_two_parts,
    "a user renamed": rename_a_user,
    "the interactions cut short": lambda folder: cut(folder / "interactions.parquet", 0.5),
    "the arrays cut short": lambda folder: cut(folder / "arrays.npz", 0.5),
    "the arrays empty": lambda folder: cut(folder / "arrays.npz", 0),
    "the arrays gone": lambda folder: (folder / "arrays.npz").unlink(),
    "the seal empty": lambda folder: cut(folder / "seal.json", 0),
    "the seal of something else": lambda folder: (folder / "seal.json").write_text("[1]"),
    "another checksum": lambda folder: (folder / "seal.json").write_text('{"checksum": "0"}'),
}


def sealed_folder(root: Path) -> Path:
    (folder,) = (root / "small").iterdir()
    return folder


def test_a_split_is_written_once_and_read_again_equal(
    small: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_split(small, "strong", fold=1, folder=tmp_path)
    monkeypatch.setattr(make, "_make", lambda *_: pytest.fail("made again"))
    again = make_split(small, "strong", fold=1, folder=tmp_path)
    pd.testing.assert_frame_equal(first.interactions, again.interactions)
    assert first.user_ids.tolist() == again.user_ids.tolist()
    assert first.item_ids.tolist() == again.item_ids.tolist()
    assert first.checksum == again.checksum
    seal = json.loads((sealed_folder(tmp_path) / "seal.json").read_text())
    assert seal == {"checksum": first.checksum}


def test_negatives_survive_the_seal(tmp_path: Path) -> None:
    rows = [(user, item, item) for user in range(3) for item in range(60 * user, 60 * user + 60)]
    data = dataset(pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"], dtype=float))
    made, sealed = (make_split(data, "sampled", folder=place) for place in (None, tmp_path))
    np.testing.assert_array_equal(made.negatives, sealed.negatives)
    assert sealed.negatives.dtype == np.int32


@pytest.mark.parametrize("protocol", ["holdout", "leave-last-out", "temporal", "strong"])
def test_the_checksum_does_not_depend_on_the_folder(
    small: Dataset, protocol: str, tmp_path: Path
) -> None:
    in_memory, on_disk = (make_split(small, protocol, folder=place) for place in (None, tmp_path))
    assert in_memory.checksum == on_disk.checksum
    pd.testing.assert_frame_equal(in_memory.interactions, on_disk.interactions)


def test_fold_seed_protocol_and_data_each_have_a_seal_of_their_own(
    small: Dataset, tmp_path: Path
) -> None:
    other = small.with_interactions(small.interactions.iloc[:-1])
    splits = [
        make_split(small, "holdout", folder=tmp_path),
        make_split(small, "holdout", fold=1, folder=tmp_path),
        make_split(small, "holdout", seed=1, folder=tmp_path),
        make_split(small, "temporal", folder=tmp_path),
        make_split(other, "holdout", folder=tmp_path),
        make_split(small, "strong", folder=tmp_path),
        make_split(small, "strong", fold=1, folder=tmp_path),
    ]
    assert len({split.checksum for split in splits}) == len(splits)
    assert len(list((tmp_path / "small").iterdir())) == len(splits)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_split_is_refused_with_its_folder_and_a_remedy(
    small: Dataset, tmp_path: Path, damage: str
) -> None:
    make_split(small, "holdout", folder=tmp_path)
    folder = sealed_folder(tmp_path)
    DAMAGES[damage](folder)
    with pytest.raises(DataError, match=r"altered\. Delete the folder") as caught:
        make_split(small, "holdout", folder=tmp_path)
    assert caught.value.file == folder
    shutil.rmtree(folder)
    assert len(make_split(small, "holdout", folder=tmp_path).users()) > 0, "the remedy is no remedy"


def test_a_folder_that_cannot_be_written_is_named(small: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"cannot be written.*build_dir"):
        make_split(small, "holdout", folder=tmp_path / "file")


def test_another_process_may_seal_the_same_split_first(
    small: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = make._make

    def overtaken(*arguments: object) -> object:
        split = honest(*arguments)
        monkeypatch.setattr(make, "_make", honest)
        make_split(small, "holdout", folder=tmp_path)  # the other process
        return split

    monkeypatch.setattr(make, "_make", overtaken)
    split = make_split(small, "holdout", folder=tmp_path)
    assert split.checksum == make_split(small, "holdout").checksum
    assert sealed_folder(tmp_path).name.startswith("holdout-0-"), "something was left behind"


@pytest.mark.parametrize("step", ["to_parquet", "savez", "write_text"])
def test_a_full_disk_leaves_nothing_half_written(
    small: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: object, **__: object) -> None:
        (scratch,) = (tmp_path / "small").iterdir()
        (scratch / "half").write_bytes(b"x" * 10)
        raise FULL

    owner = {"to_parquet": pd.DataFrame, "savez": np, "write_text": Path}[step]
    with monkeypatch.context() as patch:
        patch.setattr(owner, step, full)
        with pytest.raises(DataError, match="No space left on device"):
            make_split(small, "holdout", folder=tmp_path)
    assert list((tmp_path / "small").iterdir()) == []
    assert len(make_split(small, "holdout", folder=tmp_path).users()) > 0
