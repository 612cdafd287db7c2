"""The domain: people, projects, roles, and the two states that a plan lies between. No I/O."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import field, fields, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, ClassVar, Generic, Literal, NamedTuple, Self, TypeVar

from kanport.names import compare_key, id_in, id_text, plain_number, spelling_key
from kanport.origin import Origin
from kanport.records import dataclass
from kanport.relations import RELATIONS, About

T = TypeVar("T")


class AppRole(StrEnum):
    """What a person may do on the whole server. Kanboard knows exactly these three."""

    ADMIN = "app-admin"
    MANAGER = "app-manager"
    USER = "app-user"


class ProjectRole(StrEnum):
    """What a person may do in one project, without the custom roles that a project can add."""

    MANAGER = "project-manager"
    MEMBER = "project-member"
    VIEWER = "project-viewer"


APP_ROLE_RANK: Mapping[str, int] = {AppRole.USER: 1, AppRole.MANAGER: 2, AppRole.ADMIN: 3}
PRIVILEGED_ROLES: frozenset[str] = frozenset({AppRole.ADMIN, AppRole.MANAGER, ProjectRole.MANAGER})
"""Roles that nobody gets by a guess."""

PROJECT_ROLE_RANK: Mapping[str, int] = {
    ProjectRole.VIEWER: 1,
    ProjectRole.MEMBER: 2,
    ProjectRole.MANAGER: 3,
}


# --- the current state: what the server holds, as read through its API --------------------------


@dataclass(frozen=True, slots=True)
class User:
    """A user as the server has it. Hashes and tokens of the row never get this far.

    `more` are the values of the fields that have no attribute of their own here; read them through
    `kanport.fields`. `two_factor` is None where the server does not say whether it is activated; no
    plan depends on it, so it does not count when users are compared.
    """

    id: int
    username: str
    name: str = ""
    email: str = ""
    role: str = AppRole.USER
    active: bool = True
    ldap: bool = False
    more: Mapping[str, str] = field(default_factory=dict, hash=False)
    two_factor: bool | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Project:
    """A project as the server has it; `identifier` is empty for most.

    `owner_id` is the id of the user to whom it belongs, as far as the server says so.
    """

    id: int
    name: str
    identifier: str = ""
    active: bool = True
    private: bool = False
    owner_id: int | None = None
    description: str = ""

    @property
    def label(self) -> str:
        """How plans and reports call it: its identifier, else its name."""
        return self.identifier or self.name


@dataclass(frozen=True, slots=True)
class PlannedProject:
    """A project that a plan creates; the server has no id for it yet."""

    name: str
    identifier: str = ""
    id: ClassVar[None] = None
    active: ClassVar[bool] = True
    private: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """How plans and reports call it: its identifier, else its name."""
        return self.identifier or self.name


AnyProject = Project | PlannedProject
ProjectT = TypeVar("ProjectT", bound=AnyProject)


@dataclass(frozen=True, slots=True)
class Group:
    """A group as the server has it, with the ids of its members, or of those that were read.

    `complete` is False where not all of them could be read, so that nobody can be called missing.
    """

    id: int
    name: str
    external_id: str = ""
    members: frozenset[int] = frozenset()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """Which server a state was read from: the URL of its API and the version that it names."""

    url: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Why a server could not list its users, so that only those asked for were read.

    `fault` is the kind of fault that its answer had (`kanboard.faults`). `folds_case` is True where
    the server was seen to find a username in whatever case it is written; elsewhere, nobody of a
    name means only: nobody under a spelling that was asked for.
    """

    fault: str
    folds_case: bool = False


