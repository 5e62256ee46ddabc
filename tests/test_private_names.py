"""The code uses few private names of dependencies, each in one file, and notices when they change."""

import ast
import asyncio
import inspect
from functools import cache
from pathlib import Path

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

ROOT = Path(__file__).parent.parent
PRIVATE = {
    "uvicorn.protocols.http.h11_impl": "demo/middleware/connections.py",
    "gradio.networking": "demo/server.py",
    "._exit": "demo/stop.py",  # of os: documented, in spite of its name
    "_tools": "export/runtimes.py",
}
SOURCES = [path for stage in ("model", "export", "demo") for path in (ROOT / stage).rglob("*.py")]


@cache
def used(path: Path) -> set[str]:
    """Modules that a file imports, and `.names` with an underscore that it uses but does not define."""
    tree = ast.parse(path.read_text())
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.endswith("__"):
            is_own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            names |= set() if is_own or node.attr in own else {f".{node.attr}"}
    return names


def test_no_other_private_name_is_used() -> None:
    for path in SOURCES:
        private = {name for name in used(path) if any(part.startswith("_") for part in name.split("."))}
        allowed = {name for name, place in PRIVATE.items() if place == path.relative_to(ROOT).as_posix()}
        assert private - allowed == set(), path


def test_each_private_name_is_used_in_one_file() -> None:
    for name, place in PRIVATE.items():
        assert [path for path in SOURCES if name in used(path)] == [ROOT / place], name


def test_uvicorns_protocol_has_the_attributes_that_our_subclass_uses() -> None:
    """For demo/middleware/connections.py, whose behaviour tests/demo/middleware/test_connections.py tests."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None: ...

    async def attributes() -> set[str]:
        return set(vars(H11Protocol(uvicorn.Config(app), uvicorn.server.ServerState(), {})))

    assert {"connections", "conn", "loop", "transport"} <= asyncio.run(attributes())


@pytest.mark.server
def test_gradios_tunnel_has_the_parameters_that_the_server_passes() -> None:
    """For demo/server.py. Opening a tunnel would need the internet."""
    from gradio.networking import setup_tunnel  # takes seconds to import

    assert list(inspect.signature(setup_tunnel).parameters) == [
        "local_host",
        "local_port",
        "share_token",
        "share_server_address",
        "share_server_tls_certificate",
    ]
