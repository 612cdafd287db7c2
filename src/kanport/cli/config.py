"""`kanport config`: show the effective configuration and where each value comes from."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from kanport.cli.options import (
    TEXT_OR_JSON,
    WRITING,
    Command,
    OutputFile,
    common_options,
    server_options,
    setting,
    with_options,
)
from kanport.cli.output import Output
from kanport.records import dataclass

if TYPE_CHECKING:
    from kanport.config.file import Layers
    from kanport.config.secrets import SettingSecret


@click.group("config")
@common_options
def config_command() -> None:
    """Show the effective configuration and where each value comes from.

    Settings come from options, environment variables and kanport.toml.

    \b
    Examples:
      kanport config show
      kanport config show --profile staging
    """


@dataclass(frozen=True)
class SettingRow:
    """One setting: its value without secrets, its origin, where Kanport looked, what is wrong."""

    setting: str
    value: Any
    origin: str
    looked_at: tuple[str, ...] = ()
    problem: str | None = None
    unit: str = ""


@config_command.command("show", cls=Command)
@TEXT_OR_JSON
@setting(
    "--state", type=click.Path(path_type=Path), metavar="DIR", help="State folder, as for sync."
)
@setting("--status", type=OutputFile(), metavar="FILE", help="Status file, as for sync.")
@setting("--prometheus", type=OutputFile(), metavar="FILE", help="Metrics file, as for sync.")
@with_options(*WRITING)
@server_options
@common_options
@click.pass_context
def show(
    ctx: click.Context,
    /,
    form: str,
) -> None:
    """Print every setting with its value and origin; secrets are masked.

    The order of precedence: option, environment variable, profile in kanport.toml, kanport.toml
    outside of profiles, default. The exit code is 6 if other commands would refuse the settings,
    and the message is the same.

    \b
    Examples:
      kanport config show
      kanport config show --profile staging --format json
    """
    from kanport.cli.context import invocation_of

    output = Output(ctx, form)
    invocation = invocation_of(ctx)
    layers = invocation.layers()
    rows = _rows(layers)
    file = layers.file
    if form == "json":
        shown = {
            "configuration": str(file.path) if file.path else None,
            "looked_at": list(file.looked_at),
            "profile": file.profile,
            "settings": [asdict(row) for row in rows],
        }
        output.data(json.dumps(shown, ensure_ascii=False, indent=2))
    else:
        output.data("\n".join(_lines(layers, rows)))
    invocation.settings()


def _rows(layers: "Layers") -> list[SettingRow]:
    from kanport.config.settings import SETTINGS, STATE, URL
    from kanport.errors import ConfigInvalid

    rows: list[SettingRow] = []
    for one in SETTINGS:
        try:
            value, origin = layers.take(one)
        except ConfigInvalid as problem:
            rows.append(SettingRow(one.key, None, "not usable", problem=problem.message))
        else:
            if isinstance(value, Path):
                value = str(value)
            if one is URL:
                value = None if value is None else _without_credentials(value)
                looked_at = layers.looked_at(URL) if value is None else ()
                rows.append(SettingRow(one.key, value, origin if value else "not set", looked_at))
            elif value is None and one is STATE:
                rows.append(_default_state())
            elif value is None:
                rows.append(SettingRow(one.key, one.default_is, "default"))
            else:
                rows.append(SettingRow(one.key, value, origin, unit=one.unit))
    rows.insert(1, _token_row(layers))
    return rows + _notify_rows(layers)


def _default_state() -> SettingRow:
    """Return the state folder that the system gives this user, and what decides it."""
    from kanport import api
    from kanport.config.settings import STATE
    from kanport.errors import UsageError

    try:
        folder = str(api.state_folder(None))
    except UsageError as problem:
        return SettingRow(STATE.key, None, "not usable", problem=problem.message)
    return SettingRow(
        STATE.key, folder, "XDG_STATE_HOME" if "XDG_STATE_HOME" in os.environ else "default"
    )


def _token_row(layers: "Layers") -> SettingRow:
    from kanport.config.settings import find_token
    from kanport.errors import ConfigInvalid
    from kanport.messages import MASK

    try:
        # Do not touch standard input: it can be read only once.
        return SettingRow("token", MASK, find_token(layers, lambda: MASK).origin)
    except ConfigInvalid as problem:
        looked_at = problem.details
        return SettingRow(
            "token", None, "not set" if looked_at else "not usable", looked_at, str(problem)
        )


def _notify_rows(layers: "Layers") -> list[SettingRow]:
    file = layers.file
    notify = file.notify
    placed = {name: file.values.get(f"notify.{name}") for name in ("on", "webhook", "email")}

    def origin(name: str) -> str:
        found = placed[name]
        return found.origin if found else "default"

    rows = [SettingRow("notify.on", notify.on, origin("on"))]
    hook, email = notify.webhook, notify.email
    if hook is None:
        rows.append(SettingRow("notify.webhook", "none", "default"))
    else:
        url = _host(hook.url) if isinstance(hook.url, str) else _referred(hook.url)
        rows += [
            SettingRow("notify.webhook.url", url, origin("webhook")),
            SettingRow("notify.webhook.token", _referred(hook.token), origin("webhook")),
            SettingRow("notify.webhook.on", hook.on or notify.on, origin("webhook")),
            SettingRow("notify.webhook.timeout", hook.timeout, origin("webhook"), unit="seconds"),
        ]
    if email is None:
        return [*rows, SettingRow("notify.email", "none", "default")]
    given: dict[str, Any] = {
        "host": email.host,
        "port": email.port or "default port of its security",
        "security": email.security,
        "username": email.username or "none",
        "password": _referred(email.password),
        "from": email.from_,
        "to": ", ".join(email.to),
        "on": email.on or notify.on,
    }
    rows += [SettingRow(f"notify.email.{k}", v, origin("email")) for k, v in given.items()]
    rows.append(SettingRow("notify.email.timeout", email.timeout, origin("email"), unit="seconds"))
    return rows


def _referred(reference: "SettingSecret | None") -> str:
    from kanport.config.secrets import where
    from kanport.messages import MASK

    return "none" if reference is None else f"{MASK} from {where(reference)}"


def _host(url: str) -> str:
    # Whoever knows a webhook's URL can usually post to it, so show only the host.
    from kanport.messages import MASK

    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}/{MASK}"


def _without_credentials(url: str) -> str:
    from kanport.messages import MASK

    head, at, tail = url.rpartition("@")
    return f"{MASK}@{tail}" if at else head or tail


def _lines(layers: "Layers", rows: list[SettingRow]) -> list[str]:
    from kanport.report.escape import escape_control

    file = layers.file
    where = str(file.path) if file.path else "none"
    lines = [f"configuration  {where}"]
    if file.path is None:
        lines += [f"  looked at {place}" for place in file.looked_at]
    if file.profile:
        chosen = "KANPORT_PROFILE" if os.environ.get("KANPORT_PROFILE") == file.profile else ""
        lines.append(f"profile  {file.profile}" + (f"  ({chosen})" if chosen else ""))
    lines.append("")
    width = max(len(row.setting) for row in rows)
    for row in rows:
        value = "not set" if row.value is None else f"{_shown(row.value)} {row.unit}".rstrip()
        origin = "" if row.value is None else f"  ({row.origin})"
        lines.append(escape_control(f"{row.setting:<{width}}  {value}{origin}"))
        if row.problem and not row.looked_at:
            lines.append(escape_control(f"  {row.problem}"))
        lines += [escape_control(f"  {place}") for place in row.looked_at]
    return lines


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
