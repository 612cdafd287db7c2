"""Record everything anew, or write single cases as files."""

import json
import sys
from collections import Counter
from pathlib import Path

from tests.recorded.cases import case
from tests.recorded.recording import write
from tests.recorded.store import FILE, load, record_all, save


def main(arguments: list[str]) -> None:
    """Record all cases and say what they are, or write some of them into folders."""
    for number in map(int, arguments):
        folder = Path(f"case-{number}")
        folder.mkdir()
        write(case(number), folder)
        text = json.dumps(load()[number], indent=1, ensure_ascii=False)
        (folder / "recorded.json").write_text(text, encoding="utf-8")
    if arguments:
        return
    recordings = record_all()
    save(recordings)
    kinds = Counter(
        one["error"]["type"] if "error" in one else "planned" if "asked" in one else "not planned"
        for one in recordings
    )
    codes = Counter(
        finding["code"]
        for one in recordings
        for finding in one.get("findings", one.get("error", {}).get("findings", ()))
    )
    sys.stdout.write(f"{FILE.name}: {FILE.stat().st_size // 1024} kB; {dict(kinds)}\n")
    sys.stdout.write("".join(f"{count:6} {code}\n" for code, count in codes.most_common()))


if __name__ == "__main__":
    main(sys.argv[1:])
