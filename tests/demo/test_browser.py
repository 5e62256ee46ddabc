"""The page reads drawings in a real browser. These tests are skipped without Chromium."""

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Request, Route, expect

from demo.sketchpad import HERE as SKETCHPAD
from demo.sketchpad import SCRIPTS, STYLES
from export.web import CHROMIUM, FLAGS
from tests.demo.asking import check
from tests.demo.drawing import (
    NO_PIXELS,
    NOISE,
    ONE,
    SEVEN,
    Points,
    along,
    draw,
    expect_blank,
    expect_digit,
    touch,
    wait_for,
)
from tests.demo.serving import Balancer, Collecting

pytestmark = [pytest.mark.browser]

NOT_READ = ("Not sure", "no digit I know")


def photograph() -> bytes:
    """A dark 1 on grey paper, as JPEG."""
    sketch = np.full((600, 800), 170, np.uint8)
    sketch[100:500, 380:420] = 40
    file = BytesIO()
    Image.fromarray(sketch).save(file, "JPEG")
    return file.getvalue()


def test_the_page_reads_a_drawing_clears_it_and_reads_another(page: Page) -> None:
    expect_blank(page)
    draw(page, SEVEN)
    expect_digit(page, "7")
    expect(page.locator("#speed")).to_have_text(re.compile(r"ONNX Runtime on CPU in \d+\.\d ms"))
    seen = page.locator("#seen").get_attribute("src")

    page.click("#clear")
    expect_blank(page)

    draw(page, ONE)
    expect_digit(page, "1")
    assert page.locator("#seen").get_attribute("src") != seen


def test_an_answer_comes_before_the_pen_is_lifted(page: Page) -> None:
    draw(page, SEVEN, lift=False)
    expect_digit(page, "7")


def test_a_pen_that_rested_is_lifted_without_another_question(page: Page) -> None:
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if request.url.endswith("/read") else None)
    draw(page, SEVEN, lift=False)
    expect_digit(page, "7")
    page.wait_for_timeout(500)
    questions = len(asked)
    assert "A 7" not in (page.locator("#said").text_content() or "")

    page.mouse.up()
    expect(page.locator("#said")).to_contain_text("A 7")
    page.wait_for_timeout(200)
    assert len(asked) == questions


def test_a_fast_stroke_of_few_points_is_read(page: Page) -> None:
    draw(page, SEVEN, steps=1)
    expect_digit(page, "7")


def test_the_page_sends_nothing_but_questions_of_less_than_16_kilobytes(page: Page) -> None:
    sizes: list[int] = []
    other_urls: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith(("/read", "/probabilities")):
            sizes.append(len(request.post_data or ""))
        elif not request.url.startswith("data:"):
            other_urls.append(request.url)

    page.on("request", note)
    draw(page, SEVEN)
    expect_digit(page, "7")
    for y in np.linspace(0.05, 0.95, 12):
        draw(page, [(0.05, float(y)), (0.95, float(1 - y))], steps=5)
    page.click(".inside summary")
    expect(page.locator("#changes")).to_contain_text(re.compile("%|No small patch"))
    assert max(sizes) < 16_000
    assert other_urls == []


def test_a_full_page_that_would_take_more_is_sent_in_fewer_levels_of_grey(page: Page) -> None:
    asked: list[Request] = []
    nothing = {"number": "", "digits": [], "provider": "CPU", "milliseconds": 1.0, "waited": 0.0}
    page.route("**/read", lambda route: route.fulfill(json=nothing))
    page.on("request", lambda request: asked.append(request) if request.url.endswith("/read") else None)
    random = np.random.default_rng(0)
    strokes = [random.uniform((20, 15), (360, 240)) + random.uniform(0, 30, (8, 2)) for _ in range(80)]
    drawing = {"strokes": [stroke.tolist() for stroke in strokes], "picture": ""}
    page.evaluate("drawing => sessionStorage.setItem('drawing', JSON.stringify(drawing))", drawing)
    page.reload()
    wait_for(page, lambda: bool(asked))
    assert len(np.unique(pixels(canvas_of(asked[-1])))) <= 16
    assert pixels(canvas_of(asked[-1])).shape == (280, 420)
    assert max(len(request.post_data or "") for request in asked) < 16_000