@dataclass(frozen=True)
class UserIndex:
    """The users of the server, by exact name, by compare key and by email address.

    What several share keeps them in the order of their ids.
    """

    by_id: Mapping[int, User]

    @classmethod
    def of(cls, users: Iterable[User]) -> Self:
        """Index the users."""
        return cls({user.id: user for user in sorted(users, key=lambda user: user.id)})

    @cached_property
    def by_name(self) -> Mapping[str, User]:
        """The users by username, to the letter."""
        return {user.username: user for user in self.by_id.values()}

    @cached_property
    def by_key(self) -> Mapping[str, tuple[User, ...]]:
        """The users by the compare key of their usernames."""
        found: dict[str, tuple[User, ...]] = {}
        for user in self.by_id.values():
            key = compare_key(user.username)
            found[key] = (*found[key], user) if key in found else (user,)
        return found

    @cached_property
    def by_email(self) -> Mapping[str, tuple[User, ...]]:
        """The users who have an email address, by its folded form."""
        found: dict[str, tuple[User, ...]] = {}
        for user in self.by_id.values():
            if email := user.email.casefold():
                found[email] = (*found[email], user) if email in found else (user,)
        return found

    def fitting(self, username: str) -> tuple[User, ...]:
        """Return whom a username means: nobody, one, or several whose names compare the same.

        The exact spelling wins: SQLite and PostgreSQL keep `alice` and `ALICE` apart.
        """
        exact = self.by_name.get(username)
        return (exact,) if exact else self.by_key.get(compare_key(username), ())

    def with_email(self, email: str) -> tuple[User, ...]:
        """Return the users with this email address, compared without regard to case."""
        return self.by_email.get(email.casefold(), ()) if email else ()


@dataclass(frozen=True, slots=True)
class ProjectIndex(Generic[ProjectT]):
    """The projects of the server, or also those of a plan, by whatever a source may call them.

    `numbers` is True where a number that is nobody's name or identifier means an id.
    """

    by_id: Mapping[int, ProjectT]
    by_identifier: Mapping[str, tuple[ProjectT, ...]]
    by_name: Mapping[str, tuple[ProjectT, ...]]
    by_key: Mapping[str, tuple[ProjectT, ...]]
    numbers: bool = True

    @classmethod
    def of(cls, projects: Iterable[ProjectT], *, numbers: bool = True) -> Self:
        """Index the projects."""
        by_identifier: dict[str, list[ProjectT]] = defaultdict(list)
        by_name: dict[str, list[ProjectT]] = defaultdict(list)
        by_key: dict[str, list[ProjectT]] = defaultdict(list)
        several = tuple(projects)
        by_id = {one.id: one for one in several if one.id is not None}
        planned = [one for one in several if one.id is None]
        for project in (*planned, *(by_id[number] for number in sorted(by_id))):
            if project.identifier:
                by_identifier[project.identifier.upper()].append(project)
            by_name[project.name].append(project)
            by_key[spelling_key(project.name)].append(project)
        return cls(
            dict(sorted(by_id.items())),
            _frozen(by_identifier),
            _frozen(by_name),
            _frozen(by_key),
            numbers,
        )

    def with_numbers(self, numbers: bool) -> Self:
        """Return the same index, in which a number may mean an id or never does."""
        return replace(self, numbers=numbers)

    def fitting(self, text: str) -> tuple[ProjectT, ...]:
        """Return the projects that a text in a source means; several where it fits several.

        A number is a name unless the mapping asks for an id. The order is: identifier (without
        regard to case, as the server stores them in upper case), exact name, a name in another
        spelling, and last, where `numbers` allows it, an id. Names are not unique on the server.
        """
        if (number := id_in(text)) is not None:
            return self._with_id(number)
        if known := self.identified(text) or self.named(text):
            return known
        number = plain_number(text)
        return self._with_id(number) if number is not None and self.numbers else ()

    def identified(self, text: str) -> tuple[ProjectT, ...]:
        """Return the project that has a text as its identifier."""
        return self.by_identifier.get(_upper(text), ())

    def named(self, text: str) -> tuple[ProjectT, ...]:
        """Return the projects of a name: in the exact spelling, else in one like it."""
        return self.by_name.get(text) or self.by_key.get(spelling_key(text), ())

    def called(self, text: str) -> tuple[ProjectT, ...]:
        """Return the projects that somebody means who types a text: also an id, as in `#3`.

        In a cell `#3` is a name like any other; in an option, or a limit, it asks for an id.
        """
        number = plain_number(text[1:]) if text.startswith("#") else None
        return self.fitting(text) or (self._with_id(number) if number is not None else ())

    def label(self, number: int) -> str:
        """Return how plans call the project with an id; the id if there is none."""
        project = self.by_id.get(number)
        return str(number) if project is None else project.label

    def by_number(self, text: str) -> ProjectT | None:
        """Return the project that a text means only because it is a number; else None."""
        number = plain_number(text)
        if number is None or not self.numbers or self._is_named(text):
            return None
        return self.by_id.get(number)

    def keys_of(self, project: AnyProject) -> frozenset[str]:
        """Return every spelling key by which a source may mean this project."""
        texts = {project.identifier, project.name} - {""}
        if project.id is not None:
            texts.add(id_text(project.id))
            if self.numbers and not self._is_named(str(project.id)):
                texts.add(str(project.id))
        return frozenset(map(spelling_key, texts))

    def _is_named(self, text: str) -> bool:
        return bool(self.identified(text) or self.named(text))

    def _with_id(self, number: int) -> tuple[ProjectT, ...]:
        project = self.by_id.get(number)
        return () if project is None else (project,)


