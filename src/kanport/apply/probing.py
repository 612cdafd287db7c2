"""Reads back what changes were about, each thing once, whatever number of changes ask for it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kanport.apply.group_steps import ACCESS, AccessSeen, NewProject, named
from kanport.apply.observed import Ids, known
from kanport.apply.steps import probe_for
from kanport.kanboard import procedures
from kanport.kanboard.rows import all_or_none
from kanport.kanboard.rpc import Call
from kanport.plan.model import Action, Change

Read = Callable[[Sequence[Call]], list[Any]]
_Key = tuple[Any, ...]


def read_back(asked: Sequence[tuple[Change, Ids]], read: Read) -> list[Any]:
    """Give for each change what `kanport.apply.steps.observe` judges."""
    if not any(_is_special(change) for change, _ in asked):
        calls = [probe_for(change, ids) for change, ids in asked]
        if len(calls) < 2:
            return read(calls)
        keys = list(map(_key, calls))
        unique = dict(zip(keys, calls, strict=True))
        answers = dict(zip(unique, read(list(unique.values())), strict=True))
        return [answers[key] for key in keys]
    calls_of = [list(_calls(change, ids)) for change, ids in asked]
    unique = {_key(call): call for calls in calls_of for call in calls}
    answers = dict(zip(unique, read(list(unique.values())), strict=True))
    return [
        _value(change, ids, [answers[_key(call)] for call in calls])
        for (change, ids), calls in zip(asked, calls_of, strict=True)
    ]


def _key(call: Call) -> _Key:
    # One function makes all the calls of a procedure, so the parameters come in one order.
    return call.method, *call.params.items()


def _is_special(change: Change) -> bool:
    return change.action in ACCESS or change.action in (Action.GROUP_CREATE, Action.PROJECT_CREATE)


def _calls(change: Change, ids: Ids) -> Iterator[Call]:
    if change.action in ACCESS:
        group = known(change, ids.group, change.subject.group or "its group")
        project = known(change, ids.project, change.subject.project or "its project")
        yield procedures.get_group(group)
        yield procedures.get_project_by_id(project)
        yield procedures.get_group_members(group)
        yield procedures.get_project_users(project)
    elif change.action is Action.GROUP_CREATE:
        yield procedures.get_all_groups()
    elif change.action is Action.PROJECT_CREATE:
        if change.new.identifier:
            yield procedures.get_project_by_identifier(change.new.identifier)
        else:
            yield procedures.get_project_by_name(change.new["name"])
    else:
        yield probe_for(change, ids)


def _value(change: Change, ids: Ids, answers: Sequence[Any]) -> Any:
    if change.action in ACCESS:
        group, project, members, listed = answers
        return AccessSeen(group, project, _members(members), procedures.member_ids(listed))
    (answer,) = answers
    if change.action is Action.GROUP_CREATE:
        return named(answer, change.new["name"])
    if change.action is Action.PROJECT_CREATE:
        return NewProject(answer, ids.user)
    return answer


def _members(answer: Any) -> frozenset[int] | None:
    """Return the ids of the members of a group; None for an answer that cannot be understood."""
    rows = procedures.rows_of(answer)
    users = None if rows is None else all_or_none(map(procedures.user_from_row, rows))
    return None if users is None else frozenset(user.id for user in users)
