"""Finding and reading `kanport.toml`: all that is wrong with it at once, each with its place."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from kanport.config.spec import ConfigFile, Notify, Options, Reference
from kanport.config.toml_file import read_toml
from kanport.errors import ConfigInvalid
from kanport.files import at_home, read_file
from kanport.mapping.explain import explain
from kanport.mapping.problems import near
from kanport.mapping.shown import with_mistakes
from kanport.mapping.yaml_file import MAX_BYTES, Document, NotYaml, decode

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
        named = [secret.file for secret in secrets if isinstance(secret, Reference)]
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
                hint=f"profiles stand in {NAME}, such as [profile.{profile}]",
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
                    _refuse_strangers(place)
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


def _refuse_strangers(path: Path) -> None:
    """Refuse a file that merely lies where Kanport was called, if somebody else put it there.

    It says where the token is sent to.
    """
    found = path.stat()
    if found.st_uid not in (0, os.geteuid()):
        raise ConfigInvalid(
            f"the configuration {path} in this folder belongs to another user",
            hint=f"if you trust it, name it: --config {path}",
        )


def _read(path: Path) -> tuple[Document, ConfigFile]:
    text = ""
    try:
        content = read_file(path, most=MAX_BYTES + 1)
        if path.stat().st_mode & stat.S_IWOTH:
            raise ConfigInvalid(
                f"the configuration {path} can be changed by everybody on this machine",
                hint=f"chmod o-w {path}",
            )
        text = decode(content)
        document = read_toml(text)
    except FileNotFoundError as wrong:
        raise ConfigInvalid(f"there is no configuration {path}") from wrong
    except (OSError, ValueError) as wrong:
        why = wrong.strerror if isinstance(wrong, OSError) else "its path is not one"
        raise ConfigInvalid(f"the configuration {path} cannot be read: {why}") from wrong
    except NotYaml as wrong:
        raise with_mistakes(path, text, [wrong.mistake], what="configuration") from wrong
    try:
        return document, ConfigFile.model_validate(document.data, by_alias=True, by_name=False)
    except ValidationError as wrong:
        mistakes = explain(wrong, document, yes_no="write true or false without quotes")
        raise with_mistakes(path, text, mistakes, what="configuration") from None


def _chosen(
    path: Path,
    profile: str | None,
    document: Document,
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
    path: Path, document: Document, options: Options, before: tuple[str, ...]
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
