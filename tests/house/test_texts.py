"""What decides by wordings is found, and nothing else is."""

import pytest

from tests.house.texts import MAY_LOOK, SOURCE, looks_in

# One way each to decide by words: directly, by a name, a text made of them, a key, a pattern.
LOOKING = [
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
    "match outcome.reason:\n    case 'x':\n        pass",
    'hint = problem.hint\nif "YAML" in hint: pass',
    'if run.stopped.text == "x": pass',
    'if f"{run.stopped}".startswith("x"): pass',
    'if str(error).startswith("x"): pass',
    'if error.args[0] == "x": pass',
    'if problem.why.text in ("a",): pass',
    'if fact.text.startswith("the journal"): pass',
    "TABLE[outcome.reason]",
    "TABLE.get(finding.message)",
    "TABLE.get(str(problem))",
    '"".join(problem.details).startswith("x")',
    'any("SQL" in d for d in problem.details)',
    'd["message"].startswith("x")',
    "len(finding.message) > 5",
    'operator.contains(finding.message,"SQL")',
    'finding.message.__contains__("x")',
    'getattr(finding,"message") == "x"',
    'match finding:\n    case Finding(message="x"): pass',
    "sorted(f, key=lambda x: x.message)",
    '{o.reason for o in x} & {"a"}',
    "dict.fromkeys(o.reason for o in x)",
    're.compile("a").split(finding.message)',
    'fnmatch.fnmatch(finding.message,"*x*")',
    "finding.message.isupper()",
    'if "SQL" in (finding.message or ""): pass',
    'if "SQL" in finding.message + " ": pass',
    'if "x" in f"{finding.message}": pass',
    'if verdict.instead == "x": pass',
    "Counter(o.reason for o in xs).most_common()",
    'groupby(xs, key=attrgetter("reason"))',
    "found.setdefault(outcome.reason, []).append(1)",
    "reasons[outcome.reason].append(1)",
    'problem.hint.split("YAML")[0]',
    'str(fact("x")) == str(y)',
    'finding.fact.text == "x"',
    'def told(problem):\n    return str(problem)\nif "SQL" in told(answer): pass',
    'def is_sql(text):\n    return "SQL" in text\nis_sql(answer.message)',
    "class A:\n def f(self):\n  self.x = str(error)\n def g(self):\n  return self.x == 'x'",
    "for place, words in [(f.origin, f.message) for f in found]:\n    words.split()",
    'if (words := finding.message) and words < "b": pass',
    'try:\n    pass\nexcept ValueError as bad:\n    if "x" in str(bad): pass',
    'def f(one: Fact):\n    return one.text == "x"',
    'words = ""\nwords += finding.hint\nwords.find("x")',
    'match finding:\n    case Finding(message=words):\n        words == "x"',
    'match parts:\n    case {"message": "x"}:\n        pass',
    'match (finding.code, finding.message):\n    case ("a", "b"):\n        pass',
    "{finding.message: 1}",
    "{f.message: f for f in found}",
    "{f.message for f in found}",
    'parts.get("reason") == "x"',
    "sorted(finding.message for finding in found)",
    "max(map(str, [problem]), key=len)",
    '(finding.message if finding else "") == "x"',
    '"{}".format(finding.message) == "x"',
    "found.index(finding.message)",
]
# What shows words, passes them on, or asks for something else.
NOT_LOOKING = [
    "finding.hint is None",
    "run.stopped is not None",
    "print(finding.message)",
    "f'{finding.message}: {finding.hint}'",
    "run.stopped.code == 'cut-off'",
    "finding.code in UNCLEAR",
    "messages.append(finding.message)",
    "why['username'] == 'x'",
    "run.stopped == wanted",
    "replace(finding, message=why.text, hint=why.hint)",
    "{'message': finding.message}",
    "value.text == 'x'",
    "project.name.startswith('x')",
    "str(path).startswith('x')",
    "lines = [*problem.details, problem.message]",
    "match finding:\n    case Finding(message=words):\n        print(words)",
    "TABLE.get(code, problem.hint)",
    "sorted(found, key=lambda one: one.code)",
    "try:\n    pass\nexcept OSError as problem:\n    if problem.errno == 2: print(problem)",
]


@pytest.mark.parametrize("code", LOOKING)
def test_code_that_looks_at_words_is_found(code: str) -> None:
    assert looks_in(code)


@pytest.mark.parametrize("code", NOT_LOOKING)
def test_code_that_shows_words_or_asks_for_a_code_is_not(code: str) -> None:
    assert looks_in(code) == []


def test_every_exemption_names_a_place_that_exists_and_says_why() -> None:
    for place, why in MAY_LOOK.items():
        path, _, function = place.partition(":")
        assert why
        assert f"def {function}" in (SOURCE / path).read_text(encoding="utf-8")
