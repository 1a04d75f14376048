"""`admf init`: a commented config to start from."""

from __future__ import annotations

import os
import tempfile
from importlib.resources import files
from pathlib import Path

from admf.cli.failures import CommandLineError
from admf.cli.output import add_row, plain, stderr_console, stdout_console, table
from admf.core.registry import nearest

_TEMPLATES = files("admf.core") / "templates"


def templates() -> dict[str, str]:
    """Name and text of every template."""
    found = sorted((entry.name, entry) for entry in _TEMPLATES.iterdir() if entry.name.endswith(".yaml"))
    return {name.removesuffix(".yaml"): entry.read_text(encoding="utf-8") for name, entry in found}


def list_templates() -> None:
    """Print the templates, each with the first line of its comment."""
    sheet = table(None, "template", "what it is")
    for name, text in templates().items():
        add_row(sheet, name, text.partition("\n")[0].lstrip("# "))
    stdout_console().print(sheet)


def write_template(name: str, path: Path, force: bool) -> None:
    """Write a template to a file.

    Raises
    ------
    CommandLineError
        There is no such template, or the file exists and ``force`` is not set.
    """
    known = templates()
    if name not in known:
        near = nearest(name, known)
        hint = f"did you mean {near}?" if near else None
        raise CommandLineError(f"no template is called {name!r}; there is: {', '.join(known)}", hint)
    if path.exists() and not force:
        raise CommandLineError(
            f"{path} exists", "choose another name with --output, or overwrite it with --force"
        )
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(known[name])
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    stdout_console().print(plain(path), soft_wrap=True)
    stderr_console().print(plain(f"written; next: admf validate {path}"), soft_wrap=True)
