"""Which relations the rows want: contradictions, repetitions, and what is uncertain."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from functools import partial
from typing import NamedTuple

import numpy as np

from kanport.coded import Coded, Codes, Flags, numbered, objects
from kanport.frames import Places, PlacesOf, Relations
from kanport.model import PROJECT_ROLE_RANK, DesiredRelation, Given, Pair, ProjectRole
from kanport.names import compare_key
from kanport.normalize.notes import Notes, Place, shown
from kanport.normalize.relations import RelationColumns, Requested
from kanport.normalize.rows import RelationRow, RowId, Value
from kanport.normalize.ruled import Numbers, spread, together
from kanport.normalize.rules import CellResult, State
from kanport.origin import Origin, RowPlace, in_place_order, place_order
from kanport.relations import RELATIONS, About, Cells

_Rows = Sequence[tuple[Origin, ...]]
"""The places of one part of a relation, in each of its rows."""

_SHOWN: Mapping[Cells, Callable[[_Rows], tuple[Origin, ...]]] = {
    Cells.EVERY: lambda rows: in_place_order(place for places in rows for place in places),
    Cells.FIRST_OF_EACH: lambda rows: in_place_order(places[0] for places in rows if places),
    Cells.FIRST: lambda rows: rows[0][:1],
    Cells.NONE: lambda rows: (),
}


class _Wanted(NamedTuple):
    """What a row wants of one holder and one target."""

    row: RelationRow
    holder: Value
    target: Value
    role: Value

    @property
    def place(self) -> Origin:
        """Where it wants that: in the cell of the role, or where a member is named."""
        at_holder = RELATIONS[self.row.kind].shown.role is Cells.NONE
        places = self.holder.origins if at_holder else self.role.origins or self.target.origins
        return places[0] if places else self.row.origin


def refuse_conflicts(rows: Iterable[RelationRow], notes: Notes) -> set[RowId]:
    """Find holders who are to have two roles in one project; return the ids of all such rows.

    Kanboard stores one role. The same role twice in a membership is a note, and so are several
    roles where all rows let the highest win.
    """
    bad: set[RowId] = set()
    for wanted in _by_pair(rows).values():
        places = in_place_order(one.place for one in wanted)
        first, roles = wanted[0], tuple(sorted({shown(one.role.text) for one in wanted}))
        note = partial(
            notes.add, origin=places[0], related=places[1:], project=shown(first.target.text)
        )
        conflict = len(roles) > 1
        if first.row.kind is About.GROUP_ACCESS and conflict:
            note("group-differs", case="role", group=shown(first.holder.text), roles=roles)
        elif first.row.kind is About.MEMBERSHIP:
            note = partial(note, username=shown(first.holder.text))
            highest = _highest(wanted)
            if conflict and highest is not None:
                conflict = False
                note("membership-highest", roles=roles, role=highest)
            elif conflict:
                note("membership-conflict", value=shown(first.role.text), roles=roles)
            elif len(places) > 1:
                note("membership-duplicate", role=roles[0], count=len(places))
        bad.update(one.row.id for one in wanted if conflict)
    return bad


def _highest(wanted: Sequence[_Wanted]) -> str | None:
    """Return the role that wins; None where the rows do not let one win, or two rank the same.

    A custom role ranks like a project manager, as Kanboard ranks the roles of several groups.
    """
    if not all(one.row.highest for one in wanted):
        return None
    top = PROJECT_ROLE_RANK[ProjectRole.MANAGER]
    ranks = {one.role.text: PROJECT_ROLE_RANK.get(one.role.text, top) for one in wanted}
    best = [role for role, rank in ranks.items() if rank == max(ranks.values())]
    return best[0] if len(best) == 1 else None


def _by_pair(rows: Iterable[RelationRow]) -> dict[tuple[str, str], list[_Wanted]]:
    """Return what rows want, by the keys of holder and target, in the order of the places."""
    found: dict[tuple[str, str], list[_Wanted]] = {}
    for row in rows:
        key_of = RELATIONS[row.kind].apart
        for holder, target, role in row.usable:
            key = compare_key(holder.text), key_of(target.text)
            found.setdefault(key, []).append(_Wanted(row, holder, target, role))
    for wanted in found.values():
        wanted.sort(key=lambda one: (place_order(one.place), one.holder.text))
    return found


def uncertain_pairs(rows: Iterable[RelationRow], bad: Collection[RowId]) -> Iterator[Pair]:
    """Yield what unusable rows and hidden values leave open, as exactly as they can be read."""
    for row in rows:
        yield from row.pairs(hidden=row.id not in bad)


def withheld_pairs(rows: Iterable[RelationRow]) -> Iterator[Pair]:
    """Yield what rows leave open that may mean somebody else; what other rows grant stands."""
    return (pair for row in rows if row.withheld for pair in row.pairs())


# --- by columns -----------------------------------------------------------------------------------


class _Named(NamedTuple):
    """A holder whom several rows may name alike, and where in a row."""

    text: str
    places: tuple[Place, ...]


class _Asked(NamedTuple):
    """What several rows may ask for alike: a role and a target, and where in a row both stand."""

    target: str
    role: str
    target_places: tuple[Place, ...]
    role_places: tuple[Place, ...]


class _RowPlaces(Places):
    """The origins of what one row asks for."""

    __slots__ = ("_asked", "_named", "_read", "_row", "_shown")

    def __init__(self, read: RelationColumns, row: int, named: _Named, asked: _Asked) -> None:
        self._read, self._row, self._named, self._asked = read, row, named, asked
        self._shown = RELATIONS[read.kind].shown

    @property
    def holder(self) -> tuple[Origin, ...]:
        return self._origins(self._shown.holder, self._named.places)

    @property
    def target(self) -> tuple[Origin, ...]:
        return self._origins(self._shown.target, self._asked.target_places)

    @property
    def role(self) -> tuple[Origin, ...]:
        return self._origins(self._shown.role, self._asked.role_places)

    def _origins(self, shown: Cells, places: tuple[Place, ...]) -> tuple[Origin, ...]:
        rows, row = self._read.rows, self._row
        if shown is Cells.NONE or not places:
            return ()
        if len(places) == 1:
            return (rows.place(row, places[0]),)
        return _SHOWN[shown]([tuple(rows.place(row, place) for place in places)])


class Requests:
    """Everything of one kind that the rows of all rules ask for, by columns.

    Almost all of it is plain: the pair of holder and target is asked for once, nothing is wrong
    with its row, and nothing about it is open. Only the other rows become objects.
    """

    def __init__(self, kind: About, read: Sequence[RelationColumns], holders: Numbers) -> None:
        """Number what the rules read; `holders` are the numbers of the compare keys of holders."""
        self._kind, self._read, self._holder_keys = kind, read, holders
        named: dict[_Named, int] = {}
        asked: dict[_Asked, int] = {}
        parts = [self._requests(rule, one, named, asked) for rule, one in enumerate(read)]
        nothing = np.zeros(0, dtype=np.intp)
        columns = [np.concatenate(part) for part in zip(*parts, strict=True)] or [nothing] * 4
        self._rule, self._row, self._name, self._ask = columns
        self._named, self._asked, self._target_keys = list(named), list(asked), Numbers()
        key_of = RELATIONS[kind].apart
        self._who = holders.of(compare_key(one.text) for one in self._named)[self._name]
        self._target = self._target_keys.of(key_of(one.target) for one in self._asked)[self._ask]
        pairs, _ = together([self._who, self._target])
        self._repeated = (np.bincount(pairs) > 1)[pairs] if len(pairs) else pairs.astype(bool)
        self._uncertain = [columns.withheld | columns.hidden for columns in read]

    def _requests(
        self,
        rule: int,
        columns: RelationColumns,
        named: dict[_Named, int],
        asked: dict[_Asked, int],
    ) -> tuple[Codes, Codes, Codes, Codes]:
        given = State.GIVEN

        def names(holders: tuple[CellResult, ...]) -> list[int]:
            return [
                named.setdefault(_Named(one.text, one.places), len(named))
                for one in holders
                if one.state is given
            ]

        def asks(requested: Requested) -> list[int]:
            return [
                asked.setdefault(
                    _Asked(target.text, role.text, target.places, role.places), len(asked)
                )
                for target, role in requested.requests
                if target.state is role.state is given
            ]

        found = [spread(list(map(asks, one.outcomes)), one.codes) for one in columns.requested]
        rows = np.concatenate([rows for rows, _ in found])
        ask = np.concatenate([asks for _, asks in found])
        holders = columns.holders
        at, name = spread(list(map(names, holders.outcomes)), holders.codes[rows])
        rows, ask = rows[at], ask[at]
        kept = ~columns.aside[rows]
        return np.full(kept.sum(), rule), rows[kept], name[kept], ask[kept]

    def rows(self, bad: Collection[RowId] = ()) -> list[RelationRow]:
        """Return the rows that are not plain, as objects; rows in `bad` are among them."""
        return [
            columns.row(row)
            for rule, columns in enumerate(self._read)
            for row in np.flatnonzero(self._special(rule, bad)).tolist()
        ]

    def _special(self, rule: int, bad: Collection[RowId]) -> Flags:
        columns = self._read[rule]
        special = columns.rows.flags(bad) | self._uncertain[rule]
        special[self._row[self._repeated & (self._rule == rule)]] = True
        return special & ~columns.aside

    def relations(
        self,
        *,
        bad: Collection[RowId],
        left_out: Collection[str] = (),
        called: Mapping[str, str] | None = None,
    ) -> Relations:
        """Return what usable rows want, in the order of the keys.

        Left out are pairs that an unusable row leaves open, and whatever holders want whose compare
        keys are `left_out`: an account in doubt gains nothing. `called` are what targets are
        called, by their key, where that is not what a row calls them.
        """
        rows = self.rows(bad)
        doubtful = set(uncertain_pairs(rows, bad))
        plain = ~self._holder_keys.flags(left_out)[self._who] & ~self._among(doubtful)
        plain &= ~self._by_row(lambda rule: self._special(rule, bad))
        chosen = np.flatnonzero(plain)
        others = list(self._others(rows, bad, left_out, doubtful))
        keys, made = [pair for pair, _ in others], [relation for _, relation in others]
        who = np.append(self._who[chosen], self._holder_keys.of(key for key, _ in keys))
        target = np.append(self._target[chosen], self._target_keys.of(key for _, key in keys))
        order = np.lexsort((self._target_keys.ranks[target], self._holder_keys.ranks[who]))
        key_of = RELATIONS[self._kind].key_of

        def name_of(target: str) -> str:
            return target if called is None else called.get(key_of(target), target)

        def maybe_in(rows: Set[RowPlace]) -> Flags:
            plain = self._by_row(lambda rule: self._read[rule].rows.maybe_in(rows))[chosen]
            return np.append(plain, np.full(len(made), bool(rows)))[order]

        def places(at: int) -> Places:
            number = order.item(at)
            if number < len(chosen):
                return self._places(chosen.item(number))
            return PlacesOf(made[number - len(chosen)])

        def cells(numbers: Codes) -> Iterator[tuple[Origin, ...]]:
            ordered = order[numbers]
            plain = self._cells(chosen[ordered[ordered < len(chosen)]])
            for number in ordered.tolist():
                other = number - len(chosen)
                yield next(plain) if other < 0 else PlacesOf(made[other]).cells

        names, asked = self._name[chosen], self._ask[chosen]
        holders = [one.holder.value for one in made]
        targets = [name_of(one.target.value) for one in made]
        roles = [one.role.value for one in made]
        unlisted = self._by_row(lambda rule: self._read[rule].unlisted)[chosen]
        return Relations(
            self._kind,
            _column([one.text for one in self._named], names, holders, order),
            _column([name_of(one.target) for one in self._asked], asked, targets, order),
            _column([one.role for one in self._asked], asked, roles, order),
            np.append(unlisted, np.array([one.unlisted for one in made], dtype=bool))[order],
            places,
            cells,
            maybe_in,
        )

    def _others(
        self,
        rows: Iterable[RelationRow],
        bad: Collection[RowId],
        left_out: Collection[str],
        doubtful: Set[Pair],
    ) -> Iterator[tuple[tuple[str, str], DesiredRelation]]:
        """Yield the relations that usable ones of these rows want, each with its keys."""
        key_of = RELATIONS[self._kind].key_of
        of_holder, of_target, of_role = (_SHOWN[cells] for cells in RELATIONS[self._kind].shown)
        for key, wanted in _by_pair(rows).items():
            good = [one for one in wanted if one.row.id not in bad and not one.row.withheld]
            pair = key[0], key_of(wanted[0].target.text)
            if not good or key[0] in left_out or pair in doubtful:
                continue
            # All of the highest role come first, so that its places are the ones that are shown.
            role = _highest(good) or good[0].role.text
            good = [one for one in good if one.role.text == role]
            first = good[0]
            relation = DesiredRelation(
                self._kind,
                Given(first.holder.text, of_holder([one.holder.origins for one in good])),
                Given(first.target.text, of_target([one.target.origins for one in good])),
                Given(role, of_role([one.role.origins for one in good])),
                unlisted=all(one.row.unlisted for one in good),
            )
            yield key, relation

    def _by_row(self, flags: Callable[[int], Flags]) -> Flags:
        """Return for each request the flag of its row; `flags` returns those of a rule's rows."""
        found = np.zeros(len(self._row), dtype=bool)
        for rule in range(len(self._read)):
            own = self._rule == rule
            found[own] = flags(rule)[self._row[own]]
        return found

    def _among(self, pairs: Collection[Pair]) -> Flags:
        """Return which requests are for a holder and a target of these pairs of keys."""
        if not pairs:
            return np.zeros(len(self._who), dtype=bool)
        spelled, key_of = Numbers(), RELATIONS[self._kind].key_of
        targets = spelled.of(key_of(one.target) for one in self._asked)[self._ask]
        exact = [(who, what) for who, what in pairs if who is not None and what is not None]
        width = len(spelled.texts) + len(exact) + 1
        holders = self._holder_keys.of(who for who, _ in exact)
        open_ = holders * width + spelled.of(what for _, what in exact)
        return np.isin(self._who * width + targets, open_)

    def _places(self, number: int) -> Places:
        read, row = self._read[self._rule.item(number)], self._row.item(number)
        named, asked = self._named[self._name.item(number)], self._asked[self._ask.item(number)]
        return _RowPlaces(read, row, named, asked)

    def _cells(self, numbers: Codes) -> Iterator[tuple[Origin, ...]]:
        """Yield the `cells` of the places of requests; nearly all have their role in one cell."""
        shown = RELATIONS[self._kind].shown.role is not Cells.NONE
        alone = [
            one.role_places[0] if shown and len(one.role_places) == 1 else None
            for one in self._asked
        ]
        found: dict[tuple[int, Place], Callable[[int], Origin]] = {}
        for number, rule, row, ask in zip(
            numbers.tolist(),
            self._rule[numbers].tolist(),
            self._row[numbers].tolist(),
            self._ask[numbers].tolist(),
            strict=True,
        ):
            if (place := alone[ask]) is None:
                yield self._places(number).cells
                continue
            if (cell := found.get((rule, place))) is None:
                cell = found[rule, place] = self._read[rule].rows.places(place)
            yield (cell(row),)


def _column(texts: Iterable[str], plain: Codes, special: Iterable[str], order: Codes) -> Coded:
    """Return texts in order: the plain ones by their numbers, then the special ones."""
    numbers = Numbers()
    known = numbers.of(texts)
    codes = np.append(known[plain], numbers.of(special))
    # Only texts that are still wanted are to be in the column.
    codes, used = numbered(codes[order])
    distinct = numbers.texts
    return Coded(objects(distinct[number] for number in used), codes)
