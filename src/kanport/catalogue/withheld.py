"""Why Kanport withholds a removal.

The case of most entries says whom the rows or entries may be about; the others name what is
unproven, or what the mapping lacks:

- named: the user of the removal
- group, project: the group or project of the removal
- any: some user, unknown which
- other: unknown; no row or entry names what the removal is about
- server: a group that exists only on the server
"""

from collections.abc import Mapping

from kanport.catalogue.kinds import CatalogueEntry, Personal, Text, one

WITHHELD: Mapping[str, CatalogueEntry] = {
    "unproven": CatalogueEntry(
        "",
        "The input does not prove that the removal is right.",
        one("the input does not prove it"),
    ),
    "invalid-row": CatalogueEntry(
        "",
        "A row cannot be used.",
        {
            "named": Text("{count:an invalid row names|invalid rows name} this user"),
            "group": Text("{count:an invalid row|invalid rows} may name this group"),
            "project": Text("{count:an invalid row|invalid rows} may name this project"),
            "other": Text("{count:an invalid row|invalid rows} may contradict this removal"),
            "any": Text("{count:an invalid row|invalid rows} may name any user"),
            "skipped": Text("{count:a skipped row|skipped rows} may be about any user"),
        },
    ),
    "hidden-entry": CatalogueEntry(
        "",
        "A directory does not show an entry, and does not prove that it is gone.",
        {
            "named": Text("the directory does not show the entry of this user"),
            "group": Text("the directory does not show {count:an entry|entries} of this group"),
            "project": Text("the directory hides {count:an entry|entries}"),
            "other": Text("the directory hides {count:an entry|entries}"),
            "any": Text("the directory hides {count:an entry|entries} of unknown users"),
        },
    ),
    "incomplete-source": CatalogueEntry(
        "",
        "Kanport could not read a whole source.",
        {
            case: Text("Kanport could not read the whole source")
            for case in ("named", "group", "project", "other", "any")
        },
    ),
    "unread-members": CatalogueEntry(
        "",
        "Kanport does not know all members of a group.",
        {
            "named": Text("the directory does not show whether the user is in the group"),
            **{
                case: Text(
                    "the directory does not show all members of {count:the group|the groups}"
                )
                for case in ("group", "project", "other", "any")
            },
            "server": Text("Kanport could not read all members of the group"),
        },
    ),
    "unclear-identity": CatalogueEntry(
        "",
        "Kanport cannot tell whose account this is.",
        {
            case: Text("the input does not show which account a user has")
            for case in ("named", "group", "project", "other", "any")
        },
    ),
    "unclear-group": CatalogueEntry(
        "",
        "Kanport cannot tell which group a name means.",
        {
            "": Text("Kanport cannot tell which group the sources mean"),
            "any": Text("a name that the sources give may mean any group"),
        },
    ),
    "unclear-project": CatalogueEntry(
        "",
        "Kanport cannot tell which project a name means.",
        one("a name that the sources give may mean any project"),
    ),
    "unread-users": CatalogueEntry(
        "",
        "Kanport could not read all users of the server.",
        {
            "": Text("Kanport could not read all users of the server"),
            "user": Text("Kanport could not read this user"),
        },
    ),
    "still-listed": CatalogueEntry(
        "",
        "Another row or source lists the user.",
        {
            "users": Text("another row has this username"),
            "memberships": Text("a source of memberships names this user"),
            "groups": Text("a source of groups names this user"),
        },
    ),
    "protected-account": CatalogueEntry(
        "",
        "The mapping protects an account.",
        {
            "": Text("protected by the mapping"),
            "group": Text("the group contains protected accounts: {usernames:q}"),
        },
        {"usernames": Personal.LOGIN},
    ),
    "unmanaged-account": CatalogueEntry(
        "",
        "Kanport does not manage the account.",
        one("users.managed does not include this account"),
    ),
    "waiting-period": CatalogueEntry(
        "",
        "The waiting period of the mapping has not passed.",
        {
            "": Text("missing since {since}; due {when}"),
            "removal": Text("disabled by Kanport; removal due on or after {day}"),
        },
    ),
}
