"""A pytest plugin that writes down how long each test took: `-p tests.mutants.timing`."""

import json
import os
from pathlib import Path

import pytest

_seconds: dict[str, float] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up set-up, call and tear-down; a test that failed is no use for telling mutants."""
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0.0) + report.duration
    if report.failed:
        _seconds[report.nodeid] = float("inf")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the file that MUTANTS_TIMING names, once and not in each worker."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        good = {name: seconds for name, seconds in _seconds.items() if seconds < 1e9}
        Path(os.environ["MUTANTS_TIMING"]).write_text(json.dumps(good), encoding="utf-8")
