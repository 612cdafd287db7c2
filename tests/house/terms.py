"""One word for one thing: `python -m tests.house.terms` finds words that the glossary replaces.

It looks at what people read: pages, sample files, and in the code docstrings, comments and texts.
Names in the code are not its business.
"""

import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

# What is replaced, as a pattern that ignores case, and the word to use.
TERMS = {
    # Columns of lists may be called E-Mail or E-mail.
    r"\b(?-i:e-mails?)\b": "email",
    r"\bmend(s|ed|ing)?\b": "correct, fix",
    r"\blift(s|ed|ing)?\b": "override",
    r"\btrip(s|ped|ping)?\b": "stop (a safety check)",
    r"\brests? on\b": "evidence",
    r"\btakes? access\b": "revoke",
    r"\bas (it|they) should be\b": "unchanged",
    r"\balready so\b": "unchanged",
    r"\bspeaks? of\b": "name",
    r"\bdeserves? a (second )?look\b": "needs review",
    r"\blook(s|ed)? at (these )?twice\b": "needs review",
    r"\bin vain\b": "failed",
    r"\bnot attempted\b": "not started",
    r"\b(was|is|are|be|been|being) told\b": "report, name, list",
    r"\btook access\b": "revoke",
    r"\btaken out of the group\b": "remove from the group",
    r"\b(in|at) one go\b": "at once",
    r"\bas good as\b": "like, counts as",
    r"\bnobody much\b": "few",
    r"\bwhom nothing\b": "that no source",
    r"\bfor ever\b": "forever",
    r"\bmay be given several times\b": "can be repeated",
    r"\bcolour(s|ed)?\b": "color",
    r"\b(normal|organ|recogn|summar|author|serial|minim|capital)is(e|es|ed|ing|ation)\b": "-ize",
    r"\bbehaviours?\b": "behavior",
    r"\blicence\b": "license",
    r"\bgrey\b": "gray",
    r"\bcancelled\b": "canceled",
    r"\blabelled\b": "labeled",
}
PATTERNS = {re.compile(pattern, re.IGNORECASE): word for pattern, word in TERMS.items()}
FOLDERS = ("mappings", "samples", "src", "tests")
SUFFIXES = frozenset(
    {".py", ".md", ".yaml", ".toml", ".cron", ".service", ".timer", ".j2", ".html"}
)
# Sentences of earlier versions, texts of Kanboard and of libraries, and this list itself.
EXEMPT = (
    "src/kanport/apply/old_journals.py",
    "tests/house/",
    "tests/contract/",
    "tests/versions/",
    "tests/recorded/",
)


# Values of JSON, of journals and of the log, which programs read.
VALUES = re.compile(r"([\"'`])(guard\.tripped|tripped|lifted|already so|not attempted)\1")


class Use(NamedTuple):
    """A word that the glossary replaces."""

    place: str
    found: str
    instead: str

    def __str__(self) -> str:
        return f'{self.place}: "{self.found}"; use: {self.instead}'


def main() -> None:
    """Print every use of a replaced word; exit with 1 if there is any."""
    uses = [use for path in _files() for use in uses_in(path)]
    sys.stdout.writelines(f"{use}\n" for use in uses)
    sys.exit(bool(uses))


def uses_in(path: Path) -> list[Use]:
    """Return the replaced words of one file, from its top to its end."""
    texts = _texts_of_code(path) if path.suffix == ".py" else _lines(path)
    name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    return [
        Use(f"{name}:{line}", match[0], word)
        for line, text in texts
        if (said := VALUES.sub("", text)).strip()
        for pattern, word in PATTERNS.items()
        for match in pattern.finditer(said)
    ]


def _files() -> Iterator[Path]:
    below = (path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*")))
    for path in (*sorted(ROOT.glob("*.md")), *below):
        if path.suffix in SUFFIXES and not str(path.relative_to(ROOT)).startswith(EXEMPT):
            yield path


def _lines(path: Path) -> Iterable[tuple[int, str]]:
    return enumerate(path.read_text("utf-8").splitlines(), 1)


def _texts_of_code(path: Path) -> Iterator[tuple[int, str]]:
    kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", None)}
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type in kinds:
                yield from enumerate(token.string.splitlines(), token.start[0])


if __name__ == "__main__":
    main()
