"""Where the ledger of a mapping lies: the same file for every command."""

import hashlib
import os
import re
from pathlib import Path

from kanport.errors import UsageError
from kanport.mapping import load_mapping
from kanport.mapping.spec import MappingFile
from kanport.pipeline.keeping import state_folder


def ledger_of_mapping(spec: MappingFile, mapping_path: Path, state: Path | None) -> Path | None:
    """Return where the ledger of a mapping lies; None where it keeps none.

    The mapping may name it. Otherwise it lies beside the mapping (`nightly.yaml.ledger`), or, where
    the user who runs Kanport cannot write there, in the state folder (`state`, else that of the
    user). A ledger that exists wins over one that would have to be made, so that several users of
    one mapping find the same. Touches nothing.
    """
    if spec.ledger is not None:
        return mapping_path.parent / spec.ledger
    if not spec.keeps_ledger:
        return None
    beside = mapping_path.with_name(f"{mapping_path.name}.ledger")
    if beside.exists():
        return beside
    try:
        fallback = state_folder(state) / "ledgers" / _name_in_state(mapping_path)
    except UsageError:
        # A user without a home has no state folder; what writes says so when it needs one.
        return beside
    if fallback.exists():
        return fallback.absolute()
    return beside if os.access(beside.parent, os.W_OK | os.X_OK) else fallback.absolute()


def ledger_beside(mapping_path: Path, state: Path | None = None) -> Path | None:
    """Return where the ledger of the mapping in this file lies, as `ledger_of_mapping`.

    Raises ConfigInvalid for a mapping that is invalid.
    """
    return ledger_of_mapping(load_mapping(mapping_path).spec, mapping_path, state)


def _name_in_state(mapping_path: Path) -> str:
    # Symbolic links stay as they are: a mounted configuration may lead elsewhere after each update.
    place = os.path.abspath(mapping_path)  # noqa: PTH100
    name = re.sub(r"[^\w.-]+", "-", mapping_path.name)
    return f"{name}-{hashlib.sha256(os.fsencode(place)).hexdigest()[:12]}.ledger"
