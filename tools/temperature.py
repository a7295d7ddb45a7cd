"""How well confidence fits strangers, by the factor of the temperature: for the choice of `Recipe.temperature_factor`.

    python tools/temperature.py runs/crossval runs/nemo runs/corpora --data ../shared/ravdess --nemo ../shared/nemo

The models of protocol B and of nEMO's folds answer the unseen speakers of their validation splits, those of protocol C
the corpus that was left out. A row is a factor, a column the expected calibration error in %; what is best for the
worst column is chosen. No test split of a fold is read.
"""
import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from emotion_nb.calibration import with_temperature
from emotion_nb.classifier import EmotionClassifier
from emotion_nb.corpora import joined, protocol_nemo
from emotion_nb.corpus import catalogue, protocol_b
from emotion_nb.evaluation import evaluate, evaluate_corpus, markdown_table
from emotion_nb.experiment import left_out_clips, of_corpus

FACTORS = 1, 1.25, 1.5, 1.75, 2

def errors(folder, clips, by):
    "Expected calibration error of the model of a run on some clips, in %, for each of `FACTORS`"
    clf = EmotionClassifier.load(folder/'bundle')
    own = clf.bundle.manifest['recipe']['temperature_factor']
    proba = clf.predict_proba(clips['path']).astype(float)
    error = lambda factor: 100*by(clips, with_temperature(proba, factor/own), clf.classes_, '').ece
    return np.array([error(factor) for factor in FACTORS])

def main():
    a = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    for name in ('crossval', 'folds', 'corpora'): a.add_argument(name, type=Path)
    a.add_argument('--data', required=True)
    a.add_argument('--nemo', required=True)
    a = a.parse_args()
    df = joined([catalogue(a.data), catalogue(a.nemo, 'nemo')])
    ravdess, nemo = of_corpus(df, 'ravdess'), of_corpus(df, 'nemo')
    held = lambda own, splits: own[splits == 'validation']
    left_out = lambda name: errors(a.corpora/f'without_{name}', left_out_clips(df, name)[2], evaluate_corpus)
    t = pd.DataFrame({
        'left out: nEMO': left_out('nemo'), 'left out: RAVDESS': left_out('ravdess'),
        'unseen speakers of RAVDESS': np.mean([
            errors(a.crossval/f'fold_{k}', held(ravdess, protocol_b(ravdess, k)), evaluate) for k in range(1, 6)], 0),
        'unseen speakers of nEMO': np.mean([
            errors(a.folds/f'fold_{k}', held(nemo, protocol_nemo(nemo, k)), evaluate_corpus) for k in (1, 2, 3)], 0),
    }, FACTORS)
    t['worst'] = t.max(axis=1)
    rows = [[f'{k:g}', *(f'{v:.1f}' for v in row)] for k, row in zip(t.index, t.to_numpy())]
    print(markdown_table(['factor', *t], rows))

if __name__ == '__main__': main()
