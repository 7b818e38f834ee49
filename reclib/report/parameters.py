"""Which value each parameter of each notebook gets: from its file, then from the command line."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from reclib.errors import DataError, UnknownName
from reclib.report import nb

EDITIONS = ("quick", "full")
OF_THE_REPORT = ("DATASETS", "EDITION", "RECLIB_DATA", "RECLIB_SCHEDULER")
"""Names on the command line that are not parameters of a notebook."""


@dataclass(frozen=True)
class Request:
    """What a person asked for.

    Parameters
    ----------
    datasets : sequence of str
        Names from the catalogue, or folders.
    edition : {"quick", "full"}
    overrides : mapping
        Notebook parameters from the command line.
    """

    datasets: Sequence[str] = ("ml-100k",)
    edition: str = "quick"
    overrides: Mapping[str, Any] = field(default_factory=dict)


def read_request(words: Sequence[str], environment: Mapping[str, str] = os.environ) -> Request:
    """Read ``NAME=VALUE`` words; what they do not name comes from the environment.

    Values are YAML: ``folds=[0, 1]`` is a list, ``ablate=false`` a truth value.

    Examples
    --------
    >>> read_request(["DATASETS=ml-1m ml-20m", "cutoff=20"], {}).overrides
    {'cutoff': 20}
    """
    given = dict(_pair(word) for word in [*_from_make(environment), *words])
    edition = given.get("EDITION") or environment.get("EDITION") or EDITIONS[0]
    if edition not in EDITIONS:
        raise UnknownName("edition", edition, EDITIONS)
    datasets = given.get("DATASETS") or environment.get("DATASETS") or "ml-100k"
    overrides = {
        name: _value(name, text) for name, text in given.items() if name not in OF_THE_REPORT
    }
    return Request(tuple(datasets.split()), edition, overrides)


def data_folder(words: Sequence[str], environment: Mapping[str, str] = os.environ) -> str | None:
    """Return RECLIB_DATA as an absolute path: notebooks run in a folder of their own."""
    given = dict(_pair(word) for word in [*_from_make(environment), *words])
    folder = given.get("RECLIB_DATA") or environment.get("RECLIB_DATA")
    return str(Path(folder).expanduser().resolve()) if folder else None


def scheduler(words: Sequence[str], environment: Mapping[str, str] = os.environ) -> str | None:
    """Return RECLIB_SCHEDULER, the address of the Dask scheduler that makes the runs, if any."""
    given = dict(_pair(word) for word in [*_from_make(environment), *words])
    return given.get("RECLIB_SCHEDULER") or environment.get("RECLIB_SCHEDULER")


def _from_make(environment: Mapping[str, str]) -> list[str]:
    """Undo make's quoting: a backslash before blanks and backslashes, and doubled dollars."""
    words = re.findall(r"(?:\\.|[^\s\\])+", environment.get("RECLIB_OVERRIDES", ""))
    return [re.sub(r"\\(.)", r"\1", word).replace("$$", "$") for word in words]


def _pair(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or not name:
        raise DataError(f"'{word}' is not a parameter", "Write NAME=VALUE.")
    return name, value


def _value(name: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as problem:
        raise DataError(
            f"the value of '{name}' cannot be read: {text}", "Write it as YAML, such as [0, 1]."
        ) from problem


def declared(notebook: Path) -> list[str]:
    """Return the names that the notebook's parameters cell sets."""
    cells = nb.read(notebook).cells
    sources = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    statements = ast.parse("\n".join(sources)).body
    return [
        target.id
        for statement in statements
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    ]


def read_file(folder: Path, slug: str, edition: str) -> tuple[Path, dict[str, Any]]:
    """Return the parameter file of a dataset and edition, or else the default one, as read."""
    path = folder / f"{slug}.{edition}.yaml"
    path = path if path.exists() else folder / f"default.{edition}.yaml"
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as problem:
        raise DataError("there is no parameter file", "Restore it.", file=path) from problem
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise DataError("this is not YAML", "Write one 'name: value' a line.", file=path) from (
            problem
        )
    if not isinstance(values, dict):
        raise DataError("this is no mapping", "Write one 'name: value' a line.", file=path)
    return path, values


def assign(
    names: Mapping[Path, Sequence[str]], values: Mapping[str, Any]
) -> dict[Path, dict[str, Any]]:
    """Give each value to those notebooks that have a parameter of its name.

    Parameters
    ----------
    names : mapping of Path to sequence of str
        The parameters that each notebook declares.
    values : mapping

    Raises
    ------
    reclib.errors.UnknownName
        For a name that no notebook has.
    """
    known = {name for declared_names in names.values() for name in declared_names}
    for name in values:
        if name not in known:
            raise UnknownName("parameter", name, known | set(OF_THE_REPORT))
    return {
        notebook: {name: value for name, value in values.items() if name in declared_names}
        for notebook, declared_names in names.items()
    }
