"""Find which user of the server each desired person is, and whom a username means. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from kanport.coded import LazySequence, Objects
from kanport.facts import Param, fact
from kanport.findings import Finding, finding, found
from kanport.frames import DesiredUsers, Relations
from kanport.model import DesiredState, DesiredUser, User, UserIndex
from kanport.names import compare_key, spelling_key
from kanport.origin import Origin, first_place, in_place_order
from kanport.plan.identities import IdentityIndex, Refused, held, match_ids, passed_on
from kanport.plan.naming import sorted_names, user_finding, user_part
from kanport.plan.uncertainty import Uncertainty


@dataclass(frozen=True, slots=True)
class Person:
    """A desired person with the user that they are on the server, if they are on it.

    `renamed` is True where they were found by stable id (`known`) or email address and are to have
    another username.
    """

    desired: DesiredUser
    user: User | None = None
    renamed: bool = False
    known: bool = False


@dataclass(frozen=True, eq=False)
class Persons(LazySequence[Person]):
    """The desired persons by columns: the number of each in `desired`, and their user.

    `renamed` and `known` are the places in this order of those for whom that is True.
    """

    desired: DesiredUsers
    numbers: tuple[int, ...] = ()
    users: tuple[User | None, ...] = ()
    renamed: frozenset[int] = frozenset()
    known: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return len(self.numbers)

    def _made(self, at: int) -> Person:
        wanted, user = self.desired[self.numbers[at]], self.users[at]
        return Person(wanted, user, renamed=at in self.renamed, known=at in self.known)

    @cached_property
    def keys(self) -> Objects:
        """The compare key of each."""
        return self.desired.keys[list(self.numbers)]

    @cached_property
    def with_key(self) -> Mapping[str, int]:
        """The place of each, by compare key."""
        return {key: at for at, key in enumerate(self.keys)}

    @cached_property
    def with_user(self) -> Mapping[int, int]:
        """The place of each who is on the server, by user id."""
        return {user.id: at for at, user in enumerate(self.users) if user is not None}

    @property
    def moving(self) -> Mapping[int, Person]:
        """Those who are to have another username, by user id."""
        renamed = (self[at] for at in sorted(self.renamed))
        return {person.user.id: person for person in renamed if person.user is not None}

    @property
    def special(self) -> Iterator[Person]:
        """Those who may have a stable id, unknown fields, or a password of a kind of its own."""
        special = self.desired.special[list(self.numbers)]
        return (self[at] for at in np.flatnonzero(special).tolist())


@dataclass(frozen=True, slots=True)
class Matched:
    """The desired persons, those whose user is not clear (compare keys), and what was found.

    `disputed` are the compare keys of usernames of which it is open whose they are, `outlived` the
    ids of users whose usernames are others' for certain (`known.IdMatch`).
    """

    persons: Persons
    unclear: frozenset[str]
    findings: tuple[Finding, ...]
    disputed: frozenset[str] = frozenset()
    outlived: frozenset[int] = frozenset()

    @property
    def ids(self) -> frozenset[str]:
        """The stable ids of the persons."""
        given = (person.desired.stable_id for person in self.persons.special)
        return frozenset(stable_id.value for stable_id in given if stable_id is not None)


def match_people(
    desired: DesiredState,
    people: UserIndex,
    uncertainty: Uncertainty,
    *,
    by_email: bool,
    known: IdentityIndex,
    protected: Callable[[str], bool],
) -> Matched:
    """Find each desired person on the server: by stable id, else by username, else by email.

    Whom the ledger knows is that user. Nobody gets the account of a person with another stable id.
    E-mail addresses count only where that is asked for. A match by one is a rename, and a rename is
    as grave as handing over an account: it needs exactly one user with that address whom nobody
    else is, and that the input provably no longer names that user. Where the username is one user's
    and the address another's, the name decides; where it does not, nobody gets either account.
    """
    wanted = DesiredUsers.of(desired.users)
    numbers: dict[str, int] = {key: at for at, key in enumerate(wanted.keys)}
    clashes = _clashing(wanted) if len(numbers) < len(wanted) else {}
    numbers = {key: at for key, at in numbers.items() if key not in clashes}
    special = [wanted[at] for at in np.flatnonzero(wanted.special).tolist()]
    matched_ids = match_ids(
        (one for one in special if one.key in numbers), known, people, protected
    )
    settled = {one.key for one in special} - {one.key for one in matched_ids.left}
    left = [at for key, at in numbers.items() if key not in settled]
    persons = [
        _Found(numbers[one.key], user, renamed=compare_key(user.username) != one.key, known=True)
        for one, user in matched_ids.found
    ]
    findings = [_clash(same) for same in clashes.values()]
    unclear = set(clashes)
    refused = list(matched_ids.refused)
    not_found: list[int] = []
    taken = {user.id for _, user in matched_ids.found}
    taken |= {user.id for refusal in matched_ids.refused for user in refusal.users}
    emails = wanted.values["email"]
    addresses = _Addresses.of((emails[at] for at in left), people, taken) if by_email else None
    for at in left:
        fitting = _staying(wanted.usernames[at], wanted.keys[at], people, matched_ids.moving)
        other = addresses.of_another(emails[at], fitting) if addresses is not None else None
        if not fitting:
            not_found.append(at)
            continue
        plain = len(fitting) == 1 and other is None and fitting[0].id not in taken
        if plain and not wanted.special[at]:
            persons.append(_Found(at, fitting[0]))
            continue
        one = wanted[at]
        if len(fitting) > 1:
            findings.append(ambiguous_person(one.username.value, fitting, origin_of(one)))
            unclear.add(one.key)
        elif owner := known.belongs_to_another(fitting[0], one):
            refused.append(passed_on(one, fitting[0], owner))
        elif fitting[0].id in taken:
            refused.append(held(one, fitting[0]))
        elif other is None or _is_named(one, fitting[0], other):
            persons.append(_Found(at, fitting[0]))
        elif _is_named(one, other, fitting[0]):
            not_found.append(at)
        elif not fitting[0].email:
            persons.append(_Found(at, fitting[0]))
        else:
            refused.append(_either(one, fitting[0], other))
    persons, claimed = _undisputed(persons, refused, wanted)
    refused.extend(claimed)
    if by_email:
        taken |= {person.user.id for person in persons if person.user is not None}
        texts = Relations.of(desired).holders.used
        named = {compare_key(text) for text in texts} | set(wanted.keys)
        # Whoever is found by their address now says nothing of who had their username before.
        named -= {wanted.keys[at] for at in not_found}
        moved: list[tuple[DesiredUser, User]] = []
        for one, account in _by_email(
            map(wanted.made, not_found), people, taken, named, uncertainty
        ):
            if isinstance(account, Refused):
                refused.append(account)
            elif account is None:
                persons.append(_Found(numbers[one.key], None))
            elif owner := known.belongs_to_another(account, one):
                refused.append(passed_on(one, account, owner, case="by-email"))
            else:
                moved.append((one, account))
        moved, blocked = _with_free_names(moved, people, matched_ids.moving, protected)
        refused.extend(blocked)
        persons.extend(_Found(numbers[one.key], user, renamed=True) for one, user in moved)
    else:
        persons.extend(_Found(at, None) for at in not_found)
    return Matched(
        Persons(
            wanted,
            tuple(person.at for person in persons),
            tuple(person.user for person in persons),
            frozenset(place for place, person in enumerate(persons) if person.renamed),
            frozenset(place for place, person in enumerate(persons) if person.known),
        ),
        frozenset(unclear | {refusal.wanted.key for refusal in refused}),
        (*findings, *(refusal.finding for refusal in refused)),
        frozenset(_in_dispute(refused)),
        matched_ids.outlived,
    )


class _Found(NamedTuple):
    """Somebody of the sources, by number, with their user."""

    at: int
    user: User | None
    renamed: bool = False
    known: bool = False


def _clashing(wanted: DesiredUsers) -> dict[str, list[DesiredUser]]:
    """Return by key those who are there several times."""
    times = Counter(wanted.keys)
    clashes: dict[str, list[DesiredUser]] = defaultdict(list)
    for at in wanted.having({key for key, number in times.items() if number > 1}).tolist():
        clashes[wanted.keys[at]].append(wanted[at])
    return clashes


def _undisputed(
    persons: Iterable[_Found], refused: Sequence[Refused], wanted: DesiredUsers
) -> tuple[list[_Found], list[Refused]]:
    """Keep those whose account may not be somebody's who was refused as well."""
    disputed = {user.id for refusal in refused for user in refusal.users}
    clear: list[_Found] = []
    claimed: list[Refused] = []
    for person in persons:
        if person.user is None or person.known or person.user.id not in disputed:
            clear.append(person)
        else:
            claimed.append(held(wanted[person.at], person.user))
    return clear, claimed


