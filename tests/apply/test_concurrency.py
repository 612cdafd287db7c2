"""How many changes go into a request, and how they are spread over connections."""

from kanport.apply.concurrency import (
    FIRST_CONNECTIONS,
    SHORTEST,
    SMALLEST_SHARE,
    WINDOW,
    AdaptiveBatchSize,
    ConcurrencyLimit,
    WorkQueue,
)
from tests.support.changes import grant


def queue(amount: int, workers: int) -> WorkQueue:
    return WorkQueue([grant(at, f"u{at}", 1) for at in range(amount)], workers=workers)


def sizes(work: WorkQueue, size: int, *, least: int | None = None, workers: int = 3) -> list[int]:
    taken = []
    while (batch := work.take(size, least=least, workers=workers)) is not None:
        taken.append(len(batch.changes))
    return taken


def test_a_thousand_changes_keep_three_connections_busy_equally_long() -> None:
    assert sizes(queue(1000, 3), 350) == [334, 334, 332]


def test_a_few_changes_are_not_torn_into_many_requests() -> None:
    assert sizes(queue(60, 3), 350) == [SMALLEST_SHARE, 60 - SMALLEST_SHARE]


def test_costly_calls_are_shared_so_that_all_connections_end_together() -> None:
    assert sizes(queue(30, 3), 9, least=1) == [9, 7, 5, 3, 2, 2, 1, 1]


def test_a_batch_at_the_end_is_still_worth_its_request() -> None:
    assert sizes(queue(500, 3), 100, least=80) == [100, 100, 100, 80, 80, 40]


def test_what_is_worth_a_request_shows_with_the_first_answer() -> None:
    pace = AdaptiveBatchSize(5, 500)
    assert pace.least is None
    pace.learn(5, 0.5)
    assert pace.least == 10 * SHORTEST


def test_a_size_that_somebody_chose_stays() -> None:
    pace = AdaptiveBatchSize(5, 40, fixed=True)
    pace.learn(40, 20.0)
    assert (pace.size, pace.least) == (40, None)


def test_connections_are_added_only_where_fewer_are_allowed_than_there_may_be() -> None:
    now = [0.0]
    for most, allowed in ((FIRST_CONNECTIONS, FIRST_CONNECTIONS), (8, FIRST_CONNECTIONS + 1)):
        limit = ConcurrencyLimit(most, clock=lambda: now[0])
        with limit:
            now[0] += WINDOW
            limit.done(100)
        assert limit.allowed == allowed
