"""What a spreadsheet or a data tool made of a name is no name, in whatever column it stands."""

import datetime
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanport.coded import Coded, objects
from kanport.errors import SourceInvalid
from kanport.findings import Finding, Severity
from kanport.pipeline.inputs import Inputs, read_inputs
from kanport.relations import About
from kanport.rules import strip_blanks
from kanport.spreadsheet import (
    converted,
    escaped_xstring,
    plain_xstring,
    stray_rows,
    unwrapped,
)
from tests.support.sources import saved, workbook

MAPPING = """\
kanport: 1
name: lists
sources:
  people: {type: csv, path: people.csv%(people)s}
  grants: {type: csv, path: grants.csv%(grants)s}
users:
  from: people
  fields:
    username: {from: Login}
    name: {from: Name}
    email: {from: Mail}
memberships:
  - from: grants
    username: {from: Login}
    project: {from: Project}
    role: {from: Access, values: {R: project-viewer, W: project-member}}
"""
SHEET = MAPPING.replace("type: csv, path: people.csv", "type: excel, path: people.xlsx")


def rows(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)


def read(
    folder: Path,
    people: Iterable[str] = ("ann;Ann;",),
    grants: Iterable[str] = (),
    *,
    header: str = "Login;Name;Mail",
    mapping: str = MAPPING,
    verbatim: bool = False,
    more: str = "",
) -> Inputs:
    (folder / "people.csv").write_text(rows(header, *people), encoding="utf-8")
    (folder / "grants.csv").write_text(rows("Login;Project;Access", *grants), encoding="utf-8")
    told = ", verbatim: true" if verbatim else ""
    text = mapping % {"people": told, "grants": f"{told}, may_be_empty: true"}
    (folder / "map.yaml").write_text(text + more, encoding="utf-8")
    return read_inputs(folder / "map.yaml")


def logins(inputs: Inputs) -> list[str]:
    return [user.username.value for user in inputs.desired.users]


def serious(found: Iterable[Finding]) -> list[tuple[str, str]]:
    """Give code and place of all that is more than a note."""
    return [(f.code, place(f)) for f in found if f.severity is not Severity.INFO]


def place(found: Finding) -> str:
    return str(found.origin).rpartition("/")[2]


DESTROYED = [
    *("1.23457E+11", "1,23457E+11", "1.23457e+11", "1E+11", "1.5E+05", "-1.2E+12", "8.91E+05"),
    *("1.23456789012E+016", "123.5E+9", "1.5E-05", "1.2345678901234568e+17"),
    *("'0042", "'42", "’0042", "'1e5", "'+4930123", "'2-3", "'jan-2", "'=A1", "'0042'"),
    *("123456789012345000", "1234567890123450000"),
]
REAL = [
    *("891e3", "1e5", "1E5", "12e34", "00e1", "e5", "E+5x", "3e-12", "1e5f", "ann+1", "a+b"),
    *(
        "'t Hart",
        "'s-Jacob",
        "o'neil",
        "'90s",
        "0042",
        "42",
        "1.2.3",
        "v1.0",
        "12345678901234567890",
    ),
    *("=a", "=1+1", "+1", "-2", "1-2", "10-11-12"),
]


@pytest.mark.parametrize("text", DESTROYED)
def test_what_a_spreadsheet_destroyed_is_no_login(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, [f"{text};Zoe;", "ben;Ben;"])
    assert serious(found.findings) == [("cell-converted", "people.csv:2:1")]
    assert logins(found) == ["ben"]
    assert found.desired.unknown.everybody
    (finding,) = [f for f in found.findings if f.code == "cell-converted"]
    assert finding.value == text and finding.hint and "verbatim: true" in finding.hint


@pytest.mark.parametrize("text", REAL)
def test_logins_that_only_resemble_it_stay_valid(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, [f'"{text}";Zoe;', "ben;Ben;"])
    assert not [f for f in found.findings if f.severity is Severity.ERROR]
    assert set(logins(found)) == {text, "ben"}


