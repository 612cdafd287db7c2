"""The guards that look at the sources: a broken export must not pass for the truth."""

from collections.abc import Iterator

from kanport.mapping.limit_spec import DEFAULT_SHRINK, SHRINK_FLOOR
from kanport.memory import SourceMemory
from kanport.normalize.columns import columns_used
from kanport.plan.guards.allowances import how_to_allow
from kanport.plan.guards.bounds import Counted, Held, Share, held_to, lifted
from kanport.plan.guards.situation import Situation, Usable
from kanport.plan.model import Action, Change, GuardVerdict, PlanSource, Risk

_SHRINK = Share(DEFAULT_SHRINK, SHRINK_FLOOR)


def not_empty(situation: Situation) -> Iterator[GuardVerdict]:
    """Stop where a source gives nothing, or nothing of a kind whose absence takes something away.

    A file without rows and a directory without people are refused when they are read. This is for
    rows of which not one could be used, and for lists that are there and hold nothing.
    """
    usable, rows = situation.usable, {source.name: source.rows for source in situation.sources}
    if usable is None:
        return
    for what, source in _silent(situation, usable):
        if source not in rows:
            continue
        number = situation.count(_LOST[what])
        losing = "1 change takes" if number == 1 else f"{number} changes take"
        read = "1 row was" if rows[source] == 1 else f"{rows[source]} rows were"
        held = lifted(
            f"the source {source} gives no {what}: {read} read, none of use for it, and {losing}"
            " something away",
            number,
            situation.allowed.most("empty", source),
        )
        yield GuardVerdict(
            guard="source-empty",
            tripped=not held.within,
            lifted=held.lifted,
            message=held.message,
            hint=None
            if held.within
            else "look at the source, and at what is found in its rows; if it is right,"
            f" {how_to_allow('empty', number, source)} lets it pass for one run",
        )


def _silent(situation: Situation, usable: Usable) -> Iterator[tuple[str, str]]:
    mapping, users = situation.mapping, situation.mapping.users
    held = any(situation.current.roles.get(number) for number in usable.scope)
    losing = {
        "users": users is not None and users.missing != "keep",
        "memberships": mapping.memberships_missing == "revoke" and held,
        "members of groups": bool(situation.count(_LOST["members of groups"])),
        "access of groups": bool(situation.count(_LOST["access of groups"])),
    }
    wanted = {
        "users": users.sources if users is not None else (),
        "memberships": tuple(rule.from_ for rule in mapping.memberships),
        "members of groups": tuple(rule.from_ for rule in mapping.groups if rule.member),
        "access of groups": tuple(rule.from_ for rule in mapping.group_access),
    }
    rows = {source.name: source.rows for source in situation.sources}
    for source in dict.fromkeys(name for names in wanted.values() for name in names if name):
        kinds = [kind for kind, names in wanted.items() if source in names]
        silent = [kind for kind in kinds if not usable.numbers.get((kind, source))]
        # Groups that are there and have no members give no rows, and there is nothing wrong.
        useless = bool(rows.get(source)) and silent == kinds
        told = [kind for kind in silent if losing[kind]] or (kinds[:1] if useless else [])
        for kind in told:
            yield kind, source


_LOST = {
    "users": frozenset({Action.USER_DISABLE, Action.USER_REMOVE}),
    "memberships": frozenset({Action.MEMBERSHIP_REVOKE}),
    "members of groups": frozenset({Action.GROUP_MEMBER_REMOVE, Action.GROUP_REMOVE}),
    "access of groups": frozenset({Action.GROUP_ACCESS_REVOKE}),
}


def not_shrunk(situation: Situation) -> Iterator[GuardVerdict]:
    """Stop where a source lost more than a share of its rows since the last good run."""
    for source, before in _remembered(situation):
        lost = before.rows - source.rows
        if lost <= 0:
            continue
        rows = f"{source.name} has {source.rows} rows, and had {before.rows} in the last good run"
        limit = situation.mapping.limits.shrink
        fewer = Counted(lost, before.rows, "rows")
        if limit is not None:
            held = held_to(limit, [fewer])
            why = held.message.replace("planned", "fewer")
        else:
            most = _SHRINK.of(before.rows)
            why = f"{lost} fewer, {most} allowed ({_SHRINK.percent}% by default)"
            held = Held(lost <= most, why)
        if not held.within:
            most_now = situation.allowed.most("shrink", source.name)
            held = lifted(why, lost, most_now)
            why = held.message
        yield GuardVerdict(
            guard="source-shrunk",
            tripped=not held.within,
            lifted=held.lifted,
            message=f"{rows}: {why}",
            hint=None
            if held.within
            else "was it exported to its end? If so many are really gone,"
            f" {how_to_allow('shrink', lost, source.name)} lets it pass for one run",
        )


