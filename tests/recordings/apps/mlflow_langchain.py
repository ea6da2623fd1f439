"""MLflow: `langchain.autolog()`, exported over OTLP."""

import os

os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] + "/v1/traces"

import mlflow

from recordings import langchain_shop, shop

serve = langchain_shop.application()
mlflow.langchain.autolog()
shop.run(serve)
mlflow.flush_trace_async_logging()
mlflow.tracing.disable()
