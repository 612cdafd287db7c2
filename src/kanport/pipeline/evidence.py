"""Pack the evidence of a run: one ZIP file with everything that an auditor asks for, signed.

A package has plan, approvals, journal, reports, snapshots and sources with their SHA-256. The same
files give the same bytes. Files are stored and not compressed, so nothing in a package can expand.
`kanport.pipeline.evidence_check` finds out what a package proves.

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
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretBytes

from kanport import __version__
from kanport.access.snapshot import Snapshot, load_snapshot
from kanport.approval import approval_key
from kanport.errors import ConfigInvalid, UsageError
from kanport.files import cannot_read, made_for, read_file, write_file
from kanport.mapping import load_mapping
from kanport.messages import counted
from kanport.normalize import secret_columns
from kanport.outcome import Run
from kanport.pipeline.reports import load_plan_or_journal, view_of
from kanport.pipeline.results import Result
from kanport.plan.model import Plan
from kanport.plan.plan_file import dump_plan
from kanport.report import FORMATS
from kanport.report.proof import drawn_with_proof

FORMAT: Literal["kanport-evidence/1"] = "kanport-evidence/1"
NAMESPACE = "kanport-evidence"
MANIFEST, SUMS, ABOUT = "manifest.json", "SHA256SUMS", "README.txt"
SSH, HMAC = f"{SUMS}.sig", f"{SUMS}.hmac"
JOURNAL, PLAN, BEFORE, AFTER = "journal.jsonl", "plan.json", "before.json", "after.json"
REPORTS = {"report.html": "html", "report.xlsx": "excel", "report.json": "json"}
MAX_BYTES = 2 * 1024**3
_SECONDS = 120

_WHAT = {
    ABOUT: "what this package is, and how to check it without Kanport",
    PLAN: "the plan: what was to be done, and why",
    JOURNAL: "the journal: what was done, record by record",
    BEFORE: "the access on the server before the run",
    AFTER: "the access on the server after the run",
}


def pack(
    journal: Path,
    *,
    before: Path | None = None,
    after: Path | None = None,
    with_sources: bool = False,
    attachments: Iterable[Path] = (),
    sign_with: Path | None = None,
    left_out: Callable[[str], object] = lambda path: None,
) -> bytes:
    """Return the evidence package of the run of a journal.

    `before` and `after` are snapshots, `attachments` are other files to include, `sign_with` is
    an SSH key. `left_out` gets the path of each source that holds passwords. Raises UsageError for
    files that do not belong to the run, or changed since.
    """
    plan, run = load_plan_or_journal(journal)
    if run is None:
        raise UsageError(f"{journal} is not a journal", hint=made_for(journal))
    files: dict[str, bytes] = {
        PLAN: dump_plan(plan).encode("utf-8"),
        JOURNAL: read_part(journal),
        **approvals_of(run),
    }
    view = view_of(Result(plan, run, journal))
    for name, form in REPORTS.items():
        files[name], _ = drawn_with_proof(view, FORMATS[form])
    snapshots: dict[str, Snapshot] = {}
    for name, path in ((BEFORE, before), (AFTER, after)):
        if path is not None:
            snapshots[name] = load_snapshot(path)
            files[name] = read_part(path)
    if wrong := list(out_of_order(plan, run, snapshots)):
        raise UsageError("the snapshots do not belong to this run", details=wrong)
    if with_sources:
        files |= _sources(plan, left_out)
    for path in attachments:
        name = f"attachments/{re.sub(r'[^A-Za-z0-9._-]+', '-', path.name).lstrip('.-') or 'file'}"
        if name in files:
            raise UsageError(f"two files to attach are called {path.name}", hint="rename one")
        files[name] = read_part(path)
    key = approval_key(os.environ)
    signatures = [SSH] * (sign_with is not None) + [HMAC] * (key is not None)
    files[ABOUT] = about_of(plan, run, signatures).encode("utf-8")
    manifest = manifest_of(plan, run, snapshots, files, signatures)
    files[MANIFEST] = (json.dumps(manifest, ensure_ascii=False, indent=2) + "\n").encode("utf-8")
    files[SUMS] = sums = sums_of(files)
    if sign_with is not None:
        files[SSH] = _signed(sums, sign_with)
    if key is not None:
        files[HMAC] = hmac_of(sums, key)
    return zipped(files)


def write_evidence(path: Path, content: bytes) -> None:
    """Write a package to its file; raise UsageError where that fails."""
    write_file(path, content)


def read_part(path: Path) -> bytes:
    """Return the content of a file; raise UsageError if Kanport cannot read it."""
    try:
        return read_file(path, most=MAX_BYTES + 1)
    except OSError as problem:
        raise UsageError(cannot_read(path, problem)) from problem


def approvals_of(run: Run) -> dict[str, bytes]:
    """Return the file of the approvals that the journal of a run holds; empty if it holds none."""
    if run.approved is None or not run.approved.document:
        return {}
    content = json.loads(run.approved.document)
    return {"approval.json": (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()}


def _sources(plan: Plan, left_out: Callable[[str], object]) -> dict[str, bytes]:
    """Return the mapping and the sources that are files, as the plan was made from them.

    A source with passwords of new users is left out: a package goes to others.
    """
    folder = Path(plan.mapping.path).parent
    if not Path(plan.mapping.path).exists():
        raise ConfigInvalid(
            f"the mapping of the plan, {plan.mapping.path}, is not here",
            hint="run the command in the folder in which the plan was made, or leave out --sources",
        )
    secret = secret_columns(load_mapping(Path(plan.mapping.path)).spec)
    named = [("mapping", Path(plan.mapping.path), plan.mapping.sha256)]
    for source in plan.sources:
        if not source.size or not (folder / source.path).is_file():
            continue
        if secret.get(source.name):
            left_out(source.path)
        else:
            named.append((source.name, folder / source.path, source.sha256))
    files, changed = {}, []
    for name, path, sha256 in named:
        content = read_part(path)
        if hashlib.sha256(content).hexdigest() != sha256:
            changed.append(f"{path}: it is no longer the file that the plan was made from")
        files[source_file(name, str(path))] = content
    if changed:
        raise UsageError(
            "a source was changed since the plan was made",
            details=changed,
            hint="restore it, or leave out --sources: the digests of all sources are in the plan",
        )
    return files


def source_file(name: str, path: str) -> str:
    """Return the name that a source has in a package."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{name}-{Path(path).name}").lstrip(".-")
    return f"sources/{plain}"


