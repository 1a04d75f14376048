from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from admf.core.seeds import SeedTree

keys = st.lists(st.text(max_size=5) | st.integers(-5, 5), max_size=3).map(tuple)


def test_numbers_are_pinned() -> None:
    # A change of these is a change of every seeded result there is.
    assert SeedTree(7).integer("monte_carlo", 3) == 1081978191
    assert SeedTree(7).generator("monte_carlo", 3).integers(0, 1000, 3).tolist() == [127, 414, 890]


def test_other_processes_draw_the_same() -> None:
    code = "from admf.core.seeds import SeedTree; print(SeedTree(3).generator('a', 1).random())"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert float(out) == SeedTree(3).generator("a", 1).random()


def test_order_does_not_matter_and_asking_again_starts_again() -> None:
    tree = SeedTree(11)
    later = tree.generator("b").random(4)
    tree.generator("a").random(100)
    np.testing.assert_array_equal(tree.generator("b").random(4), later)


def test_child_is_a_longer_key() -> None:
    tree = SeedTree(5)
    assert tree.child("stage", 2).integer("trial") == tree.integer("stage", 2, "trial")


@given(keys, keys)
def test_different_keys_give_different_numbers(
    one: tuple[str | int, ...], other: tuple[str | int, ...]
) -> None:
    same = [*map(type, one), *one] == [*map(type, other), *other]
    draws = [SeedTree(1).generator(*key).integers(0, 2**62) for key in (one, other)]
    assert (draws[0] == draws[1]) == same


def test_seeds_differ() -> None:
    assert SeedTree(1).integer("a") != SeedTree(2).integer("a")


def test_a_seed_that_is_drawn_is_recorded_and_repeats() -> None:
    tree = SeedTree()
    assert tree.drawn
    assert tree.child("x").drawn
    assert SeedTree(tree.seed).integer("a") == tree.integer("a")
    assert not SeedTree(tree.seed).drawn


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, True, "7"])
def test_bad_seeds(seed: object) -> None:
    with pytest.raises(ValueError, match="a seed is a whole number"):
        SeedTree(seed)  # type: ignore[arg-type]


def test_bad_keys() -> None:
    with pytest.raises(TypeError, match=r"text and whole numbers, not 1\.5"):
        SeedTree(1).integer(1.5)  # type: ignore[arg-type]


def test_bytes_of_surrogates_do_not_break_a_key() -> None:
    assert SeedTree(1).integer("\ud800") != SeedTree(1).integer("\ud801")
