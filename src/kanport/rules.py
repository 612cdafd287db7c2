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
from functools import partial
from typing import NamedTuple

from kanport.model import AppRole, ProjectRole
from kanport.names import like_latin

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


_UNSEEN = re.compile(
    # Soft hyphens, zero-width spaces and marks of direction; joiners only between Latin letters.
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u2069\u3164\ufeff\uffa0]|[ -\u024f][\u200c\u200d]"
)
_TWICE = ("cp1252", "latin-1", "mac_roman", "cp850", "cp437", "cp1250")
_BEYOND_ASCII = re.compile("[^\x00-\x7f]+")
_MEANT = re.compile(
    # Letters of Europe, and the marks of word processors; what else comes out is chance.
    "[\u00a0-\u017f\u0218-\u021b\u0386-\u045f\u0490\u0491\u1e00-\u1eff\u2010-\u2026\u20ac\u2122]+"
)
_DECIMALS = re.compile(r"\d+[.,]0+")
_LETTERS = re.compile(r"[^\W\d_]+")


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
    if text.endswith("0") and _DECIMALS.fullmatch(text):
        return Problem(
            "username-odd",
            "the username is a number with decimals, as data tools write whole numbers",
            "export the usernames as text",
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


def suspicious_problem(text: str) -> Problem | None:
    r"""Return what makes a name suspicious that is valid all the same.

    >>> suspicious_problem("MÃ¼ller").code, suspicious_problem("\u0430nna").code
    ('name-double-encoded', 'name-mixed-scripts')
    >>> suspicious_problem("Weiß–Groß"), suspicious_problem("IT-отдел")
    (None, None)
    """
    if text.isascii():
        return None
    return twice_encoded_problem(text) or _mixed_scripts(text)


def twice_encoded_problem(text: str) -> Problem | None:
    """Return what a text meant before it was encoded twice; None where it was not."""
    meant = None if text.isascii() else singly_encoded(text)
    if meant is None:
        return None
    return Problem(
        "name-double-encoded",
        f'the text was encoded twice; it probably means "{meant}"',
        "correct it, or export the file again in UTF-8",
    )


def invisible_problem(text: str) -> Problem | None:
    r"""Return which character of a name cannot be seen, if there is one.

    Joiners between letters of scripts that need them, and within emoji, are no such characters.

    >>> invisible_problem("an\u200bna").code
    'name-invisible'
    """
    if text.isascii():
        return None
    found = _UNSEEN.search(text)
    if found is None:
        return None
    return Problem(
        "name-invisible",
        f"the text holds U+{ord(found[0][-1]):04X}, which cannot be seen",
        "delete it: the name looks like another one that lacks it",
    )


def singly_encoded(text: str) -> str | None:
    """Return what a text meant before it was encoded twice; None where it was not.

    >>> singly_encoded("BjÃ¶rk"), singly_encoded("Bj√∂rk"), singly_encoded("Björk")
    ('Björk', 'Björk', None)
    """
    for encoding in _TWICE:
        once = _BEYOND_ASCII.sub(partial(_undone, encoding), text)
        if once != text:
            return singly_encoded(once) or once
    return None


def _undone(encoding: str, run: re.Match[str]) -> str:
    """Return what a run of letters beyond ASCII meant before it was encoded twice, or the run."""
    try:
        meant = run[0].encode(encoding).decode("utf-8")
    except UnicodeError:
        return run[0]
    return meant if _MEANT.fullmatch(meant) else run[0]


def _mixed_scripts(text: str) -> Problem | None:
    """Return why letters of several alphabets in one name are suspicious, if they are."""
    words = [(word, {_script(char) for char in word} - {""}) for word in _LETTERS.findall(text)]
    everything = frozenset[str]().union(*(scripts for _, scripts in words))
    if len(everything) < 2:
        return None
    for word, scripts in words:
        alike = [char for char in word if like_latin(char)]
        others = [char for char in word if _script(char) not in ("", "Latin")]
        # One word in two alphabets, or one in another alphabet that reads as a Latin one.
        if len(scripts) > 1 or ("Latin" in everything and others and len(alike) == len(word)):
            char = (alike or others)[0]
            twin = like_latin(char)
            like = f', which looks like "{twin}"' if twin else ""
            return Problem(
                "name-mixed-scripts",
                f"the name mixes {' and '.join(sorted(everything))} letters:"
                f' "{char}" is U+{ord(char):04X}{like}',
                "write it anew in one alphabet: for Kanboard it is another name",
            )
    return None


def _script(char: str) -> str:
    name = unicodedata.name(char, "").partition(" ")[0]
    return name.title() if name in ("LATIN", "CYRILLIC", "GREEK") else ""


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
