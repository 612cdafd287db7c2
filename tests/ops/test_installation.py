"""Container, CronJob, pre-commit hook, completion and man pages fit the command line."""

import os
import re
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from kanport.cli import COMMANDS, cli
from kanport.config.settings import SETTINGS
from tests.support.command_line import Kanport

ROOT = Path(__file__).parents[2]
pages = runpy.run_path(str(ROOT / "samples" / "ops" / "man_page.py"))["pages"]


def documents(path: Path) -> list[Any]:
    return list(YAML(typ="safe").load_all(path.read_text(encoding="utf-8")))


def options_of(command: click.Command) -> set[str]:
    parts = command.params + [
        parameter for one in getattr(command, "commands", {}).values() for parameter in one.params
    ]
    return {name for one in parts if isinstance(one, click.Option) for name in one.opts}


def test_the_cron_job_runs_a_right_command_line_without_root_and_without_writing() -> None:
    _, job = documents(ROOT / "samples" / "ops" / "cronjob.yaml")
    spec = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    command, _, *options = container["args"]
    known = options_of(cli.get_command(click.Context(cli), command) or cli)
    assert {option for option in options if option.startswith("-")} <= known
    names = {setting.variable for setting in SETTINGS} | {"KANPORT_TOKEN"}
    assert {one["name"] for one in container["env"]} <= names
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["securityContext"]["runAsNonRoot"] is True
    user = str(spec["securityContext"]["runAsUser"])
    lines = (ROOT / "Containerfile").read_text(encoding="utf-8").splitlines()
    assert f"USER {user}:{user}" in lines
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounted == {"/etc/kanport", "/var/lib/kanport", "/tmp"}  # noqa: S108 - in the container
    assert job["spec"]["concurrencyPolicy"] == "Forbid"


def test_the_container_file_names_versions_and_copies_what_is_there() -> None:
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")
    assert all(re.search(r":[0-9]", line) for line in re.findall(r"^FROM .*", text, re.M))
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.M)
    kept = (ROOT / ".containerignore").read_text(encoding="utf-8")
    for name in " ".join(copied).split():
        assert (ROOT / name).exists()
        assert f"!{name.split('/')[0]}" in kept


def test_the_hook_finds_mistakes_of_mappings_and_reads_no_sources(
    kanport: Kanport, club: Path
) -> None:
    ((hook,),) = documents(ROOT / ".pre-commit-hooks.yaml")
    program, *arguments = hook["entry"].split()
    assert program == "kanport"
    Path("people.csv").unlink()
    assert kanport(*arguments, club).code == 0
    wrong = Path("wrong.yaml")
    wrong.write_text(club.read_text(encoding="utf-8").replace("Login", "Login, x: 1"), "utf-8")
    refused = kanport(*arguments, wrong, club, "none.yaml")
    assert refused.code == 6
    assert "wrong.yaml:" in refused.err
    assert "none.yaml" in refused.err
    assert re.search(hook["files"], "mappings/users-csv.yaml")
    assert not re.search(hook["files"], "samples/ops/cronjob.yaml")
    assert kanport("schema", "--check").code == kanport("schema", club).code == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_is_a_script_of_the_shell(kanport: Kanport, shell: str) -> None:
    made = kanport("completion", shell)
    assert made.code == 0
    assert f"_KANPORT_COMPLETE={shell}_complete" in made.out
    if program := shutil.which(shell):
        subprocess.run([program, "-n"], input=made.out, text=True, check=True)


def test_commands_and_options_complete() -> None:
    for words, expected in (
        ("kanport val", "plain,validate"),
        ("kanport plan --on", "plain,--only"),
    ):
        ended = subprocess.run(
            ["kanport"],
            env={
                **os.environ,
                "_KANPORT_COMPLETE": "bash_complete",
                "COMP_WORDS": words,
                "COMP_CWORD": str(words.count(" ")),
                "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.stdout.split() == [expected]


def test_there_is_a_man_page_with_every_option_of_every_command() -> None:
    made = pages()
    assert made == pages()
    assert made.keys() == {"kanport.1", *(f"kanport-{name}.1" for name in COMMANDS)}
    context = click.Context(cli, info_name="kanport")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        page = made[f"kanport-{name}.1"].replace("\\-", "-")
        assert all(option in page for one in command.params for option in one.opts if "-" in option)
    if groff := shutil.which("groff"):
        for page in made.values():
            drawn = subprocess.run(
                [groff, "-man", "-ww", "-z", "-Tutf8"],
                input=page,
                text=True,
                capture_output=True,
                check=True,
            )
            assert drawn.stderr == ""
