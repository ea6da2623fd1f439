"""The local model: for every piece of an answer, and every sentence, the log-odds that its passages do not support it.

A MiniLM encoder of six layers in eight bits (Apache-2.0 base; training and figures: training/MODEL_CARD.md), run by
onnxruntime on one thread. Without onnxruntime (`pip install "groundwire[local]"`) the evaluators fall back on words
alone and say so.
"""

import atexit
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.resources import as_file, files
from importlib.util import find_spec
from typing import Any, Literal, TypeAlias

from groundwire.errors import ConfigurationError
from groundwire_evaluators.evidence import Window
from groundwire_evaluators.wordpiece import WordPiece

Tier: TypeAlias = Literal["auto", "local", "lexical"]
"""`local`: the model; `lexical`: words, numbers and names alone; `auto`: the model where onnxruntime is installed."""

_UNSUPPORTED, _CONTRADICTED, _RELEVANT = 1, 4, 7
"""First of the three columns of each question: attention, value, summary (see training/local_net.py)."""


@dataclass(frozen=True, slots=True)
class SentenceOdds:
    """What the model makes of one sentence in one window, as natural log-odds."""

    sentence: int
    """Its number in the answer."""
    unsupported: float
    contradicted: float
    pieces: tuple[tuple[int, int, float], ...]
    """(start, end, log-odds to be unsupported) of each piece; offsets in the answer."""


class LocalModel:
    """One session. Safe to share between threads; windows are read one by one, so a score does not depend on others."""

    def __init__(self, session: Any, pieces: WordPiece) -> None:
        self._session = session
        self.pieces = pieces

    def read(self, window: Window) -> list[SentenceOdds]:
        """The sentences of one window; 192 pieces take about 15 ms on one core."""
        columns = self._columns(window)
        first = window.first
        found: list[SentenceOdds] = []
        for number, start, end in window.sentences:
            rows = columns[first + start : first + end]
            own = rows[:, 0].tolist()
            found.append(
                SentenceOdds(
                    number,
                    self._odds(columns, rows, _UNSUPPORTED),
                    self._odds(columns, rows, _CONTRADICTED),
                    tuple(zip(window.starts[start:end], window.ends[start:end], own, strict=True)),
                )
            )
        return found

    def relevance(self, window: Window) -> float:
        """Log-odds that the statements of the window hold what the question, in the answer's place, asks for."""
        columns = self._columns(window)
        return self._odds(columns, columns[window.first : window.first + len(window.starts)], _RELEVANT)

    def _columns(self, window: Window) -> Any:
        import numpy as np

        inputs = {
            "ids": window.ids, "segments": window.segments, "matches": window.matches, "neighbours": window.neighbours,
        }  # fmt: skip
        feed = {name: np.asarray([values], np.int64) for name, values in inputs.items()}
        with _doorway.inside():
            return self._session.run(None, feed)[0][0]

    @staticmethod
    def _odds(columns: Any, rows: Any, at: int) -> float:
        import numpy as np

        attention = rows[:, at].astype(np.float64)
        weight = np.exp(attention - attention.max())
        return float((weight * rows[:, at + 1]).sum() / weight.sum() + columns[0, at + 2])


class _Doorway:
    """Keeps threads out of native code while the interpreter ends.

    A daemon thread that comes back from it then is ended by force; C++ takes that for a mistake and aborts the process.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._closed = False

    @contextmanager
    def inside(self) -> Generator[None, None, None]:
        """A run of the network; once the doorway is closed, other threads than the main one wait here for the end."""
        with self._changed:
            while self._closed and threading.current_thread() is not threading.main_thread():
                self._changed.wait()
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Let nobody in any more, and wait for who is inside: one window, some 15 ms."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: self._inside == 0, timeout=10.0)


_doorway = _Doorway()
atexit.register(_doorway.close)  # at import: what is registered later, such as flushing spans, runs before
_loading = threading.Lock()


@lru_cache(maxsize=1)
def runtime_installed() -> bool:
    """Whether onnxruntime and the weights can be found; importing is left to the first score."""
    return find_spec("onnxruntime") is not None and (files("groundwire_evaluators") / "weights/local.onnx").is_file()


def tier_version(tier: Tier) -> str:
    """Version of an evaluator with two tiers, `2-local` or `2-lexical`: scores of the two do not compare."""
    return "2-lexical" if tier == "lexical" or not runtime_installed() else "2-local"


def local_model(tier: Tier = "auto") -> LocalModel | None:
    """The model, loaded at the first call (0.2 s); None for `lexical`, and for `auto` where onnxruntime is missing.

    Raises:
        ConfigurationError: `local` was asked for and onnxruntime cannot be imported.
    """
    if tier == "lexical" or (tier == "auto" and not runtime_installed()):
        return None
    with _loading:
        model = _load()
    if model is None and tier == "local":
        raise ConfigurationError('the local model needs onnxruntime: pip install "groundwire[local]"')
    return model


@lru_cache(maxsize=1)
def _load() -> LocalModel | None:
    try:
        onnxruntime: Any = import_module("onnxruntime")
    except ImportError:
        return None
    weights = files("groundwire_evaluators") / "weights"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False  # windows differ in length: the arena would keep the largest of each
    options.log_severity_level = 3
    with as_file(weights / "local.onnx") as file:  # by path: read as bytes, it would be in memory twice
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    vocabulary = (weights / "local_vocabulary.txt").read_text("utf-8").split("\n")
    return LocalModel(session, WordPiece(vocabulary))


def strongest(sentences: Sequence[SentenceOdds]) -> dict[int, SentenceOdds]:
    """By sentence; of a sentence that was read in several parts the part most in doubt, with the pieces of all."""
    found: dict[int, SentenceOdds] = {}
    for one in sentences:
        before = found.get(one.sentence)
        if before is None:
            found[one.sentence] = one
        else:
            worst = max(before, one, key=lambda s: s.unsupported)
            pieces = before.pieces + one.pieces
            found[one.sentence] = SentenceOdds(one.sentence, worst.unsupported, worst.contradicted, pieces)
    return found
