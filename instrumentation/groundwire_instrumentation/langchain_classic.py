"""LangChain's chains of old (`RetrievalQA` and its kin): a call is a workflow that holds the rest.

Of chains inside chains the outermost is told. Retrievers and tools are LangChain's; the model call is the client's.
`chain(...)`, `run` and their async twins come by `invoke` and `ainvoke`.
"""

from collections.abc import Mapping
from typing import Any

from groundwire.model import Operation, Provider, Request
from groundwire_instrumentation._langchain_values import name_of, outcome, told


def _request(chain: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(name=name_of(chain, arguments), input=told(arguments["input"]))


PROVIDER = Provider(
    name="langchain_classic",
    module="langchain_classic.chains.base",
    distribution="langchain-classic",
    operations=(
        Operation(
            "workflow",
            ("langchain_classic.chains.base:Chain.invoke", "langchain_classic.chains.base:Chain.ainvoke"),
            _request,
            outcome,
        ),
    ),
    delegates_to=("langchain",),
)
