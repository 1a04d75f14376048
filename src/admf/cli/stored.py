"""`admf list`, `show` and `report`: what earlier runs left behind. Nothing is run."""

from __future__ import annotations
