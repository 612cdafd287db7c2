"""Write the man pages of the command line: kanport.1, and one for each command.

Run by `make man`. The pages say what `--help` says; the same Kanport makes the same bytes.
"""

import re
import sys
from pathlib import Path

import click

from kanport import __version__
from kanport.cli import COMMANDS, cli

HEADING = re.compile(r"[A-Z][a-z]+( [a-z]+)?:")


def roff(text: str) -> str:
    """Return a line as roff takes it: no escapes, no macros, ASCII, hyphens to search for.

    >>> roff(".a-b")
    '\\\\&.a\\\\-b'
    """
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = "".join(one if one.isascii() else f"\\[u{ord(one):04X}]" for one in text)
    return f"\\&{text}" if text.startswith((".", "'")) else text


def page(name: str, summary: str, command: click.Command, context: click.Context) -> str:
    """Return the man page of a command."""
    lines = [
        f'.TH "{roff(name.upper())}" "1" "" "Kanport {__version__}" "Kanport"',
        ".SH NAME",
        f"{roff(name)} \\- {roff(summary)}",
        ".SH SYNOPSIS",
    ]
    usage, *rest = command.get_help(context).splitlines()
    lines.append(roff(usage.removeprefix("Usage: ")))
    lines.append(".SH DESCRIPTION")
    lines.append(".nf")
    for line in rest:
        if HEADING.fullmatch(line):
            lines += [".fi", f".SH {roff(line[:-1].upper())}", ".nf"]
        else:
            lines.append(roff(line.removeprefix("  ")))
    lines.append(".fi")
    if name != "kanport":
        lines += [".SH SEE ALSO", "kanport(1)"]
    return "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """Return all man pages by the name of their file."""
    root = click.Context(cli, info_name="kanport", terminal_width=78, max_content_width=78)
    made = {"kanport.1": page("kanport", "keep Kanboard in sync with lists of people", cli, root)}
    for name, summary in COMMANDS.items():
        command = cli.get_command(root, name) or cli
        context = click.Context(command, info_name=name, parent=root)
        called = f"kanport-{name}"
        made[f"{called}.1"] = page(
            called, summary[0].lower() + summary[1:].rstrip("."), command, context
        )
    return made


def main() -> None:
    """Write the pages into the folder that the command line names."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
        print(folder / name)


if __name__ == "__main__":
    main()
