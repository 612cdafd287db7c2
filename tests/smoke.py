"""Try an installed Kanport as a stranger would: `python tests/smoke.py PATH-OF-kanport`.

It runs outside of the project, with nothing but what the wheel brings, against its own sandbox.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

MAPPING = """\
kanport: 1
sources:
  people: {type: csv, path: people.csv}
  sheet: {type: excel, path: people.xlsx}
users:
  from: [people, sheet]
  fields:
    username: {from: Login}
    name: {from: Name}
"""


def main() -> None:
    """Plan, apply, and plan again; ends with 1 where a command does not do what it should."""
    kanport = Path(sys.argv[1]).absolute()
    token = "smoke-test"
    environment = {"PATH": os.environ["PATH"], "KANPORT_TOKEN": token, "HOME": os.environ["HOME"]}
    server = subprocess.Popen(
        [kanport, "sandbox", "--port", "0"], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        line = server.stdout.readline() if server.stdout else ""
        environment["KANPORT_URL"] = line.removeprefix("listening on ").strip()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "m.yaml").write_text(MAPPING, encoding="utf-8")
            (folder / "people.csv").write_text("Login,Name\nada,Ada\n", encoding="utf-8")
            write_sheet(kanport, folder / "people.xlsx")

            def run(expected: int, *arguments: str) -> None:
                ended = subprocess.run(
                    [kanport, *arguments],
                    cwd=folder,
                    env=environment,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if ended.returncode != expected:
                    raise SystemExit(f"kanport {arguments}: {ended}")

            run(0, "--version")
            run(0, "schema")
            run(0, "validate", "m.yaml")
            run(10, "plan", "m.yaml", "--check", "-o", "plan.json")
            run(0, "apply", "plan.json", "--yes")
            run(0, "plan", "m.yaml", "--check")
            run(0, "report", "plan.journal.jsonl", "-o", "run.md")
    finally:
        server.terminate()
        if server.wait() != 0:
            raise SystemExit("the sandbox did not end as it should")
    sys.stdout.write("The wheel alone works.\n")


def write_sheet(kanport: Path, path: Path) -> None:
    """Make the workbook with the Python that Kanport is installed in."""
    code = (
        "import sys, openpyxl; book = openpyxl.Workbook(); sheet = book.active;"
        " sheet.append(['Login', 'Name']); sheet.append(['bob', 'Bob']); book.save(sys.argv[1])"
    )
    subprocess.run([kanport.with_name("python"), "-c", code, path], check=True)


if __name__ == "__main__":
    main()
