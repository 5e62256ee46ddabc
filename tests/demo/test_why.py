"""Look inside says why the networks read a digit as they do, from their answers to changed images."""

import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Request, Route, expect

from demo.networks.files import ONNX, SetupError
from demo.networks.images import data_url
from demo.networks.pair import Pair
from demo.sketchpad import HERE
from tests.demo.drawing import SEVEN, draw, expect_digit, wait_for
from tests.demo.serving import Running
from tests.demo.tiny import TINY

CROSS = ([(0.35, 0.2), (0.65, 0.8)], [(0.65, 0.2), (0.35, 0.8)])
WAVY_SEVEN = [(0.27, 0.23), (0.35, 0.17), (0.52, 0.23), (0.71, 0.16), (0.61, 0.42), (0.51, 0.7), (0.485, 0.86)]
# Networks that know two digits. The ink of the bar at the top, in rows 4 to 7, speaks for 7, and ink in the square at
# the bottom left speaks for 2. Without either they are unsure.
KNOWING_TWO = """(images) => {
    const share = (image, inside) => {
        let [sum, most] = [0, 0]
        image.forEach((ink, i) => {
            if (!inside(i % 28, Math.floor(i / 28))) return
            sum += ink
            most += 255
        })
        return sum / most
    }
    const rows = Array.from({ length: images.length / 784 }, (_, i) => {
        const image = images.subarray(784 * i, 784 * (i + 1))
        const top = share(image, (x, y) => x >= 5 && x < 23 && y >= 4 && y < 8)
        const left = share(image, (x, y) => x >= 5 && x < 11 && y >= 18 && y < 23)
        const odds = Array.from({ length: 10 }, (_, of) => Math.exp(of === 7 ? 12 * top : of === 2 ? 7 + 20 * left : 0))
        const total = odds.reduce((a, b) => a + b)
        return odds.map((value) => value / total)
    })
    return { lenet5: rows, ffnn: rows }
}"""
EXPLAIN = f"""async (pixels) => {{
    const ask = {KNOWING_TWO}
    const image = Uint8Array.from(pixels)
    const evidence = await findEvidence(image, ask)
    const heat = heatOf(evidence, 7)
    const changes = await findChanges(image, 7, null, ask, () => true)
    return {{
        heat: [...heat],
        rather: [...heatOf(evidence, 7, 2)],
        words: tell(image, heat, 7),
        wanted: await Promise.all([2, 3].map((goal) => findChanges(image, null, goal, ask, () => true))),
        changes: changes.map((change) => ({{
            ...change,
            pixels: [...(change.kind === "with" ? withInk : without)(image, change.patch)],
        }})),
        read: changes.map(({{ kind, patch }}) => {{
            const found = ask((kind === "with" ? withInk : without)(image, patch)).lenet5[0]
            return [found.indexOf(Math.max(...found)), Math.max(...found)]
        }}),
    }}
}}"""


def seven() -> np.ndarray:
    """A 7 of a bar at the top and an upright stroke: uint8 [28, 28], ink 255."""
    image = np.zeros((28, 28), np.uint8)
    image[4:8, 5:23] = 255
    image[8:24, 15:18] = 255
    return image


@pytest.fixture(scope="module")
def explanation(browser: Browser) -> Iterator[dict[str, Any]]:
    """What the page's script finds out about seven() from the networks that know two digits."""
    page = browser.new_page()
    page.add_script_tag(content="\n".join((HERE / f"{name}.js").read_text() for name in ("why", "answers")))
    yield page.evaluate(EXPLAIN, seven().ravel().tolist())
    page.close()


def test_the_ink_that_the_networks_look_at_speaks_for_the_digit(explanation: dict[str, Any]) -> None:
    heat = np.reshape(explanation["heat"], (28, 28))
    assert heat[5:7, 6:22].min() > 0.5
    assert np.abs(heat[16:]).max() < 1e-6
    assert explanation["words"].startswith("The bar at the top ")
    assert explanation["words"].endswith(" most for 7. No part of the ink speaks against it.")


