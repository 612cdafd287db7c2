"""What is remembered between runs, as values; the ledger keeps them. Pure, no I/O.

What is remembered never proves anything by itself: it is only ever believed where the server
agrees, and without it nothing is taken away. Servers pass numbers on (SQLite gives the number of
a removed user to the next one), so everything about a user holds only while that user has the
recorded username, and about the access of a group only while group and project have their names.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import field, replace
from typing import Any, NamedTuple, Self

from kanport.model import CurrentState, Group, Identity, Project, User
from kanport.names import compare_key, spelling_key
from kanport.records import dataclass
from kanport.relations import About


@dataclass(frozen=True, slots=True)
class DirectoryMemory:
    """What a directory told besides its rows in the last good run.

    `seen` are the attributes that decided a computed column and that some entry had. `had` are the
    entries that had an attribute, by attribute, where their absence could not have been proven.
    `referrals` are the places that other servers had; None where that was not recorded. `server`
    is the one that answered; `marks` and `newest` said how new its data were.
    """

    seen: frozenset[str] = frozenset()
    had: Mapping[str, frozenset[str]] = field(default_factory=dict)
    referrals: frozenset[str] | None = None
    server: str = ""
    marks: Mapping[str, str] = field(default_factory=dict)
    newest: str = ""


@dataclass(frozen=True, slots=True)
class SourceMemory:
    """What a source looked like in the last good run: its rows, and its columns or attributes.

    `directory` is None for a source that is none, or of which an older Kanport did not record it.
    """

    rows: int
    columns: frozenset[str] = frozenset()
    directory: DirectoryMemory | None = None


@dataclass(frozen=True, slots=True)
class GoodRun:
    """The last run that ended with nothing left to do; `finished_at` in UTC (RFC 3339).

    `unsure` are sources that were in doubt in it: what an earlier good run recorded of them stays.
    """

    run_id: str
    finished_at: str
    sources: Mapping[str, SourceMemory] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class KnownEntry:
    """An entry of a directory when it was last read: whose access depends on it.

    `username` is that of a person. `projects` and `groups` are what the members of a group are in
    because of it.
    """

    username: str | None = None
    projects: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class OpenKey(NamedTuple):
    """What a removal is about: the action, and the ids of user, group and project; 0 for none."""

    action: str
    user_id: int
    group_id: int
    project_id: int

    @classmethod
    def of(cls, one: Any) -> Self:
        """Return the key of an open removal, whether of a plan or of the ledger."""
        return cls(one.action, one.user_id, one.group_id, one.project_id)


class OpenRemoval(NamedTuple):
    """A removal that should have been made and is not.

    `why` is `failed`, `withheld` or `through-group`; `since` is when the first plan was made that
    should have made it (UTC, RFC 3339). Names are empty where the removal is about no such thing.
    """

    action: str
    user_id: int
    group_id: int
    project_id: int
    username: str
    group: str
    project: str
    why: str
    since: str

    @classmethod
    def of(cls, one: Any) -> Self:
        """Return the open removal that a plan holds."""
        return cls(*(getattr(one, name) for name in cls._fields))


Entries = Mapping[str, Mapping[str, KnownEntry]]
"""Entries by source and DN."""


@dataclass(frozen=True, slots=True)
class Absence:
    """Since when somebody is provably in no source.

    `since` is when the first plan that missed them was made (UTC, RFC 3339), `runs` how many runs
    in a row did; 0 for somebody who is back and still disabled. `disabled_at` is when Kanport
    disabled them for it; None where it did not.
    """

    username: str
    since: str
    runs: int
    disabled_at: str | None = None


class Grant(NamedTuple):
    """A relation that Kanport gave, or manages: whose, and in what, as both were called."""

    holder: str
    target: str


@dataclass(frozen=True, slots=True)
class LedgerState:
    """What the ledger of a mapping knows of one server.

    `identities` is whom each stable id meant when last seen, `departed` the usernames, by stable
    id, of those whom Kanport removed. `users` are the users that Kanport created or adopted, by
    user id with the username, `grants` the memberships that it granted or adopted, by user id and
    project id. `absent` is by user id; `counted_at` is when the last plan was made whose absences
    were counted. `through_group` are pairs of user id and project id where access was found to come
    through a group, with the role that it gave: a change there cannot take effect, and is not
    planned again. `group_access` is the role that Kanport gave a group, by group id and project id:
    the server cannot list it; `access_names` has the names of the group and the project then, empty
    where they are not known. `entries` are those of directories, as they were last read: one that
    is not there any more is gone only if the directory proves it. `named_projects` and
    `named_groups` are those that sources have named so far, by id with the name; `group_members`
    are the users whom Kanport put into a group, by user id and group id. `open` are the removals
    that should have been made and are not.
    """

    identities: Mapping[str, Identity] = field(default_factory=dict)
    departed: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[int, str] = field(default_factory=dict)
    grants: Mapping[tuple[int, int], Grant] = field(default_factory=dict)
    absent: Mapping[int, Absence] = field(default_factory=dict)
    counted_at: str = ""
    last_good: GoodRun | None = None
    through_group: Mapping[tuple[int, int], str] = field(default_factory=dict)
    group_access: Mapping[tuple[int, int], str] = field(default_factory=dict)
    access_names: Mapping[tuple[int, int], Grant] = field(default_factory=dict)
    entries: Entries = field(default_factory=dict)
    named_projects: Mapping[int, str] = field(default_factory=dict)
    named_groups: Mapping[int, str] = field(default_factory=dict)
    group_members: Mapping[tuple[int, int], Grant] = field(default_factory=dict)
    open: Mapping[OpenKey, OpenRemoval] = field(default_factory=dict)

    @property
    def is_new(self) -> bool:
        """Whether no plan for this server was ever recorded."""
        return not self.counted_at

    def manages(self, user: User) -> bool:
        """Whether Kanport created or adopted this user."""
        return user.id in self.users and _is_called(self.users[user.id], user)

    def gave(self, kind: About, holder: User | Group, target: Project | Group) -> bool:
        """Whether Kanport gave, or adopted, a relation between just these two."""
        place = holder.id, target.id
        if kind is About.GROUP_ACCESS:
            names = self.access_names.get(place, ("", ""))
            return place in self.group_access and all(
                not name or _is_called(name, one)
                for name, one in zip(names, (holder, target), strict=True)
            )
        grant = (self.grants if kind is About.MEMBERSHIP else self.group_members).get(place)
        return grant is not None and all(map(_is_called, grant, (holder, target)))

    def projects_remembered(self) -> frozenset[int]:
        """Return the ids of the projects that sources named, or in which Kanport granted access."""
        granted = {project_id for _, project_id in (*self.grants, *self.group_access)}
        return frozenset(granted | self.named_projects.keys())

    def groups_remembered(self) -> frozenset[int]:
        """Return the ids of the groups that sources named, or to which Kanport gave anything."""
        filled = {group_id for _, group_id in self.group_members}
        given = {group_id for group_id, _ in self.group_access}
        return frozenset(filled | given | self.named_groups.keys())

    def absence(self, user: User) -> Absence | None:
        """Since when this user is missing, if the ledger says so of them and not of another."""
        absence = self.absent.get(user.id)
        return absence if absence is not None and _is_called(absence.username, user) else None


NOTHING = LedgerState()


def with_present_names(memory: LedgerState, current: CurrentState) -> LedgerState:
    """Return the memory with renamed projects and groups under the names that they have now.

    A number under another name may be a renamed project or one that got the number of a removed
    one. It is the same where more than half of what Kanport granted there under the old name is
    still held: a new project begins without members. Otherwise the record stays as it is, and no
    name matches it.
    """
    roles = current.roles
    members = {number: group.members for number, group in current.groups_by_id.items()}
    return replace(
        memory,
        grants=_renamed(memory.grants, current.project_index.by_id, roles, current),
        group_members=_renamed(memory.group_members, current.groups_by_id, members, current),
    )


def _renamed(
    grants: Mapping[tuple[int, int], Grant],
    targets: Mapping[int, Project] | Mapping[int, Group],
    held: Mapping[int, Collection[int]],
    current: CurrentState,
) -> dict[tuple[int, int], Grant]:
    """Return grants with the present names of those targets that are the same; `held` by target."""
    others: dict[int, list[int]] = defaultdict(list)
    for (user_id, number), grant in grants.items():
        if number in targets and not _is_called(grant.target, targets[number]):
            others[number].append(user_id)
    users, after = current.people.by_id, dict(grants)
    for number, several in others.items():
        same = [
            user_id
            for user_id in several
            if user_id in held.get(number, ())
            and user_id in users
            and _is_called(grants[user_id, number].holder, users[user_id])
        ]
        if 2 * len(same) > len(several):
            target = targets[number]
            name = target.name if isinstance(target, Group) else target.label
            for user_id in same:
                after[user_id, number] = Grant(grants[user_id, number].holder, name)
    return after


def _is_called(name: str, thing: User | Group | Project) -> bool:
    """Return whether a name is that of a user, a group or a project."""
    match thing:
        case User():
            return compare_key(name) == compare_key(thing.username)
        case Group():
            return compare_key(name) == compare_key(thing.name)
    names = (thing.identifier, thing.name)
    return spelling_key(name) in {spelling_key(one) for one in names if one}


# --- what a run adds to it ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Missed:
    """Somebody whom a plan provably missed.

    `active` is whether they were enabled when it was made, `disabled` whether the run disabled
    them.
    """

    username: str
    active: bool
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class LedgerUpdate:
    """What a plan and a run of it add to what is remembered; recorded together or not at all.

    `planned_at` is when the plan was made. `created` are users who are managed from now on, by
    user id with the username, `granted` memberships. `renamed` has the new usernames. `back` are
    the users who were missing and are named again, with whether they are enabled now; `enabled`
    those whom somebody or something has enabled. A role of None in `through_group` or
    `group_access` is one to forget. `group_names` and `project_names` are what groups
    and projects are called after it, by id, where it had to do with their access. `entries` are
    those of directories that are known from then on; None where the plan does not tell. `put_in`
    and `taken_out` are members of groups, by user id and group id. `named_projects` and
    `named_groups` are what the sources name, by id; `gone_projects` and `gone_groups` what the
    server lacks. `open` are the removals that are not made; those in `closing` that are not among
    them are closed, and every other one where it is None.
    """

    planned_at: str
    identities: tuple[Identity, ...] = ()
    created: Mapping[int, str] = field(default_factory=dict)
    renamed: Mapping[int, str] = field(default_factory=dict)
    removed: frozenset[int] = frozenset()
    granted: Mapping[tuple[int, int], Grant] = field(default_factory=dict)
    revoked: frozenset[tuple[int, int]] = frozenset()
    missed: Mapping[int, Missed] = field(default_factory=dict)
    back: Mapping[int, bool] = field(default_factory=dict)
    enabled: frozenset[int] = frozenset()
    through_group: Mapping[tuple[int, int], str | None] = field(default_factory=dict)
    group_access: Mapping[tuple[int, int], str | None] = field(default_factory=dict)
    group_names: Mapping[int, str] = field(default_factory=dict)
    project_names: Mapping[int, str] = field(default_factory=dict)
    entries: Entries | None = None
    put_in: Mapping[tuple[int, int], Grant] = field(default_factory=dict)
    taken_out: frozenset[tuple[int, int]] = frozenset()
    named_projects: Mapping[int, str] = field(default_factory=dict)
    named_groups: Mapping[int, str] = field(default_factory=dict)
    gone_projects: frozenset[int] = frozenset()
    gone_groups: frozenset[int] = frozenset()
    open: tuple[OpenRemoval, ...] = field(default=(), compare=False)
    closing: frozenset[OpenKey] | None = field(default=frozenset(), compare=False)


def absence_at(before: Absence | None, username: str, planned_at: str, counted_at: str) -> Absence:
    """Return the absence of somebody whom the plan of that time misses.

    The same plan counts once, and one that is older than what was counted last counts not at all.
    """
    if before is None or not before.runs:
        disabled_at = before.disabled_at if before is not None else None
        return Absence(username, planned_at, 1, disabled_at)
    return Absence(
        username, before.since, before.runs + (planned_at > counted_at), before.disabled_at
    )


def absences_after(
    before: Mapping[int, Absence], learned: LedgerUpdate, *, counted_at: str, now: str
) -> dict[int, Absence | None]:
    """Return the absences that are others after a run; None for one to forget.

    `counted_at` is when the last plan was made whose absences were counted, `now` the time of
    recording. A plan that is older than that one proves no absence any more.
    """
    after: dict[int, Absence | None] = {}
    for user_id, missed in learned.missed.items():
        old = before.get(user_id)
        if old is not None and compare_key(old.username) != compare_key(missed.username):
            old = None
        if old is None and learned.planned_at < counted_at and not missed.disabled:
            continue
        new = absence_at(old, missed.username, learned.planned_at, counted_at)
        disabled_at = now if missed.disabled else None if missed.active else new.disabled_at
        after[user_id] = Absence(new.username, new.since, new.runs, disabled_at)
    for user_id, active in learned.back.items():
        if learned.planned_at < counted_at and user_id not in learned.enabled:
            continue
        old = before.get(user_id)
        if active or old is None or old.disabled_at is None:
            after[user_id] = None
        else:
            after[user_id] = Absence(old.username, learned.planned_at, 0, old.disabled_at)
    for user_id in learned.enabled - learned.back.keys():
        old = after.get(user_id) or before.get(user_id)
        if old is not None:
            after[user_id] = Absence(old.username, old.since, old.runs)
    after.update(dict.fromkeys(learned.removed))
    return after
