"""The sentences at the top of a report: what it comes to, in words."""

from collections.abc import Iterable, Mapping, Sequence

from kanport.facts import Fact
from kanport.findings import Severity
from kanport.outcome import Tally, Verified
from kanport.plan.change import Action
from kanport.plan.model import GuardVerdict
from kanport.report.parts import Flow, Level, Moves, ProjectAccess, RiskRow, Sentence
from kanport.report.words import (
    ACTIONS,
    CHANGE,
    GUARD,
    MEMBERSHIP,
    PERSON,
    ROW,
    SEVERITIES,
    SOURCE,
    USER,
    Noun,
    are,
    counted,
    listed,
    was,
)


def told(summary: Mapping[Action, int], *, would: bool) -> str:
    """Give what is (or would be) done to whom, people first.

    >>> told({Action.USER_CREATE: 3, Action.USER_DISABLE: 1}, would=True)
    '3 people would be created and 1 disabled'
    """
    groups: dict[Noun, list[tuple[int, str]]] = {}
    for action, wording in ACTIONS.items():
        if number := summary.get(action, 0):
            groups.setdefault(wording.noun, []).append((number, wording.participle))
    return "; ".join(_group(noun, parts, would=would) for noun, parts in groups.items())


def _group(noun: Noun, parts: Sequence[tuple[int, str]], *, would: bool) -> str:
    (first, done), *others = parts
    verb = "would be" if would else was(first)
    return listed(
        [f"{counted(first, noun)} {verb} {done}", *(f"{number} {done}" for number, done in others)]
    )


def plan_headline(summary: Mapping[Action, int], unchanged: Mapping[str, int]) -> str:
    """Tell what a plan comes to."""
    if any(summary.values()):
        return f"{told(summary, would=True)}."
    users, memberships = unchanged.get("users", 0), unchanged.get("memberships", 0)
    return (
        f"Nothing to change: {counted(users, USER)} and {counted(memberships, MEMBERSHIP)} "
        "are already as they should be."
    )


def run_headline(done: Mapping[Action, int], tally: Tally, *, stopped: Fact | None) -> str:
    """Tell what a run came to; `done` are the changes of each action that this run did."""
    start = "The run stopped early. " if stopped is not None else ""
    if not tally.planned:
        return f"{start}There was nothing to do: the plan holds no changes."
    every = "The 1 change is" if tally.planned == 1 else f"All {tally.planned} changes are"
    if tally.complete and not tally.already:
        return f"{start}{every} done: {told(done, would=False)}."
    if tally.complete:
        so = f"{tally.already} {was(tally.already)} already so"
        return f"{start}{every} in place: {listed([f'{tally.done} {was(tally.done)} done', so])}."
    left = [
        text
        for number, text in (
            (tally.failed, f"{tally.failed} failed"),
            (tally.skipped, f"{tally.skipped} {was(tally.skipped)} skipped"),
            (
                tally.not_attempted,
                f"{tally.not_attempted} {was(tally.not_attempted)} not attempted",
            ),
        )
        if number
    ]
    in_place = _part(tally.done + tally.already, tally.planned)
    return f"{start}{in_place} in place; {listed(left)}."


def _part(number: int, of: int) -> str:
    """Give a part of the changes with its verb.

    >>> _part(0, 1), _part(1, 3), _part(0, 3)
    ('0 of 1 change is', '1 of 3 changes is', '0 of 3 changes are')
    """
    return f"{number} of {counted(of, CHANGE)} {'is' if of == 1 else are(number)}"


def verification_headline(verified: Verified) -> str:
    """Tell whether the server is as a plan wanted it."""
    if not verified.planned:
        return "There is nothing to verify: the plan holds no changes."
    if verified.complete:
        every = (
            "The 1 change is" if verified.planned == 1 else f"All {verified.planned} changes are"
        )
        return f"{every} as planned."
    so = _part(verified.matching, verified.planned)
    return f"{so} as planned; {verified.mismatching} {are(verified.mismatching)} not."


