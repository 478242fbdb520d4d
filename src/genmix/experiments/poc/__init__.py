"""The proof of concept: three stages, each judged before the next, then one decision."""

from genmix.experiments.poc.engine import Planning, poc
from genmix.experiments.poc.result import Poc
from genmix.experiments.poc.settings import PocSettings, Prices

__all__ = ["Planning", "Poc", "PocSettings", "Prices", "poc"]
