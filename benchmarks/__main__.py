"""``python -m benchmarks``: how much of the machine we use, and ours beside named peers."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pooch

from reclib.datasets import CATALOGUE
from reclib.datasets.movielens import has_movielens

Options = dict[str, Any]
TABLES: dict[str, Callable[[Any, Options], Any]] = {
    "matmul_share": lambda module, o: module.measure_all(o["dataset"], o["threads"]),
    "neighbours": lambda module, o: module.compare_all(o["large"], o["threads"]),
    "metrics": lambda module, o: module.compare_all(o["large"], o["threads"]),
    "ddp": lambda module, o: module.compare_all(o["dataset"]),
    "sequence_models": lambda module, o: module.compare_all(o["dataset"], o["ratio"], o["threads"]),
}
"""How each module of this package makes its table, in the order in which they run.

A module is imported when its turn comes, and returns a frame that is printed.
"""


def main() -> None:
    """Run the benchmarks and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", help="default: ml-100k, and ml-1m, where it is at hand, "
                        "for what is over in seconds")  # fmt: skip
    parser.add_argument("--ratio", type=float, default=20.0, help="times our time RecBole may take")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=tuple(TABLES), nargs="+", default=tuple(TABLES))
    options = vars(parser.parse_args())
    options["large"] = options["dataset"] or largest_at_hand()
    options["dataset"] = options["dataset"] or "ml-100k"
    for name in options["only"]:
        table = TABLES[name](import_module(f"benchmarks.{name}"), options)
        print(f"\n{name}\n{table.to_string(index=False)}", flush=True)


def largest_at_hand() -> str:
    """Return ml-1m where it lies among the datasets already, else ml-100k."""
    folder = Path(os.environ.get("RECLIB_DATA") or pooch.os_cache("reclib")).expanduser() / "ml-1m"
    there = (folder / "ml-1m.inter").is_file() or has_movielens(folder, CATALOGUE["ml-1m"])
    return "ml-1m" if there else "ml-100k"


if __name__ == "__main__":
    main()
