"""The evidence package of a run: one ZIP file with everything that an auditor asks for, signed.

`pack` collects plan, approvals, journal, reports, snapshots and sources with their SHA-256, and
`check` finds out what a package proves. The same files give the same bytes. Files are stored and
not compressed, so nothing in a package can expand, and packing them again must give the package.

Signatures are those of OpenSSH (`ssh-keygen -Y sign`), because auditors can check them without
Kanport, with a program that nearly every machine has, and people have the keys already. With
`KANPORT_APPROVAL_KEY`, Kanport adds an HMAC as it does for approvals.
"""

import hashlib
import hmac
import io
import json
import os
import re
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretBytes

from kanport import __version__
from kanport.access.snapshot import Snapshot, load_snapshot
from kanport.apply.journal import load_journal
from kanport.approval import approval_key
from kanport.errors import KanportError, UsageError
from kanport.files import read_file, write_file
from kanport.mapping import load_mapping
from kanport.messages import counted
from kanport.normalize import secret_columns
from kanport.outcome import Run, Signature
from kanport.pipeline.reports import check_report_file, load_plan_or_journal, view_of
from kanport.pipeline.results import Result
from kanport.plan.model import Plan
from kanport.plan.plan_file import dump_plan, load_plan
from kanport.records import dataclass
from kanport.report import FORMATS
from kanport.report.proof import Checked, Checks, drawn_with_proof

FORMAT: Literal["kanport-evidence/1"] = "kanport-evidence/1"
NAMESPACE = "kanport-evidence"
MANIFEST, SUMS, ABOUT = "manifest.json", "SHA256SUMS", "README.txt"
SSH, HMAC = f"{SUMS}.sig", f"{SUMS}.hmac"
JOURNAL, PLAN, BEFORE, AFTER = "journal.jsonl", "plan.json", "before.json", "after.json"
_REPORTS = {"report.html": "html", "report.xlsx": "excel", "report.json": "json"}
_MAX_BYTES = 2 * 1024**3
_MAX_FILES = 2000
_NAME = re.compile(
    r"(?!(?i:sources|attachments)$)(?:(?:sources|attachments)/)?[A-Za-z0-9][A-Za-z0-9._-]{0,150}"
)
_SECONDS = 120

