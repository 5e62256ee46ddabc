"""Tune the committed networks to drawings that people corrected, and keep what makes nothing else worse."""

import dataclasses
import math
import shutil
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from model import CHECKPOINTS, InputError, corrections, letters, pendigits
from model.corrections import Corrections
from model.evaluate import evaluate
from model.files import replacing
from model.folders import Folders
from model.mixture import draw_and_normalize, examples, with_corrections
from model.mnist import Digits
from model.networks import load_trained, predict
from model.reader.judging import is_read
from model.recipes import TUNE
from model.record import Settings, TrainingRecord, counted, duration
from model.styles import NON_DIGIT
from model.train import blend, calibrate, is_finished, record_of, save, trained

SHARES = 0.75, 0.5, 0.25  # of the former weights, in the order in which they are tried
ENOUGH = 0.9  # of the corrections read right
HOLD_OUT_FROM, HOLD_OUT_EVERY = 30, 5  # with 30 corrections or more, every fifth is held out
LETTERS = 2_000  # that must not pass for a digit
LETTERS_SEED = 2**32 + 1  # beyond the seeds of trainings


class Comparison(NamedTuple):
    """How a set of drawings is read before and after."""

    before: np.ndarray
    """Which are read right, bool [count]."""
    after: np.ndarray

    @property
    def is_worse(self) -> bool:
        """Whether fewer are right, by more than one standard error of the difference (paired, as McNemar counts)."""
        lost, gained = (self.before & ~self.after).sum(), (~self.before & self.after).sum()
        return bool(lost - gained > math.sqrt(lost + gained))


def tune(
    names: list[str], data: Folders, output: Path, seed: int = 0, replace: bool = False, keep: bool = False
) -> None:
    """Tune the committed networks `names` to the corrections in `data`, and write the results into `output`.

    Each is trained on the corrections among a share of the data that the committed one was trained on. Its weights are
    then averaged with the former ones. The former take the largest of SHARES with which ENOUGH of the corrections are
    read right, or else the one with most, among those with which no validation set is read worse, by
    Comparison.is_worse. If there is none, the former network is written instead, unless `keep`. Every fifth of 30
    corrections or more is not trained on, and shows how others would be read. What is written is evaluated on the test
    digits, which the export needs.

    A killed training resumes, and what is finished by the same settings is skipped, as in train_all(). Raises
    InputError if there are no corrections, if data are missing, if `output` holds other checkpoints and not `replace`,
    and at the end if a network was not kept.
    """
    corrected = corrections.load(data)
    if not corrected.files:
        raise InputError("There are no corrections. Pass them with --data; python -m demo --collect mine stores some.")
    if output.resolve() == CHECKPOINTS.resolve():
        raise InputError(f"{output} holds the networks to go on from. Pass another folder with --output.")
    settings = {name: settings_of(name, seed, corrected) for name in names}
    unfinished = [
        name
        for name in names
        if not is_finished(output / f"{name}.keras", settings[name], replace or _is_former(name, output))
    ]
    refused = _tune_all({name: settings[name] for name in unfinished}, corrected, data, output, keep)
    if unevaluated := [name for name in names if not TrainingRecord.load(output / f"{name}.json").test]:
        evaluate(unevaluated, data, output, output)
    if refused:
        raise InputError(
            f"{' and '.join(refused)} would read something else worse, so the former network is in {output}. "
            "To have the tuned one all the same, add --keep; it is trained already."
        )


def settings_of(name: str, seed: int, corrected: Corrections) -> Settings:
    """Collect the settings of a tuning, which goes on from what made the committed network."""
    former = TrainingRecord.load(CHECKPOINTS / f"{name}.json").recipe
    return Settings(dataclasses.replace(TUNE[name], foundation=former), seed, len(corrected.files), corrected.sha256)


def _is_former(name: str, folder: Path) -> bool:
    """Whether `folder` holds the committed network, because a tuned one was not kept."""
    record = folder / f"{name}.json"
    return record.is_file() and TrainingRecord.load(record) == TrainingRecord.load(CHECKPOINTS / record.name)


def _tune_all(
    settings: dict[str, Settings], corrected: Corrections, data: Folders, output: Path, keep: bool
) -> list[str]:
    """Tune each network. Returns the names of those that are not kept."""
    if not settings:
        return []
    learned, held_back = _split(corrected)
    one = next(iter(settings.values()))
    shown = {"corrections": learned.normalized(), "corrections held out": held_back.normalized()}
    old, held_out = examples(one.recipe, one.seed, data, Corrections([]))
    checked = checked_sets(held_out, data)
    training = with_corrections(old, shown["corrections"], one.recipe)
    return [
        name
        for name, each in settings.items()
        if not tune_network(name, each, training, held_out, checked, shown, output / f"{name}.keras", keep)
    ]


