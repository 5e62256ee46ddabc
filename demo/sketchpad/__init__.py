"""The files of the sketchpad: HTML, scripts and styles. The server's page and the static page use them."""

from pathlib import Path

HERE = Path(__file__).parent
TITLE = "Write a number"
DESCRIPTION = "Two small neural networks read the digits that you write, while you write them."
MODEL_CARD = "model-card.md"  # the name at which the page links the card of the networks
PICTURE = HERE.parent / "sketchpad.png"  # shown with shared links
SCRIPTS = [  # joined to one, so they see each other's names; constants that need others follow these
    HERE / f"{name}.js"
    for name in (
        "curve",
        "pixels",
        "png",
        "picture",
        "paper",
        "number",
        "answers",
        "why",
        "inside",
        "files",
        "saving",
        "zip",
        "learning",
        "forms",
        "corrections",
        "sketchpad",
    )
]
STYLES = [HERE / name for name in ("sketchpad.css", "answers.css", "inside.css")]
