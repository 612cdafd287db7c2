"""Links of the pages lead somewhere: to a file that exists, and to a heading that it has.

The files that CONTRIBUTING.md names exist, and the hooks that it names are those of `make check`.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("mappings", "samples", "src", "tests")
PAGES = sorted((*ROOT.glob("*.md"), *(p for one in FOLDERS for p in (ROOT / one).rglob("*.md"))))
LINK = re.compile(r"\]\(([^()\s]+)\)")


def links(page: Path) -> list[str]:
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S)
    return [link for link in LINK.findall(text) if "://" not in link]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.M)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def test_there_are_pages_with_links() -> None:
    assert len(PAGES) > 5
    assert any(links(page) for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {link}"


def test_each_path_that_contributing_names_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    paths = re.findall(rf"`((?:{'|'.join(FOLDERS)})/[^`]*)`", text)
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_hooks_before_a_commit_are_the_commands_of_make_check() -> None:
    config = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    _, _, target = (ROOT / "Makefile").read_text("utf-8").partition("\ncheck:")
    commands = re.findall(r"^\t\$\(BIN\)/(.+)$", target.partition("\n\n")[0], re.M)
    assert re.findall(r"entry: \.venv/bin/(.+)$", config, re.M) == commands
