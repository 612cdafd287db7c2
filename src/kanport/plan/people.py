"""Find which user of the server each desired person is, and whom a username means. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
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
from kanport.plan.naming import sorted_names, user_part
from kanport.plan.uncertainty import Uncertainty
from kanport.records import dataclass


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
    ids of users whose usernames are others' for certain (`identities.IdMatch`).
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
    matching = _Matching(DesiredUsers.of(desired.users), people, known, protected)
    matching.by_username(by_email=by_email)
    matching.leave_disputed()
    if by_email:
        matching.by_email(Relations.of(desired).holders.used, uncertainty)
    else:
        matching.persons.extend(_Found(at, None) for at in matching.not_found)
    return matching.matched()


class _Matching:
    """Who the desired persons are on the server, as it is found out step by step.

    First, whoever has a stable id that the ledger knows is that user.
    """

    def __init__(
        self,
        wanted: DesiredUsers,
        people: UserIndex,
        known: IdentityIndex,
        protected: Callable[[str], bool],
    ) -> None:
        self._wanted, self._people = wanted, people
        self._known, self._protected = known, protected
        numbers: dict[str, int] = {key: at for at, key in enumerate(wanted.keys)}
        clashes = _clashing(wanted) if len(numbers) < len(wanted) else {}
        self._numbers = {key: at for key, at in numbers.items() if key not in clashes}
        special = [wanted[at] for at in np.flatnonzero(wanted.special).tolist()]
        by_id = match_ids(
            (one for one in special if one.key in self._numbers), known, people, protected
        )
        settled = {one.key for one in special} - {one.key for one in by_id.left}
        self._left = [at for key, at in self._numbers.items() if key not in settled]
        self._by_id = by_id
        self.persons = [
            _Found(at, user, renamed=compare_key(user.username) != one.key, known=True)
            for one, user in by_id.found
            for at in [self._numbers[one.key]]
        ]
        self._findings = [_clash(same) for same in clashes.values()]
        self._unclear = set(clashes)
        self._refused = list(by_id.refused)
        self.not_found: list[int] = []
        self._taken = {user.id for _, user in by_id.found}
        self._taken |= {user.id for refusal in by_id.refused for user in refusal.users}

    def by_username(self, *, by_email: bool) -> None:
        """Find users by their usernames; with `by_email`, no one whose address is another's."""
        wanted, emails = self._wanted, self._wanted.values["email"]
        addresses = None
        if by_email:
            addresses = _Addresses.of(
                ((at, emails[at]) for at in self._left), self._people, self._taken
            )
        for at in self._left:
            name, key = wanted.usernames[at], wanted.keys[at]
            fitting = _staying(name, key, self._people, self._by_id.moving)
            other = addresses.of_another(emails[at], fitting) if addresses is not None else None
            if not fitting:
                self.not_found.append(at)
                continue
            mover = None
            if addresses is not None and other is None:
                mover = self._mover(addresses, emails[at], fitting)
            if mover is not None:
                self._decide_mover(at, wanted[mover], fitting[0])
                continue
            plain = len(fitting) == 1 and other is None and fitting[0].id not in self._taken
            if plain and not wanted.special[at]:
                self.persons.append(_Found(at, fitting[0]))
            else:
                self._decide(at, fitting, other)

    def _mover(
        self, addresses: "_Addresses", address: str | None, fitting: Sequence[User]
    ) -> int | None:
        """Return who has the address of a user while the username is now another's."""
        email = fitting[0].email.casefold()
        if len(fitting) != 1 or not email or not address or address.casefold() == email:
            return None
        if fitting[0].id in self._taken or len(self._people.with_email(email)) > 1:
            return None
        return addresses.wanted.get(email)

    def _decide_mover(self, at: int, mover: DesiredUser, user: User) -> None:
        """Decide by the name whether a user is who has its username, or who has its address."""
        one = self._wanted[at]
        names = [
            spelling_key(who.name.value) if who.name is not None else "" for who in (one, mover)
        ]
        fits = [bool(name) and name == spelling_key(user.name) for name in names]
        if owner := self._known.belongs_to_another(user, one):
            self._refused.append(passed_on(one, user, owner))
        elif fits == [True, False]:
            self.persons.append(_Found(at, user))
        elif fits == [False, True]:
            self.not_found.append(at)
        else:
            self._refused.append(_reused(one, mover, user))

    def _decide(self, at: int, fitting: Sequence[User], other: User | None) -> None:
        """Find out who somebody is whose username, or whose address, may be several users'."""
        one, user = self._wanted[at], fitting[0]
        if len(fitting) > 1:
            place = origin_of(one)
            self._findings.append(ambiguous_person(one.username.value, fitting, place))
            self._unclear.add(one.key)
        elif owner := self._known.belongs_to_another(user, one):
            self._refused.append(passed_on(one, user, owner))
        elif user.id in self._taken:
            self._refused.append(held(one, user))
        elif other is None or _is_named(one, user, other):
            self.persons.append(_Found(at, user))
        elif _is_named(one, other, user):
            self.not_found.append(at)
        elif not user.email:
            self.persons.append(_Found(at, user))
        else:
            self._refused.append(_either(one, user, other))

    def leave_disputed(self) -> None:
        """Refuse those whose account may be somebody's who was refused as well."""
        disputed = {user.id for refusal in self._refused for user in refusal.users}
        clear: list[_Found] = []
        for person in self.persons:
            if person.user is None or person.known or person.user.id not in disputed:
                clear.append(person)
            else:
                self._refused.append(held(self._wanted[person.at], person.user))
        self.persons = clear

    def by_email(self, texts: Iterable[str], uncertainty: Uncertainty) -> None:
        """Find by their addresses those whom no username found; `texts` name other users."""
        wanted, numbers = self._wanted, self._numbers
        taken = self._taken | {one.user.id for one in self.persons if one.user is not None}
        named = {compare_key(text) for text in texts} | set(wanted.keys)
        # Whoever is found by their address now says nothing of who had their username before.
        named -= {wanted.keys[at] for at in self.not_found}
        moved: list[tuple[DesiredUser, User]] = []
        for one, account in _by_email(
            map(wanted.made, self.not_found), self._people, taken, named, uncertainty
        ):
            if isinstance(account, Refused):
                self._refused.append(account)
            elif account is None:
                self.persons.append(_Found(numbers[one.key], None))
            elif owner := self._known.belongs_to_another(account, one):
                self._refused.append(passed_on(one, account, owner, case="by-email"))
            else:
                moved.append((one, account))
        moved, blocked = _with_free_names(moved, self._people, self._by_id.moving, self._protected)
        self._refused.extend(blocked)
        self.persons.extend(_Found(numbers[one.key], user, renamed=True) for one, user in moved)

    def matched(self) -> Matched:
        """Return what was found."""
        places = list(enumerate(self.persons))
        return Matched(
            Persons(
                self._wanted,
                tuple(person.at for person in self.persons),
                tuple(person.user for person in self.persons),
                frozenset(place for place, person in places if person.renamed),
                frozenset(place for place, person in places if person.known),
            ),
            frozenset(self._unclear | {refusal.wanted.key for refusal in self._refused}),
            (*self._findings, *(refusal.finding for refusal in self._refused)),
            frozenset(_in_dispute(self._refused)),
            self._by_id.outlived,
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


@dataclass(frozen=True, slots=True)
class _Addresses:
    """Which users have an email address, and who alone of the wanted persons; by folded form.

    `wanted` has None for an address of several.
    """

    wanted: Mapping[str, int | None]
    people: UserIndex
    taken: Set[int]

    @classmethod
    def of(
        cls, emails: Iterable[tuple[int, str | None]], people: UserIndex, taken: Set[int]
    ) -> "_Addresses":
        wanted: dict[str, int | None] = {}
        for at, email in emails:
            if email:
                folded = email.casefold()
                wanted[folded] = None if folded in wanted else at
        return cls(wanted, people, frozenset(taken))

    def of_another(self, address: str | None, fitting: Sequence[User]) -> User | None:
        """Return the one user who has somebody's address, where their username is another's."""
        email = address.casefold() if address else ""
        if len(fitting) != 1 or not email or self.wanted[email] is None:
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


def _reused(wanted: DesiredUser, mover: DesiredUser, user: User) -> Refused:
    """Refuse an account to somebody who may have its username from whoever has its address."""
    finding = found(
        "rename-unclear",
        origin_of(wanted),
        case="reused-username",
        value=wanted.username.value,
        username=wanted.username.value,
        email=user.email,
        owner=mover.username.value,
        by_username=user_part(user),
    )
    return Refused(wanted, finding, (user,))


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
