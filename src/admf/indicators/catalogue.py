"""Lists TA-Lib's functions in the registry of indicators; importing it imports TA-Lib."""

from __future__ import annotations

from admf.core.registry import registry_of
from admf.indicators import library

for _name in library.names():
    registry_of("indicator").add(_name, f"admf.indicators:{_name}", summary=library.facts(_name).title)