def test_thin_strokes_anywhere_are_tried(browser: Browser) -> None:
    page = browser.new_page()
    page.add_script_tag(content=(HERE / "why.js").read_text())
    tried = """(pixels) => {
        const covered = new Set()
        for (const patch of patchesOf(Uint8Array.from(pixels))) cover(patch, (pixel) => covered.add(pixel))
        return [...covered]
    }"""
    for image in (seven(), np.eye(28, dtype=np.uint8) * 255, np.eye(28, k=1, dtype=np.uint8) * 255):
        assert set(np.flatnonzero(image)) <= set(page.evaluate(tried, image.ravel().tolist()))
    odd = np.zeros((28, 28), np.uint8)
    odd[7, 5:23] = odd[7:24, 15] = 255
    assert set(np.flatnonzero(odd)) <= set(page.evaluate(tried, odd.ravel().tolist()))
    page.close()


def test_ink_that_speaks_for_two_digits_alike_speaks_for_neither_rather(explanation: dict[str, Any]) -> None:
    heat, rather = (np.reshape(explanation[name], (28, 28)) for name in ("heat", "rather"))
    assert rather[5, 10] > heat[5, 10]  # without this ink it is less of a 7, and more of a 2
    assert np.abs(rather[16:]).max() < 1e-6


@pytest.mark.parametrize(
    ("turned", "spoken_for", "against"),
    [
        (False, "upper upright stroke at the top", "lower upright stroke at the top"),
        (True, "right bar on the right", "left bar on the right"),
    ],
)
def test_two_parts_of_a_stroke_that_speak_against_each_other_are_told_apart(
    turned: bool, spoken_for: str, against: str, browser: Browser
) -> None:
    image, heat = np.zeros((28, 28), np.uint8), np.zeros((28, 28))
    image[4:24, 13:16] = 255
    heat[5, 14], heat[9, 14] = 2, -2
    if turned:
        image, heat = image.T[:, ::-1], heat.T[:, ::-1]
    page = browser.new_page()
    page.add_script_tag(content=(HERE / "why.js").read_text())
    told = "([image, heat]) => tell(Uint8Array.from(image), Float32Array.from(heat), 1)"
    words = page.evaluate(told, [image.ravel().tolist(), heat.ravel().tolist()])
    page.close()
    assert words == f"The {spoken_for} speaks most for 1. The {against} speaks most against it."


def test_a_stroke_is_named_by_its_direction_or_as_a_bend(browser: Browser) -> None:
    y, x = np.mgrid[:28, :28]
    strokes = {
        "bar": (np.abs(y - 14) < 2, [(14, 14), (8, 15)]),
        "upright stroke": (np.abs(x - 14) < 2, [(14, 14), (15, 8)]),
        "slanting stroke": (np.abs(x + y - 28) < 3, [(14, 14), (9, 18)]),
        "bend": (np.abs(np.hypot(x - 14, y - 14) - 8) < 1.5, [(14, 6), (14, 22), (6, 14), (20, 8)]),
        "ink": (np.hypot(x - 14, y - 14) < 5, [(14, 14)]),
    }
    page = browser.new_page()
    page.add_script_tag(content=(HERE / "why.js").read_text())
    named = "([image, places]) => places.map(([x, y]) => shapeOf(Uint8Array.from(image), x, y))"
    for shape, (stroke, places) in strokes.items():
        image = (255 * stroke).astype(int).ravel().tolist()
        assert page.evaluate(named, [image, places]) == [shape] * len(places)
    page.close()


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (False, "The upright stroke at the top and at the bottom speaks most for 1."),
        (True, "The upright stroke at the top and the upright stroke at the bottom speak most for 1."),
    ],
)
def test_one_stroke_is_named_once(gap: bool, words: str, browser: Browser) -> None:
    image, heat = np.zeros((28, 28), np.uint8), np.zeros((28, 28))
    image[4:24, 13:16] = 255
    image[14] *= not gap
    heat[6, 14], heat[21, 14] = 2, 1.9
    page = browser.new_page()
    page.add_script_tag(content=(HERE / "why.js").read_text())
    told = "([image, heat]) => tell(Uint8Array.from(image), Float32Array.from(heat), 1)"
    assert page.evaluate(told, [image.ravel().tolist(), heat.ravel().tolist()]).startswith(words)
    page.close()


