"""How a change ended and why, and why a run stopped early."""

from collections.abc import Mapping

from kanport.catalogue.kinds import CatalogueEntry, Personal, Text, one

# Why a run stopped early. `kanport.outcome` has their exit codes.
STOPS: Mapping[str, CatalogueEntry] = {
    "stopped-by-signal": CatalogueEntry(
        "", "A signal ended the run.", one("interrupted by a signal")
    ),
    "stopped-by-deadline": CatalogueEntry(
        "",
        "The run used up its time.",
        one("the run took longer than its deadline"),
    ),
    "stopped-by-errors": CatalogueEntry(
        "",
        "More changes failed than the run allows.",
        one("too many changes failed"),
    ),
    "journal-broken": CatalogueEntry(
        "",
        "Kanport cannot write the journal.",
        one("Kanport cannot write the journal {path}: {error}"),
        {"path": Personal.PATH},
    ),
    "passwords-broken": CatalogueEntry(
        "",
        "Kanport cannot write the passwords file.",
        one("Kanport cannot write the passwords file {path}: {error}"),
        {"path": Personal.PATH},
    ),
    "server-lost": CatalogueEntry(
        "",
        "Kanport can no longer reach the server.",
        one("Kanport can no longer reach the server: {answer}"),
    ),
    "cannot-read-back": CatalogueEntry(
        "",
        "Kanport cannot read back what a change did.",
        one("Kanport cannot read back what {change} did: {found}"),
    ),
    "creation-unclear": CatalogueEntry(
        "",
        "The server may still create something.",
        one(
            "the server has not confirmed that it created project {project:q}, and the project is"
            " not there yet; Kanport does not create a second one of this name"
        ),
    ),
    "cut-off": CatalogueEntry("", "The journal has no end.", one("the run was interrupted")),
    "still-running": CatalogueEntry(
        "",
        "The run has not ended.",
        one("the run is still running", "wait until the run has ended"),
    ),
    "left-to-next-run": CatalogueEntry(
        "",
        "A later run found out what an interrupted run did.",
        one("the run was interrupted; the next run plans the rest"),
    ),
}

# What the server has instead of the planned value.
_ACTUAL: Mapping[str, CatalogueEntry] = {
    "not-understood": CatalogueEntry(
        "",
        "Kanport does not understand an answer.",
        one("Kanport does not understand the server's answer"),
    ),
    "not-shown": CatalogueEntry(
        "", "The server does not show what a call did.", one("the server does not show its result")
    ),
    "role-now": CatalogueEntry(
        "",
        "The role of a user now.",
        {"": Text("the role is {role}"), "none": Text("the user has no role in this project")},
    ),
    "field-now": CatalogueEntry(
        "",
        "The value of a field now.",
        {
            "username": Text("the username is {username:q}"),
            "name": Text("the name is {name:q}"),
            "email": Text("the email is {email:q}"),
            "active": Text("the user is active"),
            "disabled": Text("the user is disabled"),
            "text": Text("the {field} is {text:q}"),
            "": Text("the {field} is {value:q}"),
            "number": Text("the {field} is {value}"),
            "none": Text("there is no {field}"),
        },
        {
            "username": Personal.LOGIN,
            "name": Personal.NAME,
            "email": Personal.EMAIL,
            "text": Personal.FIELD,
        },
    ),
    "fields-now": CatalogueEntry("", "The values of fields now.", one("{fields:;}")),
    "still-there": CatalogueEntry(
        "",
        "Something is still there that the plan removes.",
        {"user": Text("the user still exists"), "group": Text("the group still exists")},
    ),
    "not-there": CatalogueEntry(
        "",
        "Something is missing that the plan expects.",
        {
            "user": Text("there is no such user"),
            "group": Text("there is no such group"),
            "project": Text("there is no such project"),
        },
    ),
    "missing": CatalogueEntry(
        "",
        "Something is missing that a change needs.",
        {
            "user": Text("there is no user {username:q}"),
            "group": Text("there is no group {group:q}"),
            "project": Text("there is no project {project:q}"),
        },
        {"username": Personal.LOGIN},
    ),
    "in-group": CatalogueEntry(
        "",
        "Whether a user is in a group.",
        {"": Text("the user is in the group"), "not": Text("the user is not in the group")},
    ),
    "group-without-access": CatalogueEntry(
        "",
        "A group does not give its members access.",
        one("not every member of the group is in the project"),
    ),
    "kanboard-ldap-name": CatalogueEntry(
        "",
        "Kanboard's LDAP has another username for a user.",
        one(
            "Kanboard's LDAP calls this person {username:q}; the new user has that username",
        ),
        {"username": Personal.LOGIN},
    ),
    "local-user": CatalogueEntry(
        "", "A local user has the username.", one("a local user has this username")
    ),
}

