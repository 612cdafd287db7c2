"""Names in limits and in `--allow` that mean nothing, so that a typo is not taken for a limit."""

from collections.abc import Iterator, Mapping

from kanport.findings import Finding
from kanport.mapping.spec import MappingFile
from kanport.model import CurrentState
from kanport.plan.guards.allowances import OF_SOURCES
from kanport.plan.match import Projects, numbers_are_ids


def names_without_meaning(
    mapping: MappingFile, allowed: Mapping[str, int], current: CurrentState
) -> Iterator[Finding]:
    """Give a finding for each project and source named there that is not, or is several."""
    index = Projects.of(current.projects, numbers=numbers_are_ids(mapping))
    for text in mapping.limits.projects:
        if why := _problem(text, index):
            yield Finding(
                "limit-unused",
                f"limits.projects names {text!r}, and {why}; the limit holds nowhere",
                value=text,
                hint="name a project by its identifier, by its id as in '#3', or leave it out",
            )
    for key in allowed:
        what, colon, whose = key.partition(":")
        if not colon:
            continue
        if what in OF_SOURCES:
            why = "" if whose in mapping.sources else "the mapping has no such source"
        else:
            why = _problem(whose, index)
        if why:
            yield Finding(
                "limit-unused",
                f"--allow names {whose!r}, and {why}; nothing is lifted by it",
                value=whose,
                hint="the hint of the guard says how it is called",
            )


def _problem(text: str, index: Projects) -> str:
    fitting = index.called(text)
    if len(fitting) == 1:
        return ""
    return f"{len(fitting)} projects are called so" if fitting else "the server has no such project"
