"""Findings about a file, a row, or a directory and its groups."""

from collections.abc import Mapping

from kanport.catalogue.kinds import MORE, CatalogueEntry, Personal, Text, one

_MERGED = (
    "unmerge the cells and write the value into each of them, or set merged_cells: fill in the"
    " mapping"
)
_DELETE_ROW = "delete the row; if it is right, set verbatim: true for this source in the mapping"
_SAVE_ANEW = "open it in Excel or LibreOffice, and save it again"
_IN_CSV = "export the file again as CSV UTF-8"
_DOUBLE = 'write a quotation mark within a value twice, as in "Ann ""Al"" Lee"'
# A first line without headers may be the row of a user.
_FIRST_LINE = {"headers": Personal.VALUE, "alike": Personal.VALUE}
_OTHER_KIND = "this is {kind}, but the mapping says type: {wanted}"
_NO_HEADER = "the header has none of the columns that the mapping reads: {wanted:many}"


def _same(message: str, /, **hints: str) -> Mapping[str, Text]:
    """Return cases with one message and different hints."""
    return {case: Text(message, hint) for case, hint in hints.items()}


def _damaged(**why: str) -> Mapping[str, Text]:
    return {
        case: Text(f"the workbook is damaged: {text}", _SAVE_ANEW) for case, text in why.items()
    }


def _too_large(**why: str) -> Mapping[str, Text]:
    hint = "copy the rows into a new workbook"
    return {
        case: Text(f"Kanport does not open the workbook: {text}", hint)
        for case, text in why.items()
    }


