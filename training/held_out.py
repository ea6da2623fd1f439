"""Which sources no weight may be fitted on: the rule of the benchmark that measures on them, read from its file."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "benchmarks/judgement"))

from splits import TRAINED_ON, is_dev

__all__ = ["TRAINED_ON", "is_dev"]
