"""FlashRank in the conformance suite: the ranker itself, over weights that are replaced by a count of shared words."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from flashrank import Ranker, RerankRequest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from conformance.cases import ANY, Case, Mode
from conformance.playing import play, without
from groundwire_instrumentation.flashrank import PROVIDER

QUERY = "everest high"
TEXTS = ["fuji is high", "everest is high"]
WORDS = {"[UNK]": 0, "everest": 1, "high": 2, "is": 3, "fuji": 4}


class Session:
    """In place of the network: texts that share more words with the query have a greater logit."""

    def __init__(self, mode: Mode, served: Callable[[], None]) -> None:
        self._mode = mode
        self._served = served

    def run(self, _: None, given: dict[str, Any]) -> list[Any]:
        play(self._mode, self._served, RuntimeError("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT"))
        return [np.array([[len(row) - len(set(row))] for row in given["input_ids"].tolist()], np.float32)]


class Llama:
    """In place of a listwise model."""

    def __init__(self, mode: Mode, served: Callable[[], None]) -> None:
        self._mode = mode
        self._served = served

    def create_chat_completion(self, _: Any) -> Any:
        play(self._mode, self._served, RuntimeError("llama_decode returned 1"))
        return {"choices": [{"message": {"content": "[2] > [1]"}}]}


def open_ranker(mode: Mode, served: Callable[[], None]) -> Any:
    ranker = Ranker.__new__(Ranker)  # its constructor downloads the weights
    tokenizer = Tokenizer(WordLevel(WORDS, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    ranker.__dict__.update(
        model_dir=Path("models/ms-marco-TinyBERT-L-2-v2"),
        logger=logging.getLogger("flashrank"),
        tokenizer=tokenizer,
        session=Session(mode, served),
        llm_model=None,
    )
    return ranker


def open_listwise(mode: Mode, served: Callable[[], None]) -> Any:
    ranker = open_ranker(mode, served)
    ranker.llm_model = Llama(mode, served)
    return ranker


def _passages() -> list[dict[str, Any]]:
    return [{"id": n, "text": text, "meta": {"page": n}} for n, text in enumerate(TEXTS)]


BEFORE = [{"id": str(n), "content": text, "metadata": {"page": n}} for n, text in enumerate(TEXTS)]
AFTER = [{**document, "score": ANY} for document in reversed(BEFORE)]
SOURCE = {"metadata": {"source": "b.pdf"}}
SCORED = {"gen_ai.retrieval.documents": AFTER, "groundwire.retrieval.higher_is_better": True}
CALLS: list[tuple[str, Any, Callable[[Any], Any], list[dict[str, Any]], dict[str, Any]]] = [
    ("rerank", open_ranker, lambda r: r.rerank(RerankRequest(QUERY, _passages())), BEFORE, SCORED),
    (
        "rerank without ids",
        open_ranker,
        lambda r: r.rerank(request=RerankRequest(QUERY, [{"text": TEXTS[0]}, {"text": TEXTS[1], "source": "b.pdf"}])),
        [{"content": TEXTS[0]}, {"content": TEXTS[1], **SOURCE}],
        SCORED
        | {
            "gen_ai.retrieval.documents": [
                {"content": TEXTS[1], "score": ANY, **SOURCE},
                {"content": TEXTS[0], "score": ANY},
            ]
        },
    ),
    (
        "rerank listwise",
        open_listwise,
        lambda r: r.rerank(RerankRequest(QUERY, _passages())),
        BEFORE,
        {"gen_ai.retrieval.documents": without("score", *AFTER)},
    ),
]
CASES = [
    Case(
        name=name,
        provider=PROVIDER,
        client=client,
        call=call,
        span="rerank ms-marco-TinyBERT-L-2-v2",
        asked={
            "gen_ai.operation.name": "rerank",
            "gen_ai.provider.name": "flashrank",
            "gen_ai.request.model": "ms-marco-TinyBERT-L-2-v2",
            "gen_ai.retrieval.query.text": QUERY,
            "groundwire.rerank.input_documents": before,
        },
        answered=answered,
        modes={"answer", "error", "interrupt"},
        kind=list,
    )
    for name, client, call, before, answered in CALLS
]
