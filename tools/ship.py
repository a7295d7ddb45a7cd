"""Makes a trained model the one that comes with the library: its bundle, the figures of both protocols, its card.

    python tools/ship.py runs/emotion runs/crossval    a model that was just trained
    python tools/ship.py --again ../shared/ravdess     the model that is there, judged by today's code for predictions
"""
import argparse, shutil
from pathlib import Path

import pandas as pd

from emotion_nb.bundle import BUNDLED, add_metrics, read_manifest
from emotion_nb.card import model_card
from emotion_nb.classifier import EmotionClassifier
from emotion_nb.corpus import catalogue
from emotion_nb.evaluation import report_figures, save_report
from emotion_nb.experiment import add_protocol_b, calibration, evaluate_a, robustness_a
from emotion_nb.files import whole_folder

ROOT = Path(__file__).resolve().parent.parent

def write_card(part):
    "The card of a bundle, in it and in the root"
    card = model_card(part)
    (part/'MODEL_CARD.md').write_text(card)
    (ROOT/'MODEL_CARD.md').write_text(card)

def ship(run, crossval):
    "Copy the bundle of `emotion-nb train`, add what `emotion-nb crossval` found, write the card"
    with whole_folder(BUNDLED) as part:
        shutil.copytree(Path(run)/'bundle', part, dirs_exist_ok=True)
        add_protocol_b(part, crossval)
        write_card(part)

def judge_again(data):
    "Renew the figures of protocol A that belong to the shipped network; those over seeds and of protocol B stay"
    clf, df = EmotionClassifier.load(), catalogue(data)
    reports = {p: evaluate_a(clf, df, p) for p in ('validation', 'test')}
    hold = robustness_a(clf, df)
    with whole_folder(BUNDLED) as part:
        shutil.copytree(BUNDLED, part, dirs_exist_ok=True)
        before = pd.read_csv(part/'report'/'predictions.csv')
        again = dict(changed=int((before['predicted'] != reports['test'].predictions['predicted']).sum()), clips=len(before))
        save_report(reports['test'], part/'report')
        hold.to_csv(part/'report'/'robustness.csv', float_format='%.4f')
        metrics = read_manifest(part)['metrics'] | {p: report_figures(r) for p, r in reports.items()}
        add_metrics(part, metrics | dict(calibration=calibration(clf, reports, part/'report'), robustness=hold.to_dict('index'), judged_again=again))
        write_card(part)

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('run', nargs='?', help='folder of emotion-nb train')
    p.add_argument('crossval', nargs='?', help='folder of emotion-nb crossval, all folds in it')
    p.add_argument('--again', metavar='DATA', help='folder of the corpus: judge the shipped model anew')
    args = p.parse_args()
    if args.again: judge_again(args.again)
    elif args.run and args.crossval: ship(args.run, args.crossval)
    else: p.error('name the folders of both runs, or --again and the folder of the corpus')
