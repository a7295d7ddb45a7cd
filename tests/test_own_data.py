"Recordings of one's own, with labels of any kind: checked, split, trained on, and served."
import shutil

import numpy as np
import pytest
import soundfile as sf
from click.testing import CliRunner

from emotion_nb.app.theme import looks
from emotion_nb.cli import main
from emotion_nb.core import EMOTIONS, CorpusError
from emotion_nb.own_data import RESERVED, check_data, find_table, own_catalogue, own_split, split_groups

SPEAKERS = 'Ada', 'Ben', 'Cleo', 'Dan', 'Eve', 'Finn'
# With a space, one of the eight emotions, with an umlaut; and the height of a tone
LABELS = {'giggles & snorts': 1500, 'calm': 200, 'Ärger': 600}

def tone(path, hz, seconds=.6, level=.3):
    rng = np.random.default_rng(int(hz))
    t = np.arange(round(seconds*16_000))/16_000
    sf.write(path, level*(np.sin(2*np.pi*hz*t) + .03*rng.standard_normal(len(t))), 16_000)

def rows(folder, speakers=SPEAKERS, takes=2):
    "A file for each speaker, label and take; the lines of a table"
    lines = []
    for i, speaker in enumerate(speakers):
        for k, (label, hz) in enumerate(LABELS.items()):
            for take in range(takes):
                name = f'{speaker}-{k}-{take}.wav'
                tone(folder/name, hz + 20*i + take)
                lines.append(f'{name},{label},{speaker}')
    return lines

def table(folder, lines, columns='path,label,speaker'):
    (folder/'labels.csv').write_text('\n'.join([columns, *lines]), encoding='utf-8')
    return own_catalogue(*find_table(folder/'labels.csv'))

def run(*args): return CliRunner().invoke(main, [*map(str, args)])

@pytest.fixture(scope='module')
def sounds(tmp_path_factory):
    folder = tmp_path_factory.mktemp('own')
    return folder, rows(folder)

def test_labels_are_kept_as_they_are_written(sounds):
    df = table(*sounds)
    assert {*df.emotion} == {*LABELS} and len(df) == 36 and {*df.speaker} == {*SPEAKERS}

def test_no_speaker_and_no_copy_is_divided(sounds, tmp_path):
    folder, lines = sounds
    for line in lines: shutil.copy(folder/line.split(',')[0], tmp_path)
    shutil.copy(folder/'Ada-0-0.wav', tmp_path/'copy.wav')
    df = table(tmp_path, [*lines, 'copy.wav,giggles & snorts,Zoe']) # under another speaker
    for seed in range(3):
        split = own_split(df, seed=seed)
        assert {*split} == {'train', 'validation', 'test'}
        assert (split.groupby(split_groups(df, 'speaker')).nunique() == 1).all()
        assert split[df['clip'] == 'copy.wav'].item() == split[df['clip'] == 'Ada-0-0.wav'].item()
        for label in LABELS: assert ((df.emotion == label) & (split == 'train')).any()

@pytest.mark.parametrize('per_label', [3, 4, 7])
def test_few_recordings_of_each_label_can_be_split(per_label, sounds):
    df = table(*sounds)
    few = df.groupby('emotion').head(per_label)
    few = few.assign(speaker=few['clip'])
    split = own_split(few)
    assert {*split} == {'train', 'validation', 'test'} and {*few.emotion[split == 'train']} == {*LABELS}

def test_the_check_finds_each_problem(sounds, tmp_path):
    folder, lines = sounds
    for line in lines: shutil.copy(folder/line.split(',')[0], tmp_path)
    shutil.copy(folder/'Ben-1-0.wav', tmp_path/'copy.wav')
    tone(tmp_path/'clipped.wav', 300, level=3.)
    tone(tmp_path/'silent.wav', 300, level=0.)
    tone(tmp_path/'short.wav', 300, seconds=.05)
    (tmp_path/'damaged.wav').write_bytes(b'RIFF')
    bad = [f'{name}.wav,calm,Ben' for name in ('copy', 'clipped', 'silent', 'short', 'damaged')]
    check = check_data(table(tmp_path, lines + bad), progress=False)
    assert not check.errors and len(check.usable()) == 38
    said = '\n'.join(check.warnings)
    assert 'Copies: copy.wav of Ben-1-0.wav.' in said and 'Clipped: 1 recording, clipped.wav.' in said
    assert 'cannot be used: 3 recordings, damaged.wav, short.wav, silent.wav' in said
    assert 'Speakers on both sides' not in said
    by_recording = check_data(table(tmp_path, lines), 'recording', progress=False)
    assert any('Speakers on both sides: 6 of 6' in w for w in by_recording.warnings)