@pytest.mark.parametrize("steps", [1, 20])
def test_what_is_sent_is_what_is_on_the_paper(steps: int, page: Page) -> None:
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if request.url.endswith("/read") else None)
    for points in (SEVEN, [(0.2, 0.8), (0.8, 0.8), (0.8, 0.5), (0.2, 0.5)], [(0.9, 0.1)], [(0.8, 0.9), (1.2, 0.7)]):
        draw(page, points, steps=steps)
    shown = pixels(page.locator("#sketchpad canvas").evaluate("canvas => canvas.toDataURL()"))
    shrunk = np.asarray(Image.fromarray(shown).resize((420, 280), Image.Resampling.BOX))
    wait_for(page, lambda: bool(asked) and np.abs(pixels(canvas_of(asked[-1])) - shrunk).mean() < 1)


def canvas_of(question: Request) -> str:
    return json.loads(question.post_data or "")["canvas"]


def pixels(url: str) -> np.ndarray:
    """The grey levels of an image in a data URL, float32 [height, width]."""
    return np.asarray(Image.open(BytesIO(base64.b64decode(url.partition(",")[2]))).convert("L"), np.float32)


def test_a_late_answer_does_not_replace_a_newer_one(page: Page) -> None:
    """Several questions are in flight at a time; here the first of them are answered last."""
    held: list[Route] = []
    page.route("**/read", lambda route: held.append(route) if len(held) < 3 else route.continue_())
    draw(page, ONE, lift=False)
    wait_for(page, lambda: len(held) == 3)
    page.mouse.up()
    expect_digit(page, "1")
    draw(page, [(0.2, 0.8), (0.8, 0.8), (0.8, 0.5), (0.2, 0.5)])
    expect(page.locator("#digit")).not_to_have_text("1")
    last = page.locator("#seen").get_attribute("src")
    for route in reversed(held):
        route.continue_()
    page.wait_for_timeout(300)
    assert page.locator("#seen").get_attribute("src") == last


def test_the_answer_to_a_cleared_drawing_is_not_shown(page: Page) -> None:
    held: list[Route] = []
    page.route("**/read", lambda route: held.append(route))
    draw(page, SEVEN)
    wait_for(page, lambda: bool(held))
    page.click("#clear")
    for route in held:
        route.continue_()
    page.wait_for_timeout(300)
    expect_blank(page)


ANSWER_TIMEOUT = 5_000  # milliseconds, as in sketchpad.js


def test_the_page_asks_again_if_no_answer_comes(address: str, visit: Callable[..., Page]) -> None:
    page = visit(address, clock=True)
    lost: list[Route] = []
    page.route("**/read", lambda route: lost.append(route))
    draw(page, SEVEN)
    wait_for(page, lambda: bool(lost))
    page.clock.fast_forward(ANSWER_TIMEOUT)
    expect(page.locator("#problem")).to_contain_text("does not answer")
    expect_blank(page)
    page.unroute("**/read")
    page.clock.fast_forward(ANSWER_TIMEOUT)
    expect_digit(page, "7")
    expect(page.locator("#problem")).to_be_hidden()


def test_missing_answers_do_not_stop_the_page_from_asking(address: str, visit: Callable[..., Page]) -> None:
    page = visit(address, clock=True)
    lost: list[Route] = []
    page.route("**/read", lambda route: lost.append(route) if len(lost) < 4 else route.continue_())
    draw(page, SEVEN, lift=False)
    wait_for(page, lambda: len(lost) == 3)
    page.clock.fast_forward(ANSWER_TIMEOUT)
    wait_for(page, lambda: len(lost) == 4)
    page.clock.fast_forward(ANSWER_TIMEOUT)
    expect(page.locator("#digit")).to_have_text("7")


def test_a_picture_is_sent_once_even_if_its_answer_is_slow(address: str, visit: Callable[..., Page]) -> None:
    page = visit(address, clock=True)
    held: list[Route] = []
    page.route("**/read", lambda route: held.append(route))
    page.set_input_files("#file", {"name": "one.jpg", "mimeType": "image/jpeg", "buffer": photograph()})
    wait_for(page, lambda: bool(held))
    for _ in range(4):
        page.clock.fast_forward(ANSWER_TIMEOUT)
    expect(page.locator("#problem")).to_have_text("The server does not answer. Your picture is kept.")
    assert len(held) == 1
    held[0].continue_()
    expect_digit(page, "1")
    expect(page.locator("#problem")).to_be_hidden()


