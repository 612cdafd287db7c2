"""Every Python example of the guides runs, as a reader would run it."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from kanport.errors import Exit
from kanport.sandbox import Sandbox
from tests.support.files import MAPPING, PEOPLE, write_files

ROOT = Path(__file__).parents[2]
EXAMPLES = [
    example
    for page in (ROOT / "README.md", ROOT / "samples" / "python" / "README.md")
    for example in re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
]
AN_INVALID_ROW = "invalid_rows: skip\n"
A_LIMIT = "limits: {create: 2}\n"


@dataclass(frozen=True)
class Case:
    """What an example is about, what its mapping says besides, and what it prints."""

    word: str
    mapping: str
    code: Exit
    printed: tuple[str, ...]


CASES = (
    Case(
        "kanport.apply(", "", Exit.OK, ("planned=6, done=6", "exit code 0", "planned=6, matching=6")
    ),
    Case("sys.exit(result.exit_code)", "", Exit.OK, ("user.create ada done",)),
    Case("stopped by", AN_INVALID_ROW + A_LIMIT, Exit.OK, ("email-invalid", "stopped by limit-")),
    Case("plan.only(", "", Exit.OK, ("# Kanport plan: club",)),
    Case("except kanport.GuardTripped", A_LIMIT, Exit.GUARD, ("A safety check", "limit-create")),
)


def test_there_is_a_case_for_each_example() -> None:
    assert len(EXAMPLES) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.word)
def test_an_example_of_the_guides_runs(case: Case, server: Sandbox, tmp_path: Path) -> None:
    (example,) = [text for text in EXAMPLES if case.word in text]
    server.store.add_project("Alpha", identifier="ALPHA")
    server.store.add_project("Beta board")
    broken = "dan,Dan,no-address,\n" if "invalid_rows" in case.mapping else ""
    write_files(tmp_path, mapping=MAPPING + case.mapping, people=PEOPLE + broken)
    (tmp_path / "club.yaml").rename(tmp_path / "nightly.yaml")
    (tmp_path / "token").write_text(server.token)
    (tmp_path / "token").chmod(0o600)
    ended = subprocess.run(
        [sys.executable, "-c", example.replace("https://kanboard.example.org", server.url)],
        cwd=tmp_path,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith(("KANPORT_", "XDG_"))},
            "KANPORT_URL": server.url,
            "KANPORT_TOKEN": server.token,
            "HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert ended.returncode == case.code, ended
    for text in case.printed:
        assert text in ended.stdout, ended
