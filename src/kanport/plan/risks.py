"""Why a change deserves a second look, by what it makes of a person's rights."""

from kanport.model import AppRole, User
from kanport.plan.change import Risk
from kanport.plan.ranks import app_rank, project_rank


def role_risks(before: str, after: str) -> set[Risk]:
    """Give the risks of another role on the whole server.

    >>> sorted(role_risks("app-user", "app-admin"))
    [<Risk.ADMIN_GRANTED: 'admin-granted'>, <Risk.PRIVILEGE_RAISED: 'privilege-raised'>]
    """
    risks = {Risk.PRIVILEGE_RAISED if app_rank(after) > app_rank(before) else Risk.ACCESS_LOST}
    if after == AppRole.ADMIN:
        risks.add(Risk.ADMIN_GRANTED)
    elif before == AppRole.ADMIN:
        risks.add(Risk.ADMIN_LOST)
    return risks


def active_risks(role: str, *, enable: bool) -> set[Risk]:
    """Give the risks of enabling or disabling somebody with this role."""
    admin = role == AppRole.ADMIN
    if enable:
        return {Risk.ADMIN_GRANTED} if admin else set()
    return {Risk.ACCESS_LOST, Risk.ADMIN_LOST} if admin else {Risk.ACCESS_LOST}


def removal_risks(user: User) -> set[Risk]:
    """Give the risks of removing a user; who is disabled has no access to lose."""
    return {Risk.DELETES_DATA} | (active_risks(user.role, enable=False) if user.active else set())


def access_risks(before: str | None, after: str | None) -> set[Risk]:
    """Give the risks of another role in a project; None is no role.

    Access that is new carries no risk of its own; it is what a plan is made for.

    >>> access_risks(None, "project-manager"), access_risks("project-viewer", None)
    (set(), {<Risk.ACCESS_LOST: 'access-lost'>})
    """
    if before is None:
        return set()
    if after is None or project_rank(after) < project_rank(before):
        return {Risk.ACCESS_LOST}
    return {Risk.PRIVILEGE_RAISED} if project_rank(after) > project_rank(before) else set()
