"""The cache of compiled kernels, and what happens where a step cannot be compiled."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import admf
from admf.errors import StrategyError
from admf.simulation import compile as compiling
from admf.simulation.compile import CannotCompileError, compile_kernel

STRATEGY = """
class Mine:
    @staticmethod
    def on_bar(close, prev_close):
        return 1.0 if close > prev_close else -1.0
"""
RUN = """
import json, sys
import numpy as np, pandas as pd
import admf
from admf.simulation import compile as compiling
from mine import Mine
prices = 100.0 + np.cumsum(np.tile([1.0, -0.5, 0.25, -0.7], 25))
frame = pd.DataFrame({"open": prices, "high": prices + 1, "low": prices - 1, "close": prices, "volume": 1.0},
                     index=pd.date_range("2020-01-01", periods=100, tz="UTC"))
result = admf.simulate(frame, Mine, execution={"stop_loss_pct": float(sys.argv[1])})
(kernel,) = compiling._kernels.values()
print(json.dumps({"compiled": result.compiled, "hits": sum(kernel.stats.cache_hits.values()),
                  "misses": sum(kernel.stats.cache_misses.values()), "equity": result.equity_values[-1]}))
"""


def run_in_process(folder: Path, stop: float) -> dict:
    environment = os.environ | {"ADMF_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(stop)], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_a_second_process_compiles_nothing(tmp_path):
    (tmp_path / "mine.py").write_text(STRATEGY)
    first = run_in_process(tmp_path, 5.0)
    assert (first["compiled"], first["hits"], first["misses"]) == (True, 0, 1)
    # another number is not another kernel
    second = run_in_process(tmp_path, 6.0)
    assert (second["compiled"], second["hits"], second["misses"]) == (True, 1, 0)
    folder = tmp_path / "cache" / "admf" / "kernels"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (module,) = folder.glob("admf_kernel_*.py")
    # a module that is not what its name says is written anew
    module.write_text("raise SystemExit('damaged')")
    third = run_in_process(tmp_path, 5.0)
    assert third["equity"] == first["equity"]


@pytest.fixture
def fresh_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("ADMF_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(compiling, "_kernels", {})
    return tmp_path / "admf" / "kernels"


GOOD = "def run():\n    return 1\n"
PAUSE = "import time\ntime.sleep(0.5)\n"
COMPILED = "from numba import njit\n@njit('int64(int64)', cache=True)\ndef run(x):\n    return x + {}\n"


@pytest.fixture
def slow_compiler(monkeypatch, caplog):
    """Numba takes half a second more for what it compiles; what it loads is as quick as ever."""
    from numba.core.dispatcher import _FunctionCompiler

    compile_ = _FunctionCompiler.compile

    def slowly(self, args, return_type):
        time.sleep(0.5)
        return compile_(self, args, return_type)

    monkeypatch.setattr(_FunctionCompiler, "compile", slowly)
    monkeypatch.setattr(compiling, "SLOW_SECONDS", 0.2)
    caplog.set_level("INFO", logger="admf.compile")


def test_a_long_compilation_is_told_and_a_long_load_is_not(fresh_cache, slow_compiler, monkeypatch, caplog):
    compile_kernel(PAUSE + GOOD)
    assert caplog.messages == []  # on a busy machine much takes long
    compile_kernel(PAUSE + COMPILED.format(1), "strategy Mine")
    first, last = caplog.records
    assert (first.levelname, last.levelname) == ("WARNING", "INFO")  # a notebook shows warnings
    assert first.getMessage() == "compiling strategy Mine, once: later runs load it"
    assert re.fullmatch(r"compiled strategy Mine in \d\.\d s", last.getMessage())
    caplog.clear()
    monkeypatch.setattr(compiling, "_kernels", {})
    assert compile_kernel(PAUSE + COMPILED.format(1))(1) == 2
    assert caplog.messages == []  # it was loaded


def test_each_compilation_is_told_also_right_after_another(fresh_cache, slow_compiler, caplog):
    for name in ("One", "Two", "One"):  # the last is compiled already
        compile_kernel(COMPILED.format(len(name) + ord(name[0])), f"strategy {name}")
    told = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert told == [f"compiling strategy {name}, once: later runs load it" for name in ("One", "Two")]
    assert len(caplog.records) == 4


def test_what_is_compiled_is_named_to_who_waits(fresh_cache, slow_compiler, monkeypatch, caplog, random_bars):
    bars = random_bars(5, n=60)
    caplog.set_level("WARNING", logger="admf.compile")
    for stop in (2.0, 3.0, None):  # another number is not another kernel, one setting less is
        admf.simulate(bars, "sma_cross", {"fast": 2, "slow": 5}, execution={"stop_loss_pct": stop})
    admf.sweep(bars, "sma_cross", {"fast": [2], "slow": [5]}, metrics=["trades"])
    assert [text.removesuffix(", once: later runs load it") for text in caplog.messages] == [
        "compiling strategy sma_cross for these settings",
        "compiling strategy sma_cross for these settings",
        "compiling the metrics",
        "compiling a sweep of strategy sma_cross for these settings",
    ]


def test_modules_are_named_by_their_content(fresh_cache):
    assert compile_kernel(GOOD)() == 1
    (module,) = fresh_cache.glob("*.py")
    import hashlib

    assert module.stem == "admf_kernel_" + hashlib.sha256(GOOD.encode()).hexdigest()
    assert not list(fresh_cache.glob(".kernel-*"))  # written by rename


def test_a_cache_that_cannot_be_used_is_said_and_replaced(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("ADMF_CACHE_DIR", str(blocked))
    monkeypatch.setattr(compiling, "_kernels", {})
    with pytest.warns(UserWarning, match="set ADMF_CACHE_DIR to a folder of your own"):
        assert compile_kernel(GOOD)() == 1


def test_a_cache_of_another_user_is_not_trusted(monkeypatch, tmp_path):
    monkeypatch.setenv("ADMF_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.warns(UserWarning, match="belongs to another user"):
        assert compiling.cache_folder() != tmp_path / "admf" / "kernels"


def test_a_failed_compilation_is_remembered(fresh_cache):
    bad = "raise ValueError('no such thing')\n"
    for _ in range(2):
        with pytest.raises(CannotCompileError, match="no such thing"):
            compile_kernel(bad)


class Dictionary:
    """Numba has no untyped dictionaries."""

    @staticmethod
    def on_bar(close, prev_close):
        votes = dict(up=1.0)  # noqa: C408
        return votes["up"] if close > prev_close else 0.0


class Listed:
    table: ClassVar = [0.5]

    @staticmethod
    def on_bar(close, prev_close):
        return Listed.table[0] if close > prev_close else 0.0


class WithSelf:
    def __init__(self):
        self.seen = 0

    def on_bar(self, close):
        self.seen += 1
        return 1.0 if self.seen % 2 else 0.0


@pytest.mark.parametrize(
    ("strategy", "reason"),
    [
        (Dictionary, "numba does not know dict(up=float64)"),
        (Listed, "it reads 'Listed', a type"),
        (WithSelf, "self"),
    ],
)
def test_a_step_that_does_not_compile_runs_in_python_and_says_so(random_bars, strategy, reason):
    bars = random_bars(5, n=60)
    result = admf.simulate(bars, strategy)
    assert not result.compiled
    (warning,) = [text for text in result.warnings if "not compiled" in text]
    assert reason in warning
    assert len(warning) < 300
    assert result.assumptions["engine"].startswith("plain Python")
    assert len(result.trades) > 3
    # fresh state a simulation
    np.testing.assert_array_equal(admf.simulate(bars, strategy).equity_values, result.equity_values)


class Divides:
    @staticmethod
    def on_bar(close, prev_close):
        return 1.0 / (close - close) if close > prev_close else -1.0 / (close - close)


class PlainDivides:
    def on_bar(self, close, prev_close):  # self: not compiled
        return 1.0 / (close - close) if close > prev_close else -1.0 / (close - close)


def test_division_by_zero_is_infinite_in_both_engines_and_no_target(random_bars):
    bars = random_bars(6, n=60)
    with pytest.raises(StrategyError, match=r"Divides returned -?inf at bar 1 ") as compiled:
        admf.simulate(bars, Divides)
    plain = PlainDivides()
    with pytest.raises(StrategyError, match=r"PlainDivides returned -?inf at bar 1 ") as interpreted:
        admf.simulate(bars, plain)
    assert str(interpreted.value).replace("PlainDivides", "Divides") == str(compiled.value)
