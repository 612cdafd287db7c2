"""Compare the memberships that the sources want with those on the server. Pure.

Columns show what is as wanted; only a membership that is not becomes an object.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import numpy as np

from kanport.coded import Codes
from kanport.facts import Fact, fact
from kanport.findings import Finding, found
from kanport.frames import HeldRelations
from kanport.model import AnyProject, DesiredUser, Project, User
from kanport.names import compare_key
from kanport.origin import Origin, first_place
from kanport.plan.change import Action, RelationChange, Risk, role_side
from kanport.plan.groups import ProjectKey
from kanport.plan.model import PlanBecause
from kanport.plan.naming import (
    in_project,
    protected_finding,
    sorted_parts,
    spelled_finding,
    user_finding,
)
from kanport.plan.open_access import open_through_groups
from kanport.plan.ownership import managed_grants
from kanport.plan.projection import GroupProjection
from kanport.plan.relations import Party, RemovalPolicy, relation_change
from kanport.plan.resolve import Resolved
from kanport.plan.resolved import Holder, ResolvedRelation, ResolvedRelations, compare
from kanport.plan.roles import access_risks, project_rank
from kanport.plan.withheld import Diff, cause
from kanport.relations import About

_NOT_A_MEMBER, _KEEPS_ROLE = fact("not-a-member"), fact("keeps-role")


def diff_memberships(
    policy: RemovalPolicy, held: HeldRelations, projection: GroupProjection
) -> Diff[RelationChange]:
    """Compare every wanted membership with those `held`, then look for those not listed.

    Access ends if `memberships_missing` says so, and for users who leave step by step: a user who
    still waits keeps it, a user who leaves may lose it with the account. `projection` is what
    groups give now, and when the plan is carried out.
    """
    resolved, offboarding = policy.resolved, policy.offboarding
    wanted = resolved.wanted
    compared = compare(wanted, held)
    same, roles = compared.same, compared.roles
    in_groups = np.flatnonzero(same & np.isin(wanted.holder_ids, projection.in_groups))
    same[in_groups] = [not _may_move(one, projection) for one in wanted.some(in_groups)]
    diff = _ListDiff(policy, projection)
    diff.unchanged = int(same.sum())
    diff.findings.extend(_about_people(resolved))
    new = ~same & (compared.rows < 0) & ~wanted.of_holders(policy.protected)
    diff.changes.extend(_new_grants(wanted, np.flatnonzero(new)))
    differing = np.flatnonzero(~same & ~new)
    for one, role in zip(wanted.some(differing), roles[differing], strict=True):
        diff.compare(one, role)
    unlisted = compared.unlisted
    unlisted &= np.isin(held.targets, [project.id for project in resolved.scope])
    if not diff.by_lists:
        unlisted &= np.isin(held.holders, [*offboarding.leaving, *offboarding.held])
    for at in np.flatnonzero(unlisted).tolist():
        project = policy.current.project_index.by_id[held.targets[at]]
        diff.end_unlisted(int(held.holders[at]), project, held.roles[at])
    if diff.kept:
        parts = sorted_parts(diff.kept)
        diff.findings.append(found("access-kept", count=len(diff.kept), memberships=parts))
    return diff


def _may_move(wanted: ResolvedRelation[Holder, AnyProject], projection: GroupProjection) -> bool:
    """Return whether a role that is as wanted may change with the groups that give it."""
    if wanted.holder.user is None:
        return False
    effective = projection.effective(wanted.holder.user.id, ProjectKey.of(wanted.target))
    return not (effective.settled or effective.role == wanted.role)


class MembershipDiff(Diff[RelationChange]):
    """A diff of memberships, which may also come through groups."""

    def __init__(self, policy: RemovalPolicy, projection: GroupProjection) -> None:
        """Keep what prevents removals, and what groups give."""
        super().__init__()
        self.policy, self.projection = policy, projection

    def end_membership(
        self,
        user: User,
        project: Project,
        role: str,
        why: Fact | None,
        because: Iterable[PlanBecause],
        *,
        finding_case: str = "memberships",
    ) -> bool | None:
        """End a membership, or withhold that; return whether it ends, None if a group gives it.

        Access that comes through a group is the group's business: it ends with the group's.
        """
        effective = self.projection.effective(user.id, ProjectKey.of(project))
        if effective.direct is False or role in effective.tops:
            return None
        through = effective.through if effective.direct is None else ()
        risk = access_risks(role, effective.at_least)
        change = relation_change(
            Action.MEMBERSHIP_REVOKE,
            user,
            project,
            before=role,
            after=effective.at_least,
            why=why,
            risk=risk | ({Risk.MAYBE_THROUGH_GROUP} if through else set()),
        )
        ends = self.end(change, because, since=self.policy.since(user), finding_case=finding_case)
        if ends and change.after is None:
            self.findings.extend(_through_group(change, through))
        return ends


class _ListDiff(MembershipDiff):
    """What is found of the memberships that differ, one at a time."""

    def __init__(self, policy: RemovalPolicy, projection: GroupProjection) -> None:
        super().__init__(policy, projection)
        self._is_ours = managed_grants(policy.mapping, policy.memory)
        self.by_lists = policy.ends_unlisted(About.MEMBERSHIP)
        self.kept: list[Fact] = []

    def compare(self, wanted: ResolvedRelation[Holder, AnyProject], held: str | None) -> None:
        """Grant or change what is wanted, where the role that is held is another one or may go."""
        lowers = held is not None and project_rank(wanted.role) < project_rank(held)
        if self.policy.protected(wanted.holder.name):
            place = first_place(wanted.origins)
            self.findings.append(protected_finding(wanted.holder.name, place))
            if held is not None and lowers:
                change, _ = _change(wanted, held, self.projection)
                self.end(change, (cause("protected-account"),))
        elif held is None or held == wanted.role:
            self.changes.append(_grant(wanted, held))
        else:
            change, notes = _change(wanted, held, self.projection)
            because = self.policy.lower_role(wanted.holder, wanted.target) if lowers else ()
            if self.end(change, because):
                self.findings.extend(notes)
            else:
                name, place = wanted.holder.name, first_place(wanted.origins)
                self.findings.append(user_finding("row-skipped", name, place, case="lowers"))

    def end_unlisted(self, user_id: int, project: Project, role: str) -> None:
        """End a membership in a project that the sources name, but which they do not list.

        Kanport ends only those of users whom `users.managed` covers by their future username, so
        that the next plan decides alike.
        """
        user = self.policy.resolved.people.by_id.get(user_id)
        if user is None:
            if self.by_lists:
                who, unread = Party(None, user_id), cause("unread-users", case="user")
                change = relation_change(
                    Action.MEMBERSHIP_REVOKE, who, project, before=role, risk=()
                )
                self.end(change, (unread,), listed=True)
            return
        waiting = self.policy.waiting(user, by_lists=self.by_lists)
        leaving = user.id in self.policy.offboarding.leaving
        if not (self.by_lists or leaving or waiting):
            return
        if not self.policy.manages(user, as_renamed=True) or not self._is_ours(user, project):
            return
        policy = self.policy
        because = (*waiting, *policy.account(user), *policy.membership(user, project))
        if not because and not leaving:
            because = open_through_groups(policy, self.projection, user, project)
        why = fact("in-no-source") if leaving else None
        ends = self.end_membership(user, project, role, why, because)
        if ends is None and not because:
            effective = self.projection.effective(user.id, ProjectKey.of(project))
            if effective.at_least is None and effective.through:
                self.kept.append(in_project(user, project, through=effective.through))


def _new_grants(
    wanted: ResolvedRelations[Holder, AnyProject], numbers: Codes
) -> Iterator[RelationChange]:
    """Yield the grants of memberships of which the server has nothing yet.

    Most of what differs is new, so each name and each role is looked up once.
    """
    users = [(holder.name, holder.id) for holder in wanted.holders]
    projects = [(project.label, project.id) for project in wanted.targets]
    sides = list(map(role_side, wanted.asked.roles.values))
    for holder, target, role, _, origins in wanted.coded(numbers):
        username, user_id = users[holder]
        project, project_id = projects[target]
        yield RelationChange(
            action=Action.MEMBERSHIP_GRANT,
            username=username,
            user_id=user_id,
            project=project,
            project_id=project_id,
            after=sides[role],
            why=_NOT_A_MEMBER,
            origin=origins,
        )


def _grant(wanted: ResolvedRelation[Holder, AnyProject], held: str | None) -> RelationChange:
    """Return the grant; where the role is held already, it is to stay whatever groups lose or get.

    A direct membership that is there already stays as it is: the server refuses a second one.
    """
    return RelationChange(
        action=Action.MEMBERSHIP_GRANT,
        username=wanted.holder.name,
        user_id=wanted.holder.id,
        project=wanted.target.label,
        project_id=wanted.target.id,
        before=role_side(held),
        after=role_side(wanted.role),
        why=_NOT_A_MEMBER if held is None else _KEEPS_ROLE,
        origin=wanted.origins,
    )


def _change(
    wanted: ResolvedRelation[Holder, AnyProject], held: str, projection: GroupProjection
) -> tuple[RelationChange, list[Finding]]:
    risk = access_risks(held, wanted.role)
    through = _maybe_through(wanted.holder.user, wanted.target, projection)
    if through:
        risk.add(Risk.MAYBE_THROUGH_GROUP)
    change = relation_change(
        Action.MEMBERSHIP_CHANGE,
        wanted.holder,
        wanted.target,
        before=held,
        after=wanted.role,
        risk=risk,
        origin=wanted.origins,
    )
    return change, _through_group(change, through)


def _maybe_through(
    user: User | None, project: AnyProject, projection: GroupProjection
) -> tuple[str, ...]:
    """Return the groups through which somebody may have access, or none where it is direct."""
    if user is None:
        return ()
    effective = projection.effective(user.id, ProjectKey.of(project))
    return () if effective.direct else effective.through


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
    """Yield findings about users whom memberships name, once for each spelling.

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
