"""python -m tests.benchmarks why --data DIR: whether Look inside tells the truth about an answer, and how fast.

For validation digits of MNIST, the page's own script finds which ink speaks for the answer. The deletion curve takes
the ink away that speaks most for it, and as much other ink: patches at random places among the rest. It prints how far
the probability falls each way. Then every change of mind that the page would show is checked by reader.onnx's networks
in another session. Held-out writers of UJI write on the page's paper, too: there each change is made in the drawing,
and the page reads it again. Last it times the explanation on the server's page and on the static page, from the answer
to the picture, while the digit is drawn there.
"""

import argparse
import base64
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from demo.networks.classifier import load
from demo.networks.pair import Pair
from demo.sketchpad import HERE
from demo.space.__main__ import lay_out, static
from export.web import CHROMIUM, FLAGS, serving
from model import folders, mnist, ujipen
from tests.demo.drawing import SEVEN, draw
from tests.demo.people import PAPER, drawn, written
from tests.demo.serving import running

SHARES = (0.05, 0.1, 0.15, 0.2)  # of the ink that is taken away
RANDOM = 8  # other pieces of ink for each digit and share
SPREAD = 2.0  # pixels: random patches are about as large as the script's
DRAWINGS = 40
SCRIPTS = ("why", "answers", "paper", "number", "inside")  # answers.js holds likely(), the last three placeOnPaper()
EXPLAIN = """async (digits) => {
    const ask = async (images) => {
        let text = ""
        for (let i = 0; i < images.length; i += 8192) text += String.fromCharCode(...images.subarray(i, i + 8192))
        return read(btoa(text))
    }
    const found = []
    for (const [digit, pixels] of digits) {
        const image = Uint8Array.from(pixels)
        const evidence = await findEvidence(image, ask)
        const changes = await findChanges(image, digit, null, ask, () => true)
        const changed = changes.map(({ kind, patch, digit, probability, ink }) => ({
            kind, patch, digit, probability, ink, pixels: [...(kind === "with" ? withInk : without)(image, patch)],
        }))
        found.push({ heat: [...heatOf(evidence, digit)], patches: evidence.patches.length, changes: changed })
    }
    return found
}"""
PLACE = """([box, pixels]) =>
    Object.values(placeOnPaper({ box }, { width: WIDTH, height: HEIGHT }, Uint8Array.from(pixels))).map(parseFloat)"""
WATCH = """() => {
    window.times = []
    const explained = () => {
        if (document.querySelector(".why").getAttribute("aria-busy") === "false")
            window.times.push(performance.now() - window.lifted)
    }
    document.querySelector("#sketchpad canvas").addEventListener(
        "lostpointercapture", () => (window.lifted = performance.now()), true
    )
    new MutationObserver(explained).observe(document.querySelector(".why"), { attributeFilter: ["aria-busy"] })
}"""


