"""Makes a trained model the one that comes with the library: its bundle, the figures of both protocols, its card.

    python tools/ship.py runs/emotion runs/crossval
"""
import argparse, shutil
from pathlib import Path

from emotion_nb.bundle import BUNDLED
from emotion_nb.card import model_card
from emotion_nb.experiment import add_protocol_b

ROOT = Path(__file__).resolve().parent.parent

def ship(run, crossval):
    "Copy the bundle of `emotion-nb train`, add what `emotion-nb crossval` found, write the card"
    part = BUNDLED.with_name('bundled.part')
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(Path(run)/'bundle', part)
    add_protocol_b(part, crossval)
    card = model_card(part)
    (part/'MODEL_CARD.md').write_text(card)
    (ROOT/'MODEL_CARD.md').write_text(card)
    shutil.rmtree(BUNDLED)
    part.rename(BUNDLED)

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('run', help='folder of emotion-nb train')
    p.add_argument('crossval', help='folder of emotion-nb crossval, all folds in it')
    ship(**vars(p.parse_args()))
