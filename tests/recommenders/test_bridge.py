"""RecBole behind the bridge: its shims, its indices, and what it may see."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from planted import board, fitted, rated, ring, small, split_of, with_other_tests
from planted import checkerboard as board_data

import reclib.metrics
from reclib.metrics import Evaluation, evaluate
from reclib.recommenders import CATALOGUE, Recommender, build
from reclib.recommenders import recbole_bridge as bridge
from reclib.splits import Split

RECBOLE = [name for name, entry in CATALOGUE.items() if "recbole_models" in entry.build]
SEQUENTIAL = [name for name in RECBOLE if CATALOGUE[name].family == "sequential"]


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return (done.stdout + done.stderr).strip()


def split_for(name: str) -> Split:
    if name.endswith("ratings"):
        return rated()
    return ring() if name in SEQUENTIAL else board()


def test_recbole_is_imported_in_the_bridge_alone() -> None:
    folder = Path(reclib.__file__).parent
    found = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        for line in path.read_text().splitlines()
        if line.strip().startswith(("import recbole", "from recbole"))
    }
    assert found == {"recommenders/recbole_bridge.py"}


MAKE_CONFIG = """
import sys, recbole.config
sys.argv = sys.argv[:1]
try:
    recbole.config.Config(model="BPR", dataset="any")
except ValueError:  # ml-100k and the like are known, "any" is not: far enough
    pass
"""


def test_recbole_still_needs_the_numpy_aliases() -> None:
    """When this fails, upstream knows NumPy 2: delete ``restore_numpy_aliases``."""
    assert "AttributeError: `np." in python(MAKE_CONFIG)


ASKED = """
import numpy as np
aliases, asked, before = {aliases!r}, set(), np.__getattr__
def note(name):
    if name in aliases:
        asked.add(name)
        return getattr(np, aliases[name])
    return before(name)
np.__getattr__ = note
"""


@pytest.mark.parametrize(
    "alias",
    [
        "float_", "complex_", "unicode_",
    ],
)  # fmt: skip
def test_each_numpy_alias_is_asked_for(alias: str) -> None:
    """When this fails, delete the alias: nobody asks for it any longer."""
    asked = asked_aliases()
    assert alias in asked


@cache
def asked_aliases() -> set[str]:
    """Return the names that RecBole looks up until it has a configuration."""
    aliases = {name: value.__name__ for name, value in bridge.NUMPY_ALIASES.items()}
    imports = "import recbole.data, recbole.data.dataset, recbole.utils, recbole.trainer\n"
    said = python(ASKED.format(aliases=aliases) + imports + MAKE_CONFIG + "print(*asked)")
    return set(said.splitlines()[-1].split())


def test_every_numpy_alias_is_under_test() -> None:
    assert set(bridge.NUMPY_ALIASES) == {"float_", "complex_", "unicode_"}


def test_scipy_has_no_dok_update_of_its_own_and_lightgcn_asks_for_it() -> None:
    """When this fails, delete ``restore_dok_update``."""
    assert python("import scipy.sparse as s; print(hasattr(s.dok_matrix, '_update'))") == "False"
    code = Path(sys.modules["recbole"].__file__).parent / "model/general_recommender/lightgcn.py"
    assert "._update(" in code.read_text()


def test_dok_update_sets_the_cells() -> None:
    matrix = sp.dok_matrix((2, 3), dtype=np.float32)
    matrix._update({(0, 2): 4.0, (1, 0): 5.0})
    assert matrix.toarray().tolist() == [[0, 0, 4], [5, 0, 0]]


def config(folder: Path, split: Split) -> Any:
    bridge.write_benchmark(split, folder / bridge.NAME)
    options = bridge.options_for(split, str(folder), {}, 1, 0)
    return bridge.Config(model="BPR", dataset=bridge.NAME, config_dict=options)


def test_recbole_still_reads_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the first assertion fails, upstream lets ``sys.argv`` be: simplify ``quiet``."""
    monkeypatch.setattr(sys, "argv", ["notebook", "--embedding_size=3"])
    assert config(tmp_path, board())["embedding_size"] == 3
    prepared = bridge.prepare("BPR", board(), {}, seed=1)
    assert prepared.config["embedding_size"] == 64, "the command line reached the model"


