"""Both networks are, layer for layer, the notebook's."""

from typing import Any

import pytest

from model.networks import NETWORKS

LENET5 = [
    ("conv1", (24, 24, 6), 156),
    ("pool1", (23, 23, 6), 0),
    ("conv2", (19, 19, 16), 2_416),
    ("pool2", (9, 9, 16), 0),
    ("conv3", (5, 5, 120), 48_120),
    ("flat", (3_000,), 0),
    ("fc6", (84,), 252_084),
    ("fc7", (10,), 850),
]
FFNN = [
    ("flat", (784,), 0),
    ("fc1", (512,), 401_920),
    ("dropout1", (512,), 0),
    ("fc2", (512,), 262_656),
    ("dropout2", (512,), 0),
    ("fc3", (10,), 5_130),
]


@pytest.mark.parametrize(("name", "layers", "total"), [("lenet5", LENET5, 303_626), ("ffnn", FFNN, 669_706)])
def test_has_the_layers_of_the_notebook(name: str, layers: list[tuple[Any, ...]], total: int) -> None:
    network = NETWORKS[name]()
    assert [(layer.name, layer.output.shape[1:], layer.count_params()) for layer in network.layers] == layers
    assert network.count_params() == total


def test_activations_are_the_notebooks() -> None:
    def activations(name: str) -> list[str]:
        return [layer.activation.__name__ for layer in NETWORKS[name]().layers if hasattr(layer, "activation")]

    assert activations("lenet5") == ["relu", "tanh", "tanh", "tanh", "softmax"]
    assert activations("ffnn") == ["relu", "relu", "softmax"]
