"""Serve the app: listen on a port, run uvicorn, and open a public link on request."""

import errno
import gc
import os
import secrets
import signal
import socket
import sys
from contextlib import suppress

from demo.corrections import Corrections
from demo.limits import Limits
from demo.networks.classifier import Classifier, SetupError

PORTS = range(7860, 7960)  # by default the first free one is taken


def listen(host: str | None = None, port: int | None = None) -> socket.socket:
    """Open a socket that listens on `port` of `host`.

    The defaults are GRADIO_SERVER_NAME and GRADIO_SERVER_PORT, which a Hugging Face Space sets. Without these variables
    they are 127.0.0.1 and the first free port of PORTS. Raises SetupError if listening fails.
    """
    host = host or os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1"
    port = port or _port_of_environment()
    candidates = [port] if port else PORTS
    for candidate in candidates:
        # asyncio sets TCP_NODELAY only if the socket names its protocol. Without it an answer takes 40 ms.
        listener = socket.socket(proto=socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, sys.platform != "win32")
            listener.bind((host, candidate))
            listener.listen(2048)
            return listener
        except (OSError, OverflowError, UnicodeError) as error:
            listener.close()
            is_taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            if is_taken and candidate != candidates[-1]:
                continue
            ports = f"ports {PORTS[0]} to {PORTS[-1]}" if is_taken and not port else f"port {candidate}"
            reason = getattr(error, "strerror", None) or error
            raise SetupError(f"cannot listen on {host}, {ports}: {reason}. Choose another --host or --port.") from error
    raise AssertionError("there is at least one candidate")


def _port_of_environment() -> int:
    text = os.environ.get("GRADIO_SERVER_PORT") or "0"
    try:
        return int(text)
    except ValueError:
        raise SetupError(f"GRADIO_SERVER_PORT must be a port number, but it is {text!r}.") from None


def serve(
    listener: socket.socket,
    classifier: Classifier,
    corrections: Corrections | None = None,
    *,
    mcp: bool = False,
    share: bool = False,
    limits: Limits | None = None,
) -> None:
    """Print the address and serve the app of create_app() at `listener` until the process is interrupted.

    `share` opens a public link through Gradio's servers. Raises SetupError if that fails.
    """
    import uvicorn  # imported here, because Gradio and FastAPI take two seconds: setup errors should appear before

    from demo.app import create_app
    from demo.middleware.connections import connection_class, raise_open_file_limit

    signal.signal(signal.SIGTERM, exit_on_sigterm)
    limits = limits or Limits()
    raise_open_file_limit(limits)
    config = uvicorn.Config(
        create_app(classifier, corrections, mcp, limits),
        http=connection_class(limits),
        ws="none",
        log_level="warning",
        timeout_keep_alive=limits.idle_seconds,
        timeout_graceful_shutdown=1,
    )
    gc.collect()
    gc.freeze()  # keeps the garbage collector from visiting Gradio's many objects again and again, 0.1 s each time
    host, port = listener.getsockname()
    address = public_link(port) if share else f"http://{'localhost' if host == '0.0.0.0' else host}:{port}/"
    print(f"Draw at {address} ({classifier}). Ctrl+C stops it.", flush=True)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run([listener])


def public_link(port: int) -> str:
    """Open a public link to `port` through Gradio's servers and return its URL. Raises SetupError if that fails."""
    # gr.Blocks.launch() opens such a link only for a server that it starts itself.
    from gradio.networking import setup_tunnel

    try:
        return setup_tunnel("127.0.0.1", port, secrets.token_urlsafe(32), None, None)
    except Exception as error:  # of many classes: no network, no permission to write, a damaged download
        raise SetupError(f"cannot open a public link: {error}") from error


def exit_on_sigterm(*_: object) -> None:
    """Exit normally, so that temporary folders are deleted. uvicorn raises SIGTERM again after it has stopped."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit()
