"""The screen of a report: what a terminal shows of a plan or a run of any size."""

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from kanport.facts import fact
from kanport.findings import Finding, found
from kanport.origin import Origin
from kanport.outcome import Status
from kanport.plan.change import Action, Risk
from kanport.plan.model import GuardVerdict, Plan, PlanBecause, PlanWithheld
from kanport.report import screen
from kanport.report.document import Data, Document, Prose, Section, item
from kanport.report.make import finding_groups, of_plan, of_run, of_validation
from kanport.report.view import Level, View
from tests.support.changes import a_change
from tests.support.report.examples import MAPPING, SOURCES, make_plan, make_run

WIDTHS = [80, 160]
SIZES = [0, 1, 60, 181, 20_000]
GUARD = GuardVerdict.of(
    fact(
        "limit-revoke-in-project",
        case="stopped",
        project="AUDIT",
        called="AUDIT",
        planned=11,
        parts=(fact("limit-part", case="revoke", planned=11, allowed=10),),
        option="revoke:AUDIT=11",
        allow=None,
    )
)


def rows(number: int) -> list[dict[str, object]]:
    """Changes of every severity, with long names, in a fixed order."""
    kinds: list[dict[str, object]] = [
        {"action": Action.MEMBERSHIP_GRANT, "after": {"role": "project-viewer"}},
        {
            "action": Action.MEMBERSHIP_REVOKE,
            "before": {"role": "project-member"},
            "risk": (Risk.ACCESS_LOST,),
        },
        {
            "action": Action.MEMBERSHIP_CHANGE,
            "before": {"role": "project-viewer"},
            "after": {"role": "project-manager"},
            "risk": (Risk.PRIVILEGE_RAISED,),
        },
        {
            "action": Action.USER_UPDATE,
            "before": {"role": "app-user"},
            "after": {"role": "app-admin"},
            "risk": (Risk.ADMIN_GRANTED,),
        },
    ]
    made = []
    for at in range(number):
        row = {"who": f"maximiliane.von-und-zu-{at}", "id": at + 2, **kinds[at % len(kinds)]}
        if row["action"] is not Action.USER_UPDATE:
            row["project"] = f"Kundenservice und Support {at % 40}"
        row["origin"] = (Origin("access", file="exports/of the night/access.csv", row=at + 2),)
        made.append(row)
    return made


def big_plan(number: int, *guards: GuardVerdict) -> Plan:
    """A plan with so many changes, findings and withheld removals."""
    findings = [
        Finding("email-shared", "two users have this email address", Origin("staff", row=at), "x")
        for at in range(min(number, 61))
    ]
    because = PlanBecause(
        message="an invalid row may name any user",
        why=fact("invalid-row", case="any", count=1),
        origin=(Origin("people", file="people.csv", row=71),),
    )
    removals = [
        PlanWithheld(
            a_change(
                id="",
                action=Action.MEMBERSHIP_REVOKE,
                username=f"u{at}",
                project="AUDIT",
                user_id=at + 2,
                project_id=7,
                before={"role": "project-member"},
                reason="",
            ),
            (because,),
        )
        for at in range(min(number, 63))
    ]
    plan = make_plan(rows(number), findings=tuple(findings), guards=guards)
    return plan.model_copy(update={"withheld": tuple(removals)})


def shown(view: View, width: int, everything: str = "kanport report plan.json") -> list[str]:
    """Draw a screen on a terminal of a width."""
    stream = io.StringIO()
    console = Console(
        file=stream,
        force_terminal=True,
        width=width,
        color_system=None,
        legacy_windows=False,
        _environ={},
    )
    screen.render(view, console, everything=everything, files={"Plan file": "plan.json"})
    return re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).splitlines()


def drawn_fits(lines: list[str], width: int) -> bool:
    return len(lines) <= screen.LINES and max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("size", SIZES)
def test_a_plan_of_any_size_takes_25_lines_and_begins_and_ends_with_the_verdict(
    size: int, width: int
) -> None:
    steps = ("kanport apply plan.json --passwords-to new-passwords.csv", "Read it first.")
    lines = shown(of_plan(big_plan(size), next_steps=steps), width)
    assert drawn_fits(lines, width)
    assert lines[0] == lines[-1]
    assert len(lines) == 1 if size == 0 else "kanport apply plan.json" in "\n".join(lines)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("size", SIZES[1:])
