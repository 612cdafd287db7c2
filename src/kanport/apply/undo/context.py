"""The effects of a run, and the context and result of each part of its undo.

First each value that the run changed, with the value before, as its journal says; then the server
as it is now, in which Kanport looks up the users, groups and projects of the run. Pure.
"""

from collections.abc import Callable, Iterable
from dataclasses import field, replace
from typing import Any, Generic, NamedTuple, Self, TypeVar

from kanport.apply.journal import Answered, Heard, Recorded
from kanport.facts import Fact, Param, fact
from kanport.findings import Finding, finding
from kanport.model import CurrentState, Group, Project, User, UserIndex
from kanport.names import compare_key
from kanport.origin import Origin, first_place, in_place_order
from kanport.outcome import Outcome, Status
from kanport.plan.change import (
    Action,
    Change,
    GroupChange,
    ProjectChange,
    RelationAbout,
    RelationChange,
    UserChange,
)
from kanport.plan.matching import name_matcher
from kanport.records import dataclass
from kanport.relations import RELATIONS, About

C = TypeVar("C", bound=Change)
K = TypeVar("K")

# An id. For what the run created, the compare key of a username, the name of a group, or the label
# of a project.
Ref = int | str


class Place(NamedTuple):
    """The kind, holder and target of a relation."""

    about: RelationAbout
    holder: Ref
    target: Ref


@dataclass(frozen=True, slots=True)
class Effect(Generic[C]):
    """A change that had an effect; `certain` is False where only the server can tell whether.

    `number` is the id of what it created, where the journal has it.
    """

    change: C
    certain: bool
    number: int | None = None


@dataclass(frozen=True, slots=True)
class RecordedEffect(Generic[C]):
    """A value that a run changed: what it was, and what the run made of it.

    `certain` is False where only the server can tell whether the run changed it: its call failed,
    or nobody knows its answer. `changes` are those that did it, the last one last. `left`, of
    relations only, is what the run left behind as it saw it: what was there before, where its call
    failed.
    """

    before: Any
    after: Any
    certain: bool
    changes: tuple[C, ...]
    left: Any = None

    @property
    def change(self) -> C:
        """The change that made the value what it is."""
        return self.changes[-1]


@dataclass(frozen=True, slots=True)
class RecordedEffects:
    """All effects of a run, by the user, relation, group or project that each is about.

    `fields` are the values of users by id and name of the field. `relations` are the roles; None is
    none, and who is in a group has the role "". `direct_part_ended` are the memberships whose
    direct part was ended, while access through a group remained. `found` are the changes that gave
    access which was there already, with a role that nobody knows. Users are created by the compare
    key of their username, groups by name, projects by label; the others are by id.
    """

    fields: dict[int, dict[str, RecordedEffect[UserChange]]] = field(default_factory=dict)
    relations: dict[Place, RecordedEffect[RelationChange]] = field(default_factory=dict)
    direct_part_ended: set[Place] = field(default_factory=set)
    found: list[RelationChange] = field(default_factory=list)
    created: dict[str, Effect[UserChange]] = field(default_factory=dict)
    removed: dict[int, UserChange] = field(default_factory=dict)
    groups_created: dict[str, Effect[GroupChange]] = field(default_factory=dict)
    groups_removed: dict[int, Effect[GroupChange]] = field(default_factory=dict)
    groups_updated: dict[int, Effect[GroupChange]] = field(default_factory=dict)
    projects: dict[str, Effect[ProjectChange]] = field(default_factory=dict)


def place_of(change: RelationChange) -> Place:
    """Return the kind, holder and target of the relation that a change is about."""
    relation = RELATIONS[change.about]
    return Place(change.about, _ref(change, relation.holder), _ref(change, relation.target))


def _ref(change: RelationChange, end: About) -> Ref:
    match end:
        case About.USER if change.user_id is None:
            return compare_key(change.username or "")
        case About.USER:
            return change.user_id or 0
        case About.GROUP:
            return change.group_id or change.group or ""
    return change.project_id or change.target


