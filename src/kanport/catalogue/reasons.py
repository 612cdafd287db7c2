"""Why a change is planned."""

from collections.abc import Mapping

from kanport.catalogue.kinds import Kind, Personal, Text, one


def _reason(about: str, text: str | None = None, /, **texts: str) -> Kind:
    """Return a reason with one wording, one for each case, or both."""
    cases = texts if text is None else {"": text, **texts}
    return Kind("", about, {case: Text(wording) for case, wording in cases.items()})


REASONS: Mapping[str, Kind] = {
    "as-written": Kind(
        "", "The wording of an earlier version.", one("{text}"), {"text": Personal.VALUE}
    ),
    "user-of-entry": Kind(
        "",
        "A user with their entry in a directory.",
        one("{username} ({entry})"),
        {"username": Personal.LOGIN, "entry": Personal.ENTRY},
    ),
    "new-on-server": _reason(
        "The server does not have it.",
        "not on the server yet",
        inactive="not active in the sources, so disabled as soon as created",
    ),
    "fields-differ": _reason("Fields of a user differ.", "{fields:list} {count:differs|differ}"),
    "renamed": _reason(
        "Somebody has another username than before.",
        id="same stable id, other username",
        email="same email, other username",
    ),
    "renamed-aside": Kind(
        "",
        "A username is swapped by way of a temporary one.",
        one("{renamed} ({username}); temporary, until {username} is free"),
        {"username": Personal.LOGIN},
    ),
    "active-in-sources": _reason("The sources list them as active.", "active in the sources"),
    "inactive-in-sources": _reason(
        "The sources list them as not active.", "not active in the sources"
    ),
    "returned": _reason(
        "Somebody whom Kanport disabled is back.",
        "back in the sources; Kanport disabled them on {disabled_on}",
    ),
    "in-no-source": _reason(
        "Nobody lists them any more.",
        "in no source",
        waited="in no source since {since} ({runs:#run|runs})",
        disabled="in no source; Kanport disabled them on {disabled_on}",
    ),
    "not-a-member": _reason("They have no role in the project.", "not a member yet"),
    "keeps-role": _reason(
        "A role may come through a group that changes.",
        "may come through a group that changes",
    ),
    "role-differs": _reason("The role is another one.", "role differs"),
    "not-in-group": _reason("They are not in the group.", "not in the group yet"),
    "group-renamed": _reason(
        "A group of the same external id has another name.", "renamed, by its external id"
    ),
    "external-id-differs": _reason("A group has another external id.", "external id differs"),
    "no-group-access": _reason(
        "Nothing shows that the group has access.", "not known to have access"
    ),
    "not-listed": _reason(
        "No source lists it.",
        project="not asked for in this project",
        member="nothing puts them into it",
        access="nothing asks for it any more",
        group="nothing names it",
        group_member="the group goes, as nothing names it",
    ),
    "project-unnamed": _reason(
        "No source names the project any more.", "no source names this project any more"
    ),
    "group-unnamed": _reason(
        "No source names the group any more.", "no source names the group any more"
    ),
    "undoes": _reason("An undo takes back changes of a run.", "takes back {changes:+}"),
}
