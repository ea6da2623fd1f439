"""MLflow: `langchain.autolog()` around an agent, exported over OTLP."""

import os

os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] + "/v1/traces"

import mlflow

from recordings import agent_shop, shop

serve = agent_shop.application()
mlflow.langchain.autolog()
shop.run(serve)
mlflow.flush_trace_async_logging()
mlflow.tracing.disable()
