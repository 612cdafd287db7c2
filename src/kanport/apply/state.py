"""What a run has learned so far, and what follows from it for each change."""

from dataclasses import dataclass, field

from kanport.kanboard.rpc import Answer, Refused, Result
from kanport.names import compare_key
from kanport.outcome import SENT_UNKNOWN, Outcome, Status
from kanport.plan.model import Action, Change, Plan


@dataclass(slots=True)
class State:
    """What a run has learned so far. Whoever changes it holds the engine's lock.

    `user_ids` are those of new users alone: a username that one user gave up can be another's by
    the time that a later change speaks of it. `giving_up` names the rename that is to free a
    username, by compare key.
    """

    giving_up: dict[str, str]
    user_ids: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    unwritten: list[Outcome] = field(default_factory=list)
    # Sent without an answer at least once: what is there may be of our own doing.
    doubted: set[str] = field(default_factory=set)
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

    def new_ids(self, plan: Plan) -> dict[str, int]:
        """Give the ids of new users by the change that made them."""
        return {
            change.id: self.user_ids[name]
            for change in plan.changes
            if change.action is Action.USER_CREATE
            and (name := compare_key(change.username)) in self.user_ids
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
