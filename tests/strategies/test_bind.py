"""Finding, checking and binding strategies: what conforms runs, the rest is refused with a reason."""

# ruff: noqa: RUF012, N805 - users write strategies like this

import inspect
import math
import sys
import textwrap
import types

import pytest

from admf.errors import ComponentError, StrategyError
from admf.indicators import BBANDS, SMA
from admf.strategies import Bool, Choice, Float, Int, ParameterError, resolve_strategy
from admf.testing import decisions
from admf.testing.bars import example_bars


class Plain:
    """No base class, no self."""

    parameters = {"fast": Int(2, 50, default=5), "slow": Int(3, 200, default=20), "scale": Float(0, 1, 0.5)}
    constraints = ("fast < slow",)

    def indicators(p):
        return {"fast_ma": SMA(p.fast), "slow_ma": SMA(p.slow)}

    def on_bar(fast_ma, slow_ma, scale, prev_close, close):
        return scale if fast_ma > slow_ma else 0.0


def test_bound_with_defaults():
    bound = resolve_strategy(Plain, {"fast": 10})
    assert bound.name == "Plain"
    assert bound.source_ref == f"{__name__}:Plain"
    assert bound.params == {"fast": 10, "slow": 20, "scale": 0.5}
    assert bound.indicators == {"fast_ma": SMA(10), "slow_ma": SMA(20)}
    assert bound.arguments == ("fast_ma", "slow_ma", "scale", "prev_close", "close")
    assert bound.on_bar(2.0, 1.0, 0.5, 0.0, 0.0) == 0.5
    assert bound.needs_python is None
    assert bound.new_step() is bound.on_bar
    assert resolve_strategy(bound) is bound


def test_a_class_an_instance_and_a_module_are_the_same():
    module = types.ModuleType("my_module")
    for name in ("parameters", "constraints", "indicators", "on_bar"):
        setattr(module, name, Plain.__dict__[name])

    class WithStatic:
        parameters, constraints = Plain.parameters, Plain.constraints
        indicators = staticmethod(Plain.__dict__["indicators"])
        on_bar = staticmethod(Plain.__dict__["on_bar"])

    bars = example_bars(seed=1, count=120)
    expected = decisions(resolve_strategy(Plain), bars)
    assert not all(math.isnan(each) for each in expected)
    for ref in (Plain(), module, WithStatic, WithStatic()):
        bound = resolve_strategy(ref)
        assert bound.on_bar is Plain.__dict__["on_bar"]
        assert decisions(bound, bars)[20:] == expected[20:]
    assert resolve_strategy(module).name == "my_module"


class Counting:
    """Remembers in itself, so every simulation needs its own."""

    parameters = {"every": Int(1, 10, default=3)}

    def __init__(self):
        self.seen = 0

    def on_bar(self, close, every):
        self.seen += 1
        return 1.0 if self.seen % every == 0 else 0.0


@pytest.mark.parametrize("ref", [Counting, Counting()])
def test_self_gets_a_fresh_instance_for_each_simulation(ref):
    bound = resolve_strategy(ref)
    assert bound.needs_python == "on_bar takes self"
    assert bound.arguments == ("close", "every")
    first, second = bound.new_step(), bound.new_step()
    assert [first(1.0, 3) for _ in range(4)] == [0.0, 0.0, 1.0, 0.0]
    assert [second(1.0, 3) for _ in range(4)] == [0.0, 0.0, 1.0, 0.0]
    if not inspect.isclass(ref):
        assert ref.seen == 0


def test_state():
    class Trend:
        def initial_state(p):
            return (0.0, 0)

        def on_bar(close, state):
            return 1.0, (close, state[1] + 1)

    assert resolve_strategy(Trend).initial_state == (0.0, 0)


