"A stream gives the answers of its windows, however its blocks come."
import numpy as np
import pytest

from emotion_nb import EmotionClassifier
from emotion_nb.audio import load_audio
from emotion_nb.core import AudioError, example_clips
from emotion_nb.stream import EmotionStream

@pytest.fixture(scope='module')
def clf(): return EmotionClassifier.load()

@pytest.fixture(scope='module')
def voice(): return np.concatenate([load_audio(example_clips()[e], 16_000) for e in ('angry', 'sad')])[:16_000*5]

def probabilities(answers): return [[*a.prediction.probabilities.values()] for a in answers]

def whole(clf, x, rate, answers):
    "What the classifier says to the windows of the whole recording"
    return [[*clf.predict((x[round(a.start*rate):round(a.end*rate)], rate)).probabilities.values()] for a in answers]

def pushed(clf, x, rate, sizes, **options):
    stream, rng, out, i = EmotionStream(clf, rate, hop=1., **options), np.random.RandomState(0), [], 0
    while i < len(x):
        n = rng.choice(sizes)
        out += stream.push(x[i:i + n])
        i += n
    return out

@pytest.mark.parametrize('rate, dtype, channels, sizes', [
    (8000, np.int16, 1, [80, 160, 0]), (22_050, np.float32, 2, [1, 7, 5000]), (44_100, np.float64, 1, [200_000]),
    (48_000, np.int32, 2, [960, 48_000])])
def test_the_size_and_the_kind_of_blocks_do_not_matter(clf, voice, rate, dtype, channels, sizes):
    y = load_audio((voice, 16_000), rate)
    kind = np.dtype(dtype)
    x = y.astype(kind) if kind.kind == 'f' else (y.astype(float)*np.iinfo(kind).max).astype(kind)
    x = x[:, None].repeat(channels, 1) if channels > 1 else x
    answers = pushed(clf, x, rate, sizes)
    assert [a.end for a in answers] == [3., 4., 5.][:len(answers)] and len(answers) >= 2
    np.testing.assert_allclose(probabilities(answers), whole(clf, x, rate, answers), atol=1e-5)

def test_the_rate_and_the_channels_may_change(clf, voice):
    stream = EmotionStream(clf, 16_000)
    assert stream.push(voice[:16_000]) == []
    second = load_audio((voice[16_000:32_000], 16_000), 48_000)
    assert stream.push(np.stack([second, second], 1), 48_000) == []
    third = load_audio((voice[32_000:48_000], 16_000), 8000)
    [a] = stream.push(third, 8000)
    assert (a.start, a.end) == pytest.approx((0., 3.), abs=.001) and stream.seconds == pytest.approx(3, abs=.001)
    straight = clf.predict((load_audio((voice[:48_000], 16_000), 8000), 8000)).probabilities
    assert sum(abs(a.prediction.probabilities[k] - p) for k, p in straight.items()) < .3

def test_channels_that_cancel_are_not_lost(clf, voice):
    [a] = EmotionStream(clf, 16_000).push(np.stack([voice, -voice], 1)[:48_000])
    [b] = EmotionStream(clf, 16_000).push(voice[:48_000])
    np.testing.assert_allclose(*probabilities([a, b]), atol=1e-5)

def test_other_sounds_and_silence_are_answered_as_by_the_classifier(clf):
    hum = (.1*np.sin(np.arange(48_000)*.05)).astype(np.float32)
    [a] = EmotionStream(clf, 16_000).push(hum)
    assert a.emotion is None and a.prediction.no_voice and a.error is None
    [b] = EmotionStream(clf, 16_000).push(np.zeros(48_000))
    assert b.emotion is None and b.prediction is None and 'silent' in str(b.error)

def test_what_is_kept_does_not_grow(clf):
    for skip in (False, True):
        s, kept = EmotionStream(clf, 8000, window=1., hop=1., skip=skip), 0
        for _ in range(20):
            s.push(np.zeros(8000*5, np.uint8) + 128)
            kept = max(kept, s._kept.base.nbytes if s._kept.base is not None else s._kept.nbytes)
        assert kept <= 4*8000*3.5 and s.seconds == 100

def test_a_late_stream_answers_the_newest_window_alone(clf, voice):
    s = EmotionStream(clf, 16_000, skip=True)
    ends = [a.end for n in (48_200, 16_000, 40_000) for a in s.push(voice[:n])]
    assert ends == [3., 4., 6.5]

def test_blocks_that_are_no_samples_are_refused(clf):
    s = EmotionStream(clf, 16_000)
    for bad in (np.zeros((2, 2, 2)), np.zeros(3, complex), ['a'], np.full(3, np.inf), np.zeros((2, 65)), np.arange(3)):
        with pytest.raises(AudioError): s.push(bad)
    assert s.seconds == 0
    with pytest.raises(AudioError): s.push(np.zeros(3), 10)
