"""Serve the app: listen on a port, run uvicorn, and open a public link on request."""

import errno
import gc
import logging
import os
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from demo import nearby
from demo.corrections import Corrections
from demo.limits import Limits
from demo.networks.classifier import Classifier
from demo.networks.files import ONNX, SetupError
from demo.stop import stop_cleanly

PORTS = range(7860, 7960)  # by default the first free one is taken
EVERY_NETWORK = ("0.0.0.0", "::")


def listen(host: str | None = None, port: int | None = None) -> socket.socket:
    """Open a socket that listens on `port` of `host`: a name, an IPv4 or an IPv6 address, also in brackets.

    The defaults are GRADIO_SERVER_NAME and GRADIO_SERVER_PORT, which a Hugging Face Space sets. Without these variables
    they are 127.0.0.1 and the first free port of PORTS. Port 0 lets the system choose one. Raises SetupError if
    listening fails.
    """
    host = host or os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1"
    port = _port_of_environment() if port is None else port
    if port is not None and port not in range(65_536):
        raise SetupError(f"a port is a number from 0 to 65535, and 0 lets the system choose one; {port} is not.")
    candidates = PORTS if port is None else [port]
    for candidate in candidates:
        try:
            return _listen_on(host, candidate)
        except (OSError, UnicodeError) as error:
            is_taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            if is_taken and candidate != candidates[-1]:
                continue
            ports = f"ports {PORTS[0]} to {PORTS[-1]}" if is_taken and port is None else f"port {candidate}"
            raise SetupError(f"cannot listen on {host}, {ports}: {_reason(error)}") from error
    raise AssertionError("there is at least one candidate")


def _reason(error: OSError | UnicodeError) -> str:
    """Why listening failed, and what to choose instead."""
    if isinstance(error, UnicodeError):
        return "this is not the name of a machine. Choose another --host."
    if isinstance(error, socket.gaierror):
        return f"{error.strerror}. Choose another --host."
    if error.errno == errno.EADDRNOTAVAIL:
        own = ", ".join(["127.0.0.1", *nearby.addresses()])
        return f"this machine does not have this address. It has {own}; --host 0.0.0.0 takes all of them."
    return f"{error.strerror}. Choose another --host or --port."


def _listen_on(host: str, port: int) -> socket.socket:
    name = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    addresses = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    # A name such as localhost may have addresses of both families. Every client can reach the one of IPv4.
    family, _, _, _, address = min(addresses, key=lambda each: each[0] != socket.AF_INET)
    # asyncio sets TCP_NODELAY only if the socket names its protocol. Without it an answer takes 40 ms.
    listener = socket.socket(family, proto=socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, sys.platform != "win32")
        if family == socket.AF_INET6:
            with suppress(OSError):  # lets :: serve IPv4, too, where the system allows it
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((address[0], port, *address[2:]))  # IPv6 addresses also have a flow and a scope
        listener.listen(2048)
    except BaseException:
        listener.close()
        raise
    return listener


def _port_of_environment() -> int | None:
    text = os.environ.get("GRADIO_SERVER_PORT")
    try:
        return int(text) if text else None
    except ValueError:
        raise SetupError(f"GRADIO_SERVER_PORT must be a port number, but it is {text!r}.") from None


