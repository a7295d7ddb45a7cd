"Protocol C: a model on corpora that it never met, from the figures to the command line and the card."
import json, shutil

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from emotion_nb import cli
from emotion_nb.bundle import BUNDLED, add_metrics, load_bundle, read_manifest, read_split
from emotion_nb.core import EMOTIONS

pytest.importorskip('sklearn', reason='figures need the packages of training')
from emotion_nb.evaluation import evaluate_corpus, mapped_proba, score, uar_bootstrap

PRESENT = sorted({*EMOTIONS} - {'calm', 'disgust'})

def one_clip(folder, name):
    "In place of `catalogue`: a corpus of one clip"
    columns = 'path', 'clip', 'speaker', 'sex', 'channel', 'emotion', 'content'
    return pd.DataFrame([dict.fromkeys(columns, name) | dict(corpus=name)])

def run(*args): return CliRunner().invoke(cli.main, [*map(str, args)])

@pytest.fixture
def clips():
    "72 clips of 6 speakers and 6 emotions, of which two speakers are hard"
    t = pd.DataFrame([dict(speaker=f's{s}', emotion=e, channel='speech', corpus='strange')
        for s in range(6) for e in PRESENT for _ in range(2)])
    return t.assign(clip=[f'clip {i}' for i in range(len(t))])

@pytest.fixture
def proba(clips):
    "Probabilities of all eight emotions: right for four speakers, uninformed for two"
    p = np.random.default_rng(0).dirichlet(np.ones(8), len(clips))
    known = ~clips.speaker.isin(['s0', 's1'])
    p[known] += 2*np.eye(8)[[sorted(EMOTIONS).index(e) for e in clips.emotion[known]]]
    return p/p.sum(1, keepdims=True)

def report(clips, proba): return evaluate_corpus(clips, proba, sorted(EMOTIONS), 'C (another corpus), strange')

# Figures

def test_calm_counts_as_neutral_where_there_is_none(proba):
    classes = sorted(EMOTIONS)
    found, column = mapped_proba(proba, classes, PRESENT), dict(zip(classes, proba.T))
    np.testing.assert_allclose(found.sum(1), 1)
    want = (column['neutral'] + column['calm'])/(1 - column['disgust'])
    np.testing.assert_allclose(found[:, PRESENT.index('neutral')], want)
    np.testing.assert_allclose(mapped_proba(proba, classes, classes), proba) # a corpus of all eight: as they are

def test_the_order_of_columns_and_clips_says_nothing(clips, proba):
    classes, order = sorted(EMOTIONS), np.random.default_rng(1).permutation(len(clips))
    want = report(clips, proba).figures()['both']
    turned = evaluate_corpus(clips, proba[:, ::-1], classes[::-1], '').figures()['both']
    mixed = report(clips.iloc[order], proba[order]).figures()['both']
    for found in (turned, mixed):
        assert found['confusion'] == want['confusion']
        assert found['uar_interval'] == pytest.approx(want['uar_interval'])

def test_the_interval_is_one_over_speakers(clips, proba):
    "Two of six speakers are hard, so six others may be all hard or all easy: wider than by clips"
    found = report(clips, proba)
    s, t = found.groups['both'], found.predictions
    assert found.resampled == 'speakers' and s.uar_interval == uar_bootstrap(t.emotion, t.predicted, t.speaker)
    assert s.uar_interval[0] < s.uar < s.uar_interval[1]
    width = lambda interval: interval[1] - interval[0]
    assert width(s.uar_interval) > 1.3*width(uar_bootstrap(t.emotion, t.predicted, t['clip']))
    alone = report(clips.drop(columns='speaker'), proba)
    assert alone.resampled == 'clips' and 'bootstrap over clips' in str(alone)

def test_figures_agree_with_their_definitions(clips, proba):
    found = report(clips, proba)
    p, t = found.predictions[found.classes].to_numpy(), found.predictions
    assert found.groups['both'].uar == score(t.emotion, t.predicted, found.classes).uar
    assert found.groups['both'].accuracy == pytest.approx((t.emotion == t.predicted).mean())
    assert found.mean_confidence == pytest.approx(p.max(1).mean())
    recall = t[t.emotion == 'sad'].predicted.eq('sad').mean()
    assert found.groups['both'].per_class.recall['sad'] == pytest.approx(recall)

# Command line

@pytest.fixture
def strange(monkeypatch, examples):
    "The example clips in the place of another corpus"
    from emotion_nb import corpus
    rows = [dict(path=str(p), clip=f'strange {i}', corpus='strange', channel='speech', speaker=p.stem[-2:],
        emotion=EMOTIONS[int(p.stem[6:8]) - 1]) for i, p in enumerate(examples)]
    asked, df = [], pd.DataFrame(rows)
    def catalogue(*args): asked.append(args); return df
    monkeypatch.setattr(corpus, 'catalogue', catalogue)
    return asked, df

def test_evaluate_asks_about_any_corpus(strange, tmp_path):
    done = run('evaluate', '--data', tmp_path, '--corpus', 'strange', '--out', tmp_path/'report')
    assert done.exit_code == 0, done.output
    assert strange[0] == [(str(tmp_path), 'strange')]
    found = json.loads((tmp_path/'report'/'report.json').read_text())
    assert found['protocol'] in done.output and f"{found['both']['uar']:.2%}" in done.output
    assert f"{found['mean_confidence']:.2%}" in done.output and f"{found['ece']:.2%}" in done.output
    t = pd.read_csv(tmp_path/'report'/'predictions.csv')
    assert len(t) == found['both']['n'] == 8 and (t.emotion == t.predicted).mean() == found['both']['accuracy']

