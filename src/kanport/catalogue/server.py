"""Findings about the sources and the server together, and about what a run does not change."""

from collections.abc import Mapping

from kanport.catalogue.kinds import CatalogueEntry, Personal, Text, one

LOGIN, EMAIL, VALUE = Personal.LOGIN, Personal.EMAIL, Personal.VALUE

_CORRECT = "fix the other findings first: invalid rows, or attributes that the directory hides"
_STILL_NAMED = (
    "remove leavers from every source that still names them, and fix invalid rows and attributes"
    " that the directory hides"
)
_DECIDE = "name it in the sources again, end the access in Kanboard, or decide in the mapping:"
_PRIVATE = "it is a private project, which Kanboard deletes when a member's account is removed"
_SHARE = "make it a shared project in Kanboard first, or remove the row"
_RENAME = "rename the user on the server, or give each user a different email address"
_LEFT_OUT = "so Kanport leaves out the project and all access to it"
_CREATE = "if you need the project, create it in Kanboard first"
_NO_PROJECT = "the server has no project {project:q}"
_NO_USER = "{username:q} is neither on the server nor in a source of users"
_NO_GROUP = "the group {group:q} is neither on the server nor among the groups of the mapping"
# An entry of `accept` in the mapping: code, and value or place where it names them.
_ACCEPTED = {
    "": "{accepted}",
    "value": "{accepted} {value:q}",
    "place": "{accepted} at {place}",
    "value-place": "{accepted} {value:q} at {place}",
}

