"""The JSON of a report: a contract for programs."""

import json
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from kanport.outcome import Run
from kanport.plan.model import Plan, change_in_file
from kanport.report import json_file, markdown
from kanport.report.json_file import report_schema
from kanport.report.make import of_plan, of_run, of_validation, of_verification
from kanport.report.view import View
from tests.support.report.drawing import plans_and_runs
from tests.support.report.examples import (
    FINDINGS,
    MAPPING,
    SOURCES,
    make_plan,
    make_run,
    make_verdicts,
)

VIEWS = [
    of_plan(make_plan()),
    of_run(make_plan(), make_run(make_plan())),
    of_validation(MAPPING, SOURCES, FINDINGS, users=1, memberships=2),
    of_verification(make_plan(), make_verdicts(make_plan(), {5: "the role is project-viewer"})),
]


def closed(schema: Any) -> Any:
    """Refuse every key that a schema does not name, where it names any."""
    if isinstance(schema, dict):
        parts = {key: closed(value) for key, value in schema.items()}
        return parts | ({"additionalProperties": False} if "properties" in schema else {})
    return [closed(part) for part in schema] if isinstance(schema, list) else schema


VALIDATOR = Draft202012Validator(closed(report_schema()))


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.kind)
def test_a_report_is_as_the_published_schema_says(view: View) -> None:
    VALIDATOR.validate(json.loads(json_file.render(view)))


@given(plans_and_runs())
def test_any_report_is_as_the_published_schema_says(case: tuple[Plan, Run]) -> None:
    VALIDATOR.validate(json.loads(json_file.render(of_run(*case))))


def test_the_schema_is_a_schema_and_refuses_what_is_no_report() -> None:
    Draft202012Validator.check_schema(report_schema())
    report = json.loads(json_file.render(VIEWS[0]))
    assert not VALIDATOR.is_valid(report | {"format": "kanport-report/2"})
    assert not VALIDATOR.is_valid({key: report[key] for key in report if key != "sums"})


def test_a_program_that_knows_an_older_report_is_not_stopped_by_a_new_key() -> None:
    report = json.loads(json_file.render(VIEWS[0])) | {"new": 1}
    assert Draft202012Validator(report_schema()).is_valid(report)


@given(plans_and_runs())
def test_the_same_input_gives_the_same_bytes(case: tuple[Plan, Run]) -> None:
    plan, run = case
    again = Plan.model_validate(plan.model_dump())
    assert json_file.render(of_run(plan, run)) == json_file.render(of_run(again, run))
    assert markdown.render(of_run(plan, run)) == markdown.render(of_run(again, run))


def test_a_change_is_told_with_all_that_the_plan_has() -> None:
    plan = make_plan()
    report = json.loads(json_file.render(of_plan(plan)))
    for told, change in zip(report["changes"], plan.changes, strict=True):
        kept = change_in_file(change)
        kept |= kept.pop("subject")
        assert {key: told[key] for key in kept} == kept


def test_the_report_names_server_mapping_sources_and_digest() -> None:
    plan = make_plan()
    facts = json.loads(json_file.render(of_plan(plan)))["facts"]
    assert facts["server"] == plan.server.model_dump()
    assert facts["mapping"] == plan.mapping.model_dump()
    assert facts["sources"] == [source.model_dump(mode="json") for source in plan.sources]
    assert facts["digest"] == plan.digest
