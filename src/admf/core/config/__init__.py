"""The configuration of workflows: models, YAML, overlays, JSON Schema."""

from admf.core.config.load import load_config, parse_config
from admf.core.config.models import (
    BacktestConfig,
    CommissionTier,
    CostsConfig,
    DataConfig,
    ExecutionConfig,
    InfrastructureConfig,
    MarginConfig,
    OutputConfig,
    RiskConfig,
    SizingConfig,
    StrategyConfig,
    WorkflowType,
)
from admf.core.config.overlay import preset_names
from admf.core.config.portfolio import AllocationConfig, PortfolioConfig, RebalanceConfig
from admf.core.config.schema import json_schema
from admf.core.config.section import Section
from admf.core.config.sections import register_section, registered_sections
from admf.core.config.workflow import WorkflowConfig
from admf.core.config.yaml_writer import dump_yaml

__all__ = [
    "AllocationConfig",
    "BacktestConfig",
    "CommissionTier",
    "CostsConfig",
    "DataConfig",
    "ExecutionConfig",
    "InfrastructureConfig",
    "MarginConfig",
    "OutputConfig",
    "PortfolioConfig",
    "RebalanceConfig",
    "RiskConfig",
    "Section",
    "SizingConfig",
    "StrategyConfig",
    "WorkflowConfig",
    "WorkflowType",
    "dump_yaml",
    "json_schema",
    "load_config",
    "parse_config",
    "preset_names",
    "register_section",
    "registered_sections",
]