@dataclass(frozen=True, slots=True)
class _Addresses:
    """Which wanted persons and which users have an email address, by its folded form."""

    wanted: Mapping[str, int]
    people: UserIndex
    taken: Set[int]

    @classmethod
    def of(cls, emails: Iterable[str | None], people: UserIndex, taken: Set[int]) -> "_Addresses":
        counted = Counter(email.casefold() for email in emails if email)
        return cls(counted, people, frozenset(taken))

    def of_another(self, address: str | None, fitting: Sequence[User]) -> User | None:
        """Return the one user who has somebody's address, where their username is another's."""
        email = address.casefold() if address else ""
        if len(fitting) != 1 or not email or self.wanted[email] > 1:
            return None
        user = fitting[0]
        if user.email.casefold() == email:
            return None
        others = self.people.with_email(email)
        return others[0] if len(others) == 1 and others[0].id not in self.taken else None


def _email_of(wanted: DesiredUser) -> str:
    return wanted.email.value.casefold() if wanted.email is not None else ""


def _is_named(wanted: DesiredUser, user: User, other: User) -> bool:
    """Return whether somebody has the name of the one user and not that of the other one."""
    name = spelling_key(wanted.name.value) if wanted.name is not None else ""
    return bool(name) and name == spelling_key(user.name) != spelling_key(other.name)


