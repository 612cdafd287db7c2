"""What is wrong with a mapping, said in plain words at one place of it."""

import difflib
from collections.abc import Iterable

from pydantic_core import PydanticCustomError

CODE = "kanport"


def problem(
    message: str,
    *,
    hint: str | None = None,
    at: tuple[str | int, ...] = (),
    on_key: bool = False,
) -> PydanticCustomError:
    """Give the error that a validator raises or collects.

    `at` leads from the value that is being validated to the place that is meant; `on_key` points
    at the key there instead of its value.
    """
    # Braces in the template would be taken for places to fill in, so it holds only the one.
    return PydanticCustomError(
        CODE, "{message}", {"message": message, "hint": hint, "at": at, "on_key": on_key}
    )


def near(word: str, known: Iterable[str]) -> str | None:
    """Give the known word that was probably meant, if one is near.

    >>> near("usrename", ["username", "name", "email"])
    'username'
    """
    by_folded = {other.casefold(): other for other in known}
    close = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def quoted(word: object) -> str:
    """Put a word of the file in quotes, so that it stands out from the sentence.

    >>> quoted("staf")
    '"staf"'
    """
    return f'"{word}"'


def listed(words: Iterable[str], last: str = "or") -> str:
    """Join words as a sentence does.

    >>> listed(["keep", "disable", "remove"])
    'keep, disable or remove'
    """
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end
