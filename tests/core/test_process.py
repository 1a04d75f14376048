"""A process that was killed is told apart from one that runs, and from a later one of its number."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from admf.core.process import Process


def test_this_process_is_there():
    here = Process.this()
    assert here.pid == os.getpid()
    assert here.gone is False
    assert Process.model_validate(here.model_dump()) == here


def test_a_killed_process_is_gone_before_and_after_it_is_collected():
    script = (
        "import time\nfrom admf.core.process import Process\n"
        "print(Process.this().model_dump_json(), flush=True)\ntime.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        process = Process.model_validate_json(child.stdout.readline())
        assert process.gone is False
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert process.gone is True  # dead, and not collected
    finally:
        child.kill()
        child.communicate()
    assert process.gone is True


@pytest.mark.skipif(not Process.this().started, reason="the start of a process is read from /proc")
def test_a_later_process_of_the_same_number_is_another():
    assert Process.this().model_copy(update={"started": "1"}).gone is True


@pytest.mark.parametrize("error", [PermissionError, FileNotFoundError])
def test_another_users_hidden_process_is_there(monkeypatch, error):
    """As with hidepid: what /proc holds of it cannot be read, and signals to it are not allowed."""
    other = Process.this().model_copy(update={"pid": 4321, "started": "99"})

    def kill(pid, signal):
        assert (pid, signal) == (4321, 0)
        raise PermissionError

    read_text = Path.read_text

    def hidden(path, *args, **kwargs):
        if "4321" in path.parts:
            raise error(path)
        return read_text(path, *args, **kwargs)

    monkeypatch.setattr(os, "kill", kill)
    monkeypatch.setattr(Path, "read_text", hidden)
    assert other.gone is False


def test_of_another_machine_nothing_is_known():
    assert Process.this().model_copy(update={"machine": "elsewhere"}).gone is None
