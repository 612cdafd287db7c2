"""What Kanboard takes: its own rules, and stricter ones where it takes what nobody can have meant.

Kanboard answers a value that it refuses with a plain `false` and no reason, so the reason has to be
known beforehand. The rules are those of `UserValidator` and `UserModel` of Kanboard 1.2.53, checked
against the recorded answers of a real server.
"""

import difflib
import re
import string
import unicodedata
from collections.abc import Collection
from typing import NamedTuple

from kanport.model import AppRole, ProjectRole

USERNAME_MAX = 191
"""Code points (`UserValidator`, and the width of the column)."""

TEXT_MAX = 255
"""Code points that MariaDB and PostgreSQL hold of a name or an e-mail address; more is an error."""

PASSWORD_MIN = 6
"""Code points (`UserValidator`)."""

PASSWORD_MAX_BYTES = 72
"""Bytes of UTF-8 that bcrypt looks at; all after them would open nothing and protect nothing."""

API_NAME = "jsonrpc"
"""The name under which the application token logs in; a user of that name cannot use the API."""

_INVISIBLE = frozenset("\u200b\u200c\u200d\u2060\ufeff")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LOCAL_PART = frozenset(string.ascii_letters + string.digits + ".!#$%&'*+-/=?^_`{|}~")
_DOMAIN = frozenset(string.ascii_letters + string.digits + ".-")
_APP_ROLES = frozenset(map(str, AppRole))
_PROJECT_ROLES = frozenset(map(str, ProjectRole))


class Problem(NamedTuple):
    """What is wrong with a value: the code of a finding, with message and hint."""

    code: str
    message: str
    hint: str | None = None


