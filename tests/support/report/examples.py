"""A believable plan, its run, and the findings of the list that it came from."""

from typing import Any

from kanport.facts import as_written
from kanport.findings import Finding
from kanport.origin import Origin
from kanport.outcome import Outcome, Run, Status, VerifyResult, VerifyStatus
from kanport.plan.change import Action, Change, Risk
from kanport.plan.model import GuardVerdict, Plan, PlanMapping, PlanServer, PlanSource
from tests.support.changes import a_change

MAPPING = PlanMapping(
    path="mappings/staff.yaml", name="staff", sha256="5d41402abc4b2a76b9719d911017c592" * 2
)
SOURCES = (
    PlanSource(
        name="staff",
        type="csv",
        path="staff.csv",
        sha256="7d793037a0760186574b0282f2f435e7" * 2,
        size=4096,
        rows=48,
    ),
    PlanSource(
        name="access",
        type="excel",
        path="access.xlsx",
        sha256="9e107d9d372bb6826bd81d3542a419d6" * 2,
        size=20480,
        rows=51,
    ),
)
SERVER = PlanServer(url="https://kanboard.example.org/jsonrpc.php", version="1.2.53")


def staff(row: int, *positions: int) -> tuple[Origin, ...]:
    """Give cells of one row of the staff list."""
    columns = ("", "Login", "Name", "E-Mail", "Role", "Status")
    return tuple(
        Origin("staff", file="staff.csv", row=row, column=columns[at], position=at)
        for at in positions
    )


def access(cell: str) -> tuple[Origin, ...]:
    """Give a cell of the matrix of projects."""
    return (
        Origin(
            "access",
            file="access.xlsx",
            sheet="Projects",
            row=int(cell[1:]),
            column="Access",
            cell=cell,
        ),
    )


