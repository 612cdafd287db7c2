"""The approval as a file, beside the plan or wherever it is wanted."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kanport.approval.model import FORMAT, Approval
from kanport.errors import UsageError
from kanport.files import Kind, read_file, write_file

_MAX_BYTES = 1024 * 1024


def write_approval(path: Path, approval: Approval) -> None:
    """Write an approval to its file; raises UsageError where it cannot be written."""
    content: dict[str, Any] = approval.model_dump(mode="json", exclude_none=True)
    write_file(
        path,
        json.dumps(content, ensure_ascii=False, indent=2) + "\n",
        mode=0o644,
        over=Kind.APPROVAL,
    )


def load_approval(path: Path) -> Approval:
    """Read an approval; whether it holds is another question (`refusals`).

    Raises UsageError where there is none, or where the file is something else.
    """
    try:
        content = json.loads(read_file(path, most=_MAX_BYTES).decode("utf-8"))
    except OSError as problem:
        raise UsageError(f"the approval {path} cannot be read: {problem.strerror}") from problem
    except (ValueError, RecursionError) as problem:
        raise UsageError(f"{path} is not an approval: it is not JSON") from problem
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UsageError(f"{path} is not an approval of the format {FORMAT!r}")
    try:
        return Approval.model_validate(content)
    except ValidationError as problem:
        raise UsageError(
            f"{path} is not a whole approval",
            details=[
                f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
                for error in problem.errors(include_url=False, include_input=False)[:10]
            ],
        ) from problem
