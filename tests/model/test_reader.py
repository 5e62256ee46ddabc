"""The reader finds the digits on a sheet, in reading order, and cuts those that touch only if that is certain."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from model import normalize
from model.normalize import SIDE
from model.reader import Reading, read
from model.reader.connecting import parts_of
from model.reader.cuts import Networks
from model.reader.judging import is_read
from model.reader.ordering import PIECES, Piece, without_leavings
from model.reader.shading import ink_of

pytestmark = pytest.mark.tensorflow

BAR, RING = 1, 0


def sheet(*shapes: tuple[int, int, int, int, int], size: tuple[int, int] = (200, 400), pen: int = 8) -> np.ndarray:
    """Bars and rings in black on white: each its kind, left, top, right and bottom."""
    picture = Image.new("L", (size[1], size[0]), 255)
    draw = ImageDraw.Draw(picture)
    for kind, *box in shapes:
        if kind == BAR:
            draw.line((box[0], box[1], box[2], box[3]), fill=0, width=pen)
        else:
            draw.ellipse(tuple(box), outline=0, width=pen)
    return np.asarray(picture)


def bars_and_rings(images: np.ndarray) -> np.ndarray:
    """Stands for both networks: one narrow stroke is a 1, a ring of a digit's form is a 0, all else is no digit."""
    answers = np.full((len(images), 2, 10), 0.1, np.float32)
    for answer, image in zip(answers, images, strict=True):
        if image.max() <= 0.5:
            continue
        wide = np.ptp(np.flatnonzero(image.max(axis=0) > 0.5)) + 1
        high = np.ptp(np.flatnonzero(image.max(axis=1) > 0.5)) + 1
        middle = image[10:18, 12:16].mean()
        digit = BAR if wide <= 6 and high >= 16 else RING if wide >= 10 and high >= 16 and middle < 0.05 else None
        if digit is not None:
            answer[:] = 0.01 / 9
            answer[:, digit] = 0.99
    return answers


def text(reading: Reading) -> str:
    rows: dict[int, str] = {}
    for digit, line in zip(reading.digits, reading.line, strict=True):
        rows[line] = rows.get(line, "") + ("?" if digit < 0 else str(digit))
    return "/".join(rows[line] for line in sorted(rows))


def test_digits_are_read_from_the_left() -> None:
    reading = read(sheet((RING, 150, 50, 210, 150), (BAR, 60, 50, 60, 150), (BAR, 300, 50, 300, 150)), bars_and_rings)
    assert text(reading) == "101"
    np.testing.assert_allclose(reading.boxes[1], [150, 50, 211, 151], atol=2)


def test_lines_are_read_from_the_top() -> None:
    shapes = ((BAR, 60, 110, 60, 180), (RING, 100, 110, 150, 180), (BAR, 200, 10, 200, 80), (BAR, 250, 14, 250, 84))
    assert text(read(sheet(*shapes), bars_and_rings)) == "11/10"


def test_digits_of_two_lines_that_touch_are_cut_between_the_lines() -> None:
    first = ((BAR, 40, 20, 40, 90), (RING, 70, 20, 110, 90), (BAR, 140, 20, 140, 90), (RING, 170, 20, 210, 90))
    second = ((BAR, 40, 104, 40, 174), (RING, 70, 104, 110, 174), (BAR, 190, 104, 190, 174))
    across = (BAR, 140, 20, 140, 174)
    assert text(read(sheet(*first, *second, across), bars_and_rings)) == "1010/1011"
    assert text(read(sheet(*first[:2], across), bars_and_rings)) == "101"


@pytest.mark.parametrize("pen", [4, 10])
def test_a_digit_that_stands_far_from_many_others_is_read(pen: int) -> None:
    shapes = [(BAR, 50, 50), (RING, 28, 72)] * 4
    many = [
        (kind, 60 * i + left, y, 60 * i + right, y + 70)
        for i, (kind, left, right) in enumerate(shapes)
        for y in (20, 110, 200)
    ]
    reading = read(sheet(*many, (BAR, 840, 560, 840, 630), size=(700, 900), pen=pen), bars_and_rings)
    assert text(reading) == "10101010/10101010/10101010/1"


def test_light_ink_on_dark_paper_reads_the_same() -> None:
    drawn = sheet((BAR, 60, 50, 60, 150), (RING, 150, 50, 210, 150))
    assert text(read(255 - drawn, bars_and_rings)) == text(read(drawn, bars_and_rings)) == "10"


