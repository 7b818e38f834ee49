"""Unpack an archive without letting it write anywhere else."""

from __future__ import annotations

import stat
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath

from reclib.errors import DataError


def unpack(archive: Path, folder: Path, *, inside: str | None = None) -> None:
    """Unpack a zip archive to a new folder, which appears only when it is complete.

    Parameters
    ----------
    archive : Path
    folder : Path
        Must not exist yet.
    inside : str, optional
        Folder of the archive that becomes ``folder``; the whole archive by default.

    Raises
    ------
    reclib.errors.DataError
        If the archive is damaged, a member would be written outside its folder or is a link,
        or ``inside`` is not there.
    """
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        whole = Path(scratch) / "whole"
        whole.mkdir()
        try:
            with zipfile.ZipFile(archive) as file:
                for member in file.infolist():
                    _check(member, archive)
                file.extractall(whole)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            remedy = "Delete it, so that it is downloaded again."
            raise DataError(f"the archive is damaged ({error})", remedy, file=archive) from error
        made = whole / inside if inside else whole
        if not made.is_dir():
            remedy = "Check that it is the provider's file."
            raise DataError(f"no folder '{inside}' in the archive", remedy, file=archive)
        # One rename, so that an interrupted process leaves no half folder behind.
        made.rename(folder)


def _check(member: zipfile.ZipInfo, archive: Path) -> None:
    """Refuse a member that could reach outside the folder."""
    name = member.filename
    outside = (
        PurePosixPath(name).is_absolute()
        or bool(PureWindowsPath(name).drive)
        or name.startswith("\\")
        or ".." in PureWindowsPath(name).parts
    )
    link = stat.S_ISLNK(member.external_attr >> 16)
    if outside or link:
        why = "is a link" if link else "points outside the archive"
        remedy = "Do not use this archive; fetch it from the provider."
        raise DataError(f"member '{name}' {why}", remedy, file=archive)
