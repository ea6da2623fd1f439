"""bm25s in the conformance suite: the library itself."""

from collections.abc import Callable, Iterator
from typing import Any

import bm25s
import numpy as np

import groundwire
from conformance.cases import ANY, Case, Mode
from conformance.playing import play, without
from groundwire_instrumentation.bm25s import PROVIDER

TEXTS = ["everest is 8849 m high", "fuji is 3776 m high", "rome is a town"]
QUERY = "everest high"


class Wired(bm25s.BM25):
    """An index that can fail."""

    mode: Mode = "answer"

    def served(self) -> None:
        pass

    def get_scores(self, *args: Any, **kwargs: Any) -> Any:
        play(self.mode, self.served, ValueError("unknown token"))
        return super().get_scores(*args, **kwargs)


def open_index(corpus: Any = None, texts: Any = None) -> Callable[[Mode, Callable[[], None]], Any]:
    def opened(mode: Mode, served: Callable[[], None]) -> Any:
        index = Wired(corpus=corpus)
        index.index([text.split() for text in TEXTS], show_progress=False)
        index.mode, index.served = mode, served  # type: ignore[method-assign]
        return index if texts is None else groundwire.texts_for(index, texts, name="mountains")

    return opened


def _retrieve(*args: Any, **kwargs: Any) -> Callable[[Any], Any]:
    return lambda index: index.retrieve(*args, show_progress=False, **kwargs)


EVEREST = {"id": "0", "score": ANY, "content": TEXTS[0]}
FUJI = {"id": "1", "score": ANY, "content": TEXTS[1]}
HIGHER = {"groundwire.retrieval.higher_is_better": True}
NAMED = {"gen_ai.data_source.id": "mountains"}
ASKED = {"gen_ai.retrieval.top_k": 2, "gen_ai.retrieval.query.text": QUERY}
ROWS = [{"id": n, "text": text, "page": n} for n, text in enumerate(TEXTS)]
PAGES = [EVEREST | {"metadata": {"page": 0}}, FUJI | {"metadata": {"page": 1}}]


def _calls() -> Iterator[tuple[str, Any, Any, dict[str, Any], dict[str, Any], list[dict[str, Any]]]]:
    tokens = bm25s.tokenize(QUERY, show_progress=False, stopwords=[])
    pair = (tokens.ids, tokens.vocab)
    yield "retrieve", open_index(TEXTS), _retrieve(tokens, k=2), ASKED, HIGHER, without("id", EVEREST, FUJI)
    yield "retrieve a pair", open_index(TEXTS), _retrieve(pair, None, 2), ASKED, HIGHER, without("id", EVEREST, FUJI)
    yield (
        "retrieve a pair that can be read once",
        open_index(TEXTS),
        lambda index: _retrieve((iter(tokens.ids), tokens.vocab), k=2)(index),
        {"gen_ai.retrieval.top_k": 2},
        HIGHER,
        without("id", EVEREST, FUJI),
    )
    yield "retrieve rows", open_index(ROWS), _retrieve([QUERY.split()], k=2), ASKED, HIGHER, PAGES
    yield (
        "retrieve from a corpus given",
        open_index(),
        _retrieve([QUERY.split()], corpus=np.array(TEXTS), k=2, n_threads=0),
        ASKED,
        HIGHER,
        without("id", EVEREST, FUJI),
    )
    yield "retrieve numbers", open_index(), _retrieve(tokens, k=2), ASKED, HIGHER, without("content", EVEREST, FUJI)
    yield "retrieve named", open_index(None, TEXTS), _retrieve(tokens, k=2), ASKED | NAMED, HIGHER, [EVEREST, FUJI]
    yield "retrieve rows by number", open_index(None, ROWS), _retrieve(tokens, k=2), ASKED | NAMED, HIGHER, PAGES
    yield (
        "retrieve documents alone",
        open_index(None, dict(enumerate(TEXTS))),
        _retrieve(tokens, k=2, return_as="documents"),
        ASKED | NAMED,
        {},
        without("score", EVEREST, FUJI),
    )
    yield (
        "retrieve several",
        open_index(None, {"0": TEXTS[0]}),
        _retrieve([["everest"], ["fuji"]], k=1),
        NAMED | {"gen_ai.retrieval.top_k": 1, "gen_ai.retrieval.query.text": "everest\nfuji"},
        HIGHER,
        [EVEREST, {"id": "1", "score": ANY}],
    )


CASES = [
    Case(
        name=name,
        provider=PROVIDER,
        client=client,
        call=call,
        span="retrieval mountains" if "gen_ai.data_source.id" in asked else "retrieval",
        asked={"gen_ai.operation.name": "retrieval", "gen_ai.provider.name": "bm25s", **asked},
        answered={"gen_ai.retrieval.documents": documents, **answered},
        modes={"answer", "error", "interrupt"},
    )
    for name, client, call, asked, answered, documents in _calls()
]
