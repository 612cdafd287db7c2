"""What a ledger knows of a server."""

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kanport.ledger.file import copy_in_memory, plain_errors
from kanport.memory import (
    NOTHING,
    Absence,
    DirectoryMemory,
    GoodRun,
    Grant,
    KnownEntry,
    LedgerState,
    SourceMemory,
)
from kanport.model import Identity

if TYPE_CHECKING:
    from sqlite3 import Connection


def recall(path: Path, server: str) -> LedgerState:
    """Return what a ledger knows of this server (the URL of its API).

    A ledger that is not there yet knows nothing. Raises ConfigInvalid where the file cannot be
    read, is no ledger, is damaged, or was written by a newer Kanport.
    """
    with plain_errors(path, "read"):
        if not path.exists():
            return NOTHING
        with closing(copy_in_memory(path)) as ledger:
            return _memory(ledger, server)


def absences(ledger: "Connection", server: str) -> dict[int, Absence]:
    """Return since when users are missing, by user id."""
    return {
        user_id: Absence(str(username), str(since), int(runs), disabled_at)
        for user_id, username, since, runs, disabled_at in _rows(
            ledger, "user_id, username, since, runs, disabled_at FROM absences", server
        )
    }


def counted_at(ledger: "Connection", server: str) -> str:
    """Return when the last plan was made whose absences were counted; empty where none was."""
    return next((str(at) for (at,) in _rows(ledger, "counted_at FROM servers", server)), "")


def _memory(ledger: "Connection", server: str) -> LedgerState:
    return LedgerState(
        identities={
            str(stable_id): Identity(str(stable_id), int(user_id), str(username))
            for stable_id, user_id, username in _rows(
                ledger, "id, user_id, username FROM people", server
            )
        },
        departed={
            str(stable_id): str(username)
            for stable_id, username in _rows(ledger, "id, username FROM departed", server)
        },
        users={
            int(user_id): str(username)
            for user_id, username in _rows(ledger, "user_id, username FROM users", server)
        },
        grants={
            (int(user_id), int(project_id)): Grant(str(username), str(project))
            for user_id, project_id, username, project in _rows(
                ledger, "user_id, project_id, username, project FROM grants", server
            )
        },
        absent=absences(ledger, server),
        counted_at=counted_at(ledger, server),
        last_good=_last_good(ledger, server),
        through_group={
            (int(user_id), int(project_id)): str(role)
            for user_id, project_id, role in _rows(
                ledger, "user_id, project_id, role FROM through_group", server
            )
        },
        group_access={
            (int(group_id), int(project_id)): str(role)
            for group_id, project_id, role in _rows(
                ledger, "group_id, project_id, role FROM group_access", server
            )
        },
        access_names={
            (int(group_id), int(project_id)): (str(group), str(project))
            for group_id, project_id, group, project in _rows(
                ledger, "group_id, project_id, group_name, project FROM group_access", server
            )
        },
        entries=_entries(ledger, server),
        named_projects={
            int(project_id): str(name)
            for project_id, name in _rows(ledger, "project_id, name FROM named_projects", server)
        },
        named_groups={
            int(group_id): str(name)
            for group_id, name in _rows(ledger, "group_id, name FROM named_groups", server)
        },
        group_members={
            (int(user_id), int(group_id)): Grant(str(username), str(group))
            for user_id, group_id, username, group in _rows(
                ledger, "user_id, group_id, username, group_name FROM group_members", server
            )
        },
    )


def _entries(ledger: "Connection", server: str) -> dict[str, dict[str, KnownEntry]]:
    found: dict[str, dict[str, KnownEntry]] = {}
    for source, dn, username, projects, groups in _rows(
        ledger, "source, dn, username, projects, groups FROM entries", server
    ):
        found.setdefault(str(source), {})[str(dn)] = KnownEntry(
            None if username is None else str(username),
            tuple(map(str, json.loads(projects))),
            tuple(map(str, json.loads(groups))),
        )
    return found


def _last_good(ledger: "Connection", server: str) -> GoodRun | None:
    found = _rows(ledger, "good_run, good_at FROM servers", server)
    if not found or found[0][1] is None:
        return None
    run_id, finished_at = found[0]
    sources = {
        str(source): SourceMemory(
            int(rows), frozenset(json.loads(columns)), directory_from(directory)
        )
        for source, rows, columns, directory in _rows(
            ledger, "source, rows, columns, directory FROM good_sources", server
        )
    }
    return GoodRun(str(run_id), str(finished_at), sources)


def _rows(ledger: "Connection", what: str, server: str) -> list[Any]:
    # What is asked for is written above, never taken from outside.
    return ledger.execute(f"SELECT {what} WHERE server = ?", (server,)).fetchall()


# --- what a ledger keeps of a directory besides its rows, as JSON in one column -------------------


def directory_text(directory: DirectoryMemory | None) -> str:
    """Return the text of the column; empty for a source that is no directory."""
    if directory is None:
        return ""
    content = {
        "seen": sorted(directory.seen),
        "had": {name: sorted(keys) for name, keys in sorted(directory.had.items())},
        "referrals": None if directory.referrals is None else sorted(directory.referrals),
        "server": directory.server,
        "marks": dict(directory.marks),
        "newest": directory.newest,
    }
    return json.dumps(content)


def directory_from(text: str) -> DirectoryMemory | None:
    """Return what the column holds; raises ValueError where Kanport did not write it."""
    if not text:
        return None
    content = json.loads(text)
    try:
        return DirectoryMemory(
            seen=frozenset(content["seen"]),
            had={str(name): frozenset(keys) for name, keys in content["had"].items()},
            referrals=None if content.get("referrals") is None else frozenset(content["referrals"]),
            server=str(content.get("server", "")),
            marks={str(key): str(mark) for key, mark in content.get("marks", {}).items()},
            newest=str(content.get("newest", "")),
        )
    except (AttributeError, KeyError, TypeError) as wrong:
        raise ValueError("a directory in the ledger has another shape") from wrong
