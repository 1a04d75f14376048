"""`admf list`, `show` and `report`: what earlier runs left behind. Nothing is run."""

from __future__ import annotations

import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Any

from admf.cli.failures import CommandLineError
from admf.cli.output import add_row, plain, stderr_console, stdout_console, table, write_json
from admf.cli.render import headline, show_result
from admf.core.run_folder import RunFolder, summary_of
from admf.core.runs import RunStore
from admf.errors import AdmfError

REPORT = "report.html"
_LISTED = ("cum_returns_final", "sharpe_ratio", "max_drawdown")


def find_run(run: str, store: Path) -> RunFolder:
    """Find a run by its id, the beginning of one, ``latest``, its name, or the path of its folder.

    Raises
    ------
    RunNotFoundError
        There is none.
    """
    folder = Path(run)
    if folder.name != run and folder.is_dir():
        return RunStore(folder.parent).find(folder.name)
    return RunStore(store).find(run)


def show_run(run: str, store: Path, as_json: bool) -> None:
    """Print the stored result of a run; an AdmfError says where there is none."""
    result = find_run(run, store).result().model_dump(mode="json")
    if as_json:
        write_json(result)
    else:
        show_result(result, stdout_console())


def list_runs(store: Path, limit: int, as_json: bool) -> None:
    """Print the newest runs of a store, the newest first."""
    folders = list(reversed(RunStore(store).list()[-limit:]))
    for folder in folders:
        with suppress(AdmfError, OSError):  # damaged, or another user's: it is listed as it is
            folder.crash_if_gone()
    rows = [dict(summary_of(folder)) for folder in folders]
    if as_json:
        write_json(rows)
        return
    if not rows:
        stderr_console().print(plain(f"no runs in {store}"), soft_wrap=True)
        return
    titles = [title for title, _ in headline(dict.fromkeys(_LISTED, None))]
    sheet = table(None, "run", "when (UTC)", "name", "status", *titles, numbers=(4, 5, 6))
    for row in rows:
        add_row(sheet, *_cells(row))
    stdout_console().print(sheet)


def show_report(run: str, store: Path, open_it: bool) -> None:
    """Print the path of a run's report, and open it in the browser if asked.

    Raises
    ------
    CommandLineError
        The run has no report, or no browser can be opened.
    """
    folder = find_run(run, store)
    path = folder.file(REPORT).resolve()
    if not path.is_file():
        raise CommandLineError(
            f"run {folder.id} has no report", "reports are written where output.report is true"
        )
    stdout_console().print(plain(path), soft_wrap=True)
    if open_it and not webbrowser.open(path.as_uri()):
        raise CommandLineError("no browser could be opened", "open the file yourself")


def _cells(row: dict[str, Any]) -> list[object]:
    metrics = row.get("metrics") or {}
    created = row["created"].strftime("%Y-%m-%d %H:%M")
    values = [value for _, value in headline({name: metrics.get(name) for name in _LISTED})]
    return [row["id"], created, row.get("name") or "", row["status"], *values]
