"""The stages in order; what one stage leaves and no later one needs is deleted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from typing import Any

import numpy as np
from distributed import Client

from reclib.errors import DataError
from reclib.prepare import buckets, core, histories, identifiers, reading
from reclib.prepare.cluster import Task, run_all
from reclib.prepare.plan import Plan
from reclib.prepare.workspace import write_json

Reports = list[dict[str, Any]]
Jobs = list[tuple[Any, ...]]


class Stages:
    """Carries out a plan on a cluster.

    Parameters
    ----------
    plan : Plan
    client : distributed.Client
    """

    def __init__(self, plan: Plan, client: Client) -> None:
        self.plan, self.client = plan, client
        self.result, self.marks = plan.work / "result", plan.work / "marks"

    def run(self) -> None:
        """Carry out what is not done yet; the folder ``result`` is complete afterwards."""
        read = self._stage("read", reading.read_partition, self._jobs(len(self.plan.partitions)))
        self._delete("unpacked")
        resolved = self._stage("duplicates", buckets.resolve_bucket, self._jobs(), total(read))
        self._delete("rows")
        items = self._stage("items", buckets.number_items, self._jobs())
        last = self._core(resolved)
        jobs: Jobs = [(self.plan, index, number) for index, number in enumerate(last)]
        named = self._stage("identifiers", identifiers.name_bucket, jobs, total(resolved, "kept"))
        self._delete("users", "items")
        split = self._split(jobs, named)
        seen = {"users": total(resolved, "users"), "items": total(items, "items")}
        self._summarize(read, resolved, named, seen, split)

    def _jobs(self, count: int | None = None) -> Jobs:
        return [(self.plan, index) for index in range(count or self.plan.n_buckets)]

    def _stage(self, label: str, task: Task, jobs: Jobs, rows: int = 0) -> Reports:
        """Do all jobs of a stage; ``rows`` is what they have together, for the bar."""
        weights = [max(1, rows // len(jobs))] * len(jobs)
        marks = self.marks / label
        return run_all(self.client, task, jobs, label=label, weights=weights, marks=marks)

    def _delete(self, *names: str) -> None:
        for name in names:
            shutil.rmtree(self.plan.work / name, ignore_errors=True)

    def _core(self, resolved: Reports) -> list[int]:
        """Return the round that left what is left of each bucket."""
        mark = self.marks / "core.json"
        if not mark.exists():
            rows = [max(1, report["kept"]) for report in resolved]
            last = core.to_fixed_point(self.plan, lambda *state: self._round(rows, *state))
            write_json(mark, last)
        found: list[int] = json.loads(mark.read_text())
        return found

    def _round(self, rows: Sequence[int], number: int, last: Sequence[int]) -> Reports:
        jobs: Jobs = [(self.plan, index, number, before) for index, before in enumerate(last)]
        label = f"core, round {number + 1}"
        return run_all(self.client, core.prune_bucket, jobs, label=label, weights=rows)

    def _split(self, jobs: Jobs, named: Reports) -> Reports:
        n_rows, n_users = total(named, "rows"), total(named, "users")
        if not n_rows:
            least = f"min_user={self.plan.settings.min_user} and min_item="
            problem = f"no interaction is left at {least}{self.plan.settings.min_item}"
            raise DataError(problem, "Lower both.")
        kinds: Jobs = [(self.plan, kind, self.result) for kind in ("user", "item")]
        self._stage("order", identifiers.rank, kinds, n_rows)
        if self.plan.settings.protocol != "leave-last-out":
            self._stage("draw", histories.draw_offsets, [(self.plan, n_rows, n_users)])
        starts = np.cumsum([0, *(report["users"] for report in named[:-1])]).tolist()
        placing: Jobs = [(*job, start) for job, start in zip(jobs, starts, strict=True)]
        self._stage("histories", histories.place_bucket, placing, n_rows)
        n_files = len(np.load(self.plan.work / "files.npy")) - 1
        writing: Jobs = [(self.plan, index, self.result) for index in range(n_files)]
        return self._stage("split", histories.write_file, writing, n_rows)

    def _summarize(
        self, read: Reports, resolved: Reports, named: Reports, seen: dict[str, int],
        split: Reports,
    ) -> None:  # fmt: skip
        examples = [text for report in read for text in report["examples"]]
        left_out = {name: total(read, name) for name in ("malformed", "unnamed", "untimed")}
        kept = {name: total(named, name) for name in ("rows", "users", "items")}
        content = {
            "settings": self.plan.settings.content(),
            "read": {"rows": total(read, "rows") + left_out["malformed"]} | seen,
            "left out": left_out | {"repeated": total(resolved, "repeated")},
            "first malformed": examples[:5],
            "kept": kept | {"files": len(split)},
            "parts": {name: total(split, name) for name in histories.PARTS},
        }
        write_json(self.result / "prepared.json", content)


def total(reports: Reports, name: str = "rows") -> int:
    """Add up what jobs report."""
    return sum(int(report[name]) for report in reports)
