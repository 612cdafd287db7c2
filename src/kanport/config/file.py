"""Find and read `kanport.toml`, and take a setting from flags, environment or that file.

One setting has one name everywhere: `--batch-size`, KANPORT_BATCH_SIZE and `batch_size`. A flag
beats the environment, which beats the file, which beats the default. All problems of the file are
reported at once, each with its place.
"""

import os
import re
import stat
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import ValidationError

from kanport.config.secrets import ConfigFile, FileSettings, Notify, SettingSecret
from kanport.errors import ConfigInvalid
from kanport.files import POSIX, at_home, read_file
from kanport.mapping.base import near
from kanport.mapping.mistakes import explain, with_mistakes
from kanport.mapping.yaml_file import (
    MAX_BYTES,
    KeyPath,
    LocatedDocument,
    Mistake,
    Spot,
    SyntaxProblem,
    decode,
)
from kanport.records import dataclass

NAME = "kanport.toml"
SYSTEM = Path("/etc/kanport") / NAME
_PATHS = ("ca_file", "state", "log_file", "status", "prometheus")


class Placed(NamedTuple):
    """A value of the file with its place: file, line and, where it is from one, the profile."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the configuration file says for the chosen profile.

    `path` is None where there is no file. `looked_at` are the places that were searched, in order.
    `withheld` says why a setting that is in the file does not count, by key.
    """

    path: Path | None = None
    profile: str | None = None
    values: Mapping[str, Placed] = field(default_factory=dict)
    looked_at: tuple[str, ...] = ()
    withheld: Mapping[str, str] = field(default_factory=dict)

    @property
    def notify(self) -> Notify:
        """The recipients of notices; tables of a profile replace those outside of it one by one."""
        given = {
            key: self.values[f"notify.{key}"].value
            for key in ("on", "webhook", "email")
            if f"notify.{key}" in self.values
        }
        return Notify.model_construct(**({"on": "failure", "webhook": None, "email": None} | given))

    @property
    def files(self) -> list[Path]:
        """The file itself, and those with secrets and certificates that it names."""
        if self.path is None:
            return []
        notify = self.notify
        secrets = [self.values["token"].value] if "token" in self.values else []
        secrets += [notify.webhook.token, notify.webhook.url] if notify.webhook else []
        secrets += [notify.email.password] if notify.email else []
        named = [secret.file for secret in secrets if isinstance(secret, SettingSecret)]
        named += [self.values["ca_file"].value] if "ca_file" in self.values else []
        return [self.path, *(self.path.parent / name for name in named if name is not None)]


NOTHING = Configuration()


def load_configuration(
    path: str | os.PathLike[str] | None = None,
    profile: str | None = None,
    *,
    environ: Mapping[str, str],
    folder: Path | None = None,
) -> Configuration:
    """Read the configuration file that is named, else the first that is found.

    It is `path` (--config), else KANPORT_CONFIG, else `kanport.toml` in `folder` (by default the
    working folder), in the user's configuration folder, or in /etc/kanport. The profile is
    `profile` (--profile), else KANPORT_PROFILE. No file at all is fine, unless one or a profile
    is named. Raises ConfigInvalid with everything that is wrong with the file.
    """
    profile = profile or environ.get("KANPORT_PROFILE") or None
    found, looked_at = _find(path, environ, folder)
    if found is None:
        if profile is not None:
            raise ConfigInvalid(
                f"there is no profile {profile}, as there is no configuration file",
                details=looked_at,
                hint=f"define the profile in {NAME}: [profile.{profile}]",
            )
        return Configuration(looked_at=looked_at)
    document, spec = _read(found)
    return _chosen(found, profile, document, spec, looked_at)


def _find(
    path: str | os.PathLike[str] | None, environ: Mapping[str, str], folder: Path | None
) -> tuple[Path | None, tuple[str, ...]]:
    for given, how in ((path, "--config"), (environ.get("KANPORT_CONFIG"), "KANPORT_CONFIG")):
        if given:
            return Path(given), (f"{given} ({how})",)
    here = (folder / NAME) if folder is not None else Path(NAME)
    places = [here, *_user_folder(environ), SYSTEM]
    looked_at: list[str] = []
    for place in places:
        try:
            if place.exists():
                if place is here:
                    _refuse_foreign_file(place)
                return place, (*looked_at, str(place))
        except PermissionError as problem:
            raise ConfigInvalid(
                f"the configuration {place} cannot be read: {problem.strerror}"
            ) from problem
        looked_at.append(f"{place}: there is no such file")
    return None, tuple(looked_at)


def _user_folder(environ: Mapping[str, str]) -> list[Path]:
    # The XDG base directory specification; relative paths in it count as not set.
    base = environ.get("XDG_CONFIG_HOME", "")
    if base.startswith("/"):
        return [Path(base) / "kanport" / NAME]
    home = environ.get("HOME", "")
    return [Path(home) / ".config" / "kanport" / NAME] if home.startswith("/") else []