def effects_of(recorded: Recorded) -> RecordedEffects:
    """Return the effects of a run, as its journal says.

    What was unchanged is not Kanport's doing and is left out, as is what was never sent; but access
    of groups that was there already is among `found`.
    """
    effects = RecordedEffects()
    for change, outcome in zip(recorded.plan.changes, recorded.run.outcomes, strict=True):
        answers = recorded.answers.get(change.id, ())
        if change.action is Action.GROUP_ACCESS_GRANT and outcome.status is Status.ALREADY:
            effects.found.append(change)
        certain = outcome.status is Status.DONE
        # Refused the second time, after an answer was lost: it was this run that did it at first.
        failed = outcome.status is Status.FAILED and not _never_left(answers)
        if not (certain or failed or _lost(answers)):
            continue
        match change:
            case UserChange():
                _add_user(effects, change, certain, answers)
            case RelationChange():
                _add_relation(effects, change, certain, outcome, answers)
            case GroupChange(action=Action.GROUP_CREATE):
                effects.groups_created[change.group] = Effect(change, certain, _new_id(answers))
            case GroupChange(group_id=int(group_id)):
                removes = change.action is Action.GROUP_REMOVE
                of_group = effects.groups_removed if removes else effects.groups_updated
                of_group[group_id] = Effect(change, certain)
            case ProjectChange():
                effects.projects[change.project] = Effect(change, certain, _new_id(answers))
    return effects


def _add_user(
    effects: RecordedEffects, change: UserChange, certain: bool, answers: tuple[Answered, ...]
) -> None:
    if change.action is Action.USER_CREATE:
        user_id = _new_id(answers)
        made = Effect(change, certain or user_id is not None, user_id)
        if made.certain or _lost(answers):
            effects.created[compare_key(change.username)] = made
    elif change.user_id is None:
        return
    elif change.action is Action.USER_REMOVE:
        effects.removed[change.user_id] = change
    else:
        own = effects.fields.setdefault(change.user_id, {})
        for name, value in change.new.fields.items():
            _add(own, name, RecordedEffect(change.old.fields.get(name), value, certain, (change,)))


def _add_relation(
    effects: RecordedEffects,
    change: RelationChange,
    certain: bool,
    outcome: Outcome,
    answers: tuple[Answered, ...],
) -> None:
    place = place_of(change)
    before, after = change.old_role, change.new_role
    if change.about is About.GROUP_MEMBER:
        added = change.action is Action.GROUP_MEMBER_ADD
        before, after = (None, "") if added else ("", None)
    left = after if certain else _left(change, outcome)
    _add(effects.relations, place, RecordedEffect(before, after, certain, (change,), left))
    # Kanboard says true only where there was a direct membership to end.
    ended = change.action is Action.MEMBERSHIP_REVOKE and not certain
    if ended and any(answer.kind is Heard.TRUE for answer in answers):
        effects.direct_part_ended.add(place)


def _lost(answers: tuple[Answered, ...]) -> bool:
    return any(answer.kind is Heard.LOST for answer in answers)


def _never_left(answers: tuple[Answered, ...]) -> bool:
    return all(answer.kind is Heard.NEVER_SENT for answer in answers) and bool(answers)


def _new_id(answers: tuple[Answered, ...]) -> int | None:
    numbers = [answer.number for answer in answers if answer.kind is Heard.ID]
    return numbers[-1] if numbers else None


def _add(effects: dict[K, RecordedEffect[C]], key: K, new: RecordedEffect[C]) -> None:
    earlier = effects.get(key)
    if earlier is None:
        effects[key] = new
    elif new.certain:
        changes = (*earlier.changes, *new.changes)
        effects[key] = replace(earlier, after=new.after, changes=changes, left=new.left)


def _left(change: RelationChange, outcome: Outcome) -> str | None:
    """Return the role after a change that has no certain effect, as far as the run saw it."""
    if outcome.through_group is not None:
        return outcome.through_group
    return change.new_role if outcome.unknown else change.old_role


# --- what each part of an undo looks at, what it returns, and what it says ------------------------


@dataclass(frozen=True, slots=True)
class UndoPart:
    """The changes of one part of an undo, how many are not needed any more, and its findings."""

    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()
    unchanged: int = 0

    @classmethod
    def of(cls, parts: Iterable["UndoPart"]) -> Self:
        """Join parts."""
        changes: list[Change] = []
        findings: list[Finding] = []
        unchanged = 0
        for part in parts:
            changes += part.changes
            findings += part.findings
            unchanged += part.unchanged
        return cls(tuple(changes), tuple(findings), unchanged)


