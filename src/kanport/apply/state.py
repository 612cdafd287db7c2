"""What a run has learned so far, and what follows from it for each change."""

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Literal, NamedTuple

from kanport.apply.calls import CREATING, Ids
from kanport.apply.reconcile import Observation
from kanport.facts import Fact, fact
from kanport.names import compare_key
from kanport.outcome import SENT_UNKNOWN, Outcome, Status
from kanport.plan.change import Action, Change, ChangesByAction, RelationChange, UserChange
from kanport.plan.model import Plan
from kanport.records import dataclass

# What gives a user a username. Tables are quicker than members of an enumeration (Python 3.11).
_NAMING = frozenset({Action.USER_CREATE, Action.USER_RENAME})


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
class RunState:
    """What a run has learned so far, by several threads.

    `lock` guards it, and what is written together with it: whoever reads and then changes it holds
    the lock meanwhile.
    `user_ids` are those of new users alone: a username that one user gave up can be another's by
    the time that a later change names it. `group_ids` and `project_ids` are those of new groups
    by name and new projects by label. `renames` says which renames wait for which.
    """

    renames: "Renames"
    user_ids: dict[str, int] = field(default_factory=dict)
    group_ids: dict[str, int] = field(default_factory=dict)
    project_ids: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    unwritten: list[Outcome] = field(default_factory=list)
    # Sent without an answer at least once: what is there may be of our own doing.
    in_doubt: set[str] = field(default_factory=set)
    # The same of those that an earlier process sent, and of these what it turned out to have made.
    from_before: frozenset[str] = frozenset()
    made_before: set[str] = field(default_factory=set)
    # Why those that are to be sent again have not been done so far.
    last_reason: dict[str, Fact] = field(default_factory=dict)
    failed: int = 0
    batches: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    # --- what becomes of changes ------------------------------------------------------------------

    def next_batch(self) -> int:
        """Return the number of the next batch."""
        with self.lock:
            self.batches += 1
            return self.batches

    def doubt(self, ids: Collection[str]) -> frozenset[str]:
        """Mark changes, by id, as sent without an answer; return those that were already."""
        with self.lock:
            before = frozenset(self.in_doubt.intersection(ids))
            self.in_doubt.update(ids)
            return before

    def trust(self, ids: Iterable[str]) -> None:
        """Mark changes, by id, as answered: no longer sent without an answer."""
        with self.lock:
            self.in_doubt.difference_update(ids)

    def note(self, change: Change, why: Fact) -> None:
        """Remember why a change is not done, in case the run ends before it is tried again."""
        with self.lock:
            self.last_reason[change.id] = why

    def is_settled(self, change: Change) -> bool:
        """Return whether a change has an outcome."""
        with self.lock:
            return change.id in self.outcomes

    def settle(
        self,
        change: Change,
        status: Status,
        why: Fact | None = None,
        observation: Observation | None = None,
        through_group: str | None = None,
    ) -> None:
        """Set the outcome of a change, and record what was seen of it."""
        outcome = Outcome(change.id, status, why, through_group)
        with self.lock:
            self.outcomes[change.id] = outcome
            if observation is not None:
                self.learn(change, observation)
            self.unwritten.append(outcome)
            self.failed += status is Status.FAILED

    def settle_all(
        self, holds: Iterable[tuple[Change, Status, Observation]], mine: Collection[str]
    ) -> None:
        """Set the outcomes of changes that the server has, as reading back showed.

        `holds` gives each with DONE or ALREADY, by the server's answer, and what was read. Those
        of `mine` (ids) were sent before without an answer, so this run made them: they are DONE.
        """
        with self.lock:
            for change, found, seen in holds:
                if change.id in self.from_before and found is Status.ALREADY:
                    self.made_before.add(change.id)
                outcome = Outcome(change.id, Status.DONE if change.id in mine else found)
                self.outcomes[change.id] = outcome
                if change.action in CREATING:
                    self.learn(change, seen)
                self.unwritten.append(outcome)

    def outcomes_of(self, plan: Plan, stopped: Fact | None) -> tuple[Outcome, ...]:
        """Return what became of each change of a plan when the run has ended."""
        with self.lock:
            settled, final = self.outcomes, self.final
            return tuple(
                settled.get(change.id) or final(change, stopped) for change in plan.changes
            )

    def final(self, change: Change, stopped: Fact | None) -> Outcome:
        """Return what became of a change without an outcome when the run has ended.

        `stopped` says why it ended early, if it did.
        """
        if change.id in self.last_reason:
            why = fact("not-tried-again", last=self.last_reason[change.id])
            return Outcome(change.id, Status.FAILED, why)
        if change.id in self.in_doubt:
            return Outcome(change.id, Status.FAILED, SENT_UNKNOWN)
        return Outcome(change.id, Status.NOT_ATTEMPTED, stopped)

    # --- what changes are about -------------------------------------------------------------------

    def ids(self, change: Change) -> Ids:
        """Return the ids of what a change is about; None for what was not created (yet)."""
        project, group, user = change.project_id, change.group_id, change.user_id
        if user is None:
            named = change.username
            if change.action is Action.PROJECT_CREATE:
                named = named or change.after.owner
            user = self.user_ids.get(compare_key(named)) if named is not None else None
        if project is None and change.project is not None:
            project = self.project_ids.get(change.project)
        if group is None and change.group is not None:
            group = self.group_ids.get(change.group)
        return Ids(user, project, group)

    def ids_of(self, changes: Iterable[Change]) -> list[Ids]:
        """Return the ids of what each of several changes is about."""
        with self.lock:
            return list(map(self.ids, changes))

    def lacking(self, change: Change) -> "Lacking | None":
        """Return what a change needs that was not created; None if everything is there."""
        # Nearly always all that it is about was there when the plan was made.
        if isinstance(change, UserChange) and change.user_id is not None:
            return None
        known = (change.user_id, change.project_id, change.group_id)
        if isinstance(change, RelationChange) and known.count(None) == 1:
            return None
        ids = self.ids(change)
        makes_user = change.action is Action.USER_CREATE
        if change.username is not None and ids.user is None and not makes_user:
            return Lacking("user", change.username)
        if change.action is Action.PROJECT_CREATE:
            owner = change.after.owner
            return Lacking("user", owner) if owner is not None and ids.user is None else None
        if change.project is not None and ids.project is None:
            return Lacking("project", change.project)
        if change.group is not None and ids.group is None:
            makes_group = change.action is Action.GROUP_CREATE
            return None if makes_group else Lacking("group", change.group)
        return None

    def learn(self, change: Change, seen: Observation) -> None:
        """Record the ids of what reading back showed."""
        if seen.user_id is not None and change.action is Action.USER_CREATE:
            self.user_ids[compare_key(change.username)] = seen.user_id
        if seen.group_id is not None and change.action is Action.GROUP_CREATE:
            self.group_ids[change.group] = seen.group_id
        if seen.project_id is not None and change.action is Action.PROJECT_CREATE:
            self.project_ids[change.project] = seen.project_id

    # --- what may be done -------------------------------------------------------------------------

    def obstacle(self, change: Change) -> Fact | None:
        """Return why a change cannot be made after what came before it; None if it can."""
        if isinstance(change, UserChange) and change.action in _NAMING:
            if change.action is Action.USER_RENAME:
                return self._not_renamed(change)
            # Whoever still has the username would be taken for the new user when it is read back.
            return self._not_free(change.username, change)
        lacking = self.lacking(change)
        return None if lacking is None else lacking.as_fact("not-created")

    def _not_renamed(self, change: UserChange) -> Fact | None:
        before = self.renames.before(change)
        if before is not None and not self._holds(before):
            return fact("not-renamed-first", username=change.username)
        temporary = None if before is None else change.username
        return self._not_free(change.new_username, change, temporary)

    def _not_free(self, username: str, change: Change, temporary: str | None = None) -> Fact | None:
        holders = self.renames.freed_usernames.get(compare_key(username), ())
        if all(self._holds(one.id) for one in holders if one.user_id != (change.user_id or 0)):
            return None
        if temporary is None:
            return fact("username-not-free", username=username)
        return fact("username-not-free", case="temporary", username=username, temporary=temporary)

    def _holds(self, change_id: str) -> bool:
        outcome = self.outcomes.get(change_id)
        return outcome is not None and outcome.status in (Status.DONE, Status.ALREADY)

    def new_ids(self, plan: Plan, action: Action) -> dict[str, int]:
        """Return the ids of new users, groups or projects by the change that created them."""
        known = {
            Action.USER_CREATE: self.user_ids,
            Action.GROUP_CREATE: self.group_ids,
            Action.PROJECT_CREATE: self.project_ids,
        }[action]
        keys = (
            (change.id, change.project or change.group or compare_key(change.username or ""))
            for change in plan.changes
            if change.action is action
        )
        return {change_id: known[key] for change_id, key in keys if key in known}


