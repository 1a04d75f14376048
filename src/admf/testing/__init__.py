"""Checks that ship with the package: a user's own component is held to what ours are held to.

They raise `AssertionError` with a text that says what is wrong, so they fit any test runner.
"""

from __future__ import annotations

from admf.testing.allocations import check_allocation
from admf.testing.indicators import check_indicator
from admf.testing.strategies import check_strategy, decisions

__all__ = ["check_allocation", "check_indicator", "check_strategy", "decisions"]
