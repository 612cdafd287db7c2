"""What a report is about, as rows of a label and a text: the same in every format for people."""

from kanport.outcome import Approved
from kanport.plan.guards.allowances import allowed_words
from kanport.plan.model import PlanSource
from kanport.report.parts import Facts
from kanport.report.words import ROW, counted, size, utc


def fact_rows(facts: Facts, *, digest_length: int | None = None) -> list[tuple[str, str]]:
    """Give what is known, a label and a text each; digests are cut to a length where one is given.

    What the view does not know is left out.
    """
    rows: list[tuple[str, str]] = []
    if facts.server is not None:
        version = f" (Kanboard {facts.server.version})" if facts.server.version else ""
        rows.append(("Server", facts.server.url + version))
    mapping = facts.mapping
    sha = f", sha256 {_short(mapping.sha256, digest_length)}" if mapping.sha256 else ""
    rows.append(("Mapping", mapping.path + sha))
    if mapping.ledger is not None:
        rows.append(("Ledger", mapping.ledger))
    rows.extend(
        (f"Source {source.name}", _source(source, digest_length)) for source in facts.sources
    )
    if facts.created_at or facts.kanport or facts.digest:
        rows.append(("Made" if facts.run is None else "Planned", _made(facts, digest_length)))
    if facts.allowed:
        rows.append(("Allowed", "for this run: " + ", ".join(allowed_words(facts.allowed))))
    if facts.run is not None:
        run = facts.run
        until = f" to {utc(run.finished_at)}" if run.finished_at else ", not finished"
        by = f", by {run.by}" if run.by else ""
        rows.append(("Run", f"{run.id}, {utc(run.started_at)}{until}{by}"))
        if run.journal_sha256:
            chained = "" if run.journal_chained else ", not chained (an earlier version wrote it)"
            digest = _short(run.journal_sha256, digest_length)
            rows.append(("Journal", f"sha256 {digest}{chained}"))
        rows.append(("Approved", _approved(run.approved, digest_length)))
    if facts.verified_at:
        rows.append(("Looked at", utc(facts.verified_at)))
    return rows


def _source(source: PlanSource, length: int | None) -> str:
    parts = [
        source.path,
        source.type,
        counted(source.rows, ROW),
        size(source.size),
        f"changed {utc(source.modified_at)}" if source.modified_at else "",
        f"sha256 {_short(source.sha256, length)}",
    ]
    return ", ".join(part for part in parts if part)


def _made(facts: Facts, length: int | None) -> str:
    parts = [
        utc(facts.created_at),
        f"by {facts.made_by}" if facts.made_by else "",
        f"with Kanport {facts.kanport}" if facts.kanport else "",
    ]
    made = " ".join(part for part in parts if part)
    return ", ".join(
        part
        for part in (made, f"digest {_short(facts.digest, length)}" if facts.digest else "")
        if part
    )


def _approved(approved: Approved | None, length: int | None) -> str:
    if approved is None:
        return "no approval was given"
    note = f": {approved.note}" if approved.note else ""
    return (
        f"by {approved.by} on {utc(approved.approved_at)}{note}"
        f" (valid until {utc(approved.expires_at)}, {approved.signature},"
        f" digest {_short(approved.digest, length)})"
    )


def _short(digest: str, length: int | None) -> str:
    return digest if length is None or len(digest) <= length else f"{digest[:length]}…"
