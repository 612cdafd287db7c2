"""Servers for snapshots: one of a few lines, and any that Hypothesis thinks of."""

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from kanport.access.snapshot import Snapshot, snapshot_of
from kanport.model import CurrentState, Group, Project, ServerInfo, User

SERVER = ServerInfo("https://kanboard.example.org/jsonrpc.php", "1.2.53")


def current(**parts: Any) -> CurrentState:
    """Return a server with four users, of whom two are in a group, and two projects."""
    state: dict[str, Any] = {
        "server": SERVER,
        "users": (
            User(1, "admin", role="app-admin", two_factor=True),
            User(2, "ada", "Ada", "ada@example.org", two_factor=False),
            User(3, "bob"),
            User(4, "eve", active=False),
        ),
        "projects": (Project(1, "Alpha", "ALPHA", owner_id=2), Project(2, "Beta")),
        "groups": (Group(1, "Team", members=frozenset({2, 3})),),
        "roles": {
            1: {1: "project-manager", 2: "project-member", 3: "project-viewer", 4: ""},
            2: {2: "project-member"},
        },
    }
    return CurrentState(**(state | parts))


def taken(state: CurrentState, **parts: Any) -> Snapshot:
    """Return a snapshot of a server."""
    return snapshot_of(state, **{"taken_at": "2026-03-01T06:00:00Z", "read_by": "ann@b7"} | parts)


_ROLES = st.sampled_from(["project-manager", "project-member", "project-viewer", "Auditor", ""])


@st.composite
def states(draw: st.DrawFn, users: Iterable[int] = range(1, 7)) -> CurrentState:
    """Return any small server."""
    people = tuple(
        User(
            number,
            f"user{number}",
            role=draw(st.sampled_from(["app-admin", "app-manager", "app-user", "app-user"])),
            active=draw(st.booleans()),
            two_factor=draw(st.sampled_from([True, False, None])),
        )
        for number in sorted(draw(st.sets(st.sampled_from(list(users)))))
    )
    ids = [user.id for user in people]
    some = st.sets(st.sampled_from(ids)) if ids else st.just(set[int]())
    projects = tuple(
        Project(number, draw(st.sampled_from(["Alpha", "Beta"])), active=draw(st.booleans()))
        for number in sorted(draw(st.sets(st.integers(1, 4))))
    )
    groups = tuple(
        Group(number, f"Team {number}", members=frozenset(draw(some)))
        for number in sorted(draw(st.sets(st.integers(1, 2))))
    )
    roles = {
        project.id: {user_id: draw(_ROLES) for user_id in sorted(draw(some))}
        for project in projects
    }
    return CurrentState(SERVER, people, projects, groups, roles)
