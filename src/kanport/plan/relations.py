"""Decide which relations end, and what prevents that. Pure.

Memberships, members of groups and the access of groups are one relation: a holder, a target, and a
role or none. Lists that do not name a relation, users who leave, and projects and groups that the
sources no longer name end relations. All of them ask `RemovalPolicy` what prevents it.
"""

from collections.abc import Collection, Mapping, Sequence, Set
from functools import cache, cached_property
from typing import Any, NamedTuple

from kanport.facts import Fact, fact
from kanport.mapping.spec import MappingFile
from kanport.memory import LedgerState
from kanport.model import AnyProject, CurrentState, Group, Pair, PlannedProject, Project, User
from kanport.names import compare_key
from kanport.origin import Origin
from kanport.plan.change import (
    CHANGES,
    ENDS,
    GIVES,
    Action,
    RelationAction,
    RelationChange,
    Risk,
    role_side,
    sorted_risks,
)
from kanport.plan.groups import FoundGroup
from kanport.plan.lifecycle import Offboarding
from kanport.plan.matching import name_matcher
from kanport.plan.model import PlanBecause
from kanport.plan.naming import sorted_names
from kanport.plan.ownership import ownership_of
from kanport.plan.resolve import Resolved
from kanport.plan.resolved import Holder
from kanport.plan.roles import access_risks
from kanport.plan.withheld import cause
from kanport.relations import RELATIONS, About


class Party(NamedTuple):
    """A user, a group or a project as a change names it.

    `id` is None for what the plan creates, `name` for a user who could not be read.
    """

    name: str | None
    id: int | None

    @classmethod
    def of(cls, thing: "User | AnyProject | Group | FoundGroup | Holder | Party") -> "Party":
        """Return how a change names something."""
        match thing:
            case Party():
                return thing
            case User():
                return cls(thing.username, thing.id)
            case Project() | PlannedProject():
                return cls(thing.label, thing.id)
        return cls(thing.name, thing.id)


_REASONS: Mapping[Action, Fact] = {
    **{action: fact(RELATIONS[action.about].absent) for action in GIVES},
    **{action: fact("role-differs") for action in CHANGES},
    **{action: fact("not-listed", case=RELATIONS[action.about].unlisted) for action in ENDS},
}


def relation_change(
    action: RelationAction,
    holder: User | Group | FoundGroup | Holder | Party,
    target: AnyProject | Group | FoundGroup | Party,
    *,
    before: str | None = None,
    after: str | None = None,
    risk: Collection[Risk] | None = None,
    why: Fact | None = None,
    **parts: Any,
) -> RelationChange:
    """Return a change of the relation between a holder and a target; a member has the role "".

    The risk is that of the roles, and the reason that of the action, unless others are given.
    """
    kind = RELATIONS[action.about]
    for end, party in zip(kind.ends, (Party.of(holder), Party.of(target)), strict=True):
        parts |= {end.named_by: party.name, end.numbered_by: party.id}
    return RelationChange(
        action=action,
        before=role_side(before) if kind.has_roles else None,
        after=role_side(after) if kind.has_roles else None,
        risk=sorted_risks(access_risks(before, after) if risk is None else risk),
        why=why or _REASONS[action],
        **parts,
    )


