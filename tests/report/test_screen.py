"""The screen of a report: what a terminal shows of a plan or a run of any size."""

import io
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from kanport.facts import fact
from kanport.findings import Finding, found
from kanport.origin import Origin
from kanport.outcome import Approved, Status
from kanport.plan.change import Action, Risk
from kanport.plan.model import GuardVerdict, Plan, PlanBecause, PlanServer, PlanWithheld
from kanport.report import screen
from kanport.report.document import Data, Document, Prose, Section, item
from kanport.report.make import finding_groups, of_plan, of_run, of_validation, of_verification
from kanport.report.view import Level, View
from tests.support.changes import a_change
from tests.support.report.examples import MAPPING, SOURCES, make_plan, make_run, make_verdicts
from tests.support.report.random_reports import whole_plan

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


def shown(view: View, width: int, full_command: str = "kanport report plan.json") -> list[str]:
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
    screen.render(view, console, full_command=full_command, files={"Plan file": "plan.json"})
    return re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).splitlines()


def drawn_fits(lines: list[str], width: int) -> bool:
    return len(lines) <= screen.LINES and max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("size", SIZES)
def test_a_plan_of_any_size_takes_25_lines_and_the_verdict_is_always_in_sight(
    size: int, width: int
) -> None:
    steps = ("kanport apply plan.json --passwords-to new-passwords.csv", "Read it first.")
    lines = shown(of_plan(big_plan(size), next_steps=steps), width)
    assert drawn_fits(lines, width)
    # A terminal of 24 lines shows the end of a long screen, below what was printed before it.
    assert lines.count(lines[0]) == (2 if len(lines) > 20 else 1)
    assert len(lines) <= 20 or lines[-1] == lines[0]
    assert len(lines) == 1 if size == 0 else "kanport apply plan.json" in "\n".join(lines)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("size", SIZES[1:])
def test_a_stopped_plan_says_why_and_how_to_override_it(size: int, width: int) -> None:
    view = of_plan(big_plan(size, GUARD), next_steps=("If this is correct: kanport plan m.yaml",))
    lines = shown(view, width)
    assert drawn_fits(lines, width)
    assert lines[0] == "✗ Stopped by 1 safety check. Nothing was changed."
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
    assert any("15 other changes revoke or lower access" in line for line in lines)
    assert not [line for line in lines if line.startswith("    - revoke")]


def test_withheld_removals_name_the_row_that_blocks_them() -> None:
    text = " ".join(" ".join(shown(of_plan(big_plan(181)), 120)).split())
    assert "Withheld 63 revocations; an invalid row may name any user: people.csv:71." in text


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
    screen.render_document(document, console, full_command="kanport explain m.yaml ada --full")
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


# --- what stands in each row ----------------------------------------------------------------------


