"""The page learns the forms of digits that a person corrects, in this browser."""

import base64
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Request, expect

from demo.networks.images import decode_data_url
from demo.reader import _form
from demo.sketchpad import HERE
from model import corrections
from tests.benchmarks import writers
from tests.demo.drawing import ONE, SEVEN, draw, wait_for

Visit = Callable[..., Page]
ANOTHER_SEVEN = [(0.31, 0.26), (0.69, 0.24), (0.46, 0.86)]
FULL = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }"
FORBIDDEN = """for (const name of ['localStorage', 'sessionStorage'])
    Object.defineProperty(window, name, { get() { throw new DOMException('no', 'SecurityError') } })"""


def correct(page: Page, digit: int) -> None:
    page.locator(".wrong button").nth(digit).click()
    expect(page.locator("#stores")).to_contain_text(re.compile(rf"Learned as an? {digit}"))


def expect_number(page: Page, number: str) -> None:
    expect(page.locator("#digit")).to_have_text(number)


def redraw(page: Page, points: list[tuple[float, float]], number: str) -> None:
    page.locator("#clear").click()
    page.locator("canvas").scroll_into_view_if_needed()
    draw(page, points)
    expect_number(page, number)


def teach(page: Page, digit: int = 2) -> None:
    """Teach the page that SEVEN is another digit."""
    draw(page, SEVEN)
    expect_number(page, "7")
    correct(page, digit)
    expect_number(page, str(digit))


def stored(page: Page) -> list[dict[str, object]]:
    text = page.evaluate("localStorage.getItem('hand')")
    return json.loads(text)["forms"] if text else []


def expect_learned(page: Page, count: int) -> None:
    words = {0: "has not learned your hand", 1: "has learned 1 form of your hand"}
    expect(page.locator(".hand summary")).to_contain_text(words.get(count, f"has learned {count} forms"))


def saved(page: Page, path: Path) -> Path:
    page.locator(".hand summary").click()
    with page.expect_download() as download:
        page.locator("#save-hand").click()
    assert download.value.suggested_filename == "hand.zip"
    download.value.save_as(path)
    return path


def test_a_corrected_form_is_read_so_from_then_on(page: Page) -> None:
    teach(page)
    expect(page.locator("#words")).to_contain_text("Read as you taught it. The networks alone: 7, 99 % sure")
    expect(page.locator("tbody tr.read th")).to_have_text("2")
    page.locator(".inside summary").click()
    expect(page.locator("#why-what")).to_have_text("Why the networks alone say 7")
    expect(page.locator("#doubt")).to_contain_text("You taught this browser that it is a 2.")
    page.locator(".inside summary").click()
    redraw(page, ANOTHER_SEVEN, "2")
    redraw(page, ONE, "1")
    page.reload()
    redraw(page, SEVEN, "2")
    expect_learned(page, 1)


def test_an_unsure_answer_that_a_person_confirms_is_sure_from_then_on(page: Page) -> None:
    draw(page, [(0.4, 0.2), (0.38, 0.5), (0.6, 0.48)])
    draw(page, [(0.45, 0.2), (0.62, 0.2), (0.6, 0.85)])
    expect(page.locator("#words")).to_contain_text("Probably")
    correct(page, 9)
    expect(page.locator("#words")).to_contain_text("Read as you taught it. The networks alone: 9, probably")
    expect_number(page, "9")


def test_a_form_is_asked_for_only_after_a_correction(page: Page) -> None:
    asked: list[bool] = []

    def note(request: Request) -> None:
        if request.url.endswith("/read"):
            asked.append(json.loads(request.post_data or "")["forms"])

    page.on("request", note)
    draw(page, SEVEN)
    expect_number(page, "7")
    assert not any(asked)
    correct(page, 2)
    expect_number(page, "2")
    assert asked[-1]


def test_a_digit_of_a_number_is_learned_by_itself(page: Page) -> None:
    page.get_by_label("the year 2026").click()
    expect_number(page, "2026")
    page.locator("#digit button").nth(3).click()
    correct(page, 8)
    expect_number(page, "2028")
    expect(page.locator("#words")).to_contain_text("1 of 4 digits as you taught it, 99 % sure of the others")
    page.reload()
    expect_number(page, "2028")


def test_what_is_forgotten_is_read_by_the_networks_again(page: Page) -> None:
    teach(page)
    redraw(page, ONE, "1")
    correct(page, 4)
    expect_number(page, "4")
    page.locator(".hand summary").click()
    page.get_by_role("button", name="Forget this 4").click()
    expect_number(page, "1")
    expect_learned(page, 1)
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("#forget-hand").click()
    expect_learned(page, 0)
    redraw(page, SEVEN, "7")
    assert stored(page) == []


