"""Read what stands on a sheet: find the pieces of ink, put them in lines, cut digits that touch, ask the networks.

This is the plain reference of the graph export/onnx/reader.onnx, which export/reader makes of the operators of ONNX,
room by room as here. The steps:

0. canvases.py, looking.py: light digits on dark canvases on a light page, as in a screenshot, are turned to dark ones
   first. A photograph is looked at again, closer, if its ink takes little of the sheet; and twice more where it is
   unclear which side is ink. Each look is read, and the best one counts.
1. shading.py: the sheet is averaged over square cells. A cell holds ink if it is clearly darker than the paper, and
   than printed lines, as model/normalize.py finds both.
2. connecting.py: cells of ink that touch each other, at a corner too, are one part.
3. grouping.py: where digits of two lines touch, the part is cut between the lines. A tall part and the next one that
   stands beside it are in one line, so that a line may rise or fall. Small parts join the nearest line. Specks do not
   count, nor commas and other marks above or below it, strokes under, over or along several digits, frames, tables, and
   the combs of forms.
   A small part above or below another belongs to the same group: the roof of a 5, the bar of a 7. So does what another
   surrounds: the dot or the slash in a 0.
4. imaging.py, judging.py: the networks read each group. One that is alone is seen as model/normalize.py sees the sheet,
   unless that image holds other ink, so that the digit in it is small: an edge's end or a speck, which join no line. If
   the networks are not sure of a group, it and the next one may be one digit, such as a 4 whose strokes stand apart:
   they are joined if the networks are sure of both together. Or it may be several digits that touch. Then it is cut.
5. cutting.py, cuts.py: the group is read as the best row of digits that seams from top to bottom leave of it. That
   counts if more speaks for a number than for a letter, a word or a zigzag.
6. If a piece is no digit and at most two are, but the networks are sure of the whole sheet as one digit, it is one: in
   a photograph, lines and edges may be left beside a digit. It is not if they are sure of two digits that are no 1s.
7. judging.py, ordering.py: ink is a digit if the networks leave few others open; where half of the other pieces are
   digits, if one is more probable than all others together. Dots and other smears beside digits are left out, and ends
   of lines and edges that go on where no digit is near: the boxes of a form, the rim of a screen. So is what is faint
   on darker ground than the digits, the edge of the sheet or the desk, or faint and thin, the rest of a printed line. A
   line of which half is digits is a number. On a sheet of which most is no digit, such as noise or a page of text, that
   takes a few digits: one is a chance resemblance.
"""

import numpy as np

from model.normalize import Separation, averaged, look_again, separated
from model.reader.canvases import without_canvases
from model.reader.connecting import union
from model.reader.cuts import Networks
from model.reader.cutting import cut, doubtful
from model.reader.grouping import lines_of, parts_in_lines
from model.reader.imaging import images_of, paper_at
from model.reader.judging import PROBABLE, SURE, digit, joined, judged
from model.reader.looking import best_look
from model.reader.ordering import FEW, Piece, Reading, beside_digits, reading_of, without_leavings
from model.reader.shading import ink_of

__all__ = ["Reading", "read"]


def read(sketch: np.ndarray, networks: Networks) -> Reading:
    """Read a sketch, uint8 [height, width], 8 x 8 to 2,048 x 2,048, dark on light or light on dark."""
    sketches = averaged(sketch[None])
    if np.any(sketches.pages):
        sketch = without_canvases(sketch)
        sketches = averaged(sketch[None])
    first = separated(sketches)
    if not np.any(first.unclear) and not np.any(first.photograph):
        return _read(sketch, first, networks)
    again = look_again(first)
    looks = [first, *(Separation(*(each[i : i + 1] for each in again)) for i in range(3))]
    readings = [_read(sketch, look, networks) for look in looks]
    return readings[best_look(looks, readings, networks)]


def _read(sketch: np.ndarray, separation: Separation, networks: Networks) -> Reading:
    """Read what one look at a sketch shows."""
    image, step, sign, paper, found, strength, printed, flat = (np.asarray(each)[0] for each in separation[:8])
    sheet = ink_of(sketch, float(sign.squeeze()), paper, found, strength, printed, bool(flat > 0))
    lines = lines_of(parts_in_lines(sheet.ink, sheet.beyond)) if image.any() else []
    heights_of_lines = [max(group.height for group in line) for line in lines]
    images = images_of([group for line in lines for group in line], sheet, image, float(step.squeeze()))
    lines, images, answers = joined(lines, images, judged(networks, images), sheet, networks)
    rows = [row for row, line in enumerate(lines) for _ in line]
    groups, heights = [group for line in lines for group in line], [heights_of_lines[row] for row in rows]
    sure = answers[:, 2].max(axis=1, initial=0)
    is_doubtful = doubtful(groups, heights, sure)

    pieces: list[Piece] = []
    for i, (group, row) in enumerate(zip(groups, rows, strict=True)):
        beside = np.delete(sure, i) > SURE
        parts = cut(group, heights[i], sure[i], beside, sheet, networks) if is_doubtful[i] else []
        dark = float(group.ink.mean())
        pieces += [
            Piece(digit(seen, answer, bool(parts)), row, box, seen, answer, group.goes_on, dark, paper_at(box, sheet))
            for box, seen, answer in parts or [(group.box, images[i], answers[i])]
        ]
    pieces = beside_digits(pieces)
    are_sure = sum(piece.answer[2].max() > SURE and piece.digit not in (-1, 1) for piece in pieces)
    if are_sure < 2 and sum(piece.answer[2].max() > PROBABLE for piece in pieces) < min(FEW, len(pieces)):
        (answer,) = judged(networks, image[None])
        if answer[2].max() > SURE:  # part of a digit, or what is beside it, was taken for another
            pieces = [Piece(digit(image, answer), 0, union(groups).box, image, answer, goes_on=False, ink=0, paper=0)]
    return reading_of(without_leavings(pieces), sheet.cell)
