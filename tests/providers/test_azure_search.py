"""What is Azure AI Search's own: a search asks when it is iterated, and once for each page."""

from collections.abc import Callable
from typing import Any

from azure.search.documents import SearchClient

from conformance.azure_search_cases import FOUND, QUESTION
from conformance.azure_wire import Answer, opens
from conformance.cases import decoded
from conformance.harness import traced
from groundwire_instrumentation.azure_search import PROVIDER

PLACE = {"endpoint": "https://peaks.search.windows.net", "index_name": "peaks"}


def _client(body: Any, served: Callable[[], None] = lambda: None) -> Any:
    return opens(SearchClient, Answer(body), False, **PLACE)("answer", served)


def test_a_search_that_nobody_reads_is_no_call() -> None:
    with traced(PROVIDER) as tracing:
        _client(FOUND).search(QUESTION)
    assert tracing.spans == []


def test_each_page_is_a_call_of_its_own() -> None:
    more = {
        "@odata.nextLink": f"{PLACE['endpoint']}/more",
        "@search.nextPageParameters": {"search": QUESTION, "skip": 2},
    }
    with traced(PROVIDER) as tracing:
        pages = _client(FOUND | more).search(QUESTION).by_page()
        assert [len(list(next(pages))) for _ in range(2)] == [2, 2]
    assert [span.name for span in tracing.spans] == ["retrieval peaks"] * 2
    assert [decoded(span.attributes)["gen_ai.retrieval.query.text"] for span in tracing.spans] == [QUESTION] * 2


def test_there_are_as_many_calls_as_requests() -> None:
    served: list[None] = []
    with traced(PROVIDER) as tracing:
        client = _client(FOUND | {"@odata.count": 2}, lambda: served.append(None))
        found = client.search(QUESTION, include_total_count=True)
        assert found.get_count() == 2  # which asks; reading the results asks again
        assert [row["id"] for row in found] == ["1", "2"]
    assert len(tracing.spans) == len(served)
