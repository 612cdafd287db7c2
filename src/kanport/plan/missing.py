"""Who is on the server and provably in no source, and what the mapping does with them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kanport.facts import Fact, fact
from kanport.fields import ACTIVE, values_of
from kanport.findings import Finding, found
from kanport.mapping.missing_spec import Steps
from kanport.mapping.spec import MappingFile
from kanport.memory import Absence, Memory, absence_at
from kanport.model import CurrentState, User
from kanport.names import compare_key
from kanport.plan.draft import Draft
from kanport.plan.leavers import (
    ahead_findings,
    is_due,
    is_removable,
    new_ledger_findings,
    removal_findings,
    waiting_finding,
)
from kanport.plan.managed import managed_people
from kanport.plan.model import Action, PlanAbsence
from kanport.plan.parts import sorted_names
from kanport.plan.resolve import Resolved
from kanport.plan.risks import active_risks, removal_risks


@dataclass(frozen=True, slots=True)
class Missing:
    """What becomes of people who are in no source, and what the ledger is to know of them.

    `waiting` are the ids of those to whom nothing happens yet, so that their access stays as well,
    `leaving` of those whose access ends with their account, `gone` of all who are in no source,
    whatever groups of a directory still list.
    """

    changes: tuple[Draft, ...] = ()
    findings: tuple[Finding, ...] = ()
    absences: tuple[PlanAbsence, ...] = ()
    waiting: frozenset[int] = frozenset()
    leaving: frozenset[int] = frozenset()
    gone: frozenset[int] = frozenset()


def missing_people(
    resolved: Resolved,
    current: CurrentState,
    mapping: MappingFile,
    memory: Memory,
    protected: Callable[[str], bool],
    now: str,
) -> Missing:
    """Give what is to happen to managed users who are provably in no source.

    `now` is when the plan is made (UTC, RFC 3339): a run of it is one more that misses them.
    """
    steps = mapping.users.steps if mapping.users is not None else None
    # Where the server could not list its users, the few that were read say nothing of the others.
    if steps is None or current.unlisted is not None:
        return Missing(absences=tuple(_back(resolved, mapping, memory)))
    managed = managed_people(mapping.users, memory).when_missing
    present = {person.user.id for person in resolved.persons if person.user is not None}
    asked_for = {person.desired.key for person in resolved.persons}
    grouped = frozenset(_named_in_groups(resolved))
    members = _members(resolved, current)
    leave_with_account = members if steps.and_ is not None else frozenset()
    # Lists that are silent about somebody end nothing before their turn, disabled or not.
    leave_by_lists = members if steps.waits and mapping.memberships_missing == "revoke" else ()
    changes: list[Draft] = []
    findings: list[Finding] = []
    absences = list(_back(resolved, mapping, memory))
    unproven: list[str] = []
    kept: list[Absence] = []
    waiting: set[int] = set()
    leaving: set[int] = set()
    gone: set[int] = set()
    for user in current.users:
        before = memory.absence(user)
        disabled = before is not None and before.disabled_at is not None
        concerned = (
            user.active
            or steps.then == "remove"
            or user.id in leave_with_account
            or (disabled and steps.remove_after is not None)
        )
        if user.id in present or not managed(user) or protected(user.username):
            continue
        key = compare_key(user.username)
        proven = (
            current.users_complete
            and not _in_doubt(user, resolved)
            and key not in asked_for
            and user.id not in resolved.named
            and (key not in grouped or user.id in resolved.outlived)
        )
        if proven:
            gone.add(user.id)
        if not (concerned or user.id in leave_by_lists):
            continue
        if not proven:
            if concerned:
                unproven.append(user.username)
            if disabled and user.active:
                absences.append(_absence(user, "enabled"))
            continue
        absence = absence_at(before, user.username, now, memory.counted_at)
        if mapping.keeps_ledger:
            absences.append(_absence(user, "missing"))
        if not is_due(absence, steps, now):
            waiting.add(user.id)
            findings.append(waiting_finding(absence, steps, active=user.active))
        elif steps.then == "remove" or (not user.active and is_removable(absence, steps, now)):
            changes.append(_remove(user, absence, steps))
        else:
            if user.active:
                changes.append(_disable(user, absence, steps))
            else:
                kept.append(absence)
            if steps.and_ is not None:
                leaving.add(user.id)
    findings.extend(removal_findings(kept, steps))
    if mapping.keeps_ledger:
        findings.extend(ahead_findings(memory, now))
    if mapping.keeps_ledger and memory.is_new and not _sources_say_who_is_active(mapping):
        others = (user for user in current.users if user.id not in present and not user.active)
        findings.extend(
            new_ledger_findings(
                user.username for user in others if managed(user) and not protected(user.username)
            )
        )
    if unproven:
        findings.append(
            found(
                "missing-unknown",
                case=steps.then,
                count=len(unproven),
                usernames=sorted_names(unproven),
            )
        )
    return Missing(
        tuple(changes),
        tuple(findings),
        tuple(sorted(absences, key=lambda one: one.user_id)),
        frozenset(waiting),
        frozenset(leaving),
        frozenset(gone),
    )


def _sources_say_who_is_active(mapping: MappingFile) -> bool:
    return mapping.users is not None and mapping.users.fields.rule(ACTIVE) is not None


def _in_doubt(user: User, resolved: Resolved) -> bool:
    """Tell whether a row that cannot be followed might be about a user."""
    if user.id in resolved.outlived:
        # It is about somebody else of whom it is certain who they are, by the same username.
        return resolved.doubt.everybody
    return resolved.doubt.missing(compare_key(user.username))


def _back(resolved: Resolved, mapping: MappingFile, memory: Memory) -> Iterator[PlanAbsence]:
    """Give those whom the ledger has as missing and a source names again."""
    if not mapping.keeps_ledger:
        return
    for person in resolved.persons:
        if person.user is not None and memory.absence(person.user) is not None:
            yield _absence(person.user, "back")


def _named_in_groups(resolved: Resolved) -> Iterator[str]:
    """Give the compare keys of whom a row of groups names, or of users whom it means."""
    for member in resolved.desired.group_members:
        if member.unlisted:
            continue
        yield compare_key(member.username.value)
        user_id = resolved.finder.id_of(resolved.finder.find(member.username.value))
        if user_id is not None:
            yield compare_key(resolved.people.by_id[user_id].username)
    for who, _ in resolved.desired.unknown.group_members:
        if who is not None:
            yield who


def _members(resolved: Resolved, current: CurrentState) -> frozenset[int]:
    return frozenset(user_id for project in resolved.scope for user_id in current.roles[project.id])


def _absence(user: User, state: str) -> PlanAbsence:
    return PlanAbsence.model_validate(
        {"user_id": user.id, "username": user.username, "state": state, "active": user.active}
    )


def _reason(absence: Absence, steps: Steps) -> Fact:
    if not steps.waits:
        return fact("in-no-source")
    return fact("in-no-source", case="waited", since=absence.since[:10], runs=absence.runs)


def _disable(user: User, absence: Absence, steps: Steps) -> Draft:
    return Draft(
        Action.USER_DISABLE,
        user.username,
        user_id=user.id,
        before={"active": True},
        after={"active": False},
        reason=_reason(absence, steps),
        risk=active_risks(user.role, enable=False),
    )


def _remove(user: User, absence: Absence, steps: Steps) -> Draft:
    reason = _reason(absence, steps)
    if steps.then != "remove" and absence.disabled_at is not None:
        reason = fact("in-no-source", case="disabled", disabled_on=absence.disabled_at[:10])
    return Draft(
        Action.USER_REMOVE,
        user.username,
        user_id=user.id,
        before=values_of(user),
        reason=reason,
        risk=removal_risks(user),
    )
