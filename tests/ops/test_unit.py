"""The samples for running it nightly do what they say, on a system that cannot be written to."""

import configparser
import json
import os
import pwd
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from kanport.config.file import load_configuration
from kanport.sandbox import Sandbox
from tests.support import endings
from tests.support.files import write_files

OPS = Path(__file__).parents[2] / "samples" / "ops"
ROOT = Path(__file__).parents[2]


def unit() -> dict[str, str]:
    """Read the unit; of a key that is there several times, the last one counts."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string((OPS / "kanport.service").read_text(encoding="utf-8"))
    return dict(parser["Service"])


def command_line(places: dict[str, str]) -> list[str]:
    """Give the command line of the unit, with its variables as systemd would fill them in."""
    words = shlex.split(unit()["ExecStart"])
    return [re.sub(r"\$\{(\w+)\}", lambda found: places[found[1]], word) for word in words]


def can_unshare() -> bool:
    tools = all(shutil.which(tool) for tool in ("unshare", "setpriv", "mount"))
    if os.geteuid() != 0 or not tools:
        return False
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-o", "remount,ro,bind", "/"], capture_output=True
    )
    return tried.returncode == 0


# First what Python needs is put where this user may look, if it lies in a folder that is closed
# (such as /root). Then all that is mounted becomes read-only, but for the state folder.
READ_ONLY = """\
set -e
state=$1; shift
if [ -n "$CLOSED" ]; then
  for place in $NEEDED; do
    mkdir -p "$HELD$place"
    mount --bind "$place" "$HELD$place"
  done
  mount -t tmpfs -o mode=755 tmpfs "$CLOSED"
  for place in $NEEDED; do
    mkdir -p "$place"
    mount --bind "$HELD$place" "$place"
  done