# What explains why Kanboard refused something.
_FOUND: Mapping[str, CatalogueEntry] = {
    "removed-meanwhile": CatalogueEntry(
        "",
        "Somebody removed the user, group or project after the plan was made.",
        {
            "user": Text("the user was removed in the meantime"),
            "group": Text("the group was removed in the meantime"),
            "project": Text("the project was removed in the meantime"),
        },
    ),
    "project-is-closed": CatalogueEntry("", "The project is closed.", one("the project is closed")),
    "project-is-private": CatalogueEntry(
        "", "The project is private.", one("the project is private")
    ),
}

# Why a change was not made.
_REASONS: Mapping[str, CatalogueEntry] = {
    "sent-in-vain": CatalogueEntry(
        "",
        "An interrupted run sent a change that had no effect.",
        one("Kanport sent it, but it had no effect before the run was interrupted"),
    ),
    "sent-unknown": CatalogueEntry(
        "",
        "A change was sent, and the run ended before it was read back.",
        one("Kanport sent it and does not know the result"),
    ),
    "not-tried-again": CatalogueEntry(
        "",
        "The run ended before a change could be sent again.",
        one("{last}; not tried again because the run ended"),
    ),
    "not-reached": CatalogueEntry(
        "", "The run ended before a change started.", one("the run ended before this change")
    ),
    "no-reason": CatalogueEntry("", "The reason is unknown.", one("the reason is unknown")),
    "not-created": CatalogueEntry(
        "",
        "A change needs something that the run did not create.",
        {
            "user": Text("user {username:q} was not created"),
            "group": Text("group {group:q} was not created"),
            "project": Text("project {project:q} was not created"),
        },
        {"username": Personal.LOGIN},
    ),
    "not-renamed-first": CatalogueEntry(
        "",
        "The first half of a rename failed.",
        one("the user did not get the temporary username {username:q}"),
        {"username": Personal.LOGIN},
    ),
    "username-not-free": CatalogueEntry(
        "",
        "The user who has a username was not renamed.",
        {
            "": Text("username {username:q} is not free because its user was not renamed"),
            "temporary": Text(
                "username {username:q} is not free because its user was not renamed; until the"
                " next run, the user is called {temporary:q}"
            ),
        },
        {"username": Personal.LOGIN, "temporary": Personal.LOGIN},
    ),
    "not-made-by-run": CatalogueEntry(
        "",
        "The run says that it did not make a change.",
        {
            "not-started": Text("the run did not start it: {found}", "finish the run"),
            "skipped": Text("the run skipped it: {found}", "read in its report why"),
            "unanswered": Text(
                "the run got no answer: {found}", "finish the run, which reads what became of it"
            ),
            "failed": Text("it failed in the run: {found}", "read in its report why"),
        },
    ),
    "changed-since-plan": CatalogueEntry(
        "",
        "The server is no longer as the plan says.",
        one("the server has changed since the plan was made: {found}"),
    ),
    "renamed-since-plan": CatalogueEntry(
        "",
        "A user, group or project of the plan has another name now.",
        {
            "user": Text("user #{number} is now called {username:q}, not {planned_username:q}"),
            "group": Text("group #{number} is now called {name:q}, not {planned:q}"),
            "project": Text("project #{number} is now called {name:q}, not {planned:q}"),
        },
        {"username": Personal.LOGIN, "planned_username": Personal.LOGIN},
    ),
    "checked-again": CatalogueEntry(
        "",
        "A safety check stopped a change right before it was made.",
        one("checked again right before the change: {verdict}"),
    ),
    "kanboard-ldap-fails": CatalogueEntry(
        "",
        "Kanboard cannot create users from its own LDAP.",
        one("not tried because Kanboard cannot create users from its own LDAP: {first}"),
    ),
    "never-answered": CatalogueEntry(
        "",
        "The server did not answer, and the change did not happen.",
        {
            "": Text("Kanboard did not answer ({answer}), also when asked again"),
            "found": Text("Kanboard did not answer ({answer}), also when asked again; {found:;}"),
        },
    ),
    "no-procedure": CatalogueEntry(
        "",
        "The server is too old for a change.",
        {
            "": Text("the server lacks the procedure for it"),
            "since": Text(
                "the server lacks {method}, which came with Kanboard {since}",
            ),
            "found": Text("the server lacks the procedure for it; {found:;}"),
            "since-found": Text(
                "the server lacks {method}, which came with Kanboard {since}; {found:;}"
            ),
        },
    ),
    "rejected": CatalogueEntry(
        "",
        "Kanboard rejected a change.",
        {
            "error": Text("Kanboard rejected it ({answer})"),
            "error-found": Text("Kanboard rejected it ({answer}); {found:;}"),
            "found": Text("Kanboard rejected it: {found:;}"),
            "silent": Text("Kanboard rejected it and gave no reason"),
            "silent-found": Text("Kanboard rejected it and gave no reason; read back: {found:;}"),
        },
    ),
    "still-through-group": CatalogueEntry(
        "",
        "A user keeps access through a group.",
        {
            "": Text("revoked, but still {role} through a group"),
            "groups": Text(
                "revoked, but still {role} through {n:group|one of the groups} {groups:all}"
            ),
            "found": Text("revoked, but still {role}: {found:;}"),
        },
    ),
    "kanboard-ldap-refused": CatalogueEntry(
        "",
        "Kanboard could not create a user from its own LDAP.",
        {
            "": Text(
                "Kanboard's own LDAP does not know this person, or Kanboard cannot ask it; check"
                " LDAP_BIND_TYPE and Kanboard's log"
            ),
            "found": Text(
                "Kanboard's own LDAP does not know this person, or Kanboard cannot ask it; check"
                " LDAP_BIND_TYPE and Kanboard's log; {found:;}"
            ),
        },
    ),
    "no-effect": CatalogueEntry(
        "",
        "Kanboard confirmed a change that did not happen.",
        {
            "": Text("Kanboard confirmed the change, but it had no effect"),
            "found": Text("Kanboard confirmed the change, but {found:;}"),
        },
    ),
}