@pytest.mark.parametrize("text", ["1.23457E+11", "'0042"])
def test_it_is_no_name_no_project_and_no_member_either(tmp_path: Path, text: str) -> None:
    found = read(
        tmp_path, [f"ann;{text};", "ben;Ben;"], [f"{text};ALPHA;R", f"ben;{text};R", "ben;BETA;R"]
    )
    assert serious(found.findings) == [
        ("cell-converted", "grants.csv:2:1"),
        ("cell-converted", "grants.csv:3:2"),
        ("cell-converted", "people.csv:2:2"),
    ]
    assert [m.target.value for m in found.desired.memberships] == ["BETA"]


def test_it_is_no_group_and_no_id_either(tmp_path: Path) -> None:
    more = """\
ledger: lists.ledger
groups:
  - from: teams
    name: {from: Team}
    member: {from: Who, split: ";"}
    external_id: {from: Id}
group_access:
  - from: teams
    group: {from: Team}
    project: {from: Board}
    role: project-viewer
"""
    (tmp_path / "teams.csv").write_text(
        rows(
            "Team,Who,Id,Board",
            "1.2E+11,ann,,",
            "Ops,ann;1.2E+11;ben,,",
            "Dev,ann,'007,",
            "Web,ann,,1.2E+11",
        )
    )
    mapping = MAPPING.replace("users:\n", "  teams: {type: csv, path: teams.csv}\nusers:\n")
    mapping = mapping.replace("  fields:", "  id: {from: Id}\n  fields:")
    found = read(
        tmp_path,
        ["ann;Ann;;1.2E+11", "ben;Ben;;7"],
        header="Login;Name;Mail;Id",
        mapping=mapping,
        more=more,
    )
    assert {(f.code, place(f)) for f in found.findings if f.severity is Severity.ERROR} == {
        ("cell-converted", "people.csv:2:4"),
        ("cell-converted", "teams.csv:2:1"),
        ("cell-converted", "teams.csv:3:2"),
        ("cell-converted", "teams.csv:4:3"),
        ("cell-converted", "teams.csv:5:4"),
    }


def test_a_column_that_is_no_name_may_hold_such_text(tmp_path: Path) -> None:
    mapping = MAPPING.replace("{from: Mail}", "{from: Mail, values: {'1.2E+11': a@b.org}}")
    found = read(tmp_path, ["ann;Ann;1.2E+11"], mapping=mapping)
    assert serious(found.findings) == []


@pytest.mark.parametrize("text", ['="0044"', '= "0044"', '"=""0044"""', '=" 0044 "'])
def test_the_text_inside_a_guard_is_read_with_a_note(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, [f"{text};Zoe;", "ben;Ben;"])
    assert logins(found) == ["0044", "ben"]
    (note,) = [f for f in found.findings if f.code == "cell-unwrapped"]
    assert place(note) == "people.csv:2:1" and note.value == "0044"


def test_headers_are_guarded_as_well(tmp_path: Path) -> None:
    found = read(tmp_path, ['="0044";="Zoe";=""'], header='="Login";="Name";="Mail"')
    assert logins(found) == ["0044"]


def test_what_stands_inside_a_guard_may_be_destroyed_too(tmp_path: Path) -> None:
    found = read(tmp_path, ['="1.2E+11";Zoe;'])
    assert serious(found.findings) == [("cell-converted", "people.csv:2:1")]


def test_a_password_in_a_guard_is_refused_and_not_shown(tmp_path: Path) -> None:
    mapping = MAPPING.replace("  fields:", "  password: {from: Secret}\n  fields:")
    found = read(
        tmp_path,
        ['ann;Ann;;="hunter22"', "ben;Ben;;1.2E+11", "cy;Cy;;'12345678", "dee;Dee;;'secret1"],
        header="Login;Name;Mail;Secret",
        mapping=mapping,
    )
    assert serious(found.findings) == [
        ("cell-converted", f"people.csv:{line}:4") for line in (2, 3, 4)
    ]
    assert "hunter22" not in str(found.findings)


