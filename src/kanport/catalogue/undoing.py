"""What an undo does not change."""

from collections.abc import Mapping

from kanport.catalogue.kinds import CatalogueEntry, Personal, Text

_LEFT = ", so Kanport does not undo {change}"
_LOOK = "check who changed it since, and correct it by hand if you need to"


def _moved(**messages: str) -> Mapping[str, Text]:
    return {case.replace("_", "-"): Text(said + _LEFT, _LOOK) for case, said in messages.items()}


UNDOING: Mapping[str, CatalogueEntry] = {
    # Undoing a run.
    "undo-moved": CatalogueEntry(
        "error",
        "The server has changed since the run, so Kanport does not undo this.",
        {
            **_moved(
                user_gone="{username:q} is no longer on the server",
                user_unread="{username:q} is not among the users that Kanport could read",
                project_gone="the project {project:q} is no longer on the server",
                role="{username:q} has the role {role} in {project:q} now, and had {left_role}"
                " after the run",
                role_new="{username:q} has the role {role} in {project:q} now, and had no access"
                " after the run",
                no_role="{username:q} has no access to {project:q} now, and had the role"
                " {left_role} after the run",
                value="the {field} of {username:q} is {now:q} now, and was {left:q} after the run",
                created_renamed="the run created {username:q}, and user #{id} is called {renamed:q}"
                " now",
                created_differs="the run may have created {username:q}, but the user has other"
                " values",
                created_unclear="Kanport cannot tell whether the run created {username:q}",
                group_gone="the group {group:q} is no longer on the server",
                group_renamed="group #{id} is called {called:q} now, not {group:q}",
                group_differs="the group {group:q} (#{id}) has other values now",
                group_unclear="Kanport cannot tell whether the run created the group {group:q}",
                group_used="the group {group:q} has other members, another name or another"
                " external id now",
                access_unclear="Kanport cannot tell whether the run changed the access of the group"
                " {group:q}",
            ),
            "created-changed": Text(
                "{username:q} is no longer as the run created it ({change}); Kanport disables this"
                " user and does not remove it",
                _LOOK,
            ),
            "created-private": Text(
                "{username:q} is in the private project {project:q} (#{id}); Kanport disables this"
                " user ({change}) and does not remove it",
                _LOOK,
            ),
        },
        {
            "username": Personal.LOGIN,
            "renamed": Personal.LOGIN,
            "now": Personal.FIELD,
            "left": Personal.FIELD,
        },
    ),
    "undo-impossible": CatalogueEntry(
        "error",
        "Kanboard's API cannot undo this.",
        {
            case: Text(said, hint)
            for case, (said, hint) in {
                "private": (
                    "{project:q} is private now and accepts no members"
                    + _LEFT
                    + " for {username:q}",
                    "",
                ),
                "username": (
                    "{username:q} had the username {before:q}, with which nobody can log in"
                    + _LEFT,
                    "",
                ),
                "email": (
                    "{username:q} had the email {before:q}, which Kanboard no longer accepts"
                    + _LEFT,
                    "",
                ),
                "role": (
                    "{username:q} had the role {before:q}, which Kanboard does not have" + _LEFT,
                    "",
                ),
                "removed": (
                    "the run removed {username:q} ({change}), and Kanport cannot restore the user,"
                    " the access, the part in tasks and comments, or the private projects",
                    "a new account of that name is another user; a backup of the database has the"
                    " old one",
                ),
                "username-taken": (
                    "{username:q} cannot get back the username {wanted:q}: another user (#{id}) has"
                    " it now",
                    "rename the other user on the server first, then plan the undo again",
                ),
                "group-name": ("another group is called {group:q} now" + _LEFT, ""),
                "group-removed": (
                    "the run removed the group {group:q}, and another has its name now" + _LEFT,
                    "",
                ),
            }.items()
        },
        {"username": Personal.LOGIN, "wanted": Personal.LOGIN, "before": Personal.FIELD},
    ),
    "undo-partial": CatalogueEntry(
        "warning",
        "Kanboard's API can undo this only in part.",
        {
            "ended": Text(
                "the run ended the direct membership of {username:q} in {project:q}; the same role"
                " comes through a group now"
            ),
            "direct": Text(
                "access that may have come through a group is restored as a direct membership of"
                " {count:#user|users}: {usernames:q}",
                "to let the group decide again, remove the direct membership by hand",
            ),
            "enabled": Text(
                "{count:#user|users} {count:is|are} enabled again, but private projects that"
                " Kanboard closed with the account stay closed, and feeds get new addresses:"
                " {usernames:q}",
                "the owner or an administrator can open a private project again in Kanboard",
            ),
            "created-disabled": Text(
                "Kanport disables {count:#user|users} that the run created, and does not remove"
                " {count:it|them}: {usernames:q}",
                "--remove-created {stay} removes {stay:it|them} instead",
            ),
            "created-stay": Text(
                "{count:#user|users} that the run created {count:is|are} disabled already and"
                " {count:stays|stay} on the server: {usernames:q}",
                "--remove-created {stay} removes {stay:it|them} instead",
            ),
            "group-access": Text(
                "the group {group:q} had access to {project:q} before the run, with a role that"
                " Kanboard does not show; it keeps the role that it has",
                "set the role by hand, on the project's page",
            ),
            "groups-stay": Text(
                "{count:#group|groups} that the run created {count:stays|stay}, without the members"
                " that it added: {groups:q}",
                "--remove-created NUMBER removes {count:it|them}, and up to NUMBER users that the"
                " run created",
            ),
            "group-anew": Text(
                "Kanport creates the group {group:q} again, but without access that Kanport did not"
                " give it",
                "give it the access by hand, on the project's page",
            ),
            "projects-stay": Text(
                "{count:#project|projects} that the run created {count:stays|stay}: {projects:q}",
                "remove {count:it|them} in Kanboard if nobody uses {count:it|them}",
            ),
        },
        {"username": Personal.LOGIN, "usernames": Personal.LOGIN},
    ),
}