def photographed(drawn: np.ndarray, lines: np.ndarray | float = 0.0) -> np.ndarray:
    """A drawing on grey paper that is lit from one side, with `lines` that are so much darker."""
    light = np.linspace(1.0, 0.85, drawn.shape[1])
    return (light * np.minimum(0.35 * drawn + 140, 230 - lines)).astype(np.uint8)


def test_a_row_of_digits_from_border_to_border_is_no_printed_line() -> None:
    rings = [(RING, x, 120, x + 40, 180) for x in range(24, 560, 52)]
    bars = [(BAR, x, 220, x, 280) for x in range(60, 360, 60)]
    assert text(read(photographed(sheet(*rings, *bars, size=(400, 600))), bars_and_rings)) == "0" * 11 + "/11111"


def test_specks_beside_a_digit_do_not_cut_it() -> None:
    specks = [(BAR, x, y, x, y + 6) for x in (150, 290) for y in (45, 80, 115)]
    assert text(read(sheet((RING, 60, 40, 120, 140), (RING, 200, 40, 260, 140), *specks), bars_and_rings)) == "00"


def test_the_lines_of_squared_paper_link_no_digits() -> None:
    rows = [((RING, x, y, x + 40, y + 60), (BAR, x + 75, y, x + 75, y + 60)) for x in (60, 200) for y in (70, 150, 230)]
    lines = np.zeros((360, 480))
    lines[::24], lines[1::24], lines[:, ::24], lines[:, 1::24] = 40, 40, 40, 40
    drawn = sheet(*(shape for shapes in rows for shape in shapes), size=lines.shape, pen=6)
    reading = read(photographed(drawn, lines), bars_and_rings)
    assert text(reading) == "0101/0101/0101"
    np.testing.assert_allclose(reading.boxes[0], [60, 70, 101, 131], atol=4)


@pytest.mark.parametrize("rise", [-0.22, 0.22])
def test_lines_may_rise_or_fall(rise: float) -> None:
    shapes = [
        (kind, x + left, y + int(rise * x), x + right, y + int(rise * x) + 70)
        for y in (150, 255, 360)
        for x, (kind, left, right) in zip(range(50, 650, 100), [(BAR, 20, 20), (RING, 0, 44)] * 3, strict=True)
    ]
    assert text(read(sheet(*shapes, size=(600, 700)), bars_and_rings)) == "101010/101010/101010"


NUMBER = (BAR, 80, 50, 80, 120), (RING, 110, 50, 154, 120), (BAR, 190, 50, 190, 120)
FRAMES = {
    "a box": [(60, 30, 220, 30), (220, 30, 220, 140), (220, 140, 60, 140), (60, 140, 60, 30)],
    "form fields": [(x, *end) for x in (60, 100, 170) for end in ((30, x + 65, 30), (140, x + 65, 140), (30, x, 140))]
    + [(235, 30, 235, 140)],
}


@pytest.mark.parametrize("strokes", FRAMES.values(), ids=FRAMES)
def test_a_frame_around_digits_is_left_out(strokes: list[tuple[int, int, int, int]]) -> None:
    frame = [(BAR, *stroke) for stroke in strokes]
    assert text(read(sheet(*NUMBER, *frame, pen=6), bars_and_rings)) == "101"


def test_a_circle_around_a_digit_is_left_out_but_the_slash_in_a_zero_belongs_to_it() -> None:
    circle, zero = (RING, 40, 20, 200, 180), (RING, 60, 50, 122, 150)
    assert text(read(sheet((BAR, 120, 60, 120, 140), circle), bars_and_rings)) == "1"
    assert text(read(sheet((RING, 100, 60, 145, 135), circle), bars_and_rings)) == "0"
    slashed = read(sheet(zero, (BAR, 102, 75, 80, 125)), bars_and_rings)
    assert len(slashed.boxes) == 1
    np.testing.assert_allclose(slashed.boxes[0], [60, 50, 123, 151], atol=2)


def test_a_digit_alone_in_a_frame_that_is_higher_than_wide_is_no_slash() -> None:
    frame = [(BAR, 60, 20, 60, 200), (BAR, 200, 20, 200, 200), (BAR, 60, 20, 200, 20), (BAR, 60, 200, 200, 200)]
    for around in ([(RING, 60, 20, 200, 200)], frame):
        assert text(read(sheet((RING, 105, 65, 155, 150), *around, size=(220, 280), pen=6), bars_and_rings)) == "0"


