"""The files of the sketchpad: HTML, scripts and styles. The server's page and the static page use them."""

from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = [
    HERE / name for name in ("curve.js", "pixels.js", "png.js", "picture.js", "paper.js", "answers.js", "sketchpad.js")
]
STYLES = [HERE / name for name in ("sketchpad.css", "answers.css")]