def test_the_page_asks_a_failing_server_less_and_less_often(
    address: str, visit: Callable[..., Page], problems: list[str]
) -> None:
    page = visit(address, clock=True)
    asked: list[Route] = []
    answer: dict[str, Any] = {"status": 500, "json": {"detail": ""}}

    def refuse(route: Route) -> None:
        asked.append(route)
        route.fulfill(**answer)

    page.route("**/read", refuse)
    page.get_by_label("a crossed 7").click()
    for delay in (1, 2, 4, 8, 8):
        expect(page.locator("#problem")).to_contain_text("does not answer")
        page.wait_for_timeout(50)
        questions = len(asked)
        page.clock.fast_forward(900 * delay)
        page.wait_for_timeout(50)
        assert len(asked) == questions
        page.clock.fast_forward(600 * delay)
        wait_for(page, lambda questions=questions: len(asked) > questions)  # type: ignore[misc]
    answer = {"status": 429, "headers": {"Retry-After": "3"}, "json": {"detail": "busy"}}
    page.clock.fast_forward(12_000)
    expect(page.locator("#problem")).to_contain_text("The server is busy.")
    questions = len(asked)
    page.clock.fast_forward(2_700)
    page.locator(".examples button").first.click()  # a new drawing waits, too
    page.wait_for_timeout(50)
    assert len(asked) == questions
    page.unroute("**/read")
    page.clock.fast_forward(2_000)
    expect_digit(page, "1")
    problems.clear()


def test_an_answer_after_the_timeout_is_still_shown(address: str, visit: Callable[..., Page]) -> None:
    """After the timeout the page asks once more, but it still accepts the first answer."""
    page = visit(address, clock=True)
    held: list[Route] = []
    page.route("**/read", lambda route: held.append(route))
    draw(page, SEVEN)
    wait_for(page, lambda: bool(held))
    page.clock.fast_forward(ANSWER_TIMEOUT)
    expect(page.locator("#problem")).to_contain_text("does not answer")
    wait_for(page, lambda: len(held) > 1)
    for route in held[:-1]:
        route.continue_()
    expect_digit(page, "7")
    expect(page.locator("#problem")).to_be_hidden()


def test_the_page_asks_again_after_an_invalid_answer(page: Page) -> None:
    page.route("**/read", lambda route: route.fulfill(json={}), times=20)
    draw(page, SEVEN)
    expect(page.locator("#problem")).to_contain_text("does not answer")
    page.unroute("**/read")
    expect_digit(page, "7")


def test_the_page_works_if_the_browser_forbids_storage(address: str, visit: Callable[..., Page]) -> None:
    forbidden = "get() { throw new DOMException('no', 'SecurityError') }"
    page = visit(address, script=f"Object.defineProperty(window, 'sessionStorage', {{{forbidden}}})")
    page.get_by_label("a crossed 7").click()
    expect_digit(page, "7")
    page.click("#clear")
    expect_blank(page)


def test_a_lost_pointer_capture_ends_the_stroke_and_does_not_block_the_next_one(page: Page) -> None:
    draw(page, ONE, lift=False)
    page.locator("#sketchpad canvas").evaluate("c => c.releasePointerCapture(1)")
    draw(page, [(0.3, 0.2), (0.7, 0.2)])
    page.click("#undo")
    expect_digit(page, "1")


@pytest.mark.parametrize("script", [NOISE, NO_PIXELS])
def test_reads_drawings_where_the_browser_hides_the_pixels_of_a_canvas(
    script: str, address: str, visit: Callable[..., Page]
) -> None:
    page = visit(address, script=script)
    draw(page, SEVEN)
    expect_digit(page, "7")
    page.set_input_files("#file", {"name": "one.jpg", "mimeType": "image/jpeg", "buffer": photograph()})
    expect(page.locator("#notice")).to_contain_text("Allow this site to extract canvas data")
    expect_digit(page, "7")


def test_reads_drawings_where_chromium_is_told_to_hide_the_pixels(browser: Browser, address: str) -> None:
    hiding = browser.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, "--disable-reading-from-canvas"])
    page = hiding.new_page()
    page.goto(address)
    draw(page, SEVEN)
    expect_digit(page, "7")
    page.set_input_files("#file", {"name": "one.jpg", "mimeType": "image/jpeg", "buffer": photograph()})
    expect(page.locator("#notice")).to_contain_text("Allow this site to extract canvas data")
    hiding.close()


def test_no_name_is_declared_twice_in_the_scripts_which_share_one_scope() -> None:
    declared = re.compile(r"^(?:const|let|class|(?:async )?function\*?) ([\w$]+|[\[{][^\]}]*[\]}])", re.MULTILINE)
    for last in (SKETCHPAD / "server.js", SKETCHPAD.parent / "space" / "static.js"):
        found = [name for path in (*SCRIPTS, last) for name in declared.findall(path.read_text())]
        names = [name for each in found for name in re.findall(r"[\w$]+", each)]
        assert "sketchpad" in names
        assert not {name for name in names if names.count(name) > 1}


