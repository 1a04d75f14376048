from pathlib import Path
from collections.abc import Mapping, Sequence
from typing import Any
import yaml
from admf.core.config.workflow import WorkflowConfig


def parse_config(mapping: Mapping[str, Any]) -> WorkflowConfig:
    return WorkflowConfig.model_validate(mapping)


def load_config(
    path: str | Path, overrides: Sequence[str] = (), allow_modules: Sequence[str] = ()
) -> WorkflowConfig:
    return parse_config(yaml.safe_load(Path(path).read_text()))
