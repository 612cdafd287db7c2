"""What a run left behind of groups, their members, their access, and new projects. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from kanport.names import compare_key
from kanport.plan.model import About, Action, Change

# A group or project by id, or one that the run created by its name or label.
Thing = int | str
# A user by id, or somebody whom the run created by the compare key of the username.
Who = int | str


@dataclass(frozen=True, slots=True)
class Effect:
    """A change that had an effect; `certain` is False where only the server can tell whether.

    `number` is the id of what it created, where the journal has it.
    """

    change: Change
    certain: bool
    number: int | None = None


@dataclass(frozen=True, slots=True)
class GroupTraces:
    """All that a run did to groups and projects, each by what it was done to.

    `found` are the changes that gave access which was there already, with a role that nobody knows.
    """

    created: dict[str, Effect] = field(default_factory=dict)
    removed: dict[int, Effect] = field(default_factory=dict)
    updated: dict[int, Effect] = field(default_factory=dict)
    members: dict[tuple[Thing, Who], Effect] = field(default_factory=dict)
    access: dict[tuple[Thing, Thing], Effect] = field(default_factory=dict)
    projects: dict[str, Effect] = field(default_factory=dict)
    found: list[Change] = field(default_factory=list)


def group_traces_of(effects: Iterable[Effect]) -> GroupTraces:
    """Sort the effects of a run by what they were about; others than of groups are left out."""
    traces = GroupTraces()
    for effect in effects:
        change = effect.change
        group: Thing = change.group_id or change.subject.group or ""
        if change.action is Action.GROUP_CREATE:
            traces.created[change.subject.group or ""] = effect
        elif change.action is Action.PROJECT_CREATE:
            traces.projects[change.subject.project or ""] = effect
        elif change.action is Action.GROUP_REMOVE and change.group_id is not None:
            traces.removed[change.group_id] = effect
        elif change.action is Action.GROUP_UPDATE and change.group_id is not None:
            traces.updated[change.group_id] = effect
        elif change.about is About.GROUP_MEMBER:
            who = compare_key(change.username) if change.user_id is None else change.user_id
            traces.members[group, who] = effect
        elif change.about is About.GROUP_ACCESS:
            project: Thing = change.project_id or change.subject.project or ""
            traces.access[group, project] = effect
    return traces
