"""`admf init`: a commented config to start from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from admf.cli.failures import CommandLineError
from admf.cli.output import add_row, plain, stderr_console, stdout_console, table
from admf.core.files import replacing
from admf.core.registry import nearest

_TEMPLATES = files("admf.core") / "templates"
_MODULE = "my_strategy.py"


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
    if not path.parent.is_dir():
        raise CommandLineError(f"there is no folder {path.parent}", "make it, or choose another --output")
    # A strategy of one's own comes with its Python file, under the name that the config refers to.
    module = _TEMPLATES / f"{name}.py.txt"
    content = {path: known[name]}
    if module.is_file():
        content[path.parent / _MODULE] = module.read_text(encoding="utf-8")
    for target in content:
        if target.exists() and not force:
            raise CommandLineError(
                f"{target} exists", "choose another name with --output, or overwrite it with --force"
            )
    for target, text in content.items():
        with replacing(target) as temporary:
            temporary.write_text(text, encoding="utf-8")
        stdout_console().print(plain(target), soft_wrap=True)
    stderr_console().print(plain(f"written; next: admf validate {path}"), soft_wrap=True)