def test_digits_in_a_table_are_read_without_it() -> None:
    lines = [(BAR, 20, 20 + 60 * i, 560, 20 + 60 * i) for i in range(10)]
    lines += [(BAR, top, left, bottom, right) for _, left, top, right, bottom in lines]
    digits = [(RING, 38, 32, 62, 68), (BAR, 230, 32, 230, 68), (RING, 338, 272, 362, 308), (BAR, 530, 272, 530, 308)]
    digits += [(RING, 278, 512, 302, 548), (RING, 398, 512, 422, 548)] + [
        (BAR, 50, y, 50, y + 36) for y in range(92, 512, 60)
    ]
    expected = "01/1/1/1/101/1/1/1/00"
    assert text(read(sheet(*digits, *lines, size=(580, 580), pen=4), bars_and_rings)) == expected


@pytest.mark.parametrize("teeth", [15, 30, 45])
def test_a_comb_under_digits_is_left_out(teeth: int) -> None:
    rings = [(RING, x, 40, x + 50, 110) for x in (40, 120, 200, 280)]
    comb = [(BAR, 26, 130, 354, 130), *((BAR, x, 130 - teeth, x, 130) for x in range(28, 360, 81))]
    assert text(read(sheet(*rings, *comb, pen=4), bars_and_rings)) == "0000"


@pytest.mark.parametrize("gap", [0, 12, 24])
@pytest.mark.parametrize(("darkness", "width"), [(40, 3), (60, 2), (80, 1), (120, 2)])
def test_digits_in_the_boxes_of_a_form_are_read_without_them(gap: int, darkness: int, width: int) -> None:
    written = (BAR, 80, 60, 80, 130), (RING, 160, 60, 200, 130), (BAR, 280, 60, 280, 130), (RING, 360, 60, 400, 130)
    lines = np.zeros((200, 500))
    for left in range(40, 440, 100):
        right, top, bottom = left + 100 - gap, 40, 150
        lines[[*range(top, top + width), *range(bottom, bottom + width)], left : right + width] = darkness
        lines[top:bottom, [*range(left, left + width), *range(right, right + width)]] = darkness
    assert text(read(photographed(sheet(*written, size=lines.shape), lines), bars_and_rings)) == "1010"


def test_the_line_along_a_margin_is_no_digit_but_a_digit_among_lower_ones_is() -> None:
    rows = [
        (kind, x + 40, y, x + right, y + 70)
        for y in (40, 150, 260)
        for kind, x, right in ((RING, 60, 84), (BAR, 160, 40))
    ]
    assert text(read(sheet(*rows, (BAR, 50, 0, 52, 400), size=(400, 400)), bars_and_rings)) == "01/01/01"
    assert text(read(sheet((BAR, 50, 20, 50, 180), *NUMBER[1:]), bars_and_rings)) == "101"


def on_a_table(sheet_: np.ndarray, table: int, share: float) -> np.ndarray:
    """A photograph of a sheet that fills a share of it, on a darker table in uneven light."""
    height, width = (int(side / share**0.5) for side in sheet_.shape)
    grain = np.random.default_rng(0).normal(0, 4, (height, width))
    scene = table * np.ones((height, 1)) * np.linspace(1.2, 0.6, width)
    top, left = (height - sheet_.shape[0]) // 2, (width - sheet_.shape[1]) // 3
    scene[top : top + sheet_.shape[0], left : left + sheet_.shape[1]] = photographed(sheet_)
    return (scene + grain).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("share", [0.75, 0.5, 0.35])
@pytest.mark.parametrize("table", [30, 90])
def test_a_page_on_a_dark_table_is_read(table: int, share: float) -> None:
    rows = [
        (kind, x, y, x + w, y + 60)
        for y in (60, 170, 280)
        for kind, x, w in ((BAR, 90, 0), (RING, 140, 40), (BAR, 240, 0))
    ]
    assert text(read(on_a_table(sheet(*rows, size=(400, 400)), table, share), bars_and_rings)) == "101/101/101"


@pytest.mark.parametrize("table", [20, 60])
def test_a_page_on_an_even_dark_table_is_read(table: int) -> None:
    rings = [(RING, x, y, x + 36, y + 60) for y in (60, 170, 280) for x in (60, 130, 200, 270)]
    page = Image.fromarray(np.pad(photographed(sheet(*rings, size=(400, 400))), 90, constant_values=table))
    turned = np.asarray(page.rotate(3, Image.Resampling.BILINEAR, fillcolor=table))
    assert text(read(turned, bars_and_rings)) == "0000/0000/0000"