@pytest.mark.parametrize(
    "texts",
    [("17.0", "18.0"), ("17.0", "17.0", "17.0"), ("17,0", "18,0", "2,0"), ("17.00", "1.00")],
)
def test_a_whole_column_of_numbers_with_decimals_is_none_of_logins(
    tmp_path: Path, texts: tuple[str, ...]
) -> None:
    found = read(tmp_path, grants=[f"{text};ALPHA;R" for text in texts])
    lines = range(2, 2 + len(texts))
    assert serious(found.findings) == [("cell-decimals", f"grants.csv:{line}:1") for line in lines]


def test_empty_cells_are_no_reason_to_believe_such_a_column(tmp_path: Path) -> None:
    found = read(tmp_path, grants=["ann;17.0;R", "ann;;", "ann;4.0;R"])
    assert serious(found.findings) == [
        ("cell-decimals", "grants.csv:2:2"),
        ("cell-decimals", "grants.csv:4:2"),
    ]


@pytest.mark.parametrize(
    ("texts", "bad"),
    [
        (("1,234", "1,235"), (0, 1)),
        (("17", "1,234", "12,345,678"), (1, 2)),
        (("1'234", "17"), (0,)),
        (("1 234", "1 235"), (0, 1)),
        (("1\u202f234", "999"), (0,)),
        (("1.234", "1.235"), ()),
        (("1,23", "1,24"), ()),
        (("1,234", "ann"), ()),
        (("1234", "1235"), ()),
    ],
)
def test_a_whole_column_of_separated_thousands_is_none_of_logins(
    tmp_path: Path, texts: tuple[str, ...], bad: tuple[int, ...]
) -> None:
    found = read(tmp_path, [f"{text};Zoe;" for text in texts])
    assert [one for one in serious(found.findings) if one[0] == "cell-converted"] == [
        ("cell-converted", f"people.csv:{line + 2}:1") for line in bad
    ]
    plain = read(tmp_path, [f"{text};Zoe;" for text in texts], verbatim=True)
    assert not [one for one in serious(plain.findings) if one[0] == "cell-converted"]


def test_a_column_with_other_texts_may_hold_versions(tmp_path: Path) -> None:
    found = read(tmp_path, grants=["ann;1.0;R", "ann;1.5;R", "ann;2.0;R"])
    assert serious(found.findings) == []
    assert len(found.desired.memberships) == 3


def test_one_such_login_among_others_is_a_warning(tmp_path: Path) -> None:
    found = read(tmp_path, ["ann;Ann;", "17.0;Ben;"], ["ann;2.0;R"])
    assert serious(found.findings) == [("username-odd", "people.csv:3:1")]
    alone = read(tmp_path, ["17.0;Ben;"])
    assert serious(alone.findings) == [("username-odd", "people.csv:2:1")]


def test_a_mapping_that_takes_the_decimals_away_is_believed(tmp_path: Path) -> None:
    mapping = MAPPING.replace("{from: Project}", '{from: Project, transform: [{before: "."}]}')
    found = read(tmp_path, grants=["ann;17.0;R", "ann;18.0;R"], mapping=mapping)
    assert serious(found.findings) == []
    assert [m.target.value for m in found.desired.memberships] == ["17", "18"]


def test_a_column_in_which_every_value_has_the_mark_of_text_is_refused(tmp_path: Path) -> None:
    found = read(tmp_path, ["'ann;Ann;", "'ben;Ben;"])
    assert serious(found.findings) == [
        ("cell-converted", "people.csv:2:1"),
        ("cell-converted", "people.csv:3:1"),
    ]


def test_verbatim_takes_every_text_as_it_is(tmp_path: Path) -> None:
    people = ["1.2E+11;Zoe;", "'0042;Bea;", '="1";Cy;', "Total;;", "Login;Name;"]
    found = read(tmp_path, people, verbatim=True)
    assert logins(found) == ["'0042", "1.2E+11", '="1"', "Login", "Total"]
    assert not [f for f in found.findings if f.severity is Severity.ERROR]


def test_text_cells_of_a_workbook_are_judged_the_same_way(tmp_path: Path) -> None:
    book = workbook([["Login", "Name", "Mail"], ["1.2E+11", "A", ""], ["x", "jan-2", ""]])
    assert book.active is not None
    guarded: Any = book.active["A3"]
    guarded.value = '="0044"'
    guarded.data_type = "s"
    (tmp_path / "people.xlsx").write_bytes(saved(book))
    found = read(tmp_path, mapping=SHEET)
    assert serious(found.findings) == [("cell-converted", "people.xlsx#Staff!A2")]
    assert logins(found) == ["0044"]


