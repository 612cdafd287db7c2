"""Who is back after an absence, and who only comes with somebody else's username."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from kanport.findings import Finding
from kanport.memory import Memory
from kanport.model import DesiredUser, User
from kanport.names import compare_key
from kanport.plan.draft import Draft
from kanport.plan.model import Action
from kanport.plan.people import Person, origin_of
from kanport.plan.places import in_place_order
from kanport.plan.resolve import Resolved
from kanport.plan.risks import active_risks


@dataclass(frozen=True, slots=True)
class Returners:
    """What the ledger knows of people who were here before.

    `owners` is whose a user is, by user id, `gone` whose a username was that no user of the server
    has as theirs any more, by compare key: stable ids each.
    """

    memory: Memory
    resolved: Resolved
    owners: Mapping[int, str]
    gone: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, memory: Memory, resolved: Resolved) -> Self:
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
        return cls(memory, resolved, owners, {key: tuple(ids) for key, ids in gone.items()})

    def enable(self, person: Person, user: User) -> Iterator[Draft]:
        """Give what enables somebody again whom Kanport, and nobody else, disabled as missing.

        Where the sources say themselves who is active, or where the ledger knows the user by a
        stable id that the sources do not give them, nothing is done.
        """
        wanted = person.desired
        absence = self.memory.absence(user)
        if user.active or wanted.active is not None or "active" in wanted.unknown:
            return
        if absence is None or not absence.disabled_at:
            return
        given = wanted.stable_id.value if wanted.stable_id is not None else None
        if self.owners.get(user.id, given) != given:
            return
        doubt = self.resolved.doubt
        if doubt.named(user.username) or doubt.named(wanted.username.value):
            return
        role = wanted.role.value if wanted.role is not None else user.role
        yield Draft(
            Action.USER_ENABLE,
            user.username,
            user_id=user.id,
            before={"active": False},
            after={"active": True},
            reason=f"back in the sources; Kanport disabled them on {absence.disabled_at[:10]}",
            risk=active_risks(role, enable=True),
            origin=in_place_order(wanted.username.origins or wanted.rows),
        )

    def login_reused(self, wanted: DesiredUser) -> Iterator[Finding]:
        """Say of a new user that the username was somebody else's before."""
        if wanted.stable_id is None:
            return
        others = [id_ for id_ in self.gone.get(wanted.key, ()) if id_ != wanted.stable_id.value]
        if others:
            yield Finding(
                "login-reused",
                f"the username {wanted.username.value!r} was that of a person with the stable id"
                f" {others[-1]!r}, whose account is gone; this one has the id"
                f" {wanted.stable_id.value!r}, and gets an account of their own",
                origin=origin_of(wanted),
                value=wanted.username.value,
                hint="if it is the same person under a new id, nothing is to be done",
            )
