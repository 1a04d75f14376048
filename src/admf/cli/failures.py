"""How a failure reaches the user: a message and an exit code, never a traceback."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import asdict

import typer
from typer.exceptions import TyperException

from admf.cli.output import plain, stderr_console, write_json
from admf.errors import AdmfError, ComponentError, ConfigError, RunNotFoundError

DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130

# What the user wrote is wrong (exit code 2), in contrast to a workflow that failed (1).
_WRONG_INPUT = (ConfigError, ComponentError, RunNotFoundError)


class CommandLineError(AdmfError):
    """The command failed for a reason that lies outside workflow, config and data."""


def guarded(command: Callable[[], object], as_json: bool) -> int:
    """Run a command and turn what it raises into a message and an exit code.

    Parameters
    ----------
    command
        The command; its exit code is 0 unless it returns or raises another.
    as_json
        Write an error as one JSON document to standard output, in place of text to standard error.

    Returns
    -------
    int
        0 done, 1 failed, 2 wrong input, 130 interrupted.
    """
    try:
        code = command()
        sys.stdout.flush()
    except AdmfError as error:
        report(error, as_json)
        return exit_code(error)
    except TyperException as error:
        _say(error.format_message(), "run `admf --help`, or --help behind the command", as_json)
        return WRONG
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted(as_json)
    except BrokenPipeError:
        # The reader of our output has gone (`admf list | head`). Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        if error.filename is None:
            return _unexpected(error, as_json)
        _say(f"{error.filename}: {error.strerror}", None, as_json)
        return FAILED
    except Exception as error:  # noqa: BLE001 - the last net: whatever it is, the user gets no traceback
        return _unexpected(error, as_json)
    if code == INTERRUPTED:  # typer turns Ctrl-C into this exit code by itself
        return _interrupted(as_json)
    return code if isinstance(code, int) else DONE


def exit_code(error: AdmfError) -> int:
    """Exit code of an error: 2 where what the user wrote is wrong, else 1."""
    return WRONG if isinstance(error, (*_WRONG_INPUT, CommandLineError)) else FAILED


def error_document(error: AdmfError) -> dict[str, object]:
    """JSON form of an error; ``problems`` lists the problems of a config, else it is empty."""
    problems = error.problems if isinstance(error, ConfigError) else ()
    return {
        "error": error.message,
        "kind": type(error).__name__,
        "hint": error.hint,
        "problems": [asdict(problem) for problem in problems],
    }


def report(error: AdmfError, as_json: bool) -> None:
    """Write an error for people to standard error, or as JSON to standard output."""
    if as_json:
        write_json(error_document(error))
        return
    stderr_console().print(plain(f"error: {error}"), soft_wrap=True)


def _say(message: str, hint: str | None, as_json: bool) -> None:
    report(CommandLineError(message, hint), as_json)


def _interrupted(as_json: bool) -> int:
    _say("interrupted", None, as_json)
    return INTERRUPTED


def _unexpected(error: BaseException, as_json: bool) -> int:
    handle, path = tempfile.mkstemp(prefix="admf-error-", suffix=".txt")
    with open(handle, "w", encoding="utf-8") as file:
        file.write("".join(traceback.format_exception(error)))
    _say(
        f"unexpected {type(error).__name__}: {error}",
        f"this is a fault of admf; its traceback is in {path}",
        as_json,
    )
    return FAILED