def test_warm_up_counts_indicators_and_the_bar_before_but_no_column():
    class S:
        indicators = {"ma": SMA(5)}
        columns = {"score": "score"}

        def on_bar(ma, prev_ma, score):
            return 1.0

    bars = example_bars(count=30)
    from admf.indicators import IndicatorTable

    row = IndicatorTable(bars).row(SMA(5))
    bound = resolve_strategy(S)
    assert bound.first_complete_bar({"ma": row}) == 5
    assert bound.first_complete_bar({"ma": row * math.nan}) == 30
    assert bound.first_complete_bar({"ma": row[:3]}) == 3


def test_all_problems_of_parameters_at_once():
    with pytest.raises(ParameterError) as caught:
        resolve_strategy(Plain, {"fast": True, "slwo": 30, "slow": 900, "scale": None})
    assert str(caught.value) == textwrap.dedent("""\
        strategy 'Plain': 4 problems in its parameters
          slwo: is no parameter of this strategy
            allowed: fast, slow, scale
            hint: did you mean slow?
          fast: must be a whole number; found True
          slow: must be from 3 to 200; found 900
          scale: is empty""")
    assert [problem.path for problem in caught.value.problems] == ["slwo", "fast", "slow", "scale"]


def test_a_constraint_is_judged_when_its_parameters_are_sound():
    with pytest.raises(ParameterError) as caught:
        resolve_strategy(Plain, {"fast": 30, "scale": 7})
    assert str(caught.value) == textwrap.dedent("""\
        strategy 'Plain': 2 problems in its parameters
          scale: must be from 0 to 1; found 7
          fast, slow: must satisfy fast < slow; found fast=30, slow=20""")


def define(**members):
    members.setdefault("on_bar", lambda close: 1.0)
    return type("S", (), members)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            {"on_bar": None},
            "strategy 'S' has no on_bar\n"
            "  hint: it needs a function on_bar(close, ...) that returns a target",
        ),
        (
            {"on_bar": None, "onbar": print},
            "strategy 'S' has no on_bar\n  hint: it has onbar: rename it",
        ),
        ({"on_bar": 3}, "strategy 'S': on_bar must be a plain function; found 3"),
        (
            {
                "on_bar": lambda close, smaa, fats: 1,
                "indicators": {"sma": SMA(3)},
                "parameters": {"fast": Int(1, 2, 1)},
            },
            "strategy 'S': on_bar asks for 'smaa', 'fats', which there is not; it may ask for: open, high, "
            "low, close, volume, sma, fast, position, entry_price, bars_held, equity, state; and prev_NAME "
            "of: open, high, low, close, volume, sma\n  hint: did you mean smaa -> sma, fats -> fast?",
        ),
        (
            {"on_bar": lambda *values: 1},
            "strategy 'S': on_bar has *values\n  hint: name the values that it wants, one by one",
        ),
        (
            {"on_bar": lambda close, k=3: 1},
            "strategy 'S': on_bar: k has a default\n  hint: make it a parameter: parameters = {'k': ...}",
        ),
        (
            {"on_bar": lambda *, close: 1},
            "strategy 'S': on_bar: close is keyword-only\n  hint: remove the * before it",
        ),
        ({"parameters": [1]}, "strategy 'S': parameters must be a mapping; found [1]"),
        (
            {"parameters": {"n": (5, 50)}},
            "strategy 'S': parameter 'n' must be an Int, Float, Bool or Choice; found (5, 50)",
        ),
        (
            {"parameters": {"n": Int(1, 2)}},
            "strategy 'S': 1 problem in its parameters\n  n: has no default and must be given",
        ),
        (
            {"constraints": "fast < slow"},
            "strategy 'S': constraints must be a list of texts; found 'fast < slow'\n"
            '  hint: write constraints = ("fast < slow",)',
        ),
        (
            {"constraints": ("fast < slow",), "parameters": {"fast": Int(1, 2, 1)}},
            "strategy 'S': constraint 'fast < slow': column 8: there is no 'slow'; there is: fast\n"
            "    fast < slow\n           ^",
        ),
        ({"indicators": [SMA(3)]}, f"strategy 'S': indicators must give a mapping by name; found {[SMA(3)]}"),
        ({"indicators": {"ma": 20}}, "strategy 'S': indicator 'ma' must be a spec such as SMA(20); found 20"),
        (
            {"indicators": {"bands": BBANDS(20)}},
            "strategy 'S': indicator 'bands': BBANDS has 3 outputs and none is chosen: upperband, "
            "middleband, lowerband\n  hint: write BBANDS(...).upperband",
        ),
        (
            {"indicators": {"prev_ma": SMA(3)}},
            "strategy 'S': indicator 'prev_ma' is a name that is taken, as are open, high, low, close, "
            "volume, position, entry_price, bars_held, equity, state, p, self, nan, abs, min, max, on_bar, "
            "and those beginning with prev_ or _",
        ),
        (
            {"indicators": {"a b": SMA(3)}},
            "strategy 'S': indicator 'a b' is no name: use letters, digits and _",
        ),
        (
            {"indicators": {"n": SMA(3)}, "parameters": {"n": Bool(True)}},
            "strategy 'S': 'n' names a parameter and a indicator\n  hint: rename one",
        ),
        ({"columns": {"score": 3}}, "strategy 'S': column 'score' must be the name of a column; found 3"),
        (
            {"on_bar": lambda state: 1},
            "strategy 'S': on_bar asks for state, but there is no initial_state(p)",
        ),
        (
            {"initial_state": lambda p: (1,)},
            "strategy 'S' has initial_state, but on_bar does not ask for state",
        ),
        (
            {"initial_state": lambda p: 1, "on_bar": lambda state: 1},
            "strategy 'S': initial_state must give a tuple of at least one value; found 1",
        ),
    ],
)
def test_what_does_not_conform_is_refused(members, message):
    with pytest.raises(StrategyError) as caught:
        resolve_strategy(define(**members))
    assert str(caught.value) == message