def strip_blanks(text: str) -> str:
    r"""Leave out blanks at both ends, also no-break and zero-width ones.

    This covers all that PHP's `trim` takes away from a username before Kanboard stores it, but for
    NUL, which `control_problem` reports.

    >>> strip_blanks("\u00a0 ada\u200b\t")
    'ada'
    """
    if text.isascii():
        return text.strip()
    start, end = 0, len(text)
    while start < end and _is_blank(text[start]):
        start += 1
    while end > start and _is_blank(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_blank(char: str) -> bool:
    return char.isspace() or char in _INVISIBLE


def control_problem(text: str) -> Problem | None:
    r"""Say whether a value holds control characters, line breaks or half characters.

    Kanboard takes them, but no person can type them; PostgreSQL refuses NUL, and halves of
    characters cannot be sent as UTF-8 at all.

    >>> control_problem("ada\nlovelace").code
    'cell-control'
    """
    if text.isascii() and text.isprintable():
        return None
    found = _CONTROLS.search(text)
    if found is None:
        return None
    return Problem(
        "cell-control",
        f"it holds {_name_of(found[0])}",
        "write the value on one line and leave out what cannot be seen",
    )


def _name_of(char: str) -> str:
    if char in "\r\n\u2028\u2029":
        return "a line break"
    if char == "\t":
        return "a tab"
    return f"the control character U+{ord(char):04X}"


def username_problem(text: str) -> Problem | None:
    """Say what is wrong with a username, the worst first.

    Kanboard refuses an empty one and one of more than 191 characters. It checks before it trims,
    so that "   " makes a user without a name; that is refused here.

    >>> username_problem("ada") is None
    True
    >>> username_problem("   ").code
    'username-empty'
    """
    bare = strip_blanks(text)
    if not bare.strip("\0"):
        return Problem("username-empty", "the username is empty", "every row needs a username")
    if len(text) > USERNAME_MAX:
        return Problem(
            "username-too-long",
            f"the username has {len(text)} characters; Kanboard takes at most {USERNAME_MAX}",
        )
    return control_problem(text) or _odd_username(text, bare)


def _odd_username(text: str, bare: str) -> Problem | None:
    if bare == API_NAME:
        return Problem(
            "username-reserved",
            f'Kanboard keeps the username "{API_NAME}" for its application token',
            "this person could not use the API; choose another username",
        )
    if bare != text:
        return Problem(
            "username-odd",
            "the username has blanks round it, which Kanboard cuts off",
            "add the transform trim",
        )
    if text.isascii():
        odd = " " in text or ":" in text
    else:
        odd = any(
            char == ":" or _is_blank(char) or unicodedata.category(char) in ("Cf", "Cn", "Co")
            for char in text
        )
    if odd:
        return Problem(
            "username-odd",
            "the username holds a blank, a colon or something that cannot be seen",
            "Kanboard takes it, but it is hard to type, and the API cannot log in with a colon",
        )
    return None


def name_problem(text: str) -> Problem | None:
    """Say what is wrong with a person's name; an empty one is allowed and clears it.

    Kanboard has no rule of its own; MariaDB and PostgreSQL refuse more than 255 characters.

    >>> name_problem("Ada Lovelace") is None
    True
    """
    if len(text) > TEXT_MAX:
        return Problem(
            "name-too-long",
            f"the name has {len(text)} characters; Kanboard's databases take at most {TEXT_MAX}",
        )
    return control_problem(text)


def email_problem(text: str) -> Problem | None:
    """Say what is wrong with an e-mail address; an empty one is allowed and clears it.

    Kanboard's rule is that of an old Firefox: ASCII only, the local part not empty and of certain
    characters, a domain of two or more letters, digits, hyphens and single dots that neither begins
    nor ends with a dot. A domain without a dot is allowed.

    >>> email_problem("o'brien+kb@example.co.uk") is None
    True
    >>> email_problem("a@b").code
    'email-invalid'
    """
    if not text:
        return None
    reason = _email_reason(text)
    if reason:
        return Problem(
            "email-invalid",
            f"Kanboard refuses this e-mail address: {reason}",
            "use an address such as name@example.org, or leave the cell empty",
        )
    if len(text) > TEXT_MAX:
        return Problem(
            "email-too-long",
            f"the address has {len(text)} characters; Kanboard's databases take at most {TEXT_MAX}",
        )
    return None


def _email_reason(text: str) -> str | None:
    local, at, domain = text.partition("@")
    if not at:
        return "there is no @"
    if not local:
        return "there is nothing before the @"
    if wrong := [char for char in local if char not in _LOCAL_PART]:
        return f"{_quoted(wrong[0])} is not allowed before the @"
    if len(domain) < 2:
        return "the domain after the @ is too short"
    if wrong := [char for char in domain if char not in _DOMAIN]:
        return f"{_quoted(wrong[0])} is not allowed after the @"
    if domain.startswith(".") or domain.endswith(".") or ".." in domain:
        return "a dot stands at the wrong place of the domain"
    return None


def _quoted(char: str) -> str:
    if _is_blank(char):
        return "a blank"
    return f'"{char}"' if char.isprintable() else f"U+{ord(char):04X}"


def password_problem(text: str) -> Problem | None:
    """Say what is wrong with a password, without showing any of it.

    Kanboard wants at least 6 characters and sets no limit; bcrypt ignores what follows the 72nd
    byte, and a NUL makes PHP break off with HTTP 500. Other control characters, and the sign that
    stands for a lost letter (U+FFFD), cannot be typed into the login form.

    >>> password_problem("12345").code
    'password-too-short'
    """
    if _CONTROLS.search(text) or "\ufffd" in text:
        return Problem(
            "password-invalid",
            "the password holds a control character, a line break, or a letter that was lost",
            "use characters that can be typed",
        )
    if len(text) < PASSWORD_MIN:
        return Problem(
            "password-too-short",
            f"the password has fewer than the {PASSWORD_MIN} characters that Kanboard wants",
        )
    if len(text.encode()) > PASSWORD_MAX_BYTES:
        return Problem(
            "password-too-long",
            f"the password has more than {PASSWORD_MAX_BYTES} bytes; Kanboard ignores the rest",
            "letters other than a to z take two bytes or more",
        )
    return None


def is_app_role(text: str) -> bool:
    """Tell whether Kanboard has this application role, spelled exactly so.

    >>> is_app_role("app-admin"), is_app_role("App-Admin"), is_app_role("")
    (True, False, False)
    """
    return text in _APP_ROLES


def is_project_role(text: str, custom: Collection[str] = ()) -> bool:
    """Tell whether a project has this role: a built-in one, or one of its `custom` roles.

    Kanboard checks no project role at all and stores any text, with which nobody can do anything.

    >>> is_project_role("project-viewer"), is_project_role("tester"), is_project_role("")
    (True, False, False)
    >>> is_project_role("tester", ["tester"])
    True
    """
    return text in _PROJECT_ROLES or (text != "" and text in custom)


def app_role_problem(text: str) -> Problem | None:
    """Say what is wrong with an application role.

    >>> app_role_problem("admin").hint
    'did you mean app-admin?'
    """
    return None if is_app_role(text) else _unknown_role("application role", text, _APP_ROLES)


def project_role_problem(text: str, custom: Collection[str] = ()) -> Problem | None:
    """Say what is wrong with a project role; `custom` are the roles that the project adds.

    >>> project_role_problem("Project-Member").hint
    'did you mean project-member?'
    """
    if is_project_role(text, custom):
        return None
    return _unknown_role("project role", text, _PROJECT_ROLES.union(custom))


def _unknown_role(kind: str, text: str, roles: Collection[str]) -> Problem:
    known = sorted(roles)
    folded = text.casefold()
    close = [role for role in known if role.casefold() == folded or role.endswith(f"-{folded}")]
    close = close or difflib.get_close_matches(folded, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
    return Problem("role-unknown", f'there is no {kind} "{text}"', hint)
