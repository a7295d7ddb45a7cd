"What is not a voice has no emotion, and what is one passes: speech and song, clean or in bad recordings."
import csv, io, json, re

import numpy as np
import pytest
from click.testing import CliRunner
from nonvoices import SOUNDS, nonvoice
from voice import CONDITIONS

from emotion_nb.audio import load_audio
from emotion_nb.classifier import EmotionClassifier
from emotion_nb.cli import main
from emotion_nb.core import AudioError, example_clips
from emotion_nb.output import predictions_csv
from emotion_nb.prediction import NO_VOICE, Prediction, verdict
from emotion_nb.voice import is_voice

SR = 22_050

@pytest.fixture(scope='module')
def clf(): return EmotionClassifier.load()

@pytest.fixture(scope='module')
def happy(): return load_audio(example_clips()['happy'])

def melody(): return nonvoice('melody', 1, SR, 6.)

@pytest.mark.parametrize('kind', SOUNDS)
def test_what_is_not_a_voice_is_not_recognised_as_one(kind):
    assert not [seed for seed in range(3) if is_voice(nonvoice(kind, seed, SR), SR)]

def test_sound_without_a_voice_is_an_outcome_of_its_own(clf):
    p = clf.predict((melody(), SR))
    assert (p.emotion, p.confidence, p.candidates) == (None, 0., ()) and 'not a voice' in p.no_voice
    assert verdict(p) == str(p) == NO_VOICE and NO_VOICE in p._repr_markdown_()
    assert sum(p.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert clf.predict_proba([(melody(), SR)])[0] == pytest.approx([*p.probabilities.values()], abs=1e-6)
    assert json.loads(json.dumps(p.as_dict()))['no_voice'] == p.no_voice

@pytest.mark.parametrize('emotion', ['calm', 'angry', 'fearful', 'sad'])
@pytest.mark.parametrize('condition', CONDITIONS)
def test_a_voice_passes_under_bad_conditions(emotion, condition):
    y = CONDITIONS[condition](load_audio(example_clips()[emotion]), np.random.default_rng(0))
    assert is_voice(y.astype(np.float32), SR)

def test_level_and_offset_are_not_what_makes_a_voice(happy):
    for y in (happy/300, happy/np.abs(happy).max()*30, happy + .3): assert is_voice(np.float32(y), SR)
    assert not is_voice(np.zeros(SR, np.float32), SR)

def test_sound_without_a_voice_does_not_count_beside_a_voice(clf, happy):
    alone = clf.predict((happy, SR))
    both = clf.predict((np.r_[melody(), np.zeros(2*SR, np.float32), happy], SR))
    assert both.emotion == alone.emotion and both.no_voice is None
    assert both.probabilities == pytest.approx(alone.probabilities, abs=.1)

def test_a_timeline_names_no_emotion_where_nobody_speaks(clf, happy):
    t = clf.predict_timeline((np.r_[melody(), happy], SR))
    assert t.emotion[:3].isna().all() and t.emotion[-2:].notna().all() and not t.no_voice[-2:].any()
    t = clf.predict_timeline((melody(), SR))
    assert t.emotion.isna().all() and t.no_voice.any()

def test_there_is_nothing_to_explain_without_a_voice(clf):
    with pytest.raises(AudioError, match='No voice recognised'): clf.explain((melody(), SR))

def test_the_command_line_answers_that_there_is_no_voice(tmp_path):
    import soundfile as sf
    sf.write(file := str(tmp_path/'melody.wav'), melody(), SR)
    table, as_csv, as_json = (CliRunner().invoke(main, ['predict', file, *o]) for o in ([], ['--csv'], ['--json']))
    assert [r.exit_code for r in (table, as_csv, as_json)] == [0, 0, 0]
    assert re.search(r'-  +-  no voice recognised', table.stdout) # neither an emotion nor a confidence
    row, = csv.DictReader(io.StringIO(as_csv.stdout))
    assert row['emotion'] == '' and float(row['confidence']) == 0 and 'voice' in row['no_voice']
    assert json.loads(as_json.stdout)[0]['emotion'] is None
    assert 'no voice recognised' in CliRunner().invoke(main, ['timeline', file]).stderr

def test_a_table_has_the_reason_in_its_own_column():
    row, = csv.DictReader(io.StringIO(predictions_csv([('a', Prediction(dict(calm=1.), no_voice='A hum.'))], ['calm'])))
    assert (row['emotion'], row['no_voice'], row['error']) == ('', 'A hum.', '')

@pytest.mark.parametrize('condition, word', [
    ('telephone', 'Band-limited'), ('noise 5 dB', 'Noisy'), ('as it is', None)])
def test_a_warning_says_what_is_wrong_with_the_sound(clf, happy, condition, word):
    from emotion_nb.augmentation import add_noise
    rng = np.random.default_rng(0)
    more = {'as it is': lambda y, rng: y, 'noise 5 dB': lambda y, rng: add_noise(y, SR, 5, rng)}
    found = [w.split(':')[0] for w in clf.predict(((CONDITIONS | more)[condition](happy, rng), SR)).warnings]
    assert (word in found) if word else not found

def test_nearly_every_clip_of_the_corpora_passes(corpus):
    nemo = corpus.parent/'nemo'
    for files in (corpus.glob('*/*/*.*'), nemo.glob('*/*.opus')):
        files = sorted(files)
        some = files[::max(1, len(files)//25)]
        passed = [is_voice(load_audio(f), SR) for f in some]
        assert np.mean(passed or [1]) >= .96, [str(f) for f, p in zip(some, passed) if not p]
