"""Findings that the mapping accepts for a time: silent notes that change nothing else."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanport.catalogue import FINDINGS
from kanport.checks import accept
from kanport.findings import Finding, Severity, found
from kanport.mapping.controls import Accept
from kanport.mapping.spec import MappingFile
from kanport.origin import Origin
from tests.plan.test_make import desires, servers
from tests.plan.test_withheld_properties import mappings
from tests.support.command_line import Kanport
from tests.support.model_server import Kanboard
from tests.support.planning import a_mapping, plan_for

ACCEPTABLE = sorted(code for code, kind in FINDINGS.items() if kind.severity != "error")
TODAY = "2026-11-21T02:00:00Z"
NAMED = found(
    "username-old",
    Origin("access", file="access.csv", row=3, position=1),
    value="zoe",
    username="zoe",
    new_username="ann",
)


def accepting(**entry: str) -> MappingFile:
    whole = {"code": "username-old", "reason": "HR-17", "until": "2026-12-31", **entry}
    return a_mapping(accept=[whole])


def codes(findings: list[Finding]) -> list[tuple[str, Severity]]:
    return [(finding.code, finding.severity) for finding in findings]


@given(st.data())
def test_accepting_changes_nothing_of_a_plan_but_its_findings(data: st.DataObject) -> None:
    mapping: MappingFile = data.draw(mappings())
    server: Kanboard = data.draw(servers())
    desired = data.draw(desires())
    ended = data.draw(st.frozensets(st.sampled_from(ACCEPTABLE)))
    entries = [
        Accept(code=code, reason="x", until="2020-01-01" if code in ended else "2030-01-01")
        for code in ACCEPTABLE
    ]
    accepting = mapping.model_copy(update={"accept": tuple(entries)})
    given_findings = [NAMED, found("person-unknown", Origin("a", row=9), value="x", username="x")]
    before = plan_for(desired, server.seen(), mapping, given_findings)
    after = plan_for(desired, server.seen(), accepting, given_findings)
    for part in ("changes", "withheld", "guards", "summary", "unchanged", "blocked_by"):
        assert getattr(before, part) == getattr(after, part)
    own = ("acceptance-ended", "acceptance-unused")
    rest = [one for one in after.findings if one.code not in own]
    assert [(one.code, one.origin, one.fact) for one in rest] == [
        (one.code, one.origin, one.fact) for one in before.findings
    ]


@pytest.mark.parametrize(
    ("entry", "accepted"),
    [
        ({}, True),
        ({"value": "zoe"}, True),
        ({"value": "ada"}, False),
        ({"place": "access.csv"}, True),
        ({"place": "access.csv:3"}, True),
        ({"place": "access.csv:3:1"}, True),
        ({"place": "access.csv:30"}, False),
        ({"place": "access"}, False),
        ({"place": "access.csv", "value": "ada"}, False),
        ({"until": "2026-11-21"}, True),
        ({"until": "2026-11-20"}, False),
        ({"code": "email-shared"}, False),
    ],
)
def test_an_entry_accepts_what_its_code_value_and_place_say(
    entry: dict[str, str], accepted: bool
) -> None:
    one, *others = accept([NAMED], accepting(**entry), TODAY)[::-1]
    assert (one.severity is Severity.INFO) == accepted
    assert [other.code for other in others] == ["acceptance-ended"] * (
        entry.get("until") == "2026-11-20"
    )


def test_an_accepted_finding_says_why_and_until_when() -> None:
    [one] = accept([NAMED], accepting(), TODAY, complete=True)
    assert one.message.endswith("(accepted until 2026-12-31: HR-17)")
    assert one.hint is None
    assert Finding.from_dict(one.to_dict()) == one
    # Accepted again, it says so once.
    assert accept([one], accepting(), TODAY) == [one]


def test_a_masked_finding_hides_the_reason() -> None:
    [one] = accept([NAMED], accepting(reason="Zoe is on leave"), TODAY)
    masked = one.masked(lambda kind, text, field: "user-1")
    assert masked.message.endswith("no longer names this user (accepted until 2026-12-31)")
    assert masked.severity is Severity.INFO
    assert "Zoe" not in json.dumps(masked.to_dict())


def test_an_entry_without_a_finding_is_a_note_of_a_plan() -> None:
    entry = accepting(value="ada", place="access.csv")
    assert codes(accept([NAMED], entry, TODAY)) == [("username-old", Severity.WARNING)]
    unused, _ = accept([NAMED], entry, TODAY, complete=True)
    assert unused.severity is Severity.INFO
    assert unused.message == ('no finding is username-old "ada" at access.csv, which accept lists')


def test_a_past_entry_is_an_error_and_accepts_nothing() -> None:
    ended, one = accept([NAMED], accepting(until="2026-11-20"), TODAY, complete=True)
    assert (ended.code, ended.severity) == ("acceptance-ended", Severity.ERROR)
    assert ended.message == "the acceptance of username-old ended on 2026-11-20 (reason: HR-17)"
    assert one == NAMED


PEOPLE = "Login,Mail\nada,desk@example.org\nbob,desk@example.org\n"
NIGHT = """
    kanport: 1
    sources:
      people: {type: csv, path: people.csv}
    users:
      from: people
      fields:
        username: {from: Login}
        email: {from: Mail}
