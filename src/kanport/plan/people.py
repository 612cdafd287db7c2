"""Which user of the server each desired person is."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass

from kanport.findings import Finding
from kanport.model import DesiredState, DesiredUser, User
from kanport.names import compare_key
from kanport.origin import Origin
from kanport.plan.doubt import Doubt
from kanport.plan.known import Known, Refused, held, passed_on, trace
from kanport.plan.match import People
from kanport.plan.places import first_place, in_place_order


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

    `disputed` are the compare keys of usernames of which it is open whose they are.
    """

    persons: tuple[Person, ...]
    unclear: frozenset[str]
    findings: tuple[Finding, ...]
    disputed: frozenset[str] = frozenset()

    @property
    def ids(self) -> frozenset[str]:
        """The stable ids of the persons."""
        given = (person.desired.stable_id for person in self.persons)
        return frozenset(stable_id.value for stable_id in given if stable_id is not None)


def match_people(
    desired: DesiredState,
    people: People,
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
    else is, and that the input provably no longer names that user.
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
    for wanted in traced.left:
        fitting = _staying(wanted, people, traced.moving)
        if not fitting:
            not_found.append(wanted)
        elif len(fitting) > 1:
            findings.append(ambiguous_person(wanted.username.value, fitting, origin_of(wanted)))
            unclear.add(wanted.key)
        elif owner := known.belongs_to_another(fitting[0], wanted):
            refused.append(passed_on(wanted, fitting[0], owner))
        elif fitting[0].id in taken:
            refused.append(held(wanted, fitting[0]))
        else:
            persons.append(Person(wanted, fitting[0]))
    if by_email:
        taken |= {person.user.id for person in persons if person.user is not None}
        texts = {membership.username.value for membership in desired.memberships}
        named = {compare_key(text) for text in texts} | by_key.keys()
        for wanted, found in _by_email(not_found, people, taken, named, doubt):
            if isinstance(found, Finding):
                findings.append(found)
                unclear.add(wanted.key)
            elif found is not None and (owner := known.belongs_to_another(found, wanted)):
                refused.append(passed_on(wanted, found, owner, by="e-mail address"))
            else:
                persons.append(Person(wanted, found, renamed=found is not None))
    else:
        persons.extend(Person(user) for user in not_found)
    return Matched(
        tuple(persons),
        frozenset(unclear | {refusal.wanted.key for refusal in refused}),
        (*findings, *(refusal.finding for refusal in refused)),
        frozenset(_in_dispute(refused)),
    )


def _staying(wanted: DesiredUser, people: People, moving: Set[int]) -> tuple[User, ...]:
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
    users: Iterable[DesiredUser], people: People, taken: Set[int], named: Set[str], doubt: Doubt
) -> Iterable[tuple[DesiredUser, User | Finding | None]]:
    """Give for each person the user with their e-mail address, None, or why it is unclear."""
    users = tuple(users)
    wanting: dict[str, list[DesiredUser]] = defaultdict(list)
    for user in users:
        if user.email is not None and user.email.value:
            wanting[user.email.value.casefold()].append(user)
    for user in users:
        email = user.email.value if user.email is not None else ""
        free = [other for other in people.with_email(email) if other.id not in taken]
        rivals = wanting[email.casefold()] if email else []
        if not free:
            yield user, None
        elif len(free) > 1:
            names = " and ".join(repr(other.username) for other in free)
            yield user, _unclear(user, f"is that of {names} on the server")
        elif len(rivals) > 1:
            names = " and ".join(sorted(repr(rival.username.value) for rival in rivals))
            yield user, _unclear(user, f"would make each of {names} a new name of one user")
        else:
            key = compare_key(free[0].username)
            if doubt.missing(key):
                why = f"is that of {free[0].username!r}, whom an invalid row may name"
                yield user, _unclear(user, why)
            elif key in named:
                why = f"is that of {free[0].username!r}, whom the sources still name"
                yield user, _unclear(user, why)
            else:
                yield user, free[0]


def _unclear(user: DesiredUser, why: str) -> Finding:
    email = user.email.value if user.email is not None else ""
    return Finding(
        "rename-unclear",
        f"{user.username.value!r} is not on the server, and the e-mail address {email!r} {why}",
        origin=first_place(user.email.origins if user.email else ()) or origin_of(user),
        value=email,
        hint="rename the user on the server by hand, or give everybody an address of their own",
    )


def _clash(same: Iterable[DesiredUser]) -> Finding:
    ordered = in_place_order(place for user in same for place in user.username.origins)
    names = " and ".join(sorted({repr(user.username.value) for user in same}))
    return Finding(
        "user-clash",
        f"the sources name {names} more than once, as different people",
        origin=ordered[0] if ordered else None,
        hint="Kanboard on MariaDB could not tell them apart; keep one of them",
        related=ordered[1:],
    )


def ambiguous_person(username: str, fitting: Iterable[User], origin: Origin | None) -> Finding:
    """Give the finding for a username that fits several users of the server."""
    names = " and ".join(f"{user.username!r} (#{user.id})" for user in fitting)
    return Finding(
        "person-ambiguous",
        f"{username!r} fits {names} on the server",
        origin=origin,
        value=username,
        hint="write the username exactly as the server has it",
    )


def origin_of(user: DesiredUser) -> Origin | None:
    """Give the first place that names this person."""
    return first_place(user.username.origins or user.rows)
