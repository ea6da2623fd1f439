"""What the user asked for, and the one place where the environment is read."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from groundwire.call import Capture
from groundwire.errors import ConfigurationError

CAPTURE_VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_NO = ("false", "0", "no", "off")
_STRICTNESS: Mapping[Capture, int] = {"full": 0, "scored": 1, "off": 2}


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables that matter to us, as found when `instrument()` was called."""

    otlp_endpoint: str | None = None
    otlp_protocol: Literal["http/protobuf", "grpc"] = "http/protobuf"
    traces_exporters: tuple[str, ...] = ()
    """`OTEL_TRACES_EXPORTER`: what to export to, where the code does not say."""
    capture: Capture | None = None
    service_name: str = "unknown_service"
    attribute_length_limit: int | None = None
    batch_queue_size: int | None = None
    steady_context: bool = True
    """`GROUNDWIRE_STEADY_CONTEXT`: whether threads and executors carry the context along."""


def read_environment(variables: Mapping[str, str] = os.environ) -> Environment:
    """The environment, read once. Values that mean nothing are passed over as if they were not set."""
    protocol = next((v for name in _PROTOCOLS if (v := variables.get(name, "").strip())), "http/protobuf")
    exporters = variables.get("OTEL_TRACES_EXPORTER", "")
    return Environment(
        otlp_endpoint=next((v for name in _ENDPOINTS if (v := variables.get(name, "").strip())), None),
        otlp_protocol="grpc" if protocol == "grpc" else "http/protobuf",
        traces_exporters=tuple(e for part in exporters.split(",") if (e := part.strip())),
        capture=_capture(variables.get(CAPTURE_VARIABLE, "")),
        service_name=service_name_of(variables, Path(sys.argv[0]).stem if sys.argv and sys.argv[0] else ""),
        attribute_length_limit=_number(variables, "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT")
        or _number(variables, "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
        batch_queue_size=_number(variables, "OTEL_BSP_MAX_QUEUE_SIZE"),
        steady_context=variables.get("GROUNDWIRE_STEADY_CONTEXT", "").strip().lower() not in _NO,
    )


def capture_of(asked: Capture | None, environment: Environment) -> Capture:
    """How content is treated: what was asked for, or the environment's word where that is stricter.

    Raises:
        ConfigurationError: there is no such mode.
    """
    if asked is not None and asked not in _STRICTNESS:
        raise ConfigurationError(f"capture must be 'full', 'scored' or 'off', got {asked!r}")
    modes: list[Capture] = [mode for mode in (asked, environment.capture) if mode is not None]
    return max(modes, key=lambda mode: _STRICTNESS[mode]) if modes else "full"


def _capture(value: str) -> Capture | None:
    value = value.strip().upper()
    if value in ("SPAN_ONLY", "SPAN_AND_EVENT", "TRUE", "1"):
        return "full"
    # Content of events has no span to stand on: it is scored, not exported.
    return "scored" if value in ("NO_CONTENT", "EVENT_ONLY", "FALSE", "0") else None


def service_name_of(variables: Mapping[str, str], script: str) -> str:
    """`service.name` by the environment, else the script's name, else what OpenTelemetry calls the unknown."""
    if name := variables.get("OTEL_SERVICE_NAME", "").strip():
        return name
    for pair in variables.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","):
        key, _, value = pair.partition("=")
        if key.strip() == "service.name" and value.strip():
            return value.strip()
    return script if script not in ("", "-c", "-m", "__main__") else "unknown_service"


def _number(variables: Mapping[str, str], name: str) -> int | None:
    try:
        value = int(variables.get(name, ""))
    except ValueError:
        return None
    return value if value > 0 else None
