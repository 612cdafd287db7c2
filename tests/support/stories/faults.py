"""Stories of what goes wrong between Kanport and the server, and of runs that end early."""

import json
import signal
import time

from kanport import network
from kanport.sandbox import (
    WRITING_PROCEDURES,
    InjectedFault,
    Reply,
    Sandbox,
    SandboxOptions,
    web_page,
)
from tests.scenarios.test_checks_when_it_counts import unchained
from tests.support.files import GRANTS, MAPPING
from tests.support.stories.scene import STORIES, Scene, story

PHP = "<b>Fatal error</b>:  Maximum execution time of 30 seconds exceeded in <b>/x</b>"
JSON = "application/json"
PARSE = b'{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}'
FAULTS = {
    "error_500": InjectedFault(after=0, reply=Reply(500, "text/html", b"")),
    "html": InjectedFault(after=1, reply=web_page(200, PHP)),
    "a_login_page": InjectedFault(after=0, reply=web_page(200, "Please log in")),
    "reset": InjectedFault(after=None, reply=None),
    "reset_before": InjectedFault(after=0, reply=None),
    "false": InjectedFault(after=0, reply=Reply(200, JSON, b"false")),
    "too_large": InjectedFault(after=0, reply=web_page(413, "Request Entity Too Large")),
    "busy": InjectedFault(after=0, reply=Reply(503, "text/html", b"busy", {"Retry-After": "0"})),
    "refused": InjectedFault(after=0, reply=Reply(401, JSON, PARSE)),
    "one_error": InjectedFault(after=0, reply=Reply(200, JSON, PARSE)),
    "half_of_the_json": InjectedFault(after=None, reply=Reply(200, JSON, b'[{"jsonrpc":')),
}


def disturbed(scene: Scene, fault: InjectedFault) -> None:
    """Let each kind of request go wrong once, and then one of them for good."""
    scene.club()
    met: set[str] = set()

    def once(names: tuple[str, ...]) -> InjectedFault | None:
        new = set(names) - met
        met.update(new)
        return fault if new else None

    scene.fault(once)
    scene("plan", "club.yaml", "-o", "first.json")
    scene.fault(None)
    assert scene("plan", "club.yaml", "-o", "plan.json") == 0
    met.clear()

    def once_writing(names: tuple[str, ...]) -> InjectedFault | None:
        begun = met or WRITING_PROCEDURES.intersection(names)
        return once(names) if begun else None

    scene.fault(once_writing)
    scene("apply", "plan.json", "--yes")
    scene.fault(None)
    if (scene.folder / "plan.journal.jsonl").exists():
        scene("resume", "plan.journal.jsonl")
    else:
        scene("apply", "plan.json", "--yes")
    scene.fault(lambda names: fault if "addProjectUser" in names else None)
    scene.write(grants=GRANTS + "svc-backup,ALPHA,R\nchloé,ALPHA,R\nbob,Beta board,R\n")
    scene("sync", "club.yaml")


def _disturbing(name: str, fault: InjectedFault) -> None:
    def tell(scene: Scene) -> None:
        disturbed(scene, fault)

    STORIES[f"a_fault_{name}"] = tell


for _name, _fault in FAULTS.items():
    _disturbing(_name, _fault)


def everything(names: tuple[str, ...]) -> InjectedFault | None:
    return FAULTS["error_500"]


@story
def a_server_that_is_silent(scene: Scene) -> None:
    scene.club()
    assert scene("plan", "club.yaml", "-o", "plan.json") == 0
    slow = iter([True])

    def hang(names: tuple[str, ...]) -> InjectedFault | None:
        if "createUser" not in names or not next(slow, False):
            return None
        time.sleep(0.5)
        return InjectedFault(after=0)

    scene.fault(hang)
    scene("apply", "plan.json", "--yes", "--timeout", "0.2")
    scene("plan", "club.yaml")


@story
def confirmed_without_effect(scene: Scene) -> None:
    scene.club()
    for what in ("UPDATE ON users", "INSERT ON project_has_users", "DELETE ON project_has_users"):
        event, _, table = what.split()
        scene.store.change(
            f"CREATE TRIGGER {event}_{table} BEFORE {event} ON {table}"
            " BEGIN SELECT RAISE(IGNORE); END"
        )
    assert scene("plan", "club.yaml", "-o", "plan.json") == 0
    assert scene("apply", "plan.json", "--yes") == 3
    scene("verify", "plan.journal.jsonl")
    scene("report", "plan.journal.jsonl", "--mask", "-o", "masked.json")
    scene("undo", "plan.journal.jsonl", "-o", "back.json")
    scene("sync", "club.yaml")


