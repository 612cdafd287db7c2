"""What a mapping and its sources ask for."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from kanport.checks import accept, check
from kanport.errors import ConfigInvalid, Exit, SourceInvalid, Unreachable
from kanport.findings import Finding, errors_in, in_order
from kanport.mapping import LoadedMapping, load_mapping
from kanport.mapping.sources import FILE_TYPES, FileSource
from kanport.model import DesiredState
from kanport.network import LONGEST_EXCHANGE
from kanport.normalize import columns_used, normalize, secret_columns
from kanport.normalize.columns import columns_with_meaning, refuse_missing
from kanport.pipeline.state_dir import ledger_of_mapping, utc_now
from kanport.plan.model import Plan, PlanDirectory, PlanFile, PlanMapping, PlanRows, PlanSource
from kanport.plan.rows_read import rows_of_file, rows_read
from kanport.records import dataclass
from kanport.sources import SourceContext, read_source
from kanport.sources.file import files_of
from kanport.table import Table, entry_key


@dataclass(frozen=True, slots=True)
class Inputs:
    """The mapping, the rows of its sources, and what the two together ask for.

    `ledger` is where the ledger of the mapping lies, if it keeps one.
    """

    mapping: LoadedMapping
    tables: Mapping[str, Table]
    desired: DesiredState
    findings: tuple[Finding, ...]
    ledger: Path | None = None

    @property
    def mapping_ref(self) -> PlanMapping:
        """The mapping as a plan names it."""
        spec = self.mapping.spec
        return PlanMapping(
            path=str(self.mapping.path),
            name=spec.name,
            sha256=self.mapping.sha256,
            ledger=spec.ledger if spec.ledger is not None else self._ledger_ref,
        )

    @property
    def source_refs(self) -> tuple[PlanSource, ...]:
        """The sources as a plan names them."""
        return tuple(
            PlanSource(
                name=name,
                type=table.kind,
                path=table.path,
                sha256=table.sha256,
                size=table.size,
                rows=len(table.rows),
                columns=table.filled,
                modified_at=table.modified_at or None,
                read=_rows_of(table),
                files=tuple(PlanFile(**file._asdict()) for file in table.files) or None,
                directory=_plan_directory(table, columns_with_meaning(self.mapping.spec, name)),
            )
            for name, table in sorted(self.tables.items())
        )

    @property
    def _ledger_ref(self) -> str | None:
        """The default ledger as a plan names it: relative to the mapping where it lies beside it.

        So the plan stays valid where the two are moved together.
        """
        if self.ledger is None:
            return None
        beside = self.ledger.parent == self.mapping.path.parent
        return self.ledger.name if beside else str(self.ledger)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that were read: the mapping, what it names, and the ledger if there is one."""
        return _files_of(self.mapping, self.ledger)

    @property
    def aborts(self) -> bool:
        """Whether invalid rows stop everything, as the mapping wants it by default."""
        return self.mapping.spec.invalid_rows == "abort"

    @property
    def exit_code(self) -> Exit:
        """The exit code that errors in the source data lead to."""
        if not any(errors_in(self.findings)):
            return Exit.OK
        return Exit.SOURCE if self.aborts else Exit.PARTIAL


def _rows_of(table: Table) -> tuple[PlanRows, ...]:
    if table.origins:
        return rows_read(table.origins)
    return rows_of_file(table.origin, table.numbers.tolist())


def files_named(mapping_path: Path) -> tuple[Path, ...]:
    """Return the files of a mapping as far as it can be read: itself, its sources, its ledger."""
    try:
        mapping = load_mapping(mapping_path)
        return _files_of(mapping, ledger_of_mapping(mapping.spec, mapping_path, None))
    except ConfigInvalid:
        return (mapping_path,)


def files_of_plan(plan: Plan) -> tuple[Path, ...]:
    """Return the files that a plan was made from: its mapping, its sources and its ledger.

    They are seen from where the plan was made; what is not there does no harm.
    """
    folder = Path(plan.mapping.path).parent
    read = [source for source in plan.sources if source.type in FILE_TYPES]
    files = [source.path for source in read]
    files += [file.path for source in read for file in source.files or ()]
    files += [plan.mapping.ledger] if plan.mapping.ledger is not None else []
    return (Path(plan.mapping.path), *(folder / file for file in files))


def _files_of(mapping: LoadedMapping, ledger: Path | None) -> tuple[Path, ...]:
    names = [
        getattr(source, key, None)
        for source in mapping.spec.sources.values()
        for key in ("path", "ca_file", "client_cert", "client_key")
    ]
    for name, source in mapping.spec.sources.items():
        if isinstance(source, FileSource) and source.files is not None:
            with suppress(Unreachable):
                names += files_of(name, source, mapping.path.parent)
    names += [
        secret.file
        for source in mapping.spec.sources.values()
        for key in ("bind_password", "token")
        if (secret := getattr(source, key, None)) is not None
    ]
    read = [mapping.path.parent / name for name in names if name is not None]
    return (mapping.path, *read, *([ledger] if ledger is not None else []))