@pytest.mark.parametrize(("x", "y"), [(0.2, 0.2), (0.8, 0.2), (0.5, 0.8)])
def test_a_page_in_glare_is_read(x: float, y: float) -> None:
    rings = [(RING, left, top, left + 36, top + 60) for top in (60, 170, 280) for left in (60, 130, 200, 270)]
    page = 60 + sheet(*rings, size=(400, 400)) * (110 / 255)
    down, across = np.linspace(0, 1, 400)[:, None] - y, np.linspace(0, 1, 400) - x
    spot = 0.75 * np.exp(-(down**2 + across**2) / 0.05)
    grain = np.random.default_rng(0).normal(0, 2, page.shape)
    glare = (page + (255 - page) * spot + grain).clip(0, 255).astype(np.uint8)
    assert text(read(glare, bars_and_rings)) == "0000/0000/0000"


@pytest.mark.parametrize(("pen", "width"), [(70, 300), (80, 400)])
def test_a_markers_digit_that_fills_a_photograph_is_read(pen: int, width: int) -> None:
    side = (width - 225) // 2
    level = (40 + sheet((RING, side, 50, width - side, 350), size=(400, width), pen=pen) * (190 / 255)).astype(float)
    level *= np.linspace(1, 0.7, width)
    level += np.random.default_rng(0).normal(0, 2, level.shape)
    assert text(read(level.clip(0, 255).astype(np.uint8), bars_and_rings)) == "0"


@pytest.mark.parametrize(("left", "top"), [(30, 30), (420, 60), (240, 320)])
def test_small_digits_on_a_folded_sheet_are_read(left: int, top: int) -> None:
    rings = [(RING, x, y, x + 24, y + 40) for y in (top, top + 60) for x in range(left, left + 160, 40)]
    page = photographed(sheet(*rings, size=(480, 640), pen=4)).astype(float)
    random = np.random.default_rng(0)
    down, across = np.mgrid[:480, :640]
    for _ in range(2):
        turn = random.uniform(0, np.pi)
        away = (across - random.uniform(0, 640)) * np.cos(turn) + (down - random.uniform(0, 480)) * np.sin(turn)
        page *= 1 - 0.3 * np.exp(-((away / 45) ** 2))
    page += random.normal(0, 2, page.shape)
    assert text(read(page.clip(0, 255).astype(np.uint8), bars_and_rings)) == "0000/0000"


def test_the_gaps_of_a_scribble_are_no_page() -> None:
    scribble = [(BAR, x, 30, x + aside, 170) for x in range(50, 350, 12) for aside in (0, 12)]
    assert text(read(sheet(*scribble, pen=4), bars_and_rings)) == "?"


@pytest.mark.parametrize("margin", [5, 60, 150])
def test_a_canvas_in_a_page_is_read(margin: int) -> None:
    canvas = sheet((RING, 110, 80, 190, 220), size=(300, 300), pen=12)
    for drawn, page in ((canvas, 0), (255 - canvas, 255)):
        assert text(read(np.pad(drawn, margin, constant_values=page), bars_and_rings)) == "0"


@pytest.mark.parametrize("turn", [lambda level: level, lambda level: 255 - level], ids=["light page", "dark page"])
@pytest.mark.parametrize("gap", [6, 40])
def test_canvases_on_a_page_are_read(gap: int, turn: Callable[[np.ndarray], np.ndarray]) -> None:
    ring, bar = (
        255 - sheet((RING, 25, 20, 75, 80), size=(100, 100)),
        255 - sheet((BAR, 50, 20, 50, 80), size=(100, 100)),
    )
    to_the_edge = 255 - sheet((BAR, 60, 0, 60, 80), size=(100, 100))
    rows = [
        np.pad(np.stack(row), ((0, 0), (gap, gap), (gap, gap)), constant_values=255)
        for row in ([ring, bar], [ring, ring])
    ]
    page = np.concatenate([np.concatenate([*row], axis=1) for row in rows])
    assert text(read(turn(page), bars_and_rings)) == "01/00"
    page[gap : gap + 100, gap : gap + 100] = to_the_edge
    assert text(read(turn(page), bars_and_rings)) == "11/00"


def test_a_bold_letter_is_no_canvas() -> None:
    letter = sheet(size=(200, 200)).copy()
    letter[40:160, 60:140] = 0
    letter[65:90, 90:] = letter[110:135, 90:] = 255  # an E
    assert text(read(letter, bars_and_rings)) == "?"


def test_a_caption_above_a_digit_is_left_out() -> None:
    caption = [(BAR, x, 4, x, 14) for x in range(60, 100, 6)]
    assert (
        text(read(sheet((RING, 50, 60, 110, 160), (BAR, 200, 60, 200, 160), *caption, pen=4), bars_and_rings)) == "01"
    )


