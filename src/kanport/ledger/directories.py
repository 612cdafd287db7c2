"""What a ledger keeps of a directory besides its rows, as JSON in one column."""

import json

from kanport.memory import DirectoryMemory


def directory_text(directory: DirectoryMemory | None) -> str:
    """Return the text of the column; empty for a source that is no directory."""
    if directory is None:
        return ""
    content = {
        "seen": sorted(directory.seen),
        "had": {name: sorted(keys) for name, keys in sorted(directory.had.items())},
        "referrals": None if directory.referrals is None else sorted(directory.referrals),
        "server": directory.server,
        "marks": dict(directory.marks),
        "newest": directory.newest,
    }
    return json.dumps(content)


def directory_from(text: str) -> DirectoryMemory | None:
    """Return what the column holds; raises ValueError where Kanport did not write it."""
    if not text:
        return None
    content = json.loads(text)
    try:
        return DirectoryMemory(
            seen=frozenset(content["seen"]),
            had={str(name): frozenset(keys) for name, keys in content["had"].items()},
            referrals=None if content.get("referrals") is None else frozenset(content["referrals"]),
            server=str(content.get("server", "")),
            marks={str(key): str(mark) for key, mark in content.get("marks", {}).items()},
            newest=str(content.get("newest", "")),
        )
    except (AttributeError, KeyError, TypeError) as wrong:
        raise ValueError("a directory in the ledger has another shape") from wrong
