"""What a run has learned so far, and what follows from it for each change."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from kanport.apply.observed import Ids, Observed
from kanport.facts import Fact, fact
from kanport.kanboard.rpc import Answer, Refused, Result
from kanport.names import compare_key
from kanport.outcome import SENT_UNKNOWN, Outcome, Status
from kanport.plan.model import Action, Change, Plan


class Lacking(NamedTuple):
    """What a change needs and does not have: a user, a group or a project, and its name."""

    kind: Literal["user", "group", "project"]
    name: str

    def as_fact(self, code: str) -> Fact:
        """Return the fact of a code whose cases are the kinds."""
        match self.kind:
            case "user":
                return fact(code, case=self.kind, username=self.name)
            case "group":
                return fact(code, case=self.kind, group=self.name)
            case "project":
                return fact(code, case=self.kind, project=self.name)


@dataclass(slots=True)
class State:
    """What a run has learned so far. Whoever changes it holds the engine's lock.

    `user_ids` are those of new users alone: a username that one user gave up can be another's by
    the time that a later change speaks of it. `group_ids` and `project_ids` are those of new groups
    by name and new projects by label. `renames` says which renames wait for which.
    """

    renames: "Renames"
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
    last_word: dict[str, Fact] = field(default_factory=dict)
    failed: int = 0
    batches: int = 0

    def final(self, change: Change, stopped: Fact | None) -> Outcome:
        """Give what became of a change, when the run has ended; `stopped` says why, if early."""
        outcome = self.outcomes.get(change.id)
        if outcome is not None:
            return outcome
        if change.id in self.last_word:
            why = fact("not-tried-again", last=self.last_word[change.id])
            return Outcome(change.id, Status.FAILED, why)
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
            user = self.user_ids.get(compare_key(change.new.owner or ""))
        if project is None and change.subject.project is not None:
            project = self.project_ids.get(change.subject.project)
        if group is None and change.subject.group is not None:
            group = self.group_ids.get(change.subject.group)
        return Ids(user, project, group)

    def lacking(self, change: Change) -> "Lacking | None":
        """Name what a change needs that was not made; None where everything is there."""
        ids, subject = self.ids(change), change.subject
        makes_user = change.action is Action.USER_CREATE
        if subject.username is not None and ids.user is None and not makes_user:
            return Lacking("user", change.username)
        if change.action is Action.PROJECT_CREATE:
            owner = change.new.owner
            return Lacking("user", owner) if owner is not None and ids.user is None else None
        if subject.project is not None and ids.project is None:
            return Lacking("project", subject.project)
        if subject.group is not None and ids.group is None:
            makes_group = change.action is Action.GROUP_CREATE
            return None if makes_group else Lacking("group", subject.group)
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


@dataclass(frozen=True, slots=True)
class Renames:
    """The renames of a plan, as they depend on one another.

    `freeing` are those that are to free a username, by compare key; `of_user` those of a user in
    their order: by way of a temporary username somebody is renamed twice.
    """

    freeing: Mapping[str, tuple[Change, ...]]
    of_user: Mapping[int, tuple[Change, ...]]

    @classmethod
    def of(cls, plan: Plan) -> "Renames":
        """Index the renames of a plan."""
        freeing: dict[str, list[Change]] = {}
        of_user: dict[int, list[Change]] = {}
        for change in plan.changes:
            if change.action is Action.USER_RENAME:
                freeing.setdefault(compare_key(change.username), []).append(change)
                of_user.setdefault(change.user_id or 0, []).append(change)
        return cls(
            {key: tuple(ids) for key, ids in freeing.items()},
            {user_id: tuple(some) for user_id, some in of_user.items()},
        )

    def before(self, change: Change) -> str | None:
        """Return the id of the rename of the same user that comes before this one, if any."""
        if change.action is not Action.USER_RENAME:
            return None
        earlier = None
        for other in self.of_user.get(change.user_id or 0, ()):
            if other.id == change.id:
                return earlier
            earlier = other.id
        return None

    def in_the_end(self, change: Change) -> Change:
        """Return a rename as it ends: with the last username that the plan gives its user."""
        if change.action is not Action.USER_RENAME:
            return change
        last = self.of_user[change.user_id or 0][-1]
        return change.model_copy(update={"after": last.after})


def success(answer: Answer) -> Status:
    """Say how something that is as it should be came to be so: by us, or already."""
    # A refusal of what is there nevertheless: somebody else did it between reading and writing.
    refused = isinstance(answer, Refused) or (isinstance(answer, Result) and answer.value is False)
    return Status.ALREADY if refused else Status.DONE


def heard(seen: Observed, answer: Answer) -> Observed:
    """Take what reading back does not show as not done where the call has no answer either."""
    if seen.holds and not seen.shown and not isinstance(answer, Result):
        return replace(seen, holds=False, actual=fact("not-shown"))
    return seen
