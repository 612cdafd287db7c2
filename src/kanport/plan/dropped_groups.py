"""Groups that sources named and no longer name: who stays in them, what access stays, what ends."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from kanport.facts import fact
from kanport.findings import Finding, found
from kanport.mapping.spec import MappingFile
from kanport.memory import LedgerState
from kanport.model import CurrentState, Group, User
from kanport.names import compare_key
from kanport.plan.change import RelationChange
from kanport.plan.group_access import Place, known_access
from kanport.plan.group_members import remove_member
from kanport.plan.groups import Groups
from kanport.plan.matching import name_matcher
from kanport.plan.model import PlanBecause
from kanport.plan.naming import sorted_names
from kanport.plan.resolve import Resolved
from kanport.plan.withheld import Withheld, cause


def undecided(mapping: MappingFile, key: str) -> bool:
    """Return whether nobody has accepted what stays: an explicit keep in the mapping does."""
    return getattr(mapping, key) != "keep" or key not in mapping.model_fields_set


@dataclass(frozen=True, slots=True)
class DroppedGroups:
    """Groups that no source names any more, and the ids of those where that is open.

    `unclear` is True where a name that the sources give may mean any group.
    """

    groups: tuple[Group, ...] = ()
    unproven: frozenset[int] = frozenset()
    unclear: bool = False

    @property
    def proven(self) -> frozenset[int]:
        """The ids of the groups that are named provably no longer."""
        return frozenset(group.id for group in self.groups) - self.unproven


def dropped_groups(
    resolved: Resolved,
    groups: Groups,
    current: CurrentState,
    mapping: MappingFile,
    memory: LedgerState,
) -> DroppedGroups:
    """Find the groups that the ledger knows from the sources and that they name no longer.

    Without those that `groups_missing: remove` removes.
    """
    if not mapping.ends_by_absence:
        return DroppedGroups()
    described = {group.id for group in groups.described}
    texts = {access.holder.value for access in resolved.desired.group_access}
    needed = {group.id for text in texts for group in groups.fitting(text)}
    removed = name_matcher(mapping.groups_managed if mapping.groups_missing == "remove" else ())
    unknown = resolved.desired.unknown
    open_keys = {what for _, what in unknown.group_members} | {
        who for who, _ in unknown.group_access
    }
    unclear = not all(groups.fitting(text) for text in texts)
    if unclear or resolved.uncertainty.everybody:
        open_keys.add(None)
    known = {group_id for group_id, _ in known_access(current, memory)}
    remembered = memory.groups_remembered()
    groups_left = tuple(
        group
        for group in current.groups_by_id.values()
        if group.id in remembered
        and group.id not in described | needed
        and compare_key(group.name) not in groups.unclear
        and not removed(group.name)
        and (group.id in known or _group_is_remembered(group, resolved, memory))
    )
    return DroppedGroups(
        groups_left,
        frozenset(
            group.id
            for group in groups_left
            if not open_keys.isdisjoint((None, compare_key(group.name))) or not group.complete
        ),
        unclear,
    )


def _group_is_remembered(group: Group, resolved: Resolved, memory: LedgerState) -> bool:
    if compare_key(memory.named_groups.get(group.id, "")) == compare_key(group.name):
        return True
    users = (resolved.people.by_id.get(user_id) for user_id in group.members)
    return any(memory.put_in(user, group) for user in users if user is not None)


def empty_dropped(
    dropped: DroppedGroups,
    resolved: Resolved,
    mapping: MappingFile,
    memory: LedgerState,
    may_leave: Callable[[User], bool],
) -> tuple[list[RelationChange], list[Withheld]]:
    """Return what takes out of dropped groups whom Kanport put there, if the mapping says so."""
    changes: list[RelationChange] = []
    withheld: list[Withheld] = []
    if mapping.groups_missing != "revoke":
        return changes, withheld
    protected = name_matcher(mapping.protect)
    for group in dropped.groups:
        for user_id in sorted(group.members):
            user = resolved.people.by_id.get(user_id)
            if user is None or not may_leave(user) or not memory.put_in(user, group):
                continue
            key, keys = compare_key(user.username), {compare_key(group.name)}
            because: list[PlanBecause] = []
            if protected(user.username):
                because.append(cause("protected-account"))
            if group.id in dropped.unproven:
                because += unproven(group, dropped, resolved)
            if resolved.uncertainty.missing(key):
                because += resolved.causes.of_member((key,), keys)
            change = remove_member(group, user.id, user.username, fact("group-unnamed"))
            if because:
                withheld.append(Withheld(change, tuple(dict.fromkeys(because))))
            else:
                changes.append(change)
    return changes, withheld


def unproven(group: Group, dropped: DroppedGroups, resolved: Resolved) -> tuple[PlanBecause, ...]:
    """Return why it is open whether the sources still name a group."""
    if not group.complete:
        return (cause("unread-members", case="server"),)
    if dropped.unclear:
        return (cause("unclear-group", case="any"),)
    return resolved.causes.of_group({compare_key(group.name)})


def group_findings(
    dropped: DroppedGroups,
    taken_out: Collection[tuple[int | None, int | None]],
    resolved: Resolved,
    mapping: MappingFile,
    memory: LedgerState,
    after: Iterable[Place],
    current: CurrentState,
) -> Iterator[Finding]:
    """Yield a finding for each dropped group in which somebody, or whose access, stays.

    `taken_out` are the ids of users and groups that the plan parts, `after` the access of groups
    once it is carried out.
    """
    if not undecided(mapping, "groups_missing"):
        return
    protected = name_matcher(mapping.protect)
    everybody = mapping.group_members_missing == "remove"
    # What is asked for no more ends anyway then, or is told with the reason why it stays.
    places = () if mapping.group_access_missing == "revoke" else tuple(after)
    for group in dropped.groups:
        users = (resolved.people.by_id.get(number) for number in sorted(group.members))
        left = sorted_names(
            user.username
            for user in users
            if user is not None
            and user.active
            and not protected(user.username)
            and (user.id, group.id) not in taken_out
            and (everybody or memory.put_in(user, group))
        )
        access = sorted_names(
            current.project_index.label(number) for who, number in places if who == group.id
        )
        remaining = []
        if left:
            remaining.append(fact("remaining", case="members", count=len(left), users=left))
        if access:
            remaining.append(fact("remaining", case="projects", projects=access))
        if remaining:
            yield found(
                "group-dropped",
                case="unproven" if group.id in dropped.unproven else "",
                value=group.name,
                group=group.name,
                remaining=tuple(remaining),
            )
