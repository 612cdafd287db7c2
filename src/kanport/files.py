"""Writing files so that a reader finds the old one or the new one whole, never a half."""

import os
import tempfile
from pathlib import Path

from kanport.errors import UsageError


def write_file(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write UTF-8 text to a file, in one step, with these permissions.

    Raises UsageError where the folder is missing or may not be written to.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(mode)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise UsageError(
            f"{path} cannot be written: {problem.strerror}",
            hint="does its folder exist, and may you write there?",
        ) from problem
