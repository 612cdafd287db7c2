"""The mapping for the files of Kanboard's own import takes them as Kanboard does."""

from pathlib import Path

import pytest

from kanport.model import DesiredUser, LdapPassword, PasswordCell, RandomPassword
from kanport.pipeline.inputs import read_inputs

MAPPING = Path(__file__).parents[2] / "mappings" / "kanboard-csv.yaml"
HEADER = "Benutzername,Passwort,E-Mail,Name,Administrator,Manager,Extern"


def people(folder: Path, *rows: str) -> dict[str, DesiredUser]:
    (folder / "users.csv").write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
    text = MAPPING.read_text("utf-8").replace("../samples/kanboard-users.csv", "users.csv")
    (folder / "mapping.yaml").write_text(text, encoding="utf-8")
    inputs = read_inputs(folder / "mapping.yaml")
    assert not [finding for finding in inputs.findings if str(finding.severity) == "error"]
    return {user.username.value: user for user in inputs.desired.users}


@pytest.mark.parametrize(
    ("admin", "manager", "role"),
    [
        ("1", "0", "app-admin"),
        ("true", "", "app-admin"),
        ("Yes", "yes", "app-admin"),
        ("T", "1", "app-admin"),
        ("0", "1", "app-manager"),
        ("", "y", "app-manager"),
        ("no", "TRUE", "app-manager"),
        ("false", "t", "app-manager"),
        ("0", "0", "app-user"),
        ("", "", "app-user"),
        ("ja", "x", "app-user"),
        ("on", "0", "app-user"),
    ],
)
def test_roles_are_told_as_kanboards_import_tells_them(
    tmp_path: Path, admin: str, manager: str, role: str
) -> None:
    (user,) = people(tmp_path, f"ada,,,Ada,{admin},{manager},0").values()
    # Nothing at all in both cells means "not given", and a new user is an app-user then.
    assert (user.role.value if user.role else "app-user") == role


def test_usernames_are_lowered_and_headers_are_not_read(tmp_path: Path) -> None:
    assert set(people(tmp_path, "ADA,,,Ada,0,0,0", "Bob ,,,Bob,0,0,0")) == {"ada", "bob"}


def test_who_is_remote_is_taken_from_kanboards_own_ldap(tmp_path: Path) -> None:
    found = people(
        tmp_path, "ada,,,Ada,0,0,1", "bob,secret-1,,Bob,0,0,0", "eve,,,Eve,0,0,", "max,,,,,,true"
    )
    kinds = {name: type(user.password) for name, user in found.items()}
    assert kinds == {
        "ada": LdapPassword,
        "bob": PasswordCell,
        "eve": RandomPassword,
        "max": LdapPassword,
    }


def test_a_file_with_other_columns_is_refused(tmp_path: Path) -> None:
    from kanport.errors import SourceInvalid

    (tmp_path / "users.csv").write_text("a,b,c\n1,2,3\n")
    text = MAPPING.read_text("utf-8").replace("../samples/kanboard-users.csv", "users.csv")
    (tmp_path / "mapping.yaml").write_text(text)
    with pytest.raises(SourceInvalid) as raised:
        read_inputs(tmp_path / "mapping.yaml")
    (finding,) = raised.value.findings
    assert "has 3 fields" in finding.message and "names 7 columns" in finding.message
