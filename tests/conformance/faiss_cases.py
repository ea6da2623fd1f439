"""faiss in the conformance suite: indexes of this process."""

from collections.abc import Callable
from functools import cache
from typing import Any

import faiss
import numpy as np

import groundwire
from conformance.cases import Case, Mode
from conformance.playing import play
from groundwire_instrumentation.faiss import PROVIDER

TEXTS = ["Everest is 8,849 m high.", "Fuji is 3,776 m high."]
VECTORS = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
ONE = np.array([[1.0, 0.0]], np.float32)
FIRST = np.array([[0]])
BITS = np.array([[1], [3]], np.uint8)


@cache
def _failing(index: Any) -> Any:
    """A class of index that can fail where it calls the library's machine code."""

    def wire(method: str) -> Any:
        def called(self: Any, *args: Any) -> Any:
            play(*self.wire, RuntimeError("Error in faiss: is_trained"))
            return getattr(index, method)(self, *args)

        return called

    kinds = ("search", "range_search", "search_and_reconstruct", "search_and_return_codes")
    methods = [f"{kind}_c" for kind in (*kinds, "search_preassigned", "range_search_preassigned")]
    return type(index.__name__, (index,), {m: wire(m) for m in methods if hasattr(index, m)})


def wired(index: Any, vectors: Any, texts: Any = None) -> Callable[[Mode, Callable[[], None]], Any]:
    """An index of that kind with those vectors."""

    def opened(mode: Mode, served: Callable[[], None]) -> Any:
        made = _failing(index)(vectors.shape[1] * (8 if vectors.dtype == np.uint8 else 1))
        object.__setattr__(made, "wire", (mode, served))
        made.add(vectors)
        return made if texts is None else groundwire.texts_for(made, texts, name="mountains")

    return opened


def identified(mode: Mode, served: Callable[[], None]) -> Any:
    """An index with ids of the application's own around another."""
    index = faiss.IndexIDMap2(faiss.IndexFlatL2(2))
    index.add_with_ids(VECTORS, np.array([70, 71]))

    class Query(np.ndarray):  # type: ignore[type-arg]
        @property
        def shape(self) -> Any:
            play(mode, served, ValueError("no such vector"))
            return super().shape

    groundwire.texts_for(index, {70: {"text": TEXTS[0], "page": 1}, "71": groundwire.Document(TEXTS[1])})
    return lambda: index.search(ONE.view(Query), k=2)


def loose(mode: Mode, served: Callable[[], None]) -> Any:
    """Vectors without an index."""
    vectors = groundwire.texts_for(VECTORS.copy(), TEXTS, name="mountains")

    class Query:
        def __array__(self, *_: Any, **__: Any) -> Any:
            play(mode, served, ValueError("no such vector"))
            return ONE

    return lambda **options: faiss.knn(Query(), vectors, 2, **options)


class Lists(faiss.IndexIVFFlat):
    """An index with one inverted list."""

    def __init__(self, size: int) -> None:
        super().__init__(faiss.IndexFlatL2(size), size, 1)
        self.train(VECTORS)


def _row(identity: int, score: float, text: str | None) -> dict[str, Any]:
    return {"id": str(identity), "score": score} | ({"content": text} if text else {})


def _near(higher: bool, *documents: dict[str, Any]) -> dict[str, Any]:
    return {"gen_ai.retrieval.documents": list(documents), "groundwire.retrieval.higher_is_better": higher}


TOP = {"gen_ai.retrieval.top_k": 2}
NAMED = {"gen_ai.data_source.id": "mountains"}
PAIR = (_row(0, 1.0, TEXTS[0]), _row(1, 0.0, TEXTS[1]))
NUMBERS = (_row(0, 0.0, None), _row(1, 2.0, None))
CALLS: list[tuple[str, Any, Callable[[Any], Any], dict[str, Any], dict[str, Any]]] = [
    ("search", wired(faiss.IndexFlatIP, VECTORS, TEXTS), lambda i: i.search(ONE, 2), TOP | NAMED, _near(True, *PAIR)),
    (
        "search without texts",
        wired(faiss.IndexFlatL2, VECTORS),
        lambda i: i.search(ONE, k=3),
        {"gen_ai.retrieval.top_k": 3},  # more than there is
        _near(False, *NUMBERS),
    ),
    (
        "search several",
        wired(faiss.IndexFlatIP, VECTORS, TEXTS),
        lambda i: i.search(VECTORS, 1),
        NAMED | {"gen_ai.retrieval.top_k": 1},
        _near(True, PAIR[0], _row(1, 1.0, TEXTS[1])),
    ),
    (
        "search_and_reconstruct",
        wired(faiss.IndexFlatIP, VECTORS, dict(enumerate(TEXTS))),
        lambda i: i.search_and_reconstruct(ONE, 2),
        TOP | NAMED,
        _near(True, *PAIR),
    ),
    (
        "range_search",
        wired(faiss.IndexFlatL2, VECTORS, TEXTS),
        lambda i: i.range_search(VECTORS, 1.0),
        NAMED,
        _near(False, _row(0, 0.0, TEXTS[0]), _row(1, 0.0, TEXTS[1])),
    ),
    (
        "search_and_return_codes",
        wired(Lists, VECTORS, TEXTS),
        lambda i: i.search_and_return_codes(ONE, 2, include_listnos=True),
        TOP | NAMED,
        _near(False, _row(0, 0.0, TEXTS[0]), _row(1, 2.0, TEXTS[1])),
    ),
    (
        "search_preassigned",
        wired(Lists, VECTORS, TEXTS),
        lambda i: i.search_preassigned(ONE, 2, FIRST, None),
        TOP | NAMED,
        _near(False, _row(0, 0.0, TEXTS[0]), _row(1, 2.0, TEXTS[1])),
    ),
    (
        "range_search_preassigned",
        wired(Lists, VECTORS, TEXTS),
        lambda i: i.range_search_preassigned(ONE, 1.0, FIRST, None),
        NAMED,
        _near(False, _row(0, 0.0, TEXTS[0])),
    ),
    (
        "search of bits",
        wired(faiss.IndexBinaryFlat, BITS, TEXTS),
        lambda i: i.search(BITS[:1], 2),
        TOP | NAMED,
        _near(False, _row(0, 0, TEXTS[0]), _row(1, 1, TEXTS[1])),
    ),
    ("knn", loose, lambda knn: knn(metric=faiss.METRIC_INNER_PRODUCT), TOP | NAMED, _near(True, *PAIR)),
    (
        "knn by distance",
        loose,
        lambda knn: knn(),
        TOP | NAMED,
        _near(False, _row(0, 0.0, TEXTS[0]), _row(1, 2.0, TEXTS[1])),
    ),
    (
        "search by ids",
        identified,
        lambda search: search(),
        TOP,
        _near(False, _row(70, 0.0, TEXTS[0]) | {"metadata": {"page": 1}}, _row(71, 2.0, TEXTS[1])),
    ),
]
CASES = [
    Case(
        name=name,
        provider=PROVIDER,
        client=client,
        call=call,
        span="retrieval mountains" if "gen_ai.data_source.id" in asked else "retrieval",
        asked={"gen_ai.operation.name": "retrieval", "gen_ai.provider.name": "faiss", **asked},
        answered=answered,
        modes={"answer", "error", "interrupt"},
        kind=tuple,
    )
    for name, client, call, asked, answered in CALLS
]
