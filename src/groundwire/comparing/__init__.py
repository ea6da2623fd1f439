"""Two runs of an application: is the second worse, by how much, and how certain is that? docs/compare.md tells more.

    base, candidate = (run_of(name, open_source(name)) for name in ("v1.jsonl", "v2.jsonl"))
    compare(base, candidate, fail_on=["faithfulness:-0.03"]).failed

Nothing here writes or prints; runs hold scores already, or get them from `judged`.
"""

from groundwire.comparing.comparison import Comparison, Slice, compare
from groundwire.comparing.difference import Difference
from groundwire.comparing.gates import Gate
from groundwire.comparing.pairing import Pairing, pair
from groundwire.comparing.regressions import Regression, regressions
from groundwire.comparing.runs import Run, judged, run_of, with_answers

__all__ = [
    "Comparison", "Difference", "Gate", "Pairing", "Regression", "Run", "Slice", "compare", "judged", "pair",
    "regressions", "run_of", "with_answers",
]  # fmt: skip
