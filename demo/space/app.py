"""The Space's app: laid out by python -m demo.space."""

from demo.app import serve
from demo.classifier import load

classifier = load()
app, _ = serve(classifier)
print(classifier, flush=True)
app.block_thread()