# --- dates ----------------------------------------------------------------------------------------

DATE_LIKE = [
    *("jan-2", "april-5", "mar-01", "March 2026", "2026-12-31", "1-Mar", "01/02/2024", "2.1.2024"),
    *("1. März", "mars-24", "2024-01-02", "may01"),
]


@pytest.mark.parametrize("text", DATE_LIKE)
def test_text_that_looks_like_a_date_is_a_login_a_name_and_a_project(
    tmp_path: Path, text: str
) -> None:
    found = read(tmp_path, [f"{text};{text};", "ben;Ben;"], [f"{text};{text};R", "ben;BETA;R"])
    assert not [f for f in found.findings if f.severity is Severity.ERROR]
    assert text in logins(found)
    assert (text, text) in {(m.holder.value, m.target.value) for m in found.desired.memberships}


@pytest.mark.parametrize("text", ["1-Mar", "02-Jan", "Mar-26", "01.02.2024", "2.Jan", "2026-12-31"])
def test_what_excel_makes_of_a_name_is_a_warning_where_it_stands_out(
    tmp_path: Path, text: str
) -> None:
    found = read(tmp_path, ["ann;Ann;", f"{text};Ben;", "cy;Cy;", "dee;Dee;"])
    assert serious(found.findings) == [("cell-date-like", "people.csv:3:1")]
    assert len(logins(found)) == 4


def test_among_its_like_it_does_not_stand_out(tmp_path: Path) -> None:
    found = read(tmp_path, grants=[f"ann;2026-{month}-01;R" for month in (10, 11, 12)])
    assert serious(found.findings) == []


def test_only_what_excel_itself_would_write_is_a_warning(tmp_path: Path) -> None:
    people = ["ann;Ann;", "jan-2;Ben;", "cy;March 2026;", "april-5;Dee;", "eve;Eve;"]
    assert serious(read(tmp_path, people).findings) == []


def test_a_cell_that_excel_stores_as_a_date_is_an_error(tmp_path: Path) -> None:
    book = workbook(
        [["Login", "Name", "Mail"], ["jan-2", "Ann", ""], [datetime.date(2026, 1, 2), "Ben", ""]]
    )
    (tmp_path / "people.xlsx").write_bytes(saved(book))
    found = read(tmp_path, mapping=SHEET)
    assert serious(found.findings) == [("cell-date", "people.xlsx#Staff!A3")]
    assert logins(found) == ["jan-2"]


# --- rows that name nobody ------------------------------------------------------------------------

TOTALS = [
    *(
        "Total;;",
        "Summe 1;;",
        "600 Personen;;",
        "Total;;600",
        "Anzahl: 600;;",
        "Gesamt;;",
        "Somme;;",
    ),
    *("TOTAL:;;", "Grand Total;;600", "Sub-total;;12", "Zwischensumme;;12", "Total général;;600"),
    *(
        "Anzahl Mitarbeiter;;600",
        "Total: 600;;",
        "(600 rows);;",
        "(600 rows affected);;",
        ";Total;600",
    ),
    *(
        "600 users;;",
        "Users: 600;;",
        "Total number of users: 600;;",
        "*** Total ***;;",
        "Gesamt;600;",
    ),
    *("Insgesamt 600 Personen;;", "Totaal;;600", "Итого;;600", "合計;;600", "Total;2;600"),
    *("Page 3 of 3;;", "Exported on 2026-11-01;;", "Ende der Liste;;", "1,234 records;;"),
    *(
        "Average;;5",
        "Headcount: 3;;",
        "Headcount;;3",
        "Totalt 3 användare;;",
        "EOF;;",
        "Total - 3;;",
    ),
    *("Nombre total d'utilisateurs : 3;;", "Report generated 12/31/2026 10:00;;", "---;;"),
    *("-----;-----;-----", "=====;;", "+---+;;", "*****;***;", "Copyright 2026 ACME;;"),
    *("I alt;;600", "n=2;;", "N = 600;;", "(n=600);;", "n: 600;;"),
]