def read_inputs(
    mapping_path: Path,
    *,
    request_timeout: float = LONGEST_EXCHANGE,
    state: Path | None = None,
    now: Callable[[], str] = utc_now,
) -> Inputs:
    """Read a mapping and all its sources, and find out what they ask for.

    `request_timeout` is how many seconds one exchange with a directory or a server may take in all.
    `state` is the state folder, in which the ledger may lie (`kanport.pipeline.state_dir`). `now`
    decides which findings the mapping still accepts.
    Raises ConfigInvalid for the mapping, Unreachable for a source that cannot be read at all, and
    SourceInvalid, with the findings of all sources, for sources whose form is broken. Invalid rows
    raise nothing: they are in `findings`.
    """
    mapping = load_mapping(mapping_path)
    return inputs_of(mapping, read_tables(mapping, request_timeout=request_timeout), state, now)


def inputs_of(
    mapping: LoadedMapping,
    tables: Mapping[str, Table],
    state: Path | None = None,
    now: Callable[[], str] = utc_now,
) -> Inputs:
    """Return what a mapping and the rows of its sources ask for."""
    normalized = normalize(mapping, tables)
    found_by_all = (
        *(finding for table in tables.values() for finding in table.findings),
        *normalized.findings,
        *check(normalized.desired, mapping.spec),
    )
    findings = accept(found_by_all, mapping.spec, now())
    ledger = ledger_of_mapping(mapping.spec, mapping.path, state)
    return Inputs(mapping, tables, normalized.desired, tuple(findings), ledger)


def _plan_directory(table: Table, meaning: frozenset[str]) -> PlanDirectory | None:
    facts = table.directory
    if facts is None:
        return None
    had: dict[str, frozenset[str]] = dict(facts.holders)
    if not facts.proves:
        for column in sorted(meaning & set(table.columns)):
            had[column] = frozenset(
                entry_key(row) for row in table.rows if row.values.get(column) or column in row.odd
            )
    return PlanDirectory(
        asked=tuple(sorted(facts.asked)),
        seen=tuple(sorted(facts.seen)),
        proven=tuple(sorted(facts.proven)),
        referrals=tuple(sorted(facts.referrals)),
        server=facts.server,
        first=facts.servers[0] if facts.servers else "",
        marks=dict(sorted(facts.marks.items())),
        newest=facts.newest,
        older=facts.older,
        had={name: tuple(sorted(keys)) for name, keys in sorted(had.items())},
        sure=facts.sure,
    )


def read_tables(
    mapping: LoadedMapping, *, request_timeout: float = LONGEST_EXCHANGE
) -> dict[str, Table]:
    """Read all sources of a mapping, whatever is the matter with one; raises as `read_inputs`."""
    used, secret = columns_used(mapping.spec), secret_columns(mapping.spec)
    tables: dict[str, Table] = {}
    broken: list[SourceInvalid] = []
    unread: list[Unreachable] = []
    servers: dict[str, Any] = {}
    for name, spec in mapping.spec.sources.items():
        try:
            context = SourceContext(
                mapping.path.parent,
                secret.get(name, frozenset()),
                used.get(name),
                servers=servers,
                request_timeout=request_timeout,
            )
            tables[name] = read_source(name, spec, context)
        except SourceInvalid as problem:
            broken.append(problem)
        except Unreachable as problem:
            unread.append(problem)
    if unread or broken:
        try:
            refuse_missing(mapping, tables)
        except SourceInvalid as problem:
            broken.append(problem)
    if unread:
        raise _unread(unread, broken)
    if broken:
        raise _broken(broken)
    return tables


def _broken(problems: Sequence[SourceInvalid]) -> SourceInvalid:
    if len(problems) == 1:
        return problems[0]
    findings = [finding for problem in problems for finding in problem.findings]
    sources = {finding.origin.source for finding in findings if finding.origin is not None}
    return SourceInvalid(f"{len(sources)} sources cannot be used", findings=in_order(findings))


def _unread(problems: Sequence[Unreachable], broken: Sequence[SourceInvalid]) -> Unreachable:
    findings = in_order(finding for problem in broken for finding in problem.findings)
    if len(problems) == 1:
        (problem,) = problems
        if not findings:
            return problem
        return Unreachable(
            problem.message, hint=problem.hint, details=problem.details, findings=findings
        )
    details: list[str] = []
    for problem in problems:
        details += [problem.message, *(f"  {detail}" for detail in problem.details)]
        details += [f"  hint: {problem.hint}"] if problem.hint else []
    return Unreachable(
        f"{len(problems)} sources cannot be read", details=details, findings=findings
    )
