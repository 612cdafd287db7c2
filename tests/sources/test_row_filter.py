"""`only_rows` and `skip_rows`: which rows of a source belong to its list."""

from pathlib import Path

import pytest

from kanport.errors import ConfigInvalid, SourceInvalid
from kanport.findings import Finding, Severity
from kanport.pipeline.inputs import Inputs, read_inputs
from tests.support.sources import saved, workbook

MAPPING = """\
kanport: 1
sources:
  people: {{type: {type}, path: people.{ending}, {filter}}}
users:
  from: people
  fields:
    username: {{from: Login}}
    name: {{from: Name}}
"""
HEADER = "Login;Name;Status;Kind"
LIST = ("ann;Ann;active;staff", "bob;Bob;on leave;staff", "cem;Cem;left;staff", "dan;Dan;;guest")


def read(folder: Path, filter_: str, *lines: str, more: str = "") -> Inputs:
    (folder / "people.csv").write_text("\n".join((HEADER, *(lines or LIST), "")), "utf-8")
    mapping = folder / "mapping.yaml"
    text = MAPPING.format(type="csv", ending="csv", filter=filter_)
    mapping.write_text(text + more, "utf-8")
    return read_inputs(mapping)


def users(inputs: Inputs) -> list[str]:
    return sorted(user.username.value for user in inputs.desired.users)


def errors(inputs: Inputs) -> list[tuple[str, int | None, str | None]]:
    return [
        (finding.code, finding.origin.row, finding.origin.column)
        for finding in inputs.findings
        if finding.severity is Severity.ERROR and finding.origin is not None
    ]


def found(inputs: Inputs, code: str) -> list[Finding]:
    return [finding for finding in inputs.findings if finding.code == code]


@pytest.mark.parametrize(
    ("filter_", "left"),
    [
        ("only_rows: {Status: active}", ["ann"]),
        ("only_rows: {Status: [active, on leave]}", ["ann", "bob"]),
        ("only_rows: {Status: {not: left}}", ["ann", "bob", "dan"]),
        ("only_rows: {Status: {not: [left, active]}}", ["bob", "dan"]),
        ("only_rows: {Status: {empty: false}}", ["ann", "bob", "cem"]),
        ("skip_rows: {Status: {empty: true}}", ["ann", "bob", "cem"]),
        ("skip_rows: {Status: {matches: ^l}}", ["ann", "bob", "dan"]),
        ("only_rows: {Status: {empty: false}, Kind: guest}", None),
        ("only_rows: [{Status: left}, {Kind: guest}]", ["cem", "dan"]),
        ("only_rows: {Kind: staff}, skip_rows: {Status: left}", ["ann", "bob"]),
        ("skip_rows: [{Status: left}, {Kind: guest}]", ["ann", "bob"]),
    ],
)
def test_only_the_rows_that_the_mapping_wants_are_used(
    tmp_path: Path, filter_: str, left: list[str] | None
) -> None:
    if left is None:
        with pytest.raises(SourceInvalid) as raised:
            read(tmp_path, filter_)
        assert [one.code for one in raised.value.findings] == ["file-empty"]
    else:
        assert users(read(tmp_path, filter_)) == left


def test_the_rows_that_are_left_out_are_counted_by_filter(tmp_path: Path) -> None:
    inputs = read(tmp_path, "only_rows: {Kind: staff}, skip_rows: {Status: [left, on leave]}")
    counts = {one.case: dict(one.params)["count"] for one in found(inputs, "rows-filtered")}
    assert counts == {"only": 1, "skip": 2}


def test_rows_keep_their_lines(tmp_path: Path) -> None:
    lines = (*LIST[2:], f"{'a' * 200};Bad;active;staff", "eva;Eva;active;staff")
    inputs = read(tmp_path, "only_rows: {Status: active}", *lines)
    assert errors(inputs) == [("username-too-long", 4, "Login")]


def test_a_total_that_is_skipped_is_no_error_and_one_that_is_not_stays_one(tmp_path: Path) -> None:
    lines = (*LIST, "Summe 4;;;", "Login;Name;Status;Kind")
    inputs = read(tmp_path, 'skip_rows: {Login: {matches: "^Sum"}}', *lines)
    assert [code for code, _, _ in errors(inputs)] == ["row-header"]
    inputs = read(tmp_path, 'skip_rows: [{Login: {matches: "^Sum"}}, {Status: Status}]', *lines)
    assert users(inputs) == ["ann", "bob", "cem", "dan"]
    assert not errors(inputs)


