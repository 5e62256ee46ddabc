"""The page shows numbers of several digits. Most tests make up the reading that it shows."""

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Download, FloatRect, Locator, Page, Route, expect

from demo.networks.images import data_url
from tests.demo.drawing import ONE, SEVEN, Points, draw, expect_blank, expect_digit, wait_for

pytestmark = [pytest.mark.browser]

IMAGE = data_url(np.zeros((28, 28)))
GLYPHS = """() => {
    const texts = document.createTreeWalker(document.querySelector("#digit"), NodeFilter.SHOW_TEXT)
    const places = []
    while (texts.nextNode()) {
        const range = document.createRange()
        range.selectNodeContents(texts.currentNode)
        const { x, y } = range.getBoundingClientRect()
        places.push([x, y])
    }
    return places
}"""  # the place of each digit of the number
SIZES = [(320, 640), (390, 844), (768, 1024), (1000, 700), (1280, 600), (1280, 800), (1920, 1080), (844, 390)]


def digit(value: int | None, left: float, line: int = 0, p: float = 0.99, other: int = 0) -> dict[str, Any]:
    """A digit, 40 pixels wide and 100 high, that is read with probability `p`, and next to that as `other`."""
    together = [0.4 * (1 - p) / 8] * 10
    together[other], together[8 if value is None else value] = 0.6 * (1 - p), p
    return {
        "digit": value,
        "sure": value is not None and p >= 0.9,
        "line": line,
        "box": [left, 30 + 120 * line, left + 40, 130 + 120 * line],
        "together": together,
        "probabilities": {"lenet5": together, "ffnn": together},
        "image": f"{IMAGE}#{value}",
        "maps": None,
        "fc6": None,
        "pixels": None,
        "form": None,
    }


def reading(*digits: dict[str, Any]) -> dict[str, Any]:
    lines: list[str] = []
    for each in digits:
        lines += [""] * (each["line"] + 1 - len(lines))
        lines[each["line"]] += "?" if each["digit"] is None else str(each["digit"])
    timing = {"model": "", "provider": "CPU", "milliseconds": 1.0, "waited": 0.0}
    return {"number": "\n".join(lines), "digits": list(digits), **timing}


Answering = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def answer(page: Page) -> Answering:
    """Answers all questions of the page with a reading, and returns the list that collects the questions."""

    def answer(*digits: dict[str, Any]) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = []

        def fulfill(route: Route) -> None:
            asked.append(json.loads(route.request.post_data or ""))
            inside = asked[-1]["inside"]
            maps = {name: f"{IMAGE}#{name} of {inside}" for name in ("conv1", "conv2", "conv3")}
            opened = {"maps": maps, "fc6": [0.0] * 84, "pixels": [0] * 784}
            given = [{**each, **opened} if i == inside else each for i, each in enumerate(digits)]
            route.fulfill(json=reading(*given))

        page.unroute_all()
        page.route("**/read", fulfill)
        return asked

    return answer


def part(points: Points, left: float) -> Points:
    """A stroke across a fifth of the paper's width and a third of its height, from `left` on."""
    return [(left + x / 5, 0.3 + y / 3) for x, y in points]


def box_of(locator: Locator) -> FloatRect:
    box = locator.bounding_box()
    assert box is not None
    return box


def test_two_digits_are_read_and_the_one_at_the_pen_is_shown(page: Page) -> None:
    draw(page, part(SEVEN, 0.1))
    expect_digit(page, "7")
    expect(page.locator(".boxes i:visible")).to_have_count(0)
    draw(page, part(ONE, 0.5))
    expect(page.locator("#digit")).to_have_text("71")
    expect(page.locator("tbody tr.read th")).to_have_text("1")
    expect(page.locator("#which")).to_have_text(re.compile(r"Digit 2 of 2: \d+ % sure"))
    expect(page.locator("#said")).to_have_text(re.compile(r"71\. \d+ % sure of each digit"))
    boxes = page.locator(".boxes i:visible")
    expect(boxes).to_have_count(2)
    paper = box_of(page.locator("#sketchpad canvas"))
    middles = [(box["x"] + box["width"] / 2 - paper["x"]) / paper["width"] for box in map(box_of, boxes.all())]
    assert middles == pytest.approx([0.1 + 0.5 / 5, 0.5 + 0.43 / 5], abs=0.01)
    page.click("#clear")
    expect_blank(page)
    expect(boxes).to_have_count(0)


