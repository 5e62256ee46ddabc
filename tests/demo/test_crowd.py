"""Many people draw at once, on one server or on several behind a load balancer."""

import asyncio
import itertools
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.benchmarks.crowd import crowd, pictures, use
from tests.demo.asking import read
from tests.demo.conftest import processes, running
from tests.demo.test_browser import ONE, SEVEN, draw, expect_digit


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc on this machine")
def test_everybody_gets_the_answer_to_their_own_drawing_and_nothing_stays_open() -> None:
    with running() as address:
        process = processes[address]
        read(address)
        _, files = use(process)
        tally = asyncio.run(crowd(address, process, people=10, seconds=4, chosen=pictures()))
        assert len(tally.final) >= 10
        assert (tally.failed, tally.late, tally.lost, tally.wrong) == (0, 0, 0, 0)
        assert settled(process, files)


def settled(process: int, files: int) -> bool:
    """Whether the process comes to have no more than this many open files, and a few for its own."""
    for _ in range(100):
        if use(process)[1] <= files + 3:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc on this machine")
def test_who_vanishes_in_mid_stroke_leaves_nothing_open() -> None:
    with running() as address:
        process = processes[address]
        read(address)
        _, files = use(process)
        url = urlsplit(address)
        begun = [
            b"GET /gradio_api/heartbeat/x HTTP/1.1\r\nHost: x\r\n\r\n",
            b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n{",
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n--x",
        ]
        people = [socket.create_connection((url.hostname or "", url.port or 0)) for _ in range(60)]
        for person, request in zip(people, itertools.cycle(begun)):
            person.sendall(request)
        time.sleep(0.5)
        assert use(process)[1] >= files + 50
        for person in people:
            person.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # gone without a word
            person.close()
        assert settled(process, files)
        assert read(address) == 1


def test_a_busy_server_is_asked_again(address: str, visit: Callable[..., Page]) -> None:
    page = visit(address)
    page.route("**/read", lambda route: route.fulfill(status=429, json={"detail": "busy"}))
    draw(page, SEVEN)
    expect(page.locator("#problem")).to_have_text("The server is busy. Your drawing is kept; it is asked again.")
    page.unroute("**/read")
    expect_digit(page, "7")
    expect(page.locator("#problem")).to_be_empty()
    assert all("429" in problem for problem in visit.problems)  # type: ignore[attr-defined]
    visit.problems.clear()  # type: ignore[attr-defined]


SLOW = """waited => {
    const [ask, onTheWay] = [window.fetch, new Set()]
    window.most = 0
    window.fetch = async (url, options) => {
        if (!String(url).endsWith("read")) return ask(url, options)
        onTheWay.add(options)
        window.most = Math.max(window.most, onTheWay.size)
        const answer = await (await ask(url, options)).json()
        await new Promise(resolve => setTimeout(resolve, 300))
        onTheWay.delete(options)
        return new Response(JSON.stringify({...answer, waited}))
    }
}"""


@pytest.mark.parametrize(("waited", "at_once"), [(0, 3), (100, 1)])
def test_where_others_wait_a_page_asks_one_question_at_a_time(
    waited: int, at_once: int, address: str, visit: Callable[..., Page]
) -> None:
    page = visit(address)
    page.evaluate(SLOW, waited)
    draw(page, ONE)
    expect(page.locator("#digit")).to_have_text("1")
    page.wait_for_timeout(500)
    page.evaluate("window.most = 0")
    draw(page, SEVEN, lift=False, steps=150)
    assert page.evaluate("window.most") == at_once
    page.mouse.up()


@pytest.fixture
def replicas() -> Iterator[tuple[str, ExitStack]]:
    """A load balancer that sends each request to the other of two servers; and what stops one of these."""
    with running() as left, ExitStack() as right:
        addresses = itertools.cycle([left, right.enter_context(running())])

        class Balancer(BaseHTTPRequestHandler):
            def forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {**self.headers, "Connection": "close"}
                try:
                    to = next(addresses).rstrip("/") + self.path
                    with httpx.stream(self.command, to, headers=headers, content=body, timeout=None) as answer:
                        self.send_response(answer.status_code)
                        for name in ("Content-Type", "Content-Encoding"):
                            if name in answer.headers:
                                self.send_header(name, answer.headers[name])
                        self.end_headers()
                        for chunk in answer.iter_raw():
                            self.wfile.write(chunk)
                except httpx.TransportError:
                    self.send_error(502)
                except OSError:
                    pass  # the browser has gone

            do_GET = do_HEAD = do_POST = forward  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Balancer) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}/", right
            server.shutdown()


def test_any_replica_answers_any_question_and_one_may_go(
    replicas: tuple[str, ExitStack], visit: Callable[..., Page]
) -> None:
    address, right = replicas
    page = visit(address)
    draw(page, SEVEN)
    expect_digit(page, "7")
    page.click("#clear")
    right.close()
    draw(page, ONE)
    expect_digit(page, "1")
    page.close()  # or it would go on asking the one that went
    visit.problems.clear()  # type: ignore[attr-defined]
