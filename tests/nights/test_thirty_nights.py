"""Thirty nights with nobody watching: nobody is harmed, and each morning tells the truth."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.nights.company import Company
from tests.nights.world import Morning, Seen, World, world_of, years_in

Event = Callable[[World], object]


def joins(login: str, **teams: str) -> Event:
    return lambda world: world.company.joins(login, **teams)


def leaves(login: str) -> Event:
    return lambda world: world.company.leaves(login)


def is_back(login: str) -> Event:
    return lambda world: world.company.is_back(login)


def gets_login(login: str, new: str) -> Event:
    return lambda world: setattr(world.company.who(login), "login", new)


def gets_teams(login: str, **teams: str) -> Event:
    return lambda world: setattr(world.company.who(login), "teams", teams)


def by_hand(login: str, *, active: bool = True, **teams: str) -> Event:
    return lambda world: world.by_hand(login, active=active, **teams)


def webhook_answers(code: int) -> Event:
    return lambda world: setattr(world.hook, "answers", [code])


def cut_in_a_row(text: str) -> str:
    return text[: len(text) * 2 // 3].rpartition('"')[0] + '"Per'


def cut_after_a_row(text: str) -> str:
    return "".join(text.splitlines(keepends=True)[: text.count("\n") // 2])


def emptied(text: str) -> str:
    return ""


@dataclass(frozen=True)
class Night:
    """What happened the day before, how the night went, and what there is to see in the morning.

    `changed` is how many changes took effect; None where that depends on when the run broke off.
    `said` are pieces of what cron mails; where there are none, nothing at all was printed. With
    `unclear` the run went to its end, and what it was to change is withheld.
    """

    story: str
    day: tuple[Event, ...] = ()
    export: Callable[[str], str] | None = None
    how: Callable[[World], Morning] = World.as_usual
    code: int = 0
    changed: int | None = 0
    said: tuple[str, ...] = ()
    unclear: bool = False


STAFF = {
    "ann": ("WEB", "ERP"), "bob": ("WEB", "ERP"), "cat": ("WEB", "ERP"), "dan": ("WEB", "ERP"),
    "eve": ("WEB",), "fay": ("WEB",), "gus": ("WEB",), "hugo": ("WEB", "ERP"), "ivo": ("ERP",),
    "jil": ("ERP",), "kim": ("WEB",), "leo": (), "olga": ("ERP",),
}  # fmt: skip

NIGHTS = (
    Night("everybody gets an account, but olga, who has one",
          changed=29, said=("12 users were created",)),
    Night("kim has left, which is not believed at once",
          (leaves("kim"),)),
    Night("zoe joins, and pia, for whom an administrator had made an account",
          (joins("zoe", ERP="manager"), joins("pia", WEB="member", ERP="member"),
           by_hand("pia", WEB="member")),
          changed=4, said=("1 user was created",)),
    Night("kim is missed for the third time; bob has left",
          (leaves("bob"),),
          changed=2, said=("1 user was disabled", "1 membership was revoked")),
    Night("cat is disabled by hand, which is reported until she has left or is enabled",
          (by_hand("cat", active=False),),
          said=('"cat" is disabled on the server',)),
    Night("bob is missed for the third time",
          changed=3, said=("1 user was disabled", "2 memberships were revoked")),
    Night("eve has married",
          (gets_login("eve", "eve.miller"),),
          changed=1, said=("1 user was renamed",)),
    Night("dan has left, and pia, whom Kanport does not manage",
          (leaves("dan"), leaves("pia")),
          said=('"cat" is disabled on the server',)),
    Night("the export breaks off in the middle of a row",
          export=cut_in_a_row,
          code=5, said=("people.csv",)),
    Night("the export breaks off at the end of a row",
          export=cut_after_a_row,
          code=4, said=("source-shrunk",)),
    Night("the export is whole again, and misses dan for the second time",
          said=('"cat" is disabled on the server',)),
    Night("dan is back before anything happened to him; cat has left",
          (is_back("dan"), leaves("cat"))),
    Night("bob is back and gets all that he had",
          (is_back("bob"),),
          changed=3, said=("1 user was enabled", "2 memberships were granted")),
    Night("kim has been disabled for ten days; cat is missed for the third time",
          changed=3, said=("1 user was removed", "2 memberships were revoked")),
    Night("the export is empty",
          export=emptied,
          code=5, said=("people.csv",)),
    Night("gil joins",
          (joins("gil", WEB="member"),),
          changed=2, said=("1 user was created",)),
    Night("cat is back, and stays disabled; olga has left, whom Kanport adopted",
          (is_back("cat"), leaves("olga")),
          changed=2, said=("2 memberships were granted",)),
    Night("a new kim joins, who is somebody else",
          (joins("kim", WEB="member"),),
          changed=2, said=("login-reused",)),
    Night("ann becomes a manager; olga is missed for the third time",
          (gets_teams("ann", WEB="manager", ERP="member"),),
          changed=3, said=("1 membership was changed", "1 user was disabled")),
    Night("the directory is down, and ida has joined",
          (joins("ida", ERP="member"),),
          how=World.without_directory,
          code=7, said=("ldap://127.0.0.1",)),
    Night("the directory is up again",
          changed=2, said=("1 user was created",)),
    Night("the disk is full; jon has joined, and hugo has left",
          (joins("jon", WEB="member"), leaves("hugo")),
          how=World.on_a_full_disk,
          code=2, said=("plan.json cannot be written",)),
    Night("the disk fills up during the run; six more have joined",
          tuple(joins(f"kid{number}", ERP="member") for number in range(6)),
          how=World.on_a_disk_that_fills_up,
          code=3, changed=None, said=("the journal", "the ledger")),
    Night("there is room again",
          changed=None, said=("was interrupted",)),
    Night("the run is killed; eight more have joined, and hugo is missed for the third time",
          tuple(joins(f"new{number}", WEB="member") for number in range(8)),
          how=World.killed_half_way,
          code=-9, changed=None),
    Night("the next run does the rest",
          changed=None, said=("was interrupted",)),
    Night("fay has left, and her login is given to somebody else",
          (leaves("fay"), joins("fay")),
          code=3, said=("identity-changed",), unclear=True),
    Night("that one gets another login; hugo is back",
          (gets_login("fay", "fay.smith"), is_back("hugo")),
          changed=4, said=("1 user was created and 1 enabled",)),
    Night("the run of the night before is still at work",
          how=World.beside_another_run,
          code=8, said=("kanport sync of yesterday",)),
    Night("max joins, olga's ten days are over, and nobody is there to hear of it",
          (joins("max", ERP="member"), webhook_answers(500)),
          changed=3,
          said=("1 user was created and 1 removed",
                "could not send the notice by webhook")),
)  # fmt: skip


@pytest.fixture
def company() -> Company:
    company = Company()
    for login, projects in STAFF.items():
        company.joins(login, **dict.fromkeys(projects, "member"))
    return company


def test_in_thirty_nights_nobody_is_harmed_and_each_morning_tells_the_truth(
    company: Company, tmp_path: Path
) -> None:
    assert len(NIGHTS) == 30
    with world_of(tmp_path, company) as world:
        world.by_hand("svc-backup", WEB="member")
        world.by_hand("olga", ERP="member")
        adopt(world)
        told = Told()
        for world.today, night in enumerate(NIGHTS, start=1):
            for event in night.day:
                event(world)
            world.publish(night.export)
            before = world.seen()
            morning = night.how(world)
            try:
                check_server(world, night, before)
                told.check(world, night, morning)
            except AssertionError as problem:
                problem.add_note(f"in night {world.today}: {night.story}\n{morning.said}")
                raise
        assert world.seen() == world.truth.seen()
        check_what_was_written(world)


def adopt(world: World) -> None:
    world.today = 1
    world.publish()
    mapping = str(world.folder / "etc" / "nightly.yaml")
    adopted = world.morning(world.start("adopt", mapping, "--yes"))
    assert adopted.code == 0, adopted
    olga = world.truth.of("olga")
    olga.ours, olga.granted = True, {"ERP"}


# --- the server -----------------------------------------------------------------------------------


def check_server(world: World, night: Night, before: Seen) -> None:
    """Nothing but the truth, and where a run broke off nothing that is not on the way to it."""
    seen = world.seen()
    begun = night.code in (0, 3, -9) and not night.unclear
    if begun:
        world.truth.night(world.today, world.company.people.values())
    truth = world.truth.seen() if begun else before
    if night.code in (3, -9) and not night.unclear:
        assert before != seen != truth, "it broke off too early or too late to show anything"
        for login in before | seen:
            assert on_the_way(before.get(login), seen.get(login), truth.get(login)), login
    else:
        assert seen == truth
    world.same_people()


def on_the_way(before: Any, now: Any, truth: Any) -> bool:
    """Whether an account is as it was, as it is to be, or has some of what it is to have."""
    if now in (before, truth):
        return True
    active, roles = before or (True, frozenset())
    return now[0] in (active, truth[0]) and roles & truth[1] <= now[1] <= roles | truth[1]


# --- messages -------------------------------------------------------------------------------------


class Told:
    """Checks what each morning tells, from what the mornings before told."""

    def __init__(self) -> None:
        self.last_success: str | None = None
        self.failures = 0

    def check(self, world: World, night: Night, morning: Morning) -> None:
        """Look at exit code, output, status file, metrics, mail and webhook."""
        assert morning.code == night.code
        for piece in night.said:
            assert piece in morning.said
        assert bool(morning.said) == bool(night.said)
        assert "Traceback" not in morning.said
        if night.code == -9:
            assert (morning.mails, morning.posts) == ((), ()), "the dead tell nothing"
        else:
            self.check_notices(world, night, morning)
        if night.code in (-9, 8) or night.how is World.on_a_full_disk:
            # What was there stays whole; whoever looks when it last went well will notice.
            self.check_files(world, None)
        else:
            self.failures = 0 if night.code == 0 else self.failures + 1
            self.check_files(world, night)

    def check_notices(self, world: World, night: Night, morning: Morning) -> None:
        last = morning.posts[-1]
        changed = last["changed"]
        assert last["exit_code"] == night.code
        assert changed == night.changed or (night.changed is None and changed > 0)
        assert world.is_tonight(last["started_at"])
        if night.code:
            subject = f"Kanport nightly: {last['result']} (exit code {night.code})"
        else:
            subject = f"Kanport nightly: {changed} changed"
        assert morning.mails == ((subject,) if night.code or changed else ())

    def check_files(self, world: World, night: Night | None) -> None:
        status, metrics = world.status(), world.metrics()
        last = status["last_run"]
        if night is not None:
            assert last["exit_code"] == night.code
            assert world.is_tonight(last["started_at"])
            assert world.is_tonight(last["finished_at"])
            assert (last["changed"] == night.changed) or night.changed is None
            if night.code == 0:
                assert status["last_success"]["run"] == last["run"]
                self.last_success = last["finished_at"]
        assert status["last_success"]["finished_at"] == self.last_success
        assert status["failures_since_success"] == self.failures
        assert metrics["kanport_last_run_exit_code", "nightly"] == last["exit_code"]
        assert metrics["kanport_last_run_changed", "nightly"] == last["changed"]
        good = metrics["kanport_last_success_timestamp_seconds", "nightly"]
        assert good == world.seconds(self.last_success)
        sent = all(notice["sent"] for notice in last["notices"])
        assert metrics["kanport_last_run_told", "nightly"] == sent


def check_what_was_written(world: World) -> None:
    """No secret is in it, no other time than that of the clock, and no half of a file."""
    written = world.written()
    assert not [name for name in written if ".tmp" in name]
    for name, text in written.items():
        assert years_in(text) <= {"2027"}, name
        for secret in world.secrets:
            assert secret not in text, name
