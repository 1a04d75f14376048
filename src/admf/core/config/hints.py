"""Guesses at what a user meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from admf.core.config.plain import short


def nearest(word: object, words: Iterable[str]) -> str | None:
    """Suggest the known word that is nearest to a wrong one, if one is near."""
    by_lower = {known.lower(): known for known in words}
    text = str(word).lower().replace("-", "_").replace(" ", "_")
    near = get_close_matches(text, by_lower, 1, 0.6) or [
        known for known in by_lower if len(text) > 3 and text in known
    ]
    return f"did you mean {by_lower[near[0]]}?" if near else None


_TRUE, _FALSE = ("yes", "y", "on", "1", "true", "t"), ("no", "n", "off", "0", "false", "f")


def value_hint(kind: str, value: Any) -> str | None:
    """Say how to write what was probably meant."""
    text = value.strip() if isinstance(value, str) else None
    if kind == "bool_type":
        word = str(value).lower()
        return "write true" if word in _TRUE else "write false" if word in _FALSE else None
    if kind == "string_type" and isinstance(value, bool | int | float):
        return f'put it in quotes: "{short(value)}"'
    if kind in ("float_type", "int_type") and text:
        return _number_hint(text)
    if kind == "list_type" and isinstance(value, str | int | float):
        return f"write [{value}]" if len(str(value)) < 60 else None
    return None


def _number_hint(text: str) -> str | None:
    if re.fullmatch(r"[+-]?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][+-]?[0-9]+)?", text):
        return f"write {text} without quotes"
    if re.fullmatch(r"[+-]?0[0-9]+", text):
        return f"a leading zero makes it text: write {int(text)}"
    if re.fullmatch(r"0[xob][0-9a-fA-F]+", text):
        return "write it as a decimal number"
    if re.fullmatch(r"[0-9]+([,_ '][0-9]{3})+(\.[0-9]+)?", text):
        return f"write {re.sub('[,_ ]|' + chr(39), '', text)}"
    if re.fullmatch(r"[0-9.]+ ?%", text):
        return f"write {text.rstrip('% ')}: the unit is in the key's name"
    return None
