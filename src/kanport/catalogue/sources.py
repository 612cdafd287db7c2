"""What can be wrong with a file, a row, or a directory and its groups."""

from collections.abc import Mapping

from kanport.catalogue.kinds import Kind, Personal, Text, one

_MERGED = (
    "unmerge the cells and write the value into each of them, or set merged_cells: fill in the"
    " mapping"
)
_DELETE_ROW = "delete the row; if it is right, set verbatim: true for this source in the mapping"

SOURCES: Mapping[str, Kind] = {
    # The shape of a file. These stop the whole source.
    "file-kind": Kind("error", "The file is of another kind than its name or the mapping says."),
    "file-empty": Kind("error", "The file has no header, or a header and no rows."),
    "file-encoding": Kind("error", "The file's text is not in the encoding that was expected."),
    "file-delimiter": Kind("error", "The character between the fields could not be told."),
    "file-too-large": Kind("error", "The file holds more than the limits for reading allow."),
    "file-damaged": Kind("error", "The file cannot be read to its end."),
    "sheet-missing": Kind("error", "The workbook has no sheet of that name, or no visible one."),
    "column-missing": Kind(
        "error",
        "The mapping names a column that the source does not have.",
        {
            "source": Text(
                "the source {source:q} has no column {column:q}, which {place} reads",
                "the columns are {columns:all}",
            ),
            "source-near": Text(
                "the source {source:q} has no column {column:q}, which {place} reads",
                "did you mean {near:q}? The columns are {columns:all}",
            ),
            "pattern": Text(
                "no column of the source {source:q} matches the pattern {pattern}",
                "the columns are {columns:all}",
            ),
        },
    ),
    "header-duplicate": Kind("error", "Two columns have the same header."),
    "header-empty": Kind("error", "A column with values has no header."),
    "row-ragged": Kind("error", "A row has more or fewer fields than the header."),
    "row-quotes": Kind("error", "The quotation marks of a row don't pair up."),
    "row-hidden": Kind("error", "Rows are hidden, and the mapping does not say what to do."),
    "rows-left-out": Kind("warning", "Rows were left out; what is not read proves nothing."),
    "cell-merged": Kind(
        "error",
        "A value stands in merged cells; for which rows is unclear.",
        {
            "": Text(
                "the cells {range} are merged, so Kanport cannot tell for which rows the value"
                " counts",
                _MERGED,
            ),
            "cell": Text("the cell is one of the merged cells {range}", _MERGED),
            "secret": Text("the cell is merged with others"),
        },
    ),
    "file-read-as": Kind("info", "How a file was read: encoding, delimiter, sheet."),
    "part-unreadable": Kind("warning", "A part of a workbook cannot be read; it is read without."),
    "encoding-doubtful": Kind("warning", "The letters fit another encoding than the declared one."),
    "row-surplus": Kind("warning", "A row has empty fields beyond those of the header."),
    # These leave out their row.
    "row-header": Kind(
        "error",
        "A row repeats the header, as where files were joined.",
        one("the row repeats the header", _DELETE_ROW),
    ),
    "row-total": Kind(
        "error",
        "A row holds a total or a note below the list; it names nobody.",
        {
            "": Text("the row contains a total or a note below the list", _DELETE_ROW),
            "ruled": Text("the row contains a line of signs", _DELETE_ROW),
        },
    ),
    # A directory and its groups.
    "directory-empty": Kind("error", "A directory gave nobody; that proves nobody's absence."),
    "entry-ambiguous": Kind(
        "error",
        "A directory gave two entries whose names every server takes for one.",
        one(
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
        one(
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
    "group-missing": Kind(
        "error",
        "A group that the mapping names is not there.",
        {"cell": Text("the directory has no group {group:q}")},
    ),
    "group-ambiguous": Kind("error", "More than one group has a name that the mapping gives."),
    "group-unreadable": Kind("warning", "The members of a group cannot be read."),
    "group-not-expanded": Kind("warning", "The server does not list who is in a dynamic group."),
    "group-too-deep": Kind("warning", "Groups lie deeper in one another than is followed."),
    "group-cycle": Kind("info", "Groups contain one another; each is followed once."),
    "member-unreadable": Kind(
        "warning",
        "A member of a group cannot be read; nobody knows who.",
        {"cell": Text("the directory does not show this entry")},
    ),
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
        one(
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
}
