"""How names are compared: the way the strictest database under a Kanboard would.

MariaDB and MySQL compare usernames without regard to case, accents and trailing blanks (contract
recording of MariaDB: "jörg" is refused where "jorg" exists); SQLite and PostgreSQL tell them apart.
Kanport compares the strict way everywhere, so that a plan that is right on one is right on all.
"""

import unicodedata


def compare_key(name: str) -> str:
    """Give the text under which two spellings of one name are the same.

    >>> compare_key("Jörg ") == compare_key("JORG")
    True
    >>> compare_key("ann") == compare_key("anna")
    False
    """
    if name.isascii():
        # The same by a shorter way: almost every name of a large directory takes it.
        return name.lower().strip()
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    # Folding can bring new combining marks (İ), so the marks go after it.
    base = unicodedata.normalize("NFKD", decomposed)
    return "".join(char for char in base if not unicodedata.combining(char)).strip()


def other_spellings(name: str) -> tuple[str, ...]:
    """Give the usual other spellings of a name, all of which compare the same.

    For a server that tells spellings apart and can only be asked for one at a time.

    >>> other_spellings("ada.lovelace")
    ('ADA.LOVELACE', 'Ada.Lovelace', 'Ada.lovelace')
    >>> "jorg" in other_spellings("Jörg")
    True
    """
    key = compare_key(name)
    composed, decomposed = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    found = {
        spelling
        for form in (name, composed, decomposed, key)
        for spelling in (form, form.lower(), form.upper(), form.title(), form.capitalize())
    }
    return tuple(sorted(other for other in found - {name} if compare_key(other) == key))
