"""Which rows of a ledger stand for each recommender now, and which are left out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from reclib.conditions import AS_IS
from reclib.recommenders import CATALOGUE
from reclib.recommenders.deep.settings import Settings
from reclib.spec import SILENCE, TRAINED

MODEL = ["dataset", "protocol", "recommender"]
NEWEST = {
    "dataset_checksum": ["dataset"],
    "split_checksum": ["dataset", "protocol", "fold"],
    "text": MODEL,
}
"""What the last run decides for all of its group: the data, the split, the settings."""
QUESTION = ("kind", "stage", "dataset_checksum", "split_checksum", "protocol", "fold",
            "recommender", "settings", "seed", "condition")  # fmt: skip
"""What has to be the same for one row to stand for another."""


def newest(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the test runs that stand for each recommender now.

    Of runs with several settings those with the newest; of several runs with one seed on one
    fold, by other versions of the code, the last. A run with a branch switched off answers
    another question, and one on data since changed (other inclusion criteria, another file) or
    on another split cannot be compared with the others.

    Parameters
    ----------
    rows : sequence of dict
        Rows of a ledger, of any kind and of any number of datasets.
    """
    wanted = [row for row in rows if is_result(row)]
    if not wanted:
        return []
    frame = pd.DataFrame(wanted).assign(place=range(len(wanted)))
    frame["text"] = [json.dumps(row["settings"], sort_keys=True) for row in wanted]
    frame["finished"] = [row.get("finished", "") for row in wanted]
    frame = frame.sort_values("finished", kind="stable")
    for column, groups in NEWEST.items():
        frame = frame[frame[column] == frame.groupby(groups)[column].transform("last")]
    last = frame.drop_duplicates([*MODEL, "fold", "seed"], keep="last")
    return [wanted[place] for place in sorted(last["place"])]


def is_result(row: Mapping[str, Any]) -> bool:
    """Return whether a row is a test run of a whole recommender, no trial and no ablation.

    Nor is a run under a condition: it answers another question.
    """
    if row.get("condition"):
        return False
    branches = row.get("settings", {}).get("branches", Settings.branches)
    whole = set(branches) == set(Settings.branches)
    return whole and row.get("kind") == "run" and row.get("stage") == "test"


def conditioned_results(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the test runs under conditions with the settings that stand for each recommender.

    A run with other settings, trained for a single epoch for instance, is of no interest outside
    the chapter that made it; item vectors that are silenced in training are the exception, since
    that belongs to the condition. What is not trained has no shorter form:
    it counts also where it was run under conditions alone.
    """
    chosen = {_model(row): _settings(row) for row in newest(rows)}
    under = [
        row
        for row in rows
        if row.get("condition") and is_result({**row, "condition": None})
        and chosen.get(_model(row), _alone(row)) == _settings(row)
    ]  # fmt: skip
    last = {
        json.dumps([_model(row), _parameters(row), row["fold"], row["seed"]], sort_keys=True): row
        for row in sorted(under, key=lambda row: str(row.get("finished", "")))
    }
    return list(last.values())


def part_results(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the test runs with some branches alone, and else the settings that stand now.

    Of several by one seed on one fold, the last.
    """
    chosen = {_model(row): row["settings"] for row in newest(rows)}
    parts = {}
    for row in sorted(rows, key=lambda row: str(row.get("finished", ""))):
        others = {name: value for name, value in row["settings"].items() if name != "branches"}
        plain = {**row, "settings": others}
        if not is_result(row) and is_result(plain) and chosen.get(_model(row)) == others:
            branches = sorted(row["settings"]["branches"])
            parts[(*_model(row), *branches, row["fold"], row["seed"])] = row
    return list(parts.values())


def _model(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in (*MODEL, "dataset_checksum"))


def _settings(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row["settings"].items() if name != SILENCE}


def _alone(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what was chosen for a recommender that has no run on the data as they are."""
    trained = CATALOGUE[row["recommender"]].family in TRAINED
    return None if trained else _settings(row)


def _parameters(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row["condition"].items() if name != "code"}


def brief_runs(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the runs under conditions that are none of the results.

    Every build makes them anew, with fewer epochs, for the chapter that compares them with each
    other. Runs with some branches alone are kept: the twins of those with pictures are among
    them, except on the data as they are, where they are part of an abridged ablation.
    """
    results = {row["key"] for row in conditioned_results(rows)}
    under = [row for row in rows if row.get("condition") and row["key"] not in results]
    return [
        row for row in under
        if row["condition"]["name"] == AS_IS.name or is_result({**row, "condition": None})
    ]  # fmt: skip


def last_of_each(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the last finished of the rows that answer the same question, the oldest first.

    Other versions of the code, and other machines, answer it anew.
    """
    ordered = sorted(rows, key=lambda row: str(row.get("finished", "")))
    found: dict[str, dict[str, Any]] = {}
    for row in ordered:
        question = json.dumps([row.get(name) for name in QUESTION], sort_keys=True)
        found.pop(question, None)  # so that it moves to its new place
        found[question] = row
    return list(found.values())