@pytest.mark.parametrize("line", TOTALS)
def test_a_total_is_an_error_at_its_row_and_never_a_user(tmp_path: Path, line: str) -> None:
    people = ["ann;Ann;a@x.org", "ben;Ben;b@x.org", line]
    found = read(tmp_path, people)
    ((code, at),) = serious(found.findings)
    assert (code, at.rpartition(":")[0]) == ("row-total", "people.csv:4")
    assert logins(found) == ["ann", "ben"]
    assert not found.desired.unknown.anybody, "such a row names nobody"


@pytest.mark.parametrize(
    "line", ["Sales Total;;12", "Summe Vertrieb;;12", "IT Count;;3", "Ergebnis IT;;3", "sum;;600"]
)
def test_a_subtotal_shows_by_its_number_and_what_it_lacks(tmp_path: Path, line: str) -> None:
    people = ["ann;Ann;a@x.org", "ben;Ben;b@x.org", line, "cy;Cy;c@x.org"]
    found = read(tmp_path, people)
    ((code, at),) = serious(found.findings)
    assert (code, at.rpartition(":")[0]) == ("row-total", "people.csv:4")
    assert logins(found) == ["ann", "ben", "cy"]


@pytest.mark.parametrize(
    "line",
    [
        *("total;Tim Total;t@x.org", "totalian;Tia;", "ttotal;Tim Total;", "summer;Sun Summer;"),
        *(
            "sum;Wai Sum;",
            "som;;",
            "count;Count Basie;",
            "anna.summe;Anna Summe;",
            "gesamtleitung;;",
        ),
        *(
            "user1;User 1;",
            "user 1;User 1;",
            "rows;R;",
            "page1;Page 1;",
            "stand;Stand 2026;s@x.org",
        ),
        *(
            "total;;t@x.org",
            "7;Total Recall;",
            "end;E;",
            "anzahl-bot;Anzahl: Bot;",
            "login;Lo Gin;",
            "average;Joe Average;",
            "headcount;;",
            "eof;E. O. F.;",
            "user;Name;",
            "account;Team;a@x.org",
            "--;Dash;",
        ),
        *("n;Nn;", "n2;N 2;", "n.lee;N: Lee;", "nn=2;Nn;"),
    ],
)
def test_a_person_whose_name_holds_such_a_word_stays_one(tmp_path: Path, line: str) -> None:
    people = ["ann;Ann;a@x.org", "ben;Ben;b@x.org", line]
    found = read(tmp_path, people)
    assert not [f for f in found.findings if f.severity is Severity.ERROR]
    assert line.partition(";")[0] in logins(found)


def test_a_list_of_names_and_numbers_may_have_a_mr_total(tmp_path: Path) -> None:
    mapping = MAPPING.replace("    name: {from: Name}\n    email: {from: Mail}\n", "")
    people = ["Ann Weiss;1041", "Tim Total;1042", "Wai Sum;1043"]
    found = read(tmp_path, people, header="Login;No", mapping=mapping)
    assert len(logins(found)) == 3


@pytest.mark.parametrize(
    "line",
    [
        *("Login;Name;Mail", "\ufeffLogin;Name;Mail", '"Login";"Name";"Mail"', "LOGIN;name;MAIL"),
        *(
            '\ufeff"Login";"Name";"Mail"',
            "Name;Login;Mail",
            "Username;Full name;E-Mail",
            "Login;Name;",
        ),
        *(" Login ; Name ; Mail ", "Login;Name;", "Login:;Name:;Mail:", "[Login];[Name];[Mail]"),
        *("Benutzer;Name;E-Mail", "User;Full Name;Mail", "Kennung;Name;E-Mail-Adresse"),
    ],
)
def test_a_header_in_the_middle_is_an_error_at_its_row(tmp_path: Path, line: str) -> None:
    found = read(tmp_path, ["ann;Ann;a@x.org", line, "ben;Ben;b@x.org"])
    ((code, at),) = serious(found.findings)
    assert (code, at.rpartition(":")[0]) == ("row-header", "people.csv:3")
    assert logins(found) == ["ann", "ben"]
    assert not found.desired.unknown.anybody


