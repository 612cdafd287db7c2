"""What the sources ask for and the server does not allow, and what a run leaves as it is."""

from collections.abc import Mapping

from kanport.catalogue.kinds import Kind, Personal, Text, one

LOGIN, EMAIL, VALUE = Personal.LOGIN, Personal.EMAIL, Personal.VALUE

_CORRECT = (
    "correct what the other findings name: invalid rows, or attributes that the directory hides"
)
_DECIDE = "name it in the sources again, end the access in Kanboard, or decide in the mapping:"
_PRIVATE = "it is a private project, which Kanboard deletes when a member's account is removed"
_SHARE = "make it a shared project in Kanboard first, or remove the row"
_RENAME = "rename the user on the server, or give each person an email address of their own"
_LEFT_OUT = "so Kanport leaves it out, with all access to it"
_CREATE = "if you need the project, create it in Kanboard first"

SERVER: Mapping[str, Kind] = {
    # Against the server.
    "users-unlisted": Kind(
        "warning",
        "The server has too many users to list; not all were read.",
        one(
            "the server could not list its users because {why}, so Kanport does not know users"
            " outside the sources; it read {count:#user|users} by name or as members of the"
            " projects and groups",
            "raise PHP's memory_limit on the server so that Kanport can read all users; until then"
            " it cannot see whether another user has a new email address already",
        ),
    ),
    "person-unsearched": Kind(
        "warning",
        "Nobody was found, but perhaps under another spelling.",
        one(
            "the server distinguishes spellings of a username, and Kanport found none of the usual"
            " spellings of {usernames:q}; it takes {count:this person|these people} as not on the"
            " server",
            "if somebody may have another spelling there, such as aDa, check the server before you"
            " apply the plan",
        ),
        {"usernames": LOGIN},
    ),
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
    "project-unknown": Kind(
        "error",
        "The server has no such project.",
        {
            "": Text(
                "the server has no project with the identifier or name {project:q}",
                "create the project first, or correct its name",
            ),
            "id": Text(
                "the server has no project with the id {project}",
                "create the project first, or correct its id",
            ),
        },
    ),
    "project-by-id": Kind(
        "info",
        "A number that is no project's name was taken for an id.",
        one(
            "no project has the name or identifier {text:q}, so Kanport takes it for the id of"
            " {project:q}",
            "to ask for an id, write project: {{id: COLUMN}} in the mapping; if a project has a"
            " number as its name, make that its identifier",
        ),
    ),
    "project-ambiguous": Kind(
        "error",
        "More than one project on the server fits.",
        {
            "": Text(
                "{text:q} fits several projects: {projects:list}",
                "use an identifier that only this project has, or its id (project: {{id: …}})",
            ),
            "spelling": Text(
                "{text:q} fits the project {project:q} only in another spelling, and other groups"
                " of the directory mean that project",
                "create a project {text:q}, or say in the mapping what the group means",
            ),
            "sources": Text(
                "several projects of the sources have the name {text:q}: {projects:q}",
                "give each of them an identifier where they come from",
            ),
        },
    ),
    "project-closed": Kind(
        "warning",
        "The project is closed on the server.",
        one("the project {project:q} is closed; Kanport changes its members all the same"),
    ),
    "project-private": Kind(
        "error",
        "Private projects take no members: removing one deletes it.",
        {
            "": Text("{username:q} cannot become a member of {project:q}: " + _PRIVATE, _SHARE),
            "group": Text(
                "the group {group:q} cannot get access to {project:q}: " + _PRIVATE, _SHARE
            ),
        },
        {"username": LOGIN},
    ),
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
    "person-unknown": Kind(
        "error",
        "A membership names somebody who exists nowhere.",
        one(
            "{username:q} is neither on the server nor in a source of users",
            "add a row that describes this person, or correct the username",
        ),
        {"username": LOGIN},
    ),
    "person-ambiguous": Kind(
        "error",
        "More than one user on the server fits.",
        one(
            "{username:q} fits {users:list} on the server",
            "write the username exactly as the server has it",
        ),
        {"username": LOGIN},
    ),
    "person-protected": Kind(
        "warning",
        "A protected account was left as it is.",
        one(
            "{username:q} is protected, so Kanport does not change this account",
            "protect in the mapping lists the protected accounts",
        ),
        {"username": LOGIN},
    ),
    "person-inactive": Kind(
        "info",
        "Somebody not active and not on the server: not created.",
        one(
            "{username:q} is not active and not on the server, so Kanport does not create this user"
        ),
        {"username": LOGIN},
    ),
    "person-disabled": Kind(
        "warning",
        "A source names somebody whose account is disabled.",
        {
            case: Text(
                "{username:q} is disabled on the server and stays disabled: " + why,
                "to let this person work again, enable the account in Kanboard or map the field"
                " active; else remove the person from the source",
            )
            for case, why in {
                "": "the ledger does not say that Kanport disabled this account",
                "other-id": "Kanport disabled this account on {disabled_on}, and it belongs to the"
                " stable id {owner:q}",
                "invalid-row": "Kanport disabled this account on {disabled_on}, and an invalid row"
                " names it as well",
                "admin": "Kanport disabled this account on {disabled_on}, and allow_admins does"
                " not name this administrator",
            }.items()
        },
        {"username": LOGIN, "owner": VALUE},
    ),
    "username-spelled": Kind(
        "info",
        "The server spells this username differently; it is kept.",
        one("the server spells {text:q} as {username:q}, and Kanport keeps that"),
        {"text": LOGIN, "username": LOGIN},
    ),
    "username-old": Kind(
        "warning",
        "A membership names somebody who is renamed as they were.",
        one(
            "the plan renames {username:q} to {new_username:q}; from then on this row does not name"
            " this user",
            "write {new_username:q} here",
        ),
        {"username": LOGIN, "new_username": LOGIN},
    ),
    "user-local": Kind(
        "info",
        "A local account of somebody who is to come from Kanboard's LDAP.",
        one(
            "{username:q} has a local account until the first login through LDAP; from then on its"
            " local password no longer works"
        ),
        {"username": LOGIN},
    ),
    "ldap-unproven": Kind(
        "warning",
        "Nothing shows that Kanboard has an LDAP of its own.",
        {
            case: Text(
                "Kanboard is to create {count:#user|users} from its own LDAP, and none of the users"
                f" {which} came from there so far; only the first one shows whether LDAP is"
                " set up",
                "Kanboard needs LDAP_AUTH with LDAP_BIND_TYPE anonymous or proxy; apply tries one"
                " user first, and skips the others if Kanboard has no LDAP",
            )
            for case, which in {"": "on the server", "unlisted": "that Kanport read"}.items()
        },
    ),
    "ldap-expected": Kind(
        "info",
        "Whom Kanboard's own LDAP knows cannot be asked beforehand.",
        one(
            "Kanboard is to create {count:#user|users} from its own LDAP, where {known:#user|users}"
            " of the server came from; only apply shows whether LDAP knows"
            " {count:this user|them}",
            "with LDAP_BIND_TYPE user, Kanboard can log people in, but cannot create users",
        ),
    ),
    "email-taken": Kind(
        "warning",
        "Another user on the server has the same email address.",
        one(
            "{email:q} is also the email address of {usernames:q} on the server",
            "Kanboard allows this, but each of them gets the other's notifications",
        ),
        {"email": EMAIL, "usernames": LOGIN},
    ),
    "rename-unclear": Kind(
        "error",
        "An email address fits more than one person.",
        {
            "two-users": Text(
                "{username:q} has the username of {by_username} and the email address {email:q} of"
                " {by_email}, and the name does not decide between the two",
                "correct the usernames and addresses on the server, or read stable ids",
            ),
            "several-users": Text(
                "Kanport cannot tell which account belongs to {username:q}: {usernames:q} on the"
                " server have the email address {email:q}",
                _RENAME,
            ),
            "several-people": Text(
                "Kanport cannot tell which account belongs to {username:q}: by the email address"
                " {email:q}, {usernames:q} would all be new names of one user",
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
    "identity-changed": Kind(
        "error",
        "An account would pass to a person with another stable id.",
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
                "the username of {username:q}, with the stable id {stable_id:q}, is that of {user},"
                " whom the ledger knows by the id {owner:q}",
                "if it is another person, rename {user} on the server; if it is the same person"
                " with a new id, move the ledger away",
            ),
            "by-email": Text(
                "the email address of {username:q}, with the stable id {stable_id:q}, is that of"
                " {user}, whom the ledger knows by the id {owner:q}",
                "if it is another person, rename {user} on the server; if it is the same person"
                " with a new id, move the ledger away",
            ),
            "held": Text(
                "the account {user} is, or may be, that of another person in the sources",
                "correct first what other findings say of that person",
            ),
        },
        {"username": LOGIN, "called": LOGIN, "stable_id": VALUE, "owner": VALUE},
    ),
    "username-temporary": Kind(
        "warning",
        "A run was cut off while it swapped usernames.",
        one(
            "{user} has a temporary username, because a run that renames users was interrupted;"
            " Kanport cannot tell which username it is to get",
            "finish that run with kanport resume, or rename the account on the server; the journal"
            " of the run has its former username",
        ),
    ),
    "person-unmanaged": Kind(
        "warning",
        "Somebody whom Kanport does not manage stays enabled.",
        one(
            "{username:q} is not active in the sources, but stays enabled: Kanport neither created"
            " nor adopted this account",
            "kanport adopt MAPPING adds the users that the sources name to the ledger",
        ),
        {"username": LOGIN},
    ),
    "person-returned": Kind("info", "Somebody is back whom Kanport had disabled as missing."),
    "login-reused": Kind(
        "warning",
        "A username comes back with another stable id: somebody new.",
        one(
            "the username {username:q} belonged to a person with the stable id {former_id:q}, whose"
            " account is gone; this person has the id {stable_id:q} and gets a new account",
            "if it is the same person with a new id, you need not do anything",
        ),
        {"username": LOGIN, "former_id": VALUE, "stable_id": VALUE},
    ),
    "leaver-waiting": Kind(
        "info",
        "Somebody is in no source, and nothing happens to them yet.",
        {
            "disable": Text(
                "{username:q} is in no source since {since}; Kanport disables this user {when}"
            ),
            "remove": Text(
                "{username:q} is in no source since {since}; Kanport removes this user {when}"
            ),
            "access": Text(
                "{username:q} is in no source since {since}; Kanport revokes all access of this"
                " user {when}"
            ),
        },
        {"username": LOGIN},
    ),
    "leaver-removal": Kind(
        "info",
        "People whom Kanport disabled are removed on a certain day.",
        one(
            "Kanport removes {count:#user|users} that it disabled; {username:q} is the next, on or"
            " after {day}",
            "Kanport re-enables a user instead whom a source names again before",
        ),
        {"username": LOGIN},
    ),
    "ledger-new": Kind(
        "warning",
        "Without a memory of them, disabled users stay disabled.",
        one(
            "the ledger is new, so Kanport does not know whether it disabled {count:#user|users} in"
            " no source; if a source names {count:this user|them} again, {count:the user|they}"
            " {count:stays|stay} disabled: {usernames:q}",
            "enable the account of whoever comes back; Kanport re-enables those that it disables"
            " from now on",
        ),
        {"usernames": LOGIN},
    ),
    "ledger-ahead": Kind(
        "warning",
        "The ledger is ahead of the clock, so no absence counts.",
        one(
            "the ledger has counted a plan of {counted_at}, and now it is {now}; until then Kanport"
            " counts no run for missing people",
            "check the clock of this machine; if it was wrong before, move the ledger away to start"
            " a new one",
        ),
    ),
    "missing-unknown": Kind(
        "warning",
        "Somebody may be missing, but nothing proves it.",
        {
            "disable": Text(
                "Kanport does not disable {count:#user|users} who may be missing from the sources,"
                " because the input does not prove it: {usernames:q}",
                _CORRECT + "; remove leavers from every source that names them",
            ),
            "remove": Text(
                "Kanport does not remove {count:#user|users} who may be missing from the sources,"
                " because the input does not prove it: {usernames:q}",
                _CORRECT + "; remove leavers from every source that names them",
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
                "Kanport does not remove {count:#member|members} of groups that no source lists,"
                " because the input does not prove that {count:it is|they are} unwanted:"
                " {members:list}",
                _CORRECT,
            ),
            "access": Text(
                "Kanport does not revoke the access of {count:#group|groups} that no source lists,"
                " because the input does not prove that it is unwanted: {access:list}",
                _CORRECT,
            ),
        },
        {"usernames": LOGIN},
    ),
    "access-through-group": Kind(
        "warning",
        "Access may come through a group and so remain.",
        {
            "revoke": Text(
                "{username:q} may keep access to {project:q} through the {count:group|groups}"
                " {groups:q}",
                "Kanboard does not show this; check the permissions of the project, or change the"
                " group",
            ),
            "change": Text(
                "{username:q} may have access to {project:q} through the {count:group|groups}"
                " {groups:q}; Kanport adds a direct membership, which takes precedence",
                "to let the group decide, remove this membership from the source",
            ),
        },
        {"username": LOGIN},
    ),
    "access-kept": Kind(
        "info",
        "Access is known to come through a group, and stays.",
        one(
            "Kanport cannot revoke {count:#membership|memberships} that no source lists, because an"
            " earlier run found that access comes through a group: {memberships:list}",
            "change the groups or their members",
        ),
    ),
    "group-unknown": Kind(
        "error",
        "The server has no such group, and none is to be created.",
        one(
            "the group {group:q} is neither on the server nor among the groups of the mapping",
            "add it to groups, or correct its name",
        ),
    ),
    "group-unclear": Kind(
        "error",
        "Which group of the server is meant cannot be told.",
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
                "the group {group:q} is {groups:list} on the server, as another group of the"
                " sources is",
                "rename the groups on the server, or give each an external id of its own",
            ),
        },
    ),
    "group-unread": Kind(
        "warning",
        "Not all members of a group could be read; it is left alone.",
        one(
            "the group {group:q} has too many members for the server to list, so Kanport does not"
            " change them",
            "raise PHP's memory_limit on the server",
        ),
    ),
    "project-dropped": Kind(
        "warning",
        "No source names a project any more; access there stays.",
        {
            case: Text(
                f"{what}; {{remaining:;}}",
                f"{_DECIDE} projects_missing: revoke ends what Kanport granted (kanport adopt"
                " --memberships PROJECT adds the rest), projects_missing: keep accepts it",
            )
            for case, what in {
                "": "no source lists members of the project {project:q} any more",
                "unproven": "the input leaves open whether a source still names the project"
                " {project:q}",
            }.items()
        },
    ),
    "group-dropped": Kind(
        "warning",
        "No source names a group any more; its members stay in it.",
        {
            case: Text(
                f"{what}; {{remaining:;}}",
                f"{_DECIDE} groups_missing: revoke ends what Kanport gave, groups_missing: remove"
                " removes groups, groups_missing: keep accepts it",
            )
            for case, what in {
                "": "no source names the group {group:q} any more",
                "unproven": "the input leaves open whether a source still names the group"
                " {group:q}",
            }.items()
        },
    ),
    "group-was-empty": Kind(
        "info",
        "Nothing shows which projects a group gives access to that had no members.",
        {
            "": Text(
                "the group {group:q} had no members, so Kanport cannot tell to which projects it"
                " gives access; the {count:#user|users} who {count:joins|join} it may get access"
                " to any",
            ),
        },
    ),
    "group-kept": Kind(
        "warning",
        "A group that nothing names was not removed.",
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
    "project-clash": Kind(
        "error",
        "The server has another project of that name or identifier.",
        {
            "other-identifier": Text(
                "{project} on the server has the identifier {has:q}, and the sources want to create"
                " it with {identifier:q}",
                "give the project on the server this identifier, or correct the row",
            ),
            "no-identifier": Text(
                "{project} on the server has no identifier, and the sources want to create it with"
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
    "passwords-behind": Kind(
        "warning",
        "Passwords of another server cannot be moved.",
        one(
            "{count:#user gets|users get} a new password, because Kanport cannot read those of the"
            " other server",
            "if they are random, let people reset theirs by email in Kanboard",
        ),
    ),
    "person-differs": Kind(
        "warning",
        "Somebody of that username is there, with other values.",
        one(
            "{username:q} is on the server already, and gets from the other server"
            " {differences:list}",
            "if that is somebody else, rename one of them first, or protect the account",
        ),
        {"username": LOGIN},
    ),
    "role-to-make": Kind(
        "warning",
        "A project to be created has a custom role only by hand.",
        one(
            "{count:#person gets|people get} the custom role {role:q} in the new project"
            " {project:q}, which does not have it yet",
            "create the role in the settings of the project; Kanboard's API cannot",
        ),
    ),
    "project-left-out": Kind(
        "warning",
        "Kanboard's API cannot create a project as it is.",
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
    "row-skipped": Kind(
        "warning",
        "An invalid row was skipped; its person stays as they are.",
        {
            "disputed": Text("row skipped: Kanport cannot tell whose account {username:q} is"),
            "invalid-row": Text(
                "row skipped: an invalid row keeps Kanport from creating or finding {username:q}"
            ),
            "lowers": Text(
                "row skipped: {username:q} would lose something, but an invalid row names this user"
                " as well",
                "correct the invalid row",
            ),
            "unread": Text("row skipped: Kanport could not read the members of {project:q}"),
            "group": Text("row skipped: Kanport cannot tell which group {group:q} is"),
        },
        {"username": LOGIN},
    ),
}
