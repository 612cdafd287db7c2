"""The lists that auditors ask for, made of a snapshot: who has access, and where to look. Pure.

Every list is complete, and the counts add up. Kanboard's rules decide what counts as access: a
disabled user keeps memberships, and an administrator can administer every project.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Self

from kanport.access.snapshot import Snapshot, SnapshotMembership, SnapshotProject, SnapshotUser
from kanport.memory import OpenRemoval
from kanport.model import PROJECT_ROLE_RANK, AppRole, DesiredUser, ProjectRole
from kanport.names import compare_key
from kanport.plan.change import Action
from kanport.plan.guards.separation import Violation
from kanport.report.document import DataTable, Document, item
from kanport.report.document import Section as Lines
from kanport.report.sentences import (
    MEMBERSHIP,
    OPEN_BECAUSE,
    PROJECT,
    USER,
    Noun,
    action_words,
    counted,
    listed,
    utc,
)
from kanport.report.tables import Cell
from kanport.report.view import Count, Level, Sum

NOT_TOLD = (
    "Kanboard does not say when a user last logged in, nor which groups have access to a project."
)
OF_MAPPING = ("separation", "orphans", "open", "unclear", "no-account")
"""The lists that only a mapping makes possible, by their keys."""
ADMINISTRATOR = Noun("administrator", "administrators")


class NoAccount(NamedTuple):
    """Somebody in a source who has no account on the server.

    `active` is False for a leaver, and None for somebody whom no row of users names. `created` says
    whether a plan creates the account.
    """

    username: str
    name: str
    active: bool | None
    sources: tuple[str, ...]
    created: bool = False

    @classmethod
    def of(
        cls, username: str, wanted: DesiredUser | None, sources: Iterable[str], *, created: bool
    ) -> Self:
        """Return somebody with what rows of users say; `wanted` is None where there is no row."""
        named = tuple(sorted(sources))
        if wanted is None:
            return cls(username, "", None, named)
        name = "" if wanted.name is None else wanted.name.value
        active = wanted.active is None or wanted.active.value
        return cls(username, name, active, named, created)


class AccessLists:
    """A snapshot with everything that is listed of it.

    `no_account` are the people of the sources who have no account, None without a mapping. A user
    whose username `protected` accepts is one whom the mapping protects. `violations` are users with
    roles that the mapping keeps apart, None without such rules. `still_open` are the removals that
    earlier runs should have made and a plan made now still wants.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        no_account: Sequence[NoAccount] | None = None,
        protected: Callable[[str], bool] = lambda username: False,
        violations: Sequence[Violation] | None = None,
        still_open: Iterable[OpenRemoval] = (),
    ) -> None:
        self.snapshot = snapshot
        self._violations = violations
        self._no_account = no_account
        self._protected = protected
        self._open = sorted(still_open, key=lambda one: (one.since, one))
        self._users = sorted(snapshot.users, key=lambda one: (compare_key(one.username), one.id))
        self._projects = sorted(
            snapshot.projects, key=lambda one: (compare_key(snapshot.labels[one.id]), one.id)
        )

    # --- how values are shown

    def how(self, membership: SnapshotMembership) -> str:
        """Return where somebody's access comes from, as far as that is known."""
        groups = listed([self.snapshot.group_by_id[one].name for one in membership.through])
        if membership.direct is False:
            return f"through {groups}"
        if not groups:
            return "direct"
        return (
            f"direct, maybe also through {groups}"
            if membership.direct
            else (f"direct or through {groups}")
        )

    def _memberships(self, user: SnapshotUser) -> tuple[SnapshotMembership, ...]:
        return self.snapshot.by_user.get(user.id, ())

    def _members(self, project: SnapshotProject) -> list[SnapshotMembership]:
        """Return the memberships of enabled users: a disabled user does not use the access."""
        return [
            one
            for one in self.snapshot.by_project.get(project.id, ())
            if self.snapshot.user_by_id[one.user_id].active
        ]

    def _names(self, users: Iterable[SnapshotUser]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(user.username for user in users))

    def _owner(self, project: SnapshotProject) -> str:
        owner = self.snapshot.user_by_id.get(project.owner_id or 0)
        return "" if owner is None else owner.username + ("" if owner.active else " (disabled)")

    # --- tables

    def _of_users(
        self, key: str, title: str, users: Sequence[SnapshotUser], note: str = "", **more: bool
    ) -> DataTable:
        columns: tuple[str, ...] = ("User", "Name", "Role", "Account", "Two-factor", "Login")
        columns += ("Projects", "Sources") if self.snapshot.mapping is not None else ("Projects",)
        rows = [self._user_row(user)[: len(columns)] for user in users]
        return DataTable(key, title, columns, rows, note, self._names(users), len(users), **more)

    def _user_row(self, user: SnapshotUser) -> tuple[Cell, ...]:
        sources = "not certain" if user.sources is None else ", ".join(user.sources)
        return (
            user.username,
            user.name,
            user.role or "(no role)",
            "active" if user.active else "disabled",
            {True: "yes", False: "no", None: "unknown"}[user.two_factor],
            "LDAP" if user.ldap else "local",
            len(self._memberships(user)),
            sources or ("none (protected)" if self._protected(user.username) else "none"),
        )

    def _of_memberships(
        self,
        key: str,
        title: str,
        chosen: Callable[[SnapshotMembership], bool],
        note: str = "",
        **more: bool,
    ) -> DataTable:
        pairs = [(user, one) for user in self._users for one in self._memberships(user)]
        chosen_pairs = [(user, one) for user, one in pairs if chosen(one)]
        rows = [self._membership_row(user, one) for user, one in chosen_pairs]
        columns = ("User", "Name", "Account", "Project", "Role", "Access")
        names = self._names(user for user, _ in chosen_pairs)
        return DataTable(key, title, columns, rows, note, names, len(rows), **more)

    def _membership_row(self, user: SnapshotUser, one: SnapshotMembership) -> tuple[Cell, ...]:
        return (
            user.username,
            user.name,
            "active" if user.active else "disabled",
            self.snapshot.labels[one.project_id],
            one.role,
            self.how(one),
        )

    def _of_projects(
        self, key: str, title: str, projects: Sequence[SnapshotProject], note: str
    ) -> DataTable:
        rows: list[tuple[Cell, ...]] = []
        for project in projects:
            members = self._members(project)
            named = [self.snapshot.user_by_id[one.user_id].username for one in members]
            label, owner = self.snapshot.labels[project.id], self._owner(project)
            rows.append((label, project.name, owner, len(members), ", ".join(sorted(named)[:10])))
        columns = ("Project", "Name", "Owner", "Active members", "First members")
        names = tuple(self.snapshot.labels[one.id] for one in projects)
        return DataTable(key, title, columns, rows, note, names, len(rows), review=True)

    def tables(self) -> Iterator[DataTable]:
        """Yield all lists; what needs a look first."""
        users = [user for user in self._users if user.active]
        admins = [user for user in self._users if user.role == AppRole.ADMIN]
        yield self._of_users(
            "administrators",
            "Administrators",
            admins,
            "They can change every account, and open every project, also without a membership.",
            review=bool(admins),
        )
        yield self._of_users(
            "no-two-factor",
            "Without two-factor",
            [user for user in users if user.two_factor is False],
            "Active users only. Kanboard's own two-factor authentication counts; one of a login"
            " service does not show here.",
            review=True,
        )
        yield self._of_users(
            "disabled-with-access",
            "Disabled with access",
            [user for user in self._users if not user.active and self._memberships(user)],
            "They cannot log in. Whoever enables one of them gives the access back.",
            review=True,
        )
        if self._violations is not None:
            yield self._separation(self._violations)
        if self.snapshot.mapping is not None:
            yield self._of_users(
                "orphans",
                "In no source",
                self.orphans,
                "Users whom no source of the mapping names.",
                review=True,
            )
        if self._open or self._no_account is not None:
            yield self._still_open()
        if self.snapshot.mapping is not None:
            yield self._of_users(
                "unclear",
                "Not certain whether in a source",
                [user for user in self._users if user.sources is None],
                "A row or an entry that cannot be used may name them.",
                review=True,
            )
        if self._no_account is not None:
            yield self._without_account(self._no_account)
        yield self._of_users(
            "no-access",
            "Active without access",
            [user for user in users if self._is_without(user)],
            "Administrators are not listed here.",
        )
        yield self._of_projects(
            "no-manager",
            "Projects without a manager",
            self.without_manager,
            "Active team projects in which no active user is a project manager.",
        )
        yield self._of_projects(
            "one-person",
            "Projects with one user only",
            self.with_one_person,
            "Active team projects; private projects have one user anyway.",
        )
        yield self._of_memberships(
            "custom-roles",
            "Custom roles",
            lambda one: one.role not in PROJECT_ROLE_RANK,
            "What a custom role allows is defined in the project.",
            review=True,
        )
        yield self._of_users(
            "managers",
            "Managers",
            [user for user in self._users if user.role == AppRole.MANAGER],
            "They can create projects.",
        )
        yield self._of_memberships(
            "project-managers", "Project managers", lambda one: one.role == ProjectRole.MANAGER
        )
        yield self._of_memberships(
            "through-groups",
            "Access through groups",
            lambda one: one.direct is not True,
            'Certain where it says "through". Otherwise possible: all members of one of the user\'s'
            " groups are members of the project, and Kanboard lists no more than that.",
        )
        yield self._groups()
        yield self._of_users("users", "All users", self._users)
        yield self._matrix()
        yield self._access()

    @property
    def orphans(self) -> list[SnapshotUser]:
        """Return the users whom certainly no source names; none without a mapping."""
        return [user for user in self._users if user.sources == ()]

    def _is_without(self, user: SnapshotUser) -> bool:
        return user.active and user.role != AppRole.ADMIN and not self._memberships(user)

    @property
    def without_manager(self) -> list[SnapshotProject]:
        """Return the active team projects in which no active user is a project manager."""
        return [
            project
            for project in self._projects
            if project.active
            and not project.private
            and all(one.role != ProjectRole.MANAGER for one in self._members(project))
        ]

    @property
    def with_one_person(self) -> list[SnapshotProject]:
        """Return the active team projects with one active member."""
        return [
            project
            for project in self._projects
            if project.active and not project.private and len(self._members(project)) == 1
        ]

    def _access(self) -> DataTable:
        """Return everything as one table: a row for each membership, and for users without one."""
        sourced = self.snapshot.mapping is not None
        rows: list[tuple[Cell, ...]] = []
        for user in self._users:
            name, email = user.username, user.email
            account = self._user_row(user)
            for one in self._memberships(user) or (None,):
                project = None if one is None else self.snapshot.project_by_id[one.project_id]
                rows.append(
                    (
                        name,
                        user.name,
                        email,
                        *account[2:6],
                        None if project is None else self.snapshot.labels[project.id],
                        None if project is None else "active" if project.active else "closed",
                        None if one is None else one.role,
                        None if one is None else self.how(one),
                        *(account[7:] if sourced else ()),
                    )
                )
        columns = (
            *("User", "Name", "Email", "Application role", "Account", "Two-factor", "Login"),
            *("Project", "Project status", "Project role", "Access"),
            *(("Sources",) if sourced else ()),
        )
        number = len(self.snapshot.memberships)
        without = counted(len(rows) - number, USER)
        note = f"{counted(number, MEMBERSHIP)}, and {without} without one."
        return DataTable("access", "Access", columns, rows, note, (), number)

    def _separation(self, violations: Sequence[Violation]) -> DataTable:
        rows = [
            (one.username, one.rule.label, ", ".join(one.held), *one.excepted) for one in violations
        ]
        return DataTable(
            "separation",
            "Roles that must be separate",
            ("User", "Rule", "Has", "Exception", "Until"),
            rows,
            "Active users with roles that separation in the mapping keeps apart.",
            tuple(dict.fromkeys(one.username for one in violations)),
            len(rows),
            review=any(one.exception is None for one in violations),
        )

    def _still_open(self) -> DataTable:
        now = datetime.fromisoformat(self.snapshot.taken_at)
        rows: list[tuple[Cell, ...]] = [
            (
                one.username or one.group,
                one.project or one.group,
                action_words(Action(one.action)),
                OPEN_BECAUSE[one.why],
                utc(one.since),
                (now - datetime.fromisoformat(one.since)).days,
            )
            for one in self._open
        ]
        columns = ("Who", "In", "Should be gone", "Because", "Open since", "Days")
        note = "Removals that earlier runs of the mapping should have made, by its ledger."
        names = tuple(str(row[0]) for row in rows)
        return DataTable(
            "open", "Should be gone, and is not", columns, rows, note, names, len(rows), review=True
        )

    def _without_account(self, people: Sequence[NoAccount]) -> DataTable:
        rows = [
            (
                one.username,
                one.name,
                {True: "active", False: "leaver", None: "access only"}[one.active],
                ", ".join(one.sources),
                "created" if one.created else "not created",
            )
            for one in people
        ]
        return DataTable(
            "no-account",
            "In a source, without an account",
            ("Username", "Name", "In the source", "Sources", "Next run"),
            rows,
            "Rows with errors are left out. The last column says what Kanport would plan now.",
            tuple(one.username for one in people),
            len(rows),
        )

    def _groups(self) -> DataTable:
        users = self.snapshot.user_by_id
        rows: list[tuple[Cell, ...]] = []
        groups = sorted(self.snapshot.groups, key=lambda one: (compare_key(one.name), one.id))
        for group in groups:
            members = [users[one] for one in group.members]
            disabled = sum(not user.active for user in members)
            names = ", ".join(sorted(user.username for user in members))
            rows.append((group.name, group.external_id, len(members), disabled, names))
        columns = ("Group", "External id", "Members", "Disabled members", "Users")
        named = tuple(group.name for group in groups)
        return DataTable("groups", "Groups", columns, rows, "", named, len(rows))

    def _matrix(self) -> DataTable:
        """Return people by projects: each role, and how it is given where that is not direct."""
        projects = [one for one in self._projects if one.id in self.snapshot.by_project]
        rows: list[tuple[Cell, ...]] = []
        for user in self._users:
            held = {one.project_id: one for one in self._memberships(user)}
            if held:
                cells = (self._cell(held.get(project.id)) for project in projects)
                rows.append((user.username + ("" if user.active else " (disabled)"), *cells))
        columns = ("User", *(self.snapshot.labels[one.id] for one in projects))
        return DataTable(
            "people-by-projects",
            "Users by projects",
            columns,
            rows,
            "Roles in effect. Access that is not certainly direct names the groups.",
            number=len(rows),
            wide=True,
        )

    def _cell(self, one: SnapshotMembership | None) -> Cell:
        if one is None:
            return None
        return one.role if one.direct else f"{one.role} ({self.how(one)})"

    # --- counts

    def sums(self) -> Iterator[Sum]:
        """Yield how the counts add up; a sum that is wrong raises AssertionError."""
        users = self.snapshot.users
        active = [user for user in users if user.active]
        members = [user for user in active if self._memberships(user)]
        idle = [user for user in active if self._is_without(user)]
        memberships, projects = self.snapshot.memberships, self.snapshot.projects
        yield _sum(
            users, USER, ("active", active), ("disabled", [u for u in users if not u.active])
        )
        others = len(active) - len(members) - len(idle)
        yield _sum(
            active,
            Noun("active user", "active users"),
            ("with memberships", members),
            (f"{ADMINISTRATOR(others)} without a membership", others),
            ("without any access", idle),
        )
        factor = Counter(user.two_factor for user in active)
        yield _sum(
            active,
            Noun("active user", "active users"),
            ("with two-factor authentication", factor[True]),
            ("without", factor[False]),
            *([("unknown", factor[None])] if factor[None] else []),
        )
        if self.snapshot.mapping is not None:
            yield _sum(
                users,
                USER,
                ("in a source", [u for u in users if u.sources]),
                ("in no source", self.orphans),
                ("not certain", [u for u in users if u.sources is None]),
            )
        direct = Counter(one.direct for one in memberships)
        yield _sum(
            memberships,
            MEMBERSHIP,
            ("direct", direct[True]),
            ("through a group", direct[False]),
            ("unclear (direct or through a group)", direct[None]),
        )
        roles = Counter(
            one.role if one.role in PROJECT_ROLE_RANK else "custom" for one in memberships
        )
        yield _sum(
            memberships,
            MEMBERSHIP,
            *((f"as {role}", roles[role]) for role in reversed(tuple(PROJECT_ROLE_RANK))),
            ("with a custom role", roles["custom"]),
        )
        yield _sum(
            projects,
            PROJECT,
            ("active", [p for p in projects if p.active]),
            ("closed", [p for p in projects if not p.active]),
        )

    def document(self, tables: Iterable[DataTable] = ()) -> Document:
        """Return the report; `tables` are further lists, which come first."""
        snapshot = self.snapshot
        every = (*tables, *self.tables())
        look = [one for one in every if one.review and one.rows]
        active = sum(user.active for user in snapshot.users)
        numbers = (
            f"{counted(len(snapshot.users), USER)} ({active} active) with"
            f" {counted(len(snapshot.memberships), MEMBERSHIP)} in"
            f" {counted(len(snapshot.projects), PROJECT)}"
        )
        review = f"; to review: {listed([one.title for one in look])}" if look else ""
        version = f" (Kanboard {snapshot.server.version})" if snapshot.server.version else ""
        known = f" · sources of {snapshot.mapping}" if snapshot.mapping else ""
        return Document(
            title=("Access on ", snapshot.server.url.removesuffix("/jsonrpc.php")),
            level=Level.LOOK if look else Level.GOOD,
            headline=(f"{numbers}{review}.",),
            about=(
                f"{snapshot.server.url}{version} · read {utc(snapshot.taken_at)} by"
                f" {snapshot.read_by}{known}",
                f"Snapshot {snapshot.digest}",
            ),
            figures=(
                Count("users", len(snapshot.users), USER(len(snapshot.users))),
                Count("projects", len(snapshot.projects), PROJECT(len(snapshot.projects))),
                *(Count(one.key, one.number, one.title.lower()) for one in every if one.review),
            ),
            sums=tuple(self.sums()),
            sections=(Lines(("What Kanboard does not say",), (item(NOT_TOLD),)),),
            tables=every,
            of_mapping=OF_MAPPING if snapshot.mapping is None else (),
        )


def _sum(total: Sequence[object], noun: Noun, *parts: tuple[str, Sequence[object] | int]) -> Sum:
    counts = [(text, part if isinstance(part, int) else len(part)) for text, part in parts]
    return Sum(
        Count("all", len(total), noun(len(total))),
        tuple(Count(text, number, text) for text, number in counts),
    )