def test_rules_are_not_nested_for_older_browsers() -> None:
    for path in STYLES:
        style = re.sub(r"/\*.*?\*/", "", path.read_text())
        style = re.sub(r"@keyframes \w+ \{(?:[^{}]*\{[^{}]*\})*\s*\}", "", style)
        style = re.sub(r"@(?:media|supports) [^{]*\{((?:[^{}]*\{[^{}]*\})*)\s*\}", r"\1", style)
        rules = re.findall(r"([^{}]+)\{[^{}]*\}", style)
        assert "".join(re.split(r"[^{}]+\{[^{}]*\}", style)).strip() == ""
        selectors = [selector.strip() for rule in rules for selector in re.split(r",(?![^(]*\))", rule)]
        assert all(selector.startswith(("#sketchpad", ".dark #sketchpad")) for selector in selectors)


def test_undo_reverts_one_stroke_or_a_clear(page: Page) -> None:
    draw(page, ONE)
    expect_digit(page, "1")
    draw(page, [(0.2, 0.8), (0.8, 0.8), (0.8, 0.5), (0.2, 0.5)])
    expect(page.locator("#digit")).not_to_have_text("1")
    page.click("#undo")
    expect_digit(page, "1")
    page.click("#clear")
    expect_blank(page)
    page.click("#undo")
    expect_digit(page, "1")
    page.click("#undo")
    expect_blank(page)
    page.click("#undo")
    expect_blank(page)
    page.keyboard.press("Control+y")
    expect_digit(page, "1")
    page.keyboard.press("Control+Shift+Z")  # the clear
    expect_blank(page)
    page.keyboard.press("Meta+z")
    expect_digit(page, "1")
    for key, code, digit in (("z", "KeyY", ""), ("y", "KeyZ", "1"), ("я", "KeyZ", ""), ("н", "KeyY", "1")):
        page.evaluate(
            "key => document.body.dispatchEvent(new KeyboardEvent('keydown', {...key, ctrlKey: true, bubbles: true}))",
            {"key": key, "code": code},
        )
        expect(page.locator("#digit")).to_have_text(digit)


@pytest.mark.parametrize(
    "strokes",
    [
        [[(0.4, 0.4)]],
        [[(0.2, 0.85), (0.5, 0.15), (0.8, 0.85)], [(0.32, 0.6), (0.68, 0.6)]],
        [[(0.1 + 0.06 * i, (0.2, 0.8)[i % 2]) for i in range(14)]],
    ],
    ids=["dot", "letter", "scribble"],
)
def test_a_drawing_that_is_not_a_digit_gets_no_answer(strokes: list[Points], page: Page) -> None:
    for stroke in strokes:
        draw(page, stroke)
    expect(page.locator("#said")).to_have_text(re.compile("|".join(NOT_READ)))
    expect(page.locator("#digit")).to_have_text("?")
    expect(page.locator("tbody tr.read")).to_have_count(0)


