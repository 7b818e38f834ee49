"""A stand-in for the Amazon ratings of 2018: its shape, its kind of ids, nobody's data.

The shape is the one that Ni, Li and McAuley (EMNLP 2019) publish with their release: 233.1
million ratings by 43.5 million users of 15.2 million items, from 1996 to 2018, as lines of item,
user, rating and time without a header.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from reclib.errors import DataError, UnknownName
from reclib.progress import counted

ROWS, USERS, ITEMS = 233_100_000, 43_500_000, 15_200_000
COLUMNS = ("item", "user", "rating", "timestamp")
FIRST_DAY, LAST_DAY = 9_636, 17_806
"""Days since 1970 of 1996-05-20 and 2018-10-02."""
TAIL = {"user": 8.0, "item": 10.0}
"""Logarithm of how often the most popular is drawn for once that the least popular is."""
GROWTH = 5.0
"""Days = first + span * uniform ** (1 / growth): most ratings are late."""
RATING_SHARES = (0.08, 0.05, 0.08, 0.17, 0.62)
BLOCK = 1 << 19
DIGITS = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", dtype=np.uint8)

Numbers = npt.NDArray[np.uint64]
Text = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Shape:
    """Sizes of the file: users and items in the published proportion, each there at least once.

    Parameters
    ----------
    rows : int
    seed : int
    """

    rows: int = ROWS
    seed: int = 2026

    @property
    def users(self) -> int:
        """Number of distinct users."""
        return max(1, self.rows * USERS // ROWS)

    @property
    def items(self) -> int:
        """Number of distinct items."""
        return max(1, self.rows * ITEMS // ROWS)


def write_ratings(path: str | Path, rows: int = ROWS, seed: int = 2026) -> Path:
    """Write the stand-in to a CSV file, which appears when it is complete.

    Parameters
    ----------
    path : str or Path
    rows : int
        Number of lines.
    seed : int
        The same seed gives the same bytes.
    """
    target = Path(path)
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        with unfinished.open("wb") as file, counted(rows, label="generate") as done:
            for n_rows, block in blocks(Shape(rows, seed)):
                file.write(block)
                done(n_rows)
        os.replace(unfinished, target)  # noqa: PTH105 (one step, also over an older file)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def generated(values: Mapping[str, Any]) -> Path:
    """Write the file that a command line asks for: ``out``, ``rows`` and ``seed``.

    Raises
    ------
    reclib.errors.UnknownName
        For another name.
    reclib.errors.DataError
        If ``out`` is missing or a number is none.
    """
    for name in values:
        if name not in ("out", "rows", "seed"):
            raise UnknownName("parameter", name, ("out", "rows", "seed"))
    if "out" not in values:
        raise DataError("'out' is missing", "Give out=ratings.csv.")
    numbers = {name: value for name, value in values.items() if name != "out"}
    for name, value in numbers.items():
        if not isinstance(value, int) or value < 1:
            raise DataError(f"{name} is '{value}'", "Give a whole number of at least 1.")
    return write_ratings(str(values["out"]), **numbers)


def blocks(shape: Shape) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of the file, a block at a time, with their number."""
    for start in range(0, shape.rows, BLOCK):
        places = np.arange(start, min(start + BLOCK, shape.rows), dtype=np.int64)
        yield len(places), _lines(shape, places, np.random.default_rng([shape.seed, start]))


def _lines(shape: Shape, places: npt.NDArray[np.int64], random: np.random.Generator) -> bytes:
    users = _drawn(places, shape, shape.users, TAIL["user"], random)
    items = _drawn(places, shape, shape.items, TAIL["item"], random)
    ratings = random.choice(5, len(places), p=RATING_SHARES)
    days = FIRST_DAY + (LAST_DAY - FIRST_DAY) * random.random(len(places)) ** (1 / GROWTH)
    comma = np.full((len(places), 1), ord(","), dtype=np.uint8)
    stars = np.frombuffer(b"1.02.03.04.05.0", dtype=np.uint8).reshape(5, 3)[ratings]
    times = _decimal(days.astype(np.int64) * 86_400)
    end = np.full((len(places), 1), ord("\n"), dtype=np.uint8)
    columns = (item_ids(items), comma, user_ids(users), comma, stars, comma, times, end)
    matrix = np.concatenate(columns, axis=1)  # [n_rows, width], zeros where a field is shorter
    return matrix[matrix != 0].tobytes()


def _drawn(
    places: npt.NDArray[np.int64], shape: Shape, size: int, tail: float, random: np.random.Generator
) -> Numbers:
    """Return a number below ``size`` for each row: each has its first row, the rest is drawn."""
    before, after = places * size // shape.rows, (places + 1) * size // shape.rows
    # popularity falls as 1 / (rank + constant): Zipf's law with a bounded head (Mandelbrot)
    drawn = (size * np.expm1(tail * random.random(len(places))) / np.expm1(tail)).astype(np.int64)
    step = next(n for n in range(int(size * 0.618) | 1, 2 * size + 2) if gcd(n, size) == 1)
    first = before * step % size  # each number once, in an order unrelated to its popularity
    return np.where(after > before, first, drawn).astype(np.uint64)


def user_ids(users: Numbers) -> Text:
    """Return ids such as ``A1C6M8LCIX4M6M``: uint8 ``[n, 14]``, some a character shorter."""
    mixed = users + np.uint64(0x9E3779B97F4A7C15)  # splitmix64: no two numbers become one
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    text = _base36(mixed ^ (mixed >> np.uint64(31)), 13)
    text[text[:, 0] == ord("0"), 0] = 0
    return np.concatenate([np.full((len(users), 1), ord("A"), np.uint8), text], axis=1)


def item_ids(items: Numbers) -> Text:
    """Return ids such as ``B00A3F9KXQ``: uint8 ``[n, 10]``."""
    mixed = (items * np.uint64(100_000_000_019) + np.uint64(36**7)) % np.uint64(36**8)
    head = np.broadcast_to(np.frombuffer(b"B0", dtype=np.uint8), (len(items), 2))
    return np.concatenate([head, _base36(mixed, 8)], axis=1)


def _base36(numbers: Numbers, width: int) -> Text:
    text = np.empty((len(numbers), width), dtype=np.uint8)
    for place in range(width - 1, -1, -1):
        numbers, digit = np.divmod(numbers, np.uint64(36))
        text[:, place] = DIGITS[digit]
    return text


def _decimal(numbers: npt.NDArray[np.int64]) -> Text:
    text = np.empty((len(numbers), 10), dtype=np.uint8)
    for place in range(9, -1, -1):
        numbers, digit = np.divmod(numbers, 10)
        text[:, place] = digit + ord("0")
    text[text[:, 0] == ord("0"), 0] = 0  # nine digits before September 2001
    return text
