"""The demo can be laid out as a Hugging Face Space and as a page that needs no server."""

import asyncio
import base64
import errno
import mimetypes
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from huggingface_hub import RepoCard
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, Route, expect

import demo
from demo.limits import Limits
from demo.networks.classifier import load
from demo.networks.files import FILE, ONNX, SetupError
from demo.networks.images import data_url, read_canvas
from demo.reader import Reader
from demo.schemas import Question
from demo.sketchpad import MODEL_CARD
from demo.space import __main__ as layout
from export import web
from tests.demo.conftest import watched
from tests.demo.drawing import NO_PIXELS, ONE, SECONDS, SEVEN, draw, expect_blank, expect_digit, surest, wait_for
from tests.demo.tiny import BLOT, SURE, TINY, UNSURE, bar, bars

Files = dict[str, bytes]
CARD = "export/onnx/README.md"

KEPT = """async () => {
    const registration = await navigator.serviceWorker.getRegistration()
    const [name, ...others] = await caches.keys()
    const version = document.querySelector("meta[name=version]").content
    return registration?.active?.state === "activated" && !others.length && name.endsWith(version)
}"""
BUSY = "navigator.serviceWorker.getRegistration().then(({installing}) => Boolean(installing))"


def test_the_space_names_exact_versions(tmp_path: Path) -> None:
    layout.lay_out(tmp_path, layout.space("somebody/handwritten-digits"))
    card = RepoCard.load(tmp_path / "README.md", ignore_metadata_errors=False).data.to_dict()
    assert card["sdk"] == "gradio"
    assert card["sdk_version"] == version("gradio")
    assert card["python_version"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert card["models"] == ["somebody/handwritten-digits"]
    assert (tmp_path / card["app_file"]).is_file()
    assert len(card["short_description"]) <= 60
    requirements = (tmp_path / "requirements.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[\w-]+(\[[\w,]+\])?==[\d.]+", line) for line in requirements)
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_model_that_is_no_repository_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["demo.space", str(tmp_path / "page"), "--model", "mine: ["])
    with pytest.raises(SystemExit, match="2"):
        layout.main()
    assert not (tmp_path / "page").exists()


def test_the_space_holds_the_networks_of_the_folder_that_is_named_and_describes_them(tmp_path: Path) -> None:
    files = layout.space(onnx=TINY)
    assert files["export/onnx/reader.onnx"] == (TINY / FILE).read_bytes()
    assert "| `reader.onnx` | not recorded |" in files["README.md"].decode()
    assert CARD not in files
    files = layout.space()
    assert "| `reader.onnx` | 1.0.0 | " in files["README.md"].decode()
    assert files[CARD] == (ONNX / "README.md").read_bytes()


def test_the_static_page_holds_the_networks_of_the_folder_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "_web_runtime", dict)
    files = layout.static(onnx=TINY)
    assert files[FILE] == (TINY / FILE).read_bytes()
    assert MODEL_CARD not in files


