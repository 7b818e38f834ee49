"""What tests of preparation share: files to prepare, the small path as reference, digests."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl

from reclib.datasets import load
from reclib.inclusion import include
from reclib.prepare import Settings
from reclib.splits import Split, make_split

ROOT = Path(__file__).parents[2]
AMAZON = {
    "names": ("item", "user", "rating", "timestamp"),
    "columns": {"user_id": "user", "item_id": "item"},
}


def write(frame: pd.DataFrame, path: Path) -> Path:
    """Write interactions in the format that the ending of the path names."""
    kind = path.name.partition(".")[2]
    if kind.startswith("parquet"):
        frame.to_parquet(path, index=False, row_group_size=7)
        return path
    lines = kind.startswith("jsonl")
    separator = "\t" if kind.startswith("tsv") else ","
    text = frame.to_json(orient="records", lines=True) if lines else frame.to_csv(
        index=False, sep=separator)  # fmt: skip
    path.write_bytes(gzip.compress(text.encode()) if kind.endswith("gz") else text.encode())
    return path


def reference(frame: pd.DataFrame, folder: Path, settings: Settings) -> Split:
    """Split the same interactions in memory, by the path that small data take."""
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "interactions.csv", index=False)
    included = include(load(folder), min_user=settings.min_user, min_item=settings.min_item)
    return make_split(included.dataset, settings.protocol, fold=settings.fold, seed=settings.seed)


def read(out: Path) -> pd.DataFrame:
    """Read all files of a result, in order."""
    return pl.read_parquet(sorted((out / "interactions").iterdir())).to_pandas()


def assert_equal(out: Path, expected: Split) -> None:
    found, wanted = read(out), expected.interactions
    assert found.columns.tolist() == wanted.columns.tolist()
    for name in wanted:
        one, other = found[name], wanted[name]
        if name == "part":
            one, other = one.astype(str), other.astype(str)
        pd.testing.assert_series_equal(one, other)
    for kind, ids in (("user", expected.user_ids), ("item", expected.item_ids)):
        table = pl.read_parquet(out / f"{kind}s.parquet")
        assert table[kind].to_list() == list(range(len(ids)))
        assert table[f"{kind}_id"].to_list() == list(ids)


def digest(out: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a result."""
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def counts(out: Path) -> dict[str, Any]:
    return json.loads((out / "prepared.json").read_text())


def unfinished(out: Path) -> Path:
    return out.with_name(f".{out.name}.unfinished")


def start(file: Path, out: Path, *words: str, **options: Any) -> subprocess.Popen[str]:
    """Start a preparation as a person does, in a process group of its own."""
    columns = "columns={user_id: user, item_id: item}"
    given = [f"files={file}", f"out={out}", "names=item user rating timestamp", columns, *words]
    environment = {key: value for key, value in os.environ.items() if "RECLIB" not in key}
    return subprocess.Popen(
        [sys.executable, "-m", "reclib", "prepare", *given], cwd=ROOT, text=True,
        env=environment | {"PYTHONPATH": str(ROOT)}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def marks(out: Path, stage: str = "read") -> list[Path]:
    """Return the marks of the jobs of a stage that are done."""
    return list((unfinished(out) / "marks" / stage).glob("[0-9]*.json"))
