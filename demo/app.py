"""The page: layout and events."""

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from demo.classifier import Answer, Classifier
from demo.collection import Collection
from demo.images import data_url, read_canvas, read_image, tiled
from demo.sketchpad import SMALLEST, sketchpad

# Gradio's own margins take a phone's width.
CSS = ".gradio-container .main.app { padding: 0.75rem } #sketchpad .html-container { padding: 0 }"
COLUMNS = {"conv1": 6, "conv2": 8, "conv3": 24}  # in which LeNet5's maps are shown


def build(classifier: Classifier, collection: Collection | None = None) -> gr.Blocks:
    """The whole app: `classifier` answers, `collection` keeps the drawings that people correct, if there is one."""

    def read(question: dict[str, Any]) -> dict[str, Any]:
        """What sketchpad.js asks and gets; for a canvas that cannot be read, only an "error"."""
        try:
            sketch = read_canvas(question["canvas"])
        except (TypeError, KeyError):
            return {"error": "There is no canvas."}
        except ValueError as error:
            return {"error": str(error)}
        answer = classifier.classify(sketch, bool(question.get("inside")))
        small = bool(question.get("drawn")) and too_small(sketch)
        return {
            "digit": None if small else answer.digit,
            "sure": answer.sure,
            "small": small,
            "together": answer.together.tolist(),
            "probabilities": {name: p.tolist() for name, p in answer.probabilities.items()},
            "image": data_url(answer.image),
            "maps": {layer: data_url(tiled(maps, COLUMNS[layer])) for layer, maps in answer.maps.items()},
            "provider": classifier.provider,
            "milliseconds": answer.milliseconds,
        }

    def keep(correction: dict[str, Any]) -> dict[str, Any]:
        """Store the canvas under the digit that it shows. Gives how many are stored, or an "error"."""
        try:
            if collection is None:
                raise ValueError("This demo does not store drawings.")
            return {"kept": collection.keep(read_canvas(correction["canvas"]), correction["digit"])}
        except (TypeError, KeyError):
            return {"error": "There is no canvas, or no digit."}
        except ValueError as error:
            return {"error": str(error)}
        except OSError as error:
            return {"error": f"The drawing could not be stored: {error.strerror}."}

    def predict(image: str | None) -> dict[str, dict[str, float]]:
        """Probability of each digit by each network, for an image file of one digit, dark on light or light on dark."""
        try:
            if image is None:
                raise ValueError("There is no image; send a PNG or JPEG.")
            answer = classifier.classify(read_image(Path(image)))
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return {name: _by_digit(answer, name) for name in answer.probabilities}

    with gr.Blocks(title="Draw a digit", analytics_enabled=False, delete_cache=(3600, 3600)) as app:
        sketchpad(read, keep, str(collection.folder) if collection else "")
        file = gr.File(visible=False, label="image")
        probabilities = gr.JSON(visible=False, label="probabilities")
        file.upload(predict, file, probabilities, api_name="predict")
    return app


def _by_digit(answer: Answer, network: str) -> dict[str, float]:
    return {str(digit): float(p) for digit, p in enumerate(answer.probabilities[network])}


def options(classifier: Classifier) -> dict[str, Any]:
    """How to launch the app: closed where Gradio is open by default, and with an address that says whether it works."""

    def health(_: Request) -> JSONResponse:
        answer = classifier.classify(np.tri(280, dtype=np.uint8) * 255)
        return JSONResponse({"status": "ok", "provider": classifier.provider, "milliseconds": answer.milliseconds})

    return {
        "css": CSS,
        "max_file_size": "20mb",
        "run_history": False,
        "enable_monitoring": False,
        "footer_links": ["api"],
        "quiet": True,
        "app_kwargs": {"routes": [Route("/health", health)]},
    }


def too_small(sketch: np.ndarray) -> bool:
    """Whether a drawing, black on white uint8 [height, width], is a dot or a smear: less than SMALLEST either way."""
    ink = sketch < 128
    sides = [np.flatnonzero(ink.any(axis)) for axis in (0, 1)]
    return all(side[-1] - side[0] < SMALLEST * len(ink) for side in sides if len(side))
