"""Every recommender by name: how it is built, what can be chosen, and what is chosen first."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reclib.errors import UnknownName
from reclib.recommenders.base import Recommender
from reclib.recommenders.spaces import (
    CONTENT_SPACE,
    CONTENT_VARIANTS,
    DEEP_DEFAULTS,
    DEEP_SHORT,
    DEEP_SPACE,
    DEEP_VARIANTS,
    EASE_SPACE,
    GBCE_VARIANTS,
    IALS,
    IALS_SPACE,
    IALS_VARIANTS,
    INVERTED,
    KNN_SPACE,
    OPTIONAL,
    RATED,
    RATED_SPACE,
    RECENT,
    SHORT,
    SOCIAL,
    SOCIAL_SPACE,
    SOCIAL_VARIANTS,
    TRANSITION_SPACE,
    USER_SPACE,
    WEIGHTED,
    WHOLE_SHORT,
    WHOLE_VARIANTS,
)

HERE = "reclib.recommenders"
BRIDGE = ("recommenders/base.py", "recommenders/recbole_*.py")
NEIGHBOURS = (*BRIDGE, "recommenders/neighbours.py", "recommenders/similarity.py",
              "recommenders/simple.py", "recommenders/linear.py",
              "recommenders/ease.py")  # fmt: skip
DEEP = ("recommenders/base.py", "recommenders/ease.py", "recommenders/similarity.py",
        "recommenders/simple.py", "recommenders/social.py", "recommenders/pictures.py",
        "recommenders/transitions.py", "recommenders/deep/*.py")  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One recommender.

    Parameters
    ----------
    name, title : str
        In code, and in print.
    family : str
        One of `OPTIONAL`.
    build : str
        ``module:Class``, imported on first use: RecBole and Lightning take seconds to import.
    space : mapping
        The search space: for each setting a sequence of values or a range.
    defaults : mapping
        Settings of the first trial: the best that is known from the literature.
    variants : sequence of mapping
        Deviations from the defaults that are known to help on some data; the next trials.
    short : sequence of mapping
        Deviations that are known to help where histories are short; there the first trials.
    fixed : mapping
        Arguments that are no settings; ``members``: the recommenders that it is made of.
    seeded : bool
        Whether the result depends on a seed.
    modules : tuple of str
        The files that the result depends on, relative to the package.
    libraries : tuple of str
        Those that it depends on beyond `reclib.provenance.LIBRARIES`.
    """

    name: str
    title: str
    family: str
    build: str
    space: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    variants: Sequence[Mapping[str, Any]] = ()
    short: Sequence[Mapping[str, Any]] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    seeded: bool = False
    modules: tuple[str, ...] = BRIDGE
    libraries: tuple[str, ...] = ()


def build(name: str, settings: Mapping[str, Any] | None = None, *, seed: int = 2026) -> Recommender:
    """Build a recommender by name, with deviations from its default settings.

    Raises
    ------
    reclib.errors.UnknownName
        For an unknown recommender, or a setting that it does not have.
    """
    if name not in CATALOGUE:
        raise UnknownName("recommender", name, CATALOGUE)
    entry = CATALOGUE[name]
    known = dict.fromkeys([*entry.defaults, *OPTIONAL[entry.family]])
    for setting in settings or {}:
        if setting not in known:
            raise UnknownName(f"setting of {name}", setting, known)
    module, _, kind = entry.build.partition(":")
    arguments = {**entry.fixed, **entry.defaults, **(settings or {})}
    if entry.seeded:
        arguments["seed"] = seed
    recommender: Recommender = getattr(importlib.import_module(module), kind)(**arguments)
    return recommender


def _knn(name: str, title: str, model: str, space: Any, variants: Any, **defaults: Any) -> Entry:
    known = {"similarity": "asymmetric", "alpha": 0.5, "locality": 1.0, "n_neighbours": 200,
             "shrink": 50.0, "weighting": "tf-idf", "last_n": None} | defaults  # fmt: skip
    return Entry(name, title, "neighbours", f"{HERE}.recbole_models:FromHistory", space, known,
                 variants, fixed={"model": model}, modules=NEIGHBOURS)  # fmt: skip


def _rated(name: str, title: str, model: str) -> Entry:
    return Entry(name, title, "neighbours", f"{HERE}.recbole_models:FromHistory", RATED_SPACE,
                 RATED, fixed={"model": model}, modules=NEIGHBOURS)  # fmt: skip


