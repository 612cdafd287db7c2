"""The marks that stand beside words: what is good, what is added, what did not work.

No mark is told by its colour alone: each has a shape of its own, and a word beside it.
"""

from kanport.outcome import Status, VerifyStatus
from kanport.report.html.markup import Html, el
from kanport.report.parts import Level

LEVELS: dict[Level, tuple[str, str]] = {
    Level.GOOD: ("✓", "OK"),
    Level.NOTE: ("i", "Note"),
    Level.LOOK: ("!", "Attention"),
    Level.STOP: ("✕", "Problem"),
}
ENDINGS: dict[Status | VerifyStatus, str] = {
    Status.DONE: "✓",
    Status.ALREADY: "=",
    Status.FAILED: "✕",
    Status.SKIPPED: "↷",
    Status.NOT_ATTEMPTED: "…",
    VerifyStatus.MATCH: "✓",
    VerifyStatus.MISMATCH: "✕",
}
# What the marks of changes are called in style sheets and patterns.
KINDS = {"+": "add", "~": "mod", "-": "del"}
SIGNS = {"+": "+", "~": "~", "-": "−"}


def level_mark(level: Level) -> Html:
    """Give the sign of a level with its word for those who cannot see it."""
    sign, word = LEVELS[level]
    return el("span", sign, class_=f"mark {level}", role="img", aria_label=word)


def sign(symbol: str) -> Html:
    """Give the sign of a kind of change; the words beside it say the same."""
    return el("span", SIGNS[symbol], class_=f"sign {KINDS[symbol]}", aria_hidden="true")
