"""The configuration of workflows: models, YAML, overlays, JSON Schema."""

from admf.core.config.load import load_config, parse_config
from admf.core.config.models import (
    BacktestConfig,
    CostsConfig,
    DataConfig,
    ExecutionConfig,
    InfrastructureConfig,
    OutputConfig,
    SizingConfig,
    StrategyConfig,
    WorkflowType,
)
from admf.core.config.overlay import preset_names
from admf.core.config.schema import json_schema
from admf.core.config.section import Section
from admf.core.config.sections import register_section, registered_sections
from admf.core.config.workflow import WorkflowConfig

__all__ = [
    "BacktestConfig",
    "CostsConfig",
    "DataConfig",
    "ExecutionConfig",
    "InfrastructureConfig",
    "OutputConfig",
    "Section",
    "SizingConfig",
    "StrategyConfig",
    "WorkflowConfig",
    "WorkflowType",
    "json_schema",
    "load_config",
    "parse_config",
    "preset_names",
    "register_section",
    "registered_sections",
]
