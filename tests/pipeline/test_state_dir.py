"""A mapping that names no ledger has one: where it lies, who finds it, and what it is good for."""

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kanport import ledger
from kanport.memory import LedgerState
from kanport.sandbox import Sandbox
from tests.support import processes
from tests.support.command_line import Kanport

MAPPING = """\
kanport: 1
sources: {people: {type: csv, path: people.csv}}
users:
  from: people
  fields: {username: {from: username}}
  missing: disable
  managed: {usernames: ["*"]}
limits: {disable: 100%}
protect: [admin]
"""
BESIDE = "night.yaml.ledger"


def write(folder: Path, *names: str, mapping: str = MAPPING) -> None:
    (folder / "night.yaml").write_text(mapping, encoding="utf-8")
    (folder / "people.csv").write_text("\n".join(["username", *names, ""]), encoding="utf-8")


def active(server: Sandbox) -> dict[str, bool]:
    users = server.store.snapshot().users
    return {name: user.is_active for name, user in users.items() if name != "admin"}


def memory(path: Path, server: Sandbox) -> LedgerState:
    return ledger.recall(path, server.url)


def by_sync(kanport: Kanport) -> None:
    done = kanport("sync", "night.yaml")
    assert done.code == 0, done


def by_apply(kanport: Kanport) -> None:
    for name in ("plan.json", "plan.journal.jsonl"):
        Path(name).unlink(missing_ok=True)
    assert kanport("plan", "night.yaml", "-o", "plan.json").code == 0
    done = kanport("apply", "plan.json", "--yes")
    assert done.code == 0, done


def by_resume(kanport: Kanport) -> None:
    """Carry out a plan, then take its end away, and what was remembered, as if it was killed."""
    before = Path("before.ledger")
    before.unlink(missing_ok=True)
    if Path(BESIDE).exists():
        shutil.copy2(BESIDE, before)
    by_apply(kanport)
    journal = Path("plan.journal.jsonl")
    if not journal.exists():
        return
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(line for line in lines if b'"record": "end"' not in line))
    assert journal.read_bytes() != b"".join(lines)
    Path(BESIDE).unlink()
    if before.exists():
        before.rename(BESIDE)
    done = kanport("resume", journal)
    assert done.code == 0, done


RUNS = [by_sync, by_apply, by_resume]


@pytest.mark.parametrize("leaving", RUNS)
@pytest.mark.parametrize("coming", RUNS)
def test_whoever_is_back_is_enabled_whichever_commands_ran(
    server: Sandbox,
    kanport: Kanport,
    tmp_path: Path,
    leaving: Callable[[Kanport], None],
    coming: Callable[[Kanport], None],
) -> None:
    write(tmp_path, "ada", "bob")
    by_sync(kanport)
    write(tmp_path, "bob")
    leaving(kanport)
    assert active(server) == {"ada": False, "bob": True}
    write(tmp_path, "ada", "bob")
    planned = kanport("plan", "night.yaml")
    assert "Kanport disabled them on" in planned.out, planned
    explained = kanport("explain", "night.yaml", "ada")
    assert "Kanport disabled them on" in explained.out, explained
    coming(kanport)
    assert active(server) == {"ada": True, "bob": True}
    assert kanport("plan", "night.yaml", "--check").code == 0
    assert stat.S_IMODE((tmp_path / BESIDE).stat().st_mode) == 0o600