def piped(view: View, full_command: str = "", **files: str) -> list[str]:
    """Draw a screen into a pipe: nothing is wrapped, cut or aligned."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=False, _environ={})
    screen.render(view, console, full_command=full_command, files=files)
    return stream.getvalue().splitlines()


def row_of(lines: list[str], label: str) -> str:
    """Return what stands behind a label; empty where there is no such row."""
    found = [line.partition(": ")[2] for line in lines if line.startswith(f"{label}: ")]
    assert len(found) < 2, found
    return found[0] if found else ""


MANAGER, MEMBER = {"role": "project-manager"}, {"role": "project-member"}
GRANT, REVOKE = Action.MEMBERSHIP_GRANT, Action.MEMBERSHIP_REVOKE


def grants(
    number: int, project: str = "AUDIT", role: str = "project-manager"
) -> list[dict[str, object]]:
    return [
        {"action": GRANT, "who": f"u{at}", "project": project, "after": {"role": role}}
        for at in range(number)
    ]


def revokes(number: int) -> list[dict[str, object]]:
    return [
        {
            "action": REVOKE,
            "who": f"r{at}",
            "project": "OPS",
            "before": MEMBER,
            "risk": (Risk.ACCESS_LOST,),
        }
        for at in range(number)
    ]


def test_the_first_rows_say_what_it_is_from_which_files_and_for_which_server() -> None:
    lines = piped(of_plan(make_plan(grants(1))))
    assert lines[1:3] == [
        "Plan: staff, from staff.csv (48 rows) and access.xlsx (51 rows)",
        "Server: https://kanboard.example.org (Kanboard 1.2.53)",
    ]
    assert row_of(lines, "Run by") == ""
    plan = make_plan(grants(1))
    bare = plan.model_copy(
        update={
            "server": PlanServer(url="http://kb.example.org/sub/jsonrpc.php", version=""),
            "sources": (*SOURCES, SOURCES[0].model_copy(update={"rows": 1}), SOURCES[1]),
            "mapping": MAPPING.model_copy(update={"name": ""}),
        }
    )
    lines = piped(of_plan(bare))
    assert row_of(lines, "Server") == "http://kb.example.org/sub"
    assert row_of(lines, "Plan") == (
        "staff.yaml, from staff.csv (48 rows), access.xlsx (51 rows) and 2 more sources"
    )
    one_more = bare.model_copy(update={"sources": (*SOURCES, SOURCES[0])})
    assert row_of(piped(of_plan(one_more)), "Plan").endswith(" and 1 more source")
    none = bare.model_copy(update={"sources": ()})
    assert row_of(piped(of_plan(none)), "Plan") == "staff.yaml"
    data = piped(of_validation(MAPPING, SOURCES[:1], (), users=0, memberships=0))
    assert (row_of(data, "Data"), row_of(data, "Server")) == ("staff, from staff.csv (48 rows)", "")
    checked = of_verification(plan, make_verdicts(plan))
    assert row_of(piped(checked), "Plan").startswith("staff, from")


def test_a_run_says_who_made_it_and_by_whose_approval() -> None:
    plan = make_plan(grants(1))
    run = replace(make_run(plan), by="ops@bridge")
    assert row_of(piped(of_run(plan, run)), "Run").startswith("staff, from")
    assert row_of(piped(of_run(plan, run)), "Run by") == "ops@bridge, approved: no"
    approved = Approved(
        "eva@desk", "2026-11-03T21:00:00Z", "2026-11-10T21:00:00Z", "signed", plan.digest
    )
    made_by = row_of(piped(of_run(plan, replace(run, approved=approved))), "Run by")
    assert made_by == f"ops@bridge, approved by eva@desk ({approved.signature})"
    nobody = row_of(piped(of_run(plan, replace(run, by=""))), "Run by")
    assert nobody == "approved: no"


def test_two_checks_that_stop_are_shown_and_the_others_named() -> None:
    def verdict(name: str, **parts: object) -> GuardVerdict:
        return GuardVerdict(guard=name, tripped=True, message=f"{name} stops", **parts)

    bare, hinted = verdict("one"), verdict("two", hint="do this")
    lines = piped(of_plan(make_plan(grants(1), guards=(GUARD, bare))))
    stops = [line for line in lines if line.startswith("Stopped by: ")]
    assert stops[0].endswith(" · to override, if this is correct: --allow revoke:AUDIT=11")
    assert stops[1] == "Stopped by: one: one stops"
    assert not any("and by" in line for line in lines)
    lines = piped(of_plan(make_plan(grants(1), guards=(hinted, bare, GUARD, verdict("four")))))
    assert "Stopped by: two: two stops · to fix: do this" in lines
    assert sum(line.startswith("Stopped by: ") for line in lines) == 2
    assert "  and by limit-revoke-in-project and four" in lines
    assert row_of(lines, "Overridden") == ""


def test_overridden_checks_are_named_and_do_not_stop() -> None:
    over = GuardVerdict(guard="limit-raise", tripped=False, lifted=True, message="exceeded")
    passed = GuardVerdict(guard="last-admin", tripped=False, message="fine")
    lines = piped(of_plan(make_plan(grants(1), guards=(over, passed))))
    assert row_of(lines, "Overridden") == "for this run by --allow: limit-raise"
    assert row_of(lines, "Stopped by") == ""


def test_a_run_that_stopped_says_why() -> None:
    plan = make_plan(grants(2))
    run = make_run(plan, {2: (Status.NOT_ATTEMPTED, "time was up")}, "a signal came")
    lines = piped(of_run(plan, run))
    assert row_of(lines, "Stopped") == "a signal came"
    assert "Stopped early. 1 of 2 changes made, 1 not started." in lines[0]


def test_changes_are_counted_by_kind_and_after_a_run_by_what_was_made() -> None:
    new: dict[str, object] = {"action": Action.USER_CREATE, "who": "new"}
    rows = [*grants(3), *revokes(2), new]
    plan = make_plan(rows)
    assert row_of(piped(of_plan(plan)), "Changes") == (
        "users: 1 created; memberships: 3 granted, 2 revoked"
    )
    special = {1: (Status.FAILED, "no"), 2: (Status.ALREADY, "")}
    assert row_of(piped(of_run(plan, make_run(plan, special))), "Changes") == (
        "users: 1 created; memberships: 2 of 3 granted, 2 revoked"
    )
    checked = of_verification(plan, make_verdicts(plan, {4: "there is no role"}))
    assert row_of(piped(checked), "Changes") == (
        "users: 1 created; memberships: 3 granted, 1 of 2 revoked"
    )


def test_a_verification_says_nothing_of_what_is_withheld() -> None:
    plan = big_plan(1)
    assert row_of(piped(of_plan(plan)), "Withheld").startswith("1 revocation; ")
    assert row_of(piped(of_run(plan, make_run(plan))), "Withheld") != ""
    assert row_of(piped(of_verification(plan, make_verdicts(plan))), "Withheld") == ""


def test_the_projects_with_most_changes_come_first_and_three_at_most() -> None:
    rows = [*grants(1, "A"), *grants(3, "B"), *grants(2, "C")]
    of_group = {
        "action": Action.GROUP_ACCESS_GRANT,
        "group": "Crew",
        "project": "C",
        "who": None,
        "after": MEMBER,
    }
    shown = row_of(piped(of_plan(make_plan([*rows, of_group, of_group]))), "Projects")
    assert shown == "C 2 granted, group access: 2 granted; B 3 granted; A 1 granted"
    shown = row_of(piped(of_plan(make_plan([*rows, *grants(2, "D"), *grants(1, "E")]))), "Projects")
    assert shown == "B 3 granted; C 2 granted; D 2 granted; 2 more projects"
    more = row_of(piped(of_plan(make_plan([*rows, *grants(1, "E")]))), "Projects")
    assert more.endswith("; 1 more project")
    other = {"action": Action.MEMBERSHIP_CHANGE, "project": "Z", "before": MEMBER, "after": MANAGER}
    shown = row_of(piped(of_plan(make_plan([{**other, "who": "x"}, *revokes(1)]))), "Projects")
    assert shown == "OPS 1 revoked; Z 1 changed"
    # What was not made moves nobody.
    plan = make_plan(grants(1, "A"))
    failed = of_run(plan, make_run(plan, {1: (Status.FAILED, "no")}))
    assert row_of(piped(failed), "Projects") == ""
    flows = row_of(piped(of_plan(whole_plan())), "Projects")
    assert re.search(r"WEBSHOP [^;]*\(\d+ → \d+ to \d+ users\)", flows), flows


def test_failures_of_one_reason_are_one_entry_with_what_to_do() -> None:
    plan = make_plan(grants(5))
    special = {
        1: (Status.FAILED, "no"),
        2: (Status.FAILED, "no"),
        3: (Status.FAILED, "no"),
        4: (Status.SKIPPED, "left"),
        5: (Status.NOT_ATTEMPTED, "late"),
    }
    lines = piped(of_run(plan, make_run(plan, special)))
    at = lines.index("Failed: 3 changes: no (u0 in AUDIT, u1 in AUDIT and 1 more)")
    assert lines[at + 1 : at + 6] == [
        "  → read Kanboard's log",
        "Skipped: 1 change: left (u3 in AUDIT)",
        "  → correct what failed before",
        "Not started: 1 change: late (u4 in AUDIT)",
        "  → finish the run",
    ]
    checked = of_verification(plan, make_verdicts(plan, {1: "there is no role"}))
    (different,) = [line for line in piped(checked) if line.startswith("Different: ")]
    assert different.startswith(
        "Different: 1 change not as planned: there is no role (u0 in AUDIT)"
    )


def test_failures_have_room_on_a_narrow_screen_however_much_else_there_is() -> None:
    plan = big_plan(181)
    special = {
        number: (status, f"Kanboard rejected it and gives no reason; it has value {number}")
        for status, numbers in (
            (Status.FAILED, range(1, 9)),
            (Status.SKIPPED, (20,)),
        )
        for number in numbers
    }
    lines = shown(of_run(plan, make_run(plan, special)), 80)
    assert drawn_fits(lines, 80)
    (at,) = [n for n, line in enumerate(lines) if line.startswith("  Failed ")]
    assert lines[at].startswith("  Failed       8 changes, 8 reasons: Kanboard rejected it")
    assert lines[at + 1].strip() == "→ read Kanboard's log"
    assert lines[at + 2].startswith("  Skipped      1 change: Kanboard rejected it")
    assert lines[at + 3].strip().startswith("→ correct what failed before")


@pytest.mark.parametrize(
    ("severe", "plain", "words", "less"),
    [
        (1, 0, "1 of 1 change", ""),
        (2, 0, "2 of 2 changes", ""),
        (2, 1, "2 of 3 changes", "1 other change revokes or lowers access"),
        (2, 2, "2 of 4 changes", "2 other changes revoke or lower access"),
        (0, 1, "", "1 change revokes or lowers access"),
        (0, 3, "", "3 changes revoke or lower access"),
        (10, 0, "10 of 10 changes", ""),
        (11, 0, "11 of 11 changes, 10 shown", ""),
        (0, 0, "", ""),
    ],
)
def test_needs_review_counts_the_severe_and_the_plain_ones_apart(
    severe: int, plain: int, words: str, less: str
) -> None:
    rows = [*grants(severe), *revokes(plain), *grants(1, role="project-viewer")][: severe + plain]
    lines = piped(of_plan(make_plan(rows or grants(1, role="project-viewer"), findings=())))
    assert row_of(lines, "Needs review") == words
    assert row_of(lines, "Less access") == less
    listed = [line for line in lines if line.startswith("  + grant")]
    assert len(listed) == min(severe, 10)
    if listed:
        assert (
            listed[0] == "  + grant  u0 in AUDIT  none → project-manager  grants a privileged role"
        )


def test_after_a_run_with_failures_few_of_the_reviewed_changes_are_shown() -> None:
    plan = make_plan(grants(9))
    plain = shown(of_run(plan, make_run(plan)), 100)
    assert any(line.strip().endswith("9 of 9 changes") for line in plain)
    special = {at: (Status.FAILED, f"reason {at}") for at in range(1, 4)}
    lines = shown(of_run(plan, make_run(plan, special)), 100)
    assert sum(line.startswith(("    ! grant", "    + grant")) for line in lines) == 3
    assert any("9 of 9 changes, 3 shown" in line for line in lines)


def test_a_change_shows_its_role_or_else_its_first_two_fields_and_its_place() -> None:
    origin = (Origin("staff", file="staff.csv", row=3, position=4),)
    common = {
        "action": Action.USER_UPDATE,
        "id": 9,
        "risk": (Risk.ADMIN_GRANTED,),
        "origin": origin,
    }
    fields = {
        "before": {"name": "A", "email": "", "active": True},
        "after": {"name": "B", "email": "b@x.de", "active": False},
    }
    named = make_plan(
        [
            {**common, "who": "ada", **fields},
            {
                "action": Action.USER_RENAME,
                "id": 8,
                "who": "old",
                "before": {"username": "old"},
                "after": {"username": "new"},
            },
        ],
        findings=(),
    )
    lines = piped(of_plan(named))
    assert (
        "  ~ update  ada  name A → B, email (empty) → b@x.de …  grants administrator rights"
        "  staff.csv:3:4" in lines
    )
    assert "  ~ rename  old  old → new  changes a username" in lines
    two = {"before": {"name": "A", "email": ""}, "after": {"name": "B", "email": "b@x.de"}}
    lines = piped(of_plan(make_plan([{**common, "who": "ada", **two}], findings=())))
    assert any("email (empty) → b@x.de  grants" in line for line in lines)
    role = {
        "before": {"name": "A", "role": "app-user"},
        "after": {"name": "B", "role": "app-admin"},
    }
    (line,) = [
        one
        for one in piped(of_plan(make_plan([{**common, "who": "ada", **role}], findings=())))
        if one.startswith("  ~ update")
    ]
    assert "  app-user → app-admin  " in line and "name" not in line


def test_a_wide_screen_shows_risks_and_whole_roles_and_a_narrow_one_does_not() -> None:
    view = of_plan(make_plan(grants(1), findings=()))
    (wide,) = [line for line in shown(view, 110) if "+ grant" in line]
    (narrow,) = [line for line in shown(view, 109) if "+ grant" in line]
    assert "project-manager" in wide and "grants a privileged role" in wide
    assert "none → manager" in narrow and "privileged" not in narrow


def test_a_place_loses_its_folder_and_then_its_beginning() -> None:
    def place(file: str, width: int = 80) -> str:
        origin = (Origin("staff", file=file, row=12),)
        rows = [{**grants(1)[0], "origin": origin}]
        (line,) = [
            one for one in shown(of_plan(make_plan(rows, findings=())), width) if "+ grant" in one
        ]
        return line.split("  ")[-1].strip()

    assert place("lists/access.csv") == "lists/access.csv:12"
    # A third of the screen less the indent, so 22 cells.
    assert place("exports/of/access.csv") == "access.csv:12"
    assert place("exports/o/access.csv") == "access.csv:12"
    assert place("ex/of/t/access.csv") == "ex/of/t/access.csv:12"
    assert place("in/a-very-long-name-of-a-list.csv") == "…name-of-a-list.csv:12"
    assert place("in/a-very-long-name-of-a-list.csv", 160) == "in/a-very-long-name-of-a-list.csv:12"


def test_findings_of_a_plan_are_those_that_somebody_must_know() -> None:
    findings = (
        Finding("role-unknown", "there is no role", Origin("s", file="s.csv", row=2), "boss"),
        Finding("email-shared", "two users have it", Origin("s", file="s.csv", row=3), "x"),
        Finding("email-shared", "two users have it", Origin("s", file="s.csv", row=4), "x"),
        Finding("file-read-as", "read as UTF-8", Origin("s", file="s.csv")),
    )
    lines = piped(of_plan(make_plan(grants(1), findings=findings)))
    assert row_of(lines, "Findings") == "1 error, 2 warnings and 1 note"
    at = lines.index("Findings: 1 error, 2 warnings and 1 note")
    assert lines[at + 1] == '  error  s.csv:2  there is no role: "boss"'
    assert lines[at + 2].startswith("  warning × 2  s.csv:3, 4  ")
    assert not any("read as UTF-8" in line for line in lines)
    note = piped(of_plan(make_plan(grants(1), findings=findings[3:])))
    assert row_of(note, "Findings") == ""


def test_data_that_are_checked_show_places_and_what_to_do() -> None:
    one = Finding(
        "role-unknown",
        "there is no role.",
        Origin("s", file="s.csv", row=2),
        "boss",
        hint="write one",
    )
    text = piped(of_validation(MAPPING, SOURCES, (one,), users=0, memberships=0))
    at = text.index('error: there is no role: "boss"')
    assert text[at + 1 : at + 3] == ["at s.csv:2", "fix: write one"]
    said = replace(one, message='"boss" is no role', hint=None, origin=None)
    text = piped(of_validation(MAPPING, SOURCES, (said,), users=0, memberships=0))
    assert 'error: "boss" is no role' in text
    assert not any(line.startswith(("at ", "fix: ")) for line in text)
    many = [replace(one, value=f"w{number}") for number in range(40)]
    text = shown(of_validation(MAPPING, SOURCES, many, users=0, memberships=0), 80)
    assert len(text) == screen.LINES
    (rest,) = [line for line in text if "more kinds of findings" in line]
    listed = sum("there is no role: " in line for line in text)
    assert rest.strip() == f"and {40 - listed} more kinds of findings"
    assert not any("fix: " in line for line in text)


def test_a_finding_is_cut_only_if_there_is_no_room_for_all_of_it() -> None:
    words = " ".join(["because", *(f"word{number}" for number in range(30)), "end"])
    one = Finding("role-unknown", words, Origin("s", file="s.csv", row=2), hint="write one")
    text = " ".join(shown(of_plan(make_plan(grants(1), findings=(one,))), 80))
    assert "word29 end" in " ".join(text.split())
    many = tuple(replace(one, value=f"w{number}") for number in range(10))
    text = "\n".join(shown(of_plan(make_plan(grants(1), findings=many)), 80))
    assert "end" not in text and text.count("…") >= 10


def test_the_end_names_files_all_details_and_the_next_steps_once_each() -> None:
    view = of_plan(make_plan(grants(1), findings=()), next_steps=("first", "second"))
    lines = piped(view, "kanport report plan.json", Journal="run.jsonl")
    assert lines[-4:] == [
        "Journal: run.jsonl",
        "All details: kanport report plan.json",
        "Next: first",
        "  second",
    ]
    assert row_of(piped(view), "All details") == ""


def test_nothing_to_do_is_one_line_but_for_data_and_what_somebody_must_see() -> None:
    empty = of_plan(make_plan([], findings=(), guards=()))
    assert piped(empty, "kanport report", Journal="x") == [f"✓ {empty.headline}"]
    assert screen.is_one_line(replace(empty, level=Level.NOTE))
    assert not screen.is_one_line(replace(empty, level=Level.LOOK))
    assert not screen.is_one_line(of_plan(make_plan(grants(1), findings=(), guards=())))
    data = of_validation(MAPPING, SOURCES, (), users=1, memberships=1)
    assert not screen.is_one_line(data)
    assert len(piped(data)) > 1


def text_of(draw: object, *arguments: object) -> list[str]:
    stream = io.StringIO()
    view, *others = arguments
    draw(view, Console(file=stream, force_terminal=False, _environ={}), *others)  # type: ignore[operator]
    return stream.getvalue().splitlines()


def test_a_summary_is_the_verdict_and_counts_and_what_is_withheld() -> None:
    plan = big_plan(2)
    lines = text_of(screen.render_summary, of_plan(plan))
    assert lines[0].startswith("✓ Ready: 2 changes") or lines[0].startswith("! Ready: 2 changes")
    assert "all changes: planned 2" in lines
    # The sums of the changes stand in the table; those after them follow.
    at = lines.index("2 findings = 0 errors + 2 warnings + 0 notes")
    assert not any("changes planned =" in line for line in lines)
    assert lines[-1].startswith("Withheld: 2 revocations")
    assert lines[at - 1] == ""
    run = text_of(screen.render_summary, of_run(plan, make_run(plan)))
    assert not any("changes planned =" in line for line in run)
    assert "2 findings = 0 errors + 2 warnings + 0 notes" in run
    data = of_validation(MAPPING, SOURCES, (), users=1, memberships=1)
    assert "0 findings = 0 errors + 0 warnings + 0 notes" in text_of(screen.render_summary, data)


def test_the_question_shows_administrators_stops_and_the_approval() -> None:
    rows = [
        {
            "action": Action.USER_UPDATE,
            "who": who,
            "id": at + 2,
            "before": {"role": "app-user"},
            "after": {"role": "app-admin"},
            "risk": (risk,),
        }
        for at, (who, risk) in enumerate(
            [*[(f"a{n}", Risk.ADMIN_GRANTED) for n in range(12)], ("old", Risk.ADMIN_LOST)]
        )
    ]
    over = GuardVerdict(guard="limit-raise", tripped=False, lifted=True, message="exceeded")
    plan = make_plan(rows, guards=(over,)).model_copy(update={"withheld": big_plan(1).withheld})
    lines = text_of(screen.render_question, of_plan(plan), "eva@desk (signed)")
    assert row_of(lines, "Changes") == "users: 13 updated"
    names = ", ".join(f"a{number}" for number in range(10))
    assert row_of(lines, "Admins") == f"new: {names} and 2 more; no longer: old"
    assert row_of(lines, "Overridden") == "for this run by --allow: limit-raise"
    assert row_of(lines, "Withheld").startswith("1 ")
    assert row_of(lines, "Approved") == "by eva@desk (signed)"
    lines = text_of(screen.render_question, of_plan(make_plan(grants(1))), "")
    assert (row_of(lines, "Admins"), row_of(lines, "Approved")) == ("", "no")
    assert row_of(lines, "Server") != ""
