"""What changed between two plans, change by change. Pure; where a row stands does not matter."""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

from kanport.facts import Fact
from kanport.findings import Finding
from kanport.origin import Origin
from kanport.plan.change import Change
from kanport.plan.model import GuardVerdict, Plan, PlanSource
from kanport.records import dataclass

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pair(Generic[T]):
    """The same thing in the old plan and in the new one; None where it is not there."""

    old: T | None
    new: T | None


@dataclass(frozen=True, slots=True)
class Altered:
    """A change that both plans hold, and in which they differ.

    `server` is True where the value before or the ids differ: the server changed in between.
    `wanted` is True where it leads to something else (`after`): the sources or the mapping changed.
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
    pairs = _matched(old.changes, new.changes, _subject)
    both = [(pair.old, pair.new) for pair in pairs if pair.old and pair.new]
    altered = tuple(Altered(one, other) for one, other in both if _differ(one, other))
    return Comparison(
        old,
        new,
        added=tuple(pair.new for pair in pairs if pair.new and not pair.old),
        gone=tuple(pair.old for pair in pairs if pair.old and not pair.new),
        altered=altered,
        kept=len(both) - len(altered),
        sources=tuple(
            pair
            for pair in _matched(old.sources, new.sources, lambda source: source.name)
            if pair.old != pair.new
        ),
        guards=tuple(
            pair
            for pair in _matched(old.guards, new.guards, lambda guard: guard.guard)
            if pair.old is None or pair.new is None or _verdicts_differ(pair.old, pair.new)
        ),
        findings_new=_only_in(new.findings, old.findings),
        findings_gone=_only_in(old.findings, new.findings),
    )


def _subject(change: Change) -> Hashable:
    return change.action, change.username, change.project, change.group


def _found(change: Change) -> tuple[object, ...]:
    return change.before, change.user_id, change.project_id, change.group_id


def _differ(old: Change, new: Change) -> bool:
    return (_found(old), old.after, set(old.risk)) != (
        _found(new),
        new.after,
        set(new.risk),
    ) or _reworded(old.why, new.why)


def _verdicts_differ(old: GuardVerdict, new: GuardVerdict) -> bool:
    return (old.tripped, old.lifted) != (new.tripped, new.lifted) or _reworded(old.why, new.why)


def _reworded(old: Fact | None, new: Fact | None) -> bool:
    """Return whether a reason is another one; version 0.1.0 gave its wording only, which may be."""
    return old is not None and new is not None and old != new


def _content(source: PlanSource | None) -> Hashable:
    return None if source is None else (source.type, source.path, source.sha256, source.size)


def _numbered(things: Iterable[T], key: Callable[[T], Hashable]) -> dict[Hashable, T]:
    """Return the things by key; the second of the same key has a key of its own."""
    seen: Counter[Hashable] = Counter()
    found: dict[Hashable, T] = {}
    for thing in things:
        number = seen[key(thing)]
        seen[key(thing)] += 1
        found[key(thing), number] = thing
    return found


def _matched(old: Iterable[T], new: Iterable[T], key: Callable[[T], Hashable]) -> list[Pair[T]]:
    before, after = _numbered(old, key), _numbered(new, key)
    return [Pair(before.get(each), after.get(each)) for each in dict.fromkeys((*before, *after))]


def _only_in(these: Sequence[Finding], others: Sequence[Finding]) -> tuple[Finding, ...]:
    # Version 0.1.0 wrote no parameters: of such a code, it only counts where it was found.
    bare = {finding.code for finding in (*these, *others) if not finding.params}
    left = Counter(_finding(finding, bare) for finding in others)
    only = []
    for finding in these:
        key = _finding(finding, bare)
        if left[key]:
            left[key] -= 1
        else:
            only.append(finding)
    return tuple(only)


def _finding(finding: Finding, bare: Collection[str]) -> Hashable:
    # A row that moved up by one says what it said before.
    origin = finding.origin or Origin()
    said = () if finding.code in bare else (finding.case, finding.params)
    return finding.code, finding.value, origin.source, origin.column, origin.attribute, said
