"""The named transforms that a mapping may apply to a value, one after the other."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from kanport.mapping.base import near, problem, quoted
from kanport.names import normalize as in_form
from kanport.records import dataclass
from kanport.rules import INVISIBLE, strip_blanks

# Letters that Unicode does not take apart into a base letter and a mark.
_BASE_LETTERS = str.maketrans(
    {
        "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O",
        "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th",
        "ħ": "h", "Ħ": "H", "ı": "i", "ŧ": "t", "Ŧ": "T", "ŋ": "n", "Ŋ": "N", "ĸ": "k",
        "’": "'", "‘": "'", "ʼ": "'", "‐": "-", "‑": "-", "–": "-",
    }
)  # fmt: skip

_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "ẞ": "SS"}
)


def collapse(text: str) -> str:
    r"""Make one plain blank of every run of blanks.

    >>> collapse("Anna\u00a0  Schmidt")
    'Anna Schmidt'
    """
    if text.isprintable() and text.isascii() and "  " not in text:
        return text
    # A run without a visible blank may join the letters of one word, so it is left alone.
    return re.sub(
        rf"[\s{INVISIBLE}]+",
        lambda run: " " if any(char.isspace() for char in run[0]) else run[0],
        text,
    )


def lower(text: str) -> str:
    """Make all letters small.

    >>> lower("MÜLLER")
    'müller'
    """
    return text.lower()


def upper(text: str) -> str:
    """Make all letters capital.

    >>> upper("straße")
    'STRASSE'
    """
    return text.upper()


def title(text: str) -> str:
    """Begin each word with a capital and make the rest small, as in names written in capitals.

    >>> title("SEÁN O'BRIEN-MÜLLER")
    "Seán O'Brien-Müller"
    """
    # str.title takes a combining mark for a word boundary and so does not know "Zoë" typed as
    # two characters.
    composed = in_form("NFC", text).lower()
    return re.sub(r"(^|[\s\-'’‐‑.])(\w)", lambda found: found[1] + found[2].title(), composed)


def ascii_letters(text: str) -> str:
    """Replace Latin letters with marks by plain ones; other scripts stay as they are.

    >>> ascii_letters("Łukasz Groß, Søren Ægir, José")
    'Lukasz Gross, Soren AEgir, Jose'
    """
    kept, on_latin = [], False
    for char in in_form("NFD", text):
        if not unicodedata.combining(char):
            on_latin = unicodedata.name(char, "").startswith("LATIN")
        elif on_latin:
            continue
        kept.append(char)
    return in_form("NFC", "".join(kept).translate(_BASE_LETTERS))


def umlauts(text: str) -> str:
    """Write German umlauts as two letters, as German usernames mostly have them.

    >>> umlauts("Jörg Müßig")
    'Joerg Muessig'
    """
    return in_form("NFC", text).translate(_UMLAUTS)


def before(text: str, mark: str) -> str:
    """Return what stands before the first `mark`; the whole text where there is none.

    >>> before("anna@example.org", "@")
    'anna'
    """
    return text.partition(mark)[0]


def after(text: str, mark: str) -> str:
    r"""Return what stands after the first `mark`; the whole text where there is none.

    >>> after("CORP\\anna", "\\"), after("anna", "\\")
    ('anna', 'anna')
    """
    _, found, rest = text.partition(mark)
    return rest if found else text


def prefix(text: str, start: str) -> str:
    """Put `start` before the text.

    >>> prefix("anna", "ext-")
    'ext-anna'
    """
    return start + text


def suffix(text: str, end: str) -> str:
    """Put `end` after the text.

    >>> suffix("anna", "@example.org")
    'anna@example.org'
    """
    return text + end


def replace(text: str, old: str, new: str) -> str:
    """Replace every `old` by `new`; both are plain text.

    >>> replace("anna.b.schmidt", ".", "-")
    'anna-b-schmidt'
    """
    return text.replace(old, new)


def zero_pad(text: str, width: int) -> str:
    """Bring a number back to `width` digits; what is not all digits stays as it is.

    >>> zero_pad("42", 4), zero_pad("A42", 4)
    ('0042', 'A42')
    """
    return text.rjust(width, "0") if re.fullmatch(r"[0-9]+", text) else text


# --- the named transforms that a mapping may apply to a value, one after the other ----------------

MAX_PAD = 64

PLAIN: dict[str, Callable[[str], str]] = {
    "trim": strip_blanks,
    "collapse": collapse,
    "lower": lower,
    "upper": upper,
    "title": title,
    "ascii": ascii_letters,
    "umlauts": umlauts,
}
WITH_TEXT: dict[str, Callable[[str, str], str]] = {
    "before": before,
    "after": after,
    "prefix": prefix,
    "suffix": suffix,
}
NAMES = (*PLAIN, *WITH_TEXT, "replace", "zero_pad")


@dataclass(frozen=True, slots=True)
class TransformStep:
    """One transform as a mapping names it, with what it was given."""

    name: str
    arguments: tuple[str, ...] = ()
    width: int = 0

    def __call__(self, text: str) -> str:
        """Return the transformed text; an empty one stays empty."""
        return self.function(text) if text else text

    @property
    def function(self) -> Callable[[str], str]:
        """What it does to a text that is not empty."""
        if self.name in PLAIN:
            return PLAIN[self.name]
        if self.name == "zero_pad":
            return partial(zero_pad, width=self.width)
        if self.name == "replace":
            old, new = self.arguments
            return partial(replace, old=old, new=new)
        function, argument = WITH_TEXT[self.name], self.arguments[0]
        return lambda text: function(text, argument)

    def written(self) -> Any:
        """Return the step as it stands in a mapping."""
        if self.name in PLAIN:
            return self.name
        if self.name == "zero_pad":
            return {self.name: self.width}
        if self.name == "replace":
            return {self.name: dict(zip(("from", "to"), self.arguments, strict=True))}
        return {self.name: self.arguments[0]}


def apply_transforms(text: str, transforms: Iterable[TransformStep]) -> str:
    """Apply one transform after the other.

    >>> apply_transforms(" Anna@Example.ORG ", [TransformStep("trim"), TransformStep("lower")])
    'anna@example.org'
    """
    for transform in transforms:
        text = transform(text)
    return text


def _read(written: Any) -> TransformStep:
    """Read one transform as it stands in a mapping; raise a plain-words problem if it is none."""
    if isinstance(written, TransformStep):
        return written
    if isinstance(written, str):
        return _read_name(written)
    if isinstance(written, dict) and len(written) == 1:
        [(name, argument)] = written.items()
        return _read_pair(str(name), argument)
    if isinstance(written, dict):
        raise problem(
            "each transform is an item of its own",
            hint="write [{before: x}, {prefix: y}], not [{before: x, prefix: y}]",
        )
    raise problem("must be the name of a transform", hint=f"use one of {', '.join(NAMES)}")


def _read_name(name: str) -> TransformStep:
    if name in PLAIN:
        return TransformStep(name)
    if name in NAMES:
        raise problem(f"{name} needs to know what", hint=f"write {_EXAMPLES[name]}")
    raise problem(f"there is no transform {quoted(name)}", hint=_which(name))


def _read_pair(name: str, argument: Any) -> TransformStep:
    if name in PLAIN:
        raise problem(f"{name} takes nothing", at=(name,), hint=f"write {name} alone")
    if name not in NAMES:
        raise problem(
            f"there is no transform {quoted(name)}", at=(name,), on_key=True, hint=_which(name)
        )
    step = _with_argument(name, argument)
    if step is None:
        raise problem(f"this is not what {name} takes", at=(name,), hint=f"write {_EXAMPLES[name]}")
    return step


def _with_argument(name: str, argument: Any) -> TransformStep | None:
    if name == "zero_pad":
        fits = isinstance(argument, int) and not isinstance(argument, bool)
        return TransformStep(name, width=argument) if fits and 0 < argument <= MAX_PAD else None
    if name == "replace":
        if not isinstance(argument, dict) or set(argument) != {"from", "to"}:
            return None
        old, new = argument["from"], argument["to"]
        fits = isinstance(old, str) and isinstance(new, str) and old != ""
        return TransformStep(name, (old, new)) if fits else None
    return TransformStep(name, (argument,)) if isinstance(argument, str) and argument else None


def _which(name: str) -> str:
    close = near(name, NAMES)
    return f"did you mean {close}?" if close else f"use one of {', '.join(NAMES)}"


_EXAMPLES = {
    "before": '{before: "@"}',
    "after": '{after: "\\\\"}',
    "prefix": "{prefix: ext-}",
    "suffix": '{suffix: "@example.org"}',
    "replace": '{replace: {from: " ", to: "."}}',
    "zero_pad": f"{{zero_pad: 4}}, with a width of at most {MAX_PAD}",
}

_ABOUT = {
    "before": "The part before the first occurrence of this text.",
    "after": "The part after the first occurrence of this text.",
    "prefix": "Put this before the value.",
    "suffix": "Put this after the value.",
}


def _keyed(name: str, argument: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: argument},
        "required": [name],
        "additionalProperties": False,
    }


_TEXT = {"type": "string", "minLength": 1}
SCHEMA: dict[str, Any] = {
    "description": "A named transform of a text.",
    "anyOf": [
        {"enum": list(PLAIN), "description": "A transform without parameters."},
        *(_keyed(name, {**_TEXT, "description": about}) for name, about in _ABOUT.items()),
        _keyed(
            "replace",
            {
                "type": "object",
                "description": "Replace every occurrence of a text.",
                "properties": {
                    "from": {**_TEXT, "description": "Text to replace."},
                    "to": {"type": "string", "description": "Replacement; may be empty."},
                },
                "required": ["from", "to"],
                "additionalProperties": False,
            },
        ),
        _keyed(
            "zero_pad",
            {
                "type": "integer",
                "minimum": 1,
                "maximum": MAX_PAD,
                "description": "Add zeros to a number until it has this many digits.",
            },
        ),
    ],
}

Transform = Annotated[
    TransformStep,
    PlainValidator(_read),
    PlainSerializer(TransformStep.written),
    WithJsonSchema(SCHEMA),
]
