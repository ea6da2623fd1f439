"""Experiments: an application is run over a dataset, and what it did is written down as traces with scores.

`target` calls the application, `answering` writes down what it returned, `spans` frames a case, `run` does one after
the other, `file` keeps them, `result` tells what came of it.
"""

from groundwire.experiments.result import Experiment, Row
from groundwire.experiments.run import experiment

__all__ = ["Experiment", "Row", "experiment"]
