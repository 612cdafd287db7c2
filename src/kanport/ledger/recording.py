"""What is put into a ledger: each time all of it or nothing."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kanport.ledger.file import writing
from kanport.ledger.reading import absences, counted_at, directory_text, open_removals
from kanport.memory import Absence, GoodRun, Grant, LedgerUpdate, absences_after
from kanport.model import Identity
from kanport.relations import RELATIONS, About

if TYPE_CHECKING:
    from sqlite3 import Connection

Pair = tuple[int, int]

_OF_PROJECTS = ("named_projects", "grants", "through_group", "group_access")
_OF_GROUPS = ("named_groups", "group_members", "group_access")


def record(path: Path, server: str, learned: LedgerUpdate, *, now: str) -> None:
    """Record what a plan and a run of it taught of this server, at this time (UTC, RFC 3339).

    Who is not named stays as recorded, except that no two ids mean one user: the one that was seen
    last does. Makes the file (mode 0600) where there is none. Raises ConfigInvalid as `recall`
    does, and where the file cannot be written.
    """
    with writing(path) as ledger:
        for user_id in learned.removed:
            _forget_user(ledger, server, user_id, now)
        for user_id, username in learned.renamed.items():
            _rename(ledger, server, user_id, username)
        _people(ledger, server, learned.identities, now)
        _users(ledger, server, learned.created, "made", now)
        _forget(ledger, About.MEMBERSHIP, server, learned.revoked)
        _give(ledger, About.MEMBERSHIP, server, learned.granted, "made", now)
        _entries(ledger, server, learned)
        _absences(ledger, server, learned, now)
        _roles(ledger, "through_group", "user_id", server, learned.through_group, now)
        _roles(ledger, "group_access", "group_id", server, learned.group_access, now)
        _names(ledger, "group_name", "group_id", server, learned.group_names)
        _names(ledger, "project", "project_id", server, learned.project_names)
        _forget(ledger, About.GROUP_MEMBER, server, learned.taken_out)
        _give(ledger, About.GROUP_MEMBER, server, learned.put_in, now)
        ledger.executemany(
            "UPDATE group_members SET group_name = ? WHERE server = ? AND group_id = ?",
            [(name, server, group_id) for group_id, name in learned.group_names.items()],
        )
        _open(ledger, server, learned)
        for table in ("named_projects", "named_groups"):
            named: Mapping[int, str] = getattr(learned, table)
            rows = [(server, number, name, now) for number, name in named.items()]
            _put(ledger, f"{table} VALUES (?, ?, ?, ?)", rows)
        for project_id in learned.gone_projects:
            _forget_thing(ledger, _OF_PROJECTS, "project_id", server, project_id)
        for group_id in learned.gone_groups:
            _forget_thing(ledger, _OF_GROUPS, "group_id", server, group_id)


def record_good(path: Path, server: str, good: GoodRun) -> None:
    """Record the last run that left nothing to do; makes and raises as `record`."""
    with writing(path) as ledger:
        ledger.execute(
            "INSERT INTO servers (server, good_run, good_at) VALUES (?, ?, ?) ON CONFLICT (server)"
            " DO UPDATE SET good_run = excluded.good_run, good_at = excluded.good_at",
            (server, good.run_id, good.finished_at),
        )
        known = ledger.execute("SELECT source FROM good_sources WHERE server = ?", (server,))
        forgotten = [(server, name) for (name,) in known.fetchall() if name not in good.unsure]
        ledger.executemany("DELETE FROM good_sources WHERE server = ? AND source = ?", forgotten)
        ledger.executemany(
            "INSERT INTO good_sources (server, source, rows, columns, directory)"
            " VALUES (?, ?, ?, ?, ?)",
            [
                (
                    server,
                    name,
                    source.rows,
                    json.dumps(sorted(source.columns)),
                    directory_text(source.directory),
                )
                for name, source in good.sources.items()
            ],
        )


def adopt(
    path: Path,
    server: str,
    *,
    users: Mapping[int, str],
    grants: Mapping[Pair, Grant],
    now: str,
) -> None:
    """Record that Kanport manages these from now on; makes and raises as `record`.

    `users` are usernames by user id, `grants` memberships by user id and project id.
    """
    with writing(path) as ledger:
        _users(ledger, server, users, "adopted", now)
        _give(ledger, About.MEMBERSHIP, server, grants, "adopted", now)


def _open(ledger: "Connection", server: str, learned: LedgerUpdate) -> None:
    # A plan that is older than what was recorded last knows less.
    if learned.planned_at < counted_at(ledger, server):
        return
    known = open_removals(ledger, server)
    closing = known.keys() if learned.closing is None else learned.closing
    ledger.executemany(
        "DELETE FROM open_removals WHERE server = ? AND action = ? AND user_id = ?"
        " AND group_id = ? AND project_id = ?",
        [(server, *key) for key in closing],
    )
    rows = [(server, *one) for one in learned.open]
    _put(ledger, "open_removals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _people(ledger: "Connection", server: str, people: Iterable[Identity], now: str) -> None:
    for person in people:
        ledger.execute(
            "DELETE FROM people WHERE server = ? AND user_id = ? AND id <> ?",
            (server, person.user_id, person.id),
        )
        ledger.execute(
            "INSERT INTO people VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (server, id) DO"
            " UPDATE SET user_id = excluded.user_id, username = excluded.username,"
            " last_seen = excluded.last_seen",
            (server, person.id, person.user_id, person.username, now, now),
        )
        ledger.execute("DELETE FROM departed WHERE server = ? AND id = ?", (server, person.id))


def _put(ledger: "Connection", what: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Put rows into a table in place of those with the same key; `what` is table and values."""
    ledger.executemany(f"INSERT OR REPLACE INTO {what}", rows)


