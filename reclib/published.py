"""The published ledger: its runs beside those of a build, and what of a build is added to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from reclib.ledger import PUBLISHED, Ledger, Run, read_rows
from reclib.per_user import PublishedRun, Stored, read_per_user, write_per_user
from reclib.standing import brief_runs, conditioned_results, last_of_each, newest, part_results


def published_runs(folder: Path = PUBLISHED, *, without: Sequence[str] = ()) -> list[Run]:
    """Return the runs of the published ledger that stand for each recommender, by dataset.

    Parameters
    ----------
    folder : Path
        Holds ``<dataset>.jsonl`` and, for what `write_per_user` keeps, ``<dataset>.parquet``.
    without : sequence of str
        Datasets that are left out.
    """
    runs: list[Run] = []
    for path in sorted(folder.glob("*.jsonl")):
        if path.stem not in without:
            stored = read_per_user(path.with_suffix(".parquet"))
            found = newest(read_rows(path))
            runs += [PublishedRun(row, folder, stored.get(row["key"], {})) for row in found]
    return runs


def runs_on_record(ledger: Ledger | None, folder: Path = PUBLISHED) -> dict[str, list[Run]]:
    """Return the runs that stand for each recommender, of a ledger and published, by dataset.

    A run of the ledger is taken before the published one with the same key. Published runs add
    data, seeds and folds that the ledger does not have, where their settings are the same.

    Parameters
    ----------
    ledger : Ledger or None
        What was made here, if anything was.
    folder : Path
        As in `published_runs`.
    """
    mine = {} if ledger is None else {row["key"]: row for row in ledger.rows()}
    found: dict[str, list[Run]] = {row["dataset"]: [] for row in mine.values()}
    stored: dict[str, Stored] = {}
    rows = []
    for path in sorted(folder.glob("*.jsonl")):
        stored |= read_per_user(path.with_suffix(".parquet"))
        rows += [row for row in read_rows(path) if row["key"] not in mine]
    for row in newest([*rows, *mine.values()]):
        run: Run = PublishedRun(row, folder, stored.get(row["key"], {}))
        if ledger is not None and row["key"] in mine:
            run = Run(row, ledger.folder / "runs" / str(row["key"]))
        found.setdefault(row["dataset"], []).append(run)
    return found


def conditioned_on_record(
    ledger: Ledger | None, dataset: str, folder: Path = PUBLISHED
) -> list[Run]:
    """Return the runs of a dataset under conditions, of a ledger and published.

    As `runs_on_record` does for those on the data as they are.
    """
    return _on_record(ledger, dataset, conditioned_results, folder)


def parts_on_record(ledger: Ledger | None, dataset: str, folder: Path = PUBLISHED) -> list[Run]:
    """Return the runs of a dataset with some branches alone, of a ledger and published."""
    return _on_record(ledger, dataset, part_results, folder)


def _on_record(
    ledger: Ledger | None,
    dataset: str,
    chosen: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
    folder: Path,
) -> list[Run]:
    """Return the chosen runs of a dataset whose values a user are at hand."""
    path = folder / f"{dataset}.jsonl"
    rows = [] if ledger is None else ledger.rows()
    mine = {row["key"]: row for row in rows if row["dataset"] == dataset}
    stored = read_per_user(path.with_suffix(".parquet"))
    others = [row for row in read_rows(path) if row["key"] not in mine]
    runs: list[Run] = []
    for row in chosen([*others, *mine.values()]):
        if ledger is not None and row["key"] in mine:
            runs.append(Run(row, ledger.folder / "runs" / str(row["key"])))
        elif row["key"] in stored:
            runs.append(PublishedRun(row, folder, stored[row["key"]]))
    return runs


def publish(ledger: Ledger, dataset: str, folder: Path = PUBLISHED) -> Path:
    """Add the rows of a dataset to the published ones, and the values a user of its results.

    Readers of the quick edition see the trials of the search there, and everybody the numbers.
    What was published before and not made again by this ledger stays; what a quick chapter
    makes anew for itself is left out, see `brief_runs`.
    """
    path = folder / f"{dataset}.jsonl"
    mine = [row for row in ledger.rows() if row["dataset"] == dataset]
    rows = last_of_each([*read_rows(path), *mine])
    brief = {row["key"] for row in brief_runs(rows)}
    rows = [row for row in rows if row["key"] not in brief]
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = [*newest(rows), *conditioned_results(rows), *part_results(rows)]
    write_per_user(ledger, shown, path.with_suffix(".parquet"))
    compact = (",", ":")  # the file is committed, and grows with every result
    lines = (json.dumps(row, sort_keys=True, separators=compact) + "\n" for row in rows)
    scratch = path.with_suffix(".unfinished")
    scratch.write_text("".join(lines), encoding="utf-8")
    scratch.replace(path)
    return path