def test_a_value_that_no_row_has_is_a_warning_with_the_one_that_is_near(tmp_path: Path) -> None:
    inputs = read(tmp_path, "only_rows: {Status: [active, On Leave]}, skip_rows: {Kind: robot}")
    near, other = found(inputs, "filter-unused")
    assert near.hint == 'did you mean "on leave"?'
    assert dict(other.params)["text"] == "robot"


def test_a_row_whose_condition_cannot_be_tested_is_an_error_and_is_not_used(
    tmp_path: Path,
) -> None:
    lines = (*LIST, "eva;Eva;#N/A;staff")
    inputs = read(tmp_path, "only_rows: {Status: active}", *lines)
    assert errors(inputs) == [("row-undecided", 6, "Status")]
    assert users(inputs) == ["ann"]
    # A condition that fails anyway decides, whatever the other cell is.
    assert users(read(tmp_path, "only_rows: {Status: active, Kind: staff}", *LIST)) == ["ann"]
    guest = (*LIST, "eva;Eva;#N/A;guest")
    assert users(read(tmp_path, "only_rows: {Status: active, Kind: staff}", *guest)) == ["ann"]


def test_a_row_of_which_nothing_is_known_keeps_the_user_whom_it_names(tmp_path: Path) -> None:
    lines = (*LIST, "eva;Eva;#N/A;staff")
    more = "invalid_rows: skip\n"
    inputs = read(tmp_path, "only_rows: {Status: active}", *lines, more=more)
    assert inputs.desired.unknown.people == {"eva"}
    assert not inputs.desired.unknown.everybody


def test_a_pattern_that_takes_too_long_is_an_error_of_its_row(tmp_path: Path) -> None:
    lines = (*LIST, f"eva;Eva;{'a' * 40}!;staff")
    inputs = read(tmp_path, 'skip_rows: {Status: {matches: "^(a|a|aa)+$"}}', *lines)
    assert errors(inputs) == [("row-undecided", 6, "Status")]
    assert users(inputs) == ["ann", "bob", "cem", "dan"]


def test_workbooks_are_filtered_alike_and_cells_keep_their_addresses(tmp_path: Path) -> None:
    rows = [line.split(";") for line in (HEADER, *LIST, f"{'f' * 200};Foo;active;staff")]
    (tmp_path / "people.xlsx").write_bytes(saved(workbook(rows)))
    mapping = tmp_path / "mapping.yaml"
    text = MAPPING.format(type="excel", ending="xlsx", filter="only_rows: {Status: active}")
    mapping.write_text(text, "utf-8")
    (finding,) = found(read_inputs(mapping), "username-too-long")
    assert finding.origin is not None
    assert finding.origin.cell == "A6"


@pytest.mark.parametrize(
    ("filter_", "says"),
    [
        ("only_rows: {Status: {}}", "needs one of matches, empty or not"),
        ("only_rows: {Status: {matches: a, not: b}}", "needs one of matches, empty or not"),
        ("only_rows: {Status: {matches: '('}}", "not a regular expression"),
        ("only_rows: {Status: {equals: a}}", "unknown key"),
        ("only_rows: {Status: true}", "a condition compares text"),
        ("only_rows: active", "must be a table of columns and conditions"),
        ("skip_rows: {}", ""),
    ],
)
def test_a_mistake_in_a_condition_is_an_error_of_the_mapping(
    tmp_path: Path, filter_: str, says: str
) -> None:
    with pytest.raises(ConfigInvalid) as raised:
        read(tmp_path, filter_)
    assert says in "\n".join(raised.value.details)


def test_a_condition_on_a_column_that_is_not_there_is_an_error_with_its_place(
    tmp_path: Path,
) -> None:
    with pytest.raises(SourceInvalid) as raised:
        read(tmp_path, "only_rows: {Statis: active}")
    (finding,) = raised.value.findings
    assert (finding.code, finding.case) == ("column-missing", "source-near")


def test_a_number_in_a_workbook_is_compared_as_its_text(tmp_path: Path) -> None:
    book = workbook([["Login", "Name", "No."], ["ann", "Ann", 1], ["", "", "Total"], ["b", "B", 2]])
    (tmp_path / "people.xlsx").write_bytes(saved(book))
    text = MAPPING.format(type="excel", ending="xlsx", filter="skip_rows: {No.: [Total, '2']}")
    (tmp_path / "mapping.yaml").write_text(text, "utf-8")
    inputs = read_inputs(tmp_path / "mapping.yaml")
    assert users(inputs) == ["ann"]
    assert errors(inputs) == []
