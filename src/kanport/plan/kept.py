"""Who has access that a plan leaves as it is, so that a report can tell all of it: pure."""

from collections.abc import Iterable

from kanport.model import CurrentState
from kanport.plan.model import Action, Change, PlanAccess, PlanPerson
from kanport.plan.moves import Moves

_MOVED = {Action.MEMBERSHIP_CHANGE, Action.MEMBERSHIP_REVOKE}


def access_beside(
    changes: Iterable[Change], current: CurrentState, moves: Moves | None = None
) -> tuple[PlanAccess, ...]:
    """Give, for each project whose members were read, the roles that no change is about.

    They are as the server lists them, whether direct or through a group. What changes is in the
    changes; the roles that go with a removed account, and those that move with groups (`moves`),
    stand apart, as no change says them. Projects are in the order of their ids, those that are yet
    to be created last, and people in that of their usernames.
    """
    moves = moves or Moves()
    moved: set[tuple[int | None, int | None]] = set()
    removed: set[int | None] = set()
    granted: set[tuple[int | None, int | None]] = set()
    for change in changes:
        if change.action in _MOVED:
            moved.add((change.project_id, change.user_id))
        elif change.action is Action.MEMBERSHIP_GRANT and change.user_id is not None:
            granted.add((change.project_id, change.user_id))
        elif change.action is Action.USER_REMOVE:
            removed.add(change.user_id)
    access = []
    for project in current.project_index.by_id.values():
        if project.id not in current.roles:
            continue
        others = moves.of.get(project.id, ())
        moving = {move.username for move in others}
        kept: dict[str, str] = {}
        gone: dict[str, str] = {}
        held: dict[str, str] = {}
        for user_id, role in current.roles[project.id].items():
            # A server that cannot list its users lists members whom nobody asked about.
            name = current.username(user_id)
            if (project.id, user_id) in granted:
                held[name] = role
            elif (project.id, user_id) not in moved and name not in moving:
                (gone if user_id in removed else kept)[name] = role
        access.append(
            PlanAccess(
                project=project.label,
                project_id=project.id,
                kept=dict(sorted(kept.items())),
                removed=dict(sorted(gone.items())),
                moved=others,
                held=dict(sorted(held.items())),
            )
        )
    access += [
        PlanAccess(project=label, moved=moves.of[number])
        for number, label in sorted(moves.new_projects.items(), reverse=True)
    ]
    return tuple(access)


def people_named(
    changes: Iterable[Change], access: Iterable[PlanAccess], current: CurrentState
) -> tuple[PlanPerson, ...]:
    """Give what the server calls those whom a plan speaks of, and whether they are disabled.

    They are in the order of their usernames; who is not on the server yet is left out.
    """
    wanted = {change.username for change in changes}
    for project in access:
        wanted.update(project.kept, project.removed, (move.username for move in project.moved))
    return tuple(
        PlanPerson(
            username=user.username,
            name=user.name or None,
            disabled=None if user.active else True,
        )
        for user in sorted(current.users, key=lambda user: user.username)
        if user.username in wanted
    )
