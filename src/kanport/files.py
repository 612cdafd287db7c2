"""Read regular files only, and write files in one step, so that nobody finds half a file."""

import contextlib
import errno
import os
import re
import secrets
import select
import shlex
import stat
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from kanport.errors import ConfigInvalid, UsageError

try:
    import grp
except ImportError:  # Windows
    grp = None  # type: ignore[assignment]

# Windows has neither owners nor groups of files, and neither pipes nor terminals that block.
POSIX = hasattr(os, "geteuid")
NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_HINT = "name a file in a folder that exists and that you may write to"
_FULL = "make room there, or name a file on another disk"


class ArtifactKind(Enum):
    """What a file of Kanport's own is; nothing of another kind is written over it."""

    PLAN = "a plan"
    JOURNAL = "the journal of a run"
    LEDGER = "a ledger"
    APPROVAL = "an approval"
    SNAPSHOT = "a snapshot"
    MAPPING = "a mapping"
    CONFIGURATION = "a configuration"
    PASSWORDS = "the passwords of new users"


# Bytes in which the kind of a file shows.
_HEAD = 64 * 1024
_MARKS = {
    b'"kanport-plan/': ArtifactKind.PLAN,
    b'"kanport-journal/': ArtifactKind.JOURNAL,
    b'"kanport-approval/': ArtifactKind.APPROVAL,
    b'"kanport-snapshot/': ArtifactKind.SNAPSHOT,
}
_NAME_OF_CONFIGURATION = "kanport.toml"
# How a file that --passwords-to names begins.
PASSWORDS_HEADER = ("username", "password")
# "Kprt", which tells a ledger from the databases of other programs.
LEDGER_ID = 0x4B707274
# As many links as Linux follows.
_MOST_LINKS = 40
# A reader of a pipe may open it a moment later than its writer.
_READER_TRIES, _READER_PAUSE = 100, 0.05
# What a command writes that hands a secret over comes within this time.
_PIPE_SECONDS = 10.0

# Bytes; far more than any token or password has.
LONGEST_SECRET = 4096

# Stands for standard output where a file to write is named.
STDOUT = Path("-")


def open_regular(path: Path, *, or_pipe: bool = False) -> BinaryIO:
    """Open a regular file for reading; raises OSError where it cannot be read.

    A pipe or a device is refused with OSError: nobody knows whether it ever ends, and opening a
    pipe to which nobody writes would wait forever. With `or_pipe` a pipe is opened as well, whose
    reader must not wait forever (`<(command)` of a shell is one).
    """
    file = os.fdopen(os.open(path, os.O_RDONLY | NO_WAIT | _BINARY), "rb")
    mode = os.fstat(file.fileno()).st_mode
    if stat.S_ISREG(mode) or (or_pipe and stat.S_ISFIFO(mode)):
        return file
    file.close()
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise OSError(errno.EINVAL, "it is a pipe or a device, not a file")


def read_file(path: Path, *, most: int) -> bytes:
    """Read a regular file, no more than so many bytes of it; raises as `open_regular`."""
    return read_dated(path, most=most)[0]


def read_dated(path: Path, *, most: int) -> tuple[bytes, str]:
    """Read a regular file, no more than so many bytes, and when it was changed (UTC, RFC 3339).

    Raises as `open_regular`.
    """
    with open_regular(path) as file:
        changed = datetime.fromtimestamp(int(os.fstat(file.fileno()).st_mtime), UTC)
        return file.read(most), changed.strftime("%Y-%m-%dT%H:%M:%SZ")