def test_a_correction_is_taken_back(page: Page) -> None:
    teach(page)
    expect(page.locator("#take-back")).to_be_focused()
    page.locator("#take-back").press("Enter")
    expect_number(page, "7")
    expect(page.locator("#said")).to_have_text("Taken back: the 2 is forgotten.")
    expect_learned(page, 0)


def test_a_correction_that_is_taken_back_leaves_the_one_before_it(page: Page) -> None:
    teach(page)
    redraw(page, SEVEN, "2")
    correct(page, 4)
    expect_number(page, "4")
    page.locator("#take-back").click()
    expect_number(page, "2")
    assert [form["digit"] for form in stored(page)] == [2]


def test_a_correction_that_is_forgotten_in_the_list_can_be_made_anew(page: Page) -> None:
    teach(page, 4)
    page.locator(".hand summary").click()
    page.get_by_role("button", name="Forget this 4").click()
    expect_number(page, "7")
    expect(page.locator("#stores")).to_contain_text("Wrong answer?")
    expect(page.locator("#take-back")).to_be_hidden()
    correct(page, 2)
    expect_number(page, "2")


def test_the_later_of_two_corrections_of_a_form_wins(page: Page) -> None:
    teach(page)
    redraw(page, SEVEN, "2")
    correct(page, 4)
    expect_number(page, "4")
    assert [form["digit"] for form in stored(page)] == [4]


def test_another_tab_learns_and_forgets_too(address: str, visit: Visit) -> None:
    page = visit(address)
    other = page.context.new_page()
    other.goto(address)
    draw(other, SEVEN)
    expect_number(other, "7")
    teach(page)
    expect_number(other, "2")
    expect(other.locator("#notice")).to_have_text("Another tab has changed the forms that this browser has learned.")
    expect(page.locator("#notice")).to_be_hidden()
    redraw(other, ONE, "1")
    correct(other, 4)
    expect_learned(page, 2)
    page.locator("#take-back").click()
    expect_learned(other, 1)
    assert [form["digit"] for form in stored(page)] == [4]


def test_a_saved_hand_is_learned_on_another_device_and_trained_on(address: str, visit: Visit, tmp_path: Path) -> None:
    page = visit(address)
    teach(page)
    seen = np.asarray(Image.open(io.BytesIO(decode_data_url(page.locator("#seen").get_attribute("src") or ""))))
    file = saved(page, tmp_path / "hand.zip")
    ((path, content),) = corrections.load((file,)).files
    assert path.parts[-2:] == ("2", "001.png")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), seen)

    other = visit(address)
    other.set_input_files("#load-hand", file)
    expect(other.locator("#notice.news")).to_contain_text("hand.zip: 1 form learned.")
    draw(other, SEVEN)
    expect_number(other, "2")
    page.set_input_files("#load-hand", file)
    expect(page.locator("#notice")).to_contain_text("1 form learned")
    expect_learned(page, 1)


def test_a_compressed_folder_of_drawings_is_learned(page: Page, tmp_path: Path) -> None:
    sheet = np.full((280, 420), 255, np.uint8)
    sheet[60:80, 120:300] = sheet[60:220, 280:300] = 0
    with zipfile.ZipFile(tmp_path / "mine.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("mine/4/drawing.png", "mine/5/blank.png", "mine/notes.png"):
            png = io.BytesIO()
            Image.fromarray(sheet if "drawing" in name else np.full_like(sheet, 255)).save(png, "PNG")
            archive.writestr(name, png.getvalue())
    page.set_input_files("#load-hand", tmp_path / "mine.zip")
    expect(page.locator("#notice")).to_have_text(
        "mine.zip: 1 form learned. 1 picture in it cannot be read: It shows no ink."
    )
    assert [form["digit"] for form in stored(page)] == [4]


def damaged() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("7/a.png", b"ink" * 100)
    return content.getvalue().replace(b"inkink", b"inkiNk", 1)


def folders() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for i in range(1_000):
            archive.writestr(f"{i + 10}/a.png", b"")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is not a zip file, or damaged"),
        (b"no zip" * 1_000, "it is not a zip file, or damaged"),
        (damaged(), "7/a.png in it is damaged"),
        (damaged()[50:], "it is damaged"),
        (folders(), "it holds no DIGIT/NAME.png"),
    ],
    ids=["empty", "none", "damaged", "cut", "folders"],
)
def test_a_bad_zip_is_refused_with_the_reason(content: bytes, reason: str, page: Page) -> None:
    page.set_input_files("#load-hand", {"name": "hand.zip", "mimeType": "application/zip", "buffer": content})
    expect(page.locator("#notice")).to_contain_text(f"hand.zip cannot be loaded: {reason}")
    assert stored(page) == []


