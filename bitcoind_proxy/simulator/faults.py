"""Faults between the exchange and its node, chosen call by call: an interceptor of the gRPC server. Any thread.

- ``refused``: the call never arrives.
- ``lost``: it is carried out, and its reply is lost; of a stream the first message comes through.
- ``timed_out``: it is carried out, and the caller waits until his deadline.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any, Literal

import grpc

Fault = Literal["refused", "lost", "timed_out"]
FAULTS: tuple[Fault, ...] = ("refused", "lost", "timed_out")
WATCHED = "WatchTip"
"""Lasts as long as its caller, so it is no call that can be counted."""


class Faults(grpc.ServerInterceptor):
    """``calls``: how many came so far, whatever became of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: dict[int, Fault] = {}
        self.calls = 0

    def plan(self, fault: Fault, *, after: int = 0) -> None:
        """The call that comes after so many others fails."""
        with self._lock:
            self._planned[self.calls + after] = fault

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()

    def _next(self) -> Fault | None:
        with self._lock:
            self.calls += 1
            return self._planned.pop(self.calls - 1, None)

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Any:
        handler = continuation(details)
        if handler is None or not details.method.startswith("/kontor.") or details.method.endswith(WATCHED):
            return handler
        if handler.response_streaming:
            return handler._replace(unary_stream=self._streamed(handler.unary_stream))
        return handler._replace(unary_unary=self._single(handler.unary_unary))

    def _single(self, behaviour: Callable[[Any, grpc.ServicerContext], Any]) -> Callable[..., Any]:
        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            fault = self._next()
            if fault is None:
                return behaviour(request, context)
            if fault != "refused":
                behaviour(request, context)
            _fail(fault, context)

        return answer

    def _streamed(self, behaviour: Callable[[Any, grpc.ServicerContext], Iterator[Any]]) -> Callable[..., Any]:
        def answer(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            fault = self._next()
            if fault is None:
                yield from behaviour(request, context)
                return
            if fault != "refused":
                yield from list(behaviour(request, context))[:1]
            _fail(fault, context)

        return answer


def _fail(fault: Fault, context: grpc.ServicerContext) -> None:
    if fault == "timed_out":
        ended = threading.Event()
        if context.add_callback(ended.set):
            ended.wait()
    context.abort(grpc.StatusCode.UNAVAILABLE, f"the simulator's fault: {fault}")
