"""Derive from a plan, and from a run of it, what the ledger records for the next plan. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from kanport.memory import (
    DirectoryMemory,
    GoodRun,
    Grant,
    KnownEntry,
    LedgerUpdate,
    Missed,
    SourceMemory,
)
from kanport.model import Identity
from kanport.names import compare_key
from kanport.outcome import Run, Status
from kanport.plan.change import (
    CHANGES,
    ENDS,
    GIVES,
    Action,
    Change,
    GroupChange,
    RelationAction,
    RelationChange,
    UserChange,
)
from kanport.plan.model import Plan, PlanDirectory, PlanIdentity, PlanNamed
from kanport.plan.open_removals import closed_by, open_removals
from kanport.plan.people import Persons
from kanport.relations import RELATIONS, About

ChangeT = TypeVar("ChangeT", UserChange, RelationChange, GroupChange)

Ids = tuple[int, int]
"""The ids of the holder and the target of a relation."""

_HOLDS = (Status.DONE, Status.ALREADY)


def ledger_update(plan: Plan, run: Run | None) -> LedgerUpdate:
    """Return what to remember after a run of a plan; None for a plan that had nothing to do.

    What Kanport did itself is managed from then on; what somebody else had done before is not.
    """
    effects = _Effects(plan, run)
    access = effects.relations(About.GROUP_ACCESS)
    named = plan.named or PlanNamed()
    enabled = effects.users(Action.USER_ENABLE)
    by_state = {
        state: [one for one in plan.absences if one.state == state]
        for state in ("missing", "back", "enabled")
    }
    disabled = effects.users(Action.USER_DISABLE, done=True)
    return LedgerUpdate(
        planned_at=plan.created_at,
        identities=identities_after(plan, run),
        created=effects.created,
        renamed={user_id: effects.names[user_id] for user_id in effects.users(Action.USER_RENAME)},
        removed=effects.users(Action.USER_REMOVE),
        granted=effects.given(About.MEMBERSHIP),
        revoked=frozenset(effects.relations(About.MEMBERSHIP, ENDS)),
        missed={
            one.user_id: Missed(
                effects.names.get(one.user_id, one.username), one.active, one.user_id in disabled
            )
            for one in by_state["missing"]
        },
        back={one.user_id: one.active or one.user_id in enabled for one in by_state["back"]},
        enabled=enabled | {one.user_id for one in by_state["enabled"]},
        through_group=effects.through_group(),
        group_access={place: one.new_role for place, one in access.items()},
        group_names={group_id: one.holder for (group_id, _), one in access.items()}
        | effects.groups_renamed(),
        entries=_entries(plan),
        project_names={number: one.target for (_, number), one in access.items()},
        put_in=effects.given(About.GROUP_MEMBER),
        taken_out=frozenset(effects.relations(About.GROUP_MEMBER, ENDS)),
        named_projects=named.projects,
        named_groups=named.groups,
        open=open_removals(plan, run),
        closing=closed_by(plan),
        gone_projects=frozenset(named.gone_projects),
        gone_groups=frozenset(named.gone_groups)
        | {
            change.group_id
            for change in effects.of(GroupChange, Action.GROUP_REMOVE)
            if change.group_id is not None
        },
    )


class _Effects:
    """The changes of a plan that took effect, with the ids and names that they led to.

    `created` are the usernames of the users whom the run created, by id, and `names` those of the
    users whom the plan renames, as the run left them.
    """

    def __init__(self, plan: Plan, run: Run | None) -> None:
        self._plan = plan
        self._outcomes = {} if run is None else {one.change_id: one for one in run.outcomes}
        user_ids, group_ids, project_ids = (
            ({}, {}, {}) if run is None else (run.user_ids, run.group_ids, run.project_ids)
        )
        self.holds = [change for change in plan.changes if self._status(change) in _HOLDS]
        self.created = {
            user_ids[change.id]: change.username
            for change in self.of(UserChange, Action.USER_CREATE, done=True)
            if change.id in user_ids
        }
        renames = [change for change in plan.changes if change.action is Action.USER_RENAME]
        # A user may be renamed twice, by way of a temporary username.
        self.names = {change.user_id: change.username for change in reversed(renames)} | {
            change.user_id: change.new_username
            for change in self.holds
            if change.action is Action.USER_RENAME
        }
        self._users = {compare_key(name): user_id for user_id, name in self.created.items()}
        self._groups = {
            change.group: group_ids[change.id] for change in self.holds if change.id in group_ids
        }
        self._projects = {
            change.project: project_ids[change.id]
            for change in self.holds
            if change.id in project_ids
        }

    def _status(self, change: Change) -> Status | None:
        outcome = self._outcomes.get(change.id)
        return None if outcome is None else outcome.status

    def of(self, kind: type[ChangeT], *actions: Action, done: bool = False) -> list[ChangeT]:
        """Return the changes of actions that took effect, or only those that the run made."""
        return [
            change
            for change in self.holds
            if isinstance(change, kind)
            and change.action in actions
            and (not done or self._status(change) is Status.DONE)
        ]

    def users(self, action: Action, *, done: bool = False) -> frozenset[int]:
        """Return the ids of the users of these changes."""
        some = self.of(UserChange, action, done=done)
        return frozenset(change.user_id for change in some if change.user_id is not None)

    def ids(self, change: RelationChange) -> Ids | None:
        """Return the ids of the holder and the target of a relation; None where one is unknown.

        The run knows the ids of the users, groups and projects that it created.
        """
        holder, target = (self._id(end, change) for end in RELATIONS[change.about].ends)
        return None if holder is None or target is None else (holder, target)

    def _id(self, part: About, change: RelationChange) -> int | None:
        match part:
            case About.USER:
                return change.user_id or self._users.get(compare_key(change.holder))
            case About.GROUP:
                return change.group_id or self._groups.get(change.group)
        return change.project_id or self._projects.get(change.project)

    def relations(
        self,
        about: About,
        actions: Sequence[RelationAction] = (*GIVES, *CHANGES, *ENDS),
        *,
        done: bool = False,
    ) -> dict[Ids, RelationChange]:
        """Return the changes of relations that took effect, by the ids of holder and target."""
        some = (one for one in self.of(RelationChange, *actions, done=done) if one.about is about)
        return {ids: change for change in some if (ids := self.ids(change)) is not None}

    def given(self, about: About) -> dict[Ids, Grant]:
        """Return the relations of users that the run gave itself, by the ids of both ends."""
        return {
            ids: Grant(self.names.get(ids[0], change.holder), change.target)
            for ids, change in self.relations(about, GIVES, done=True).items()
        }

    def through_group(self) -> dict[Ids, str | None]:
        """Return the roles that were found to come through a group; None for what took effect."""
        found: dict[Ids, str | None] = {}
        for change in self._plan.changes:
            outcome = self._outcomes.get(change.id)
            if outcome is None or change.about is not About.MEMBERSHIP:
                continue
            if change.user_id is None or change.project_id is None:
                continue
            if outcome.through_group is not None or outcome.status in _HOLDS:
                found[change.user_id, change.project_id] = outcome.through_group
        return found

    def groups_renamed(self) -> dict[int, str]:
        """Return the new names of groups, by id."""
        return {
            change.group_id: change.new.name
            for change in self.of(GroupChange, Action.GROUP_UPDATE)
            if change.group_id is not None and change.new.name is not None
        }


def _entries(plan: Plan) -> dict[str, dict[str, KnownEntry]] | None:
    if plan.entries is None:
        return None
    found: dict[str, dict[str, KnownEntry]] = {}
    for one in plan.entries:
        known = KnownEntry(one.username, one.projects, one.groups)
        found.setdefault(one.source, {})[one.dn] = known
    return found


def good_run_of(plan: Plan, *, run_id: str, now: str) -> GoodRun:
    """Return what to remember of a plan after which nothing was left to do."""
    return GoodRun(
        run_id,
        now,
        {
            source.name: SourceMemory(
                source.rows, frozenset(source.columns), _directory_memory(source.directory)
            )
            for source in plan.sources
            if source.directory is None or source.directory.sure
        },
        unsure=frozenset(
            source.name
            for source in plan.sources
            if source.directory is not None and not source.directory.sure
        ),
    )


def _directory_memory(directory: PlanDirectory | None) -> DirectoryMemory | None:
    if directory is None:
        return None
    return DirectoryMemory(
        seen=frozenset(directory.seen),
        had={name: frozenset(keys) for name, keys in directory.had.items()},
        referrals=frozenset(directory.referrals),
        server=directory.server,
        marks=directory.marks,
        newest=directory.newest,
    )


def identities_of(persons: Persons, changes: Iterable[Change]) -> tuple[PlanIdentity, ...]:
    """Return everybody with a stable id who is on the server when these changes are carried out."""
    if not persons.desired.special.any():
        return ()
    renamed: dict[int | None, str] = {}
    created: dict[str, str] = {}
    for change in changes:
        if change.action is Action.USER_RENAME:
            renamed[change.user_id] = change.new_username
        elif change.action is Action.USER_CREATE:
            created[compare_key(change.username)] = change.username
    found: list[PlanIdentity] = []
    for person in persons.special:
        stable_id, user = person.desired.stable_id, person.user
        if stable_id is None:
            continue
        if user is not None:
            name = renamed.get(user.id, user.username)
            found.append(PlanIdentity(id=stable_id.value, username=name, user_id=user.id))
        elif person.desired.key in created:
            found.append(PlanIdentity(id=stable_id.value, username=created[person.desired.key]))
    return tuple(sorted(found, key=lambda identity: identity.id))


def identities_after(plan: Plan, run: Run | None) -> tuple[Identity, ...]:
    """Return whom the ids of a plan mean now: after a run of it, or without one (None).

    Who was not renamed has the old username still; who was not created is nobody yet.
    """
    outcomes = {} if run is None else {one.change_id: one.status for one in run.outcomes}
    user_ids: Mapping[str, int] = {} if run is None else run.user_ids
    kept: dict[int | None, str] = {}
    created: dict[str, int] = {}
    for change in plan.changes:
        holds = outcomes.get(change.id) in _HOLDS
        if change.action is Action.USER_RENAME and not holds:
            # By way of a temporary username somebody is renamed twice: the first one that failed
            # says how they are called.
            kept.setdefault(change.user_id, change.username)
        elif change.action is Action.USER_CREATE and holds and change.id in user_ids:
            created[change.username] = user_ids[change.id]
    return tuple(
        Identity(identity.id, number, kept.get(number, identity.username))
        for identity in plan.identities
        if (number := identity.user_id or created.get(identity.username)) is not None
    )
