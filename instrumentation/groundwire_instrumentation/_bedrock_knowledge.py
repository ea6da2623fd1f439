"""Bedrock's knowledge bases: what was found in one, and answers out of one or out of files that are sent along."""

from collections.abc import Iterable, Mapping
from typing import Any

from groundwire.model import Document, Response
from groundwire_instrumentation import _bedrock_converse


def searched(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a search asks for."""
    query, top_k = (asked.get("retrievalQuery") or {}).get("text"), _top_k(asked)
    return {"query": query, "top_k": top_k, "data_source": asked["knowledgeBaseId"]}


def _top_k(asked: Mapping[str, Any]) -> Any:
    given = asked.get("retrievalConfiguration") or {}
    settings = given.get("vectorSearchConfiguration") or given.get("managedSearchConfiguration") or {}
    return settings.get("numberOfResults")


def found(result: Mapping[str, Any]) -> Response:
    """What a search found."""
    return Response(documents=list(map(_document, result.get("retrievalResults") or ())), higher_is_better=True)


# --- answers --------------------------------------------------------------------------------------------------------


def _settings(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    given = asked.get("retrieveAndGenerateConfiguration") or {}
    return given.get("knowledgeBaseConfiguration") or given.get("externalSourcesConfiguration") or {}


def model(asked: Mapping[str, Any]) -> Any:
    """The ARN of the model that is to answer."""
    return _settings(asked).get("modelArn")


def asked(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What a question asks for. The prompt around it and its passages is the service's own."""
    settings = _settings(parameters)
    inference = (settings.get("generationConfiguration") or {}).get("inferenceConfig") or {}
    attributes = _bedrock_converse.parameters(inference.get("textInferenceConfig") or {})
    if session := parameters.get("sessionId"):
        attributes["gen_ai.conversation.id"] = session
    question = (parameters.get("input") or {}).get("text")
    return {
        "messages": [{"role": "user", "parts": [{"type": "text", "content": question}]}] if question else None,
        "data_source": settings.get("knowledgeBaseId"),
        "top_k": _top_k(settings),
        "attributes": attributes,
    }


def answered(result: Mapping[str, Any]) -> Response:
    """An answer with the passages that it cites; the service does not tell the others, nor how many tokens it took."""
    text = (result.get("output") or {}).get("text")
    return _answer(result.get("sessionId"), text, result.get("citations") or (), result.get("guardrailAction"))


def _answer(session: Any, text: str | None, citations: Iterable[Mapping[str, Any]], action: Any) -> Response:
    rows = [row for citation in citations for row in citation.get("retrievedReferences") or ()]
    documents: list[Document] = []
    for document in map(_document, rows):
        if document not in documents:  # cited for another sentence, too
            documents.append(document)
    blocked = action == "INTERVENED"
    part = {"type": "text", "content": text or ""} | ({"refusal": True} if blocked else {})
    return Response(
        messages=None if text is None else [{"role": "assistant", "parts": [part]}],
        finish_reasons=("content_filter",) if blocked else (),
        documents=documents,
        attributes={"gen_ai.conversation.id": session} if session else {},
    )


class Events:
    """Events of one streamed answer."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._citations: list[Mapping[str, Any]] = []
        self._action: Any = None

    def add(self, event: Mapping[str, Any]) -> None:
        if output := event.get("output"):
            self._texts.append(output.get("text") or "")
        elif cited := event.get("citation"):
            self._citations.append(cited.get("citation") or cited)  # as it was, and as it is
        elif guardrail := event.get("guardrail"):
            self._action = guardrail.get("action") or self._action

    def response(self) -> Response:
        return _answer(None, "".join(self._texts) if self._texts else None, self._citations, self._action)


# --- passages -------------------------------------------------------------------------------------------------------


def _document(row: Mapping[str, Any]) -> Document:
    return Document(_text(row.get("content") or {}), _place(row), row.get("score"), row.get("metadata"))


def _text(content: Mapping[str, Any]) -> str | None:
    """Its text, that of a row of a table, or what was heard or seen."""
    if cells := content.get("row"):
        return "\n".join(f"{cell.get('columnName')}: {cell.get('columnValue')}" for cell in cells)
    heard, seen = content.get("audio") or {}, content.get("video") or {}
    return content.get("text") or heard.get("transcription") or seen.get("summary")


def _place(row: Mapping[str, Any]) -> str | None:
    """The document's id, or where it is: each kind of location has a mapping of its own, with one text in it."""
    kinds = [kind for kind in (row.get("location") or {}).values() if isinstance(kind, Mapping)]
    return row.get("documentId") or next((text for kind in kinds for text in kind.values()), None)
