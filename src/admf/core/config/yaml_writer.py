"""Writes a config so that `load_config` reads back the same."""

from __future__ import annotations

from typing import Any

import yaml

from admf.core.config.yaml_loader import NUMBER


class _Dumper(yaml.SafeDumper):
    """Quotes every text that our reader would take for a number; PyYAML knows the rules of YAML 1.1 alone."""


_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", NUMBER, list("-+.0123456789"))


def dump_yaml(mapping: dict[str, Any]) -> str:
    """Give the YAML text of plain data, as of `WorkflowConfig.to_mapping`, keys in their order."""
    text: str = yaml.dump(mapping, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text
