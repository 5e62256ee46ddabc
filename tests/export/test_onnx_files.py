"""The files in export/onnx keep their contract, and read digits with ONNX Runtime alone."""

import math
import subprocess
import sys
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image, ImageDraw

from export import ONNX
from export.contract import KINDS, READER_FILE, SKETCH, Kind
from model import CHECKPOINTS, styles
from model.draw import draw
from model.pendigits import Pens
from model.record import TrainingRecord
from tests.benchmarks import strings

ROOT = Path(__file__).parent.parent.parent
NETWORKS = {"lenet5": 303_626, "ffnn": 669_706}
AWKWARD = {"Shape", "Range", "Slice", "Resize", "Identity", "If", "Loop", "Reciprocal", "GlobalMaxPool", "Sign"}
OPERATORS = {
    "lenet5.onnx": "Reshape Conv Relu AveragePool Conv Clip Tanh AveragePool Conv Clip Tanh Reshape "
    "Gemm Clip Tanh Gemm Softmax",
    "ffnn.onnx": "Reshape Gemm Relu Gemm Relu Gemm Softmax",
}
GRAPHS = [(name, kind) for name in NETWORKS for kind in KINDS]
each_graph = pytest.mark.parametrize(("name", "kind"), GRAPHS, ids=[kind.file(name) for name, kind in GRAPHS])


@cache
def session(file: str) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(ONNX / file, providers=["CPUExecutionProvider"])


def run(name: str, kind: Kind, values: np.ndarray) -> dict[str, np.ndarray]:
    network = session(kind.file(name))
    outputs = [output.name for output in network.get_outputs()]
    return dict(zip(outputs, network.run(outputs, {kind.input: values}), strict=True))


@each_graph
def test_names_types_and_dimensions_are_those_of_the_contract(name: str, kind: Kind) -> None:
    network = session(kind.file(name))
    values = [*network.get_inputs(), *network.get_outputs()]
    signature = {value.name: (value.type, value.shape) for value in values}
    image, read = {"image": ("tensor(float)", ["batch", 28, 28])}, {"probabilities": ("tensor(float)", ["batch", 10])}
    sketch = {"sketch": ("tensor(uint8)", ["batch", "height", "width"])} if kind is SKETCH else {}
    assert signature == {**sketch, **image, **read}


@each_graph
def test_the_file_holds_little_more_than_the_weights(name: str, kind: Kind) -> None:
    assert 0 < (ONNX / kind.file(name)).stat().st_size - 4 * NETWORKS[name] <= kind.nodes_bytes


@each_graph
def test_the_graph_has_no_operator_and_no_name_that_other_runtimes_reject(name: str, kind: Kind) -> None:
    model = onnx.load(ONNX / kind.file(name))
    assert {opset.domain for opset in model.opset_import} == {""}
    assert not {node.op_type for node in model.graph.node} & AWKWARD
    names = [name for node in model.graph.node for name in [node.name, *node.output]]
    assert not [name for name in names if ":" in name or "__" in name]


@pytest.mark.parametrize("file", OPERATORS)
def test_the_image_graph_has_no_superfluous_operators(file: str) -> None:
    nodes = onnx.load(ONNX / file).graph.node
    assert [node.op_type for node in nodes] == OPERATORS[file].split()
    assert all("/" in node.name for node in nodes[:-1])
    assert nodes[-1].name == "probabilities"


@each_graph
def test_the_metadata_describe_the_file(name: str, kind: Kind) -> None:
    metadata = {entry.key: entry.value for entry in onnx.load(ONNX / kind.file(name)).metadata_props}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert metadata["name"] == name
    assert metadata["version"] == project["version"]
    assert metadata["license"] == project["license"]
    assert metadata["accuracy"].startswith(str(TrainingRecord.load(CHECKPOINTS / f"{name}.json").test))
    assert metadata["input"] == kind.summary
    assert "MNIST" in metadata["training_data"]


