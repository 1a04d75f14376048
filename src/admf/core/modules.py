"""Importing a user's own modules: only those that a config or an option allows."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import ModuleType

from admf.core.own_code import sources


def import_allowed(name: str) -> ModuleType:
    """Import a module that has been allowed.

    What is installed comes first, then the working folder: a config and the modules that it names usually
    lie side by side. Raises whatever the import raises.
    """
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)
    module = import_module(name)
    sources([name])  # remembered as they are now: the manifest tells what ran, not what was edited since
    return module
