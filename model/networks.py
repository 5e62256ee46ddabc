"""The two networks, layer for layer."""

from collections.abc import Callable

import keras
from keras import layers


def lenet5() -> keras.Model:
    """LeNet-5 (LeCun 1998) without its radial-basis output, as a 2021 teaching notebook simplified it.

    Input [batch, 28, 28, 1], ink 1 on paper 0; output [batch, 10] probabilities. 303,626 parameters.
    """
    network = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 5, activation="relu", name="conv1"),  # 24, 24, 6
            layers.AveragePooling2D(2, strides=1, name="pool1"),  # 23, 23, 6
            layers.Conv2D(16, 5, activation="tanh", name="conv2"),  # 19, 19, 16
            layers.AveragePooling2D(2, strides=2, name="pool2"),  # 9, 9, 16
            layers.Conv2D(120, 5, activation="tanh", name="conv3"),  # 5, 5, 120
            layers.Flatten(name="flat"),  # 3000
            layers.Dense(84, activation="tanh", name="fc6"),
            layers.Dense(10, activation="softmax", name="fc7", dtype="float32"),
        ],
        name="lenet5",
    )
    assert network.count_params() == 303_626
    return network


def ffnn() -> keras.Model:
    """A feed-forward network with two hidden layers of 512.

    Input [batch, 28, 28], ink 1 on paper 0; output [batch, 10] probabilities. 669,706 parameters.
    """
    network = keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Flatten(name="flat"),  # 784
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


NETWORKS: dict[str, Callable[[], keras.Model]] = {"lenet5": lenet5, "ffnn": ffnn}
