"""Which memberships the rows want: contradictions, repetitions, and what is left open."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Set
from functools import partial
from typing import NamedTuple

import numpy as np

from kanport.coded import Coded, Codes, Flags, numbered, objects
from kanport.frames import Places, PlacesOf, Relations
from kanport.model import PROJECT_ROLE_RANK, About, DesiredRelation, Given, Pair, ProjectRole
from kanport.names import case_key, spelling_key
from kanport.normalize.memberships import MemberColumns, Said
from kanport.normalize.notes import Notes, Place, shown
from kanport.normalize.rows import Ask, MemberRow, RowId
from kanport.normalize.ruled import Numbers, first_of, spread, together
from kanport.normalize.users import person_key
from kanport.normalize.value import State, Value
from kanport.origin import Origin, RowPlace, in_place_order, place_order


def refuse_conflicts(rows: Iterable[MemberRow], notes: Notes) -> set[RowId]:
    """Find people who are to have two roles in one project; give the ids of all rows that say so.

    The same role twice is a note, and so are several roles where all rows let the highest win.
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
        who = person_key(row.username)
        if who is not None:
            for ask in row.wants:
                key = who, case_key(ask.project.text)
                found.setdefault(key, []).append((row, ask))
    for wanted in found.values():
        wanted.sort(key=lambda pair: place_order(_role_place(*pair)))
    return found


def wanted_by(
    rows: Iterable[MemberRow],
    *,
    bad: Collection[RowId],
    unknown: Collection[str],
    doubtful: set[Pair],
) -> Iterator[tuple[tuple[str, str], DesiredRelation]]:
    """Yield the memberships that usable rows want, each with its key.

    Left out are pairs in `doubtful`, which an unusable row leaves open, and all memberships of
    people in `unknown`, whose user rows cannot be used: an account in doubt gains nothing.
    """
    for key, wanted in _by_pair(rows).items():
        project = spelling_key(wanted[0][1].project.text)
        good = [(row, ask) for row, ask in wanted if row.id not in bad and not row.withheld]
        if not good or key[0] in unknown or (key[0], project) in doubtful:
            continue
        # All of the highest role come first, so that its places are the ones that are shown.
        role = _highest(good) or good[0][1].role.text
        good = [(row, ask) for row, ask in good if ask.role.text == role]
        row, ask = good[0]
        yield (
            key,
            DesiredRelation(
                About.MEMBERSHIP,
                _given(row.username.text, (row.username for row, _ in good)),
                _given(ask.project.text, (ask.project for _, ask in good)),
                _given(ask.role.text, (ask.role for _, ask in good)),
                unlisted=all(row.unlisted for row, _ in good),
            ),
        )


def _given(text: str, values: Iterable[Value]) -> Given[str]:
    return Given(text, in_place_order(place for value in values for place in value.origins))


def open_pairs(rows: Iterable[MemberRow], bad: Collection[RowId]) -> Iterator[Pair]:
    """Give what unusable rows and hidden values leave open, as exactly as they can be read."""
    rows = tuple(rows)
    yield from _pairs(row for row in rows if row.id in bad)
    for row in rows:
        who = person_key(row.username)
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
        who = person_key(row.username)
        for ask in row.asks:
            if ask.project.state is State.GIVEN:
                yield who, spelling_key(ask.project.text)
        if row.open:
            yield who, None


def _role_place(row: MemberRow, ask: Ask) -> Origin:
    places = ask.role.origins or ask.project.origins
    return places[0] if places else row.origin


# --- by columns -----------------------------------------------------------------------------------


class _Asked(NamedTuple):
    """What several rows may ask for alike: a role in a project, and where in a row both stand."""

    project: str
    role: str
    project_places: tuple[Place, ...]
    role_places: tuple[Place, ...]


