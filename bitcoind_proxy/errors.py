"""What can go wrong between the exchange and a node, the same on both sides of the wire.

    NodeFailure
    ├── Unreachable            the node did not answer, nothing was asked of it   } passes: ask again
    ├── OutcomeUnknown         the answer was lost, the question may have arrived } passes: ask again, see what became of it
    ├── NotFound               the node does not know it
    ├── InvalidQuestion        the question makes no sense
    ├── Refused                the node understood, and said no
    ├── UnavailableEstimate    too little was seen to say what a fee should be
    └── BrokenAnswer           the node's answer is not what it should be

On the wire a failure is a gRPC status with a NodeError in the trailing metadata.
"""

from typing import Any, NoReturn

import grpc

from .proto import node_pb2

METADATA_KEY = "node-error-bin"
MAXIMUM_WORDS = 500
"""Metadata has little room, and a node's message may quote a transaction."""


class NodeFailure(Exception):
    """``node_code`` is the node's own number, 0 if it gave none."""

    kind = node_pb2.ERROR_KIND_UNSPECIFIED
    status = grpc.StatusCode.UNKNOWN

    def __init__(self, words: str, node_code: int = 0) -> None:
        super().__init__(words)
        self.words = words[:MAXIMUM_WORDS]
        self.node_code = node_code


class Unreachable(NodeFailure):
    kind, status = node_pb2.UNREACHABLE, grpc.StatusCode.UNAVAILABLE


class OutcomeUnknown(NodeFailure):
    kind, status = node_pb2.OUTCOME_UNKNOWN, grpc.StatusCode.UNAVAILABLE


class NotFound(NodeFailure):
    kind, status = node_pb2.NOT_FOUND, grpc.StatusCode.NOT_FOUND


class InvalidQuestion(NodeFailure):
    kind, status = node_pb2.INVALID, grpc.StatusCode.INVALID_ARGUMENT


class Refused(NodeFailure):
    kind, status = node_pb2.REFUSED, grpc.StatusCode.FAILED_PRECONDITION


class UnavailableEstimate(NodeFailure):
    kind, status = node_pb2.UNAVAILABLE_ESTIMATE, grpc.StatusCode.FAILED_PRECONDITION


class BrokenAnswer(NodeFailure):
    kind, status = node_pb2.BROKEN, grpc.StatusCode.INTERNAL


_BY_KIND: dict[int, type[NodeFailure]] = {
    int(failure.kind): failure
    for failure in (
        Unreachable,
        OutcomeUnknown,
        NotFound,
        InvalidQuestion,
        Refused,
        UnavailableEstimate,
        BrokenAnswer,
    )
}


def abort(context: grpc.ServicerContext, failure: NodeFailure) -> NoReturn:
    """Ends a call with the failure."""
    error = node_pb2.NodeError(kind=failure.kind, words=failure.words, node_code=failure.node_code)
    context.set_trailing_metadata(((METADATA_KEY, error.SerializeToString()),))
    context.abort(failure.status, failure.words)
    raise AssertionError("abort came back")


def from_call(error: Any) -> NodeFailure:
    """The failure that a gRPC error stands for. Without a NodeError the wire broke, and nobody knows what was done."""
    for key, value in error.trailing_metadata() or ():
        if key == METADATA_KEY:
            told = node_pb2.NodeError.FromString(value)
            return _BY_KIND.get(int(told.kind), BrokenAnswer)(told.words, told.node_code)
    words = f"the sidecar of the node: {error.code().name.lower()} {error.details() or ''}".strip()
    if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED):
        return OutcomeUnknown(words)
    if error.code() is grpc.StatusCode.UNIMPLEMENTED:
        return Refused(words)
    return BrokenAnswer(words)
