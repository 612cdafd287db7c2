"""Check an evidence package: whether it is as it was made, and what that proves.

A package must have exactly the form of one: packing its files again must give the same bytes. Then
its digests and signatures are checked, and whether its parts belong to one run.
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
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kanport import __version__
from kanport.access.snapshot import load_snapshot
from kanport.apply.journal import load_journal
from kanport.approval import approval_key
from kanport.errors import KanportError, UsageError
from kanport.messages import counted, listed
from kanport.outcome import Run, Signature
from kanport.pipeline.evidence import (
    ABOUT,
    AFTER,
    BEFORE,
    FORMAT,
    HMAC,
    JOURNAL,
    MANIFEST,
    MAX_BYTES,
    NAMESPACE,
    PLAN,
    REPORTS,
    SSH,
    SUMS,
    about_of,
    approvals_of,
    hmac_of,
    manifest_of,
    out_of_order,
    read_part,
    source_file,
    ssh_keygen,
    sums_of,
    zipped,
)
from kanport.pipeline.reports import check_report_file, load_plan_or_journal
from kanport.plan.model import Plan
from kanport.plan.plan_file import load_plan
from kanport.records import dataclass
from kanport.report.proof import Checked, Checks

_MAX_FILES = 2000
_NAME = re.compile(
    r"(?!(?i:sources|attachments)$)(?:(?:sources|attachments)/)?[A-Za-z0-9][A-Za-z0-9._-]{0,150}"
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What came of checking a package: the checks, and what they prove and do not prove."""

    checks: Checks
    proves: tuple[str, ...]
    leaves_open: tuple[str, ...]
    manifest: Mapping[str, Any]


def check(path: Path, *, signers: Path | None = None) -> Evidence:
    """Check a package: its form, its digests and signatures, and whether its parts fit together.

    `signers` is a file of allowed signers as ssh-keygen reads it. Raises UsageError where the file
    cannot be read.
    """
    if signers is not None and not signers.is_file():
        raise UsageError(f"{signers} cannot be read: there is no such file")
    files, checked = _opened(read_part(path))
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
    if len(content) > MAX_BYTES:
        return None, [Checked("package", False, "it is larger than any package")]
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if wrong := _odd_entry(entries, len(content)):
                return None, [Checked("package", False, wrong)]
            files = {entry.filename: archive.read(entry) for entry in entries}
    except Exception:  # noqa: BLE001, RUF100 - zipfile raises nearly anything for broken archives
        return None, [Checked("package", False, "it is not a ZIP archive, or a damaged one")]
    if zipped(files) != content:
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
    if files.get(SUMS) != sums_of(payload):
        why = f"{SUMS} does not hold the digests of the files: it, or {MANIFEST}, was changed"
        return manifest, [Checked("digests", False, why)]
    why = f"{counted(len(payload), 'file has', 'files have')} the SHA-256 that {SUMS} names"
    return manifest, [Checked("digests", True, why)]


def _check_ssh(files: Mapping[str, bytes], signers: Path | None, folder: Path) -> Checked:
    """Check the SSH signature: by whom, where the signers are known."""
    what, signature = "signature", str(folder / SSH)
    sums = files[SUMS]
    try:
        if signers is None:
            arguments = ("-Y", "check-novalidate", "-n", NAMESPACE, "-s", signature)
            done = ssh_keygen(*arguments, given=sums)
            said = done.stdout.decode("utf-8", "replace").strip()
            if done.returncode:
                return Checked(what, False, "the SSH signature does not belong to these digests")
            key = said.rpartition(" signature with ")[2]
            return Checked(
                what,
                None,
                f"no signers are named (--signers); it fits these digests, and was made with {key}",
            )
        found = ssh_keygen("-Y", "find-principals", "-f", str(signers), "-s", signature, given=b"")
        names = found.stdout.decode("utf-8", "replace").split()
        for name in names if not found.returncode else ():
            identity = ("-f", str(signers), "-I", name, "-n", NAMESPACE, "-s", signature)
            if not ssh_keygen("-Y", "verify", *identity, given=sums).returncode:
                return Checked(what, True, f"signed by {name}, whose key is in {signers}")
    except (OSError, subprocess.TimeoutExpired) as problem:
        return Checked(what, None, f"ssh-keygen could not check it: {problem}")
    return Checked(what, False, f"it is not signed by a key in {signers}, or was changed since")