def _either(wanted: DesiredUser, user: User, other: User) -> Refused:
    """Refuse both accounts to somebody who has the username of one and the address of another."""
    email = wanted.email.value if wanted.email is not None else ""
    finding = found(
        "rename-unclear",
        origin_of(wanted),
        case="two-users",
        value=wanted.username.value,
        username=wanted.username.value,
        email=email,
        by_username=user_part(user),
        by_email=user_part(other),
    )
    return Refused(wanted, finding, (user, other))


def _with_free_names(
    moved: Sequence[tuple[DesiredUser, User]],
    people: UserIndex,
    moving: Set[int],
    protected: Callable[[str], bool],
) -> tuple[list[tuple[DesiredUser, User]], list[Refused]]:
    """Leave out renames to a username that somebody else keeps, until all that are left can be."""
    left, refused = list(moved), list[Refused]()
    while True:
        going = moving | {
            user.id
            for wanted, user in left
            if not (protected(user.username) or protected(wanted.username.value))
        }
        blocked = [
            Refused(
                wanted,
                _unclear(
                    wanted,
                    "username-taken",
                    owner=user.username,
                    holder=user_part(holders[0]),
                ),
                (user, *holders),
            )
            for wanted, user in left
            if user.id in going and (holders := _keeping(wanted, user, people, going))
        ]
        if not blocked:
            return left, refused
        refused += blocked
        out = {refusal.users[0].id for refusal in blocked}
        left = [(wanted, user) for wanted, user in left if user.id not in out]


def _keeping(wanted: DesiredUser, user: User, people: UserIndex, going: Set[int]) -> list[User]:
    holders = people.by_key.get(wanted.key, ())
    return [other for other in holders if other.id != user.id and other.id not in going]


def _staying(username: str, key: str, people: UserIndex, moving: Set[int]) -> tuple[User, ...]:
    """Return whom a username means among the users who keep theirs."""
    exact = people.by_name.get(username)
    fitting = (exact,) if exact is not None else people.by_key.get(key, ())
    if not moving or moving.isdisjoint(user.id for user in fitting):
        return fitting
    return tuple(user for user in people.by_key.get(key, ()) if user.id not in moving)


def _in_dispute(refused: Iterable[Refused]) -> Iterable[str]:
    for refusal in refused:
        yield refusal.wanted.key
        for user in refusal.users:
            yield compare_key(user.username)


def _by_email(
    users: Iterable[DesiredUser],
    people: UserIndex,
    taken: Set[int],
    named: Set[str],
    uncertainty: Uncertainty,
) -> Iterable[tuple[DesiredUser, User | Refused | None]]:
    """Return for each person the user with their email address, None, or why it is unclear."""
    users = tuple(users)
    wanting: dict[str, list[DesiredUser]] = defaultdict(list)
    for user in users:
        if email := _email_of(user):
            wanting[email].append(user)
    for user in users:
        email = _email_of(user)
        free = [other for other in people.with_email(email) if other.id not in taken]
        rivals = wanting[email] if email else []
        unclear = None
        if len(free) > 1:
            names = tuple(other.username for other in free)
            unclear = _unclear(user, "several-users", usernames=names)
        elif free and len(rivals) > 1:
            names = sorted_names(rival.username.value for rival in rivals)
            unclear = _unclear(user, "several-people", usernames=names)
        elif free and uncertainty.missing(compare_key(free[0].username)):
            unclear = _unclear(user, "invalid-row", owner=free[0].username)
        elif free and compare_key(free[0].username) in named:
            unclear = _unclear(user, "still-named", owner=free[0].username)
        if unclear is not None:
            yield user, Refused(user, unclear, tuple(free))
        else:
            yield user, free[0] if free else None


