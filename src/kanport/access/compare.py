"""Compare two snapshots: who gained and lost what, and which of it runs of Kanport explain. Pure.

A snapshot is a set of facts: the fields of users, projects and groups, the members of groups, and
the roles in projects. What differs is a fact with its value before and after. A run explains a
difference where it did a change that led to just this value. Everything else is not explained: it
was done in Kanboard itself, by another program, by Kanboard's own LDAP at a login, or by a run
whose journal is elsewhere.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kanport.access.snapshot import Snapshot
from kanport.model import AppRole
from kanport.names import compare_key
from kanport.outcome import Run, Status
from kanport.plan.change import Action, Change, GroupChange, RelationChange, UserChange, by_ldap
from kanport.plan.model import Plan
from kanport.plan.roles import app_rank, project_rank
from kanport.records import dataclass
from kanport.relations import About
from kanport.report.document import DataTable, Document
from kanport.report.sentences import USER, Noun, counted, utc
from kanport.report.tables import Cell
from kanport.report.view import Count, Level, Sum


class Key(NamedTuple):
    """What is compared: a field of a user, a project or a group; or a relation of a user.

    `id` is that of the user, project or group; of a relation, that of the project or group, and
    `user_id` that of the user. `field` is empty for a member of a group.
    """

    kind: About
    id: int
    field: str = ""
    user_id: int = 0

    @classmethod
    def of(cls, kind: About, number: int) -> "Key":
        """Return what says that a user, a project or a group exists."""
        return cls(kind, number, USERNAME if kind is About.USER else NAME)


Value = str | bool | int | None

USERNAME, NAME, ROLE, ACTIVE = "username", "name", "role", "active"
TWO_FACTOR, OWNER = "two_factor", "owner_id"
_USER = (USERNAME, NAME, "email", ROLE, ACTIVE, TWO_FACTOR)
_PROJECT = (NAME, "identifier", ACTIVE, OWNER)
_GROUP = (NAME, "external_id")
_CONTAINERS = {About.GROUP_MEMBER: About.GROUP, About.MEMBERSHIP: About.PROJECT}
DIFFERENCE = Noun("difference", "differences")
RUN = Noun("run", "runs")


def facts_of(snapshot: Snapshot) -> dict[Key, Value]:
    """Return everything that a snapshot says about access, as facts."""
    facts: dict[Key, Value] = {}
    for kind, things, fields in (
        (About.USER, snapshot.users, _USER),
        (About.PROJECT, snapshot.projects, _PROJECT),
        (About.GROUP, snapshot.groups, _GROUP),
    ):
        for thing in things:
            facts |= {Key(kind, thing.id, field): getattr(thing, field) for field in fields}
    for group in snapshot.groups:
        facts |= {Key(About.GROUP_MEMBER, group.id, "", one): True for one in group.members}
    for one in snapshot.memberships:
        facts[Key(About.MEMBERSHIP, one.project_id, "role", one.user_id)] = one.role
    return facts


class Drift(NamedTuple):
    """A fact that differs, None where there is none before or after, and the run that explains it.

    `run` is None for what no run explains. `through` are the groups whose change explains
    a role in a project, where no change of the membership does.
    """

    key: Key
    before: Value
    after: Value
    run: "RecordedRun | None" = None
    through: tuple[str, ...] = ()


class RecordedRun(NamedTuple):
    """A run as its journal records it."""

    plan: Plan
    run: Run

    @property
    def label(self) -> str:
        """Return what reports call the run: its id, and who ran and approved it."""
        approved = f", approved by {self.run.approved.by}" if self.run.approved else ""
        by = f", by {self.run.by}" if self.run.by else ""
        return f"run {self.run.id}{by}{approved}"


def differences(old: Snapshot, new: Snapshot) -> list[Drift]:
    """Return every fact that differs, in order."""
    before, after = facts_of(old), facts_of(new)
    return [
        Drift(key, before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def explained(
    drifts: Iterable[Drift], old: Snapshot, new: Snapshot, runs: Sequence[RecordedRun]
) -> list[Drift]:
    """Return the differences with the runs that explain them; `runs` from the first to the last."""
    made: dict[Key, tuple[Value, RecordedRun]] = {}
    groups: dict[int, RecordedRun] = {}
    access: dict[tuple[int, int], RecordedRun] = {}
    ids = _Ids(old, new)
    for run in runs:
        done = {one.change_id for one in run.run.outcomes if one.status is Status.DONE}
        for change in run.plan.changes:
            if change.id in done:
                made |= {key: (value, run) for key, value in _effects(change, ids)}
                if change.about is About.GROUP_ACCESS:
                    place = ids.of(About.GROUP, change), ids.of(About.PROJECT, change)
                    access[place[0] or 0, place[1] or 0] = run
                elif change.action is Action.GROUP_REMOVE:
                    groups[change.group_id or 0] = run
    joined = {
        (key.id, key.user_id): run
        for key, (_, run) in made.items()
        if key.kind is About.GROUP_MEMBER
    }
    names = {group.id: group.name for group in (*old.groups, *new.groups)}
    drifts = list(drifts)
    appeared = {one.key for one in drifts if _is_new_or_gone(one)}
    found = []
    for one in drifts:
        value, recorded = made.get(one.key, (None, None))
        explains = recorded is not None and value == one.after
        cause = recorded if explains else _consequence(one, new, made, appeared)
        if cause is None and one.key.kind is About.MEMBERSHIP:
            found.append(_by_groups(one, old, new, names, (joined, access, groups)))
        else:
            found.append(one._replace(run=cause))
    return found


def _consequence(
    one: Drift,
    new: Snapshot,
    made: Mapping[Key, tuple[Value, RecordedRun]],
    appeared: Collection[Key],
) -> RecordedRun | None:
    """Return the run that explains a difference because of another one that it made.

    The fields of a thing come and go with it (`appeared`), unless the run gave a field another
    value; and so do the memberships of a user. Whoever is disabled has their private projects
    closed.
    """
    key = one.key
    if _is_new_or_gone(one) and (one.after is None or key not in made):
        things = [_identity(key)] if _identity(key) in appeared else []
        if key.kind in _CONTAINERS:
            things = [Key.of(_CONTAINERS[key.kind], key.id), Key.of(About.USER, key.user_id)]
        for thing in things:
            value, run = made.get(thing, (None, None))
            if run is not None and (key.kind not in _CONTAINERS or value is one.after):
                return run
    project = new.project_by_id.get(key.id) if key.kind is About.PROJECT else None
    if project is not None and key.field == ACTIVE and project.private and not project.active:
        value, run = made.get(Key(About.USER, project.owner_id or 0, ACTIVE), (None, None))
        return run if value is False else None
    return None


def _by_groups(
    one: Drift,
    old: Snapshot,
    new: Snapshot,
    names: Mapping[int, str],
    runs: tuple[
        Mapping[tuple[int, int], "RecordedRun"],
        Mapping[tuple[int, int], "RecordedRun"],
        Mapping[int, "RecordedRun"],
    ],
) -> Drift:
    """Return a difference of a role with the run that changed a group it may come through."""
    joined, access, removed = runs
    project_id, user_id = one.key.id, one.key.user_id
    through: dict[int, RecordedRun] = {}
    for group_id in names:
        inside = any(
            group_id in snapshot.group_by_id and user_id in snapshot.group_by_id[group_id].members
            for snapshot in (old, new)
        )
        run = access.get((group_id, project_id))
        if run is None and _may_give(old, new, one, group_id):
            # Whoever joins or leaves a group gains or loses what it gives somewhere.
            run = removed.get(group_id) or joined.get((group_id, user_id))
        if inside and run is not None:
            through[group_id] = run
    if not through:
        return one
    last = max(through.values(), key=lambda run: run.run.started_at)
    return one._replace(run=last, through=tuple(names[group_id] for group_id in sorted(through)))


def _may_give(old: Snapshot, new: Snapshot, one: Drift, group_id: int) -> bool:
    """Return whether a role before or after may come through a group, as the snapshots say."""
    project_id, user_id = one.key.id, one.key.user_id
    return any(
        membership.user_id == user_id and group_id in membership.through
        for snapshot in (old, new)
        for membership in snapshot.by_project.get(project_id, ())
    )


def _identity(key: Key) -> Key:
    """Return what says that the user, project or group of a key exists."""
    return Key.of(key.kind, key.id)


class _Ids:
    """The ids of what runs created: by the names that both snapshots know."""

    def __init__(self, old: Snapshot, new: Snapshot) -> None:
        both = (old, new)
        self._users = {compare_key(u.username): u.id for one in both for u in one.users}
        self._groups = {group.name: group.id for one in both for group in one.groups}
        self._projects = {project.label: project.id for one in both for project in one.projects}

    def of(self, part: About, change: Change) -> int | None:
        """Return the id of one end of a change; None where no snapshot knows it."""
        match part:
            case About.USER:
                return change.user_id or self._users.get(compare_key(change.username or ""))
            case About.GROUP:
                return change.group_id or self._groups.get(change.group or "")
        return change.project_id or self._projects.get(change.project or "")


def _effects(change: Change, ids: _Ids) -> Iterator[tuple[Key, Value]]:
    """Yield what facts a change led to."""
    if isinstance(change, UserChange):
        user_id = ids.of(About.USER, change) or 0
        if change.action is Action.USER_REMOVE:
            yield Key.of(About.USER, user_id), None
            return
        fields: dict[str, Any] = {} if change.after is None else dict(change.after.fields)
        if change.action in (Action.USER_ENABLE, Action.USER_DISABLE):
            fields = {ACTIVE: change.action is Action.USER_ENABLE}
        elif change.action is Action.USER_CREATE:
            # What createUser sets where the plan gives nothing; Kanboard's LDAP may give a role.
            given = {ACTIVE: True} if by_ldap(change) else {ACTIVE: True, ROLE: AppRole.USER}
            fields = {USERNAME: change.username} | given | fields
        yield from ((Key(About.USER, user_id, name), value) for name, value in fields.items())
    elif isinstance(change, GroupChange):
        group_id = ids.of(About.GROUP, change) or 0
        if change.action is Action.GROUP_REMOVE or change.after is None:
            yield Key.of(About.GROUP, group_id), None
            return
        made = {"external_id": ""} if change.action is Action.GROUP_CREATE else {}
        values = {NAME: change.group} | made | change.after.values
        yield from ((Key(About.GROUP, group_id, name), value) for name, value in values.items())
    elif isinstance(change, RelationChange):
        user_id = ids.of(About.USER, change) or 0
        if change.about is About.MEMBERSHIP:
            project_id = ids.of(About.PROJECT, change) or 0
            yield Key(About.MEMBERSHIP, project_id, ROLE, user_id), change.new_role
        elif change.about is About.GROUP_MEMBER:
            joins = change.action is Action.GROUP_MEMBER_ADD
            group_id = ids.of(About.GROUP, change) or 0
            yield Key(About.GROUP_MEMBER, group_id, "", user_id), joins or None
    else:
        yield Key.of(About.PROJECT, ids.of(About.PROJECT, change) or 0), change.after.name


# --- the report -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Difference:
    who: str
    what: str
    before: str
    after: str
    effect: str
    explained_by: str
    user_id: int | None
    by_run: bool


class AccessComparison:
    """Two snapshots of a server, what differs, and which runs explain it.

    `runs` is None where no journals were looked for.
    """

    def __init__(
        self, old: Snapshot, new: Snapshot, runs: Sequence[RecordedRun] | None = None
    ) -> None:
        self.old, self.new, self.runs = old, new, runs
        self.drifts = explained(differences(old, new), old, new, runs or ())
        things = {_identity(one.key): one for one in self.drifts}
        # The fields of somebody who is new, or gone, go without saying, if the same run did both.
        self.shown = [
            one
            for one in self.drifts
            if one.key == _identity(one.key)
            or one.key.kind in _CONTAINERS
            or (thing := things.get(_identity(one.key))) is None
            or not _is_new_or_gone(thing)
            or thing.run is not one.run
        ]

    @property
    def outside(self) -> list[Drift]:
        """Return what no run explains."""
        return [one for one in self.shown if one.run is None]

    def _row(self, one: Drift) -> _Difference:
        key, old, new = one.key, self.old, self.new
        user_id = key.id if key.kind is About.USER else key.user_id or None
        user = (new.user_by_id.get(user_id) or old.user_by_id.get(user_id)) if user_id else None
        who = user.username if user is not None else ""
        what = self._target(key)
        if key.kind is About.USER:
            what = "account" if key.field == USERNAME else _WORDS.get(key.field, key.field)
        elif key.kind not in _CONTAINERS:
            what += f": {_WORDS.get(key.field, key.field)}"
        explained_by = "not explained" if self.runs is not None else "unknown"
        if one.run is not None:
            through = f" through group {', '.join(one.through)}" if one.through else ""
            explained_by = f"{one.run.label}{through}"
        before, after = (self._text(one.key, value) for value in (one.before, one.after))
        return _Difference(
            who, what, before, after, _effect(one), explained_by, user_id, one.run is not None
        )

    def _target(self, key: Key) -> str:
        """Return the project or group of a key."""
        if key.kind in (About.PROJECT, About.MEMBERSHIP):
            return f"project {self.new.labels.get(key.id) or self.old.labels.get(key.id, '')}"
        group = self.new.group_by_id.get(key.id) or self.old.group_by_id.get(key.id)
        return "" if group is None else f"group {group.name}"

    def _text(self, key: Key, value: Value) -> str:
        if value is None:
            return "unknown" if key.field == TWO_FACTOR else "none"
        if key.field == ROLE:
            return str(value) or "(no role)"
        if key.field == OWNER:
            owner = self.new.user_by_id.get(int(value)) or self.old.user_by_id.get(int(value))
            return f"#{value}" if owner is None else owner.username
        if isinstance(value, bool):
            closed = "closed" if key.kind is About.PROJECT else "disabled"
            words = {ACTIVE: (closed, "active"), TWO_FACTOR: ("off", "on")}
            return words.get(key.field, ("no", "member"))[value]
        return str(value) or "(empty)"

    def document(self) -> Document:
        """Return the report."""
        rows = [self._row(one) for one in self.shown]
        outside = [row for row, one in zip(rows, self.shown, strict=True) if one.run is None]
        inside = [row for row, one in zip(rows, self.shown, strict=True) if one.run is not None]
        effects = Counter(row.effect for row in rows)
        with_runs = self.runs is not None
        people = {row.user_id for row in rows if row.user_id is not None}
        headline = f"{counted(len(rows), DIFFERENCE)}: {counted(len(people), USER)} affected"
        if not rows:
            headline = "No difference"
        elif with_runs:
            headline += f"; {len(outside)} not explained by a run"
        return Document(
            title=("Access on ", self.new.server.url.removesuffix("/jsonrpc.php"), " compared"),
            level=Level.LOOK if outside else Level.GOOD,
            headline=(f"{headline}.",),
            about=(
                f"{self.new.server.url} · {utc(self.old.taken_at)} to {utc(self.new.taken_at)}",
                f"Snapshots {self.old.digest} and {self.new.digest}",
            ),
            figures=(
                *(Count(key, effects[key], key) for key in EFFECTS),
                *([Count("outside", len(outside), "not explained")] if with_runs else []),
            ),
            sums=tuple(self._sums(rows, len(inside))),
            tables=(
                self._table(
                    "outside", "Not explained" if with_runs else "Differences", outside, with_runs
                ),
                *([self._table("by-kanport", "By runs of Kanport", inside)] if with_runs else []),
                self._people(rows),
                *([self._runs()] if with_runs else []),
            ),
        )

    def _sums(self, rows: Sequence[_Difference], inside: int) -> Iterator[Sum]:
        total = Count("differences", len(rows), DIFFERENCE(len(rows)))
        effects = Counter(row.effect for row in rows)
        yield Sum(total, tuple(Count(key, effects[key], key) for key in EFFECTS))
        if self.runs is not None:
            made = Count("by-kanport", inside, f"by {counted(len(self.runs), RUN)} of Kanport")
            yield Sum(total, (made, Count("outside", len(rows) - inside, "not explained")))

    def _table(
        self, key: str, title: str, rows: Sequence[_Difference], review: bool = False
    ) -> DataTable:
        columns = ("User", "What", "Before", "After", "Effect", "Explained by")
        cells = [
            (row.who, row.what, row.before, row.after, row.effect, row.explained_by) for row in rows
        ]
        names = tuple(dict.fromkeys(row.who or row.what for row in rows))
        note = (
            "No journal explains this: somebody changed it in Kanboard, another program did, or"
            " Kanboard's own LDAP at a login. After kanport apply, the journal is beside the"
            " plan; --journal names it."
            if review
            else ""
        )
        return DataTable(key, title, columns, cells, note, names, len(rows), review=review)

    def _people(self, rows: Sequence[_Difference]) -> DataTable:
        """Return what each user gained and lost."""
        found: dict[str, list[_Difference]] = defaultdict(list)
        for row in rows:
            if row.user_id is not None:
                found[row.who].append(row)
        cells: list[tuple[Cell, ...]] = []
        for who in sorted(found, key=lambda name: (compare_key(name), name)):
            effects = Counter(row.effect for row in found[who])
            outside = sum(not row.by_run for row in found[who])
            text = "; ".join(f"{row.what}: {row.before} → {row.after}" for row in found[who])
            numbers = [effects[key] for key in EFFECTS]
            numbers += [outside] if self.runs is not None else []
            cells.append((who, text, *numbers))
        columns = ("User", "What", *map(str.capitalize, EFFECTS))
        columns += ("Not explained",) if self.runs is not None else ()
        return DataTable("people", "By user", columns, cells, "", tuple(found), len(cells))

    def _runs(self) -> DataTable:
        rows = [
            (one.run.id, utc(one.run.started_at), one.run.by, one.plan.mapping.path)
            for one in self.runs or ()
        ]
        return DataTable(
            "runs",
            "Runs of Kanport in this time",
            ("Run", "Started", "By", "Mapping"),
            rows,
            "From the journals in the state folder and those of --journal.",
            tuple(row[0] for row in rows),
            len(rows),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON holds it."""
        return {
            "format": "kanport-access-comparison/1",
            "server": self.new.server.url,
            "old": {"taken_at": self.old.taken_at, "digest": self.old.digest},
            "new": {"taken_at": self.new.taken_at, "digest": self.new.digest},
            "runs": None if self.runs is None else [one.run.id for one in self.runs],
            "differences": [self._as_dict(one) for one in self.shown],
        }

    def _as_dict(self, one: Drift) -> dict[str, Any]:
        key = one.key
        row = self._row(one)
        ids = {"user_id": key.user_id} if key.user_id else {}
        holder = _CONTAINERS.get(key.kind, key.kind)
        return {
            "kind": str(key.kind),
            holder.numbered_by: key.id,
            **ids,
            **({"username": row.who} if row.who else {}),
            **({"field": key.field} if key.field else {}),
            "before": one.before,
            "after": one.after,
            "effect": row.effect,
            "run": None if one.run is None else one.run.run.id,
            "through": list(one.through),
        }


GAINED, LOST, OTHER = EFFECTS = ("gained", "lost", "other")
_WORDS = {
    ROLE: "application role",
    ACTIVE: "status",
    TWO_FACTOR: "two-factor authentication",
    OWNER: "owner",
    "external_id": "external id",
}


def _is_new_or_gone(one: Drift) -> bool:
    return one.before is None or one.after is None


def _effect(one: Drift) -> str:
    """Return whether somebody gained access by a difference, lost access, or neither."""
    kind, field = one.key.kind, one.key.field
    before, after = 0, 0
    if kind is About.MEMBERSHIP:
        before, after = (project_rank(str(value or "")) for value in (one.before, one.after))
    elif kind is About.GROUP_MEMBER or (kind is About.USER and field == USERNAME):
        before, after = int(one.before is not None), int(one.after is not None)
    elif kind is About.USER and field == ROLE:
        before, after = (app_rank(str(value or "")) for value in (one.before, one.after))
    elif kind is About.USER and field == ACTIVE:
        before, after = bool(one.before), bool(one.after)
    # Roles of one rank are not the same: a custom role is another one than that of a manager.
    return GAINED if after > before else LOST if after < before else OTHER