def serve(
    listener: socket.socket,
    classifier: Classifier,
    corrections: Corrections | None = None,
    *,
    mcp: bool = False,
    share: bool = False,
    root_path: str | None = None,
    limits: Limits | None = None,
    invite: bool = False,
) -> None:
    """Print the address and serve the app of create_app() at `listener` until the process is interrupted.

    `invite` also prints the addresses for other devices in the network, with a QR code if the output is a terminal.
    `share` opens a public link through Gradio's servers. `root_path` is the path or the URL at which a reverse proxy
    shows the page, by default GRADIO_ROOT_PATH. Raises SetupError if the link or the path is impossible.
    """
    from demo.middleware.root import Root

    try:
        root = Root.parse(os.environ.get("GRADIO_ROOT_PATH", "") if root_path is None else root_path)
    except ValueError as error:
        raise SetupError(str(error)) from None
    with _without_proxies():
        import uvicorn  # imported here, because Gradio and FastAPI take two seconds: setup errors should appear before

        from demo.app import create_app
        from demo.middleware.connections import connection_class, raise_open_file_limit

    stop_cleanly()
    limits = limits or Limits()
    raise_open_file_limit(limits)
    config = uvicorn.Config(
        create_app(classifier, corrections, mcp, limits, root),
        http=connection_class(limits),
        ws="none",
        log_level="warning",
        timeout_keep_alive=limits.idle_seconds,
        timeout_graceful_shutdown=1,
    )
    gc.collect()
    gc.freeze()  # keeps the garbage collector from visiting Gradio's many objects again and again, 0.1 s each time
    address = public_link(listener) if share else url_of(listener)
    networks = "" if classifier.folder.resolve() == ONNX.resolve() else f"{classifier.folder} in "
    lines = [f"Draw at {address} ({networks}{classifier}). Ctrl+C stops it."]
    if invite and not share and not any(root):
        lines = [*_invitation(listener), *lines]
    if corrections:
        lines.insert(0, f"Corrected drawings are stored in {corrections.folder}, which holds {corrections.count():,}.")
    print("\n".join(lines), flush=True)
    logging.getLogger("uvicorn.error").addFilter(lambda record: "graceful shutdown exceeded" not in record.getMessage())

    class Server(uvicorn.Server):
        """Stops once. At a second Ctrl+C uvicorn would end without the app's own end, and print a traceback."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            if not self.should_exit:
                super().handle_exit(sig, frame)

    Server(config).run([listener])


def _invitation(listener: socket.socket) -> list[str]:
    """Lines that tell how other devices in the network open the page; none if they cannot."""
    host, port = _address_of(listener)
    if host in EVERY_NETWORK:
        urls = [f"http://{address}:{port}/" for address in nearby.addresses()]
    else:
        urls = [] if host.startswith("127.") or host == "::1" else [url_of(listener)]
    if not urls:
        return []
    lines = [f"On a phone in the same network, open {' or '.join(urls)}"]
    if sys.stdout.isatty() and "utf" in sys.stdout.encoding.lower():
        lines.append(nearby.qr_code(urls[0]))
    return lines


@contextmanager
def _without_proxies() -> Iterator[None]:
    """Keep the proxies of the environment from HTTP clients, which Gradio creates in its import and never uses here.

    httpx raises an error for proxies that it does not know, such as SOCKS.
    """
    names = ("no_proxy", "NO_PROXY")
    before = {name: os.environ[name] for name in names if name in os.environ}
    os.environ.update(dict.fromkeys(names, "*"))
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name, None)  # on Windows both names are the same variable
        os.environ.update(before)


def url_of(listener: socket.socket) -> str:
    """The address of the page for a browser on this machine."""
    host, port = _address_of(listener)
    if host in EVERY_NETWORK:
        host = "localhost"
    elif ":" in host:
        host = f"[{host.replace('%', '%25')}]"
    return f"http://{host}:{port}/"


def _address_of(listener: socket.socket) -> tuple[str, int]:
    """Numeric host, with the scope of an IPv6 address (`fe80::1%eth0`), and port."""
    host, port = socket.getnameinfo(listener.getsockname(), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
    return host, int(port)


def public_link(listener: socket.socket) -> str:
    """Open a public link to `listener` through Gradio's servers. Raises SetupError if that fails."""
    # gr.Blocks.launch() opens such a link only for a server that it starts itself.
    from gradio.networking import setup_tunnel

    host, port = _address_of(listener)
    try:
        return setup_tunnel("127.0.0.1" if host in EVERY_NETWORK else host, port, secrets.token_urlsafe(32), None, None)
    except Exception as error:  # of many classes: no network, no permission to write, a damaged download
        raise SetupError(f"cannot open a public link: {error}") from error
