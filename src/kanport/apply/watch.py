"""Check once more, right before a change that may lock people out or delete other people's work."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from kanport.facts import Fact, as_written, fact
from kanport.model import AppRole, CurrentState
from kanport.plan.change import Action, Change, Risk
from kanport.plan.guards import last_admin, min_admins
from kanport.plan.guards.accounts import private_projects, protected_accounts
from kanport.plan.model import GuardVerdict, Plan, blocking
from kanport.plan.staleness import renamed_since

WATCHED = (Action.USER_REMOVE, Action.USER_DISABLE, Action.USER_UPDATE)


@dataclass(frozen=True, slots=True)
class Watch:
    """Watches the removals of a run, and what takes administrators away.

    `read` reads the users of the server and the members of its private projects. `protect` are
    patterns of accounts that are protected beside those of the plan. `admins` are the ids of users
    who are administrators, where that was seen after the plan was made.
    """

    plan: Plan
    read: Callable[[], CurrentState]
    protect: Collection[str] = ()
    admins: Collection[int] = ()

    def concerns(self, change: Change) -> bool:
        """Return whether a change is one to check right before it is made."""
        if Risk.ADMIN_LOST not in change.risk and change.user_id not in self.admins:
            return change.action is Action.USER_REMOVE
        if change.action is Action.USER_UPDATE:
            return change.new.role is not None
        return change.action in WATCHED

    def objection(self, change: Change, left: Sequence[Change]) -> Fact | None:
        """Read the server and say why a change must not be made; None: go ahead.

        `left` are the changes of the plan that have no outcome yet, this one among them. Raises
        Unreachable.
        """
        current = self.read()
        renamed = renamed_since(self.plan, current).get(change.id)
        if renamed is not None:
            return fact("changed-since-plan", found=renamed)
        for verdict in blocking(self._verdicts(change, left, current)):
            return fact("checked-again", verdict=verdict.why or as_written(verdict.message))
        return None

    def _verdicts(
        self, change: Change, left: Sequence[Change], current: CurrentState
    ) -> Iterator[GuardVerdict]:
        yield protected_accounts([change], (*(self.plan.protect or ()), *self.protect))
        admins = {user.id for user in current.users if user.active and user.role == AppRole.ADMIN}
        if change.user_id in admins:
            yield last_admin(left, current)
            yield min_admins(left, current, at_least=self.plan.min_admins)
        if change.action is Action.USER_REMOVE:
            # Others who are to be removed may be in other projects, which is not this one's fault.
            theirs = tuple(
                project
                for project in current.projects
                if project.private
                and change.user_id in current.roles.get(project.id, {change.user_id: ""})
            )
            removals = [one for one in left if one.action is Action.USER_REMOVE]
            yield from private_projects(removals, replace(current, projects=theirs))
