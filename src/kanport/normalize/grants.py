"""Which memberships the rows want: contradictions, repetitions, and what is left open."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial

from kanport.model import PROJECT_ROLE_RANK, DesiredMembership, Given, ProjectRole
from kanport.names import case_key, compare_key, spelling_key
from kanport.normalize.notes import Notes, shown
from kanport.normalize.rows import Ask, MemberRow, RowId
from kanport.normalize.value import State, Value
from kanport.origin import Origin, in_place_order, place_order

Pair = tuple[str | None, str | None]
"""The keys of a person and a project (`kanport.names`); None for one that could not be read."""


def person_key(row: MemberRow) -> str | None:
    """Give the compare key of the person that a row names; None where it names nobody readable."""
    return compare_key(row.username.text) if row.username.state is State.GIVEN else None


def refuse_conflicts(rows: Iterable[MemberRow], notes: Notes) -> set[RowId]:
    """Find people who are to have two roles in one project; give the ids of all rows that say so.

    The same role twice is only told, and so are several roles where all rows let the highest win.
    """
    bad: set[RowId] = set()
    for wanted in _by_pair(rows).values():
        places = in_place_order(_role_place(row, ask) for row, ask in wanted)
        row, ask = wanted[0]
        roles = tuple(sorted({shown(ask.role.text) for _, ask in wanted}))
        highest = _highest(wanted)
        tell = partial(
            notes.add,
            origin=places[0],
            related=places[1:],
            username=shown(row.username.text),
            project=shown(ask.project.text),
        )
        if len(roles) > 1 and highest is not None:
            tell("membership-highest", roles=roles, role=highest)
        elif len(roles) > 1:
            tell("membership-conflict", value=shown(ask.role.text), roles=roles)
            bad.update(row.id for row, _ in wanted)
        elif len(places) > 1:
            tell("membership-duplicate", role=roles[0], count=len(places))
    return bad


def _highest(wanted: Sequence[tuple[MemberRow, Ask]]) -> str | None:
    """Give the role that wins; None where the rows do not let one win, or two rank the same.

    A custom role ranks like a project manager, as Kanboard ranks the roles of several groups.
    """
    if not all(row.highest for row, _ in wanted):
        return None
    top = PROJECT_ROLE_RANK[ProjectRole.MANAGER]
    ranks = {ask.role.text: PROJECT_ROLE_RANK.get(ask.role.text, top) for _, ask in wanted}
    best = [role for role, rank in ranks.items() if rank == max(ranks.values())]
    return best[0] if len(best) == 1 else None


def _by_pair(rows: Iterable[MemberRow]) -> dict[tuple[str, str], list[tuple[MemberRow, Ask]]]:
    found: dict[tuple[str, str], list[tuple[MemberRow, Ask]]] = {}
    for row in rows:
        who = person_key(row)
        if who is not None:
            for ask in row.wants:
                key = who, case_key(ask.project.text)
                found.setdefault(key, []).append((row, ask))
    for wanted in found.values():
        wanted.sort(key=lambda pair: place_order(_role_place(*pair)))
    return found


def memberships(
    rows: Sequence[MemberRow], *, bad: Collection[RowId], unknown: Collection[str]
) -> tuple[DesiredMembership, ...]:
    """Give the memberships that usable rows want, without those that an unusable row leaves open.

    People in `unknown` (whose user rows cannot be used) are left out with all their memberships:
    an account in doubt gains nothing.
    """
    doubtful = set(open_pairs(rows, bad))
    found = []
    for (who, _), wanted in sorted(_by_pair(rows).items()):
        project = spelling_key(wanted[0][1].project.text)
        good = [(row, ask) for row, ask in wanted if row.id not in bad and not row.withheld]
        if not good or who in unknown or (who, project) in doubtful:
            continue
        # All of the highest role come first, so that its places are the ones to be told.
        role = _highest(good) or good[0][1].role.text
        good = [(row, ask) for row, ask in good if ask.role.text == role]
        row, ask = good[0]
        found.append(
            DesiredMembership(
                _given(row.username.text, (row.username for row, _ in good)),
                _given(ask.project.text, (ask.project for _, ask in good)),
                _given(ask.role.text, (ask.role for _, ask in good)),
                unlisted=all(row.unlisted for row, _ in good),
            )
        )
    return tuple(found)


def _given(text: str, values: Iterable[Value]) -> Given[str]:
    return Given(text, in_place_order(place for value in values for place in value.origins))


def open_pairs(rows: Iterable[MemberRow], bad: Collection[RowId]) -> Iterator[Pair]:
    """Give what unusable rows and hidden values leave open, as exactly as they can be read."""
    rows = tuple(rows)
    yield from _pairs(row for row in rows if row.id in bad)
    for row in rows:
        who = person_key(row)
        for ask in row.asks:
            if ask.role.state is State.UNKNOWN and ask.project.state is State.GIVEN:
                yield who, spelling_key(ask.project.text)
            if ask.project.state is State.UNKNOWN:
                yield who, None


def withheld_pairs(rows: Iterable[MemberRow]) -> Iterator[Pair]:
    """Return what rows leave open that may mean somebody else; what other rows grant stands."""
    return _pairs(row for row in rows if row.withheld)


def _pairs(rows: Iterable[MemberRow]) -> Iterator[Pair]:
    for row in rows:
        who = person_key(row)
        for ask in row.asks:
            if ask.project.state is State.GIVEN:
                yield who, spelling_key(ask.project.text)
        if row.open:
            yield who, None


def projects_named(
    rows: Iterable[MemberRow], constants: Iterable[Given[str]]
) -> tuple[Given[str], ...]:
    """Give every project that a row or the mapping speaks of, each with the first place of it."""
    places: dict[str, list[Given[str]]] = {}
    for given in constants:
        places.setdefault(case_key(given.value), []).append(given)
    for row in rows:
        for ask in row.asks:
            if ask.project.state is State.GIVEN:
                given = Given(ask.project.text, ask.project.origins[:1])
                places.setdefault(case_key(given.value), []).append(given)
    return tuple(
        min(named, key=lambda given: place_order(given.origins[0]))
        for _, named in sorted(places.items())
    )


def _role_place(row: MemberRow, ask: Ask) -> Origin:
    places = ask.role.origins or ask.project.origins
    return places[0] if places else row.origin
