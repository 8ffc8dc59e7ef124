"""Clients that send everything three times: the same order to every replica at once, and again after a time-out.

However often and wherever an order is sent, it is one order, told once as new and else as what it is.
"""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.journeys.load import Attempt, Desk, new_attempt

from .clients import Answer, Line, NoAnswer
from .deployment import Deployment, Rig

IMPATIENCE = 0.2
"""The share of orders of which one sending is given up too early to be answered."""
TOO_EARLY_S = 0.001
PATIENT_S = 20.0
OTHER_BODY_SHARE = 0.2


def three_times(rig: Rig, rounds: int) -> None:
    """``rounds`` orders of each trader."""
    with rig.deployment() as deployment:
        desks = deployment.first_desks()
        seeds = [deployment.rng.random() for _ in desks]
        with ThreadPoolExecutor(len(desks)) as pool:
            senders = [_Sender(deployment, desk, seed) for desk, seed in zip(desks, seeds, strict=True)]
            for sending in [pool.submit(sender.send_orders, rounds) for sender in senders]:
                sending.result()
        deployment.settle(desks)
        deployment.stop_replicas()


class _Sender:
    """One trader with a connection to every replica."""

    def __init__(self, deployment: Deployment, desk: Desk, seed: float) -> None:
        self._tally = deployment.tally
        self._desk = desk
        self._rng = random.Random(seed)
        self._replicas = deployment.replicas
        self._lines = self._open_lines(PATIENT_S)
        self._hasty = self._open_lines(TOO_EARLY_S)
        self._pool = ThreadPoolExecutor(len(self._lines))

    def _open_lines(self, limit_s: float) -> list[Line]:
        return [Line(replica, self._desk.trader.token, limit_s=limit_s) for replica in self._replicas]

    def send_orders(self, count: int) -> None:
        with self._pool:
            for _ in range(count):
                self._send_order(new_attempt(self._desk, self._rng))

    def _send_order(self, attempt: Attempt) -> None:
        self._desk.attempts.append(attempt)
        lines, given_up = list(self._lines), self._rng.random() < IMPATIENCE
        if given_up:
            impatient = self._rng.randrange(len(lines))
            lines[impatient] = self._hasty[impatient]
        answers = self._send_to_all(lines, attempt.body)
        if given_up:
            answers += self._send_to_all(self._lines, attempt.body)
        with self._tally.check("an order that is sent three times is one order"):
            self._check_agreement(attempt, answers, given_up=given_up)
        if self._rng.random() < OTHER_BODY_SHARE:
            self._send_another_body(attempt)

    def _send_to_all(self, lines: Sequence[Line], body: object) -> list[Answer]:
        sendings = [self._pool.submit(line.send, "POST", "/trade/orders", body) for line in lines]
        answers = []
        for sending in sendings:
            self._tally.faults += 1
            try:
                answers.append(sending.result())
            except NoAnswer:
                continue
        return answers

    def _check_agreement(self, attempt: Attempt, answers: list[Answer], *, given_up: bool) -> None:
        statuses = sorted(status for status, _ in answers)
        self._tally.acknowledged += len(answers)
        if statuses[0] == 422:
            attempt.refusal = answers[0][1]
            told = [(status, body["order_id"], body["sequence"], body["code"]) for status, body in answers]
            assert len(set(told)) == 1, f"{attempt} was told differently: {told}"
            return
        assert set(statuses) <= {200, 201}, f"{attempt} was answered {answers}"
        new = statuses.count(201)
        assert new == 1 or (given_up and new == 0), f"{attempt} was told {new} times as new: {answers}"
        assert len({body["id"] for _, body in answers}) == 1, f"{attempt} became several orders: {answers}"
        attempt.order = max((body for _, body in answers), key=lambda body: body["sequence"])

    def _send_another_body(self, attempt: Attempt) -> None:
        other = attempt.body | {"quantity": "0.2"}
        with self._tally.check("another order under the same client order id is refused"):
            for status, body in self._send_to_all(self._lines, other):
                assert (status, body["code"]) == (409, "idempotency_conflict"), (
                    f"{other} after {attempt} was answered {status} {body}"
                )
