"""Which of two roles may do more."""

from kanport.model import APP_ROLE_RANK, PROJECT_ROLE_RANK, ProjectRole


def app_rank(role: str) -> int:
    """Give the rank of an application role; a text that is none ranks below all of them.

    Kanboard stores an empty role, which then passes no check of roles.
    """
    return APP_ROLE_RANK.get(role, 0)


def project_rank(role: str) -> int:
    """Give the rank of a project role; no role at all ranks below all of them.

    A custom role is a project member with some things forbidden, so it ranks as one.
    """
    return PROJECT_ROLE_RANK.get(role, PROJECT_ROLE_RANK[ProjectRole.MEMBER] if role else 0)