def _linear(
    name: str, title: str, model: str, space: Any, defaults: Any, variants: Any = RECENT
) -> Entry:
    space = space | {"last_n": [None, None, 50, 20]}
    return Entry(name, title, "linear", f"{HERE}.recbole_models:FromHistory", space,
                 {"last_n": None} | defaults, variants, fixed={"model": model},
                 modules=NEIGHBOURS)  # fmt: skip


def _learned(
    name: str, title: str, model: str, space: Any, defaults: Any, kind: str = "RecBole"
) -> Entry:
    family = "sequential" if kind == "Sequential" else "learned"
    return Entry(name, title, family, f"{HERE}.recbole_models:{kind}", space, defaults,
                 fixed={"model": model}, seeded=True)  # fmt: skip


def _deep(
    name: str, title: str, kind: str, variants: Any = DEEP_VARIANTS, short: Any = DEEP_SHORT
) -> Entry:
    return Entry(name, title, "deep", f"{HERE}.deep.models:{kind}", DEEP_SPACE,
                 DEEP_DEFAULTS, variants, short, seeded=True, modules=DEEP)  # fmt: skip


SOCIAL_FILES = ("recommenders/base.py", "recommenders/similarity.py", "recommenders/social.py")
CONTENT_FILES = ("recommenders/base.py", "recommenders/similarity.py", "recommenders/content.py",
                 "recommenders/deep/features.py")  # fmt: skip