SERVER: Mapping[str, CatalogueEntry] = {
    # Against the server.
    "users-unlisted": CatalogueEntry(
        "warning",
        "The server has too many users to list, so Kanport could not read all.",
        one(
            "the server could not list its users because {why}, so Kanport does not know users"
            " outside the sources; it read {count:#user|users} by name or as members of"
            " projects and groups",
            "raise PHP's memory_limit on the server so that Kanport can read all users; until then,"
            " it cannot see whether a new email address is already in use",
        ),
    ),
    "plan-partial": CatalogueEntry(
        "warning",
        "The plan is only a part of the whole one (--only).",
        {
            "": Text(
                "--only {only:list} leaves out {count:#change|changes} ({left_out:+})",
                "to make the rest, plan again without --only",
            ),
            "needed": Text(
                "--only {only:list} leaves out {count:#change|changes}"
                " ({left_out:+}); {needed:#change|changes} that it does not name"
                " {needed:is|are} in the plan because others need {needed:it|them}",
                "to make the rest, plan again without --only",
            ),
            "whole": Text("--only {only:list} leaves out no change"),
        },
    ),
    "person-unsearched": CatalogueEntry(
        "warning",
        "Kanport found no user, but the server may spell the username differently.",
        one(
            "the server distinguishes upper and lower case in usernames, and has none of the usual"
            " spellings of {usernames:q}; Kanport treats {count:this user|these users} as new",
            "if the server may spell a username differently, such as aDa, check it before you apply"
            " the plan",
        ),
        {"usernames": LOGIN},
    ),
    "project-id": CatalogueEntry(
        "error",
        "The id of a project is not a positive whole number.",
        {
            "": Text(
                "a project id must be a positive whole number without leading zeros",
                "write the number from the project's address on the server, or map projects by"
                " name",
            ),
            "secret": Text("this value cannot be the {what}"),
        },
    ),
    "project-unknown": CatalogueEntry(
        "error",
        "The server has no such project.",
        {
            "": Text(_NO_PROJECT, "create the project first, or correct its name"),
            "near": Text(
                _NO_PROJECT,
                "did you mean {near:q}? Otherwise create the project first, or correct its name",
            ),
            "id": Text(
                "the server has no project with the id {project}",
                "create the project first, or correct its id",
            ),
        },
    ),
    "project-by-id": CatalogueEntry(
        "info",
        "No project has this number as its name, so Kanport uses it as an id.",
        one(
            "no project has the name or identifier {text:q}, so Kanport uses it as the id of"
            " {project:q}",
            "to always use ids, write project: {{id: COLUMN}} in the mapping; if a project has a"
            " number as its name, make the number its identifier",
        ),
    ),
    "project-ambiguous": CatalogueEntry(
        "error",
        "Several projects on the server match.",
        {
            "": Text(
                "{text:q} matches several projects: {projects:list}",
                "use an identifier that only this project has, or its id (project: {{id: …}})",
            ),
            "spelling": Text(
                "{text:q} matches the project {project:q} only in another spelling, and other"
                " groups of the directory already name that project",
                "create a project {text:q}, or give the project of the group in the mapping",
            ),
            "sources": Text(
                "several projects of the sources have the name {text:q}: {projects:q}",
                "give each of them an identifier in its source",
            ),
        },
    ),
    "project-closed": CatalogueEntry(
        "warning",
        "The project is closed on the server.",
        one("the project {project:q} is closed; Kanport changes its members anyway"),
    ),
    "project-private": CatalogueEntry(
        "error",
        "Kanport adds no members to a private project.",
        {
            "": Text("{username:q} cannot become a member of {project:q}: " + _PRIVATE, _SHARE),
            "group": Text(
                "the group {group:q} cannot get access to {project:q}: " + _PRIVATE, _SHARE
            ),
        },
        {"username": LOGIN},
    ),
    "limit-unused": CatalogueEntry(
        "warning",
        "A limit or --allow names a project or source that does not exist.",
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
    "separation-violated": CatalogueEntry(
        "warning",
        "A user already has roles that separation keeps apart, and the plan leaves them.",
        one(
            "{what}; separation in the mapping does not allow that",
            "end one of these roles, or add an exception with a reason and an end to the mapping",
        ),
    ),
    "separation-excepted": CatalogueEntry(
        "info",
        "An exception allows a user roles that separation keeps apart.",
        one("{what}; an exception allows this until {until}: {reason}"),
        {"reason": VALUE},
    ),
    "separation-expired": CatalogueEntry(
        "warning",
        "An exception from separation has ended.",
        one(
            'the exception of {username:q} from the rule "{rule}" ended on {until}',
            "extend it, or remove it from the mapping",
        ),
        {"username": LOGIN},
    ),
    "separation-unused": CatalogueEntry(
        "warning",
        "A rule of separation names a project that does not exist.",
        {
            case: Text(
                f'the rule "{{rule}}" of separation names {{name:q}}, but {but}; Kanport cannot'
                " check this part of the rule",
                "write PROJECT or PROJECT:ROLE, with the identifier of the project or its id as in"
                " '#3', and list other than Kanboard's own roles in custom_roles",
            )
            for case, but in (
                ("unknown", "the server has no such project"),
                ("several", "{count} projects have this name"),
            )
        },
    ),
    "acceptance-ended": CatalogueEntry(
        "error",
        "The mapping accepts a finding until a day that is past.",
        {
            case: Text(
                f"the acceptance of {what} ended on {{until}} (reason: {{reason}})",
                "fix the cause and remove the entry from accept, or set a later date",
            )
            for case, what in _ACCEPTED.items()
        },
        {"value": VALUE, "place": VALUE, "reason": VALUE},
    ),
    "acceptance-unused": CatalogueEntry(
        "info",
        "The mapping accepts a finding that this plan does not have.",
        {
            case: Text(f"no finding is {what}, which accept lists", "remove the entry from accept")
            for case, what in _ACCEPTED.items()
        },
        {"value": VALUE, "place": VALUE},
    ),
    "person-unknown": CatalogueEntry(
        "error",
        "A membership names an unknown user.",
        {
            "": Text(_NO_USER, "add a row for this user, or correct the username"),
            "near": Text(
                _NO_USER,
                "did you mean {near:q}? Otherwise add a row for this user, or correct the username",
            ),
        },
        {"username": LOGIN, "near": LOGIN},
    ),
    "person-ambiguous": CatalogueEntry(
        "error",
        "Several users on the server match.",
        one(
            "{username:q} matches {users:list} on the server",
            "write the username exactly as the server has it",
        ),
        {"username": LOGIN},
    ),
    "person-protected": CatalogueEntry(
        "warning",
        "Kanport does not change a protected account.",
        one(
            "{username:q} is protected, so Kanport does not change this account",
            "the mapping lists protected accounts under protect",
        ),
        {"username": LOGIN},
    ),
    "person-inactive": CatalogueEntry(
        "info",
        "Kanport does not create a user that is not active.",
        one(
            "{username:q} is not active and not on the server, so Kanport does not create this user"
        ),
        {"username": LOGIN},
    ),
    "person-disabled": CatalogueEntry(
        "warning",
        "A source names somebody whose account is disabled.",
        {
            case: Text(
                "{username:q} is disabled on the server and stays disabled: " + why,
                "to let this user work again, enable the account in Kanboard or map the field"
                " active; otherwise remove the user from the source",
            )
            for case, why in {
                "": "according to the ledger, Kanport did not disable this account",
                "other-id": "Kanport disabled this account on {disabled_on}, and it belongs to the"
                " stable id {owner:q}",
                "invalid-row": "Kanport disabled this account on {disabled_on}, and an invalid row"
                " names it as well",
                "admin": "Kanport disabled this account on {disabled_on}, and allow_admins does"
                " not list this administrator",
            }.items()
        },
        {"username": LOGIN, "owner": VALUE},
    ),
    "username-spelled": CatalogueEntry(
        "info",
        "The server spells this username differently, and Kanport keeps that spelling.",
        one("the server spells {text:q} as {username:q}, and Kanport keeps that spelling"),
        {"text": LOGIN, "username": LOGIN},
    ),
    "username-old": CatalogueEntry(
        "warning",
        "A membership uses the former username of a renamed user.",
        one(
            "the plan renames {username:q} to {new_username:q}; after that, this row no longer"
            " names this user",
            "write {new_username:q} here",
        ),
        {"username": LOGIN, "new_username": LOGIN},
    ),
    "user-local": CatalogueEntry(
        "info",
        "A user that should come from Kanboard's LDAP has a local account.",
        one(
            "{username:q} has a local account until the first login through LDAP; from then on its"
            " local password no longer works"
        ),
        {"username": LOGIN},
    ),
    "ldap-unproven": CatalogueEntry(
        "warning",
        "Kanport cannot tell whether Kanboard has its own LDAP.",
        {
            case: Text(
                "the plan lets Kanboard create {count:#user|users} from its own LDAP, but none of"
                f" the users {which} came from there; only the first one shows whether LDAP is set"
                " up",
                "Kanboard needs LDAP_AUTH with LDAP_BIND_TYPE anonymous or proxy; apply tries one"
                " user first, and skips the others if Kanboard has no LDAP",
            )
            for case, which in {"": "on the server", "unlisted": "that Kanport read"}.items()
        },
    ),
    "ldap-expected": CatalogueEntry(
        "info",
        "Kanport cannot check in advance which users Kanboard's own LDAP knows.",
        one(
            "the plan lets Kanboard create {count:#user|users} from its own LDAP, like"
            " {known:#user|users} of the server; only apply shows whether LDAP knows"
            " {count:this user|them}",
            "with LDAP_BIND_TYPE user, Kanboard can log people in, but cannot create users",
        ),
    ),
    "email-taken": CatalogueEntry(
        "warning",
        "Another user on the server has the same email address.",
        one(
            "{email:q} is also the email address of {usernames:q} on the server",
            "Kanboard allows this, but each of them gets the other's notifications",
        ),
        {"email": EMAIL, "usernames": LOGIN},
    ),
    "rename-unclear": CatalogueEntry(
        "error",
        "Kanport cannot tell which account belongs to a user.",
        {
            "two-users": Text(
                "{username:q} has the username of {by_username} and the email address {email:q} of"
                " {by_email}, and the name does not show which one is meant",
                "correct the usernames and addresses on the server, or read stable ids",
            ),
            "reused-username": Text(
                "{username:q} has the username of {by_username}, and {owner:q} has its email"
                " address {email:q}; the name does not show which one is meant",
                "correct the usernames and addresses on the server, or read stable ids",
            ),
            "several-users": Text(
                "Kanport cannot tell which account belongs to {username:q}: {usernames:q} on the"
                " server have the email address {email:q}",
                _RENAME,
            ),
            "several-people": Text(
                "Kanport cannot tell which account belongs to {username:q}: by the email address"
                " {email:q}, {usernames:q} would all be new usernames of one user",
                _RENAME,
            ),
            "invalid-row": Text(
                "Kanport cannot tell which account belongs to {username:q}: the email address"
                " {email:q} is that of {owner:q}, whom an invalid row may name",
                _RENAME,
            ),
            "still-named": Text(
                "Kanport cannot tell which account belongs to {username:q}: the email address"
                " {email:q} is that of {owner:q}, whom the sources still name",
                _RENAME,
            ),
            "username-taken": Text(
                "Kanport cannot tell which account belongs to {username:q}: the email address"
                " {email:q} is that of {owner:q}, and {holder} keeps that username",
                _RENAME,
            ),
        },
        {"username": LOGIN, "email": EMAIL, "usernames": LOGIN, "owner": LOGIN},
    ),
    "identity-changed": CatalogueEntry(
        "error",
        "An account would go to a person with another stable id.",
        {
            "renamed": Text(
                "the ledger knows {username:q} as {user}, and the server now calls that user"
                " {called:q}",
                "if it is the same person, restore the username on the server; if not, create an"
                " account for {username:q} in Kanboard",
            ),
            "username-taken": Text(
                "{user} is now {username:q} in the sources, but {holder} on the server is another"
                " person",
                "rename or remove {holder} on the server first",
            ),
            "by-username": Text(
                "{username:q} has the stable id {stable_id:q} in the sources, but {user} with this"
                " username has the id {owner:q} in the ledger",
                "if it is another person, rename {user} on the server; if it is the same person"
                " with a new id, move the ledger away",
            ),
            "by-email": Text(
                "{username:q} has the stable id {stable_id:q} in the sources, but {user} with this"
                " email address has the id {owner:q} in the ledger",
                "if it is another person, rename {user} on the server; if it is the same person"
                " with a new id, move the ledger away",
            ),
            "held": Text(
                "the account {user} belongs, or may belong, to another person in the sources",
                "fix the other findings about that person first",
            ),
        },
        {"username": LOGIN, "called": LOGIN, "stable_id": VALUE, "owner": VALUE},
    ),
    "username-temporary": CatalogueEntry(
        "warning",
        "A run was interrupted while it swapped usernames.",
        one(
            "{user} has a temporary username, because a run that renames users was interrupted;"
            " Kanport cannot tell which username this user should get",
            "finish that run with kanport resume, or rename the account on the server; the journal"
            " of the run has its former username",
        ),
    ),
    "person-unmanaged": CatalogueEntry(
        "warning",
        "A user that Kanport does not manage stays enabled.",
        one(
            "{username:q} is not active in the sources, but stays enabled: Kanport neither created"
            " nor adopted this account",
            "kanport adopt MAPPING adds the users that the sources name to the ledger",
        ),
        {"username": LOGIN},
    ),
    # Of plans of earlier versions.
    "person-returned": CatalogueEntry("info", "A user that Kanport disabled as missing is back."),
    "login-reused": CatalogueEntry(
        "warning",
        "A username comes back with another stable id, so it is a new user.",
        one(
            "the username {username:q} belonged to a user with the stable id {former_id:q}, who is"
            " no longer on the server; this user has the id {stable_id:q} and gets a new account",
            "you need not do anything, even if it is the same person with a new id",
        ),
        {"username": LOGIN, "former_id": VALUE, "stable_id": VALUE},
    ),
    "leaver-waiting": CatalogueEntry(
        "info",
        "A user is in no source, and Kanport waits before it acts.",
        {
            "disable": Text(
                "{username:q} has been in no source since {since}; Kanport disables this user"
                " {when}"
            ),
            "remove": Text(
                "{username:q} has been in no source since {since}; Kanport removes this user {when}"
            ),
            "access": Text(
                "{username:q} has been in no source since {since}; Kanport revokes all access of"
                " this user {when}"
            ),
        },
        {"username": LOGIN},
    ),
    "leaver-removal": CatalogueEntry(
        "info",
        "Kanport removes disabled users when their waiting period ends.",
        one(
            "Kanport removes {count:#user|users} that it disabled; {username:q} is the next, on or"
            " after {day}",
            "if a source names a user again before that day, Kanport re-enables the user instead",
        ),
        {"username": LOGIN},
    ),
    "ledger-new": CatalogueEntry(
        "warning",
        "The ledger is new, so disabled users stay disabled.",
        one(
            "the ledger is new, so Kanport does not know whether it disabled {count:#user|users} in"
            " no source; if a source names {count:this user|them} again, {count:the user|they}"
            " {count:stays|stay} disabled: {usernames:q}",
            "if one of them comes back, enable the account in Kanboard; Kanport re-enables users"
            " that it disables from now on",
        ),
        {"usernames": LOGIN},
    ),
    "ledger-ahead": CatalogueEntry(
        "warning",
        "The ledger is ahead of the clock, so Kanport counts no missing users.",
        one(
            "the last plan in the ledger is of {counted_at}, but it is {now} now; until then,"
            " Kanport does not count runs for missing users",
            "check the clock of this machine; if it was wrong before, move the ledger away to start"
            " a new one",
        ),
    ),
    "missing-unknown": CatalogueEntry(
        "warning",
        "Removal withheld: the input does not prove it.",
        {
            "disable": Text(
                "Kanport does not disable {count:#user|users} who may be missing from the sources,"
                " because the input does not prove it: {usernames:q}",
                _STILL_NAMED,
            ),
            "remove": Text(
                "Kanport does not remove {count:#user|users} who may be missing from the sources,"
                " because the input does not prove it: {usernames:q}",
                _STILL_NAMED,
            ),
            "memberships": Text(
                "Kanport does not revoke {count:#membership|memberships} that no source lists,"
                " because the input does not prove that {count:it is|they are} unwanted:"
                " {memberships:list}",
                _CORRECT,
            ),
            "dropped": Text(
                "Kanport does not revoke {count:#membership|memberships} in projects that no source"
                " seems to name, because the input does not prove it: {memberships:list}",
                "correct the invalid rows, and let Kanport read all groups",
            ),
            "members": Text(
                "Kanport does not remove {count:#group member|group members} whom no source lists,"
                " because the input does not prove that they are unwanted: {members:list}",
                _CORRECT,
            ),
            "access": Text(
                "Kanport does not revoke {count:#group access entry|group access entries} that no"
                " source lists, because the input does not prove that {count:it is|they are}"
                " unwanted: {access:list}",
                _CORRECT,
            ),
        },
        {"usernames": LOGIN},
    ),
    "access-through-group": CatalogueEntry(
        "warning",
        "Access may also come through a group.",
        {
            "revoke": Text(
                "{username:q} may keep access to {project:q} through the {count:group|groups}"
                " {groups:q}",
                "check the permissions of the project in Kanboard, or change the group",
            ),
            "change": Text(
                "{username:q} may have access to {project:q} through the {count:group|groups}"
                " {groups:q}; Kanport makes it a direct membership, which takes precedence",
                "to let the group decide, remove this membership from the source",
            ),
        },
        {"username": LOGIN},
    ),
    "access-kept": CatalogueEntry(
        "info",
        "Access comes through a group, and Kanport cannot revoke it.",
        one(
            "Kanport cannot revoke {count:#membership|memberships} that no source lists, because an"
            " earlier run found that access comes through a group: {memberships:list}",
            "change the groups or their members",
        ),
    ),
    "group-unknown": CatalogueEntry(
        "error",
        "Neither the server nor the mapping has such a group.",
        {
            "": Text(_NO_GROUP, "add it to groups, or correct its name"),
            "near": Text(
                _NO_GROUP,
                "did you mean {near:q}? Otherwise add it to groups, or correct its name",
            ),
        },
    ),
    "group-unclear": CatalogueEntry(
        "error",
        "Kanport cannot tell which group of the server is meant.",
        {
            "several": Text(
                "the group {group:q} may be {groups:list} on the server",
                "rename the groups on the server, or give each an external id of its own",
            ),
            "several-exact": Text(
                "the group {group:q} may be {groups:list} on the server",
                "write the name exactly as the server has it",
            ),
            "external-id": Text(
                "several groups on the server have the external id of the group {group:q}:"
                " {groups:list}",
                "rename the groups on the server, or give each an external id of its own",
            ),
            "name-taken": Text(
                "the group {group:q} has the external id of {groups:list}, and {holders:list} on"
                " the server has its name",
                "rename the groups on the server, or give each an external id of its own",
            ),
            "shared": Text(
                "the group {group:q} matches {groups:list} on the server, and so does another group"
                " of the sources",
                "rename the groups on the server, or give each an external id of its own",
            ),
        },
    ),
    "group-unread": CatalogueEntry(
        "warning",
        "Kanport could not read all members of a group, so it does not change them.",
        one(
            "the group {group:q} has too many members for the server to list, so Kanport does not"
            " change them",
            "raise PHP's memory_limit on the server",
        ),
    ),
    "project-dropped": CatalogueEntry(
        "warning",
        "No source names a project any more, and its members keep their access.",
        {
            case: Text(
                f"{what}; {{remaining:;}}",
                f"{_DECIDE} projects_missing: revoke ends what Kanport granted (kanport adopt"
                " --memberships PROJECT adds the rest), projects_missing: keep accepts it",
            )
            for case, what in {
                "": "no source lists members of the project {project:q} any more",
                "unproven": "the input does not show whether a source still names the project"
                " {project:q}",
            }.items()
        },
    ),
    "group-dropped": CatalogueEntry(
        "warning",
        "No source names a group any more, and its members stay in it.",
        {
            case: Text(
                f"{what}; {{remaining:;}}",
                f"{_DECIDE} groups_missing: revoke ends what Kanport granted, groups_missing:"
                " remove removes the group, groups_missing: keep accepts it",
            )
            for case, what in {
                "": "no source names the group {group:q} any more",
                "unproven": "the input does not show whether a source still names the group"
                " {group:q}",
            }.items()
        },
    ),
    "group-was-empty": CatalogueEntry(
        "info",
        "Kanport cannot tell which projects an empty group gives access to.",
        {
            "": Text(
                "the group {group:q} had no members, so Kanport cannot tell to which projects it"
                " gives access; the {count:#user|users} who {count:joins|join} it may get access"
                " to any",
            ),
        },
    ),
    "group-kept": CatalogueEntry(
        "warning",
        "Kanport does not remove a group that no source names.",
        {
            "unproven": Text(
                "Kanport does not remove the group {group:q}: the input does not prove that no"
                " source names it"
            ),
            "unclear": Text(
                "Kanport does not remove the group {group:q}: it cannot tell whether the sources"
                " mean this group"
            ),
            "unread": Text(
                "Kanport does not remove the group {group:q}: it could not read all members"
            ),
            "in-doubt": Text(
                "Kanport does not remove the group {group:q}: the input leaves open what is wanted"
                " of {usernames:q}, in this group"
            ),
            "protected": Text(
                "Kanport does not remove the group {group:q}, because protected accounts are in it:"
                " {usernames:q}"
            ),
            "access": Text(
                "Kanport does not change the access of the group {group:q} to {project:q}, because"
                " protected accounts are in it: {usernames:q}",
                "remove them from the group, or change its access in Kanboard",
            ),
        },
        {"usernames": LOGIN},
    ),
    "project-clash": CatalogueEntry(
        "error",
        "The server has another project of that name or identifier.",
        {
            "other-identifier": Text(
                "{project} on the server has the identifier {has:q}, and the sources give it"
                " {identifier:q}",
                "give the project on the server this identifier, or correct the row",
            ),
            "no-identifier": Text(
                "{project} on the server has no identifier, and the sources give it the identifier"
                " {identifier:q}",
                "give the project on the server this identifier, or correct the row",
            ),
            "name-is-identifier": Text(
                "{name:q} is the name of a project in the sources, and the identifier of {project}"
                " on the server",
                "give one of them another name or identifier, because memberships cannot tell them"
                " apart",
            ),
            "private": Text(
                "{name:q} is a private project in the sources, and {project} on the server is not",
                "rename one of them",
            ),
            "same-identifier": Text(
                "the identifier {identifier:q} of {name:q} is that of {project} on the server",
                "give one of them another identifier, or both the same name if they are one"
                " project",
            ),
        },
    ),
    "passwords-behind": CatalogueEntry(
        "warning",
        "Kanport cannot copy passwords from another server.",
        one(
            "{count:#user gets|users get} a new password, because Kanport cannot read those of the"
            " other server",
            "if the passwords are random, let users reset them by email in Kanboard",
        ),
    ),
    "person-differs": CatalogueEntry(
        "warning",
        "The server already has a user of this username, with different values.",
        one(
            "{username:q} is on the server already, and the other server has different values:"
            " {differences:list}",
            "if these are two people, rename one of them first, or protect the account",
        ),
        {"username": LOGIN},
    ),
    "role-to-make": CatalogueEntry(
        "warning",
        "A new project needs a custom role, which you must create by hand.",
        one(
            "{count:#user gets|users get} the custom role {role:q} in the new project"
            " {project:q}, which does not have it yet",
            "create the role in the settings of the project, because Kanboard's API cannot",
        ),
    ),
    "project-left-out": CatalogueEntry(
        "warning",
        "Kanboard's API cannot create such a project.",
        {
            "no-name": Text(
                "{project:q} is private and has no name of its own, " + _LEFT_OUT, _CREATE
            ),
            "private": Text(
                "{project:q} is private in the sources and would be shared here, " + _LEFT_OUT,
                _CREATE,
            ),
            "closed": Text(
                "{project:q} is closed in the sources and would be open here, " + _LEFT_OUT,
                _CREATE,
            ),
        },
    ),
    "row-skipped": CatalogueEntry(
        "warning",
        "Kanport skips the user, project or group that a row names.",
        {
            "disputed": Text("user skipped: Kanport cannot tell whose account {username:q} is"),
            "invalid-row": Text(
                "user skipped: because of an invalid row, Kanport cannot create or find"
                " {username:q}"
            ),
            "lowers": Text(
                "change skipped: {username:q} would lose something, but an invalid row names this"
                " user as well",
                "correct the invalid row",
            ),
            "overruled": Text(
                "change skipped: an invalid row without a readable username may say something else"
                " about {username:q}",
                "correct the invalid row",
            ),
            "unread": Text("project skipped: Kanport could not read the members of {project:q}"),
            "group": Text("group skipped: Kanport cannot tell which group {group:q} is"),
        },
        {"username": LOGIN},
    ),
}
