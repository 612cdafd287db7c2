"""Which user of the server each desired person is."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from kanport.facts import Param, fact
from kanport.findings import Finding, finding, found
from kanport.frames import Memberships
from kanport.model import DesiredState, DesiredUser, User, UserIndex
from kanport.names import compare_key, spelling_key
from kanport.origin import Origin, first_place, in_place_order
from kanport.plan.doubt import Doubt
from kanport.plan.known import Known, Refused, held, passed_on, trace
from kanport.plan.parts import sorted_names, user_part


@dataclass(frozen=True, slots=True)
class Person:
    """A desired person with the user that they are on the server, if they are on it.

    `renamed` is True where they were found by stable id (`known`) or e-mail address and are to have
    another username.
    """

    desired: DesiredUser
    user: User | None = None
    renamed: bool = False
    known: bool = False


@dataclass(frozen=True, slots=True)
class Matched:
    """The desired persons, those who could not be told (compare keys), and what was found.

    `disputed` are the compare keys of usernames of which it is open whose they are, `outlived` the
    ids of users whose usernames are others' for certain (`known.Traced`).
    """

    persons: tuple[Person, ...]
    unclear: frozenset[str]
    findings: tuple[Finding, ...]
    disputed: frozenset[str] = frozenset()
    outlived: frozenset[int] = frozenset()

    @property
    def ids(self) -> frozenset[str]:
        """The stable ids of the persons."""
        given = (person.desired.stable_id for person in self.persons)
        return frozenset(stable_id.value for stable_id in given if stable_id is not None)


def match_people(
    desired: DesiredState,
    people: UserIndex,
    doubt: Doubt,
    *,
    by_email: bool,
    known: Known,
    protected: Callable[[str], bool],
) -> Matched:
    """Find each desired person on the server: by stable id, else by username, else by e-mail.

    Whom the ledger knows is that user. Nobody gets the account of a person with another stable id.
    E-mail addresses count only where that is asked for. A match by one is a rename, and a rename is
    as grave as handing over an account: it needs exactly one user with that address whom nobody
    else is, and that the input provably no longer names that user. Where the username is one user's
    and the address another's, the name decides; where it does not, nobody gets either account.
    """
    by_key: dict[str, list[DesiredUser]] = defaultdict(list)
    for user in desired.users:
        by_key[user.key].append(user)
    clear = [same[0] for same in by_key.values() if len(same) == 1]
    traced = trace(clear, known, people, protected)
    persons = [
        Person(wanted, user, renamed=compare_key(user.username) != wanted.key, known=True)
        for wanted, user in traced.found
    ]
    findings = [_clash(same) for same in by_key.values() if len(same) > 1]
    unclear = {key for key, same in by_key.items() if len(same) > 1}
    refused = list(traced.refused)
    not_found: list[DesiredUser] = []
    taken = {user.id for _, user in traced.found}
    taken |= {user.id for refusal in traced.refused for user in refusal.users}
    addresses = _Addresses.of(traced.left, people, taken) if by_email else None
    for wanted in traced.left:
        fitting = _staying(wanted, people, traced.moving)
        other = addresses.of_another(wanted, fitting) if addresses is not None else None
        if not fitting:
            not_found.append(wanted)
        elif len(fitting) > 1:
            findings.append(ambiguous_person(wanted.username.value, fitting, origin_of(wanted)))
            unclear.add(wanted.key)
        elif owner := known.belongs_to_another(fitting[0], wanted):
            refused.append(passed_on(wanted, fitting[0], owner))
        elif fitting[0].id in taken:
            refused.append(held(wanted, fitting[0]))
        elif other is None or _is_named(wanted, fitting[0], other):
            persons.append(Person(wanted, fitting[0]))
        elif _is_named(wanted, other, fitting[0]):
            not_found.append(wanted)
        elif not fitting[0].email:
            persons.append(Person(wanted, fitting[0]))
        else:
            refused.append(_either(wanted, fitting[0], other))
    persons, claimed = _undisputed(persons, refused)
    refused.extend(claimed)
    if by_email:
        taken |= {person.user.id for person in persons if person.user is not None}
        texts = Memberships.of(desired.memberships).users.used
        named = {compare_key(text) for text in texts} | by_key.keys()
        # Whoever is told by their address now says nothing of who had their username before.
        named -= {wanted.key for wanted in not_found}
        moved: list[tuple[DesiredUser, User]] = []
        for wanted, account in _by_email(not_found, people, taken, named, doubt):
            if isinstance(account, Refused):
                refused.append(account)
            elif account is None:
                persons.append(Person(wanted))
            elif owner := known.belongs_to_another(account, wanted):
                refused.append(passed_on(wanted, account, owner, case="by-email"))
            else:
                moved.append((wanted, account))
        moved, blocked = _with_free_names(moved, people, traced.moving, protected)
        refused.extend(blocked)
        persons.extend(Person(wanted, user, renamed=True) for wanted, user in moved)
    else:
        persons.extend(Person(user) for user in not_found)
    return Matched(
        tuple(persons),
        frozenset(unclear | {refusal.wanted.key for refusal in refused}),
        (*findings, *(refusal.finding for refusal in refused)),
        frozenset(_in_dispute(refused)),
        traced.outlived,
    )


def _undisputed(
    persons: Iterable[Person], refused: Sequence[Refused]
) -> tuple[list[Person], list[Refused]]:
    """Keep those whose account may not be somebody's who was refused as well."""
    disputed = {user.id for refusal in refused for user in refusal.users}
    clear: list[Person] = []
    claimed: list[Refused] = []
    for person in persons:
        if person.user is None or person.known or person.user.id not in disputed:
            clear.append(person)
        else:
            claimed.append(held(person.desired, person.user))
    return clear, claimed


