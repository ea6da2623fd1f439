"""LangSmith: what an agent of LangChain traces of itself, exported over OpenTelemetry only."""

import os

os.environ |= {
    "LANGSMITH_TRACING": "true",
    "LANGSMITH_TRACING_MODE": "otel",
    "LANGSMITH_API_KEY": "recording",
    "LANGSMITH_ENDPOINT": os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"],
}

from langchain_core.tracers.langchain import wait_for_all_tracers
from langsmith.run_trees import get_cached_client
from opentelemetry import trace

from recordings import agent_shop, shop

shop.run(agent_shop.application())
wait_for_all_tracers()
get_cached_client().flush()
provider = trace.get_tracer_provider()
if hasattr(provider, "force_flush"):
    provider.force_flush()
get_cached_client().cleanup()