def test_all_such_rows_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SourceInvalid) as raised:
        read(tmp_path, ["ann;Ann;", "Total;;1", "Login;Name;Mail", "ben;Ben;", "Total;;1", "Total"])
    assert sorted(code for code, _ in serious(raised.value.findings)) == [
        *("row-header", "row-ragged", "row-total", "row-total")
    ]


def test_a_total_below_memberships_grants_nothing(tmp_path: Path) -> None:
    found = read(tmp_path, grants=["ann;ALPHA;R", "ben;BETA;W", "Total;2;2"])
    assert serious(found.findings) == [("row-total", "grants.csv:4:1")]
    assert [m.target.value for m in found.desired.memberships] == ["ALPHA", "BETA"]
    assert [named.value for named in found.desired.projects_named] == ["ALPHA", "BETA"]


def test_a_total_below_a_column_that_is_not_read_is_nobodys_business(tmp_path: Path) -> None:
    (tmp_path / "people.csv").touch()
    found = read(tmp_path, grants=["ann;ALPHA;R", ";;"])
    assert serious(found.findings) == []


def test_a_total_of_a_sheet_is_found_too_also_one_that_is_calculated(tmp_path: Path) -> None:
    people: list[list[object]] = [
        ["Login", "Name", "Mail"],
        ["ann", "Ann", None],
        ["ben", "Ben", None],
        ["Total", 2],
    ]
    (tmp_path / "people.xlsx").write_bytes(saved(workbook(people)))
    found = read(tmp_path, mapping=SHEET)
    assert serious(found.findings) == [("row-total", "people.xlsx#Staff!A4")]
    assert logins(found) == ["ann", "ben"]


def test_a_header_that_is_repeated_in_a_sheet_is_found_too(tmp_path: Path) -> None:
    people: list[list[object]] = [
        ["Login", "Name", "Mail"],
        ["ann", "Ann", None],
        ["Login", "Name", "Mail"],
    ]
    (tmp_path / "people.xlsx").write_bytes(saved(workbook(people)))
    found = read(tmp_path, mapping=SHEET)
    assert serious(found.findings) == [("row-header", "people.xlsx#Staff!A3")]
    assert logins(found) == ["ann"]


def test_such_rows_hide_no_other_error_of_their_file(tmp_path: Path) -> None:
    people = ["ann;Ann;not-an-address", "Login;Name;Mail", "'0042;Bea;", "Total;;2"]
    found = read(tmp_path, people, ["ann;ALPHA;Q", "Total;1;1"])
    assert serious(found.findings) == [
        ("value-not-in-table", "grants.csv:2:3"),
        ("row-total", "grants.csv:3:1"),
        ("email-invalid", "people.csv:2:3"),
        ("row-header", "people.csv:3:1"),
        ("cell-converted", "people.csv:4:1"),
        ("row-total", "people.csv:5:1"),
    ]


def test_a_total_says_nothing_of_the_column_above_it(tmp_path: Path) -> None:
    found = read(tmp_path, grants=["17.0;ALPHA;R", "18.0;ALPHA;R", "Total;2;2"])
    assert serious(found.findings) == [
        ("cell-decimals", "grants.csv:2:1"),
        ("cell-decimals", "grants.csv:3:1"),
        ("row-total", "grants.csv:4:1"),
    ]


def test_whoever_is_called_like_a_total_is_unknown_and_never_missing(tmp_path: Path) -> None:
    found = read(tmp_path, ["ann;Ann;a@x.org", "Total;;"], ["total;ALPHA;R", "ben;BETA;W"])
    unknown = found.desired.unknown
    assert unknown.person("total") and not unknown.person("ben")
    assert unknown.is_open(About.MEMBERSHIP, {"total"}, {"beta"})
    assert not unknown.is_open(About.MEMBERSHIP, {"ben"}, {"beta"})
    assert [m.holder.value for m in found.desired.memberships] == ["ben"]


