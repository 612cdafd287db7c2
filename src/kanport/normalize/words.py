"""Words for yes and no, in the languages that spreadsheets come in."""

TRUE = frozenset(
    [
        "1",
        "true",
        "t",
        "yes",
        "y",
        "ja",
        "j",
        "oui",
        "o",
        "si",
        "sì",
        "sí",
        "vrai",
        "wahr",
        "x",
        "on",
    ]
)
FALSE = frozenset(["0", "false", "f", "no", "n", "nein", "non", "faux", "falsch", "off"])


def as_boolean(text: str) -> bool | None:
    """Give what a word means; None where it means neither.

    Kanboard's own import takes every word that begins with t or y for a yes, and "ja" and "oui"
    for a no; nothing is guessed here.

    >>> as_boolean("Ja"), as_boolean("FALSCH"), as_boolean("tbd")
    (True, False, None)
    """
    word = text.strip().casefold()
    return True if word in TRUE else False if word in FALSE else None
