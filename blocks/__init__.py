"""Prefect blocks: data, indicators, compute, results; saved once, named in configs as ``block:NAME``."""

from admf.blocks.compute import ComputeResources
from admf.blocks.indicators import IndicatorLibrary
from admf.blocks.market_data import MarketData
from admf.blocks.reference import load_block
from admf.blocks.result_store import ResultStore

__all__ = ["ComputeResources", "IndicatorLibrary", "MarketData", "ResultStore", "load_block"]
