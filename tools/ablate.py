"""Runs recipes that leave one thing out and keeps what they reach on voices that chose nothing else: the table of nbs/tutorials/04_what_helped.ipynb.

    python tools/ablate.py default mixup --folds 1 2
"""
import argparse
from pathlib import Path

import pandas as pd

from emotion_nb.core import data_dir
from emotion_nb.corpus import catalogue
from emotion_nb.experiment import fold_table, run_fold
from emotion_nb.training import RECIPES

TABLE = Path(__file__).resolve().parent.parent/'nbs'/'tutorials'/'what_helped.csv'

def ablate(recipes, folds, out, data=None):
    "Train each recipe on each fold of protocol B, judge it on the validation actors, and keep the figures"
    df = catalogue(data_dir(data))
    for name in recipes:
        for fold in folds:
            report = run_fold(df, fold, Path(out)/name, RECIPES[name], 'validation')
            row = fold_table(report.predictions, report.classes).loc[[fold]].reset_index().assign(recipe=name, clips=len(report.predictions))
            old = pd.read_csv(TABLE) if TABLE.exists() else row.iloc[:0]
            kept = old[(old.recipe != name) | (old.fold != fold)]
            new = pd.concat([kept, row]) if len(kept) else row
            new.sort_values(['recipe', 'fold']).to_csv(TABLE, index=False, float_format='%.4f')
            print(name, fold, str(report.groups['speech']), sep=': ', flush=True)

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('recipes', nargs='+', choices=list(RECIPES), metavar='RECIPE')
    p.add_argument('--folds', nargs='+', type=int, default=[1, 2], choices=range(1, 6), metavar='FOLD')
    p.add_argument('--out', default='runs/ablation', help='folder of the runs; what is there is not trained again')
    p.add_argument('--data', help='folder of the corpus')
    ablate(**vars(p.parse_args()))
