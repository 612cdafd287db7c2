"""A report on a screen and in a pipe."""

import pytest
from rich.cells import cell_len

from kanport.findings import Finding
from kanport.messages import MASK
from kanport.outcome import Status
from kanport.plan.change import Action
from kanport.report.make import of_plan, of_run, of_validation, of_verification
from kanport.report.view import View
from tests.support.report.drawing import pipe, screen, section
from tests.support.report.examples import (
    FINDINGS,
    GUARDS,
    MAPPING,
    SOURCES,
    TRIPPED,
    make_plan,
    make_run,
    make_verdicts,
)

PLAN = of_plan(make_plan(), next_steps=("kanport apply plan.json",))
RUN = of_run(make_plan(), make_run(make_plan(), {5: (Status.FAILED, "the username may be taken")}))
VALIDATION = of_validation(MAPPING, SOURCES, FINDINGS, users=46, memberships=110)
VERIFICATION = of_verification(make_plan(), make_verdicts(make_plan(), {5: "role is 'app-user'"}))


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 120, 160, 220])
@pytest.mark.parametrize("view", [PLAN, RUN, VALIDATION, VERIFICATION], ids=lambda view: view.kind)
def test_no_line_is_wider_than_the_screen(view: View, width: int) -> None:
    lines = screen(view, width).splitlines()
    assert max(map(cell_len, lines)) <= max(width, 24)
    assert not [line for line in lines if line != line.rstrip()]


@pytest.mark.parametrize("width", [60, 80, 120, 160])
def test_a_screen_shows_every_word_of_every_change(width: int) -> None:
    told = " ".join(section_words(screen(PLAN, width)))
    for line in PLAN.lines:
        for word in (line.change.reason, line.change.username or "", *line.places):
            assert set(word.split()) <= set(told.split()), word


def section_words(text: str) -> list[str]:
    return text.replace("─", "").split()


def test_the_first_lines_tell_a_manager_what_matters() -> None:
    top = screen(of_plan(make_plan(guards=(*GUARDS, TRIPPED))), 200).splitlines()[:7]
    assert top[:2] == [
        "Kanport plan: staff",
        "✗ Stopped by 1 safety check. Nothing was changed.",
    ]
    assert top[2] == "✗ " + ": ".join([TRIPPED.guard, TRIPPED.message])
    assert top[3].startswith("• 5 users would be created, 4 updated")
    assert top[4].startswith(
        "! 7 of 29 changes need review: 1 grants administrator rights, 3 grant a privileged role, "
    )
    assert top[5] == "• 4 other changes revoke or lower access."
    assert top[6].startswith("! 3 errors, 3 warnings and 4 notes")


def test_a_pipe_gets_no_color_no_boxes_no_wrapping_and_whole_digests() -> None:
    text = pipe(RUN)
    assert "\x1b" not in text
    assert "─" not in text
    assert MAPPING.sha256 in text
    assert all(source.sha256 in text for source in SOURCES)
    change = next(line for line in text.splitlines() if line.startswith("~ update  s.lindqvist"))
    assert change == (
        "~ update  s.lindqvist  name S Lindqvist → Saga Lindqvist, "
        "email (empty) → s.lindqvist@example.org  done · name and email differ · staff.csv:17:3"
    )


def test_color_says_nothing_that_the_words_do_not() -> None:
    import re

    colored = re.sub(r"\x1b\[[0-9;]*m", "", screen(RUN, 100, color=True))
    assert colored == screen(RUN, 100)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_marks_fall_back_to_ascii_where_the_encoding_has_none(encoding: str) -> None:
    text = pipe(RUN, encoding)
    assert "app-user -> app-admin" in text
    assert "\\u738b" in text  # 王
    assert ("Chloé" in text) is (encoding != "ascii")


def test_a_finding_stands_in_one_line_with_its_hint_below() -> None:
    lines = pipe(VALIDATION).splitlines()
    at = lines.index(
        'staff.csv:14:3  error  email-invalid  "anna(at)x.de" is not an email address '
        "(column E-Mail)."
    )
    assert lines[at + 1] == (
        "    hint: use an address such as name@example.org, or leave the cell empty"
    )


def test_failures_stand_apart_with_their_reasons() -> None:
    text = section(pipe(RUN), "Not done")
    assert text.splitlines() == ["! 1 failed: the username may be taken", "    create a.schmidt"]


def test_a_masked_value_stays_masked_in_every_encoding() -> None:
    finding = Finding("password-too-short", "The password is too short.", value=MASK)
    view = of_validation(MAPPING, (), [finding], users=0, memberships=0)
    assert f"value: {MASK}" in pipe(view)
    assert "value: ******" in pipe(view, "ascii")


def test_next_steps_come_last_but_for_the_verdict() -> None:
    *_, step, blank, verdict = screen(PLAN).splitlines()
    assert (step.strip(), blank) == ("kanport apply plan.json", "")
    assert verdict == "! Ready: 29 changes, all safety checks passed."


def test_the_same_view_gives_the_same_text() -> None:
    assert screen(PLAN) == screen(of_plan(make_plan(), next_steps=("kanport apply plan.json",)))


def test_a_screen_shows_every_change_of_a_large_plan() -> None:
    rows = [
        {"action": Action.MEMBERSHIP_GRANT, "after": {"role": "project-viewer"}, "project": "AUDIT"}
        | {"who": f"user{at}", "id": at + 2}
        for at in range(500)
    ]
    assert screen(of_plan(make_plan(rows))).count("+ grant") == 500
