"""Rules over everything that the sources want together; no server is asked.

They only tell. What makes rows unusable is decided while rows are read (`kanport.normalize`),
because it decides what is unknown.
"""

from collections.abc import Callable, Iterator

from kanport.checks.access import administrators, strangers
from kanport.checks.groups import external_ids
from kanport.checks.identity import lookalikes, protected, shared_emails
from kanport.findings import Finding, in_order
from kanport.mapping.spec import MappingFile
from kanport.model import DesiredState

Check = Callable[[DesiredState, MappingFile], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    shared_emails,
    lookalikes,
    protected,
    administrators,
    strangers,
    external_ids,
)


def check(desired: DesiredState, mapping: MappingFile) -> list[Finding]:
    """Give all findings about the desired state as a whole, in the order of their places."""
    return in_order(finding for rule in CHECKS for finding in rule(desired, mapping))


__all__ = ["CHECKS", "check"]