def _split(corrected: Corrections) -> tuple[Corrections, Corrections]:
    """Hold out every fifth correction if there are enough. Returns those to train on, and those held out."""
    if len(corrected.files) < HOLD_OUT_FROM:
        count = counted(len(corrected.files), "correction")
        print(f"{count} to train on. From {HOLD_OUT_FROM} on, every fifth is held out to show how others are read.")
        return corrected, Corrections([])
    held_back = corrected.files[HOLD_OUT_EVERY // 2 :: HOLD_OUT_EVERY]
    return Corrections([file for file in corrected.files if file not in held_back]), Corrections(held_back)


def checked_sets(held_out: dict[str, Digits], data: Folders) -> dict[str, Digits]:
    """What must not become worse: the validation digits, and letters, with the label NON_DIGIT.

    The letters are drawn as for a training, but with other random numbers and from the validation writers' pens.
    """
    random = np.random.default_rng(LETTERS_SEED)
    pens = pendigits.load(data).by(*pendigits.VALIDATION_WRITERS)
    drawings = letters.letters(LETTERS, random, pens.drawings, pens.labels)
    return {**held_out, "letters": Digits(draw_and_normalize(drawings, random), np.full(LETTERS, NON_DIGIT, np.uint8))}


def tune_network(
    name: str,
    settings: Settings,
    training: Digits,
    held_out: dict[str, Digits],
    checked: dict[str, Digits],
    corrected: dict[str, Digits],
    checkpoint: Path,
    keep: bool = False,
) -> bool:
    """Tune one network and write it, or the former one. Returns whether it is kept.

    `training` are the examples, with the corrections among them, `held_out` what calibrates, `checked` the sets that
    must not become worse, where letters have the label NON_DIGIT, and `corrected` what is shown besides, with the
    corrections that are trained on as "corrections".
    """
    former, record = load_trained(name), TrainingRecord.load(CHECKPOINTS / f"{name}.json")
    network, divisor, progress = trained(
        name, settings, training, held_out, checkpoint.with_suffix(".training"), _uncalibrated(name, record.temperature)
    )
    tuned = network.get_weights()
    sets = checked | corrected
    before = {title: _right(former, digits) for title, digits in sets.items()}

    def compare(share: float) -> tuple[dict[str, Comparison], float]:
        """Give the former weights this share in the network, and compare. Returns its temperature, too."""
        network.set_weights(tuned)
        blend(network, former, share)
        temperature = divisor * calibrate(network, held_out)
        return {title: Comparison(each, _right(network, sets[title])) for title, each in before.items()}, temperature

    right: dict[float, float] = {}
    for share in SHARES:
        compared, _ = compare(share)
        if worse := [title for title in checked if compared[title].is_worse]:
            learned = f"{1 - share:.0%} of what it learned from the corrections"
            print(f"{name} with {learned} would read {', '.join(worse)} worse.", flush=True)
            continue
        right[share] = compared["corrections"].after.mean()
        if right[share] >= ENOUGH:
            break
    share = max(right, key=lambda share: right[share], default=SHARES[-1])
    compared, temperature = compare(share)
    print(_table(name, compared), flush=True)
    if not right and not keep:
        for suffix in (".png", ".json", ".keras"):
            with replacing(checkpoint.with_suffix(suffix)) as temporary:
                shutil.copyfile((CHECKPOINTS / name).with_suffix(suffix), temporary)
        return False
    made = dataclasses.replace(
        record_of(network, settings, progress, temperature, held_out),
        foundation_seconds=record.foundation_seconds + record.seconds,
        former_share=share,
    )
    save(network, made, checkpoint)
    learned = f"{1 - share:.0%} of what it learned from the corrections in {duration(made.seconds)}"
    print(f"{checkpoint} holds {learned}.", flush=True)
    return True


def _uncalibrated(name: str, divisor: float) -> keras.Model:
    """Load the committed network as it was trained, before its logits were divided."""
    network = load_trained(name)
    network.layers[-1].set_weights([weight * divisor for weight in network.layers[-1].get_weights()])
    return network


def _right(network: keras.Model, digits: Digits) -> np.ndarray:
    """Which digits are read right, and which letters do not pass for a digit: bool [count]."""
    if not len(digits.labels):
        return np.zeros(0, bool)
    probabilities = predict(network, digits.images)
    no_digit = digits.labels == NON_DIGIT
    return np.where(no_digit, ~is_read(probabilities), probabilities.argmax(axis=1) == digits.labels)


def _table(name: str, compared: dict[str, Comparison]) -> str:
    """Format the share of each set that the network reads right, before and after."""
    rows = [f"\n{name + ' reads right':<24} {'before':>8} {'after':>9}   of"]
    for title, (before, after) in compared.items():
        if len(before):
            rows.append(f"  {title:<22} {before.mean():>8.2%} {after.mean():>9.2%}   {len(before):,}")
    return "\n".join(rows)