def test_the_smallest_change_takes_ink_from_the_place_or_adds_it_there(explanation: dict[str, Any]) -> None:
    changes = {change["kind"]: change for change in explanation["changes"]}
    assert set(changes) == {"without", "with"}
    gone = seven().astype(int) - np.reshape(changes["without"]["pixels"], (28, 28))
    more = np.reshape(changes["with"]["pixels"], (28, 28)) - seven().astype(int)
    assert gone.min() == more.min() == 0
    assert gone[4:8].sum() > 0.7 * gone.sum()
    assert more[18:23, 5:11].sum() > 0.5 * more.sum()
    assert (
        more[:4].sum() == more[24:].sum() == more[:, :5].sum() == more[:, 23:].sum() == 0
    )  # or it would be scaled anew
    assert (more[:, 15:18].any(1) | more[:, [14, 18]].any(1)).any()  # or it would be a speck beside the digit
    assert [change["ink"] for change in explanation["changes"]] == sorted([gone.sum(), more.sum()])


def test_a_change_does_what_it_says(explanation: dict[str, Any]) -> None:
    assert explanation["read"] == [[change["digit"], change["probability"]] for change in explanation["changes"]]
    assert all(digit == 2 and p >= 0.9 for digit, p in explanation["read"])


def test_a_change_is_found_for_the_wanted_digit_only(explanation: dict[str, Any]) -> None:
    for_two, for_three = explanation["wanted"]
    assert {change["digit"] for change in for_two} == {2}
    assert not for_three


@pytest.fixture
def asked(page: Page) -> list[Request]:
    """The page's questions about changed images."""
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if request.url.endswith("/probabilities") else None)
    return asked


def test_nothing_is_asked_while_it_is_closed_or_the_pen_moves(page: Page, asked: list[Request]) -> None:
    draw(page, SEVEN)
    expect_digit(page, "7")
    page.wait_for_timeout(200)
    assert not asked
    page.click("#clear")
    page.click(".inside summary")
    draw(page, SEVEN, lift=False)
    expect_digit(page, "7")
    page.wait_for_timeout(200)
    assert not asked
    page.mouse.up()
    expect(page.locator("#why")).to_contain_text("speak")
    assert asked


def test_a_digit_is_explained_in_colours_and_words(page: Page) -> None:
    page.click(".inside summary")
    expect(page.locator("#unexplained")).to_have_text("Write a digit, and see here why it is read as it is.")
    page.get_by_label("a slashed 0").click()
    expect(page.locator("#changes")).to_contain_text("%")
    expect(page.locator(".paper .evidence rect")).not_to_have_count(0)
    page.get_by_label("a crossed 7").click()
    expect(page.locator("#why-what")).to_have_text("Why it says 7")
    expect(page.locator("#why")).to_contain_text("most for 7.")
    expect(page.locator("#changes")).not_to_be_empty()
    expect(page.locator("#why-change")).to_have_text("What would make it another digit")
    page.get_by_label("Why not a 1?").hover()
    expect(page.locator("#why-what")).to_have_text("Why it says 7, not 1")
    expect(page.locator("#why-change")).to_have_text("What would make it another digit")
    page.get_by_label("Why not a 1?").click()
    expect(page.locator("#why-change")).to_have_text("What would make it a 1")
    expect(page.locator("#changes")).to_contain_text(re.compile("read 1, |makes it a 1"))
    page.get_by_label("Why not a 1?").click()
    expect(page.locator("#why-change")).to_have_text("What would make it another digit")
    page.get_by_label("Why not a 1?").click()
    expect(page.locator("#why-what")).to_have_text("Why it says 7, not 1")
    expect(page.locator("#why")).to_contain_text("most for 7 rather than 1.")
    expect(page.locator("#against")).to_have_text("speaks for 1")
    expect(page.get_by_label("Why not a 7?")).to_be_disabled()
    page.click("#clear")
    expect(page.locator(".evidence:visible")).to_have_count(0)


def top_of(element: Locator) -> float:
    box = element.bounding_box()
    assert box
    return box["y"]


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_buttons_of_other_digits_stay_below_the_pointer(
    visit: Callable[..., Page], address: str, width: int
) -> None:
    page = visit(address, viewport={"width": width, "height": 800})
    page.click(".inside summary")
    page.get_by_label("a crossed 7").click()
    expect(page.locator("#why")).to_contain_text("most for 7.")
    tops = set()
    for rival in (0, 1, 2, 9):
        button = page.get_by_label(f"Why not a {rival}?")
        button.scroll_into_view_if_needed()
        scrolled, before = page.evaluate("scrollY"), top_of(button)
        button.hover()
        expect(page.locator("#against")).to_have_text(f"speaks for {rival}")
        assert page.evaluate("scrollY") == scrolled
        assert top_of(button) == before
        box = button.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 24
        tops.add(before + scrolled)
    assert len(tops) == 1