class RemovalPolicy:
    """What prevents that a relation ends: asked for every kind, and nowhere else.

    Each answer lists the causes, nothing where nothing prevents the removal.
    """

    def __init__(
        self,
        resolved: Resolved,
        current: CurrentState,
        mapping: MappingFile,
        memory: LedgerState,
        offboarding: Offboarding,
    ) -> None:
        """Keep what a plan is made from, and what becomes of the users who are in no source."""
        self.resolved, self.current = resolved, current
        self.mapping, self.memory, self.offboarding = mapping, memory, offboarding
        self.protected = name_matcher(mapping.protect)
        self._to_revoke = ownership_of(mapping.users, memory).to_revoke
        self._new_names = {
            user_id: person.desired.username.value
            for user_id, person in resolved.persons.moving.items()
        }
        self.project_keys = cache(resolved.projects.keys_of)
        # What unusable rows leave open beside what the input does: the access of groups, and who is
        # in which groups, with the places of the rows.
        self.access_open: Set[Pair] = frozenset()
        self.members_open: Mapping[str | None, Set[Origin]] = {}

    @cached_property
    def open_kinds(self) -> frozenset[About]:
        """The kinds of relations of which the input leaves some open."""
        return frozenset(kind for kind, _ in self.resolved.uncertainty.pairs)

    # --- whom the mapping lets Kanport touch ------------------------------------------------------

    def manages(self, user: User, *, as_renamed: bool = False) -> bool:
        """Return whether `users.managed` covers a user, by the present or the future username."""
        return self._to_revoke(user, self._new_name(user) if as_renamed else user.username)

    def ends_unlisted(self, kind: About) -> bool:
        """Return whether the mapping ends relations that no source lists."""
        return RELATIONS[kind].ends_unlisted(self.mapping)

    def since(self, user: User) -> str | None:
        """Return the first run that missed a user, as far as the ledger knows."""
        absence = self.memory.absence(user)
        return absence.since if absence is not None and absence.runs else None

    def members(self, group: Group | None) -> list[User | None]:
        """Return the members of a group by their ids; None for one who was not read."""
        ids = sorted(group.members) if group is not None else ()
        return [self.resolved.people.by_id.get(user_id) for user_id in ids]

    # --- what prevents a removal ------------------------------------------------------------------

    def account(self, user: User) -> tuple[PlanBecause, ...]:
        """Return that an account is protected."""
        return (cause("protected-account"),) if self.protected(user.username) else ()

    def accounts_in(self, group: Group | None) -> tuple[str, ...]:
        """Return the protected accounts in a group, whose access would end or change with it."""
        users = self.members(group)
        return sorted_names(
            user.username for user in users if user and self.protected(user.username)
        )

    def waiting(self, user: User, *, by_lists: bool = False) -> tuple[PlanBecause, ...]:
        """Return what keeps a user from leaving, and with it their access.

        Lists (`by_lists`) end the access of whoever is not missing, or no longer waited for.
        """
        held = self.offboarding.held.get(user.id, ())
        codes = {one.why.code for one in held}
        if by_lists and ("waiting-period" not in codes or "still-listed" in codes):
            return ()
        return held

    def membership(self, user: User, project: AnyProject) -> tuple[PlanBecause, ...]:
        """Return why the input leaves open whether a user is wanted in a project."""
        return self._of_user(About.MEMBERSHIP, self._keys(user), self.project_keys(project))

    def member(
        self, user: User, groups: Set[str], *, listed: bool = True
    ) -> tuple[PlanBecause, ...]:
        """Return why the input leaves open whether a user is to be in a group, by its keys.

        With `listed`, rows of members count; without, only what is open of the user.
        """
        return self._of_user(About.GROUP_MEMBER, self._keys(user), groups, listed=listed)

    def lower_role(self, holder: Holder, project: AnyProject) -> tuple[PlanBecause, ...]:
        """Return why the input leaves open whether a user is to have a higher role."""
        keys = [compare_key(holder.name)] if holder.user is None else self._keys(holder.user)
        uncertainty, projects = self.resolved.uncertainty, self.project_keys(project)
        if not any(map(uncertainty.named, keys)) and not uncertainty.is_open(
            About.MEMBERSHIP, keys, projects
        ):
            return ()
        causes = self.resolved.causes
        return causes.of_relation(About.MEMBERSHIP, keys, projects, anybody=False)

    def access(self, groups: Set[str], project: AnyProject) -> tuple[PlanBecause, ...]:
        """Return why the input leaves open whether a group, by its keys, is wanted in a project."""
        projects = self.project_keys(project)
        if not self.resolved.uncertainty.is_open(About.GROUP_ACCESS, groups, projects) and not any(
            (who is None or who in groups) and (what is None or what in projects)
            for who, what in self.access_open
        ):
            return ()
        return self.resolved.causes.of_relation(About.GROUP_ACCESS, groups, projects)

    def in_doubt(self, groups: Set[str]) -> tuple[PlanBecause, ...]:
        """Return the skipped rows that name one of these groups, by key, and an unclear member."""
        found = [some for name, some in self.members_open.items() if name in (None, *groups)]
        places = set().union(*found)
        return (cause("invalid-row", places, case="skipped", count=len(places)),) if found else ()

    def _of_user(
        self, kind: About, users: Sequence[str], targets: Set[str], *, listed: bool = True
    ) -> tuple[PlanBecause, ...]:
        uncertainty = self.resolved.uncertainty
        is_open = listed and uncertainty.is_open(kind, users, targets)
        if not is_open and not any(map(uncertainty.missing, users)):
            return ()
        return self.resolved.causes.of_relation(kind, users, targets)

    def _keys(self, user: User) -> list[str]:
        """Return the compare keys of what rows may call a user: now, or once they are renamed."""
        return sorted({compare_key(user.username), compare_key(self._new_name(user))})

    def _new_name(self, user: User) -> str:
        return self._new_names.get(user.id, user.username)
