"""The catalogue of findings: what each code means, how much it matters, and how it is worded.

A code never changes its meaning. Its severity is fixed here, so that the same trouble never counts
as an error in one place and as a warning in another. Its wording is a template
(`kanport.messages`) that nothing reads back: it can change at any time.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class Personal(StrEnum):
    """What a personal parameter is, which decides the shape of its pseudonym."""

    LOGIN = "login"
    NAME = "name"
    EMAIL = "email"
    ENTRY = "entry"  # the DN of a directory entry
    VALUE = "value"  # a cell or an attribute of which nobody knows what it holds


class Text(NamedTuple):
    """How a finding is worded: what is wrong, and what to do about it."""

    message: str
    hint: str = ""


class Kind(NamedTuple):
    """What a code stands for: its severity (error, warning or info) and what it is about.

    `texts` has a wording for each case of it; most codes have one, under "". `personal` are the
    parameters that name or describe somebody, which a masked report replaces, `secret` those that
    are never shown at all.
    """

    severity: str
    about: str
    texts: Mapping[str, Text] = MappingProxyType({})
    personal: Mapping[str, Personal] = MappingProxyType({})
    secret: frozenset[str] = frozenset()


def _one(message: str, hint: str = "") -> Mapping[str, Text]:
    return {"": Text(message, hint)}


CATALOGUE: dict[str, Kind] = {
    # The shape of a file. These stop the whole source.
    "file-kind": Kind("error", "The file is of another kind than its name or the mapping says."),
    "file-empty": Kind("error", "The file has no header, or a header and no rows."),
    "file-encoding": Kind("error", "The file's text is not in the encoding that was expected."),
    "file-delimiter": Kind("error", "The character between the fields could not be told."),
    "file-too-large": Kind("error", "The file holds more than the limits for reading allow."),
    "file-damaged": Kind("error", "The file cannot be read to its end."),
    "sheet-missing": Kind("error", "The workbook has no sheet of that name, or no visible one."),
    "column-missing": Kind("error", "The mapping names a column that the source does not have."),
    "header-duplicate": Kind("error", "Two columns have the same header."),
    "header-empty": Kind("error", "A column with values has no header."),
    "row-ragged": Kind("error", "A row has more or fewer fields than the header."),
    "row-quotes": Kind("error", "The quotation marks of a row don't pair up."),
    "row-hidden": Kind("error", "Rows are hidden, and the mapping does not say what to do."),
    "rows-left-out": Kind("warning", "Rows were left out; what is not read proves nothing."),
    "cell-merged": Kind("error", "A value stands in merged cells; for which rows is unclear."),
    "file-read-as": Kind("info", "How a file was read: encoding, delimiter, sheet."),
    "part-unreadable": Kind("warning", "A part of a workbook cannot be read; it is read without."),
    "encoding-doubtful": Kind("warning", "The letters fit another encoding than the declared one."),
    "row-surplus": Kind("warning", "A row has empty fields beyond those of the header."),
    # These leave out their row.
    "row-header": Kind("error", "A row repeats the header, as where files were joined."),
    "row-total": Kind("error", "A row holds a total or a note below the list; it names nobody."),
    # A directory and its groups.
    "directory-empty": Kind("error", "A directory gave nobody; that proves nobody's absence."),
    "entry-ambiguous": Kind(
        "error",
        "A directory gave two entries whose names every server takes for one.",
        _one(
            "the directory has two entries of one name: {names:q}",
            "rename one of them in the directory",
        ),
        {"names": Personal.ENTRY},
    ),
    "directory-fallback": Kind("info", "A server did not answer; another one was read."),
    "directory-referrals": Kind("info", "Parts of a directory lie on other servers; not read."),
    "referrals-new": Kind(
        "warning",
        "More of a directory lies on other servers than in the last good run.",
        _one(
            "{count:#part|parts} of the directory {count:lies|lie} on other servers now, and did"
            " not in the last good run: {referrals:q}; Kanport does not read them, so nobody who is"
            " missing loses anything",
            "read them with a source of their own; if nobody is lost there,"
            " --allow referrals:{source}={count} accepts that for one run",
        ),
    ),
    "attribute-nowhere": Kind("warning", "No entry has an attribute that the mapping names."),
    "active-nowhere": Kind("info", "No entry says that it is disabled; or it may not be read."),
    "value-chosen": Kind("info", "Of several values of an attribute one was taken, by a rule."),
    "group-missing": Kind("error", "A group that the mapping names is not there."),
    "group-ambiguous": Kind("error", "More than one group has a name that the mapping gives."),
    "group-unreadable": Kind("warning", "The members of a group cannot be read."),
    "group-not-expanded": Kind("warning", "The server does not list who is in a dynamic group."),
    "group-too-deep": Kind("warning", "Groups lie deeper in one another than is followed."),
    "group-cycle": Kind("info", "Groups contain one another; each is followed once."),
    "member-unreadable": Kind("warning", "A member of a group cannot be read; nobody knows who."),
    "entry-unreadable": Kind("warning", "A directory shows an entry no more, and proves nothing."),
    "groups-unreadable": Kind("warning", "Which groups somebody is in cannot be read."),
    "member-outside": Kind(
        "info",
        "A member outside the base is locked, or in no source of users.",
        {
            "": Text(
                "{members:#member of groups lies|members of groups lie} outside the base and"
                " {members:is|are} in no source of users, so membership neither grants nor keeps"
                " access: {names:q}",
                "add their folder to base if they are to have access",
            ),
            "locked": Text(
                "{members:#member of groups lies|members of groups lie} outside the base and"
                " {members:is|are} disabled or expired, so membership neither grants nor keeps"
                " access: {names:q}",
                "remove them from the groups",
            ),
        },
        {"names": Personal.ENTRY},
    ),
    "member-unclear": Kind(
        "warning",
        "A member outside the base may or may not be the user of that username.",
        _one(
            "{members:#member of groups lies|members of groups lie} outside the base, and only the"
            " username says which user {members:it is|they are}, so Kanport grants and revokes"
            " nothing because of {members:it|them}: {names:q}",
            "add their folder to base, or remove them from the groups",
        ),
        {"names": Personal.ENTRY},
    ),
    "member-other": Kind(
        "warning",
        "A member of a group has the username of another entry.",
        {
            "": Text(
                "the username {username:q} belongs to {owner:q}, so {member:q} does not count as a"
                " member",
                "give one of them another username if both are to use Kanboard",
            ),
            "both": Text(
                "memberships call {member:q} {username:q}, the username of {owner:q}, and users"
                " call it otherwise, so Kanport grants and revokes nothing because of it",
                "read the username from the same attribute in users and memberships",
            ),
        },
        {"username": Personal.LOGIN, "owner": Personal.ENTRY, "member": Personal.ENTRY},
    ),
    "member-no-person": Kind("info", "A member of a group is none of the people."),
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
        _one(
            "the directory shows no {attribute} of {count:#entry|entries} and does not prove that"
            " there is none: {entries:q}; the {what} is unknown, and nothing changes because of it",
            "let this login read and search {attribute}",
        ),
        MappingProxyType({"entries": Personal.ENTRY}),
    ),
    "absence-since": Kind(
        "warning",
        "An attribute that was there in the last good run may only be hidden now.",
        _one(
            "the directory shows no {attribute} of {count:#entry|entries} any more: {entries:q};"
            " it cannot tell absent from hidden, so the {what} is unknown, and nothing changes"
            " because of it",
            "let this login read {attribute}; if it really is gone,"
            " --allow columns:{source}=1 accepts that for one run",
        ),
        MappingProxyType({"entries": Personal.ENTRY}),
    ),
    "person-unproven": Kind(
        "warning",
        "Whether an account is active is unknown; it stays as it is.",
        MappingProxyType(
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
            }
        ),
        MappingProxyType({"username": Personal.LOGIN}),
    ),
    "active-unknown": Kind("error", "Whether an account is active cannot be told."),
    "value-required": Kind("error", "A value that is needed is empty."),
    "value-not-in-table": Kind("error", "A value is not in the mapping's table."),
    "value-took-default": Kind("info", "A value is not in the table; the default was taken."),
    "value-no-match": Kind("error", "A value does not match the mapping's pattern."),
    "value-too-slow": Kind(
        "error",
        "A pattern of the mapping takes too long for a value, so nothing is known of it.",
        _one(
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
        _one(
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
        _one("{username:q} is protected, so Kanport does not change this account"),
        {"username": Personal.LOGIN},
    ),
    "admin-wanted": Kind(
        "info",
        "Somebody is to be an administrator of the whole server.",
        _one("{username:q} is to be an administrator of the whole server"),
        {"username": Personal.LOGIN},
    ),
    "group-differs": Kind("error", "The sources say different things of one group."),
    "group-clash": Kind(
        "error",
        "Groups of a directory have names that Kanboard's databases take for one.",
        _one(
            "the groups {names:q} are one group on MariaDB and MySQL, which tell neither case nor"
            " accents apart",
            "say in the mapping (values) what to call one of them",
        ),
    ),
    "group-login": Kind(
        "warning",
        "Kanboard's login takes people out of groups with such an id.",
        _one(
            "{number:#group|groups} ({groups:list}) {number:has|have} an external id that is not a"
            " DN of a directory: where people log in through Kanboard's own LDAP, each login"
            " removes them from {number:this group|these groups}",
            "leave the external id out, unless nobody logs in through LDAP",
        ),
    ),
    "group-synced": Kind(
        "info",
        "Kanboard's login through LDAP fills these groups, too.",
        _one(
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
        _one(
            "{username:q} is in no row of users, but is to have"
            " {memberships:#membership|memberships}",
            "this works for somebody who is on the server already",
        ),
        {"username": Personal.LOGIN},
    ),
    # Against the server.
    "users-unlisted": Kind("warning", "The server has too many users to list; not all were read."),
    "person-unsearched": Kind("warning", "Nobody was found, but perhaps under another spelling."),
    "project-id": Kind("error", "The id of a project is no positive whole number."),
    "project-unknown": Kind("error", "The server has no such project."),
    "project-by-id": Kind("info", "A number that is no project's name was taken for an id."),
    "project-ambiguous": Kind("error", "More than one project on the server fits."),
    "project-closed": Kind("warning", "The project is closed on the server."),
    "project-private": Kind("error", "Private projects take no members: removing one deletes it."),
    "limit-unused": Kind("warning", "A limit or --allow names a project or source that is none."),
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
    # Taking a run back.
    "undo-moved": Kind("error", "The server has changed since the run; this was left as it is."),
    "undo-impossible": Kind("error", "Kanboard's API cannot take this back."),
    "undo-partial": Kind("warning", "Kanboard's API can take this back only in part."),
}
