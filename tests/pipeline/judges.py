"""Evaluators for the pipeline's tests: scores follow from the answer, and what was judged is kept in a list."""

import hashlib
import os
import time
from dataclasses import dataclass

from groundwire.model import Evidence, Flaw, RagChain, Score, Skipped


def _note(name: str, chain: RagChain) -> None:
    """A line in the file that `JUDGED` names, with one call of the system: processes share it."""
    if path := os.environ.get("JUDGED"):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(handle, f"{name} {chain.trace_id} {chain.span_id}\n".encode())
        os.close(handle)


@dataclass(frozen=True)
class Hashed:
    """A score in [0, 1] out of the words."""

    name: str = "hashed"
    version: str = "1"
    threshold: float = 0.5
    sleep_s: float = 0.0

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        _note(self.name, chain)
        if self.sleep_s:
            time.sleep(self.sleep_s)
        if "skip" in (chain.question or ""):
            return Skipped("no_question", "it said so")
        said = chain.answer if self.version == "1" else chain.answer + self.version
        value = int(hashlib.sha256(said.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
        evidence = Evidence(chain.answer, 0, len(chain.answer), "supported", value, 0, flaws=(Flaw(0, 1, "words"),))
        label = "good" if value >= self.threshold else "bad"
        return Score(value, label, f"about {chain.question}", (evidence,), {"len": 1.0}, value >= self.threshold)


@dataclass(frozen=True)
class Breaking:
    """Breaks for some answers."""

    name: str = "breaking"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        _note(self.name, chain)
        if int(chain.trace_id, 16) % 3 == 0:
            raise ValueError("by three")
        return Score(1.0, "good", passed=True)


@dataclass(frozen=True)
class Paid:
    """Tells what it cost."""

    name: str = "paid"
    version: str = "1"

    def evaluate(self, chain: RagChain, /) -> Score | Skipped:
        _note(self.name, chain)
        return Score(1.0, "good", passed=True, cost_usd=0.25)


@dataclass(frozen=True)
class Many(Hashed):
    """Judges some at once."""

    name: str = "many"

    def evaluate_many(self, chains: list[RagChain], /) -> list[Score | Skipped]:
        return [self.evaluate(chain) for chain in chains]


hashed = Hashed()
newer = Hashed(version="2")
tenth = Hashed(version="10")
slow = Hashed(sleep_s=0.002)
other = Hashed(name="other")
breaking = Breaking()
paid = Paid()
many = Many()
