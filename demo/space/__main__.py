"""python -m demo.space DIR: write a Hugging Face Space, or with --static a page that needs no server."""

import argparse
import base64
import hashlib
import json
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import onnxruntime

import demo
from demo.networks.classifier import SURE
from demo.networks.files import CARD, FILE, ONNX, SetupError, read
from demo.networks.pair import FILES as PAIR
from demo.reader import COLUMNS
from demo.sketchpad import DESCRIPTION, MODEL_CARD, PICTURE, SCRIPTS, STYLES, TITLE
from demo.sketchpad import HERE as SKETCHPAD

HERE = Path(__file__).parent
WEB_VERSION = "1.30.0"
WEB_SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
WEB_FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m demo.space", usage="%(prog)s DIR [options]", description=__doc__.partition(": ")[2]
    )
    parser.add_argument(
        "folder", type=Path, metavar="DIR", help="an empty folder, or one that this command wrote before"
    )
    parser.add_argument("--static", action="store_true", help="write a page for any web server or a static Space")
    parser.add_argument(
        "--onnx", type=Path, default=ONNX, metavar="DIR", help="folder of reader.onnx; default: export/onnx"
    )
    parser.add_argument(
        "--model", type=repository, metavar="USER/NAME", help="model repository to link in the Space's card"
    )
    arguments = parser.parse_args()
    try:
        layout = static if arguments.static else space
        lay_out(arguments.folder, layout(arguments.model, arguments.onnx))
    except SetupError as error:
        sys.exit(f"python -m demo.space: {error}")


def repository(text: str) -> str:  # argparse shows this name
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", text):
        raise argparse.ArgumentTypeError(f"a model repository is USER/NAME, not {text!r}")
    return text


def space(model: str | None = None, onnx: Path = ONNX) -> dict[str, bytes]:
    """The files of a Gradio Space by path, with reader.onnx of the folder `onnx`.

    Its card links to the model repository `model`. Raises SetupError.
    """
    package = Path(demo.__file__).parent
    folders = [package, package / "middleware", package / "networks"]
    code = [*(file for folder in folders for file in folder.glob("*.py")), *SKETCHPAD.iterdir()]
    python = ".".join(platform.python_version_tuple()[:2])
    sdk = f'sdk: gradio\nsdk_version: {version("gradio")}\npython_version: "{python}"\napp_file: app.py'
    requirements = [
        f"gradio=={version('gradio')}",
        f"numpy=={version('numpy')}",
        f"onnxruntime-gpu[cuda,cudnn]=={onnxruntime.__version__}",
        f"pillow=={version('pillow')}",
    ]
    return {
        **_cards(sdk, model, onnx, f"export/onnx/{CARD}"),
        "requirements.txt": "".join(f"{line}\n" for line in requirements).encode(),
        "app.py": (HERE / "app.py").read_bytes(),
        **{f"demo/{file.relative_to(package).as_posix()}": file.read_bytes() for file in code if file.is_file()},
        **{f"demo/{name}": (package / name).read_bytes() for name in ("digit.png", PICTURE.name)},
        f"export/onnx/{FILE}": _graph(onnx),
        **{f"export/onnx/{name}": content for name, content in _pair(onnx).items()},
    }


def static(model: str | None = None, onnx: Path = ONNX) -> dict[str, bytes]:
    """The files of a page on ONNX Runtime Web by name, with reader.onnx of the folder `onnx`.

    Its card links to the model repository `model`. Raises SetupError.
    """
    # Before the download, because this checks the networks.
    cards = _cards("sdk: static\napp_file: index.html", model, onnx, MODEL_CARD)
    loaded = {FILE: _graph(onnx), **_pair(onnx), **_web_runtime()}
    files = json.dumps({name: f"sha256-{_digest('sha256', content)}" for name, content in loaded.items()})
    card = MODEL_CARD if MODEL_CARD in cards else ""
    values = {"columns": COLUMNS, "sure": SURE, "card": card}
    slots = {"files": files, **{name: json.dumps(value) for name, value in values.items()}}
    scripts = [path.read_text(encoding="utf-8") for path in SCRIPTS]
    parts = {
        "css": "\n".join(path.read_text(encoding="utf-8") for path in STYLES),
        "html": (SKETCHPAD / "sketchpad.html").read_text(encoding="utf-8"),
        "js": "\n".join([*scripts, _filled(HERE / "static.js", slots).decode()]),
        "title": TITLE,
        "description": DESCRIPTION,
        "picture": PICTURE.name,
    }
    version = hashlib.sha256(_filled(HERE / "index.html", {**parts, "version": ""})).hexdigest()
    return {
        **cards,
        "index.html": _filled(HERE / "index.html", {**parts, "version": version}),
        "offline.js": _filled(HERE / "offline.js", {"files": files, "later": json.dumps(PAIR), "version": version}),
        PICTURE.name: PICTURE.read_bytes(),
        **loaded,
    }


