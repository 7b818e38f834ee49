"""``python -m reclib report``: what the Makefile calls."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reclib.errors import ReclibError

if TYPE_CHECKING:
    from reclib.report.layout import Layout
    from reclib.report.parameters import Request

COMMANDS = (
    "report",
    "book",
    "check",
    "publish",
    "recommend",
    "example",
    "train",
    "prepare",
    "generate",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0, 1 for an error, 130 for Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m reclib", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument(
        "words", nargs="*", metavar="NAME=VALUE", help="DATASETS, EDITION, ...; of example a folder"
    )
    options = parser.parse_args(arguments)
    try:
        _run(options.command, options.words)
    except ReclibError as problem:
        print(f"\nerror: {problem}", file=sys.stderr)
        return 1
    except OSError as problem:
        print(f"\nerror: {_explain(problem)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; the next run continues from here", file=sys.stderr)
        return 130
    return 0


def _run(command: str, words: Sequence[str]) -> None:
    if command in ("prepare", "generate"):
        _large(command, words)
        return
    from reclib import ledger, published
    from reclib.datasets.example import write_example
    from reclib.report import book, check, execute, layout, parameters, publish

    where = layout.Layout()
    if command == "check":
        check.require_sound(where.html)
        return
    if command == "example":
        print(write_example(_folder(words)))
        return
    request = parameters.read_request(words)
    if folder := parameters.data_folder(words):
        os.environ["RECLIB_DATA"] = folder
    if address := parameters.scheduler(words):
        os.environ["RECLIB_SCHEDULER"] = address
    if command == "recommend":
        _recommend(request, where)
        return
    if command == "train":
        _train(request, where)
        return
    jobs = execute.plan(where, layout.sources(request.datasets), request)
    if command == "publish":
        if request.edition == "quick" and not request.overrides:
            publish.publish_notebooks([job for job in jobs if job.source.name == "ml-100k"])
        for source in layout.sources(request.datasets):
            print(publish.publish_card(source, where))
            print(published.publish(ledger.Ledger(where.build / "ledger"), source.slug))
        publish.publish_benchmarks(where.build, where.root)
        return
    if command == "report":
        execute.execute_all(where, jobs)
    index = book.build(where, jobs, request.edition)
    check.require_sound(where.html)
    print(index)


def _folder(words: Sequence[str]) -> str:
    """Return where the example goes: a bare word, or ``out=``, as make hands it on."""
    from reclib.report.parameters import read_request

    bare = [word for word in words if "=" not in word]
    named = read_request([word for word in words if "=" in word]).overrides
    return str(bare[0] if bare else named.get("out", "my-shop"))


def _recommend(request: Request, where: Layout) -> None:
    from reclib.lists import write_lists

    options = {"build_dir": str(where.build), "edition": request.edition}
    for path in write_lists(request.datasets, request.overrides, where.build / "lists", **options):
        print(path)


def _train(request: Request, where: Layout) -> None:
    from reclib.launch import train_all

    options = {"build_dir": str(where.build), "edition": request.edition}
    for line in train_all(request.datasets, request.overrides, **options):
        print(line)


def _large(command: str, words: Sequence[str]) -> None:
    """Prepare files larger than memory, or generate one."""
    from reclib import prepare
    from reclib.report.parameters import read_request

    values = read_request(words).overrides
    if command == "generate":
        print(prepare.generated(values))
        return
    out = prepare.prepare(prepare.from_words(values))
    print((out / "prepared.json").read_text() + str(out))


def _explain(problem: OSError) -> str:
    remedies = {
        errno.ENOSPC: "Make room and run again; what was finished is kept.",
        errno.EDQUOT: "Make room and run again; what was finished is kept.",
        errno.EACCES: "Give write permission and run again.",
        errno.EROFS: "Work in a folder that can be written to.",
    }
    place = f"{problem.filename}: " if problem.filename else ""
    remedy = remedies.get(problem.errno or 0, "Run again; what was finished is kept.")
    return f"{place}{problem.strerror or problem}. {remedy}"


if __name__ == "__main__":
    sys.exit(main())
