"""What decides by wordings is found, and nothing else is."""

import pytest

from tests.house.texts import read_in


@pytest.mark.parametrize(
    "line",
    [
        'run.stopped == "the journal"',
        '"the journal" != str(run.stopped)',
        '"SQL" in answer.message',
        "names & {finding.message} or finding.message in names",
        '(run.stopped or "").startswith("the journal")',
        'finding.message.lower().endswith("x")',
        "re.search(pattern, finding.message)",
        "pattern.sub('', problem.hint)",
        "outcome.reason[:4]",
        "held.message.replace('planned', 'fewer')",
        "verdict.actual.partition(':')",
    ],
)
def test_code_that_reads_a_wording_is_found(line: str) -> None:
    assert list(read_in(line))


def test_a_match_on_a_wording_is_found() -> None:
    assert list(read_in("match outcome.reason:\n    case 'x':\n        pass"))


@pytest.mark.parametrize(
    "line",
    [
        "finding.hint is None",
        "run.stopped is not None",
        "print(finding.message)",
        "f'{finding.message}: {finding.hint}'",
        "run.stopped.code == 'cut-off'",
        "finding.code in UNCLEAR",
        "messages.append(finding.message)",
    ],
)
def test_code_that_shows_a_wording_or_asks_for_its_code_is_not(line: str) -> None:
    assert not list(read_in(line))
