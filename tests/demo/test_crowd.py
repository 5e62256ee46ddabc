"""Many people can draw at the same time, on one server or on several behind a load balancer."""

import asyncio
import itertools
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.demo.asking import connected, read
from tests.demo.drawing import ONE, SEVEN, draw, expect_digit
from tests.demo.people import crowd, pictures
from tests.demo.serving import Balancer, memory_and_files, processes

pytestmark = [pytest.mark.server]

needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no /proc on this machine")


def open_files(process: int) -> int:
    return memory_and_files(process)[1]


def has_closed_its_files(process: int, files: int) -> bool:
    """Whether the process has at most `files` open files and three of its own, within 10 s."""
    for _ in range(100):
        if open_files(process) <= files + 3:
            return True
        time.sleep(0.1)
    return False


@needs_proc
def test_everybody_gets_the_answer_to_their_own_drawing_and_no_connection_stays_open(address: str) -> None:
    process = processes[address].pid
    read(address)
    files = open_files(process)
    tally = asyncio.run(crowd(address, process, people=10, seconds=3, chosen=pictures(10, longest=2)))
    assert len(tally.final) >= 10
    assert (tally.failed, tally.late, tally.lost, tally.wrong) == (0, 0, 0, 0)
    assert has_closed_its_files(process, files)


@needs_proc
def test_clients_that_vanish_leave_no_connection_open(address: str) -> None:
    process = processes[address].pid
    read(address)
    files = open_files(process)
    incomplete = [
        b"GET /gradio_api/heartbeat/x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n{",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n--x",
    ]
    people = [connected(address) for _ in range(60)]
    for person, request in zip(people, itertools.cycle(incomplete)):
        person.sendall(request)
    for _ in range(50):
        if open_files(process) >= files + 50:
            break
        time.sleep(0.1)
    assert open_files(process) >= files + 50
    for person in people:
        person.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close with a reset
        person.close()
    assert has_closed_its_files(process, files)
    assert read(address) == 1


def test_the_page_asks_a_busy_server_again(page: Page, problems: list[str]) -> None:
    page.route("**/read", lambda route: route.fulfill(status=429, json={"detail": "busy"}))
    draw(page, SEVEN)
    expect(page.locator("#problem")).to_have_text("The server is busy. Your drawing is kept; the page asks again.")
    page.unroute("**/read")
    expect_digit(page, "7")
    expect(page.locator("#problem")).to_be_empty()
    assert all("429" in problem for problem in problems)
    problems.clear()


SLOW = """waited => {
    const [ask, inFlight] = [window.fetch, new Set()]
    window.most = 0
    window.fetch = async (url, options) => {
        if (!String(url).endsWith("read")) return ask(url, options)
        inFlight.add(options)
        window.most = Math.max(window.most, inFlight.size)
        const answer = await (await ask(url, options)).json()
        await new Promise(resolve => setTimeout(resolve, 300))
        inFlight.delete(options)
        return new Response(JSON.stringify({...answer, waited}))
    }
}"""


@pytest.mark.parametrize(("waited", "at_once"), [(0, 3), (100, 1)])
def test_the_page_asks_one_question_at_a_time_if_questions_have_to_wait(waited: int, at_once: int, page: Page) -> None:
    page.evaluate(SLOW, waited)
    draw(page, ONE)
    expect(page.locator("#digit")).to_have_text("1")
    page.wait_for_timeout(500)
    page.evaluate("window.most = 0")
    draw(page, SEVEN, lift=False, steps=50)
    assert page.evaluate("window.most") == at_once
    page.mouse.up()


def test_any_server_answers_any_question_and_one_of_them_may_fail(
    balancer: Balancer, visit: Callable[..., Page], problems: list[str]
) -> None:
    page = visit(balancer.address)
    draw(page, SEVEN)
    expect_digit(page, "7")
    page.click("#clear")
    balancer.servers.append("http://127.0.0.1:1/")  # a server that is down
    draw(page, ONE)
    expect_digit(page, "1")
    page.close()  # or it would keep asking the server that is down
    problems.clear()
