"""The files for monitoring that a run writes as it ends."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from kanport.cli.output import Output
from kanport.ending import Ending
from kanport.errors import Exit, KanportError
from kanport.events import tell
from kanport.files import check_target
from kanport.monitoring import last_success_in, write_metrics, write_status
from kanport.notice import Delivery

logger = logging.getLogger(__name__)


class StatusFiles:
    """The files for monitoring; neither where none is wanted."""

    def __init__(self, status: Path | None, metrics: Path | None) -> None:
        self._status, self._metrics = status, metrics
        self._refused: set[Path] = set()

    def check(self, inputs: Iterable[Path]) -> None:
        """Raise UsageError where one of them could not be written in the end.

        `inputs` are files that the run reads and that are not to be written over.
        """
        for path in (self._status, self._metrics):
            if path is not None:
                try:
                    check_target(path, inputs=inputs, regular=True)
                except KanportError:
                    self._refused.add(path)
                    raise

    def write(self, ending: Ending, deliveries: list[Delivery], output: Output) -> Ending:
        """Write both; gives the ending, a partial one where that did not go well."""
        told = all(delivery.problem is None for delivery in deliveries)
        good: str | None = None
        if self._status is not None and self._status not in self._refused:
            good = last_success_in(self._status, ending.mapping_path)
            notices = [delivery.to_dict() for delivery in deliveries]
            try:
                write_status(self._status, ending, notices)
                tell(logger, "status.written", path=str(self._status))
            except KanportError as problem:
                ending = self._failed(self._status, problem, ending, output)
        if self._metrics is not None and self._metrics not in self._refused:
            try:
                write_metrics(self._metrics, ending, last_success=good, told=told)
                tell(logger, "status.written", path=str(self._metrics))
            except KanportError as problem:
                ending = self._failed(self._metrics, problem, ending, output)
        return ending

    def _failed(self, path: Path, problem: KanportError, ending: Ending, output: Output) -> Ending:
        tell(logger, "status.failed", problem.message, level=logging.WARNING, path=str(path))
        if path not in self._refused:
            self._refused.add(path)
            output.warn(problem.message)
        if not ending.succeeded:
            return ending
        return replace(ending, exit_code=int(Exit.PARTIAL), message=problem.message)
