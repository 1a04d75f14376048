"""The cancel token: how work is asked to end early."""

from __future__ import annotations

from threading import Event, RLock
from weakref import WeakSet

from admf.errors import WorkflowCancelledError


class CancelToken:
    """Set once, from any thread; read between pieces of work. Cancelling a token cancels its children.

    Parameters
    ----------
    name
        What is cancelled, for the message.
    """

    def __init__(self, name: str = "the work") -> None:
        self._name = name
        self._event = Event()
        self._lock = RLock()
        self._children: WeakSet[CancelToken] = WeakSet()
        self.reason: str | None = None

    def child(self, name: str) -> CancelToken:
        """Give a token that is cancelled with this one, and can be cancelled alone."""
        token = CancelToken(name)
        with self._lock:
            self._children.add(token)
            if self.is_set():
                token.cancel(self.reason)
        return token

    def cancel(self, reason: str | None = None) -> None:
        """Ask for the end. The first reason stands."""
        with self._lock:
            if self._event.is_set():
                return
            self.reason = reason
            self._event.set()
            children = list(self._children)
        for child in children:
            child.cancel(reason)

    def is_set(self) -> bool:
        """Whether the end was asked for."""
        return self._event.is_set()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Sleep until the end is asked for, at most so long; give whether it was."""
        return self._event.wait(timeout_seconds)

    def raise_if_cancelled(self) -> None:
        """Raise `WorkflowCancelledError` if the end was asked for."""
        if self._event.is_set():
            raise WorkflowCancelledError(
                f"{self._name} was cancelled{f': {self.reason}' if self.reason else ''}"
            )
