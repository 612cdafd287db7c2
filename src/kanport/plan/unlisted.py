"""What cannot be known of a server that has too many users to list them."""

from kanport.facts import fact
from kanport.findings import Finding, found
from kanport.model import CurrentState
from kanport.origin import first_place
from kanport.plan.parts import sorted_names
from kanport.plan.resolve import Resolved


def unlisted_findings(resolved: Resolved, current: CurrentState) -> list[Finding]:
    """Say that the users could not be listed, and whom that leaves in doubt; else nothing."""
    unlisted = current.unlisted
    if unlisted is None:
        return []
    why = fact("no-list", case=unlisted.fault)
    findings = [found("users-unlisted", why=why, count=len(current.users))]
    absent = [person.desired for person in resolved.persons if person.user is None]
    if absent and not unlisted.folds_case:
        names = sorted_names(wanted.username.value for wanted in absent)
        places = (place for wanted in absent for place in wanted.username.origins or wanted.rows)
        findings.append(
            found("person-unsearched", first_place(places), usernames=names, count=len(names))
        )
    return findings
