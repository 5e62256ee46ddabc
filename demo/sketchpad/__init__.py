"""The files of the sketchpad: HTML, scripts and styles. The server's page and the static page use them."""

from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = [
    HERE / f"{name}.js"
    for name in (
        "curve", "pixels", "png", "picture", "paper", "number", "answers", "files", "saving", "corrections", "sketchpad"
    )
]
STYLES = [HERE / name for name in ("sketchpad.css", "answers.css")]
