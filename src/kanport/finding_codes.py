"""The catalogue of finding codes: stable names, how much each matters, and what it is about.

A code never changes its meaning. Its severity is fixed here, so that the same trouble never counts
as an error in one place and as a warning in another.
"""

from typing import NamedTuple


class Kind(NamedTuple):
    """What a code stands for: its severity (error, warning or info) and what it is about."""

    severity: str
    about: str


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
    # A directory and its groups.
    "directory-empty": Kind("error", "A directory gave nobody; that proves nobody's absence."),
    "directory-fallback": Kind("info", "A server did not answer; another one was read."),
    "directory-referrals": Kind("info", "Parts of a directory lie on other servers; not read."),
    "attribute-nowhere": Kind("warning", "No entry has an attribute that the mapping names."),
    "active-nowhere": Kind("info", "No entry says that it is disabled; or it may not be read."),
    "value-chosen": Kind("info", "Of several values of an attribute one was taken, by a rule."),
    "group-missing": Kind("error", "A group that the mapping names is not there."),
    "group-ambiguous": Kind("error", "More than one group has a name that the mapping gives."),
    "group-unreadable": Kind("warning", "The members of a group cannot be read."),
    "group-too-deep": Kind("warning", "Groups lie deeper in one another than is followed."),
    "group-cycle": Kind("info", "Groups contain one another; each is followed once."),
    "member-unreadable": Kind("warning", "A member of a group cannot be read; nobody knows who."),
    "member-no-person": Kind("info", "A member of a group is none of the people."),
    # One cell.
    "cell-error": Kind("error", "A cell holds a spreadsheet error such as #N/A."),
    "cell-formula": Kind("error", "A formula was saved without its value."),
    "cell-date": Kind("error", "A date stands where a name or text belongs."),
    "cell-boolean": Kind("warning", "A truth value stands where text belongs."),
    "cell-number": Kind("warning", "A number stands where text belongs; zeros may be lost."),
    "cell-number-inexact": Kind("error", "A number has lost digits, or has a fraction."),
    "cell-control": Kind("error", "A value holds control characters or line breaks."),
    "cell-trimmed": Kind("info", "Blanks round a value were left out."),
    "cell-composed": Kind("info", "Letters and accents that stood apart were put together."),
    "cell-garbled": Kind("error", "A value lost letters in an earlier conversion."),
    "cell-calculated": Kind("info", "The values of formulas were read as last calculated."),
    "value-binary": Kind("error", "A value of a directory is not text."),
    "active-unknown": Kind("error", "Whether an account is active cannot be told."),
    "value-required": Kind("error", "A value that is needed is empty."),
    "value-not-in-table": Kind("error", "A value is not in the mapping's table."),
    "value-took-default": Kind("info", "A value is not in the table; the default was taken."),
    "value-no-match": Kind("error", "A value does not match the mapping's pattern."),
    "value-not-clearable": Kind("error", "Only a name and an e-mail address can be cleared."),
    "value-not-single": Kind("error", "Several values stand where one belongs."),
    "value-not-boolean": Kind("error", "A value is neither a yes nor a no."),
    # What the server would refuse, or wrongly accept.
    "username-empty": Kind("error", "A row names nobody."),
    "username-too-long": Kind("error", "Kanboard takes at most 191 characters."),
    "username-odd": Kind("warning", "A username holds blanks or characters that are hard to type."),
    "username-reserved": Kind("warning", "Kanboard uses this username for its application token."),
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
    "id-shared": Kind("error", "Two people have the same stable id."),
    "id-differs": Kind("error", "One person has two stable ids."),
    "email-shared": Kind("warning", "Two people have the same e-mail address."),
    "membership-duplicate": Kind("info", "The same membership is asked for more than once."),
    "membership-highest": Kind("info", "Several roles are asked for; the highest was taken."),
    "membership-conflict": Kind("error", "One person is to have two roles in one project."),
    "sources-conflict": Kind("warning", "Two sources say different things; the first was taken."),
    "protected-named": Kind("info", "A source names a protected account; it is left as it is."),
    "admin-wanted": Kind("info", "Somebody is to be an administrator of the whole server."),
    "person-unlisted": Kind("info", "A membership names somebody whom no row of users names."),
    # Against the server.
    "users-unlisted": Kind("warning", "The server has too many users to list; not all were read."),
    "person-unsearched": Kind("warning", "Nobody was found, but perhaps under another spelling."),
    "project-unknown": Kind("error", "The server has no such project."),
    "project-ambiguous": Kind("error", "More than one project on the server fits."),
    "project-closed": Kind("warning", "The project is closed on the server."),
    "project-private": Kind("error", "Private projects take no members: removing one deletes it."),
    "person-unknown": Kind("error", "A membership names somebody who exists nowhere."),
    "person-ambiguous": Kind("error", "More than one user on the server fits."),
    "person-protected": Kind("warning", "A protected account was left as it is."),
    "person-inactive": Kind("info", "Somebody not active and not on the server: not created."),
    "person-disabled": Kind("warning", "A source names somebody whose account is disabled."),
    "username-spelled": Kind("info", "The server spells this username differently; it is kept."),
    "user-local": Kind("info", "A local account of somebody who is to come from Kanboard's LDAP."),
    "ldap-unproven": Kind("warning", "Nothing shows that Kanboard has an LDAP of its own."),
    "ldap-expected": Kind("info", "Whom Kanboard's own LDAP knows cannot be asked beforehand."),
    "email-taken": Kind("warning", "Another user on the server has the same e-mail address."),
    "rename-unclear": Kind("error", "An e-mail address fits more than one person."),
    "identity-changed": Kind("error", "An account would pass to a person with another stable id."),
    "missing-unknown": Kind("warning", "Somebody may be missing, but nothing proves it."),
    "access-through-group": Kind("warning", "Access may come through a group and so remain."),
    "row-skipped": Kind("warning", "An invalid row was skipped; its person stays as they are."),
    # Taking a run back.
    "undo-moved": Kind("error", "The server has changed since the run; this was left as it is."),
    "undo-impossible": Kind("error", "Kanboard's API cannot take this back."),
    "undo-partial": Kind("warning", "Kanboard's API can take this back only in part."),
}
