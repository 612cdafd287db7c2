"""The browser, and the reports that it looks at."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kanport.report import html
from kanport.report.view import View
from tests.support.report.chromium import PROGRAM, Chromium

Written = Callable[[View], Path]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """One browser for all tests of a process."""
    if PROGRAM is None:
        why = "chromium is not installed; on Debian: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    browser = Chromium(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Write a view as a page."""

    def write(view: View) -> Path:
        path = tmp_path / "report.html"
        path.write_text(html.render(view), encoding="utf-8")
        return path

    return write