def _check_hmac(files: Mapping[str, bytes]) -> Checked:
    key = approval_key(os.environ)
    if key is None:
        why = "there is an HMAC and no key here to check it (KANPORT_APPROVAL_KEY_FILE)"
        return Checked("HMAC", None, why)
    holds = hmac.compare_digest(files[HMAC], hmac_of(files[SUMS], key))
    why = "made by somebody who has the key" if holds else "it does not match the key that is set"
    return Checked("HMAC", holds, why)


def _check_parts(
    files: Mapping[str, bytes], folder: Path, manifest: Mapping[str, Any]
) -> tuple[Run | None, list[Checked]]:
    """Check that journal, plan, approvals, reports, snapshots and sources belong together.

    Return the run as well, unless its journal cannot be read.
    """
    always = (ABOUT, PLAN, JOURNAL, *REPORTS)
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
    checked += (_check_plan(folder, plan), _check_approval(files, run))
    checked += [_check_report(folder / name, folder) for name in REPORTS if name in files]
    snapshots = {}
    for name in (BEFORE, AFTER):
        if name in files:
            try:
                snapshots[name] = load_snapshot(folder / name)
                checked.append(Checked(name, True, "the snapshot is unchanged"))
            except KanportError as problem:
                checked.append(Checked(name, False, problem.message))
    checked += [Checked("snapshots", False, why) for why in out_of_order(plan, run, snapshots)]
    if included := [name for name in files if name.startswith("sources/")]:
        checked.append(_check_sources(files, included, plan))
    if manifest:
        listed = {
            name: data for name, data in files.items() if name not in (SUMS, SSH, HMAC, MANIFEST)
        }
        right = manifest_of(plan, run, snapshots, listed, manifest.get("signatures", []))
        about = about_of(plan, run, manifest["signatures"]).encode("utf-8")
        checked.append(_check_manifest(manifest, right, files.get(ABOUT, about) == about))
    return run, checked


def _check_plan(folder: Path, plan: Plan) -> Checked:
    try:
        same = load_plan(folder / PLAN).digest == plan.digest
    except KanportError as problem:
        return Checked("plan", False, problem.message)
    why = (
        f"the journal is of this plan, {plan.digest}" if same else "the journal is of another plan"
    )
    return Checked("plan", same, why)


def _check_sources(files: Mapping[str, bytes], included: list[str], plan: Plan) -> Checked:
    given = {source_file(source.name, source.path): source.sha256 for source in plan.sources}
    mapping = source_file("mapping", plan.mapping.path)
    given[mapping] = plan.mapping.sha256
    other = [n for n in included if given.get(n) != hashlib.sha256(files[n]).hexdigest()]
    if other:
        why = f"not the files that the plan was made from: {', '.join(other)}"
        return Checked("sources", False, why)
    parts = ["the mapping"] if mapping in included else []
    if number := len(included) - len(parts):
        parts.append(counted(number, "source", "sources"))
    have = "has" if len(included) == 1 else "have"
    why = f"{listed(parts)} {have} the SHA-256 that the plan names"
    return Checked("sources", True, why)


def _check_manifest(
    manifest: Mapping[str, Any], right: Mapping[str, Any], same_about: bool
) -> Checked:
    same_version = manifest.get("kanport") == __version__
    odd = _claims_apart(manifest, right, same_version=same_version)
    if same_version and not same_about:
        odd.append(ABOUT)
    if odd:
        return Checked("manifest", False, f"it does not match the files: {', '.join(odd)}")
    if same_version:
        return Checked("manifest", True, "it matches the journal and the files")
    why = "it names the right server, run, plan and approvals; the rest is not compared,"
    return Checked("manifest", True, f"{why} because another version of Kanport wrote it")


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
    approvals = approvals_of(run)
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
        why = "the file is no evidence package, or was changed or damaged"
        return (), (f"This proves nothing: {why}. Ask for another copy.",)
    holds = {one.what: one.holds for one in checks.checked}
    signed = holds.get("signature") is True or holds.get("HMAC") is True
    approvals = ["approvals"] if holds.get("approval") else []
    proves = [
        f"{listed(['Plan', 'journal', *approvals, 'reports'])} belong to one run:"
        f" {run.id}, started {run.started_at} on {manifest['server']}.",
        "Nothing in the package was changed, added or removed since it was signed."
        if signed
        else "No file was changed by accident or carelessness since the package was made.",
    ]
    if run.finished_at is not None:
        proves.insert(
            1, "The journal names each change of the plan with its outcome; none is missing."
        )
    if holds.get("sources"):
        proves.append(
            "The mapping and the sources in the package are the files that the plan was made from."
        )
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
