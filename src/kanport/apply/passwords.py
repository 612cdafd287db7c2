"""Passwords for new users: made here or handed in, kept in memory, on disk only where asked."""

import contextlib
import csv
import io
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pydantic import SecretStr

from kanport.errors import UsageError
from kanport.facts import fact
from kanport.files import PASSWORDS_HEADER, ArtifactKind, check_target, write_file
from kanport.names import compare_key
from kanport.outcome import EndsRun
from kanport.plan.change import Action, Change, by_ldap

# Without the characters that are mistaken for one another when read from paper.
ALPHABET = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
# 24 of 57 characters are 140 bits, and far below the 72 bytes that bcrypt looks at.
LENGTH = 24


class PasswordsBroken(EndsRun):
    """The disk does not take the passwords, so nobody may be created with one."""


def random_password() -> SecretStr:
    """Make a password that nobody will guess."""
    # One number for all characters: each would cost a call of the system.
    number = secrets.randbelow(len(ALPHABET) ** LENGTH)
    characters = []
    for _ in range(LENGTH):
        number, at = divmod(number, len(ALPHABET))
        characters.append(ALPHABET[at])
    return SecretStr("".join(characters))


def check_new_passwords(path: Path) -> None:
    """Raise UsageError where a file for new passwords exists already or cannot be made."""
    if os.path.lexists(path) and not path.is_dir():
        raise _exists(path)
    try:
        check_target(path)
    except UsageError as problem:
        raise UsageError(f"{problem.message}; nothing was written", hint=problem.hint) from problem


def _exists(path: Path) -> UsageError:
    return UsageError(
        f"{path} exists already; it may hold the passwords of an earlier run; nothing was written",
        hint="name another file with --passwords-to",
    )


class Passwords:
    """Gives each new user a password: the one from the source, else a random one.

    `given` maps the compare key of a username to the password of its cell. The random ones are
    appended to `file` (mode 0600, CSV) by `write`, which the executor calls before they are sent.
    """

    def __init__(
        self,
        given: Mapping[str, SecretStr] | None = None,
        *,
        file: Path | None = None,
        make: Callable[[], SecretStr] = random_password,
    ) -> None:
        self._given = dict(given or {})
        self._made: dict[str, SecretStr] = {}
        self._written: set[str] = set()
        self._rows: dict[str, tuple[str, SecretStr]] = {}
        self._file = file
        self._make = make
        if file is not None:
            self._create(file)

    def of(self, change: Change) -> SecretStr | None:
        """Return the password for a change, the same at each call; None where it needs none."""
        if change.action is not Action.USER_CREATE or by_ldap(change):
            return None
        key = compare_key(change.username)
        if key in self._given:
            return self._given[key]
        if key not in self._made:
            self._made[key] = self._make()
        return self._made[key]

    def write(self, changes: Iterable[Change]) -> None:
        """Put the random passwords of these changes on disk, where a file was asked for."""
        if self._file is None:
            return
        lines = io.StringIO()
        new: dict[str, tuple[str, SecretStr]] = {}
        for change in changes:
            if change.action is not Action.USER_CREATE:
                continue
            key = compare_key(change.username)
            if key in self._given or key in self._written or key in new:
                continue
            password = self.of(change)
            if password is not None:
                csv.writer(lines).writerow([change.username, password.get_secret_value()])
                new[key] = (change.username, password)
        try:
            self._append(lines.getvalue())
        except OSError as problem:
            why = fact("passwords-broken", path=str(self._file), error=problem.strerror)
            raise PasswordsBroken(why) from problem
        self._written |= new.keys()
        self._rows |= new

    def discard(self) -> None:
        """Remove the file of a run that did not even begin, as it holds no password."""
        if self._file is not None and not self._written:
            self._file.unlink(missing_ok=True)

    def keep(self, usernames: Iterable[str]) -> None:
        """Leave only the passwords of these people in the file: those whom this run has made.

        A password of somebody whom the run did not make is nobody's.
        """
        if self._file is None or not self._written:
            return
        kept = {compare_key(name) for name in usernames}
        if self._written <= kept:
            return
        lines = io.StringIO()
        csv.writer(lines).writerow(PASSWORDS_HEADER)
        for key, (username, password) in self._rows.items():
            if key in kept:
                csv.writer(lines).writerow([username, password.get_secret_value()])
        write_file(self._file, lines.getvalue(), secret=True, over=ArtifactKind.PASSWORDS)
        self._written &= kept

    def _append(self, text: str) -> None:
        if self._file is None or not text:
            return
        with self._file.open("ab", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            try:
                content = memoryview(text.encode("utf-8"))
                while content:
                    content = content[file.write(content) :]
                os.fsync(file.fileno())
            except OSError:
                # Half a line would be taken for a password.
                with contextlib.suppress(OSError):
                    file.truncate(size)
                raise

    def _create(self, file: Path) -> None:
        try:
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            raise _exists(file) from None
        except OSError as problem:
            raise UsageError(
                f"{file} cannot be written: {problem.strerror}; nothing was written to the server",
                hint="name another file with --passwords-to",
            ) from problem
        try:
            self._append(",".join(PASSWORDS_HEADER) + "\r\n")
        except OSError as problem:
            file.unlink(missing_ok=True)
            raise UsageError(
                f"{file} cannot be written: {problem.strerror}; nothing was written to the server",
                hint="make room on its disk, or name a file on another disk with --passwords-to",
            ) from problem
