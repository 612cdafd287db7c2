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
    OpenKey,
    OpenRemoval,
    SourceMemory,
)
from kanport.model import Identity
from kanport.relations import RELATIONS, About

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


NAMES = {About.USER: "username", About.GROUP: "group_name", About.PROJECT: "project"}
"""The columns with what users, groups and projects of a relation are called."""


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
        users=_texts(ledger, "user_id, username FROM users", server),
        grants=_grants(ledger, About.MEMBERSHIP, server),
        absent=absences(ledger, server),
        counted_at=counted_at(ledger, server),
        last_good=_last_good(ledger, server),
        through_group=_roles(ledger, "user_id, project_id, role FROM through_group", server),
        group_access=_roles(ledger, "group_id, project_id, role FROM group_access", server),
        access_names=_grants(ledger, About.GROUP_ACCESS, server),
        entries=_entries(ledger, server),
        named_projects=_texts(ledger, "project_id, name FROM named_projects", server),
        named_groups=_texts(ledger, "group_id, name FROM named_groups", server),
        group_members=_grants(ledger, About.GROUP_MEMBER, server),
        open=open_removals(ledger, server),
    )


def open_removals(ledger: "Connection", server: str) -> dict[OpenKey, OpenRemoval]:
    """Return the removals that should have been made and are not."""
    columns = "action, user_id, group_id, project_id, username, group_name, project, why, since"
    found = (OpenRemoval(*row) for row in _rows(ledger, f"{columns} FROM open_removals", server))
    return {OpenKey.of(one): one for one in found}


def _texts(ledger: "Connection", what: str, server: str) -> dict[int, str]:
    return {int(number): str(text) for number, text in _rows(ledger, what, server)}


def _roles(ledger: "Connection", what: str, server: str) -> dict[tuple[int, int], str]:
    rows = _rows(ledger, what, server)
    return {(int(holder), int(target)): str(role) for holder, target, role in rows}


def _grants(ledger: "Connection", kind: About, server: str) -> dict[tuple[int, int], Grant]:
    """Return the relations of a kind that Kanport gave, by the ids of both ends."""
    ends = RELATIONS[kind].ends
    columns = ", ".join((*(end.numbered_by for end in ends), *(NAMES[end] for end in ends)))
    return {
        (int(holder_id), int(target_id)): Grant(str(holder), str(target))
        for holder_id, target_id, holder, target in _rows(
            ledger, f"{columns} FROM {RELATIONS[kind].ledger}", server
        )
    }


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