def _changes() -> list[dict[str, Any]]:
    update, grant, change, revoke = (
        Action.USER_UPDATE,
        Action.MEMBERSHIP_GRANT,
        Action.MEMBERSHIP_CHANGE,
        Action.MEMBERSHIP_REVOKE,
    )
    rows: list[dict[str, Any]] = [
        {
            "action": Action.USER_DISABLE,
            "who": "h.brandt",
            "id": 17,
            "before": {"active": True},
            "after": {"active": False},
            "reason": "in no source, and missing people are disabled",
            "risk": (Risk.ACCESS_LOST,),
        },
        {
            "action": Action.USER_DISABLE,
            "who": "k.olsen",
            "id": 23,
            "before": {"active": True},
            "after": {"active": False},
            "reason": "the source says not active",
            "risk": (Risk.ACCESS_LOST,),
            "origin": staff(31, 5),
        },
    ]
    for who, project, role in [
        ("j.moreau", "INTRANET", "project-member"),
        ("t.nguyen", "WEBSHOP", "project-viewer"),
    ]:
        rows.append(
            {
                "action": revoke,
                "who": who,
                "project": project,
                "id": 30,
                "before": {"role": role},
                "after": None,
                "reason": "not asked for in a project that the mapping names",
                "risk": (Risk.ACCESS_LOST, Risk.MAYBE_THROUGH_GROUP)
                if project == "WEBSHOP"
                else (Risk.ACCESS_LOST,),
                "origin": (),
            }
        )
    for row, (who, name) in enumerate(
        [
            ("a.schmidt", "Anna Schmidt"),
            ("b.okafor", "Blessing Okafor"),
            ("c.dubois", "Chloé Dubois"),
            ("d.nowak", "Dariusz Nowak"),
            ("王.伟", "王伟"),
        ],
        start=3,
    ):
        rows.append(
            {
                "action": Action.USER_CREATE,
                "who": who,
                "after": {
                    "name": name,
                    "email": f"{'wang.wei' if row == 7 else who}@example.org",
                    "role": "app-user",
                },
                "reason": "not on the server",
                "origin": staff(row, 1, 2, 3, 4),
            }
        )
    rows.append(
        {
            "action": Action.USER_RENAME,
            "who": "m.weber",
            "id": 9,
            "before": {"username": "m.weber"},
            "after": {"username": "m.weber-lang"},
            "reason": "same email address, other username",
            "origin": staff(12, 1),
        }
    )
    for row, (who, before, after, risk) in enumerate(
        [
            ("e.rossi", {"email": "e.rossi@old.example"}, {"email": "e.rossi@example.org"}, ()),
            (
                "f.yilmaz",
                {"role": "app-user"},
                {"role": "app-admin"},
                (Risk.PRIVILEGE_RAISED, Risk.ADMIN_GRANTED),
            ),
            ("g.larsen", {"role": "app-admin"}, {"role": "app-manager"}, (Risk.ADMIN_LOST,)),
            (
                "s.lindqvist",
                {"name": "S Lindqvist", "email": ""},
                {"name": "Saga Lindqvist", "email": "s.lindqvist@example.org"},
                (),
            ),
        ],
        start=14,
    ):
        rows.append(
            {
                "action": update,
                "who": who,
                "id": row,
                "before": before,
                "after": after,
                "risk": risk,
                "reason": f"{' and '.join(before)} {'differ' if len(before) > 1 else 'differs'}",
                "origin": staff(row, 3),
            }
        )
    for number, (who, project, role) in enumerate(
        [
            ("a.schmidt", "WEBSHOP", "project-member"),
            ("a.schmidt", "INTRANET", "project-viewer"),
            ("b.okafor", "WEBSHOP", "project-manager"),
            ("c.dubois", "Kundenservice & Support", "project-member"),
            ("d.nowak", "WEBSHOP", "project-member"),
            ("d.nowak", "INTRANET", "project-member"),
            ("d.nowak", "MOBILE", "project-viewer"),
            ("王.伟", "MOBILE", "project-member"),
            ("e.rossi", "MOBILE", "project-member"),
            ("g.larsen", "OPS", "project-manager"),
            ("s.lindqvist", "OPS", "project-viewer"),
        ],
        start=3,
    ):
        rows.append(
            {
                "action": grant,
                "who": who,
                "project": project,
                "after": {"role": role},
                "reason": "asked for, and not there yet",
                "origin": access(f"D{number}"),
            }
        )
    for who, project, old, new, risk in [
        ("j.moreau", "WEBSHOP", "project-member", "project-manager", (Risk.PRIVILEGE_RAISED,)),
        ("t.nguyen", "OPS", "project-manager", "project-member", ()),
        ("l.ferreira", "MOBILE", "project-viewer", "project-member", (Risk.PRIVILEGE_RAISED,)),
    ]:
        rows.append(
            {
                "action": change,
                "who": who,
                "project": project,
                "id": 31,
                "before": {"role": old},
                "after": {"role": new},
                "reason": "role differs",
                "risk": risk,
                "origin": access("F17"),
            }
        )
    rows.append(
        {
            "action": Action.USER_REMOVE,
            "who": "test-import",
            "id": 40,
            "before": {"username": "test-import"},
            "reason": "in no source, and missing people are removed",
            "risk": (Risk.DELETES_DATA, Risk.ACCESS_LOST),
        }
    )
    created = {row["who"] for row in rows if row["action"] is Action.USER_CREATE}
    people = [row["who"] for row in rows if row["who"] not in created]
    ids = {who: number for number, who in enumerate(dict.fromkeys(people), start=11)}
    return [row | {"id": ids.get(row["who"])} for row in rows]


def change(number: int, row: dict[str, Any]) -> Change:
    """Make a change out of the few things that a test says of it."""
    return a_change(
        id=f"c{number:04}",
        action=row["action"],
        username=row["who"],
        project=row.get("project"),
        group=row.get("group"),
        user_id=row.get("id"),
        project_id=7 if row.get("project") else None,
        before=row.get("before"),
        after=row.get("after"),
        reason=row.get("reason", "role differs"),
        risk=row.get("risk", ()),
        origin=row.get("origin", ()),
    )


