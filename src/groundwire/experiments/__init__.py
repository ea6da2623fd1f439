"""Experiments: an application is run over a dataset, and what it did is written down as traces with scores.

`target` calls the application and reads what it returns, `spans` writes a case down, `one_case` runs one, `run` all of
them, `file` keeps them, `result` tells what came of it.
"""

from groundwire.experiments.result import Experiment, Row
from groundwire.experiments.run import experiment

__all__ = ["Experiment", "Row", "experiment"]
