"""What the commands that start from a mapping have in common."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from kanport import __version__
from kanport.apply.executor import Options
from kanport.cli.configured import layers_of, read_stdin, request_timeout_of
from kanport.cli.output import Output
from kanport.config import Settings, settings_of
from kanport.config.catalogue import CONNECTIONS, MAX_ERRORS, RATE, STATE, URL
from kanport.errors import ConfigInvalid, Exit, SourceInvalid, Unreachable
from kanport.findings import Finding, errors_in
from kanport.kanboard.client import Client
from kanport.pipeline import Inputs, plan_inputs, read_inputs
from kanport.plan.model import Plan, PlanMapping
from kanport.report import view
from kanport.report.parts import View


def inputs_or_report(
    mapping: Path, output: Output, ctx: click.Context, state: Path | None = None
) -> Inputs:
    """Read mapping and sources; where a source cannot be used, show why on stdout and end.

    `state` is the state folder, in which the ledger may lie.
    """
    try:
        with output.working("Reading the sources"):
            return read_inputs(mapping, request_timeout=request_timeout_of(ctx), state=state)
    except (SourceInvalid, Unreachable) as problem:
        _report(problem, PlanMapping(path=str(mapping), sha256=""), output)
        raise


def plan_or_report(
    inputs: Inputs,
    client: Client,
    output: Output,
    ctx: click.Context,
    allowed: Mapping[str, int] = MappingProxyType({}),
) -> Plan:
    """Make the plan; where errors in the source data prevent it, show them on stdout and end.

    `allowed` is what `--allow` lets this run do beyond the limits.
    """
    try:
        with output.working("Reading the server"):
            return plan_inputs(inputs, client, allowed=allowed)
    except SourceInvalid as problem:
        _report(problem, inputs.mapping_ref, output, inputs)
        raise


def exit_for_findings(findings: Iterable[Finding], *, aborts: bool) -> Exit:
    """Give the exit code that errors in the source data lead to."""
    if not any(errors_in(findings)):
        return Exit.OK
    return Exit.SOURCE if aborts else Exit.PARTIAL


def exit_for_plan(plan: Plan) -> Exit:
    """Give the exit code of making a plan: a guard that stops it counts before skipped rows."""
    if plan.blocked_by:
        return Exit.GUARD
    return exit_for_findings(plan.findings, aborts=False)


def settings_from(**flags: Any) -> Settings:
    """Give the settings of the server from flags, environment and configuration file."""
    return settings_of(layers_of(click.get_current_context(), **flags), read_stdin)


def state_from(**flags: Any) -> Path | None:
    """Return the state folder from flags, environment and configuration file, if they name one."""
    state: Path | None = layers_of(click.get_current_context(), **flags).take(STATE).value
    return state


def server_is_named(**flags: Any) -> bool:
    """Tell whether flags, environment or configuration file name a server; True where in doubt."""
    try:
        return bool(layers_of(click.get_current_context(), **flags).take(URL).value)
    except ConfigInvalid:
        return True


def settings_and_options(**flags: Any) -> tuple[Settings, Options]:
    """Give the settings of the server, and how to carry out a plan on it."""
    layers = layers_of(click.get_current_context(), **flags)
    connections = layers.take(CONNECTIONS).value
    rate, max_errors = layers.take(RATE).value, layers.take(MAX_ERRORS).value
    settings = settings_from(**flags)
    options = Options(
        batch_size=settings.batch_size,
        connections=connections,
        rate=rate,
        max_errors=max_errors,
    )
    return settings, options


def validation_of(
    output: Output,
    mapping: PlanMapping,
    findings: Iterable[Finding],
    inputs: Inputs | None = None,
) -> View:
    """Give the view of what was found in the data, with pseudonyms where the user wants them."""
    sources = inputs.source_refs if inputs else ()
    if output.masked:
        from kanport.report.mask import masked_findings

        sources, findings = masked_findings(sources, findings)
    return view.of_validation(
        mapping,
        sources,
        findings,
        users=len(inputs.desired.users) if inputs else 0,
        memberships=len(inputs.desired.memberships) if inputs else 0,
        version=__version__,
    )


def _report(
    problem: SourceInvalid | Unreachable,
    mapping: PlanMapping,
    output: Output,
    inputs: Inputs | None = None,
) -> None:
    if not problem.findings:
        return
    output.show(validation_of(output, mapping, problem.findings, inputs))
    # The findings are on stdout now; the boundary tells only what they mean.
    problem.shown = True
