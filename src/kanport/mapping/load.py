"""Reading a mapping file: all that is wrong with it at once, each thing with its place."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML

from kanport.errors import ConfigInvalid
from kanport.mapping.spec import MappingFile
from kanport.origin import Origin


@dataclass(frozen=True, slots=True)
class LoadedMapping:
    """A mapping with the file that it came from; `place` gives the origin of a part of it."""

    spec: MappingFile
    path: Path
    sha256: str
    place: Callable[[tuple[str | int, ...]], Origin]


def load_mapping(path: Path) -> LoadedMapping:
    """Read and check a mapping file; raises ConfigInvalid with everything that is wrong."""
    content = path.read_bytes()
    data = YAML(typ="safe", pure=True).load(content.decode("utf-8-sig"))
    try:
        spec = MappingFile.model_validate(data, by_alias=True, by_name=False)
    except ValidationError as wrong:
        raise ConfigInvalid("the mapping is invalid", details=str(wrong).splitlines()) from wrong
    sha256 = hashlib.sha256(content).hexdigest()
    return LoadedMapping(spec, path, sha256, lambda where: Origin(file=str(path)))
