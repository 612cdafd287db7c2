"""Whether somebody's access to a project is direct, or may come through a group.

Kanboard lists the members of a project without saying how they got there, and cannot list its
groups at all. Certain is: somebody in no group is direct; and a group with a member who is not
listed in the project has no access to it, as all members of an attached group are listed
(`getProjectUsers` merges both; see C5 of the Kanboard facts). What is left is a maybe.
"""

from collections.abc import Callable

from kanport.model import CurrentState, Group


def group_finder(current: CurrentState) -> Callable[[int, int], tuple[Group, ...]]:
    """Give a function that tells the groups through which a user may have access to a project.

    It takes the ids of the user and the project. No group means that the access is direct. Groups
    are compared with a project's members only when somebody asks, and once.
    """
    possible: dict[tuple[int, int], bool] = {}

    def groups_that_may_give(user_id: int, project_id: int) -> tuple[Group, ...]:
        listed = current.roles.get(project_id, {})
        for group in current.groups_of.get(user_id, ()):
            if (group.id, project_id) not in possible:
                possible[group.id, project_id] = listed.keys() >= group.members
        return tuple(
            group for group in current.groups_of.get(user_id, ()) if possible[group.id, project_id]
        )

    return groups_that_may_give


def shown_not(group: Group, project_id: int, current: CurrentState) -> bool:
    """Tell whether the server shows that a group has no access to a project.

    It does where a member of the group is not listed there. Of a project that was not read, and of
    a group without members, nothing shows.
    """
    listed = current.roles.get(project_id)
    return listed is not None and not listed.keys() >= group.members