def test_a_finger_draws_without_scrolling(address: str, visit: Callable[..., Page]) -> None:
    page = visit(address, viewport={"width": 360, "height": 640}, device_scale_factor=3, is_mobile=True, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    touch(page, ONE)
    expect_digit(page, "1")
    expect(page.locator("#digit")).to_be_in_viewport()
    assert page.evaluate("window.scrollY") == 0
    page.tap("#clear")
    expect_blank(page)


def test_two_fingers_zoom_and_a_tap_leaves_a_picture_as_it_is(address: str, visit: Callable[..., Page]) -> None:
    page = visit(address, viewport={"width": 360, "height": 640}, is_mobile=True, has_touch=True)
    page.set_input_files("#file", {"name": "one.jpg", "mimeType": "image/jpeg", "buffer": photograph()})
    expect_digit(page, "1")
    page.locator("#sketchpad canvas").tap(position={"x": 20, "y": 20})
    page.wait_for_timeout(100)
    expect(page.locator("#sketchpad .picture")).to_be_visible()
    touch(page, [(0.3, 0.5), (0.1, 0.5)], [(0.5, 0.5), (0.7, 0.5)])  # the second finger on the box of the digit
    wait_for(page, lambda: page.evaluate("visualViewport.scale") > 1)
    expect(page.locator("#sketchpad .picture")).to_be_visible()
    page.reload()
    touch(page, [(0.1, 0.4), (0.3, 0.8)])
    expect(page.locator("#sketchpad .picture")).to_be_hidden()
    drawing = page.evaluate("sessionStorage.drawing")
    touch(page, [(0.45, 0.5), (0.1, 0.5)], [(0.55, 0.5), (0.9, 0.5)])
    wait_for(page, lambda: page.evaluate("visualViewport.scale") > 1)
    assert page.evaluate("sessionStorage.drawing") == drawing


def test_a_stylus_draws_while_the_palm_rests_on_the_paper(page: Page) -> None:
    page.evaluate(
        """(points) => {
            const canvas = document.querySelector("#sketchpad canvas"), box = canvas.getBoundingClientRect()
            canvas.setPointerCapture = () => {}
            const send = (type, pointerId, pointerType, [x, y]) => canvas.dispatchEvent(new PointerEvent(type, {
                pointerId, pointerType, button: 0, buttons: 1, bubbles: true,
                clientX: box.left + x * box.width, clientY: box.top + y * box.height}))
            send("pointerdown", 7, "touch", [0.9, 0.9])
            send("pointermove", 7, "touch", [0.8, 0.95])
            send("pointerdown", 8, "pen", points[0])
            for (const point of points) {
                send("pointermove", 8, "pen", point)
                send("pointermove", 7, "touch", [0.9, 0.9])
            }
            send("lostpointercapture", 8, "pen", points.at(-1))
        }""",
        along(ONE),
    )
    expect_digit(page, "1")
    page.click("#undo")
    expect_blank(page)


def test_the_canvas_has_the_resolution_of_the_screen_and_follows_its_changes(page: Page) -> None:
    canvas = page.locator("#sketchpad canvas")
    devtools = page.context.new_cdp_session(page)
    for scale in (1, 3, 2):
        metrics = {"width": 1280, "height": 720, "deviceScaleFactor": scale, "mobile": False}
        devtools.send("Emulation.setDeviceMetricsOverride", metrics)
        draw(page, ONE)
        assert canvas.evaluate("c => c.width / c.clientWidth") == pytest.approx(scale, abs=0.01)


def ink_and_paper(page: Page) -> list[int]:
    """The grey levels that a person sees, where ONE has ink and where it has none."""
    shown = Image.open(BytesIO(page.locator("#sketchpad .paper").screenshot())).convert("L")
    pixels = np.asarray(shown.resize((100, 100), Image.Resampling.NEAREST))
    return [int(pixels[70, 54]), int(pixels[85, 15])]


def test_in_dark_mode_the_paper_is_dark_and_the_ink_light(address: str, visit: Callable[..., Page]) -> None:
    page = visit(address, color_scheme="dark")
    expect(page.locator(".invitation")).to_have_css("color", "rgb(143, 143, 143)")  # 5.4 : 1 to the paper
    draw(page, ONE)
    expect_digit(page, "1")
    assert ink_and_paper(page) == [230, 26]


@pytest.fixture(scope="module")
def forcing(browser: Browser) -> Iterator[Browser]:
    """A browser that forces dark pages."""
    forced_dark = ["--force-dark-mode", "--enable-features=WebContentsForceDark"]
    forcing = browser.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, *forced_dark])
    yield forcing
    forcing.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_ink_shows_where_the_browser_forces_dark_pages(
    scheme: Literal["light", "dark"], forcing: Browser, address: str
) -> None:
    page = forcing.new_page(color_scheme=scheme)
    page.goto(address)
    draw(page, ONE)
    expect_digit(page, "1")
    assert ink_and_paper(page) == ([0, 255] if scheme == "light" else [230, 26])
    page.close()


def test_ink_and_bars_show_where_the_system_chooses_the_colours(address: str, visit: Callable[..., Page]) -> None:
    page = visit(address, forced_colors="active", color_scheme="dark")
    draw(page, ONE)
    expect_digit(page, "1")
    assert ink_and_paper(page) == [230, 26]
    bar = page.locator("tbody tr:nth-child(2) i").first
    expect(bar).not_to_have_css(
        "background-color", page.locator("body").evaluate("b => getComputedStyle(b).backgroundColor")
    )


def test_the_answer_is_told_when_the_keyboards_pen_rested_before_it_is_lifted(page: Page) -> None:
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    for _ in range(14):
        page.keyboard.press("ArrowDown")
    expect(page.locator("#speed")).not_to_be_empty()
    page.wait_for_timeout(500)  # the last question is answered, too
    page.keyboard.press("Space")
    expect(page.locator("#said")).to_have_text(re.compile(r"A 1, \d+ % sure"))


