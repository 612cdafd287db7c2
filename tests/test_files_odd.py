"""What is no file, or never ends, is refused at once; and nothing that counts is overwritten."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kanport.errors import UsageError
from kanport.files import ArtifactKind, check_target, kind_of, readers, write_file
from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport
from tests.support.files import MAPPING

RECORDED = Path(__file__).parent / "versions" / "v0_1_0"
STRANGER = 12345

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of another user")


@pytest.fixture
def in_time() -> Iterator[None]:
    """End a test that hangs, rather than the whole run."""

    def hangs(*_: object) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def pipe(name: str) -> str:
    os.mkfifo(name)
    return name


def device(name: str) -> str:
    return "/dev/zero"


def to_device(name: str) -> str:
    Path(name).symlink_to("/dev/zero")
    return name


ODD = pytest.mark.parametrize("odd", [pipe, device, to_device])
Odd = Callable[[str], str]


@ODD
@pytest.mark.parametrize(
    "command",
    [
        ("apply", "ODD", "--yes"),
        ("approve", "ODD", "--by", "Ada", "--note", "x"),
        ("verify", "ODD"),
        ("report", "ODD"),
        ("report", "--compare", "ODD", "ODD"),
        ("resume", "ODD"),
        ("undo", "ODD"),
        ("verify-report", "ODD"),
        ("evidence", "ODD", "-o", "run.zip"),
        ("evidence", "--verify", "ODD"),
        ("evidence", "--verify", "club.yaml", "--signers", "ODD"),
        ("review", "start", "-o", "review", "--reviewers", "ODD"),
        ("plan", "ODD"),
        ("validate", "ODD"),
        ("plan", "club.yaml", "--token-file", "ODD"),
        ("plan", "club.yaml", "--ca-file", "ODD"),
        ("plan", "club.yaml", "--config", "ODD"),
        ("sync", "club.yaml", "--status", "ODD"),
        ("sync", "club.yaml", "--prometheus", "ODD"),
        ("init", "ODD"),
    ],
    ids=" ".join,
)
def test_a_pipe_or_a_device_is_refused_at_once_with_its_name(
    kanport: Kanport,
    club: Path,
    server: Sandbox,
    in_time: None,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    odd: Odd,
) -> None:
    if "--token-file" in command:
        monkeypatch.delenv("KANPORT_TOKEN")
    name = odd("odd.csv" if command[0] == "init" else "odd")
    ended = kanport(*(name if part == "ODD" else part for part in command))
    assert ended.code in (2, 6, 7)
    assert name in ended.err
    assert server.writes.total() == 0


@ODD
@pytest.mark.parametrize(
    "line", ["ledger: ODD", "sources: {people: {type: csv, path: ODD}}"], ids=["ledger", "source"]
)
def test_a_mapping_that_names_a_pipe_or_a_device_is_refused_at_once(
    kanport: Kanport, club: Path, in_time: None, line: str, odd: Odd
) -> None:
    name = odd("odd")
    text = MAPPING.replace("path: people.csv", f"path: {name}") if "sources" in line else MAPPING
    if "ledger" in line:
        text += f"ledger: {name}\n"
    club.write_text(text, encoding="utf-8")
    ended = kanport("plan", "club.yaml")
    assert ended.code in (5, 6, 7)
    assert name in ended.err


@ODD
def test_the_key_of_an_approval_that_is_no_file_is_refused_at_once(
    kanport: Kanport, club: Path, in_time: None, monkeypatch: pytest.MonkeyPatch, odd: Odd
) -> None:
    assert kanport("plan", "club.yaml", "-o", "plan.json").code == 0
    monkeypatch.setenv("KANPORT_APPROVAL_KEY_FILE", odd("key"))
    ended = kanport("approve", "plan.json", "--by", "Ada", "--note", "x")
    assert ended.code == 6
    assert "key" in ended.err


@ODD
def test_an_odd_file_in_the_state_folder_is_reported_and_passed_over(
    kanport: Kanport, club: Path, in_time: None, odd: Odd
) -> None:
    state = Path("state/kanport")
    state.mkdir(parents=True)
    name = odd("odd")
    (state / "club-1.journal.jsonl").symlink_to(Path(name).absolute())
    (state / "club-2.journal.jsonl").mkdir()
    (state / "club-3.journal.jsonl").write_bytes(b"\0" * 100)
    ended = kanport("sync", "club.yaml")
    assert ended.code == 0, ended.err
    for number in (1, 2, 3):
        assert f"club-{number}.journal.jsonl" in ended.err


def test_a_log_goes_to_no_pipe_that_nobody_reads(
    kanport: Kanport, club: Path, in_time: None
) -> None:
    ended = kanport("validate", "club.yaml", "--log-file", pipe("log"))
    assert ended.code == 6
    assert "log" in ended.err


def test_a_plan_larger_than_any_is_refused_without_reading_it_whole(
    tmp_path: Path, in_time: None
) -> None:
    huge = tmp_path / "huge.json"
    with huge.open("wb") as file:
        file.truncate(1 << 40)
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))\n"
        "from kanport.cli import main\n"
        f"sys.argv = ['kanport', 'report', {str(huge)!r}]\n"
        "main()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=1200
    )
    assert ended.returncode == 2, ended.stderr[-500:]
    assert "huge.json" in ended.stderr


# --- what is written keeps its protection ---------------------------------------------------------


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o400])
def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")
    path.chmod(mode)
    write_file(path, "new")
    assert (mode_of(path), path.read_text(encoding="utf-8")) == (mode, "new")


def test_a_secret_is_for_its_owner_alone_also_where_the_file_was_not(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o666)
    write_file(path, "new", secret=True)
    assert mode_of(path) == 0o600


@pytest.mark.parametrize("ending", ["html", "json", "md", "xlsx", "csv", "txt"])
def test_a_new_report_is_for_its_owner_alone_and_says_so(
    kanport: Kanport, club: Path, ending: str
) -> None:
    assert kanport("plan", "club.yaml", "-o", "plan.json").code == 0
    ended = kanport("report", "plan.json", "-o", f"report.{ending}")
    assert "readable only by you" in ended.err
    assert mode_of(Path(f"report.{ending}")) == 0o600
    if ending == "csv":
        assert mode_of(Path("report.csv.proof.json")) == 0o600


@pytest.mark.parametrize(("umask", "mode"), [(0o027, 0o640), (0o002, 0o640), (0o077, 0o600)])
def test_in_a_folder_that_a_group_shares_its_members_can_read_a_new_report(
    tmp_path: Path, umask: int, mode: int
) -> None:
    tmp_path.chmod(0o2770)
    before = os.umask(umask)
    try:
        write_file(tmp_path / "report.html", "new")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "report.html") == mode
    assert ("group" in readers(tmp_path / "report.html")) is (mode == 0o640)


@pytest.mark.parametrize("name", ["plan.json", "plan.journal.jsonl", "club.yaml", "people.csv",
                                  "grants.csv", "teams.csv", "club.ledger", "cut.journal.jsonl",
                                  "plan.approval.json", "first.json"])  # fmt: skip
@pytest.mark.parametrize("of", ["plan.json", "plan.journal.jsonl"])
@pytest.mark.parametrize("through", ["itself", "link", "hard link"])
def test_a_report_replaces_nothing_that_kanport_needs(
    kanport: Kanport, name: str, of: str, through: str
) -> None:
    for path in RECORDED.iterdir():
        shutil.copy2(path, path.name)
    shutil.copy2("after.club.ledger", "club.ledger")
    before = Path(name).read_bytes()
    target = name
    if through == "link":
        target = f"report{Path(name).suffix}"
        Path(target).symlink_to(name)
    elif through == "hard link":
        target = f"report{Path(name).suffix}"
        os.link(name, target)
    # The ending has to be one of a report, or it is refused for that.
    if Path(target).suffix not in (".json", ".csv"):
        target = "report.txt"
        Path(target).symlink_to(name)
    ended = kanport("report", of, "-o", target)
    assert ended.code == 2, ended.err
    assert "cannot be written" in ended.err
    assert Path(name).read_bytes() == before


@pytest.mark.parametrize("through", ["itself", "link", "hard link"])
@pytest.mark.parametrize(
    "command",
    ["plan club.yaml -o", "report run.journal.jsonl -o", "undo run.journal.jsonl -o",
     "approve run.json --by Ada --note x -o", "validate club.yaml -o",
     "sync club.yaml --status", "--log-file"],
)  # fmt: skip
def test_no_command_writes_over_what_kanport_reads_or_what_nobody_can_make_again(
    kanport: Kanport,
    club: Path,
    command: str,
    through: str,
    server: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert kanport("plan", "club.yaml", "-o", "run.json").code == 0
    ended = kanport("apply", "run.json", "--yes", "--passwords-to", "new.csv",
                    "--journal", "run.journal.jsonl")  # fmt: skip
    assert ended.code == 0, ended.err
    for name, text in (("token", "secret"), ("key", "k" * 40), ("kanport.toml", "timeout = 100\n")):
        Path(name).write_text(text)
        Path(name).chmod(0o600)
    monkeypatch.setenv("KANPORT_APPROVAL_KEY_FILE", "key")
    token = os.environ["KANPORT_TOKEN"]
    Path("token").write_text(token)
    monkeypatch.delenv("KANPORT_TOKEN")
    monkeypatch.setenv("KANPORT_TOKEN_FILE", "token")
    for name in ("token", "key", "kanport.toml", "new.csv", "people.csv"):
        reads_none = command.startswith(("report", "approve", "validate"))
        if name == "kanport.toml" and through == "hard link" and reads_none:
            continue  # they know a configuration by its name alone
        before = Path(name).read_bytes()
        target = Path(name)
        if through != "itself" or reads_none:
            ending = "json" if command.startswith("approve") else "csv"
            target = Path(f"to-{Path(name).stem}.{ending}")
            if through == "hard link":
                os.link(name, target)
            else:
                target.symlink_to(name)
        words = command.split()
        if words == ["--log-file"]:
            ended = kanport("-v", "--log-file", str(target), "plan", "club.yaml")
        else:
            ended = kanport(*words, str(target))
        assert ended.code in (2, 6), (name, ended.out, ended.err)
        assert "cannot be written" in ended.err, name
        assert Path(name).read_bytes() == before, name


@pytest.mark.parametrize("name", ["people.csv", "club.yaml"])
@pytest.mark.parametrize("option", ["--status", "--prometheus"])
def test_no_status_file_replaces_what_a_sync_reads(
    kanport: Kanport, club: Path, name: str, option: str
) -> None:
    before = Path(name).read_bytes()
    ended = kanport("sync", "club.yaml", option, name)
    assert ended.code == 2
    assert Path(name).read_bytes() == before


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("# a list\nkanport: 1\nsources: {}\n", ArtifactKind.MAPPING),
        ("kanport: 1 # of this format\r\n", ArtifactKind.MAPPING),
        ('{\n  "format": "kanport-plan/1",\n', ArtifactKind.PLAN),
        ('{"record": "run", "at": "x", "format": "kanport-journal/1"}\n', ArtifactKind.JOURNAL),
        ("name,kanport\nanna,1\n", None),
        ('{"format": "kanport-report/1"}', None),
        ("", None),
    ],
)
def test_files_of_kanport_are_known_by_their_content(
    tmp_path: Path, text: str, kind: ArtifactKind | None
) -> None:
    path = tmp_path / "file"
    path.write_text(text, encoding="utf-8")
    assert kind_of(path) is kind


# --- folders to which everybody can write ---------------------------------------------------------


@pytest.fixture
def open_to_all(tmp_path: Path) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    folder.chmod(0o1777)
    return folder


@as_root
@pytest.mark.parametrize("shape", ["link to a file", "link to nothing", "link to a folder",
                                   "link to a link", "file"])  # fmt: skip
def test_what_somebody_else_put_into_such_a_folder_is_neither_followed_nor_replaced(
    tmp_path: Path, open_to_all: Path, shape: str
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "kept.html").write_text("mine", encoding="utf-8")
    bait = open_to_all / "report.html"
    target = bait
    if shape == "file":
        bait.write_text("bait", encoding="utf-8")
        os.chown(bait, STRANGER, STRANGER)
    else:
        to = {
            "link to a file": mine / "kept.html",
            "link to nothing": mine / "new.html",
            "link to a folder": mine,
            "link to a link": tmp_path / "mine.html",
        }[shape]
        if shape == "link to a link":
            to.symlink_to(mine / "kept.html")
        if shape == "link to a folder":
            bait, target = open_to_all / "folder", open_to_all / "folder" / "kept.html"
        bait.symlink_to(to)
        os.lchown(bait, STRANGER, STRANGER)
    with pytest.raises(UsageError, match="another user"):
        write_file(target, "new")
    assert (mine / "kept.html").read_text(encoding="utf-8") == "mine"
    assert not (mine / "new.html").exists()


def test_ones_own_link_in_such_a_folder_is_followed(tmp_path: Path, open_to_all: Path) -> None:
    (open_to_all / "report.html").symlink_to(tmp_path / "report.html")
    write_file(open_to_all / "report.html", "new")
    write_file(open_to_all / "report.html", "newer")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "newer"


@as_root
def test_the_link_of_whom_the_folder_belongs_to_is_followed(open_to_all: Path) -> None:
    os.chown(open_to_all, STRANGER, STRANGER)
    link = open_to_all / "report.html"
    link.symlink_to(open_to_all / "there.html")
    os.lchown(link, STRANGER, STRANGER)
    check_target(link)


def test_a_journal_whose_plan_begins_soon_is_no_plan_and_no_plan_replaces_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "plan.json"
    path.write_text('{"format": "kanport-journal/1", "plan": {"format": "kanport-plan/1"}}')
    assert kind_of(path) is ArtifactKind.JOURNAL
    with pytest.raises(UsageError, match="the journal of a run would be lost"):
        check_target(path, over=ArtifactKind.PLAN)
