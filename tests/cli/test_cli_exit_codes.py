"""Every exit code of the contract, through the command line as a process, with what is said."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from kanport.errors import Exit
from tests.support import endings
from tests.support.command_line import Kanport, Result


@dataclass(frozen=True)
class Row:
    """One way to end: the first two lines of stdout (title and headline), and all of stderr."""

    way: Callable[[endings.Host], Result]
    code: Exit
    out: str
    err: str


PLACES = """\
looked at kanport.toml: there is no such file
looked at /nonexistent/.config/kanport/kanport.toml: there is no such file
looked at /etc/kanport/kanport.toml: there is no such file
"""
IN_VAIN = "".join(f"      {line}\n" for line in PLACES.splitlines())

TABLE = [
    Row(
        endings.changed,
        Exit.OK,
        "Kanport run: club\n"
        "✓ All 6 changes are done: 3 users were created; 3 memberships were granted.\n",
        "Wrote FOLDER/state/club-RUN.journal.jsonl: journal (readable only by you).\n"
        "Verified: a second plan has no changes.\n",
    ),
    Row(endings.nothing_to_do, Exit.OK, "", ""),
    Row(
        endings.a_bug,
        Exit.BUG,
        "",
        "Error: a bug in Kanport: ZeroDivisionError in <string>, line 5\n"
        "Hint: report it, please; kanport --debug … shows more\n",
    ),
    Row(
        endings.no_terminal,
        Exit.USAGE,
        "",
        "Error: apply needs your confirmation, but there is no terminal; nothing was written\n"
        "Hint: read the plan (kanport report plan.json), then add --yes\n",
    ),
    Row(
        endings.no_argument,
        Exit.USAGE,
        "",
        "Usage: kanport sync [OPTIONS] MAPPING\n"
        "Try 'kanport sync --help' for help.\n"
        "\n"
        "Error: Missing argument 'MAPPING'.\n",
    ),
    Row(
        endings.a_row_left_out,
        Exit.PARTIAL,
        "Kanport run: club\n"
        "✓ All 6 changes are done: 3 users were created; 3 memberships were granted.\n",
        "Wrote FOLDER/state/club-RUN.journal.jsonl: journal (readable only by you).\n"
        "Verified: a second plan has no changes.\n",
    ),
    Row(
        endings.a_guard,
        Exit.GUARD,
        "Kanport plan: club\n✗ Stopped by 1 safety check. Nothing was changed.\n",
        "Error: 1 safety check stopped the plan; nothing was written\n"
        "  limit-create: Limit exceeded: 3 users would be created, 2 allowed (check the plan; if"
        " it is correct, --allow create=3 overrides this check for one run; or set create: 3 under"
        " limits in the mapping)\n",
    ),
    Row(
        endings.invalid_rows,
        Exit.SOURCE,
        "Kanport validation: club\n"
        "✗ The data is not valid: 1 error in 1 row. 3 users and 3 memberships can be read.\n",
        "Error: 1 error in the source data; nothing is planned\n"
        "Hint: correct the rows, or set invalid_rows: skip in the mapping to ignore them\n",
    ),
    Row(
        endings.no_mapping,
        Exit.CONFIG,
        "",
        "Error: there is no mapping none.yaml\nHint: mappings in this folder: club.yaml\n",
    ),
    Row(
        endings.no_configuration,
        Exit.CONFIG,
        "",
        "Error: the connection to the server is not set up: 2 problems\n"
        "  no server is named\n"
        "      looked at --url: not given\n"
        "      looked at KANPORT_URL: not set\n" + IN_VAIN + "      hint: set KANPORT_URL or give"
        " --url, for example https://kanboard.example.org/jsonrpc.php\n"
        "  there is no token for the server\n"
        "      looked at --token-file: not given\n"
        "      looked at --token-stdin: not given\n"
        "      looked at KANPORT_TOKEN: not set\n"
        "      looked at KANPORT_TOKEN_FILE: not set\n" + IN_VAIN + "      hint: Kanboard shows it"
        " under Settings > API. Put it in a file that only you can read, and name that with"
        " KANPORT_TOKEN_FILE; or set KANPORT_TOKEN\n",
    ),
    Row(
        endings.wrong_configuration,
        Exit.CONFIG,
        "",
        "Error: the configuration kanport.toml has a mistake\n"
        '  kanport.toml:1:1: unknown key "ulr"\n'
        '       1 | ulr = "https://kb.example.org"\n'
        "         | ^^^\n"
        "      hint: did you mean url?\n",
    ),
    Row(
        endings.nobody_there,
        Exit.UNREACHABLE,
        "",
        "Error: no answer from http://127.0.0.1:PORT/jsonrpc.php: nothing listens on"
        " 127.0.0.1:PORT\n"
        "Hint: check whether the server runs, and the port in the URL\n",
    ),
    Row(
        endings.not_let_in,
        Exit.UNREACHABLE,
        "",
        "Error: URL refuses Kanport: the server does not accept the token from KANPORT_TOKEN (HTTP"
        " 401 Unauthorized)\n"
        "Hint: compare it with the one in Kanboard: Settings > API. If PHP runs as FastCGI"
        " behind Apache, the Authorization header may get lost: see --auth-header\n",
    ),
    Row(
        endings.another_run,
        Exit.LOCKED,
        "",
        "Error: another run holds the lock on URL: kanport sync x.yaml (process N on HOST, since"
        " TIME); nothing was done\n"
        "Hint: wait until it has ended, or let this one wait: --wait SECONDS\n",
    ),
    Row(
        endings.a_stale_plan,
        Exit.STALE,
        "",
        "Error: the server has changed since the plan was made; nothing was written\n"
        '  the plan creates user "ada", who exists already (#2)\n'
        "Hint: make a new plan: kanport plan club.yaml -o PLAN.json\n",
    ),
    Row(
        endings.pending,
        Exit.PENDING,
        "",
        "",
    ),
    Row(
        endings.interrupted,
        Exit.INTERRUPTED,
        "Kanport run: club\n"
        "✗ The run stopped early. 3 of 6 changes are in place; 3 were not started.\n",
        "Wrote FOLDER/state/club-RUN.journal.jsonl: journal (readable only by you).\n"
        "Finish the run with: kanport resume FOLDER/state/club-RUN.journal.jsonl\n",
    ),
    Row(
        endings.interrupted_while_reading,
        Exit.INTERRUPTED,
        "",
        "Interrupted; nothing more was sent.\n",
    ),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{int(row.code)} {row.way.__name__}")
def test_a_command_ends_with_this_code_and_these_words(host: endings.Host, row: Row) -> None:
    said = row.way(host)
    assert "".join(said.out.splitlines(keepends=True)[:2]) == row.out
    assert said.err == row.err
    assert said.code == row.code


def test_the_table_has_every_exit_code() -> None:
    assert {row.code for row in TABLE} == set(Exit)


def test_a_saved_plan_that_is_stopped_is_made_again(kanport: Kanport, club: Path) -> None:
    club.write_text(f"{club.read_text('utf-8')}limits: {{create: 2}}\n", encoding="utf-8")
    assert kanport("plan", club, "-o", "plan.json").code == Exit.GUARD
    said = kanport("apply", "plan.json", "--yes")
    assert said.code == Exit.GUARD
    assert f"make the plan again: kanport plan {club} -o PLAN.json --allow create=3" in said.err
