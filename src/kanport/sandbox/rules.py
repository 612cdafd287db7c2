"""The rules that Kanboard's API checks before it writes. Whichever fails, the answer is `false`.

All rules of a call are run even after one failed, because a value of the wrong type crashes PHP in
the middle of them (exchange 41, as `kanport.sandbox` numbers them).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kanport.sandbox import php
from kanport.sandbox.database import Database

APPLICATION_ROLES = ("app-admin", "app-manager", "app-user")
USERNAME_LENGTH = 191
PASSWORD_LENGTH = 6
IDENTIFIER_LENGTH = 50
DATE_LENGTH = 10

_MAIL_CHARS = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.!#$%&'*+-/=?^_`{|}~"
)
_DOMAIN_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")


def user_is_valid(
    database: Database, values: Mapping[str, Any], *, procedure: str, row_id: Any = None
) -> bool:
    """Return whether a user may be stored.

    Args:
        database: where a username may be taken.
        values: username, email and role; with a password where the user is new.
        procedure: who asks, for the trace of a crash.
        row_id: the user who may have this username already.
    """
    new = row_id is None
    trace = (
        f"Kanboard\\Validator\\UserValidator->validate{'Creation' if new else 'ApiModification'}()",
        f"[internal function]: Kanboard\\Api\\Procedure\\UserProcedure->{procedure}()",
    )
    checks = [
        not new or php.is_given(values.get("username")),
        _length(values.get("username"), "MaxLength", trace) <= USERNAME_LENGTH,
        not _username_taken(database, values.get("username"), row_id),
        email_is_valid(values.get("email"), trace),
        _is_application_role(values.get("role")),
    ]
    if new:
        password = values.get("password")
        checks += [
            php.is_given(password),
            not php.is_given(password) or _length(password, "MinLength", trace) >= PASSWORD_LENGTH,
        ]
    return all(checks)


def project_is_valid(database: Database, values: Mapping[str, Any]) -> bool:
    """Return whether a new project may be stored; its identifier is in capitals already."""
    trace = ("Kanboard\\Validator\\ProjectValidator->validateCreation()",)
    identifier = values.get("identifier")
    checks = [
        php.is_given(values.get("name")),
        _length(values.get("name"), "MaxLength", trace) <= 65535,
        _length(identifier, "MaxLength", trace) <= IDENTIFIER_LENGTH,
        not php.is_given(identifier) or _is_alphanumeric(php.text(identifier) or ""),
        not _taken(database, "identifier_key", identifier),
        email_is_valid(values.get("email"), trace),
        not _taken(database, "email", values.get("email")),
    ]
    checks += [
        _length(values.get(name), "MaxLength", trace) <= DATE_LENGTH
        for name in ("start_date", "end_date")
    ]
    checks += [
        _is_integer(values.get(name))
        for name in ("priority_default", "priority_start", "priority_end")
    ]
    return all(checks)


def email_is_valid(value: Any, trace: Sequence[str] = ()) -> bool:
    """Return whether an address passes: ASCII only, a domain of two characters, no quotes.

    >>> [email_is_valid(mail) for mail in ("a@localhost", "a@b", "ä@example.org", "")]
    [True, False, False, True]
    """
    if not php.is_given(value):
        return True
    if isinstance(value, (list, dict)):
        raise php.TypeMismatchError(
            "TypeError: strlen(): Argument #1 ($string) must be of type string, array given",
            line="libs/SimpleValidator/Validators/Email.php:16",
            frames=(
                "strlen()",
                "SimpleValidator\\Validators\\Email->execute()",
                "SimpleValidator\\Validator->execute()",
                *trace,
            ),
        )
    address = php.text(value) or ""
    local, at, domain = address.partition("@")
    return (
        bool(local)
        and not address.endswith(".")
        and _MAIL_CHARS.issuperset(local)
        and at == "@"
        and len(domain) > 1
        and _DOMAIN_CHARS.issuperset(domain)
        and not domain.startswith(".")
        and ".." not in domain
    )


def _is_alphanumeric(value: str) -> bool:
    return value.isascii() and value.isalnum()


def _is_application_role(value: Any) -> bool:
    # PHP compares loosely, and true equals any text.
    return not php.is_given(value) or value is True or value in APPLICATION_ROLES


def _length(value: Any, rule: str, trace: Sequence[str]) -> int:
    if not php.is_given(value):
        # No rule on lengths looks at what is not given; MinLength is asked for given values only.
        return 0
    if isinstance(value, (list, dict)):
        raise php.TypeMismatchError(
            "TypeError: mb_strlen(): Argument #1 ($string) must be of type string, array given",
            line=f"libs/SimpleValidator/Validators/{rule}.php:20",
            frames=(
                "mb_strlen()",
                f"SimpleValidator\\Validators\\{rule}->execute()",
                "SimpleValidator\\Validator->execute()",
                *trace,
            ),
        )
    return len(php.text(value) or "")


def _username_taken(database: Database, username: Any, row_id: Any) -> bool:
    if not php.is_given(username):
        return False
    key = database.dialect.key(php.text(username) or "")
    if row_id is None:
        return database.value("SELECT 1 FROM users WHERE username_key = ?", key) is not None
    own = database.dialect.number(row_id)
    taken = "SELECT 1 FROM users WHERE username_key = ? AND id != ?"
    return database.value(taken, key, own) is not None


def _taken(database: Database, column: str, value: Any) -> bool:
    if not php.is_given(value):
        return False
    key = database.dialect.key(php.text(value) or "")
    sql = f"SELECT 1 FROM projects WHERE {column} = ?"  # noqa: S608 - a name from above
    return database.value(sql, key) is not None


def _is_integer(value: Any) -> bool:
    if not php.is_given(value) or (isinstance(value, int) and not isinstance(value, bool)):
        return True
    return isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value) is not None