_WHAT = {
    ABOUT: "what this package is, and how to check it without Kanport",
    PLAN: "the plan: what was to be done, and why",
    JOURNAL: "the journal: what was done, record by record",
    BEFORE: "the access on the server before the run",
    AFTER: "the access on the server after the run",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What came of checking a package: the checks, and what they prove and do not prove."""

    checks: Checks
    proves: tuple[str, ...]
    leaves_open: tuple[str, ...]
    manifest: Mapping[str, Any]


# --- making a package -----------------------------------------------------------------------------


def pack(
    journal: Path,
    *,
    before: Path | None = None,
    after: Path | None = None,
    with_sources: bool = False,
    attachments: Iterable[Path] = (),
    sign_with: Path | None = None,
) -> bytes:
    """Return the evidence package of the run of a journal.

    `before` and `after` are snapshots, `attachments` are other files to include, `sign_with` is
    an SSH key. Raises UsageError for files that do not belong to the run, or changed since.
    """
    plan, run = load_plan_or_journal(journal)
    if run is None:
        raise UsageError(f"{journal} is a plan and no journal", hint="name the journal of a run")
    files: dict[str, bytes] = {
        PLAN: dump_plan(plan).encode("utf-8"),
        JOURNAL: _read(journal),
        **_approvals(run),
    }
    view = view_of(Result(plan, run, journal))
    for name, form in _REPORTS.items():
        files[name], _ = drawn_with_proof(view, FORMATS[form])
    snapshots: dict[str, Snapshot] = {}
    for name, path in ((BEFORE, before), (AFTER, after)):
        if path is not None:
            snapshots[name] = load_snapshot(path)
            files[name] = _read(path)
    if wrong := list(_out_of_order(plan, run, snapshots)):
        raise UsageError("the snapshots do not belong to this run", details=wrong)
    if with_sources:
        files |= _sources(plan)
    for path in attachments:
        name = f"attachments/{re.sub(r'[^A-Za-z0-9._-]+', '-', path.name).lstrip('.-') or 'file'}"
        if name in files:
            raise UsageError(f"two files to attach are called {path.name}", hint="rename one")
        files[name] = _read(path)
    key = approval_key(os.environ)
    signatures = [SSH] * (sign_with is not None) + [HMAC] * (key is not None)
    files[ABOUT] = _about(plan, run, signatures).encode("utf-8")
    manifest = _manifest(plan, run, snapshots, files, signatures)
    files[MANIFEST] = (json.dumps(manifest, ensure_ascii=False, indent=2) + "\n").encode("utf-8")
    files[SUMS] = sums = _sums(files)
    if sign_with is not None:
        files[SSH] = _signed(sums, sign_with)
    if key is not None:
        files[HMAC] = _hmac(sums, key)
    return _zipped(files)


def write_evidence(path: Path, content: bytes) -> None:
    """Write a package to its file; raise UsageError where that fails."""
    write_file(path, content)


def _read(path: Path) -> bytes:
    try:
        return read_file(path, most=_MAX_BYTES + 1)
    except OSError as problem:
        raise UsageError(f"{path} cannot be read: {problem.strerror}") from problem


def _approvals(run: Run) -> dict[str, bytes]:
    if run.approved is None or not run.approved.document:
        return {}
    content = json.loads(run.approved.document)
    return {"approval.json": (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()}


def _sources(plan: Plan) -> dict[str, bytes]:
    """Return the mapping and the sources that are files, as the plan was made from them.

    A source with passwords of new users is left out: a package goes to others.
    """
    folder = Path(plan.mapping.path).parent
    secret = secret_columns(load_mapping(Path(plan.mapping.path)).spec)
    named = [("mapping", Path(plan.mapping.path), plan.mapping.sha256)]
    named += [
        (source.name, folder / source.path, source.sha256)
        for source in plan.sources
        if source.size and not secret.get(source.name) and (folder / source.path).is_file()
    ]
    files, changed = {}, []
    for name, path, sha256 in named:
        content = _read(path)
        if hashlib.sha256(content).hexdigest() != sha256:
            changed.append(f"{path}: it is no longer the file that the plan was made from")
        files[_source_file(name, str(path))] = content
    if changed:
        raise UsageError(
            "a source was changed since the plan was made",
            details=changed,
            hint="restore it, or leave out --sources: the digests of all sources are in the plan",
        )
    return files


def _source_file(name: str, path: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{name}-{Path(path).name}").lstrip(".-")
    return f"sources/{plain}"


def _out_of_order(plan: Plan, run: Run, snapshots: Mapping[str, Snapshot]) -> Iterator[str]:
    """Yield which snapshot is of another server, or not of the right side of the run."""
    for name, snapshot in snapshots.items():
        if snapshot.server.url != plan.server.url:
            yield f"{name} is of {snapshot.server.url}, and the run was on {plan.server.url}"
        elif name == BEFORE and snapshot.taken_at > run.started_at:
            yield f"{name} was taken at {snapshot.taken_at}, after the run began ({run.started_at})"
        elif name == AFTER and snapshot.taken_at < (run.finished_at or run.started_at):
            yield f"{name} was taken at {snapshot.taken_at}, before the run ended"


def _manifest(
    plan: Plan,
    run: Run,
    snapshots: Mapping[str, Snapshot],
    files: Mapping[str, bytes],
    signatures: list[str],
) -> dict[str, Any]:
    approved = run.approved
    return {
        "format": FORMAT,
        "kanport": __version__,
        "server": plan.server.url,
        "run": {
            "id": run.id,
            "by": run.by,
            "started_at": run.started_at,
            "finished_at": run.finished_at,
            "tally": run.tally().to_dict(),
        },
        "plan": {
            "digest": plan.digest,
            "made_by": plan.made_by,
            "created_at": plan.created_at,
            "changes": len(plan.changes),
            "mapping": plan.mapping.model_dump(mode="json", exclude_none=True),
        },
        "approved_by": [] if approved is None else [*approved.others, approved.by],
        "sources": [
            {
                "name": source.name,
                "type": source.type,
                "path": source.path,
                "sha256": source.sha256,
                "rows": source.rows,
                "file": name if (name := _source_file(source.name, source.path)) in files else None,
            }
            for source in plan.sources
        ],
        "completeness": list(_completeness(plan, run, snapshots)),
        "signatures": signatures,
        "files": [
            {
                "name": name,
                "what": _WHAT.get(name, name.partition(".")[0].partition("/")[0]),
                "size": len(files[name]),
                "sha256": hashlib.sha256(files[name]).hexdigest(),
            }
            for name in sorted(files)
        ],
    }


def _completeness(plan: Plan, run: Run, snapshots: Mapping[str, Snapshot]) -> Iterator[str]:
    """Yield how much of what there is was read, and whether each change has an outcome."""
    tally = run.tally()
    ended = (
        "the run came to its end" if run.stopped is None else f"the run ended early: {run.stopped}"
    )
    changes = counted(len(plan.changes), "change has", "changes have")
    yield f"journal: {tally.planned} of {changes} an outcome; {ended}"
    unlisted = any(finding.code == "users-unlisted" for finding in plan.findings)
    yield (
        "plan: Kanport could read only some users of the server"
        if unlisted
        else "plan: Kanport read all users of the server that it asked for, and the members of"
        f" {counted(len(plan.access or ()), 'project', 'projects')}"
    )
    for source in plan.sources:
        yield f"source {source.name}: {counted(source.rows, 'row', 'rows')} read"
    for name, snapshot in snapshots.items():
        # A snapshot of a server of which something could not be read is not made at all.
        sides = (
            ("users", snapshot.users),
            ("projects", snapshot.projects),
            ("groups", snapshot.groups),
        )
        parts = ", ".join(f"{len(some)} of {len(some)} {what}" for what, some in sides)
        roles = counted(len(snapshot.memberships), "membership", "memberships")
        yield f"{name}: {parts} read, {roles}"


def _about(plan: Plan, run: Run, signatures: list[str]) -> str:
    lines = [
        f"Evidence of Kanport's run {run.id} on {plan.server.url}",
        "",
        "report.html    what changed, why, and who approved it: open it in a browser",
        "report.xlsx    the same as a workbook",
        "manifest.json  what is in this package, with the SHA-256 of each file",
        "SHA256SUMS     the same digests, for sha256sum",
        "",
        "Check it with Kanport:",
        "",
        "  kanport evidence --verify THIS.zip --signers allowed_signers",
        "",
        "Or without, in an empty folder:",
        "",
        "  unzip THIS.zip",
        "  sha256sum -c SHA256SUMS",
    ]
    if SSH in signatures:
        lines += [
            f"  ssh-keygen -Y verify -f allowed_signers -I SIGNER -n {NAMESPACE} -s {SSH} < {SUMS}",
            "",
            "allowed_signers holds a line with SIGNER and the public key, which you must have from",
            "the signer and not from this package: see man ssh-keygen, ALLOWED SIGNERS.",
        ]
    elif HMAC not in signatures:
        lines += ["", "This package is not signed: its digests reveal only accidental changes."]
    return "\n".join(lines) + "\n"


def _sums(files: Mapping[str, bytes]) -> bytes:
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return "".join(lines).encode("ascii")


def _zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, files[name])
    return buffer.getvalue()


# --- signatures -----------------------------------------------------------------------------------


def _ssh_keygen(*arguments: str, given: bytes) -> "subprocess.CompletedProcess[bytes]":
    """Run ssh-keygen; raise FileNotFoundError where there is none."""
    return subprocess.run(  # noqa: S603 - the arguments are those of this module and paths
        ["ssh-keygen", *arguments],  # noqa: S607 - as the user's PATH has it
        input=given,
        capture_output=True,
        timeout=_SECONDS,
        check=False,
    )


def _signed(content: bytes, key: Path) -> bytes:
    if not key.is_file():
        raise UsageError(
            f"{key} cannot be read: there is no such key", hint="ssh-keygen -t ed25519"
        )
    try:
        done = _ssh_keygen("-Y", "sign", "-f", str(key), "-n", NAMESPACE, given=content)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise UsageError(
            f"ssh-keygen could not sign: {problem}", hint="install OpenSSH 8.1 or newer"
        ) from problem
    if done.returncode or not done.stdout:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UsageError(f"ssh-keygen could not sign with {key}", details=said[:5])
    return done.stdout


def _hmac(content: bytes, key: SecretBytes) -> bytes:
    # The format keeps a signature from being taken for one of something else.
    message = f"{FORMAT}\n".encode() + content
    return hmac.new(key.get_secret_value(), message, hashlib.sha256).hexdigest().encode() + b"\n"


def _check_ssh(files: Mapping[str, bytes], signers: Path | None, folder: Path) -> Checked:
    """Check the SSH signature: by whom, where the signers are known."""
    what, signature = "signature", str(folder / SSH)
    sums = files[SUMS]
    try:
        if signers is None:
            arguments = ("-Y", "check-novalidate", "-n", NAMESPACE, "-s", signature)
            done = _ssh_keygen(*arguments, given=sums)
            said = done.stdout.decode("utf-8", "replace").strip()
            if done.returncode:
                return Checked(what, False, "the SSH signature does not belong to these digests")
            return Checked(
                what, None, f"{said}; name its signers (--signers) to know whose key it is"
            )
        found = _ssh_keygen("-Y", "find-principals", "-f", str(signers), "-s", signature, given=b"")
        names = found.stdout.decode("utf-8", "replace").split()
        for name in names if not found.returncode else ():
            identity = ("-f", str(signers), "-I", name, "-n", NAMESPACE, "-s", signature)
            if not _ssh_keygen("-Y", "verify", *identity, given=sums).returncode:
                return Checked(what, True, f"signed by {name}, whose key is in {signers}")
    except (OSError, subprocess.TimeoutExpired) as problem:
        return Checked(what, None, f"ssh-keygen could not check it: {problem}")
    return Checked(what, False, f"it is not signed by a key in {signers}, or was changed since")


def _check_hmac(files: Mapping[str, bytes]) -> Checked:
    key = approval_key(os.environ)
    if key is None:
        why = "there is an HMAC and no key here to check it (KANPORT_APPROVAL_KEY_FILE)"
        return Checked("HMAC", None, why)
    holds = hmac.compare_digest(files[HMAC], _hmac(files[SUMS], key))
    why = "made by somebody who has the key" if holds else "it does not match the key that is set"
    return Checked("HMAC", holds, why)


# --- checking a package ---------------------------------------------------------------------------


def check(path: Path, *, signers: Path | None = None) -> Evidence:
    """Check a package: its form, its digests and signatures, and whether its parts fit together.

    `signers` is a file of allowed signers as ssh-keygen reads it. Raises UsageError where the file
    cannot be read.
    """
    if signers is not None and not signers.is_file():
        raise UsageError(f"{signers} cannot be read: there is no such file")
    files, checked = _opened(_read(path))
    manifest: dict[str, Any] = {}
    run: Run | None = None
    if files is not None:
        with tempfile.TemporaryDirectory(prefix="kanport-evidence-") as name:
            folder = Path(name)
            for file_name, data in files.items():
                place = folder / file_name
                place.parent.mkdir(exist_ok=True)
                place.write_bytes(data)
            manifest, run, more = _check_files(files, folder, signers)
            checked += more
    checks = Checks(None, tuple(checked))
    return Evidence(checks, *_meaning(checks, run, manifest), manifest)


def _opened(content: bytes) -> tuple[dict[str, bytes] | None, list[Checked]]:
    """Return the files of a package; None where it has not exactly the form of one."""
    if len(content) > _MAX_BYTES:
        return None, [Checked("package", False, "it is larger than any package")]
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if wrong := _odd_entry(entries, len(content)):
                return None, [Checked("package", False, wrong)]
            files = {entry.filename: archive.read(entry) for entry in entries}
    except Exception:  # noqa: BLE001, RUF100 - zipfile raises nearly anything for broken archives
        return None, [Checked("package", False, "it is no ZIP archive, or a damaged one")]
    if _zipped(files) != content:
        why = "it is not packed as Kanport packs: something was changed, added or hidden in it"
        return None, [Checked("package", False, why)]
    return files, [
        Checked("package", True, f"{counted(len(files), 'file', 'files')}, nothing else")
    ]


def _odd_entry(entries: list[zipfile.ZipInfo], size: int) -> str | None:
    names = [entry.filename.casefold() for entry in entries]
    for number, entry in enumerate(entries):
        if not _NAME.fullmatch(entry.filename) or ".." in entry.filename:
            return f"it has a file with a name that no package has: {entry.filename!r}"
        if names[number] in names[:number]:
            return f"it has {entry.filename!r} twice"
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            return f"{entry.filename!r} is compressed or encrypted, which no package is"
    if len(entries) > _MAX_FILES or sum(entry.file_size for entry in entries) > size:
        return "its files are larger than the package"
    return None


def _check_files(
    files: Mapping[str, bytes], folder: Path, signers: Path | None
) -> tuple[dict[str, Any], Run | None, list[Checked]]:
    manifest, checked = _check_digests(files)
    signed = [name for name in (SSH, HMAC) if name in files]
    named = manifest["signatures"] if manifest else []
    if named != signed:
        missing = [name for name in named if name not in files]
        why = (
            f"{', '.join(missing)} is missing" if missing else "one was added that it does not name"
        )
        checked.append(Checked("signature", False, why))
    elif not signed or (signers is not None and SSH not in signed):
        why = "the package is not signed" + ("" if not signed else " with an SSH key")
        checked.append(Checked("signature", None if signers is None else False, why))
    if SSH in signed and SUMS in files:
        checked.append(_check_ssh(files, signers, folder))
    if HMAC in signed and SUMS in files:
        checked.append(_check_hmac(files))
    run, parts = _check_parts(files, folder, manifest)
    return manifest, run, [*checked, *parts]


def _check_digests(files: Mapping[str, bytes]) -> tuple[dict[str, Any], list[Checked]]:
    payload = {name: data for name, data in files.items() if name not in (SUMS, SSH, HMAC)}
    listed = {name: data for name, data in payload.items() if name != MANIFEST}
    try:
        manifest = json.loads(files[MANIFEST])
        named = {one["name"]: (one["size"], one["sha256"]) for one in manifest["files"]}
        texts = [manifest["format"], *manifest["signatures"]]
        if manifest["format"] != FORMAT or not all(isinstance(one, str) for one in texts):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}, [Checked("manifest", False, "manifest.json is missing or broken")]
    found = {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in listed.items()}
    wrong = sorted(
        [f"{name} was changed" for name in named.keys() & found if named[name] != found[name]]
        + [f"{name} is missing" for name in named.keys() - found]
        + [f"{name} was added" for name in found.keys() - named]
    )
    if wrong:
        return manifest, [Checked("digests", False, "; ".join(wrong[:10]))]
    if files.get(SUMS) != _sums(payload):
        why = f"{SUMS} does not hold the digests of the files: it, or {MANIFEST}, was changed"
        return manifest, [Checked("digests", False, why)]
    why = f"{counted(len(payload), 'file has', 'files have')} the SHA-256 that {SUMS} names"
    return manifest, [Checked("digests", True, why)]


def _check_parts(
    files: Mapping[str, bytes], folder: Path, manifest: Mapping[str, Any]
) -> tuple[Run | None, list[Checked]]:
    """Check that journal, plan, approvals, reports, snapshots and sources belong together.

    Return the run as well, unless its journal cannot be read.
    """
    always = (ABOUT, PLAN, JOURNAL, *_REPORTS)
    missing = [Checked(one, False, "it is missing") for one in always if one not in files]
    if JOURNAL not in files:
        return None, missing
    try:
        recorded = load_journal(folder / JOURNAL)
        plan, run = load_plan_or_journal(folder / JOURNAL)
        assert run is not None  # noqa: S101 - it is a journal
    except KanportError as problem:
        return None, [*missing, Checked("journal", False, problem.message)]
    chain = (
        "each record contains the digest of the one before"
        if run.journal_chained
        else "not chained"
    )
    ended = "the run is recorded to its end" if recorded.ended else "the run was interrupted"
    checked = [*missing, Checked("journal", True, f"run {run.id}: {chain}; {ended}")]
    try:
        same = load_plan(folder / PLAN).digest == plan.digest
        why = f"the journal is of this plan, {plan.digest}"
        checked.append(Checked("plan", same, why if same else "the journal is of another plan"))
    except KanportError as problem:
        checked.append(Checked("plan", False, problem.message))
    checked.append(_check_approval(files, run))
    checked += [_check_report(folder / name, folder) for name in _REPORTS if name in files]
    snapshots = {}
    for name in (BEFORE, AFTER):
        if name in files:
            try:
                snapshots[name] = load_snapshot(folder / name)
                checked.append(Checked(name, True, "the snapshot is unchanged"))
            except KanportError as problem:
                checked.append(Checked(name, False, problem.message))
    checked += [Checked("snapshots", False, why) for why in _out_of_order(plan, run, snapshots)]
    given = {_source_file(source.name, source.path): source.sha256 for source in plan.sources}
    given[_source_file("mapping", plan.mapping.path)] = plan.mapping.sha256
    included = [name for name in files if name.startswith("sources/")]
    other = [n for n in included if given.get(n) != hashlib.sha256(files[n]).hexdigest()]
    if included:
        why = f"{counted(len(included), 'file has', 'files have')} the SHA-256 that the plan names"
        why = f"not the files that the plan was made from: {', '.join(other)}" if other else why
        checked.append(Checked("sources", not other, why))
    if manifest:
        listed = {
            name: data for name, data in files.items() if name not in (SUMS, SSH, HMAC, MANIFEST)
        }
        right = _manifest(plan, run, snapshots, listed, manifest.get("signatures", []))
        same_version = manifest.get("kanport") == __version__
        odd = _claims_apart(manifest, right, same_version=same_version)
        if same_version:
            about = _about(plan, run, manifest["signatures"]).encode("utf-8")
            odd += [ABOUT] * (files.get(ABOUT, about) != about)
        why = "it matches the journal and the files"
        if odd:
            why = f"it does not match the files: {', '.join(odd)}"
        elif not same_version:
            why = "it names the right server, run, plan and approvals; the rest is not compared,"
            why = f"{why} because another version of Kanport wrote it"
        checked.append(Checked("manifest", not odd, why))
    return run, checked


_FACTS = {
    "server": (),
    "run": ("id", "by", "started_at", "finished_at"),
    "plan": ("digest", "made_by", "created_at", "changes"),
    "approved_by": (),
}
"""What the manifests of all versions say in the same way."""


def _claims_apart(
    manifest: Mapping[str, Any], right: Mapping[str, Any], *, same_version: bool
) -> list[str]:
    """Return the parts of a manifest that do not follow from the files."""
    if same_version:
        return sorted(key for key in right if key != "kanport" and manifest.get(key) != right[key])
    apart = []
    for key, names in _FACTS.items():
        given = manifest.get(key)
        if names and isinstance(given, dict):
            differs = any(given.get(name) != right[key][name] for name in names)
        else:
            differs = given != right[key]
        apart += [key] * differs
    return sorted(apart)


def _check_approval(files: Mapping[str, bytes], run: Run) -> Checked:
    approvals = _approvals(run)
    given = {name: files[name] for name in files if name.startswith("approval")}
    if given != approvals:
        return Checked("approval", False, "it is not the approval that the journal holds")
    if run.approved is None:
        return Checked("approval", None, "nobody approved the plan")
    signature = run.approved.signature
    why = f"approved by {run.approved.names} ({signature})"
    if signature is Signature.MISMATCH:
        return Checked("approval", False, why)
    # Journals of earlier versions do not hold the approval itself.
    return Checked("approval", True if approvals else None, why)


def _check_report(path: Path, folder: Path) -> Checked:
    checks = check_report_file(path, journal_path=folder / JOURNAL)
    wrong = [one.why for one in checks.checked if one.holds is False]
    again = next((one for one in checks.checked if one.what == "rendered again"), None)
    why = "; ".join(wrong) or (again.why if again is not None else "it is unchanged")
    return Checked(path.name, not wrong, why)


def _meaning(
    checks: Checks, run: Run | None, manifest: Mapping[str, Any]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return in plain words what the checks prove and what they do not."""
    if not checks.hold or run is None:
        return (), ("Nothing: the package is not as it was made. Ask for another copy.",)
    holds = {one.what: one.holds for one in checks.checked}
    signed = holds.get("signature") is True or holds.get("HMAC") is True
    proves = [
        "Plan, journal, approvals and reports belong to one run:"
        f" {run.id}, begun {run.started_at} on {manifest['server']}.",
        "Nothing in the package was changed, added or removed since it was signed."
        if signed
        else "No file was changed by accident or carelessness since the package was made.",
    ]
    if run.finished_at is not None:
        proves.insert(
            1, "The journal names each change of the plan with its outcome; none is missing."
        )
    if holds.get("sources"):
        proves.append("The sources are the files that the plan was made from.")
    leaves_open = [
        "That the journal tells the truth: whoever controlled the machine of the run could have"
        " written another one before the package was made.",
        "That nothing else changed on the server: Kanport sees its own runs only. Compare the"
        " snapshots.",
        "That the clocks of the machines were right.",
    ]
    if run.finished_at is None:
        leaves_open.insert(
            0,
            "What became of the changes that the journal does not name: it has no end, because the"
            " run was cut off.",
        )
    if not signed:
        leaves_open.insert(
            0,
            "That nobody changed it on purpose: without a signature that was checked, somebody"
            " could have computed all digests again.",
        )
    if run.approved is None:
        leaves_open.append("That anybody approved the plan: the journal has no approval.")
    else:
        leaves_open.append(
            "That the people behind the approvals are those whom they name: an HMAC shows only that"
            " somebody had the key."
        )
    return tuple(proves), tuple(leaves_open)