class _RowPlaces(Places):
    """The origins of what one row asks for."""

    __slots__ = ("_asked", "_read", "_row")

    def __init__(self, read: MemberColumns, row: int, asked: _Asked) -> None:
        self._read, self._row, self._asked = read, row, asked

    @property
    def holder(self) -> tuple[Origin, ...]:
        return self._origins(self._read.username[self._row].places)

    @property
    def target(self) -> tuple[Origin, ...]:
        return self._origins(self._asked.project_places)

    @property
    def role(self) -> tuple[Origin, ...]:
        return self._origins(self._asked.role_places)

    def _origins(self, places: tuple[Place, ...]) -> tuple[Origin, ...]:
        rows, row = self._read.rows, self._row
        if len(places) == 1:
            return (rows.place(row, places[0]),)
        return in_place_order(rows.place(row, place) for place in places)


class Requests:
    """Everything that the rows of all rules ask for, by columns: who, in which project, as what.

    Almost all of it is plain: the pair of person and project is asked for once, nothing is wrong
    with its row, and nothing about it is open. Only the other rows become objects.
    """

    def __init__(self, read: Sequence[MemberColumns], people: Numbers) -> None:
        """Take what the rules read; `people` are the numbers of the compare keys of people."""
        self._read, self._people = read, people
        self._names, self._projects = Numbers(), Numbers()
        numbers: dict[_Asked, int] = {}
        parts = [self._requests(rule, columns, numbers) for rule, columns in enumerate(read)]
        nothing = np.zeros(0, dtype=np.intp)
        columns = [np.concatenate(part) for part in zip(*parts, strict=True)] or [nothing] * 5
        self._rule, self._row, self._who, self._name, self._ask = columns
        self._asked = list(numbers)
        self._project = self._projects.of(case_key(one.project) for one in self._asked)[self._ask]
        pairs, _ = together([self._who, self._project])
        self._repeated = (np.bincount(pairs) > 1)[pairs] if len(pairs) else pairs.astype(bool)

    def _requests(
        self, rule: int, columns: MemberColumns, numbers: dict[_Asked, int]
    ) -> tuple[Codes, Codes, Codes, Codes, Codes]:
        given = State.GIVEN

        def asked(said: Said) -> list[int]:
            return [
                numbers.setdefault(
                    _Asked(project.text, role.text, project.places, role.places), len(numbers)
                )
                for project, role in said.asks
                if project.state is role.state is given
            ]

        found = [spread(list(map(asked, one.outcomes)), one.codes) for one in columns.said]
        rows = np.concatenate([rows for rows, _ in found])
        asks = np.concatenate([asks for _, asks in found])
        names = columns.username
        who = self._people.of(person_key(one) for one in names.outcomes)[names.codes][rows]
        called = self._names.of(one.text for one in names.outcomes)[names.codes][rows]
        kept = (who >= 0) & ~columns.aside[rows]
        return np.full(kept.sum(), rule), rows[kept], who[kept], called[kept], asks[kept]

    def rows(self, bad: Collection[RowId] = ()) -> list[MemberRow]:
        """Return the rows that are not plain, as objects; rows in `bad` are among them."""
        return [
            columns.row(row)
            for rule, columns in enumerate(self._read)
            for row in np.flatnonzero(self._special(rule, bad)).tolist()
        ]

    def _special(self, rule: int, bad: Collection[RowId]) -> Flags:
        columns = self._read[rule]
        special = columns.rows.flags(bad) | columns.withheld
        for said in columns.said:
            special |= said.where(lambda one: one.is_hidden)
        special[self._row[self._repeated & (self._rule == rule)]] = True
        return special & ~columns.aside

    def memberships(self, *, bad: Collection[RowId], unknown: Collection[str]) -> Relations:
        """Return what usable rows want, in the order of the keys; see `wanted_by`."""
        rows = self.rows(bad)
        doubtful = set(open_pairs(rows, bad))
        plain = ~self._people.flags(unknown)[self._who] & ~self._among(doubtful)
        plain &= ~self._by_row(lambda rule: self._special(rule, bad))
        chosen = np.flatnonzero(plain)
        others = list(wanted_by(rows, bad=bad, unknown=unknown, doubtful=doubtful))
        made = [membership for _, membership in others]
        who = np.append(self._who[chosen], self._people.of(who for (who, _), _ in others))
        project = np.append(self._project[chosen], self._projects.of(key for (_, key), _ in others))
        order = np.lexsort((self._projects.ranks[project], self._people.ranks[who]))
        asked = self._ask[chosen]

        def column(texts: Iterable[str], plain: Codes, special: Iterable[Given[str]]) -> Coded:
            numbers = Numbers()
            known = numbers.of(texts)
            codes = np.append(known[plain], numbers.of(given.value for given in special))
            # Only texts that are still wanted are to be in the column.
            codes, used = numbered(codes[order])
            distinct = numbers.texts
            return Coded(objects(distinct[number] for number in used), codes)

        unlisted = self._by_row(lambda rule: self._read[rule].unlisted)[chosen]

        def maybe_in(rows: Set[RowPlace]) -> Flags:
            plain = self._by_row(lambda rule: self._read[rule].rows.maybe_in(rows))[chosen]
            return np.append(plain, np.full(len(made), bool(rows)))[order]

        def places(at: int) -> Places:
            number = order.item(at)
            if number < len(chosen):
                return self._places(chosen.item(number))
            return PlacesOf(made[number - len(chosen)])

        return Relations(
            About.MEMBERSHIP,
            column(self._names.texts, self._name[chosen], (one.holder for one in made)),
            column([one.project for one in self._asked], asked, (one.target for one in made)),
            column([one.role for one in self._asked], asked, (one.role for one in made)),
            np.append(unlisted, np.array([one.unlisted for one in made], dtype=bool))[order],
            places,
            maybe_in,
        )

    def _by_row(self, flags: Callable[[int], Flags]) -> Flags:
        """Return for each request the flag of its row; `flags` returns those of a rule's rows."""
        found = np.zeros(len(self._row), dtype=bool)
        for rule in range(len(self._read)):
            own = self._rule == rule
            found[own] = flags(rule)[self._row[own]]
        return found

    def _among(self, pairs: Collection[Pair]) -> Flags:
        """Return which requests are for a person and a project of these pairs of keys."""
        if not pairs:
            return np.zeros(len(self._who), dtype=bool)
        spelled = Numbers()
        projects = spelled.of(spelling_key(one.project) for one in self._asked)[self._ask]
        exact = [(who, what) for who, what in pairs if who is not None and what is not None]
        width = len(spelled.texts) + len(exact) + 1
        people = self._people.of(who for who, _ in exact)
        open_ = people * width + spelled.of(what for _, what in exact)
        return np.isin(self._who * width + projects, open_)

    def _places(self, number: int) -> Places:
        read, asked = self._read[self._rule.item(number)], self._asked[self._ask.item(number)]
        return _RowPlaces(read, self._row.item(number), asked)

    def projects_named(self, constants: Iterable[Given[str]]) -> tuple[Given[str], ...]:
        """Return every project that a row or the mapping speaks of, with the first place of it."""
        first: dict[str, tuple[object, Given[str]]] = {}

        def take(given: Given[str], *, aside: bool = False) -> None:
            key, rank = case_key(given.value), (place_order(given.origins[0]), aside)
            if key not in first or rank < first[key][0]:  # type: ignore[operator]
                first[key] = rank, given

        for given in constants:
            take(given)
        for columns in self._read:
            for column in columns.said:
                every = range(len(columns.rows))
                # Where all rows have the place at the same column, the first row has the first.
                for row in first_of(column.codes).tolist() if columns.rows.alike else every:
                    for project, _ in column[row].asks:
                        if project.state is State.GIVEN:
                            place = columns.rows.place(row, project.places[0])
                            take(Given(project.text, (place,)), aside=bool(columns.aside[row]))
        return tuple(given for _, (_, given) in sorted(first.items()))
