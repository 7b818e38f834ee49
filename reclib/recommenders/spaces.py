"""What each search may choose: the spaces, what is tried first, and what next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

KNN_SPACE = {
    "similarity": ["asymmetric", "asymmetric", "jaccard"],
    "n_neighbours": {"low": 30, "high": 800},
    "shrink": {"low": 1.0, "high": 1000.0},
    "alpha": [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
    "locality": [1.0, 1.5, 2.0, 3.0],
    "weighting": ["none", "tf-idf", "bm25"],
    "last_n": [None, None, 50, 20],
}
USER_SPACE = KNN_SPACE | {"inverted": [False, True], "discount": [0.0, 0.0, 0.1, 0.2]}
RECENT = ({"last_n": 20}, {"last_n": 10})
INVERTED = {"inverted": True, "weighting": "bm25", "alpha": 0.4, "locality": 2.0,
            "n_neighbours": 350}  # fmt: skip
SHORT = {"alpha": 0.8, "locality": 1.5, "n_neighbours": 40, "shrink": 150.0}
SOCIAL_SPACE = {name: KNN_SPACE[name] for name in KNN_SPACE if name != "last_n"} | {
    "share": [0.05, 0.1, 0.2, 0.3, 0.5], "horizon": [1, 1, 2],
    "few": {"low": 0.1, "high": 10.0}}  # fmt: skip
SOCIAL = {
    "similarity": "asymmetric", "n_neighbours": 300, "shrink": 50.0, "alpha": 0.5,
    "locality": 3.0, "weighting": "tf-idf", "share": 0.1, "horizon": 1, "few": 1.0,
}  # fmt: skip
SOCIAL_VARIANTS = ({"share": 0.2, "horizon": 2}, {"share": 0.5})
CONTENT_SPACE = {
    "weighting": ["tf-idf", "none", "bm25"], "discount": [0.0, -0.25, -0.5, -1.0],
    "last_n": [None, None, 50, 20, 5]}  # fmt: skip
CONTENT_VARIANTS = ({"discount": -0.5}, {"last_n": 5})
EASE_SPACE = {
    "reg_weight": {"low": 50.0, "high": 3000.0}, "user_weight": [0.0, 0.25, 0.5],
    "dropout": [0.0, 0.2, 0.4], "discount": [0.0, 0.1, 0.2]}  # fmt: skip
WEIGHTED = {"user_weight": 0.5, "dropout": 0.4, "discount": 0.1}
TRANSITION_SPACE = {
    "decay": [0.5, 0.7, 0.8, 0.9, 0.93, 0.95], "reg_weight": {"low": 5.0, "high": 2000.0},
}  # fmt: skip
IALS_SPACE = {
    "factors": [32, 64, 128, 192],
    "regularization": {"low": 2e-3, "high": 5e-2},
    "unobserved_weight": {"low": 0.03, "high": 1.0},
    "last_n": [None, None, 20, 10],
}
IALS = {"factors": 64, "regularization": 0.015, "unobserved_weight": 0.3, "iterations": 16,
        "last_n": None}  # fmt: skip
IALS_VARIANTS = ({"factors": 192, "regularization": 0.007}, {"last_n": 10})
"""What Rendle et al. publish for MovieLens 1M, table 1; small data wants less of the former and
more of the latter. And what recency asks for."""
RATED_SPACE = {
    "similarity": ["cosine"],
    "n_neighbours": {"low": 20, "high": 800},
    "shrink": {"low": 1.0, "high": 300.0},
    "damping": {"low": 1.0, "high": 30.0},
    "shrink_mean": {"low": 0.01, "high": 30.0},
    "centre": ["user", "bias"],
}
RATED = {
    "similarity": "cosine", "n_neighbours": 200, "shrink": 30.0, "alpha": 0.5, "locality": 1.0,
    "weighting": "none", "damping": 10.0, "shrink_mean": 1.0, "centre": "bias",
}  # fmt: skip
DEEP_SPACE = {
    "embedding_size": [64, 128],
    "dropout": [0.2, 0.3, 0.4, 0.5],
    "learning_rate": {"low": 2e-3, "high": 1e-2},
    "weight_decay": {"low": 1e-3, "high": 1e-1},
    "n_layers": [1, 2],
    "drop_rate": [0.1, 0.2, 0.3],
    "batch_size": [16, 32],
    "label_smoothing": [0.0, 0.1],
    "averaging": [0.0, 0.1, 0.2, 0.3],
}
DEEP_DEFAULTS = {
    "embedding_size": 64, "dropout": 0.4, "learning_rate": 6e-3, "weight_decay": 0.01,
    "n_layers": 1, "batch_size": 32, "drop_rate": 0.2, "label_smoothing": 0.1, "averaging": 0.2,
    "max_epochs": 4, "patience": 2,
}  # fmt: skip

SHORTER = {"max_len": 100, "batch_size": 16, "max_epochs": 4, "patience": 2}
DEEP_VARIANTS = (
    SHORTER | {"dropout": 0.5, "learning_rate": 4e-3, "label_smoothing": 0.0},
    SHORTER | {"embedding_size": 128, "dropout": 0.2, "learning_rate": 0.01},
)
WHOLE_VARIANTS = (
    SHORTER | {"dropout": 0.2, "learning_rate": 0.01, "max_epochs": 3},
    SHORTER | {"dropout": 0.2, "learning_rate": 0.01, "max_epochs": 6},
)
"""For the integrated model, which knows more from the start."""

DEEP_SHORT = tuple(
    {"max_len": 50, "batch_size": 64, "max_epochs": 6, "n_negatives": 2000} | rest
    for rest in (
        {},
        {"dropout": 0.5, "max_epochs": 8, "learning_rate": 4e-3},
        {"dropout": 0.5, "max_epochs": 20, "learning_rate": 2e-3, "embedding_size": 128,
         "patience": 5},
    )
)  # fmt: skip
APART: dict[str, Any] = {
    "fusion": "added", "cf_decays": [], "embedding_size": 128, "dropout": 0.6,
    "learning_rate": 3e-3, "max_epochs": 9, "patience": 5,
}  # fmt: skip
WHOLE_SHORT = tuple(
    rest | {"cf_l2": 200.0, "cf_folds": 2, "cf_transition": 0.7, "cf_transition_l2": 10.0}
    for rest in (*DEEP_SHORT[:2], DEEP_SHORT[0] | APART)
)
"""Short histories come with large catalogues: fewer steps, and a sample of the items competes."""
GBCE = {"max_epochs": 12, "patience": 4, "batch_size": 16, "max_len": 100, "dropout": 0.3}
GBCE_VARIANTS = tuple(
    GBCE | {"n_negatives": 1000, "gbce_t": 0.9} | rest for rest in ({}, {"embedding_size": 128})
)
"""For gSASRec: many more steps, and more negatives than its authors took."""

OPTIONAL: dict[str, Sequence[str]] = {
    "bound": (),
    "neighbours": ("last_n",),
    "linear": ("last_n",),
    "closed": (),
    "factors": (),
    "learned": ("max_epochs", "patience", "epochs", "budget_seconds"),
    "sequential": ("max_epochs", "patience", "epochs", "budget_seconds", "max_len"),
    "ensemble": ("members", "weight"),
    "deep": (
        "branches", "embedding_size", "hidden_size", "n_layers", "n_heads", "dropout",
        "learning_rate", "weight_decay", "batch_size", "max_len", "max_epochs", "patience",
        "epochs", "cf_weight", "label_smoothing", "drop_rate", "cf_l2",
        "cf_user_weight", "cf_dropout", "cf_discount", "cf_items", "cf_folds", "cf_decays",
        "cf_transition", "cf_transition_l2", "cf_neighbours", "cf_shrink", "loss", "gbce_t",
        "n_negatives", "target", "precision", "full_items", "sparse", "valid_users", "strategy",
        "devices", "num_nodes", "folder", "item_dropout", "image_size", "image_channels",
        "image_batch", "image_shuffle", "fusion", "members",
    ),
}  # fmt: skip
"""Settings that a family takes beyond those with a default."""
