"""What would change of who is in which group, and which groups go."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from kanport.facts import Fact, fact
from kanport.findings import Finding, found
from kanport.mapping.spec import MappingFile
from kanport.model import About, CurrentState, Group, User
from kanport.names import compare_key
from kanport.origin import Origin, first_place
from kanport.plan.change import Action, GroupChange, GroupSide, RelationChange, Risk
from kanport.plan.groups import FoundGroup, Groups
from kanport.plan.matching import name_matcher
from kanport.plan.model import PlanBecause
from kanport.plan.naming import protected_finding, sorted_names
from kanport.plan.resolve import Resolved
from kanport.plan.withheld import Withheld, cause


@dataclass(frozen=True, slots=True)
class MembersDiff:
    """The changes of groups' members and the removals, and how many members need none.

    `after` are the ids of the users who are in each group of the server then; groups that are yet
    to be created have theirs under their names.
    """

    changes: tuple[RelationChange | GroupChange, ...]
    unchanged: int
    after: Mapping[int | str, frozenset[int]]
    findings: tuple[Finding, ...]
    withheld: tuple[Withheld, ...]

    def without(self, removed: Iterable[RelationChange], current: CurrentState) -> "MembersDiff":
        """Return the same with the changes that take further users out of groups."""
        removed = tuple(removed)
        after = dict(self.after)
        for change in removed:
            if change.group_id is not None and change.user_id is not None:
                there = current.groups_by_id.get(change.group_id)
                members = after.get(change.group_id, there.members if there else frozenset())
                after[change.group_id] = members - {change.user_id}
        return replace(self, changes=(*self.changes, *removed), after=after)


def diff_members(
    resolved: Resolved,
    groups: Groups,
    mapping: MappingFile,
    *,
    may_leave: Callable[[User], bool],
) -> MembersDiff:
    """Compare who is to be in the groups with who is in them.

    Whom nothing puts into a group that is named leaves it where `group_members_missing` says so,
    unless the input leaves that open; `may_leave` tells whom absence may touch at all. A group of
    which not all members could be read is left alone.
    """
    protected = name_matcher(mapping.protect)
    changes: list[RelationChange] = []
    findings: list[Finding] = []
    unchanged = 0
    new_names = {who: person.desired.key for who, person in resolved.persons.moving.items()}
    wanted, kept, notes = _wanted(resolved, groups)
    findings.extend(notes)
    after: dict[int | str, set[int]] = {}

    def leaving(
        group: FoundGroup, asked: _Asked
    ) -> Iterator[tuple[RelationChange, tuple[PlanBecause, ...]]]:
        """Yield who leaves a group as nothing puts them there, and what prevents it."""
        listed = group.wanted is not None and group.wanted.members_listed
        if mapping.group_members_missing != "remove" or group.there is None or not listed:
            return
        named = {user.id for user, _ in asked.values() if user is not None}
        for user_id in sorted(group.there.members - named):
            user = resolved.people.by_id.get(user_id)
            reason = fact("not-listed", case="member")
            if user is None:
                unread = remove_member(group.there, user_id, None, reason)
                yield unread, (cause("unread-users", case="user"),)
            elif may_leave(user):
                because = [cause("protected-account")] if protected(user.username) else []
                because += _open(resolved, user, new_names.get(user_id), group, kept)
                yield remove_member(group.there, user.id, user.username, reason), tuple(because)

    withheld: list[Withheld] = []
    for group in groups.described:
        key = group.id if group.id is not None else group.name
        members = group.there.members if group.there is not None else frozenset()
        after[key] = set(members)
        asked = wanted.get(_ident(group), {})
        if group.there is not None and not group.there.complete:
            findings.extend([_unread(group)] if asked else [])
            unread = (cause("unread-members", case="server"),)
            withheld.extend(Withheld(change, unread) for change, _ in leaving(group, asked))
            continue
        for name, (user, origins) in asked.items():
            if user is not None and user.id in members:
                unchanged += 1
            elif protected(name):
                findings.append(protected_finding(name, first_place(origins)))
            else:
                changes.append(_add(group, name, user, origins))
                after[key].update([user.id] if user is not None else [])
        for change, because in leaving(group, asked):
            if because:
                withheld.append(Withheld(change, because, told_as="members"))
            else:
                changes.append(change)
                after[key].discard(change.user_id or 0)
    removed, notes, not_removed = _removals(resolved, groups, mapping, protected, after)
    findings.extend(notes)
    withheld.extend(not_removed)
    return MembersDiff(
        (*changes, *removed),
        unchanged,
        {key: frozenset(ids) for key, ids in after.items()},
        tuple(findings),
        tuple(withheld),
    )


def _ident(group: FoundGroup) -> int | str:
    return group.id if group.id is not None else compare_key(group.name)


_Asked = dict[str, tuple[User | None, tuple[Origin, ...]]]


def _wanted(
    resolved: Resolved, groups: Groups
) -> tuple[dict[int | str, _Asked], Mapping[str, tuple[Origin, ...]], list[Finding]]:
    """Return who is to be in each group, by username, and who is in doubt, with the places."""
    wanted: dict[int | str, _Asked] = {}
    doubtful: dict[str, tuple[Origin, ...]] = {}
    findings: list[Finding] = []
    described = groups.of_sources()
    for member in resolved.desired.group_members:
        if compare_key(member.target.value) in groups.unclear:
            doubtful[member.key[0]] = member.holder.origins or member.target.origins
            continue
        person = resolved.finder.find(member.holder.value)
        if isinstance(person, Finding):
            doubtful[member.key[0]] = member.holder.origins or member.target.origins
            place = first_place(member.holder.origins or member.target.origins)
            findings.append(replace(person, origin=place))
            continue
        name = resolved.finder.name_of(person)
        group = described.get(compare_key(member.target.value))
        if name is None or group is None:
            continue
        user = resolved.people.by_id.get(resolved.finder.id_of(person) or 0)
        asked = wanted.setdefault(_ident(group), {})
        places = asked[name][1] if name in asked else ()
        asked[name] = (user, (*places, *member.holder.origins))
    return wanted, doubtful, findings


def _open(
    resolved: Resolved,
    user: User,
    new_name: str | None,
    group: FoundGroup,
    doubtful: Mapping[str, tuple[Origin, ...]],
) -> tuple[PlanBecause, ...]:
    """Return why the input leaves open whether somebody is to be in a group; nothing where not.

    A row may name them as they are called now or, by its key, as they will be (`new_name`); and the
    group by the name that the server has, or that the sources give it.
    """
    keys = {compare_key(user.username), *([new_name] if new_name is not None else [])}
    where = {compare_key(group.name)}
    if group.wanted is not None:
        where.add(group.wanted.key)
    unknown = resolved.desired.unknown
    found: tuple[PlanBecause, ...] = ()
    if any(map(resolved.uncertainty.missing, keys)) or unknown.is_open(
        About.GROUP_MEMBER, keys, where
    ):
        found = resolved.causes.of_member(sorted(keys), where)
    if doubtful:
        # Whoever cannot be told may be anybody in the group, under another spelling.
        places = [place for some in doubtful.values() for place in some]
        found = (*found, cause("invalid-row", places, case="any", count=len(places)))
    return found


def _removals(
    resolved: Resolved,
    groups: Groups,
    mapping: MappingFile,
    protected: Callable[[str], bool],
    after: dict[int | str, set[int]],
) -> tuple[list[RelationChange | GroupChange], list[Finding], list[Withheld]]:
    """Return what removes managed groups that nothing names: each is emptied first.

    So what a group takes away with it goes first, and is told person by person.
    """
    if mapping.groups_missing != "remove":
        return [], [], []
    managed = name_matcher(mapping.groups_managed)
    described = {group.id for group in groups.described}
    needed = {compare_key(access.holder.value) for access in resolved.desired.group_access}
    unknown = resolved.desired.unknown
    is_open = {what for _, what in unknown.group_members} | {who for who, _ in unknown.group_access}
    if not all(groups.fitting(access.holder.value) for access in resolved.desired.group_access):
        # With a slip of the pen in it, such a name may mean any group.
        is_open.add(None)
    changes: list[RelationChange | GroupChange] = []
    withheld: list[Withheld] = []
    findings: list[Finding] = []
    for group in _all(groups):
        key = compare_key(group.name)
        if group.id in described or not managed(group.name) or key in needed:
            continue
        people = [resolved.people.by_id.get(user_id) for user_id in sorted(group.members)]
        reason = fact("not-listed", case="group_member")
        removal: list[RelationChange | GroupChange] = [
            remove_member(group, user.id, user.username, reason)
            for user in people
            if user is not None
        ]
        removal.append(
            GroupChange(
                action=Action.GROUP_REMOVE,
                group=group.name,
                group_id=group.id,
                before=GroupSide(group.name, group.external_id),
                why=fact("not-listed", case="group"),
                risk=(Risk.ACCESS_LOST,) if people else (),
            )
        )
        kept, inside = "", sorted_names(u.username for u in people if u and protected(u.username))
        because: tuple[PlanBecause, ...] = ()
        if resolved.uncertainty.everybody or not is_open.isdisjoint((None, key)):
            kept, because = "unproven", resolved.causes.of_group({key})
        elif key in groups.unclear:
            kept, because = "unclear", (cause("unclear-group"),)
        elif not group.complete or None in people:
            kept, because = "unread", (cause("unread-members", case="server"),)
        elif inside:
            kept = "protected"
            because = (cause("protected-account", case="group", usernames=inside),)
        if kept:
            name, names = group.name, inside if kept == "protected" else ()
            findings.append(found("group-kept", case=kept, value=name, group=name, usernames=names))
            withheld += [Withheld(change, because) for change in removal]
            continue
        changes += removal
        after[group.id] = set()
    return changes, findings, withheld


def _all(groups: Groups) -> Iterable[Group]:
    there = (group.there for several in groups.by_key.values() for group in several)
    return sorted((g for g in there if g is not None), key=lambda group: group.id)


def _add(
    group: FoundGroup, name: str, user: User | None, origins: tuple[Origin, ...]
) -> RelationChange:
    return RelationChange(
        action=Action.GROUP_MEMBER_ADD,
        username=name,
        user_id=user.id if user is not None else None,
        group=group.name,
        group_id=group.id,
        why=fact("not-in-group"),
        origin=origins,
    )


def remove_member(group: Group, user_id: int, username: str | None, reason: Fact) -> RelationChange:
    """Return what takes a user out of a group; the username is None for one who was not read."""
    return RelationChange(
        action=Action.GROUP_MEMBER_REMOVE,
        username=username,
        user_id=user_id,
        group=group.name,
        group_id=group.id,
        why=reason,
        risk=(Risk.ACCESS_LOST,),
    )


def _unread(group: FoundGroup) -> Finding:
    place = first_place(group.wanted.name.origins) if group.wanted is not None else None
    return found("group-unread", place, value=group.name, group=group.name)
