"""What a run left behind: each value that it changed, with what was there before. Pure."""

from dataclasses import dataclass, field, replace
from typing import Any, Generic, NamedTuple, TypeVar

from kanport.apply.journal import Answered, Heard, Recorded
from kanport.model import RELATIONS, About
from kanport.names import compare_key
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

C = TypeVar("C", bound=Change)
K = TypeVar("K")

# A user, group or project by id; one that the run created by the compare key of its username, by
# its name or by its label.
Ref = int | str


class Place(NamedTuple):
    """Where a relation is: which one, and who or what it ties."""

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
    or nobody knows its answer. `changes` are those that did it, the last one last. `left` is what
    the run left behind as it saw it: what was there before, where its call failed.
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
    """All that a run left behind, each by what it was done to.

    `fields` are the values of users by id and name of the field. `relations` are the roles; None is
    none, and who is in a group has the role "". `cut` are the memberships whose direct part was
    ended, while access through a group remained. `found` are the changes that gave access which was
    there already, with a role that nobody knows. Users are created by the compare key of their
    username, groups by name, projects by label; the others are by id.
    """

    fields: dict[int, dict[str, RecordedEffect[UserChange]]] = field(default_factory=dict)
    relations: dict[Place, RecordedEffect[RelationChange]] = field(default_factory=dict)
    cut: set[Place] = field(default_factory=set)
    found: list[RelationChange] = field(default_factory=list)
    created: dict[str, Effect[UserChange]] = field(default_factory=dict)
    removed: dict[int, UserChange] = field(default_factory=dict)
    groups_created: dict[str, Effect[GroupChange]] = field(default_factory=dict)
    groups_removed: dict[int, Effect[GroupChange]] = field(default_factory=dict)
    groups_updated: dict[int, Effect[GroupChange]] = field(default_factory=dict)
    projects: dict[str, Effect[ProjectChange]] = field(default_factory=dict)


def place_of(change: RelationChange) -> Place:
    """Return where a relation is that a change is about."""
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
    """Return what a run left behind, as its journal tells it.

    What was already so is not Kanport's doing and is left out, as is what was never sent.
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
        effects.cut.add(place)


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
