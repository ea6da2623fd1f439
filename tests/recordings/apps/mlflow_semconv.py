"""The application of `mlflow.py`, exported in the words of the OpenTelemetry conventions: MLflow has a switch."""

import os
import runpy
from pathlib import Path

os.environ["MLFLOW_ENABLE_OTEL_GENAI_SEMCONV"] = "true"
runpy.run_path(str(Path(__file__).with_name("mlflow.py")), run_name="__main__")
