"""MLflow: `llama_index.autolog()`, exported over OTLP."""

import os

os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] + "/v1/traces"

import mlflow

from recordings import llama_index_shop, shop

serve = llama_index_shop.application()
mlflow.llama_index.autolog()
shop.run(mlflow.trace(name="answer", span_type="CHAIN")(serve))
mlflow.flush_trace_async_logging()
mlflow.tracing.disable()
