"""Trains recipes that differ from the recipe `ravdess` in a few fields and judges them on validation speakers.

    python tools/trials.py no-tta lda-alone --folds 1 2     figures, into the table of nbs/tutorials/04_trials.ipynb
    python tools/trials.py no-tta --folds 1 --robustness    accuracy of the same clips through other channels

A fold of protocol B is trained on its training actors and judged on its four validation actors; the test actors are
not used. A run that was interrupted is resumed by the same command, and one that is complete is not trained again.
"""
import argparse, sys
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pandas as pd

from emotion_nb.classifier import EmotionClassifier
from emotion_nb.core import EmotionError, TrainingError, data_dir
from emotion_nb.corpus import catalogue, protocol_b
from emotion_nb.experiment import fold_table, run_fold
from emotion_nb.robustness import robustness
from emotion_nb.training import RECIPES

TABLE = Path(__file__).resolve().parent.parent/'nbs'/'tutorials'/'trials.csv'

# What several trials have in common
NETWORKS = {'model.functionals': 0, 'original_weight': (1,), 'lda': False, 'tta_speeds': ()}
ONE = NETWORKS | {'members': 1, 'cmn': (0.,)}
OLD = ONE | {'model.kernel_size': (5, 3, 3), 'oversample': False, 'epochs': 100}
LDA = {'members': 0, 'tta_speeds': ()}
CHANNEL_AUGMENTATION = { # Probabilities, as in the default
    'augmentation.equalisation': .6, 'augmentation.band_limit': .3, 'augmentation.reverberation': .3,
    'augmentation.noise': .5}

def channel_augmentation(share):
    "The fields of the augmentation that imitates other microphones, rooms and noise, its probabilities times `share`"
    return {k: share*p for k, p in CHANNEL_AUGMENTATION.items()}

# Name of each trial to the fields in which its recipe differs from `ravdess`
TRIALS = {
    'default': {},
    # Around the default
    'no-tta': {'tta_speeds': ()},
    'functionals': {'tta_speeds': (), 'members': 1, 'original_weight': (8,), 'cmn': (0.,)},
    'lda-alone': LDA,
    'networks-alone': NETWORKS,
    # The covariance of the discriminant
    'lda-no-nuisance': LDA | {'nuisance_weight': 0.},
    'lda-strong-nuisance': LDA | {'nuisance_weight': .5},
    # Networks without functionals, LDA and TTA
    'no-cmn': NETWORKS | {'cmn': (0.,)},
    'cmn': ONE | {'cmn': (1.,), 'seed': 1000},
    'one-network': ONE,
    'no-oversampling': ONE | {'oversample': False},
    'no-augmentation': ONE | {'n_augmented': 0},
    'no-channel-augmentation': ONE | channel_augmentation(0.),
    'half-channel-augmentation': ONE | channel_augmentation(.5),
    'no-spec-augment': ONE | {'batches.time_masks': 0, 'batches.mel_masks': 0},
    'no-label-smoothing': ONE | {'label_smoothing': 0.},
    'early-stopping': ONE | {'monitor': 'val_loss'},
    # The recipe before these
    'old': OLD | {'batches.mixup': .2},
    'old-no-mixup': OLD,
    'old-no-ema': OLD | {'batches.mixup': .2, 'ema_momentum': 0.},
}

def changed(config, path, value):
    "A config with another value at a dotted path; raises `TrainingError`"
    name, _, rest = path.partition('.')
    known = [f.name for f in fields(config)]
    if name not in known:
        raise TrainingError(f'{type(config).__name__} has no field {name!r}: choose one of {", ".join(known)}.')
    inner = getattr(config, name)
    if not rest: return replace(config, **{name: value})
    if not is_dataclass(inner):
        raise TrainingError(f'{name!r} of {type(config).__name__} has no fields, so {path!r} names nothing.')
    return replace(config, **{name: changed(inner, rest, value)})

def trial_recipe(name, trials=None):
    "The recipe of a trial; raises `TrainingError`"
    trials = TRIALS if trials is None else trials
    if name not in trials: raise TrainingError(f'There is no trial {name!r}: choose one of {", ".join(trials)}.')
    recipe = RECIPES['ravdess']
    for path, value in trials[name].items(): recipe = changed(recipe, path, value)
    return recipe

def command(name, folds):
    "The command that makes the rows of a trial"
    return f'python tools/trials.py {name} --folds {" ".join(map(str, folds))}'

def add_rows(name, fold, report):
    "Put the figures of a trial on one fold into the table"
    row = fold_table(report.predictions, report.classes).loc[[fold]].reset_index()
    row = row.assign(trial=name, clips=len(report.predictions))
    old = pd.read_csv(TABLE) if TABLE.exists() else row.iloc[:0]
    kept = old[(old.trial != name) | (old.fold != fold)]
    new = pd.concat([kept, row]) if len(kept) else row
    new.sort_values(['trial', 'fold']).to_csv(TABLE, index=False, float_format='%.4f')

def main(trials, folds, out, data, other_channels):
    "Train each trial on each fold, judge it on the validation actors, and keep or print the figures"
    recipes = {name: trial_recipe(name) for name in trials}
    df = catalogue(data_dir(data))
    for name, recipe in recipes.items():
        for fold in folds:
            report = run_fold(df, fold, Path(out)/name, recipe, 'validation')
            if other_channels:
                clf = EmotionClassifier.load(Path(out)/name/f'fold_{fold}'/'bundle')
                print(name, fold, robustness(clf, df[protocol_b(df, fold) == 'validation']), sep='\n', flush=True)
            else:
                add_rows(name, fold, report)
                print(name, fold, str(report.groups['speech']), sep=': ', flush=True)

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('trials', nargs='+', metavar='NAME', help=', '.join(TRIALS))
    p.add_argument('--folds', nargs='+', type=int, default=[1, 2], choices=range(1, 6), metavar='FOLD')
    p.add_argument('--robustness', dest='other_channels', action='store_true',
        help='accuracy through other channels instead')
    p.add_argument('--out', default='runs/trials', help='folder of the runs')
    p.add_argument('--data', help='folder of the corpus')
    try: main(**vars(p.parse_args()))
    except EmotionError as e: sys.exit(str(e))
