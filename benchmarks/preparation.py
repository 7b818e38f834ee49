"""Preparation of large files: time and memory beside plain scripts in other libraries.

All prepare the same generated file in the same run, one after the other, each in a process of its
own; its memory is that of the process and all it started, its work the processor seconds of both.
All must keep the same number of interactions. The best of the repetitions counts.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

from benchmarks.origin import BUILD, origin
from benchmarks.preparation_peers import PEERS
from reclib.prepare import generate

TABLE = "preparation.amazon-shape.csv"
LARGE = generate.ROWS
MOST_ROWS = {"pandas": 2_000_000, "polars": 20_000_000, "duckdb": 20_000_000,
             "ours, 1 worker": 20_000_000}  # fmt: skip
LOOK = 0.1


def compare_all(
    sizes: Sequence[int], repeats: int, scratch: Path, peers: Sequence[str] = tuple(PEERS)
) -> pd.DataFrame:
    """Measure peers at each size; the table is written anew as soon as a row is there."""
    path = BUILD / "benchmarks" / TABLE
    path.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for size in sizes:
        file = scratch / f"{size}.csv"
        if not file.exists():
            generate.write_ratings(file, size)
        names = [name for name in peers if size <= MOST_ROWS.get(name, size)]
        for name in names * repeats:
            rows.append({"rows": size, "peer": name} | measure(name, file, scratch) | origin())
            print(rows[-1], flush=True)
            best(pd.DataFrame(rows)).to_csv(path, index=False)
        kept = {row["kept"] for row in rows if row["rows"] == size}
        if len(kept) > 1:
            raise RuntimeError(f"they do not keep the same: {kept}")
    return best(pd.DataFrame(rows))


def measure(name: str, file: Path, scratch: Path) -> dict[str, Any]:
    """Run one preparation in a process; return seconds, processor seconds, GB and rows kept."""
    out = scratch / "out"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "benchmarks.preparation_peers", name, str(file), str(out)]
    used, started, peak = _used(), time.perf_counter(), 0
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        peak = max(peak, memory(watched))
        time.sleep(LOOK)
    seconds = time.perf_counter() - started
    printed = process.stdout.read() if process.stdout else ""
    shutil.rmtree(out, ignore_errors=True)
    if process.returncode:
        raise RuntimeError(f"{name} failed with {process.returncode}")
    return {"seconds": round(seconds, 2), "cpu seconds": round(_used() - used, 2),
            "peak gb": round(peak / 1e9, 3), "kept": int(printed.split()[-1]),
            "load": os.getloadavg()[0]}  # fmt: skip


def memory(process: psutil.Process) -> int:
    """Return the resident bytes of a process and all that it started."""
    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_info().rss
    except psutil.Error:  # one has ended meanwhile
        pass
    return total


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def best(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the fastest repetition of each, and add ratios: the peer's over ours, two workers."""
    order = rows.sort_values("seconds", kind="stable")
    kept = order.drop_duplicates(["rows", "peer"]).sort_values(["rows", "seconds"])
    mine = kept[kept["peer"] == next(iter(PEERS))].set_index("rows")
    for column in ("seconds", "cpu seconds", "peak gb"):
        kept[f"{column} ratio"] = (kept[column] / kept["rows"].map(mine[column])).round(2)
    return kept.reset_index(drop=True)


def exponent(rows: pd.DataFrame, column: str = "seconds") -> float:
    """Return b of ``seconds = a * rows ** b``, fitted to ours by least squares on logarithms."""
    mine = rows[rows["peer"] == next(iter(PEERS))]
    return float(np.polyfit(np.log(mine["rows"]), np.log(mine[column]), 1)[0])


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[2_000_000, 20_000_000])
    parser.add_argument("--large", action="store_true", help="ours alone at 233.1 million rows too")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--scratch", type=Path, help="where files lie; kept if given")
    options = parser.parse_args()
    sizes = [*options.rows, *([LARGE] if options.large else [])]
    with tempfile.TemporaryDirectory() as folder:
        scratch = options.scratch or Path(folder)
        scratch.mkdir(parents=True, exist_ok=True)
        table = compare_all(sizes, options.repeats, scratch, options.peers)
    print(table.drop(columns=["finished", "device", "commit"]).to_string(index=False))
    if len(sizes) > 1 and next(iter(PEERS)) in options.peers:
        print(f"seconds grow as rows ** {exponent(table):.2f}")


if __name__ == "__main__":
    main()
