"""Files are written whole, into the very thing that their name stands for."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kanport.errors import UsageError
from kanport.files import check_target, write_file


def test_the_file_a_link_leads_to_is_written_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "plan.json", tmp_path / "plan.json"
    target.write_text("old", encoding="utf-8")
    link.symlink_to(target)
    write_file(link, "new")
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "new"


def test_a_link_that_leads_to_nothing_yet_leads_to_the_file_afterwards(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to("plan.json")
    write_file(link, "new")
    assert link.is_symlink()
    assert (tmp_path / "plan.json").read_text(encoding="utf-8") == "new"


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text(encoding="utf-8")))
    reader.start()
    write_file(pipe, "new")
    reader.join()
    assert read == ["new"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]


def test_what_stdout_goes_to_gets_the_text_in_its_turn(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from kanport.files import write_file\n"
        "print('before')\n"
        "write_file(Path('/dev/stdout'), 'the file\\n')\n"
        "print('after')\n"
    )
    into = tmp_path / "out"
    with into.open("wb") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert into.read_text(encoding="utf-8") == "before\nthe file\nafter\n"


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_the_permissions_are_those_asked_for_less_the_umask(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "plan.json", "new", mode=mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "plan.json").stat().st_mode) == mode & ~0o027


def test_what_cannot_be_written_is_wrong_usage_and_leaves_nothing_behind(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    file = tmp_path / "file"
    file.write_text("old", encoding="utf-8")
    places = [tmp_path, Path("/"), tmp_path / "no" / "a", file / "a", loop, tmp_path / ("a" * 300)]
    for place in places:
        with pytest.raises(UsageError, match="cannot be written") as refused:
            write_file(place, "new")
        assert refused.value.hint
    assert sorted(tmp_path.iterdir()) == [file, loop]
    assert file.read_text(encoding="utf-8") == "old"


def test_a_file_that_is_read_is_no_target_under_any_name(tmp_path: Path) -> None:
    mapping, link = tmp_path / "m.yaml", tmp_path / "link.yaml"
    mapping.write_text("kanport: 1", encoding="utf-8")
    link.symlink_to(mapping)
    for name in (mapping, link, tmp_path / "." / "m.yaml"):
        with pytest.raises(UsageError, match="is read here"):
            check_target(name, inputs=[mapping])
    check_target(tmp_path / "other.yaml", inputs=[mapping])


def test_on_a_full_disk_it_is_room_that_is_wanted() -> None:
    with pytest.raises(UsageError, match="No space left on device") as refused:
        write_file(Path("/dev/full"), "text")
    assert refused.value.hint == "make room there, or name a file on another disk"


def test_a_dash_is_standard_output_for_texts_and_for_other_files() -> None:
    code = "from pathlib import Path; from kanport.files import write_file\n"
    for content in ("grün\n".encode(), b"PK\x03\x04\xff\xfe"):
        ended = subprocess.run(
            [sys.executable, "-c", f"{code}write_file(Path('-'), {content!r})"],
            capture_output=True,
            check=True,
        )
        assert ended.stdout == content