def test_what_cannot_be_trained_is_an_error(sounds, tmp_path):
    folder, lines = sounds
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    tone(tmp_path/'rare.wav', 99)
    small = check_data(table(tmp_path, [*lines, 'rare.wav,rare,Ada']), progress=False)
    assert len(small.errors) == 1 and 'rare has 1 recording' in small.errors[0]
    with pytest.raises(CorpusError, match='rare has 1 recording'): small.usable()
    shutil.copy(folder/'Ada-1-0.wav', tmp_path/'twin.wav')
    [error] = check_data(table(tmp_path, [*lines, 'twin.wav,Ärger,Ada']), progress=False).errors
    assert error.startswith('One recording under two labels: Ada-1-0.wav, twin.wav')
    tone(tmp_path/'silent.wav', 300, level=0.)
    (tmp_path/'damaged.wav').write_bytes(b'RIFF')
    nothing = check_data(table(tmp_path, ['silent.wav,a,', 'damaged.wav,b,']), progress=False)
    assert nothing.errors == ['No usable recording of: a, b.'] and 'Error:' in str(nothing)

@pytest.mark.parametrize('label', ['', 'speaker', 'x'*101, *sorted(RESERVED)[:2]])
def test_a_label_that_cannot_be_a_column_is_refused(sounds, label):
    folder, lines = sounds
    with pytest.raises(CorpusError, match='label') as e: table(folder, [*lines, f'Ada-0-0.wav,{label},Ada'][1:])
    assert '\n' not in str(e.value)

def test_each_label_has_a_look_of_its_own():
    many = [*LABELS, *EMOTIONS, *map(str, range(40))]
    found = looks(many)
    assert [*found] == [*dict.fromkeys(many)] and len({tuple(o.values()) for o in found.values()}) == len(found)
    assert found['calm'] == looks()['calm']

def test_the_command_line_checks_and_says_what_is_wrong(sounds):
    folder, lines = sounds
    table(folder, lines)
    done = run('train', '--data', folder, '--labels', 'labels.csv', '--check')
    assert done.exit_code == 0 and 'Split by speaker: train 24, validation 6, test 6.' in done.output
    table(folder, lines[:4])
    done = run('train', '--labels', folder/'labels.csv', '--check')
    assert done.exit_code == 1 and 'Error: Too small' in done.output and 'correct the errors above' in done.output
    assert run('train', '--check').exit_code == 2

@pytest.fixture(scope='module')
def model(tmp_path_factory):
    "What `emotion-nb train --labels` printed, and the bundle it made, with a tiny recipe"
    pytest.importorskip('tensorflow')
    from emotion_nb import training
    from emotion_nb.batches import BatchConfig
    from emotion_nb.model import ModelConfig
    net = ModelConfig(conv=(), kernel_size=(), strides=(), pool_size=(), lstm=(), pooling=('mean',), functionals=0,
        dense=(8,), dropout=0.)
    tiny = training.Recipe(model=net, batches=BatchConfig(batch_size=8, time_masks=0, mel_masks=0), n_augmented=0,
        warmup=1, learning_rate=.01, ema_momentum=0., lda=False)
    folder = tmp_path_factory.mktemp('trained')
    table(folder, rows(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(training.RECIPES, 'tiny', tiny)
        patch.setenv('EMOTION_NB_CACHE', str(folder/'cache'))
        done = run('train', '--data', folder, '--labels', folder/'labels.csv', '--recipe', 'tiny', '--epochs', 25,
                   '--out', folder/'run')
    assert done.exit_code == 0, done.output
    return done.output, folder/'run'/'bundle', folder

def test_training_prints_check_report_and_what_to_do(model):
    output, bundle, _ = model
    order = [output.index(o) for o in ('36 recordings of 6 speakers', 'Protocol: own data (speaker-independent), test',
                                       'UAR', 'Confusion matrix', f'emotion-nb dashboard --model {bundle}')]
    assert order == sorted(order)

def test_the_model_knows_the_labels_and_is_tested_on_new_speakers(model):
    from emotion_nb.classifier import EmotionClassifier
    clf = EmotionClassifier.load(model[1])
    own = clf.metrics['own']
    assert {*clf.classes_} == {*LABELS} and own['data']['by'] == 'speaker' and own['both']['n'] == 6
    proba = clf.predict_proba([model[2]/'Finn-1-0.wav'])
    assert clf.classes_[proba.argmax()] == 'calm'
    assert clf.bundle.manifest['recipe']['prior'] == [] # the default prior is about calm
    assert 'giggles & snorts' in clf.model_card and 'RAVDESS' not in clf.model_card
    assert {'confusion.png', 'history.png', 'predictions.csv', 'report.json'} <= {
        p.name for p in (model[1]/'report').iterdir()}

def test_the_dashboard_serves_the_model(model):
    pytest.importorskip('anywidget')
    from emotion_nb.app.page import EmotionApp
    from emotion_nb.app.text import card_html
    from emotion_nb.classifier import EmotionClassifier
    clf = EmotionClassifier.load(model[1])
    app = EmotionApp(clf)
    assert 'recordings with 3 labels' in app.about.value and 'RAVDESS' not in app.about.value
    assert [b.description for b in app.examples.children[1:]] == ['calm'] # of the eight, it knows this one
    app.many.update([['a.wav', clf.predict(model[2]/'Ada-0-0.wav')]], clf.classes_.tolist())
    assert {*app.many.table.looks} == {*LABELS}
    assert 'giggles &amp; snorts' in card_html(clf) and 'Confusion matrix' in card_html(clf)
