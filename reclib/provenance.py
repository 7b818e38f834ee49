"""Where a result comes from: code, versions, machine."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGE = Path(__file__).parent
LIBRARIES = ("numpy", "scipy", "pandas", "torch", "pytorch-lightning", "recbole")


@lru_cache
def versions(*others: str) -> dict[str, str]:
    """Return the versions of Python, this package and the libraries that results depend on.

    Parameters
    ----------
    *others : str
        Libraries that only some results depend on, beyond `LIBRARIES`.
    """
    found = {"python": platform.python_version()}
    for name in ("reclib", *LIBRARIES, *others):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a folder that was never installed
            found[name] = "unknown"
    return found


@lru_cache
def fingerprint(*patterns: str) -> str:
    """Return a hash of the package's files that match any of the patterns.

    Parameters
    ----------
    *patterns : str
        As in `pathlib.Path.glob`, relative to the package: ``recommenders/deep/*.py``.
    """
    paths = sorted({path for pattern in patterns for path in PACKAGE.glob(pattern)})
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.relative_to(PACKAGE).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@lru_cache
def commit() -> str:
    """Return the commit of the checkout, with ``+`` if files differ from it; else "unknown"."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(PACKAGE.parent), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@lru_cache
def machine() -> dict[str, str | int]:
    """Return processor, number of cores and GiB of memory."""
    names = _proc("/proc/cpuinfo", "model name")
    memory = _proc("/proc/meminfo", "MemTotal")
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": names or platform.processor() or "unknown",
        "cores": os.cpu_count() or 1,
        "memory_gib": round(int(memory.split()[0]) / 2**20) if memory else 0,
    }


def _proc(path: str, field: str) -> str:
    file = Path(path)
    if not file.exists():
        return ""
    lines = (line.partition(":") for line in file.read_text().splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == field), "")
