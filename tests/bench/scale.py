"""What 100,000 people and 500,000 memberships cost: `python -m tests.bench.scale`.

Everything is a ratio of two measurements of the same run. CPU is that of a process of its own, with
its start-up and imports left out; memory is the most that it held. Lists and workbooks are compared
with what pandas, Python's csv module and openpyxl take for reading the same files and doing
nothing, a directory with a search by ldap3 that keeps nothing, and a live Kanboard (the server of
KANPORT_LIVE_URL, which is filled) with a loop that posts the same calls ready-made.
"""

import csv
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

PEOPLE, GRANTS, PROJECTS = 100_000, 500_000, 2_000
EXCEL_ROWS, EXCEL_COLUMNS = 40_000, 10
LDAP_PEOPLE, LDAP_GROUPS = 50_000, 2_000
ROUNDS = 3
URL = "http://127.0.0.1:1/jsonrpc.php"
MAPPING = """\
kanport: 1
name: scale
sources:
  people: {type: csv, path: people.csv, max_rows: 2000000}
  access: {type: csv, path: access.csv, max_rows: 2000000}
users:
  from: people
  fields:
    username: {from: Login, transform: [trim, lower]}
    name: {template: "{First name} {Last name}", transform: [collapse, trim]}
    email: {from: Mail, transform: [trim, lower]}
    role: {from: Role, values: {lead: app-manager, staff: app-user}}
memberships:
  - from: access
    username: {from: Login, transform: [trim, lower]}
    project: {from: Project, transform: [trim]}
    role: {from: Access, values: {RO: project-viewer, RW: project-member, PM: project-manager}}
limits: {create: 1000000, grant: 10000000}
"""
ROLES = {"RO": "project-viewer", "RW": "project-member", "PM": "project-manager"}


def main() -> None:
    """Measure everything, each in a process of its own, and print the ratios."""
    say(f"{'work':<44}{'measured':>9}  {'in':<40}to reach")
    with TemporaryDirectory() as name:
        folder = Path(name)
        lists(folder)
        workbook(folder)
    directory()
    applying()


