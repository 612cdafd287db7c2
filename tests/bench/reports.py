"""How long each format of a report takes, as a ratio to `json.dumps` of the plan that it tells.

Run it with `python -m tests.bench.reports [CHANGES]`.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from kanport.findings import Finding
from kanport.origin import Origin
from kanport.plan.change import Action, Change, Risk
from kanport.plan.model import (
    GuardVerdict,
    Plan,
    PlanAccess,
    PlanMapping,
    PlanPerson,
    PlanRows,
    PlanServer,
    PlanSource,
)
from kanport.report import FORMATS, drawn, html
from kanport.report import make as views
from kanport.report.view import View
from tests.support.changes import a_change
from tests.support.report.chromium import PROGRAM, Chromium

CHANGES = 50_000
ROLES = ("project-viewer", "project-member", "project-manager")


def large_plan(changes: int = CHANGES, *, projects: int = 200) -> Plan:
    """Make a plan with so many changes: a fifth of users, the rest of access; as much stays."""
    people = max(changes // 5, 1)
    return Plan(
        created_at="2026-11-03T22:15:07Z",
        made_by="ops@bridge",
        kanport="0.1.0",
        server=PlanServer(url="https://kanboard.example.org/jsonrpc.php", version="1.2.53"),
        mapping=PlanMapping(path="mappings/staff.yaml", name="staff", sha256="ab" * 32),
        sources=(
            PlanSource(
                name="staff",
                type="csv",
                path="staff.csv",
                sha256="cd" * 32,
                size=changes * 60,
                rows=changes,
                read=(PlanRows(file="staff.csv", rows=f"2-{changes + 1}"),),
            ),
        ),
        summary={},
        unchanged={"users": 120, "memberships": changes - people},
        guards=(GuardVerdict(guard="limits", tripped=False, message="within the limits"),),
        changes=tuple(_change(number, people, projects) for number in range(changes)),
        findings=tuple(_finding(number) for number in range(changes // 50)),
        access=tuple(_access(number, changes, people, projects) for number in range(projects)),
        people=tuple(
            PlanPerson(username=_username(number), name=_name(number)) for number in range(people)
        ),
        digest="ef" * 32,
    )


def _username(number: int) -> str:
    return f"person.{number:05}"


def _name(number: int) -> str:
    return f"Jörg Person {number}"


def _change(number: int, people: int, projects: int) -> Change:
    kind, who = number % 5, number // 5 % people
    at = Origin("staff", file="staff.csv", row=number + 2, column="Role", position=4)
    if kind == 0:
        create = who % 2 == 0
        return a_change(
            id=f"c{number + 1:04d}",
            action=Action.USER_CREATE if create else Action.USER_UPDATE,
            username=_username(who),
            user_id=None if create else who,
            before=None if create else {"email": f"{_username(who)}@old.example.org"},
            after={"email": f"{_username(who)}@example.org", "role": "app-user"}
            if create
            else {"email": f"{_username(who)}@example.org"},
            reason="not on the server" if create else "email differs",
            origin=(at,),
        )
    action = (Action.MEMBERSHIP_GRANT, Action.MEMBERSHIP_CHANGE, Action.MEMBERSHIP_REVOKE)[kind % 3]
    project = (who * 7 + kind) % projects
    return a_change(
        id=f"c{number + 1:04d}",
        action=action,
        username=_username(who),
        project=f"PROJECT{project}",
        user_id=None if who % 2 == 0 else who,
        project_id=project + 1,
        before=None if action is Action.MEMBERSHIP_GRANT else {"role": ROLES[0]},
        after=None if action is Action.MEMBERSHIP_REVOKE else {"role": ROLES[1]},
        reason="asked for, and not there yet",
        risk=() if action is Action.MEMBERSHIP_GRANT else (Risk.ACCESS_LOST,),
        origin=(at,),
    )


def _finding(number: int) -> Finding:
    return Finding(
        "email-invalid",
        f'"person{number}(at)example.org" is not an email address (column E-Mail).',
        Origin("staff", file="staff.csv", row=number * 40 + 2, column="E-Mail", position=3),
        f"person{number}(at)example.org",
        "use an address such as name@example.org, or leave the cell empty",
    )


def _access(number: int, changes: int, people: int, projects: int) -> PlanAccess:
    kept = {
        _username((number * 31 + other * 3) % people): ROLES[other % 3]
        for other in range(changes * 4 // 5 // projects)
    }
    return PlanAccess(
        project=f"PROJECT{number}", project_id=number + 1, kept=dict(sorted(kept.items()))
    )


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def seconds(work: Callable[[], object], *, times: int = 3) -> float:
    """Give the shortest of several times, of the processor: others may use the machine as well."""
    taken = []
    for _ in range(times):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return min(taken)


def main() -> None:
    """Print the ratios."""
    plan = large_plan(int(sys.argv[1]) if len(sys.argv) > 1 else CHANGES)
    content = plan.model_dump(mode="json", exclude_none=True)
    yard = seconds(lambda: json.dumps(content))
    size = len(json.dumps(content))
    say(f"{len(plan.changes)} changes, json.dumps {yard:.2f} s, {size / 1e6:.1f} MB")
    view = views.of_plan(plan)
    took = seconds(lambda: views.of_plan(plan))
    say(f"{'view':10} {took:6.2f} s {took / yard:6.1f} x")
    for form in FORMATS.values():
        took = seconds(lambda: drawn(view, form))  # noqa: B023
        made = len(drawn(view, form))
        say(f"{form.name:10} {took:6.2f} s {took / yard:6.1f} x {made / 1e6:8.1f} MB")
    if PROGRAM is not None:
        say(f"{'html':10} {opened(view):6.2f} s until chromium has drawn the page")


def opened(view: View) -> float:
    """Give the seconds until a browser that runs already has loaded and drawn the HTML report."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "report.html"
        path.write_text(html.render(view), encoding="utf-8")
        browser = Chromium(Path(folder) / "profile")
        taken = []
        for _ in range(3):
            begun = time.perf_counter()
            with browser.open(path) as page:
                page.js("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
                taken.append(time.perf_counter() - begun)
        browser.close()
        return min(taken)


if __name__ == "__main__":
    main()
