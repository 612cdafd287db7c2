"""Names in limits and in `--allow` that mean nothing, so that a typo is not taken for a limit."""

from collections.abc import Iterator, Mapping

from kanport.findings import Finding, found
from kanport.mapping.spec import MappingFile
from kanport.model import CurrentState
from kanport.plan.guards.allowances import OF_SOURCES
from kanport.plan.matching import numbers_are_ids


def names_without_meaning(
    mapping: MappingFile, allowed: Mapping[str, int], current: CurrentState
) -> Iterator[Finding]:
    """Yield a finding for each project and source named there that is not, or is several."""
    index = current.project_index.with_numbers(numbers_are_ids(mapping))
    for text in mapping.limits.projects:
        if (count := len(index.called(text))) != 1:
            case = f"limits-{'several' if count else 'unknown'}"
            yield found("limit-unused", case=case, value=text, name=text, count=count)
    for key in allowed:
        what, colon, whose = key.partition(":")
        if not colon:
            continue
        if what in OF_SOURCES:
            if whose not in mapping.sources:
                yield found("limit-unused", case="allow-source", value=whose, name=whose)
        elif (count := len(index.called(whose))) != 1:
            case = f"allow-{'several' if count else 'unknown'}"
            yield found("limit-unused", case=case, value=whose, name=whose, count=count)
