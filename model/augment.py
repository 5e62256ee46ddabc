"""Distortions that make more training images out of those there are."""

import keras
from keras import layers


def distortion() -> keras.Layer:
    """Small rotations (9 degrees), shifts (1.2 pixels), zooms (10 %) and shears (0.15), drawn anew for every image.

    Takes and gives float32 [batch, 28, 28, 1], paper 0.
    """
    paper = {"fill_mode": "constant", "fill_value": 0.0}
    return layers.Pipeline(
        [
            layers.RandomRotation(9 / 360, **paper),
            layers.RandomZoom(0.1, 0.1, **paper),
            layers.RandomShear(0.15, 0.15, **paper),
            layers.RandomTranslation(1.2 / 28, 1.2 / 28, **paper),
        ]
    )
