"""`admf list`, `show` and `report`: what earlier runs left behind. The run folders are read, nothing is run."""

from __future__ import annotations
