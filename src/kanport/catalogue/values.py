"""What can be wrong with a value, and with the people and groups of all sources together."""

from collections.abc import Mapping

from kanport.catalogue.kinds import Kind, Personal, Text, one

VALUES: Mapping[str, Kind] = {
    # One cell.
    "cell-error": Kind("error", "A cell holds a spreadsheet error such as #N/A."),
    "cell-unreadable": Kind("error", "A cell of a workbook holds no number, though it says so."),
    "cell-formula": Kind("error", "A formula was saved without its value."),
    "cell-date": Kind("error", "A cell holds a date where a name or text belongs."),
    "cell-boolean": Kind("warning", "A truth value stands where text belongs."),
    "cell-number": Kind("warning", "A number stands where text belongs; zeros may be lost."),
    "cell-number-inexact": Kind("error", "A number has lost digits, or has a fraction."),
    "cell-converted": Kind("error", "A spreadsheet has changed a name; the original is lost."),
    "cell-decimals": Kind("error", "All ids of a column are numbers with decimals, such as 17.0."),
    "cell-date-like": Kind("warning", "A text looks like what Excel makes of a name: a date."),
    "cell-unwrapped": Kind("info", 'The text inside ="…" was read.'),
    "cell-control": Kind("error", "A value holds control characters or line breaks."),
    "cell-trimmed": Kind("info", "Blanks round a value were left out."),
    "cell-composed": Kind("info", "Letters and accents that stood apart were put together."),
    "cell-garbled": Kind("error", "A value lost letters in an earlier conversion."),
    "cell-calculated": Kind("info", "The values of formulas were read as last calculated."),
    "value-binary": Kind("error", "A value of a directory is not text."),
    "absence-unproven": Kind(
        "warning",
        "An attribute may only be hidden; it counts as unknown.",
        one(
            "the directory shows no {attribute} of {count:#entry|entries} and does not prove that"
            " there is none: {entries:q}; the {what} is unknown, and nothing changes because of it",
            "let this login read and search {attribute}",
        ),
        {"entries": Personal.ENTRY},
    ),
    "absence-since": Kind(
        "warning",
        "An attribute that was there in the last good run may only be hidden now.",
        one(
            "the directory shows no {attribute} of {count:#entry|entries} any more: {entries:q};"
            " it cannot tell absent from hidden, so the {what} is unknown, and nothing changes"
            " because of it",
            "let this login read {attribute}; if it really is gone,"
            " --allow columns:{source}=1 accepts that for one run",
        ),
        {"entries": Personal.ENTRY},
    ),
    "person-unproven": Kind(
        "warning",
        "Whether an account is active is unknown; it stays as it is.",
        {
            "new": Text(
                "{username:q} is not created: the directory does not show whether the account"
                " is active",
                "let this login read and search the attributes behind active",
            ),
            "disabled": Text(
                "{username:q} stays disabled: the directory does not show whether the account"
                " is active",
                "let this login read and search the attributes behind active",
            ),
        },
        {"username": Personal.LOGIN},
    ),
    "active-unknown": Kind("error", "Whether an account is active cannot be told."),
    "value-required": Kind("error", "A value that is needed is empty."),
    "value-not-in-table": Kind("error", "A value is not in the mapping's table."),
    "value-took-default": Kind("info", "A value is not in the table; the default was taken."),
    "value-no-match": Kind("error", "A value does not match the mapping's pattern."),
    "value-too-slow": Kind(
        "error",
        "A pattern of the mapping takes too long for a value, so nothing is known of it.",
        one(
            "the pattern {pattern:q} takes too long for this {what}",
            "write the pattern without a repetition within a repetition, or correct the value",
        ),
    ),
    "value-not-clearable": Kind("error", "Only a name and an e-mail address can be cleared."),
    "value-not-single": Kind("error", "Several values stand where one belongs."),
    "value-not-boolean": Kind("error", "A value is neither a yes nor a no."),
    # What the server would refuse, or wrongly accept.
    "username-empty": Kind("error", "A row names nobody."),
    "username-too-long": Kind("error", "Kanboard takes at most 191 characters."),
    "username-odd": Kind("warning", "A username holds blanks or characters that are hard to type."),
    "username-reserved": Kind("warning", "Kanboard uses this username for its application token."),
    "name-double-encoded": Kind("warning", "A name was encoded twice, such as MÃ¼ller for Müller."),
    "name-mixed-scripts": Kind("warning", "A name mixes alphabets whose letters look alike."),
    "name-invisible": Kind("warning", "A name holds a character that cannot be seen."),
    "name-lookalike": Kind(
        "warning",
        "Two names look the same and have letters of different alphabets.",
        {
            kind: Text(
                f"the {kind}s {{names:q}} look the same, and have letters of different alphabets",
                "write the name the same way everywhere, if you mean one",
            )
            for kind in ("username", "group", "project")
        },
        {"names": Personal.LOGIN},
    ),
    "name-too-long": Kind("error", "Kanboard's databases take at most 255 characters."),
    "email-invalid": Kind("error", "Kanboard refuses this e-mail address."),
    "email-too-long": Kind("error", "Kanboard's databases take at most 255 characters."),
    "password-empty": Kind("info", "No password is given; a new user gets a random one."),
    "password-too-short": Kind("error", "Kanboard takes at least 6 characters."),
    "password-too-long": Kind("error", "Kanboard's bcrypt ignores all after 72 bytes."),
    "password-invalid": Kind("error", "A password holds a character that breaks Kanboard."),
    "role-unknown": Kind("error", "Kanboard has no such role; it would store it all the same."),
    # The whole set.
    "user-duplicate": Kind("error", "Two rows of one source name the same person."),
    "user-repeated": Kind("info", "Several rows of one source name a person with the same values."),
    "user-clash": Kind("error", "Two usernames are one to some databases: case, accents, emoji."),
    "login-shared": Kind(
        "error",
        "Several entries of one directory have the same username.",
        one(
            "{entries:#entry has|entries have} the username {username:q}: {names:q}",
            "give one of them another username, or leave it out by base or filter; FreeIPA repeats"
            " everybody below cn=compat, so choose cn=users,cn=accounts as the base there",
        ),
        {"username": Personal.LOGIN, "names": Personal.ENTRY},
    ),
    "id-shared": Kind("error", "Two people have the same stable id."),
    "id-differs": Kind("error", "One person has two stable ids."),
    "email-shared": Kind(
        "warning",
        "Two people have the same email address.",
        {
            "": Text(
                "{usernames:q} have the same email address",
                "give each person an address of their own, unless they are to share it",
            ),
            "found-by-email": Text(
                "{usernames:q} have the same email address",
                "Kanport finds nobody by this address, so a new username of theirs is a new user",
            ),
        },
        {"usernames": Personal.LOGIN},
    ),
    "membership-duplicate": Kind("info", "The same membership is asked for more than once."),
    "membership-highest": Kind("info", "Several roles are asked for; the highest was taken."),
    "membership-conflict": Kind("error", "One person is to have two roles in one project."),
    "sources-conflict": Kind("warning", "Two sources say different things; the first was taken."),
    "protected-named": Kind(
        "info",
        "A source names a protected account; it is left as it is.",
        one("{username:q} is protected, so Kanport does not change this account"),
        {"username": Personal.LOGIN},
    ),
    "admin-wanted": Kind(
        "info",
        "Somebody is to be an administrator of the whole server.",
        one("{username:q} is to be an administrator of the whole server"),
        {"username": Personal.LOGIN},
    ),
    "group-differs": Kind("error", "The sources say different things of one group."),
    "group-clash": Kind(
        "error",
        "Groups of a directory have names that Kanboard's databases take for one.",
        one(
            "the groups {names:q} are one group on MariaDB and MySQL, which tell neither case nor"
            " accents apart",
            "say in the mapping (values) what to call one of them",
        ),
    ),
    "group-login": Kind(
        "warning",
        "Kanboard's login takes people out of groups with such an id.",
        one(
            "{number:#group|groups} ({groups:list}) {number:has|have} an external id that is not a"
            " DN of a directory: where people log in through Kanboard's own LDAP, each login"
            " removes them from {number:this group|these groups}",
            "leave the external id out, unless nobody logs in through LDAP",
        ),
    ),
    "group-synced": Kind(
        "info",
        "Kanboard's login through LDAP fills these groups, too.",
        one(
            "{number:#group|groups} ({groups:list}) {number:has|have} a DN as external id: where"
            " people log in through Kanboard's own LDAP, each login adds or removes them, as their"
            " groups there say, letter for letter"
        ),
    ),
    "project-differs": Kind("error", "The sources say different things of one new project."),
    "project-identifier": Kind("error", "Identifiers are letters and digits, at most 50."),
    "group-name-odd": Kind("error", "This cannot be the name of a group or a project."),
    "person-unlisted": Kind(
        "info",
        "A membership names somebody whom no row of users names.",
        one(
            "{username:q} is in no row of users, but is to have"
            " {memberships:#membership|memberships}",
            "this works for somebody who is on the server already",
        ),
        {"username": Personal.LOGIN},
    ),
}