def write_file(
    path: Path,
    content: str | bytes | Iterable[bytes],
    *,
    mode: int | None = None,
    secret: bool = False,
    over: ArtifactKind | None = None,
) -> None:
    """Write bytes (also piece by piece), or text as UTF-8, in one step.

    The file is written beside its place, synced and then moved there. A link stays one: what it
    leads to is written. What is no regular file (a pipe, a terminal, /dev/stdout) is written to as
    it is, for a device that is replaced by a file is gone.

    `-` is standard output. A file that exists keeps its permissions and, if possible, its owner.
    A new one has `mode` (umask counts); without one it is for its owner alone, and for the group as
    well in a folder that a group shares. What is `secret` is for its owner alone in any case.

    Raises UsageError where it cannot be written, or as `check_target`.
    """
    check_target(path, over=over)
    if isinstance(content, str):
        content = content.encode("utf-8")
    pieces = (content,) if isinstance(content, bytes) else content
    if path == STDOUT:
        _print(b"".join(pieces))
        return
    try:
        if (descriptor := _open_special(path)) is not None:
            with os.fdopen(descriptor, "wb") as special:
                special.writelines(pieces)
        else:
            place = path.resolve()
            if mode is None:
                mode = 0o640 if _shared(place.parent) else 0o600
            _replace(place, pieces, 0o600 if secret else mode, keep=not secret)
    except (OSError, RuntimeError) as problem:
        raise _refusal(path, problem) from problem


def _print(content: bytes) -> None:
    """Write a text, or the bytes of another kind of file, to standard output."""
    try:
        sys.stdout.write(content.decode("utf-8"))
    except UnicodeDecodeError:
        if sys.stdout.isatty():
            raise UsageError(
                "this is not text, so it does not go to a terminal", hint="name a file, or pipe it"
            ) from None
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def cannot_read(path: Path, problem: OSError, what: str = "file") -> str:
    """Return the message that there is no such file, or why it cannot be read."""
    if isinstance(problem, FileNotFoundError):
        return f"there is no {what} {path}"
    return f"the {what} {path} cannot be read: {problem.strerror}"


def readers(path: Path) -> str:
    """Return who can read a regular file besides its owner, in words; "" where all can."""
    found = path.stat()
    if not POSIX or not stat.S_ISREG(found.st_mode) or found.st_mode & stat.S_IROTH:
        return ""
    if not found.st_mode & stat.S_IRGRP:
        return "readable only by you"
    try:
        return f"readable only by you and the group {grp.getgrgid(found.st_gid).gr_name}"
    except KeyError:
        return f"readable only by you and the group {found.st_gid}"


def _shared(folder: Path) -> bool:
    """Return whether a folder belongs to a group that works in it together."""
    return bool(folder.stat().st_mode & (stat.S_ISGID | stat.S_IWGRP))


def check_target(
    path: Path,
    *,
    inputs: Iterable[Path] = (),
    over: ArtifactKind | None = None,
    regular: bool = False,
) -> None:
    """Raise UsageError where nothing may be written to a path; writes nothing itself.

    `inputs` are files that were read and must not be written over, by whatever name. Nor is a file
    of Kanport's own (`ArtifactKind`), but for the kind that is written (`over`). Where everybody
    may put files (`/tmp`), neither somebody else's link is followed nor somebody else's file
    replaced: whoever put it there may want just that. With `regular` the path must not be that of
    a pipe or a device.
    """
    if path == STDOUT:
        return
    try:
        if path.is_dir():
            raise UsageError(
                f"{path} cannot be written: it is a folder", hint="name a file in that folder"
            )
        if regular and path.exists() and not path.is_file():
            raise UsageError(
                f"{path} cannot be written: it is a pipe or a device, not a file", hint=_HINT
            )
        if not path.exists() and not path.resolve().parent.is_dir():
            raise UsageError(
                f"{path} cannot be written: there is no folder {path.resolve().parent}", hint=_HINT
            )
        if (foreign := _foreign(path)) is not None:
            raise UsageError(
                f"{path} cannot be written: {foreign} belongs to another user, in a folder to which"
                " everybody can write",
                hint="name a file in a folder of your own",
            )
        check_not_read(path, inputs)
        if (kind := kind_of(path)) not in (None, over):
            raise UsageError(
                f"{path} cannot be written: {kind.value} would be lost",
                hint="name another file, or move that one away",
            )
    except (OSError, RuntimeError, ValueError) as problem:
        raise _refusal(path, problem) from problem


