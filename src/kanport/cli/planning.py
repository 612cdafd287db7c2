"""Read inputs and make plans, for the commands that start from a mapping."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import click

from kanport import api
from kanport.cli.following import Following
from kanport.cli.invocation import invocation_of
from kanport.cli.output import Output
from kanport.config.settings import URL
from kanport.errors import ConfigInvalid, SourceInvalid, Unreachable


def read(ctx: click.Context, mapping: Path, output: Output) -> api.Inputs:
    """Read mapping and sources; if a source cannot be used, show why on stdout and raise."""
    invocation = invocation_of(ctx)
    following = Following(ctx, output)
    with findings_shown(ctx, mapping, output, following):
        return api.read(
            mapping,
            state=invocation.state if takes_state(ctx) else None,
            request_timeout=invocation.request_timeout,
            progress=following,
        )


def plan(
    ctx: click.Context,
    inputs: api.Inputs,
    server: api.Client,
    output: Output,
    allowed: Mapping[str, int] = MappingProxyType({}),
) -> api.Plan:
    """Make the plan; if errors in the source data prevent it, show them on stdout and raise.

    `allowed` holds the safety checks that `--allow` overrides for this run.
    """
    following = Following(ctx, output, inputs=inputs)
    with findings_shown(ctx, inputs.mapping.path, output, following):
        return api.plan(inputs, server, allow=allowed, progress=following)


def takes_state(ctx: click.Context) -> bool:
    """Return whether a command has the option --state."""
    return any(parameter.name == "state" for parameter in ctx.command.params)


def server_is_named(ctx: click.Context) -> bool:
    """Return whether options, environment or configuration name a server; True if unclear."""
    try:
        return bool(invocation_of(ctx).layers().take(URL).value)
    except ConfigInvalid:
        return True


@contextmanager
def findings_shown(
    ctx: click.Context, mapping: Path, output: Output, following: Following
) -> Iterator[None]:
    """Show the findings on stdout that stop the block."""
    try:
        yield
    except (SourceInvalid, Unreachable) as problem:
        if problem.findings and following.result is None:
            output.show(
                api.view_of_findings(
                    problem.findings, mapping, inputs=following.inputs, mask=output.masked
                )
            )
            # The boundary then shows only the error itself.
            invocation_of(ctx).findings_shown = True
        raise
