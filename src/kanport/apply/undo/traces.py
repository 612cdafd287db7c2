"""What a run left behind: each value that it changed, with what was there before. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kanport.apply.journal import Answered, Heard, Recorded
from kanport.apply.undo.group_traces import Effect, GroupTraces, group_traces_of
from kanport.names import compare_key
from kanport.outcome import Outcome, Status
from kanport.plan.model import About, Action, Change

_USER_FIELDS = (Action.USER_UPDATE, Action.USER_RENAME, Action.USER_ENABLE, Action.USER_DISABLE)

# A user by id, or somebody whom the run created by the compare key of the username.
Who = int | str


@dataclass(frozen=True, slots=True)
class Trace:
    """A value that a run changed: what it was, and what the run made of it.

    `certain` is False where only the server can tell whether the run changed it: its call failed,
    or nobody knows its answer. `changes` are those that did it, the last one last.
    """

    before: Any
    after: Any
    certain: bool
    changes: tuple[Change, ...]

    @property
    def change(self) -> Change:
        """The change that made the value what it is."""
        return self.changes[-1]


@dataclass(frozen=True, slots=True)
class Created:
    """A user whom a run created; the id is None where the journal does not have it."""

    change: Change
    user_id: int | None
    certain: bool


@dataclass(frozen=True, slots=True)
class Traces:
    """All that a run left behind.

    `fields` are the values of users by id and name of the field, `access` the roles (None is none)
    by person and project, `removed` the removals by user id, `created` the new users. `cut` are the
    memberships whose direct part was ended, while access through a group remained. `groups` is what
    the run did to groups and projects.
    """

    fields: dict[int, dict[str, Trace]] = field(default_factory=dict)
    access: dict[tuple[Who, int], Trace] = field(default_factory=dict)
    removed: dict[int, Change] = field(default_factory=dict)
    created: dict[str, Created] = field(default_factory=dict)
    cut: set[tuple[Who, int]] = field(default_factory=set)
    groups: GroupTraces = field(default_factory=GroupTraces)


def who_of(change: Change) -> Who:
    """Tell whom a change is about: a user id, or the compare key of somebody who gets one."""
    return compare_key(change.username) if change.user_id is None else change.user_id


def traces_of(recorded: Recorded) -> Traces:
    """Give what a run left behind, as its journal tells it.

    What was already so is not Kanport's doing and is left out, as is what was never sent.
    """
    effects = [
        Effect(change, certain, _new_id(recorded.answers.get(change.id, ())))
        for change, certain in _effects(recorded)
    ]
    traces = Traces(groups=group_traces_of(effects))
    traces.groups.found.extend(
        change
        for change, outcome in zip(recorded.plan.changes, recorded.run.outcomes, strict=True)
        if change.action is Action.GROUP_ACCESS_GRANT and outcome.status is Status.ALREADY
    )
    for change, certain in _effects(recorded):
        if change.about is About.MEMBERSHIP:
            new = traces.groups.projects.get(change.subject.project or "")
            project_id = change.project_id or (new.number if new is not None else None)
            if project_id is None:
                continue
            place = who_of(change), project_id
            _add(traces.access, place, change.old.role, change.new.role, change, certain)
            if not certain and change.action is Action.MEMBERSHIP_REVOKE:
                # Kanboard says true only where there was a direct membership to end.
                answers = recorded.answers.get(change.id, ())
                confirmed = any(answer.kind is Heard.TRUE for answer in answers)
                traces.cut.update({place} if confirmed else ())
        elif change.action is Action.USER_CREATE:
            user_id = _new_id(recorded.answers.get(change.id, ()))
            made = Created(change, user_id, certain or user_id is not None)
            if made.certain or _lost(recorded.answers.get(change.id, ())):
                traces.created[compare_key(change.username)] = made
        elif change.user_id is not None and change.action is Action.USER_REMOVE:
            traces.removed[change.user_id] = change
        elif change.user_id is not None and change.action in _USER_FIELDS:
            own = traces.fields.setdefault(change.user_id, {})
            for name, value in change.new.fields.items():
                _add(own, name, change.old.values.get(name), value, change, certain)
    return traces


def _effects(recorded: Recorded) -> Iterator[tuple[Change, bool]]:
    """Give the changes that had an effect, or may have had one, in their order."""
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
    traces: dict[Any, Trace], place: Any, before: Any, after: Any, change: Change, certain: bool
) -> None:
    earlier = traces.get(place)
    if earlier is None:
        traces[place] = Trace(before, after, certain, (change,))
    elif certain:
        traces[place] = replace(earlier, after=after, changes=(*earlier.changes, change))
