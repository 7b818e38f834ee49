"""Make a split, or read the one that was sealed before."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from reclib.datasets import Dataset
from reclib.errors import DataError, ProtocolUnsupported, UnknownName
from reclib.splits.protocols import N_FOLDS, N_NEGATIVES, PROTOCOLS, Protocol
from reclib.splits.split import IntArray, Split

FORMAT = "1"
"""Raised when the same inputs come to give another split, so that old files are not read."""


def make_split(
    dataset: Dataset,
    protocol: str,
    *,
    fold: int = 0,
    seed: int = 2026,
    folder: str | Path | None = None,
) -> Split:
    """Split a dataset under a protocol; with a folder, seal the split there and read it again.

    Parameters
    ----------
    dataset : Dataset
        After inclusion.
    protocol : str
        A name in `PROTOCOLS`.
    fold : int
        Fold of ``holdout`` and ``rated-only``, 0 to 4; elsewhere the number of the repetition.
    seed : int
        Seed of everything that is drawn.
    folder : str or Path, optional
        Where sealed splits lie.

    Raises
    ------
    reclib.errors.UnknownName
        For an unknown protocol.
    reclib.errors.ProtocolUnsupported
        If the data lacks what the protocol needs, or leaves nobody to rank.
    reclib.errors.DataError
        If a sealed split no longer matches its checksum.
    """
    if protocol not in PROTOCOLS:
        raise UnknownName("protocol", protocol, PROTOCOLS)
    _check(dataset, PROTOCOLS[protocol], fold)
    if folder is None:
        return _make(dataset, protocol, fold, seed)
    key = "/".join([FORMAT, dataset.checksum, protocol, str(fold), str(seed)])
    name = f"{protocol}-{fold}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    sealed = Path(folder) / dataset.name / name
    if not sealed.exists():
        _seal(_make(dataset, protocol, fold, seed), sealed)
    return _read(sealed, dataset, protocol, fold, seed)


def whole_split(dataset: Dataset, protocol: str, seed: int = 2026) -> Split:
    """Return everything as known and nobody as ranked: what lists for real users come from.

    Parameters
    ----------
    dataset : Dataset
    protocol : str
        Says what a network learns.
    seed : int
    """
    _check(dataset, PROTOCOLS[protocol], 0)
    frame, user_ids, item_ids = _indexed(dataset)
    frame["part"] = pd.Categorical(["train"] * len(frame))
    checksum = _checksum(frame, user_ids, item_ids, None)
    return Split(dataset, protocol, 0, seed, frame, user_ids, item_ids, None, checksum)


def _check(dataset: Dataset, rules: Protocol, fold: int) -> None:
    if rules.needs_times and not dataset.has_times:
        raise ProtocolUnsupported(
            f"'{rules.name}' needs times, and {dataset.title} has none",
            "Choose 'holdout' or 'strong', or supply a timestamp column.",
        )
    if rules.needs_ratings and not dataset.has_ratings:
        raise ProtocolUnsupported(
            f"'{rules.name}' needs ratings, and {dataset.title} has none",
            "Choose 'holdout', or supply a rating column.",
        )
    if rules.refits and not 0 <= fold < N_FOLDS:
        raise DataError(f"there is no fold {fold}", f"Choose one from 0 to {N_FOLDS - 1}.")


def _make(dataset: Dataset, protocol: str, fold: int, seed: int) -> Split:
    rules = PROTOCOLS[protocol]
    frame, user_ids, item_ids = _indexed(dataset)
    # folds of one holdout are cut from one drawing; repetitions elsewhere are drawn anew
    random = np.random.default_rng([seed, 0 if rules.refits else fold])
    frame["part"] = pd.Categorical(rules.parts(frame, fold, random))
    negatives = None
    if rules.candidates == "sampled":
        negatives = _negatives(frame, len(user_ids), len(item_ids), random)
    checksum = _checksum(frame, user_ids, item_ids, negatives)
    split = Split(dataset, protocol, fold, seed, frame, user_ids, item_ids, negatives, checksum)
    if not len(split.users()):
        raise ProtocolUnsupported(
            f"'{protocol}' leaves nobody to rank in {dataset.title}",
            "Supply more interactions a user, or choose another protocol.",
        )
    return split


def _indexed(
    dataset: Dataset,
) -> tuple[pd.DataFrame, npt.NDArray[np.object_], npt.NDArray[np.object_]]:
    """Return interactions with dense indices, sorted by user, time and file order."""
    raw = dataset.interactions
    users, user_ids = pd.factorize(raw["user_id"], sort=True)
    items, item_ids = pd.factorize(raw["item_id"], sort=True)
    frame = pd.DataFrame({"user": users.astype(np.int32), "item": items.astype(np.int32)})
    if dataset.has_ratings:
        frame["rating"] = raw["rating"].to_numpy(np.float32)
    if dataset.has_times:
        frame["timestamp"] = raw["timestamp"].to_numpy(np.float64)
    keys = ["user", "timestamp"] if dataset.has_times else ["user"]
    order = np.lexsort([frame[key] for key in reversed(keys)])  # stable: ties by file order
    ids = [np.asarray(found, dtype=object) for found in (user_ids, item_ids)]
    return frame.iloc[order].reset_index(drop=True), ids[0], ids[1]


def _negatives(
    frame: pd.DataFrame, n_users: int, n_items: int, random: np.random.Generator
) -> IntArray:
    """Draw items that each user never took, without repetition, a batch of users at a time."""
    most = int(frame["user"].value_counts().max())
    if n_items - most < N_NEGATIVES:
        raise ProtocolUnsupported(
            f"'sampled' draws {N_NEGATIVES} items that a user never took, and some user took "
            f"{most} of {n_items}",
            "Choose a protocol that ranks the whole catalogue.",
        )
    drawn = np.empty((n_users, N_NEGATIVES), dtype=np.int32)
    items, users = frame["item"].to_numpy(), frame["user"].to_numpy()
    bounds = np.searchsorted(users, np.arange(n_users + 1))
    for start in range(0, n_users, 1024):
        stop = min(start + 1024, n_users)
        keys = random.random((stop - start, n_items), dtype=np.float32)
        own = slice(bounds[start], bounds[stop])
        keys[users[own] - start, items[own]] = np.inf
        drawn[start:stop] = np.argpartition(keys, N_NEGATIVES, axis=1)[:, :N_NEGATIVES]
    return drawn


def _checksum(
    frame: pd.DataFrame,
    user_ids: npt.NDArray[np.object_],
    item_ids: npt.NDArray[np.object_],
    negatives: IntArray | None,
) -> str:
    digest = hashlib.sha256()
    for name in sorted(frame.columns):
        column = frame[name].astype(str) if name == "part" else frame[name]
        digest.update(name.encode())
        digest.update(pd.util.hash_array(column.to_numpy(), categorize=True).tobytes())
    for ids in (user_ids, item_ids):
        digest.update("\n".join(ids).encode())
    digest.update(b"" if negatives is None else np.ascontiguousarray(negatives).tobytes())
    return digest.hexdigest()


def _seal(split: Split, folder: Path) -> None:
    """Write the split beside its place, then move it there in one step."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unfinished-"))
    except OSError as problem:
        raise DataError(
            f"the split cannot be written ({problem.strerror})",
            "Choose a build_dir that you may write to and that has room.",
            file=folder,
        ) from problem
    try:
        split.interactions.to_parquet(scratch / "interactions.parquet", index=False)
        np.savez(
            scratch / "arrays.npz",
            user_ids=split.user_ids.astype(str),
            item_ids=split.item_ids.astype(str),
            negatives=np.empty((0, 0), np.int32) if split.negatives is None else split.negatives,
        )
        (scratch / "seal.json").write_text(json.dumps({"checksum": split.checksum}))
        os.rename(scratch, folder)  # noqa: PTH104 (Path.rename would replace another's folder)
    except OSError as problem:
        if not folder.exists():  # else another process sealed the same split first
            raise DataError(
                f"the split cannot be written ({problem.strerror})",
                "Make room on the disk, or choose another build_dir.",
                file=folder,
            ) from problem
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _read(folder: Path, dataset: Dataset, protocol: str, fold: int, seed: int) -> Split:
    try:
        frame = pd.read_parquet(folder / "interactions.parquet")
        with np.load(folder / "arrays.npz") as arrays:
            user_ids, item_ids = (arrays[k].astype(object) for k in ("user_ids", "item_ids"))
            negatives = arrays["negatives"] if arrays["negatives"].size else None
        sealed = json.loads((folder / "seal.json").read_text())["checksum"]
        broken = _checksum(frame, user_ids, item_ids, negatives) != sealed
    except (OSError, EOFError, zipfile.BadZipFile, ValueError, KeyError, TypeError):
        broken = True
    if broken:
        raise DataError(
            "this sealed split was altered", "Delete the folder; it is made again.", file=folder
        )
    return Split(dataset, protocol, fold, seed, frame, user_ids, item_ids, negatives, sealed)
