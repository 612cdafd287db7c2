"""What a run left behind: each value that it changed, with what was there before. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from kanport.apply.journal import Answered, Heard, Recorded
from kanport.model import About
from kanport.names import compare_key
from kanport.outcome import Outcome, Status
from kanport.plan.change import (
    Action,
    Change,
    GroupChange,
    ProjectChange,
    RelationChange,
    UserChange,
)

C = TypeVar("C", bound=Change)

# A group or project by id, or one that the run created by its name or label.
Thing = int | str
# A user by id, or somebody whom the run created by the compare key of the username.
Who = int | str


@dataclass(frozen=True, slots=True)
class Effect(Generic[C]):
    """A change that had an effect; `certain` is False where only the server can tell whether.

    `number` is the id of what it created, where the journal has it.
    """

    change: C
    certain: bool
    number: int | None = None


@dataclass(frozen=True, slots=True)
class GroupEffects:
    """All that a run did to groups and projects, each by what it was done to.

    `found` are the changes that gave access which was there already, with a role that nobody knows.
    """

    created: dict[str, Effect[GroupChange]] = field(default_factory=dict)
    removed: dict[int, Effect[GroupChange]] = field(default_factory=dict)
    updated: dict[int, Effect[GroupChange]] = field(default_factory=dict)
    members: dict[tuple[Thing, Who], Effect[RelationChange]] = field(default_factory=dict)
    access: dict[tuple[Thing, Thing], Effect[RelationChange]] = field(default_factory=dict)
    projects: dict[str, Effect[ProjectChange]] = field(default_factory=dict)
    found: list[RelationChange] = field(default_factory=list)


def group_effects_of(several: Iterable[tuple[Change, bool, int | None]]) -> GroupEffects:
    """Sort the effects of a run by what they were about; others than of groups are left out.

    Each is a change, whether it is certain that it had an effect, and the id of what it created.
    """
    effects = GroupEffects()
    for change, certain, number in several:
        group: Thing = change.group_id or change.group or ""
        if change.action is Action.GROUP_CREATE:
            effects.created[change.group] = Effect(change, certain, number)
        elif change.action is Action.PROJECT_CREATE:
            effects.projects[change.project] = Effect(change, certain, number)
        elif change.action is Action.GROUP_REMOVE and change.group_id is not None:
            effects.removed[change.group_id] = Effect(change, certain)
        elif change.action is Action.GROUP_UPDATE and change.group_id is not None:
            effects.updated[change.group_id] = Effect(change, certain)
        elif change.about is About.GROUP_MEMBER:
            effects.members[group, who_of(change)] = Effect(change, certain)
        elif change.about is About.GROUP_ACCESS:
            project: Thing = change.project_id or change.target
            effects.access[group, project] = Effect(change, certain)
    return effects


@dataclass(frozen=True, slots=True)
class RecordedEffect:
    """A value that a run changed: what it was, and what the run made of it.

    `certain` is False where only the server can tell whether the run changed it: its call failed,
    or nobody knows its answer. `changes` are those that did it, the last one last. `left` is what
    the run left behind as it saw it: what was there before, where its call failed.
    """

    before: Any
    after: Any
    certain: bool
    changes: tuple[Change, ...]
    left: Any = None

    @property
    def change(self) -> Change:
        """The change that made the value what it is."""
        return self.changes[-1]


@dataclass(frozen=True, slots=True)
class Created:
    """A user whom a run created; the id is None where the journal does not have it."""

    change: UserChange
    user_id: int | None
    certain: bool


@dataclass(frozen=True, slots=True)
class RecordedEffects:
    """All that a run left behind.

    `fields` are the values of users by id and name of the field, `access` the roles (None is none)
    by person and project, `removed` the removals by user id, `created` the new users. `cut` are the
    memberships whose direct part was ended, while access through a group remained. `groups` is what
    the run did to groups and projects.
    """

    fields: dict[int, dict[str, RecordedEffect]] = field(default_factory=dict)
    access: dict[tuple[Who, int], RecordedEffect] = field(default_factory=dict)
    removed: dict[int, UserChange] = field(default_factory=dict)
    created: dict[str, Created] = field(default_factory=dict)
    cut: set[tuple[Who, int]] = field(default_factory=set)
    groups: GroupEffects = field(default_factory=GroupEffects)


def who_of(change: Change) -> Who:
    """Return whom a change is about: a user id, or the compare key of somebody who gets one."""
    return compare_key(change.username or "") if change.user_id is None else change.user_id


def effects_of(recorded: Recorded) -> RecordedEffects:
    """Return what a run left behind, as its journal tells it.

    What was already so is not Kanport's doing and is left out, as is what was never sent.
    """
    of_groups = group_effects_of(
        (change, certain, _new_id(recorded.answers.get(change.id, ())))
        for change, certain in _effects(recorded)
    )
    effects = RecordedEffects(groups=of_groups)
    outcomes = {one.change_id: one for one in recorded.run.outcomes}
    effects.groups.found.extend(
        change
        for change, outcome in zip(recorded.plan.changes, recorded.run.outcomes, strict=True)
        if change.action is Action.GROUP_ACCESS_GRANT and outcome.status is Status.ALREADY
    )
    for change, certain in _effects(recorded):
        if change.about is About.MEMBERSHIP:
            new = effects.groups.projects.get(change.project or "")
            project_id = change.project_id or (new.number if new is not None else None)
            if project_id is None:
                continue
            place = who_of(change), project_id
            left = change.new_role if certain else _left(change, outcomes[change.id])
            _add(effects.access, place, change.old_role, change.new_role, change, certain, left)
            if not certain and change.action is Action.MEMBERSHIP_REVOKE:
                # Kanboard says true only where there was a direct membership to end.
                answers = recorded.answers.get(change.id, ())
                confirmed = any(answer.kind is Heard.TRUE for answer in answers)
                effects.cut.update({place} if confirmed else ())
        elif change.action is Action.USER_CREATE:
            user_id = _new_id(recorded.answers.get(change.id, ()))
            made = Created(change, user_id, certain or user_id is not None)
            if made.certain or _lost(recorded.answers.get(change.id, ())):
                effects.created[compare_key(change.username)] = made
        elif change.about is not About.USER or change.user_id is None:
            continue
        elif change.action is Action.USER_REMOVE:
            effects.removed[change.user_id] = change
        else:
            own = effects.fields.setdefault(change.user_id, {})
            for name, value in change.new.fields.items():
                _add(own, name, change.old.fields.get(name), value, change, certain)
    return effects


def _effects(recorded: Recorded) -> Iterator[tuple[Change, bool]]:
    """Return the changes that had an effect, or may have had one, in their order."""
    outcomes: Mapping[str, Outcome] = {one.change_id: one for one in recorded.run.outcomes}
    for change in recorded.plan.changes:
        status = outcomes[change.id].status
        answers = recorded.answers.get(change.id, ())
        # Refused the second time, after an answer was lost: it was this run that did it at first.
        if status is Status.DONE:
            yield change, True
        elif _lost(answers) or (status is Status.FAILED and not _never_left(answers)):
            yield change, False


def _lost(answers: tuple[Answered, ...]) -> bool:
    return any(answer.kind is Heard.LOST for answer in answers)


def _never_left(answers: tuple[Answered, ...]) -> bool:
    return all(answer.kind is Heard.NEVER_SENT for answer in answers) and bool(answers)


def _new_id(answers: tuple[Answered, ...]) -> int | None:
    numbers = [answer.number for answer in answers if answer.kind is Heard.ID]
    return numbers[-1] if numbers else None


def _add(
    effects: dict[Any, RecordedEffect],
    place: Any,
    before: Any,
    after: Any,
    change: Change,
    certain: bool,
    left: Any = None,
) -> None:
    earlier = effects.get(place)
    if earlier is None:
        effects[place] = RecordedEffect(before, after, certain, (change,), left)
    elif certain:
        effects[place] = replace(
            earlier, after=after, changes=(*earlier.changes, change), left=left
        )


def _left(change: RelationChange, outcome: Outcome) -> str | None:
    """Return the role after a change that has no certain effect, as far as the run saw it."""
    if outcome.through_group is not None:
        return outcome.through_group
    return change.new_role if outcome.unknown else change.old_role
