from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_data import FULL

from reclib import search
from reclib.recommenders import CATALOGUE, build
from reclib.search import candidates, draw, read_settings, write_settings

COMMITTED = search.SETTINGS


@pytest.fixture(autouse=True)
def _settings_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(search, "SETTINGS", tmp_path / "settings")
    return


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_first_trial_is_the_defaults_and_all_have_known_settings(name: str) -> None:
    found = list(candidates(name, 6, seed=1))
    entry = CATALOGUE[name]
    assert found[0] == dict(entry.defaults)
    assert len(found) == (6 if entry.space else 1), "not the same number of trials for all"
    for settings in found:
        assert set(settings) >= set(entry.defaults)


@pytest.mark.parametrize("name", ["bias", "ease", "item-knn", "bpr"])
def test_every_trial_can_be_built(name: str) -> None:
    for settings in candidates(name, 4, seed=1):
        build(name, settings)


@pytest.mark.parametrize("name", ["integrated", "rnn", "transitions", "item-knn"])
def test_where_histories_are_short_what_is_known_of_them_comes_first(name: str) -> None:
    entry = CATALOGUE[name]
    plain = list(candidates(name, 6, seed=1))
    found = list(candidates(name, 6, seed=1, short=True))
    assert found[: len(entry.short)] == [{**entry.defaults, **rest} for rest in entry.short]
    assert found[len(entry.short) :][:3] == plain[:3][: 6 - len(entry.short)]
    for settings in found:
        build(name, settings)


def test_more_trials_begin_with_the_same_ones_and_a_seed_decides() -> None:
    few, many = (list(candidates("item-knn", n, seed=1)) for n in (9, 15))
    assert many[:9] == few
    assert many[8:] != list(candidates("item-knn", 15, seed=2))[8:]


@given(seed=st.integers(0, 10_000))
def test_numbers_are_drawn_between_their_bounds(seed: int) -> None:
    random = np.random.default_rng(seed)
    whole, real = draw({"low": 30, "high": 800}, random), draw({"low": 1e-3, "high": 0.1}, random)
    assert isinstance(whole, int)
    assert 30 <= whole <= 800
    assert isinstance(real, float)
    assert 1e-3 <= real <= 0.1
    assert draw(["a", None], random) in ("a", None)


def test_numbers_are_drawn_evenly_on_a_logarithmic_scale() -> None:
    random = np.random.default_rng(0)
    drawn = [draw({"low": 1.0, "high": 10_000.0}, random) for _ in range(2000)]
    assert np.mean(np.array(drawn) < 100) == pytest.approx(0.5, abs=0.04)


def test_settings_are_kept_beside_those_of_others() -> None:
    assert read_settings("small") == {}
    write_settings("small", "holdout", "ease", {"reg_weight": 120.5, "last_n": None})
    write_settings("small", "holdout", "bpr", {"layers": [64, 32]})
    write_settings("small", "strong", "ease", {"reg_weight": 7.0})
    write_settings("small", "holdout", "ease", {"reg_weight": 1.0})
    assert read_settings("small") == {
        "holdout": {"ease": {"reg_weight": 1.0}, "bpr": {"layers": [64, 32]}},
        "strong": {"ease": {"reg_weight": 7.0}},
    }
    assert read_settings("other") == {}


def test_the_committed_settings_have_the_head_that_a_search_writes(tmp_path: Path) -> None:
    committed = sorted(COMMITTED.glob("*.yaml"))
    assert committed
    for path in committed:
        write_settings(path.stem, "holdout", "ease", {"reg_weight": 1.0})
        written = (tmp_path / "settings" / path.name).read_text(encoding="utf-8")
        head = path.read_text(encoding="utf-8").splitlines()[0]
        assert head == written.splitlines()[0]
        assert "valid part" in head


def test_a_full_disk_leaves_the_settings_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    write_settings("small", "holdout", "ease", {"reg_weight": 1.0})

    def full(path: Path, text: str, **_: object) -> None:
        path.write_bytes(text.encode()[:20])
        raise FULL

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space left"):
            write_settings("small", "holdout", "ease", {"reg_weight": 2.0})
    assert read_settings("small") == {"holdout": {"ease": {"reg_weight": 1.0}}}
