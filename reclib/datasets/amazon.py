"""The Amazon reviews of 2014, 2018 and 2023 as their providers publish them."""

from __future__ import annotations

import ast
import html
import json
import re
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reclib.datasets import validate
from reclib.datasets.canonical import Dataset
from reclib.datasets.entry import Entry
from reclib.datasets.jsonlines import Broken, parsed, read_records
from reclib.datasets.source import Source, read

NUMBERS = frozenset({"rating", "timestamp"})
FIELDS = {
    "2014": {"reviewerID": str, "asin": str, "overall": float, "unixReviewTime": float},
    "2018": {"reviewerID": str, "asin": str, "overall": float, "unixReviewTime": float},
    "2023": {"user_id": str, "parent_asin": str, "rating": float, "timestamp": float},
}
"""User, item, rating and time of a review."""
RATINGS = {
    # two releases of one provider, in two orders and without a header
    "2014": ("user_id", "item_id", "rating", "timestamp"),
    "2018": ("item_id", "user_id", "rating", "timestamp"),
    "2023": ("user_id", "item_id", "rating", "timestamp"),
}
CANONICAL = ("user_id", "item_id", "rating", "timestamp")
KINDS = {"title": "token_seq", "brand": "token", "category": "token_seq", "price": "float"}
ASIN = re.compile(r"""['"](?:parent_)?asin['"]\s*:\s*['"]([^'"]*)['"]""")
PRICE = re.compile(r"\$?\s*(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)")


def find_file(folder: Path, name: str) -> Path | None:
    """Return a provider's file, packed as it came or unpacked by the reader."""
    paths = (folder / name, folder / name.removesuffix(".gz"))
    return next((path for path in paths if path.is_file()), None)


def has_amazon(folder: Path, entry: Entry) -> bool:
    """Return whether a folder holds the interactions."""
    return find_file(folder, list(entry.downloads)[-1]) is not None


def read_amazon(folder: Path, entry: Entry) -> Dataset:
    """Read the 5-core, the ratings or the reviews, and the attributes if they are there.

    In 2014 and 2018 the ratings have no header; 2014 puts the user first, 2018 the item. Times
    of 2023 are milliseconds and become seconds. The product of a review of 2023 is its parent,
    which its variants share.

    Raises
    ------
    reclib.errors.DataError
        For files of which nothing can be read, or for ratings with a wrong line. Broken lines of
        JSON are left out, counted and said in ``notes``.
    """
    year = entry.name.split("-")[1]
    *meta, reviews = (find_file(folder, name) for name in entry.downloads)
    assert reviews is not None  # asked before, by `has_amazon`
    read_one = _ratings if ".csv" in reviews.name else _reviews
    frame, notes = read_one(reviews, year)
    items = None
    if meta and meta[0] is not None:
        items, note = read_metadata(meta[0], set(frame["item_id"]), python=year == "2014")
        notes += note
    kinds = {} if items is None else {name: KINDS[name] for name in items.columns[1:]}
    return Dataset(
        entry.name, entry.title, frame, items=items, kinds=kinds, scale=entry.scale,
        notes=tuple(note for note in notes if note),
    )  # fmt: skip


def _ratings(path: Path, year: str) -> tuple[pd.DataFrame, list[str]]:
    source = Source(path, RATINGS[year], ",", header=year == "2023")
    frame = read(source, NUMBERS)
    if year == "2023":
        frame["timestamp"] /= 1000
    return validate.interactions(frame, source), []


def _reviews(path: Path, year: str) -> tuple[pd.DataFrame, list[str]]:
    found = read_records(path, FIELDS[year])
    frame = found.frame.rename(columns=dict(zip(FIELDS[year], CANONICAL, strict=True)))
    if year == "2023":
        frame["timestamp"] /= 1000
    source = Source(path, tuple(FIELDS[year]), header=False)
    return validate.interactions(frame, source), [found.broken.note()]


def read_metadata(
    path: Path, items: Container[str], *, python: bool = False
) -> tuple[pd.DataFrame | None, list[str]]:
    """Return title, brand, category and price of the items that are wanted, the first of each.

    Parameters
    ----------
    path : Path
        One object a line, in JSON or, in 2014, as a literal of Python, which is parsed as one
        and never run.
    items : container of str
        Identifiers; others are passed over before they are parsed.
    python : bool
        Whether it is Python.
    """
    broken = Broken(path)
    parse: Callable[[str], Any] = ast.literal_eval if python else json.loads
    rows: dict[str, dict[str, Any]] = {}

    def wanted(line: str) -> bool:
        found = ASIN.search(line)
        return found is None or found[1] in items  # without one it is parsed, and found broken

    for number, found in parsed(path, parse, broken, wanted):
        item = found.get("parent_asin", found.get("asin"))
        if not isinstance(item, str):
            broken.add(number, "it names no product")
        elif item in items:
            rows.setdefault(item, _attributes(item, found))
    frame = pd.DataFrame(list(rows.values())).dropna(axis=1, how="all") if rows else None
    return frame, [broken.note()]


def _attributes(item: str, found: Mapping[str, Any]) -> dict[str, Any]:
    brand = found.get("brand") or found.get("store")
    category = found.get("category") or found.get("categories") or found.get("main_category")
    return {
        "item_id": item,
        "title": _text(found.get("title")),
        "brand": _text(brand),
        "category": _words(category),
        "price": _price(found.get("price")),
    }


def _text(value: Any) -> str | float:
    text = " ".join(html.unescape(value).split()) if isinstance(value, str) else ""
    return text or np.nan


def _words(value: Any) -> str | float:
    """Return categories as one word each, general ones first, each once."""
    names = _flat(value)
    words = ["_".join(html.unescape(name).split()) for name in names]
    return " ".join(dict.fromkeys(word for word in words if word)) or np.nan


def _flat(value: Any) -> list[str]:
    if isinstance(value, list):
        return [name for part in value for name in _flat(part)]
    return [value] if isinstance(value, str) else []


def _price(value: Any) -> float:
    """Return a price in dollars; what is no single price is unknown."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) if np.isfinite(value) else np.nan
    found = PRICE.fullmatch(value.strip()) if isinstance(value, str) else None
    return float(found[1].replace(",", "")) if found else np.nan
