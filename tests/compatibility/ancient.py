"""The oldest version of an SDK that can be installed, imported while instrumented: a warning at most, and no crash."""

import json
import shutil
import subprocess
from pathlib import Path

from compatibility.asked import ROOT, Asked
from compatibility.environments import CACHE, made
from compatibility.versions import firsts, offered

_PROGRAM = """
import importlib, json, logging, sys, warnings
warnings.simplefilter("ignore")
name, instrumented = sys.argv[1], sys.argv[2] == "instrumented"
from groundwire import plugins
provider, said, error = plugins.provider(name), [], None
class Keeps(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())
logging.getLogger("groundwire").addHandler(Keeps(logging.WARNING))
if instrumented:
    import groundwire
    groundwire.instrument(providers=[name], evaluators=[], export="console")
try:
    importlib.import_module(provider.module)
except BaseException as caught:
    error = f"{type(caught).__name__}: {caught}"
print(json.dumps({"said": said, "error": error}))
"""
_TRIES = 8


def told(above: Path, one: Asked) -> bool:
    """Print what the oldest version says that can be installed and imported; whether that is as it should be."""
    try:
        versions = firsts(offered(above, one.requirement.name, one.takes_previews))
    except LookupError as error:
        print(f"{one.provider:24} not run: {error}", flush=True)
        return False
    for version in versions[:_TRIES]:
        name = f"{one.provider}-oldest"
        try:
            python, reason = made(above, name, one.pinned(version))
            plain = {"error": reason} if reason else _imported(python, one.provider, "plain")
            if plain["error"] is not None:
                print(f"{one.provider:24} {version!s:12} passed over: {str(plain['error'])[:120]}", flush=True)
                continue  # nobody has an application upon it
            traced = _imported(python, one.provider, "instrumented")
        except subprocess.TimeoutExpired:
            continue
        finally:
            shutil.rmtree(CACHE / name, ignore_errors=True)
        said = traced["said"]
        good = traced["error"] is None and len(said) <= 1 and all(str(version) in line for line in said)
        state = said[0] if len(said) == 1 else f"{len(said)} warnings {said}"
        print(
            f"{one.provider:24} {version!s:12} {'as it should' if good else 'WRONG'}: {traced['error'] or state}",
            flush=True,
        )
        return good
    print(f"{one.provider:24} none of the oldest {_TRIES} can be installed and imported here", flush=True)
    return True


def _imported(python: Path, provider: str, how: str) -> dict[str, object]:
    done = subprocess.run(
        [str(python), "-c", _PROGRAM, provider, how], capture_output=True, text=True, timeout=120, check=False, cwd=ROOT
    )
    if done.returncode:
        return {"said": [], "error": done.stderr[-300:]}
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found
