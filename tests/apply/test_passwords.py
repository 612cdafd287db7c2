"""Random passwords are strong, never repeated, and on disk only where that was asked for."""

import csv
from pathlib import Path

import pytest
from pydantic import SecretStr

from kanport.apply.passwords import ALPHABET, Passwords, random_password
from kanport.errors import UsageError
from tests.support.changes import grant, new_user


def test_a_random_password_is_long_and_fits_what_bcrypt_looks_at() -> None:
    made = {random_password().get_secret_value() for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(text) >= 20 and len(text.encode()) <= 72 for text in made)
    assert set("".join(made)) <= set(ALPHABET)


def test_a_password_of_the_source_wins_and_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    passwords = Passwords({"ada": SecretStr("from the cell")}, file=file)
    ada, bob = new_user(1, "Ada"), new_user(2, "bob")
    passwords.write([ada, bob])
    given, made = passwords.of(ada), passwords.of(bob)
    assert given is not None
    assert made is not None
    assert given.get_secret_value() == "from the cell"
    assert list(csv.reader(file.read_text(encoding="utf-8").splitlines())) == [
        ["username", "password"],
        ["bob", made.get_secret_value()],
    ]


def test_a_password_is_the_same_each_time_it_is_asked_for_and_written_once(tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    passwords = Passwords(file=file)
    bob = new_user(1, "bob")
    assert passwords.of(bob) == passwords.of(bob)
    passwords.write([bob])
    passwords.write([bob])
    assert file.read_text(encoding="utf-8").count("bob") == 1


def test_the_file_is_for_its_owner_alone_and_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    Passwords(file=file)
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="exists already"):
        Passwords(file=file)


def test_a_change_of_something_else_has_no_password() -> None:
    assert Passwords().of(grant(1, "ada", 1, user_id=2)) is None
