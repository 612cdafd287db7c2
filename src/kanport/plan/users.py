"""Compare the users on the server with what the sources say of them. Pure."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from kanport.coded import Flags, objects
from kanport.facts import Fact, fact
from kanport.fields import ACTIVE, UPDATABLE, Holds, field_named, labels
from kanport.findings import Finding, finding, found
from kanport.mapping.spec import KanboardSource, MappingFile
from kanport.memory import LedgerState
from kanport.model import (
    AppRole,
    CurrentState,
    DesiredUser,
    LdapPassword,
    RandomPassword,
    User,
)
from kanport.names import compare_key
from kanport.origin import Origin, first_place, in_place_order
from kanport.plan.change import Action, Password, Risk, UserChange, UserSide, sorted_risks
from kanport.plan.kanboard_ldap import by_ldap, kanboard_ldap_findings
from kanport.plan.lifecycle import Offboarding, Reactivation, offboard
from kanport.plan.matching import name_matcher
from kanport.plan.naming import protected_finding, sorted_names, spelled_finding, user_finding
from kanport.plan.ownership import ownership_of
from kanport.plan.people import Person, Persons, origin_of
from kanport.plan.resolve import Resolved, creates_inactive
from kanport.plan.roles import app_rank
from kanport.plan.withheld import Withheld, cause

_LOWERING = frozenset({Risk.ACCESS_LOST, Risk.ADMIN_LOST})


@dataclass(frozen=True, slots=True)
class UserDiff:
    """The changes of users, how many need none, what was found on the way, and who is missing."""

    changes: tuple[UserChange, ...]
    unchanged: int
    findings: tuple[Finding, ...]
    missing: Offboarding
    withheld: tuple[Withheld, ...]


def diff_users(
    resolved: Resolved, current: CurrentState, mapping: MappingFile, memory: LedgerState, now: str
) -> UserDiff:
    """Compare every desired person with their user on the server, then look for who is missing.

    `now` is when the plan is made (UTC, RFC 3339).
    """
    protected = name_matcher(mapping.protect)
    managed = ownership_of(mapping.users, memory)
    reactivation = Reactivation.of(memory, resolved, mapping.allow_admins)
    changes: list[UserChange] = []
    withheld: list[Withheld] = []
    findings: list[Finding] = []
    new_emails = _new_emails(resolved.persons)
    same = _are_same(resolved.persons)
    unchanged = int(same.sum())
    new = _plainly_new(resolved, protected)
    changes.extend(_create(resolved.persons, at, RandomPassword()) for at in new)
    same[new] = True
    differing = {at: resolved.persons[at] for at in np.flatnonzero(~same).tolist()}
    for at, person in differing.items():
        wanted, user = person.desired, person.user
        name, place = wanted.username.value, origin_of(wanted)
        findings.extend(_spelled(person))
        inactive = wanted.active is not None and not wanted.active.value
        if user is None and inactive and not creates_inactive(mapping):
            findings.append(user_finding("person-inactive", name, place))
            continue
        unproven = "active" in wanted.unknown
        if unproven and (user is None or not user.active):
            case = "new" if user is None else "disabled"
            findings.append(user_finding("person-unproven", name, place, case=case))
            if user is None:
                continue
        if user is None:
            asked = [_create(resolved.persons, at, wanted.password)]
            asked += [_disable_new(wanted)] if inactive else []
            findings.extend(reactivation.login_reused(wanted))
        else:
            asked = [*_existing(person, user), *reactivation.enable(person, user)]
        if not asked:
            unchanged += 1
        elif protected(name) or (user is not None and protected(user.username)):
            findings.append(protected_finding(name, place))
            withheld += [
                Withheld(one, (cause("protected-account"),)) for one in asked if _lowers(one, user)
            ]
            continue
        kept = [change for change in asked if not _in_doubt(change, person, resolved)]
        if len(kept) < len(asked):
            findings.append(user_finding("row-skipped", name, place, case="lowers"))
            keys = {wanted.key, compare_key(user.username if user is not None else name)}
            because = resolved.causes.of_user(keys, anybody=False)
            withheld += [Withheld(one, because) for one in asked if one not in kept]
        if user is not None and not managed.to_disable(user):
            disables = [change for change in kept if change.action is Action.USER_DISABLE]
            kept = [change for change in kept if change not in disables]
            if disables:
                findings.append(user_finding("person-unmanaged", user.username, place))
                unmanaged = (cause("unmanaged-account"),)
                withheld += [Withheld(one, unmanaged) for one in disables]
        changes.extend(kept)
        if any(change.new.text("email") for change in kept):
            findings.extend(_email_taken(person, resolved, new_emails))
        enabled = any(change.action is Action.USER_ENABLE for change in kept)
        stays = user is not None and not user.active and wanted.active is None and not enabled
        if user is not None and stays and not unproven:
            why = reactivation.why_not(person, user) or fact(
                "person-disabled", username=user.username
            )
            findings.append(finding(why, place, value=user.username))
        by_ldap = isinstance(wanted.password, LdapPassword)
        if by_ldap and user is not None and not user.ldap and not protected(user.username):
            findings.append(user_finding("user-local", user.username, place))
    findings.extend(kanboard_ldap_findings(changes, current))
    findings.extend(migration_findings(differing.values(), changes, mapping))
    missing = offboard(resolved, current, mapping, memory, protected, now)
    return UserDiff(
        (*changes, *missing.changes),
        unchanged,
        (*findings, *missing.findings),
        missing,
        (*withheld, *missing.withheld),
    )


def _are_same(persons: Persons) -> Flags:
    """Return which users on the server have every value that the sources give."""
    wanted, numbers = persons.desired, list(persons.numbers)
    users = [user or _NOBODY for user in persons.users]
    same = ~wanted.special[numbers]
    same &= wanted.usernames[numbers] == objects([user.username for user in users])
    same &= np.array([user is not _NOBODY for user in users], dtype=bool)
    same[list(persons.renamed)] = False
    for field in (*UPDATABLE, ACTIVE):
        values, held = wanted.values[field.name][numbers], objects(field.of_each(users))
        unsaid = np.array([value is None for value in values], dtype=bool)
        if field is ACTIVE:
            # Of somebody who is disabled there is something to say where the sources do not.
            unsaid &= held.astype(bool)
        same &= unsaid | (values == held)
    return same


_NOBODY = User(0, "")


def _new_emails(persons: Persons) -> dict[int, str]:
    emails = persons.desired.values["email"]
    return {
        user.id: emails[number]
        for number, user in zip(persons.numbers, persons.users, strict=True)
        if user is not None and emails[number] is not None
    }


def _plainly_new(resolved: Resolved, protected: Callable[[str], bool]) -> list[int]:
    """Return who is to be created and no more, so that nothing else is to be said of them."""
    persons = resolved.persons
    wanted, numbers = persons.desired, list(persons.numbers)
    new = ~wanted.special[numbers] & (wanted.values[ACTIVE.name][numbers] != False)  # noqa: E712
    new &= np.array([user is None for user in persons.users], dtype=bool)
    return [
        at
        for at in np.flatnonzero(new).tolist()
        if not protected(wanted.usernames[numbers[at]])
        and not resolved.people.with_email(wanted.values["email"][numbers[at]] or "")
    ]


def _create(persons: Persons, at: int, password: Password) -> UserChange:
    wanted, number = persons.desired, persons.numbers[at]
    username = wanted.usernames[number]
    after: dict[str, str | bool] = {"username": username}
    # Kanboard's own LDAP fills these in, so clearing one is something to do, and a role that the
    # sources do not give is left to it.
    by_ldap = isinstance(password, LdapPassword)
    for field in UPDATABLE:
        value = wanted.values[field.name][number]
        if value is None and not by_ldap:
            value = field.new
        if value or (by_ldap and value is not None):
            after[field.name] = value
    return UserChange(
        action=Action.USER_CREATE,
        username=username,
        after=UserSide(after, password),
        why=fact("new-on-server"),
        risk=(Risk.ADMIN_GRANTED,) if after.get("role") == AppRole.ADMIN else (),
        origin=wanted.named(number),
    )


def _disable_new(wanted: DesiredUser) -> UserChange:
    # It takes nothing from anybody, as there was nobody.
    return UserChange(
        action=Action.USER_DISABLE,
        username=wanted.username.value,
        before=UserSide({"active": True}),
        after=UserSide({"active": False}),
        why=fact("new-on-server", case="inactive"),
        origin=_places(wanted, wanted.active.origins if wanted.active is not None else ()),
    )


def _existing(person: Person, user: User) -> Iterator[UserChange]:
    wanted = person.desired
    if person.renamed:
        proof = wanted.stable_id if person.known else wanted.email
        proven = proof.origins if proof is not None else ()
        yield UserChange(
            action=Action.USER_RENAME,
            username=user.username,
            user_id=user.id,
            before=UserSide({"username": user.username}),
            after=UserSide({"username": wanted.username.value}),
            why=fact("renamed", case="id" if person.known else "email"),
            # An address may have got a new owner, and the account comes with all its rights.
            risk=(Risk.LOGIN_CHANGED,) if not person.known or user.role == AppRole.ADMIN else (),
            origin=_places(wanted, wanted.username.origins, proven),
        )
    yield from _update(wanted, user)
    if wanted.active is not None and wanted.active.value != user.active:
        admin = user.role == AppRole.ADMIN
        enable = wanted.active.value
        if enable:
            role = wanted.role.value if wanted.role is not None else user.role
            risk = {Risk.ADMIN_GRANTED} if role == AppRole.ADMIN else set()
        else:
            risk = {Risk.ACCESS_LOST, Risk.ADMIN_LOST} if admin else {Risk.ACCESS_LOST}
        yield UserChange(
            action=Action.USER_ENABLE if enable else Action.USER_DISABLE,
            username=user.username,
            user_id=user.id,
            before=UserSide({"active": user.active}),
            after=UserSide({"active": enable}),
            why=fact("active-in-sources" if enable else "inactive-in-sources"),
            risk=sorted_risks(risk),
            origin=_places(wanted, wanted.active.origins),
        )


def _update(wanted: DesiredUser, user: User) -> Iterator[UserChange]:
    differ = {
        field.name: value
        for field in UPDATABLE
        if (value := field.wanted(wanted)) is not None and value.value != field.of(user)
    }
    if not differ:
        return
    risk: set[Risk] = set()
    if role := differ.get("role"):
        raised = app_rank(role.value) > app_rank(user.role)
        risk.add(Risk.PRIVILEGE_RAISED if raised else Risk.ACCESS_LOST)
        if role.value == AppRole.ADMIN:
            risk.add(Risk.ADMIN_GRANTED)
        elif user.role == AppRole.ADMIN:
            risk.add(Risk.ADMIN_LOST)
    yield UserChange(
        action=Action.USER_UPDATE,
        username=user.username,
        user_id=user.id,
        before=UserSide({name: field_named(name).of(user) for name in differ}),
        after=UserSide({name: value.value for name, value in differ.items()}),
        why=fact("fields-differ", fields=labels(differ), count=len(differ)),
        risk=sorted_risks(risk),
        origin=_places(wanted, *(value.origins for value in differ.values())),
    )


def _places(wanted: DesiredUser, *cells: tuple[Origin, ...]) -> tuple[Origin, ...]:
    """Return these cells; where the mapping gave a constant, the rows that name the person."""
    places = in_place_order(place for some in cells for place in some)
    return places or in_place_order(wanted.username.origins or wanted.rows)


def _lowers(change: UserChange, user: User | None) -> bool:
    return user is not None and not _LOWERING.isdisjoint(change.risk)


def _in_doubt(change: UserChange, person: Person, resolved: Resolved) -> bool:
    if not _lowers(change, person.user) or person.user is None:
        return False
    uncertainty = resolved.uncertainty
    return uncertainty.named(person.user.username) or uncertainty.named(
        person.desired.username.value
    )


def _spelled(person: Person) -> Iterable[Finding]:
    user, wanted = person.user, person.desired.username
    if user is not None and not person.renamed and user.username != wanted.value:
        yield spelled_finding(user, wanted.value, first_place(wanted.origins))


def _email_taken(
    person: Person, resolved: Resolved, new_emails: dict[int, str]
) -> Iterable[Finding]:
    email = person.desired.email
    if email is None or not email.value:
        return
    others = sorted_names(
        other.username
        for other in resolved.people.with_email(email.value)
        if (person.user is None or other.id != person.user.id)
        and new_emails.get(other.id, email.value).casefold() == email.value.casefold()
    )
    if others:
        yield found(
            "email-taken",
            first_place(email.origins) or origin_of(person.desired),
            value=email.value,
            email=email.value,
            usernames=others,
        )


def is_migration(mapping: MappingFile) -> bool:
    """Return whether the users come from another server, or from what was exported of one."""
    if mapping.users is None:
        return False
    sources = (mapping.sources[name] for name in mapping.users.sources)
    exported = isinstance(mapping.projects, tuple) and any(
        rule.called is not None for rule in mapping.projects
    )
    return exported or any(isinstance(source, KanboardSource) for source in sources)


def migration_findings(
    persons: Iterable[Person], changes: Iterable[UserChange], mapping: MappingFile
) -> Iterator[Finding]:
    """Say whose password stays behind, and who is called by a name that somebody has already."""
    if not is_migration(mapping):
        return
    made = [change for change in changes if change.action is Action.USER_CREATE]
    if behind := [change for change in made if not by_ldap(change)]:
        yield found("passwords-behind", count=len(behind))
    for person in persons:
        if person.user is not None and (
            differences := tuple(_differing(person.desired, person.user))
        ):
            who = person.user.username
            yield user_finding(
                "person-differs", who, origin_of(person.desired), differences=differences
            )


def _differing(desired: DesiredUser, user: User) -> Iterator[Fact]:
    for field in UPDATABLE:
        given, now = field.wanted(desired), field.of(user)
        if given is not None and given.value != now:
            case = "role" if field.holds is Holds.ROLE else ""
            values = {"value": str(given.value), "now": str(now)}
            yield fact("field-differs", case=case, field=field.label, **values)