def with_scripts(browser: Browser) -> Page:
    page = browser.new_page()
    page.add_script_tag(content="\n".join((HERE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS))
    return page


def explained(browser: Browser, pair: Pair, images: np.ndarray, answers: np.ndarray) -> list[dict[str, Any]]:
    """What the page's script finds out about images, uint8 [count, 28, 28], and their answers."""

    def read(encoded: str) -> dict[str, Any]:
        batch = np.frombuffer(base64.b64decode(encoded), np.uint8).reshape(-1, 28, 28)
        return {name: values.tolist() for name, values in pair.probabilities(batch.astype(np.float32) / 255).items()}

    page = with_scripts(browser)
    page.expose_function("read", read)
    found: list[dict[str, Any]] = []
    for image, answer in zip(images, answers.tolist(), strict=True):
        found += page.evaluate(EXPLAIN, [[answer, image.ravel().tolist()]])
    page.close()
    return found


def without(image: np.ndarray, order: np.ndarray, share: float) -> np.ndarray:
    """`image` [784] without a share of its ink, pixel by pixel in an order."""
    taken = np.cumsum(image[order])
    gone = order[: np.searchsorted(taken, share * taken[-1]) + 1]
    return np.where(np.isin(np.arange(784), gone), 0, image)


def patchy(random: np.random.Generator) -> np.ndarray:
    """Smooth noise, [28, 28]: its highest pixels form patches."""
    kernel = np.exp(-((np.arange(-6, 7) / SPREAD) ** 2))
    rows = [np.convolve(row, kernel, "same") for row in random.standard_normal((28, 28))]
    return np.array([np.convolve(column, kernel, "same") for column in np.transpose(rows)])


def together(pair: Pair, images: Any) -> np.ndarray:
    """The mean of both networks' probabilities, [count, 10], of images with ink 255."""
    both = pair.probabilities(np.asarray(images, np.float32).reshape(-1, 28, 28) / 255)
    return (both["lenet5"] + both["ffnn"]) / 2


def deletion(pair: Pair, images: np.ndarray, answers: np.ndarray, found: list[dict[str, Any]]) -> None:
    """Print the deletion curve."""
    random = np.random.default_rng(0)
    before = together(pair, images)[np.arange(len(images)), answers]
    print("| ink taken away | that speaks most | other ink | ratio |\n| --- | --- | --- | --- |")
    for share in SHARES:
        named, other = [], []
        for image, answer, each, p in zip(images.reshape(-1, 784), answers, found, before, strict=True):
            inked = image > 0
            order = np.argsort(np.where(inked, each["heat"], -np.inf))[::-1]
            shown = without(image, order, share)
            rest = inked & (shown == image)
            orders = [np.argsort(np.where(rest, patchy(random).ravel(), -np.inf))[::-1] for _ in range(RANDOM)]
            after = together(pair, [shown, *(without(image, order, share) for order in orders)])[:, answer]
            named.append(p - after[0])
            other.append(p - after[1:].mean())
        print(f"| {share:.0%} | {np.mean(named):.3f} | {np.mean(other):.3f} | {np.mean(named) / np.mean(other):.1f} |")


def made_on_paper(browser: Browser, pair: Pair, sketches: list[np.ndarray]) -> None:
    """Print how many changes of mind are the page's answer, too, once they are made on the paper."""
    reader = load("cpu")
    read = [(sketch, reader.classify(sketch).digits) for sketch in sketches]
    alone = [(sketch, pieces[0]) for sketch, pieces in read if len(pieces) == 1 and pieces[0].digit is not None]
    images = np.array([np.round(255 * piece.image).astype(np.uint8) for _, piece in alone])
    found = explained(browser, pair, images, np.array([piece.digit for _, piece in alone]))
    page = with_scripts(browser)
    kept: dict[str, list[bool]] = {"without": [], "with": []}
    for (sketch, piece), image, each in zip(alone, images, found, strict=True):
        place = page.evaluate(PLACE, [piece.box.tolist(), image.ravel().tolist()])
        for change in each["changes"]:
            ink = 0 if change["kind"] == "with" else 255
            changed = np.where(covered(change["patch"], place), np.uint8(ink), sketch)
            kept[change["kind"]].append(reader.classify(changed).number == str(change["digit"]))
    page.close()
    some = sum(bool(each["changes"]) for each in found)
    print(f"\n{some} of {len(found)} digits on the paper have a change. Made there, it is the answer")
    print(", ".join(f"for {sum(done)} of {len(done)} {kind} ink" for kind, done in kept.items()))


def covered(patch: dict[str, float], place: list[float]) -> np.ndarray:
    """The pixels of the paper below a patch of the image that lies there: left, top, width and height in percent."""
    width, height = PAPER
    left, top, across, _ = np.multiply(place, [width, height, width, height]) / 100
    y, x = np.indices((height, width)) + 0.5
    scale = 28 / across
    away = (x - left) * scale - 0.5 - patch["x"] + 1j * ((y - top) * scale - 0.5 - patch["y"])
    turned = away * np.exp(-1j * patch.get("angle", 0))
    return np.hypot(np.maximum(0, np.abs(turned.real) - patch["length"] / 2), turned.imag) <= patch["radius"]


def milliseconds(browser: Browser, address: str) -> str:
    """Times from pen-up to the picture, for a 7 that is drawn again and again."""
    page = browser.new_page()
    page.goto(address)
    page.wait_for_selector("#sketchpad canvas")
    page.click(".inside summary")
    page.evaluate(WATCH)
    for i in range(DRAWINGS + 3):
        draw(page, [(x + i % 20 / 100, y) for x, y in SEVEN])
        page.wait_for_function("count => window.times.length > count", arg=i, timeout=120_000)
        page.click("#clear")
    times = sorted(page.evaluate("window.times")[3:])
    page.close()
    most = times[DRAWINGS * 9 // 10 - 1]
    return f"median {statistics.median(times):.0f} ms, 90 % within {most:.0f} ms, slowest {times[-1]:.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    folders.add_option(parser)
    parser.add_argument("--count", type=int, default=500, help="validation digits; default: 500")
    parser.add_argument("--fast", action="store_true", help="leave the times out")
    arguments = parser.parse_args()
    training, _ = mnist.load(folders.checked(arguments.data))
    images = mnist.split(training, arguments.count)[1].images
    pens = ujipen.load(folders.checked(arguments.data)).digits
    validation = np.isin(pens.writers, ujipen.VALIDATION_WRITERS)
    sketches = [np.asarray(drawn(written([pens.drawings[i]]))) for i in np.flatnonzero(validation)]
    pair = Pair()
    answers = together(pair, images).argmax(1)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        found = explained(browser, pair, images, answers)
        patches = np.mean([each["patches"] for each in found])
        print(f"{len(images)} digits, {patches:.0f} patches each\n")
        deletion(pair, images, answers, found)
        changes = [(answer, change) for answer, each in zip(answers, found, strict=True) for change in each["changes"]]
        checked = together(pair, [change["pixels"] for _, change in changes])
        kept = sum(
            p.argmax() == change["digit"] != answer and abs(p.max() - change["probability"]) < 1e-4
            for (answer, change), p in zip(changes, checked, strict=True)
        )
        shown = {kind: sum(change["kind"] == kind for _, change in changes) for kind in ("without", "with")}
        some = sum(bool(each["changes"]) for each in found)
        print(f"\n{some} digits have a change: {shown['without']} without ink, {shown['with']} with more ink;")
        print(f"{kept} of {len(changes)} do what they say")
        made_on_paper(browser, pair, sketches)
        if not arguments.fast:
            with running() as address:
                print(f"server's page: pen-up to picture: {milliseconds(browser, address)}")
            with tempfile.TemporaryDirectory() as folder:
                lay_out(Path(folder), static())
                with serving(Path(folder)) as address:
                    print(f"static page: pen-up to picture: {milliseconds(browser, address)}")
        browser.close()


if __name__ == "__main__":
    main()