def test_digits_keep_their_places_while_the_next_ones_are_written(page: Page, answer: Answering) -> None:
    digits = [digit(2, 20), digit(0, 80), digit(2, 140), digit(6, 200, p=0.7, other=0), digit(None, 260, p=0.4)]
    places: list[list[list[float]]] = []
    for count in range(1, 6):
        answer(*digits[:count])
        draw(page, part(ONE, 0.15 * count))
        expect(page.locator("#digit")).to_have_text("2026?"[:count])
        places.append(page.evaluate(GLYPHS))
    for shorter, longer in itertools.pairwise(places):
        np.testing.assert_allclose(longer[: len(shorter)], shorter, atol=1)


def test_an_unsure_digit_is_marked_and_says_what_else_it_could_be(page: Page, answer: Answering) -> None:
    answer(digit(4, 20), digit(6, 80, p=0.7, other=0), digit(None, 140, p=0.4, other=3))
    draw(page, part(ONE, 0.1))
    buttons = page.locator("#digit button")
    expect(page.locator("#digit")).to_have_text("46?")
    expect(page.locator("#digit .unsure")).to_have_text(["6", "?"])
    assert [button.get_attribute("data-or") for button in buttons.all()] == ["", "or 0", "8?"]
    expect(page.locator("#words")).to_have_text("Not sure of 2 of 3 digits.")
    expect(page.locator("#said")).to_contain_text("Digit 2: Probably, 70 % sure. Perhaps 0.")
    expect(page.locator(".boxes .unsure:visible")).to_have_count(2)


def test_the_page_says_if_no_digit_is_among_several_pieces_of_ink(page: Page, answer: Answering) -> None:
    answer(digit(None, 20, p=0.4), digit(None, 80, p=0.2))
    draw(page, part(ONE, 0.1))
    expect(page.locator("#words")).to_have_text("None of these is a digit I know.")


def test_a_letter_like_a_digit_among_other_letters_is_none(page: Page, answer: Answering) -> None:
    letter = {**digit(4, 20), "digit": None, "sure": False}
    answer(letter, digit(None, 80, p=0.2), digit(None, 140, p=0.2))
    draw(page, part(ONE, 0))
    expect(page.locator("#which")).to_contain_text("It looks like a 4, but most ink around it is no digit.")


def test_a_smear_is_called_one(page: Page, answer: Answering) -> None:
    answer({**digit(1, 20), "digit": None, "sure": False})
    draw(page, part(ONE, 0))
    expect(page.locator("#words")).to_have_text("That is a dot or a smear.")


def test_a_click_or_an_arrow_key_shows_another_digit_until_the_pen_goes_on(page: Page, answer: Answering) -> None:
    answer(digit(3, 20), digit(1, 80), digit(4, 20, line=1), digit(9, 80, line=1))
    draw(page, part(ONE, 0))
    expect(page.locator("#digit")).to_have_text("31 49")
    buttons, shown = page.locator("#digit button"), page.locator("tbody tr.read th")
    expect(shown).to_have_text("4")
    buttons.nth(3).click()
    expect(shown).to_have_text("9")
    expect(page.locator("#seen")).to_have_attribute("src", f"{IMAGE}#9")
    expect(page.locator(".boxes .selected")).to_have_count(1)
    page.keyboard.press("ArrowLeft")
    expect(buttons.nth(2)).to_be_focused()
    expect(buttons.nth(2)).to_be_checked()
    expect(page.locator("#which")).to_contain_text("Digit 3 of 4")
    page.keyboard.press("Home")
    expect(shown).to_have_text("3")
    page.keyboard.press("End")
    expect(shown).to_have_text("9")
    draw(page, part(ONE, 0))
    expect(shown).to_have_text("4")


def test_the_chosen_digit_is_marked_where_the_system_chooses_the_colours(
    address: str, visit: Callable[..., Page]
) -> None:
    page = visit(address, forced_colors="active")
    page.route("**/read", lambda route: route.fulfill(json=reading(digit(1, 20), digit(7, 80))))
    draw(page, part(ONE, 0.1))
    buttons = page.locator("#digit button")
    buttons.last.click()
    expect(buttons.last).to_have_css("text-decoration-line", "underline")
    expect(buttons.first).to_have_css("text-decoration-line", "none")