SOURCES: Mapping[str, CatalogueEntry] = {
    # The shape of a file. These stop the whole source.
    "file-kind": CatalogueEntry(
        "error",
        "The file is not what its name or the mapping says.",
        {
            **_same(
                _OTHER_KIND,
                other="name the file that contains the list",
                type="change the mapping to type: {right}, or name another file",
                protected="open it with its password and save it without one",
            ),
            "save-csv": Text(
                _OTHER_KIND, "open it in a spreadsheet program and save it as CSV UTF-8"
            ),
            "save-excel": Text(
                _OTHER_KIND,
                "open it in a spreadsheet program and save it as Excel Workbook (.xlsx)",
            ),
            "strict": Text(
                "the workbook is saved as Strict Open XML",
                "save it as Excel Workbook (.xlsx), without Strict",
            ),
            "encrypted": Text(
                "the workbook's archive is protected by a password",
                "open it with its password and save it without one",
            ),
            "no-list": Text("the file is not a list of rows"),
            "lists": Text(
                "the file is not a list of rows",
                'set "under" in the mapping to the key of the list: {keys:many}',
            ),
            "under": Text("the file has no list under {under:q}"),
        },
        {"keys": Personal.VALUE},
    ),
    "file-empty": CatalogueEntry(
        "error",
        "The file has no header, or a header and no rows.",
        {
            "": Text(
                "the {what} is empty", "check that it is the right file and that it was saved"
            ),
            "rows": Text(
                "the {what} has a header but no rows",
                "check that it is the right file and that it was saved",
            ),
            "filtered": Text(
                "no row is left: only_rows and skip_rows leave out {count:the only row|all rows}",
                "compare their conditions with the values of the columns",
            ),
            "header": Text("row {row}, which should hold the headers, is empty"),
            "header-elsewhere": Text(
                "row {row}, which should hold the headers, is empty",
                "row {other} has them: set header_row: {other} in the mapping",
            ),
        },
    ),
    "file-encoding": CatalogueEntry(
        "error",
        "The file is not in the expected encoding.",
        {
            **_same(
                "the file is not UTF-8: byte 0x{byte:02X} at position {position} of the line",
                unknown='save it as CSV UTF-8, or set its "encoding" in the mapping',
                guess="it looks like {guesses:+}: set encoding: {guesses:+} in the mapping, or"
                " save it as UTF-8",
                guesses='it looks like one of {guesses:+}: set the right one as "encoding" in the'
                " mapping, or save it as UTF-8",
                mixed="the rest of the file is UTF-8: correct these lines, or export the file"
                " again",
            ),
            "declared": Text(
                "Kanport reads the file as {encoding}, but this line is not {encoding}", _IN_CSV
            ),
            "nul": Text("the file contains NUL characters, so it is not text", _IN_CSV),
            "utf-16": Text(
                "the file contains NUL characters; it looks like UTF-16 without a byte order mark",
                "set encoding: {encoding} in the mapping",
            ),
            **MORE,
        },
    ),
    "file-delimiter": CatalogueEntry(
        "error",
        "Kanport cannot tell the delimiter of the file.",
        {
            case: Text(
                message,
                'set it in the mapping, for example delimiter: ";"; allowed are , ; | and "\\t"',
            )
            for case, message in {
                "": "Kanport cannot tell the delimiter from the header: {fitting:list} give the"
                " same number of columns",
                "sep": "the first line says sep={char}, which is not a delimiter",
            }.items()
        },
    ),
    "file-too-large": CatalogueEntry(
        "error",
        "The file is larger than Kanport reads.",
        {
            "": Text("the file is larger than {limit} MiB"),
            "rows": Text(
                "the source has more than {most:,} rows",
                "if that is right, set max_rows in the mapping",
            ),
            **_too_large(
                parts="it has {parts:,} parts",
                unpacked="it unpacks to {size:,} MiB",
                ratio="{part} unpacks to more than {most} times its size",
                part="{part} unpacks to {size:,} MiB",
            ),
        },
    ),
    "file-damaged": CatalogueEntry(
        "error",
        "Kanport cannot read the file to its end.",
        {
            "yaml": Text("{problem}", "{fix}"),
            **_damaged(
                archive="its archive is broken ({error})",
                content="the part [Content_Types].xml is missing",
                twice="it has a part twice",
                rows="row {row} comes after row {last}",
                reading="{error} while reading it",
            ),
            **MORE,
        },
        {"problem": Personal.VALUE, "fix": Personal.VALUE},
    ),
    "sheet-missing": CatalogueEntry(
        "error",
        "The workbook has no sheet of that name, or no visible one.",
        {
            "": Text("the workbook has no sheet {sheet:q}", "the sheets are {sheets:many}"),
            "near": Text(
                "the workbook has no sheet {sheet:q}",
                "did you mean {near:q}? The sheets are {sheets:many}",
            ),
            "hidden": Text("the workbook has no visible sheet", "the sheets are {sheets:many}"),
            "charts": Text("the workbook has only charts, and no sheet with cells"),
        },
    ),
    "column-missing": CatalogueEntry(
        "error",
        "The mapping names a column that the source does not have.",
        {
            **_same(
                _NO_HEADER,
                header="the first line has {headers:many}",
                near="did you mean {alike:many}? The first line has {headers:many}",
                row="row {row} has them: set header_row: {row} in the mapping",
                delimiter='set delimiter: "{delimiter}" in the mapping; Kanport then finds them',
                unshown="check that the file has a header; Kanport does not show the first line,"
                " because it may contain a password",
            ),
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
        _FIRST_LINE,
    ),
    "header-duplicate": CatalogueEntry(
        "error",
        "Two columns have the same header.",
        {
            "": Text(
                "two columns have the header {column:q}, so Kanport cannot tell which one is meant",
                "rename or remove one of the columns",
            ),
            **MORE,
        },
        # The mapping may not name the column, so it may be a value of the first row.
        {"column": Personal.VALUE},
    ),
    "header-empty": CatalogueEntry(
        "error",
        "A column with values has no header.",
        {
            "": Text(
                "a column without a header contains a value", "add a header, or clear the column"
            ),
            **MORE,
        },
    ),
    "notes-beside": CatalogueEntry(
        "info",
        "Cells right of the list have no header, so Kanport ignores them.",
        one("Kanport ignores the notes right of the list, behind an empty column"),
    ),
    "row-ragged": CatalogueEntry(
        "error",
        "A row has more or fewer fields than the header.",
        {
            **_same(
                "the row has {fields:#field|fields}, the header has {width}",
                short="write the delimiter of an empty field too, and put a value with a line"
                " break in quotation marks",
                alike="all rows have this number of fields: give each column a header",
                quotes='put straight quotation marks (") around a value, not typographic or single'
                " ones",
                long="put a value that contains a {delimiter} in double quotation marks",
            ),
            "named": Text(
                "the first line has {fields:#field|fields}, separated by a {delimiter}; the"
                " mapping names {names:#column|columns}",
                'name each column of the file under "columns" in the mapping',
            ),
            "no-table": Text("this row is not a table of values", 'write {{username: "ada", …}}'),
            "nested": Text(
                "the value of {column:q} is a list or a table",
                "write one text; join several values with a separator",
            ),
            **MORE,
        },
    ),
    "row-quotes": CatalogueEntry(
        "error",
        "The quotation marks of a row do not match.",
        {
            case: Text(message, hint)
            for case, message, hint in (
                (
                    "after",
                    "text follows the closing quotation mark of a value, in line {line}",
                    _DOUBLE,
                ),
                (
                    "blank-after",
                    "text follows the closing quotation mark of a value, in line {line}",
                    "remove the space between the quotation mark and the delimiter",
                ),
                ("open", "a quotation mark opens here and is never closed", _DOUBLE),
                (
                    "open-long",
                    "a quotation mark opens here and is not closed within {most:,} characters",
                    _DOUBLE,
                ),
                ("long", "a value has more than {most:,} characters", _DOUBLE),
                (
                    "blank-before",
                    "a space precedes the quotation mark that opens a value",
                    "remove the space between the delimiter and the quotation mark",
                ),
            )
        }
        | MORE,
    ),
    "row-hidden": CatalogueEntry(
        "error",
        "Rows are hidden, and the mapping does not say whether they count.",
        one(
            "{count:#row is|rows are} hidden ({rows:list}), and the mapping does not say whether"
            " hidden rows count",
            "show all rows and save, or set hidden_rows in the mapping to read or skip",
        ),
    ),
    "rows-left-out": CatalogueEntry(
        "warning",
        "Kanport left out rows, so it treats nobody as missing.",
        one(
            "Kanport left out {count:#hidden row|hidden rows} ({rows:list}), so it treats nobody as"
            " missing"
        ),
    ),
    "cell-merged": CatalogueEntry(
        "error",
        "A value is in merged cells, so Kanport cannot tell its rows.",
        {
            "": Text(
                "the cells {range} are merged, so Kanport cannot tell which rows have the value",
                _MERGED,
            ),
            "cell": Text("the cell is one of the merged cells {range}", _MERGED),
            "secret": Text("the cell is merged with others"),
            **MORE,
        },
    ),
    "file-read-as": CatalogueEntry(
        "info",
        "How Kanport read a file: encoding, delimiter, sheet.",
        {
            "": Text("read as {encoding}, with a {delimiter} between the fields"),
            "titled": Text(
                "read as {encoding}, with a {delimiter} between the fields, below a title"
            ),
            "headers": Text("row {row} has the headers; the rows above it are a title"),
            "sheet": Text("read the sheet {sheet:q}"),
            "sheet-columns": Text(
                "read the sheet {sheet:q}, also its hidden columns {columns:many}"
            ),
            "hidden": Text("read the hidden sheet {sheet:q}"),
            "hidden-columns": Text(
                "read the hidden sheet {sheet:q}, also its hidden columns {columns:many}"
            ),
            "rows": Text("read {count:#hidden row|hidden rows} like the others ({rows:list})"),
        },
    ),
    "part-unreadable": CatalogueEntry(
        "warning",
        "Kanport cannot read a part of a workbook and ignores it.",
        {
            case: Text(f"Kanport reads the workbook without {text}", _SAVE_ANEW)
            for case, text in {
                "formats": "the number formats, so any number may be a date",
                "columns": "the format of some columns, so they may be hidden",
                "merged": "some of its merged cells",
            }.items()
        },
    ),
    "encoding-doubtful": CatalogueEntry(
        "warning",
        "The letters fit another encoding than the declared one.",
        one(
            "the mapping says {declared}, but the letters look like {guess}",
            "if the names look right with it, set encoding: {guess} in the mapping",
        ),
    ),
    "row-surplus": CatalogueEntry(
        "warning",
        "A row has empty fields beyond those of the header.",
        one(
            "{count:#row has|rows have} empty fields beyond the header, unlike the other rows",
            "check that no value contains a delimiter without quotation marks",
        ),
    ),
    # Kanport ignores the row of these.
    "row-header": CatalogueEntry(
        "error",
        "A row repeats the header, probably because files were joined.",
        one("the row repeats the header", _DELETE_ROW),
    ),
    "row-total": CatalogueEntry(
        "error",
        "A row contains a total or a note below the list, and no user.",
        {
            "": Text("the row contains a total or a note below the list", _DELETE_ROW),
            "ruled": Text("the row contains only a separator line", _DELETE_ROW),
        },
    ),
    "row-undecided": CatalogueEntry(
        "error",
        "Kanport cannot tell whether a row belongs to the list (only_rows, skip_rows).",
        {
            "": Text(
                "Kanport cannot tell whether this row belongs to the list: the mapping compares"
                " {column:q}, and the cell has no usable value",
                "correct the cell",
            ),
            "slow": Text(
                "Kanport cannot tell whether this row belongs to the list: the pattern {pattern:q}"
                " takes too long for the cell",
                "write the pattern without nested repetition, or correct the cell",
            ),
        },
    ),
    "files-differ": CatalogueEntry(
        "error",
        "The files of a source have different columns.",
        {
            "more": Text(
                "{count:the column|the columns} {columns:q} {count:is|are} not in {first}, and all"
                " files of a source have the same columns",
                "correct the headers, or read files of another shape as a source of their own",
            ),
            "less": Text(
                "{count:the column|the columns} {columns:q} of {first} {count:is|are} missing, and"
                " all files of a source have the same columns",
                "correct the headers, or read files of another shape as a source of their own",
            ),
        },
        {"first": Personal.PATH},
    ),
    "rows-filtered": CatalogueEntry(
        "info",
        "Kanport leaves out rows of a source: by only_rows or skip_rows, or a row of units.",
        {
            "only": Text("left out {count:#row|rows} for which only_rows does not hold"),
            "skip": Text("left out {count:#row|rows} for which skip_rows holds"),
            "units": Text("left out the row below the headers, which has only units or hints"),
        },
    ),
    "filter-unused": CatalogueEntry(
        "warning",
        "No row has a value that only_rows or skip_rows compares with.",
        {
            "": Text(
                "{key} compares {column:q} with {text:q}, but no row has this value",
                "the column has {values:many}",
            ),
            "near": Text(
                "{key} compares {column:q} with {text:q}, but no row has this value",
                "did you mean {near:q}?",
            ),
        },
        {"values": Personal.VALUE, "near": Personal.VALUE},
    ),
    # A directory and its groups.
    "directory-empty": CatalogueEntry(
        "error",
        "A search in a directory found nothing; Kanport treats nobody as missing.",
        {
            "": Text(
                "the search found nobody with {filter} below {bases:q}",
                "check base, filter, and the permissions of the bind account",
            ),
            "groups": Text(
                "the search found no group with {filter} below {bases:q}",
                "check base and filter of groups, and the permissions of the bind account",
            ),
        },
    ),
    "entry-ambiguous": CatalogueEntry(
        "error",
        "A directory has two entries with the same name.",
        one(
            "the directory has two entries with the same name: {names:q}",
            "rename one of them in the directory",
        ),
        {"names": Personal.ENTRY},
    ),
    "directory-fallback": CatalogueEntry(
        "info",
        "A server did not answer, so Kanport read another one.",
        one("Kanport read from {server}, because other servers failed: {failures:;}"),
        {"failures": Personal.VALUE},
    ),
    "directory-referrals": CatalogueEntry(
        "info",
        "Parts of a directory are on other servers, which Kanport does not read.",
        one(
            "Kanport skipped {count:#referral|referrals} to other servers",
            "if users are only there, add a source for each of these servers",
        ),
    ),
    "referrals-new": CatalogueEntry(
        "warning",
        "More of a directory is on other servers than in the last good run.",
        one(
            "{count:#part|parts} of the directory {count:is|are} on other servers since the last"
            " good run: {referrals:q}; Kanport does not read them, so it treats nobody as missing",
            "add a source that reads them; if no user is there, --allow referrals:{source}={count}"
            " accepts that for one run",
        ),
    ),
    "attribute-nowhere": CatalogueEntry(
        "warning",
        "No entry has an attribute that the mapping names.",
        one(
            "none of {entries:#entry|entries} has the attribute {attribute}",
            "check its spelling, and whether the bind account may read it",
        ),
    ),
    "active-nowhere": CatalogueEntry(
        "info",
        "No entry is disabled, or the bind account may not read the attribute.",
        one(
            "none of {entries:#entry|entries} has {attribute}, so Kanport treats all as active",
            "if some users are disabled, let the bind account read {attribute}",
        ),
    ),
    "value-chosen": CatalogueEntry(
        "info",
        "Kanport chose one of several values of an attribute, by a rule.",
        one(
            "{count:#entry has|entries have} several values of {attribute}; Kanport uses one of"
            " them, by the rule under choose"
        ),
    ),
    "group-missing": CatalogueEntry(
        "error",
        "A group that the mapping names does not exist.",
        {
            "": Text(
                "the directory has no group {group:q}, or the bind account may not see it; Kanport"
                " revokes nothing because of it",
                "correct the group under groups.names, or remove it there",
            ),
            "cell": Text("the directory has no group {group:q}"),
        },
    ),
    "group-ambiguous": CatalogueEntry(
        "error",
        "More than one group has a name that the mapping gives.",
        one("{count} groups have the name {group:q}: {groups:q}", "name the group by its DN"),
    ),
    "group-unreadable": CatalogueEntry(
        "warning",
        "Kanport cannot read the members of a group.",
        {
            "": Text(
                "the directory does not show the members of {groups:q} and does not prove that"
                " there are none, so Kanport revokes nothing in this group",
                "let the bind account read {attributes:list}",
            ),
            "any": Text(
                "Kanport cannot read {groups:q} and does not know who is in a group through"
                " {count:it|them}, so it revokes nothing",
                "let the bind account read {count:it|them}",
            ),
        },
    ),
    "group-not-expanded": CatalogueEntry(
        "warning",
        "The directory does not list the members of a dynamic group.",
        one(
            "the directory does not list whom {attribute} of {groups:q} finds, so Kanport revokes"
            " nothing in this group",
            "let the server expand it (in OpenLDAP: the overlay dynlist), or name an ordinary"
            " group",
        ),
    ),
    "group-too-deep": CatalogueEntry(
        "warning",
        "Groups are nested deeper than Kanport follows.",
        one(
            "the group contains groups nested more than {depth} deep, so Kanport revokes nothing in"
            " it",
            "raise groups.depth in the mapping",
        ),
    ),
    "group-cycle": CatalogueEntry(
        "info",
        "Groups contain each other; Kanport follows each once.",
        one("the group contains itself through other groups"),
    ),
    "member-unreadable": CatalogueEntry(
        "warning",
        "Kanport cannot read a member of a group.",
        {
            "": Text(
                "the directory does not show {count:#member|members} and does not prove that"
                " {count:it is|they are} gone: {names:q}; Kanport revokes nothing in this group",
                "let the bind account read {count:it|them}, widen base, or list placeholders in"
                " groups.ignore",
            ),
            "cell": Text("the directory does not show this entry"),
        },
        {"names": Personal.ENTRY},
    ),
    "entry-unreadable": CatalogueEntry(
        "warning",
        "A directory no longer shows an entry and does not prove that it is gone.",
        {
            case: Text(
                message,
                "let the bind account read the entries; if they are really gone, delete them in the"
                " directory",
            )
            for case, message in {
                "people": "the directory no longer shows {count:#person|people} and does not prove"
                " that {count:this person is|they are} gone: {people:list}; Kanport revokes none"
                " of their access",
                "groups": "the directory no longer shows {count:#group|groups} and does not prove"
                " that {count:it is|they are} gone: {groups:q}; Kanport revokes nothing in"
                " {places:q}",
                "groups-nowhere": "the directory no longer shows {count:#group|groups} and does not"
                " prove that {count:it is|they are} gone: {groups:q}; Kanport revokes nothing"
                " because of that",
                "guessed": "the directory shows no entry of {count:#user of the server|users of the"
                " server} and does not prove that there is none: {people:list}; Kanport revokes"
                " none of their access",
                "nameless": "the directory has {count:#entry|entries} whose username it does not"
                " show: {entries:q}; Kanport revokes no access of {users:#user|users} in no source"
                " who may have such an entry: {usernames:q}",
                "member": "the directory does not show whether {user} is in {groups:q};"
                " Kanport revokes none of their access there",
            }.items()
        },
        {"entries": Personal.ENTRY, "usernames": Personal.LOGIN},
    ),
    "groups-unreadable": CatalogueEntry(
        "warning",
        "Kanport cannot read the groups of a user.",
        one(
            "the directory does not show {attribute} of {count:#person|people} and does not prove"
            " that {count:this person is|they are} in no group: {names:q}; Kanport revokes none of"
            " their access",
            "let the bind account read {attribute}",
        ),
        {"names": Personal.ENTRY},
    ),
    "member-outside": CatalogueEntry(
        "info",
        "A member of a group is outside the base, and disabled or in no source of users.",
        {
            "": Text(
                "{members:#member of groups lies|members of groups lie} outside the base and"
                " {members:is|are} in no source of users, so these groups give"
                " them no access: {names:q}",
                "to give them access, add their folder to base",
            ),
            "locked": Text(
                "{members:#member of groups lies|members of groups lie} outside the base and"
                " {members:is|are} disabled or expired, so these groups give"
                " them no access: {names:q}",
                "remove them from the groups",
            ),
        },
        {"names": Personal.ENTRY},
    ),
    "member-unclear": CatalogueEntry(
        "warning",
        "Kanport cannot tell which user a member of a group is.",
        {
            "": Text(
                "{members:#member of groups lies|members of groups lie} outside the base, and only"
                " the username says which user {members:it is|they are}, so Kanport grants and"
                " revokes nothing because of {members:it|them}: {names:q}",
                "add their folder to base, or remove them from the groups",
            ),
            "login": Text(
                "groups list logins that {members:#entry|entries} share, and Kanport cannot tell"
                " which one is meant, so it grants and revokes nothing because of them: {names:q}",
                "give each entry a login of its own, or list members by DN",
            ),
        },
        {"names": Personal.ENTRY},
    ),
    "member-other": CatalogueEntry(
        "warning",
        "A member of a group has the username of another entry.",
        {
            "": Text(
                "the username {username:q} belongs to {owner:q}, so {member:q} does not count as a"
                " member",
                "give one of them another username if both are to use Kanboard",
            ),
            "both": Text(
                "memberships gives {member:q} the username {username:q} of {owner:q}, and users"
                " gives it another one, so Kanport grants and revokes nothing because of it",
                "read the username from the same attribute in users and memberships",
            ),
        },
        {"username": Personal.LOGIN, "owner": Personal.ENTRY, "member": Personal.ENTRY},
    ),
    "member-no-person": CatalogueEntry(
        "info",
        "A member of a group is not one of the users.",
        {
            "": Text(
                "{count:#member|members} of the group {count:is not one|are not any} of the users:"
                " {names:q}"
            ),
            "username": Text(
                "{username:q} is a member of a group, and neither on the server nor in a source of"
                " users"
            ),
        },
        {"names": Personal.ENTRY, "username": Personal.LOGIN},
    ),
}
