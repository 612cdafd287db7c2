"""The proof in a report: a change of any byte shows, whatever the report holds."""

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from functools import cache

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanport.outcome import Run
from kanport.plan.model import Plan
from kanport.report import FORMATS, make
from kanport.report.json_file import report_schema
from kanport.report.proof import Proof, check_report, drawn_with_proof, has_place, read, stamped
from tests.support.report.drawing import plans_and_runs
from tests.support.report.examples import make_plan

CARRYING = [name for name in FORMATS if has_place(name)]
PLAN = make_plan()
PROOF = Proof("text", "plan", "1.0", plan="a" * 64)


def _drawn(form: str, plan: Plan = PLAN) -> bytes:
    return drawn_with_proof(make.of_plan(plan), FORMATS[form])[0]


@cache
def _sample(form: str) -> bytes:
    return _drawn(form)


@pytest.mark.parametrize("form", CARRYING)
def test_a_report_names_its_plan_and_holds(form: str) -> None:
    checks = check_report(_drawn(form))
    assert checks.hold
    assert checks.proof is not None
    assert checks.proof.plan == PLAN.digest
    assert checks.proof.report == form


@pytest.mark.parametrize("form", CARRYING)
@given(data=st.data())
def test_a_change_of_any_byte_is_detected(form: str, data: st.DataObject) -> None:
    content = _sample(form)
    at = data.draw(st.integers(0, len(content) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[at]))
    changed = content[:at] + bytes([other]) + content[at + 1 :]
    assert not check_report(changed).hold


@pytest.mark.parametrize("form", CARRYING)
@pytest.mark.parametrize("cut", ["first", "last", "more"])
def test_a_report_that_is_cut_or_goes_on_is_detected(form: str, cut: str) -> None:
    content = _sample(form)
    changed = {"first": content[1:], "last": content[:-1], "more": content + b"\n"}[cut]
    assert not check_report(changed).hold


@given(plans_and_runs(), st.sampled_from(CARRYING))
def test_hostile_names_neither_break_a_proof_nor_pass_for_one(
    both: tuple[Plan, Run], form: str
) -> None:
    plan, run = both
    content, proof = drawn_with_proof(make.of_run(plan, run), FORMATS[form])
    checks = check_report(content)
    assert checks.hold
    assert checks.proof is not None
    assert replace(checks.proof, sha256=proof.sha256) == proof


@pytest.mark.parametrize("form", CARRYING)
def test_a_name_that_looks_like_a_proof_is_none(form: str) -> None:
    fake = Proof("text", "plan", "1.0", plan="f" * 64).to_json()
    change = PLAN.changes[0]
    named = replace(change, wording=f"Proof: {fake}\n")
    plan = PLAN.model_copy(update={"changes": (named, *PLAN.changes[1:])})
    checks = check_report(_drawn(form, plan))
    assert checks.hold
    assert checks.proof is not None and checks.proof.plan == PLAN.digest


@given(steps=st.lists(st.text(), max_size=3))
def test_a_proof_is_no_markup_of_any_format(steps: list[str]) -> None:
    proof = replace(PROOF, next_steps=("--><script>`", *steps))
    line = proof.to_json()
    assert line.isascii() and "\n" not in line
    assert not set("<>`&-") & set(line)
    assert Proof.from_json(line.encode()) == proof


def test_the_json_report_stays_json_and_has_the_proof_as_a_key() -> None:
    told = json.loads(_sample("json"))
    assert told["proof"]["plan"] == PLAN.digest == told["facts"]["digest"]
    assert told["format"] == "kanport-report/1"


def test_a_workbook_stays_a_workbook() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    proof = replace(PROOF, report="xlsx")
    content = stamped(stream.getvalue(), proof)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.comment.startswith(b'{"kanport_proof"')
    found = read(content)
    assert found is not None
    assert found[0].sha256 == found[1]
    assert not check_report(content.replace(b"<x/>", b"<y/>")).hold


def test_a_format_without_a_place_has_its_proof_beside_it() -> None:
    content = b"action,username\nuser.create,ada\n"
    proof = replace(PROOF, report="csv", sha256=hashlib.sha256(content).hexdigest())
    sidecar = proof.to_json().encode() + b"\n"
    assert check_report(content, sidecar=sidecar).hold
    assert not check_report(content + b"x", sidecar=sidecar).hold
    assert not check_report(content).hold


def test_what_is_no_report_does_not_hold() -> None:
    for content in (b"", b"hello", b"\x00" * 100, b'{"kanport_proof":1,', b"{}"):
        checks = check_report(content)
        assert not checks.hold
        assert "has no digest" in checks.checked[0].why


@pytest.mark.parametrize(
    "odd",
    [
        {"report": []},
        {"report": {}},
        {"sha256": "\ud800" * 64},
        {"sha256": "é" * 64},
        {"next_steps": [1]},
        {"table": 5},
        {"plan": ["x"]},
        {"masked": "yes"},
    ],
)
def test_a_proof_of_odd_things_is_none(odd: dict[str, object]) -> None:
    parts = json.loads(Proof("text", "plan", "1.0").to_json()) | odd
    line = json.dumps(parts, separators=(",", ":")).encode()
    for content, sidecar in ((b"x\nProof: " + line + b"\n", None), (b"a,b\n", line)):
        checks = check_report(content, sidecar=sidecar)
        assert checks.proof is None
        assert not checks.hold


@pytest.mark.parametrize("form", CARRYING)
def test_a_digest_computed_anew_is_detected_where_the_plan_is_there(form: str) -> None:
    """Whoever forges a report can compute its digest; the plan tells them all the same."""
    forged_plan = PLAN.model_copy(update={"changes": PLAN.changes[:-1]})
    forged = _drawn(form, forged_plan)
    assert check_report(forged).hold
    checks = check_report(forged, plan=PLAN, redraw=lambda proof: _drawn(proof.report))
    assert not checks.hold
    assert [one.what for one in checks.checked if one.holds is False] == ["rendered again"]


def test_the_proof_of_a_json_report_is_as_the_schema_says() -> None:
    schema = report_schema()
    assert schema["properties"]["proof"]
    jsonschema.validate(json.loads(_sample("json")), schema)
