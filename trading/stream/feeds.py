"""A feed: one thing that is told, to all who hear it, so that each of them can see a gap.

Runs on the event loop. A message is encoded once for everybody. Every update names the update before it; who has
read up to that one, or whose snapshot is newer, has missed nothing.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from . import messages
from .audience import Audience
from .client import CLOSE_SLOW_READER, OUTBOX_LIMIT, Client
from .shapes import Channel


class Feed(ABC):
    """``last_sequence``: of the last update, 0 before the first."""

    def __init__(self, channel: Channel) -> None:
        self.channel: Channel = channel
        self.last_sequence = 0

    def tell(self, data: Sequence[Any], sequence: int) -> None:
        """Posts one update."""
        self.post(messages.update(self.channel, data, sequence, self.last_sequence), sequence)
        self.last_sequence = sequence

    @property
    @abstractmethod
    def is_heard(self) -> bool:
        """Whether anybody hears it."""

    @abstractmethod
    def join(self, client: Client) -> None:
        """The client hears what is posted from now on."""

    @abstractmethod
    def discard(self, client: Client) -> None:
        """The client hears it no more."""

    @abstractmethod
    def post(self, text: str, sequence: int) -> None:
        """Posts a message that is made already."""


class PublicFeed(Feed):
    """What everybody is told alike."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._audience = Audience()

    @property
    def is_heard(self) -> bool:
        return bool(self._audience)

    def join(self, client: Client) -> None:
        self._audience.add(client)

    def discard(self, client: Client) -> None:
        self._audience.discard(client)

    def post(self, text: str, sequence: int) -> None:
        self._audience.post(text)


class PrivateFeed(Feed):
    """What one account is told. Who resumes is held back until it has what it missed, and is told nothing twice."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._clients: set[Client] = set()
        self._held: dict[Client, list[tuple[int, str]]] = {}
        self._ahead: dict[Client, int] = {}
        """Up to which event a client was told already, if that is further than this process has come."""

    @property
    def is_heard(self) -> bool:
        return bool(self._clients or self._held or self._ahead)

    def join(self, client: Client) -> None:
        self.discard(client)
        self._clients.add(client)

    def discard(self, client: Client) -> None:
        self._clients.discard(client)
        self._held.pop(client, None)
        self._ahead.pop(client, None)

    def tell_parts(self, parts: Sequence[Sequence[Any]], sequence: int) -> None:
        """Posts the messages that one event makes."""
        for part, data in enumerate(parts, start=1):
            text = messages.update(self.channel, data, sequence, self.last_sequence, part, len(parts))
            self.post(text, sequence)
        self.last_sequence = sequence

    def post(self, text: str, sequence: int) -> None:
        for client in [client for client, told in self._ahead.items() if sequence > told]:
            del self._ahead[client]
            self._clients.add(client)
        for client in self._clients:
            client.post(text)
        for client, held in self._held.items():
            held.append((sequence, text))
            if len(held) > OUTBOX_LIMIT:
                client.close(CLOSE_SLOW_READER)

    def hold(self, client: Client) -> None:
        """Keeps what is told from now on for a client that resumes, until it is released."""
        self.discard(client)
        self._held[client] = []

    def release(self, client: Client, told: int) -> None:
        """The client has been told all up to this event; posts what was kept beyond it, and goes on from there."""
        for sequence, text in self._held.pop(client, []):
            if sequence > told:
                client.post(text)
        self._ahead[client] = told


F = TypeVar("F", bound=Feed)
Subject = str | int
"""A market, or an account."""
Kind = Hashable
"""Which of several feeds of one subject, such as a depth."""


class Registry(Generic[F]):
    """The feeds of one channel that somebody hears, by subject and kind. The others are forgotten."""

    def __init__(self) -> None:
        self.subjects: dict[Subject, dict[Kind, F]] = {}

    def of(self, subject: Subject) -> Iterable[F]:
        kinds = self.subjects.get(subject)
        return () if kinds is None else kinds.values()

    def enter(self, subject: Subject, kind: Kind, make: Callable[[], F]) -> F:
        """The feed, made if there is none."""
        kinds = self.subjects.setdefault(subject, {})
        feed = kinds.get(kind)
        if feed is None:
            feed = kinds[kind] = make()
        return feed

    def leave(self, subject: Subject, kind: Kind, client: Client) -> None:
        """The client does not hear it any more."""
        kinds = self.subjects.get(subject, {})
        feed = kinds.get(kind)
        if feed is not None:
            feed.discard(client)
            self.forget_if_unheard(subject, kind)

    def forget_if_unheard(self, subject: Subject, kind: Kind) -> None:
        kinds = self.subjects.get(subject, {})
        if kind in kinds and not kinds[kind].is_heard:
            del kinds[kind]
            if not kinds:
                del self.subjects[subject]
