"""What cannot be known of a server that has too many users to list them."""

from kanport.findings import Finding
from kanport.model import CurrentState
from kanport.plan.places import first_place, listed
from kanport.plan.resolve import Resolved


def unlisted_findings(resolved: Resolved, current: CurrentState) -> list[Finding]:
    """Say that the users could not be listed, and whom that leaves in doubt; else nothing."""
    unlisted = current.unlisted
    if unlisted is None:
        return []
    count = len(current.users)
    read = "1 user was" if count == 1 else f"{count} users were"
    findings = [
        Finding(
            "users-unlisted",
            f"the server could not list its users, as {unlisted.why}; people outside the sources"
            f" are not known: {read} read by name, and as members of the"
            " projects and groups",
            hint="raise PHP's memory_limit on the server to have all users looked at; until then"
            " it is not told whether a new e-mail address is somebody else's already",
        )
    ]
    absent = [person.desired for person in resolved.persons if person.user is None]
    if absent and not unlisted.folds_case:
        names = [wanted.username.value for wanted in absent]
        origins = (place for wanted in absent for place in wanted.username.origins or wanted.rows)
        findings.append(
            Finding(
                "person-unsearched",
                "the server tells spellings of a username apart, and these were not found under"
                f" any usual one: {listed(names)}; whoever is there under another one is taken for"
                " somebody who is not there",
                origin=first_place(origins),
                hint="where somebody may be there as, say, aDa, look on the server before applying",
            )
        )
    return findings
