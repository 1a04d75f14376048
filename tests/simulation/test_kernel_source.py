"""What the generator writes: no more than a run uses, and all that the step reads."""

from __future__ import annotations

import ast
import math
from math import sqrt
from typing import ClassVar

import numba
import numpy as np
import pytest

import admf
from admf.simulation import step_source
from admf.simulation.kernel import ACCOUNT, StepCall, kernel_source, loop_source
from admf.simulation.orders.plain import Account
from admf.simulation.settings import Settings
from admf.simulation.step_source import NotEmbeddableError, collect
from admf.strategies import Choice, Float, resolve_strategy
from admf.strategies.protocol import HELD

FACTOR = 3.0
LEVELS = (0.25, 0.5)
MODULE_LIST = [1.0, 2.0]


def plain_step(close, prev_close):
    # a comment that does not recompile anything
    return 1.0 if close > prev_close else -1.0


def helper(value):
    return inner(value) * FACTOR


def inner(value):
    return sqrt(abs(value)) + math.log(2.0) + np.float64(0.0)


def step_with_helpers(close):
    return LEVELS[0] if helper(close) > LEVELS[1] else 0.0


def source_of(step, features, **more):
    values = {"rows": (), "params": {}} | more
    return kernel_source(StepCall(collect(step, {}), ("close", "prev_close"), **values), features)


def test_the_least_kernel_has_no_code_for_what_it_does_not_use():
    source = source_of(plain_step, Settings().features)
    loop = ast.parse(source).body[-1]
    assert isinstance(loop, ast.FunctionDef)
    names = {node.id for node in ast.walk(loop) if isinstance(node, ast.Name)}
    for word in (
        "stop", "goal", "trail", "level", "blocked", "slippage", "spread", "commission", "lot", "units",
        "state",
    ):  # fmt: skip
        assert not [name for name in names if word in name], word
    assert "#if" not in source
    assert "$" not in source


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"stop_loss": 0.1}, "stop_loss"),
        ({"take_profit": 0.1}, "goal"),
        ({"trailing_stop": 0.1}, "trail"),
        ({"slippage": 0.1}, "slippage"),
        ({"spread": 0.1}, "spread"),
        ({"commission": 0.1}, "commission"),
        ({"commission_fixed": 1.0}, "commission_fixed"),
        ({"commission_per_unit": 1.0}, "commission_per_unit"),
        ({"lot_size": 1.0}, "lot_size"),
        ({"method": "fixed_units", "units": 1.0}, "affordable"),
    ],
)
def test_a_feature_brings_its_lines(change, word):
    assert word not in loop_source(Settings().features)
    assert word in loop_source(Settings(**change).features)


def test_numbers_are_arguments_so_that_they_recompile_nothing():
    one, two = Settings(stop_loss=0.1, commission=0.001), Settings(stop_loss=0.2, commission=0.002)
    assert source_of(plain_step, one.features) == source_of(plain_step, two.features)
    assert one.numbers() != two.numbers()
    typed = [source_of(plain_step, one.features, params={"n": value}) for value in (1, 2, 1.0, True)]
    assert typed[0] == typed[1]
    assert len(set(typed)) == 3


def test_the_step_stands_in_the_module_with_all_that_it_reads():
    source = collect(step_with_helpers, {})
    assert list(source.functions) == ["inner", "helper", "step_with_helpers"]
    assert source.constants == {
        "FACTOR": "FACTOR = 3.0",
        "LEVELS": "LEVELS = (0.25, 0.5, )",
        "math": "import math as math",
        "np": "import numpy as np",
        "sqrt": "from math import sqrt as sqrt",
    }
    assert "a comment" not in collect(plain_step, {}).functions["plain_step"]


def test_closures_compiled_helpers_and_infinities():
    scale = 2.0
    limit = float("-inf")
    fast = numba.njit(inner)

    def on_bar(close):
        return fast(close) * scale if close > limit else 0.0

    source = collect(on_bar, {})
    assert source.constants["scale"] == "scale = 2.0"
    assert source.constants["limit"] == 'limit = float("-inf")'
    assert list(source.functions)[-1] == "on_bar"
    assert "def fast(value)" in source.functions["fast"]


def reads_a_list(close):
    return MODULE_LIST[0]


def reads_a_module(close):
    return admf.__version__


def reads_nothing_known(close):
    return undefined_name  # noqa: F821


a_lambda = lambda close: 1.0  # noqa: E731


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (reads_a_list, "it reads 'MODULE_LIST', a list"),
        (reads_a_module, "it uses the module 'admf'"),
        (reads_nothing_known, "reads 'undefined_name', which is not defined"),
        (a_lambda, "a lambda is not written as a def"),
        (len, "the step is a builtin_function_or_method, not a plain function"),
    ],
)
def test_what_cannot_be_written_out_says_why(step, reason):
    with pytest.raises(NotEmbeddableError, match=reason):
        collect(step, {})


def test_two_things_of_one_name():
    def other():
        FACTOR = 5.0

        def helper(value):
            return value * FACTOR

        return helper

    theirs = other()

    def on_bar(close):
        return helper(close) + theirs(close)

    with pytest.raises(NotEmbeddableError, match="two different things are called 'FACTOR'"):
        collect(on_bar, {})


def test_source_that_was_edited_after_the_import(tmp_path, monkeypatch):
    path = tmp_path / "edited_strategy.py"
    path.write_text("def on_bar(close):\n    return 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    import edited_strategy

    assert "return 1.0" in collect(edited_strategy.on_bar, {}).functions["on_bar"]
    # moved and commented: still the same code
    path.write_text("# more\n\n\ndef before():\n    pass\n\n\ndef on_bar(close):  # note\n    return 1.0\n")
    step_source._function_text.cache_clear()
    assert "return 1.0" in collect(edited_strategy.on_bar, {}).functions["on_bar"]
    path.write_text("def on_bar(close):\n    return -1.0\n")
    step_source._function_text.cache_clear()
    with pytest.raises(NotEmbeddableError, match="the source of on_bar has changed since it was imported"):
        collect(edited_strategy.on_bar, {})


class Texts:
    parameters: ClassVar = {
        "mode": Choice(("with", "against"), default="with"),
        "size": Float(0.0, 1.0, default=0.5),
    }

    @staticmethod
    def on_bar(close, prev_close, mode, size):
        side = 1.0 if close > prev_close else -1.0
        return side * size if mode == "with" else -side * size


def test_text_parameters_are_constants(both, random_bars):
    bars = random_bars(4, n=80)
    along = both(bars, Texts)
    against = both(bars, Texts, {"mode": "against"})
    np.testing.assert_array_equal(np.sign(along.position_values), -np.sign(against.position_values))


def test_a_changed_global_is_seen(random_bars, monkeypatch):
    bars = random_bars(4, n=80)

    class Half:
        @staticmethod
        def on_bar(close):
            return 1.0 / FACTOR

    third = admf.simulate(bars, Half)
    monkeypatch.setitem(globals(), "FACTOR", 2.0)
    half = admf.simulate(bars, Half)
    assert half.compiled
    assert half.position_values[1] == pytest.approx(third.position_values[1] * 1.5)


def test_what_a_strategy_may_ask_for_is_what_the_engines_give():
    assert set(HELD) == set(Account._fields) == set(ACCOUNT)


def test_built_in_strategies_all_compile(random_bars):
    from admf.core.registry import registry_of

    skipped = {"rules", "signals"}  # they need a config of their own
    for entry in registry_of("strategy").entries():
        if entry.name not in skipped:
            bound = resolve_strategy(entry.name)
            assert collect(bound.on_bar, {}).functions