def check_not_read(path: Path, inputs: Iterable[Path]) -> None:
    """Raise UsageError where a path is, by whatever name, that of a file that is read."""
    for other in inputs:
        try:
            same = path.exists() and other.exists() and path.samefile(other)
        except (OSError, RuntimeError, ValueError) as problem:
            raise _refusal(path, problem) from problem
        if same:
            raise UsageError(
                f"{path} cannot be written: it is {other}, which is read here",
                hint="name another file",
            )


def kind_of(path: Path) -> ArtifactKind | None:
    """Return which of Kanport's own kinds a regular file is; None for any other file, or none."""
    try:
        with open_regular(path) as file:
            head = file.read(_HEAD)
    except OSError:
        return None
    if head.startswith(b"SQLite format 3\0"):
        # PRAGMA application_id, at a fixed place of the header (SQLite's file format).
        return ArtifactKind.LEDGER if head[68:72] == LEDGER_ID.to_bytes(4, "big") else None
    # A journal holds a plan, which may begin soon after its own format.
    found = {head[:200].find(mark): kind for mark, kind in _MARKS.items()}
    found.pop(-1, None)
    if found:
        return found[min(found)]
    if head.splitlines()[:1] == [",".join(PASSWORDS_HEADER).encode()]:
        return ArtifactKind.PASSWORDS
    if _NAME_OF_CONFIGURATION in (path.name, path.resolve().name):
        return ArtifactKind.CONFIGURATION
    return (
        ArtifactKind.MAPPING
        if re.search(rb"^kanport: *[0-9]+ *(#.*)?\r?$", head, re.MULTILINE)
        else None
    )


def _foreign(path: Path) -> Path | None:
    """Return what of a path another user has put where everybody may put files, or None.

    The rule is that of Linux (fs.protected_symlinks, fs.protected_regular), which not every system
    has, or has switched on.
    """
    if not POSIX:
        return None
    left = list(path.absolute().parts)
    at = Path(left.pop(0))
    for _ in range(_MOST_LINKS + len(left)):
        if not left:
            return None
        folder, at = at, at / left.pop(0)
        try:
            found = at.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        link, last = stat.S_ISLNK(found.st_mode), not left
        around = folder.stat()
        open_to_all = around.st_mode & stat.S_ISVTX and around.st_mode & stat.S_IWOTH
        theirs = found.st_uid not in (os.geteuid(), around.st_uid)
        if open_to_all and theirs and (link or (last and not stat.S_ISDIR(found.st_mode))):
            return at
        if link:
            to = at.readlink()
            left = [*to.parts, *left]
            at = Path(left.pop(0)) if to.is_absolute() else folder
        elif at.name == "..":
            at = at.resolve()
    return None


