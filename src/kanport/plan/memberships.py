"""What would change of the access to projects: pure.

Columns show what is as wanted; only a membership that is not becomes an object.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain

import numpy as np

from kanport.facts import Fact, fact
from kanport.findings import Finding, found
from kanport.frames import Roles
from kanport.mapping.spec import MappingFile
from kanport.memory import LedgerState
from kanport.model import DesiredUser, Project, User
from kanport.names import compare_key
from kanport.origin import Origin, first_place
from kanport.plan.change import Action, RelationChange, Risk, role_side, sorted_risks
from kanport.plan.lifecycle import Offboarding
from kanport.plan.matching import name_matcher
from kanport.plan.model import PlanBecause
from kanport.plan.naming import (
    in_project,
    protected_finding,
    sorted_parts,
    spelled_finding,
    user_finding,
)
from kanport.plan.ownership import managed_grants, ownership_of
from kanport.plan.projection import EffectiveAccess, GroupProjection
from kanport.plan.resolve import Resolved
from kanport.plan.roles import access_risks, project_rank
from kanport.plan.wanted import ResolvedMembership
from kanport.plan.withheld import Withheld, cause

_NOT_A_MEMBER, _KEEPS_ROLE = fact("not-a-member"), fact("keeps-role")


@dataclass(frozen=True, slots=True)
class AccessDiff:
    """The changes of memberships, how many need none, and what was found on the way."""

    changes: tuple[RelationChange, ...]
    unchanged: int
    findings: tuple[Finding, ...]
    withheld: tuple[Withheld, ...]


def diff_access(
    resolved: Resolved,
    held: Roles,
    mapping: MappingFile,
    memory: LedgerState,
    missing: Offboarding,
    projection: GroupProjection,
) -> AccessDiff:
    """Compare every wanted membership with those `held`, then look for those not asked for.

    Access ends where `memberships_missing` says so, and for people who leave step by step: whose
    turn has not come yet keeps it, whose has may lose it with their account. What groups give, and
    will give when the plan is carried out, is `projection`.
    """
    wanted = resolved.wanted
    user_ids = wanted.user_ids
    rows = held.rows(user_ids, wanted.project_ids)
    roles = held.role_of(rows)
    same = roles == wanted.roles
    in_groups = np.flatnonzero(same & np.isin(user_ids, projection.in_groups))
    same[in_groups] = [not _may_move(one, projection) for one in wanted.some(in_groups)]
    diff = _Comparison(resolved, mapping, memory, missing, projection)
    diff.findings.extend(_about_people(resolved))
    new = ~same & (rows < 0) & ~wanted.of_holders(diff.protected)
    # Most of what differs is somebody new, of whom there is nothing else to say.
    diff.changes.extend(_grant(one, None) for one in wanted.some(np.flatnonzero(new)))
    differing = np.flatnonzero(~same & ~new)
    for one, role in zip(wanted.some(differing), roles[differing], strict=True):
        diff.compare(one, role)
    listed = np.isin(held.projects, [project.id for project in resolved.scope])
    listed[rows[rows >= 0]] = False
    if not diff.by_lists:
        listed &= np.isin(held.users, [*missing.leaving, *missing.held])
    for at in np.flatnonzero(listed).tolist():
        project = resolved.projects.by_id[held.projects[at]]
        diff.end(int(held.users[at]), project, held.roles[at])
    if diff.kept:
        parts = sorted_parts(diff.kept)
        diff.findings.append(found("access-kept", count=len(diff.kept), memberships=parts))
    return AccessDiff(
        tuple(diff.changes), int(same.sum()), tuple(diff.findings), tuple(diff.withheld)
    )


def _may_move(wanted: ResolvedMembership, projection: GroupProjection) -> bool:
    """Return whether a role that is as wanted may change with the groups that give it."""
    if wanted.user is None:
        return False
    effective = projection.effective(wanted.user.id, wanted.project.id)
    return not (effective.settled or effective.role == wanted.role)


class _Comparison:
    """What is found of the memberships that differ, one at a time."""

    def __init__(
        self,
        resolved: Resolved,
        mapping: MappingFile,
        memory: LedgerState,
        missing: Offboarding,
        projection: GroupProjection,
    ) -> None:
        self._resolved, self._memory, self._missing = resolved, memory, missing
        self._foreseen = projection
        self.protected = name_matcher(mapping.protect)
        self._is_managed = ownership_of(mapping.users, memory).to_revoke
        self._is_ours = managed_grants(mapping, memory)
        self.by_lists = mapping.memberships_missing == "revoke"
        self._new_names = {
            user_id: person.desired.username.value
            for user_id, person in resolved.persons.moving.items()
        }
        self._keys = cache(resolved.projects.keys_of)
        self.changes: list[RelationChange] = []
        self.withheld: list[Withheld] = []
        self.findings: list[Finding] = []
        self.kept: list[Fact] = []

    def compare(self, wanted: ResolvedMembership, held: str | None) -> None:
        """Grant or change what is wanted, where the role that is held is another one or may go."""
        lowers = held is not None and project_rank(wanted.role) < project_rank(held)
        if self.protected(wanted.username):
            place = first_place(wanted.origins)
            self.findings.append(protected_finding(wanted.username, place))
            if held is not None and lowers:
                change, _ = _change(wanted, held, self._foreseen)
                self.withheld.append(Withheld(change, (cause("protected-account"),)))
        elif held is None or held == wanted.role:
            self.changes.append(_grant(wanted, held))
        elif lowers and self._resolved.uncertainty.named_in(
            wanted.username, keys := self._keys(wanted.project)
        ):
            place = first_place(wanted.origins)
            self.findings.append(user_finding("row-skipped", wanted.username, place, case="lowers"))
            change, _ = _change(wanted, held, self._foreseen)
            who = [compare_key(wanted.username)]
            because = self._resolved.causes.of_membership(who, keys, anybody=False)
            self.withheld.append(Withheld(change, because))
        else:
            change, notes = _change(wanted, held, self._foreseen)
            self.changes.append(change)
            self.findings.extend(notes)

    def end(self, user_id: int, project: Project, role: str) -> None:
        """End a membership in a project that the sources name and that nothing asks for.

        Only of people whom `users.managed` covers, where the mapping has it: by the name that they
        will have, so that the next plan sees nobody with other eyes.
        """
        user = self._resolved.people.by_id.get(user_id)
        if user is None:
            if self.by_lists:
                self.withheld.append(_of_unread(user_id, project, role))
            return
        new_name = self._new_names.get(user.id, user.username)
        held = self._waiting(user)
        leaving = user.id in self._missing.leaving
        if not (self.by_lists or leaving or held):
            return
        if not self._is_managed(user, new_name) or not self._is_ours(user, project):
            return
        because = (*held, *self._obstacles(user, new_name, project))
        reason = fact("in-no-source") if leaving else fact("not-listed", case="project")
        revoked = revoke(user, project, role, self._foreseen, reason)
        if revoked is None:
            effective = self._foreseen.effective(user.id, project.id)
            if effective.at_least is None and effective.through and not because:
                self.kept.append(in_project(user, project, through=effective.through))
        elif because:
            once, since = tuple(dict.fromkeys(because)), missing_since(user, self._memory)
            self.withheld.append(Withheld(revoked[0], once, since, "memberships"))
        else:
            self.changes.append(revoked[0])
            self.findings.extend(revoked[1])

    def _waiting(self, user: User) -> tuple[PlanBecause, ...]:
        """Return what keeps somebody from leaving, and with it their access."""
        held = self._missing.held.get(user.id, ())
        codes = {one.why.code for one in held}
        # Lists end the access of whoever is not missing, or not any longer waited for.
        ended = self.by_lists and ("waiting-period" not in codes or "still-listed" in codes)
        return () if ended else held

    def _obstacles(self, user: User, new_name: str, project: Project) -> Iterator[PlanBecause]:
        if self.protected(user.username):
            yield cause("protected-account")
        names, keys = {compare_key(user.username), compare_key(new_name)}, self._keys(project)
        if any(self._resolved.uncertainty.not_asked_for(name, keys) for name in names):
            yield from self._resolved.causes.of_membership(sorted(names), keys)


def _grant(wanted: ResolvedMembership, held: str | None) -> RelationChange:
    """Return the grant; where the role is held already, it is to stay whatever groups lose or get.

    A direct membership that is there already stays as it is: the server refuses a second one.
    """
    return RelationChange(
        action=Action.MEMBERSHIP_GRANT,
        username=wanted.username,
        user_id=wanted.user.id if wanted.user else None,
        project=wanted.project.label,
        project_id=wanted.project.server_id,
        before=role_side(held),
        after=role_side(wanted.role),
        why=_NOT_A_MEMBER if held is None else _KEEPS_ROLE,
        origin=wanted.origins,
    )


def _change(
    wanted: ResolvedMembership, held: str, projection: GroupProjection
) -> tuple[RelationChange, list[Finding]]:
    risk = access_risks(held, wanted.role)
    through = _maybe_through(wanted.user, wanted.project, projection)
    if through:
        risk.add(Risk.MAYBE_THROUGH_GROUP)
    change = RelationChange(
        action=Action.MEMBERSHIP_CHANGE,
        username=wanted.username,
        user_id=wanted.user.id if wanted.user else None,
        project=wanted.project.label,
        project_id=wanted.project.server_id,
        before=role_side(held),
        after=role_side(wanted.role),
        why=fact("role-differs"),
        risk=sorted_risks(risk),
        origin=wanted.origins,
    )
    return change, _through_group(change, through)


def _maybe_through(
    user: User | None, project: Project, projection: GroupProjection
) -> tuple[str, ...]:
    """Return the groups through which somebody may have access, or none where it is direct."""
    if user is None:
        return ()
    effective = projection.effective(user.id, project.id)
    return () if effective.direct else effective.through


def _stays(role: str, effective: EffectiveAccess) -> bool:
    """Return whether a membership that nothing asks for cannot, or need not, be ended.

    Access that comes through a group is the group's business: it ends with the group's.
    """
    if effective.direct is False:
        return True
    return role in effective.tops


def revoke(
    user: User, project: Project, role: str, projection: GroupProjection, reason: Fact
) -> tuple[RelationChange, list[Finding]] | None:
    """Return what ends a membership, with what there is to know; None where a group gives it."""
    effective = projection.effective(user.id, project.id)
    if _stays(role, effective):
        return None
    through = effective.through if effective.direct is None else ()
    risk = access_risks(role, effective.at_least)
    change = RelationChange(
        action=Action.MEMBERSHIP_REVOKE,
        username=user.username,
        user_id=user.id,
        project=project.label,
        project_id=project.server_id,
        before=role_side(role),
        after=role_side(effective.at_least),
        why=reason,
        risk=sorted_risks(risk | ({Risk.MAYBE_THROUGH_GROUP} if through else set())),
    )
    return change, _through_group(change, through) if change.after is None else []


def missing_since(user: User, memory: LedgerState) -> str | None:
    """Return the first run that missed a user, as far as the ledger knows."""
    absence = memory.absence(user)
    return absence.since if absence is not None and absence.runs else None


def _of_unread(user_id: int, project: Project, role: str) -> Withheld:
    change = RelationChange(
        action=Action.MEMBERSHIP_REVOKE,
        user_id=user_id,
        project=project.label,
        project_id=project.server_id,
        before=role_side(role),
        why=fact("not-listed", case="project"),
    )
    return Withheld(change, (cause("unread-users", case="user"),), told_as="memberships")


def _through_group(change: RelationChange, through: tuple[str, ...]) -> list[Finding]:
    if not through:
        return []
    return [
        found(
            "access-through-group",
            first_place(change.origin),
            case="revoke" if change.action is Action.MEMBERSHIP_REVOKE else "change",
            value=change.username,
            username=change.username,
            project=change.project,
            count=len(through),
            groups=through,
        )
    ]


def _about_people(resolved: Resolved) -> Iterator[Finding]:
    """Say what is to be known of people whom memberships name, once for each spelling.

    Of whoever has a row of their own, that one says all but this: a membership that names somebody
    as they are called until the plan is carried out.
    """
    described, renamed = resolved.persons.with_user, resolved.persons.moving
    named = resolved.named
    for number in named.texts:
        user = resolved.people.by_id[number]
        if number in described:
            if number in renamed:
                yield from _old_names(renamed[number].desired, named.places(number))
        elif not user.active or named.spellings(number) != (user.username,):
            places = named.places(number)
            if not user.active:
                place = first_place(chain.from_iterable(places.values()))
                yield user_finding("person-disabled", user.username, place)
            for spelling, cells in places.items():
                if spelling != user.username:
                    yield spelled_finding(user, spelling, first_place(cells))


def _old_names(wanted: DesiredUser, places: Mapping[str, tuple[Origin, ...]]) -> Iterator[Finding]:
    for spelling, cells in places.items():
        if compare_key(spelling) != wanted.key:
            yield user_finding(
                "username-old", spelling, first_place(cells), new_username=wanted.username.value
            )
