"""What changed between two plans, change by change. Pure; where a row stands does not matter."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from kanport.findings import Finding
from kanport.plan.model import Change, GuardVerdict, Plan, PlanSource

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pair(Generic[T]):
    """The same thing in the old plan and in the new one; None where it is not there."""

    old: T | None
    new: T | None


@dataclass(frozen=True, slots=True)
class Altered:
    """A change that both plans hold, and in which they differ.

    `server` is True where it starts from something else (`before`, ids): the server has moved.
    `wanted` is True where it leads to something else (`after`): the sources or the mapping have.
    Where neither is, only its reason or its risk differ.
    """

    old: Change
    new: Change

    @property
    def server(self) -> bool:
        """Whether the change starts from something else."""
        return _found(self.old) != _found(self.new)

    @property
    def wanted(self) -> bool:
        """Whether the change leads to something else."""
        return self.old.after != self.new.after


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from an old plan to a new one.

    `added` and `gone` are changes that only one of them holds, `altered` those in which they
    differ, `kept` how many are the same. `sources` and `guards` are those that differ;
    `findings_new` and `findings_gone` are those of one plan only.
    """

    old: Plan
    new: Plan
    added: tuple[Change, ...]
    gone: tuple[Change, ...]
    altered: tuple[Altered, ...]
    kept: int
    sources: tuple[Pair[PlanSource], ...]
    guards: tuple[Pair[GuardVerdict], ...]
    findings_new: tuple[Finding, ...]
    findings_gone: tuple[Finding, ...]

    @property
    def same(self) -> bool:
        """Whether both plans are one: the same inputs, server and changes."""
        return self.old.digest == self.new.digest

    @property
    def mapping_differs(self) -> bool:
        """Whether the mapping is another one, or has another text."""
        return self.old.mapping.sha256 != self.new.mapping.sha256

    @property
    def same_input(self) -> bool:
        """Whether mapping and sources are the same, byte for byte, and so is Kanport's version."""
        contents = any(_content(pair.old) != _content(pair.new) for pair in self.sources)
        return not contents and not self.mapping_differs and (self.old.kanport == self.new.kanport)

    @property
    def same_changes(self) -> bool:
        """Whether the same is to be done."""
        return not (self.added or self.gone or self.altered)


def compare(old: Plan, new: Plan) -> Comparison:
    """Compare two plans; a change is the same one where it does the same to the same subject.

    Raises nothing: plans for two servers can be compared as well.
    """
    pairs = _paired(_numbered(old.changes, _subject), _numbered(new.changes, _subject))
    both = [(pair.old, pair.new) for pair in pairs if pair.old and pair.new]
    altered = tuple(Altered(one, other) for one, other in both if _told(one) != _told(other))
    return Comparison(
        old,
        new,
        added=tuple(pair.new for pair in pairs if pair.new and not pair.old),
        gone=tuple(pair.old for pair in pairs if pair.old and not pair.new),
        altered=altered,
        kept=len(both) - len(altered),
        sources=_differing(old.sources, new.sources, lambda source: source.name),
        guards=_differing(old.guards, new.guards, lambda guard: guard.guard),
        findings_new=_only_in(new.findings, old.findings),
        findings_gone=_only_in(old.findings, new.findings),
    )


def _subject(change: Change) -> Hashable:
    subject = change.subject
    return change.action, subject.username, subject.project, subject.group


def _found(change: Change) -> tuple[object, ...]:
    return change.before, change.user_id, change.project_id, change.group_id


def _told(change: Change) -> tuple[object, ...]:
    return _found(change), change.after, change.reason, set(change.risk)


def _content(source: PlanSource | None) -> Hashable:
    return None if source is None else (source.type, source.path, source.sha256, source.size)


def _numbered(things: Iterable[T], key: Callable[[T], Hashable]) -> dict[Hashable, T]:
    """Give the things by key; the second of the same key has a key of its own."""
    seen: Counter[Hashable] = Counter()
    found: dict[Hashable, T] = {}
    for thing in things:
        number = seen[key(thing)]
        seen[key(thing)] += 1
        found[key(thing), number] = thing
    return found


def _paired(old: Mapping[Hashable, T], new: Mapping[Hashable, T]) -> list[Pair[T]]:
    return [Pair(old.get(key), new.get(key)) for key in dict.fromkeys((*old, *new))]


def _differing(
    old: Iterable[T], new: Iterable[T], key: Callable[[T], Hashable]
) -> tuple[Pair[T], ...]:
    pairs = _paired(_numbered(old, key), _numbered(new, key))
    return tuple(pair for pair in pairs if pair.old != pair.new)


def _only_in(these: Iterable[Finding], others: Iterable[Finding]) -> tuple[Finding, ...]:
    left = Counter(map(_finding, others))
    found = []
    for finding in these:
        key = _finding(finding)
        if left[key]:
            left[key] -= 1
        else:
            found.append(finding)
    return tuple(found)


def _finding(finding: Finding) -> Hashable:
    # A row that moved up by one says what it said before.
    source = finding.origin.source if finding.origin is not None else None
    return finding.code, finding.message, finding.value, source