def test_only_ink_that_speaks_against_is_striped_and_ink_that_matters_little_is_grey(page: Page) -> None:
    page.click(".inside summary")
    draw(page, WAVY_SEVEN)
    expect(page.locator(".paper .evidence")).to_be_visible()
    layer = page.locator(".magnified .evidence")
    striped = 0
    for rival in (0, 1, 2, 4, 9):
        page.get_by_label(f"Why not a {rival}?").click()
        expect(page.locator("#against")).to_have_text(f"speaks for {rival}")
        colours = pixels_of(layer.locator("img").get_attribute("src") or "")
        stripes = pixels_of(layer.locator(".stripes").evaluate("({ style }) => style.maskImage.slice(5, -2)"))
        red, _, blue, _ = np.moveaxis(colours.astype(int), 2, 0)
        strength = abs(red - blue)
        assert not stripes[blue >= red, 3].any()
        assert (strength == 0).any()
        assert strength[strength > 0].min() > 80
        striped += (stripes[..., 3] > 0).sum()
    assert striped


def pixels_of(url: str) -> np.ndarray:
    """The pixels of a picture in a data URL, uint8 [height, width, 4]."""
    return np.asarray(Image.open(BytesIO(b64decode(url.partition(",")[2]))).convert("RGBA"))


def test_it_is_said_that_the_networks_disagree_even_if_a_digit_is_read(browser: Browser) -> None:
    page = browser.new_page()
    page.add_script_tag(content="\n".join((HERE / f"{name}.js").read_text() for name in ("why", "answers", "inside")))
    four, nine = ([0.9 if i == digit else 0.1 / 9 for i in range(10)] for digit in (4, 9))
    said = [page.evaluate("disagreement", {"lenet5": four, "ffnn": other}) for other in (nine, four)]
    assert said == ["The networks disagree: LeNet5 says 4, 90 %, and FFNN says 9, 90 %.", ""]
    none = [0.1] * 10
    assert page.evaluate("disagreement", {"lenet5": none, "ffnn": none}) == "Neither network favours a digit."
    page.close()


def test_a_large_ring_says_that_the_colours_are_about_less_ink(browser: Browser) -> None:
    page = browser.new_page()
    page.add_script_tag(content="\n".join((HERE / f"{name}.js").read_text() for name in ("why", "answers", "inside")))
    change = {"kind": "without", "digit": 2, "probability": 0.9}
    said = [
        page.evaluate(
            "([change, image]) => sentenceOf(change, Uint8Array.from(image))",
            [{**change, "patch": {"x": 14, "y": 5, "radius": radius}}, seven().ravel().tolist()],
        )
        for radius in (2, 2.5)
    ]
    page.close()
    small = "Without the ink in the ring at the top the networks would read 2, 90 % sure."
    assert said == [small, f"{small} The colours tell what smaller pieces of ink do, each by itself."]


def test_ink_that_resembles_a_digit_is_none_for_the_reason_that_the_answer_gives(browser: Browser) -> None:
    page = browser.new_page()
    page.add_script_tag(content="\n".join((HERE / f"{name}.js").read_text() for name in ("why", "answers", "inside")))
    seven = [0.9 if i == 7 else 0.1 / 9 for i in range(10)]
    none = {"digit": None, "sure": False, "together": seven, "probabilities": {"lenet5": seven, "ffnn": seven}}
    said = [page.evaluate("([digit, isOnly]) => whyNone(digit, isOnly)", [none, is_only]) for is_only in (True, False)]
    page.close()
    assert said == ["That is a dot or a smear.", "It looks like a 7, but most ink around it is no digit."]


