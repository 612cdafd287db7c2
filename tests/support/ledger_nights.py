"""Night after night with a ledger in a real file: what tests of leavers have in common."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kanport import ledger
from kanport.facts import as_written
from kanport.mapping.spec import MappingFile
from kanport.memory import LedgerState
from kanport.model import DesiredState, User
from kanport.outcome import Outcome, Run, Status
from kanport.plan.change import Action
from kanport.plan.ledger_update import ledger_update
from kanport.plan.model import Plan
from tests.support.model_server import Kanboard, apply_change
from tests.support.planning import ADMIN, SERVER, plan_for


@dataclass
class Nights:
    """A server, a mapping and a ledger, while time goes by."""

    path: Path
    mapping: MappingFile
    server: Kanboard = field(default_factory=lambda: Kanboard({1: ADMIN}))
    now: datetime = datetime(2026, 1, 1, 2, tzinfo=UTC)

    @property
    def time(self) -> str:
        """The time as plans and ledgers hold it."""
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def memory(self) -> LedgerState:
        """What the ledger knows."""
        return ledger.recall(self.path, SERVER.url)

    def plan(self, desired: DesiredState, *only: str) -> Plan:
        """Plan without running it; `only` makes the plan partial."""
        return plan_for(
            desired, self.server.seen(), self.mapping, memory=self.memory, now=self.time, only=only
        )

    def run(self, plan: Plan, *, failed: Iterable[Action] = ()) -> None:
        """Carry a plan out, but for these actions, and let the ledger know."""
        some = set(failed)
        outcomes, new = [], {}
        for change in plan.changes:
            if change.action in some:
                outcomes.append(Outcome(change.id, Status.FAILED, as_written("refused")))
                continue
            self.server = apply_change(self.server, change)
            outcomes.append(Outcome(change.id, Status.DONE))
            if change.action is Action.USER_CREATE:
                names = {user.username: number for number, user in self.server.users.items()}
                new[change.id] = names[change.username]
        run = Run("r", self.time, self.time, tuple(outcomes), user_ids=new)
        ledger.record(self.path, SERVER.url, ledger_update(plan, run), now=self.time)

    def night(self, desired: DesiredState, *only: str, days: int = 1) -> Plan:
        """Let so many days go by, then plan and run."""
        self.now += timedelta(days=days)
        plan = self.plan(desired, *only)
        self.run(plan)
        return plan

    def user(self, username: str) -> User:
        """Give a user of the server."""
        (found,) = [user for user in self.server.users.values() if user.username == username]
        return found

    def by_hand(self, username: str, *, active: bool) -> None:
        """Enable or disable somebody as an administrator does."""
        user = self.user(username)
        self.server = replace(
            self.server, users={**self.server.users, user.id: replace(user, active=active)}
        )
