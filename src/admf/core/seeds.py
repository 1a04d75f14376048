"""Random numbers that depend on what they are for, never on the order of execution."""

from __future__ import annotations

import json
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

Key = str | int

_MOST = 2**63 - 1


class SeedTree:
    """A seed from which any number of independent streams is drawn, each named by a key.

    ``SeedTree(7).generator("monte_carlo", 3)`` gives the same numbers in every process, whatever was drawn
    before. Keys become the ``spawn_key`` of numpy's `SeedSequence` through SHA-256, so that a key is a name
    and not a position.

    Parameters
    ----------
    seed
        Whole number from 0 to 2**63 - 1. None: one is drawn from the operating system, see `drawn`.
    """

    def __init__(self, seed: int | None = None, *, _path: tuple[Key, ...] = ()) -> None:
        if seed is not None and (
            isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= _MOST
        ):
            raise ValueError(f"a seed is a whole number from 0 to {_MOST}, not {seed!r}")
        self.drawn = seed is None
        self.seed = secrets.randbits(32) if seed is None else seed
        self._path = _path

    def __repr__(self) -> str:
        return f"SeedTree({', '.join(map(repr, (self.seed, *self._path)))})"

    def child(self, *key: Key) -> SeedTree:
        """Give the subtree under `key`: ``child("a").generator("b")`` is ``generator("a", "b")``."""
        tree = SeedTree(self.seed, _path=self._full(key))
        tree.drawn = self.drawn
        return tree

    def sequence(self, *key: Key) -> np.random.SeedSequence:
        """Give numpy's `SeedSequence` for `key`."""
        from numpy.random import SeedSequence

        path = self._full(key)
        if not path:
            return SeedSequence(self.seed)
        # JSON keeps 1 and "1", and ("a", "b") and ("ab",), apart.
        digest = sha256(json.dumps(path).encode()).digest()
        words = tuple(int.from_bytes(digest[start : start + 4], "little") for start in range(0, 16, 4))
        return SeedSequence(self.seed, spawn_key=words)

    def generator(self, *key: Key) -> np.random.Generator:
        """Give a fresh generator (PCG64) for `key`; asked again, it starts again."""
        from numpy.random import PCG64, Generator

        return Generator(PCG64(self.sequence(*key)))

    def integer(self, *key: Key) -> int:
        """Give one whole number below 2**32 for `key`, for libraries that take a seed."""
        return int(self.sequence(*key).generate_state(1)[0])

    def _full(self, key: tuple[Key, ...]) -> tuple[Key, ...]:
        for part in key:
            if isinstance(part, bool) or not isinstance(part, str | int):
                raise TypeError(f"a key is made of text and whole numbers, not {part!r}")
        return (*self._path, *key)