@dataclass(frozen=True, slots=True)
class UndoContext:
    """The effects of a run beside the server as it is now.

    `protected` tells of a username whether nothing may touch it.
    """

    effects: RecordedEffects
    current: CurrentState
    people: UserIndex
    protected: Callable[[str], bool]

    @classmethod
    def of(cls, effects: RecordedEffects, current: CurrentState, protect: Iterable[str]) -> Self:
        """Index the users and make the context."""
        return cls(effects, current, current.people, name_matcher(protect))

    def new_user(self, made: Effect[UserChange]) -> User | None:
        """Return the user that the run created; None if there is none or Kanport cannot tell."""
        if made.number is not None:
            return self.people.by_id.get(made.number)
        fitting = self.people.fitting(made.change.username)
        return fitting[0] if len(fitting) == 1 else None

    def has_its_name(self, made: Effect[UserChange], user: User) -> bool:
        """Return whether somebody whom the run created still has the username that it gave."""
        return compare_key(user.username) == compare_key(made.change.username)

    def user(self, who: Ref) -> User | None:
        """Return a user by id, or one that the run created or found by the username's key."""
        if isinstance(who, int):
            return self.people.by_id.get(who)
        made = self.effects.created.get(who)
        if made is not None:
            user = self.new_user(made)
            return user if user is not None and self.has_its_name(made, user) else None
        fitting = self.people.by_key.get(who, ())
        return fitting[0] if len(fitting) == 1 else None

    def group_at(self, ref: Ref) -> Group | None:
        """Return a group by id, or one that the run created by the id that it got, else by name."""
        made = self.effects.groups_created.get(ref) if isinstance(ref, str) else None
        number = made.number if made is not None else ref
        for group in self.current.groups:
            if group.id == number or (number is None and group.name == ref):
                return group
        return None

    def group(self, ref: Ref, change: Change) -> Group | None:
        """Return a group as `group_at` does, unless it has a name that the run did not know.

        It may be another group: SQLite gives the id of a removed one to the next that is made.
        """
        group = self.group_at(ref)
        updated = self.effects.groups_updated.get(ref) if isinstance(ref, int) else None
        known = {change.group}
        if updated is not None:
            known |= {updated.change.old.name, updated.change.new.name}
        return group if group is not None and group.name in known else None

    def no_group(self, ref: Ref, change: Change) -> Finding:
        """Return why `group` finds no group that a change is about."""
        group, named = self.group_at(ref), change.group or ""
        if group is None:
            return moved(change, "group-gone", group=named)
        return moved(change, "group-renamed", id=group.id, group=named, called=group.name)

    def project(self, ref: Ref) -> Project | None:
        """Return a project by id, or one that the run created by the id that it got.

        Without that id nothing tells that a project of the name is the one that was created.
        """
        made = self.effects.projects.get(ref) if isinstance(ref, str) else None
        number = made.number if made is not None else ref
        found = [one for one in self.current.projects if number in (one.id, one.label)]
        return found[0] if len(found) == 1 else None

    @property
    def gone(self) -> str:
        """Return the case of `undo-moved` for a user who is not among those that Kanport read."""
        return "user-gone" if self.current.users_complete else "user-unread"


def reason_for(changes: Iterable[Change]) -> Fact:
    """Return the reason that names the changes which an undo takes back."""
    return fact("undoes", changes=tuple(change.id for change in changes))


def origin_of(changes: Iterable[Change]) -> tuple[Origin, ...]:
    """Return the cells and entries that asked for the changes which an undo takes back."""
    return in_place_order(place for change in changes for place in change.origin)


def moved(change: Change, case: str, **params: Param) -> Finding:
    """Return the finding for something that changed since the run."""
    return _about(change, "undo-moved", case, **params)


def impossible(change: Change, case: str, **params: Param) -> Finding:
    """Return the finding for something that Kanboard's API cannot undo."""
    return _about(change, "undo-impossible", case, **params)


def _about(change: Change, code: str, case: str, **params: Param) -> Finding:
    why = fact(code, case=case, change=change.id, **params)
    return finding(why, first_place(change.origin), value=change.username)


def partial(case: str, **params: Param) -> Finding:
    """Return the finding for something that Kanport undoes only in part."""
    return finding(fact("undo-partial", case=case, **params))


def about_users(case: str, usernames: Iterable[str], **params: Param) -> list[Finding]:
    """Return the finding about changes of these users that Kanport undoes only in part, if any."""
    names = tuple(sorted(set(usernames)))
    return [partial(case, usernames=names, count=len(names), **params)] if names else []
