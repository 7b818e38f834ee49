"""The numbers of the prose, read from the ledger; the pages never hold a number of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from reclib.claims import VERDICTS, Claim, Evidence, Judgement
from reclib.ledger import PUBLISHED, Ledger, Run
from reclib.per_user import PublishedRun
from reclib.published import conditioned_on_record, runs_on_record
from reclib.report.layout import Source
from reclib.standing import newest
from reclib.tables.findings import listed
from reclib.tables.larger import Setting
from reclib.tables.results import pooled, title

METRIC = "precision@10"


def gather(folder: Path, found: Sequence[Source], published: Path = PUBLISHED) -> Evidence:
    """Return the test runs of the datasets, the last of each and without ablations.

    Those under conditions with the ones published beside them: the chosen settings take too long
    there for a quick build.
    """
    rows = Ledger(folder).rows() if folder.exists() else []
    runs = {
        source.title: [
            Run(row, folder / "runs" / str(row["key"]))
            for row in newest([row for row in rows if _belongs(row, source)])
        ]
        for source in found
    }
    ledger = Ledger(folder) if folder.exists() else None
    conditioned = {
        source.title: [run for name in _names(source)
                       for run in conditioned_on_record(ledger, name, published)]
        for source in found
    }  # fmt: skip
    return Evidence(runs, conditioned=conditioned)


def on_record(folder: Path, found: Sequence[Source], published: Path = PUBLISHED) -> Evidence:
    """Return what the claims are judged by: the runs of this build and those published.

    Of the published ones, those that can be told apart user by user.
    """
    runs = runs_on_record(Ledger(folder) if folder.exists() else None, published)
    titles = {name: Setting(name, "").data for name in runs}
    titles |= {name: source.title for source in found for name in _names(source)}
    told = {
        name: [run for run in some if not isinstance(run, PublishedRun) or run.stored]
        for name, some in runs.items()
    }
    first = [name for source in found for name in _names(source) if name in told]
    return Evidence(
        {titles[name]: told[name] for name in [*first, *told] if told[name]},
        conditioned=gather(folder, found, published).conditioned,
    )


def _belongs(row: Mapping[str, object], source: Source) -> bool:
    return row["dataset"] in _names(source)


def _names(source: Source) -> list[str]:
    """Return what the dataset of a source may be called in a ledger."""
    return list(dict.fromkeys((source.name, source.slug, Path(source.name).name)))


def number(runs: Sequence[Run], metric: str, digits: int = 3) -> str:
    """Return a mean over users that shows, under the pointer, the runs that it comes from."""
    value = float(pooled(runs, metric).mean())
    row = runs[0].row
    folds = sorted({run.row["fold"] for run in runs})
    seeds = sorted({run.row["seed"] for run in runs})
    origin = (
        f"{metric}; {row['recommender']} on {row['dataset']}, {row['protocol']}; "
        f"folds {folds}, seeds {seeds}; split {row['split_checksum'][:12]}; commit {row['commit']}"
    )
    return f"{{abbr}}`{value:.{digits}f} ({origin})`"


def facts(
    evidence: Evidence, judged: Sequence[tuple[Claim, Judgement]], edition: str
) -> dict[str, str]:
    """Return what the prose may use as ``{{ name }}``: of this build, and of the claims."""
    everything = [run for runs in evidence.runs.values() for run in runs]
    verdicts = [judgement.verdict for _, judgement in judged]
    return {
        "edition": edition,
        "datasets": listed(list(evidence.runs)),
        "n_runs": f"{len(everything):,}",
        "n_recommenders": str(len({run.row["recommender"] for run in everything})),
        "n_protocols": str(len(evidence.protocols())),
        "n_claims": str(len(verdicts)),
        "verdicts": listed([f"{verdicts.count(name)} {name}" for name in VERDICTS]),
        "finding_protocol": finding_protocol(evidence),
        "finding_floor": finding_floor(evidence),
        "finding_integrated": finding_integrated(evidence),
    }


def _first(evidence: Evidence) -> str:
    return next(iter(evidence.runs))


def finding_protocol(evidence: Evidence) -> str:
    """Say how far one recommender's precision moves with the protocol alone."""
    dataset = _first(evidence)
    wide = evidence.of(dataset, "holdout", ["item-knn"])
    narrow = evidence.of(dataset, "rated-only", ["item-knn"])
    shared = {run.row["fold"] for run in wide} & {run.row["fold"] for run in narrow}
    wide, narrow = ([run for run in runs if run.row["fold"] in shared] for runs in (wide, narrow))
    if not shared:
        return "This build does not have one recommender under two protocols."
    return (
        f"On {dataset}, {title('item-knn')} has a precision at 10 of {number(wide, METRIC)} when "
        f"the full catalogue is ranked, and of {number(narrow, METRIC)} when only the items "
        "that the user rated are: same data, same split, another protocol."
    )


def finding_floor(evidence: Evidence) -> str:
    """Say what random and oracle reach where only rated items are ranked."""
    dataset = _first(evidence)
    floor = evidence.of(dataset, "rated-only", ["random"])
    ceiling = evidence.of(dataset, "rated-only", ["oracle"])
    if not (floor and ceiling):
        return "This build has no floor and ceiling under `rated-only`."
    return (
        f"Where only rated items are ranked, a random ranking reaches {number(floor, METRIC)} and "
        f"an oracle that knows the answers {number(ceiling, METRIC)}: every method of the world "
        "lies between."
    )


def finding_integrated(evidence: Evidence) -> str:
    """Say how the integrated approach compares with item-based CF where order counts and not."""
    dataset = _first(evidence)
    parts = [
        f"it {row.verb} {title('item-knn')} under `{protocol}` (NDCG at 10 {row['mean']:+.3f} "
        f"[{row.low:+.3f}, {row.high:+.3f}])"
        for protocol in ("leave-last-out", "holdout")
        if "integrated" in (table := evidence.against(dataset, protocol, "item-knn", "ndcg")).index
        for row in [table.loc["integrated"]]
    ]
    if not parts:
        return "The integrated approach has no run in this build."
    return f"The integrated approach on {dataset}: {listed(parts)}."


def claims_page(judged: Sequence[tuple[Claim, Judgement]]) -> str:
    """Return the generated part of the claims page: a table, then each claim with its evidence."""
    lines = ["| claim | verdict |", "|---|---|"]
    lines += [f"| {claim.name} | **{judgement.verdict}** |" for claim, judgement in judged]
    for claim, judgement in judged:
        lines += ["", f"## {claim.name}", "", f"**The paper.** {claim.paper}", ""]
        lines += [f"**The rule.** {claim.rule}", "", f"**The evidence.** {judgement.evidence}", ""]
        lines += [f"**The verdict.** {judgement.verdict.capitalize()}."]
    return "\n".join(lines)