def _refuse_foreign_file(path: Path) -> None:
    """Refuse a file in the working folder that another user owns.

    It could send the token to another server.
    """
    found = path.stat()
    if POSIX and found.st_uid not in (0, os.geteuid()):
        raise ConfigInvalid(
            f"the configuration {path} in this folder belongs to another user",
            hint=f"if you trust it, name it: --config {path}",
        )


def _read(path: Path) -> tuple[LocatedDocument, ConfigFile]:
    text = ""
    try:
        content = read_file(path, most=MAX_BYTES + 1)
        if POSIX and path.stat().st_mode & stat.S_IWOTH:
            raise ConfigInvalid(
                f"the configuration {path} can be changed by everybody on this machine",
                hint=f"chmod o-w {path}",
            )
        text = decode(content)
        document = read_toml(text)
    except FileNotFoundError as wrong:
        raise ConfigInvalid(
            f"there is no configuration {path}",
            hint=f"name the file with --config or KANPORT_CONFIG; by default it is {NAME}",
        ) from wrong
    except (OSError, ValueError) as wrong:
        why = wrong.strerror if isinstance(wrong, OSError) else "the path is not valid"
        raise ConfigInvalid(f"the configuration {path} cannot be read: {why}") from wrong
    except SyntaxProblem as wrong:
        raise with_mistakes(path, text, [wrong.mistake], what="configuration") from wrong
    try:
        return document, ConfigFile.model_validate(document.data, by_alias=True, by_name=False)
    except ValidationError as wrong:
        mistakes = explain(wrong, document, yes_no="write true or false without quotes")
        raise with_mistakes(path, text, mistakes, what="configuration") from None


def _chosen(
    path: Path,
    profile: str | None,
    document: LocatedDocument,
    spec: ConfigFile,
    looked_at: tuple[str, ...],
) -> Configuration:
    values = _values(path, document, spec, ())
    withheld: dict[str, str] = {}
    if profile is not None:
        if profile not in spec.profile:
            close = near(profile, spec.profile)
            there = ", ".join(sorted(spec.profile)) or "none"
            raise ConfigInvalid(
                f"the configuration {path} has no profile {profile}",
                hint=f"did you mean {close}?" if close else f"the profiles there: {there}",
            )
        own = _values(path, document, spec.profile[profile], ("profile", profile))
        if "url" in own and "token" not in own and "token" in values:
            # Nobody should find the token of one server in the log of another.
            del values["token"]
            withheld["token"] = f"profile {profile} has a url of its own, but no token of its own"
        values |= own
    return Configuration(path, profile, values, looked_at, withheld)


def _values(
    path: Path, document: LocatedDocument, options: FileSettings, before: tuple[str, ...]
) -> dict[str, Placed]:
    values: dict[str, Placed] = {}
    profile = f", profile {before[1]}" if before else ""

    def note(steps: tuple[str, ...], value: Any) -> None:
        line = document.key((*before, *steps)).line
        values[".".join(steps)] = Placed(value, f"{path}:{line}{profile}")

    for key in sorted(options.model_fields_set - {"profile", "notify"}):
        value = getattr(options, key)
        note((key,), _beside(path, value) if key in _PATHS else value)
    if options.notify is not None:
        for key in sorted(options.notify.model_fields_set):
            note(("notify", key), getattr(options.notify, key))
    return values


def _beside(path: Path, name: str) -> Path:
    return path.parent / at_home(name)


# --- a TOML file as plain values, with the place of every key and value ---------------------------

_BLANK = re.compile(r"(?:[\s,]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL
)
_SCALAR = re.compile(r"[^,\]}#\n]+")
_AT = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)$")