# What to do about a change that was not made, by why, before the next plan.
_WHAT_NOW = {
    "rejected": "ask whoever runs Kanboard what its log says",
    "no-effect": "ask whoever runs Kanboard whether a plugin changes it back",
    "still-through-group": "remove the user from the group, in Kanboard or in its source",
    "changed-since-plan": "find out who changed it",
    "renamed-since-plan": "find out who renamed it",
    "never-answered": "check the connection and the server (kanport doctor)",
    "no-procedure": "update Kanboard, or make this change by hand",
    "kanboard-ldap-refused": "check with the administrator of the directory",
    "kanboard-ldap-fails": "correct the settings of Kanboard's LDAP",
    "not-created": "find out why the user, group or project that they need was not created",
    "username-not-free": "find out why the other user was not renamed",
    "not-renamed-first": "find out why the first rename failed",
    "checked-again": "find out who changed the server during the run",
    "sent-in-vain": "the next plan contains it again",
    "sent-unknown": "the next plan reads what became of it",
    "not-tried-again": "finish the run",
    "not-reached": "finish the run",
    "no-reason": "ask whoever runs Kanboard what its log says",
}


def _with_hints(entries: Mapping[str, CatalogueEntry]) -> Mapping[str, CatalogueEntry]:
    return {
        code: entry._replace(
            texts={
                case: text._replace(hint=_WHAT_NOW.get(code, text.hint))
                for case, text in entry.texts.items()
            }
        )
        for code, entry in entries.items()
    }


OUTCOMES: Mapping[str, CatalogueEntry] = {
    **STOPS,
    **_ACTUAL,
    **_FOUND,
    **_with_hints(_REASONS),
}
