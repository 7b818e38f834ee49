"""One training from the command line, alone or as one of several processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_data import random_frame, write_dataset

from reclib import launch, recommenders
from reclib.__main__ import main
from reclib.errors import DataError, UnknownName
from reclib.ledger import Ledger
from reclib.recommenders.deep.share import Place

SMALL = ["embedding_size=8", "hidden_size=8", "max_epochs=1", "branches=[rnn]"]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "shop", random_frame())


def test_a_run_goes_into_the_ledger_with_the_number_of_its_processes(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"DATASETS={shop}", "recommender=rnn", f"build_dir={tmp_path / 'b'}", *SMALL]
    assert main(["train", *words]) == 0
    shown = json.loads(capsys.readouterr().out)
    rows = Ledger(tmp_path / "b" / "ledger").rows()
    assert [row["key"] for row in rows] == [shown["key"]]
    assert rows[0]["world_size"] == shown["world_size"] == 1
    assert rows[0]["protocol"] == "leave-last-out"
    assert rows[0]["settings"]["hidden_size"] == 8


def test_processes_started_together_share_what_they_train() -> None:
    assert launch.shared("integrated", Place(5, 8, 2)) == {
        "strategy": "ddp", "devices": 4, "num_nodes": 2,
    }  # fmt: skip
    assert launch.shared("integrated", None) == launch.shared("rnn", Place(0, 1)) == {}
    with pytest.raises(DataError, match="'ease' is fitted by one process, and 8 were started"):
        launch.shared("ease", Place(5, 8, 2))


def test_all_but_the_first_process_train_along_and_write_nothing(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = []
    real = recommenders.build

    def build(*arguments: object, **options: object) -> object:
        fitted.append(arguments[0])
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(recommenders, "build", build)
    monkeypatch.setattr(launch, "shared", lambda *_: {})
    words = {"recommender": "bias", "protocol": "holdout", "build_dir": str(tmp_path / "b")}
    for place, lines, n_rows in ((Place(1, 2), 0, 0), (Place(0, 2), 1, 1), (Place(1, 2), 0, 1)):
        monkeypatch.setattr(launch, "launched", lambda place=place: place)
        assert len(list(launch.train_all([str(shop)], words))) == lines
        assert len(Ledger(tmp_path / "b" / "ledger").rows()) == n_rows
    assert fitted == ["bias", "bias"], "what is in the ledger is not fitted again by anybody"


def test_a_setting_that_the_recommender_does_not_have_is_refused(
    shop: Path, tmp_path: Path
) -> None:
    words = {"recommender": "rnn", "dropuot": 0.1, "build_dir": str(tmp_path / "b")}
    with pytest.raises(UnknownName, match="Did you mean 'dropout'"):
        list(launch.train_all([str(shop)], words))
