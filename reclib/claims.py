"""The paper's claims, each with a rule that reads the ledger and gives a verdict.

A rule is a sentence and a function side by side: the sentence is printed, the function decides,
and the evidence is made from the very numbers that decided.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from reclib.report import condition_rules, rules
from reclib.report.rules import VERDICTS, Evidence, Judgement

__all__ = ["CLAIMS", "VERDICTS", "Claim", "Evidence", "Judgement", "judge_all"]


@dataclass(frozen=True)
class Claim:
    """One claim of the paper.

    Parameters
    ----------
    name : str
        Short, for a heading.
    paper : str
        What the paper says.
    rule : str
        In words, when the claim counts as supported.
    judge : callable
        The same rule in code.
    """

    name: str
    paper: str
    rule: str
    judge: Callable[[Evidence], Judgement] = field(repr=False)


def _gain(metric: str, label: str, low: int, high: int) -> Claim:
    return Claim(
        f"{label} rises",
        f"{label} is {low} to {high} points above user-based and item-based collaborative "
        "filtering, in all datasets.",
        "Supported if there is a protocol under which, in every dataset with runs of it, the lower "
        f"end of the 95 % interval of the gain over each of the two is at least {low} points.",
        partial(rules.judge_gain, metric=metric, least=low / 100),
    )


CLAIMS: tuple[Claim, ...] = (
    _gain("precision", "Precision", 12, 15),
    _gain("recall", "Recall", 15, 18),
    _gain("map", "MAP", 14, 21),
    Claim(
        "Convolution is best on images",
        "The convolutional network does best where recommendation rests on images.",
        "Needs runs with pictures on record. Not supported if the model with pictures is not "
        "ahead of itself without them and with shuffled ones in every case on record; else open, "
        "since the published means carry no test.",
        condition_rules.judge_images,
    ),
    Claim(
        "Recurrence is best on temporal data",
        "The recurrent network does best on temporal interactions.",
        "Supported if under `leave-last-out` every other network falls behind it significantly "
        "(Holm) in every dataset, not supported if any beats it; otherwise open.",
        rules.judge_recurrent,
    ),
    Claim(
        "It scales without loss",
        "Parallel and distributed processing scales to large data without loss of accuracy.",
        "Supported if, in what `make benchmarks` published, training by several processes is at "
        f"least {rules.LEAST_SPEED_UP} times as fast as by one with the same batch, in as many "
        "epochs, and NDCG at 10 is then lower than the best of one process with any batch by no "
        f"more than {rules.MOST_LOST}, and a preparation of {rules.LARGE / 1e6:.0f} million "
        "interactions or more is on record; not supported if no training is both; open while "
        "either is not on record.",
        rules.judge_scale,
    ),
    Claim(
        "It handles sparsity and cold start",
        "The integrated approach copes with sparse data and cold start.",
        "Supported if in every dataset, by NDCG, it significantly beats popularity and both "
        "neighbourhood methods for users unseen in training (`strong`), both neighbourhood methods "
        f"with every share of the training data up to {100 * condition_rules.SPARSE:.0f} % that "
        "was tried, and chance on items unseen in training; not supported if any of that fails; "
        "open as long as any of it has no run with the chosen settings.",
        condition_rules.judge_cold,
    ),
    Claim(
        "It is robust",
        "The gains are robust under cross-validation.",
        "Supported if the integrated approach is ahead of both neighbourhood methods in precision "
        f"on every fold of `holdout`, with at least {rules.FEWEST_FOLDS} folds in every dataset.",
        rules.judge_robust,
    ),
    Claim(
        "It lifts conversion and engagement",
        "Conversion in shops and engagement with films rise.",
        "Needs an experiment in which users are shown one ranking or the other.",
        rules.judge_business,
    ),
)


def judge_all(evidence: Evidence) -> list[tuple[Claim, Judgement]]:
    """Return every claim with its verdict."""
    return [(claim, claim.judge(evidence)) for claim in CLAIMS]
