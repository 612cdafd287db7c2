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

from kanport.facts import Fact, fact
from kanport.model import AppRole, ProjectRole
from kanport.names import like_latin

USERNAME_MAX = 191
"""Code points (`UserValidator`, and the width of the column)."""

TEXT_MAX = 255
"""Code points that MariaDB and PostgreSQL hold of a name or an email address; more is an error."""

PASSWORD_MIN = 6
"""Code points (`UserValidator`)."""

PASSWORD_MAX_BYTES = 72
"""Bytes of UTF-8 that bcrypt looks at; all after them would open nothing and protect nothing."""

API_NAME = "jsonrpc"
"""The name under which the application token logs in; a user of that name cannot use the API."""

INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"
"""Blanks that Unicode calls format characters. Word processors put them round pasted names."""

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
# What almost every name and address of a large directory looks like: nothing can be wrong with it.
_PLAIN_USERNAME = re.compile(r"[A-Za-z][A-Za-z0-9._@-]{0,149}", re.ASCII)
_PLAIN_EMAIL = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{2,60}(?:\.[A-Za-z0-9-]{1,60}){0,2}")
_DECIMALS = re.compile(r"\d+[.,]0+")
_LETTERS = re.compile(r"[^\W\d_]+")


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
    return char.isspace() or char in INVISIBLE


def control_problem(text: str) -> Fact | None:
    r"""Return whether a value holds control characters, line breaks or half characters.

    Kanboard takes them, but no person can type them; PostgreSQL refuses NUL, and halves of
    characters cannot be sent as UTF-8 at all.

    >>> control_problem("ada\nlovelace").code
    'cell-control'
    """
    if text.isprintable():
        # No control character is printable, so this is the same by a shorter way.
        return None
    found = _CONTROLS.search(text)
    if found is None:
        return None
    if found[0] in "\r\n\u2028\u2029":
        return fact("cell-control", case="line-break")
    if found[0] == "\t":
        return fact("cell-control", case="tab")
    return fact("cell-control", char=_code_point(found[0]))


def _code_point(char: str) -> str:
    return f"U+{ord(char):04X}"


def username_problem(text: str) -> Fact | None:
    """Return what is wrong with a username, the worst first.

    Kanboard refuses an empty one and one of more than 191 characters. It checks before it trims,
    so that "   " makes a user without a name; that is refused here.

    >>> username_problem("ada") is None
    True
    >>> username_problem("   ").code
    'username-empty'
    """
    if _PLAIN_USERNAME.fullmatch(text) and text != API_NAME:
        return None
    bare = strip_blanks(text)
    if not bare.strip("\0"):
        return fact("username-empty")
    if len(text) > USERNAME_MAX:
        return fact("username-too-long", length=len(text), limit=USERNAME_MAX)
    return control_problem(text) or _odd_username(text, bare)


def _odd_username(text: str, bare: str) -> Fact | None:
    if bare == API_NAME:
        return fact("username-reserved")
    if bare != text:
        return fact("username-odd", case="blanks")
    if text.endswith("0") and _DECIMALS.fullmatch(text):
        return fact("username-odd", case="decimals")
    if text.isascii():
        odd = " " in text or ":" in text
    else:
        odd = any(
            char == ":" or _is_blank(char) or unicodedata.category(char) in ("Cf", "Cn", "Co")
            for char in text
        )
    return fact("username-odd") if odd else None


def suspicious_problem(text: str) -> Fact | None:
    r"""Return what makes a name suspicious that is valid all the same.

    >>> suspicious_problem("MÃ¼ller").code, suspicious_problem("\u0430nna").code
    ('name-double-encoded', 'name-mixed-scripts')
    >>> suspicious_problem("Weiß–Groß"), suspicious_problem("IT-отдел")
    (None, None)
    """
    if text.isascii():
        return None
    return twice_encoded_problem(text) or _mixed_scripts(text)


def twice_encoded_problem(text: str) -> Fact | None:
    """Return what a text meant before it was encoded twice; None where it was not."""
    meant = None if text.isascii() else singly_encoded(text)
    return None if meant is None else fact("name-double-encoded", meant=meant)


def invisible_problem(text: str) -> Fact | None:
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
    return fact("name-invisible", char=_code_point(found[0][-1]))


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


def _mixed_scripts(text: str) -> Fact | None:
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
            return fact(
                "name-mixed-scripts",
                case="lookalike" if twin else "",
                scripts=tuple(sorted(everything)),
                char=char,
                code_point=_code_point(char),
                twin=twin or "",
            )
    return None


def _script(char: str) -> str:
    name = unicodedata.name(char, "").partition(" ")[0]
    return name.title() if name in ("LATIN", "CYRILLIC", "GREEK") else ""


def name_problem(text: str) -> Fact | None:
    """Return what is wrong with a person's name; an empty one is allowed and clears it.

    Kanboard has no rule of its own; MariaDB and PostgreSQL refuse more than 255 characters.

    >>> name_problem("Ada Lovelace") is None
    True
    """
    if len(text) > TEXT_MAX:
        return fact("name-too-long", length=len(text), limit=TEXT_MAX)
    return control_problem(text)