def _users(ledger: "Connection", server: str, users: Mapping[int, str], how: str, now: str) -> None:
    rows = [(server, user_id, username, how, now) for user_id, username in users.items()]
    _put(ledger, "users VALUES (?, ?, ?, ?, ?)", rows)


def _give(
    ledger: "Connection", kind: About, server: str, grants: Mapping[Pair, Grant], *how: str
) -> None:
    """Put in the relations of a kind that Kanport gave; `how` are the last columns."""
    rows = [(server, *ids, *grant, *how) for ids, grant in grants.items()]
    values = ", ".join("?" * (5 + len(how)))
    _put(ledger, f"{RELATIONS[kind].ledger} VALUES ({values})", rows)


def _forget_user(ledger: "Connection", server: str, user_id: int, now: str) -> None:
    """Forget a user who was removed, but for whom the username belonged to."""
    ledger.execute(
        "INSERT OR REPLACE INTO departed SELECT server, id, username, ? FROM people"
        " WHERE server = ? AND user_id = ?",
        (now, server, user_id),
    )
    for table in ("people", "users", "grants", "absences", "through_group", "group_members"):
        ledger.execute(
            f"DELETE FROM {table} WHERE server = ? AND user_id = ?",  # noqa: S608
            (server, user_id),
        )


def _rename(ledger: "Connection", server: str, user_id: int, username: str) -> None:
    for table in ("users", "grants", "absences", "group_members"):
        ledger.execute(
            f"UPDATE {table} SET username = ? WHERE server = ? AND user_id = ?",  # noqa: S608
            (username, server, user_id),
        )


def _entries(ledger: "Connection", server: str, learned: LedgerUpdate) -> None:
    # A plan that is older than what was recorded last knows less.
    if learned.entries is None or learned.planned_at < counted_at(ledger, server):
        return
    ledger.execute("DELETE FROM entries WHERE server = ?", (server,))
    ledger.executemany(
        "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)",
        [
            (server, source, dn, one.username, json.dumps(one.projects), json.dumps(one.groups))
            for source, by_dn in learned.entries.items()
            for dn, one in by_dn.items()
        ],
    )


def _absences(ledger: "Connection", server: str, learned: LedgerUpdate, now: str) -> None:
    counted = counted_at(ledger, server)
    after = absences_after(absences(ledger, server), learned, counted_at=counted, now=now)
    gone: list[tuple[str, int]] = []
    rows: list[tuple[Any, ...]] = []
    for user_id, absence in after.items():
        if isinstance(absence, Absence):
            parts = (absence.username, absence.since, absence.runs, absence.disabled_at)
            rows.append((server, user_id, *parts))
        else:
            gone.append((server, user_id))
    ledger.executemany("DELETE FROM absences WHERE server = ? AND user_id = ?", gone)
    ledger.executemany("INSERT OR REPLACE INTO absences VALUES (?, ?, ?, ?, ?, ?)", rows)
    ledger.execute(
        "INSERT INTO servers (server, counted_at) VALUES (?, ?) ON CONFLICT (server) DO UPDATE SET"
        " counted_at = max(counted_at, excluded.counted_at)",
        (server, learned.planned_at),
    )


def _roles(
    ledger: "Connection",
    table: str,
    who: str,
    server: str,
    roles: Mapping[Pair, str | None],
    now: str,
) -> None:
    gone = [(server, *pair) for pair, role in roles.items() if role is None]
    ledger.executemany(
        f"DELETE FROM {table} WHERE server = ? AND {who} = ? AND project_id = ?",  # noqa: S608
        gone,
    )
    when = "seen_at" if table == "through_group" else "given_at"
    rows = [(server, *pair, role, now) for pair, role in roles.items() if role is not None]
    columns = f"server, {who}, project_id, role, {when}"
    _put(ledger, f"{table} ({columns}) VALUES (?, ?, ?, ?, ?)", rows)


def _names(
    ledger: "Connection", column: str, whose: str, server: str, names: Mapping[int, str]
) -> None:
    ledger.executemany(
        f"UPDATE group_access SET {column} = ? WHERE server = ? AND {whose} = ?",  # noqa: S608
        [(name, server, number) for number, name in names.items()],
    )


def _forget_thing(
    ledger: "Connection", tables: Iterable[str], what: str, server: str, number: int
) -> None:
    """Forget a project or a group that the server lacks: it may give the number to another one."""
    for table in tables:
        ledger.execute(
            f"DELETE FROM {table} WHERE server = ? AND {what} = ?",  # noqa: S608
            (server, number),
        )


def _forget(ledger: "Connection", kind: About, server: str, pairs: Iterable[Pair]) -> None:
    """Forget relations of a kind."""
    holder, target = (end.numbered_by for end in RELATIONS[kind].ends)
    ledger.executemany(
        f"DELETE FROM {RELATIONS[kind].ledger}"  # noqa: S608
        f" WHERE server = ? AND {holder} = ? AND {target} = ?",
        [(server, *pair) for pair in pairs],
    )
