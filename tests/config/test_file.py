"""`kanport.toml`: where it is found, what it may say, and how its problems are reported."""

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanport.config import file as config_file
from kanport.config.file import Configuration, load_configuration, read_toml
from kanport.errors import ConfigInvalid, Exit


@pytest.fixture(autouse=True)
def _no_system_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(config_file, "SYSTEM", tmp_path / "etc" / "kanport.toml")


def load(folder: Path, text: str | None = None, **named: Any) -> Configuration:
    environ = named.pop("environ", {})
    if text is not None:
        (folder / "kanport.toml").write_text(text, encoding="utf-8")
    return load_configuration(environ=environ, folder=folder, **named)


def refused(folder: Path, text: str, **named: Any) -> ConfigInvalid:
    with pytest.raises(ConfigInvalid) as caught:
        load(folder, text, **named)
    assert caught.value.exit_code is Exit.CONFIG
    return caught.value


# --- finding it -----------------------------------------------------------------------------------


def test_the_first_place_that_has_a_file_counts_and_the_others_are_not_read(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home" / ".config" / "kanport" / "kanport.toml"
    xdg = tmp_path / "xdg" / "kanport" / "kanport.toml"
    named, other = tmp_path / "named.toml", tmp_path / "other.toml"
    here = tmp_path / "here" / "kanport.toml"
    system = tmp_path / "etc" / "kanport.toml"
    environ = {"HOME": str(tmp_path / "home")}

    def found(path: Path | None = None, **more: str) -> str | None:
        here.parent.mkdir(exist_ok=True)
        file = load_configuration(path, environ=environ | more, folder=here.parent)
        return None if file.path is None else str(file.values["url"].value)

    def write(path: Path, url: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'url = "{url}"\n', encoding="utf-8")

    assert found() is None
    write(system, "system")
    assert found() == "system"
    write(home, "home")
    assert found() == "home"
    write(xdg, "xdg")
    assert found(XDG_CONFIG_HOME=str(tmp_path / "xdg")) == "xdg"
    assert found(XDG_CONFIG_HOME="relative/is/ignored") == "home"
    write(here, "here")
    assert found() == "here"
    write(named, "named")
    assert found(KANPORT_CONFIG=str(named)) == "named"
    write(other, "other")
    assert found(other, KANPORT_CONFIG=str(named)) == "other"
    assert found(KANPORT_CONFIG="") == "here"


def test_where_no_file_is_every_place_is_told(tmp_path: Path) -> None:
    file = load(tmp_path, environ={"HOME": "/home/ann"})
    assert file.path is None and not file.values
    assert [line.split(": ")[0] for line in file.looked_at] == [
        str(tmp_path / "kanport.toml"),
        "/home/ann/.config/kanport/kanport.toml",
        str(tmp_path / "etc" / "kanport.toml"),
    ]


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="there is no configuration"):
        load(tmp_path, path=tmp_path / "none.toml")
    with pytest.raises(ConfigInvalid, match="Is a directory"):
        load(tmp_path, path=tmp_path)


def test_a_file_that_everybody_can_change_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kanport.toml").write_text('url = "x"')
    (tmp_path / "kanport.toml").chmod(0o666)
    with pytest.raises(ConfigInvalid) as caught:
        load(tmp_path)
    assert "changed by everybody" in caught.value.message
    assert caught.value.hint is not None and caught.value.hint.startswith("chmod o-w")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_strangers_file_in_the_working_folder_counts_only_where_it_is_named(
    tmp_path: Path,
) -> None:
    path = tmp_path / "kanport.toml"
    path.write_text('url = "https://evil.example.org"')
    os.chown(path, 12345, 12345)
    with pytest.raises(ConfigInvalid, match="belongs to another user"):
        load(tmp_path)
    assert load(tmp_path, path=path).values["url"].value == "https://evil.example.org"


# --- what it says ---------------------------------------------------------------------------------


