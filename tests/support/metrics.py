"""Reading the text format of Prometheus, as strictly as its collector does."""

import re

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"'
_SAMPLE = re.compile(rf"({_NAME})\{{((?:{_LABEL})(?:,{_LABEL})*)\}} (\S+)")


def read_metrics(text: str) -> dict[tuple[str, ...], float]:
    """Give each sample by its name and its labels in turn; AssertionError for what is no metric."""
    assert text.endswith("\n")
    helped: list[str] = []
    typed: list[str] = []
    samples: dict[tuple[str, ...], float] = {}
    for line in text.removesuffix("\n").split("\n"):
        if found := re.fullmatch(rf"# HELP ({_NAME}) (.+)", line):
            helped.append(found[1])
        elif found := re.fullmatch(rf"# TYPE ({_NAME}) gauge", line):
            typed.append(found[1])
        else:
            found = _SAMPLE.fullmatch(line)
            assert found, line
            assert found[1] == helped[-1] == typed[-1], line
            labels = re.findall(_LABEL, found[2])
            assert len({name for name, _ in labels}) == len(labels), line
            key = (found[1], *(_plain(value) for _, value in labels))
            assert key not in samples, line
            samples[key] = float(found[_SAMPLE.groups])
    assert helped == typed
    assert len(set(helped)) == len(helped)
    return samples


def _plain(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], value)
