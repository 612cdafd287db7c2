"""Why Kanport plans a change."""

from collections.abc import Mapping

from kanport.catalogue.kinds import CatalogueEntry, Personal, Text, one


def _reason(about: str, text: str | None = None, /, **texts: str) -> CatalogueEntry:
    """Return a reason with one wording, one for each case, or both."""
    cases = texts if text is None else {"": text, **texts}
    return CatalogueEntry("", about, {case: Text(wording) for case, wording in cases.items()})


REASONS: Mapping[str, CatalogueEntry] = {
    "as-written": CatalogueEntry(
        "", "The wording of an earlier version.", one("{text}"), {"text": Personal.VALUE}
    ),
    "user-of-entry": CatalogueEntry(
        "",
        "A user with their entry in a directory.",
        one("{username} ({entry})"),
        {"username": Personal.LOGIN, "entry": Personal.ENTRY},
    ),
    "new-on-server": _reason(
        "The server does not have it.",
        "new on the server",
        inactive="not active in the sources, so disabled as soon as created",
    ),
    "fields-differ": _reason("Fields of a user differ.", "{fields:list} {count:differs|differ}"),
    "renamed": _reason(
        "A user has another username than before.",
        id="same stable id, other username",
        email="same email, other username",
    ),
    "renamed-aside": CatalogueEntry(
        "",
        "Users swap usernames, so one gets a temporary username.",
        one("{renamed} ({username}); temporary, until {username} is free"),
        {"username": Personal.LOGIN},
    ),
    "active-in-sources": _reason("The sources list them as active.", "active in the sources"),
    "inactive-in-sources": _reason(
        "The sources list them as not active.", "not active in the sources"
    ),
    "returned": _reason(
        "A user that Kanport disabled is in the sources again.",
        "back in the sources; Kanport disabled them on {disabled_on}",
    ),
    "in-no-source": _reason(
        "No source lists the user any more.",
        "in no source",
        waited="in no source since {since} ({runs:#run|runs})",
        disabled="in no source; Kanport disabled them on {disabled_on}",
    ),
    "not-a-member": _reason("They have no role in the project.", "new member"),
    "keeps-role": _reason(
        "A role may come through a group that changes.",
        "made direct: the role may come through a group that changes",
    ),
    "role-differs": _reason("The role is different.", "role differs"),
    "not-in-group": _reason("They are not in the group.", "new in the group"),
    "group-renamed": _reason(
        "A group of the same external id has another name.", "renamed, by its external id"
    ),
    "external-id-differs": _reason("A group has another external id.", "external id differs"),
    "no-group-access": _reason(
        "Kanport does not know whether the group has access.", "no known access before"
    ),
    "not-listed": _reason(
        "No source lists it.",
        project="not listed in this project",
        member="not listed in this group",
        access="no longer listed",
        group="no source names it",
        group_member="the group is removed, because no source names it",
    ),
    "project-unnamed": _reason(
        "No source names the project any more.", "no source names this project any more"
    ),
    "group-unnamed": _reason(
        "No source names the group any more.", "no source names the group any more"
    ),
    "reviewed": CatalogueEntry(
        "",
        "A reviewer decided it in an access review.",
        {
            "": Text("{reviewer} decided in the review: {decision}"),
            "comment": Text("{reviewer} decided in the review: {decision} ({comment})"),
        },
        {"reviewer": Personal.LOGIN, "comment": Personal.VALUE},
    ),
    "undoes": _reason("A change that undoes changes of a run.", "undoes {changes:+} of the run"),
}