def test_everything_can_be_done_by_keyboard(page: Page) -> None:
    page.keyboard.press("Tab")
    told = "getComputedStyle(document.querySelector('.invitation'), '::after').content"
    assert "Space puts it down" in page.evaluate(told)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    for _ in range(14):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect_digit(page, "1")
    expect(page.locator("#said")).to_have_text(re.compile(r"A 1, \d+ % sure"))
    page.keyboard.press("Escape")
    expect_blank(page)
    page.keyboard.press("Control+z")
    expect_digit(page, "1")
    page.keyboard.press("ArrowLeft")  # from where the pen was
    expect(page.locator("#said")).to_contain_text("48 % across, 71 % down")
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.innerText || document.activeElement.ariaLabel"))
    assert reached[:3] == ["Undo", "Clear", "Photo or file of digits"]
    assert "a crossed 7" in reached
    assert "Look inside" in reached
    page.get_by_label("a slashed 0").focus()
    page.keyboard.press("Enter")
    expect_digit(page, "0")


def test_the_examples_are_read_correctly(page: Page) -> None:
    for button in page.locator(".examples button").all():
        button.click()
        name = button.get_attribute("aria-label")
        assert name is not None
        number = re.search(r"\d+", name)
        expect(page.locator("#digit")).to_have_text(number[0] if number else "31415 92653 58979")
        expect(page.locator("#words")).to_contain_text("99 % sure")


def test_the_feature_maps_are_shown_and_change_while_the_pen_moves(page: Page) -> None:
    assert not page.locator("#conv1").is_visible()
    page.click(".inside summary")
    draw(page, SEVEN, lift=False)
    expect_digit(page, "7")
    before = [page.locator(f"#conv{i}").get_attribute("src") for i in (1, 2, 3)]
    assert None not in before
    sizes = [page.locator(f"#conv{i}").evaluate("i => [i.naturalWidth, i.naturalHeight]") for i in (1, 2, 3)]
    assert sizes == [[6 * 25 - 1, 24], [8 * 20 - 1, 2 * 20 - 1], [24 * 6 - 1, 5 * 6 - 1]]
    page.mouse.move(0, 0, steps=5)
    page.mouse.up()
    expect(page.locator("#conv1")).not_to_have_attribute("src", before[0] or "")


def test_an_uploaded_photograph_is_read_and_undo_restores_the_drawing(page: Page) -> None:
    draw(page, SEVEN)
    expect_digit(page, "7")
    page.set_input_files("#file", {"name": "one.jpg", "mimeType": "image/jpeg", "buffer": photograph()})
    expect_digit(page, "1")
    expect(page.locator("#sketchpad .picture")).to_be_visible()
    page.click("#undo")
    expect_digit(page, "7")
    expect(page.locator("#sketchpad .picture")).to_be_hidden()


@pytest.mark.parametrize("event", ["paste", "drop"])
def test_a_pasted_or_dropped_picture_is_read(event: str, page: Page) -> None:
    page.evaluate(
        """([event, data]) => {
            const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))
            const files = new DataTransfer()
            files.items.add(new File([bytes], "one.jpg", {type: "image/jpeg"}))
            const target = document.querySelector("#sketchpad canvas")
            target.dispatchEvent(event === "paste"
                ? new ClipboardEvent("paste", {clipboardData: files, bubbles: true})
                : new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true}))
        }""",
        [event, base64.b64encode(photograph()).decode()],
    )
    expect_digit(page, "1")
    if event == "paste":
        nothing = "new ClipboardEvent('paste', {clipboardData: new DataTransfer(), bubbles: true})"
        page.evaluate(f"document.body.dispatchEvent({nothing})")
        expect(page.locator("#notice")).to_have_text("The clipboard holds no picture.")


def test_light_ink_on_a_transparent_background_is_read(page: Page) -> None:
    image = Image.new("RGBA", (300, 300))
    image.paste((255, 255, 255, 255), (130, 60, 160, 240))
    file = BytesIO()
    image.save(file, "PNG")
    page.set_input_files("#file", {"name": "one.png", "mimeType": "image/png", "buffer": file.getvalue()})
    expect_digit(page, "1")