fi
mount --bind "$state" "$state"
mount -t tmpfs tmpfs /dev/shm 2>/dev/null || true
while read -r place; do
  case "$place" in "$state"|/proc|/proc/*|/sys|/sys/*|/dev|/dev/*) continue;; esac
  mount -o remount,bind,ro "$place" 2>/dev/null || true
done <<END
$(awk '{print $5}' /proc/self/mountinfo)
END
exec setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups --no-new-privs \
  --bounding-set=-all "$@"
"""


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder of its own: each run of pytest that begins closes the common one to other users."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture
def night(server: Sandbox, tmp_path: Path) -> endings.Host:
    """What the unit finds: its configuration, its mapping, a credential, an empty state folder."""
    # The unit runs as another user.
    tmp_path.chmod(0o711)
    etc, state, credentials = (tmp_path / name for name in ("etc", "state", "credentials"))
    etc.mkdir(mode=0o755)
    state.mkdir(mode=0o750)
    credentials.mkdir(mode=0o500)
    made = endings.a_host(server, etc)
    (etc / "kanport.toml").write_text(
        f'url = "{server.url}"\nstate = "/nowhere"\nlog_file = "{state}/kanport.log"\n'
    )
    (credentials / "token").write_text(server.token)
    (credentials / "token").chmod(0o440)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        for path in (state, credentials, credentials / "token"):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
    return made


def run_unit(folder: Path, *wrapped: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command line of the unit on what lies in a folder."""
    state = str(folder / "state")
    credentials = str(folder / "credentials")
    places = {"STATE_DIRECTORY": state, "CREDENTIALS_DIRECTORY": credentials}
    kanport, *arguments = command_line(places)
    assert kanport == "/usr/local/bin/kanport"
    arguments = [
        str(folder / "etc" / "club.yaml") if word == "/etc/kanport/nightly.yaml" else word
        for word in arguments
    ]
    assert unit()["Environment"] == "KANPORT_CONFIG=/etc/kanport/kanport.toml"
    return subprocess.run(
        [*wrapped, sys.executable, "-m", "kanport", *arguments],
        cwd="/",
        # Nothing else: systemd hands on neither a home nor anything of root's.
        env={
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "KANPORT_CONFIG": str(folder / "etc" / "kanport.toml"),
            **places,
            "PYTHONDONTWRITEBYTECODE": "1",
            **environ,
        },
        capture_output=True,
        text=True,
        timeout=1200,
    )


@pytest.mark.skipif(not can_unshare(), reason="needs root, and namespaces for mounts")
def test_it_works_as_nobody_where_only_the_state_folder_can_be_written_to(
    night: endings.Host, tmp_path: Path
) -> None:
    wrapped = ("unshare", "--mount", "sh", "-c", READ_ONLY, "sh", str(tmp_path / "state"))
    places = {**opening(tmp_path / "held"), "USER_ID": str(pwd.getpwnam("nobody").pw_uid)}
    probe = subprocess.run(
        [*wrapped, "sh", "-c", f'touch "{tmp_path}/etc/x" /tmp/x /var/tmp/x; id -u'],
        env={"PATH": os.environ["PATH"], **places},
        capture_output=True,
        text=True,
    )
    assert probe.stderr.count("Read-only file system") == 3, probe
    assert probe.stdout.strip() == str(pwd.getpwnam("nobody").pw_uid)
    done = run_unit(tmp_path, *wrapped, **places)
    assert done.returncode == 0, done
    _worked(night, tmp_path)


def opening(held: Path) -> dict[str, str]:
    """Say which closed folder hides what Python needs, for the script above."""
    needed = {Path(sys.base_prefix), Path(sys.prefix), ROOT}
    closed = {
        folder
        for place in needed
        for folder in (place, *place.parents)
        if not folder.stat().st_mode & 0o001
    }
    top = min(closed, key=lambda folder: len(folder.parts), default=None)
    hidden = sorted(place for place in needed if top is not None and place.is_relative_to(top))
    return {
        "CLOSED": str(top or ""),
        "NEEDED": "\n".join(map(str, hidden)),
        "HELD": str(held),
    }


def test_it_writes_nothing_outside_of_the_state_folder(night: endings.Host, tmp_path: Path) -> None:
    def everything() -> dict[str, int]:
        found = [path for path in tmp_path.rglob("*") if tmp_path / "state" not in path.parents]
        return {str(path): path.stat().st_mtime_ns for path in found if path.name != "state"}

    before = everything()
    if os.geteuid() == 0:
        for path in (tmp_path / "state", tmp_path / "credentials", tmp_path / "credentials/token"):
            os.chown(path, 0, 0)
    # The unit has no capability, and /etc/kanport is root's.
    rights = "-dac_override,-dac_read_search"
    wrapped: tuple[str, ...] = ()
    if os.geteuid() == 0 and shutil.which("setpriv"):
        wrapped = ("setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}")
    (tmp_path / "etc").chmod(0o555)
    done = run_unit(tmp_path, *wrapped)
    (tmp_path / "etc").chmod(0o755)
    assert done.returncode == 0, done
    assert everything() == before
    assert list((tmp_path / "state" / "ledgers").glob("club.yaml-*.ledger"))
    _worked(night, tmp_path)


def _worked(night: endings.Host, folder: Path) -> None:
    assert {"ada", "bob"} <= set(night.server.store.snapshot().users)
    state = folder / "state"
    assert json.loads((state / "status.json").read_text())["last_run"]["exit_code"] == 0
    assert len(list(state.glob("club-*.journal.jsonl"))) == 1
    assert "run.ended" in (state / "kanport.log").read_text()
    assert night.server.token not in "".join(
        path.read_text() for path in state.iterdir() if path.is_file()
    )


def test_the_unit_is_hardened() -> None:
    service = unit()
    assert service["User"] != "root"
    assert service["ProtectSystem"] == "strict"
    assert service["StateDirectory"] == "kanport"
    assert service["LoadCredential"].startswith("token:")
    assert service["NoNewPrivileges"] == "yes"
    assert service["CapabilityBoundingSet"] == ""
    assert "PASSWORD" not in str(service).upper()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    for name in ("kanport.service", "kanport.timer"):
        text = (OPS / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("/usr/local/bin/kanport", "/bin/true"))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_example_of_a_configuration_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "kanport.toml"
    path.write_text((OPS / "kanport.toml").read_text(encoding="utf-8"), encoding="utf-8")
    for profile in (None, *tomllib.loads(path.read_text())["profile"]):
        file = load_configuration(path, profile, environ={})
        assert {"url", "token", "state", "status"} <= set(file.values)
    uncommented = re.sub(r"^# (?=[a-z_]+ = |\[notify)", "", path.read_text(), flags=re.MULTILINE)
    path.write_text(uncommented)
    file = load_configuration(path, environ={})
    assert {"rate", "prometheus", "ca_file"} <= set(file.values)
    assert file.notify.webhook is not None


def test_the_crontab_calls_what_there_is(night: endings.Host, tmp_path: Path) -> None:
    (line,) = (
        line
        for line in (OPS / "kanport.cron").read_text(encoding="utf-8").splitlines()
        if re.match(r"\d", line)
    )
    _, _, *days, user, kanport, command, mapping = line.split()[:9]
    assert (days, user, kanport) == (["*"] * 3, "kanport", "/usr/local/bin/kanport")
    assert (command, mapping) == ("sync", "/etc/kanport/nightly.yaml")
    rest = line.split()[9:]
    log = tmp_path / "kanport.log"
    words = [str(log) if word == "/var/log/kanport/kanport.log" else word for word in rest]
    assert night.run("sync", "club.yaml", *words).code == 0
    assert all(json.loads(one)["event"] for one in log.read_text().splitlines())
    rotated = (OPS / "kanport.logrotate").read_text(encoding="utf-8")
    assert "/var/log/kanport/kanport.log {" in rotated


def test_a_log_that_was_moved_away_is_begun_anew(night: endings.Host, tmp_path: Path) -> None:
    log = tmp_path / "kanport.log"
    night.run("sync", "club.yaml", "--log-file", log)
    log.rename(tmp_path / "kanport.log.1")
    write_files(night.folder)
    night.run("sync", "club.yaml", "--log-file", log)
    assert "run.started" in log.read_text()
