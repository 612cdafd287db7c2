"""Track what the input leaves open, so that Kanport removes nothing without evidence."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import field, replace
from typing import Self

import numpy as np

from kanport.coded import Flags
from kanport.findings import Finding, errors_in
from kanport.frames import DesiredUsers, Places, PlacesOf, Relations
from kanport.model import Blocker, DesiredRelation, DesiredState, DesiredUser, Pair, Unknown
from kanport.names import compare_key
from kanport.origin import Origin, RowPlace, row_places
from kanport.records import dataclass
from kanport.relations import OF_USERS, RELATIONS, About


def user_rows(user: DesiredUser) -> frozenset[RowPlace]:
    """Return the rows that name this person."""
    return row_places(user.rows or user.username.origins)


def relation_rows(relation: DesiredRelation) -> frozenset[RowPlace]:
    """Return the rows that ask for this relation."""
    return row_places(_cells_of(relation.kind, PlacesOf(relation)))


def _cells_of(kind: About, places: Places) -> tuple[Origin, ...]:
    """Return the cells whose rows ask for a relation."""
    cells = (getattr(places, part) for part in RELATIONS[kind].evidence)
    return next(filter(None, cells), ())


@dataclass(frozen=True, slots=True)
class Invalid:
    """What must not be used: whole rows, people (compare keys), and single memberships.

    A membership is named by the texts of its username and its project. `strangers` are usernames
    that nobody has, and `misnamed` are texts that are no project: with a slip of the pen in it,
    such a row may mean anybody, or any project.
    """

    rows: Set[RowPlace] = frozenset()
    people: Set[str] = frozenset()
    memberships: Set[tuple[str, str]] = frozenset()
    strangers: Set[str] = frozenset()
    misnamed: Set[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.rows or self.people or self.memberships)

    @classmethod
    def from_findings(cls, findings: Iterable[Finding]) -> Self:
        """Return the rows that a finding of severity error makes invalid.

        The places that such a finding relates to are as doubtful as its own: of two rows that
        contradict each other, neither is known to be the right one.
        """
        places = [
            place
            for finding in errors_in(findings)
            for place in (finding.origin, *finding.related)
            if place is not None
        ]
        return cls(rows=row_places(places))

    def with_rows(self, desired: DesiredState) -> Self:
        """Return the same with the whole rows that ask for what is invalid."""
        rows = set(self.rows)
        if self.people:
            users = DesiredUsers.of(desired.users)
            for user in users.chosen(users.having(self.people)):
                rows |= user_rows(user)
        if self.memberships:
            memberships = Relations.of(desired)
            for membership in memberships.chosen(_named(memberships, self.memberships)):
                rows |= relation_rows(membership)
        return replace(self, rows=rows)


def without(desired: DesiredState, invalid: Invalid) -> DesiredState:
    """Return the desired state without what is invalid; whoever that names is unknown from then on.

    A membership that a valid row asks for as well stays.
    """
    if not invalid:
        return desired
    users = DesiredUsers.of(desired.users)
    is_out = np.zeros(len(users), dtype=bool)
    is_out[users.having(invalid.people)] = True
    for at in np.flatnonzero(users.maybe_in(invalid.rows) & ~is_out).tolist():
        is_out[at] = not invalid.rows.isdisjoint(user_rows(users[at]))
    bad_users = users.chosen(is_out)
    usable: dict[About, Relations] = {}
    left_open: dict[About, set[Pair]] = {}
    people, strangers = {user.key for user in bad_users}, set(desired.unknown.strangers)
    listed = {*users.keys, *(desired.unknown.people - strangers)}
    because = {
        Blocker("row", user.key, place)
        for user in bad_users
        for place in user.rows or user.username.origins
    }
    for kind in RELATIONS:
        relations = Relations.of(desired, kind)
        is_bad = _are_bad(relations, invalid)
        usable[kind], left_open[kind] = relations.chosen(~is_bad), set()
        for one in relations.chosen(is_bad):
            pair: Pair = one.key
            if kind is About.MEMBERSHIP:
                pair = _open_access(one, invalid)
                people |= {one.key[0]} if one.holder.value not in invalid.strangers else set()
            if kind in OF_USERS and not one.unlisted and one.key[0] not in listed:
                strangers.add(one.key[0])
                if one.holder.value in invalid.strangers:
                    left_open[kind].add(one.key)
            left_open[kind].add(pair)
            places = _cells_of(kind, PlacesOf(one))
            because.update(Blocker("row", pair[0], place, kind, pair[1]) for place in places)
    ids = {(user.key, user.stable_id.value) for user in bad_users if user.stable_id}
    return desired.with_relations(
        usable,
        users=users.chosen(~is_out),
        unknown=desired.unknown
        | Unknown.of(
            left_open,
            people=frozenset(people),
            strangers=frozenset(strangers),
            ids=frozenset(ids),
            because=frozenset(because),
        ),
    )


def _open_access(membership: DesiredRelation, invalid: Invalid) -> Pair:
    person, project = membership.key
    return (
        None if membership.holder.value in invalid.strangers else person,
        None if membership.target.value in invalid.misnamed else project,
    )


def _in_bad_rows(origins: Iterable[Origin], invalid: Invalid) -> bool:
    rows = row_places(origins)
    return bool(rows) and rows <= invalid.rows


def _named(memberships: Relations, pairs: Set[tuple[str, str]]) -> Flags:
    """Return for each membership whether it is of one of these pairs of texts."""
    people, projects = {who for who, _ in pairs}, {what for _, what in pairs}
    named = memberships.holders.having(people.__contains__)
    named &= memberships.targets.having(projects.__contains__)
    for row in np.flatnonzero(named).tolist():
        named[row] = memberships.texts(row) in pairs
    return named


def _are_bad(relations: Relations, invalid: Invalid) -> Flags:
    bad = np.zeros(len(relations), dtype=bool)
    if relations.kind is About.MEMBERSHIP:
        bad = _named(relations, invalid.memberships)
    for row in np.flatnonzero(relations.maybe_in(invalid.rows) & ~bad).tolist():
        cells = _cells_of(relations.kind, relations.places(row))
        bad[row] = _in_bad_rows(cells, invalid)
    return bad


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """`model.Unknown`, indexed: whose fate and which relations the input leaves open.

    There are two questions. May absence be taken as absence (`missing`, `is_open`)? And may a valid
    row take something away (`named`) from somebody whom an invalid row names too? Both are answered
    with no where there is uncertainty. `pairs` are the keys of targets by kind and holder, `slips`
    those of targets by kind in which an unusable row names somebody who is nobody.
    """

    people: frozenset[str]
    everybody: bool
    pairs: Mapping[tuple[About, str | None], Set[str | None]]
    because: frozenset[Blocker] = frozenset()
    slips: Mapping[About, Set[str | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, unknown: Unknown) -> Self:
        """Index what is unknown."""
        pairs: dict[tuple[About, str | None], set[str | None]] = defaultdict(set)
        for kind in RELATIONS:
            for holder, target in unknown.pairs(kind):
                pairs[kind, holder].add(target)
        people = unknown.people | unknown.hidden
        return cls(people, unknown.anybody, dict(pairs), unknown.because)

    def with_people(self, people: Set[str]) -> Self:
        """Return the same, but with these people (compare keys) in doubt as well."""
        return replace(self, people=self.people | people) if people else self

    def with_other_names(self, names: Iterable[tuple[str, str]]) -> Self:
        """Return the same, but what is in doubt of a name is so of the other one as well.

        `names` are pairs of compare keys: what somebody may still be called, and what they are.
        """
        people, pairs, because = set(self.people), dict(self.pairs), set(self.because)
        for before, now in names:
            kinds = [kind for kind in OF_USERS if (kind, before) in self.pairs]
            for kind in kinds:
                pairs[kind, now] = pairs.get((kind, now), frozenset()) | self.pairs[kind, before]
            if before in self.people:
                people.add(now)
            if kinds or before in self.people:
                because.update(
                    one._replace(who=now)
                    for one in self.because
                    if one.who == before and one.about is not About.GROUP_ACCESS
                )
        return replace(self, people=frozenset(people), pairs=pairs, because=frozenset(because))

    def with_slips(
        self, holders: Mapping[About, Set[str]], targets: Mapping[About, Set[str]]
    ) -> Self:
        """Return the same, but a name that means nothing may be a slip of the pen for any other.

        `holders` are the keys of users and groups that mean nobody and nothing, by the kind of the
        relation; `targets` are all keys that mean a project or a group.
        """

        def meant(kind: About, holder: str | None, target: str | None) -> Pair:
            wrong = target not in targets[RELATIONS[kind].target]
            return None if holder in holders[kind] else holder, None if wrong else target

        pairs: dict[tuple[About, str | None], Set[str | None]] = dict(self.pairs)
        slips: dict[About, set[str | None]] = {kind: set() for kind in OF_USERS}
        for (kind, holder), several in self.pairs.items():
            for target in several:
                who, what = meant(kind, holder, target)
                if kind in OF_USERS and who != holder:
                    slips[kind].add(what)
                pairs[kind, who] = pairs.get((kind, who), frozenset()) | {what}
        because = set(self.because)
        for one in self.because:
            if one.about in RELATIONS:
                who, what = meant(one.about, one.who, one.what)
                because.add(one._replace(who=who, what=what))
        return replace(self, pairs=pairs, because=frozenset(because), slips=slips)

    def all_unknown(self) -> Self:
        """Return the same, but with everybody in doubt."""
        return replace(self, everybody=True)

    @property
    def anything(self) -> bool:
        """Whether the input leaves anything open at all."""
        return bool(self.everybody or self.people or self.pairs)

    def missing(self, key: str) -> bool:
        """Whether somebody who is in no source might be meant all the same."""
        return self.everybody or key in self.people

    def named(self, username: str) -> bool:
        """Whether an invalid row names this person."""
        return compare_key(username) in self.people

    def is_open(self, kind: About, holders: Iterable[str], targets: Set[str]) -> bool:
        """Whether a row or a list that cannot be used may want a relation, by the keys of both."""
        found = (self.pairs.get((kind, holder), frozenset()) for holder in (None, *holders))
        return any(None in some or not some.isdisjoint(targets) for some in found)

    def names_open(self, about: About) -> frozenset[str | None]:
        """Return the keys of projects or groups that something may name after all; None for any."""
        names = {holder for kind, holder in self.pairs if RELATIONS[kind].holder is about}
        for (kind, _), targets in self.pairs.items():
            names |= targets if RELATIONS[kind].target is about else set()
        return frozenset(names | {None} if self.everybody else names)
