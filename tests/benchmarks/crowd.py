"""python -m tests.benchmarks crowd: many people who write at the same time, here and with Keras' predict.

Both servers have the same page. They write single digits, with --longest 4 numbers of up to four digits; Keras' predict
answers each of these as one digit. --people 5 --seconds 1800 --alone is half an hour of steady drawing: it prints the
server's resident memory and open files every five minutes.
"""

import argparse
import asyncio
import sys

import numpy as np

from tests.benchmarks.pen_up import served
from tests.demo.people import Tally, crowd, pictures
from tests.demo.serving import memory_and_files

PEER = """
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from demo.networks.classifier import Answer, Digit
from demo.server import listen, serve
from model.normalize import normalize
from model.reader.judging import is_read

class Classifier:
    provider = "CPU"
    batch_size = 1
    card = None
    folder = Path("model/checkpoints")
    __str__ = lambda self: "Keras"
    networks = {name: keras.saving.load_model(f"model/checkpoints/{name}.keras") for name in ("lenet5", "ffnn")}
    image = staticmethod(tf.function(normalize, reduce_retracing=True))

    def classify(self, sketch, look_inside=False):
        image = self.image(sketch[None]).numpy()
        probabilities = {
            name: network.predict(image.reshape(-1, *network.input_shape[1:]), verbose=0)[0]
            for name, network in self.networks.items()
        }
        mean = sum(probabilities.values()) / 2
        digit = int(mean.argmax()) if is_read(mean) else None
        return Answer([Digit(digit, mean.max(), 0, np.zeros(4), probabilities, mean, image[0])], 0.0)

classifier = Classifier()
classifier.classify(np.tri(280, dtype=np.uint8) * 255)
serve(listen(), classifier)
"""


def report(name: str, tally: Tally, seconds: float) -> float:
    """Print the tally. Returns the answers per second."""
    rate = len(tally.seconds) / seconds
    for what, times in (("answer", tally.seconds), ("pen-up to final answer", tally.final)):
        median, p95 = 1000 * np.percentile(times or [np.nan], [50, 95])
        print(
            f"  {what}: median {median:.0f} ms, 95 % within {p95:.0f} ms, slowest {1000 * max(times, default=0):.0f} ms"
        )
    print(
        f"{name}: {rate:.0f} answers per second, {len(tally.final)} numbers; {tally.failed} errors, {tally.late} late, "
        f"{tally.busy} busy, {tally.lost} final answers lost, {tally.wrong} wrong"
    )
    return rate


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--longest", type=int, default=1, metavar="DIGITS", help="length of the longest number")
    parser.add_argument("--alone", action="store_true", help="do not run the server with Keras")
    arguments = parser.parse_args()
    chosen = pictures(40, arguments.longest)
    commands = {"here": [sys.executable, "-m", "demo", "--device", "cpu"]}
    if not arguments.alone:
        commands["Keras predict"] = [sys.executable, "-c", PEER]
    rates = []
    for name, command in commands.items():
        with served(command) as (address, process):
            tally = asyncio.run(crowd(address, process, arguments.people, arguments.seconds, chosen))
            megabytes, files = memory_and_files(process)
            print(f"  at the end: {megabytes:.0f} MB resident, {files} open files")
        rates.append(report(name, tally, arguments.seconds))
    if len(rates) > 1:
        print(f"ratio of the answers per second: {rates[0] / rates[1]:.1f}")


if __name__ == "__main__":
    main()