def test_a_stopped_plan_says_why_and_how_to_override_it(size: int, width: int) -> None:
    view = of_plan(big_plan(size, GUARD), next_steps=("If this is correct: kanport plan m.yaml",))
    lines = shown(view, width)
    assert drawn_fits(lines, width)
    assert lines[0] == lines[-1] == "✗ Stopped by 1 safety check. Nothing was changed."
    text = " ".join(" ".join(lines).split())
    assert "limit-revoke-in-project: Limit exceeded in AUDIT: 11 revocations planned" in text
    assert "--allow revoke:AUDIT=11" in text


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("size", SIZES)
def test_a_run_of_any_size_takes_25_lines_and_says_what_failed_and_what_now(
    size: int, width: int
) -> None:
    plan = big_plan(size)
    special = {
        number: (Status.FAILED, f"Kanboard rejected it for reason {number % 9}")
        for number in range(1, size + 1, 2)
    }
    view = of_run(plan, make_run(plan, special))
    lines = shown(view, width)
    assert drawn_fits(lines, width)
    if size:
        assert lines[0] == lines[-1]
        assert f"{size // 2} of {size} change" in lines[0]
        assert any("→ " in line for line in lines)


@pytest.mark.parametrize("width", range(80, 200, 7))
def test_columns_use_the_width_and_nothing_is_wider(width: int) -> None:
    lines = shown(of_plan(big_plan(181)), width)
    assert drawn_fits(lines, width)
    (first, *_) = [line for line in lines if line.startswith("    ~ update")]
    assert "app-user → app-admin" in first
    assert re.search(r"access\.csv:\d+$", first), first


def test_plain_removals_are_counted_and_not_listed() -> None:
    lines = shown(of_plan(big_plan(60)), 120)
    assert any("15 more only revoke access" in line for line in lines)
    assert not [line for line in lines if line.startswith("    - revoke")]


def test_withheld_removals_name_the_row_that_blocks_them() -> None:
    text = " ".join(" ".join(shown(of_plan(big_plan(181)), 120)).split())
    assert "63 removals withheld: 63 revocations; because of people.csv:71." in text


def test_findings_about_one_value_are_one_entry_with_a_count_and_the_first_rows() -> None:
    words = ("Boss", "Gast!", "???")
    findings = [
        found(
            "value-not-in-table",
            Origin("people", file="people.csv", row=row, position=4),
            value=words[row % 3],
            text=words[row % 3],
            what="role",
            keys=("Staff", "Guest"),
        )
        for row in range(2, 63)
    ]
    groups = finding_groups(findings)
    assert [group.number for group in groups] == [21, 20, 20]
    assert groups[0].places[:3] == ("people.csv:2:4", "5:4", "8:4")
    view = of_validation(MAPPING, SOURCES, findings, users=0, memberships=0)
    text = "\n".join(shown(view, 80))
    for word in words:
        assert text.count(f'"{word}"') == 1
    assert "people.csv:2:4, 5:4, 8:4 and 18 more" in text


def test_hostile_names_stay_on_their_line() -> None:
    hostile = {
        "who": "ada\x1b[2J\nEvil",
        "action": Action.USER_UPDATE,
        "id": 3,
        "before": {"role": "app-user"},
        "after": {"role": "app-admin"},
        "risk": (Risk.ADMIN_GRANTED,),
    }
    lines = shown(of_plan(make_plan([hostile], findings=())), 80)
    assert "\x1b" not in "".join(lines)
    assert any("ada\\x1b[2J\\nEvil" in line for line in lines)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("entries", [0, 1, 60])
def test_a_short_report_fits_a_screen_and_names_the_rest(width: int, entries: int) -> None:
    under = [item("why: ", Prose("because it says so " * 6))]
    sections = tuple(
        Section(
            (title,), tuple(item(f"{title} {number}", under=under) for number in range(entries))
        )
        for title in ("Changes", "Why", "Findings", "Rows")
    )
    document = Document(("Person ", Data("ada")), Level.NOTE, ("2 rows.",), sections)
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=width, no_color=True)
    screen.render_document(document, console, everything="kanport explain m.yaml ada --full")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).splitlines()
    assert lines[0].endswith("Person ada: 2 rows.")
    assert len(lines) <= screen.LINES
    assert max(map(cell_len, lines)) <= width
    assert any("--full" in line for line in lines) == (entries == 60)
    if entries == 60:
        assert [line for line in lines if line in ("Changes", "Why", "Findings")] == [
            "Changes",
            "Why",
            "Findings",
        ]