def test_a_total_leaves_no_doubt_about_somebody_with_a_row_of_their_own(tmp_path: Path) -> None:
    found = read(tmp_path, ["total;Tim Total;t@x.org", "ann;Ann;a@x.org", "Total;;2"])
    assert serious(found.findings) == [("row-total", "people.csv:4:1")]
    assert logins(found) == ["ann", "total"]
    assert not found.desired.unknown.person("total")


def test_a_total_whose_login_cannot_be_read_may_be_about_anybody(tmp_path: Path) -> None:
    found = read(tmp_path, ["ann;Ann;a@x.org", "ben;Ben;b@x.org", "#REF!;Total;2"])
    assert ("row-total", "people.csv:4:2") in serious(found.findings)
    assert found.desired.unknown.anybody


def test_a_total_below_groups_leaves_open_who_is_called_like_it(tmp_path: Path) -> None:
    more = """\
ledger: lists.ledger
groups:
  - from: teams
    name: {from: Team}
    member: {from: Who}
group_access:
  - from: teams
    group: {from: Team}
    project: {from: Board}
    role: project-viewer
"""
    (tmp_path / "teams.csv").write_text(
        rows("Team,Who,Board", "Ops,ann,ALPHA", "Dev,ben,BETA", "Total,2,2"), encoding="utf-8"
    )
    mapping = MAPPING.replace("users:\n", "  teams: {type: csv, path: teams.csv}\nusers:\n")
    found = read(tmp_path, mapping=mapping, more=more)
    assert serious(found.findings) == [("row-total", "teams.csv:4:1")]
    desired = found.desired
    assert [group.name.value for group in desired.groups] == ["Dev", "Ops"]
    assert [member.holder.value for member in desired.group_members] == ["ann", "ben"]
    assert {access.target.value for access in desired.group_access} == {"ALPHA", "BETA"}
    assert desired.unknown.group_members == {(None, "total"), ("2", None)}
    assert desired.unknown.group_access == {("total", "2")}


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_list_of_nothing_but_a_total_is_empty(tmp_path: Path, ending: str) -> None:
    table: list[list[object]] = [["Login", "Name", "Mail"], ["Total", None, "0"]]
    (tmp_path / "people.xlsx").write_bytes(saved(workbook(table)))
    with pytest.raises(SourceInvalid) as raised:
        read(tmp_path, ["Total;;0"], mapping=SHEET if ending == "xlsx" else MAPPING)
    assert [code for code, _ in serious(raised.value.findings)] == ["file-empty", "row-total"]


def test_two_files_joined_without_a_line_break_are_noticed(tmp_path: Path) -> None:
    mapping = MAPPING.replace("    name: {from: Name}\n    email: {from: Mail}\n", "")
    people = ["ann", "ben\ufeffLogin", "cy"]
    found = read(tmp_path, people, header="Login", mapping=mapping)
    assert serious(found.findings)[0] == ("cell-control", "people.csv:3:1")


@given(
    st.lists(st.lists(st.text(max_size=12), min_size=3, max_size=3), min_size=1, max_size=6),
    st.sampled_from(["Total", "Summe 1", "600 Personen", "x", "Login", ""]),
)
def test_no_text_whatever_breaks_the_search_for_such_rows(
    lines: list[list[str]], label: str
) -> None:
    cells = [Coded.of(objects(texts)) for texts in zip(*lines, [label, "", "600"], strict=True)]
    found = stray_rows(["Login", "Name", "Mail"], cells, range(3))
    assert all(stray.row <= len(lines) for stray in found)
    for text in (text for line in lines for text in line):
        converted(text)
        assert unwrapped(f'="{text.replace(chr(34), chr(34) * 2)}"') == strip_blanks(text)
        assert plain_xstring(escaped_xstring(text)) == text


def test_a_total_may_be_called_as_somebody_in_another_list(tmp_path: Path) -> None:
    found = read(tmp_path, ["ann;Ann;", "Total;;1"], ["ben;ALPHA;R", "cy;ALPHA;R", "total;BETA;W"])
    assert serious(found.findings) == [("row-total", "people.csv:3:1")]
    assert "total" in found.desired.unknown.people
