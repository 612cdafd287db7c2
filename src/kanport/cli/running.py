"""What the commands that write to the server have in common."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from kanport.cli.configured import run_id_of
from kanport.cli.output import Output
from kanport.cli.planning import exit_for_plan
from kanport.errors import ConfigInvalid, Exit, Interrupted, LockHeld, UsageError
from kanport.events import tell
from kanport.kanboard.client import Client
from kanport.network import run_has_deadline
from kanport.outcome import Outcome, Run, Status
from kanport.pipeline import (
    Execution,
    Inputs,
    apply_plan,
    plan_inputs,
    remember,
    remember_good,
    runs_cut_off,
    settle_run,
)
from kanport.plan.model import Action, Plan
from kanport.report import view

if TYPE_CHECKING:
    from kanport.apply.journal import Recorded
    from kanport.cli.record import Record

logger = logging.getLogger(__name__)

# Names in one line; kanport report has all of them.
_SHOWN = 50


def run_and_report(
    plan: Plan,
    client: Client,
    output: Output,
    how: Execution,
    mapping_path: Path | None = None,
    record: "Record | None" = None,
) -> Exit:
    """Carry out a plan, show what became of it, and give the exit code.

    `mapping_path` is where the mapping lies now, if not where the plan says. `record` takes down
    what became of the plan.
    """
    if not plan.changes:
        output.show(view.of_plan(plan))
        return remembered(plan, None, output, exit_for_plan(plan), mapping_path)
    run_id = run_id_of(click.get_current_context())
    return report_on(
        plan,
        output,
        how,
        lambda how: apply_plan(plan, client, how, run_id=run_id),
        mapping_path,
        record,
    )


def report_on(
    plan: Plan,
    output: Output,
    how: Execution,
    carry_out: Callable[[Execution], Run],
    mapping_path: Path | None = None,
    record: "Record | None" = None,
) -> Exit:
    """Carry out a plan or the rest of it, show what became of it, and give the exit code."""
    with (
        output.progress("Applying", len(plan.changes)) as on_outcome,
        stopping_politely() as asked_to_stop,
    ):
        settled = _logged(plan, on_outcome)
        try:
            run = carry_out(replace(how, on_outcome=settled, should_stop=asked_to_stop.is_set))
        except KeyboardInterrupt:
            raise Interrupted(
                "Interrupted at once: what was in flight may have been done",
                details=[_resume_command(how, plan)],
                hint="this command finds out, and finishes the run",
            ) from None
    code = remembered(plan, run, output, exit_for_run(plan, run), mapping_path)
    told = view.of_run(plan, run)
    if record is not None:
        record.ran(run)
        record.message = told.headline
    output.show(told)
    output.note(f"The journal is in {how.journal_path}.")
    if run.stopped is not None:
        output.note(f"Finish the run with: {_resume_command(how, plan)}")
    if how.passwords_to is not None:
        output.note(f"The new passwords are in {how.passwords_to}.")
    if how.kept_in is not None:
        output.note(
            f"Those of users whom the run created before are in {how.kept_in}; where a user is in"
            " both files, the later one counts."
            if how.passwords_to is not None
            else f"The passwords of users whom the run created before are in {how.kept_in}."
        )
    if lost := _whose_passwords_are_lost(plan, run, how):
        text = (
            f"nobody has the random passwords of {people(lost)}; set them in Kanboard, and use"
            " --passwords-to FILE the next time"
        )
        if record is not None and output.form == "text":
            # For sync it is a part of the report: every night has new users.
            output.data(f"Note: {text}")
        else:
            output.warn(text)
    return code


def report_finished(recorded: "Recorded", journal_path: Path, output: Output) -> Exit:
    """Report a run again of which nothing is left to do, and return its exit code."""
    output.show(view.of_run(recorded.plan, recorded.run))
    output.note(
        "Nothing is left to do: the run was finished already. Nothing is sent, and its journal"
        f" stays as it is ({journal_path})."
    )
    return exit_for_run(recorded.plan, recorded.run)


def _resume_command(how: Execution, plan: Plan) -> str:
    from kanport.apply.journal import load_journal
    from kanport.cli.resume import resume_command

    ctx = click.get_current_context()
    try:
        recorded = load_journal(how.journal_path)
    except UsageError:
        # The disk that stopped the run may not give its journal back either.
        recorded = None
    return resume_command(ctx, how.journal_path, recorded, passwords_to=how.passwords_to, plan=plan)


# --- random passwords -----------------------------------------------------------------------------


def random_passwords(plan: Plan, settled: Collection[str] = ()) -> list[str]:
    """Return the usernames of whom a plan creates with a random password.

    Those whose change is in `settled` are left out.
    """
    return [
        change.username
        for change in plan.changes
        if change.action is Action.USER_CREATE
        and change.new.random_password
        and change.id not in settled
    ]


def people(names: Sequence[str]) -> str:
    """Name people in a sentence, with their number where they are many.

    >>> people(["ada"]), people(["ada", "bob"])
    ('1 new user (ada)', '2 new users (ada, bob)')
    """
    shown = ", ".join(names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    count = "1 new user" if len(names) == 1 else f"{len(names)} new users"
    return f"{count} ({shown}{more})"


def where_passwords_go(
    plan: Plan, settled: Collection[str], passwords_to: Path | None, *, discard: bool
) -> Path | None:
    """Ask on a terminal where random passwords go that would be lost; None where nowhere."""
    names = random_passwords(plan, settled)
    if passwords_to is not None or discard or not names or not sys.stdin.isatty():
        return passwords_to
    click.echo(f"Random passwords are made for {people(names)}.", err=True)
    while True:
        answer = click.prompt(
            "New file for these passwords (empty: nobody will have them)",
            default="",
            show_default=False,
            err=True,
        ).strip()
        if not answer:
            return None
        path = Path(answer)
        if not os.path.lexists(path):
            return path
        click.echo(f"{path} exists already; name another file.", err=True)


def _whose_passwords_are_lost(plan: Plan, run: Run, how: Execution) -> list[str]:
    if {how.passwords_to, how.kept_in} != {None} or how.discard_passwords:
        return []
    made = {
        outcome.change_id
        for outcome in run.outcomes
        if outcome.status is Status.DONE or outcome.unknown
    }
    return random_passwords(plan, {change.id for change in plan.changes} - made)


def settle_runs_cut_off(
    client: Client, output: Output, state: Path | None, mapping_path: Path
) -> None:
    """Find out what earlier runs of a mapping did that were cut off, and tell of each, once."""
    for path, recorded in runs_cut_off(
        state, mapping_path, client.url, warn=lambda left_out: output.warn(left_out.text)
    ):
        try:
            run = settle_run(recorded, client, Execution(path), mapping_path)
        except (UsageError, LockHeld) as problem:
            output.warn(f"what a run did that was cut off cannot be recorded: {problem.message}")
            continue
        tally = run.tally()
        tell(logger, "run.settled", cut_off=run.id, tally=tally.to_dict())
        changes = "1 change is" if tally.planned == 1 else f"{tally.planned} changes are"
        output.warn(
            f"the run {run.id} was cut off; {tally.done + tally.already} of its {changes} in"
            f" place, and what is still needed is planned anew ({path})"
        )


def _logged(plan: Plan, on_outcome: Callable[[Outcome], None]) -> Callable[[Outcome], None]:
    """Give what logs an outcome and then tells it on."""
    changes = {change.id: change for change in plan.changes}

    def settled(outcome: Outcome) -> None:
        change = changes[outcome.change_id]
        tell(
            logger,
            "change.settled",
            change=change.id,
            action=str(change.action),
            **{name: value for name, value in change.subject if value is not None},
            status=str(outcome.status),
            reason=outcome.reason,
            code=None if outcome.why is None else outcome.why.code,
        )
        on_outcome(outcome)

    return settled


def remembered(
    plan: Plan, run: Run | None, output: Output, code: Exit, mapping_path: Path | None = None
) -> Exit:
    """Write the ledger; where that fails, say so, and let success be a partial one."""
    try:
        remember(plan, run, mapping_path=mapping_path)
    except ConfigInvalid as problem:
        hint = f" ({problem.hint})" if problem.hint else ""
        output.warn(f"{problem.message}; what this run did is not remembered{hint}")
        return Exit.PARTIAL if code is Exit.OK else code
    return code


def remembered_as_good(
    plan: Plan, output: Output, code: Exit, mapping_path: Path | None = None
) -> Exit:
    """Write into the ledger that nothing was left to do, where that is so; as `remembered`."""
    if code is not Exit.OK:
        return code
    try:
        run_id = run_id_of(click.get_current_context())
        remember_good(plan, run_id=run_id, mapping_path=mapping_path)
    except ConfigInvalid as problem:
        hint = f" ({problem.hint})" if problem.hint else ""
        output.warn(f"{problem.message}; the next run has nothing to compare with{hint}")
        return Exit.PARTIAL
    return code


def exit_for_run(plan: Plan, run: Run) -> Exit:
    """Give the exit code of a run: 0 only where everything asked for is so."""
    return exit_for_plan(plan) if run.exit_code is Exit.OK else run.exit_code


@contextmanager
def stopping_politely() -> Iterator[threading.Event]:
    """Let Ctrl-C, SIGTERM, a lost terminal and the deadline end the run after batches in flight.

    A second one ends it at once, but for SIGHUP, which both the system and a shell send, and for
    the deadline. What the
    caller has ignored, as nohup does, stays ignored.
    """
    asked = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        if asked.is_set() and number not in (signal.SIGHUP, signal.SIGALRM):
            raise KeyboardInterrupt
        asked.set()

    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    if run_has_deadline():
        numbers.append(signal.SIGALRM)
    before = {
        number: signal.signal(number, ask)
        for number in numbers
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def verified(
    inputs: Inputs,
    client: Client,
    output: Output,
    code: Exit,
    record: "Record | None" = None,
    *,
    now: str,
) -> Exit:
    """Read the server once more and plan again; what is left to do makes the exit code 3.

    `now` is when the first plan was made: for those who are missing, it is the same run.
    """
    with output.working("Verifying"):
        left = plan_inputs(inputs, client, now=lambda: now)
    tell(logger, "run.verified", left=len(left.changes))
    if not left.changes:
        output.note("Verified: a second plan is empty.")
        return code
    count = len(left.changes)
    changes = "1 change is" if count == 1 else f"{count} changes are"
    text = f"after the run {changes} still needed; kanport plan shows what"
    if record is not None:
        record.message = f"{record.message} But {text}."
    output.warn(text)
    return Exit.PARTIAL
