"""Phrases that findings and other facts use within a sentence."""

from collections.abc import Mapping

from kanport.catalogue.kinds import CatalogueEntry, Personal, Text, one

LOGIN = Personal.LOGIN

PARTS: Mapping[str, CatalogueEntry] = {
    "accepted": CatalogueEntry(
        "",
        "Until when and why the mapping accepts a finding.",
        {
            "": Text("accepted until {until}: {reason}"),
            "masked": Text("accepted until {until}"),
        },
        {"reason": Personal.VALUE},
    ),
    "user": CatalogueEntry(
        "", "A user of the server.", one("{username:q} (#{user_id})"), {"username": LOGIN}
    ),
    "review-advice": CatalogueEntry(
        "",
        "What a reviewer should know about an access entry.",
        {
            "disabled": Text("the account is disabled"),
            "orphan": Text("in no source"),
            "administrator": Text("administrator of the server"),
            "privileged": Text("privileged role"),
            "separation": Text('breaks the rule "{rule}"'),
        },
    ),
    "user-unread": CatalogueEntry(
        "", "A user of the server whose name was not read.", one("#{user_id}")
    ),
    "project": CatalogueEntry(
        "",
        "A project of the server.",
        {
            "": Text("{name:q} (#{project_id})"),
            "identifier": Text("{name:q} ({identifier}, #{project_id})"),
        },
    ),
    "group": CatalogueEntry(
        "",
        "A group of the server, or a new one.",
        {"": Text("{name:q} (#{group_id})"), "new": Text("{name:q} (new)")},
    ),
    "membership": CatalogueEntry(
        "",
        "A user in a project.",
        {
            "": Text("{username:q} in {project:q}"),
            "id": Text("user #{user_id} in {project:q}"),
            "through": Text("{username:q} in {project:q} (through {groups:q})"),
        },
        {"username": LOGIN},
    ),
    "group-member": CatalogueEntry(
        "",
        "A user in a group.",
        {
            "": Text("{username:q} in {group:q}"),
            "id": Text("user #{user_id} in {group:q}"),
        },
        {"username": LOGIN},
    ),
    "group-access": CatalogueEntry("", "A group in a project.", one("{group:q} in {project:q}")),
    "only": CatalogueEntry(
        "",
        "What --only selects.",
        {
            "user": Text("user:{username}"),
            "project": Text("project:{project}"),
            "kind": Text("{action}"),
        },
        {"username": LOGIN},
    ),
    "of-action": CatalogueEntry("", "A number of changes.", one("{count:,} {action}")),
    "remaining": CatalogueEntry(
        "",
        "Access that remains.",
        {
            "members": Text("{count:#user remains a member|users remain members}: {users:many}"),
            "projects": Text("the group keeps access to {projects:many}"),
            "users": Text("{count:#user keeps|users keep} access: {users:many}"),
            "granted": Text(
                "{count:#user keeps|users keep} access, {granted} of them granted by Kanport:"
                " {users:many}"
            ),
            "groups": Text("{count:the group|the groups} {groups:many} {count:keeps|keep} access"),
        },
        {"users": LOGIN},
    ),
    "no-list": CatalogueEntry(
        "",
        "Why a server could not list its users.",
        {
            "timeout": Text("it did not answer in time"),
            "reset": Text("the connection broke before the answer ended"),
            "server-error": Text("it failed with an error (HTTP 5xx)"),
            "answer-too-large": Text("the answer is too large"),
            "time-limit": Text("PHP reached its time limit"),
            "memory-limit": Text("PHP reached its memory limit"),
            "empty": Text("the answer is empty"),
            "not-json": Text("the answer is broken or incomplete"),
        },
    ),
    "due": CatalogueEntry(
        "",
        "When something happens.",
        {
            "runs": Text("after {runs:#more run|more runs}"),
            "day": Text("on or after {day}"),
            "first": Text("{one} or {other}, whichever comes first"),
        },
    ),
    "field-differs": CatalogueEntry(
        "",
        "A field of a user differs.",
        {
            "": Text("the {field} {value:q} (now {now:q})"),
            "role": Text("the {field} {value} (now {now})"),
        },
        {"value": Personal.FIELD, "now": Personal.FIELD},
    ),
}
