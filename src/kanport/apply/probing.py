"""Reads back what changes were about, each thing once, whatever number of changes ask for it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kanport.apply.group_steps import ACCESS, Effect, NewProject, named
from kanport.apply.observed import Ids, known
from kanport.apply.steps import probe_for
from kanport.kanboard import procedures
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
    after = change.after or {}
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
        if after.get("identifier"):
            yield procedures.get_project_by_identifier(after["identifier"])
        else:
            yield procedures.get_project_by_name(after["name"])
    else:
        yield probe_for(change, ids)


def _value(change: Change, ids: Ids, answers: Sequence[Any]) -> Any:
    if change.action in ACCESS:
        group, project, members, listed = answers
        rows = procedures.rows_of(members) or []
        users = (procedures.user_from_row(row) for row in rows)
        return Effect(
            group,
            project,
            frozenset(user.id for user in users if user is not None),
            procedures.member_ids(listed) or frozenset(),
        )
    (answer,) = answers
    if change.action is Action.GROUP_CREATE:
        return named(answer, (change.after or {})["name"])
    if change.action is Action.PROJECT_CREATE:
        return NewProject(answer, ids.user)
    return answer