def test_a_picture_too_small_for_a_digit_is_refused(page: Page) -> None:
    file = BytesIO()
    Image.new("L", (3, 3)).save(file, "PNG")
    page.set_input_files("#file", {"name": "dot.png", "mimeType": "image/png", "buffer": file.getvalue()})
    expect(page.locator("#notice")).to_contain_text("dot.png is too small")
    expect_blank(page)


def test_a_file_that_is_not_a_picture_is_refused_and_the_drawing_stays(page: Page) -> None:
    draw(page, SEVEN)
    expect_digit(page, "7")
    page.set_input_files("#file", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"seven"})
    expect(page.locator("#notice")).to_have_text(
        "This browser cannot read notes.txt as a picture: it is damaged, too large, or of a kind that the browser does "
        "not know. Choose a PNG or JPEG."
    )
    expect_digit(page, "7")


def test_a_reload_keeps_the_drawing_and_another_tab_has_its_own(page: Page) -> None:
    draw(page, SEVEN)
    expect_digit(page, "7")
    other = page.context.new_page()
    other.goto(page.url)
    expect_blank(other)
    draw(other, ONE)
    expect_digit(other, "1")
    other.close()
    page.reload()
    expect_digit(page, "7")
    page.click("#undo")
    expect_blank(page)


def test_a_stroke_of_100_000_points_is_read_and_does_not_freeze_the_page(page: Page) -> None:
    page.evaluate(
        """() => {
            const canvas = document.querySelector("#sketchpad canvas"), box = canvas.getBoundingClientRect()
            const send = (type, x, y) => canvas.dispatchEvent(new PointerEvent(type, {
                pointerId: 1, button: 0, buttons: 1, clientX: box.left + x, clientY: box.top + y, bubbles: true}))
            canvas.setPointerCapture = () => {}
            send("pointerdown", 150, 40)
            for (let i = 0; i < 1e5; i++) send("pointermove", 150 + i % 9, 40 + (i * 7) % 240)
            canvas.dispatchEvent(new PointerEvent("lostpointercapture", {pointerId: 1}))
        }"""
    )
    expect_digit(page, "1")
    page.click("#undo")
    expect_blank(page)