SIMPLE = ("recommenders/base.py", "recommenders/simple.py")
CATALOGUE: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry("random", "Random", "bound", f"{HERE}.simple:Random", seeded=True, modules=SIMPLE),
        Entry("popularity", "Popularity", "bound", f"{HERE}.simple:Popularity", modules=SIMPLE),
        Entry("oracle", "Oracle", "bound", f"{HERE}.simple:Oracle", modules=SIMPLE),
        Entry("bias", "Bias only", "neighbours", f"{HERE}.simple:Bias",
              {"item_damping": {"low": 1.0, "high": 50.0}},
              {"item_damping": 10.0, "user_damping": 10.0}, modules=SIMPLE),
        _knn("user-knn", "User-based CF", "UserKNN", USER_SPACE,
             (INVERTED | {"discount": 0.2}, INVERTED | {"last_n": 10}),
             alpha=0.7, locality=3.0, n_neighbours=150, inverted=False, discount=0.0),
        _knn("item-knn", "Item-based CF", "TunedItemKNN", KNN_SPACE,
             (SHORT, {"last_n": 10}),
             shrink=10.0),
        _rated("user-knn-ratings", "User-based CF (ratings)", "RatedUserKNN"),
        _rated("item-knn-ratings", "Item-based CF (ratings)", "RatedItemKNN"),
        Entry("social-cf", "Social CF", "closed", f"{HERE}.social:SocialCF", SOCIAL_SPACE,
              SOCIAL, SOCIAL_VARIANTS, modules=SOCIAL_FILES),
        Entry("content", "Content-based", "closed", f"{HERE}.content:Content", CONTENT_SPACE,
              {"weighting": "tf-idf", "discount": 0.0, "last_n": None}, CONTENT_VARIANTS,
              modules=CONTENT_FILES),
        Entry("pop", "Popularity (RecBole)", "bound", f"{HERE}.recbole_models:RecBole",
              fixed={"model": "Pop", "max_epochs": 1}),
        _linear("recbole-itemknn", "Item-based CF (RecBole)", "ItemKNN",
                {"k": {"low": 30, "high": 800}, "shrink": {"low": 1.0, "high": 300.0}},
                {"k": 200, "shrink": 10.0}),
        _linear("ease", "EASE", "TunedEASE", EASE_SPACE,
                {"reg_weight": 500.0, "user_weight": 0.0, "dropout": 0.0, "discount": 0.0},
                (WEIGHTED, WEIGHTED | {"last_n": 10})),
        Entry("transitions", "Transitions", "linear", f"{HERE}.transitions:Transitions",
              TRANSITION_SPACE, {"decay": 0.9, "reg_weight": 500.0},
              ({"decay": 0.95}, {"decay": 0.7, "reg_weight": 10.0}),
              ({"decay": 0.7, "reg_weight": 10.0},),
              modules=("recommenders/base.py", "recommenders/transitions.py")),
        _linear("slim", "SLIM", "SLIMElastic",
                {"alpha": {"low": 1e-3, "high": 1e-1}, "l1_ratio": {"low": 1e-3, "high": 1e-1}},
                {"alpha": 0.02, "l1_ratio": 0.02, "hide_item": True, "positive_only": True}),
        Entry("ials", "iALS", "factors", f"{HERE}.factors:IALS", IALS_SPACE, IALS, IALS_VARIANTS,
              seeded=True, modules=("recommenders/base.py", "recommenders/factors.py"),
              libraries=("implicit",)),
        _learned("bpr", "BPR", "BPR",
                 {"embedding_size": [32, 64, 128], "learning_rate": {"low": 3e-4, "high": 1e-2},
                  "weight_decay": {"low": 1e-6, "high": 1e-2}},
                 {"embedding_size": 64, "learning_rate": 2e-3, "weight_decay": 0.0,
                  "train_batch_size": 2048}),
        _learned("neumf", "NeuMF", "NeuMF",
                 {"learning_rate": {"low": 3e-4, "high": 5e-3}, "dropout_prob": [0.0, 0.1, 0.3],
                  "mf_embedding_size": [32, 64], "mlp_embedding_size": [32, 64]},
                 {"learning_rate": 1e-3, "dropout_prob": 0.1, "mf_embedding_size": 64,
                  "mlp_embedding_size": 64, "mlp_hidden_size": [128, 64],
                  "train_batch_size": 2048}),
        _learned("lightgcn", "LightGCN", "LightGCN",
                 {"learning_rate": {"low": 1e-3, "high": 1e-2}, "n_layers": [1, 2, 3],
                  "reg_weight": {"low": 1e-6, "high": 1e-2}},
                 {"learning_rate": 5e-3, "n_layers": 2, "reg_weight": 1e-4,
                  "embedding_size": 64, "train_batch_size": 8192}),
        _learned("multivae", "MultiVAE", "MultiVAE",
                 {"learning_rate": {"low": 3e-4, "high": 5e-3}, "dropout_prob": [0.3, 0.5, 0.7],
                  "anneal_cap": [0.1, 0.2, 0.4], "latent_dimension": [64, 128, 256]},
                 {"learning_rate": 1e-3, "dropout_prob": 0.5, "anneal_cap": 0.2,
                  "latent_dimension": 128, "mlp_hidden_size": [600], "train_batch_size": 256,
                  "total_anneal_steps": 2000}, "Autoencoder"),
        _learned("gru4rec", "GRU4Rec (RecBole)", "GRU4Rec",
                 {"learning_rate": {"low": 5e-4, "high": 5e-3}, "dropout_prob": [0.1, 0.3, 0.5]},
                 {"learning_rate": 1e-3, "dropout_prob": 0.3, "embedding_size": 64,
                  "hidden_size": 128, "loss_type": "CE", "train_batch_size": 2048,
                  "max_len": 50}, "Sequential"),
        _learned("sasrec", "SASRec (RecBole)", "SASRec",
                 {"learning_rate": {"low": 5e-4, "high": 5e-3},
                  "hidden_dropout_prob": [0.2, 0.5]},
                 {"learning_rate": 1e-3, "hidden_dropout_prob": 0.5, "attn_dropout_prob": 0.5,
                  "hidden_size": 64, "loss_type": "CE", "train_batch_size": 2048,
                  "max_len": 50}, "Sequential"),
        _learned("caser", "Caser (RecBole)", "Caser",
                 {"learning_rate": {"low": 5e-4, "high": 5e-3}, "dropout_prob": [0.2, 0.4]},
                 {"learning_rate": 1e-3, "dropout_prob": 0.4, "embedding_size": 64,
                  "loss_type": "CE", "train_batch_size": 2048, "max_len": 50}, "Sequential"),
        _deep("ann", "ANN", "Ann"),
        _deep("cnn", "CNN", "Cnn"),
        _deep("rnn", "RNN", "Rnn"),
        _deep("attention", "Attention", "Attention"),
        _deep("gsasrec", "gSASRec", "GSASRec", GBCE_VARIANTS),
        _deep("integrated", "Integrated", "Integrated", WHOLE_VARIANTS, WHOLE_SHORT),
        Entry("ensemble", "Ensemble of EASE and RNN", "ensemble", f"{HERE}.ensemble:Ensemble",
              fixed={"members": {"ease": {}, "rnn": {}}}, seeded=True,
              modules=(*NEIGHBOURS, *DEEP, "recommenders/ensemble.py")),
    )
}  # fmt: skip
"""All recommenders by name."""
