"One recording in many forms gets one answer; the real clips are in docs/equal_answers.md."
import numpy as np
import pytest
import soundfile as sf
from equal_answers import FORMS, chosen

from emotion_nb.classifier import EmotionClassifier

@pytest.fixture(scope='module')
def clf(): return EmotionClassifier.load()

# Without loss, what is left is rounding: of samples to 16 bits, and of a mean over channels.
# Lossy codecs and other rates remove some of the sound.
LOSSLESS = ('width', 'array', 'codec: FLAC', 'rate: 22.05', 'level', 'channels', 'a file object')
LIMIT = 2e-3

@pytest.mark.parametrize('name', [k for k in FORMS if k.startswith(LOSSLESS)])
def test_a_form_without_loss_changes_no_answer(clf, examples, name):
    y, sr = sf.read(examples[2], dtype='float32')
    as_it_is, other = clf.predict_proba([examples[2]]), clf.predict_proba([FORMS[name](y, sr)])
    np.testing.assert_allclose(other[0], as_it_is[0], rtol=0, atol=LIMIT)

@pytest.mark.parametrize('name', [k for k in FORMS if not k.startswith(LOSSLESS)])
def test_every_other_form_is_answered(clf, examples, name):
    y, sr = sf.read(examples[2], dtype='float32')
    assert clf.predict_proba([FORMS[name](y, sr)])[0].sum() == pytest.approx(1, abs=1e-5)

def test_the_clips_are_drawn_by_their_seed():
    clips = list(range(490))
    assert chosen(clips) == chosen(clips) != chosen(clips, seed=1)
    assert len(set(chosen(clips))) == 200