def email_problem(text: str) -> Fact | None:
    """Return what is wrong with an email address; an empty one is allowed and clears it.

    Kanboard's rule is that of an old Firefox: ASCII only, the local part not empty and of certain
    characters, a domain of two or more letters, digits, hyphens and single dots that neither begins
    nor ends with a dot. A domain without a dot is allowed.

    >>> email_problem("o'brien+kb@example.co.uk") is None
    True
    >>> email_problem("a@b").code
    'email-invalid'
    """
    if not text or _PLAIN_EMAIL.fullmatch(text):
        return None
    local, at, domain = text.partition("@")
    if not at:
        return fact("email-invalid", case="no-at")
    if not local:
        return fact("email-invalid", case="no-name")
    if wrong := [char for char in local if char not in _LOCAL_PART]:
        return fact("email-invalid", case="name", char=_visible(wrong[0]))
    if len(domain) < 2:
        return fact("email-invalid", case="domain-short")
    if wrong := [char for char in domain if char not in _DOMAIN]:
        return fact("email-invalid", case="domain", char=_visible(wrong[0]))
    if domain.startswith(".") or domain.endswith(".") or ".." in domain:
        return fact("email-invalid", case="dots")
    if len(text) > TEXT_MAX:
        return fact("email-too-long", length=len(text), limit=TEXT_MAX)
    return None


def _visible(char: str) -> str:
    return char if char.isprintable() and not _is_blank(char) else _code_point(char)


def password_problem(text: str) -> Fact | None:
    """Return what is wrong with a password, without showing any of it.

    Kanboard wants at least 6 characters and sets no limit; bcrypt ignores what follows the 72nd
    byte, and a NUL makes PHP break off with HTTP 500. Other control characters, and the sign that
    stands for a lost letter (U+FFFD), cannot be typed into the login form.

    >>> password_problem("12345").code
    'password-too-short'
    """
    if _CONTROLS.search(text) or "\ufffd" in text:
        return fact("password-invalid")
    if len(text) < PASSWORD_MIN:
        return fact("password-too-short", limit=PASSWORD_MIN)
    if len(text.encode()) > PASSWORD_MAX_BYTES:
        return fact("password-too-long", limit=PASSWORD_MAX_BYTES)
    return None


def is_app_role(text: str) -> bool:
    """Return whether Kanboard has this application role, spelled exactly so.

    >>> is_app_role("app-admin"), is_app_role("App-Admin"), is_app_role("")
    (True, False, False)
    """
    return text in _APP_ROLES


def is_project_role(text: str, custom: Collection[str] = ()) -> bool:
    """Return whether a project has this role: a built-in one, or one of its `custom` roles.

    Kanboard checks no project role at all and stores any text, with which nobody can do anything.

    >>> is_project_role("project-viewer"), is_project_role("tester"), is_project_role("")
    (True, False, False)
    >>> is_project_role("tester", ["tester"])
    True
    """
    return text in _PROJECT_ROLES or (text != "" and text in custom)


def app_role_problem(text: str) -> Fact | None:
    """Return what is wrong with an application role.

    >>> app_role_problem("admin").hint
    'did you mean app-admin?'
    """
    return None if is_app_role(text) else _unknown_role("application", text, _APP_ROLES)


def project_role_problem(text: str, custom: Collection[str] = ()) -> Fact | None:
    """Return what is wrong with a project role; `custom` are the roles that the project adds.

    >>> project_role_problem("Project-Member").hint
    'did you mean project-member?'
    """
    if is_project_role(text, custom):
        return None
    return _unknown_role("project", text, _PROJECT_ROLES.union(custom))


def _unknown_role(kind: str, text: str, roles: Collection[str]) -> Fact:
    known = sorted(roles)
    folded = text.casefold()
    close = [role for role in known if role.casefold() == folded or role.endswith(f"-{folded}")]
    close = close or difflib.get_close_matches(folded, known, n=1)
    if close:
        return fact("role-unknown", case="near", kind=kind, role=text, near=close[0])
    return fact("role-unknown", kind=kind, role=text, known=tuple(known))


# --- yes and no, in the languages that spreadsheets come in --------------------------------------

_YES = ("1", "true", "t", "yes", "y", "ja", "j", "oui", "o", "si", "sì", "sí", "vrai", "wahr")
TRUE = frozenset((*_YES, "x", "on"))
FALSE = frozenset(("0", "false", "f", "no", "n", "nein", "non", "faux", "falsch", "off"))


def as_boolean(text: str) -> bool | None:
    """Return what a word means; None where it means neither.

    Kanboard's own import takes every word that begins with t or y for a yes, and "ja" and "oui"
    for a no; nothing is guessed here.

    >>> as_boolean("Ja"), as_boolean("FALSCH"), as_boolean("tbd")
    (True, False, None)
    """
    word = text.strip().casefold()
    return True if word in TRUE else False if word in FALSE else None
