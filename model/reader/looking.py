"""Looks at a photograph, or at a sketch of which it is unclear which side is ink."""

import numpy as np

from model.normalize import Separation
from model.reader.cuts import Networks
from model.reader.judging import SURE, surely
from model.reader.ordering import FEW, Reading

TURNED = 0.98  # probability as which a clear look counts that has the ink on the other side, at least


def best_look(looks: list[Separation], readings: list[Reading], networks: Networks) -> int:
    """Choose a look at a photograph, or at a sketch that is unclear.

    It is the look of whose image as one digit the networks are surest, but not the closer one, in which a part of a
    digit may look like another. As a page is no digit, a clear look counts as sure: that with the ink on the other
    side, or else the first of a photograph, and the last of a drawing. What a scribble leaves free may look like a
    digit: at a drawing, the other side counts only if it is clear and they are sure of it. Around a marker's digit the
    paper may be clear, too: if they are sure of its thinned strokes, and not of the first look, these count.

    But if one look, be it the closer one, shows a few more digits than that, it is a page; twice as many if there is a
    sure digit, and in a drawing: a light sheet on an even table looks like one. The 1s do not count where it is unclear
    which side is ink: gaps between strokes are like them.
    """
    images = [surely(networks, np.asarray(look.image)) for look in looks[:3]]
    sure = list(images)
    other, same = (not np.any(look.unclear) for look in looks[1:3])
    is_unclear, is_drawn = (np.any(np.asarray(looks[0].unclear) > least) for least in (0, 1))
    if is_drawn:
        sure[1:] = sure[1] if other and sure[1] > SURE else 0, SURE if same else 0
    else:
        sure[0], sure[1] = max(sure[0], SURE if same else 0), max(sure[1], TURNED if other else 0)
        if not np.any(looks[2].photograph) and sure[0] < SURE < sure[2]:
            sure[2] = 1.0
    surest = int(np.argmax(sure))
    gains = [int(np.sum(np.where(r.digits < 0, -2, (r.digits != 1) | (not is_unclear)))) for r in readings]
    most = int(np.argmax(gains))
    more = 2 * FEW if is_drawn or max(images) >= SURE else FEW
    return most if gains[most] >= max(gains[surest], 0) + more else surest
