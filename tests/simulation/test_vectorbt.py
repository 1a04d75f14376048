"""The same signals in vectorbt: its answers are files; `benchmarks/answers.py` makes and explains them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "answers.py"
_spec = importlib.util.spec_from_file_location("admf_benchmark_answers", SCRIPT)
answers = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = answers  # its dataclass looks its own module up
_spec.loader.exec_module(answers)


@pytest.fixture(scope="module")
def stored():
    return answers.stored()


@pytest.mark.parametrize("case", answers.CASES, ids=lambda case: case.name)
def test_trades_and_equity_are_vectorbts(case, stored):
    assert answers.difference(answers.by_admf(case), stored[case.name]) is None


def test_every_case_trades_and_a_wrong_cost_is_seen(stored):
    assert {case.name for case in answers.CASES} == set(stored)
    assert min(len(trades) for trades, _ in stored.values()) >= 10
    case = answers.CASES[1]
    dearer = answers.Case(case.name, case.seed, ours={**case.ours, "costs": {"commission_bps": 10.0}})
    assert "units of trade 0" in answers.difference(answers.by_admf(dearer), stored[case.name])
