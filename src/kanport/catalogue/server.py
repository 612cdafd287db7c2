"""What the sources ask for and the server does not allow, and what a run leaves as it is."""

from collections.abc import Mapping

from kanport.catalogue.kinds import Kind, Text

SERVER: Mapping[str, Kind] = {
    # Against the server.
    "users-unlisted": Kind("warning", "The server has too many users to list; not all were read."),
    "person-unsearched": Kind("warning", "Nobody was found, but perhaps under another spelling."),
    "project-id": Kind(
        "error",
        "The id of a project is no positive whole number.",
        {
            "": Text(
                "a project id is a positive whole number without leading zeros",
                "write the number from the project's address on the server, or map projects by"
                " name",
            ),
            "secret": Text("this value cannot be the {what}"),
        },
    ),
    "project-unknown": Kind("error", "The server has no such project."),
    "project-by-id": Kind("info", "A number that is no project's name was taken for an id."),
    "project-ambiguous": Kind("error", "More than one project on the server fits."),
    "project-closed": Kind("warning", "The project is closed on the server."),
    "project-private": Kind("error", "Private projects take no members: removing one deletes it."),
    "limit-unused": Kind(
        "warning",
        "A limit or --allow names a project or source that is none.",
        {
            f"{where}-{which}": Text(f"{names} names {{name:q}}, but {but}; {so}", hint)
            for where, names, so, hint in (
                (
                    "limits",
                    "limits.projects",
                    "Kanport ignores this limit",
                    "name the project by its identifier or by its id as in '#3', or remove it",
                ),
                (
                    "allow",
                    "--allow",
                    "it overrides nothing",
                    "use the --allow option from the hint of the safety check",
                ),
            )
            for which, but in (
                ("unknown", "the server has no such project"),
                ("several", "{count} projects have this name"),
                ("source", "the mapping has no such source"),
            )
            if (where, which) != ("limits", "source")
        },
    ),
    "person-unknown": Kind("error", "A membership names somebody who exists nowhere."),
    "person-ambiguous": Kind("error", "More than one user on the server fits."),
    "person-protected": Kind("warning", "A protected account was left as it is."),
    "person-inactive": Kind("info", "Somebody not active and not on the server: not created."),
    "person-disabled": Kind("warning", "A source names somebody whose account is disabled."),
    "username-spelled": Kind("info", "The server spells this username differently; it is kept."),
    "username-old": Kind("warning", "A membership names somebody who is renamed as they were."),
    "user-local": Kind("info", "A local account of somebody who is to come from Kanboard's LDAP."),
    "ldap-unproven": Kind("warning", "Nothing shows that Kanboard has an LDAP of its own."),
    "ldap-expected": Kind("info", "Whom Kanboard's own LDAP knows cannot be asked beforehand."),
    "email-taken": Kind("warning", "Another user on the server has the same e-mail address."),
    "rename-unclear": Kind("error", "An e-mail address fits more than one person."),
    "identity-changed": Kind("error", "An account would pass to a person with another stable id."),
    "username-temporary": Kind("warning", "A run was cut off while it swapped usernames."),
    "person-unmanaged": Kind("warning", "Somebody whom Kanport does not manage stays enabled."),
    "person-returned": Kind("info", "Somebody is back whom Kanport had disabled as missing."),
    "login-reused": Kind("warning", "A username comes back with another stable id: somebody new."),
    "leaver-waiting": Kind("info", "Somebody is in no source, and nothing happens to them yet."),
    "leaver-removal": Kind("info", "People whom Kanport disabled are removed on a certain day."),
    "ledger-new": Kind("warning", "Without a memory of them, disabled users stay disabled."),
    "ledger-ahead": Kind("warning", "The ledger is ahead of the clock, so no absence counts."),
    "missing-unknown": Kind("warning", "Somebody may be missing, but nothing proves it."),
    "access-through-group": Kind("warning", "Access may come through a group and so remain."),
    "access-kept": Kind("info", "Access is known to come through a group, and stays."),
    "group-unknown": Kind("error", "The server has no such group, and none is to be created."),
    "group-unclear": Kind("error", "Which group of the server is meant cannot be told."),
    "group-unread": Kind("warning", "Not all members of a group could be read; it is left alone."),
    "project-dropped": Kind("warning", "No source names a project any more; access there stays."),
    "group-dropped": Kind("warning", "No source names a group any more; its members stay in it."),
    "group-kept": Kind("warning", "A group that nothing names was not removed."),
    "project-clash": Kind("error", "The server has another project of that name or identifier."),
    "passwords-behind": Kind("warning", "Passwords of another server cannot be moved."),
    "person-differs": Kind("warning", "Somebody of that username is there, with other values."),
    "role-to-make": Kind("warning", "A project to be created has a custom role only by hand."),
    "project-left-out": Kind("warning", "Kanboard's API cannot create a project as it is."),
    "row-skipped": Kind("warning", "An invalid row was skipped; its person stays as they are."),
}