def test_a_failure_in_the_users_code_says_file_and_line():
    def indicators(p):
        return {"ma": SMA(p.fats)}

    line = inspect.getsourcelines(indicators)[1] + 1
    with pytest.raises(StrategyError) as caught:
        resolve_strategy(define(indicators=indicators, parameters={"fast": Int(1, 9, 3)}))
    assert str(caught.value) == (
        f"strategy 'S': indicators fails: {__file__}, line {line}: AttributeError: "
        "no parameter 'fats'; there is: fast; did you mean fast?"
    )


def test_an_error_of_ours_in_the_users_code_keeps_its_words():
    with pytest.raises(StrategyError) as caught:
        resolve_strategy(define(indicators=lambda p: {"ma": SMA(0)}))
    assert str(caught.value) == (
        "strategy 'S': indicators: SMA: timeperiod is out of range; found 0, allowed 1 to 100000"
    )


def test_choice_of_texts_and_flags_in_constraints():
    bound = resolve_strategy(
        define(
            parameters={"kind": Choice(("a", "b"), "a"), "on": Bool(True), "n": Choice((1, 2), 1)},
            constraints=("not on or n < 3",),
        )
    )
    assert bound.params == {"kind": "a", "on": True, "n": 1}


class TestModules:
    @pytest.fixture
    def folder(self, tmp_path, monkeypatch):
        monkeypatch.syspath_prepend(tmp_path)
        before = set(sys.modules)
        yield tmp_path
        for name in set(sys.modules) - before:
            del sys.modules[name]

    def test_an_allowed_module_is_imported(self, folder):
        (folder / "mine_a").mkdir()
        (folder / "mine_a" / "__init__.py").write_text("")
        (folder / "mine_a" / "trend.py").write_text(
            "class Outer:\n    class Mine:\n        def on_bar(close): return 1.0\n"
        )
        bound = resolve_strategy("mine_a.trend:Outer.Mine", {}, ["mine_a"])
        assert (bound.name, bound.source_ref) == ("Mine", "mine_a.trend:Outer.Mine")
        with pytest.raises(StrategyError) as caught:
            resolve_strategy("mine_a.trend:Outer.Mien", {}, ["mine_a.trend"])
        assert str(caught.value) == (
            "strategy 'mine_a.trend:Outer.Mien': Outer has no 'Mien'\n  hint: did you mean 'Mine'?"
        )

    def test_another_module_is_not_even_imported(self, folder):
        (folder / "mine_b.py").write_text("raise SystemExit('must not run')\n")
        for allowed, shown in [
            ((), "none"),
            (("mine", "mine_bb", "other.mine_b"), "mine, mine_bb, other.mine_b"),
        ]:
            with pytest.raises(StrategyError) as caught:
                resolve_strategy("mine_b:Mine", {}, allowed)
            assert str(caught.value) == (
                f"strategy 'mine_b:Mine': module 'mine_b' may not be imported; allowed is: {shown}\n"
                "  hint: a config runs only code that you allow: "
                "add `allow_modules: [mine_b]` under `workflow`"
            )
        assert "mine_b" not in sys.modules

    @pytest.mark.parametrize("ref", ["os.path:", ":Mine", "a b:Mine", "../x:Mine", "mine:Mine()", "mine:a:b"])
    def test_no_address(self, ref):
        with pytest.raises(StrategyError, match="is no address\n  hint: write module:Name"):
            resolve_strategy(ref, {}, ["mine", "os"])

    def test_a_missing_module(self, folder):
        with pytest.raises(StrategyError) as caught:
            resolve_strategy("mine_c:Mine", {}, ["mine_c"])
        assert str(caught.value) == (
            "strategy 'mine_c:Mine': there is no module 'mine_c'\n"
            "  hint: it must be installed, lie in the working folder, or in a folder on PYTHONPATH"
        )

    @pytest.mark.parametrize(
        ("content", "line", "message"),
        [
            ("import numpy\n\nx = 1 / 0\n", 3, "ZeroDivisionError: division by zero"),
            ("def f(:\n", 1, "SyntaxError: invalid syntax"),
            ("import not_there_at_all\n", 1, "ModuleNotFoundError: No module named 'not_there_at_all'"),
        ],
    )
    def test_a_module_that_fails_says_where(self, folder, content, line, message):
        path = folder / f"mine_d{line}_{len(content)}.py"
        path.write_text(content)
        with pytest.raises(StrategyError) as caught:
            resolve_strategy(f"{path.stem}:Mine", {}, [path.stem])
        assert str(caught.value) == (
            f"strategy '{path.stem}:Mine': importing {path.stem} fails: {path}, line {line}: {message}"
        )

    def test_a_wrong_definition_in_the_module_keeps_its_words(self, folder):
        (folder / "mine_e.py").write_text("from admf.strategies import Int\nn = Int(5, 1)\n")
        with pytest.raises(StrategyError) as caught:
            resolve_strategy("mine_e:Mine", {}, ["mine_e"])
        assert str(caught.value) == "strategy 'mine_e:Mine': Int: low 5 is above high 1"


def test_an_unknown_name_gives_the_nearest():
    with pytest.raises(ComponentError, match=r"no strategy is called 'sma_crss'.*\n.*mean 'sma_cross'\?"):
        resolve_strategy("sma_crss")
    with pytest.raises(
        StrategyError, match="strategy parameters must be a mapping of names to values; found 3"
    ):
        resolve_strategy("sma_cross", 3)


def test_a_class_that_needs_arguments_is_told_so():
    class Needs:
        def __init__(self, n):
            self.n = n

        def on_bar(self, close):
            return 1.0

    with pytest.raises(
        StrategyError, match=r"Needs\(\) fails: .*TypeError.*\n.*made anew for every simulation"
    ):
        resolve_strategy(Needs).new_step()
    assert resolve_strategy(Needs(3)).new_step()(1.0) == 1.0
