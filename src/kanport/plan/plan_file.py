"""The plan as a file: canonical, bound by its digest, written whole or not at all."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from pydantic import ValidationError

from kanport.errors import UsageError
from kanport.files import ArtifactKind, cannot_read, made_for, read_file, write_file
from kanport.findings import Severity
from kanport.frames import uncollected
from kanport.plan.change import Change
from kanport.plan.change_text import ChangeTexts
from kanport.plan.model import FORMAT, Plan, PlanAccess, PlanPart, change_in_file

# A plan of a million changes has about this size; what is larger is not a plan, or never ends.
MAX_PLAN_BYTES = 512 * 1024 * 1024

_PLAIN = json.JSONEncoder(ensure_ascii=False)
_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
# What stands between two items of a list, if nowhere else.
_BETWEEN = "}, {"
_NEXT_LINE = ",\n    "
_AT_ONCE = 1000
_SURROGATE = re.compile("[\ud800-\udfff]")
# Plans do not change, so one whose digest was taken has it for good.
_SEALED: WeakValueDictionary[int, Plan] = WeakValueDictionary()
_LARGE = {"access", "changes", "people"}
_UNBOUND = frozenset({"created_at", "made_by", "digest"})


def plan_digest(plan: Plan) -> str:
    """Return the SHA-256, in hex, of a plan without its `created_at`, `made_by` and `digest`.

    It is taken over the JSON with sorted keys and no blanks, in UTF-8, so that neither the layout
    of the file nor the order of its keys matters.
    """
    known = _SEALED.get(id(plan)) is plan
    return plan.digest if known else _digest(_parts(plan))


def sealed(plan: Plan) -> Plan:
    """Return the plan with its digest, which is not taken again of this very plan."""
    plan = plan.model_copy(update={"digest": plan_digest(plan)})
    _SEALED[id(plan)] = plan
    return plan


@uncollected()
def dump_plan(plan: Plan) -> str:
    """Return the plan as the text of its file, with its digest: one line a change and a finding.

    Equal plans give equal text, so that two files can be compared with any tool.
    """
    return "".join(_lines(plan))


def without_wordings(plan: Plan) -> dict[str, Any]:
    """Return all that a plan says, but for how it is worded and what follows from that."""
    content = _parts(plan) | {"changes": list(map(change_in_file, plan.changes))}
    content.pop("digest", None)
    for part in ("changes", "findings", "guards", "withheld"):
        for each in content.get(part, ()):
            for why in (each, *each.get("because", ())):
                for wording in ("reason", "message", "hint"):
                    why.pop(wording, None)
    return content


def load_plan(path: Path) -> Plan:
    """Read a plan from its file.

    Raises:
        UsageError: it cannot be read, is not a plan, is of a version that this Kanport does not
            know, or was changed since it was made.
    """
    try:
        text = read_file(path, most=MAX_PLAN_BYTES).decode("utf-8")
    except OSError as problem:
        raise UsageError(
            cannot_read(path, problem, "plan"), hint="kanport plan MAPPING -o PLAN.json writes one"
        ) from problem
    except UnicodeDecodeError as problem:
        raise UsageError(
            f"{path} is not a plan: it is not UTF-8", hint="is it another kind of file?"
        ) from problem
    content = _parse(text, path)
    try:
        plan = Plan.model_validate(content)
    except ValidationError as problem:
        raise UsageError(
            f"{path} is not a valid plan",
            hint="make it again with kanport plan MAPPING -o PLAN.json",
            details=[
                f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
                for error in problem.errors(include_url=False, include_input=False)[:10]
            ],
        ) from problem
    if plan.digest != _digest(content):
        raise UsageError(
            f"the plan {path} was changed after it was made",
            hint="a plan is applied as it was shown, or not at all; make it again",
        )
    return plan


@uncollected()
def write_plan(path: Path, plan: Plan) -> None:
    """Write the plan to its file, for its owner alone (mode 0600).

    The file is there whole or not at all; see `kanport.files.write_file`.

    Raises:
        UsageError: it cannot be written.
    """
    write_file(
        path, (text.encode("utf-8") for text in _lines(plan)), secret=True, over=ArtifactKind.PLAN
    )


def plan_schema() -> dict[str, Any]:
    """Return the JSON Schema of the plan file (draft 2020-12)."""
    schema = Plan.model_json_schema(mode="validation")
    # The file repeats the severity of each code, for readers who do not have the catalogue.
    severities = [str(severity) for severity in Severity]
    schema["$defs"]["Finding"]["properties"]["severity"] = {"enum": severities}
    schema["$defs"]["Finding"]["properties"]["params"] = {"type": "object"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": f"Kanport plan ({FORMAT})",
    }


def _parts(plan: Plan) -> dict[str, Any]:
    """Return the parts of a plan as its file holds them, but for the changes, which are as is."""
    # These say themselves how the file holds them; half a million need no look at their types.
    content = plan.model_dump(mode="json", exclude_none=True, exclude=_LARGE)
    content["changes"] = plan.changes
    if plan.access is not None:
        content["access"] = list(map(_access, plan.access))
    content["people"] = list(map(_set, plan.people))
    return {name: content[name] for name in Plan.model_fields if name in content}


def _access(access: PlanAccess) -> dict[str, Any]:
    parts = _set(access)
    for name in ("moved", "basis", "givers"):
        if name in parts:
            parts[name] = [one.model_dump(mode="json", exclude_none=True) for one in parts[name]]
    return parts


def _set(part: PlanPart) -> dict[str, Any]:
    return {name: value for name, value in part.__dict__.items() if value is not None}


def _digest(content: dict[str, Any]) -> str:
    """Return the digest of `canonical` content, which may hold changes as they are."""
    digest, before = hashlib.sha256(), b"{"
    for key in sorted(content.keys() - _UNBOUND):
        value = content[key]
        digest.update(before + canonical(key) + b":")
        if isinstance(value, tuple):
            digest.update(b"[")
            for texts in _encoded(value, _CANONICAL, ","):
                digest.update(texts.encode("utf-8"))
            digest.update(b"]")
        else:
            digest.update(canonical(value))
        before = b","
    digest.update(b"}")
    return digest.hexdigest()


def canonical(content: Any) -> bytes:
    """Return JSON content as the bytes that digests are taken over: keys sorted, no blanks, UTF-8.

    >>> canonical({"b": 1, "a": "ö"}).decode()
    '{"a":"ö","b":1}'
    """
    return _encodable(_CANONICAL.encode(content)).encode("utf-8")


def _encodable(text: str) -> str:
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        # A server can send half a surrogate pair as an escape; UTF-8 has no bytes for it.
        return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
    return text


def _lines(plan: Plan) -> Iterator[str]:
    content = _parts(plan)
    content["digest"] = plan_digest(plan)
    yield "{\n"
    for number, (key, value) in enumerate(content.items(), start=1):
        yield f"  {json.dumps(key)}: "
        if isinstance(value, list | tuple) and value:
            yield "[\n    "
            own = isinstance(value, tuple)
            yield from _encoded(value, _PLAIN, _NEXT_LINE) if own else _one_a_line(value)
            yield "\n  ]"
        else:
            yield _encodable(_PLAIN.encode(value))
        yield "\n" if number == len(content) else ",\n"
    yield "}\n"


def _encoded(changes: Sequence[Change], encoder: json.JSONEncoder, between: str) -> Iterator[str]:
    """Yield changes as an encoder writes them, many at once."""
    texts = ChangeTexts(encoder)
    for first in range(0, len(changes), _AT_ONCE):
        if first:
            yield between
        yield _encodable(between.join(texts.of(changes[first : first + _AT_ONCE])))


def _one_a_line(items: Sequence[Any]) -> Iterator[str]:
    """Yield the items of a list, many at once; they are encoded so where the ends are clear.

    >>> "".join(_one_a_line([{"a": 1}, {"a": 2}]))
    '{"a": 1},\\n    {"a": 2}'
    """
    for first in range(0, len(items), _AT_ONCE):
        if first:
            yield _NEXT_LINE
        some = items[first : first + _AT_ONCE]
        text = _PLAIN.encode(some)
        dicts = all(isinstance(item, dict) for item in some)
        if dicts and text.count(_BETWEEN) == len(some) - 1:
            yield _encodable(text[1:-1].replace(_BETWEEN, "}" + _NEXT_LINE + "{"))
        else:
            yield _encodable(_NEXT_LINE.join(map(_PLAIN.encode, some)))


_NAME_A_PLAN = "name the plan that kanport plan MAPPING -o PLAN.json saved"


def _parse(text: str, path: Path) -> dict[str, Any]:
    if not text.strip():
        what = "journal" if path.suffix == ".jsonl" else "plan"
        raise UsageError(
            f"the {what} {path} is empty", hint="make the plan again with kanport plan"
        )
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as problem:
        cut_off = isinstance(problem, json.JSONDecodeError) and (
            problem.pos >= len(text.rstrip()) or problem.msg.startswith("Unterminated string")
        )
        line = f":{problem.lineno}" if isinstance(problem, json.JSONDecodeError) else ""
        # A journal holds a plan too; a damaged plan is none that can be applied.
        is_plan = '"kanport-plan/' in text and '"kanport-journal/' not in text
        again = "make it again with kanport plan MAPPING -o PLAN.json"
        if not is_plan and (other := made_for(path)) is not None:
            raise UsageError(f"{path} is not a plan", hint=other) from problem
        raise UsageError(
            f"{path}{line}: the plan is cut off" if cut_off else f"{path}{line}: this is not JSON",
            hint=again if is_plan else _NAME_A_PLAN,
        ) from problem
    form = content.get("format") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(form, str):
        raise UsageError(
            f"{path} is not a plan: it has no format", hint="a plan begins with its format"
        )
    if form != FORMAT:
        if not form.startswith("kanport-plan/"):
            raise UsageError(
                f"{path} is not a plan",
                hint=made_for(path) or _NAME_A_PLAN,
            )
        raise UsageError(
            f"{path} is of the format {form!r}, and this Kanport reads {FORMAT!r}",
            hint="make the plan again with this version of Kanport",
        )
    return content