def test_the_inside_is_that_of_the_chosen_digit(page: Page, answer: Answering) -> None:
    asked = answer(digit(3, 20), digit(1, 80))
    draw(page, part(ONE, 0))
    expect(page.locator("#digit")).to_have_text("31")
    assert {question["inside"] for question in asked} == {None}
    page.locator(".inside summary").click()
    expect(page.locator("#conv2")).to_have_attribute("src", f"{IMAGE}#conv2 of 0")
    page.locator("#digit button").nth(1).click()
    expect(page.locator("#conv2")).to_have_attribute("src", f"{IMAGE}#conv2 of 1")
    count = len(asked)
    page.wait_for_timeout(300)
    assert len(asked) == count


def test_a_picture_is_shown_with_its_boxes_in_place(page: Page, answer: Answering) -> None:
    answer(digit(3, 100), digit(1, 20))  # in a picture of 200 x 200: on the paper, from 1/6 to 5/6 of its width
    picture = "const c = document.createElement('canvas'); c.width = c.height = 200;"
    page.evaluate(
        f"""() => {{ {picture}
            c.toBlob((blob) => {{
                const data = new DataTransfer()
                data.items.add(new File([blob], "three.png", {{type: "image/png"}}))
                document.dispatchEvent(new DragEvent("drop", {{dataTransfer: data, cancelable: true}}))
            }})
        }}"""
    )
    boxes = page.locator(".boxes i:visible")
    expect(boxes).to_have_count(2)
    paper, place = box_of(page.locator("#sketchpad canvas")), box_of(boxes.first)
    across = (place["x"] + place["width"] / 2 - paper["x"]) / paper["width"]
    down = (place["y"] + place["height"] / 2 - paper["y"]) / paper["height"]
    assert (across, down) == pytest.approx((1 / 6 + 120 / 300, 80 / 200), abs=0.01)
    boxes.last.click()
    expect(page.locator("tbody tr.read th")).to_have_text("1")


def test_the_number_is_copied_and_the_drawing_is_saved_with_it(
    address: str, visit: Callable[..., Page], answer: Answering
) -> None:
    page = visit(address, permissions=["clipboard-read", "clipboard-write"])
    page.route("**/read", lambda route: route.fulfill(json=reading(digit(3, 20), digit(None, 80, line=1))))
    draw(page, part(ONE, 0.1))
    expect(page.locator("#said")).to_contain_text("3, ?.")
    page.click("#copy")
    expect(page.locator("#copy")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "3\n?"
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename == "3-x.png"
    expect(page.locator("#copy")).to_have_text("Copy the number")


def test_the_number_is_copied_where_browsers_hide_the_clipboard(page: Page) -> None:
    """As on other devices in the network, to which the page comes over plain HTTP."""
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    page.evaluate("document.addEventListener('copy', () => (window.copied = document.activeElement.value))")
    page.get_by_label("a crossed 7").click()
    expect_digit(page, "7")
    page.click("#copy")
    expect(page.locator("#copy")).to_have_text("Copied")
    assert page.evaluate("window.copied") == "7"
    expect(page.locator("#copy")).to_be_focused()


def test_the_number_of_an_older_drawing_is_neither_copied_nor_saved(page: Page, answer: Answering) -> None:
    answer(digit(3, 20))
    draw(page, part(ONE, 0.1))
    expect(page.locator("#said")).to_contain_text("A 3")
    page.unroute_all()
    page.route("**/read", lambda _: None)
    draw(page, part(ONE, 0.4))
    downloads: list[Download] = []
    page.on("download", lambda download: downloads.append(download))
    for button in ("#save", "#copy"):
        page.click(button)
        expect(page.locator("#notice")).to_have_text("This drawing is not read yet. Try again in a moment.")
        draw(page, part(ONE, 0.6))
        expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("#copy")).to_have_text("Copy the number")
    assert downloads == []