def test_it_lies_beside_the_mapping_and_is_named(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    write(tmp_path, "ada")
    planned = kanport("plan", "night.yaml", "-o", "plan.json")
    assert "Ledger" in planned.out and BESIDE in planned.out
    assert not (tmp_path / BESIDE).exists(), "a plan writes none"
    assert json.loads((tmp_path / "plan.json").read_bytes())["mapping"]["ledger"] == BESIDE
    done = kanport("sync", "night.yaml")
    assert "Ledger" in done.out and BESIDE in done.out, done
    assert (tmp_path / BESIDE).exists()


def test_a_ledger_that_the_mapping_names_wins(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    write(tmp_path, "ada", "bob", mapping=f"{MAPPING}ledger: kept/people.ledger\n")
    (tmp_path / "kept").mkdir()
    by_sync(kanport)
    write(tmp_path, "bob", mapping=f"{MAPPING}ledger: kept/people.ledger\n")
    by_sync(kanport)
    assert not (tmp_path / BESIDE).exists()
    (absence,) = memory(tmp_path / "kept" / "people.ledger", server).absent.values()
    assert absence.username == "ada" and absence.disabled_at


def test_a_mapping_that_keeps_everybody_keeps_no_ledger(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    write(tmp_path, "ada", mapping=MAPPING.replace("missing: disable", "missing: keep"))
    by_sync(kanport)
    assert not list(tmp_path.rglob("*.ledger"))


def test_adopt_finds_it_too(server: Sandbox, kanport: Kanport, tmp_path: Path) -> None:
    server.store.add_user("ada")
    mapping = MAPPING.replace('{usernames: ["*"]}', "ledger")
    write(tmp_path, "ada", "bob", mapping=mapping)
    by_sync(kanport)
    adopted = kanport("adopt", "night.yaml", "--yes")
    assert adopted.code == 0 and f"Recorded in {BESIDE}" in adopted.err, adopted
    assert set(memory(tmp_path / BESIDE, server).users.values()) == {"ada", "bob"}


def test_whom_somebody_else_disabled_is_named_every_night(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    for name in ("ada", "bob", "eve"):
        server.store.add_user(name, active=name == "bob")
    write(tmp_path, "ada", "bob")
    first = kanport("sync", "night.yaml")
    assert first.code == 0, first
    assert '"ada" is disabled on the server and stays disabled' in first.out
    assert "the ledger is new" in first.out and ': "eve"' in first.out
    for _ in range(2):
        night = kanport("sync", "night.yaml")
        assert night.code == 0
        assert '"ada" is disabled' in night.out and "eve" not in night.out
    assert not active(server)["ada"]


def test_a_membership_that_names_somebody_disabled_is_a_warning_as_well(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    server.store.add_project("Alpha", identifier="ALPHA")
    server.store.add_user("ada", active=False)
    (tmp_path / "people.csv").write_text("username,project\nada,ALPHA\n", encoding="utf-8")
    (tmp_path / "night.yaml").write_text(
        "kanport: 1\nsources: {people: {type: csv, path: people.csv}}\nmemberships:\n"
        "  - {from: people, username: {from: username}, project: {from: project},"
        " role: project-member}\nmemberships_missing: revoke\n",
        encoding="utf-8",
    )
    by_sync(kanport)
    night = kanport("sync", "night.yaml")
    assert night.code == 0 and '"ada" is disabled' in night.out, night


# --- a folder that nobody may write to ----------------------------------------------------------

Call = Callable[..., "subprocess.CompletedProcess[str]"]

# Root may write everywhere, but for this.
RIGHTS = "-dac_override,-dac_read_search"
AS_OTHERS = ("setpriv", f"--bounding-set={RIGHTS}", f"--inh-caps={RIGHTS}")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Give a folder with one for the mapping, and one for the state."""
    for name in ("mapping", "state"):
        (tmp_path / name).mkdir()
    yield tmp_path
    (tmp_path / "mapping").chmod(0o755)


@pytest.fixture
def limited(server: Sandbox, folder: Path) -> Call:
    """Call the command line as a user to whom the rights of files apply."""
    as_others = AS_OTHERS if os.geteuid() == 0 else ()
    if as_others and shutil.which("setpriv") is None:
        assert not os.environ.get("CI"), "setpriv of util-linux is missing"
        pytest.skip("root may write everything, and there is no setpriv")

    def call(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return processes.run(
            *arguments,
            wrapped=as_others,
            cwd=folder,
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "HOME": str(folder / "state"),
                "KANPORT_URL": server.url,
                "KANPORT_TOKEN": server.token,
                "KANPORT_STATE": str(folder / "state"),
                **environment,
            },
        )

    return call


def change(folder: Path, *names: str, mapping: str = MAPPING) -> None:
    (folder / "mapping").chmod(0o755)
    write(folder / "mapping", *names, mapping=mapping)
    (folder / "mapping").chmod(0o555)


def test_where_nothing_can_be_written_beside_the_mapping_it_lies_in_the_state_folder(
    server: Sandbox, folder: Path, limited: Call
) -> None:
    change(folder, "ada", "bob")
    first = limited("sync", "mapping/night.yaml")
    assert first.returncode == 0, first
    (kept,) = (folder / "state" / "ledgers").glob("night.yaml-*.ledger")
    assert str(kept) in first.stdout
    change(folder, "bob")
    assert limited("sync", str(folder / "mapping" / "night.yaml")).returncode == 0
    assert active(server) == {"ada": False, "bob": True}
    change(folder, "ada", "bob")
    for command in (("plan",), ("explain", "ada")):
        shown = limited(command[0], "mapping/night.yaml", *command[1:])
        assert "Kanport disabled them on" in shown.stdout, shown
    elsewhere = limited("plan", "mapping/night.yaml", KANPORT_STATE=str(folder / "state" / "x"))
    assert "Kanport disabled them on" not in elsewhere.stdout
    flag = limited(
        *("plan", "mapping/night.yaml", "--state", str(folder / "state")),
        KANPORT_STATE=str(folder / "state" / "x"),
    )
    assert "Kanport disabled them on" in flag.stdout
    plan = str(folder / "state" / "plan.json")
    assert limited("plan", "mapping/night.yaml", "-o", plan).returncode == 0
    done = limited("apply", plan, "--yes")
    assert done.returncode == 0, done
    assert active(server) == {"ada": True, "bob": True}
    assert len(list(folder.rglob("*.ledger"))) == 1


def test_a_ledger_that_the_mapping_names_where_nothing_can_be_written_is_told_before_the_run(
    server: Sandbox, folder: Path, limited: Call
) -> None:
    change(folder, "ada", mapping=f"{MAPPING}ledger: people.ledger\n")
    done = limited("sync", "mapping/night.yaml")
    assert done.returncode == 2, done
    assert "people.ledger" in done.stderr and "Permission denied" in done.stderr
    assert "ledger: in the mapping" in done.stderr and "Traceback" not in done.stderr
    assert active(server) == {}