def test_recbole_still_warns() -> None:
    """When this fails, upstream's fills are clean: drop the filters in ``quiet``."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with tempfile.TemporaryDirectory() as folder:
            bridge.create_dataset(config(Path(folder), board()))
    assert {w.category for w in seen} & {FutureWarning, DeprecationWarning, UserWarning}


@pytest.mark.parametrize("fails", [False, True])
def test_quiet_puts_everything_back(fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["notebook", "-f", "kernel.json"]
    monkeypatch.setattr(sys, "argv", arguments)
    level, filters = logging.getLogger().level, list(warnings.filters)
    try:
        with bridge.quiet():
            assert sys.argv == ["notebook"]
            logging.getLogger().setLevel(logging.CRITICAL)
            if fails:
                raise KeyError
    except KeyError:
        pass
    assert sys.argv is arguments
    assert logging.getLogger().level == level
    assert warnings.filters == filters


@pytest.mark.parametrize("name", ["ease", "bpr", "gru4rec"])
def test_a_fit_leaves_no_trace(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["notebook", "--epochs=1"]
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.chdir(tmp_path)
    level = logging.getLogger().level
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted(name, split_for(name), epochs=1).scores(np.arange(3, dtype=np.int32))
    assert sys.argv is arguments
    assert logging.getLogger().level == level
    assert capfd.readouterr() == ("", ""), "RecBole writes onto the page"


def test_a_fit_leaves_no_file_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fitted("bpr", board(), epochs=1)
    assert not list(tmp_path.iterdir())


def test_no_temporary_folder_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    fitted("bpr", board(), epochs=1)
    assert not list(tmp_path.iterdir())


def pairs(recommender: Recommender) -> set[tuple[int, int]]:
    """Return our users and items of everything in RecBole's training data."""
    prepared = recommender.prepared  # type: ignore[attr-defined]
    dataset = prepared.train_data.dataset
    users = {index: ours for ours, index in enumerate(prepared.users.tolist())}
    items = {index: ours for ours, index in enumerate(prepared.items.tolist())}
    who, what = (dataset.inter_feat[f].numpy() for f in (dataset.uid_field, dataset.iid_field))
    found = {(users[u], items[i]) for u, i in zip(who.tolist(), what.tolist(), strict=True)}
    if "item_id_list" in dataset.inter_feat.columns:
        rows = dataset.inter_feat["item_id_list"].numpy()
        found |= {(users[u], items[i]) for u, row in zip(who, rows, strict=True) for i in row if i}
    return found


def own(frame: Any) -> set[tuple[int, int]]:
    return set(zip(frame["user"].tolist(), frame["item"].tolist(), strict=True))


@pytest.mark.parametrize("stage", ["valid", "test"])
@pytest.mark.parametrize("name", ["item-knn", "bpr", "multivae", "gru4rec"])
def test_recbole_sees_the_training_part_and_nothing_else(name: str, stage: str) -> None:
    split = split_for(name).at(stage)  # type: ignore[arg-type]
    found = pairs(fitted(name, split, epochs=1))
    assert found == own(split.train)
    assert not found & own(split.targets)


@pytest.mark.parametrize("name", RECBOLE)
def test_scores_do_not_depend_on_the_test_part(name: str) -> None:
    split = split_for(name)
    users = np.arange(split.n_users, dtype=np.int32)
    one, two = (fitted(name, s, epochs=2).scores(users) for s in (split, with_other_tests(split)))
    np.testing.assert_array_equal(one, two, err_msg=f"{name} looks at what it is asked for")


