"""Reading what is a file and nothing else; writing so that nobody ever finds half a file."""

import contextlib
import errno
import os
import secrets
import shlex
import stat
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from kanport.errors import ConfigInvalid, UsageError

_HINT = "name a file in a folder that exists and that you may write to"
_FULL = "make room there, or name a file on another disk"

# Bytes; far more than any token or password has.
LONGEST_SECRET = 4096


def read_file(path: Path, *, most: int) -> bytes:
    """Read a regular file, no more than so many bytes of it; raises as `read_dated`."""
    return read_dated(path, most=most)[0]


def read_dated(path: Path, *, most: int) -> tuple[bytes, str]:
    """Read a regular file, no more than so many bytes, and when it was changed (UTC, RFC 3339).

    Raises OSError where it cannot be read, and for a pipe or a device, of which nobody knows
    whether they ever end.
    """
    # Opening a pipe that nobody writes to would wait for ever.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        found = os.fstat(file.fileno())
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device, not a file")
        changed = datetime.fromtimestamp(int(found.st_mtime), UTC)
        return file.read(most), changed.strftime("%Y-%m-%dT%H:%M:%SZ")


def write_file(path: Path, content: str | bytes, *, mode: int = 0o644) -> None:
    """Write bytes, or text as UTF-8, in one step, with these permissions at most (umask counts).

    The file is written beside its place, synced and then moved there. A link stays one: what it
    leads to is written. What is no regular file (a pipe, a terminal, /dev/stdout) is written to as
    it is, for a device that is replaced by a file is gone.

    Raises UsageError where it cannot be written.
    """
    check_target(path)
    if isinstance(content, str):
        content = content.encode("utf-8")
    try:
        if (descriptor := _open_special(path)) is not None:
            with os.fdopen(descriptor, "wb") as special:
                special.write(content)
        else:
            _replace(path.resolve(), content, mode)
    except (OSError, RuntimeError) as problem:
        raise _refusal(path, problem) from problem


def check_target(path: Path, *, inputs: Iterable[Path] = ()) -> None:
    """Raise UsageError where nothing can be written to a path; writes nothing itself.

    `inputs` are files that were read and must not be written over, by whatever name.
    """
    try:
        if path.is_dir():
            raise UsageError(
                f"{path} cannot be written: it is a folder", hint="name a file in that folder"
            )
        if not path.exists() and not path.resolve().parent.is_dir():
            raise UsageError(
                f"{path} cannot be written: there is no folder {path.resolve().parent}", hint=_HINT
            )
        for other in inputs:
            if path.exists() and other.exists() and path.samefile(other):
                raise UsageError(
                    f"{path} cannot be written: it is {other}, which is read here",
                    hint="name another file",
                )
    except (OSError, RuntimeError, ValueError) as problem:
        raise _refusal(path, problem) from problem


def _refusal(path: Path, problem: Exception) -> UsageError:
    why = problem.strerror if isinstance(problem, OSError) else None
    # pathlib tells a loop of links with a RuntimeError, and a null byte with a ValueError.
    full = isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT)
    return UsageError(
        f"{path} cannot be written: {why or 'it is no path to a file'}",
        hint=_FULL if full else _HINT,
    )


def _open_special(path: Path) -> int | None:
    """Open what is to be written to in place; None for a regular file, or where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    for stream in (sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            number = stream.fileno()  # type: ignore[union-attr]
            if os.path.samestat(found, os.fstat(number)):
                # A second opening would begin at its start and write over what was printed.
                stream.flush()  # type: ignore[union-attr]
                return os.dup(number)
    if stat.S_ISREG(found.st_mode):
        return None
    return os.open(path, os.O_WRONLY | os.O_NOCTTY)


def _replace(path: Path, content: bytes, mode: int) -> None:
    beside = path.with_name(f".kanport-{secrets.token_hex(8)}.tmp")
    try:
        with open(beside, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        _sync_folder(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    # Without it a power cut can undo the move. Some file systems cannot do it, and need not.
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def read_secret(path: Path, what: str) -> str:
    """Give the text of a file that holds a secret (`what`: token, password), its line end included.

    Raises ConfigInvalid where the file cannot be read, can be read or changed by others, or holds
    more than one secret could; no message holds any part of it. What systemd hands over in
    $CREDENTIALS_DIRECTORY may look as if the group could read it.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            mode = found.st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO) and not _given_by_systemd(path, found):
                raise ConfigInvalid(
                    f"The {what} file {path} can be read or changed by other users "
                    f"(mode {stat.S_IMODE(mode):04o}).",
                    hint=f"chmod 600 {shlex.quote(str(path))}",
                )
            content = file.read(LONGEST_SECRET + 1)
    except OSError as error:
        raise ConfigInvalid(
            f"The {what} file {path} cannot be read: {error.strerror or error}."
        ) from error
    except ValueError as error:
        # A null byte in it.
        raise ConfigInvalid(f"The {what} file cannot be read: {str(path)!r} is no path.") from error
    if len(content) > LONGEST_SECRET:
        raise ConfigInvalid(f"The file {path} holds more than a {what}.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Without its cause: that holds the bytes of the file.
        raise ConfigInvalid(f"The {what} file {path} is not text in UTF-8.") from None


def at_home(name: str) -> Path:
    """Give a path, with `~` at its start for the home folder; raises ConfigInvalid without one."""
    try:
        return Path(name).expanduser()
    except RuntimeError as problem:
        raise ConfigInvalid(
            f"{name!r} leads to the home folder of a user who is not there, or has none",
            hint="write the whole path, beginning with /",
        ) from problem


def _given_by_systemd(path: Path, found: os.stat_result) -> bool:
    """Tell whether a file is a credential of this service, which nobody else gets at.

    LoadCredential gives the file to the service's user by an ACL, whose mask shows as the right of
    the group to read; the folder around it is the service's alone.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder or found.st_mode & (stat.S_IWGRP | stat.S_IXGRP | stat.S_IRWXO):
        return False
    around = path.parent.stat()
    return (
        os.path.samestat(around, Path(folder).stat())
        and not around.st_mode & (stat.S_IWGRP | stat.S_IRWXO)
        and {found.st_uid, around.st_uid} <= {0, os.geteuid()}
    )