def _refusal(path: Path, problem: Exception) -> UsageError:
    why = problem.strerror if isinstance(problem, OSError) else None
    # pathlib tells a loop of links with a RuntimeError, and a null byte with a ValueError.
    full = isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT)
    return UsageError(
        f"{path} cannot be written: {why or 'it is not a path to a file'}",
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
    for _ in range(_READER_TRIES):
        try:
            number = os.open(path, os.O_WRONLY | NO_WAIT)
        except OSError as problem:
            if problem.errno != errno.ENXIO:
                raise
            time.sleep(_READER_PAUSE)
        else:
            os.set_blocking(number, True)
            return number
    raise OSError(errno.ENXIO, "nobody reads from this pipe")


def _replace(path: Path, pieces: Iterable[bytes], mode: int, *, keep: bool) -> None:
    beside = path.with_name(f".kanport-{secrets.token_hex(8)}.tmp")
    try:
        before = path.stat()
    except FileNotFoundError:
        before = None
    try:
        with open(beside, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            if before is not None and POSIX:
                # First the owner: giving a file away can take permissions from it.
                with contextlib.suppress(OSError):
                    os.fchown(file.fileno(), before.st_uid, before.st_gid)
                if keep:
                    os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode) & 0o777)
            file.writelines(pieces)
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
    """Read the text of a file that holds a secret (`what`: token, password), with its line end.

    Raises ConfigInvalid where the file cannot be read, can be read or changed by others, or holds
    more than one secret could; no message holds any part of it. What systemd hands over in
    $CREDENTIALS_DIRECTORY may look as if the group could read it.
    """
    try:
        with open_regular(path, or_pipe=True) as file:
            found = os.fstat(file.fileno())
            mode = found.st_mode
            if (
                POSIX
                and mode & (stat.S_IRWXG | stat.S_IRWXO)
                and not _given_by_systemd(path, found)
            ):
                raise ConfigInvalid(
                    f"the {what} file {path} can be read or changed by other users "
                    f"(mode {stat.S_IMODE(mode):04o})",
                    hint=f"chmod 600 {shlex.quote(str(path))}",
                )
            content = _read_in_time(file) if stat.S_ISFIFO(mode) else file.read(LONGEST_SECRET + 1)
    except OSError as error:
        raise ConfigInvalid(
            f"the {what} file {path} cannot be read: {error.strerror or error}",
            hint="check its name, and that you may read it",
        ) from error
    except ValueError as error:
        # A null byte in it.
        raise ConfigInvalid(
            f"the {what} file cannot be read: {str(path)!r} is not a path"
        ) from error
    if len(content) > LONGEST_SECRET:
        raise ConfigInvalid(f"the file {path} holds more than a {what}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Without its cause: that holds the bytes of the file.
        raise ConfigInvalid(f"the {what} file {path} is not text in UTF-8") from None


def _read_in_time(pipe: BinaryIO) -> bytes:
    """Read what is written to a pipe; raise OSError where it does not end soon."""
    content = b""
    until = time.monotonic() + _PIPE_SECONDS
    while len(content) <= LONGEST_SECRET:
        left = until - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise OSError(errno.ETIMEDOUT, "it is a pipe that does not end")
        part = os.read(pipe.fileno(), LONGEST_SECRET)
        if not part:
            break
        content += part
    return content


def at_home(name: str) -> Path:
    """Return a path, with `~` as the home folder; raise ConfigInvalid for a user without one."""
    try:
        return Path(name).expanduser()
    except RuntimeError as problem:
        raise ConfigInvalid(
            f"{name!r} leads to the home folder of a user who is not there, or has none",
            hint="write the whole path, beginning with /",
        ) from problem


def _given_by_systemd(path: Path, found: os.stat_result) -> bool:
    """Return whether a file is a credential of this service, which nobody else can read.

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


# --- files given to the wrong command -------------------------------------------------------------


_MADE_FOR = (
    (
        re.compile(rb'"kanport-journal/'),
        "this is a journal: kanport report {name} shows it, kanport resume {name} finishes it",
    ),
    (
        re.compile(rb'"kanport-report/'),
        "this is a report: name the plan or the journal that it was made from",
    ),
    (
        re.compile(rb'"kanport-(access-)?comparison/'),
        "this is a comparison: name one of the files that it compares",
    ),
    (
        re.compile(rb'"kanport-plan/'),
        "this is a plan: kanport report {name} shows it, kanport apply {name} applies it",
    ),
    (
        re.compile(rb'"kanport-snapshot/'),
        "this is a snapshot: kanport state --compare {name} compares it with the server",
    ),
    (
        re.compile(rb"(?m)^kanport:[ \t]*1\s*$"),
        "this is a mapping: kanport plan {name} -o plan.json makes a plan from it",
    ),
)


def made_for(path: Path) -> str | None:
    """Return which commands a journal, a plan or a mapping is for; None for any other file."""
    try:
        with open_regular(path) as file:
            head = file.read(4096)
    except OSError:
        return None
    for mark, commands in _MADE_FOR:
        if mark.search(head):
            return commands.format(name=shlex.quote(str(path)))
    return None
