"""Makes a recording: `python tests/recordings/record.py NAME`.

A fresh environment with `requirements/NAME.txt`, the application `apps/NAME.py` in it, the answers from a loopback
server, the spans to a loopback receiver, and from there, scrubbed, into `NAME.jsonl`. What the application finds in its
environment is in `environment`.
"""

import argparse
import getpass
import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from recordings.receiver import Receiver  # noqa: E402
from recordings.scrub import scrub  # noqa: E402
from recordings.server import AnswerServer  # noqa: E402

_LARGEST = 150_000


def main() -> int:
    """Record one application."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="of the application: apps/NAME.py")
    parser.add_argument("--venvs", type=Path, default=Path.home() / ".cache" / "groundwire" / "recordings")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds that the application may take")
    arguments = parser.parse_args()
    python = environment_of(arguments.name, arguments.venvs)
    server, receiver = AnswerServer(), Receiver()
    try:
        with tempfile.TemporaryDirectory() as home:
            given = environment(arguments.name, server, receiver, home)
            command = [str(python), "-P", str(HERE / "apps" / f"{arguments.name}.py")]
            subprocess.run(command, env=given, cwd=home, check=True, timeout=arguments.timeout)
            places = {
                home: "/home/app",
                str(HERE): "/app",
                str(python.parent.parent): "/venv",
                str(Path.home()): "/home/app",
            }
            host, user = socket.gethostname(), getpass.getuser()
            places |= {host: "host"} if len(host) > 4 else {}
            places |= {user: "user"} if len(user) > 4 else {}
            places |= {str(Path(sys.base_prefix)): "/python"} if len(sys.base_prefix) > 5 else {}
            lines = [json.dumps(scrub(request, places), ensure_ascii=False) for request in receiver.requests]
    finally:
        server.close()
        receiver.close()
    if not lines:
        print(f"{arguments.name} exported nothing; it asked for {sorted(set(receiver.paths))}", file=sys.stderr)
        return 1
    text = "".join(line + "\n" for line in lines)
    if len(text.encode()) > _LARGEST:
        print(f"the recording would have {len(text.encode()):,} bytes: more than {_LARGEST:,}", file=sys.stderr)
        return 1
    (HERE / f"{arguments.name}.jsonl").write_text(text, encoding="utf-8")
    print(f"{arguments.name}.jsonl: {len(lines)} lines, {len(text.encode()):,} bytes")
    return 0


def environment_of(name: str, venvs: Path) -> Path:
    """The interpreter of an environment with the requirements of an application: made where there is none yet."""
    requirements = HERE / "requirements" / f"{name}.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    place = venvs / f"{name}-{digest}"
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        venv.create(place, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", requirements], check=True)
        (place / "complete").touch()
    return python


def environment(name: str, server: AnswerServer, receiver: Receiver, home: str) -> dict[str, str]:
    """What the application is given: nothing of ours but these."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": home,
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(HERE.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENAI_BASE_URL": server.url,
        "OPENAI_API_KEY": "recording",
        "RERANK_URL": server.address,
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": f"recorded-{name}",
        "NO_PROXY": "*",
    }


if __name__ == "__main__":
    raise SystemExit(main())
