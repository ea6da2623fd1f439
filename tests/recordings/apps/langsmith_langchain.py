"""LangSmith: what LangChain traces of itself, exported over OpenTelemetry only."""

import os

os.environ |= {
    "LANGSMITH_TRACING": "true",
    "LANGSMITH_TRACING_MODE": "otel",
    "LANGSMITH_API_KEY": "recording",
    "LANGSMITH_ENDPOINT": os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"],
}

from langchain_core.tracers.langchain import wait_for_all_tracers  # noqa: E402
from langsmith.run_trees import get_cached_client  # noqa: E402
from opentelemetry import trace  # noqa: E402

from recordings import langchain_shop, shop  # noqa: E402

shop.run(langchain_shop.application())
wait_for_all_tracers()
get_cached_client().flush()
provider = trace.get_tracer_provider()
if hasattr(provider, "force_flush"):
    provider.force_flush()
get_cached_client().cleanup()
