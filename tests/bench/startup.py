"""What starting costs: `python -m tests.bench.startup`.

CPU of `kanport --help` and of `kanport plan` with two rows, beside that of importing pandas alone;
the least of several runs of each, as other programs can only add to it. Modules are compiled
before, as an installation does.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.server import bench_server

ROUNDS = 7
MAPPING = """\
kanport: 1
name: two
sources:
  people: {type: csv, path: people.csv}
users:
  from: people
  fields:
    username: {from: Login}
    name: {from: Name}
    email: {from: Mail}
"""
PEOPLE = "Login,Name,Mail\nanna,Anna Berg,anna@example.org\nbob,Bob Carr,bob@example.org\n"


def main() -> None:
    """Measure, and print seconds and ratios."""
    with bench_server() as (url, token), TemporaryDirectory() as folder:
        (Path(folder) / "two.yaml").write_text(MAPPING, encoding="utf-8")
        (Path(folder) / "people.csv").write_text(PEOPLE, encoding="utf-8")
        environment = {
            **{name: value for name, value in os.environ.items() if name[:6] != "PYTHON"},
            "KANPORT_URL": url,
            "KANPORT_TOKEN": token,
        }

        def least(*arguments: str) -> float:
            return min(_cpu([sys.executable, *arguments], environment) for _ in range(ROUNDS))

        pandas = least("-c", "import pandas")
        kanport = "from kanport.cli import main; main()"
        rows = [
            ("python -c 'import pandas'", pandas, ""),
            ("kanport --help", least("-c", kanport, "--help"), "at most 0.1"),
            (
                "kanport plan, two rows",
                least("-c", kanport, "plan", f"{folder}/two.yaml"),
                "at most 0.6",
            ),
        ]
    for what, seconds, bound in rows:
        line = f"{what:<28}{seconds:6.2f} s of CPU{seconds / pandas:6.1f} times pandas  {bound}"
        sys.stdout.write(line.rstrip() + "\n")


def _cpu(command: list[str], environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


if __name__ == "__main__":
    main()
