"""What a run has learned so far, and what follows from it for each change."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kanport.apply.observed import Ids, Observed
from kanport.kanboard.rpc import Answer, Refused, Result
from kanport.names import compare_key
from kanport.outcome import SENT_UNKNOWN, Outcome, Status
from kanport.plan.model import Action, Change, Plan


@dataclass(slots=True)
class State:
    """What a run has learned so far. Whoever changes it holds the engine's lock.

    `user_ids` are those of new users alone: a username that one user gave up can be another's by
    the time that a later change speaks of it. `group_ids` and `project_ids` are those of new groups
    by name and new projects by label. `giving_up` names the rename that is to free a
    username, by compare key.
    """

    giving_up: dict[str, str]
    user_ids: dict[str, int] = field(default_factory=dict)
    group_ids: dict[str, int] = field(default_factory=dict)
    project_ids: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    unwritten: list[Outcome] = field(default_factory=list)
    # Sent without an answer at least once: what is there may be of our own doing.
    doubted: set[str] = field(default_factory=set)
    # The same of those that an earlier process sent, and of these what it turned out to have made.
    from_before: frozenset[str] = frozenset()
    made_before: set[str] = field(default_factory=set)
    # Why those that are to go again have not been done so far.
    last_word: dict[str, str] = field(default_factory=dict)
    failed: int = 0
    batches: int = 0

    def final(self, change: Change, stopped: str | None) -> Outcome:
        """Give what became of a change, when the run has ended; `stopped` says why, if early."""
        outcome = self.outcomes.get(change.id)
        if outcome is not None:
            return outcome
        if change.id in self.last_word:
            reason = f"{self.last_word[change.id]}; not tried again, as the run ended"
            return Outcome(change.id, Status.FAILED, reason)
        if change.id in self.doubted:
            return Outcome(change.id, Status.FAILED, SENT_UNKNOWN)
        return Outcome(change.id, Status.NOT_ATTEMPTED, stopped)

    def user_id(self, change: Change) -> int | None:
        """Give the id of the user of a change; None where they were not made (yet)."""
        if change.user_id is not None:
            return change.user_id
        return self.user_ids.get(compare_key(change.username))

    def ids(self, change: Change) -> Ids:
        """Give the ids of what a change is about; None for what was not made (yet)."""
        project, group, user = change.project_id, change.group_id, self.user_id(change)
        if change.action is Action.PROJECT_CREATE and user is None:
            user = self.user_ids.get(compare_key(str((change.after or {}).get("owner", ""))))
        if project is None and change.subject.project is not None:
            project = self.project_ids.get(change.subject.project)
        if group is None and change.subject.group is not None:
            group = self.group_ids.get(change.subject.group)
        return Ids(user, project, group)

    def lacking(self, change: Change) -> str | None:
        """Name what a change needs that was not made; None where everything is there."""
        ids, subject = self.ids(change), change.subject
        makes_user = change.action is Action.USER_CREATE
        if subject.username is not None and ids.user is None and not makes_user:
            return change.username
        if change.action is Action.PROJECT_CREATE:
            owner = (change.after or {}).get("owner")
            return owner if owner is not None and ids.user is None else None
        if subject.project is not None and ids.project is None:
            return f"the project {subject.project}"
        if subject.group is not None and ids.group is None:
            return None if change.action is Action.GROUP_CREATE else f"the group {subject.group}"
        return None

    def learn(self, change: Change, seen: Observed) -> None:
        """Take down the ids of what reading back showed."""
        if seen.user_id is not None:
            self.user_ids[compare_key(change.username)] = seen.user_id
        if seen.group_id is not None and change.action is Action.GROUP_CREATE:
            self.group_ids[change.subject.group or ""] = seen.group_id
        if seen.project_id is not None and change.action is Action.PROJECT_CREATE:
            self.project_ids[change.subject.project or ""] = seen.project_id

    def new_groups(self, plan: Plan) -> dict[str, int]:
        """Give the ids of new groups by the change that made them."""
        return _made(plan, Action.GROUP_CREATE, "group", self.group_ids)

    def new_projects(self, plan: Plan) -> dict[str, int]:
        """Give the ids of new projects by the change that made them."""
        return _made(plan, Action.PROJECT_CREATE, "project", self.project_ids)

    def new_ids(self, plan: Plan) -> dict[str, int]:
        """Give the ids of new users by the change that made them."""
        return {
            change.id: self.user_ids[name]
            for change in plan.changes
            if change.action is Action.USER_CREATE
            and (name := compare_key(change.username)) in self.user_ids
        }


def _made(plan: Plan, action: Action, part: str, ids: Mapping[str, int]) -> dict[str, int]:
    return {
        change.id: ids[name]
        for change in plan.changes
        if change.action is action and (name := getattr(change.subject, part)) in ids
    }


def giving_up(plan: Plan) -> dict[str, str]:
    """Give the renames of a plan by the username, as names are compared, that they free."""
    return {
        compare_key(change.username): change.id
        for change in plan.changes
        if change.action is Action.USER_RENAME
    }


def success(answer: Answer) -> Status:
    """Say how something that is as it should be came to be so: by us, or already."""
    # A refusal of what is there nevertheless: somebody else did it between reading and writing.
    refused = isinstance(answer, Refused) or (isinstance(answer, Result) and answer.value is False)
    return Status.ALREADY if refused else Status.DONE


def heard(seen: Observed, answer: Answer) -> Observed:
    """Take what reading back does not show as not done where the call has no answer either."""
    if seen.holds and not seen.shown and not isinstance(answer, Result):
        return replace(seen, holds=False, instead="what became of it is not shown")
    return seen
