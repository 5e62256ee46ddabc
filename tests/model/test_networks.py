"""Both networks have the layers of the notebook, and unusable checkpoints are refused."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from model import InputError
from model.networks import NETWORKS, load_trained

pytestmark = [pytest.mark.tensorflow]

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
def test_the_layers_are_those_of_the_notebook(name: str, layers: list[tuple[Any, ...]], total: int) -> None:
    network = NETWORKS[name]()
    assert [(layer.name, layer.output.shape[1:], layer.count_params()) for layer in network.layers] == layers
    assert network.count_params() == total


def test_the_activations_are_those_of_the_notebook() -> None:
    def activations(name: str) -> list[str]:
        return [layer.activation.__name__ for layer in NETWORKS[name]().layers if hasattr(layer, "activation")]

    assert activations("lenet5") == ["relu", "tanh", "tanh", "tanh", "softmax"]
    assert activations("ffnn") == ["relu", "relu", "softmax"]


def test_the_networks_do_not_depend_on_keras_json(tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text('{"image_data_format": "channels_first", "backend": "jax"}')
    shapes = "[list(build().layers[-3].output.shape) for build in NETWORKS.values()]"
    script = f"from model.networks import NETWORKS; print({shapes})"
    environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
    environment.pop("KERAS_BACKEND", None)
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[[None, 3000], [None, 512]]"


def test_the_error_for_a_missing_checkpoint_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="python -m model train lenet5"):
        load_trained("lenet5", tmp_path)


def test_a_damaged_checkpoint_is_reported(tmp_path: Path) -> None:
    NETWORKS["lenet5"]().save(tmp_path / "lenet5.keras")
    whole = (tmp_path / "lenet5.keras").read_bytes()
    (tmp_path / "lenet5.keras").write_bytes(whole[:5_000])
    with pytest.raises(InputError, match="damaged"):
        load_trained("lenet5", tmp_path)


def test_a_checkpoint_of_the_other_network_is_refused(tmp_path: Path) -> None:
    NETWORKS["ffnn"]().save(tmp_path / "lenet5.keras")
    with pytest.raises(InputError, match=r"holds ffnn with 669,706 parameters, not lenet5 with 303,626"):
        load_trained("lenet5", tmp_path)
