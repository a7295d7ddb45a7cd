"""Makes a trained model the one that comes with the library: its bundle, the figures of each protocol, its card.

    python tools/ship.py runs/emotion runs/crossval --nemo runs/nemo --corpora runs/corpora --emodb ../shared/emodb
                                                       a model that was just trained; what is not named is left out
    python tools/ship.py --again ../shared/ravdess     the model that is there, evaluated by today's code
    python tools/ship.py --extend ravdess --emobox runs/emobox --emodb ../shared/emodb
                                                       figures that are added to a model that is there
    python tools/ship.py --card                        the cards of both bundled models alone
"""
import argparse, shutil
from datetime import date
from pathlib import Path

import pandas as pd

from emotion_nb.bundle import BUNDLED, BUNDLES, add_metrics, read_manifest
from emotion_nb.card import model_card
from emotion_nb.classifier import EmotionClassifier
from emotion_nb.corpus import catalogue
from emotion_nb.evaluation import report_figures, write_report_files
from emotion_nb.experiment import (add_emobox, add_left_out, add_nemo_folds, add_protocol_b, add_unseen,
    calibration_figures, evaluate_a, evaluate_c, robustness_a)
from emotion_nb.files import whole_folder

ROOT = Path(__file__).resolve().parent.parent
EARLIER = 'earlier.csv' # In the bundle's report, as the next ones; what they hold comes from no training run
KEPT = 'others.csv', 'goals.csv', 'speed.json', 'tried.md'

def write_card(folder, *more):
    "The card of a bundle, in it and in further folders"
    card = model_card(folder)
    for place in (folder, *more): (place/'MODEL_CARD.md').write_text(card, encoding='utf-8')

def write_cards():
    "The cards of both bundled models"
    write_card(BUNDLED, ROOT)
    write_card(BUNDLES['ravdess'])

def keep_earlier(report):
    "Put what no training writes into a new report, and the table of earlier models with the model that is replaced"
    for name in KEPT:
        if (BUNDLED/'report'/name).is_file(): shutil.copy(BUNDLED/'report'/name, report)
    m = read_manifest(BUNDLED)['metrics']
    row = dict(as_of=date.today().isoformat(), seeds=len(m['seeds']['runs']),
        accuracy_a=m['seeds']['mean']['test_both_accuracy'], uar_b_speech=m['protocol_b']['speech']['uar'])
    if 'emodb' in m.get('unseen', {}): row['uar_emodb'] = m['unseen']['emodb']['both']['uar']
    t = pd.concat([pd.read_csv(BUNDLED/'report'/EARLIER), pd.DataFrame([row])]).round(4)
    t = t.drop_duplicates(t.columns.drop('as_of')) # a model that is shipped again replaces itself
    t.to_csv(report/EARLIER, index=False, float_format='%.4f')

def ship(run, crossval, nemo=None, corpora=None, emodb=None):
    "Copy the bundle of `emotion-nb train`, add what `emotion-nb crossval` found, ask about EmoDB, write the card"
    with whole_folder(BUNDLED) as part:
        shutil.copytree(Path(run)/'bundle', part, dirs_exist_ok=True)
        add_protocol_b(part, crossval)
        if nemo: add_nemo_folds(part, nemo)
        if corpora: add_left_out(part, corpora)
        if emodb: add_unseen(part, 'emodb', evaluate_c(EmotionClassifier.load(part), catalogue(emodb, 'emodb')))
        keep_earlier(part/'report')
        write_card(part, ROOT)

def extend(name, emobox=None, emodb=None):
    "Add the folds of EmoBox, and what a model that comes with the library says of EmoDB"
    with whole_folder(BUNDLES[name]) as part:
        shutil.copytree(BUNDLES[name], part, dirs_exist_ok=True)
        if emobox: add_emobox(part, emobox)
        if emodb: add_unseen(part, 'emodb', evaluate_c(EmotionClassifier.load(name), catalogue(emodb, 'emodb')))
    write_cards()

def judge_again(data):
    "Renew the figures of protocol A that belong to the shipped network; those over seeds and of protocol B stay"
    clf, df = EmotionClassifier.load(), catalogue(data)
    reports = {split: evaluate_a(clf, df, split) for split in ('validation', 'test')}
    robust = robustness_a(clf, df)
    with whole_folder(BUNDLED) as part:
        shutil.copytree(BUNDLED, part, dirs_exist_ok=True)
        report = part/'report'
        before = pd.read_csv(report/'predictions.csv')
        changed = before['predicted'] != reports['test'].predictions['predicted']
        write_report_files(reports['test'], report)
        robust.to_csv(report/'robustness.csv', float_format='%.4f')
        metrics = read_manifest(part)['metrics']
        earlier = metrics.get('judged_again', {}).get('changed', 0) # Other emotions since the training, at most
        metrics |= {split: report_figures(r) for split, r in reports.items()}
        add_metrics(part, metrics | dict(calibration=calibration_figures(clf, reports, report),
            robustness=robust.to_dict('index'),
            judged_again=dict(changed=earlier + int(changed.sum()), clips=len(before))))
        write_card(part, ROOT)

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('run', nargs='?', help='folder of emotion-nb train')
    p.add_argument('crossval', nargs='?', help='folder of emotion-nb crossval, all folds in it')
    p.add_argument('--nemo', help='folder of emotion-nb crossval --protocol nemo')
    p.add_argument('--corpora', help='folder of emotion-nb crossval --protocol C')
    p.add_argument('--emodb', help='folder of EmoDB, which no model is trained on')
    p.add_argument('--emobox', help='folder of emotion-nb crossval --protocol emobox')
    p.add_argument('--extend', choices=[*BUNDLES], help='add figures to this model')
    p.add_argument('--again', metavar='DATA', help='folder of the corpus: evaluate the shipped model again')
    p.add_argument('--card', action='store_true', help='write the card of the shipped model again')
    args = p.parse_args()
    if args.card: write_cards()
    elif args.extend: extend(args.extend, args.emobox, args.emodb)
    elif args.again: judge_again(args.again)
    elif args.run and args.crossval: ship(args.run, args.crossval, args.nemo, args.corpora, args.emodb)
    else: p.error('name the folders of both runs, or --again and the folder of the corpus, or --card')

if __name__ == '__main__': main()
