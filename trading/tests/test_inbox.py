"""The inbox of the engine thread: bounded, cancels first, nobody starved, woken by commands and by the database."""

import os
import sys
import threading

import pytest

from trading.inbox import Inbox, Overloaded


def filled(urgent: int, others: int, limit: int = 1000) -> Inbox[str]:
    inbox: Inbox[str] = Inbox(limit)
    for number in range(others):
        inbox.put(f"order {number}", urgent=False)
    for number in range(urgent):
        inbox.put(f"cancel {number}", urgent=True)
    return inbox


def test_everything_leaves_in_the_order_of_its_kind() -> None:
    inbox = filled(urgent=2, others=3)
    assert inbox.take(10) == ["cancel 0", "cancel 1", "order 0", "order 1", "order 2"]
    assert len(inbox) == 0 and inbox.take(10) == []


def test_cancels_go_before_orders_that_came_earlier() -> None:
    assert filled(urgent=2, others=100).take(4) == ["cancel 0", "cancel 1", "order 0", "order 1"]


def test_cancels_never_starve_the_orders() -> None:
    assert filled(urgent=100, others=100).take(4) == ["cancel 0", "cancel 1", "order 0", "order 1"]
    assert filled(urgent=100, others=1).take(4) == ["cancel 0", "cancel 1", "cancel 2", "order 0"]


def test_a_full_inbox_refuses_orders_and_still_takes_cancels() -> None:
    inbox = filled(urgent=0, others=5, limit=5)
    with pytest.raises(Overloaded):
        inbox.put("order", urgent=False)
    inbox.put("cancel", urgent=True)
    assert len(inbox) == 6


def test_what_is_exempt_has_a_bound_of_twice_as_many() -> None:
    inbox = filled(urgent=0, others=5, limit=5)
    for _ in range(5):
        inbox.put("cancel all", urgent=False, exempt=True)
    with pytest.raises(Overloaded):
        inbox.put("cancel all", urgent=False, exempt=True)
    assert inbox.waiting() == (*(f"order {number}" for number in range(5)), *["cancel all"] * 5)


def test_cancels_have_a_bound_too() -> None:
    inbox = filled(urgent=5, others=0, limit=5)
    with pytest.raises(Overloaded):
        inbox.put("cancel", urgent=True)


def test_what_is_there_already_is_not_waited_for() -> None:
    waiting = threading.Thread(target=filled(urgent=0, others=1).wait, args=(600.0,), daemon=True)
    waiting.start()
    waiting.join(60)
    assert not waiting.is_alive()


@pytest.mark.parametrize("by", ["put", "ring", "descriptor"])
def test_a_sleeper_is_woken(by: str) -> None:
    inbox: Inbox[str] = Inbox(5)
    reader, writer = os.pipe()
    sleeper = threading.Thread(target=inbox.wait, args=(600.0, reader), daemon=True)
    sleeper.start()
    match by:
        case "put":
            inbox.put("order", urgent=False)
        case "ring":
            inbox.ring()
        case _:
            os.write(writer, b"x")
    sleeper.join(60)
    assert not sleeper.is_alive()
    os.close(reader)
    os.close(writer)


def test_nothing_that_several_threads_put_is_slept_through() -> None:
    """Each puts its next when something was taken, so that the taker falls asleep again and again."""
    inbox: Inbox[int] = Inbox(3)
    left = threading.Semaphore(0)

    def put() -> None:
        for number in range(1000):
            inbox.put(number, urgent=False)
            left.acquire()

    def take() -> None:
        taken = 0
        while taken < 3000:
            inbox.wait(600.0)
            for _ in inbox.take(10):
                taken += 1
                left.release()

    before_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        taker = threading.Thread(target=take, daemon=True)
        threads = [taker, *(threading.Thread(target=put, daemon=True) for _ in range(3))]
        for thread in threads:
            thread.start()
        taker.join(30)
        assert not taker.is_alive()
    finally:
        sys.setswitchinterval(before_s)


def test_what_is_joined_leaves_together_beyond_the_limit_and_is_refused_together() -> None:
    inbox: Inbox[str] = Inbox(5, is_joined=lambda item: item.endswith("+"))
    inbox.put("a", urgent=False)
    inbox.put("b+", "c+", "d", urgent=False)
    with pytest.raises(Overloaded):
        inbox.put("e+", "f", urgent=False)
    inbox.put("cancel", urgent=True)
    assert inbox.take(3) == ["cancel", "a", "b+", "c+", "d"]
    assert len(inbox) == 0
