"""The one style of the figures, and the labels of metrics."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

METRIC_LABELS = {
    "precision": "Precision",
    "recall": "Recall",
    "map": "MAP",
    "ndcg": "NDCG",
    "mrr": "MRR",
    "hit": "Hit rate",
    "coverage": "Catalogue coverage",
    "novelty": "Novelty (bits)",
}


def use_style() -> None:
    """Set the one style of the report: seaborn's, with its colour-blind safe palette.

    Tables show their cells whole: the page scrolls where they are wide.
    """
    pd.set_option("display.max_colwidth", None)
    sns.set_theme(context="notebook", style="ticks", palette="colorblind", font_scale=0.9)
    plt.rcParams |= {
        "figure.constrained_layout.use": True,
        "figure.dpi": 110,
        "figure.facecolor": "white",
        "axes.spines.right": False,
        "axes.spines.top": False,
        "legend.frameon": False,
    }


def metric_label(metric: str) -> str:
    """Return the label of a metric column, for example "Precision at 10"."""
    name, _, cutoff = metric.partition("@")
    return f"{METRIC_LABELS.get(name, name)} at {cutoff}" if cutoff else METRIC_LABELS[name]
