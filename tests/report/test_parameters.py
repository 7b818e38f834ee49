"""What is typed on a command line arrives as it was meant."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from reclib.errors import DataError, UnknownName
from reclib.report import parameters
from reclib.report.layout import ROOT


def test_values_are_yaml_and_names_of_the_report_are_not_parameters() -> None:
    request = parameters.read_request(
        ["DATASETS=ml-1m shop", "EDITION=full", "folds=[0, 1]", "ablate=false", "user=O'Brien"], {}
    )
    assert request.datasets == ("ml-1m", "shop")
    assert request.edition == "full"
    assert request.overrides == {"folds": [0, 1], "ablate": False, "user": "O'Brien"}


def test_the_environment_is_used_where_the_command_line_is_silent() -> None:
    request = parameters.read_request([], {"DATASETS": "ml-1m", "EDITION": "full"})
    assert (request.datasets, request.edition) == (("ml-1m",), "full")
    assert parameters.read_request([], {}).datasets == ("ml-100k",)


@pytest.mark.parametrize(
    ("word", "error", "said"),
    [
        ("EDITION=fll", UnknownName, "Did you mean 'full'"),
        ("cutoff", DataError, "Write NAME=VALUE"),
        ("folds=[0, 1", DataError, "'folds' cannot be read"),
    ],
)
def test_wrong_words_are_said_plainly(word: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        parameters.read_request([word], {})


def test_the_data_folder_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert parameters.data_folder(["RECLIB_DATA=data"], {}) == str(tmp_path / "data")
    assert parameters.data_folder([], {}) is None


def test_blanks_quotes_and_dollars_survive_make(tmp_path: Path) -> None:
    """The words go through make's own quoting and back."""
    make = shutil.which("make") or pytest.skip("there is no make")
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    export = next(line for line in lines if line.startswith("export RECLIB_OVERRIDES"))
    (tmp_path / "Makefile").write_text(f"{export}\nshow:\n\t@printenv RECLIB_OVERRIDES\n")
    words = ["DATASETS=ml-1m shop", "folds=[0, 1]", "user=O'Brien; $(x) \\"]
    given = [word.replace("$(", "$$(") for word in words]
    done = subprocess.run([make, "show", *given], cwd=tmp_path, capture_output=True, text=True,
                          check=True, env={"PATH": "/usr/bin:/bin"})  # fmt: skip
    request = parameters.read_request([], {"RECLIB_OVERRIDES": done.stdout})
    assert request.datasets == ("ml-1m", "shop")
    assert request.overrides == {"folds": [0, 1], "user": given[2].partition("=")[2]}


def test_make_help_lists_every_target() -> None:
    make = shutil.which("make") or pytest.skip("there is no make")
    command = [make, "--no-print-directory", "help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    targets = [line.split()[0] for line in done.stdout.splitlines()[1:]]
    expected = {"report", "book", "lab", "test", "lock", "clean", "help"}
    expected |= {"benchmarks", "publish", "recommend", "example", "prepare", "test-large"}
    assert set(targets) == expected


def test_every_committed_parameter_is_one_of_a_notebook() -> None:
    folder = ROOT / "notebooks"
    names = {path: parameters.declared(path) for path in sorted(folder.glob("[0-9]*.ipynb"))}
    for path in sorted((folder / "parameters").glob("*.yaml")):
        slug, edition, _ = path.name.rsplit(".", 2)
        _, values = parameters.read_file(folder / "parameters", slug, edition)
        parameters.assign(names, values)