@dataclass(frozen=True, slots=True)
class Renames:
    """The renames of a plan, as they depend on one another.

    `freed_usernames` are those that are to free a username, by compare key; `of_user` those of a
    user in their order: by way of a temporary username somebody is renamed twice.
    """

    freed_usernames: Mapping[str, tuple[UserChange, ...]]
    of_user: Mapping[int, tuple[UserChange, ...]]

    @classmethod
    def of(cls, plan: Plan) -> "Renames":
        """Index the renames of a plan."""
        freeing: dict[str, list[UserChange]] = {}
        of_user: dict[int, list[UserChange]] = {}
        for change in ChangesByAction(plan.changes).users(Action.USER_RENAME):
            freeing.setdefault(compare_key(change.username), []).append(change)
            of_user.setdefault(change.user_id or 0, []).append(change)
        return cls(
            {key: tuple(renames) for key, renames in freeing.items()},
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
        return replace(change, after=last.after)


def stages_of(renames: Sequence[Change]) -> Iterator[list[Change]]:
    """Split renames so that each stage is clear when the one before it has its outcomes.

    A rename that takes a username which another one frees waits for that one, and the second
    rename of a user for the first.
    """
    stage: list[Change] = []
    users: set[int | None] = set()
    freed: set[str] = set()
    for change in renames:
        if change.action is Action.USER_RENAME:
            if change.user_id in users or compare_key(change.new_username) in freed:
                yield stage
                stage, users, freed = [], set(), set()
            users.add(change.user_id)
            freed.add(compare_key(change.username))
        stage.append(change)
    yield stage