def columns_there(situation: Situation) -> Iterator[GuardVerdict]:
    """Stop where nobody has a value any more in a column that the mapping reads.

    In the last good run somebody had; a column that is empty all at once was left out of the
    export, or its attribute may no longer be read.
    """
    used = columns_used(situation.mapping)
    for source, before in _remembered(situation):
        wanted = used.get(source.name)
        gone = before.columns - set(source.columns)
        gone = gone if wanted is None else gone & wanted
        if hidden := _hidden_attributes(source, before):
            gone = gone - {"active"} | hidden
        if not gone:
            continue
        names = ", ".join(f'"{name}"' for name in sorted(gone))
        held = lifted(
            f"{source.name} holds nothing any more in {names}, where the last good run found"
            " something",
            len(gone),
            situation.allowed.most("columns", source.name),
        )
        yield GuardVerdict(
            guard="columns-gone",
            tripped=not held.within,
            lifted=held.lifted,
            message=held.message,
            hint=None
            if held.within
            else "was it left out of the export, or may this login no longer read it? If it is"
            f" right, {how_to_allow('columns', len(gone), source.name)} lets it pass for one run",
        )


def not_stale(situation: Situation) -> Iterator[GuardVerdict]:
    """Stop where another server than before gives older data than the last good run had.

    Where nobody knows how old they are, only what takes away or enables is stopped.
    """
    for source in sorted(situation.sources, key=lambda source: source.name):
        directory = source.directory
        if directory is None or not directory.older:
            continue
        changes = [one for one in situation.changes if directory.older != "unknown" or _needs(one)]
        if not changes:
            continue
        held = lifted(
            _stale_words(source, situation),
            len(changes),
            situation.allowed.most("stale", source.name),
        )
        yield GuardVerdict(
            guard="source-stale",
            tripped=not held.within,
            lifted=held.lifted,
            message=held.message,
            hint=None
            if held.within
            else f"is {directory.server} an up-to-date copy? Repair {directory.first}, or"
            f" {how_to_allow('stale', len(changes), source.name)} accepts its data for one run",
        )


def _needs(change: Change) -> bool:
    return change.action in _NEEDS_FRESH or Risk.ACCESS_LOST in change.risk


_NEEDS_FRESH = frozenset({Action.USER_ENABLE}).union(*_LOST.values())


def _stale_words(source: PlanSource, situation: Situation) -> str:
    now, good = source.directory, situation.memory.last_good
    before = good.sources.get(source.name) if good is not None else None
    then = before.directory if before is not None else None
    said = f"{source.name} was read from {now.server if now else ''}"
    if now is None or before is None or then is None:
        other = f" and not from {now.first}" if now else ""
        return f"{said}{other}, and nothing tells whether its data are as new"
    whose = "" if then.server == now.server else f" those of {then.server} were"
    if now.older == "rows":
        return (
            f"{said}: it has {source.rows} rows, and {then.server} had {before.rows} in the last"
            " good run"
        )
    if now.older == "newest":
        return (
            f"{said}: its newest change is of {now.newest}, and {then.server} had one of"
            f" {then.newest} in the last good run"
        )
    return f"{said}, whose data are older than{whose or ' they were'} in the last good run"


def _hidden_attributes(source: PlanSource, before: SourceMemory) -> frozenset[str]:
    """Return the attributes behind computed columns that nobody has now, for want of a right.

    That nobody is locked any more is nothing odd where the directory proves it.
    """
    now, then = source.directory, before.directory
    if now is None or then is None:
        return frozenset()
    return then.seen & (frozenset(now.asked) - frozenset(now.seen) - frozenset(now.proven))


def _remembered(situation: Situation) -> Iterator[tuple[PlanSource, SourceMemory]]:
    """Give the sources that the last good run read as well, with what they were like then."""
    good = situation.memory.last_good
    if good is None:
        return
    for source in sorted(situation.sources, key=lambda source: source.name):
        if source.name in good.sources:
            yield source, good.sources[source.name]
