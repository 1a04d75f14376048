from __future__ import annotations

from typing import ClassVar

import pytest
import yaml

import admf
from admf.core.registry import registry_of
from admf.strategies import Bool, Choice, Float, Int, resolve_strategy
from admf.strategies.describe import ParameterInfo, describe, describe_parameters, example_params


class Dip:
    """Buy the dip.

    It never sells.

    Parameters
    ----------
    depth, width
        How deep, in percent,
        and how wide.
    """

    parameters: ClassVar = {
        "depth": Float(0.5, 20.0),
        "width": Int(1, 9, default=2),
        "hold": Bool(default=True),
        "price": Choice(("close", "open"), default="close"),
    }


def test_a_class_of_the_user_is_described_by_its_space_and_docstring() -> None:
    meaning = "How deep, in percent, and how wide."
    assert describe_parameters(Dip) == [
        ParameterInfo("depth", "number", "0.5 to 20", required=True, meaning=meaning),
        ParameterInfo("width", "whole number", "1 to 9", "2", meaning=meaning),
        ParameterInfo("hold", "true or false", "", "true"),
        ParameterInfo("price", "one of", "close, open", "close"),
    ]
    assert describe(Dip) == "Buy the dip.\n\nIt never sells."
    assert example_params(Dip) == "{width: 2, hold: true, price: close}"


def test_what_says_nothing_has_nothing() -> None:
    assert describe_parameters(object()) == describe_parameters(lambda view: view) == []
    assert example_params(type("Empty", (), {"on_bar": lambda close: 1.0})) == ""


@pytest.mark.parametrize("kind", ["strategy", "allocation"])
def test_built_in_components_say_what_each_parameter_is(kind: str) -> None:
    for entry in registry_of(kind).entries():
        if entry.address.startswith("admf."):
            component = registry_of(kind).get(entry.name)
            for each in describe_parameters(component):
                assert each.meaning, (entry.name, each.name)
                assert each.type, (entry.name, each.name)
            assert describe(component)


def test_examples_are_what_the_components_take(random_bars) -> None:
    for entry in registry_of("strategy").entries():
        if entry.address.startswith("admf."):
            params = yaml.safe_load(example_params(registry_of("strategy").get(entry.name)) or "{}")
            resolve_strategy(entry.name, params)
    bars = {name: random_bars(seed, n=150, symbol=name) for seed, name in enumerate(("AAA", "BBB"))}
    for entry in registry_of("allocation").entries():
        if entry.address.startswith("admf."):
            params = yaml.safe_load(example_params(registry_of("allocation").get(entry.name)) or "{}")
            assert admf.simulate_portfolio(bars, entry.name, params).allocation == entry.name