@pytest.mark.parametrize("model", ["BPR", "GRU4Rec"])
def test_indices_map_our_users_and_items_to_recboles(model: str) -> None:
    split = split_for("gru4rec" if model == "GRU4Rec" else "bpr")
    # our last users and items first, so that RecBole numbers them the other way round
    turned = split.interactions.iloc[::-1].reset_index(drop=True)
    split = replace(split, interactions=turned)
    prepared = bridge.prepare(model, split, {}, seed=1, max_len=5 if model == "GRU4Rec" else 0)
    dataset = prepared.train_data.dataset
    for field, index in ((dataset.uid_field, prepared.users), (dataset.iid_field, prepared.items)):
        assert sorted(index) == list(range(1, len(index) + 1)), "0 is RecBole's padding"
        assert dataset.id2token(field, index).tolist() == [str(i) for i in range(len(index))]
        assert index.tolist() != list(range(1, len(index) + 1)), "this test has lost its power"


def test_prefixes_are_every_prefix_of_every_history_cut_at_max_len() -> None:
    frame = ring().train[["user", "item"]].iloc[:0]
    frame = frame.reindex(range(5)).assign(user=[7, 7, 7, 7, 9], item=[3, 1, 4, 2, 6])
    assert bridge.prefixes(frame, 2).to_numpy().tolist() == [
        [7, "3", "1"], [7, "3 1", "4"], [7, "1 4", "2"], [9, "6", "6"],
    ]  # fmt: skip


def test_early_stopping_never_looks_at_the_test_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else every gradient-trained baseline is chosen by the interactions that it is tested on."""
    stages = []

    def spy(recommender: Recommender, split: Split, cutoffs: tuple[int, ...]) -> object:
        stages.append(split.stage)
        return evaluate(recommender, split, cutoffs)

    monkeypatch.setattr(reclib.metrics, "evaluate", spy)
    for protocol in ("holdout", "temporal"):
        fitted("bpr", split_of(board_data(), protocol), epochs=2)
    assert set(stages) == {"valid"}


@pytest.mark.parametrize("name", ["bpr", "lightgcn", "multivae", "gru4rec"])
def test_early_stopping_keeps_the_best_epoch_and_stops_after_patience(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NDCG is scripted: the second of five epochs is the best."""
    script, states = iter([0.2, 0.5, 0.4, 0.3, 0.1]), []
    users = np.arange(4, dtype=np.int32)

    def scripted(recommender: Recommender, split: Split, cutoffs: tuple[int, ...]) -> object:
        states.append(recommender.scores(users))
        return Evaluation(None, {"ndcg@10": next(script)}, None)  # type: ignore[arg-type]

    monkeypatch.setattr(reclib.metrics, "evaluate", scripted)
    protocol = "leave-last-out" if name == "gru4rec" else "temporal"
    split = split_of(board_data(), protocol).at("valid")
    found = build(name, small(name) | {"max_epochs": 9, "patience": 3}).fit(split)
    assert len(found.curve) == 5, "training goes on for as long as patience says"
    np.testing.assert_array_equal(found.scores(users), states[1])


def test_a_refit_takes_as_many_epochs_as_the_valid_stage_found() -> None:
    found = fitted("bpr", board(), epochs=4)
    epochs = int(found.curve["valid_ndcg@10"].to_numpy().argmax()) + 1
    torch.manual_seed(0)  # global state must not matter
    second = fitted("bpr", board(), epochs=4)
    assert len(found.curve) >= epochs
    assert pairs(found) == own(board().train), "the valid part is missing from the refit"
    users = np.arange(5, dtype=np.int32)
    np.testing.assert_array_equal(found.scores(users), second.scores(users))


def test_caser_trains_where_every_history_is_shorter_than_max_len() -> None:
    build("caser", {"max_len": 50, "max_epochs": 1}).fit(ring())
