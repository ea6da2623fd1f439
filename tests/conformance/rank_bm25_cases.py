"""rank_bm25 in the conformance suite: the library itself."""

from collections.abc import Callable
from typing import Any

from rank_bm25 import BM25L, BM25Okapi, BM25Plus

from conformance.cases import Case, Mode
from conformance.playing import play
from groundwire_instrumentation.rank_bm25 import PROVIDER

TEXTS = ["Everest is 8,849 m high.", "Fuji is 3,776 m high.", "Rome is a town."]
TOKENS = [text.lower().split() for text in TEXTS]


def open_index(variant: Any) -> Callable[[Mode, Callable[[], None]], Any]:
    def opened(mode: Mode, served: Callable[[], None]) -> Any:
        index = variant(TOKENS)
        scores = index.get_scores

        def get_scores(query: Any) -> Any:
            play(mode, served, ValueError("no such word"))
            return scores(query)

        index.get_scores = get_scores
        return index

    return opened


EVEREST, FUJI = {"content": TEXTS[0]}, {"content": TEXTS[1]}
CALLS: list[tuple[str, Any, Callable[[Any], Any], int, list[dict[str, Any]]]] = [
    ("get_top_n", BM25Okapi, lambda i: i.get_top_n(["everest", "high."], TEXTS, n=1), 1, [EVEREST]),
    ("get_top_n by default", BM25Plus, lambda i: i.get_top_n(["everest", "high."], TEXTS)[:2], 5, None),
    ("get_top_n of tokens", BM25L, lambda i: i.get_top_n(["everest", "high."], TOKENS, 1), 1, None),
    (
        "get_top_n of objects",
        BM25Okapi,
        lambda i: i.get_top_n(["everest", "high."], [{"id": n, "text": t} for n, t in enumerate(TEXTS)], n=2),
        2,
        [{"id": "0", **EVEREST}, {"id": "1", **FUJI}],
    ),
    (
        "get_top_n of numbers, by words that can be read once",
        BM25Okapi,
        lambda i: i.get_top_n(iter(["everest", "high."]), range(3), n=1),
        1,
        [{"id": "0"}],
    ),
]
FOUND = {
    "get_top_n by default": [EVEREST, FUJI, {"content": TEXTS[2]}],
    "get_top_n of tokens": [{"content": TEXTS[0].lower()}],
}
CASES = [
    Case(
        name=name,
        provider=PROVIDER,
        client=open_index(variant),
        call=call,
        span="retrieval",
        asked={
            "gen_ai.operation.name": "retrieval",
            "gen_ai.provider.name": "rank_bm25",
            "gen_ai.retrieval.top_k": top_k,
            "gen_ai.retrieval.query.text": "everest high.",
        },
        answered={"gen_ai.retrieval.documents": FOUND.get(name, documents)},
        modes={"answer", "error", "interrupt"},
        kind=list,
    )
    for name, variant, call, top_k, documents in CALLS
]