def _unclear(user: DesiredUser, case: str, **params: Param) -> Finding:
    email = user.email.value if user.email is not None else ""
    username = user.username.value
    about = fact("rename-unclear", case=case, username=username, email=email, **params)
    place = first_place(user.email.origins if user.email else ()) or origin_of(user)
    return finding(about, place, value=email)


def _clash(same: Sequence[DesiredUser]) -> Finding:
    ordered = in_place_order(place for user in same for place in user.username.origins)
    return found(
        "user-clash",
        ordered[0] if ordered else None,
        related=ordered[1:],
        usernames=sorted_names(user.username.value for user in same),
    )


def ambiguous_person(username: str, fitting: Iterable[User], origin: Origin | None) -> Finding:
    """Return the finding for a username that fits several users of the server."""
    users = tuple(map(user_part, fitting))
    return found("person-ambiguous", origin, value=username, username=username, users=users)


def origin_of(user: DesiredUser) -> Origin | None:
    """Return the first place that names this person."""
    return first_place(user.username.origins or user.rows)


# --- whom a username means ------------------------------------------------------------------------


class _Absent:
    """Somebody who is not on the server and is not to be created, so has no memberships."""


_ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody who is yet to be created."""

    key: str
    username: str


FoundPerson = User | NewPerson | _Absent | Finding
"""Whom a username means: a user, somebody new, nobody, or why that is not clear."""


@dataclass(frozen=True, slots=True)
class PersonFinder:
    """Find whom a username in the sources means, on the server or among those to be created."""

    users: Mapping[str, User]
    new: Mapping[str, str]
    absent: frozenset[str]
    unclear: frozenset[str]
    people: UserIndex
    uncertainty: Uncertainty
    disputed: Set[str]
    moving: Set[int]

    @classmethod
    def of(
        cls,
        matched: Matched,
        people: UserIndex,
        uncertainty: Uncertainty,
        disputed: Set[str],
        *,
        with_inactive: bool = False,
    ) -> "PersonFinder":
        """Prepare the search, for people as they were matched.

        `disputed` are the compare keys of usernames of which it is open whose they are. Whoever is
        not on the server and not active counts as new only `with_inactive`.
        """
        persons = matched.persons
        wanted = persons.desired
        users: dict[str, User] = {}
        new: dict[str, str] = {}
        absent: set[str] = set()
        hidden = {one.desired.key for one in persons.special if "active" in one.desired.unknown}
        for key, number, user in zip(persons.keys, persons.numbers, persons.users, strict=True):
            if user is not None:
                users[key] = user
            elif key in hidden or (not with_inactive and wanted.values["active"][number] is False):
                absent.add(key)
            else:
                new[key] = wanted.usernames[number]
        moving = persons.moving.keys()
        return cls(
            users, new, frozenset(absent), matched.unclear, people, uncertainty, disputed, moving
        )

    def name_of(self, person: FoundPerson) -> str | None:
        """Return the username of whoever was found; None for somebody who is nobody."""
        return person.username if isinstance(person, User | NewPerson) else None

    def id_of(self, person: FoundPerson) -> int | None:
        """Return the id of whoever was found; None for somebody who is yet to be created."""
        return person.id if isinstance(person, User) else None

    def find(self, username: str) -> FoundPerson:
        """Return whom a username means: a user, somebody new, nobody, or why that is not clear."""
        exact = self.people.by_name.get(username)
        if exact and not self.disputed and exact.id not in self.moving:
            return exact
        key = compare_key(username)
        if key in self.disputed:
            return user_finding("row-skipped", username, None, case="disputed")
        if exact and (exact.id not in self.moving or not self._wanted(key)):
            return exact
        if user := self.users.get(key):
            return user
        if key in self.new:
            return NewPerson(key, self.new[key])
        if key in self.absent:
            return _ABSENT
        fitting = self.people.fitting(username)
        if len(fitting) == 1:
            return fitting[0]
        if key in self.unclear or self.uncertainty.named(username):
            return user_finding("row-skipped", username, None, case="invalid-row")
        if fitting:
            return ambiguous_person(username, fitting, None)
        return user_finding("person-unknown", username, None)

    def _wanted(self, key: str) -> bool:
        return key in self.users or key in self.new or key in self.absent
