"""Why Kanport withholds a removal."""

from collections.abc import Mapping

from kanport.catalogue.kinds import Kind, Personal, Text, one

WITHHELD: Mapping[str, Kind] = {
    "unproven": Kind(
        "",
        "The input does not prove that the removal is right.",
        one("the input does not prove it"),
    ),
    "invalid-row": Kind(
        "",
        "A row cannot be used.",
        {
            "named": Text("{count:an invalid row names|invalid rows name} this user"),
            "group": Text("{count:an invalid row names|invalid rows name} this group"),
            "any": Text("{count:an invalid row|invalid rows} may name any user"),
        },
    ),
    "hidden-entry": Kind(
        "",
        "A directory does not show an entry, and does not prove that it is gone.",
        {
            "named": Text("the directory does not show the entry of this user"),
            "group": Text("the directory does not show {count:an entry|entries} of this group"),
            "any": Text("the directory hides {count:an entry|entries} of unknown users"),
        },
    ),
    "incomplete-source": Kind(
        "",
        "Kanport could not read a whole source.",
        {
            case: Text("Kanport could not read the whole source")
            for case in ("named", "group", "any")
        },
    ),
    "unread-members": Kind(
        "",
        "Kanport does not know all members of a group.",
        {
            "named": Text("the directory does not show whether the user is in the group"),
            "any": Text("the directory does not show all members of {count:the group|the groups}"),
            "group": Text(
                "the directory does not show all members of {count:the group|the groups}"
            ),
            "server": Text("Kanport could not read all members of the group"),
        },
    ),
    "unclear-identity": Kind(
        "",
        "Kanport cannot tell whose account this is.",
        {case: Text("the input does not show whose account this is") for case in ("named", "any")},
    ),
    "unclear-group": Kind(
        "",
        "Kanport cannot tell which group a name means.",
        {
            "": Text("Kanport cannot tell which group the sources mean"),
            "any": Text("a name that the sources give may mean any group"),
        },
    ),
    "unclear-project": Kind(
        "",
        "Kanport cannot tell which project a name means.",
        one("a name that the sources give may mean any project"),
    ),
    "unread-users": Kind(
        "",
        "Kanport could not read all users of the server.",
        {
            "": Text("Kanport could not read all users of the server"),
            "user": Text("Kanport could not read this user"),
        },
    ),
    "still-listed": Kind(
        "",
        "Another row or source lists the user.",
        {
            "users": Text("another row has this username"),
            "memberships": Text("a source of memberships names this user"),
            "groups": Text("a source of groups names this user"),
        },
    ),
    "protected-account": Kind(
        "",
        "The mapping protects an account.",
        {
            "": Text("this account is protected"),
            "group": Text("the group contains protected accounts: {usernames:q}"),
        },
        {"usernames": Personal.LOGIN},
    ),
    "unmanaged-account": Kind(
        "",
        "Kanport does not manage the account.",
        one("users.managed does not include this account"),
    ),
    "waiting-period": Kind(
        "",
        "The waiting period of the mapping has not passed.",
        {
            "": Text("missing since {since}; due {when}"),
            "removal": Text("disabled by Kanport; removal due on or after {day}"),
        },
    ),
}
