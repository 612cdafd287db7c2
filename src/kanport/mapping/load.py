"""Reading a mapping file: all that is wrong with it at once, each thing with its place."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import ValidationError

from kanport.errors import ConfigInvalid
from kanport.files import ArtifactKind, kind_of, made_for, read_file
from kanport.mapping.base import near
from kanport.mapping.mistakes import explain, with_mistakes
from kanport.mapping.spec import MappingFile
from kanport.mapping.yaml_file import (
    MAX_BYTES,
    KeyPath,
    LocatedDocument,
    Mistake,
    Spot,
    SyntaxProblem,
    decode,
    read_yaml,
)
from kanport.origin import Origin
from kanport.records import dataclass


@dataclass(frozen=True, slots=True)
class LoadedMapping:
    """A mapping with the file that it came from.

    `sha256` is that of the file. `place` gives the origin of a part of it, by the path of its keys
    and list positions, as in `("memberships", 0, "role")`: the line and column of the key.
    """

    spec: MappingFile
    path: Path
    sha256: str
    place: Callable[[KeyPath], Origin]


def load_mapping(path: Path) -> LoadedMapping:
    """Read and check a mapping file.

    Raises ConfigInvalid with everything that is wrong. Each of its details is one mistake of
    several lines: where and what, the line of the file, a caret below it, and what to do.
    """
    content = _read(path)
    text = ""
    try:
        text = decode(content)
        document = read_yaml(text)
    except SyntaxProblem as wrong:
        raise with_mistakes(path, text, [wrong.mistake]) from wrong
    if isinstance(document.data, dict) and "format" in document.data:
        raise ConfigInvalid(f"{path} is not a mapping", hint=made_for(path))
    if not isinstance(document.data, dict):
        raise with_mistakes(path, text, [_not_a_table(document)])
    spec, mistakes = _validate(document)
    if spec is None or mistakes:
        raise with_mistakes(path, text, mistakes)

    def place(steps: KeyPath) -> Origin:
        spot = document.key(steps)
        return Origin(file=str(path), row=spot.line, position=spot.column)

    return LoadedMapping(spec, path, hashlib.sha256(content).hexdigest(), place)


def _read(path: Path) -> bytes:
    try:
        return read_file(path, most=MAX_BYTES + 1)
    except FileNotFoundError as wrong:
        raise ConfigInvalid(f"there is no mapping {path}", hint=_similar(path)) from wrong
    except IsADirectoryError as wrong:
        raise ConfigInvalid(f"{path} is a folder, not a mapping file") from wrong
    except (OSError, ValueError) as wrong:
        # A path with a null byte is a ValueError.
        why = wrong.strerror if isinstance(wrong, OSError) else "the path is not valid"
        raise ConfigInvalid(f"the mapping {path} cannot be read: {why}") from wrong


def _similar(path: Path) -> str | None:
    if path.name == "-":
        return "a mapping cannot be read from stdin; name a file"
    folder = path.parent
    try:
        if not folder.is_dir():
            return f"there is no folder {folder} either"
        files = sorted(file for ending in ("*.yaml", "*.yml") for file in folder.glob(ending))
        there = [str(file) for file in files if kind_of(file) is ArtifactKind.MAPPING]
    except OSError:
        return None
    if not there:
        return None
    of_stem = {Path(name).stem: name for name in there}
    if close := near(path.stem, of_stem):
        return f"did you mean {of_stem[close]}?"
    more = f" and {len(there) - 5} more" if len(there) > 5 else ""
    return f"mappings in this folder: {', '.join(there[:5])}{more}"


def _not_a_table(document: LocatedDocument) -> Mistake:
    hint = "a mapping begins with the line kanport: 1"
    if document.data is None:
        return Mistake(Spot(1, 1), "the file is empty", hint)
    return Mistake(document.value(()), "a mapping is a table of keys and values", hint)


def _validate(document: LocatedDocument) -> tuple[MappingFile | None, list[Mistake]]:
    mistakes = [*document.mistakes, *_nothing_given(document)]
    told = {mistake.spot for mistake in mistakes}
    try:
        # Only the spelling of the file counts: `from`, never `from_`.
        return MappingFile.model_validate(document.data, by_alias=True, by_name=False), mistakes
    except ValidationError as wrong:
        # An empty value is already a mistake; do not report its type as well.
        mistakes += [found for found in explain(wrong, document) if found.spot not in told]
    return None, mistakes


def _nothing_given(document: LocatedDocument) -> Iterator[Mistake]:
    for path in sorted(document.empty, key=str):
        if path[-2:-1] == ("template",):
            # {First} without quotes is a table with the one key First.
            hint = f'put it in quotes: "{{{path[-1]}}}"'
            yield Mistake(document.value(path[:-1]), "template must be text", hint)
            continue
        hint = "leave it out, or say what it is to be"
        if path and ":" in str(path[-1]):
            hint = "add a space after the colon"
        name = path[-1] if path and isinstance(path[-1], str) else "this"
        yield Mistake(document.key(path), f"{name} has no value", hint)
