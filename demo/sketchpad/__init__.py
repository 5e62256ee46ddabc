"""The canvas and what is read on it, as a Gradio component."""

import json
from pathlib import Path

import gradio as gr

HERE = Path(__file__).parent
SCRIPTS = [HERE / name for name in ("curve.js", "picture.js", "paper.js", "answers.js", "sketchpad.js")]
STYLES = [HERE / name for name in ("sketchpad.css", "answers.css")]
SMALLEST = 50 / 280  # of the canvas: two and a half pen widths; what is smaller is a dot or a smear


def sketchpad(collects_in: str) -> gr.HTML:
    """A canvas that is answered while one draws; corrections are asked for if the server `collects_in` a folder."""
    scripts = [path.read_text(encoding="utf-8") for path in [*SCRIPTS, HERE / "server.js"]]
    return gr.HTML(
        html_template=(HERE / "sketchpad.html").read_text(encoding="utf-8"),
        css_template="\n".join(path.read_text(encoding="utf-8") for path in STYLES),
        js_on_load="\n".join([*scripts, f"sketchpad(element, webServer, {json.dumps(collects_in)});"]),
        apply_default_css=False,
        elem_id="sketchpad",
    )
