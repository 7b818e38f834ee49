"""The same preparation, written plainly in other libraries; each runs in a process of its own.

From lines of item, user, rating and time to a split: of repeated pairs the last by time and then
file order stays, users and items with fewer than five are left out until none is, identifiers
become integers in their order, histories are sorted, the last item of each is tested and the last
but one is valid. Written as a user of the library would, in as few statements as it takes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

NAMES = ["item", "user", "rating", "timestamp"]
LEAST = 5


def ours(workers: int) -> Callable[[Path, Path], int]:
    """Return our preparation with a number of workers."""

    def run(file: Path, out: Path) -> int:
        from reclib.prepare import Settings, prepare

        columns = {"user_id": "user", "item_id": "item"}
        asked = Settings((str(file),), str(out), columns, tuple(NAMES), workers=workers)
        found = json.loads((prepare(asked) / "prepared.json").read_text())
        return int(found["kept"]["rows"])

    return run


def with_polars(file: Path, out: Path) -> int:
    """Prepare with Polars, all in memory."""
    import polars as pl

    types = [pl.String, pl.String, pl.Float32, pl.Float64]
    schema = dict(zip(NAMES, types, strict=True))
    frame = pl.read_csv(file, has_header=False, schema=schema).sort(
        "timestamp", maintain_order=True
    )
    frame = frame.unique(["user", "item"], keep="last", maintain_order=True)
    before = -1
    while before != len(frame):
        before = len(frame)
        frame = frame.filter((pl.len().over("user") >= LEAST) & (pl.len().over("item") >= LEAST))
    out.mkdir()
    for name in ("user", "item"):
        ids = frame.select(pl.col(name).unique().sort()).with_row_index("place")
        ids.write_parquet(out / f"{name}s.parquet")
        frame = frame.join(ids, on=name, maintain_order="left").drop(name)
        frame = frame.rename({"place": name})
    frame = frame.sort("user", maintain_order=True)
    from_end = pl.int_range(pl.len()).reverse().over("user")
    part = pl.when(from_end == 0).then(pl.lit("test")).when(from_end == 1).then(pl.lit("valid"))
    frame.with_columns(part=part.otherwise(pl.lit("train"))).write_parquet(out / "split.parquet")
    return len(frame)


def with_duckdb(file: Path, out: Path) -> int:
    """Prepare with DuckDB, which may spill to disk."""
    import duckdb

    out.mkdir()
    base = duckdb.connect(str(out / "work.duckdb"))
    base.execute(
        "CREATE TABLE kept AS SELECT item, user_, rating, time, place FROM "
        "(SELECT *, row_number() OVER (PARTITION BY user_, item ORDER BY time DESC, place DESC) "
        "AS nth FROM (SELECT *, row_number() OVER () AS place FROM read_csv(?, header=false, "
        "columns={'item': 'VARCHAR', 'user_': 'VARCHAR', 'rating': 'FLOAT', 'time': 'DOUBLE'}))) "
        "WHERE nth = 1",
        [str(file)],
    )
    before, after = -1, 0
    while before != after:
        before = after
        for name in ("user_", "item"):
            base.execute(
                f"CREATE OR REPLACE TABLE kept AS SELECT * FROM kept WHERE {name} IN "
                f"(SELECT {name} FROM kept GROUP BY {name} HAVING count(*) >= {LEAST})"
            )
        after = base.execute("SELECT count(*) FROM kept").fetchall()[0][0]
    for name in ("user_", "item"):
        base.execute(
            f"CREATE TABLE {name}s AS SELECT {name}, row_number() OVER (ORDER BY {name}) - 1 AS id "
            f"FROM (SELECT DISTINCT {name} FROM kept)"
        )
        base.execute(f"COPY {name}s TO '{out}/{name}s.parquet'")
    base.execute(
        "COPY (SELECT u.id AS user_, i.id AS item, rating, time, CASE row_number() OVER "
        "(PARTITION BY u.id ORDER BY time DESC, place DESC) WHEN 1 THEN 'test' WHEN 2 THEN 'valid' "
        "ELSE 'train' END AS part FROM kept JOIN user_s u USING (user_) JOIN items i USING (item) "
        f"ORDER BY u.id, time, place) TO '{out}/split.parquet'"
    )
    return int(after)


def with_pandas(file: Path, out: Path) -> int:
    """Prepare with pandas, all in memory."""
    import pandas as pd

    frame = pd.read_csv(file, names=NAMES).sort_values("timestamp", kind="stable")
    frame = frame.drop_duplicates(["user", "item"], keep="last")
    before = -1
    while before != len(frame):
        before = len(frame)
        for name in ("user", "item"):
            frame = frame[frame[name].map(frame[name].value_counts()) >= LEAST]
    out.mkdir()
    for name in ("user", "item"):
        codes, ids = pd.factorize(frame[name], sort=True)
        frame = frame.assign(**{name: codes})
        pd.DataFrame({name: ids}).to_parquet(out / f"{name}s.parquet")
    frame = frame.sort_values("user", kind="stable")
    from_end = frame.groupby("user").cumcount(ascending=False)
    frame["part"] = from_end.map({0: "test", 1: "valid"}).fillna("train")
    frame.to_parquet(out / "split.parquet")
    return len(frame)


PEERS: dict[str, Callable[[Path, Path], int]] = {
    "ours, 2 workers": ours(2),
    "ours, 1 worker": ours(1),
    "polars": with_polars,
    "duckdb": with_duckdb,
    "pandas": with_pandas,
}

if __name__ == "__main__":
    print(PEERS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3])))
