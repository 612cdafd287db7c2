"""What the server ought to look like after each night, told in the fewest words.

Nothing of Kanport is used here: it is what the mapping promises, worked out a second time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.nights.company import Person

RUNS = 3
DAYS = 10


@dataclass
class Account:
    """A user of the server; `ours` and `granted` are what Kanport created or adopted.

    `user_id` is the server's id, noted when the account is first seen there.
    """

    login: str
    roles: dict[str, str] = field(default_factory=dict)
    active: bool = True
    ours: bool = True
    granted: set[str] = field(default_factory=set)
    number: int | None = None
    missed: int = 0
    disabled_on: int | None = None
    user_id: int | None = field(default=None, compare=False)

    @property
    def seen(self) -> tuple[bool, frozenset[tuple[str, str]]]:
        """What can be seen of it on the server."""
        return self.active, frozenset(self.roles.items())


@dataclass
class Truth:
    """All users of the server."""

    accounts: list[Account] = field(default_factory=list)

    def of(self, login: str) -> Account:
        """Give the account with this login."""
        (found,) = [one for one in self.accounts if one.login == login]
        return found

    def seen(self) -> dict[str, tuple[bool, frozenset[tuple[str, str]]]]:
        """Give what can be seen of everybody, by login."""
        return {one.login: one.seen for one in self.accounts}

    def night(self, today: int, people: Iterable[Person]) -> None:
        """Let a run do its work, on this day and with these people in the sources."""
        present = list(people)
        for person in present:
            self._is_here(person)
        numbers = {person.number for person in present}
        for account in list(self.accounts):
            if account.ours and account.number not in numbers:
                self._is_missing(account, today)

    def _is_here(self, person: Person) -> None:
        account = next(
            (one for one in self.accounts if one.number == person.number),
            next((one for one in self.accounts if one.login == person.login), None),
        )
        if account is None:
            account = Account(person.login)
            self.accounts.append(account)
        account.login, account.number = person.login, person.number
        if account.disabled_on is not None:
            account.active = True
        account.missed, account.disabled_on = 0, None
        account.granted |= person.teams.keys() - account.roles.keys()
        ended = account.granted - person.teams.keys()
        account.roles = {
            project: level for project, level in account.roles.items() if project not in ended
        } | person.teams
        account.granted -= ended

    def _is_missing(self, account: Account, today: int) -> None:
        account.missed += 1
        if account.missed < RUNS:
            return
        for project in account.granted:
            del account.roles[project]
        account.granted = set()
        if account.active:
            account.active, account.disabled_on = False, today
        elif account.disabled_on is not None and today >= account.disabled_on + DAYS:
            self.accounts.remove(account)