def _frozen(index: Mapping[str, list[ProjectT]]) -> dict[str, tuple[ProjectT, ...]]:
    return {text: tuple(some) for text, some in index.items()}


def _upper(text: str) -> str:
    # Identifiers are ASCII, and ß in capitals would be one of somebody else.
    return text.upper() if text.isascii() else text


@dataclass(frozen=True)
class CurrentState:
    """What the server holds, as far as it was read.

    `roles` maps project id to user id to role, for the projects that were asked about
    (`projects_read`); a listed role may be direct or come through a group. `users_complete` is
    False where only some users could be read, so that nobody can be called missing; `unlisted`
    says why, where the reason is that the server could not list them.
    """

    server: ServerInfo
    users: tuple[User, ...] = ()
    projects: tuple[Project, ...] = ()
    groups: tuple[Group, ...] = ()
    roles: Mapping[int, Mapping[int, str]] = field(default_factory=dict)
    users_complete: bool = True
    unlisted: Unlisted | None = None

    @property
    def projects_read(self) -> frozenset[int]:
        """The ids of the projects whose members were read."""
        return frozenset(self.roles)

    @cached_property
    def people(self) -> UserIndex:
        """The users by id, username, compare key and email address."""
        return UserIndex.of(self.users)

    @cached_property
    def project_index(self) -> ProjectIndex[Project]:
        """The projects by id and by whatever a source may call them; a number may be an id."""
        return ProjectIndex.of(self.projects)

    @cached_property
    def groups_by_id(self) -> Mapping[int, Group]:
        """The groups by id, in the order of their ids."""
        return {group.id: group for group in sorted(self.groups, key=lambda group: group.id)}

    @cached_property
    def groups_of(self) -> Mapping[int, tuple[Group, ...]]:
        """The groups that each user is in, by user id, in the order of their names."""
        found: dict[int, list[Group]] = {}
        for group in sorted(self.groups, key=lambda group: (group.name, group.id)):
            for member in group.members:
                found.setdefault(member, []).append(group)
        return {user_id: tuple(some) for user_id, some in found.items()}

    def username(self, user_id: int) -> str:
        """Return what plans call a user: `#` and the id if nobody asked the server about them."""
        user = self.people.by_id.get(user_id)
        return f"#{user_id}" if user is None else user.username

    def role(self, user_id: int | None, project_id: int) -> str | None:
        """Return the role that a user is listed with in a project; None without one."""
        return self.roles.get(project_id, {}).get(user_id) if user_id is not None else None


# --- the desired state: what the sources and the mapping together ask for -----------------------


@dataclass(frozen=True, slots=True)
class Given(Generic[T]):
    """A value that a source gave, with every place that it came from."""

    value: T
    origins: tuple[Origin, ...] = ()


@dataclass(frozen=True, slots=True)
class RandomPassword:
    """A new user gets a random password."""


@dataclass(frozen=True, slots=True)
class PasswordCell:
    """A new user gets the password that stands in a cell; only its place is known here."""

    origin: Origin


