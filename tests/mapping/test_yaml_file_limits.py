"""At its exact limit a YAML document is read, and with one more of the same it is refused."""

import pytest

from kanport.mapping.yaml_file import MAX_BYTES, MAX_DEPTH, SyntaxProblem, decode, read_yaml


def test_a_mapping_may_have_so_many_bytes() -> None:
    assert len(decode(b"#" * MAX_BYTES)) == MAX_BYTES
    with pytest.raises(SyntaxProblem):
        decode(b"#" * (MAX_BYTES + 1))
    # Bytes are counted, not characters.
    with pytest.raises(SyntaxProblem):
        decode("ä".encode() * (MAX_BYTES // 2) + b"#")


def test_a_document_may_have_so_many_values() -> None:
    # The table, the list, and its three items; a key is no value.
    text = "a: [1, 2, 3]\n"
    assert read_yaml(text, most=5).data == {"a": [1, 2, 3]}
    with pytest.raises(SyntaxProblem):
        read_yaml(text, most=4)


def test_each_use_of_an_alias_counts() -> None:
    text = "a: &x [1, 2]\nb: *x\nc: *x\n"
    assert read_yaml(text, most=10).data["c"] == [1, 2]
    with pytest.raises(SyntaxProblem):
        read_yaml(text, most=9)


@pytest.mark.parametrize("begin", ["[", "{a: "])
def test_tables_and_lists_may_stand_in_one_another_so_deeply(begin: str) -> None:
    end = "]" if begin == "[" else "}"
    for depth in (1, MAX_DEPTH):
        assert read_yaml(begin * depth + "1" + end * depth).data
    with pytest.raises(SyntaxProblem):
        read_yaml(begin * (MAX_DEPTH + 1) + "1" + end * (MAX_DEPTH + 1))
