"The model that comes with the library: its files agree with each other, its report and the corpus, if that is at hand."
import hashlib, json, os, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import joblib
import numpy as np
import pandas as pd
import pytest
from processors import (NETWORK, REFERENCE, SCALER, disagreements, fixed_windows, network_answers, network_distance,
    scaler_distance)

from emotion_nb.audio import load_audio
from emotion_nb.bundle import BUNDLED, BUNDLES, load_bundle
from emotion_nb.classifier import EmotionClassifier
from emotion_nb.features import windows

def nearly(x):
    "Plain data whose numbers may differ by 1e-9: they add in another order, which changes the last digits of a sum"
    if isinstance(x, dict): return {k: nearly(v) for k, v in x.items()}
    if isinstance(x, list): return [nearly(v) for v in x]
    return pytest.approx(x, abs=1e-9, rel=0) if isinstance(x, float) else x

@pytest.fixture(scope='module')
def clf(): return EmotionClassifier.load()

@pytest.fixture(scope='module')
def answers(clf, examples): return clf.predict_proba(examples)

def test_every_file_has_its_hash():
    for name, want in load_bundle().manifest['sha256'].items():
        assert hashlib.sha256((BUNDLED/name).read_bytes()).hexdigest() == want, name

def test_it_is_small():
    assert sum(p.stat().st_size for p in BUNDLED.rglob('*') if p.is_file()) < 15e6

def test_the_licence_stands_beside_the_weights(repo):
    for folder in (BUNDLED, repo/'emotion_nb'/'examples'):
        assert 'CC BY-NC-SA 4.0' in (folder/'LICENSE.md').read_text()

def test_the_three_artefacts_say_the_same():
    "What plain joblib opens is what a prediction uses; nothing is computed, so the numbers are equal"
    bundle, scaler = load_bundle(), joblib.load(BUNDLED/'scaler.pkl')
    assert joblib.load(BUNDLED/'label_encoder.pkl').classes_.tolist() == bundle.manifest['labels']
    np.testing.assert_array_equal(scaler.mean_.astype(np.float32), bundle.mean)
    np.testing.assert_array_equal(scaler.scale_.astype(np.float32), bundle.scale)

@pytest.mark.parametrize('name', ['best_model.keras', 'best_model.h5'])
def test_keras_and_onnx_agree_on_real_clips(clf, examples, name):
    keras = pytest.importorskip('keras')
    model = keras.models.load_model(BUNDLED/name)
    for clip in examples:
        for segment in clf.segments(clip):
            w = np.concatenate([windows(z, clf.bundle.features.n_frames) for z in segment.features])
            # 2e-6 was found; two libraries add in other orders
            np.testing.assert_allclose(model.predict(w, verbose=0), clf.window_proba(w), rtol=0, atol=1e-4)

def test_the_network_answers_as_when_it_was_shipped():
    "Scaler, network, labels on fixed windows; after a new model: `python tools/processors.py --reference`"
    ref = json.loads(REFERENCE.read_text())
    got = network_answers(load_bundle(), fixed_windows(ref['mean'], ref['sd']))
    assert network_distance({k: np.array(p) for k, p in ref['answers'].items()}, got) < NETWORK

def test_the_examples_are_answered_as_the_report_says(clf, answers, examples):
    "They belong to the test split, so the committed predictions hold them: a label or a column that moved shows here"
    report = pd.read_csv(BUNDLED/'report'/'predictions.csv').set_index('clip')
    report = report.loc[[c.stem for c in examples]].reset_index()
    again = report.assign(**dict(zip(clf.classes_, answers.T)))
    assert disagreements(report, again, clf.classes_.tolist()) == []

def test_the_report_holds_the_figures_of_its_predictions(clf):
    from emotion_nb.evaluation import evaluate, report_figures
    t = pd.read_csv(BUNDLED/'report'/'predictions.csv')
    figures = json.loads((BUNDLED/'report'/'report.json').read_text())
    assert figures == clf.metrics['test']
    assert report_figures(evaluate(t, t[clf.classes_].to_numpy(), clf.classes_, figures['protocol'])) == nearly(figures)

def test_the_figures_of_protocol_b_are_those_of_its_predictions(clf):
    from emotion_nb.corpus import FOLDS
    from emotion_nb.evaluation import evaluate, report_figures
    from emotion_nb.experiment import fold_table
    t = pd.read_csv(BUNDLED/'report'/'protocol_b'/'predictions.csv')
    figures = clf.metrics['protocol_b']
    assert {k: set(d) for k, d in t.groupby('fold').actor} == {k: set(a) for k, a in enumerate(FOLDS, 1)}
    assert not t['clip'].duplicated().any()
    again = report_figures(evaluate(t, t[clf.classes_].to_numpy(), clf.classes_, figures['protocol']))
    assert again == nearly({k: v for k, v in figures.items() if k not in ('folds', 'intervals')})
    for k, row in fold_table(t, clf.classes_).iterrows(): # kept with four digits
        assert row.to_dict() == pytest.approx(figures['folds'][str(k)], rel=0, abs=1e-4)
    for k, d in t.groupby('fold'):
        groups = evaluate(d, d[clf.classes_].to_numpy(), clf.classes_, '').groups
        again = {g: nearly(list(groups[g].uar_interval)) for g in ('speech', 'song', 'both')}
        assert figures['intervals'][str(k)] == again

