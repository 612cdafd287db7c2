"""Findings about a value, and about the users and groups of all sources together."""

from collections.abc import Mapping

from kanport.catalogue.kinds import MORE, CatalogueEntry, Personal, Text, one

_SET_TO_TEXT = "format the cells as Text before you write into them"
_SAVE_AGAIN = "open the file in Excel or LibreOffice, save it, and try again"
_AS_IT_IS = "if the value is right, set verbatim: true for this source in the mapping"
_UNUSABLE = Text("Kanport cannot use this cell")


def _value(
    severity: str,
    about: str,
    texts: Mapping[str, Text],
    personal: Mapping[str, Personal] | None = None,
) -> CatalogueEntry:
    """Return a finding about a value that a rule checks; it does not show a secret value."""
    secret = Text("this value cannot be the {what}")
    return CatalogueEntry(severity, about, {**texts, "secret": secret}, personal or {})


VALUES: Mapping[str, CatalogueEntry] = {
    # One cell.
    "cell-error": CatalogueEntry(
        "error",
        "A cell contains a spreadsheet error such as #N/A.",
        {
            "": Text(
                "the cell contains the spreadsheet error {error}",
                "correct the formula or write the value; an empty cell changes nothing",
            ),
            "narrow": Text(
                "the cell contains ####, which spreadsheets show if a column is too narrow",
                "make the column wider and save the file again",
            ),
            "secret": Text("the cell contains a spreadsheet error, not a password"),
        },
    ),
    "cell-unreadable": CatalogueEntry(
        "error",
        "A cell is marked as a number, but contains none.",
        {
            "": Text(
                "the cell is marked as a number or a true/false value, but contains neither",
                "write the value again, and save the file in Excel or LibreOffice",
            ),
            "secret": Text("Kanport cannot read this cell", "write the password as text"),
        },
    ),
    "cell-formula": CatalogueEntry(
        "error",
        "A formula was saved without its value.",
        {
            case: Text("the formula in the cell was saved without its value", _SAVE_AGAIN)
            for case in ("", "secret")
        }
        | MORE,
    ),
    "cell-date": CatalogueEntry(
        "error",
        "A cell contains a date instead of text.",
        {
            "": Text(
                "the cell contains a date ({date}), not text",
                f"if a spreadsheet made a date of a name, {_SET_TO_TEXT}",
            ),
            "secret": Text("the cell contains a date", "write the password as text"),
        },
        {"date": Personal.VALUE},
    ),
    "cell-boolean": CatalogueEntry(
        "warning",
        "A cell contains a true/false value instead of text.",
        {
            "": Text(
                "the cell contains a true/false value, not text",
                f"Kanport reads it as {{text}}; {_SET_TO_TEXT}",
            ),
            "secret": _UNUSABLE,
        },
    ),
    "cell-number": CatalogueEntry(
        "warning",
        "A cell contains a number instead of text, so leading zeros may be lost.",
        {
            "": Text(
                "the cell contains a number, not text",
                f"leading zeros would be lost; {_SET_TO_TEXT}",
            ),
            # Of plans of earlier versions; now `cell-converted` says it.
            "padded": Text(
                "the cell contains a number, not text",
                f"the sheet shows {{shown}}, but the cell contains {{text}}; {_SET_TO_TEXT}",
            ),
            "formatted": Text(
                "the cell contains a number, not text",
                f"the sheet may show it differently ({{format}}); {_SET_TO_TEXT}",
            ),
            "secret": Text(
                "the cell contains a number, not text: leading zeros are lost", _SET_TO_TEXT
            ),
        },
        {"shown": Personal.VALUE, "text": Personal.VALUE},
    ),
    "cell-number-inexact": CatalogueEntry(
        "error",
        "A number has lost digits, or has a fraction.",
        {
            "digits": Text(
                "the cell contains a number with more than {digits} digits; Excel drops the others",
                _SET_TO_TEXT,
            ),
            "fraction": Text("the cell contains a number with a fraction", _SET_TO_TEXT),
            "yaml": Text(
                "the value is a number with a fraction", "put it in quotes, so that it is text"
            ),
            "secret": Text(
                "the cell contains a number with a fraction or with more than 15 digits",
                _SET_TO_TEXT,
            ),
        },
    ),
    "cell-converted": CatalogueEntry(
        "error",
        "A spreadsheet changed a value, and the original is lost.",
        {
            "rounded": Text(
                "the number ends in zeros: Excel keeps 15 digits and drops the others",
                f"take the number from the original list, and store it as text; {_AS_IT_IS}",
            ),
            "shortened": Text(
                "a spreadsheet has shortened a long number, so its digits are lost",
                f"format the column as Text in the original list, and export it again; {_AS_IT_IS}",
            ),
            "marked": Text(
                "the value begins with the apostrophe that marks text in a spreadsheet",
                f"delete the apostrophe in the file; {_AS_IT_IS}",
            ),
            "grouped": Text(
                "all values of the column are numbers with separated thousands",
                f"format the column as Text in the original list, and export it again; {_AS_IT_IS}",
            ),
            "padded": Text(
                "the sheet shows {shown}, but the cell contains {text}",
                f"{_SET_TO_TEXT}, or remove their number format",
            ),
            "secret": Text(
                "a spreadsheet or another program has changed the content of this cell",
                f"write the password as plain text; {_AS_IT_IS}",
            ),
        },
        {"shown": Personal.VALUE, "text": Personal.VALUE},
    ),
    "cell-decimals": CatalogueEntry(
        "error",
        "All ids of a column are numbers with decimals, such as 17.0.",
        one(
            "all values of the column are numbers with decimals: a program has changed the ids",
            f"export them as text, such as {{whole}} for {{text}}; {_AS_IT_IS}",
        ),
        {"whole": Personal.VALUE, "text": Personal.VALUE},
    ),
    "cell-date-like": CatalogueEntry(
        "warning",
        "A text looks like a date that Excel made of a name.",
        one(
            "this looks like a date among names: Excel may have changed a name",
            f"compare it with the original list; {_SET_TO_TEXT}",
        ),
    ),
    "cell-unwrapped": CatalogueEntry(
        "info",
        'Kanport read the text inside ="…".',
        one('Kanport read the text inside ="…" in {count:#value|values} of {column:q}'),
    ),
    "cell-control": _value(
        "error",
        "A value contains control characters or line breaks.",
        {
            case: Text(
                f"the value contains {what}",
                "write the value on one line, without invisible characters",
            )
            for case, what in {
                "": "the control character {char}",
                "line-break": "a line break",
                "tab": "a tab",
            }.items()
        }
        | {
            "joined": Text(
                "the cell contains a byte order mark: two files were joined without a line break",
                "join the files again, without the header of the second one",
            ),
        },
    ),
    "cell-trimmed": CatalogueEntry(
        "info",
        "Kanport removed whitespace around a value.",
        one(
            "Kanport removed whitespace other than plain spaces around"
            " {count:#value|values} of {column:q}"
        ),
    ),
    "cell-composed": CatalogueEntry(
        "info",
        "Kanport composed letters and their accents.",
        one(
            "Kanport composed letters and their accents (NFC) in {count:#value|values} of"
            " {column:q}"
        ),
    ),
    "cell-garbled": CatalogueEntry(
        "error",
        "A value lost letters in an earlier conversion.",
        one(
            "the cell has lost letters: it contains U+FFFD in their place",
            "write the value again, or export the file again in UTF-8",
        ),
    ),
    "cell-calculated": CatalogueEntry(
        "info",
        "Kanport read the values of formulas as last calculated.",
        one(
            "{count:#value|values} of {column:q} {count:comes from a formula|come from formulas},"
            " as last calculated"
        ),
    ),
    "value-binary": CatalogueEntry(
        "error",
        "A value of a directory is not text.",
        one(
            "the value of {attribute} is not text",
            "choose how to write it, under binary in the mapping: {{{attribute}: hex}}, or guid,"
            " sid, base64",
        ),
    ),
    "absence-unproven": CatalogueEntry(
        "warning",
        "An attribute may only be hidden, so it counts as unknown.",
        {
            "": Text(
                "the directory shows no {attribute} of {count:#entry|entries} and does not prove"
                " that there is none: {entries:q}; Kanport does not know the {what} and changes"
                " nothing because of it",
                "let the bind account read and search {attribute}",
            ),
            "cell": Text("the directory does not show {attribute}"),
        },
        {"entries": Personal.ENTRY},
    ),
    "absence-since": CatalogueEntry(
        "warning",
        "An attribute that was there in the last good run may only be hidden now.",
        {
            "": Text(
                "the directory no longer shows {attribute} of {count:#entry|entries}: {entries:q};"
                " Kanport cannot tell absent from hidden, so it does not know the {what} and"
                " changes nothing because of it",
                "let the bind account read {attribute}; if it really is gone, --allow"
                " columns:{source}=1 accepts that for one run",
            ),
            "cell": Text("the directory does not show {attribute}"),
        },
        {"entries": Personal.ENTRY},
    ),
    "person-unproven": CatalogueEntry(
        "warning",
        "Kanport cannot tell whether an account is active, so it does not change the account.",
        {
            "new": Text(
                "Kanport does not create {username:q}: the directory does not show whether the"
                " account is active",
                "let the bind account read and search the attributes that active uses",
            ),
            "disabled": Text(
                "{username:q} stays disabled: the directory does not show whether the account"
                " is active",
                "let the bind account read and search the attributes that active uses",
            ),
        },
        {"username": Personal.LOGIN},
    ),
    "active-unknown": CatalogueEntry(
        "error",
        "Kanport cannot tell whether an account is active.",
        {
            case: Text(
                f"Kanport cannot tell whether the account is active: {why}",
                "let the bind account read {attribute}, or remove the rule from active",
            )
            for case, why in {
                "unreadable": "{attribute} is missing, or the bind account cannot read it",
                "not-number": "{attribute} is not a number",
                "not-time": "{attribute} is not a point in time",
                "not-boolean": "{attribute} is neither true nor false",
                "zero": "{attribute} is 0, which some programs read as expired and others as never",
            }.items()
        },
    ),
    "value-required": CatalogueEntry(
        "error",
        "A required value is empty.",
        {
            "group": Text("the row names no group", "fill in the group, or delete the row"),
            "project-name": Text(
                "the row describes a project without a name", "fill in the name of the project"
            ),
            "project": Text(
                "the row has a role but no project",
                "fill in the project, or leave the role empty too",
            ),
            "role": Text(
                "the row has a project but no role",
                "fill in the role, or leave the project empty too",
            ),
            "group-role": Text("the row has a group and a project but no role", "fill in the role"),
            "id": Text(
                "{username:q} has no stable id, so Kanport cannot tell whether this is a known user"
                " with a new username",
                "fill in the id, or remove the id from the mapping of this source",
            ),
            "attribute": Text(
                "the entry has no {attribute}, which identifies the user",
                "add {attribute} to the entry, or let the bind account read it",
            ),
        },
        {"username": Personal.LOGIN},
    ),
    "value-not-in-table": CatalogueEntry(
        "error",
        "A value is not in the mapping's table.",
        one(
            "{text:q} is not in the table of the {what}",
            "the table has {keys:q}: use one of these, or add this value to the mapping",
        ),
        {"text": Personal.VALUE},
    ),
    "value-took-default": CatalogueEntry(
        "info",
        "A value is not in the table, so Kanport uses the default.",
        one(
            "{text:q} is not in the table of the {what}, so Kanport uses the default"
            " {default:q} in {count:#cell|cells}",
            "add the value to the table if it means something else",
        ),
        {"text": Personal.VALUE},
    ),
    "value-no-match": CatalogueEntry(
        "error",
        "A value does not match the mapping's pattern.",
        one(
            "the {what} does not match the pattern {pattern}",
            "correct the value, or the pattern in the mapping",
        ),
    ),
    "value-too-slow": CatalogueEntry(
        "error",
        "A pattern of the mapping takes too long for a value.",
        one(
            "the pattern {pattern:q} takes too long for this {what}",
            "write the pattern without nested repetition, or correct the value",
        ),
    ),
    "value-not-clearable": CatalogueEntry(
        "error",
        "Only a name and an email address can be cleared.",
        {
            "": Text(
                "the {what} cannot be cleared",
                "leave the cell empty to keep the value on the server",
            ),
            "password": Text(
                "the password cannot be cleared",
                "leave the cell empty; Kanport gives new users a random password",
            ),
        },
    ),
    "value-not-single": CatalogueEntry(
        "error",
        "A cell or attribute has several values, but only one is allowed.",
        {
            "": Text("the {what} has {count} values, but only one is allowed", "keep one value"),
            "column": Text(
                "{column:q} has {count} values, but only one is allowed in the {what}",
                "keep one value",
            ),
            "external-id": Text(
                "the row gives one external id to several groups",
                "use a separate row for each group",
            ),
        },
    ),
    "value-not-boolean": _value(
        "error",
        "A value is neither yes nor no.",
        one(
            "this value is neither yes nor no",
            "write yes or no, or translate the value under values in the mapping",
        ),
    ),
    # What the server would refuse, or wrongly accept.
    "username-empty": _value(
        "error",
        "A row has no username.",
        {
            "": Text("the username is empty", "fill in the username, or delete the row"),
            "row": Text(
                "the row has no username, so Kanport cannot tell which user it describes",
                "fill in the username, or delete the row",
            ),
            "group": Text(
                "the row names a group but no member, unlike other rows of this group",
                "fill in the username, or delete the row",
            ),
        },
    ),
    "username-too-long": _value(
        "error",
        "Kanboard accepts at most 191 characters.",
        one(
            "the username has {length} characters; Kanboard allows at most {limit}",
            "choose a shorter username",
        ),
    ),
    "username-odd": _value(
        "warning",
        "A username contains whitespace or characters that are hard to type.",
        {
            "": Text(
                "the username contains a space, a colon or an invisible character",
                "choose a username without it; it is hard to type, and a username with a colon"
                " cannot use the API",
            ),
            "blanks": Text(
                "the username begins or ends with whitespace, which Kanboard removes",
                "add the transform trim",
            ),
            "decimals": Text(
                "the username is a number with decimals, as data tools write whole numbers",
                "export the usernames as text",
            ),
        },
    ),
    "username-reserved": _value(
        "warning",
        "Kanboard uses this username for its application token.",
        one(
            'Kanboard reserves the username "jsonrpc" for its application token',
            "choose another username; this user cannot use the API",
        ),
    ),
    "name-double-encoded": CatalogueEntry(
        "warning",
        "A name is encoded twice, such as MÃ¼ller for Müller.",
        one(
            "the text is encoded twice; it probably means {meant:q}",
            "correct it, or export the file again in UTF-8",
        ),
        {"meant": Personal.VALUE},
    ),
    "name-mixed-scripts": CatalogueEntry(
        "warning",
        "A name mixes alphabets whose letters look alike.",
        {
            case: Text(
                "the name mixes {scripts:list} letters: {char:q} is {code_point}" + like,
                "write the name in one alphabet; for Kanboard, it is a different name",
            )
            for case, like in {"": "", "lookalike": ", which looks like {twin:q}"}.items()
        },
        {"char": Personal.VALUE, "code_point": Personal.VALUE, "twin": Personal.VALUE},
    ),
    "name-invisible": CatalogueEntry(
        "warning",
        "A name contains an invisible character.",
        one(
            "the text contains {char}, which is invisible",
            "delete the character; with it, the name looks the same but is a different name",
        ),
    ),
    "name-lookalike": CatalogueEntry(
        "warning",
        "Two names look the same but use letters of different alphabets.",
        {
            kind: Text(
                f"the {kind}s {{{names}:q}} look the same but use letters of different alphabets",
                "if they mean the same, write the name the same way everywhere",
            )
            for kind, names in (
                ("username", "names"),
                ("group", "groups"),
                ("project", "projects"),
            )
        },
        {"names": Personal.LOGIN},
    ),
    "name-too-long": _value(
        "error",
        "Kanboard's databases hold at most 255 characters.",
        one(
            "the name has {length} characters; Kanboard's databases hold at most {limit}",
            "shorten the name",
        ),
    ),
    "email-invalid": _value(
        "error",
        "Kanboard refuses this email address.",
        {
            case: Text(
                f"Kanboard refuses this email address: {why}",
                "write it as name@example.org, or leave the cell empty",
            )
            for case, why in {
                "no-at": "it has no @",
                "no-name": "there is nothing before the @",
                "name": "{char:q} is not allowed before the @",
                "domain-short": "the domain after the @ is too short",
                "domain": "{char:q} is not allowed after the @",
                "dots": "a dot is misplaced in the domain",
            }.items()
        },
        {"char": Personal.VALUE},
    ),
    "email-too-long": _value(
        "error",
        "Kanboard's databases hold at most 255 characters.",
        one(
            "the address has {length} characters; Kanboard's databases hold at most {limit}",
            "use a shorter address",
        ),
    ),
    "password-empty": CatalogueEntry(
        "info",
        "A password is missing; Kanport gives a new user a random one.",
        one(
            "{count:#cell|cells} {count:contains|contain} no password; Kanport gives new users a"
            " random one"
        ),
    ),
    "password-too-short": CatalogueEntry(
        "error",
        "Kanboard requires at least 6 characters.",
        one(
            "the password has fewer than {limit} characters, the minimum of Kanboard",
            "use a longer password",
        ),
    ),
    "password-too-long": CatalogueEntry(
        "error",
        "Kanboard's bcrypt ignores everything after 72 bytes.",
        one(
            "the password has more than {limit} bytes; Kanboard ignores the rest",
            "use a shorter password; accented and non-Latin letters take two or more bytes",
        ),
    ),
    "password-invalid": CatalogueEntry(
        "error",
        "A password contains a character that breaks Kanboard.",
        one(
            "the password contains a control character, a line break, or U+FFFD for a lost letter",
            "use characters that people can type",
        ),
    ),
    "role-unknown": _value(
        "error",
        "Kanboard has no such role.",
        {
            "": Text("there is no {kind} role {role:q}", "the roles are {known:+}"),
            "near": Text("there is no {kind} role {role:q}", "did you mean {near}?"),
        },
        # An unknown role can be any text, such as a name in the wrong column.
        {"role": Personal.VALUE},
    ),
    # All sources together.
    "user-duplicate": CatalogueEntry(
        "error",
        "Several rows of one source name the same user with different values.",
        one(
            "{rows} rows name {username:q}, with different values of {fields:list}",
            "keep one row for each user, or use the same values in all of them",
        ),
        {"username": Personal.LOGIN},
    ),
    "user-repeated": CatalogueEntry(
        "info",
        "Several rows of one source name a user with the same values.",
        one("{rows} rows name {username:q} with the same values"),
        {"username": Personal.LOGIN},
    ),
    "user-clash": CatalogueEntry(
        "error",
        "MariaDB and MySQL treat two usernames as one.",
        one(
            "the usernames {usernames:q} are one on MariaDB and MySQL, which ignore case and"
            " accents and treat all emoji as one",
            "if they mean one user, spell the username the same way everywhere (for case, use the"
            " transform lower); otherwise give one of them another username",
        ),
        {"usernames": Personal.LOGIN},
    ),
    "login-shared": CatalogueEntry(
        "error",
        "Several entries of one directory have the same username.",
        one(
            "{entries:#entry has|entries have} the username {username:q}: {names:q}",
            "give one of them another username, or exclude it with base or filter; FreeIPA repeats"
            " all users below cn=compat, so use cn=users,cn=accounts as the base there",
        ),
        {"username": Personal.LOGIN, "names": Personal.ENTRY},
    ),
    "id-shared": CatalogueEntry(
        "error",
        "Two usernames have the same stable id.",
        one(
            "{usernames:q} have the same stable id {id:q}",
            "give each user a different id; if they are one person, keep one username",
        ),
        {"usernames": Personal.LOGIN, "id": Personal.VALUE},
    ),
    "id-differs": CatalogueEntry(
        "error",
        "One username has two stable ids.",
        one(
            "{username:q} has the stable ids {ids:q}",
            "keep one id for this user; if they are two people, give each a different username",
        ),
        {"username": Personal.LOGIN, "ids": Personal.VALUE},
    ),
    "email-shared": CatalogueEntry(
        "warning",
        "Two users have the same email address.",
        {
            "": Text(
                "{usernames:q} have the same email address",
                "give each user a different address, unless they share it on purpose",
            ),
            "found-by-email": Text(
                "{usernames:q} have the same email address",
                "give each user a different address; Kanport finds no user by a shared one, and"
                " treats a changed username as a new user",
            ),
        },
        {"usernames": Personal.LOGIN},
    ),
    "membership-duplicate": CatalogueEntry(
        "info",
        "The input lists a membership more than once.",
        one("the role {role} of {username:q} in {project:q} appears {count} times"),
        {"username": Personal.LOGIN},
    ),
    "membership-highest": CatalogueEntry(
        "info",
        "The input gives several roles; Kanport uses the highest.",
        one(
            "the input gives {username:q} the roles {roles:list} in {project:q}; Kanport uses the"
            " highest, {role}"
        ),
        {"username": Personal.LOGIN},
    ),
    "membership-conflict": CatalogueEntry(
        "error",
        "The input gives one user two roles in one project.",
        one(
            "the input gives {username:q} the roles {roles:list} in {project:q}, but only one"
            " is allowed",
            "keep one role for each user and project",
        ),
        {"username": Personal.LOGIN},
    ),
    "sources-conflict": CatalogueEntry(
        "warning",
        "Two sources differ; Kanport uses the first.",
        one(
            "{username:q} has {field} {text:q} in {source}, which wins, and {texts:q} in"
            " {others:list}",
            "correct one of the sources, or set precedence for {field}",
        ),
        {"username": Personal.LOGIN, "text": Personal.FIELD, "texts": Personal.FIELD},
    ),
    "protected-named": CatalogueEntry(
        "info",
        "A source names a protected account, which Kanport does not change.",
        one("{username:q} is protected, so Kanport does not change this account"),
        {"username": Personal.LOGIN},
    ),
    "admin-wanted": CatalogueEntry(
        "info",
        "The input makes a user an administrator of the whole server.",
        one("the input makes {username:q} an administrator of the whole server"),
        {"username": Personal.LOGIN},
    ),
    "group-differs": CatalogueEntry(
        "error",
        "Rows give different values for one group.",
        {
            "external-id": Text(
                "the input gives the group {group:q} the external ids {ids:q}",
                "keep one external id for each group",
            ),
            "role": Text(
                "the input gives the group {group:q} the roles {roles:list} in {project:q}, but"
                " only one is allowed",
                "keep one role for each group and project",
            ),
        },
    ),
    "group-clash": CatalogueEntry(
        "error",
        "MariaDB and MySQL treat the names of two groups as one.",
        one(
            "the groups {names:q} are one group on MariaDB and MySQL, which ignore case and accents"
            " and treat all emoji as one",
            "give one of them another name, under values in the mapping",
        ),
    ),
    "group-login": CatalogueEntry(
        "warning",
        "Kanboard's own LDAP login removes users from groups with such an id.",
        one(
            "{number:#group|groups} ({groups:list}) {number:has|have} an external id that is not a"
            " DN: if users log in through Kanboard's own LDAP, each login removes them from"
            " {number:this group|these groups}",
            "remove the external id, unless nobody logs in through LDAP",
        ),
    ),
    "group-synced": CatalogueEntry(
        "info",
        "Kanboard's own LDAP login changes the members of these groups, too.",
        one(
            "{number:#group|groups} ({groups:list}) {number:has|have} a DN as external id: if users"
            " log in through Kanboard's own LDAP, each login adds or removes them, as their groups"
            " in that LDAP say"
        ),
    ),
    "project-differs": CatalogueEntry(
        "error",
        "Rows give different values for a new project, or several have one name.",
        {
            "fields": Text(
                "{rows} rows describe the project {project:q}, with different values of"
                " {fields:list}",
                "use the same values in all rows of one project",
            ),
            "name": Text(
                "{projects} new projects have the name {project:q}",
                "give each project a different name",
            ),
        },
    ),
    "project-identifier": _value(
        "error",
        "Identifiers are letters and digits, at most 50.",
        one(
            "an identifier can contain only letters and digits, at most {limit}",
            "remove other characters, for example with a transform",
        ),
    ),
    "group-name-odd": _value(
        "error",
        "The name of a group or project is too long.",
        {
            "group": Text(
                "the name of the group has more than {limit} characters",
                "shorten it; MariaDB cannot store more",
            ),
            "project": Text(
                "the name of the project has more than {limit} characters", "shorten it"
            ),
        },
    ),
    "person-unlisted": CatalogueEntry(
        "info",
        "A membership names a user without a row of users.",
        one(
            "no row of users names {username:q}, but the input has"
            " {memberships:#membership|memberships} for this user",
            "if Kanport should create or update this user, add a row of users",
        ),
        {"username": Personal.LOGIN},
    ),
}
