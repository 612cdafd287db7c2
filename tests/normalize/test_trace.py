"""The steps that are explained are the steps that are taken."""

from hypothesis import given
from hypothesis import strategies as st

from kanport.facts import fact
from kanport.mapping.rules import ListRule, Rule
from kanport.normalize.compiled import CompiledRule, Context, compile_rule
from kanport.normalize.notes import Notes
from kanport.normalize.rows import read_one, read_several
from kanport.normalize.rules import State
from kanport.normalize.trace import result, trace
from kanport.origin import Origin
from kanport.rules import username_problem
from kanport.table import Odd, Row

CONTEXT = Context("staff", clear="<clear>")
transforms = st.lists(
    st.sampled_from(
        ["trim", "lower", "upper", "ascii", {"before": "@"}, {"prefix": "x-"}, {"zero_pad": 4}]
    ),
    max_size=3,
)
patterns = st.sampled_from([None, "^(?P<value>[a-z]+)", "x", "^cn=(?P<value>[^,]+),"])
values = st.sampled_from([None, {"RW": "member", "": "nobody", "ro": "viewer"}, {"x": ""}])
cells = st.sampled_from(
    ["", "ada", " Ada ", "RW", "rw ", "cn=eng,ou=x", "ada@x.org", "<clear>", "a\nb", "Jo\u0308rg"]
) | st.text(max_size=8)


def _bound(rule: Rule | None, *, secret: bool = False) -> CompiledRule:
    context = CONTEXT._replace(secret=frozenset({"C"} if secret else ()))
    assert rule is not None
    bound = compile_rule(rule, "username", context, check=username_problem, clearable=True)
    assert bound is not None
    return bound


def _row(cell: str | tuple[str, ...]) -> Row:
    return Row(Origin("staff", file="staff.csv", row=2), {"C": cell})


def _rule(parts: dict[str, object], *, several: bool = False) -> Rule:
    given = {key: part for key, part in parts.items() if part is not None}
    kind = ListRule if several else Rule
    return kind.model_validate({"from": "C", **given})


@given(transforms, patterns, values, st.sampled_from([None, "guest"]), cells)
def test_a_trace_ends_with_the_very_value_that_is_used(
    steps: object, match: object, table: object, default: object, cell: str
) -> None:
    rule = _bound(_rule({"transform": steps, "match": match, "values": table, "default": default}))
    row = _row(cell)
    traced = trace(rule, row)
    assert traced.values == (read_one(rule, row, Notes()),)
    final = result(traced)
    if final is not None:
        (thread,) = traced.threads
        assert (thread.steps[-1].text if thread.steps else thread.start) == final


@given(transforms, cells, cells)
def test_so_do_the_traces_of_several_values(steps: object, one: str, other: str) -> None:
    rule = _bound(_rule({"transform": steps, "split": ";"}, several=True))
    row = _row(f"{one};{other}")
    traced = trace(rule, row, several=True)
    assert list(traced.values) == read_several(rule, row, Notes())
    ends = {thread.steps[-1].text if thread.steps else thread.start for thread in traced.threads}
    used = {value.text for value in traced.values if value.state is State.GIVEN}
    assert used <= ends


def test_the_steps_are_named_as_the_mapping_names_them() -> None:
    rule = _bound(
        _rule(
            {
                "transform": ["trim", "lower", {"before": "@"}],
                "match": "^(?P<value>[a-z]+)",
                "values": {"ada": "countess"},
            }
        )
    )
    (thread,) = trace(rule, _row(" Ada1@x.org ")).threads
    assert [(step.name, step.text) for step in thread.steps] == [
        ("trim", "Ada1@x.org"),
        ("lower", "ada1@x.org"),
        ("before '@'", "ada1"),
        ("match ^(?P<value>[a-z]+)", "ada"),
        ("values", "countess"),
    ]


def test_a_secret_is_in_no_trace() -> None:
    rule = _bound(_rule({"transform": ["lower"]}), secret=True)
    traced = trace(rule, _row("Hunter2"))
    assert "unter2" not in repr(traced)


def test_an_odd_cell_is_told_with_its_finding() -> None:
    row = Row(
        Origin("staff", file="staff.csv", row=2),
        {"C": "#N/A"},
        odd={"C": Odd(fact("cell-error", error="#N/A"), "#N/A")},
    )
    traced = trace(_bound(_rule({})), row)
    assert [value.state for value in traced.values] == [State.BAD]
    assert [finding.code for finding in traced.findings] == ["cell-error"]
