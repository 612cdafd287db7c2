"""Which of two roles may do more."""

from kanport.model import APP_ROLE_RANK, PROJECT_ROLE_RANK, ProjectRole


def app_rank(role: str) -> int:
    """Give the rank of an application role; a text that is none ranks below all of them.

    Kanboard stores an empty role, which then passes no check of roles.
    """
    return APP_ROLE_RANK.get(role, 0)


def project_rank(role: str) -> int:
    """Give the rank of a project role; no role at all ranks below all of them.

    A custom role ranks with project-manager, as Kanboard ranks it (`AccessMap::getHighestRole`).
    """
    return kanboard_rank(role) if role else 0


def kanboard_rank(role: str) -> int:
    """Give the rank of a role among those of several groups, as Kanboard has it.

    It counts how many roles may do at least as much, and knows that of the built-in ones only: any
    other text, the empty one too, ranks with project-manager.

    >>> [kanboard_rank(role) for role in ("project-viewer", "project-member", "Tester", "")]
    [1, 2, 3, 3]
    """
    return PROJECT_ROLE_RANK.get(role, PROJECT_ROLE_RANK[ProjectRole.MANAGER])
