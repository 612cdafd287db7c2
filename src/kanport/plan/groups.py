"""Find the groups that the sources mean, and compare the groups themselves. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Self

from kanport.facts import Fact, Param, fact
from kanport.findings import Finding, finding
from kanport.model import AnyProject, DesiredGroup, Group
from kanport.names import compare_key
from kanport.origin import first_place, in_place_order
from kanport.plan.change import Action, GroupChange, GroupSide
from kanport.plan.naming import group_part
from kanport.records import dataclass


class GroupKey(NamedTuple):
    """A group: one of the server by its id and present name, or a planned one by its name."""

    id: int | None
    name: str

    @classmethod
    def of(cls, group: Group) -> Self:
        """Return the key of a group of the server."""
        return cls(group.id, group.name)


class ProjectKey(NamedTuple):
    """A project: one of the server by its id and label, or a planned one by its label."""

    id: int | None
    label: str

    @classmethod
    def of(cls, project: AnyProject) -> Self:
        """Return the key of a project."""
        return cls(project.id, project.label)


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """A group of the server, or one that is yet to be created (`there` is None).

    `name` is what it is called when the plan is carried out; `wanted` is None for a group that the
    sources do not describe.
    """

    name: str
    there: Group | None = None
    wanted: DesiredGroup | None = None

    @property
    def id(self) -> int | None:
        """Its id; None while it is yet to be created."""
        return self.there.id if self.there is not None else None

    @property
    def key(self) -> GroupKey:
        """What tells it apart from every other group."""
        return GroupKey(None, self.name) if self.there is None else GroupKey.of(self.there)

    @property
    def members(self) -> frozenset[int]:
        """The ids of the users who are in it."""
        return self.there.members if self.there is not None else frozenset()

    @property
    def complete(self) -> bool:
        """Whether all of its members could be read."""
        return self.there is None or self.there.complete


@dataclass(frozen=True, slots=True)
class GroupIndex:
    """The groups that the sources describe, and all of the server by the key of their names.

    `unclear` are the keys of those of which nobody can tell which is meant.
    """

    described: tuple[FoundGroup, ...]
    by_key: Mapping[str, tuple[FoundGroup, ...]]
    unclear: frozenset[str]
    findings: tuple[Finding, ...]

    def of_sources(self) -> dict[str, FoundGroup]:
        """Return the groups that the sources describe, by the key of the names that they give."""
        return {group.wanted.key: group for group in self.described if group.wanted is not None}

    def of_server(self) -> list[Group]:
        """Return the groups of the server, by their ids."""
        there = (group.there for several in self.by_key.values() for group in several)
        return sorted((one for one in there if one is not None), key=lambda one: one.id)

    def names(self) -> dict[int, str]:
        """Return what groups of the server are called once the plan is carried out, by id."""
        some = (group for several in self.by_key.values() for group in several)
        return {group.id: group.name for group in some if group.id is not None}

    def fitting(self, name: str) -> tuple[FoundGroup, ...]:
        """Return whom a name means: the exact spelling, else all that compare the same.

        What the sources describe by just this name is what they mean by it. Where the server has
        the spelling for another group than the one that they describe in another one, it may be
        either.
        """
        same = self.by_key.get(compare_key(name), ())
        exact = tuple(group for group in same if group.name == name)
        for group in same:
            if group.wanted is None or group in exact:
                continue
            if not exact or group.wanted.name.value == name:
                return (group,)
            if group.wanted.name.value != group.name:
                return (group, *exact)
        return exact or same


def match_groups(wanted: Iterable[DesiredGroup], there: Iterable[Group]) -> GroupIndex:
    """Find each described group on the server: by its external id, else by its name.

    External ids are not unique on the server, and names only in their exact spelling. A group that
    is found by its id gets the name that the sources give it, unless another group has that.
    """
    there = sorted(there, key=lambda group: group.id)
    by_name: dict[str, list[Group]] = defaultdict(list)
    by_external: dict[str, list[Group]] = defaultdict(list)
    for group in there:
        by_name[compare_key(group.name)].append(group)
        if group.external_id:
            by_external[group.external_id].append(group)
    findings: list[Finding] = []
    unclear: set[str] = set()
    matched: list[FoundGroup] = []
    for one in wanted:
        same = by_name.get(one.key, [])
        same = [group for group in same if group.name == one.name.value] or same
        external = one.external_id.value if one.external_id is not None else ""
        answer = _choose(one, same, by_external.get(external, []) if external else [])
        if isinstance(answer, Finding):
            findings.append(answer)
            unclear.add(one.key)
            # Each of those that it may be is as unclear as the name is.
            unclear.update(compare_key(g.name) for g in by_external.get(external, ()) if external)
        else:
            matched.append(answer)
    matched, twice = _without_doubles(matched)
    for double, there_too in twice:
        findings.append(_unclear(double, "shared", [there_too]))
        unclear.update((double.key, compare_key(there_too.name)))
    by_key: dict[str, list[FoundGroup]] = defaultdict(list)
    meant = {group.id for group in matched}
    for each in (*matched, *(FoundGroup(g.name, g) for g in there if g.id not in meant)):
        by_key[compare_key(each.name)].append(each)
    return GroupIndex(
        tuple(matched),
        {key: tuple(several) for key, several in by_key.items()},
        frozenset(unclear),
        tuple(findings),
    )


def _choose(wanted: DesiredGroup, same: list[Group], by_id: list[Group]) -> FoundGroup | Finding:
    name = wanted.name.value
    if len(by_id) > 1:
        return _unclear(wanted, "external-id", by_id)
    if by_id:
        (group,) = by_id
        if compare_key(group.name) == wanted.key:
            return FoundGroup(group.name, group, wanted)
        if same:
            return _unclear(wanted, "name-taken", by_id, holders=_parts(same))
        return FoundGroup(name, group, wanted)
    if len(same) > 1:
        return _unclear(wanted, "several", same)
    if same:
        return FoundGroup(same[0].name, same[0], wanted)
    return FoundGroup(name, None, wanted)


def _without_doubles(
    matched: Iterable[FoundGroup],
) -> tuple[list[FoundGroup], list[tuple[DesiredGroup, Group]]]:
    """Leave out groups of the sources that are one on the server: which is meant is unclear."""
    several: dict[int | None, list[FoundGroup]] = defaultdict(list)
    for group in matched:
        several[group.id].append(group)
    clear = [
        group for number, some in several.items() for group in some if not number or len(some) == 1
    ]
    doubles = [
        (group.wanted, group.there)
        for number, some in several.items()
        for group in some
        if number and len(some) > 1 and group.there is not None and group.wanted is not None
    ]
    return clear, doubles


def _parts(groups: Iterable[Group]) -> tuple[Fact, ...]:
    return tuple(group_part(group.name, group.id) for group in groups)


def _unclear(wanted: DesiredGroup, case: str, groups: Iterable[Group], **params: Param) -> Finding:
    name = wanted.name.value
    about = fact("group-unclear", case=case, group=name, groups=_parts(groups), **params)
    return finding(about, first_place(wanted.name.origins), value=name)


def diff_groups(groups: GroupIndex) -> tuple[list[GroupChange], int]:
    """Return what creates and updates groups, and how many need nothing."""
    changes: list[GroupChange] = []
    unchanged = 0
    for group in groups.described:
        wanted, there = group.wanted, group.there
        if wanted is None:
            continue
        external = wanted.external_id
        places = (*wanted.name.origins, *(external.origins if external is not None else ()))
        if there is None:
            changes.append(
                GroupChange(
                    action=Action.GROUP_CREATE,
                    group=group.name,
                    after=GroupSide(group.name, external.value if external else ""),
                    why=fact("new-on-server"),
                    origin=in_place_order(places),
                )
            )
            continue
        renamed = there.name != group.name
        moved = external is not None and external.value != there.external_id
        if not (renamed or moved):
            unchanged += 1
            continue
        changes.append(
            GroupChange(
                action=Action.GROUP_UPDATE,
                group=there.name,
                group_id=there.id,
                before=GroupSide(
                    there.name if renamed else None, there.external_id if moved else None
                ),
                after=GroupSide(
                    group.name if renamed else None,
                    external.value if external is not None and moved else None,
                ),
                why=fact("group-renamed" if renamed else "external-id-differs"),
                origin=in_place_order(places),
            )
        )
    return changes, unchanged
