"""Check the Kanboard server: connection, token, version, content and speed."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from statistics import median
from urllib.parse import urlsplit

from kanport.config.address import is_loopback
from kanport.config.settings import Settings
from kanport.doctor.checks import (
    Check,
    certificate_check,
    failed,
    fine,
    look_at,
    problem,
    warning,
)
from kanport.errors import Exit, KanportError
from kanport.exchange import proxy_for
from kanport.facts import fact
from kanport.kanboard import procedures as api
from kanport.kanboard.api_versions import OLDEST, came_with
from kanport.kanboard.client import Client
from kanport.kanboard.reader import read_current
from kanport.kanboard.rpc import METHOD_NOT_FOUND, Call, RefusedCall
from kanport.messages import counted
from kanport.model import AppRole, CurrentState, User

ABOUT = "server"
TESTED = "1.2.53"
_OLDEST = (1, 2, 0)
_BATCH = 50
_SLOW = 1.0
# getAllUsers exceeds PHP's default memory_limit somewhere between 20,000 and 50,000 users.
_MANY_USERS = 15_000
_READING: tuple[Call, ...] = (
    api.get_all_users(),
    api.get_all_projects(),
    api.get_all_groups(),
    api.get_user(1),
    api.get_user_by_name("admin"),
    api.is_active_user(1),
    api.get_project_users(1),
    api.get_project_user_role(1, 1),
    api.get_group_members(1),
)


class ServerChecks:
    """The checks of one server; `current` is its content after reading."""

    def __init__(
        self, settings: Settings, *, now: datetime, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._settings = settings
        self._now = now
        self._clock = clock
        self.current: CurrentState | None = None

    def checks(self) -> Iterator[Check]:
        """Check everything; never send a procedure that writes."""
        with Client.open(self._settings, read_only=True, warn=lambda text: None) as client:
            try:
                version = client.ask([api.get_version()])[0]
            except KanportError as error:
                yield failed(ABOUT, error)
                return
            yield from self._connection()
            yield fine(ABOUT, f"the server accepts the token from {self._settings.token_from}")
            if isinstance(version, RefusedCall):
                yield problem(
                    ABOUT,
                    "it speaks JSON-RPC, but is not Kanboard: it has no getVersion",
                    Exit.UNREACHABLE,
                    hint="the URL must lead to Kanboard's jsonrpc.php",
                )
                return
            yield version_check(api.text(version.value))
            for part in (self._procedures, self._contents, self._speed):
                try:
                    yield from part(client)
                except KanportError as error:
                    yield failed(ABOUT, error)

    def _connection(self) -> Iterator[Check]:
        settings = self._settings
        parts = urlsplit(settings.url)
        proxy = proxy_for(settings.url)
        if proxy is not None:
            # Never the whole URL: it may contain a password.
            through = urlsplit(proxy)
            port = f":{through.port}" if through.port else ""
            yield fine(ABOUT, f"reached through the proxy {through.hostname}{port}")
        if parts.scheme == "https":
            if proxy is None:
                yield self._certificate()
        elif is_loopback(parts.hostname or ""):
            yield fine(ABOUT, f"{settings.url} answers on this machine, without TLS")
        else:
            yield warning(
                ABOUT,
                f"{settings.url} answers, without TLS: {settings.warning}",
                hint="install a certificate on the server, and use https://",
            )

    def _certificate(self) -> Check:
        try:
            version, certificate = look_at(self._settings)
        except OSError:
            return warning(
                ABOUT, "it answers over TLS, but Kanport could not check its certificate"
            )
        return certificate_check(
            ABOUT, f"{self._settings.url} answers over {version}", certificate, now=self._now
        )

    def _procedures(self, client: Client) -> Iterator[Check]:
        # The answer of getAllUsers may be too large; the next check shows whether it exists.
        asked = [call for call in _READING if call.method != "getAllUsers"]
        answers = client.ask(asked)
        missing = [
            call.method
            for call, answer in zip(asked, answers, strict=True)
            if isinstance(answer, RefusedCall) and answer.code == METHOD_NOT_FOUND
        ]
        if missing:
            yield warning(
                ABOUT,
                f"it lacks {' and '.join(missing)}",
                hint=f"{'; '.join(f'{name} {came_with(name)}' for name in missing)}; Kanport needs"
                f" {OLDEST} or later, and is tested with Kanboard {TESTED}",
            )
        else:
            yield fine(
                ABOUT,
                "it has every procedure that Kanport needs for reading; doctor does not try those"
                " that write",
            )

    def _contents(self, client: Client) -> Iterator[Check]:
        current = read_current(client, choose_projects=lambda projects: ())
        self.current = current
        if current.unlisted is None:
            yield from user_checks(current.users)
        else:
            yield warning(
                ABOUT,
                f"it cannot list its users: {fact('no-list', case=current.unlisted.fault)}",
                hint="raise PHP's memory_limit on the server; until then, Kanport reads users by"
                " name and refuses missing: disable, missing: remove and finding users by email",
            )
        closed = sum(not project.active for project in current.projects)
        private = sum(project.private for project in current.projects)
        yield fine(
            ABOUT,
            f"{counted(len(current.projects), 'project')} ({closed} closed, {private} private),"
            f" {counted(len(current.groups), 'group')}",
        )

    def _speed(self, client: Client) -> Iterator[Check]:
        singles = []
        for _ in range(3):
            begun = self._clock()
            client.read([api.get_version()])
            singles.append(self._clock() - begun)
        begun = self._clock()
        client.read([api.get_version()] * _BATCH, batch_size=_BATCH)
        batch, single = self._clock() - begun, median(singles)
        text = f"one call takes {_ms(single)}, a batch of {_BATCH} takes {_ms(batch)}"
        if single > _SLOW:
            yield warning(
                ABOUT, f"{text}: that is slow", hint="check whether the server is far away or busy"
            )
        else:
            yield fine(ABOUT, text)


def version_check(version: str) -> Check:
    """Return the check of a server's version.

    >>> version_check("1.0.44").level, version_check("main.2cba210dbad4").level
    (<CheckStatus.WARNING: 'warning'>, <CheckStatus.OK: 'ok'>)
    """
    shown = version.strip()[:60] or "of an unknown version"
    found = re.match(r"v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})", version.strip())
    if found and tuple(map(int, found.groups())) < _OLDEST:
        return warning(
            ABOUT,
            f"Kanboard {shown}, which is old",
            hint=f"Kanport is tested with {TESTED}; try the plan on a copy first",
        )
    return fine(ABOUT, f"Kanboard {shown}")


def user_checks(users: tuple[User, ...]) -> Iterator[Check]:
    """Yield the checks of the users: their number, administrators, empty usernames."""
    active = sum(user.active for user in users)
    own = sum(user.ldap for user in users)
    ldap = f", {own} from Kanboard's own LDAP" if own else ""
    text = f"{counted(len(users), 'user')} ({active} active{ldap})"
    if len(users) > _MANY_USERS:
        yield warning(
            ABOUT,
            f"{text}; the API returns all of them in one answer",
            hint="PHP's default memory_limit of 128 MB suffices for about 20,000 users; raise it",
        )
    else:
        yield fine(ABOUT, text)
    admins = sorted(user.username for user in users if user.active and user.role == AppRole.ADMIN)
    if not admins:
        yield warning(
            ABOUT,
            "there is no active administrator",
            hint="make a user an administrator; nobody else can fix anything in the web interface",
        )
    elif len(admins) == 1:
        yield warning(
            ABOUT,
            f"{admins[0]} is the only active administrator",
            hint="make a second user an administrator, in case this account is lost",
        )
    else:
        yield fine(ABOUT, f"{counted(len(admins), 'active administrator')}")
    blank = sorted(user.id for user in users if not user.username.strip())
    if blank:
        ids = ", ".join(f"#{number}" for number in blank[:5])
        yield warning(
            ABOUT,
            f"{counted(len(blank), 'user')} without a username: {ids}",
            hint="set their usernames on the server; no source can name them",
        )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"
