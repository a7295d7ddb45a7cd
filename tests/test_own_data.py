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

def write(folder, lines, columns='path,label,speaker'):
    (folder/'labels.csv').write_text('\n'.join([columns, *lines]), encoding='utf-8')
    return folder/'labels.csv'

def table(*args): return own_catalogue(*find_table(write(*args)))

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

@pytest.mark.parametrize('label', ['NaN', 'NA', 'null', 'None', '<NA>'])
def test_a_label_that_tables_read_as_a_missing_one_is_refused(sounds, label):
    folder, lines = sounds
    with pytest.raises(CorpusError, match='stands for a missing one'):
        own_catalogue(write(folder, [*lines, f'Ada-0-0.wav,{label},Ada'][1:]))

def test_a_comma_in_a_label_does_not_move_the_speaker(sounds):
    folder, lines = sounds
    with pytest.raises(CorpusError, match='Line 2 .* double quotes'):
        own_catalogue(write(folder, ['Ada-0-0.wav,laughing, crying,Ada', *lines[1:]]))
    with pytest.raises(CorpusError, match="two columns 'emotion'"):
        own_catalogue(write(folder, [f'{line},x' for line in lines], 'path,label,speaker,label'))
    df = own_catalogue(write(folder, ['Ada-0-0.wav,"laughing, crying",Ada', *lines[1:]]))
    assert df.set_index('clip').loc['Ada-0-0.wav', ['emotion', 'speaker']].tolist() == ['laughing, crying', 'Ada']

def test_a_long_path_is_shortened(sounds):
    folder, lines = sounds
    done = run('train', '--labels', write(folder, [*lines, 'a'*5000 + '.wav,calm,Ada']), '--check')
    assert done.exit_code == 1 and 'cannot be read' in done.output and len(done.output) < 500

def test_speakers_that_are_not_known_are_not_claimed_to_be_new(sounds):
    from emotion_nb.own_training import _protocol
    folder, lines = sounds
    nameless = [line.rpartition(',')[0] for line in lines]
    anonymous = check_data(own_catalogue(write(folder, nameless, 'path,label')), 'speaker', progress=False)
    assert anonymous.errors == ['The table does not say who speaks: add a column speaker, or split by recording.']
    partly = check_data(own_catalogue(write(folder, [*lines[1:], nameless[0] + ','])), progress=False)
    assert partly.by == 'speaker' and 'speakers may be known' in _protocol(partly, 'test')
    whole = check_data(own_catalogue(write(folder, lines)), progress=False)
    assert 'speaker-independent' in _protocol(whole, 'test')

def test_speakers_that_differ_in_their_case_are_named(sounds):
    folder, lines = sounds
    found = check_data(own_catalogue(write(folder, [lines[0].replace(',Ada', ',ada'), *lines[1:]])), progress=False)
    assert any(w.startswith('Speakers that differ in their case alone: Ada, ada.') for w in found.warnings)

def test_a_folder_that_holds_the_table(sounds):
    folder, lines = sounds
    table(folder, lines)
    assert run('train', '--labels', folder, '--check').exit_code == 0

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

def again(folder, labels):
    "A folder with recordings of two labels that no model has met, and its table"
    for label in ('a', 'b'): tone(folder/f'{label}.wav', 400)
    return write(folder, [f'{name}.wav,{label}' for name, label in zip('ab', labels)], 'path,label')

def test_a_model_is_asked_about_other_recordings_with_its_labels(model, tmp_path):
    known, other = sorted(LABELS)[:2]
    again(tmp_path, [known, other])
    by_labels = run('evaluate', '--model', model[1], '--labels', tmp_path/'labels.csv', '--out', tmp_path/'report')
    assert by_labels.exit_code == 0 and 'Protocol: own labels, labels.csv, 2 clips' in by_labels.output
    assert (tmp_path/'report').is_dir()
    by_data = run('evaluate', '--model', model[1], '--corpus', 'table', '--data', tmp_path/'labels.csv')
    assert by_data.exit_code == 0 and by_data.output.split() == by_labels.output.partition('\nSaved in')[0].split()

def test_labels_that_the_model_does_not_know(model, tmp_path):
    done = run('evaluate', '--model', model[1], '--labels', again(tmp_path, ['yawning', 'calm']))
    assert done.exit_code == 1 and 'does not know these labels' in done.output and 'yawning' in done.output
    assert all(label in done.output for label in LABELS)
    bundled = run('evaluate', '--labels', again(tmp_path, ['yawning', 'joy']))
    assert bundled.exit_code == 1 and ': yawning. It knows angry' in bundled.output

def test_recordings_that_trained_the_model_are_refused(model, tmp_path):
    import shutil
    head, *lines = (model[2]/'labels.csv').read_text(encoding='utf-8').splitlines()
    for wav in model[2].glob('*.wav'): shutil.copy(wav, tmp_path/f'renamed {wav.name}')
    write(tmp_path, [f'renamed {line}' for line in lines], head)
    done = run('evaluate', '--model', model[1], '--labels', tmp_path)
    assert done.exit_code == 1 and 'was trained on 30 of these 36 clips' in done.output

@pytest.mark.parametrize('args', [(), ('--corpus', 'ravdess'), ('--protocol', 'A'), ('--robustness',)])
def test_a_model_of_own_labels_is_not_asked_about_a_corpus(model, args):
    done = run('evaluate', '--model', model[1], *args)
    assert done.exit_code == 1 and 'name a table with --labels' in done.output
