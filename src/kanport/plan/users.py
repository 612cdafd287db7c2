"""Compare the users on the server with what the sources say of them. Pure."""

import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from kanport.coded import Flags, objects
from kanport.facts import Fact, fact
from kanport.fields import ACTIVE, ROLE, UPDATABLE, Holds, UserField, field_named, labels
from kanport.findings import Finding, finding, found
from kanport.mapping.sources import KanboardSource
from kanport.mapping.spec import MappingFile
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
from kanport.plan.change import Action, Password, Risk, UserChange, UserSide, by_ldap, sorted_risks
from kanport.plan.lifecycle import Reactivation
from kanport.plan.matching import name_matcher
from kanport.plan.model import PlanBecause
from kanport.plan.naming import protected_finding, sorted_names, spelled_finding, user_finding
from kanport.plan.ownership import ownership_of
from kanport.plan.people import Person, Persons, origin_of
from kanport.plan.resolve import Resolved, creates_inactive
from kanport.plan.roles import active_risks, role_risks
from kanport.plan.withheld import Diff, cause

_NEW = fact("new-on-server")
_LOWERING = frozenset({Risk.ACCESS_LOST, Risk.ADMIN_LOST})


def diff_users(
    resolved: Resolved, current: CurrentState, mapping: MappingFile, memory: LedgerState
) -> Diff[UserChange]:
    """Compare every desired person with their user on the server."""
    diff = _UserDiff(resolved, mapping, memory)
    same = _are_same(resolved.persons)
    new = _plainly_new(resolved, diff.protected)
    diff.unchanged = int(same.sum())
    diff.changes.extend(_create(resolved.persons, at, RandomPassword()) for at in new)
    same[new] = True
    differing = {at: resolved.persons[at] for at in np.flatnonzero(~same).tolist()}
    for at, person in differing.items():
        diff.compare(at, person)
    diff.findings.extend(_kanboard_ldap_findings(diff.changes, current))
    diff.findings.extend(migration_findings(differing.values(), diff.changes, mapping))
    return diff


class _UserDiff(Diff[UserChange]):
    """The changes of the users who differ from what the sources say, one user at a time."""

    def __init__(self, resolved: Resolved, mapping: MappingFile, memory: LedgerState) -> None:
        super().__init__()
        self.protected = name_matcher(mapping.protect)
        self._resolved = resolved
        self._to_disable = ownership_of(mapping.users, memory).to_disable
        self._reactivation = Reactivation.of(memory, resolved, mapping.allow_admins)
        self._creates_inactive = creates_inactive(mapping)
        self._new_emails = _new_emails(resolved.persons)
        self._users = mapping.users

    def compare(self, at: int, person: Person) -> None:
        """Add the changes that one person needs, those withheld, and what there is to know."""
        self.findings.extend(_spelled(person))
        if self._is_left_out(person):
            return
        asked = self._asked(at, person)
        if asked and self._is_protected(person):
            place = origin_of(person.desired)
            self.findings.append(protected_finding(person.desired.username.value, place))
            for one in asked:
                if _lowers(one, person.user):
                    self.end(one, (cause("protected-account"),))
            return
        self.unchanged += not asked
        made = self._made(asked, person)
        self.changes.extend(made)
        if any(change.new.text("email") for change in made):
            self.findings.extend(_email_taken(person, self._resolved, self._new_emails))
        if person.user is not None:
            self.findings.extend(self._notes(person, person.user, made))

    def _is_left_out(self, person: Person) -> bool:
        """Return whether the sources want nothing of somebody; if they may, say so."""
        wanted, user = person.desired, person.user
        name, place = wanted.username.value, origin_of(wanted)
        if user is None and _is_inactive(wanted) and not self._creates_inactive:
            self.findings.append(user_finding("person-inactive", name, place))
            return True
        if "active" in wanted.unknown and (user is None or not user.active):
            case = "new" if user is None else "disabled"
            self.findings.append(user_finding("person-unproven", name, place, case=case))
            return user is None
        return False

    def _asked(self, at: int, person: Person) -> list[UserChange]:
        """Return what makes the user as the sources say, whatever prevents it."""
        wanted, user = person.desired, person.user
        if user is not None:
            return [*_existing(person, user), *self._reactivation.enable(person, user)]
        self.findings.extend(self._reactivation.login_reused(wanted))
        create = _create(self._resolved.persons, at, wanted.password)
        return [create, _disable_new(wanted)] if _is_inactive(wanted) else [create]

    def _is_protected(self, person: Person) -> bool:
        names = [person.desired.username.value]
        if person.user is not None:
            names.append(person.user.username)
        return any(map(self.protected, names))

    def _made(self, asked: Iterable[UserChange], person: Person) -> list[UserChange]:
        """Return the changes that nothing prevents, and withhold the others."""
        made: list[UserChange] = []
        notes: dict[Finding, None] = {}
        for change in asked:
            prevented = self._prevented(change, person)
            if prevented is None:
                made.append(change)
                continue
            finding, because = prevented
            notes[finding] = None
            if _lowers(change, person.user):
                self.end(change, because)
        self.findings.extend(notes)
        return made

    def _prevented(
        self, change: UserChange, person: Person
    ) -> tuple[Finding, tuple[PlanBecause, ...]] | None:
        """Return what prevents a change that takes something from a user, and the finding."""
        wanted, user, place = person.desired, person.user, origin_of(person.desired)
        if user is None:
            return None
        name, uncertainty = wanted.username.value, self._resolved.uncertainty
        named = uncertainty.named(user.username) or uncertainty.named(name)
        keys = {wanted.key, compare_key(user.username)}
        if named and _lowers(change, user):
            because = self._resolved.causes.of_user(keys, anybody=False)
            return user_finding("row-skipped", name, place, case="lowers"), because
        if self._may_be_overruled(change, wanted):
            because = self._resolved.causes.of_user(keys)
            return user_finding("row-skipped", name, place, case="overruled"), because
        if change.action is Action.USER_DISABLE and not self._to_disable(user):
            because = (cause("unmanaged-account"),)
            return user_finding("person-unmanaged", user.username, place), because
        return None

    def _may_be_overruled(self, change: UserChange, wanted: DesiredUser) -> bool:
        """Return whether a source that counts before others may want another role or state.

        A row of it that names nobody may be about any user.
        """
        field = _decided_by(change)
        if field is None or self._users is None or not self._resolved.desired.unknown.everybody:
            return False
        rule, given = self._users.fields.rule(field), field.wanted(wanted)
        said = {place.source for place in given.origins} if given is not None else set()
        order = [*(rule.precedence if rule else ()), *self._users.sources]
        before = itertools.takewhile(lambda source: source not in said, order if said else ())
        # Of its user, a source has one row.
        having = {place.source for place in (*wanted.rows, *wanted.username.origins)}
        return any(source not in having for source in before)

    def _notes(self, person: Person, user: User, made: Iterable[UserChange]) -> Iterator[Finding]:
        """Yield what there is to know of a user who stays disabled, or keeps a local password."""
        wanted, place = person.desired, origin_of(person.desired)
        enabled = any(change.action is Action.USER_ENABLE for change in made)
        unsaid = wanted.active is None and "active" not in wanted.unknown
        if not user.active and unsaid and not enabled:
            why = self._reactivation.why_not(person, user)
            why = why or fact("person-disabled", username=user.username)
            yield finding(why, place, value=user.username)
        from_ldap = isinstance(wanted.password, LdapPassword)
        if from_ldap and not user.ldap and not self.protected(user.username):
            yield user_finding("user-local", user.username, place)