def test_the_colours_lie_over_the_ink(page: Page) -> None:
    page.click(".inside summary")
    with page.expect_response("**/read"):
        page.get_by_label("the year 2026").click()
    expect(page.locator("#digit")).to_have_text("2026")
    for i in (0, 1, 3):
        with page.expect_response(lambda response: response.url.endswith("/probabilities")):
            page.locator("#digit button").nth(i).click()
        expect(page.locator(".paper .evidence")).to_be_visible()
        layer = page.locator(".paper .evidence").bounding_box()
        box = page.locator(".boxes i.selected").bounding_box()
        assert layer
        assert box
        side = layer["width"] / 28
        longer = max(box["width"], box["height"]) - 12  # the frame is 6 pixels away from the ink
        assert longer / side == pytest.approx(20, abs=0.5)
        for start, length in (("x", "width"), ("y", "height")):
            middles = [each[start] + each[length] / 2 for each in (layer, box)]  # type: ignore[literal-required]
            assert abs(middles[0] - middles[1]) < 3 * side  # the centre of mass lies in the middle of the image


def test_ink_that_is_no_digit_is_explained(page: Page) -> None:
    page.click(".inside summary")
    for stroke in CROSS:
        draw(page, stroke)
    expect(page.locator("#doubt")).to_contain_text("It is no digit, because none reaches 50 % on average.")
    expect(page.locator("#why-change")).to_have_text("What would make it a digit")
    expect(page.locator(".rivals")).to_contain_text("Compare with another digit")
    expect(page.locator("#changes")).to_contain_text(re.compile("read [0-9], |makes it a digit"))
    page.locator(".rivals button:enabled").first.click()
    expect(page.locator("#why-what")).to_contain_text(" rather than a")


@pytest.mark.parametrize(("width", "height", "stays"), [(1366, 700, True), (1366, 400, False), (390, 844, False)])
def test_the_paper_stays_beside_what_explains_it(
    visit: Callable[..., Page], address: str, width: int, height: int, stays: bool
) -> None:
    page = visit(address, viewport={"width": width, "height": height})
    page.click(".inside summary")
    page.get_by_label("a crossed 7").click()
    expect(page.locator("#changes")).to_contain_text("digit")
    page.locator("#ten").scroll_into_view_if_needed()
    top = top_of(page.locator(".drawing"))
    bottom = top_of(page.locator(".examples"))
    assert (0 <= top < bottom < height) == stays


def test_the_page_tells_a_digit_as_the_reader_does(browser: Browser) -> None:
    page = browser.new_page()
    page.add_script_tag(content=(HERE / "answers.js").read_text())

    def is_read(most: float, over: int) -> bool:
        """Whether a mean does that has one digit's probability, and the rest spread over some others."""
        return page.evaluate("isRead", [most, *[(1 - most) / over] * over, *[0] * (9 - over)])

    assert all((is_read(0.99, 9), is_read(0.8, 9), is_read(0.6, 1), is_read(0.55, 2)))
    assert not any((is_read(0.1, 9), is_read(0.5, 1), is_read(0.6, 9), is_read(0.7, 9), is_read(0.4, 2)))
    page.close()


def test_ink_beside_which_many_digits_stay_possible_is_explained(page: Page) -> None:
    def unclear(route: Route) -> None:
        reading = route.fetch().json()
        mean = [0.6, *[0.4 / 9] * 9]
        for digit in reading["digits"]:
            digit |= {"digit": None, "sure": False, "together": mean, "probabilities": {"lenet5": mean, "ffnn": mean}}
        route.fulfill(json=reading | {"number": "?"})

    page.route("**/read", unclear)
    page.route(
        "**/probabilities",
        lambda route: route.fulfill(json=dict.fromkeys(("lenet5", "ffnn"), [[0.6, *[0.4 / 9] * 9]] * 500)),
    )
    page.click(".inside summary")
    draw(page, SEVEN)
    expect(page.locator("#doubt")).to_contain_text("It is no digit, because too many others stay possible")