@each_graph
def test_the_graph_reads_real_digits(name: str, kind: Kind, digits: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = digits[0][:2_000], digits[1][:2_000]
    read = run(name, kind, kind.inputs(images))["probabilities"].argmax(axis=1)
    assert (read == labels).mean() > 0.97


ROUND = [(0.5 + 0.3 * math.sin(turn / 5), 0.5 - 0.4 * math.cos(turn / 5)) for turn in range(32)]
EUROPEAN = {
    "1 with a flag": [[(0.25, 0.5), (0.6, 0.1), (0.57, 0.9)]],
    "1 with flag and foot": [[(0.25, 0.4), (0.5, 0.1), (0.5, 0.9)], [(0.25, 0.9), (0.75, 0.9)]],
    "7 with a bar": [[(0.2, 0.12), (0.8, 0.1), (0.4, 0.9)], [(0.3, 0.5), (0.75, 0.48)]],
    "0 with a slash": [ROUND, [(0.7, 0.2), (0.3, 0.8)]],
    "4 open at the top": [[(0.25, 0.1), (0.2, 0.55), (0.8, 0.55)], [(0.65, 0.3), (0.6, 0.95)]],
}
LETTERS = {
    "A": [[(0.1, 0.9), (0.5, 0.1), (0.9, 0.9)], [(0.25, 0.6), (0.75, 0.6)]],
    "H": [[(0.2, 0.1), (0.2, 0.9)], [(0.8, 0.1), (0.8, 0.9)], [(0.2, 0.5), (0.8, 0.5)]],
    "X": [[(0.1, 0.1), (0.9, 0.9)], [(0.9, 0.1), (0.1, 0.9)]],
    "W": [[(0.05, 0.1), (0.3, 0.9), (0.5, 0.3), (0.7, 0.9), (0.95, 0.1)]],
}


def probabilities_of(name: str, drawing: list[list[tuple[float, float]]], brush: int) -> np.ndarray:
    sketch = draw([np.array(stroke) for stroke in drawing], brush, 196 - brush)
    return run(name, SKETCH, np.asarray(sketch)[None])["probabilities"][0]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("brush", [10, 20, 30])
@pytest.mark.parametrize("style", EUROPEAN)
def test_digits_in_european_styles_are_read(name: str, brush: int, style: str) -> None:
    assert probabilities_of(name, EUROPEAN[style], brush).argmax() == int(style[0])


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("letter", LETTERS)
def test_a_letter_is_read_with_less_confidence_than_any_european_digit(name: str, letter: str) -> None:
    least = min(probabilities_of(name, digit, 20).max() for digit in EUROPEAN.values())
    assert probabilities_of(name, LETTERS[letter], 20).max() < least


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (480, 640)])
def test_a_blank_sketch_gives_equal_probabilities(name: str, shape: tuple[int, int]) -> None:
    answer = run(name, SKETCH, np.full((2, *shape), 255, np.uint8))
    assert not answer["image"].any()
    np.testing.assert_allclose(answer["probabilities"], 0.1, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_sketches_of_a_batch_do_not_influence_each_other(name: str, digits: tuple[np.ndarray, np.ndarray]) -> None:
    sketches = np.stack([digits[0][0], 255 - digits[0][1], np.zeros((28, 28), np.uint8)])
    together = run(name, SKETCH, sketches)["probabilities"]
    alone = np.concatenate([run(name, SKETCH, sketch[None])["probabilities"] for sketch in sketches])
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("paper", [255, 150])
def test_a_photograph_in_uneven_light_is_read(name: str, paper: int) -> None:
    digit = np.asarray(draw([np.array(stroke) for stroke in EUROPEAN["7 with a bar"]], 14, 160))
    y, x = np.mgrid[:280, :280] / 280
    light = (1 - 0.4 * x) * (1 - 0.3 * y * y)
    grain = np.random.default_rng(0).normal(0, 5, digit.shape)
    photograph = ((30 + digit / 255 * (paper - 30)) * light + grain).clip(0, 255).astype(np.uint8)
    read = run(name, SKETCH, np.stack([photograph, 255 - photograph]))["probabilities"]
    assert (read.argmax(axis=1) == 7).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_any_image_gives_finite_values_and_probabilities_that_sum_to_one(name: str) -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        height, width = random.integers(8, 60, 2)
        scene = random.integers(0, 256, (4, height, width), dtype=np.uint8)
        scene[1] = 255 * (scene[1] > random.integers(256))
        scene[2, : height // 2] = 0
        scene[3, :, ::2] = 255
        outputs = run(name, SKETCH, scene)
        assert np.isfinite(outputs["image"]).all()
        np.testing.assert_allclose(outputs["probabilities"].sum(axis=1), 1, atol=1e-5)


MEMORY = r"""
import re, sys
from pathlib import Path
import numpy as np, onnxruntime
def peak():
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
sketch = np.full((1, 2048, 2048), 255, np.uint8)
sketch[0, 300:1700, 900:1100] = 0
before = peak()
for _ in range(3):
    assert session.run(["probabilities"], {"sketch": sketch})[0].argmax() == 1
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("name", NETWORKS)
def test_the_largest_sketch_takes_less_than_200_megabytes(name: str) -> None:
    command = [sys.executable, "-c", MEMORY, str(ONNX / SKETCH.file(name))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) * 1024 < 200e6


def test_the_reader_reads_a_sheet_alike_alone_and_among_others(digits: tuple[np.ndarray, np.ndarray]) -> None:
    large = 255 - digits[0][[0, 700, 1500, 2400]].repeat(4, axis=1).repeat(4, axis=2)
    paper = np.full((112, 112), 255, np.uint8)
    one, another = (np.concatenate([digit, paper], axis=1) for digit in large[:2])
    two, blank = np.concatenate([*large[2:]], axis=1), np.concatenate([paper, paper], axis=1)
    reader = session(READER_FILE)
    names = [output.name for output in reader.get_outputs()]

    def read(*sheets: np.ndarray) -> list[np.ndarray]:
        return reader.run(names, {"sketch": np.stack(sheets)})

    for batch in ([one, another], [one, blank], [blank, two, one], [blank, blank]):
        for name, found, *alone in zip(names, read(*batch), *map(read, batch), strict=True):
            for values, (expected,) in zip(found, alone, strict=True):
                count = len(expected)
                np.testing.assert_allclose(values[:count], expected, atol=1e-5, err_msg=name)
                if name == "digits":
                    assert (values[count:] == -2).all()


def test_each_sheet_is_looked_at_as_if_it_were_alone(digits: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = digits[0][[0, 700]].repeat(3, axis=1).repeat(3, axis=2)
    clear = np.pad(255 - np.concatenate([first, second], axis=1), ((40, 40), (30, 30)), constant_values=255)
    canvases, strip = np.full_like(clear, 255), clear.copy()
    canvases[40:-40, 20:104] = first
    canvases[40:-40, 124:208] = second
    strip[:, -12:] = 0
    reader = session(READER_FILE)
    names = ["digits", "boxes", "probabilities"]
    for batch in ([clear, canvases], [strip, clear], [clear, strip, canvases, clear]):
        found = reader.run(names, {"sketch": np.stack(batch)})
        assert found[0][:, :2].tolist() == [digits[1][[0, 700]].tolist()] * len(batch)
        for number, sheet in enumerate(batch):
            for values, alone in zip(found, reader.run(names, {"sketch": sheet[None]}), strict=True):
                np.testing.assert_allclose(values[number, : alone.shape[1]], alone[0], atol=1e-4)


def test_a_photograph_is_looked_at_closer_as_if_it_were_alone(digits: tuple[np.ndarray, np.ndarray]) -> None:
    number = np.concatenate(digits[0][::500], axis=1).repeat(2, axis=0).repeat(2, axis=1)
    sheet, (down, across) = np.full((600, 960), 200.0), np.mgrid[:600, :960]
    sheet[400:456, 360:920] -= 0.5 * number
    sheet += np.random.default_rng(0).normal(0, 2, sheet.shape)
    folds = across + 0.5 * down - 700, down - 0.6 * across + 200
    light = np.prod([1 - 0.3 * np.exp(-((away / 60) ** 2)) for away in folds], axis=0)
    levels = sheet, sheet * light, 255 - sheet * light
    even, folded, turned = (level.clip(0, 255).astype(np.uint8) for level in levels)
    reader = session(READER_FILE)
    for batch in ([folded], [even, folded], [turned, even, folded]):
        found, boxes = reader.run(["digits", "boxes"], {"sketch": np.stack(batch)})
        assert found.tolist() == [digits[1][::500].tolist()] * len(batch)
        assert np.abs(boxes[:, 0] - boxes[-1, 0]).max() < 3


def test_a_sheet_that_may_hold_canvases_but_holds_none_changes_no_other() -> None:
    down, across = np.mgrid[:280, :280] - 140
    disc = np.where(down**2 + across**2 < 100**2, 40, 250).astype(np.uint8)
    one = np.full((280, 280), 255, np.uint8)
    one[60:220, 130:150] = 0
    reader = session(READER_FILE)
    reader.run(["digits"], {"sketch": np.stack([one, one])})  # fills memory that is used again
    assert reader.run(["digits"], {"sketch": np.stack([disc, one])})[0].tolist() == [[-1], [1]]


def _drawn_beside(sheet: np.ndarray) -> dict[str, Callable[[ImageDraw.ImageDraw], None]]:
    """What people draw beside a number, by name."""
    height, width = sheet.shape
    low, right = height - 20, width - 15
    return {
        "a line under it": lambda pen: pen.line((20, low, right, low - 4), fill=0, width=5),
        "a box": lambda pen: pen.rectangle((5, 8, width - 6, height - 9), outline=0, width=4),
        "a circle": lambda pen: pen.ellipse((2, 2, width - 3, height - 3), outline=0, width=4),
        "a comma": lambda pen: pen.line((142, low - 24, 136, low - 6), fill=0, width=5),
    }


def test_the_reader_leaves_out_what_is_drawn_around_a_number(digits: tuple[np.ndarray, np.ndarray]) -> None:
    large = digits[0][[0, 700]].repeat(4, axis=1).repeat(4, axis=2)
    sheet = 255 - np.pad(np.concatenate([*large], axis=1), 30)
    reader = session(READER_FILE)

    def read(drawn: np.ndarray) -> list[int]:
        return reader.run(["digits"], {"sketch": drawn[None]})[0][0].tolist()

    for name, add in _drawn_beside(sheet).items():
        picture = Image.fromarray(sheet)
        add(ImageDraw.Draw(picture))
        assert read(np.asarray(picture)) == read(sheet) == digits[1][[0, 700]].tolist(), name


def _around(sheet: np.ndarray) -> dict[str, np.ndarray]:
    """A drawing on white paper as pictures show it, by name."""
    strip, corner = sheet.copy(), sheet.copy()
    strip[:, -15:] = 0
    corner[np.add.outer(range(len(sheet)), range(sheet.shape[1])) < 40] = 0
    table = np.pad(sheet * (165 / 255) + 50, ((40, 50), (60, 30)), constant_values=30)
    grain = np.random.default_rng(0).normal(0, 3, table.shape)
    return {
        "a dark strip along its border": strip,
        "a dark corner": corner,
        "on a white page, white on black": np.pad(255 - sheet, 70, constant_values=255),
        "in a black frame": np.pad(sheet, 6),
        "on a dark table": (table + grain).clip(0, 255).astype(np.uint8),
    }


@pytest.mark.parametrize("count", [1, 2])
def test_the_reader_finds_the_paper(count: int, digits: tuple[np.ndarray, np.ndarray]) -> None:
    numbers = [0, 700][:count]
    large = digits[0][numbers].repeat(4, axis=1).repeat(4, axis=2)
    sheet = 255 - np.pad(np.concatenate([*large], axis=1), 60)
    for name, picture in _around(sheet).items():
        (read,) = session(READER_FILE).run(["digits"], {"sketch": picture[None]})
        assert read[0].tolist() == digits[1][numbers].tolist(), name


@pytest.mark.parametrize("contrast", range(1, 6))
def test_the_reader_finds_nothing_on_a_sheet_whose_ink_is_hardly_darker_than_paper(contrast: int) -> None:
    y, x = np.ogrid[:120, :190]
    ring = abs(np.hypot(y - 60, 1.3 * (x - 80)) - 35) < 3
    (digits,) = session(READER_FILE).run(
        ["digits"], {"sketch": np.where(ring, 200 - contrast, 200).astype(np.uint8)[None]}
    )
    assert digits.shape == (1, 0)


@pytest.mark.parametrize("side", [1, 2, 3, 5])
def test_the_reader_sees_no_digit_in_a_dot(side: int) -> None:
    random = np.random.default_rng(side)
    for height, width in random.integers(60, 700, (40, 2)):
        sheet = np.full((1, height, width), 255, np.uint8)
        y, x = random.integers(5, (height - 10, width - 10))
        sheet[0, y : y + side, x : x + side] = 0
        (digits,) = session(READER_FILE).run(["digits"], {"sketch": sheet})
        assert digits.tolist() in ([[]], [[-1]]), (height, width, y, x)


@pytest.mark.parametrize("count", [60, 130, 400])
def test_the_reader_reads_the_first_64_of_many_pieces(count: int) -> None:
    sheet = np.full((1, 600, 800), 255, np.uint8)
    for number in range(count):
        top, left = 20 + 38 * (number // 28), 10 + 28 * (number % 28)
        sheet[0, top : top + 28, left : left + 4] = 0
    (digits,) = session(READER_FILE).run(["digits"], {"sketch": sheet})
    assert digits.tolist() == [[1] * min(count, 64)]


def test_the_reader_survives_noise() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1, 400, 400), np.uint8)
    for sheet in (noise, noise[:, ::2, ::3] // 2, np.where(noise > 250, 0, 255).astype(np.uint8)):
        digits, images = session(READER_FILE).run(["digits", "images"], {"sketch": sheet})
        assert digits.shape[1] <= 64
        assert np.isfinite(images).all()


LIGHTS = {
    "dark corners": lambda level, y, x: level * (1 - 0.6 * ((y * y + x * x) / 2) ** 1.5),
    "from one side": lambda level, y, x: level * (0.725 - 0.275 * x),
    "glare": lambda level, y, x: level + (255 - level) * 0.5 * np.exp(-5 * ((y - 0.5) ** 2 + (x + 0.5) ** 2)),
}


@pytest.mark.parametrize(
    ("light", "first"),
    [("dark corners", 144), ("dark corners", 216), ("from one side", 120), ("from one side", 216), ("glare", 120)],
)
def test_a_photographed_page_is_read_in_uneven_light(
    light: str, first: int, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    images, labels = digits
    level = np.full((600, 800), 200.0)
    for row, column in np.ndindex(4, 6):
        top, left = 40 + 135 * row, 60 + 115 * column
        image = images[first + 6 * row + column]
        level[top : top + 112, left : left + 112] -= image.repeat(4, 0).repeat(4, 1) * (150 / 255)
    y, x = np.linspace(-1, 1, 600)[:, None], np.linspace(-1, 1, 800)
    grain = np.random.default_rng(0).normal(0, 2, level.shape)
    photograph = (LIGHTS[light](level, y, x) + grain).clip(0, 255).astype(np.uint8)
    read, lines = session(READER_FILE).run(["digits", "line"], {"sketch": photograph[None]})
    assert read[0].tolist() == labels[first : first + 24].tolist()
    assert lines[0].tolist() == [row for row in range(4) for _ in range(6)]


@pytest.mark.parametrize("seed", range(3))
def test_a_photographed_page_with_a_small_digit_in_each_square_is_read(seed: int) -> None:
    random = np.random.default_rng(seed)
    drawings, labels = styles.digits(40, random)
    square = 27
    level = np.full((1_600, 1_131), 225.0)
    level[5::square] = level[:, 9::square] = 195
    for (row, column), drawing in zip(np.ndindex(5, 8), drawings, strict=True):
        digit = np.asarray(draw(drawing, 12, 200).resize((30, 30), Image.Resampling.BOX))
        top, left = 5 + square * (10 + 4 * row) - 2, 9 + square * (8 + column) - 2
        level[top : top + 30, left : left + 30] -= (255 - digit) * (160 / 255)
    grain = random.normal(0, 2, level.shape)
    photograph = (level * np.linspace(0.9, 1.1, 1_131) + grain).clip(0, 255).astype(np.uint8)
    read = strings.as_text(
        *(each[0] for each in session(READER_FILE).run(["digits", "line"], {"sketch": photograph[None]}))
    )
    written = "\n".join("".join(map(str, labels[start : start + 8])) for start in range(0, 40, 8))
    assert read == written


@pytest.mark.parametrize(("digit", "style"), [(digit, name) for digit in range(10) for name in styles.STYLES[digit]])
def test_the_reader_takes_each_style_for_one_digit(digit: int, style: str) -> None:
    drawing = styles.written(styles.strokes_of(styles.STYLES[digit][style]), np.random.default_rng(0))
    for brush in (8, 16, 24):
        sketch = np.asarray(draw(drawing, brush, 196 - brush))[None]
        assert session(READER_FILE).run(["digits"], {"sketch": sketch})[0].tolist() == [[digit]]


def test_four_of_five_numbers_of_two_touching_digits_are_read() -> None:
    drawings, labels = styles.digits(200, np.random.default_rng(0))
    hand = Pens(drawings, np.array(labels, np.uint8), np.zeros(200))
    read = strings.reader(ONNX / READER_FILE)
    misread = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        written = strings.sheet("touching", [2], hand, random, sizes=[(280, 280)], pens=(0.05, 0.1))
        if (found := read(written.sketch)) != written.text:
            misread.append((seed, written.text, found))
    assert len(misread) <= 40, misread