def test_the_card_is_that_of_the_bundle(clf, repo):
    from emotion_nb.card import model_card
    card = model_card()
    assert clf.model_card == card == (repo/'MODEL_CARD.md').read_text()
    assert card.count('emotion-nb crossval') >= 2 and 'must not be used for' in card
    ravdess = BUNDLES['ravdess']
    assert model_card(ravdess) == (ravdess/'MODEL_CARD.md').read_text() != card

def test_figures_of_others_are_dated():
    "The card takes them from two tables, each row with the day on which it was written down"
    for name in ('earlier.csv', 'others.csv'):
        t = pd.read_csv(BUNDLED/'report'/name)
        assert len(t) and pd.to_datetime(t['as_of'], format='%Y-%m-%d').notna().all()

def test_the_split_of_the_model_is_that_of_protocol_a(clf, corpus):
    from emotion_nb.bundle import read_split
    from emotion_nb.corpus import catalogue, protocol_a
    df = catalogue(corpus)
    own = dict(zip(df['clip'], protocol_a(df)))
    for bundle in clf.bundle, load_bundle('ravdess'):
        split = read_split(bundle)
        assert {clip: split.pop(clip) for clip in own} == own
        assert {*split.values()} <= {'train'} # those of another corpus

def test_it_holds_under_gain(clf):
    "The goal of the project: 97 % of the answers stay, whatever the level"
    for k in ('gain +12 dB', 'gain -12 dB'): assert clf.metrics['robustness'][k]['unchanged'] >= .97

def test_nothing_is_unpickled(examples):
    code = """import sys
def refuse(event, args):
    if event.startswith('pickle.'): raise SystemExit('unpickled ' + str(args))
sys.addaudithook(refuse)
from emotion_nb import EmotionClassifier
EmotionClassifier.load().predict(sys.argv[1])"""
    subprocess.run([sys.executable, '-c', code, examples[0]], check=True)

def test_threads_share_a_classifier(clf, answers, examples):
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda i: clf.predict(examples[i % 8]), range(64)))
    for i, p in enumerate(got): # float32 beside float64
        np.testing.assert_allclose(list(p.probabilities.values()), answers[i % 8], rtol=0, atol=1e-5)

@pytest.mark.parametrize('gain_db', [-12, 12])
def test_level_is_not_an_emotion(clf, answers, examples, gain_db):
    got = clf.predict_proba([(load_audio(c)*10**(gain_db/20), 22_050) for c in examples])
    # slowed down, a clip has nothing above 10 kHz, and the contrast up there is that of rounding errors
    np.testing.assert_allclose(got, answers, rtol=0, atol=5e-3)

def test_the_scaler_is_that_of_the_training_split(corpus):
    """Mean and deviation of each column over frames of training clips; those of the validation split would change it.
    Tested with the model of RAVDESS alone, because the clips of two corpora take minutes"""
    from emotion_nb.corpus import catalogue, protocol_a
    from emotion_nb.features import extract_features
    df, bundle = catalogue(corpus), load_bundle('ravdess')
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        features = lambda path: extract_features(load_audio(path))
        frames = lambda split: np.concatenate(list(pool.map(features, df.path[protocol_a(df) == split])))
        train = frames('train')
        leaky = np.concatenate([train, frames('validation')])
    scaler = joblib.load(BUNDLES['ravdess']/'scaler.pkl')
    # at the end of a clip a frame may be just under the limit of silence, or just over it
    assert len(train) == pytest.approx(scaler.n_samples_seen_, rel=1e-3)
    assert scaler_distance(scaler, train) < SCALER < scaler_distance(scaler, leaky)
    swapped = replace(bundle, mean=leaky.mean(0, dtype=float), scale=leaky.std(0, dtype=float))
    x = fixed_windows(bundle.mean, bundle.scale)
    assert network_distance(network_answers(bundle, x), network_answers(swapped, x)) > NETWORK

def test_evaluate_gives_the_committed_answers_again(clf, corpus, tmp_path):
    "Within what processors make of it; what it prints are the figures of its own answers"
    command = ['emotion-nb', 'evaluate', '--data', corpus, '--protocol', 'A', '--out', tmp_path/'report']
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    committed, again = (pd.read_csv(folder/'predictions.csv') for folder in (BUNDLED/'report', tmp_path/'report'))
    assert disagreements(committed, again, clf.classes_.tolist()) == []
    figures = json.loads((tmp_path/'report'/'report.json').read_text())
    assert figures['protocol'] == clf.metrics['test']['protocol']
    assert f"Protocol: {figures['protocol']}" in out and f"{figures['ece']:.2%}" in out
    for group in ('both', 'speech', 'song'):
        f = figures[group]
        span = lambda i: f'95 % interval {i[0]:.2%} to {i[1]:.2%}'
        assert (f"{group:6}  {f['n']} clips: accuracy {f['accuracy']:.2%} ({span(f['interval'])}), "
                f"macro F1 {f['macro_f1']:.2%}, UAR {f['uar']:.2%} ({span(f['uar_interval'])})") in out

def test_all_originals_are_answered(repo):
    "The clips as published, 48 kHz WAV, one of them in stereo"
    folder = repo.parent/'shared'/'ravdess_48k'
    if not folder.is_dir(): pytest.skip(f'original recordings not found: {folder}')
    files = sorted(folder.glob('*.wav'))
    command = ['emotion-nb', 'predict', '--json', *files]
    rows = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert [r['file'] for r in rows] == list(map(str, files)) and len(rows) == 23
