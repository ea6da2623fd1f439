"""What recorded applications have in common: from a question to an answer, with a search and a model of their own.

Standard library only, like `truth`.
"""

from collections.abc import Callable

from recordings import truth

Messages = list[dict[str, str]]
Search = Callable[[str, int], list[str]]
"""(what to look for, how many passages) -> ids of passages, best first."""
Chat = Callable[[Messages, bool], str]
"""(messages, whether to stream) -> what the model says."""


def answer(request: truth.Request, search: Search, chat: Chat) -> str:
    """One request, as this application serves it: rewritten, searched for, sorted by its own code, answered."""
    if request.query is not None:
        said = chat([{"role": "user", "content": truth.rewrite_prompt(request.question)}], False)
        assert said == request.query, said
    if not request.retrieved:
        return chat([{"role": "user", "content": request.question}], request.streamed)
    found = search(request.search, len(request.retrieved))
    assert tuple(found) == request.retrieved, (found, request.retrieved)
    messages = [
        {"role": "system", "content": truth.SYSTEM},
        {"role": "user", "content": truth.answer_prompt(request.question, truth.texts(request.prompt))},
    ]
    return chat(messages, request.streamed)


def run(serve: Callable[[truth.Request], str]) -> None:
    """All requests, each of them checked."""
    for request in truth.REQUESTS:
        said = serve(request)
        assert said == request.answer, (request.name, said)
        print(said)