@dataclass(frozen=True, slots=True)
class LdapPassword:
    """A new user is made by Kanboard from its own LDAP, and logs in with the password there."""


@dataclass(frozen=True, slots=True)
class DesiredUser:
    """One person as the sources want them.

    A field that is None was not given: leave it as it is. An empty `name` or `email` means: clear
    it. `more` are the fields without an attribute of their own, as for `User`. `rows` are all the
    rows that name this person. `stable_id` is what stays the same of them whatever their username
    is; no two people have the same one. `unknown` are the fields whose values may only be hidden:
    nothing may follow from their absence.
    """

    username: Given[str]
    name: Given[str] | None = None
    email: Given[str] | None = None
    role: Given[str] | None = None
    active: Given[bool] | None = None
    password: RandomPassword | PasswordCell | LdapPassword = RandomPassword()
    rows: tuple[Origin, ...] = ()
    stable_id: Given[str] | None = None
    unknown: frozenset[str] = frozenset()
    more: Mapping[str, Given[str]] = field(default_factory=dict, hash=False)

    @property
    def key(self) -> str:
        """The username as names are compared."""
        return compare_key(self.username.value)


@dataclass(frozen=True, slots=True)
class DesiredRelation:
    """One thing that the sources want of a holder and a target: a relation of `RELATIONS`.

    It is a user's role in a project (`About.MEMBERSHIP`), a user's place in a group, or a group's
    role in a project. A project is an identifier, a name or an id; the others are names. `role` is
    empty for a member of a group, who has none. `unlisted` is True where only groups of a directory
    say so, of an entry that no source of users has though one reads that directory: it is no sign
    that somebody is still there.
    """

    kind: About
    holder: Given[str]
    target: Given[str]
    role: Given[str] = Given("")
    unlisted: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Holder and target as names are compared."""
        return compare_key(self.holder.value), RELATIONS[self.kind].key_of(self.target.value)

    @property
    def cells(self) -> tuple[Origin, ...]:
        """The cells that ask for it: those of the role, else of the target, else of the holder."""
        return self.role.origins or self.target.origins or self.holder.origins


@dataclass(frozen=True, slots=True)
class DesiredGroup:
    """A group as the sources want it.

    `external_id` is None where it was not given, and empty to clear it. `members_listed` is True
    where the sources say who is in it, so that others may be taken out.
    """

    name: Given[str]
    external_id: Given[str] | None = None
    members_listed: bool = False

    @property
    def key(self) -> str:
        """The name as MariaDB compares it: the strictest way."""
        return compare_key(self.name.value)


@dataclass(frozen=True, slots=True)
class DesiredProject:
    """A project that is created where the server has none of that identifier or name.

    `owner` is a username. What is None was not given. `private` and `active` say what it is where
    it comes from. `called` is what memberships call it, where a source says that.
    """

    name: Given[str]
    identifier: Given[str] | None = None
    owner: Given[str] | None = None
    description: Given[str] | None = None
    private: bool = False
    active: bool = True
    called: Given[str] | None = None


class Blocker(NamedTuple):
    """A row, an entry or a source because of which something is unknown, and so stays.

    `who` is the compare key of the person, or of the group where it is `about` the access of
    groups; None stands for anybody. `what` is the key of a project or group, None for any. What is
    about a user concerns all of their access as well.
    """

    kind: Literal["row", "entry", "source", "group", "identity"]
    who: str | None
    origin: Origin
    about: About = About.USER
    what: str | None = None


Pair = tuple[str | None, str | None]
"""The keys of a holder and a target; None for one that could not be read and so might be any."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """What the input leaves open because a row could not be used; it is never taken as absence.

    `people` are compare keys. `everybody` is True where a row could not be tied to a person, so
    that anybody might be meant. `memberships`, `group_members` and `group_access` are the keys of
    what relations are open. `ids` are pairs of the compare key of a person and a stable id that the
    rows left out gave them. `strangers` are the compare keys of those whom only rows of relations
    name that cannot be used. `unnamed` are rows of which nobody can read whom they list: the kind
    of their relation, the key of the target (None for any) and the place. `hidden` are the compare
    keys of people whose entries a directory does not show, without proving that they are gone.
    `nameless` are the DNs of such entries whose username nobody knows. `because` says of all of
    this which rows, entries and sources it follows from; nothing is decided by it.
    """

    people: frozenset[str] = frozenset()
    everybody: bool = False
    memberships: frozenset[Pair] = frozenset()
    ids: frozenset[tuple[str, str]] = frozenset()
    group_members: frozenset[Pair] = frozenset()
    group_access: frozenset[Pair] = frozenset()
    strangers: frozenset[str] = frozenset()
    unnamed: frozenset[tuple[About, str | None, Origin]] = frozenset()
    hidden: frozenset[str] = frozenset()
    nameless: frozenset[str] = frozenset()
    because: frozenset[Blocker] = field(default=frozenset(), compare=False)

    @classmethod
    def of(cls, pairs: Mapping[About, Iterable[Pair]], **others: Any) -> Self:
        """Return that these relations are open, by their kind; `others` are the other fields."""
        others.update({RELATIONS[kind].several: frozenset(pairs[kind]) for kind in pairs})
        return cls(**others)

    @classmethod
    def together(cls, parts: Iterable["Unknown"]) -> "Unknown":
        """Return that what any of these leaves open is unknown."""
        listed = tuple(parts)
        values: dict[str, Any] = {
            one.name: frozenset().union(*(getattr(part, one.name) for part in listed))
            for one in fields(cls)
            if one.name != "everybody"
        }
        return cls(everybody=any(part.everybody for part in listed), **values)

    def __or__(self, other: "Unknown") -> "Unknown":
        """Return that what either leaves open is unknown."""
        return Unknown.together((self, other))

    def pairs(self, kind: About) -> frozenset[Pair]:
        """Return the keys of the relations of a kind that are open."""
        pairs: frozenset[Pair] = getattr(self, RELATIONS[kind].several)
        return pairs

    def is_open(self, kind: About, holders: Set[str], targets: Set[str]) -> bool:
        """Return whether a relation is open of a holder and a target, known by these keys."""
        return any(
            (who is None or who in holders) and (what is None or what in targets)
            for who, what in self.pairs(kind)
        )

    def person(self, key: str) -> bool:
        """Whether the input leaves open what is wanted of this person."""
        return self.anybody or key in self.people or key in self.hidden

    @property
    def anybody(self) -> bool:
        """Whether a row or an entry might be about anybody."""
        return self.everybody or bool(self.nameless)


@dataclass(frozen=True, slots=True)
class DesiredState:
    """What the sources and the mapping together ask for.

    `projects_named` are all projects that the membership rules name, also those in which they
    want nobody: the scope within which `memberships_missing: revoke` works. `every_project` is True
    where groups may lose something, so that everybody's access in every project matters.
    """

    users: Sequence[DesiredUser] = ()
    memberships: Sequence[DesiredRelation] = ()
    projects_named: tuple[Given[str], ...] = ()
    unknown: Unknown = Unknown()
    groups: tuple[DesiredGroup, ...] = ()
    group_members: Sequence[DesiredRelation] = ()
    group_access: Sequence[DesiredRelation] = ()
    projects: tuple[DesiredProject, ...] = ()
    every_project: bool = False

    def with_relations(
        self, relations: Mapping[About, Sequence[DesiredRelation]], **others: Any
    ) -> Self:
        """Return the same with other relations, by their kind; `others` are the other fields."""
        listed: dict[str, Any] = {RELATIONS[kind].several: relations[kind] for kind in relations}
        return replace(self, **listed, **others)

    def relations(self, kind: About) -> Sequence[DesiredRelation]:
        """Return the wanted relations of a kind."""
        relations: Sequence[DesiredRelation] = getattr(self, RELATIONS[kind].several)
        return relations


# --- what is remembered between runs --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom of a server a stable id meant when a run last saw it."""

    id: str
    user_id: int
    username: str