def lists(folder: Path) -> None:
    """Measure what two CSV files cost: 100,000 people and 500,000 memberships."""
    small, large = folder / "small", folder / "large"
    write_files(small, people=PEOPLE // 10, grants=GRANTS // 10)
    write_files(large, people=PEOPLE, grants=GRANTS)
    pandas = measured("pandas", large).cpu
    row("a bare pass of csv.reader", measured("plain", large).cpu / pandas, "times pandas.read_csv")
    validate = measured("validate", large)
    tenth = measured("validate", small)
    row("validate", validate.cpu / pandas, "times pandas.read_csv", most=30)
    row("validate", validate.memory, "MB at most", most=700)
    row("validate, growth", validate.cpu / tenth.cpu, "times a tenth of the lists", most=11)
    new, new_tenth = measured("plan_new", large), measured("plan_new", small)
    row("plan, everything new, plan written", new.cpu / validate.cpu, "times validate", most=3)
    row("plan, everything new, plan written", new.memory, "MB at most")
    row("plan, growth", new.cpu / new_tenth.cpu, "times a tenth of the lists", most=11)
    same = measured("plan_same", large)
    row("plan, nothing changes", same.cpu / validate.cpu, "times validate", most=1.5)
    row("plan, nothing changes", same.memory, "MB at most")


def workbook(folder: Path) -> None:
    """Measure what a sheet of 40,000 rows with 10 columns costs."""
    write_workbook(folder / "list.xlsx")
    theirs, ours = measured("openpyxl", folder), measured("excel", folder)
    row("Excel source", ours.cpu / theirs.cpu, "times openpyxl's read-only pass", most=1.3)
    row("Excel source", ours.memory, "MB at most")


def directory() -> None:
    """Measure what 50,000 people and 2,000 groups of a directory cost; slapd runs beside both."""
    told = told_by("directory_read")
    row("LDAP source", 100 * told["speed"], "% of the speed of ldap3's bare search", least=80)
    row("LDAP source", told["memory"], "MB at most", most=500)


def applying() -> None:
    """Measure what changes cost: on a sandbox, and on the server of KANPORT_LIVE_URL."""
    live = "KANPORT_LIVE_URL" in os.environ
    told = told_by("applied")
    server = "live server" if live else "sandbox"
    row(f"apply, own CPU ({server})", told["grant"], "µs for each membership", most=30)
    row(f"apply, own CPU ({server})", told["update"], "µs for each update", most=30)
    if live:
        row("reading 40,000 memberships", 100 * told["read"], "% of the bare loop", least=95)
        row("1,000 updates, writing", 100 * told["updates"], "% of the bare loop", least=95)


class Figures:
    """What one process took: CPU in seconds, start-up left out, and at most so many MB."""

    def __init__(self, told: dict[str, Any]) -> None:
        """Take what the process told."""
        self.cpu: float = told["cpu"]
        self.memory: int = told["memory"]


def measured(work: str, folder: Path) -> Figures:
    """Do a piece of work in a process of its own, and return the least that it took.

    Other programs can only add to it.
    """
    found = (Figures(told_by(work, str(folder))) for _ in range(ROUNDS))
    return min(found, key=lambda figures: figures.cpu)


def told_by(work: str, *arguments: str) -> dict[str, Any]:
    """Do a piece of work in a process of its own, and return what it told as its last line."""
    command = [sys.executable, "-m", "tests.bench.scale", work, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise SystemExit(f"{work} failed:\n{ended.stderr}")
    told: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return told


def row(
    work: str, value: float, unit: str, *, most: float | None = None, least: float | None = None
) -> None:
    """Print one line: what was measured, and what it is to be at most or at least."""
    bound = "" if most is None else f"at most {most:g}"
    bound += "" if least is None else f"at least {least:g}"
    missed = (most is not None and value > most) or (least is not None and value < least)
    say(f"{work:<44}{value:>9,.{0 if value >= 20 else 1}f}  {unit:<40}{bound}{'  MISSED' * missed}")


def say(line: str) -> None:
    """Print one line at once."""
    sys.stdout.write(line.rstrip() + "\n")
    sys.stdout.flush()


# --- the work of the processes --------------------------------------------------------------------


def timed(work: Callable[[], object]) -> None:
    """Do work, and print what it took as the last line."""
    cpu = time.process_time()
    with redirect_stdout(StringIO()):
        work()
    told = {
        "cpu": time.process_time() - cpu,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    sys.stdout.write(json.dumps(told) + "\n")


def pandas(folder: Path) -> None:
    """Read both files with pandas' defaults for text, and do nothing with them."""
    import pandas as pd

    pd.read_csv(folder / "tiny.csv", dtype=str)
    timed(lambda: [pd.read_csv(folder / f"{name}.csv", dtype=str) for name in ("people", "access")])


def plain(folder: Path) -> None:
    """Read both files with csv.reader, and do nothing with the rows."""

    def work() -> None:
        for name in ("people", "access"):
            with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
                for _ in csv.reader(file):
                    pass

    timed(work)


def validate(folder: Path) -> None:
    """Validate both files as the command line does."""
    from kanport.cli import cli

    def run(name: str) -> None:
        arguments = ["validate", str(folder / name), "--format", "json"]
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
            code = cli.main(arguments, standalone_mode=False)
        if code:
            raise SystemExit(f"kanport {' '.join(arguments)} ended with {code}")

    run("tiny.yaml")
    timed(lambda: run("list.yaml"))


def plan_new(folder: Path) -> None:
    """Plan against a server that has the projects and nobody, and write the plan."""
    _plan(folder, there=False)


def plan_same(folder: Path) -> None:
    """Plan against a server on which everything is as wanted already, and write the plan."""
    _plan(folder, there=True)


def _plan(folder: Path, *, there: bool) -> None:
    from kanport.model import CurrentState, Project, ServerInfo, User
    from kanport.pipeline import planning
    from kanport.pipeline.inputs import read_inputs
    from kanport.plan.plan_file import write_plan

    def state(people: int, grants: int) -> CurrentState:
        users = [User(1, "admin", role="app-admin")]
        roles: dict[int, dict[int, str]] = {number + 1: {} for number in range(PROJECTS)}
        if there:
            users += [
                User(
                    at + 2,
                    f"user{at:06}",
                    f"First{at % 997} Last{at}",
                    f"user{at:06}@example.org",
                    "app-manager" if at % 50 == 0 else "app-user",
                )
                for at in range(people)
            ]
            for who, project, access in granted(people, grants):
                roles[project + 1][who + 2] = ROLES[access]
        projects = [Project(at + 1, f"Project {at}", f"P{at}") for at in range(PROJECTS)]
        return CurrentState(ServerInfo(URL, "1.2.53"), tuple(users), tuple(projects), (), roles)

    def run(name: str, current: CurrentState) -> None:
        planning.read_state = lambda *_, **__: current
        client: Any = type("Client", (), {"url": URL})
        plan = planning.plan_inputs(read_inputs(folder / name), client)
        wanted = 0 if there else None
        if wanted is not None and len(plan.changes) != wanted:
            raise SystemExit(f"{len(plan.changes)} changes")
        write_plan(folder / "plan.json", plan)

    prepared = state(*sizes(folder))
    run("tiny.yaml", state(10, 10))
    timed(lambda: run("list.yaml", prepared))


def openpyxl(folder: Path) -> None:
    """Read a workbook with openpyxl's read-only mode, and do nothing with the cells."""
    from openpyxl import load_workbook

    def work() -> None:
        workbook = load_workbook(folder / "list.xlsx", read_only=True, data_only=True)
        for row in workbook.worksheets[0].iter_rows():
            for cell in row:
                _ = cell.value
        workbook.close()

    timed(work)


def excel(folder: Path) -> None:
    """Read the same workbook as a source of a mapping."""
    from kanport.mapping.sources import ExcelSource
    from kanport.sources import SourceContext, read_source

    spec = ExcelSource.model_validate({"type": "excel", "path": "list.xlsx"})

    def work() -> None:
        used = frozenset(f"Column {at}" for at in range(EXCEL_COLUMNS))
        table = read_source("list", spec, SourceContext(folder, columns_used=used))
        if len(table.rows) != EXCEL_ROWS:
            raise SystemExit(f"{len(table.rows)} rows")

    timed(work)


def directory_read() -> None:
    """Read a directory, and compare with a bare paged search of it."""
    from tests.bench.directory import compared

    took = compared(LDAP_PEOPLE, LDAP_GROUPS)
    sys.stdout.write(json.dumps({"speed": took.speed, "memory": took.memory}) + "\n")


def applied() -> None:
    """Apply plans, and read and update a live server where there is one."""
    from tests.bench.__main__ import WHOLE_SERVER, bench

    told: dict[str, float] = {}
    with bench() as server:
        told["grant"] = server.memberships(20_000, rounds=3).cpu
        updates = server.updates(1000)
        told["update"] = updates.cpu
        if "KANPORT_LIVE_URL" in os.environ:
            told["updates"] = updates.writing
            told["read"] = server.reading(**WHOLE_SERVER).share
    sys.stdout.write(json.dumps(told) + "\n")


# --- the files ------------------------------------------------------------------------------------


def granted(people: int, grants: int) -> list[tuple[int, int, str]]:
    """Return who has which access in which project; each person has the same number."""
    each = grants // people
    return [
        (who, (who * 7 + turn * 131) % PROJECTS, ("RO", "RW", "RW", "PM")[(who + turn) % 4])
        for who in range(people)
        for turn in range(each)
    ]


def write_files(folder: Path, *, people: int, grants: int) -> None:
    """Write a mapping with its two files, and a tiny one of the same form."""
    folder.mkdir()
    (folder / "sizes.json").write_text(json.dumps([people, grants]), encoding="utf-8")
    for name, size in (("tiny", (10, 10)), ("list", (people, grants))):
        files = ("tiny.csv", "tiny-access.csv") if name == "tiny" else ("people.csv", "access.csv")
        mapping = MAPPING.replace("people.csv", files[0]).replace("access.csv", files[1])
        (folder / f"{name}.yaml").write_text(mapping, encoding="utf-8")
        with (folder / files[0]).open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["Login", "First name", "Last name", "Mail", "Role"])
            for at in range(size[0]):
                mail = f"User{at:06}@example.org"
                role = "lead" if at % 50 == 0 else "staff"
                rows.writerow([f"user{at:06}", f"First{at % 997}", f"Last{at}", mail, role])
        with (folder / files[1]).open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["Login", "Project", "Access"])
            for who, project, access in granted(*size):
                rows.writerow([f"user{who:06}", f"P{project}", access])


def sizes(folder: Path) -> tuple[int, int]:
    """Return how many people and memberships the files of a folder have."""
    people, grants = json.loads((folder / "sizes.json").read_text(encoding="utf-8"))
    return people, grants


def write_workbook(path: Path) -> None:
    """Write a sheet of text cells."""
    from openpyxl import Workbook

    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("List")
    sheet.append([f"Column {at}" for at in range(EXCEL_COLUMNS)])
    for row in range(EXCEL_ROWS):
        sheet.append([f"value {row} {at}" for at in range(EXCEL_COLUMNS)])
    workbook.save(path)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        os.environ["KANPORT_TOKEN"] = "unused"
        globals()[sys.argv[1]](*map(Path, sys.argv[2:]))
    else:
        main()
