"""For every setting a flag beats the environment, that the file, and that the default."""

from pathlib import Path
from typing import Any

import pytest

from kanport.config.file import Configuration, Layers, Placed, Setting
from kanport.config.secrets import FileSettings
from kanport.config.settings import SETTINGS
from kanport.errors import ConfigInvalid
from tests.support.command_line import Kanport

HERE = Path(__file__).parent
# For each setting three values, as flag, variable and file would give them, and what is made of it.
VALUES: dict[str, tuple[Any, str, Any]] = {
    "url": ("https://a", "https://b", "https://c"),
    "ca_file": (HERE / "test_file.py", str(HERE / "__init__.py"), HERE / "test_settings.py"),
    "allow_http": (True, "0", True),
    "auth_header": ("X-A", "X-B", "X-C"),
    "timeout": (1.0, "2", 3),
    "request_timeout": (1.0, "2", 3),
    "deadline": (60.0, "2h", 3600),
    "batch_size": (1, "2", 3),
    "connections": (1, "2", 3),
    "rate": (1.0, "2.5", 3),
    "max_errors": (1, "0", 3),
    "state": (Path("a"), "b", Path("c")),
    "log_format": ("json", "text", "json"),
    "log_file": (Path("a"), "b", Path("c")),
    "status": (Path("a"), "b", Path("c")),
    "prometheus": (Path("a"), "b", Path("c")),
}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: str(setting.key))
def test_each_setting_has_one_name_and_one_order(setting: Setting[Any]) -> None:
    flag, text, placed = VALUES[setting.key]
    file = Configuration(Path("k.toml"), None, {setting.key: Placed(placed, "k.toml:1")})
    flags, environ = {setting.key: flag}, {setting.variable: text}
    assert Layers(flags, environ, file).take(setting) == (flag, setting.flag)
    value, origin = Layers({setting.key: None}, environ, file).take(setting)
    assert origin == setting.variable
    assert value == setting.read(text, "")
    assert Layers({}, {setting.variable: ""}, file).take(setting) == (placed, "k.toml:1")
    assert Layers({}, {}).take(setting) == (setting.default, "default")
    assert setting.flag == "--" + setting.key.replace("_", "-")
    assert setting.variable == "KANPORT_" + setting.key.upper()


def test_the_file_may_say_every_setting_and_nothing_else() -> None:
    assert set(FileSettings.model_fields) == {setting.key for setting in SETTINGS} | {
        "token",
        "notify",
    }


@pytest.mark.parametrize(
    ("key", "text", "told"),
    [
        ("timeout", "soon", "KANPORT_TIMEOUT is soon: it must be seconds"),
        ("connections", "65", "KANPORT_CONNECTIONS is 65: it must be a whole number from 1 to 64"),
        ("connections", "0", "KANPORT_CONNECTIONS is 0"),
        ("rate", "0", "KANPORT_RATE is 0: it must be calls a second, more than 0"),
        ("rate", "inf", "KANPORT_RATE is inf"),
        ("max_errors", "-1", "KANPORT_MAX_ERRORS is -1: it must be a whole number, 0 or more"),
        ("log_format", "xml", "KANPORT_LOG_FORMAT is 'xml': it must be text or json"),
        ("allow_http", "maybe", "KANPORT_ALLOW_HTTP is 'maybe': it must be 1 or 0"),
        ("ca_file", "/nowhere", "the certificate file /nowhere cannot be read"),
    ],
)
def test_a_variable_that_cannot_be_meant_is_told_by_its_name(
    key: str, text: str, told: str
) -> None:
    (setting,) = (setting for setting in SETTINGS if setting.key == key)
    with pytest.raises(ConfigInvalid, match="^" + told.replace("'", ".")):
        Layers({}, {setting.variable: text}).take(setting)


def test_a_deadline_that_is_no_time_is_wrong_usage_as_an_option_and_a_setting_elsewhere(
    kanport: Kanport, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = kanport("sync", "m.yaml", "--deadline", "2x")
    assert typed.code == 2 and "Invalid value for '--deadline'" in typed.err
    monkeypatch.setenv("KANPORT_DEADLINE", "2x")
    assert kanport("sync", "m.yaml").code == 6
