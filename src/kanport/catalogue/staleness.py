"""What changed on the server since a plan was made."""

from collections.abc import Mapping

from kanport.catalogue.kinds import CatalogueEntry, Personal, Text, one

LOGIN, FIELD = Personal.LOGIN, Personal.FIELD

STALENESS: Mapping[str, CatalogueEntry] = {
    "stale-server": CatalogueEntry(
        "",
        "The plan is for another server.",
        one("the plan is for the server {planned}, but this is {url}"),
    ),
    "stale-user": CatalogueEntry(
        "",
        "A user is no longer as the plan says.",
        {
            "gone": Text("user {username:q} (#{number}) is no longer on the server"),
            "exists": Text("the plan creates user {username:q}, who exists already (#{number})"),
            "active": Text("user {username:q} is active now"),
            "disabled": Text("user {username:q} is disabled now"),
            "field": Text("the {field} of user {username:q} is now {now:q}, not {before:q}"),
            "username-taken": Text("user #{number} has the username {username:q} now"),
        },
        {"username": LOGIN, "now": FIELD, "before": FIELD},
    ),
    "stale-project": CatalogueEntry(
        "",
        "A project is no longer as the plan says.",
        {
            "gone": Text("project {project:q} (#{number}) is no longer on the server"),
            "exists": Text(
                "the plan creates project {planned:q}, and project {project:q} exists already"
                " (#{number})"
            ),
            "unread": Text("Kanport could not read the members of project {project:q}"),
        },
    ),
    "stale-membership": CatalogueEntry(
        "",
        "A role in a project is no longer as the plan says.",
        {
            "gone": Text(
                "{username:q} is no longer in project {project:q}, where the role was {before}"
            ),
            "exists": Text("{username:q} is already in project {project:q}, as {now}"),
            "role": Text("{username:q} is now {now} in project {project:q}, not {before}"),
        },
        {"username": LOGIN},
    ),
    "stale-group": CatalogueEntry(
        "",
        "A group is no longer as the plan says.",
        {
            "gone": Text("group {group:q} (#{number}) is no longer on the server"),
            "exists": Text("the plan creates group {group:q}, which exists already (#{number})"),
            "name": Text("the name of group {group:q} is now {now:q}, not {before:q}"),
            "external_id": Text(
                "the external id of group {group:q} is now {now:q}, not {before:q}"
            ),
            "name-taken": Text("another group has the name {group:q} now (#{number})"),
            "joined": Text(
                "group {group:q}, which the plan removes, has members that the plan does not know"
            ),
        },
    ),
    "stale-group-member": CatalogueEntry(
        "",
        "The members of a group are no longer as the plan says.",
        {
            "exists": Text("{username:q} is already in group {group:q}"),
            "gone": Text("{username:q} is no longer in group {group:q}"),
        },
        {"username": LOGIN},
    ),
}
