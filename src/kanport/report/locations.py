"""Where a finding is, as pipelines want it: a file, and a line where the file has lines."""

import os
from pathlib import PurePath
from typing import NamedTuple

from kanport.origin import Origin
from kanport.report.parts import View


class FilePlace(NamedTuple):
    """A file as it lies relative to the working folder, and a line from 1 where it has lines."""

    path: str
    line: int | None = None


def file_of(view: View, origin: Origin | None) -> FilePlace | None:
    """Give the file that a finding is about; for a directory or a server, the mapping.

    None where not even the mapping is known. Rows of a sheet are no lines, so they are left out.
    """
    if origin is not None and origin.file is not None and "://" not in origin.file:
        line = origin.row if origin.sheet is None else None
        return FilePlace(_slashes(origin.file), line)
    mapping = view.facts.mapping.path
    return FilePlace(_slashes(mapping)) if mapping else None


def _slashes(path: str) -> str:
    return PurePath(os.path.normpath(path)).as_posix()
