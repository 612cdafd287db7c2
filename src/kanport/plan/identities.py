"""Tie the stable ids in the ledger to the users on the server, as far as both agree."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Set
from typing import NamedTuple, Self

from kanport.facts import Param
from kanport.findings import Finding, found
from kanport.model import DesiredUser, Identity, Unknown, User, UserIndex
from kanport.names import compare_key, is_temporary_username
from kanport.origin import Origin, first_place
from kanport.plan.naming import sorted_names, user_finding, user_part
from kanport.records import dataclass


@dataclass(frozen=True, slots=True)
class IdentityIndex:
    """Stable ids and the users that they mean.

    A number alone proves nothing: SQLite reuses the number of a removed user, and a server can be
    set up anew. So an id means the user with the recorded number (`users`) only while that user
    also has the recorded username. If the username differs (`conflicting`), nobody can tell whether
    it is the same account. `ids` says whose a user is, by user id.
    """

    identities: Mapping[str, Identity]
    users: Mapping[str, User]
    conflicting: Mapping[str, User]
    ids: Mapping[int, str]

    @classmethod
    def of(cls, identities: Mapping[str, Identity], people: UserIndex) -> Self:
        """Tie what the ledger says of a server to the users that it has now."""
        users: dict[str, User] = {}
        conflicting: dict[str, User] = {}
        for stable_id, identity in identities.items():
            user = people.by_id.get(identity.user_id)
            if user is None:
                continue
            # Whoever has a temporary username got it from a run that renames and was cut off.
            same = compare_key(user.username) == compare_key(
                identity.username
            ) or is_temporary_username(user.username, user.id)
            (users if same else conflicting)[stable_id] = user
        ids = {user.id: stable_id for stable_id, user in users.items()}
        return cls(identities, users, conflicting, ids)

    def names(self, ids: Iterable[str]) -> frozenset[str]:
        """Return the compare keys of the users that these ids mean, or might mean."""
        found: set[str] = set()
        for stable_id in ids:
            if identity := self.identities.get(stable_id):
                found.add(compare_key(identity.username))
            if user := self.users.get(stable_id) or self.conflicting.get(stable_id):
                found.add(compare_key(user.username))
        return frozenset(found)

    def given(self, ids: Set[str]) -> frozenset[int]:
        """Return the ids of the users whom these stable ids mean."""
        return frozenset(self.users[each].id for each in ids if each in self.users)

    def called_otherwise(self) -> frozenset[tuple[str, str]]:
        """Return the compare keys of what users may have been called before, with those of now.

        Whoever still calls such a user by the recorded username may mean them.
        """
        return frozenset(
            (compare_key(self.identities[stable_id].username), compare_key(user.username))
            for stable_id, user in self.conflicting.items()
        )

    def disputed(self, unknown: Unknown, present: Set[str]) -> frozenset[str]:
        """Return the compare keys of users whose usernames may be somebody else's by now.

        A row that cannot be used may be the one that says so; `present` are the ids that the usable
        rows give.
        """
        named: dict[str, set[str]] = defaultdict(set)
        for key, stable_id in unknown.ids:
            named[key].add(stable_id)
        owned = ((compare_key(user.username), owner) for owner, user in self.users.items())
        return frozenset(
            key
            for key, owner in owned
            if (key in named and owner not in named[key])
            or (unknown.anybody and owner not in present)
        )

    def belongs_to_another(self, user: User, wanted: DesiredUser) -> str | None:
        """Return the id that a user is known under where the wanted person has another one."""
        owner = self.ids.get(user.id)
        own = wanted.stable_id.value if wanted.stable_id is not None else None
        return owner if own is not None and owner != own else None


class IdMatch(NamedTuple):
    """Who was found by stable id, and who is left to be found by username.

    `found` are the wanted persons with their users. `moving` are the ids of those users whose
    usernames become free, as they get another one. `outlived` are those of users whose usernames
    the sources give to others whom the ledger knows: the rows of these say nothing of them.
    """

    found: tuple[tuple[DesiredUser, User], ...]
    moving: frozenset[int]
    left: tuple[DesiredUser, ...]
    refused: tuple["Refused", ...]
    outlived: frozenset[int] = frozenset()


class Refused(NamedTuple):
    """Somebody who must not be tied to any user, why, and whose accounts are in dispute."""

    wanted: DesiredUser
    finding: Finding
    users: tuple[User, ...] = ()


def match_ids(
    wanted: Iterable[DesiredUser],
    known: IdentityIndex,
    people: UserIndex,
    protected: Callable[[str], bool],
) -> IdMatch:
    """Find people by what the ledger knows of them.

    Somebody's new username must be free: nobody has it, or whoever has it gets another one as well.
    """
    claims: dict[int, list[tuple[DesiredUser, User]]] = defaultdict(list)
    left: list[DesiredUser] = []
    refused: list[Refused] = []
    for person in wanted:
        answer = _look_up(person, known, people)
        if answer is None:
            left.append(person)
        elif isinstance(answer, Refused):
            refused.append(answer)
        else:
            claims[answer.id].append((person, answer))
    for several in claims.values():
        if len(several) > 1:
            names = sorted_names(person.username.value for person, _ in several)
            refused.extend(_same_id(person, user, names) for person, user in several)
    found = {number: some[0] for number, some in claims.items() if len(some) == 1}
    moving = {
        number
        for number, (person, user) in found.items()
        if person.key != compare_key(user.username)
        and not (protected(user.username) or protected(person.username.value))
    }
    outlived: set[int] = set()
    while blocked := list(_blocked(found, moving, people)):
        for refusal in blocked:
            outlived.update(user.id for user in refusal.users[1:] if user.id in known.ids)
            number = refusal.users[0].id
            moving.discard(number)
            del found[number]
        refused.extend(blocked)
    return IdMatch(
        tuple(found.values()),
        frozenset(moving),
        tuple(left),
        tuple(refused),
        frozenset(outlived),
    )


def _look_up(wanted: DesiredUser, known: IdentityIndex, people: UserIndex) -> User | Refused | None:
    if wanted.stable_id is None:
        return None
    stable_id = wanted.stable_id.value
    if user := known.users.get(stable_id):
        return user
    user = known.conflicting.get(stable_id)
    if user is None or compare_key(user.username) == wanted.key:
        return user
    identity = known.identities[stable_id]
    if compare_key(identity.username) == wanted.key and people.fitting(wanted.username.value):
        # The server was set up anew, or the number passed on: the username says it again.
        return None
    return Refused(
        wanted,
        _changed(
            wanted,
            "renamed",
            user=user_part(user, identity.username),
            called=user.username,
        ),
        (user,),
    )


def _blocked(
    found: Mapping[int, tuple[DesiredUser, User]], moving: Set[int], people: UserIndex
) -> Iterable[Refused]:
    for number in sorted(moving):
        person, user = found[number]
        holders = [
            other
            for other in people.by_key.get(person.key, ())
            if other.id != number and other.id not in moving
        ]
        if holders:
            parts = {"user": user_part(user), "holder": user_part(holders[0])}
            finding = _changed(person, "username-taken", **parts)
            yield Refused(person, finding, (user, *holders))


def passed_on(wanted: DesiredUser, user: User, owner: str, *, case: str = "by-username") -> Refused:
    """Refuse to give a user to a person with another stable id than its owner has."""
    return Refused(
        wanted,
        _changed(
            wanted,
            case,
            stable_id=wanted.stable_id.value if wanted.stable_id is not None else "",
            user=user_part(user),
            owner=owner,
        ),
        (user,),
    )


def held(wanted: DesiredUser, user: User) -> Refused:
    """Refuse the account of somebody else in the sources, who does not or may not give it up."""
    return Refused(wanted, _changed(wanted, "held", user=user_part(user)), (user,))


def _same_id(wanted: DesiredUser, user: User, names: tuple[str, ...]) -> Refused:
    stable_id = wanted.stable_id.value if wanted.stable_id is not None else ""
    finding = found("id-shared", _place(wanted), value=stable_id, usernames=names, id=stable_id)
    return Refused(wanted, finding, (user,))


def _changed(wanted: DesiredUser, case: str, **params: Param) -> Finding:
    username = wanted.username.value
    return user_finding("identity-changed", username, _place(wanted), case=case, **params)


def _place(wanted: DesiredUser) -> Origin | None:
    return first_place(wanted.username.origins or wanted.rows)