def _is_inactive(wanted: DesiredUser) -> bool:
    return wanted.active is not None and not wanted.active.value


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
    from_ldap = isinstance(password, LdapPassword)
    for field in UPDATABLE:
        value = wanted.values[field.name][number]
        if value is None and not from_ldap:
            value = field.new
        if value or (from_ldap and value is not None):
            after[field.name] = value
    return UserChange(
        action=Action.USER_CREATE,
        username=username,
        after=UserSide(after, password),
        why=_NEW,
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
        enable = wanted.active.value
        role = wanted.role.value if enable and wanted.role is not None else user.role
        yield UserChange(
            action=Action.USER_ENABLE if enable else Action.USER_DISABLE,
            username=user.username,
            user_id=user.id,
            before=UserSide({"active": user.active}),
            after=UserSide({"active": enable}),
            why=fact("active-in-sources" if enable else "inactive-in-sources"),
            risk=sorted_risks(active_risks(role, enable=enable)),
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
    role = differ.get("role")
    risk = role_risks(user.role, role.value) if role is not None else set()
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


def _decided_by(change: UserChange) -> UserField | None:
    """Return what locks or unlocks an account, or gives it another role; None for nothing."""
    if change.action in (Action.USER_ENABLE, Action.USER_DISABLE):
        return ACTIVE
    return ROLE if change.action is Action.USER_UPDATE and change.risk else None


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
    """Yield findings about passwords that stay behind and names that somebody has already."""
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


def _kanboard_ldap_findings(changes: Iterable[UserChange], current: CurrentState) -> list[Finding]:
    """Return one finding: whether Kanboard's LDAP can be expected to make the new users."""
    # The API has no question that tells whether Kanboard has LDAP, and the one procedure that would
    # show it (createLdapUser) writes.
    made = [change for change in changes if by_ldap(change)]
    if not made:
        return []
    origin = first_place(place for change in made for place in change.origin)
    if known := sum(user.ldap for user in current.users):
        return [found("ldap-expected", origin, count=len(made), known=known)]
    case = "" if current.unlisted is None else "unlisted"
    return [found("ldap-unproven", origin, case=case, count=len(made))]