def test_paths_are_relative_to_the_file_and_know_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    file = load(tmp_path, 'state = "state"\nstatus = "~/status.json"\nlog_file = "/var/log/k"\n')
    assert file.values["state"].value == tmp_path / "state"
    assert file.values["status"].value == Path("/home/ann/status.json")
    assert file.values["log_file"].value == Path("/var/log/k")


PROFILES = """\
url = "https://prod.example.org"
token = {file = "prod"}
timeout = 10

[notify]
on = "always"
[notify.email]
host = "mail"
from = "a@example.org"
to = ["b@example.org"]

[profile.staging]
url = "https://staging.example.org"
notify.on = "failure"

[profile.slow]
timeout = 600
"""


def test_a_profile_beats_what_stands_outside_of_it_and_each_value_has_its_line(
    tmp_path: Path,
) -> None:
    path = tmp_path / "kanport.toml"
    file = load(tmp_path, PROFILES, profile="slow")
    assert file.values["timeout"] == (600, f"{path}:17, profile slow")
    assert file.values["url"] == ("https://prod.example.org", f"{path}:1")
    assert file.values["token"].value.file == "prod"
    assert load(tmp_path).values["timeout"].value == 10
    assert load(tmp_path, environ={"KANPORT_PROFILE": "slow"}).profile == "slow"
    both = load(tmp_path, profile="slow", environ={"KANPORT_PROFILE": "staging"})
    assert both.profile == "slow"


def test_the_token_of_one_server_never_goes_to_the_server_of_a_profile(tmp_path: Path) -> None:
    file = load(tmp_path, PROFILES, profile="staging")
    assert "token" not in file.values
    assert "no token of its own" in file.withheld["token"]


def test_a_profile_replaces_tables_of_notify_one_by_one(tmp_path: Path) -> None:
    notify = load(tmp_path, PROFILES, profile="staging").notify
    assert notify.on == "failure"
    assert notify.email is not None and notify.email.host == "mail"


def test_a_profile_that_is_not_there_is_told_with_what_was_meant(tmp_path: Path) -> None:
    assert refused(tmp_path, PROFILES, profile="stagin").hint == "did you mean staging?"
    assert refused(tmp_path, PROFILES, profile="zzz").hint == "the profiles there: slow, staging"
    (tmp_path / "kanport.toml").unlink()
    with pytest.raises(ConfigInvalid, match="no configuration file") as caught:
        load(tmp_path, profile="staging")
    assert caught.value.details


# --- mistakes -------------------------------------------------------------------------------------

WRONG = """\
url = ""
tokn = {file = "x"}
token = "s3cret-token"
timeout = "5"
connections = 100
allow_http = "yes"
[notify]
on = "sometimes"
[notify.webhook]
url = 5
token = {file = "a", env = "B"}
[notify.email]
host = "https://mail.example.org"
from = "nobody"
to = ["ops@example.org", "x\\r\\nBcc: evil@example.org"]
password = "hunter2"
[profile.staging]
urll = "https://staging.example.org"
[profile.staging.notify.email]
secrity = "tls"
"""