@story
def refused_by_the_database(scene: Scene) -> None:
    scene.club()
    for event, table in (("INSERT", "users"), ("UPDATE", "users"), ("INSERT", "project_has_users")):
        scene.store.change(
            f"CREATE TRIGGER {event}_{table} BEFORE {event} ON {table}"
            " BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    assert scene("plan", "club.yaml", "-o", "plan.json") == 0
    assert scene("apply", "plan.json", "--yes", "--passwords-to", "new.csv") == 3
    scene("resume", "plan.journal.jsonl")
    scene("undo", "plan.journal.jsonl", "-o", "back.json")


@story
def stopped_by_errors_and_finished(scene: Scene) -> None:
    scene.club()
    scene.store.change(
        "CREATE TRIGGER no BEFORE INSERT ON users BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    assert scene("sync", "club.yaml", "--max-errors", "0") == 3
    scene.store.change("DROP TRIGGER no")
    assert scene("report", scene.journal()) == 0
    scene("resume", scene.journal(), "--yes")
    scene("sync", "club.yaml")


@story
def stopped_by_a_signal_and_finished(scene: Scene) -> None:
    scene.club()
    scene.fault(lambda names: scene.interrupt() if "createUser" in names else None)
    assert scene("sync", "club.yaml", "--passwords-to", "new.csv") == 130
    scene.fault(None)
    scene("verify", scene.journal())
    scene("undo", scene.journal(), "-o", "back.json")
    assert scene("resume", scene.journal(), "--passwords-to", "more.csv") == 0
    scene.fault(lambda names: scene.interrupt(signal.SIGINT) if "getAllUsers" in names else None)
    assert scene("plan", "club.yaml") == 130


@story
def stopped_by_its_deadline(scene: Scene) -> None:
    scene.club()

    def late(names: tuple[str, ...]) -> None:
        if "createUser" in names:
            # No clock decides which batch is the last one.
            network._Run.ends = time.monotonic()

    scene.fault(late)
    assert scene("sync", "club.yaml", "--deadline", "1h") == 130
    scene.fault(None)
    scene("sync", "club.yaml", "--deadline", "never")
    scene("sync", "club.yaml")


@story
def a_server_that_is_lost(scene: Scene) -> None:
    scene.club()
    scene("plan", "club.yaml", "-o", "plan.json")
    lost: list[str] = []

    def lose(names: tuple[str, ...]) -> InjectedFault | None:
        lost.extend(name for name in names if name == "createUser")
        return InjectedFault(after=1) if lost else None

    scene.fault(lose)
    scene("apply", "plan.json", "--yes")
    scene("verify", "plan.json")
    scene("doctor", "club.yaml")
    scene.fault(None)
    scene("sync", "club.yaml")
    scene("resume", "plan.journal.jsonl")
    scene("plan", "club.yaml", "--check")


@story
def a_journal_that_breaks(scene: Scene) -> None:
    scene.club()
    scene("plan", "club.yaml", "-o", "plan.json")
    with scene.full_disk_from("createUser", "plan.journal.jsonl"):
        assert scene("apply", "plan.json", "--yes") == 3
    scene("report", "plan.journal.jsonl")
    scene("sync", "club.yaml")
    scene("resume", "plan.journal.jsonl")
    journal = scene.folder / "plan.journal.jsonl"
    content = journal.read_bytes()
    journal.write_bytes(content[:-20])
    scene("report", "plan.journal.jsonl")
    scene("undo", "plan.journal.jsonl")
    journal.write_bytes(content.replace(b'"record"', b'"rekord"', 3))
    scene("resume", "plan.journal.jsonl")


@story
def a_file_of_passwords_that_breaks(scene: Scene) -> None:
    scene.club()
    scene("plan", "club.yaml", "-o", "plan.json")

    def replace(names: tuple[str, ...]) -> None:
        if "updateUser" in names and (scene.folder / "new.csv").is_file():
            (scene.folder / "new.csv").unlink()
            (scene.folder / "new.csv").mkdir()

    scene.fault(replace)
    scene("apply", "plan.json", "--yes", "--passwords-to", "new.csv")
    scene.fault(None)
    scene("resume", "plan.journal.jsonl", "--passwords-to", "more.csv")


@story
def a_server_that_refuses_to_be_read(scene: Scene) -> None:
    scene.club()
    for name in ("getVersion", "getAllUsers", "getAllProjects", "getProjectUsers"):
        scene.fault(lambda names, name=name: FAULTS["error_500"] if name in names else None)  # type: ignore[misc]
        scene("plan", "club.yaml")
    scene.fault(everything)
    scene("doctor")
    scene("explain", "club.yaml", "ada")
    scene.fault(None)
    scene.patch.setenv("KANPORT_TOKEN", "another")
    scene("plan", "club.yaml")
    scene("doctor", "club.yaml")


@story
def a_run_that_was_killed(scene: Scene) -> None:
    scene.club()
    assert scene("sync", "club.yaml") == 0
    path = scene.folder / scene.journal()
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    unchained(path, [each for each in records if each["record"] in ("run", "sent")])
    scene.store.change("DELETE FROM project_has_users")
    scene("report", scene.journal())
    scene("undo", scene.journal(), "-o", "back.json")
    scene("sync", "club.yaml")


@story
def what_changes_during_a_run(scene: Scene) -> None:
    protect = MAPPING.replace("protect: [", "protect: [rita, ")
    scene.club(mapping=protect + "limits: {disable: 9}\n")
    for name in ("root", "rita"):
        scene.store.add_user(name, role="app-admin")
    assert scene("plan", "club.yaml", "-o", "plan.json") == 0

    def others(names: tuple[str, ...]) -> None:
        if WRITING_PROCEDURES.intersection(names):
            scene.store.change("UPDATE users SET is_active = 0 WHERE id = 1")
            scene.store.change("UPDATE users SET role = 'app-user' WHERE username = 'rita'")

    scene.fault(others)
    scene("apply", "plan.json", "--yes")
    scene.fault(None)
    scene("report", "plan.json", "--mask")


@story
def an_older_server(scene: Scene) -> None:
    for missing in (("getAllGroups", "getGroupMembers"), ("getProjectUserRole",)):
        options = SandboxOptions(
            text_numbers=True, empty_lists=True, missing_procedures=frozenset(missing)
        )
        with Sandbox(options) as server:
            scene.move_to(server)
            scene.club()
            scene("doctor", "club.yaml")
            scene("plan", "club.yaml", "-o", f"{missing[0]}.json")
            scene("apply", f"{missing[0]}.json", "--yes")
            scene("sync", "club.yaml")
    with Sandbox(SandboxOptions(memory_limit=0.001)) as server:
        scene.move_to(server)
        scene.club()
        scene("plan", "club.yaml", "-o", "some.json")
        scene("doctor", "club.yaml")
