"""Traders under load who go on while replicas come and go, and remember every answer.

Each has a thread and a replica of its own. Who gets no answer turns to another replica, and every second time repeats the
order there: what is never repeated stays of unknown outcome until the audit.
"""

import http.client
import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

from tests.journeys.load import Attempt, Desk, new_attempt
from tests.server import WAIT_LIMIT_S, Server, wait_until

CANCEL_SHARE = 0.3
RESTLESSNESS = 0.002
"""How often a trader turns to another replica without need, so that one that comes back gets its share."""
PAUSE_S = 0.02
"""The longest pause between two requests of a trader; more load would only make the machine the bottleneck."""
BACK_OFF_S = 0.1
"""How long a trader waits that got no answer, or 503."""
ANSWER_LIMIT_S = 2.0
CATCH_UP_LIMIT_S = 30.0
"""How long a replica may not know of an order that another acknowledged."""
EXPECTED = (200, 201, 422, 503)

Answer = tuple[int, dict[str, Any]]


class NoAnswer(Exception):
    """The connection was refused, cut or silent: what became of the request is not known."""


class Line:
    """A kept connection of one trader to one replica."""

    def __init__(self, server: Server, token: str, *, limit_s: float = ANSWER_LIMIT_S) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=limit_s)
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def send(self, method: str, path: str, body: object = None) -> Answer:
        """Status and body of the answer. Raises NoAnswer; nothing is ever sent twice."""
        try:
            content = None if body is None else json.dumps(body)
            self._connection.request(method, path, body=content, headers=self._headers)
            answer = self._connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise NoAnswer(repr(error)) from error

    def close(self) -> None:
        self._connection.close()


class Load:
    """Traders who place and cancel until ``stop``."""

    def __init__(self, desks: Sequence[Desk], replicas: Sequence[Server], *, seed: str) -> None:
        self.statuses: Counter[int] = Counter()
        self.surprises: list[str] = []
        self.missing: list[str] = []
        """Acknowledged orders that a replica did not know of, however long it was given to catch up."""
        self.acknowledged_at: list[float] = []
        self._stop = threading.Event()
        self._traders = [
            _Trader(self, desk, [Line(replica, desk.trader.token) for replica in replicas], number, seed)
            for number, desk in enumerate(desks)
        ]

    def __enter__(self) -> Self:
        for trader in self._traders:
            trader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for trader in self._traders:
            trader.join()

    @property
    def acknowledged(self) -> int:
        return len(self.acknowledged_at)

    def wait_for(self, count: int, *, limit_s: float = WAIT_LIMIT_S) -> None:
        """Until so many more requests are acknowledged."""
        goal = self.acknowledged + count
        wait_until(lambda: self.acknowledged >= goal, limit_s=limit_s, what=f"{count} more acknowledgements")

    def longest_silence(self, since: float) -> float:
        """The longest time without any acknowledgement from ``since`` (monotonic) to now, in seconds."""
        times = [since, *(at for at in list(self.acknowledged_at) if at > since), time.monotonic()]
        return max(later - earlier for earlier, later in itertools.pairwise(times))

    def rest(self, longest_s: float) -> bool:
        """A trader's pause; True once all is over."""
        return self._stop.wait(longest_s)

    def note(self, answer: Answer) -> None:
        status, body = answer
        self.statuses[status] += 1
        if status in (200, 201, 422):
            self.acknowledged_at.append(time.monotonic())
        if status == 404:
            self.missing.append(str(body))
        elif status not in EXPECTED:
            self.surprises.append(f"{status} {body}")


class _Trader(threading.Thread):
    def __init__(self, load: Load, desk: Desk, lines: list[Line], number: int, seed: str) -> None:
        super().__init__(daemon=True)
        self._load = load
        self._desk = desk
        self._lines = lines
        self._line = lines[number % len(lines)]
        self._rng = random.Random(f"{seed} {number}")
        self._resting: list[Attempt] = []

    def run(self) -> None:
        while not self._load.rest(self._rng.uniform(0, PAUSE_S)):
            if self._rng.random() < RESTLESSNESS:
                self._turn_away()
            if self._resting and self._rng.random() < CANCEL_SHARE:
                self._cancel(self._resting.pop(self._rng.randrange(len(self._resting))))
            else:
                self._place(new_attempt(self._desk, self._rng))
        for line in self._lines:
            line.close()

    def _place(self, attempt: Attempt) -> None:
        self._desk.attempts.append(attempt)
        answer = self._send("POST", "/trade/orders", attempt.body)
        if answer is None and self._rng.random() < 0.5:
            answer = self._send("POST", "/trade/orders", attempt.body)
        if answer is None:
            return
        status, body = answer
        if status in (200, 201):
            attempt.order = body
            if body["status"] == "open":
                self._resting.append(attempt)
        elif status == 422:
            attempt.refusal = body

    def _cancel(self, attempt: Attempt) -> None:
        attempt.cancel_sent = True
        deadline = time.monotonic() + CATCH_UP_LIMIT_S
        answer = self._send("DELETE", f"/trade/orders/client:{attempt.client_order_id}", until=deadline)
        if answer is not None and answer[0] == 200:
            attempt.order = answer[1]

    def _send(self, method: str, path: str, body: object = None, *, until: float = 0.0) -> Answer | None:
        """The answer; None if there was none, or one that leaves everything open. 404 is asked again ``until`` then."""
        try:
            answer = self._line.send(method, path, body)
            while answer[0] == 404 and time.monotonic() < until:
                time.sleep(PAUSE_S)
                answer = self._line.send(method, path, body)
        except NoAnswer:
            self._turn_to_another()
            return None
        self._load.note(answer)
        if answer[0] == 503:
            self._turn_to_another()
            return None
        return answer

    def _turn_to_another(self) -> None:
        self._load.rest(BACK_OFF_S)
        self._turn_away()

    def _turn_away(self) -> None:
        self._line = self._rng.choice([line for line in self._lines if line is not self._line] or self._lines)
