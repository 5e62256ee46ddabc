"""The canvas and what is read on it, as a Gradio component."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

HERE = Path(__file__).parent
SCRIPTS = [HERE / name for name in ("paper.js", "answers.js", "sketchpad.js")]
SMALLEST = 50 / 280  # of the canvas: two and a half pen widths; what is smaller is a dot or a smear


def sketchpad(asked: list[Callable[[dict[str, Any]], dict[str, Any]]], collects_in: str) -> gr.HTML:
    """A canvas that is answered while one draws; sketchpad.js says what must be `asked`, and what it sends and expects.

    Corrections are asked for if the server `collects_in` a folder.
    """
    scripts = [path.read_text(encoding="utf-8") for path in SCRIPTS]
    return gr.HTML(
        html_template=(HERE / "sketchpad.html").read_text(encoding="utf-8"),
        css_template=(HERE / "sketchpad.css").read_text(encoding="utf-8"),
        js_on_load="\n".join([*scripts, f"sketchpad(element, server, {json.dumps(collects_in)});"]),
        apply_default_css=False,
        server_functions=asked,
        elem_id="sketchpad",
    )
