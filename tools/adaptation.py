"""How much adaptation to a speaker helps, speaker by speaker: UAR without it, without labels and with a few labels.

    python tools/adaptation.py MODEL CATALOGUE.csv --cache OUTPUTS.npz --out adaptation.csv
    python tools/adaptation.py --card runs/crossval runs/nemo --data ../shared/ravdess --nemo ../shared/nemo
                         the table of the card: each model of a fold, on the speakers that it was not trained on

MODEL is the folder of a bundle ('' for the bundled one), CATALOGUE a CSV with the columns path, speaker and emotion,
of speakers that the model was not trained on. Labelled recordings are never in the test. Where the catalogue has no
calm, neutral and calm are added up; then the likeliest of its emotions is the answer. The outputs of the network are
kept in the cache, so that a second run takes seconds. A bundle without the output `embedding` gets it here.
"""
import argparse
from dataclasses import replace
from pathlib import Path
import numpy as np, pandas as pd
from emotion_nb.adaptation import labelled_layer, recording_outputs, voice_bias
from emotion_nb.bundle import BUNDLED, embedded, load_bundle
from emotion_nb.classifier import EmotionClassifier
from emotion_nb.corpora import joined
from emotion_nb.corpus import catalogue
from emotion_nb.features import softmax
from emotion_nb.parallel import in_parallel


def outputs(clf, paths, cache, n_jobs=1):
    "Log probabilities `(n, 8)` and embeddings `(n, d)` of recordings, from the cache where they are in it"
    if cache and Path(cache).exists():
        with np.load(cache) as f:
            if [*f['paths']] == [*map(str, paths)]: return f['z'], f['embeddings'].astype(np.float32)
    found = in_parallel(lambda p: recording_outputs(clf, p), paths, n_jobs)
    z, e = (np.array(o, np.float32) for o in zip(*found))
    if cache: np.savez(cache, paths=np.array([*map(str, paths)]), z=z, embeddings=e.astype(np.float16))
    return z, e


def uar(z, true, classes):
    "The unweighted average recall of logits over the emotions that `true` holds"
    p, present = pd.DataFrame(softmax(z), columns=classes), sorted(set(true))
    if 'calm' in p and 'calm' not in present and 'neutral' in present: p['neutral'] += p['calm']
    right = p[present].idxmax(axis=1).to_numpy() == true
    return np.mean([right[true == e].mean() for e in present])


def draw(true, per_emotion, rng):
    "Positions of some recordings of each emotion"
    return np.concatenate([rng.permutation(np.flatnonzero(true == e))[:per_emotion] for e in sorted(set(true))])


def unlabelled(z, e, true, classes, n, rng):
    "UAR before and after an adaptation to n recordings; None for all"
    some = np.arange(len(z)) if n is None else rng.choice(len(z), min(n, len(z)), replace=False)
    return uar(z, true, classes), uar(z + voice_bias(z[some]), true, classes)


def labelled(z, e, true, classes, n, rng):
    "UAR before and after an adaptation to n recordings of each emotion, on the others"
    some = draw(true, n, rng)
    rest = np.setdiff1d(np.arange(len(z)), some)
    w, b = labelled_layer(z[some], e[some], (true[some][:, None] == classes).astype(float))
    return uar(z[rest], true[rest], classes), uar(z[rest] + e[rest]@w + b, true[rest], classes)


SETTINGS = {'unlabelled 5': (unlabelled, 5), 'unlabelled 20': (unlabelled, 20), 'unlabelled all': (unlabelled, None),
            '1 an emotion': (labelled, 1), '3 an emotion': (labelled, 3), '5 an emotion': (labelled, 5)}


def measure(z, e, df, classes, draws=10):
    "A row for each speaker and setting: UAR before and after, in percent, the mean over draws, and the worst change"
    rows = []
    for speaker, i in df.reset_index(drop=True).groupby('speaker').indices.items():
        true = df.emotion.to_numpy()[i]
        for name, (fn, n) in SETTINGS.items():
            found = 100*np.array([fn(z[i], e[i], true, classes, n, np.random.default_rng(d)) for d in range(draws)])
            before, after = found.mean(0)
            rows.append(dict(speaker=speaker, setting=name, clips=len(i), before=before, after=after,
                change=after - before, worst=(found[:, 1] - found[:, 0]).min()))
    return pd.DataFrame(rows)


def summary(table):
    "A row for each setting: the mean over speakers, the speaker who gains least, the worst draw of all"
    t = table.groupby('setting', sort=False)
    return pd.DataFrame(dict(before=t.before.mean(), after=t.after.mean(), change=t.change.mean(),
        least_speaker=t.change.min(), worst_draw=t.worst.min()))


def of_folds(run, df, draws):
    "The corpus, and as `measure`, of the models of all folds of a run, each with the speakers of its test split"
    tables = []
    for bundle in sorted(Path(run).glob('fold_*/bundle')):
        split = pd.read_csv(bundle.parent/'split.csv').query('split == "test"')
        own, clf = df[df['clip'].isin(split['clip'])], loaded(bundle)
        tables.append(measure(*outputs(clf, own['path'], None, -1), own, clf.classes_, draws))
        print(bundle.parent, len(own), flush=True)
    return own['corpus'].iloc[0], pd.concat(tables)


def card_table(runs, df, draws):
    "A row for each run and setting, as the card shows it"
    rows = []
    for run in runs:
        corpus, table = of_folds(run, df, draws)
        for name, r in summary(table).iterrows():
            rows.append({'unseen speakers of': corpus, 'recordings adapted to': name,
                'speakers': table['speaker'].nunique(),
                'UAR before': f'{r.before:.1f}%', 'UAR after': f'{r.after:.1f}%',
                'change': f'{r.change:+.1f}', 'speaker who gains least': f'{r.least_speaker:+.1f}'})
    return pd.DataFrame(rows)


def loaded(folder):
    "The classifier of a bundle, with the output `embedding`"
    bundle = load_bundle(folder)
    return EmotionClassifier(replace(bundle, onnx=embedded(bundle.onnx)))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('model', nargs='?'); p.add_argument('catalogue', nargs='?')
    p.add_argument('--card', nargs='+', metavar='RUN'); p.add_argument('--data'); p.add_argument('--nemo')
    p.add_argument('--cache'); p.add_argument('--out'); p.add_argument('--draws', type=int, default=10)
    a = p.parse_args()
    if a.card:
        t = card_table(a.card, joined([catalogue(a.data, 'ravdess'), catalogue(a.nemo, 'nemo')]), a.draws)
        print(t.to_string())
        return t.to_csv(BUNDLED/'report'/'adapted.csv', index=False)
    clf, df = loaded(a.model or None), pd.read_csv(a.catalogue, dtype=dict(speaker=str))
    table = measure(*outputs(clf, df.path, a.cache), df, clf.classes_, a.draws)
    print(summary(table).round(1).to_string())
    print(table.pivot(index='speaker', columns='setting', values='change')[[*SETTINGS]].round(1).to_string())
    if a.out: table.round(2).to_csv(a.out, index=False)


if __name__ == '__main__': main()
