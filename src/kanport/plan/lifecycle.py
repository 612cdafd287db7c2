"""Offboard users whom no source names any more, and re-activate those who return. Pure.

A user who is provably in no source is disabled or removed step by step, as the mapping says
(`missing`, `waits`, `remove_after`). A user whom Kanport disabled for that reason, and whom a
source names again, is enabled. All times are given.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import field
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import NamedTuple, Self

from kanport.facts import Fact, fact
from kanport.fields import ACTIVE, values_of
from kanport.findings import Finding, found
from kanport.mapping.spec import MappingFile
from kanport.mapping.users import Span, Steps
from kanport.memory import Absence, LedgerState, absence_at
from kanport.model import AppRole, CurrentState, DesiredUser, User
from kanport.names import compare_key
from kanport.origin import Origin, in_place_order
from kanport.plan.change import Action, UserChange, UserSide, sorted_risks
from kanport.plan.matching import name_matcher
from kanport.plan.model import PlanAbsence, PlanBecause
from kanport.plan.naming import sorted_names
from kanport.plan.ownership import ownership_of
from kanport.plan.people import Person, Persons, origin_of
from kanport.plan.resolve import Resolved
from kanport.plan.resolved import Holder
from kanport.plan.roles import active_risks, removal_risks
from kanport.plan.withheld import Diff, cause
from kanport.records import dataclass
from kanport.relations import OF_USERS, RELATIONS, About


@dataclass(slots=True)
class Offboarding(Diff[UserChange]):
    """What becomes of users who are in no source, and what the ledger is to know of them.

    `waiting` are the ids of those who only wait, so that their access stays as well,
    `leaving` of those whose access ends with their account, `gone` of all who are in no source,
    whatever groups of a directory still list. `held` says, by id, what keeps users from leaving
    whose access would end as well.
    """

    absences: list[PlanAbsence] = field(default_factory=list)
    waiting: set[int] = field(default_factory=set)
    leaving: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    held: dict[int, tuple[PlanBecause, ...]] = field(default_factory=dict)


def offboard(
    resolved: Resolved,
    current: CurrentState,
    mapping: MappingFile,
    memory: LedgerState,
    now: str,
) -> Offboarding:
    """Return what is to happen to managed users who are provably in no source.

    `now` is when the plan is made (UTC, RFC 3339): a run of it is one more that misses them.
    """
    made = Offboarding(absences=list(_returned(resolved, mapping, memory)))
    steps = mapping.users.steps if mapping.users is not None else None
    # If the server could not list its users, the few that were read prove nothing of the others.
    if steps is None or current.unlisted is not None:
        return made
    protected = name_matcher(mapping.protect)
    managed = ownership_of(mapping.users, memory).when_missing
    present = resolved.persons.with_user.keys()
    absent = [user for user in current.users if user.id not in present and managed(user)]
    leavers = _Leavers(resolved, current, mapping, memory, steps, now, made)
    for user in absent:
        leavers.decide(user, is_protected=protected(user.username))
    made.absences.sort(key=lambda one: one.user_id)
    made.findings.extend(removal_findings(leavers.removed_later, steps))
    if mapping.keeps_ledger:
        made.findings.extend(ahead_findings(memory, now))
    if mapping.keeps_ledger and memory.is_new and not _sources_say_who_is_active(mapping):
        disabled = (user.username for user in absent if not user.active)
        unknown = new_ledger_findings(name for name in disabled if not protected(name))
        made.findings.extend(unknown)
    return made


class _Leavers:
    """What happens to the users whom no source names, one user at a time."""

    def __init__(
        self,
        resolved: Resolved,
        current: CurrentState,
        mapping: MappingFile,
        memory: LedgerState,
        steps: Steps,
        now: str,
        made: Offboarding,
    ) -> None:
        self._made = made
        self._resolved, self._current, self._memory = resolved, current, memory
        self._steps, self._now, self._keeps_ledger = steps, now, mapping.keeps_ledger
        self._listed = _Listed.of(resolved, current)
        self._members = _members(resolved, current)
        self._by_lists = RELATIONS[About.MEMBERSHIP].ends_unlisted(mapping)
        self.removed_later: list[Absence] = []

    def decide(self, user: User, *, is_protected: bool) -> None:
        """Decide about one user: the next step on the way out, or what prevents it."""
        before = self._memory.absence(user)
        disabled = before is not None and before.disabled_at is not None
        unproven = self._listed.causes(user, self._current, self._resolved)
        if not unproven and not is_protected:
            self._made.gone.add(user.id)
        if not self._concerns(user, disabled=disabled):
            return
        absence = absence_at(before, user.username, self._now, self._memory.counted_at)
        if not is_protected and unproven and disabled and user.active:
            self._made.absences.append(_absence(user, "enabled"))
        elif not is_protected and not unproven and self._keeps_ledger:
            self._made.absences.append(_absence(user, "missing"))
        obstacles = (*unproven, *([cause("protected-account")] if is_protected else []))
        step = _next_step(user, absence, self._steps, self._now)
        if not obstacles:
            self._note(user, absence, step)
        if step.waits:
            obstacles = (*obstacles, *step.not_yet)
        if obstacles and (self._steps.and_ is not None or self._by_lists):
            self._made.held[user.id] = obstacles
        if step.change is not None:
            since = before.since if before is not None and before.runs else None
            because = (*obstacles, *step.not_yet)
            self._made.end(step.change, because, since=since, finding_case="users")

    def _concerns(self, user: User, *, disabled: bool) -> bool:
        """Return whether the mapping may do anything to a user: to the account or its access."""
        steps, is_member = self._steps, user.id in self._members
        return (
            user.active
            or steps.then == "remove"
            or (disabled and steps.remove_after is not None)
            # Lists that do not name somebody end nothing before their turn, disabled or not.
            or (is_member and (steps.and_ is not None or bool(steps.waits and self._by_lists)))
        )

    def _note(self, user: User, absence: Absence, step: "_Step") -> None:
        """Record of an unprotected user that they wait, or that their access ends."""
        if step.waits:
            self._made.waiting.add(user.id)
            self._made.findings.append(waiting_finding(absence, self._steps, active=user.active))
        elif not step.removes_now:
            if not user.active:
                self.removed_later.append(absence)
            if self._steps.and_ is not None:
                self._made.leaving.add(user.id)


class _Step(NamedTuple):
    """The next step for a user who is in no source, and why it is not time for it yet.

    `change` is None where nothing is left to do. With `waits`, access stays as well.
    """

    change: UserChange | None
    not_yet: tuple[PlanBecause, ...] = ()
    waits: bool = False

    @property
    def removes_now(self) -> bool:
        """Whether the account is to be removed, and it is time."""
        is_removal = self.change is not None and self.change.action is Action.USER_REMOVE
        return is_removal and not self.not_yet


def _next_step(user: User, absence: Absence, steps: Steps, now: str) -> _Step:
    disable = _disable(user, absence, steps) if user.active else None
    if not is_due(absence, steps, now):
        change = _remove(user, absence, steps) if steps.then == "remove" else disable
        return _Step(change, (waiting_cause(absence, steps),), waits=True)
    if steps.then == "remove" or (not user.active and is_removable(absence, steps, now)):
        return _Step(_remove(user, absence, steps))
    later = removal_cause(absence, steps)
    if disable is not None or later is None:
        return _Step(disable)
    return _Step(_remove(user, absence, steps), (later,))


def _sources_say_who_is_active(mapping: MappingFile) -> bool:
    return mapping.users is not None and mapping.users.fields.rule(ACTIVE) is not None


@dataclass(frozen=True, slots=True)
class _Listed:
    """What else names people whom no row of users is about: by compare key, with the places."""

    persons: Persons
    grouped: Mapping[str, list[Origin]]
    open: Mapping[About, Mapping[str | None, Set[Origin]]]

    @classmethod
    def of(cls, resolved: Resolved, current: CurrentState) -> Self:
        """Index the users whom rows of users and of groups name, and the rows that name nobody."""
        grouped: dict[str, list[Origin]] = {}
        for key, places in _named_in_groups(resolved):
            grouped.setdefault(key, []).extend(places)
        return cls(resolved.persons, grouped, _naming_nobody(resolved, current))

    def causes(
        self, user: User, current: CurrentState, resolved: Resolved
    ) -> tuple[PlanBecause, ...]:
        """Return why it is not proven that a user is in no source; nothing where it is."""
        key = compare_key(user.username)
        outlived = user.id in resolved.outlived
        found: list[PlanBecause] = []
        if not current.users_complete:
            found.append(cause("unread-users"))
        if outlived:
            # A row of the same username is about somebody else of whom it is certain who they are.
            found += resolved.causes.of_user(()) if resolved.uncertainty.everybody else ()
        elif resolved.uncertainty.missing(key):
            found += resolved.causes.of_user((key,))
        if key in self.persons.with_key:
            wanted = self.persons[self.persons.with_key[key]].desired
            places = wanted.rows or wanted.username.origins
            found.append(cause("still-listed", places, case="users"))
        if user.id in resolved.named.texts:
            places = tuple(chain.from_iterable(resolved.named.places(user.id).values()))
            found.append(cause("still-listed", places, case="memberships"))
        if not outlived and self.grouped.get(key):
            found.append(cause("still-listed", self.grouped[key], case="groups"))
        elif not outlived and key in self.grouped and not found:
            # A row of groups or memberships that cannot be used names them.
            found += resolved.causes.of_user((key,))
        if not outlived and not found:
            found += self._may_be_listed(user, current, resolved)
        return tuple(found)

    def _may_be_listed(
        self, user: User, current: CurrentState, resolved: Resolved
    ) -> Iterator[PlanBecause]:
        """Yield the rows that name nobody in a project or group in which a user is now.

        Such a row may be the one that lists this user, with a slip of the pen.
        """
        for kind, rows in self.open.items():
            there = _targets(kind, user, current, resolved) if rows else set()
            found = [places for key, places in rows.items() if key is None or key in there]
            if there and found:
                places = set().union(*found)
                yield cause("invalid-row", places, case="any", count=len(places))


def _returned(
    resolved: Resolved, mapping: MappingFile, memory: LedgerState
) -> Iterator[PlanAbsence]:
    """Return those whom the ledger has as missing and a source names again."""
    if not mapping.keeps_ledger:
        return
    there = resolved.persons.with_user
    for user_id in sorted(memory.absent.keys() & there.keys(), key=there.__getitem__):
        user = resolved.people.by_id[user_id]
        if memory.absence(user) is not None:
            yield _absence(user, "back")


def _named_in_groups(resolved: Resolved) -> Iterator[tuple[str, tuple[Origin, ...]]]:
    """Yield the compare keys of whom a row of groups names, or of users whom it means.

    With them are those whom a row of groups or memberships names that cannot be used.
    """
    for member in resolved.desired.group_members:
        if member.unlisted:
            continue
        yield compare_key(member.holder.value), member.holder.origins
        found = resolved.finder.find(member.holder.value)
        if isinstance(found, Holder) and found.user is not None:
            yield compare_key(found.name), member.holder.origins
    for kind in OF_USERS:
        for who, _ in resolved.desired.unknown.pairs(kind):
            if who is not None:
                yield who, ()


def _naming_nobody(
    resolved: Resolved, current: CurrentState
) -> Mapping[About, Mapping[str | None, Set[Origin]]]:
    """Return the unusable rows that name nobody, by the kind and the key of where they list them.

    None stands for any project or group, as does the name of a group that the server lacks.
    """
    found: dict[About, dict[str | None, set[Origin]]] = {
        kind: defaultdict(set) for kind in OF_USERS
    }
    groups = {compare_key(group.name) for group in current.groups}
    uncertainty = resolved.uncertainty
    for kind, targets in uncertainty.slips.items():
        for what in targets:
            found[kind][what].update(
                one.origin
                for one in uncertainty.because
                if (one.about, one.who, one.what) == (kind, None, what)
            )
    for kind, what, place in resolved.desired.unknown.unnamed:
        known = what if kind is About.MEMBERSHIP or what in groups else None
        found[kind][known].add(place)
    for member in resolved.desired.group_members:
        if not member.unlisted and isinstance(resolved.finder.find(member.holder.value), Finding):
            key = member.key[1] if member.key[1] in groups else None
            found[About.GROUP_MEMBER][key].update(member.holder.origins)
    return found


def _targets(kind: About, user: User, current: CurrentState, resolved: Resolved) -> Set[str]:
    """Return the keys of the projects, or groups, in which a user is now."""
    if kind is About.GROUP_MEMBER:
        return {compare_key(one.name) for one in current.groups if user.id in one.members}
    projects = current.project_index.by_id
    held = (projects[number] for number, roles in current.roles.items() if user.id in roles)
    return frozenset[str]().union(*map(resolved.projects.keys_of, held))


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


def _disable(user: User, absence: Absence, steps: Steps) -> UserChange:
    return UserChange(
        action=Action.USER_DISABLE,
        username=user.username,
        user_id=user.id,
        before=UserSide({"active": True}),
        after=UserSide({"active": False}),
        why=_reason(absence, steps),
        risk=sorted_risks(active_risks(user.role, enable=False)),
    )


def _remove(user: User, absence: Absence, steps: Steps) -> UserChange:
    reason = _reason(absence, steps)
    if steps.then != "remove" and absence.disabled_at is not None:
        reason = fact("in-no-source", case="disabled", disabled_on=absence.disabled_at[:10])
    return UserChange(
        action=Action.USER_REMOVE,
        username=user.username,
        user_id=user.id,
        before=UserSide(values_of(user)),
        why=reason,
        risk=sorted_risks(removal_risks(user)),
    )


def is_due(absence: Absence, steps: Steps, now: str) -> bool:
    """Whether somebody has been missing for as long as the mapping wants.

    The run that is being planned counts. Of runs and days, whichever is reached first does.
    """
    return not steps.waits or any(_passed(span, absence, now) for span in steps.waits)


def is_removable(absence: Absence, steps: Steps, now: str) -> bool:
    """Whether somebody whom Kanport disabled has been so, and missing, for as long as is wanted."""
    day = removal_day(absence, steps)
    return day is not None and _time(now) >= day


def removal_day(absence: Absence, steps: Steps) -> datetime | None:
    """Return when somebody whom Kanport disabled is to be removed; None where nobody is."""
    if steps.remove_after is None or absence.disabled_at is None:
        return None
    last = max(_time(absence.disabled_at), _time(absence.since))
    return last + timedelta(days=steps.remove_after.number)


def waiting_finding(absence: Absence, steps: Steps, *, active: bool) -> Finding:
    """Return the finding that a user is missing, and what will happen to them when.

    Of whoever is disabled already (`active` is False), only the access can end.
    """
    return found(
        "leaver-waiting",
        case=steps.then if active or steps.then == "remove" else "access",
        value=absence.username,
        username=absence.username,
        since=absence.since[:10],
        when=_due(absence, steps),
    )


def waiting_cause(absence: Absence, steps: Steps) -> PlanBecause:
    """Return that it is not time yet for what happens to somebody who is missing."""
    return cause("waiting-period", since=absence.since[:10], when=_due(absence, steps))


def removal_cause(absence: Absence, steps: Steps) -> PlanBecause | None:
    """Return that somebody whom Kanport disabled is removed later; None where nobody is."""
    day = removal_day(absence, steps)
    return cause("waiting-period", case="removal", day=f"{day:%Y-%m-%d}") if day else None


def _due(absence: Absence, steps: Steps) -> Fact:
    when = [_when(span, absence) for span in steps.waits]
    return when[0] if len(when) == 1 else fact("due", case="first", one=when[0], other=when[1])


def removal_findings(absences: Iterable[Absence], steps: Steps) -> Iterator[Finding]:
    """Return one finding if users are going to be removed, which names the first; else none."""
    dated = [(day, one.username) for one in absences if (day := removal_day(one, steps))]
    if not dated:
        return
    day, username = min(dated)
    yield found("leaver-removal", count=len(dated), username=username, day=f"{day:%Y-%m-%d}")


def ahead_findings(memory: LedgerState, now: str) -> Iterator[Finding]:
    """Return a finding if the clock is behind what the ledger has counted; else none."""
    if now < memory.counted_at:
        yield found("ledger-ahead", counted_at=memory.counted_at, now=now)


def new_ledger_findings(usernames: Iterable[str]) -> Iterator[Finding]:
    """Return a finding if a new ledger does not know who disabled these users; else none."""
    if names := sorted_names(usernames):
        yield found("ledger-new", count=len(names), usernames=names)


def _passed(span: Span, absence: Absence, now: str) -> bool:
    if span.unit == "run":
        return absence.runs >= span.number
    return _time(now) - _time(absence.since) >= timedelta(days=span.number)


def _when(span: Span, absence: Absence) -> Fact:
    if span.unit == "day":
        day = _time(absence.since) + timedelta(days=span.number)
        return fact("due", case="day", day=f"{day:%Y-%m-%d}")
    return fact("due", case="runs", runs=max(span.number - absence.runs, 1))


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reactivation:
    """What the ledger knows of people who were here before.

    `owners` is whose a user is, by user id, `gone` whose a username was that no user of the server
    has as theirs any more, by compare key: stable ids each. `may_be_admin` tests usernames.
    """

    memory: LedgerState
    resolved: Resolved
    owners: Mapping[int, str]
    gone: Mapping[str, tuple[str, ...]]
    may_be_admin: Callable[[str], bool]

    @classmethod
    def of(cls, memory: LedgerState, resolved: Resolved, allow_admins: Iterable[str]) -> Self:
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
        uncertainty = self.resolved.uncertainty
        params = {"username": user.username, "disabled_on": absence.disabled_at[:10]}
        if owner is not None and owner != given:
            return fact("person-disabled", case="other-id", owner=owner, **params)
        if uncertainty.named(user.username) or uncertainty.named(wanted.username.value):
            return fact("person-disabled", case="invalid-row", **params)
        if _role(person, user) == AppRole.ADMIN and not self.may_be_admin(wanted.username.value):
            return fact("person-disabled", case="admin", **params)
        return None

    def login_reused(self, wanted: DesiredUser) -> Iterator[Finding]:
        """Yield a finding about a new user whose username was somebody else's before."""
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