def test_what_becomes_of_a_file_is_shown_where_it_is_chosen(address: str, visit: Visit) -> None:
    page = visit(address, viewport={"width": 360, "height": 740})
    page.locator(".hand summary").click()
    page.locator("#forget-hand").scroll_into_view_if_needed()
    page.set_input_files("#load-hand", {"name": "hand.zip", "mimeType": "application/zip", "buffer": b"no zip"})
    expect(page.locator("#notice:not(.news)")).to_contain_text("cannot be loaded")
    expect(page.locator("#notice")).to_be_in_viewport(ratio=1)
    assert page.evaluate("scrollY") > 0


@pytest.mark.parametrize("storage", [FULL, FORBIDDEN], ids=["full", "forbidden"])
def test_without_storage_a_form_is_learned_until_the_page_is_closed(storage: str, address: str, visit: Visit) -> None:
    page = visit(address)
    page.add_init_script(storage)
    page.reload()
    teach(page)
    expect(page.locator(".hand summary")).to_contain_text("until it is closed")
    redraw(page, SEVEN, "2")
    page.reload()
    redraw(page, SEVEN, "7")


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 99, "forms": []}', '{"version": 1}'])
def test_what_cannot_be_read_of_the_storage_is_set_aside(text: str, page: Page) -> None:
    page.evaluate("text => localStorage.setItem('hand', text)", text)
    page.reload()
    expect(page.locator("#notice")).to_contain_text("damaged, or from another version of this page. It is set aside")
    teach(page)
    assert len(stored(page)) == 1
    assert text in page.evaluate("Object.values({ ...localStorage })")


def test_the_undamaged_forms_of_a_damaged_storage_are_used(page: Page) -> None:
    teach(page)
    good = stored(page)
    bad = [{**good[0], "digit": 12}, {**good[0], "ink": "%"}, {**good[0], "fc6": ""}, None]
    page.evaluate("forms => localStorage.setItem('hand', JSON.stringify({ version: 1, forms }))", [*bad, *good])
    page.reload()
    expect(page.locator("#notice")).to_contain_text("what can be read of it is used")
    expect_number(page, "2")
    assert stored(page) == good


def test_a_new_model_reads_the_ink_anew(page: Page) -> None:
    teach(page)
    (form,) = stored(page)
    old = {**form, "model": "an older one", "fc6": base64.b64encode(bytes(84)).decode()}
    page.evaluate("form => localStorage.setItem('hand', JSON.stringify({ version: 1, forms: [form] }))", old)
    page.reload()
    expect_number(page, "2")
    wait_for(page, lambda: stored(page)[0]["model"] == form["model"])
    redraw(page, SEVEN, "2")


def test_a_browser_that_has_learned_200_forms_says_so(page: Page) -> None:
    random = np.random.default_rng(0)
    forms = [
        {
            "digit": 3,
            "model": "none",
            "fc6": base64.b64encode(bytes(84)).decode(),
            "ink": base64.b64encode(bytes(random.integers(0, 2, 784, np.uint8) * 255)).decode(),
        }
        for _ in range(200)
    ]
    page.evaluate("forms => localStorage.setItem('hand', JSON.stringify({ version: 1, forms }))", forms)
    page.reload()
    draw(page, SEVEN)
    expect_number(page, "7")
    page.locator(".wrong button").nth(2).click()
    expect(page.locator("#notice")).to_contain_text("This browser holds 200 forms.")
    expect(page.locator(".wrong button").nth(2)).to_be_focused()
    assert [form["digit"] for form in stored(page)] == [3] * 200


def test_the_page_compares_forms_as_the_benchmark_does(browser: Browser) -> None:
    random = np.random.default_rng(0)
    images = np.clip(random.normal(0, 1, (20, 28, 28)), 0, 1)
    values = random.uniform(-1, 1, (20, 84))
    forms = [_form(image, fc6).model_dump() for image, fc6 in zip(images, values, strict=True)]
    page = browser.new_page()
    for name in ("png", "learning"):
        page.add_script_tag(content=(HERE / f"{name}.js").read_text(encoding="utf-8"))
    vectors = page.evaluate("forms => forms.map(({ink, fc6}) => [...inkVector(ink), ...fc6Vector(fc6)])", forms)
    page.close()
    expected = [writers.form(image, fc6) for image, fc6 in zip(images, values, strict=True)]
    np.testing.assert_allclose(vectors, expected, atol=2e-3)
    assert writers.page_distances()[0] < writers.page_distances()[1] < 0.5


def test_the_static_page_learns_a_form(site: str, visit: Visit) -> None:
    page = visit(site)
    teach(page)
    redraw(page, ANOTHER_SEVEN, "2")
    page.reload()
    redraw(page, SEVEN, "2")
