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
from admf.core.config.section import Section
from admf.core.config.workflow import WorkflowConfig, register_section, registered_sections

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
    "load_config",
    "parse_config",
    "register_section",
    "registered_sections",
]
