"""A report as JSON, for programs: every number, change and finding, in a stable order."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from json.encoder import encode_basestring
from typing import Any, cast

from kanport.facts import Fact
from kanport.outcome import Tally, Verified
from kanport.plan.change import values_of
from kanport.plan.model import withheld_in_file
from kanport.report.json_shape import (
    FORMAT,
    AccessDict,
    ActionDict,
    ChangeDict,
    FactsDict,
    FlowDict,
    MatrixDict,
    ProjectDict,
    ReportDict,
    RowDict,
    TallyDict,
    VerifiedDict,
    adapter,
    report_schema,
)
from kanport.report.parts import Facts, Flow, Line, ProjectAccess, View
from kanport.report.tables import AccessRow, Fate, InputRow, Matrix
from kanport.report.visible import json_safe

_ENCODE = json.JSONEncoder(ensure_ascii=False).encode
_PLACE = "\0place"

__all__ = ["as_dict", "render", "report_schema"]


def render(view: View) -> str:
    """Give a report as JSON text that ends with a line break; the same view gives the same bytes.

    Each item of a list stands on a line of its own, so that two reports can be compared with any
    tool. Names are as they are; only what is unsafe to show on a terminal is escaped.
    """
    # A list of a university has half a million rows without a change or a finding.
    return json_safe("".join(_pieces(as_dict(replace(view, rows=())), view)))


def _pieces(parts: dict[str, Any], view: View) -> Iterator[str]:
    before = "{\n"
    for key, value in parts.items():
        yield f'{before}  "{key}": '
        before = ",\n"
        if key == "rows" and view.rows:
            yield _list(_rows(view))
        elif isinstance(value, list) and value:
            yield _list(map(_ENCODE, value))
        else:
            yield _ENCODE(value)
    yield "\n}\n"


def _list(items: Iterable[str]) -> str:
    return "[\n    " + ",\n    ".join(items) + "\n  ]"


def _rows(view: View) -> Iterator[str]:
    """Return each row as JSON; one without changes and findings only needs its place."""
    numbers = {id(finding): number for number, finding in enumerate(view.findings)}
    around: dict[tuple[str, Fate, int], list[str]] = {}
    for row in view.rows:
        if row.lines or row.findings:
            yield _ENCODE(_row(row, numbers))
            continue
        key = row.source, row.fate, row.times
        if key not in around:
            around[key] = _ENCODE(_row(row._replace(place=_PLACE), numbers)).split(_ENCODE(_PLACE))
        before, after = around[key]
        yield f"{before}{encode_basestring(row.place)}{after}"


def as_dict(view: View) -> dict[str, Any]:
    """Return a report as plain values, in the order in which they are written."""
    # The long lists are plain values already, which need no second look.
    numbers = {id(finding): number for number, finding in enumerate(view.findings)}
    report: dict[str, Any] = adapter().dump_python(_report(view), mode="json")
    return report | {
        "changes": [_change(line) for line in view.lines],
        "access": [_access(row) for row in view.access],
        "rows": [_row(row, numbers) for row in view.rows],
        "findings": [finding.to_dict() for finding in view.findings],
    }


def _report(view: View) -> ReportDict:
    return {
        "format": FORMAT,
        "kind": view.kind.value,
        "title": view.title,
        "level": view.level,
        "headline": view.headline,
        "sentences": list(view.sentences),
        "facts": _facts(view.facts),
        "summary": [_action(row.action, row.label, row.planned, row.tally) for row in view.summary],
        "tally": _tally(view.tally) if view.tally else None,
        "verified": _verified(view.verified) if view.verified else None,
        "sums": list(view.sums),
        "counts": list(view.counts),
        "risks": list(view.risks),
        "risky": _ids(view.risky),
        "people": [
            {"username": person.username, "name": person.name, "changes": _ids(person.lines)}
            for person in view.people
        ],
        "projects": [_project(access) for access in view.projects],
        "groups": [{"group": group.group, "changes": _ids(group.lines)} for group in view.groups],
        "changes": [],
        "access": [],
        "matrix": _matrix(view.matrix) if view.matrix else None,
        "rows": [],
        "undone": [
            {
                "status": row.status,
                "reason": row.reason,
                "code": row.why.code,
                "params": _params(row.why),
                "number": len(row.lines),
                "changes": _ids(row.lines),
            }
            for row in view.undone
        ],
        "guards": list(view.guards),
        "withheld": [withheld_in_file(one) for one in view.withheld],
        "finding_kinds": list(view.finding_rows),
        "findings": [],
        "next_steps": list(view.next_steps),
    }


def _project(access: ProjectAccess) -> ProjectDict:
    return {
        "project": access.project,
        "granted": access.made.granted,
        "changed": access.made.changed,
        "revoked": access.made.revoked,
        "created": access.created,
        "planned": access.planned,
        "groups_made": access.groups_made,
        "groups_planned": access.groups_planned,
        "people": None if access.flow is None else _flow(access.flow),
        "changes": _ids(access.lines),
    }


def _flow(flow: Flow) -> FlowDict:
    return {
        "before": flow.before,
        "granted": flow.granted,
        "gained": flow.gained,
        "revoked": flow.revoked,
        "lost": flow.lost,
        "removed": flow.removed,
        "after": flow.after,
        "unsure": flow.unsure,
        "through": [
            {
                "username": row.person,
                "before": row.before,
                "after": row.after,
                "groups": list(row.through),
                "maybe": row.maybe,
            }
            for row in flow.through
        ],
    }


def _facts(facts: Facts) -> FactsDict:
    run = facts.run
    return {
        "server": facts.server,
        "mapping": facts.mapping,
        "sources": list(facts.sources),
        "created_at": facts.created_at,
        "kanport": facts.kanport,
        "digest": facts.digest,
        "run": {
            "id": run.id,
            "started_at": run.started_at,
            "finished_at": run.finished_at,
            "stopped": _text(run.stopped),
            "stopped_code": _code(run.stopped),
            "stopped_params": _params(run.stopped),
            "by": run.by,
            "journal_sha256": run.journal_sha256,
            "journal_chained": run.journal_chained,
            "approved": run.approved.to_dict() if run.approved else None,
        }
        if run
        else None,
        "verified_at": facts.verified_at,
        "made_by": facts.made_by,
        "allowed": dict(facts.allowed),
    }


def _action(action: str, label: str, planned: int, tally: Tally | Verified | None) -> ActionDict:
    row: ActionDict = {"action": str(action), "label": label, "planned": planned}
    if isinstance(tally, Tally):
        row["tally"] = _tally(tally)
    elif tally is not None:
        row["verified"] = _verified(tally)
    return row


def _tally(tally: Tally) -> TallyDict:
    return cast("TallyDict", tally.to_dict())


def _verified(verified: Verified) -> VerifiedDict:
    return cast("VerifiedDict", verified.to_dict())


def _text(why: Fact | None) -> str | None:
    return None if why is None else why.text


def _code(why: Fact | None) -> str | None:
    return None if why is None else why.code


def _params(why: Fact | None) -> dict[str, Any]:
    return {} if why is None else why.to_dict().get("params", {})


def _ids(lines: tuple[Line, ...]) -> list[str]:
    return [line.change.id for line in lines]


def _access(row: AccessRow) -> AccessDict:
    return {
        "username": row.person,
        "name": row.name,
        "project": row.project,
        "project_id": row.project_id,
        "before": row.before,
        "after": row.after,
        "account": row.account.value,
        "change": row.change_id,
        "maybe_through_group": row.maybe,
        "through": list(row.through),
    }


def _matrix(matrix: Matrix) -> MatrixDict:
    return {
        "roles": list(matrix.roles),
        "projects": [
            {
                "project": row.project,
                "project_id": row.project_id,
                "before": row.before,
                "after": row.after,
                "roles": list(row.cells),
            }
            for row in matrix.rows
        ],
        "totals": list(matrix.totals),
        "before": matrix.before,
        "after": matrix.after,
    }


def _row(row: InputRow, numbers: Mapping[int, int]) -> RowDict:
    return {
        "source": row.source,
        "place": row.place,
        "rows": row.times,
        "fate": row.fate.value,
        "changes": [line.change.id for line in row.lines],
        "findings": [numbers[id(finding)] for finding in row.findings] if row.findings else [],
    }


def _change(line: Line) -> ChangeDict:
    change = line.change
    row: ChangeDict = {
        "id": change.id,
        "action": change.action.value,
        "symbol": line.symbol,
        "username": change.username or "",
        "project": change.project,
        "group": change.group,
        "user_id": change.user_id,
        "project_id": change.project_id,
        "group_id": change.group_id,
        "before": values_of(change.before),
        "after": values_of(change.after),
        "reason": change.reason,
        "why": None if change.why is None else change.why.to_dict(),
        "risk": [risk.value for risk in change.risk],
        "origin": [origin.to_dict() for origin in change.origin],
        "places": list(line.places),
    }
    if line.outcome is not None:
        why = line.outcome.why
        row["outcome"] = {
            "status": line.outcome.status,
            "reason": _text(why),
            "code": _code(why),
            "params": _params(why),
        }
    if line.verdict is not None:
        actual = line.verdict.actual
        row["verdict"] = {
            "standing": line.verdict.standing,
            "instead": _text(actual),
            "code": _code(actual),
            "params": _params(actual),
        }
    return row