def test_clips_that_trained_the_model_are_refused(strange, tmp_path):
    seen = read_split(load_bundle())
    strange[1].loc[0, 'clip'] = next(clip for clip, split in seen.items() if split == 'train')
    done = run('evaluate', '--data', tmp_path)
    assert done.exit_code == 1 and 'was trained on 1 of these 8 clips' in done.output and 'Traceback' not in done.output

@pytest.mark.parametrize('protocol, called',
    [('nemo', 'run_protocol_nemo'), ('C', 'run_left_out'), ('B', 'run_protocol_b')])
def test_crossval_trains_on_both_corpora(protocol, called, monkeypatch):
    experiment, corpus = pytest.importorskip('emotion_nb.experiment'), pytest.importorskip('emotion_nb.corpus')
    asked = []
    def stopped(df, *args): asked.append(df); raise KeyboardInterrupt
    monkeypatch.setattr(corpus, 'catalogue', one_clip)
    monkeypatch.setattr(experiment, called, stopped)
    done = run('crossval', '--protocol', protocol)
    assert (done.exit_code, done.output) == (1, f'Error: {cli.STOPPED}\n')
    assert asked[0].corpus.tolist() == ['ravdess', 'nemo']
    if protocol == 'C': assert 'has no folds' in run('crossval', '--protocol', 'C', '--fold', 1).output

def test_without_nemo_the_other_recipe_is_named(monkeypatch):
    from emotion_nb import corpus
    from emotion_nb.core import CorpusError
    pytest.importorskip('tensorflow')
    def catalogue(folder, name):
        if name == 'nemo': raise CorpusError('nemo is missing.')
        return one_clip(folder, name)
    monkeypatch.setattr(corpus, 'catalogue', catalogue)
    done = run('train')
    assert done.exit_code == 1
    assert done.output == 'Error: nemo is missing. Or train on RAVDESS alone, with --recipe ravdess.\n'

# The card

@pytest.fixture
def bundle(tmp_path): return shutil.copytree(BUNDLED, tmp_path/'bundle')

@pytest.fixture
def figures(clips, proba): return report(clips, proba).figures()

def test_the_card_begins_with_strangers(bundle, figures):
    from emotion_nb.card import model_card
    fold = dict(speakers='EB0', n=12, uar=.5, lower=.4, upper=.6, accuracy=.5)
    six = dict.fromkeys([*'123456', 'mean', 'sd'], dict(UA=.6, WA=.6, F1=.6))
    m = read_manifest(bundle)['metrics'] | dict(unseen=dict(emodb=figures), nemo=figures | dict(folds={'1': fold}),
        left_out=dict(nemo=figures, ravdess=figures), emobox=dict(speech=figures['both'], folds=six),
        trained_on=dict(ravdess=1765, nemo=4481))
    add_metrics(bundle, m)
    (bundle/'report'/'adapted.csv').write_text('protocol,UAR before,UAR after\nB,60.0%,63.5%\n')
    (bundle/'report'/'tried.md').write_text('MixStyle gave nothing.\n')
    card = model_card(bundle)
    order = ["What a stranger's recording may expect", f"| emodb | 72 | 6 (17%) | {figures['both']['uar']:.1%} |",
        '**Protocol B**', '**nEMO**', '**Protocol A**', '**One corpus left out**', '| B | 60.0% | 63.5% |',
        'MixStyle gave nothing.']
    assert [card.find(text) for text in order] == sorted(card.find(text) for text in order) and order[0] in card
    assert all(text in card for text in order) and 'This was not measured' not in card
    for command in ('evaluate --corpus emodb', 'crossval --protocol nemo', 'crossval --protocol C'):
        assert command in card

def test_the_card_says_what_was_not_measured(bundle):
    from emotion_nb.card import model_card
    whole = read_manifest(bundle)['metrics']
    for missing in whole:
        add_metrics(bundle, {k: v for k, v in whole.items() if k != missing})
        assert model_card(bundle).startswith('# Model card')
    add_metrics(bundle, {})
    card = model_card(bundle)
    assert card.count('This was not measured for this model.') >= 6
    assert f"{whole['test']['both']['accuracy']:.1%}" not in card

def test_shipping_keeps_what_was_written_by_hand(bundle, tmp_path, monkeypatch):
    "The model that is replaced becomes a row of the card's table of earlier models"
    import ship
    new = shutil.copytree(BUNDLED, tmp_path/'run'/'bundle')
    for name in ('earlier.csv', 'others.csv', 'goals.csv'): (new/'report'/name).unlink()
    monkeypatch.setattr(ship, 'BUNDLED', bundle)
    monkeypatch.setattr(ship, 'ROOT', tmp_path)
    monkeypatch.setattr(ship, 'add_protocol_b', lambda *args: None)
    before = pd.read_csv(bundle/'report'/'earlier.csv')
    ship.ship(tmp_path/'run', tmp_path/'crossval')
    earlier, card = pd.read_csv(bundle/'report'/'earlier.csv'), (tmp_path/'MODEL_CARD.md').read_text()
    assert len(earlier) == len(before) + 1 and f'| {earlier.as_of.iloc[-1]} |' in card
    assert (bundle/'report'/'goals.csv').read_bytes() == (BUNDLED/'report'/'goals.csv').read_bytes()
    assert card == (bundle/'MODEL_CARD.md').read_text()
