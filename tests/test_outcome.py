"""The exit code of a run follows from the code of why it stopped, and from its tally."""

import pytest

from kanport.catalogue.outcomes import STOPS
from kanport.errors import Exit
from kanport.facts import Fact, as_written
from kanport.outcome import Outcome, Run, Status

INTERRUPTED = {"stopped-by-signal", "stopped-by-deadline"}
PARTIAL = {"stopped-by-errors", "journal-broken", "passwords-broken"}


def a_run(status: Status, stopped: Fact | None = None) -> Run:
    return Run("run-1", "2026-11-03T22:16:00Z", None, (Outcome("c0001", status),), stopped)


@pytest.mark.parametrize("code", sorted(STOPS))
def test_each_reason_to_stop_has_its_exit_code(code: str) -> None:
    expected = (
        Exit.INTERRUPTED
        if code in INTERRUPTED
        else Exit.PARTIAL
        if code in PARTIAL
        else Exit.UNREACHABLE
    )
    for status in Status:
        assert a_run(status, Fact(code)).exit_code is expected


def test_an_error_without_a_code_of_its_own_is_a_lost_server() -> None:
    assert a_run(Status.DONE, as_written("the journal is full")).exit_code is Exit.UNREACHABLE


@pytest.mark.parametrize("status", Status)
def test_a_run_that_came_to_its_end_is_a_success_only_where_all_is_in_place(status: Status) -> None:
    complete = status in (Status.DONE, Status.ALREADY)
    assert a_run(status).exit_code is (Exit.OK if complete else Exit.PARTIAL)
