"""Sentence Transformers in the conformance suite: a cross-encoder of a few random weights, made here."""

import atexit
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import CrossEncoder
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

from conformance.cases import ANY, Case, Mode
from conformance.playing import play
from groundwire_instrumentation.sentence_transformers import PROVIDER

QUERY = "everest high"
TEXTS = ["fuji is high", "everest is high", "rome is a town"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "everest", "fuji", "rome", "is", "a", "high", "town"]


@cache
def weights(labels: int = 1) -> str:
    """Where a model of one layer is."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    torch.manual_seed(1)
    size = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    config = BertConfig(vocab_size=len(WORDS), num_labels=labels, initializer_range=1.0, **size)
    BertForSequenceClassification(config).save_pretrained(folder.name)
    (Path(folder.name) / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizerFast(str(Path(folder.name) / "vocab.txt")).save_pretrained(folder.name)
    return folder.name


@cache
def encoder() -> Any:
    return CrossEncoder(weights(), device="cpu")


class Wired(CrossEncoder):
    """The encoder, with a wire before its network that can fail."""

    def __init__(self, mode: Mode, served: Callable[[], None]) -> None:
        self.__dict__.update(encoder().__dict__)
        self.__dict__["wire"] = (mode, served)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        play(*self.__dict__["wire"], RuntimeError("Expected all tensors to be on the same device"))
        return super().forward(*args, **kwargs)


BEFORE = [{"content": text} for text in TEXTS]
PAIRS = [(QUERY, text) for text in TEXTS]


def _after(*texts: str) -> dict[str, Any]:
    rows = [{"content": text, "score": ANY} for text in texts]
    return {"gen_ai.retrieval.documents": rows, "groundwire.retrieval.higher_is_better": True}


def _order() -> list[str]:
    """The texts by the scores that the encoder itself gives."""
    scores = encoder().predict(PAIRS, show_progress_bar=False).tolist()
    return [text for _, text in sorted(zip(scores, TEXTS, strict=True), reverse=True)]


def _listed(rows: Any) -> Any:
    return [float(row) if not isinstance(row, dict) else row["corpus_id"] for row in rows]


CALLS: list[tuple[str, Callable[[Any], Any], dict[str, Any], int]] = [
    ("rank", lambda e: _listed(e.rank(QUERY, TEXTS, show_progress_bar=False)), {}, 3),
    (
        "rank the best",
        lambda e: _listed(e.rank(QUERY, TEXTS, top_k=2, return_documents=True, show_progress_bar=False)),
        {"gen_ai.retrieval.top_k": 2},
        2,
    ),
    ("rank what can be read once", lambda e: _listed(e.rank(QUERY, iter(TEXTS), show_progress_bar=False)), {}, 3),
    ("predict", lambda e: _listed(e.predict(PAIRS, show_progress_bar=False)), {}, 3),
    ("predict a tuple", lambda e: _listed(e.predict(tuple(PAIRS), show_progress_bar=False)), {}, 3),
    ("predict an array", lambda e: _listed(e.predict(np.array(PAIRS), show_progress_bar=False)), {}, 3),
    (
        "predict a tensor",
        lambda e: _listed(e.predict([list(pair) for pair in PAIRS], convert_to_tensor=True, show_progress_bar=False)),
        {},
        3,
    ),
]
CASES = [
    Case(
        name=name,
        provider=PROVIDER,
        client=Wired,
        call=call,
        span=f"rerank {weights()}",
        asked={
            "gen_ai.operation.name": "rerank",
            "gen_ai.provider.name": "sentence_transformers",
            "gen_ai.request.model": weights(),
            "gen_ai.retrieval.query.text": QUERY,
            "groundwire.rerank.input_documents": BEFORE,
            **asked,
        },
        answered=_after(*_order()[:count]),
        modes={"answer", "error", "interrupt"},
    )
    for name, call, asked, count in CALLS
]
