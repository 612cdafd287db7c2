"""What is wrong with a file, shown to somebody who may see no names: codes, places and counts."""

from pathlib import Path

import pytest

from kanport.catalogue import Personal
from kanport.findings import Finding
from kanport.mapping.sources import YamlSource
from kanport.memory import KnownEntry
from kanport.pipeline.directories import _findings as of_directory
from kanport.sources import SourceContext, read_source
from kanport.table import Table
from tests.support.sources import read_csv, the_finding


def read_yaml(folder: Path, text: str) -> Table:
    """Write a YAML file and read its rows."""
    (folder / "people.yaml").write_text(text, encoding="utf-8")
    spec = YamlSource(type="yaml", path="people.yaml")
    return read_source("people", spec, SourceContext(folder))


def masked(finding: Finding) -> str:
    """Return all words of a finding with its personal parameters replaced by their kinds."""
    return str(finding.masked(lambda kind, text, field: f"<{kind}>").to_dict())


def test_a_first_line_that_is_no_header_may_be_somebody(tmp_path: Path) -> None:
    finding = the_finding(
        lambda: read_csv(tmp_path, "ada,Ada Lovelace\nbob,Bob\n", used=["Login", "Name"]),
        "column-missing",
    )
    assert "Lovelace" in (finding.hint or "")
    assert "Lovelace" not in masked(finding)
    assert "Login" in masked(finding)


def test_keys_of_a_file_that_is_no_list_may_be_people(tmp_path: Path) -> None:
    finding = the_finding(lambda: read_yaml(tmp_path, "ada: [1]\nbob: [2]\n"), "file-kind")
    assert finding.hint == 'set "under" in the mapping to the key of the list: "ada" and "bob"'
    assert finding.value is None
    assert "ada" not in masked(finding)


def test_a_twice_named_value_of_yaml_is_masked_with_its_key(tmp_path: Path) -> None:
    finding = the_finding(lambda: read_yaml(tmp_path, "- {ada: 1, ada: 2}\n"), "file-damaged")
    assert "ada" in finding.message
    assert "ada" not in masked(finding)


@pytest.mark.parametrize("text", ["- 1\n", "- {login: [1]}\n"])
def test_rows_of_yaml_that_are_no_tables_are_refused(tmp_path: Path, text: str) -> None:
    finding = the_finding(lambda: read_yaml(tmp_path, text), "row-ragged")
    assert finding.hint is not None and finding.hint.startswith("write ")


def test_people_whom_a_directory_hides_are_masked_with_their_entries() -> None:
    known = {
        "uid=lovelace,ou=people": KnownEntry("lovelace"),
        "cn=web,ou=groups": KnownEntry(None, ("WEB",)),
    }
    people, groups = of_directory("staff", known)
    assert "1 person" in people.message and "lovelace (uid=lovelace,ou=people)" in people.message
    assert "lovelace" not in masked(people)
    assert masked(people).count(f"<{Personal.LOGIN}>") == 2
    assert (groups.case, '"WEB"' in groups.message) == ("groups", True)
    assert "cn=web" in masked(groups)
