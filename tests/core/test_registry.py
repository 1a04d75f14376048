from __future__ import annotations

import sys
from importlib import invalidate_caches
from pathlib import Path

import pytest

from admf.core.registry import Registry, load, nearest, registry_of
from admf.errors import ComponentError


@pytest.fixture
def fruit() -> Registry:
    registry = Registry("fruit")
    registry.add("apple", "json:loads", aliases=("Malus",), summary="Round.")
    registry.add("pear", "json:dumps", summary="Longer.")
    return registry


def test_get_loads_by_name_and_alias(fruit: Registry) -> None:
    import json

    assert fruit.get("apple") is json.loads
    assert fruit.get("Malus") is json.loads
    assert fruit.entry("Malus").name == "apple"
    assert "Malus" in fruit
    assert "malus" not in fruit


def test_entries_are_sorted_and_complete(fruit: Registry) -> None:
    first, second = fruit.entries()
    assert (first.name, first.aliases, first.summary, first.target) == (
        "apple",
        ("Malus",),
        "Round.",
        "json:loads",
    )
    assert second.name == "pear"


@pytest.mark.parametrize(
    ("name", "aliases"),
    [("apple", ()), ("APPLE", ()), ("malus", ()), ("plum", ("Pear",)), ("plum", ("MALUS",))],
)
def test_collisions_are_errors_and_change_nothing(
    fruit: Registry, name: str, aliases: tuple[str, ...]
) -> None:
    before = fruit.entries()
    with pytest.raises(ComponentError, match=r"already registered: '(apple|pear)' at json:"):
        fruit.add(name, "json:load", aliases=aliases)
    assert fruit.entries() == before
    assert "plum" not in fruit


def test_a_name_given_twice_is_an_error(fruit: Registry) -> None:
    with pytest.raises(ComponentError, match="given the name 'Plum' twice"):
        fruit.add("plum", "json:load", aliases=("Plum",))


@pytest.mark.parametrize("name", ["", " plum", "a:b"])
def test_names_that_cannot_be_names(fruit: Registry, name: str) -> None:
    with pytest.raises(ComponentError, match="cannot name a fruit"):
        fruit.add(name, "json:load")


def test_unknown_name_lists_all_and_the_nearest(fruit: Registry) -> None:
    with pytest.raises(ComponentError) as caught:
        fruit.get("Aple")
    assert (
        str(caught.value) == "no fruit is called 'Aple'; there is: apple, pear\n  hint: did you mean 'apple'?"
    )
    with pytest.raises(ComponentError) as caught:
        fruit.get("zzzzzz")
    assert str(caught.value) == "no fruit is called 'zzzzzz'; there is: apple, pear"


def test_decorator_registers_the_object_and_its_first_line(fruit: Registry) -> None:
    @fruit.add("quince", aliases=("Cydonia",))
    class Quince:
        """Hard.

        Needs cooking.
        """

    assert fruit.get("Cydonia") is Quince
    assert fruit.entry("quince").summary == "Hard."
    assert fruit.entry("quince").address.startswith(f"{Quince.__module__}:")


def test_remove_frees_name_and_aliases(fruit: Registry) -> None:
    fruit.remove("Malus")
    assert "apple" not in fruit
    fruit.add("Malus", "json:load")
    assert [entry.name for entry in fruit.entries()] == ["Malus", "pear"]


def test_a_target_is_imported_on_first_use_only(fruit: Registry) -> None:
    fruit.add("ghost", "admf_no_such_module:thing")
    assert len(fruit.entries()) == 3
    with pytest.raises(
        ComponentError, match="fruit 'ghost': module 'admf_no_such_module' cannot be imported"
    ):
        fruit.get("ghost")


def test_load_names_the_missing_attribute() -> None:
    with pytest.raises(ComponentError) as caught:
        load("json:lods", "fruit 'x'")
    assert str(caught.value) == "fruit 'x': module 'json' has no 'lods'\n  hint: did you mean 'loads'?"
    assert load("json:JSONDecoder.decode").__name__ == "decode"


@pytest.mark.parametrize(
    "address", ["json", "json.loads", ":loads", "json:", "js on:x", "json:loads()", "../x:y"]
)
def test_bad_addresses(address: str, fruit: Registry) -> None:
    with pytest.raises(ComponentError, match="is no address of a component"):
        fruit.add("bad", address)
    assert "bad" not in fruit


def test_nearest_ignores_case() -> None:
    assert nearest("SMA_CROS", ["sma_cross", "macd_cross"]) == "sma_cross"
    assert nearest("qqqq", ["sma_cross"]) is None


def test_unknown_kind() -> None:
    with pytest.raises(ComponentError, match="did you mean 'strategy'"):
        registry_of("strategi")
    assert registry_of("capability") is registry_of("capability")


def test_a_home_is_imported_at_the_first_look_up_and_again_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry("fruit", home="admf_test_orchard")
    with pytest.raises(ModuleNotFoundError):
        registry.entries()
    (tmp_path / "admf_test_orchard.py").write_text("GROWN = True\n")
    invalidate_caches()
    assert registry.entries() == ()
    assert "admf_test_orchard" in sys.modules
