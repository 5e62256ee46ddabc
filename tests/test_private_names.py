"""Private names of dependencies: these few, each in one place, and known when they change."""

import ast
import asyncio
import inspect
from pathlib import Path

import uvicorn
from gradio.networking import setup_tunnel
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.conftest import ROOT

PRIVATE = {
    "uvicorn.protocols.http.h11_impl": "demo/middleware/connections.py",
    "gradio.networking": "demo/server.py",
    "_tools": "export/runtimes.py",
}
SOURCES = [path for stage in ("model", "export", "demo") for path in (ROOT / stage).rglob("*.py")]


def used(path: Path) -> set[str]:
    """Modules that a file imports, and `.names` with an underscore that it asks of anything but itself."""
    tree = ast.parse(path.read_text())
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.endswith("__"):
            is_own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            found |= set() if is_own or node.attr in own else {f".{node.attr}"}
    return found


def test_no_other_name_with_an_underscore_is_used() -> None:
    for path in SOURCES:
        private = {name for name in used(path) if any(part.startswith("_") for part in name.split("."))}
        allowed = {name for name, place in PRIVATE.items() if place == path.relative_to(ROOT).as_posix()}
        assert private - allowed == set(), path


def test_each_stands_in_one_place() -> None:
    for name, place in PRIVATE.items():
        assert [path for path in SOURCES if name in used(path)] == [ROOT / place], name


def test_uvicorns_connections_are_as_ours_expect_them() -> None:
    """demo/middleware/connections.py; tests/demo/middleware/test_connections.py holds what they do."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None: ...

    async def attributes() -> set[str]:
        return set(vars(H11Protocol(uvicorn.Config(app), uvicorn.server.ServerState(), {})))

    assert {"connections", "conn", "loop", "transport"} <= asyncio.run(attributes())


def test_gradios_tunnel_is_asked_as_it_expects() -> None:
    """demo/server.py; the tunnel itself needs the internet."""
    assert list(inspect.signature(setup_tunnel).parameters) == [
        "local_host",
        "local_port",
        "share_token",
        "share_server_address",
        "share_server_tls_certificate",
    ]