def test_an_empty_sheet_shows_no_digits_and_its_buttons_look_idle(page: Page) -> None:
    headings = page.locator("#sketchpad th")
    assert not any(heading.is_visible() for heading in headings.all())
    assert not page.locator("#seen").is_visible()
    expect(page.locator("button.idle")).to_have_text(["Undo", "Clear"])
    draw(page, ONE)
    expect_digit(page, "1")
    assert all(heading.is_visible() for heading in headings.all())
    expect(page.locator("button.idle")).to_have_count(0)
    page.click("#clear")
    expect(page.locator("button.idle")).to_have_text(["Clear"])


def test_a_file_over_the_page_shows_where_it_lands(page: Page) -> None:
    drag = """(kind) => {
        const data = new DataTransfer()
        if (kind === "file") data.items.add(new File(["x"], "x.png"))
        else data.setData("text/plain", "x")
        document.dispatchEvent(new DragEvent("dragover", {dataTransfer: data, cancelable: true}))
    }"""
    landing = page.locator(".landing")
    page.evaluate(drag, "text")
    expect(landing).to_be_hidden()
    page.evaluate(drag, "file")
    expect(landing).to_be_visible()
    expect(landing).to_be_hidden()  # once the file is gone


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_paper_and_buttons_fit_the_window(width: int, height: int, page: Page) -> None:
    before = page.viewport_size
    page.set_viewport_size({"width": width, "height": height})
    tools, paper = box_of(page.locator(".tools")), box_of(page.locator(".paper"))
    assert tools["y"] + tools["height"] <= height
    assert paper["width"] / paper["height"] == pytest.approx(1.5, abs=0.02)
    assert paper["width"] > 0.9 * min(width, 0.6 * min(width, 1280) if width > height else width, 1.5 * (height - 200))
    assert page.evaluate("document.documentElement.scrollWidth") == width
    if before:
        page.set_viewport_size(before)


@pytest.mark.parametrize(("width", "height"), [(320, 180), (568, 240), (640, 180)])
def test_the_paper_has_room_for_a_number_in_low_windows(
    width: int, height: int, address: str, visit: Callable[..., Page]
) -> None:
    """As on phones that lie, and where the page is zoomed to 400 %."""
    page = visit(address, viewport={"width": width, "height": height})
    paper = box_of(page.locator(".paper"))
    assert paper["height"] >= 160
    assert paper["width"] / paper["height"] == pytest.approx(1.5, abs=0.02)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_on_a_small_phone_that_lies_the_answer_is_beside_the_paper(address: str, visit: Callable[..., Page]) -> None:
    page = visit(address, viewport={"width": 568, "height": 320})
    draw(page, ONE)
    expect_digit(page, "1")
    expect(page.locator("#digit")).to_be_in_viewport()
    expect(page.locator(".paper")).to_be_in_viewport(ratio=1)


def test_many_digits_stay_on_the_page(page: Page, answer: Answering) -> None:
    answer(*(digit(i % 10, 6 * (i % 32), line=i // 32) for i in range(64)))
    page.set_viewport_size({"width": 320, "height": 640})
    draw(page, part(ONE, 0.1))
    expect(page.locator("#digit button")).to_have_count(64)
    expect(page.locator("#words")).to_have_text("These are the first 64 digits. Show fewer at a time.")
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    page.set_viewport_size({"width": 1280, "height": 720})


def test_the_page_says_that_it_reads_a_picture_that_takes_long(page: Page) -> None:
    page.route("**/read", lambda _: None)
    page.get_by_label("the year 2026").click()
    words = page.locator("#words")
    shown = "words => { const { content, opacity } = getComputedStyle(words, '::before'); return [content, opacity] }"
    wait_for(page, lambda: words.evaluate(shown) == ['"Reading …"', "1"])
    page.click("#clear")
    assert words.evaluate(shown)[0] == "none"


def test_the_boxes_of_an_older_drawing_vanish_with_it(page: Page, answer: Answering) -> None:
    answer(digit(3, 20), digit(1, 80))
    draw(page, part(ONE, 0.1))
    draw(page, part(ONE, 0.3))
    expect(page.locator(".boxes i:visible")).to_have_count(2)
    held: list[Route] = []
    page.unroute_all()
    page.route("**/read", lambda route: held.append(route))
    page.click("#undo")
    wait_for(page, lambda: bool(held))
    expect(page.locator(".boxes i:visible")).to_have_count(0)
