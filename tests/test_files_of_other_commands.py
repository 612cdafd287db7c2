"""A file that is given to the wrong command: which command it is for."""

from pathlib import Path

import pytest

from kanport.apply.journal import load_journal
from kanport.errors import ConfigInvalid, UsageError
from kanport.mapping import load_mapping
from kanport.pipeline.reports import load_plan_or_journal

PLAN = '{\n  "format": "kanport-plan/1",\n  "created_at": "x"\n}\n'
MAPPING = "kanport: 1\nsources: {}\n"
JOURNAL = '{"record": "begin", "format": "kanport-journal/1"}\n'


def test_a_plan_is_no_mapping_and_no_journal(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(PLAN, "utf-8")
    for load in (load_mapping, load_journal):
        with pytest.raises((ConfigInvalid, UsageError)) as refused:
            load(path)
        assert f"kanport apply {path} applies it" in (refused.value.hint or "")


@pytest.mark.parametrize("load", [load_plan_or_journal, load_journal])
def test_a_mapping_is_no_plan(tmp_path: Path, load: object) -> None:
    path = tmp_path / "people.yaml"
    path.write_text(MAPPING, "utf-8")
    assert callable(load)
    with pytest.raises(UsageError) as refused:
        load(path)
    assert f"kanport plan {path} -o plan.json" in (refused.value.hint or "")


def test_a_damaged_plan_is_not_offered_to_apply(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(PLAN.replace("}", ""), "utf-8")
    with pytest.raises(UsageError) as refused:
        load_plan_or_journal(path)
    assert "apply" not in (refused.value.hint or "")
    assert "make it again" in (refused.value.hint or "")
