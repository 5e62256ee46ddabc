"""The canvas, as a Gradio component."""

from pathlib import Path

import gradio as gr

HERE = Path(__file__).parent


def sketchpad() -> gr.HTML:
    """A canvas with Undo and Clear. Its value is the drawing as a PNG data URL, 280 x 280, black on white; "" if blank.

    It triggers `input` while the pen moves and after every stroke, Undo and Clear.
    """
    return gr.HTML(
        value="",
        html_template=(HERE / "sketchpad.html").read_text(encoding="utf-8"),
        css_template=(HERE / "sketchpad.css").read_text(encoding="utf-8"),
        js_on_load=(HERE / "sketchpad.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        elem_id="sketchpad",
    )