@dataclass(frozen=True, slots=True)
class _Addresses:
    """Which wanted persons and which users have an e-mail address, by its folded form."""

    wanted: Mapping[str, int]
    people: UserIndex
    taken: Set[int]

    @classmethod
    def of(cls, wanted: Iterable[DesiredUser], people: UserIndex, taken: Set[int]) -> "_Addresses":
        counted = Counter(email for person in wanted if (email := _email_of(person)))
        return cls(counted, people, frozenset(taken))

    def of_another(self, wanted: DesiredUser, fitting: Sequence[User]) -> User | None:
        """Return the one user who has somebody's address, where their username is another's."""
        email = _email_of(wanted)
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
    """Tell whether somebody has the name of the one user and not that of the other one."""
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


def _staying(wanted: DesiredUser, people: UserIndex, moving: Set[int]) -> tuple[User, ...]:
    """Give whom a username means among the users who keep theirs."""
    fitting = people.fitting(wanted.username.value)
    if moving.isdisjoint(user.id for user in fitting):
        return fitting
    return tuple(user for user in people.by_key.get(wanted.key, ()) if user.id not in moving)


def _in_dispute(refused: Iterable[Refused]) -> Iterable[str]:
    for refusal in refused:
        yield refusal.wanted.key
        for user in refusal.users:
            yield compare_key(user.username)


def _by_email(
    users: Iterable[DesiredUser], people: UserIndex, taken: Set[int], named: Set[str], doubt: Doubt
) -> Iterable[tuple[DesiredUser, User | Refused | None]]:
    """Give for each person the user with their e-mail address, None, or why it is unclear."""
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
        elif free and doubt.missing(compare_key(free[0].username)):
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
    """Give the finding for a username that fits several users of the server."""
    users = tuple(map(user_part, fitting))
    return found("person-ambiguous", origin, value=username, username=username, users=users)


def origin_of(user: DesiredUser) -> Origin | None:
    """Give the first place that names this person."""
    return first_place(user.username.origins or user.rows)