def read_toml(text: str) -> LocatedDocument:
    """Read a TOML document; raises SyntaxProblem with the one mistake where the text is no TOML."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise SyntaxProblem(_syntax(str(wrong), text)) from wrong
    except RecursionError as wrong:
        raise SyntaxProblem(Mistake(Spot(1, 1), "tables are nested too deeply")) from wrong
    document = LocatedDocument(data=data)
    # The library counts a line break of two characters as one.
    _Walk(text.replace("\r\n", "\n"), document).file()
    return document


def _syntax(message: str, text: str) -> Mistake:
    found = _AT.search(message)
    spot = Spot(max(text.count("\n") + (not text.endswith("\n")), 1), 1)
    if found and found[1]:
        spot = Spot(int(found[1]), int(found[2]))
    message = _AT.sub("", message).strip()
    hint = None
    line = (text.splitlines() or [""])[min(spot.line, len(text.splitlines()) or 1) - 1]
    if re.search(r"^\s*[\w.-]+\s*:", line):
        hint = 'TOML has an equals sign between key and value: url = "https://…"'
    elif "Invalid value" in message:
        hint = "text belongs in quotes"
    return Mistake(spot, f"this is not valid TOML: {message[:1].lower()}{message[1:]}", hint)


class _Walk:
    """Goes through the text from left to right and notes where each key and value stands."""

    def __init__(self, text: str, document: LocatedDocument) -> None:
        self._text = text
        self._at = 0
        self._document = document
        self._arrays: dict[KeyPath, int] = {}

    def file(self) -> None:
        """Walk through all of it."""
        table: KeyPath = ()
        while self._blank() < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> KeyPath:
        start = self._at
        many = self._text.startswith("[[", start)
        self._at += 2 if many else 1
        path = self._path(())
        self._at = self._text.index("]", self._at) + (2 if many else 1)
        if many:
            if isinstance(path[-1], int):
                path = path[:-1]
            number = self._arrays.get(path, -1) + 1
            self._arrays[path] = number
            path = (*path, number)
            self._note(self._document.keys, path, start, self._at)
        self._document.collections.add(path)
        return path

    def _pair(self, table: KeyPath) -> None:
        path = self._path(table)
        self._at = self._text.index("=", self._at) + 1
        self._value(path)

    def _path(self, before: KeyPath) -> KeyPath:
        """Read a key with its dots; each part of it leads one step deeper."""
        path = before
        while True:
            self._blank()
            start = self._at
            found = _STRING.match(self._text, start) or _BARE.match(self._text, start)
            assert found is not None, "the library has accepted it"  # noqa: S101
            self._at = found.end()
            word = found[0]
            path = (*path, _unquoted(word) if word[0] in "\"'" else word)
            if path in self._arrays:
                path = (*path, self._arrays[path])
            elif path not in self._document.keys:
                self._note(self._document.keys, path, start, self._at)
                # Tables have no place of their own but their key; other values come after it.
                self._note(self._document.values, path, start, self._at)
            dot = _DOT.match(self._text, self._at)
            if dot is None:
                return path
            self._at = dot.end()

    def _value(self, path: KeyPath) -> None:
        self._blank()
        start, first = self._at, self._text[self._at]
        if first in "[{":
            self._document.collections.add(path)
            self._at += 1
            number = 0
            while self._text[self._blank()] not in "]}":
                if first == "[":
                    self._value((*path, number))
                    number += 1
                else:
                    self._pair(path)
            self._at += 1
        else:
            found = _STRING.match(self._text, start) or _SCALAR.match(self._text, start)
            assert found is not None, "the library has accepted it"  # noqa: S101
            self._at = start + len(found[0].rstrip())
        self._note(self._document.values, path, start, self._at)

    def _blank(self) -> int:
        found = _BLANK.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._at

    def _note(self, index: dict[KeyPath, Spot], path: KeyPath, start: int, end: int) -> None:
        line = self._text.count("\n", 0, start) + 1
        begin = self._text.rfind("\n", 0, start) + 1
        until = self._text.find("\n", start)
        length = min(end, len(self._text) if until < 0 else until) - start
        index[path] = Spot(line, start - begin + 1, max(length, 1))


def _unquoted(word: str) -> str:
    value: Any = tomllib.loads(f"x = {word}")["x"]
    return str(value)


# --- settings in layers ---------------------------------------------------------------------------

T = TypeVar("T")


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One setting: its name, what its values mean, and what counts where nobody gives one.

    `read` gives the value for what was given, by whatever name it was; it raises ConfigInvalid.
    `default_is` says in words what is done without a value, `unit` what the number counts.
    """

    key: str
    read: Callable[[Any, str], T]
    default: T | None = None
    default_is: str = ""
    unit: str = ""

    @property
    def flag(self) -> str:
        """The name on the command line."""
        return f"--{self.key.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """The name in the environment."""
        return f"KANPORT_{self.key.upper()}"


class Sourced(NamedTuple, Generic[T]):
    """A value, and where it came from, in words for messages."""

    value: T
    origin: str


@dataclass(frozen=True)
class Layers:
    """What flags, environment and configuration file say; an empty text counts as not given."""

    flags: Mapping[str, Any]
    environ: Mapping[str, str]
    file: Configuration = field(default=NOTHING)

    def take(self, setting: Setting[T]) -> Sourced[T | None]:
        """Return a setting with its origin, or its default.

        Raise ConfigInvalid for an invalid value.
        """
        flag = self.flags.get(setting.key)
        # A switch that is not there comes as False.
        if flag is not None and flag is not False and flag != "":
            return Sourced(setting.read(flag, setting.flag), setting.flag)
        if text := self.environ.get(setting.variable):
            return Sourced(setting.read(text, setting.variable), setting.variable)
        if placed := self.file.values.get(setting.key):
            name = f"{setting.key} ({placed.origin})"
            return Sourced(setting.read(placed.value, name), placed.origin)
        return Sourced(setting.default, "default")

    def looked_at(self, *settings: Setting[Any]) -> tuple[str, ...]:
        """Return a line for each place that does not have the value."""
        return (
            *(f"looked at {setting.flag}: not given" for setting in settings),
            *(f"looked at {setting.variable}: not set" for setting in settings),
            *self.file_lines(settings[0].key),
        )

    def file_lines(self, key: str) -> tuple[str, ...]:
        """Return a line for each file that does not have the key."""
        file = self.file
        if file.path is None:
            return tuple(f"looked at {place}" for place in file.looked_at)
        *before, last = file.looked_at or (str(file.path),)
        why = file.withheld.get(key, f"there is no {key}")
        where = f" in profile {file.profile} or outside" if file.profile else ""
        result = why if key in file.withheld else f"{why}{where}"
        return (*(f"looked at {place}" for place in before), f"looked at {last}: {result}")
