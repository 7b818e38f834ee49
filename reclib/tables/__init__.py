"""The tables of the report, and the sentences that are made from them."""

from __future__ import annotations

from reclib.tables.costs import (
    cutoff_finding,
    exponent_finding,
    exponent_table,
    thread_finding,
    thread_table,
)
from reclib.tables.data import (
    context_finding,
    protocol_support,
    rating_counts,
    rating_finding,
    share_of_head,
    side_feature_counts,
    sizes,
    table_one,
    time_finding,
)
from reclib.tables.examples import example_user, history, top_lists
from reclib.tables.findings import (
    ablation_finding,
    answer,
    comparison_finding,
    fold_finding,
    gain_finding,
    paper_finding,
    protocol_finding,
    ranking_finding,
    training_finding,
    tuning_finding,
)
from reclib.tables.paper import display_gains, paper_position, relative_gains
from reclib.tables.results import (
    ablation,
    compare_all,
    display_comparison,
    display_table,
    fold_table,
    learning_curves,
    summarize,
)
from reclib.tables.settings import against_anchors, anchor_finding, settings_table

__all__ = [
    "ablation",
    "ablation_finding",
    "against_anchors",
    "anchor_finding",
    "answer",
    "compare_all",
    "comparison_finding",
    "context_finding",
    "cutoff_finding",
    "display_comparison",
    "display_gains",
    "display_table",
    "example_user",
    "exponent_finding",
    "exponent_table",
    "fold_finding",
    "fold_table",
    "gain_finding",
    "history",
    "learning_curves",
    "paper_finding",
    "paper_position",
    "protocol_finding",
    "protocol_support",
    "ranking_finding",
    "rating_counts",
    "rating_finding",
    "relative_gains",
    "settings_table",
    "share_of_head",
    "side_feature_counts",
    "sizes",
    "summarize",
    "table_one",
    "thread_finding",
    "thread_table",
    "time_finding",
    "top_lists",
    "training_finding",
    "tuning_finding",
]