"""


def night(folder: Path, until: str = "") -> None:
    entry = f"\n    accept: [{{code: email-shared, reason: one desk, until: {until}}}]"
    text = NIGHT.rstrip() + (entry if until else "")
    (folder / "people.csv").write_text(PEOPLE, encoding="utf-8")
    (folder / "night.yaml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("options", [(), ("--quiet",)])
def test_a_night_is_silent_about_what_is_accepted(
    tmp_path: Path, kanport: Kanport, options: tuple[str, ...]
) -> None:
    night(tmp_path)
    assert kanport("sync", "night.yaml").code == 0
    loud = kanport("sync", "night.yaml", *options)
    assert loud.code == 0 and "desk@example.org" in loud.out + loud.err
    night(tmp_path, "2999-12-31")
    silent = kanport("sync", "night.yaml", *options)
    assert (silent.code, silent.out, silent.err) == (0, "", "")
    night(tmp_path, "2020-01-01")
    ended = kanport("sync", "night.yaml", *options)
    assert ended.code == 3
    assert "the acceptance of email-shared ended on 2020-01-01" in ended.out + ended.err


def test_a_past_entry_stops_nobody_else(tmp_path: Path, kanport: Kanport) -> None:
    night(tmp_path, "2020-01-01")
    assert kanport("validate", "night.yaml").code == 5
    done = kanport("sync", "night.yaml", "--format", "json")
    assert done.code == 3
    assert json.loads(done.out)["tally"]["done"] == 2


@pytest.mark.parametrize("form", ["text", "markdown", "html", "csv"])
def test_every_report_shows_reason_and_day(tmp_path: Path, kanport: Kanport, form: str) -> None:
    night(tmp_path, "2999-12-31")
    options = ("--table", "findings") if form == "csv" else ()
    shown = kanport("validate", "night.yaml", "--format", form, *options)
    assert shown.code == 0
    assert "accepted until 2999-12-31: one desk" in shown.out


def test_code_scanning_sees_the_finding_as_suppressed(tmp_path: Path, kanport: Kanport) -> None:
    night(tmp_path, "2999-12-31")
    kanport("validate", "night.yaml", "-o", "k.sarif")
    [run] = json.loads((tmp_path / "k.sarif").read_text("utf-8"))["runs"]
    [one] = [one for one in run["results"] if one["ruleId"] == "email-shared"]
    assert one["level"] == "note"
    assert one["suppressions"][0]["justification"] == "accepted until 2999-12-31: one desk"


def test_quiet_names_each_wrong_value_once_with_its_number(
    tmp_path: Path, kanport: Kanport
) -> None:
    rows = [f"user{number},{('boss', 'guest')[number % 2]}" for number in range(9)]
    (tmp_path / "people.csv").write_text("\n".join(["Login,Mail", *rows, ""]), encoding="utf-8")
    role = "role: {from: Mail, values: {user: app-user}}"
    (tmp_path / "night.yaml").write_text(NIGHT.replace("email: {from: Mail}", role), "utf-8")
    said = kanport("sync", "night.yaml", "--quiet")
    assert (said.code, said.out) == (5, "")
    lines = [line for line in said.err.splitlines() if "table of the role" in line]
    assert lines == [
        'Error: "boss" is not in the table of the role (people.csv:2:2, 4:2, 6:2 and 2 more)',
        'Error: "guest" is not in the table of the role (people.csv:3:2, 5:2, 7:2 and 1 more)',
    ]
