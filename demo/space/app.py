"""The Space's app: laid out by python -m demo.space."""

from demo.app import LAUNCH, build
from demo.classifier import load

build(load()).launch(**LAUNCH)
