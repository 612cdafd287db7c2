"""The named transforms that a mapping may apply to a value, one after the other.

There is no code in a mapping; what it can do to a text is this list. An empty text stays empty
under all of them, because an empty cell means "not given" and must not become a value.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from kanport.mapping import texts
from kanport.mapping.problems import near, problem, quoted
from kanport.rules import strip_blanks

MAX_PAD = 64

PLAIN: dict[str, Callable[[str], str]] = {
    "trim": strip_blanks,
    "collapse": texts.collapse,
    "lower": texts.lower,
    "upper": texts.upper,
    "title": texts.title,
    "ascii": texts.ascii_letters,
    "umlauts": texts.umlauts,
}
WITH_TEXT: dict[str, Callable[[str, str], str]] = {
    "before": texts.before,
    "after": texts.after,
    "prefix": texts.prefix,
    "suffix": texts.suffix,
}
NAMES = (*PLAIN, *WITH_TEXT, "replace", "zero_pad")


@dataclass(frozen=True, slots=True)
class Step:
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
            return partial(texts.zero_pad, width=self.width)
        if self.name == "replace":
            old, new = self.arguments
            return partial(texts.replace, old=old, new=new)
        function, argument = WITH_TEXT[self.name], self.arguments[0]
        return lambda text: function(text, argument)

    def written(self) -> Any:
        """Give the step as it stands in a mapping."""
        if self.name in PLAIN:
            return self.name
        if self.name == "zero_pad":
            return {self.name: self.width}
        if self.name == "replace":
            return {self.name: dict(zip(("from", "to"), self.arguments, strict=True))}
        return {self.name: self.arguments[0]}


def apply_transforms(text: str, transforms: Iterable[Step]) -> str:
    """Apply one transform after the other.

    >>> apply_transforms(" Anna@Example.ORG ", [Step("trim"), Step("lower")])
    'anna@example.org'
    """
    for transform in transforms:
        text = transform(text)
    return text


def _read(written: Any) -> Step:
    """Read one transform as it stands in a mapping; raise a plain-words problem if it is none."""
    if isinstance(written, Step):
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
    raise problem("must be the name of a transform", hint=f"there are {', '.join(NAMES)}")


def _read_name(name: str) -> Step:
    if name in PLAIN:
        return Step(name)
    if name in NAMES:
        raise problem(f"{name} needs to know what", hint=f"write {_EXAMPLES[name]}")
    raise problem(f"there is no transform {quoted(name)}", hint=_which(name))


def _read_pair(name: str, argument: Any) -> Step:
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


def _with_argument(name: str, argument: Any) -> Step | None:
    if name == "zero_pad":
        fits = isinstance(argument, int) and not isinstance(argument, bool)
        return Step(name, width=argument) if fits and 0 < argument <= MAX_PAD else None
    if name == "replace":
        if not isinstance(argument, dict) or set(argument) != {"from", "to"}:
            return None
        old, new = argument["from"], argument["to"]
        fits = isinstance(old, str) and isinstance(new, str) and old != ""
        return Step(name, (old, new)) if fits else None
    return Step(name, (argument,)) if isinstance(argument, str) and argument else None


def _which(name: str) -> str:
    close = near(name, NAMES)
    return f"did you mean {close}?" if close else f"there are {', '.join(NAMES)}"


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
    Step, PlainValidator(_read), PlainSerializer(Step.written), WithJsonSchema(SCHEMA)
]
