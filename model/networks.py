"""The two networks, layer by layer; how to load and run them once they are trained."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras import layers

from model import CHECKPOINTS, InputError, train_command


def lenet5() -> keras.Model:
    """Build LeNet-5 (LeCun 1998) as a 2021 teaching notebook simplified it: without the radial-basis output.

    Input [batch, 28, 28, 1], ink 1 on paper 0; output [batch, 10] probabilities. 303,626 parameters.
    """
    # Explicit, because ~/.keras/keras.json may say channels_first.
    conv = partial(layers.Conv2D, data_format="channels_last")
    pool = partial(layers.AveragePooling2D, data_format="channels_last")
    network = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            conv(6, 5, activation="relu", name="conv1"),  # 24, 24, 6
            pool(2, strides=1, name="pool1"),  # 23, 23, 6
            conv(16, 5, activation="tanh", name="conv2"),  # 19, 19, 16
            pool(2, strides=2, name="pool2"),  # 9, 9, 16
            conv(120, 5, activation="tanh", name="conv3"),  # 5, 5, 120
            layers.Flatten("channels_last", name="flat"),  # 3000
            layers.Dense(84, activation="tanh", name="fc6"),
            layers.Dense(10, activation="softmax", name="fc7", dtype="float32"),
        ],
        name="lenet5",
    )
    assert network.count_params() == 303_626
    return network


def ffnn() -> keras.Model:
    """Build a feed-forward network with two hidden layers of 512.

    Input [batch, 28, 28], ink 1 on paper 0; output [batch, 10] probabilities. 669,706 parameters.
    """
    network = keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Flatten("channels_last", name="flat"),  # 784
            layers.Dense(512, activation="relu", name="fc1"),
            layers.Dropout(0.2, name="dropout1"),
            layers.Dense(512, activation="relu", name="fc2"),
            layers.Dropout(0.2, name="dropout2"),
            layers.Dense(10, activation="softmax", name="fc3", dtype="float32"),
        ],
        name="ffnn",
    )
    assert network.count_params() == 669_706
    return network


BATCH = 1_000  # images that are read at a time

NETWORKS: dict[str, Callable[[], keras.Model]] = {"lenet5": lenet5, "ffnn": ffnn}


def load_trained(name: str, folder: Path = CHECKPOINTS) -> keras.Model:
    """Load the trained network `name` from `folder`.

    Raises InputError if its file is missing or damaged, or holds another network.
    """
    path = folder / f"{name}.keras"
    remedy = f"{train_command(name, folder)} makes a new one."
    if not path.is_file():
        raise InputError(f"{path} is missing: {remedy}")
    try:
        network = keras.saving.load_model(path, compile=False)
    except Exception as error:  # a damaged file can raise anything
        raise InputError(f"{path} is damaged ({error}): delete it and its .json; {remedy}") from error
    expected = NETWORKS[name]()
    if [w.shape for w in network.weights] != [w.shape for w in expected.weights]:
        raise InputError(
            f"{path} holds {network.name} with {network.count_params():,} parameters, not {name} with "
            f"{expected.count_params():,}: {remedy}"
        )
    return network


def network_input(images: np.ndarray, network: keras.Model) -> np.ndarray:
    """Scale images uint8 [count, 28, 28] to float32 0 to 1, with a channel axis if `network` has one."""
    return (images.astype(np.float32) / 255).reshape(-1, *network.input_shape[1:])


def predict(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """Read images uint8 [count, 28, 28]. Returns probabilities float32 [count, 10]."""
    inputs = network_input(images, network)
    batches = [inputs[start : start + BATCH] for start in range(0, len(inputs), BATCH)]
    return np.concatenate([network(batch, training=False) for batch in batches])