def test_a_digit_among_many_specks_is_no_margin() -> None:
    specks = [(BAR, x, y, x + 1, y + 1) for x in range(10, 400, 24) for y in (15, 60, 105, 150, 185)]
    number = (BAR, 95, 40, 95, 160), (RING, 150, 40, 220, 160), (RING, 270, 40, 340, 160)
    assert text(read(sheet(*number, *specks, pen=5), bars_and_rings)) == "100"


def test_the_ink_of_a_thin_pen_keeps_together() -> None:
    fine = Image.new("L", (1200, 400), 255)
    ImageDraw.Draw(fine).ellipse((100, 60, 260, 340), outline=0, width=3)
    ImageDraw.Draw(fine).line((700, 70, 760, 330), fill=0, width=3)
    drawn = np.asarray(fine.resize((600, 200), Image.Resampling.BOX))
    paper, found, strength, lines = (np.asarray(each)[0] for each in normalize.separate(drawn[None])[3:7])
    ink = ink_of(drawn, 1.0, paper, found, strength, lines, is_flat=True).ink
    assert len(parts_of(ink, 0 * ink)) == 2


def test_what_shines_through_a_scan_is_no_thin_pen() -> None:
    drawn = sheet(*NUMBER)
    ghost = sheet((BAR, 20, 50, 20, 150), (RING, 330, 50, 380, 150))
    assert text(read(np.minimum(drawn, 255 - (255 - ghost) // 6), bars_and_rings)) == "101"


def test_two_parts_of_a_digit_that_stand_beside_each_other_are_joined() -> None:
    def wide_ones(images: np.ndarray) -> np.ndarray:
        """Stands for networks that take what is almost a square for a 4."""
        answers = np.full((len(images), 2, 10), 0.1, np.float32)
        answers[(images.max(axis=1) > 0.5).sum(axis=1) >= 12] = 0.99 * np.eye(10)[4] + 0.001
        return answers

    def drawn(gap: int) -> np.ndarray:
        """A 4 whose strokes are apart, and three whole ones."""
        right = 110 + gap
        halves = (
            (BAR, 80, 50, 80, 150),
            (BAR, 80, 150, 110, 150),
            (BAR, right, 50, right, 150),
            (BAR, right, 50, right + 30, 50),
        )
        return sheet(
            *halves, (RING, 250, 50, 340, 150), (RING, 400, 50, 490, 150), (RING, 550, 50, 640, 150), size=(200, 700)
        )

    assert text(read(drawn(20), wide_ones)) == "4444"
    assert text(read(drawn(60), wide_ones)) == "??444"


def test_a_mean_tells_a_digit_if_it_leaves_fewer_than_three_open() -> None:
    def spread(most: float, over: int) -> np.ndarray:
        """One digit's probability, and the rest spread over some others."""
        return np.array([most, *[(1 - most) / over] * over, *[0] * (9 - over)])

    assert is_read(np.stack([spread(0.99, 9), spread(0.8, 9), spread(0.6, 1), spread(0.55, 2)])).all()
    assert not is_read(np.stack([spread(0.1, 9), spread(0.5, 1), spread(0.6, 9), spread(0.7, 9), spread(0.4, 2)])).any()


def test_unclear_ink_is_a_digit_beside_digits_only() -> None:
    def unclear_rings(images: np.ndarray) -> np.ndarray:
        """Stands for networks to which a ring is more probably a 0 than all others, of which none is excluded."""
        answers = bars_and_rings(images)
        is_ring = answers[:, 0].argmax(axis=1) == RING
        answers[is_ring & (answers[:, 0].max(axis=1) > 0.5)] = np.where(np.arange(10) == RING, 0.6, 0.4 / 9)
        return answers

    ring, bars = (RING, 150, 50, 210, 150), [(BAR, x, 50, x, 150) for x in (60, 300, 340)]
    assert text(read(sheet(ring), unclear_rings)) == "?"
    assert text(read(sheet(bars[0], ring), unclear_rings)) == "10"
    assert text(read(sheet(bars[0], ring, *bars[1:]), unclear_rings)) == "1011"
    assert text(read(sheet(ring, (RING, 260, 50, 320, 150)), unclear_rings)) == "??"


def test_digits_at_the_border_of_a_wide_photograph_are_read() -> None:
    row = [(RING, 24, 60, 64, 130), (BAR, 400, 60, 400, 130), (RING, 900, 60, 940, 130)]
    assert text(read(photographed(sheet(*row, size=(200, 1000))), bars_and_rings)) == "010"


def test_small_digits_on_a_large_sheet_are_read() -> None:
    row = [
        (kind, x, 300, x + w, 318) for kind, x, w in ((BAR, 200, 0), (RING, 212, 12), (BAR, 236, 0), (RING, 250, 12))
    ]
    assert text(read(sheet(*row, size=(700, 900), pen=2), bars_and_rings)) == "1010"


def piece(digit: int, ink: float, paper: float, sure: float = 0.99, wide: int = 30) -> Piece:
    """A piece of ink with the form of a digit."""
    answer = np.full((3, 10), (1 - sure) / 9, np.float32)
    answer[:, digit] = sure
    image = np.zeros((SIDE, SIDE), np.float32)
    image[4:24, 13:15] = 1
    return Piece(digit, 0, np.array([0, 0, wide, 60]), image, answer, goes_on=False, ink=ink, paper=paper)


@pytest.mark.parametrize(
    ("beside", "stays"),
    [
        (piece(1, 60, 170), False),  # the edge of the sheet, on the desk
        (piece(-1, 60, 170), False),
        (piece(1, 60, 230), True),  # faint ink on the sheet
        (piece(1, 120, 170), True),  # ink in a shadow
        (piece(7, 60, 170), True),
    ],
)
def test_what_is_faint_on_darker_ground_than_the_digits_is_left_out_if_it_may_be_no_digit(
    beside: Piece, stays: bool
) -> None:
    digits = [piece(7, 150, 230), piece(1, 140, 230), piece(0, 155, 225)]
    assert [each.digit for each in without_leavings([*digits, beside])] == [7, 1, 0, *[beside.digit] * stays]
    for unsure in ([piece(1, 150, 230)], [piece(7, 150, 230, sure=0.8)]):  # no digit that is sure, and no 1
        assert len(without_leavings([*unsure, beside])) == 2
    for each in (*digits, beside):
        assert without_leavings([each]) == [each]
    light = [p._replace(paper=-30.0) for p in (*digits, beside)]
    assert len(without_leavings(light)) == 4


@pytest.mark.parametrize(
    ("beside", "stays"),
    [
        (piece(1, 60, 230, wide=6), False),  # the rest of a printed line
        (piece(-1, 60, 230, wide=6), False),
        (piece(1, 120, 230, wide=6), True),  # a 1 of the same pen
        (piece(1, 60, 230, wide=12), True),  # a 1 that leans
    ],
)
def test_what_is_thinner_and_fainter_than_the_digits_is_left_out(beside: Piece, stays: bool) -> None:
    digits = [piece(7, 150, 230), piece(0, 155, 225)]
    for paper in (230, -30):
        pieces = [p._replace(paper=paper) for p in (*digits, beside)]
        assert [each.digit for each in without_leavings(pieces)] == [7, 0, *[beside.digit] * stays]


def test_a_blot_beside_digits_is_left_out_but_alone_it_is_no_digit() -> None:
    blot = np.zeros((30, 30), np.uint8)
    with_digits, alone = sheet(*NUMBER).copy(), sheet().copy()
    with_digits[70:100, 20:50] = alone[70:100, 20:50] = blot
    assert text(read(with_digits, bars_and_rings)) == "101"
    assert text(read(alone, bars_and_rings)) == "?"


@pytest.mark.parametrize("stroke", [(50, 140, 220, 144), (70, 150, 205, 142), (50, 30, 220, 28)])
def test_a_stroke_under_or_over_a_number_is_left_out(stroke: tuple[int, int, int, int]) -> None:
    assert text(read(sheet(*NUMBER, (BAR, *stroke), pen=6), bars_and_rings)) == "101"


def test_an_underlined_digit_is_seen_without_the_line() -> None:
    alone = read(sheet(NUMBER[1], pen=6), bars_and_rings)
    underlined = read(sheet(NUMBER[1], (BAR, 105, 138, 162, 136), pen=6), bars_and_rings)
    assert text(underlined) == text(alone) == "0"
    np.testing.assert_allclose(underlined.images, alone.images, atol=0.15)


def test_the_line_of_a_sum_belongs_to_neither_number() -> None:
    below = [(kind, left, top + 120, right, bottom + 120) for kind, left, top, right, bottom in NUMBER]
    line = (BAR, 60, 142, 215, 145)
    assert text(read(sheet(*NUMBER, line, *below, size=(300, 400), pen=6), bars_and_rings)) == "101/101"


def test_a_comma_is_no_digit_and_a_full_stop_neither() -> None:
    comma, stop = (BAR, 172, 112, 165, 134), (BAR, 172, 116, 172, 120)
    for mark in (comma, stop):
        assert text(read(sheet(*NUMBER, mark, pen=6), bars_and_rings)) == "101"


def test_slanted_digits_may_reach_over_each_other() -> None:
    drawn = sheet((BAR, 100, 150, 130, 50), (BAR, 120, 150, 150, 50), (BAR, 140, 150, 170, 50))
    assert len(read(drawn, bars_and_rings).digits) == 3


def test_a_speck_is_no_piece_of_ink() -> None:
    drawn = sheet((BAR, 60, 50, 60, 150), (RING, 150, 50, 210, 150), (BAR, 300, 100, 303, 100), pen=6)
    assert text(read(drawn, bars_and_rings)) == "10"


def test_a_digit_is_seen_alike_alone_and_beside_a_speck() -> None:
    digit, speck = (RING, 60, 50, 120, 150), (BAR, 310, 50, 310, 66)
    beside = read(sheet(digit, speck, pen=16), bars_and_rings)
    alone = read(sheet(digit, pen=16), bars_and_rings)
    assert text(beside) == text(alone) == "0"
    np.testing.assert_allclose(beside.images, alone.images, atol=0.15)


def test_a_small_part_belongs_to_what_it_stands_over() -> None:
    dotted = sheet((BAR, 60, 50, 60, 150), (RING, 150, 50, 210, 150), (BAR, 176, 100, 184, 100))
    assert len(read(dotted, bars_and_rings).digits) == 2


def test_a_slash_in_a_ring_belongs_to_it_but_a_bar_beside_it_does_not() -> None:
    ring, slash = (RING, 150, 50, 210, 150), (BAR, 168, 72, 192, 128)
    np.testing.assert_allclose(read(sheet(ring, slash), bars_and_rings).boxes, [[150, 50, 211, 151]], atol=2)
    assert text(read(sheet(ring, (BAR, 240, 72, 240, 128)), bars_and_rings)) == "01"


def test_digits_that_touch_are_cut() -> None:
    rings = [(RING, left, 50, left + 60, 150) for left in (60, 117, 174)]
    assert text(read(sheet(*rings), bars_and_rings)) == "000"


def test_what_is_surely_one_digit_is_not_cut_unless_it_is_wider_than_any() -> None:
    def wide_ink_is_an_eight(images: np.ndarray) -> np.ndarray:
        answers = bars_and_rings(images)
        for answer, image in zip(answers, images, strict=True):
            if np.ptp(np.flatnonzero(image.max(axis=0) > 0.5)) > np.ptp(np.flatnonzero(image.max(axis=1) > 0.5)) + 1:
                answer[:] = np.where(np.arange(10) == 8, 0.99, 0.01 / 9)
        return answers

    rings = [(RING, left, 50, left + 60, 150) for left in (60, 117, 174)]
    assert text(read(sheet(*rings[:2]), wide_ink_is_an_eight)) == "8"
    assert text(read(sheet(*rings), wide_ink_is_an_eight)) == "000"


def test_two_narrow_ones_that_touch_are_cut_beside_sure_digits_but_may_be_a_letter_alone() -> None:
    touching = ((BAR, 60, 50, 60, 150), (BAR, 106, 50, 106, 150), (BAR, 60, 100, 106, 100))
    assert text(read(sheet(*touching, (RING, 180, 50, 240, 150), (BAR, 300, 50, 300, 150)), bars_and_rings)) == "1101"
    assert text(read(sheet(*touching), bars_and_rings)) == "?"


def test_two_digits_of_which_no_half_is_a_one_are_no_letter() -> None:
    touching = ((RING, 60, 50, 110, 150), (RING, 107, 50, 157, 150))
    assert text(read(sheet(*touching), bars_and_rings)) == "00"
    assert text(read(sheet(*touching, (BAR, 220, 50, 220, 150)), bars_and_rings)) == "001"


def test_a_zigzag_is_no_row_of_ones() -> None:
    def narrow_ink_is_a_one(images: np.ndarray) -> np.ndarray:
        wide = np.array([np.ptp(np.flatnonzero(image.max(axis=0) > 0.5)) for image in images])
        one = np.where(np.arange(10) == 1, 0.99, 0.01 / 9)
        return np.tile(np.where(wide[:, None] < 15, one, 0.1)[:, None], (1, 2, 1)).astype(np.float32)

    turns = [(60 + 30 * i, 50 + 100 * (i % 2)) for i in range(7)]
    strokes = [(BAR, *turn, *following) for turn, following in itertools.pairwise(turns)]
    assert text(read(sheet(*strokes), narrow_ink_is_a_one)) == "?"
    assert text(read(sheet(*strokes[::2]), narrow_ink_is_a_one)) == "111"


def test_a_smear_or_a_dot_is_no_digit_but_a_thick_one_is() -> None:
    always_one: Networks = lambda images: np.tile(np.eye(10, dtype=np.float32)[1], (len(images), 2, 1))
    assert text(read(sheet((BAR, 100, 50, 100, 150), pen=80), always_one)) == "?"
    assert text(read(sheet((BAR, 100, 50, 100, 150), pen=30), always_one)) == "1"
    dot = np.full((312, 608), 255, np.uint8)
    dot[233:235, 439:441] = 0
    assert text(read(dot, always_one)) == "?"


def test_a_group_stays_whole_if_its_parts_are_no_digits() -> None:
    nothing: Networks = lambda images: np.full((len(images), 2, 10), 0.1, np.float32)
    reading = read(sheet((RING, 60, 50, 120, 150), (RING, 117, 50, 177, 150)), nothing)
    assert reading.digits.tolist() == [-1]
    np.testing.assert_allclose(reading.boxes[0], [60, 50, 178, 151], atol=2)


def test_a_digit_beside_other_ink_is_one_digit_but_a_page_of_digits_in_the_form_of_one_is_none() -> None:
    places = [(int(300 + 180 * np.cos(turn)), int(300 + 240 * np.sin(turn))) for turn in np.arange(9) * 2 * np.pi / 9]

    def ring_of(digits: int, kind: int = BAR) -> np.ndarray:
        half = 0 if kind == BAR else 25
        shapes = [(kind, x - half, y - 30, x + half, y + 30) for x, y in places[:digits]]
        for x, y in places[digits:]:
            shapes += [(BAR, x - 25, y - 30, x + 25, y + 30), (BAR, x - 25, y + 30, x + 25, y - 30)]
        return sheet(*shapes, size=(600, 600), pen=16 if kind == BAR else 12)

    assert text(read(ring_of(2), bars_and_rings)) == "0"
    assert text(read(ring_of(7), bars_and_rings)).count("1") == 7
    assert len(read(ring_of(1, RING), bars_and_rings).digits) == 1
    assert len(read(ring_of(2, RING), bars_and_rings).digits) == 9  # two sure digits, and no 1s, are not one


def test_a_line_with_more_other_ink_than_digits_is_no_number() -> None:
    cross = [(BAR, x, 60, x + 60, 140) for x in (40, 140, 240)] + [(BAR, x, 140, x + 60, 60) for x in (40, 140, 240)]
    assert text(read(sheet(*cross, (BAR, 360, 50, 360, 150)), bars_and_rings)) == "????"


def test_one_digit_among_much_other_ink_is_chance_but_a_line_of_digits_is_a_number() -> None:
    crosses = [
        (BAR, *stroke)
        for x in range(40, 520, 80)
        for y in (20, 120)
        for stroke in ((x, y, x + 60, y + 80), (x, y + 80, x + 60, y))
    ]
    bars = [(BAR, x, 220, x, 300) for x in (60, 120, 180)]
    assert text(read(sheet(*crosses, *bars[:1], size=(320, 560)), bars_and_rings)) == "??????/??????/?"
    assert text(read(sheet(*crosses, *bars, size=(320, 560)), bars_and_rings)) == "??????/??????/111"
    assert text(read(sheet(*crosses[:4], *bars[:1], size=(320, 560)), bars_and_rings)) == "?/?/1"


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_sheet_holds_nothing(level: int) -> None:
    reading = read(np.full((100, 300), level, np.uint8), bars_and_rings)
    assert [values.shape for values in reading] == [(0,), (0,), (0,), (0, 4), (0, 3, 10), (0, 28, 28)]


@pytest.mark.parametrize(
    "make",
    [
        lambda random: random.integers(0, 256, (64, 64), np.uint8),
        lambda random: np.where(random.random((150, 200)) < 0.01, 0, 255).astype(np.uint8),
        lambda random: 255 * (np.indices((64, 64)).sum(axis=0) % 2).astype(np.uint8),
        lambda random: np.pad(np.zeros((1, 1), np.uint8), 30, constant_values=255),
        lambda random: random.integers(0, 256, (8, 300), np.uint8),
    ],
    ids=["noise", "specks", "checkers", "a pixel", "a strip"],
)
def test_bad_sheets_give_at_most_64_pieces_and_no_number(make: Callable[[np.random.Generator], np.ndarray]) -> None:
    reading = read(make(np.random.default_rng(0)), bars_and_rings)
    assert len(reading.digits) <= PIECES
    assert (reading.digits == -1).all()


def test_one_digit_is_seen_as_the_sketch_files_see_it() -> None:
    drawn = sheet((RING, 150, 50, 210, 150))
    np.testing.assert_array_equal(read(drawn, bars_and_rings).images, normalize.normalize(drawn[None]))
