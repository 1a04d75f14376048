"""`admf list`, `show` and `report`: what earlier runs left behind. The run folders are read, nothing is run."""

from __future__ import annotations

import webbrowser
from pathlib import Path

from admf.cli.failures import CommandLineError
from admf.cli.output import add_row, plain, stderr_console, stdout_console, table, write_json
from admf.cli.render import show_result
from admf.core.runs import RunStore