def test_a_pixel_of_a_map_frames_what_it_sees(address: str, visit: Callable[..., Page]) -> None:
    page = visit(address, has_touch=True)
    page.click(".inside summary")
    page.get_by_label("an open 4").click()
    expect(page.locator("#why")).to_contain_text("for 4")
    frame = page.locator(".way .magnified i")
    expect(frame).to_be_hidden()

    def share() -> list[int]:
        """Left, top and width of the frame, in pixels of the image."""
        sides = frame.evaluate("({ style }) => [style.left, style.top, style.width]")
        return [round(28 * float(side.removesuffix("%")) / 100) for side in sides]

    for name, field, step in (("conv1", 5, 1), ("conv2", 10, 1), ("conv3", 19, 2)):
        page.locator(f"#{name}").focus()
        expect(frame).to_be_visible()
        assert share() == [0, 0, field]
        page.keyboard.press("ArrowRight")
        assert share() == [step, 0, field]
    page.locator("#conv2").hover()
    assert share()[2] == 10
    box = page.locator("#conv1").bounding_box()
    assert box
    scale = box["width"] / 149  # 6 maps of 24 pixels, one pixel apart
    page.locator("#conv1").tap(position={"x": (25 + 7.5) * scale, "y": 9.5 * scale})
    page.wait_for_timeout(100)
    assert share() == [7, 9, 5]
    expect(frame).to_be_visible()


def test_without_the_networks_for_images_the_page_says_how_to_make_them(page: Page, problems: list[str]) -> None:
    detail = "There is no lenet5.onnx. Run python -m export to make it."
    page.route("**/probabilities", lambda route: route.fulfill(status=501, json={"detail": detail}))
    page.click(".inside summary")
    page.get_by_label("an open 4").click()
    expect(page.locator("#unexplained")).to_have_text(detail)
    expect_digit(page, "4")
    expect(page.locator("#problem")).to_be_hidden()
    assert all("501" in problem for problem in problems)
    problems.clear()


def test_networks_of_another_training_do_not_explain(page: Page) -> None:
    def unsure(route: Any) -> None:
        rows = [[0.1] * 10] * 200
        route.fulfill(json={"lenet5": rows, "ffnn": rows})

    page.route("**/probabilities", unsure)
    page.click(".inside summary")
    page.get_by_label("an open 4").click()
    expect(page.locator("#unexplained")).to_contain_text("hold other networks than reader.onnx")


def test_the_server_reads_images_as_the_networks_do(address: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 28, 28)).astype(np.float32) / 255
    sheet = images.reshape(2, 3, 28, 28).transpose(0, 2, 1, 3).reshape(56, 84)
    found = httpx.post(f"{address}probabilities", json={"images": data_url(sheet)}).json()
    for name, expected in Pair(ONNX).probabilities(images).items():
        np.testing.assert_allclose(found[name], expected, atol=1e-5)


def test_a_sheet_with_parts_of_images_is_refused(address: str) -> None:
    refused = httpx.post(f"{address}probabilities", json={"images": data_url(np.zeros((28, 40), np.float32))})
    assert (refused.status_code, "28 x 28 pixels each" in refused.json()["detail"]) == (422, True)


@pytest.mark.parametrize(
    "content",
    [None, b"damaged", (ONNX / "lenet5-sketch.onnx").read_bytes()],
    ids=["missing", "damaged", "another graph"],
)
def test_networks_that_cannot_be_loaded_are_named_with_the_remedy(content: bytes | None, tmp_path: Path) -> None:
    if content:
        (tmp_path / "lenet5.onnx").write_bytes(content)
    with pytest.raises(SetupError, match=r"lenet5\.onnx.*Run python -m export"):
        Pair(tmp_path).probabilities(np.zeros((1, 28, 28), np.float32))


def test_a_server_without_them_says_so(start_server: Running) -> None:
    with start_server("--onnx", str(TINY)) as address:
        answer = httpx.post(f"{address}probabilities", json={"images": data_url(np.zeros((28, 28), np.float32))})
    assert (answer.status_code, "lenet5.onnx" in answer.json()["detail"]) == (501, True)


def requests_of(page: Page) -> list[Request]:
    """All requests of a page from now on."""
    requested: list[Request] = []
    page.on("request", lambda request: requested.append(request))
    return requested


def test_the_static_page_explains_as_the_server_does(site: str, address: str, visit: Callable[..., Page]) -> None:
    said = []
    for where in (site, address):
        page = visit(where)
        requested = requests_of(page)
        page.get_by_label("a slashed 0").click()
        expect_digit(page, "0")
        assert not any("lenet5.onnx" in request.url or "probabilities" in request.url for request in requested)
        page.click(".inside summary")
        expect(page.locator("#changes")).to_contain_text("%")
        said.append([page.locator(f"#{name}").inner_text() for name in ("why", "changes", "ten")])
    assert said[0] == said[1]
    wait_for(page, lambda: page.locator(".paper .evidence").is_visible())
