"""Rules of the claims that need more than runs on the data as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reclib.ledger import Run
from reclib.report.rules import NEIGHBOURS, OPEN, REFUTED, SUPPORTED, Evidence, Judgement
from reclib.tables.beyond import image_finding, image_table
from reclib.tables.conditions import percent
from reclib.tables.findings import listed
from reclib.tables.results import compare_all, title

SPARSE = 0.5
"""Share of the training interactions from which on downwards data count as sparse here."""
Found = tuple[str, Any]


def judge_cold(evidence: Evidence) -> Judgement:
    """Look at unseen users, at thinned data and at unseen items; every part has to hold."""
    metric = f"ndcg@{evidence.cutoff}"
    parts = {
        "users unseen in training": list(_unseen_users(evidence)),
        "sparse data": list(_sparse(evidence, metric)),
        "items unseen in training": list(_unseen_items(evidence, metric)),
    }
    found = [each for some in parts.values() for each in some]
    missing = [name for name, some in parts.items() if not some]
    if any(row.verb != "beats" for _, row in found):
        verdict = REFUTED
    else:
        verdict = OPEN if missing else SUPPORTED
    if not found:
        return Judgement(OPEN, f"No run here is about {listed(missing)}.")
    sentences = [
        f"For {name} the integrated approach {_told(some)}." for name, some in parts.items() if some
    ]
    if missing:
        sentences.append(f"No run with the chosen settings is about {listed(missing)}.")
    return Judgement(verdict, f"In NDCG at {evidence.cutoff}: {' '.join(sentences)}")


def _told(some: Sequence[Found]) -> str:
    return listed([
        f"{row.verb} {name} ({row['mean']:+.3f} [{row.low:+.3f}, {row.high:+.3f}])"
        for name, row in some
    ])  # fmt: skip


def _unseen_users(evidence: Evidence) -> Iterator[Found]:
    for dataset in evidence.runs:
        for baseline in ("popularity", *NEIGHBOURS):
            table = evidence.against(dataset, "strong", baseline, "ndcg")
            if "integrated" in table.index:
                yield f"{title(baseline)} on {dataset}", table.loc["integrated"]


def _sparse(evidence: Evidence, metric: str) -> Iterator[Found]:
    for dataset in evidence.runs:
        runs = evidence.under(dataset, "thin")
        shares = sorted({float(run.row["condition"]["share"]) for run in runs})
        for share in (each for each in shares if each <= SPARSE):
            here = [run for run in runs if run.row["condition"]["share"] == share]
            for name, row in _ahead(here, NEIGHBOURS, metric):
                yield f"{name} with {percent(share)} of {dataset}", row


def _unseen_items(evidence: Evidence, metric: str) -> Iterator[Found]:
    for dataset in evidence.runs:
        for name, row in _ahead(evidence.under(dataset, "cold-items"), ("random",), metric):
            yield f"{name} on {dataset}", row


def _ahead(runs: Sequence[Run], baselines: Sequence[str], metric: str) -> Iterator[Found]:
    """Yield how the integrated approach compares with each baseline that was run."""
    have = {run.row["recommender"] for run in runs}
    for baseline in baselines if "integrated" in have else ():
        if baseline in have:
            table = compare_all(runs, baseline, metric).set_index("recommender")
            yield title(baseline), table.loc["integrated"]


def judge_images(evidence: Evidence) -> Judgement:
    """Compare the runs with pictures on record with themselves without and with wrong ones."""
    table = image_table(metric=f"ndcg@{evidence.cutoff}")
    both = table.dropna()
    if both.empty:
        return Judgement(
            OPEN,
            "No run with pictures is on record. The image branch of the integrated approach reads "
            "them where they lie beside the data.",
        )
    rest = both[["without pictures", "pictures shuffled"]].max(axis=1)
    behind = (both["as they are"] <= rest).any()
    return Judgement(REFUTED if behind else OPEN, image_finding(table))
