"""The Space's app: laid out by python -m demo.space."""

from demo.app import build, options
from demo.classifier import load

classifier = load()
build(classifier).launch(**options(classifier))
