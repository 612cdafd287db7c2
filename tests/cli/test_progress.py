"""A run that is asked to stop ends after what is in flight, whoever asks."""

import os
import signal
from collections.abc import Iterator

import pytest

from kanport.cli.progress import stopping_politely


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    # Without the code under test, a lost terminal would end the tests.
    signal.signal(signal.SIGHUP, lambda *_: None)
    # Tests that run in the background may have found it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_asks_to_stop(number: signal.Signals) -> None:
    with stopping_politely() as asked:
        assert not asked.is_set()
        os.kill(os.getpid(), number)
        assert asked.is_set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_one_ends_at_once(number: signal.Signals) -> None:
    def twice() -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), number)

    with stopping_politely(), pytest.raises(KeyboardInterrupt):
        twice()


def test_a_lost_terminal_is_told_twice_and_still_ends_in_peace() -> None:
    with stopping_politely() as asked:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
        assert asked.is_set()


def test_what_nohup_ignores_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stopping_politely() as asked:
        os.kill(os.getpid(), signal.SIGHUP)
        assert not asked.is_set()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