def test_the_drawing_survives_an_outage_of_the_server_in_the_middle_of_a_stroke(
    balancer: Balancer, visit: Callable[..., Page], problems: list[str]
) -> None:
    page = visit(balancer.address)
    draw(page, ONE[:2], lift=False)
    expect(page.locator("#digit")).not_to_be_empty()
    balancer.close()
    box = page.locator("#sketchpad canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + ONE[2][0] * box["width"], box["y"] + ONE[2][1] * box["height"], steps=10)
    expect(page.locator("#problem")).to_contain_text("Your drawing is kept")
    page.mouse.up()
    balancer.open()
    expect_digit(page, "1")
    expect(page.locator("#problem")).to_be_hidden()
    assert problems
    assert [problem for problem in problems if "net::ERR_" not in problem] == []
    problems.clear()


def test_a_click_on_the_right_digit_stores_the_drawing(collecting: Collecting, visit: Callable[..., Page]) -> None:
    page = visit(f"http://127.0.0.1:{urlsplit(collecting.address).port}/")
    folder = collecting.folder
    expect(page.locator("#stores")).to_contain_text(str(folder))
    draw(page, SEVEN)
    expect_digit(page, "7")
    page.locator(".wrong button").nth(2).click()
    expect(page.locator("#stores")).to_contain_text(
        re.compile(rf"Stored as a 2\. {re.escape(str(folder))} now holds \d+\.")
    )
    (file,) = folder.glob("2/*.*")
    image = Image.open(file)
    assert (image.mode, image.size) == ("L", (420, 280))
    assert np.asarray(image)[70, 210] == 0
    file.unlink()


def test_a_digit_of_a_number_is_corrected_by_itself(collecting: Collecting, visit: Callable[..., Page]) -> None:
    page = visit(f"http://127.0.0.1:{urlsplit(collecting.address).port}/")
    page.get_by_label("the year 2026").click()
    expect(page.locator("#digit")).to_have_text("2026")
    page.locator("#digit button").nth(1).click()
    expect(page.locator("#stores")).to_contain_text("Is digit 2 wrong?")
    seen = pixels(page.locator("#seen").get_attribute("src") or "")
    page.locator(".wrong button").nth(8).click()
    expect(page.locator("#stores")).to_contain_text("Stored as an 8.")
    (file,) = collecting.folder.glob("8/*.*")
    np.testing.assert_array_equal(np.asarray(Image.open(file)), seen)
    expect(page.locator("#digit")).to_have_text("2826")
    page.locator("#take-back").click()
    expect(page.locator("#digit")).to_have_text("2026")
    expect(page.locator("#stores")).to_contain_text("Taken back")
    assert not list(collecting.folder.glob("8/*.*"))


def test_a_wrong_click_is_taken_back_by_keyboard_and_said_to_screen_readers(
    collecting: Collecting, visit: Callable[..., Page]
) -> None:
    page = visit(f"http://127.0.0.1:{urlsplit(collecting.address).port}/")
    take_back = page.locator("#take-back")
    draw(page, SEVEN)
    expect_digit(page, "7")
    expect(take_back).to_be_hidden()
    before = set(collecting.folder.glob("*/*.png"))
    page.get_by_role("button", name="3", exact=True).press("Enter")
    expect(take_back).to_be_focused()
    expect(take_back).to_have_text("Take back the 3")
    expect(page.locator("#said")).to_contain_text("Stored as a 3.")
    assert len(set(collecting.folder.glob("3/*.png")) - before) == 1
    draw(page, [(0.1, 0.1), (0.2, 0.1)])  # it stays until the next drawing is stored
    expect(page.locator("#said")).not_to_contain_text("Stored")
    take_back.press("Enter")
    expect(take_back).to_be_hidden()
    expect(page.locator("#said")).to_contain_text("The 3 is no longer stored.")
    expect(page.get_by_role("button", name="3", exact=True)).to_be_focused()
    assert set(collecting.folder.glob("*/*.png")) == before


def test_the_page_says_so_if_a_drawing_cannot_be_taken_back(
    collecting: Collecting, visit: Callable[..., Page], problems: list[str]
) -> None:
    page = visit(f"http://127.0.0.1:{urlsplit(collecting.address).port}/")
    draw(page, SEVEN)
    expect_digit(page, "7")
    page.get_by_role("button", name="4", exact=True).click()
    page.route("**/take-back", lambda route: route.abort())
    page.locator("#take-back").click()
    expect(page.locator("#notice")).to_contain_text("the drawing is still stored")
    expect(page.locator("#take-back")).to_be_focused()
    page.unroute("**/take-back")
    page.locator("#take-back").click()
    expect(page.locator("#take-back")).to_be_hidden()
    problems.clear()


def test_the_example_for_programs_runs_as_printed(page: Page, tmp_path: Path) -> None:
    page.get_by_text("Use it from a program").click()
    expect(page.locator("#models")).to_have_text("python -m demo --mcp serves it to language models, too.")
    if shutil.which("curl") is None:
        pytest.skip("no curl on this machine")
    printed = page.locator("#example").inner_text()
    done = subprocess.run(["sh", "-c", printed], cwd=tmp_path, capture_output=True, text=True, check=True)
    check(json.loads(done.stdout), 7)
    assert httpx.get(page.locator("#described").get_attribute("href") or "").json()["info"]["title"] == "Write a number"


def test_the_page_links_the_model_card(page: Page) -> None:
    card = page.locator("footer a")
    expect(card).to_have_text("The model card")
    shown = httpx.get(card.get_attribute("href") or "")
    assert shown.headers["content-type"].startswith("text/plain")
    assert "## When an answer counts" in shown.text


def test_a_bar_of_100_percent_ends_where_its_column_ends(page: Page) -> None:
    page.get_by_label("a crossed 7").click()
    expect_digit(page, "7")
    boxes = page.locator("tbody tr.read td").evaluate_all(
        """cells => cells.map((cell) => {
            const right = (element) => element.getBoundingClientRect().right
            return [right(cell), right(cell.firstChild), parseFloat(cell.firstChild.style.width)]
        })"""
    )
    for column, bar, percent in boxes:
        assert percent > 99
        assert bar == pytest.approx(column, abs=2)
    assert page.locator("table").evaluate("t => t.getBoundingClientRect().right") <= 1_280


def test_headings_and_text_are_set_in_one_font(page: Page) -> None:
    """Developer tools also ask for the manifest: here it is seen that it is there."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("DOM.enable")
    devtools.send("CSS.enable")
    root = devtools.send("DOM.getDocument")["root"]["nodeId"]
    families = set()
    for selector in ("h1", "thead th", "#words"):
        query = {"nodeId": root, "selector": f"#sketchpad {selector}"}
        node = devtools.send("DOM.querySelector", query)["nodeId"]
        families |= {
            font["familyName"] for font in devtools.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
        }
    assert len(families) == 1
