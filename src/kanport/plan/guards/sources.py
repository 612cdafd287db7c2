"""The guards that look at the sources: a broken export must not pass for the truth."""

from collections.abc import Iterator

from kanport.facts import Param, fact
from kanport.mapping.spec import DEFAULT_SHRINK, SHRINK_FLOOR
from kanport.memory import SourceMemory
from kanport.normalize.columns import columns_used
from kanport.plan.change import ENDS, Action, Change, Risk
from kanport.plan.guards.allowances import allow_key, over_limit
from kanport.plan.guards.context import GuardContext, SourceUsage, sources_by_kind
from kanport.plan.guards.limits import Counted, Share, limit_results, shown_parts
from kanport.plan.model import GuardVerdict, PlanDirectory, PlanSource
from kanport.relations import RELATIONS, About

_SHRINK = Share(DEFAULT_SHRINK, SHRINK_FLOOR)


def not_empty(context: GuardContext) -> Iterator[GuardVerdict]:
    """Stop where a source gives nothing, or nothing of a kind whose absence takes something away.

    A file without rows and a directory without people are refused when they are read. This is for
    rows of which not one could be used, and for lists that are there and hold nothing.
    """
    usable, rows = context.usable, {source.name: source.rows for source in context.sources}
    if usable is None:
        return
    for what, source in _silent(context, usable):
        if source not in rows:
            continue
        number = context.by_action.count(*_LOST[what])
        yield over_limit(
            "source-empty",
            allow_key("empty", source),
            number,
            context.allowed.most("empty", source),
            source=source,
            what=what,
            rows=rows[source],
            changes=number,
        )


def _silent(context: GuardContext, usable: SourceUsage) -> Iterator[tuple[str, str]]:
    mapping, users = context.mapping, context.mapping.users
    held = any(context.current.roles.get(number) for number in usable.scope)
    losing = {
        kind.called: bool(context.by_action.count(*_LOST[kind.called]))
        for kind in RELATIONS.values()
    }
    losing |= {
        "users": users is not None and users.missing != "keep",
        "memberships": RELATIONS[About.MEMBERSHIP].ends_unlisted(mapping) and held,
    }
    wanted = sources_by_kind(mapping)
    rows = {source.name: source.rows for source in context.sources}
    for source in dict.fromkeys(name for names in wanted.values() for name in names):
        kinds = [kind for kind, names in wanted.items() if source in names]
        silent = [kind for kind in kinds if (kind, source) not in usable.given]
        # Groups that are there and have no members give no rows, and there is nothing wrong.
        useless = bool(rows.get(source)) and silent == kinds
        told = [kind for kind in silent if losing[kind]] or (kinds[:1] if useless else [])
        for kind in told:
            yield kind, source


_LOST = {
    "users": frozenset({Action.USER_DISABLE, Action.USER_REMOVE}),
    **{RELATIONS[action.about].called: frozenset({action}) for action in ENDS},
}
_LOST["group members"] |= {Action.GROUP_REMOVE}


def not_shrunk(context: GuardContext) -> Iterator[GuardVerdict]:
    """Stop where a source lost more than a share of its rows since the last good run."""
    for source, before in _remembered(context):
        lost = before.rows - source.rows
        if lost <= 0:
            continue
        fewer = Counted(lost, before.rows, "rows")
        results = limit_results(context.mapping.limits.shrink or _SHRINK, [fewer])
        parts = shown_parts(results, "shrink")
        if any(result.exceeded for result in results):
            yield over_limit(
                "source-shrunk",
                allow_key("shrink", source.name),
                lost,
                context.allowed.most("shrink", source.name),
                source=source.name,
                rows=source.rows,
                before=before.rows,
                parts=parts,
            )
        else:
            yield GuardVerdict.of(
                fact(
                    "source-shrunk",
                    case="passed",
                    source=source.name,
                    rows=source.rows,
                    before=before.rows,
                    parts=parts,
                )
            )


def columns_there(context: GuardContext) -> Iterator[GuardVerdict]:
    """Stop where nobody has a value any more in a column that the mapping reads.

    In the last good run somebody had; a column that is empty all at once was left out of the
    export, or its attribute may no longer be read.
    """
    used = columns_used(context.mapping)
    for source, before in _remembered(context):
        wanted = used.get(source.name)
        gone = before.columns - set(source.columns)
        gone = gone if wanted is None else gone & wanted
        if hidden := _hidden_attributes(source, before):
            gone = gone - {"active"} | hidden
        if not gone:
            continue
        yield over_limit(
            "columns-gone",
            allow_key("columns", source.name),
            len(gone),
            context.allowed.most("columns", source.name),
            source=source.name,
            columns=tuple(sorted(gone)),
            count=len(gone),
        )


def not_stale(context: GuardContext) -> Iterator[GuardVerdict]:
    """Stop where another server than before gives older data than the last good run had.

    Where nobody knows how old they are, only what takes away or enables is stopped.
    """
    for source in sorted(context.sources, key=lambda source: source.name):
        directory = source.directory
        if directory is None or not directory.older:
            continue
        changes = [one for one in context.changes if directory.older != "unknown" or _needs(one)]
        if not changes:
            continue
        variant, older = _older(source, directory, context)
        yield over_limit(
            "source-stale",
            allow_key("stale", source.name),
            len(changes),
            context.allowed.most("stale", source.name),
            variant,
            source=source.name,
            server=directory.server,
            first=directory.first,
            **older,
        )


def _needs(change: Change) -> bool:
    return change.action in _NEEDS_FRESH or Risk.ACCESS_LOST in change.risk


_NEEDS_FRESH = frozenset({Action.USER_ENABLE}).union(*_LOST.values())


def _older(
    source: PlanSource, now: PlanDirectory, context: GuardContext
) -> tuple[str, dict[str, Param]]:
    """Return in which way data are older than in the last good run, with what shows it."""
    good = context.memory.last_good
    before = good.sources.get(source.name) if good is not None else None
    then = before.directory if before is not None else None
    if before is None or then is None:
        return "unknown", {}
    match now.older:
        case "rows":
            return "rows", {"rows": source.rows, "then": then.server, "before": before.rows}
        case "newest":
            return "newest", {"newest": now.newest, "then": then.server, "before": then.newest}
        case _:
            return "marks", {"then": then.server}


def _hidden_attributes(source: PlanSource, before: SourceMemory) -> frozenset[str]:
    """Return the attributes behind computed columns that nobody has now, for want of a right.

    That nobody is locked any more is nothing odd where the directory proves it.
    """
    now, then = source.directory, before.directory
    if now is None or then is None:
        return frozenset()
    return then.seen & (frozenset(now.asked) - frozenset(now.seen) - frozenset(now.proven))


def _remembered(context: GuardContext) -> Iterator[tuple[PlanSource, SourceMemory]]:
    """Yield the sources that the last good run read as well, with what they were like then."""
    good = context.memory.last_good
    if good is None:
        return
    for source in sorted(context.sources, key=lambda source: source.name):
        if source.name in good.sources:
            yield source, good.sources[source.name]
