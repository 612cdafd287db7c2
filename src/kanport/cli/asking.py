"""Questions on a terminal, before a run that changes the server."""

import os
import sys
from collections.abc import Collection
from pathlib import Path

import click

from kanport import api
from kanport.cli.following import people
from kanport.errors import Declined


def where_passwords_go(
    plan: api.Plan, settled: Collection[str], passwords_to: Path | None, *, discard: bool
) -> Path | None:
    """Ask on a terminal for the file of random passwords that would be lost; None for no file."""
    names = api.random_passwords(plan, settled)
    if passwords_to is not None or discard or not names or not sys.stdin.isatty():
        return passwords_to
    click.echo(f"Kanport makes random passwords for {people(names)}.", err=True)
    while True:
        answer = click.prompt(
            "New file for these passwords (empty: the passwords are lost)",
            default="",
            show_default=False,
            err=True,
        ).strip()
        if not answer:
            return None
        path = Path(answer)
        if not os.path.lexists(path):
            return path
        click.echo(f"{path} exists already; name another file.", err=True)


def confirm(question: str) -> None:
    """Ask whether to go on; raise Declined for a no."""
    if not click.confirm(question, err=True):
        raise Declined("You answered no; Kanport changed nothing.")
