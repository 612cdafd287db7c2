"""Whatever the server says or fails to say: what counts is what reading back shows."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from kanport.apply.concurrency import Options
from kanport.apply.executor import Executor
from kanport.apply.journal import Journal, load_journal
from kanport.apply.passwords import Passwords
from kanport.config.file import Layers
from kanport.config.settings import settings_of
from kanport.facts import fact
from kanport.kanboard.client import Client
from kanport.outcome import SENT_UNKNOWN, STOPPED_BY_ERRORS, STOPPED_BY_SIGNAL, Run, Status
from kanport.plan.change import Action, Change
from kanport.plan.model import Plan
from kanport.sandbox import InjectedFault, Reply, Sandbox, web_page
from tests.support.changes import facts_in, grant, new_user, nth_change, plan_of

UNAUTHORIZED = Reply(
    401,
    "application/json",
    b'{"jsonrpc":"2.0","error":{"code":401,"message":"Unauthorized"},"id":null}',
    {"WWW-Authenticate": 'Basic realm="API"'},
)
RunPlan = Callable[..., Run]


@pytest.fixture
def client(server: Sandbox) -> Iterator[Client]:
    settings = settings_of(
        Layers(
            {"url": server.url, "allow_http": False, "timeout": 5}, {"KANPORT_TOKEN": server.token}
        )
    )
    with Client.open(settings, sleep=lambda seconds: None) as opened:
        yield opened


@pytest.fixture
def run(client: Client, tmp_path: Path) -> RunPlan:
    def run_plan(
        plan: Plan,
        should_stop: Callable[[], bool] = lambda: False,
        size: int | None = 20,
        connections: int = 1,
        max_errors: int | None = None,
    ) -> Run:
        with Journal(tmp_path / "run.jsonl", now=lambda: "2026-01-01T00:00:00Z") as journal:
            executor = Executor(
                client,
                journal,
                passwords=Passwords({"poison": SecretStr("with\0NUL")}),
                options=Options(batch_size=size, connections=connections, max_errors=max_errors),
                sleep=lambda seconds: None,
                should_stop=should_stop,
            )
            return executor.run(plan, run_id="run-1", version="0")

    return run_plan


def statuses(run: Run) -> list[Status]:
    return [outcome.status for outcome in run.outcomes]


def usernames(server: Sandbox) -> set[str]:
    return set(server.store.snapshot().users)


def test_new_users_get_their_memberships_in_the_same_run(server: Sandbox, run: RunPlan) -> None:
    project = server.store.add_project("Alpha", identifier="ALPHA")
    done = run(
        plan_of(new_user(1, "ada", name="Ada", email="ada@example.org"), grant(2, "ada", project))
    )
    assert statuses(done) == [Status.DONE, Status.DONE]
    assert server.store.snapshot().memberships == {("ALPHA", "ada"): "project-member"}


def test_each_kind_of_change_takes_effect(server: Sandbox, run: RunPlan) -> None:
    store = server.store
    project = store.add_project("Alpha", identifier="ALPHA")
    ids = {name: store.add_user(name) for name in ("up", "old", "on", "off", "gone", "in", "out")}
    store.add_user("spare-admin", role="app-admin")
    store.add_member(project, ids["in"], "project-viewer")
    store.add_member(project, ids["out"], "project-member")

    def to(number: int, action: Action, who: str, **parts: object) -> Change:
        return nth_change(number, action, who, user_id=ids[who], **parts)

    done = run(
        plan_of(
            to(1, Action.USER_DISABLE, "off", before={"active": True}, after={"active": False}),
            to(2, Action.MEMBERSHIP_REVOKE, "out", project="ALPHA", project_id=project,
               before={"role": "project-member"}),
            to(3, Action.USER_RENAME, "old", before={"username": "old"}, after={"username": "new"}),
            to(4, Action.USER_UPDATE, "up", before={"email": ""}, after={"email": "u@example.org"}),
            to(5, Action.USER_DISABLE, "on", before={"active": True}, after={"active": False}),
            to(6, Action.USER_ENABLE, "on", before={"active": False}, after={"active": True}),
            to(7, Action.MEMBERSHIP_CHANGE, "in", project="ALPHA", project_id=project,
               before={"role": "project-viewer"}, after={"role": "project-manager"}),
            to(8, Action.USER_REMOVE, "gone", before={"username": "gone"}),
        )
    )  # fmt: skip
    assert set(statuses(done)) == {Status.DONE}
    after = store.snapshot()
    assert not after.users["off"].is_active
    assert after.users["on"].is_active
    assert after.users["up"].email == "u@example.org"
    assert "new" in after.users
    assert "old" not in after.users
    assert "gone" not in after.users
    assert after.memberships == {("ALPHA", "in"): "project-manager"}


def test_an_update_of_somebody_who_is_not_there_is_not_believed(run: RunPlan) -> None:
    # Kanboard says true to it.
    nobody = nth_change(1, Action.USER_UPDATE, "nobody", user_id=999, after={"name": "N"})
    done = run(plan_of(nobody))
    assert statuses(done) == [Status.FAILED]
    assert facts_in(done.outcomes[0]) == {"no-effect", "not-there", "removed-meanwhile"}


def test_a_role_that_comes_from_a_group_is_overruled_by_a_direct_one(
    server: Sandbox, run: RunPlan
) -> None:
    store = server.store
    project, ada = store.add_project("Alpha", identifier="ALPHA"), store.add_user("ada")
    group = store.add_group("Engineers")
    store.add_group_member(group, ada)
    store.add_group_access(project, group, "project-manager")
    lower = nth_change(1, Action.MEMBERSHIP_CHANGE, "ada", project="ALPHA", project_id=project,
                   user_id=ada, before={"role": "project-manager"},
                   after={"role": "project-viewer"})  # fmt: skip
    assert statuses(run(plan_of(lower))) == [Status.DONE]
    assert store.snapshot().memberships == {("ALPHA", "ada"): "project-viewer"}


def test_access_that_remains_through_a_group_is_said(server: Sandbox, run: RunPlan) -> None:
    store = server.store
    project, ada = store.add_project("Alpha", identifier="ALPHA"), store.add_user("ada")
    group = store.add_group("Engineers")
    store.add_group_member(group, ada)
    store.add_group_access(project, group, "project-manager")
    store.add_member(project, ada, "project-viewer")
    revoke = nth_change(1, Action.MEMBERSHIP_REVOKE, "ada", project="ALPHA", project_id=project,
                    user_id=ada, before={"role": "project-viewer"})  # fmt: skip
    done = run(plan_of(revoke))
    assert statuses(done) == [Status.FAILED]
    assert done.outcomes[0].why == fact(
        "still-through-group", case="groups", role="project-manager", groups=("Engineers",), n=1
    )
    assert done.outcomes[0].through_group == "project-manager"


def test_a_role_that_cannot_be_ended_comes_through_no_group_that_gives_none(
    server: Sandbox, run: RunPlan
) -> None:
    store = server.store
    project = store.add_project("Alpha", identifier="ALPHA")
    ada, bob, eve = (store.add_user(name) for name in ("ada", "bob", "eve"))
    for who in (ada, bob):
        store.add_member(project, who, "project-member")
    # Eve is not in the project, so the group gives no access to it.
    group = store.add_group("Staff")
    for who in (bob, eve):
        store.add_group_member(group, who)
    store.change(
        "CREATE TRIGGER kept BEFORE DELETE ON project_has_users BEGIN SELECT RAISE(IGNORE); END"
    )
    revokes = (
        nth_change(number, Action.MEMBERSHIP_REVOKE, name, project="ALPHA", project_id=project,
               user_id=who, before={"role": "project-member"})
        for number, (name, who) in enumerate((("ada", ada), ("bob", bob)), start=1)
    )  # fmt: skip
    for outcome in run(plan_of(*revokes)).outcomes:
        assert outcome.status is Status.FAILED
        assert facts_in(outcome) == {"rejected", "role-now"}
        assert outcome.through_group is None


def test_what_somebody_else_did_meanwhile_is_already_so(server: Sandbox, run: RunPlan) -> None:
    project, ada = server.store.add_project("Alpha"), server.store.add_user("ada")
    server.store.add_member(project, ada, "project-member")
    assert statuses(run(plan_of(grant(1, "ada", project, user_id=ada)))) == [Status.ALREADY]


def test_memberships_of_a_user_who_was_refused_are_skipped(server: Sandbox, run: RunPlan) -> None:
    project = server.store.add_project("Alpha")
    refused = new_user(1, "bad", email="not an address")
    done = run(plan_of(refused, grant(2, "bad", project)))
    assert statuses(done) == [Status.FAILED, Status.SKIPPED]
    assert done.outcomes[1].why == fact("not-created", case="user", username="bad")


@pytest.mark.parametrize("after", [0, 1, 7, None])
@pytest.mark.parametrize(
    "reply", [None, web_page(502, "Bad Gateway"), web_page(200, "Fatal error")]
)
def test_a_lost_answer_neither_doubles_nor_loses_anybody(
    server: Sandbox, run: RunPlan, after: int | None, reply: Reply | None
) -> None:
    faults = iter([InjectedFault(after=after, reply=reply)])
    server.fault = lambda names: next(faults, None) if "createUser" in names else None
    people = [new_user(number, f"user{number}") for number in range(1, 31)]
    done = run(plan_of(*people))
    assert set(statuses(done)) == {Status.DONE}
    assert usernames(server) == {"admin", *(f"user{number}" for number in range(1, 31))}


def test_one_call_that_breaks_every_batch_leaves_the_others_through(
    server: Sandbox, run: RunPlan
) -> None:
    # A NUL in a password makes PHP give up: HTTP 500, an empty body, the rest of the batch lost.
    people = [new_user(number, f"user{number}") for number in range(1, 31)]
    done = run(plan_of(*people[:10], new_user(31, "poison"), *people[10:]))
    assert done.tally().done == 30
    assert done.outcomes[10].status is Status.FAILED
    assert "poison" not in usernames(server)


def test_a_server_that_goes_away_leaves_a_tally_and_a_journal(
    server: Sandbox, run: RunPlan, tmp_path: Path
) -> None:
    batches = iter(range(100))

    def goes_away(names: tuple[str, ...]) -> InjectedFault | None:
        if "createUser" in names and next(batches) == 0:
            return None
        return InjectedFault(after=0) if "createUser" in names or "getUserByName" in names else None

    first_read = iter([True])

    def after_one_batch(names: tuple[str, ...]) -> InjectedFault | None:
        if "getUserByName" in names and next(first_read, False):
            return None
        return goes_away(names)

    server.fault = after_one_batch
    people = [new_user(number, f"user{number}") for number in range(1, 61)]
    done = run(plan_of(*people))
    assert done.stopped is not None
    tally = done.tally()
    assert tally.done == 20
    assert tally.not_attempted > 0
    assert load_journal(tmp_path / "run.jsonl").run.outcomes == done.outcomes


def test_a_refused_token_ends_the_run_at_once(server: Sandbox, run: RunPlan) -> None:
    server.fault = lambda names: InjectedFault(after=0, reply=UNAUTHORIZED)
    people = [new_user(number, f"user{number}") for number in range(1, 31)]
    done = run(plan_of(*people))
    assert done.stopped is not None
    # Of the batch that was refused nobody can tell; the rest was never sent.
    assert statuses(done) == [Status.FAILED] * 20 + [Status.NOT_ATTEMPTED] * 10
    assert len(server.requests) == 1


def test_a_stop_that_was_asked_for_ends_between_batches(server: Sandbox, run: RunPlan) -> None:
    people = [new_user(number, f"user{number}") for number in range(1, 41)]
    # Asked before a batch is made ready, and again before it is sent.
    asked = iter([False, False, True])
    done = run(plan_of(*people), should_stop=lambda: next(asked, True))
    assert done.stopped == STOPPED_BY_SIGNAL
    assert done.tally().done == 20
    assert done.tally().not_attempted == 20
    assert len(usernames(server)) == 21


def test_every_batch_is_in_the_journal_before_it_is_sent(
    server: Sandbox, run: RunPlan, tmp_path: Path
) -> None:
    seen: list[int] = []

    def look(names: tuple[str, ...]) -> None:
        if "createUser" in names:
            lines = (tmp_path / "run.jsonl").read_text(encoding="utf-8").splitlines()
            seen.append(sum(json.loads(line)["record"] == "sent" for line in lines))

    server.fault = look
    run(plan_of(*(new_user(number, f"user{number}") for number in range(1, 31))), size=10)
    assert seen == [1, 2, 3]


def test_who_keeps_a_username_is_not_taken_for_the_new_user_of_that_name(
    server: Sandbox, run: RunPlan
) -> None:
    project = server.store.add_project("Alpha", identifier="ALPHA")
    ada = server.store.add_user("ada", name="Ada")
    rename = nth_change(
        1,
        Action.USER_RENAME,
        "ada",
        user_id=ada,
        before={"username": "ada"},
        after={"username": "admin"},
    )
    done = run(plan_of(rename, new_user(2, "ada", name="Ada"), grant(3, "ada", project)))
    assert statuses(done) == [Status.FAILED, Status.SKIPPED, Status.SKIPPED]
    assert facts_in(done.outcomes[1]) == {"username-not-free"}
    assert server.store.snapshot().memberships == {}
    assert done.user_ids == {}


def test_a_new_user_of_a_name_that_became_free_gets_what_is_theirs(
    server: Sandbox, run: RunPlan
) -> None:
    project = server.store.add_project("Alpha", identifier="ALPHA")
    ada = server.store.add_user("ada", name="Ada")
    rename = nth_change(
        1,
        Action.USER_RENAME,
        "ada",
        user_id=ada,
        before={"username": "ada"},
        after={"username": "ada.king"},
    )
    done = run(plan_of(rename, new_user(2, "ada", name="Ada"), grant(3, "ada", project)))
    assert statuses(done) == [Status.DONE, Status.DONE, Status.DONE]
    after = server.store.snapshot()
    assert after.users["ada.king"].id == ada
    assert after.memberships == {("ALPHA", "ada"): "project-member"}
    assert done.user_ids == {"c0002": after.users["ada"].id}


def test_a_locked_database_is_waited_for(
    server: Sandbox, run: RunPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = "SQL Error[HY000]: SQLSTATE[HY000]: General error: 5 database is locked"
    locked = iter([1, 2, 3])

    def lock(names: tuple[str, ...]) -> InjectedFault | None:
        if "createUser" not in names or next(locked, None) is None:
            return None
        ids = [call["id"] for call in json.loads(server_saw[-1])]
        items = [
            {"jsonrpc": "2.0", "error": {"code": 0, "message": message}, "id": number}
            for number in ids
        ]
        return InjectedFault(
            after=0, reply=Reply(200, "application/json", json.dumps(items).encode())
        )

    server_saw: list[bytes] = []
    answer = server.answer

    def seen(body: bytes, *rest: object) -> Reply | None:
        server_saw.append(body)
        return answer(body, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(server, "answer", seen)
    server.fault = lock
    done = run(plan_of(new_user(1, "ada"), new_user(2, "bob")), connections=1)
    assert statuses(done) == [Status.DONE, Status.DONE]
    assert {"ada", "bob"} < usernames(server)


def test_many_connections_do_each_thing_once(server: Sandbox, run: RunPlan) -> None:
    project = server.store.add_project("Alpha", identifier="ALPHA")
    people = [new_user(number, f"user{number}") for number in range(1, 301)]
    access = [grant(300 + number, f"user{number}", project) for number in range(1, 301)]
    done = run(plan_of(*people, *access), size=7, connections=8)
    assert done.tally().done == 600
    assert server.calls["createUser"] == server.calls["addProjectUser"] == 300


def test_too_many_errors_end_the_run(server: Sandbox, run: RunPlan) -> None:
    people = [new_user(number, f"user{number}", email="no address") for number in range(1, 61)]
    done = run(plan_of(*people), size=5, max_errors=9)
    assert done.stopped == STOPPED_BY_ERRORS
    assert 9 < done.tally().failed < 20
    assert done.tally().not_attempted > 0


def test_a_refusal_is_looked_into(server: Sandbox, run: RunPlan) -> None:
    ada = server.store.add_user("ada")
    refused = run(plan_of(grant(1, "ada", 99, user_id=ada)))
    assert "removed-meanwhile" in facts_in(refused.outcomes[0])


def test_what_was_sent_is_never_said_to_be_not_attempted(server: Sandbox, run: RunPlan) -> None:
    # The server goes away between writing and reading back, for good.
    gone = iter([None, *[InjectedFault(after=0)] * 1000])
    server.fault = lambda names: next(gone)
    done = run(plan_of(*(new_user(number, f"user{number}") for number in range(1, 31))))
    assert done.stopped is not None
    assert [outcome.status for outcome in done.outcomes[:20]] == [Status.FAILED] * 20
    assert done.outcomes[0].why == SENT_UNKNOWN
    assert done.tally().not_attempted == 10


def test_a_rate_holds_for_what_is_written_and_read_back_together(
    server: Sandbox, client: Client, tmp_path: Path
) -> None:
    project = server.store.add_project("Alpha", identifier="ALPHA")
    ids = [server.store.add_user(f"u{at}") for at in range(25)]
    waits: list[float] = []
    with Journal(tmp_path / "run.jsonl", now=lambda: "2026-01-01T00:00:00Z") as journal:
        executor = Executor(
            client,
            journal,
            passwords=Passwords(),
            options=Options(rate=10.0),
            sleep=waits.append,
        )
        changes = [grant(at, f"u{at}", project, user_id=user) for at, user in enumerate(ids)]
        begun = time.monotonic()
        done = executor.run(plan_of(*changes), run_id="run-1", version="0")
        took = time.monotonic() - begun
    assert set(statuses(done)) == {Status.DONE}
    assert max(len(request.procedures) for request in server.requests) == 10
    # Of 50 calls the last ten may begin after four seconds; nobody really waits for them here.
    assert max(waits) + took >= 4.0


def test_the_passwords_that_stay_in_the_file_are_those_of_whoever_was_created(
    server: Sandbox, client: Client, tmp_path: Path
) -> None:
    server.store.add_user("bob")
    file = tmp_path / "new.csv"
    with Journal(tmp_path / "run.jsonl", now=lambda: "2026-01-01T00:00:00Z") as journal:
        executor = Executor(client, journal, passwords=Passwords(file=file), options=Options())
        executor.run(plan_of(new_user(1, "ada"), new_user(2, "bob")), run_id="run-1", version="0")
    rows = file.read_text(encoding="utf-8").splitlines()
    assert [row.partition(",")[0] for row in rows] == ["username", "ada"]
