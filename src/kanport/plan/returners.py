"""Who is back after an absence, and who only comes with somebody else's username."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from kanport.facts import Fact, fact
from kanport.findings import Finding, found
from kanport.memory import Memory
from kanport.model import AppRole, DesiredUser, User
from kanport.names import compare_key
from kanport.origin import in_place_order
from kanport.plan.change import Action, UserChange, UserSide, sorted_risks
from kanport.plan.match import name_matcher
from kanport.plan.people import Person, origin_of
from kanport.plan.resolve import Resolved
from kanport.plan.risks import active_risks


@dataclass(frozen=True, slots=True)
class Returners:
    """What the ledger knows of people who were here before.

    `owners` is whose a user is, by user id, `gone` whose a username was that no user of the server
    has as theirs any more, by compare key: stable ids each. `may_be_admin` tests usernames.
    """

    memory: Memory
    resolved: Resolved
    owners: Mapping[int, str]
    gone: Mapping[str, tuple[str, ...]]
    may_be_admin: Callable[[str], bool]

    @classmethod
    def of(cls, memory: Memory, resolved: Resolved, allow_admins: Iterable[str]) -> Self:
        """Tie what the ledger knows to the users that the server has now."""
        owners: dict[int, str] = {}
        gone: dict[str, list[str]] = defaultdict(list)
        for stable_id, identity in memory.identities.items():
            user = resolved.people.by_id.get(identity.user_id)
            if user is None:
                gone[compare_key(identity.username)].append(stable_id)
            elif compare_key(user.username) == compare_key(identity.username):
                owners[user.id] = stable_id
        for stable_id, username in memory.departed.items():
            gone[compare_key(username)].append(stable_id)
        return cls(
            memory,
            resolved,
            owners,
            {key: tuple(ids) for key, ids in gone.items()},
            name_matcher(allow_admins),
        )

    def enable(self, person: Person, user: User) -> Iterator[UserChange]:
        """Yield what enables somebody again whom Kanport, and nobody else, disabled as missing.

        Nothing where the sources say themselves who is active, and where `why_not` has a reason.
        """
        wanted = person.desired
        absence = self.memory.absence(user)
        if user.active or wanted.active is not None or "active" in wanted.unknown:
            return
        if absence is None or not absence.disabled_at:
            return
        if self.why_not(person, user) is not None:
            return
        yield UserChange(
            action=Action.USER_ENABLE,
            username=user.username,
            user_id=user.id,
            before=UserSide({"active": False}),
            after=UserSide({"active": True}),
            why=fact("returned", disabled_on=absence.disabled_at[:10]),
            risk=sorted_risks(active_risks(_role(person, user), enable=True)),
            origin=in_place_order(wanted.username.origins or wanted.rows),
        )

    def why_not(self, person: Person, user: User) -> Fact | None:
        """Return why somebody whom Kanport disabled as missing is not enabled; None otherwise.

        A guard stops a plan that enables an administrator whom the mapping does not allow. Nobody
        asks for that here, so it is withheld for this one person, and the rest goes on.
        """
        wanted = person.desired
        absence = self.memory.absence(user)
        if absence is None or not absence.disabled_at:
            return None
        given = wanted.stable_id.value if wanted.stable_id is not None else None
        owner = self.owners.get(user.id, given)
        doubt = self.resolved.doubt
        params = {"username": user.username, "disabled_on": absence.disabled_at[:10]}
        if owner is not None and owner != given:
            return fact("person-disabled", case="other-id", owner=owner, **params)
        if doubt.named(user.username) or doubt.named(wanted.username.value):
            return fact("person-disabled", case="invalid-row", **params)
        if _role(person, user) == AppRole.ADMIN and not self.may_be_admin(wanted.username.value):
            return fact("person-disabled", case="admin", **params)
        return None

    def login_reused(self, wanted: DesiredUser) -> Iterator[Finding]:
        """Say of a new user that the username was somebody else's before."""
        if wanted.stable_id is None:
            return
        others = [id_ for id_ in self.gone.get(wanted.key, ()) if id_ != wanted.stable_id.value]
        if others:
            yield found(
                "login-reused",
                origin_of(wanted),
                value=wanted.username.value,
                username=wanted.username.value,
                former_id=others[-1],
                stable_id=wanted.stable_id.value,
            )


def _role(person: Person, user: User) -> str:
    """Return the application role that somebody has once the plan is carried out."""
    return person.desired.role.value if person.desired.role is not None else user.role