@pytest.mark.parametrize("options", [[], ["--static"]])
def test_the_layout_of_a_folder_without_networks_says_which_command_makes_them(
    options: list[str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "demo.space", str(tmp_path / "page"), "--onnx", str(tmp_path / "onnx"), *options]
    failed = subprocess.run(command, capture_output=True, text=True)
    remedy = f"Run python -m export --checkpoints {tmp_path} to make it."
    assert failed.stderr == f"python -m demo.space: There is no {tmp_path / 'onnx' / FILE}. {remedy}\n"
    assert not (tmp_path / "page").exists()


@contextmanager
def running_space(folder: Path, onnx: Path) -> Iterator[str]:
    """Lay out a Space with reader.onnx of `onnx` in `folder`, and run its app. Yields the address."""
    layout.lay_out(folder, layout.space(onnx=onnx))
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    environment.pop("PYTHONPATH", None)
    where = [sys.executable, "-c", "import demo, sys; print(demo.__file__)"]
    imported = subprocess.run(where, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    assert Path(imported.stdout.strip()).is_relative_to(folder)
    command = [sys.executable, "app.py"]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            printed = re.match(r"Draw at (\S+)", process.stdout.readline())
            assert printed
            yield printed[1]
        finally:
            process.terminate()


def test_the_space_runs_outside_the_repository(tmp_path: Path, visit: Callable[..., Page]) -> None:
    with running_space(tmp_path, ONNX) as address:
        page = visit(address)
        draw(page, SEVEN)
        expect_digit(page, "7")


def test_the_space_reads_with_networks_of_ones_own(tmp_path: Path) -> None:
    with running_space(tmp_path, TINY) as address:
        question = {"canvas": data_url(1 - bars((1, SURE), (7, SURE)) / 255)}
        assert httpx.post(f"{address}read", json=question).json()["number"] == "17"


# Stands in for ONNX Runtime Web, which takes seconds to load, in the tests of the layout. Its graph is a file with the
# digits that LeNet5 and the FFNN read.
RUNTIME = b"""
export const env = { wasm: {} };
export class Tensor {}
const create = async (file) => {
  const [lenet5, ffnn] = new TextDecoder().decode(file.slice(0, 2));
  const row = (digit) => Array.from({ length: 10 }, (_, i) => (i === Number(digit) ? 0.991 : 0.001));
  const outputs = {
    digits: BigInt64Array.of(BigInt(lenet5)),
    line: BigInt64Array.of(0n),
    sure: Float32Array.of(0.991),
    boxes: Float32Array.of(80, 60, 200, 240),
    probabilities: Float32Array.from([...row(lenet5), ...row(ffnn), ...row(lenet5)]),
    images: new Float32Array(784).fill(1),
  };
  const named = Object.fromEntries(Object.entries(outputs).map(([name, data]) => [name, { data }]));
  globalThis.runs = 0;
  return {
    run: async () => {
      globalThis.runs += 1;
      return named;
    },
  };
};
export const InferenceSession = { create };
"""


def light_layout(lenet5: str, ffnn: str) -> Files:
    """A static page whose networks read these digits."""
    with pytest.MonkeyPatch.context() as patch:
        main, *others = layout.WEB_FILES
        patch.setattr(layout, "_web_runtime", lambda: {main: RUNTIME, **dict.fromkeys(others, b"")})
        patch.setattr(layout, "_graph", lambda _: f"{lenet5}{ffnn}".encode())
        return layout.static()


@pytest.fixture
def newer() -> Files:
    """The light layout with another FFNN."""
    return light_layout("7", "3")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The light layout with old timestamps, because browsers cache old files for long."""
    folder = tmp_path / "sub" / "page"
    layout.lay_out(folder, light_layout("7", "7"))
    for path in folder.iterdir():
        os.utime(path, (0, 0))
    return folder


def expect_seven_read_as(page: Page, digits: list[str]) -> None:
    """Draw a 7, and expect that LeNet5 and the FFNN read these digits."""
    page.click("#clear")
    expect_blank(page)
    draw(page, SEVEN)
    expect(page.locator("#said")).to_have_text(re.compile("sure", re.IGNORECASE))
    assert surest(page) == digits


def expect_kept(page: Page) -> None:
    """Expect that this layout, and nothing else, is cached for offline reloads."""
    wait_for(page, lambda: bool(page.evaluate(KEPT)))


def test_a_loaded_static_page_reads_offline(site: str, visit: Callable[..., Page]) -> None:
    page = visit(site)
    draw(page, ONE)
    expect_digit(page, "1")
    expect(page.locator("#speed")).to_have_text(re.compile(r"the CPU of this device in \d+\.\d ms"))
    page.click(".inside summary")  # its networks are fetched now
    expect(page.locator("#why-what")).to_have_text("Why it says 1")
    page.context.set_offline(True)
    page.click("#clear")
    expect_blank(page)
    draw(page, SEVEN, lift=False)
    expect_digit(page, "7")
    page.mouse.up()
    expect(page.locator("#why-what")).to_have_text("Why it says 7")
    expect(page.locator("#conv3")).to_have_js_property("naturalWidth", 143)


def test_the_static_page_answers_like_the_server(site: str, address: str, visit: Callable[..., Page]) -> None:
    answers: list[list[str]] = []
    for where in (site, address):
        page = visit(where)
        answers.append([])
        for button in page.locator(".examples button").all():
            button.click()
            expect(page.locator("#said")).to_contain_text("sure")
            answers[-1].append(page.locator("#said").inner_text())
            page.click("#clear")
        for points in ([(0.4, 0.4)], [(0.3, 0.3), (0.6, 0.3)], [(0.2, 0.85), (0.5, 0.15), (0.8, 0.85), (0.2, 0.85)]):
            expect(page.locator("#said")).to_have_text("The paper is blank.")
            draw(page, points)
            expect(page.locator("#said")).not_to_have_text("The paper is blank.")  # the last answer is spoken
            answers[-1].append(page.locator(".answer").inner_text() + page.locator("tbody").inner_text())
            page.click("#clear")
    assert answers[0] == answers[1]


def test_the_networks_of_the_static_page_run_in_a_worker(site: str, visit: Callable[..., Page]) -> None:
    """On the page itself they would hold up the pen for seconds while they load."""
    page = visit(site)
    page.get_by_label("a crossed 7").click()
    expect_digit(page, "7")
    assert len(page.workers) == 1


QUESTIONS = {
    "nothing": (np.full((140, 200), 255, np.uint8), None),
    "a digit": (bar(3), None),
    "an unsure digit, opened": (bar(3, UNSURE), 0),
    "a number and a blot": (bars((1, SURE), (7, UNSURE), (2, BLOT), (5, SURE)), None),
    "a number, its last digit opened": (bars((1, SURE), (7, UNSURE)), 1),
    "a number, a digit that it lacks opened": (bars((1, SURE), (7, SURE)), 2),
    "a number, light on dark": (255 - bars((1, SURE), (7, SURE)), None),
}


# Asks until the networks are loaded, as the page does.
LOADED = """async () => {
    const sketch = { grey: new Uint8Array(64).fill(255), width: 8, height: 8 }
    for (let tries = 0; tries < 20 && (await server.read({ sketch })).problem; tries++);
}"""


@pytest.fixture(scope="module", params=[ONNX, TINY], ids=["committed", "tiny"])
def both_readers(
    request: pytest.FixtureRequest, static_page: Files, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Page, Reader]]:
    """The static page with its read() exposed and its own page left out, and the server's reader, of the same file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "_web_runtime", lambda: {name: static_page[name] for name in layout.WEB_FILES})
        files = layout.static(onnx=request.param)
    called = b'sketchpad(document.querySelector("#sketchpad"), SERVER, "")'
    assert files["index.html"].count(called) == 1
    exposed = files["index.html"].replace(called, b"globalThis.server = SERVER")
    folder = tmp_path_factory.mktemp("exposed")
    layout.lay_out(folder, files | {"index.html": exposed})
    with web.serving(folder) as address:
        page = browser.new_page()
        page.goto(address)
        page.wait_for_function("globalThis.server")
        page.evaluate(LOADED)
        yield page, Reader(load("cpu", request.param), Limits())
        page.close()


def written(*lefts: int, blot: int | None = None) -> np.ndarray:
    """Sevens 60 pixels wide, and a blot."""
    sheet = Image.new("L", (420, 280), 255)
    pen = ImageDraw.Draw(sheet)
    for left in lefts:
        pen.line([(left, 60), (left + 60, 60), (left + 20, 200)], fill=0, width=9, joint="curve")
    if blot is not None:
        pen.ellipse((blot, 80, blot + 60, 170), fill=0)
    return np.asarray(sheet)


# The bars of the tiny reader are nothing that a person writes: where they are cut hangs on the last bit.
WRITTEN = {
    "an unsure digit, opened": written(100),
    "a number and a blot": written(20, 110, 290, blot=200),
    "a number, its last digit opened": written(40, 150),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_static_page_gives_the_same_object_as_the_server(name: str, both_readers: tuple[Page, Reader]) -> None:
    page, reader = both_readers
    sketch, inside = QUESTIONS[name]
    if reader.classifier.folder == ONNX:
        sketch = WRITTEN.get(name, sketch)
    url = data_url(1 - sketch.astype(np.float32) / 255)
    found = page.evaluate("([url, inside]) => server.read({ sketch: { url }, inside, forms: true })", [url, inside])
    with ThreadPoolExecutor(1) as thread:  # Playwright's own event loop runs in this one
        reading = thread.submit(asyncio.run, reader.read(Question(canvas=url, inside=inside, forms=True))).result()
    expected = reading.model_dump()
    assert found.keys() == expected.keys()
    assert (found["number"], found["model"]) == (expected["number"], expected["model"])
    for ours, theirs in zip(found["digits"], expected["digits"], strict=True):
        assert ours.keys() == theirs.keys()
        for field in ("digit", "sure", "line"):
            assert ours[field] == theirs[field]
        for network in ("lenet5", "ffnn"):
            assert ours["probabilities"][network] == pytest.approx(theirs["probabilities"][network], abs=1e-4)
        assert ours["together"] == pytest.approx(theirs["together"], abs=1e-4)
        assert ours["box"] == pytest.approx(theirs["box"], abs=1e-3)
        for field, kind in (("ink", np.uint8), ("fc6", np.int8)):
            one, other = (np.frombuffer(base64.b64decode(each["form"][field]), kind) for each in (ours, theirs))
            np.testing.assert_allclose(one.astype(int), other.astype(int), atol=1)
        pictures = [(ours["image"], theirs["image"])]
        assert bool(ours["maps"]) == bool(theirs["maps"])
        assert (ours["fc6"], ours["pixels"]) == (
            pytest.approx(theirs["fc6"], abs=1e-4),
            pytest.approx(theirs["pixels"], abs=1),
        )
        if ours["maps"]:
            assert ours["maps"].keys() == theirs["maps"].keys()
            pictures += [(ours["maps"][layer], theirs["maps"][layer]) for layer in ours["maps"]]
        for one, other in pictures:
            pixels = read_canvas(other).pixels.astype(float)
            np.testing.assert_allclose(read_canvas(one).pixels, pixels, atol=1)


def test_the_static_page_keeps_asking_for_a_missing_file(
    site: str, visit: Callable[..., Page], problems: list[str]
) -> None:
    page = visit(site, service_workers="block")
    page.route(re.compile(r"\.onnx"), lambda route: route.abort())
    page.reload()
    draw(page, SEVEN)
    expect(page.locator("#problem")).to_contain_text("Your drawing is kept")
    page.unroute(re.compile(r"\.onnx"))
    expect_digit(page, "7")
    problems.clear()


def test_a_drawing_is_read_once_however_long_the_networks_take_to_load(
    folder: Path, visit: Callable[..., Page]
) -> None:
    with web.serving(folder) as address:
        page = visit(address, clock=True, service_workers="block")
        held: list[Route] = []
        page.route(re.compile(r"\.onnx"), lambda route: held.append(route))
        page.reload()
        page.get_by_label("a crossed 7").click()
        for _ in range(3):
            page.clock.fast_forward(6_000)
            expect(page.locator("#problem")).to_contain_text("still being loaded")
        wait_for(page, lambda: bool(held))
        for route in held:
            route.continue_()
        page.clock.run_for(2_000)
        expect_digit(page, "7")
        assert page.evaluate("globalThis.runs") == 1


def test_the_static_page_reads_no_canvas_back(site: str, visit: Callable[..., Page]) -> None:
    page = visit(site, script=NO_PIXELS)
    draw(page, SEVEN)
    expect_digit(page, "7")
    page.click(".inside summary")
    expect(page.locator("#conv3")).to_have_js_property("naturalWidth", 143)


def test_the_static_page_opened_from_a_disk_says_how_to_serve_it(folder: Path, browser: Browser) -> None:
    page = browser.new_page()
    page.goto((folder / "index.html").as_uri())
    page.get_by_label("a crossed 7").click()
    expect(page.locator("#problem")).to_contain_text("Serve this folder: run python -m http.server in it")
    page.close()


@pytest.mark.parametrize(
    ("allowed", "selector", "reason"),
    [
        ("allow-scripts", "#problem", "add allow-same-origin"),
        ("", "#unstarted", "A sandboxed frame must have allow-scripts and allow-same-origin."),
        ("allow-scripts allow-same-origin", "#digit", "7"),
    ],
)
def test_the_static_page_in_a_sandboxed_frame_says_what_it_needs(
    allowed: str, selector: str, reason: str, folder: Path, browser: Browser
) -> None:
    (folder / "frame.html").write_text(f'<iframe sandbox="{allowed}" src="index.html" width=900 height=900></iframe>')
    page = browser.new_page()
    with web.serving(folder) as address:
        page.goto(f"{address}frame.html")
        frame = page.frame_locator("iframe")
        frame.get_by_label("a crossed 7").click()
        expect(frame.locator(selector)).to_contain_text(reason)
        page.close()


SUFFICIENT = re.findall(
    r"^Content-Security-Policy: (.+)$", (Path(demo.__file__).parent / "README.md").read_text(), re.M
)


@pytest.mark.parametrize(
    ("policy", "selector", "reason"),
    [
        (*SUFFICIENT, "#digit", "7"),
        ("default-src 'self'", "#unstarted", "A Content-Security-Policy must allow inline scripts"),
        ("default-src 'self' 'unsafe-inline' data:", "#problem", "forbids script-src-elem blob"),
        ("default-src 'self' 'unsafe-inline' data: blob:", "#problem", "forbids script-src wasm-eval"),
    ],
)
def test_the_static_page_under_a_policy_reads_or_says_what_is_forbidden(
    policy: str, selector: str, reason: str, site: str, browser: Browser, problems: list[str]
) -> None:
    def restrict(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, headers={**response.headers, "Content-Security-Policy": policy})

    page = browser.new_page(service_workers="block")
    page.set_default_timeout(2_000 * SECONDS)
    page.route(site, restrict)
    with watched(page, site, problems):
        page.goto(site)
        page.get_by_label("a crossed 7").click()
        expect(page.locator(selector)).to_contain_text(reason)
        page.close()
    if policy in SUFFICIENT:
        assert problems == []
    problems.clear()


def test_the_static_page_without_webassembly_says_so(site: str, visit: Callable[..., Page]) -> None:
    """Tor Browser has none at its safest level, Safari none in Lockdown Mode."""
    page = visit(site, script="delete globalThis.WebAssembly")
    page.get_by_label("a crossed 7").click()
    expect(page.locator("#problem")).to_contain_text("The networks need WebAssembly with SIMD.")


def test_the_static_page_reloads_offline(static_page: Files, tmp_path: Path, visit: Callable[..., Page]) -> None:
    layout.lay_out(tmp_path / "sub" / "page", static_page)
    with web.serving(tmp_path) as address:
        page = visit(f"{address}sub/page/")
        expect_kept(page)
    with socket.create_server(("127.0.0.1", urlsplit(address).port or 0)):  # accepts connections, and never answers
        page.reload()
        page.get_by_label("an open 4").click()
        expect_digit(page, "4")
        page.click("#clear")
    page.context.set_offline(True)
    page.reload()
    draw(page, SEVEN)
    expect_digit(page, "7")
    page.goto(f"{address}sub/page/index.html?__theme=dark")
    page.click("#clear")
    draw(page, ONE)
    expect_digit(page, "1")


def test_offline_look_inside_says_what_is_not_on_the_device(
    static_page: Files, tmp_path: Path, visit: Callable[..., Page], problems: list[str]
) -> None:
    layout.lay_out(tmp_path, static_page)
    with web.serving(tmp_path) as address:
        page = visit(address)
        expect_kept(page)
    page.reload()
    page.click(".inside summary")
    page.get_by_label("an open 4").click()
    expect_digit(page, "4")
    expect(page.locator("#unexplained")).to_contain_text("Connect to the network once, and look again.")
    assert [problem for problem in problems if "net::ERR_" not in problem] == []
    problems.clear()


def test_a_newer_layout_replaces_the_cached_one(folder: Path, newer: Files, visit: Callable[..., Page]) -> None:
    with web.serving(folder) as address:
        page = visit(address)
        expect_kept(page)
        page.goto(address)
        expect_seven_read_as(page, ["7", "7"])
        layout.lay_out(folder, newer)
        page.goto(address)
        expect_seven_read_as(page, ["7", "3"])
        expect_kept(page)
    page.reload()
    expect_seven_read_as(page, ["7", "3"])


def test_another_site_replaces_the_cached_layout(folder: Path, visit: Callable[..., Page]) -> None:
    with web.serving(folder) as address:
        page = visit(address)
        expect_kept(page)
        for path in folder.iterdir():
            path.unlink()
        (folder / "index.html").write_text('<link rel="icon" href="data:," />My thesis')
        page.goto(address)
        expect(page.locator("body")).to_have_text("My thesis")


@pytest.mark.parametrize("service_workers", ["allow", "block"])
def test_files_of_two_layouts_are_not_combined(
    folder: Path, newer: Files, service_workers: str, visit: Callable[..., Page], problems: list[str]
) -> None:
    with web.serving(folder) as address:
        page = visit(address, service_workers=service_workers)
        expect_seven_read_as(page, ["7", "7"])
        (folder / "index.html").write_bytes(newer["index.html"])
        page.reload()
        expect(page.locator("#problem")).to_contain_text("Your drawing is kept")
        expect(page.locator("#digit")).to_be_empty()
        layout.lay_out(folder, newer)
        expect(page.locator("#problem")).to_be_hidden()
        expect_seven_read_as(page, ["7", "3"])
    problems.clear()


def test_an_incomplete_layout_is_not_cached(folder: Path, newer: Files, visit: Callable[..., Page]) -> None:
    with web.serving(folder) as address:
        page = visit(address)
        expect_kept(page)
        layout.lay_out(folder, {**newer, "index.html": (folder / "index.html").read_bytes()})
        page.reload()
        expect_seven_read_as(page, ["7", "7"])
        page.evaluate("navigator.serviceWorker.ready.then((registration) => registration.update())")
        while page.evaluate(BUSY):
            page.wait_for_timeout(100)
        expect_kept(page)
    page.reload()
    expect_seven_read_as(page, ["7", "7"])


def test_the_static_page_works_without_service_workers(browser: Browser) -> None:
    files = light_layout("7", "7")

    def answer(route: Route) -> None:
        name = urlsplit(route.request.url).path[1:] or "index.html"
        route.fulfill(body=files[name], content_type=mimetypes.guess_type(name)[0])

    page = browser.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.route("http://digits.test/**", answer)
    page.goto("http://digits.test/")
    assert page.evaluate("navigator.serviceWorker === undefined")
    draw(page, SEVEN)
    expect_digit(page, "7")
    page.wait_for_timeout(200)
    page.context.close()
    assert problems == []


def test_the_static_page_pins_the_package_that_the_files_were_tested_with() -> None:
    assert (layout.WEB_VERSION, layout.WEB_SHA512) == (web.VERSION, web.SHA512)


def test_the_error_for_a_folder_that_cannot_be_written_names_it(tmp_path: Path) -> None:
    (tmp_path / "page").touch()
    failed = subprocess.run(
        [sys.executable, "-m", "demo.space", str(tmp_path / "page")], capture_output=True, text=True
    )
    reason = f"cannot write {tmp_path / 'page'}: File exists. Name another folder."
    assert failed.stderr == f"python -m demo.space: {reason}\n"


def test_a_full_disk_is_an_error_that_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(path: Path, content: bytes) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(SetupError, match=r"cannot write .*app\.py: No space left on device\. Name another folder\."):
        layout.lay_out(tmp_path, {"app.py": b"new"})
    assert not list(tmp_path.iterdir())


def test_the_error_without_npm_says_that_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SetupError, match="npm is not installed"):
        layout.static()


def test_a_layout_is_written_only_to_an_empty_folder_or_over_an_older_layout(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    layout.lay_out(tmp_path, {"app.py": b"old", "demo/app.py": b"old"})
    layout.lay_out(tmp_path, {"app.py": b"new", "demo/app.py": b"new"})
    assert (tmp_path / "demo" / "app.py").read_bytes() == b"new"
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(SetupError, match=r"holds thesis\.tex: name an empty folder"):
        layout.lay_out(tmp_path, {"app.py": b"newer"})
    assert (tmp_path / "app.py").read_bytes() == b"new"
