"""An evaluator that takes its process with it: once, or always."""

import os
from dataclasses import dataclass
from pathlib import Path

from groundwire.model import RagChain, Score


@dataclass(frozen=True)
class Dying:
    name: str = "dying"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score:
        once = os.environ.get("DIE_ONCE")
        if os.environ.get("DIE_ALWAYS"):
            os._exit(9)
        if once and int(chain.trace_id, 16) % 5 == 0 and not Path(once).exists():
            Path(once).touch()
            os._exit(9)
        return Score(1.0, "good", passed=True)


dying = Dying()
