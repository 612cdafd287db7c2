"""Make all checks, part by part; a failure in one part does not stop the others."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from kanport.checks import check
from kanport.config.settings import Settings
from kanport.doctor.checks import (
    Check,
    failed,
    finding_lines,
    fine,
    problem,
    warning,
)
from kanport.doctor.server import ABOUT, ServerChecks
from kanport.doctor.sources import Sources
from kanport.errors import ConfigInvalid, Exit, KanportError
from kanport.fields import UPDATABLE
from kanport.findings import errors_in, in_order
from kanport.mapping import LoadedMapping, load_mapping
from kanport.messages import counted
from kanport.model import CurrentState, DesiredRelation, DesiredState, DesiredUser
from kanport.names import as_written
from kanport.network import LONGEST_EXCHANGE
from kanport.normalize import normalize
from kanport.table import Table

_FIRST_USERS = 3


def examine(
    mapping: Path | None,
    settings: Callable[[], Settings] | None,
    *,
    environ: Mapping[str, str],
    now: datetime,
    clock: Callable[[], float] = time.perf_counter,
    request_timeout: float = LONGEST_EXCHANGE,
) -> Iterator[Check]:
    """Yield every check as soon as it is made; write nothing.

    `settings` returns the settings of the server, and raises ConfigInvalid for an invalid one; it
    is None without a server. `environ` contains the passwords that the mapping refers to.
    """
    current: CurrentState | None = None
    if settings is None:
        yield _no_server(alone=mapping is None)
    else:
        try:
            server = ServerChecks(settings(), now=now, clock=clock)
            yield from server.checks()
            current = server.current
        except ConfigInvalid as error:
            yield failed(ABOUT, error)
    if mapping is not None:
        yield from _mapping(
            mapping, current, environ=environ, now=now, clock=clock, request_timeout=request_timeout
        )


def _no_server(*, alone: bool) -> Check:
    text = "no server is configured, so Kanport checks none"
    hint = (
        "set KANPORT_URL, and KANPORT_TOKEN or KANPORT_TOKEN_FILE; the token is on Kanboard's"
        " settings page, under API"
    )
    if alone:
        return problem(ABOUT, text, Exit.CONFIG, hint=f"{hint}; or name a mapping")
    return warning(ABOUT, text, hint=hint)


def _mapping(
    path: Path,
    current: CurrentState | None,
    *,
    environ: Mapping[str, str],
    now: datetime,
    clock: Callable[[], float],
    request_timeout: float,
) -> Iterator[Check]:
    about = f"mapping {path}"
    try:
        mapping = load_mapping(path)
    except KanportError as error:
        yield failed(about, error)
        return
    spec = mapping.spec
    kinds = ", ".join(f"{name} ({source.type})" for name, source in spec.sources.items())
    named = f' "{spec.name}"' if spec.name else ""
    yield fine(about, f"the mapping{named} is valid; its sources: {kinds}")
    if spec.users is not None and spec.users.password == "ldap":  # noqa: S105 - a keyword, no password
        yield _own_ldap(about, current)
    sources = Sources(mapping, environ, now, clock, request_timeout)
    yield from sources.checks()
    if len(sources.tables) < len(spec.sources):
        yield warning(
            f"result of {about}",
            "Kanport cannot check the result of the mapping, because it could not read all sources",
        )
        return
    yield from _made(f"result of {about}", mapping, sources.tables)


def _own_ldap(about: str, current: CurrentState | None) -> Check:
    """Return what indicates Kanboard's own LDAP; a real test would create a user."""
    if current is not None and (known := sum(user.ldap for user in current.users)):
        return fine(
            about,
            f"Kanboard creates new users from its own LDAP, like {counted(known, 'user')} of the"
            " server; only apply shows whether LDAP knows them",
        )
    return warning(
        about,
        "Kanboard should create new users from its own LDAP, but may not have one",
        hint="its config.php needs LDAP_AUTH with LDAP_BIND_TYPE anonymous or proxy, and"
        " LDAP_USER_FILTER; on the server, a login through LDAP shows whether it works",
    )


def _made(about: str, mapping: LoadedMapping, tables: Mapping[str, Table]) -> Iterator[Check]:
    try:
        made = normalize(mapping, tables)
    except KanportError as error:
        yield failed(about, error)
        return
    desired = made.desired
    users, memberships = len(desired.users), len(desired.memberships)
    yield fine(
        about,
        f"result: {counted(users, 'user')} and {counted(memberships, 'membership')}"
        + (", the first of them:" if users or memberships else ""),
        details=[*map(_user, desired.users[:_FIRST_USERS]), *_memberships(desired)],
    )
    findings = in_order([*made.findings, *check(desired, mapping.spec)])
    errors = list(errors_in(findings))
    if errors and mapping.spec.invalid_rows == "abort":
        yield problem(
            about,
            f"{counted(len(errors), 'error')} in the rows: Kanport would plan nothing",
            Exit.SOURCE,
            hint=f"kanport validate {mapping.path} shows all of them",
            details=finding_lines(errors),
        )
    elif errors:
        yield warning(
            about,
            f"{counted(len(errors), 'error')} in the rows, which Kanport would skip",
            hint=f"kanport validate {mapping.path} shows all of them",
            details=finding_lines(errors),
        )


def _user(user: DesiredUser) -> str:
    given = ((field.label, field.wanted(user)) for field in UPDATABLE)
    parts = [f"{label} {value.value!r}" for label, value in given if value is not None]
    if user.active is not None:
        parts.append("active" if user.active.value else "not active")
    return f"{user.username.value}: {', '.join(parts) or 'only the username'}"


def _memberships(desired: DesiredState) -> list[str]:
    def told(one: DesiredRelation) -> str:
        return f"{one.holder.value} in {as_written(one.target.value)}: {one.role.value}"

    return [told(one) for one in desired.memberships[:_FIRST_USERS]]