def lay_out(folder: Path, files: dict[str, bytes]) -> None:
    """Write `files` into `folder`, each under a temporary name first. Existing versions are replaced.

    Raises SetupError if `folder` cannot be written or holds anything else; hidden files are ignored.
    """
    replaceable = {Path(name).parts[0] for name in files}
    others = [path.name for path in folder.glob("[!.]*") if path.name not in replaceable] if folder.is_dir() else []
    if others:
        raise SetupError(f"{folder} holds {others[0]}: name an empty folder, or one that this command wrote before.")
    for name, content in files.items():
        path = folder / name
        partial = path.with_name(f".partial.{path.name}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(content)
            partial.replace(path)
        except OSError as error:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            place = error.filename or path
            raise SetupError(f"cannot write {place}: {error.strerror}. Name another folder.") from error
    print(f"{folder}: {len(files)} files, {sum(map(len, files.values())) / 1e6:.1f} MB")


def _cards(sdk: str, model: str | None, onnx: Path, place: str) -> dict[str, bytes]:
    """The Space's card, and at `place` the card of the networks if there is one beside them. Raises SetupError."""
    _, session = read(onnx)
    metadata = session.get_modelmeta().custom_metadata_map
    cells = [metadata.get(key, "not recorded") for key in ("version", "accuracy", "training_data", "license")]
    card = onnx / CARD
    slots = {
        "sdk": f"{sdk}\nmodels: [{model}]" if model else sdk,
        "networks": f"| {' | '.join([f'`{FILE}`', *cells])} |",
        "card": f"[The model card]({place}) says more.\n\n" if card.is_file() else "",
    }
    cards = {"README.md": _filled(HERE / "README.template.md", slots)}
    return {**cards, place: card.read_bytes()} if card.is_file() else cards


def _filled(template: Path, slots: dict[str, str]) -> bytes:
    text = template.read_text(encoding="utf-8")
    return re.sub(r"\[\[(\w+)\]\]", lambda slot: slots[slot[1]], text).encode()


def _digest(algorithm: str, content: bytes) -> str:
    return base64.b64encode(hashlib.new(algorithm, content).digest()).decode()


def _graph(onnx: Path) -> bytes:
    return (onnx / FILE).read_bytes()


def _pair(onnx: Path) -> dict[str, bytes]:
    """The networks by themselves, which explain an answer: both or none."""
    missing = [name for name in PAIR if not (onnx / name).is_file()]
    if missing:
        print(f"{onnx} holds no {' and no '.join(missing)}: Look inside will not explain answers.")
        return {}
    return {name: (onnx / name).read_bytes() for name in PAIR}


def _web_runtime() -> dict[str, bytes]:
    """The files of npm's onnxruntime-web that a page loads."""
    package = f"onnxruntime-web@{WEB_VERSION}"
    npm = shutil.which("npm")
    if npm is None:
        raise SetupError(f"npm is not installed; it is needed to download {package}.")
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run([npm, "pack", "--loglevel=error", package], cwd=folder, capture_output=True, text=True)
        archive = next(Path(folder).glob("*.tgz"), None)
        if result.returncode or archive is None:
            raise SetupError(f"npm cannot download {package}: {''.join(result.stderr.strip().splitlines()[:1])}")
        if _digest("sha512", archive.read_bytes()) != WEB_SHA512:
            raise SetupError(f"npm's {package} does not have the SHA-512 in {__file__}.")
        with tarfile.open(archive) as files:
            members = {name: files.extractfile(f"package/dist/{name}") for name in WEB_FILES}
            return {name: member.read() for name, member in members.items() if member}


if __name__ == "__main__":
    main()
