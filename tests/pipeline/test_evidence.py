"""The evidence package: what it holds, what it proves, and that nothing in it can be changed."""

import hashlib
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kanport
from kanport.access.snapshot import snapshot_of, write_snapshot
from kanport.kanboard.reader import read_current
from kanport.pipeline.evidence import (
    ABOUT,
    HMAC,
    JOURNAL,
    MANIFEST,
    PLAN,
    SSH,
    SUMS,
)
from kanport.pipeline.evidence_check import Evidence, check
from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport
from tests.support.files import write_files

KEY = "0123456789abcdef0123"


def _snapshot(server: Sandbox, path: Path, at: str) -> None:
    with kanport.connect(server.url, token=server.token) as client:
        state = read_current(client, choose_projects=lambda all_: [one.id for one in all_])
    write_snapshot(path, snapshot_of(state, taken_at=at, read_by="ann@desk"))


@pytest.fixture
def packed(
    server: Sandbox, kanport: Kanport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A package of a run with everything in it, signed with an SSH key and with the HMAC key."""
    monkeypatch.setenv("KANPORT_APPROVAL_KEY", KEY)
    store = server.store
    store.add_project("Alpha", identifier="ALPHA")
    store.add_project("Beta board")
    mapping = write_files(tmp_path)
    _snapshot(server, tmp_path / "before.json", "2020-01-01T00:00:00Z")
    assert kanport("plan", mapping, "-o", "plan.json").code == 0
    approved = kanport("approve", "plan.json", "--by", "Ada", "--note", "Ticket 4711")
    assert approved.code == 0, approved
    assert kanport("apply", "plan.json", "--yes", "--require-approval").code == 0
    _snapshot(server, tmp_path / "after.json", "2099-01-01T00:00:00Z")
    (tmp_path / "minutes.txt").write_text("We looked at it.\n", "utf-8")
    for name in ("key", "other"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True
        )
    public = (tmp_path / "key.pub").read_text("utf-8")
    (tmp_path / "signers").write_text(f"ann@example.org {public}", "utf-8")
    done = kanport(
        *("evidence", "plan.journal.jsonl", "-o", "run.zip", "--sources", "--sign", "key"),
        *("--before", "before.json", "--after", "after.json", "--attach", "minutes.txt"),
    )
    assert done.code == 0, done
    return tmp_path / "run.zip"


def _repacked(path: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Change the files of a package, and pack it in the same way."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            archive.writestr(entry, files[name])


def test_a_package_verifies_and_says_what_it_proves(kanport: Kanport, packed: Path) -> None:
    shown = kanport("evidence", "--verify", packed, "--signers", "signers")
    assert shown.code == 0, shown
    assert "signature: yes, signed by ann@example.org" in shown.out
    assert "approval: yes, approved by Ada (signature valid)" in shown.out
    assert "HMAC: yes" in shown.out
    assert "report.html: yes, identical, byte for byte" in shown.out
    assert "- after.json: 4 of 4 users, 2 of 2 projects, 0 of 0 groups read" in shown.out
    assert "Nothing in the package was changed, added or removed since it was signed." in shown.out
    assert "This does not prove:" in shown.out and "NO" not in shown.out.split("This proves")[0]
    parts = json.loads(kanport("evidence", "--verify", packed, "--format", "json").out)
    assert parts["holds"] and parts["manifest"]["approved_by"] == ["Ada"]
    with zipfile.ZipFile(packed) as archive:
        assert "sources/people-people.csv" in archive.namelist()
        assert "attachments/minutes.txt" in archive.namelist()


def test_only_what_is_in_the_package_is_said_to_belong_together(
    kanport: Kanport, packed: Path
) -> None:
    shown = kanport("evidence", "--verify", packed, "--signers", "signers").out
    assert "Plan, journal, approvals and reports belong to one run" in shown
    assert "sources: yes, the mapping and 2 sources have the SHA-256" in shown
    assert "The mapping and the sources in the package are the files that" in shown


def test_a_package_without_an_approval_proves_none(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    server.store.add_project("Alpha", identifier="ALPHA")
    server.store.add_project("Beta board")
    kanport("plan", write_files(tmp_path), "-o", "plan.json")
    assert kanport("apply", "plan.json", "--yes").code == 0
    assert kanport("evidence", "plan.journal.jsonl", "-o", "run.zip").code == 0
    shown = kanport("evidence", "--verify", "run.zip").out
    assert "approval: not checked, nobody approved the plan" in shown
    assert "Plan, journal and reports belong to one run" in shown


def test_a_file_that_is_no_package_proves_nothing(kanport: Kanport, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}", "utf-8")
    shown = kanport("evidence", "--verify", "plan.json")
    assert shown.code == 3
    assert "This proves nothing:" in shown.out and "does not prove" not in shown.out


def test_the_same_run_gives_the_same_bytes(kanport: Kanport, packed: Path, tmp_path: Path) -> None:
    again = kanport(
        *("evidence", "plan.journal.jsonl", "-o", "again.zip", "--sources", "--sign", "key"),
        *("--before", "before.json", "--after", "after.json", "--attach", "minutes.txt"),
    )
    assert again.code == 0
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()


def test_an_auditor_checks_it_with_unzip_sha256sum_and_ssh_keygen(packed: Path) -> None:
    folder = packed.parent / "unpacked"
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder, check=True)
    with (folder / "SHA256SUMS").open("rb") as sums:
        subprocess.run(
            [
                *("ssh-keygen", "-Y", "verify", "-f", str(packed.parent / "signers")),
                *("-I", "ann@example.org", "-n", "kanport-evidence"),
                *("-s", str(folder / "SHA256SUMS.sig")),
            ],
            stdin=sums,
            check=True,
            capture_output=True,
        )


def test_tampering_with_each_of_its_files_is_detected(packed: Path) -> None:
    whole = packed.read_bytes()
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
    assert {"manifest.json", "SHA256SUMS", "SHA256SUMS.sig", "SHA256SUMS.hmac"} < set(names)

    def flip(name: str) -> Callable[[dict[str, bytes]], None]:
        def change(files: dict[str, bytes]) -> None:
            middle = len(files[name]) // 2
            flipped = bytes([files[name][middle] ^ 1])
            files[name] = files[name][:middle] + flipped + files[name][middle + 1 :]

        return change

    for name in names:
        for change in (flip(name), lambda files, name=name: files.pop(name)):
            packed.write_bytes(whole)
            _repacked(packed, change)
            assert packed.read_bytes() != whole
            assert not check(packed, signers=packed.parent / "signers").checks.hold, name
            assert not check(packed).checks.hold, name
    packed.write_bytes(whole)
    _repacked(packed, lambda files: files.update({"attachments/more.txt": b"x"}))
    assert not check(packed).checks.hold
    packed.write_bytes(whole)
    _repacked(packed, lambda files: None)
    assert packed.read_bytes() == whole and check(packed).checks.hold


def forged(files: dict[str, bytes], **claims: Any) -> None:
    """Compute all digests again without a signature, as somebody does who forges a package."""
    for name in (SSH, HMAC, SUMS):
        files.pop(name, None)
    manifest = json.loads(files.pop(MANIFEST))
    kinds = {one["name"]: one["what"] for one in manifest["files"]}
    listed = [
        {"name": name, "what": kinds.get(name, name.partition("/")[0]), "size": len(data),
         "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in sorted(files.items())
    ]  # fmt: skip
    manifest |= {"signatures": [], "files": listed, **claims}
    files[MANIFEST] = (json.dumps(manifest, ensure_ascii=False, indent=2) + "\n").encode()
    sums = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())]
    files[SUMS] = "".join(sums).encode()


def test_what_a_forged_package_says_must_follow_from_its_files(packed: Path) -> None:
    whole = packed.read_bytes()

    def tried(*missing: str, more: dict[str, bytes] | None = None, **claims: Any) -> Evidence:
        def change(files: dict[str, bytes]) -> None:
            for name in missing:
                del files[name]
            files.update(more or {})
            forged(files, **claims)

        packed.write_bytes(whole)
        _repacked(packed, change)
        return check(packed)

    # The page in the package still tells how to check a signature.
    assert [one.why for one in tried().checks.checked if one.holds is False] == [
        f"it does not match the files: {ABOUT}"
    ]
    assert tried(kanport="0.0.9").checks.hold
    forgeries: tuple[dict[str, Any], ...] = (
        {"server": "https://elsewhere.example"},
        {"approved_by": ["The Boss"]},
        {"run": {}},
        {"run": 5},
        {"plan": None},
    )
    for claims in forgeries:
        evidence = tried(kanport="0.0.9", **claims)
        assert not evidence.checks.hold and not evidence.proves, claims
    for signatures in (5, None, [["x"]]):
        assert not tried(signatures=signatures).checks.hold
    for name in ("report.xlsx", ABOUT, PLAN, JOURNAL):
        assert not tried(name, kanport="0.0.9").checks.hold, name
    assert not tried(more={"attachments": b"x"}).checks.hold


def test_a_run_that_was_cut_off_is_not_said_to_be_whole(
    kanport: Kanport, packed: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "plan.journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    assert kanport("evidence", journal, "-o", "cut.zip").code == 0
    evidence = check(tmp_path / "cut.zip")
    assert evidence.checks.hold
    assert not any("none is missing" in one for one in evidence.proves)
    assert any("it has no end" in one for one in evidence.leaves_open)


def test_odd_archives_are_refused(packed: Path) -> None:
    whole = packed.read_bytes()

    def refused(content: bytes) -> str:
        packed.write_bytes(content)
        evidence = check(packed)
        assert not evidence.checks.hold and not evidence.proves
        return evidence.checks.checked[0].why

    assert "not a ZIP archive" in refused(b"PK nonsense")
    assert "not a ZIP archive" in refused(whole[:400])
    assert refused(b"in front" + whole) and refused(whole + b"behind")
    for name in ("../evil.txt", "/etc/passwd", "a\\b", "sources/../x", "reports/x.html"):
        packed.write_bytes(whole)
        with zipfile.ZipFile(packed, "a") as archive:
            archive.writestr(name, b"x")
        assert "a name that no package has" in refused(packed.read_bytes())
    packed.write_bytes(whole)
    with zipfile.ZipFile(packed, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("plan.json", b"{}")
    assert "twice" in refused(packed.read_bytes())
    packed.write_bytes(whole)
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("attachments/bomb.txt", b"\0" * 50_000_000)
    assert packed.stat().st_size < 2_000_000
    assert "compressed" in refused(packed.read_bytes())


def test_a_signature_of_somebody_else_does_not_hold(
    kanport: Kanport, packed: Path, tmp_path: Path
) -> None:
    other = (tmp_path / "other.pub").read_text("utf-8")
    (tmp_path / "others").write_text(f"eve@example.org {other}", "utf-8")
    assert kanport("evidence", "--verify", packed, "--signers", "others").code == 3
    without = kanport("evidence", "--verify", packed)
    assert without.code == 0 and "no signers are named (--signers)" in without.out


def test_without_a_signature_it_says_that_digests_prove_little(
    kanport: Kanport, packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KANPORT_APPROVAL_KEY")
    made = kanport("evidence", "plan.journal.jsonl", "-o", "bare.zip")
    assert made.code == 0 and "no SSH signature" in made.err
    shown = kanport("evidence", "--verify", "bare.zip")
    assert shown.code == 0
    assert "signature: not checked, the package is not signed" in shown.out
    assert "somebody could have computed all digests again" in shown.out
    assert kanport("evidence", "--verify", "bare.zip", "--signers", "signers").code == 3


def test_what_does_not_belong_to_the_run_is_not_packed(
    kanport: Kanport, packed: Path, tmp_path: Path
) -> None:
    late = kanport("evidence", "plan.journal.jsonl", "-o", "x.zip", "--before", "after.json")
    assert late.code == 2 and "after the run began" in late.err
    (tmp_path / "people.csv").write_text("username\n", "utf-8")
    changed = kanport("evidence", "plan.journal.jsonl", "-o", "x.zip", "--sources")
    assert changed.code == 2 and "no longer the file" in changed.err
    assert kanport("evidence", "plan.json", "-o", "x.zip").code == 2
    assert kanport("evidence").code == 2
    (tmp_path / "club.yaml").rename(tmp_path / "elsewhere.yaml")
    gone = kanport("evidence", "plan.journal.jsonl", "-o", "x.zip", "--sources")
    assert gone.code == 6 and "folder in which the plan was made" in gone.err
    assert not (tmp_path / "x.zip").exists()
    assert shutil.which("ssh-keygen")


def test_a_source_with_passwords_is_not_packed(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    (tmp_path / "new.csv").write_text("login,first\nada,Birch-Lantern-41\n", "utf-8")
    (tmp_path / "m.yaml").write_text(
        "kanport: 1\nsources:\n  new: {type: csv, path: new.csv}\nusers:\n  from: new\n"
        "  fields: {username: {from: login}}\n  password: {from: first}\n",
        "utf-8",
    )
    assert kanport("plan", "m.yaml", "-o", "plan.json").code == 0
    assert kanport("apply", "plan.json", "--yes").code == 0
    done = kanport("evidence", "plan.journal.jsonl", "-o", "run.zip", "--sources")
    assert done.code == 0, done
    assert "new.csv is not in the package: it has a column of passwords." in done.err
    checked = kanport("evidence", "--verify", "run.zip")
    assert "source new: 1 row read; the package does not include it" in checked.out
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        assert "sources/mapping-m.yaml" in archive.namelist()
        assert not [name for name in archive.namelist() if "new.csv" in name]
        assert all(b"Birch-Lantern-41" not in archive.read(name) for name in archive.namelist())


def test_a_package_is_never_overwritten(kanport: Kanport, packed: Path) -> None:
    before = packed.read_bytes()
    told = kanport("evidence", "plan.journal.jsonl", "-o", packed)
    assert told.code == 2 and f"{packed} exists already" in told.err
    assert packed.read_bytes() == before


def test_what_is_missing_to_make_a_package_is_named(kanport: Kanport, packed: Path) -> None:
    told = kanport("evidence", "plan.journal.jsonl")
    assert told.code == 2 and "name the package to write with -o" in told.err
    assert "Hint: kanport evidence plan.journal.jsonl -o run.zip" in told.err
    assert "name the journal" in kanport("evidence", "-o", "x.zip").err
    plan = kanport("evidence", "plan.json", "-o", "x.zip")
    assert "plan.json is not a journal" in plan.err and "this is a plan" in plan.err
