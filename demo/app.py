"""The page: layout and events."""

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from demo.classifier import Answer, Classifier
from demo.images import data_url, read_drawing, read_image
from demo.sketchpad import sketchpad

INVITATION = "Draw a digit, 0 to 9."
CSS = """
#sketchpad .html-container, #seen .html-container { padding: 0; }
#seen figure { display: flex; align-items: center; gap: 1rem; margin: 0; }
#seen img { width: 112px; height: 112px; image-rendering: pixelated; border: 1px solid var(--border-color-primary); }
#lenet5 .confidence-set, #ffnn .confidence-set { margin-bottom: 2px; line-height: 1.2; }
"""


def build(classifier: Classifier) -> gr.Blocks:
    """The whole app; `classifier` answers. Launch it with CSS."""

    def answer_drawing(url: str) -> tuple[Any, ...]:
        if not url:
            return None, None, _seen(np.zeros((28, 28))), INVITATION
        try:
            answer = classifier.classify(read_drawing(url))
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from error
        labels = [None if answer.blank else _by_digit(answer, name) for name in ("lenet5", "ffnn")]
        read_by = f"Read by ONNX Runtime on {classifier.provider} in {answer.milliseconds:.1f} ms"
        return *labels, _seen(answer.image), INVITATION if answer.blank else read_by

    def predict(image: str | None) -> dict[str, dict[str, float]]:
        """Probability of each digit by each network, for an image file of one digit, dark on light or light on dark."""
        try:
            if image is None:
                raise ValueError("There is no image; send a PNG or JPEG.")
            answer = classifier.classify(read_image(Path(image)))
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return {name: _by_digit(answer, name) for name in answer.probabilities}

    with gr.Blocks(title="Handwritten digits", analytics_enabled=False, delete_cache=(3600, 3600)) as app:
        gr.Markdown("# Draw a digit\nTwo small neural networks read it while you draw.")
        with gr.Row():
            with gr.Column(scale=3, min_width=300):
                drawing = sketchpad()
            with gr.Column(scale=4, min_width=300):
                with gr.Row():
                    lenet5 = gr.Label(label="LeNet5", num_top_classes=10, elem_id="lenet5", min_width=140)
                    ffnn = gr.Label(label="FFNN", num_top_classes=10, elem_id="ffnn", min_width=140)
                status = gr.Markdown(INVITATION, elem_id="status")
                seen = gr.HTML(_seen(np.zeros((28, 28))), elem_id="seen")
        drawing.input(
            answer_drawing,
            drawing,
            [lenet5, ffnn, seen, status],
            queue=False,
            show_progress="hidden",
            trigger_mode="always_last",
            api_visibility="private",
        )
        file = gr.File(visible=False, label="image")
        probabilities = gr.JSON(visible=False, label="probabilities")
        file.upload(predict, file, probabilities, api_name="predict")
    return app


def _by_digit(answer: Answer, network: str) -> dict[str, float]:
    return {str(digit): float(p) for digit, p in enumerate(answer.probabilities[network])}


def _seen(image: np.ndarray) -> str:
    picture = f'<img src="{data_url(image)}" alt="">'
    return f"<figure>{picture}<figcaption>What the networks see: 28 x 28 pixels</figcaption></figure>"