def out_of_order(plan: Plan, run: Run, snapshots: Mapping[str, Snapshot]) -> Iterator[str]:
    """Yield which snapshot is of another server, or not of the right side of the run."""
    for name, snapshot in snapshots.items():
        if snapshot.server.url != plan.server.url:
            yield f"{name} is of {snapshot.server.url}, and the run was on {plan.server.url}"
        elif name == BEFORE and snapshot.taken_at > run.started_at:
            yield f"{name} was taken at {snapshot.taken_at}, after the run began ({run.started_at})"
        elif name == AFTER and snapshot.taken_at < (run.finished_at or run.started_at):
            yield f"{name} was taken at {snapshot.taken_at}, before the run ended"


def manifest_of(
    plan: Plan,
    run: Run,
    snapshots: Mapping[str, Snapshot],
    files: Mapping[str, bytes],
    signatures: list[str],
) -> dict[str, Any]:
    """Return the manifest: what the run was, what was read completely, and each file."""
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
                "file": name if (name := source_file(source.name, source.path)) in files else None,
            }
            for source in plan.sources
        ],
        "completeness": list(_completeness(plan, run, snapshots, files)),
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


def _completeness(
    plan: Plan, run: Run, snapshots: Mapping[str, Snapshot], files: Mapping[str, bytes]
) -> Iterator[str]:
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
        else "plan: Kanport read every user that it asked the server for, and the members of"
        f" {counted(len(plan.access or ()), 'project', 'projects')}"
    )
    for source in plan.sources:
        packed = source_file(source.name, source.path) in files
        kept = "" if packed else "; the package does not include it"
        yield f"source {source.name}: {counted(source.rows, 'row', 'rows')} read{kept}"
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


def about_of(plan: Plan, run: Run, signatures: list[str]) -> str:
    """Return the page that says how to check a package without Kanport."""
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


def sums_of(files: Mapping[str, bytes]) -> bytes:
    """Return the digests of files as `sha256sum` writes them."""
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return "".join(lines).encode("ascii")


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return the files as a ZIP archive; equal files give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, files[name])
    return buffer.getvalue()


# --- signatures -----------------------------------------------------------------------------------


def ssh_keygen(*arguments: str, given: bytes) -> "subprocess.CompletedProcess[bytes]":
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
        done = ssh_keygen("-Y", "sign", "-f", str(key), "-n", NAMESPACE, given=content)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise UsageError(
            f"ssh-keygen could not sign: {problem}", hint="install OpenSSH 8.1 or newer"
        ) from problem
    if done.returncode or not done.stdout:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UsageError(f"ssh-keygen could not sign with {key}", details=said[:5])
    return done.stdout


def hmac_of(content: bytes, key: SecretBytes) -> bytes:
    """Return the HMAC of the digests of a package."""
    # The format keeps a signature from being taken for one of something else.
    message = f"{FORMAT}\n".encode() + content
    return hmac.new(key.get_secret_value(), message, hashlib.sha256).hexdigest().encode() + b"\n"
