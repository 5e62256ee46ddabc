"""The Space's app: laid out by python -m demo.space."""

from demo.app import serve
from demo.classifier import load

app, _ = serve(load())
app.block_thread()
