"""What `-o` and its like may name, and that nothing that was read is written over."""

from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport


@pytest.mark.parametrize("name", [".", "/", "", "-", "no/such/folder.json"])
def test_a_name_that_no_file_can_have_is_wrong_usage_before_anything_is_read(
    server: Sandbox, kanport: Kanport, club: Path, name: str
) -> None:
    refused = kanport("plan", club, "-o", name)
    assert refused.code == 2, refused
    assert "bug" not in refused.err
    assert not server.requests
    assert not Path("-").exists()


@pytest.mark.parametrize("name", ["club.yaml", "people.csv", "grants.csv", "link"])
def test_neither_the_mapping_nor_a_source_is_written_over(
    server: Sandbox, kanport: Kanport, club: Path, name: str
) -> None:
    Path("link").symlink_to("people.csv")
    before = Path(name).read_bytes()
    refused = kanport("plan", club, "-o", name)
    assert refused.code == 2, refused
    assert "read here" in refused.err
    assert Path(name).read_bytes() == before
    assert not server.requests


def test_a_report_is_not_written_over_the_plan_that_it_tells(kanport: Kanport, club: Path) -> None:
    kanport("plan", club, "-o", "plan.json")
    before = Path("plan.json").read_bytes()
    refused = kanport("report", "plan.json", "-o", "plan.json")
    assert refused.code == 2, refused
    assert Path("plan.json").read_bytes() == before


@pytest.mark.parametrize("option", ["--journal", "--passwords-to"])
def test_a_folder_is_no_file_for_apply_either(
    server: Sandbox, kanport: Kanport, club: Path, option: str
) -> None:
    kanport("plan", club, "-o", "plan.json")
    server.forget_requests()
    refused = kanport("apply", "plan.json", "--yes", option, ".")
    assert refused.code == 2, refused
    assert not server.requests