FINDINGS = (
    Finding(
        "email-invalid",
        '"anna(at)x.de" is not an email address (column E-Mail).',
        staff(14, 3)[0],
        "anna(at)x.de",
        "use an address such as name@example.org, or leave the cell empty",
    ),
    Finding(
        "user-duplicate",
        "The username p.silva stands in two rows.",
        staff(27, 1)[0],
        "p.silva",
        "keep one of the rows",
        (staff(11, 1)[0],),
    ),
    Finding(
        "role-unknown",
        'Kanboard has no role "superuser".',
        access("G9")[0],
        "superuser",
        "roles in a project are project-viewer, project-member and project-manager; the mapping's "
        "table of values can turn other words into them",
    ),
    Finding(
        "email-shared",
        "r.meier and w.meier have the same email address.",
        staff(20, 3)[0],
        "meier@example.org",
    ),
    Finding(
        "project-closed", "The project ARCHIVE is closed on the server.", access("H1")[0], "ARCHIVE"
    ),
    *(
        Finding("cell-trimmed", "Blanks round the value were left out.", staff(row, 2)[0])
        for row in (5, 8, 33)
    ),
    Finding(
        "username-spelled",
        'The server spells this username "E.Rossi"; it is kept.',
        staff(14, 1)[0],
        "e.rossi",
    ),
    Finding("missing-unknown", "p.silva may be missing, but rows could not be read.", None),
)

GUARDS = (
    GuardVerdict(
        guard="limit-disable",
        tripped=False,
        message="2 of 46 users are disabled; 5 % would be allowed.",
    ),
    GuardVerdict(guard="last-admin", tripped=False, message="2 active administrators stay."),
)
TRIPPED = GuardVerdict(
    guard="limit-remove",
    tripped=True,
    message="1 user is removed, and the limit is 0.",
    hint="raise it with limits: {remove: 1} in the mapping, once you are sure",
)


def make_plan(
    rows: list[dict[str, Any]] | None = None,
    *,
    findings: tuple[Finding, ...] = FINDINGS,
    guards: tuple[GuardVerdict, ...] = GUARDS,
    unchanged: dict[str, int] | None = None,
) -> Plan:
    """Make a plan, by default the believable one."""
    return Plan(
        created_at="2026-11-03T23:15:07+01:00",
        kanport="0.1.0",
        server=SERVER,
        mapping=MAPPING,
        sources=SOURCES,
        unchanged={"users": 33, "memberships": 96} if unchanged is None else unchanged,
        guards=guards,
        changes=tuple(
            change(n, row) for n, row in enumerate(_changes() if rows is None else rows, start=1)
        ),
        findings=findings,
        digest="e3b0c44298fc1c149afbf4c8996fb924" * 2,
    )


def make_run(
    plan: Plan, special: dict[int, tuple[Status, str]] | None = None, stopped: str | None = None
) -> Run:
    """Make a run in which all was done but what is said to be special, by the change's number."""
    special = special or {}
    return Run(
        id="2026-11-03T22-16-00Z-4f2a",
        started_at="2026-11-03T22:16:00Z",
        finished_at=None if stopped else "2026-11-03T22:16:09Z",
        outcomes=tuple(
            _outcome(one.id, *special.get(number, (Status.DONE, "")))
            for number, one in enumerate(plan.changes, start=1)
        ),
        stopped=None if stopped is None else as_written(stopped),
    )


def _outcome(change_id: str, status: Status, reason: str) -> Outcome:
    return Outcome(change_id, status, as_written(reason) if reason else None)


def make_verdicts(plan: Plan, wrong: dict[int, str] | None = None) -> tuple[VerifyResult, ...]:
    """Make verdicts: all is as planned but what is said to be wrong, by the change's number."""
    wrong = wrong or {}
    return tuple(
        VerifyResult(one.id, VerifyStatus.MISMATCH, as_written(wrong[number]))
        if number in wrong
        else VerifyResult(one.id, VerifyStatus.MATCH)
        for number, one in enumerate(plan.changes, start=1)
    )