def test_all_mistakes_are_told_at_once_each_with_its_place_and_no_secret(tmp_path: Path) -> None:
    problem = refused(tmp_path, WRONG)
    path = tmp_path / "kanport.toml"
    told = {detail.split(": ", 1)[0]: detail for detail in problem.details}
    places = [place.removeprefix(f"{path}:") for place in told]
    assert [place for place in places if place.split(":")[0] in map(str, range(1, 19))] == [
        "1:7", "2:1", "3:9", "4:11", "5:15", "6:14", "8:6", "10:7", "11:1", "12:9", "13:8",
        "14:8", "15:1", "16:12", "18:1",
    ]  # fmt: skip
    assert "did you mean token?" in told[f"{path}:2:1"]
    assert "did you mean url?" in told[f"{path}:18:1"]
    assert "did you mean security?" in told[f"{path}:20:1"]
    everything = "\n".join(problem.details)
    assert "s3cret-token" not in everything
    assert "hunter2" not in everything
    assert "••••••" in everything


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("url: https://x\n", "1:4", "equals sign"),
        ("url = https://x\n", "1:7", "in quotes"),
        ('url = "x"\nurl = "y"\n', "2:10", None),
        ('url = "x', "1:", None),
        ("[notify", "1:", None),
    ],
)
def test_what_is_no_toml_is_told_with_its_place(
    tmp_path: Path, text: str, place: str, hint: str | None
) -> None:
    problem = refused(tmp_path, text)
    assert f"kanport.toml:{place}" in problem.details[0]
    assert "this is not valid TOML" in problem.details[0]
    if hint:
        assert hint in problem.details[0]


@pytest.mark.parametrize("text", ['allow_http = "yes"', 'allow_http = "off"'])
def test_a_word_for_true_or_false_gets_the_advice_for_toml(tmp_path: Path, text: str) -> None:
    (told,) = refused(tmp_path, text).details
    assert "must be true or false" in told
    assert told.endswith("write true or false without quotes")


def test_a_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    (tmp_path / "kanport.toml").write_bytes(b'url = "\xff"')
    with pytest.raises(ConfigInvalid) as caught:
        load(tmp_path)
    assert "not in UTF-8" in caught.value.details[0]


# --- the places of keys and values ----------------------------------------------------------------

PLACES = '''\
# a comment = "no key"
a = 1 # more
"b c" = """two
lines = 3"""
d.e = [1, {f = "x"}, # and
  "]"]
[g.h]
i = {j = {k = 'l = 1'}, m = 2}
[[n]]
o = 1979-05-27T07:32:00Z
[[n]]
  o = true
'''


def test_every_key_and_value_has_its_place() -> None:
    document = read_toml(PLACES)
    assert document.data == tomllib.loads(PLACES)
    spots = {path: tuple(spot)[:2] for path, spot in document.keys.items()}
    assert spots[("a",)] == (2, 1)
    assert spots[("b c",)] == (3, 1)
    assert spots[("d", "e")] == (5, 3)
    assert spots[("d", "e", 1, "f")] == (5, 12)
    assert spots[("g", "h", "i", "j", "k")] == (8, 11)
    assert spots[("g", "h", "i", "m")] == (8, 25)
    assert spots[("n", 0, "o")] == (10, 1)
    assert spots[("n", 1, "o")] == (12, 3)
    assert tuple(document.value(("d", "e", 2))) == (6, 3, 3)
    assert tuple(document.value(("n", 1, "o"))) == (12, 7, 4)


_words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=8)
_values = st.recursive(
    st.booleans() | st.integers(-(10**6), 10**6) | _words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3),
    max_leaves=8,
)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    return str(value)


@given(st.dictionaries(_words, _values, max_size=4))
def test_at_the_place_of_each_value_stands_that_value(table: dict[str, Any]) -> None:
    text = "".join(f"{_toml(key)} = {_toml(value)}\n" for key, value in table.items())
    document = read_toml(text)
    lines = text.split("\n")
    for path, spot in document.values.items():
        value: Any = document.data
        for step in path:
            value = value[step]
        written = lines[spot.line - 1][spot.column - 1 : spot.column - 1 + spot.length]
        assert tomllib.loads(f"x = {written}")["x"] == value


def test_a_home_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    problem = refused(tmp_path, 'state = "~nobody-of-this-name/state"\n')
    assert "~nobody-of-this-name/state" in problem.message


def test_the_name_of_the_option_for_a_token_leads_to_its_table(tmp_path: Path) -> None:
    (detail,) = refused(tmp_path, 'token_file = "token"\n').details
    assert 'hint: write token = {file = "/etc/kanport/token"}' in detail
