"""Serves the app: on which address, with which patience, and if asked under a public link."""

import gc
import os
import secrets
import signal
import socket
import sys
from contextlib import suppress

from demo.collection import Collection
from demo.limits import Limits
from demo.networks.classifier import Classifier, SetupError

PORTS = range(7860, 7960)  # the first free one


def listen(host: str | None = None, port: int | None = None) -> socket.socket:
    """A socket that listens on `port` of `host`.

    They default to what GRADIO_SERVER_NAME and GRADIO_SERVER_PORT say, as in a Hugging Face Space, else to this machine
    alone and the first free of PORTS. Raises SetupError if it cannot.
    """
    host = host or os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1"
    fixed = port or int(os.environ.get("GRADIO_SERVER_PORT", 0))
    for port in [fixed] if fixed else PORTS:
        # Only to sockets that name their protocol does asyncio give TCP_NODELAY, without which an answer takes 40 ms.
        listener = socket.socket(proto=socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, sys.platform != "win32")
            listener.bind((host, port))
            listener.listen(2048)
            return listener
        except (OSError, OverflowError) as error:
            listener.close()
            reason = getattr(error, "strerror", None) or error
    raise SetupError(f"cannot listen on {host}, port {port}: {reason}. Choose another --host or --port.")


def serve(
    listener: socket.socket,
    classifier: Classifier,
    collection: Collection | None = None,
    *,
    mcp: bool = False,
    share: bool = False,
    limits: Limits | None = None,
) -> None:
    """Serve the app of create_app() at `listener` until the process is interrupted, and print where.

    `share` opens a public link through Gradio's servers. Raises SetupError if there is none to be had.
    """
    import uvicorn  # Gradio and FastAPI take two seconds to import: first comes what may be missing

    from demo.app import create_app
    from demo.middleware.connections import allow_files, connection_class

    signal.signal(signal.SIGTERM, stop)
    limits = limits or Limits()
    allow_files(limits)
    config = uvicorn.Config(
        create_app(classifier, collection, mcp, limits),
        http=connection_class(limits),
        ws="none",
        log_level="warning",
        timeout_keep_alive=limits.idle_seconds,
        timeout_graceful_shutdown=1,
    )
    gc.collect()
    gc.freeze()  # or the garbage collector goes through Gradio's many objects again and again, 0.1 s each time
    host, port = listener.getsockname()
    address = public_link(port) if share else f"http://{'localhost' if host == '0.0.0.0' else host}:{port}/"
    print(f"Draw at {address} ({classifier}). Ctrl+C stops it.", flush=True)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run([listener])


def public_link(port: int) -> str:
    """The address at which Gradio's servers pass on what they are asked."""
    # gr.Blocks.launch() makes such a link only for a server that it starts itself.
    from gradio.networking import setup_tunnel

    try:
        return setup_tunnel("127.0.0.1", port, secrets.token_urlsafe(32), None, None)
    except Exception as error:  # of many kinds: no network, no permission to write, a damaged download
        raise SetupError(f"there is no public link to be had: {error}") from error


def stop(*_: object) -> None:
    """End the process as usual, so that its folders are deleted; uvicorn passes SIGTERM on once it has stopped."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit()