def validation_headline(
    numbers: Mapping[Severity, int], *, users: int, memberships: int, bad_rows: int, sources: int
) -> str:
    """Tell what the data are like."""
    what = f"{counted(users, USER)} and {counted(memberships, MEMBERSHIP)}"
    where = counted(sources, SOURCE)
    if errors := numbers[Severity.ERROR]:
        found = counted(errors, SEVERITIES[Severity.ERROR])
        if bad_rows:
            found += f" in {counted(bad_rows, ROW)}"
        rest = f" {what} can be read." if users or memberships else ""
        return f"The data are not valid: {found}.{rest}"

    return f"The data are valid: {what} from {where}."


def risk_sentences(risky: int, planned: int, risks: Iterable[RiskRow]) -> list[Sentence]:
    """Tell whether anything is dangerous; nothing where there is no change."""
    if not planned:
        return []
    if not risky:
        return [Sentence(Level.GOOD, "No change carries a risk.")]
    parts = listed([f"{row.number} {row.label}" for row in risks])
    verb = "deserves" if risky == 1 else "deserve"
    of = f"{risky} of {counted(planned, CHANGE)} {verb} a second look"
    return [Sentence(Level.LOOK, f"{of}: {parts}.")]


def project_numbers(access: ProjectAccess) -> str:
    """Return what happens to the access to a project, and how many people have a role there.

    >>> project_numbers(ProjectAccess("A", Moves(1, 0, 9), Moves(1, 0, 8), Moves(), Moves(), ()))
    '1 granted, 0 changed, 8 of 9 revoked'
    """
    parts = ["created"] if access.created else []
    parts.append(_moves(access.made, access.planned))
    if access.groups_planned.all:
        parts.append(f"group access: {_moves(access.groups_made, access.groups_planned)}")
    if access.flow is not None:
        parts.append(_flow(access.flow))
    return "; ".join(parts)


def _moves(made: Moves, planned: Moves) -> str:
    return ", ".join(
        f"{done} {word}" if done == of else f"{done} of {of} {word}"
        for done, of, word in (
            (made.granted, planned.granted, "granted"),
            (made.changed, planned.changed, "changed"),
            (made.revoked, planned.revoked, "revoked"),
        )
    )


def _flow(flow: Flow) -> str:
    parts = [
        f"{number} {words}"
        for number, words in (
            (flow.gained, "gained through groups"),
            (flow.lost, "lost through groups"),
            (flow.removed, "removed with their account"),
            (flow.unsure, "may have another role through groups"),
        )
        if number
    ]
    after = f"{flow.before} before, {counted(flow.after, PERSON)} after"
    return f"{after} ({listed(parts)})" if parts else after


def stop_sentences(stopped: Fact | None) -> list[Sentence]:
    """Tell why a run did not come to its end; nothing where it did."""
    return [] if stopped is None else [Sentence(Level.STOP, f"Why it stopped: {stopped}")]


def guard_sentences(guards: Sequence[GuardVerdict]) -> list[Sentence]:
    """Say whether the safety checks stop the plan; nothing where there are none."""
    if not guards:
        return []
    tripped = sum(guard.tripped for guard in guards)
    lifted = listed([guard.guard for guard in guards if guard.lifted])
    told = []
    if lifted:
        told.append(Sentence(Level.LOOK, f"Overridden for this run by --allow: {lifted}."))
    if tripped:
        some = f"{tripped} of " if tripped < len(guards) else ""
        stops = f"Stopped by {some}{counted(len(guards), GUARD)}: nothing is written."
        return [Sentence(Level.STOP, stops), *told]
    if told:
        return told
    all_of = {1: "The safety check", 2: "Both safety checks"}.get(
        len(guards), f"All {len(guards)} safety checks"
    )
    return [Sentence(Level.GOOD, f"{all_of} passed.")]


def finding_sentences(numbers: Mapping[Severity, int], *, planned: bool) -> list[Sentence]:
    """Tell how many findings there are; nothing where there are none.

    An error stops the data from being used; a plan that was made all the same has left it out.
    """
    parts = [counted(numbers[s], noun) for s, noun in SEVERITIES.items() if numbers[s]]
    if not parts:
        return []
    about = f"{listed(parts)} about the input"
    if numbers[Severity.ERROR]:
        if planned:
            return [Sentence(Level.LOOK, f"{about}; what has errors is left out.")]
        return [Sentence(Level.STOP, f"{about}.")]
    level = Level.LOOK if numbers[Severity.WARNING] else Level.NOTE
    return [Sentence(level, f"{about}.")]
