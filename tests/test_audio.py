"From any recording to one mono stream: levels, channels, constants, rates, and that nothing stays open."
import gc, io, os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from emotion_nb import audio
from emotion_nb.audio import SAMPLE_RATE, load_audio, stream_audio
from emotion_nb.core import AudioError, example_clips
from emotion_nb.activity import FAINT
from recordings import encoded, written

SR = 16_000
RNG = np.random.default_rng(0)
SECONDS = np.arange(SR)/SR
VOICE = .3*np.sin(2*np.pi*220*SECONDS)*np.sin(2*np.pi*3*SECONDS)**2 + .01*RNG.standard_normal(SR)
VOICE = VOICE.astype(np.float32)
OTHER = (.1*RNG.standard_normal(SR)).astype(np.float32)

def wav(y, sr=SR, **kw):
    "`y` as the bytes of a file"
    return written(y, sr, **dict(format='WAV', subtype='FLOAT') | kw)

FILES = dict(
    wav=wav(VOICE), flac=wav(VOICE, format='FLAC', subtype='PCM_16'), ogg=wav(VOICE, format='OGG', subtype='VORBIS'),
    mp3=wav(VOICE, format='MP3', subtype='MPEG_LAYER_III'), m4a=encoded(VOICE, SR, 'ipod', 'aac'))

def streamed(x, *args, **kw): return np.concatenate(list(stream_audio(x, *args, **kw)))
def peak(y): return np.abs(y - y.mean(dtype=float)).max()
def stereo(*ys): return np.stack(ys, axis=1)

@pytest.fixture(scope='session')
def clf():
    from emotion_nb.classifier import EmotionClassifier
    return EmotionClassifier.load()

def proba(clf, x): return np.array(list(clf.predict(x).probabilities.values()))

# What it is given as

@pytest.mark.parametrize('kind', FILES)
def test_every_way_to_give_a_file_is_the_same(tmp_path, kind):
    data, path = FILES[kind], tmp_path/f'~a b.{kind}'
    path.write_bytes(data)
    want = load_audio(path)
    assert abs(len(want) - SAMPLE_RATE) < 4_000 and want.std() > .05
    buffer = io.BytesIO()
    buffer.write(data)  # its position is its end
    dicts = dict(path='elsewhere', bytes=data), dict(path=str(path), bytes=None)
    for x in data, buffer, buffer, str(path), path.as_uri(), *dicts: assert np.array_equal(load_audio(x), want)
    with open(path, 'rb') as f:
        f.read(100)
        for _ in range(2): assert np.array_equal(load_audio(f), want)
        assert f.tell() == 100

def test_every_way_to_give_samples_is_the_same():
    want = load_audio((VOICE, SR))
    ints = (VOICE*2**15).astype(np.int16)
    dicts = dict(array=VOICE, sampling_rate=SR), dict(raw=VOICE, sampling_rate=SR)
    for x in (SR, VOICE), (VOICE.tolist(), SR), (VOICE[:, None], float(SR)), wav(VOICE), *dicts:
        assert np.array_equal(load_audio(x), want)
    for x in (ints, SR), (SR, ints.astype(np.int64)), (ints.astype('>i4'), SR), wav(VOICE, subtype='PCM_16'):
        np.testing.assert_allclose(load_audio(x), want, atol=1e-4)

def test_the_classifier_answers_int32_as_int16(clf):
    y, sr = sf.read(next(iter(example_clips().values())), dtype='int16')
    want = proba(clf, (y, sr))
    for kind in np.int32, np.int64, np.float32, np.float64:
        np.testing.assert_allclose(proba(clf, (y.astype(kind), sr)), want, atol=5e-3)  # another level rounds otherwise

# Channels

def test_channels_are_mixed_by_their_mean():
    nothing = 0*VOICE
    for ys in [(VOICE, OTHER), (VOICE, nothing), (VOICE, np.roll(VOICE, 20)), (VOICE, VOICE), (nothing, nothing),
               (VOICE, OTHER, nothing, nothing, OTHER, VOICE)]:
        y = stereo(*ys)
        for seconds in 30., .1: assert np.array_equal(streamed(wav(y), SR, seconds), y.mean(1, dtype=np.float32))

@pytest.mark.parametrize('left, right', [
    (VOICE, -VOICE), (VOICE, -.8*VOICE), (VOICE, -.65*VOICE), (VOICE + .2, .3 - VOICE), (VOICE, .002*OTHER - VOICE),
    (np.round(VOICE*2**15)/2**15, -np.round(VOICE*2**15)/2**15 - 2**-15)])
def test_channels_that_cancel(left, right):
    for y in stereo(left, right), stereo(right, left):
        used = np.argmax(y.std(0)) if y.std(0).min()**2 < .5*y.std(0).max()**2 else 0
        for seconds in 30., .25: assert np.array_equal(streamed(wav(y), SR, seconds), y[:, used].astype(np.float32))

def test_a_short_or_quiet_block_follows_the_one_before():
    for sign, end in (1, VOICE[:20]), (-1, VOICE[:20]), (1, .001*OTHER), (-1, .001*OTHER):  # one of both parts cancels
        y = stereo(np.r_[VOICE, end], np.r_[sign*VOICE, -sign*end])
        assert np.array_equal(streamed(wav(y), SR, 1.), y.mean(1, dtype=np.float32) if sign == 1 else y[:, 0])

def test_channels_that_cancel_for_a_while():
    y = stereo(np.r_[VOICE, VOICE, VOICE], np.r_[VOICE, -VOICE, VOICE])
    assert np.array_equal(streamed(wav(y), SR, 1.), y[:, 0])

def test_the_channel_does_not_change_from_block_to_block():
    gain = np.linspace(.9, 1.1, SR, dtype=np.float32)
    for y in stereo(VOICE, -VOICE*gain), stereo(VOICE*gain, -VOICE):
        assert np.array_equal(streamed(wav(y), SR, .1), y[:, 0])

def test_the_classifier_answers_opposite_phase(clf):
    y, sr = sf.read(next(iter(example_clips().values())), dtype='float32')
    np.testing.assert_allclose(proba(clf, (stereo(y, -y), sr)), proba(clf, (y, sr)), atol=1e-6)
    np.testing.assert_allclose(proba(clf, wav(stereo(-y, y), sr)), proba(clf, (-y, sr)), atol=5e-3)

# Constants, levels, numbers

@pytest.mark.parametrize('rate', [2_000, 8_000, 11_025, 16_000, 22_050, 44_100, 44_100.5, 48_000, 192_000, 768_000])
def test_a_constant_is_silent(rate):
    n = int(.3*rate)
    for value in 1., -.5, .1, .001, 7.5, 30_000.:
        for dither in 0, 2e-5:
            y = (value + dither*RNG.uniform(-1, 1, n)).astype(np.float32)
            for seconds in 30., .1: assert peak(streamed((y, rate), seconds=seconds)) < FAINT

def test_the_classifier_says_that_a_constant_is_no_voice(clf):
    files = wav(np.full(48_000, .3, np.float32), 48_000), wav(np.full((48_000, 2), -.3), 48_000, subtype='PCM_16')
    for x in *files, (np.full(48_000, 9_000), 48_000):
        assert clf.predict(x).emotion is None

def test_the_edges_of_a_resampled_recording_are_those_of_the_recording():
    y = load_audio((.5 + VOICE[:SR//2], SR), 44_100)
    assert len(y) == 22_050 and abs(y[0] - .5 - VOICE[0]) < .02 and abs(y[-1] - .5 - VOICE[SR//2 - 1]) < .02

def test_blocks_have_no_seams():
    want = load_audio((VOICE, SR))
    for seconds in .013, .1, .5: np.testing.assert_allclose(streamed((VOICE, SR), seconds=seconds), want, atol=1e-7)

@pytest.mark.parametrize('gain', [1e-3, 1e-6, 1e-20, 100., 32_768., 1e9])
def test_no_level_loses_what_a_file_holds(gain):
    np.testing.assert_allclose(load_audio(wav(VOICE*np.float32(gain))), load_audio(wav(VOICE))*gain, atol=1e-6*gain)

@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('bad, why', [
    (np.nan, 'not finite'), (np.inf, 'not finite'), (-np.inf, 'not finite'), (1e38, 'full scale'),
    (-1e30, 'full scale')])
def test_numbers_that_are_no_samples(bad, why):
    for channels in 1, 2:
        y = np.repeat(VOICE[:, None], channels, 1)
        y[500, -1] = bad
        for rate in SR, SAMPLE_RATE:
            with pytest.raises(AudioError, match=why): load_audio(wav(y), rate)
        if not np.isfinite(bad):
            with pytest.raises(AudioError, match=why): load_audio((y, SR))

@pytest.mark.filterwarnings('error')
def test_huge_floats_in_an_array_are_scaled():
    for y in VOICE*np.float32(1e38), VOICE.astype(float)*1e300:
        np.testing.assert_allclose(load_audio((y, SR), SR), VOICE/np.abs(VOICE).max(), atol=1e-6)

# Sample rates

@pytest.mark.parametrize('rate', [
    2_000, 2000.5, 44_100.5, np.float32(8_000), np.uint16(48_000), np.array(48_000), Fraction(44_101, 2), 768_000])
def test_rates(rate):
    y = load_audio((np.sin(np.arange(int(rate))*2*np.pi*440/float(rate)), rate))
    assert abs(len(y) - SAMPLE_RATE) <= 12 and abs(np.abs(np.fft.rfft(y)).argmax() - 440) <= 1

@pytest.mark.parametrize('rate, why', [
    (0, '0 Hz'), (-8_000, '-8000 Hz'), (1_999, '1999 Hz'), (768_001, '768001 Hz'), (float('nan'), 'nan Hz'),
    (float('inf'), 'inf Hz'), (10**400, r'0\.\.\.0* Hz'), (True, 'not True'), (np.True_, 'not'),
    ('8000', r'\(array, sample rate in Hz\)'), (None, r'\(array, sample rate in Hz\)|not None'),
    (8_000j, 'not 8000j'), (object(), 'not <object'), (Path('a.wav'), 'a.wav'), (np.array('M'), 'not array')])
def test_rates_that_are_not_possible(rate, why):
    with pytest.raises(AudioError, match=why) as e: load_audio((VOICE, rate))
    assert len(str(e.value)) < 200

def test_a_rate_of_the_result_that_is_not_possible():
    for rate in 0, -1, None, 1e9:
        with pytest.raises(AudioError, match='result|number of Hz'): load_audio((VOICE, SR), rate)

def decoding(monkeypatch, *blocks, warning=None):
    "Let the decoder give these blocks of (rate, samples)"
    def decode(file, name, seconds, warn):
        assert file.read() == b'RIFF'
        if warning: warn(warning)
        yield from blocks
    monkeypatch.setattr(audio, 'decode', decode)

def tone(rate, hz, channels=1):
    y = .5*np.sin(2*np.pi*hz*np.arange(rate)/rate)
    return rate, np.repeat(y.astype(np.float32)[:, None], channels, 1)

def test_a_rate_that_changes_midway(monkeypatch):
    decoding(monkeypatch, tone(48_000, 300, 2), tone(8_000, 500), tone(SAMPLE_RATE, 700, 6), tone(SAMPLE_RATE, 900, 2),
             tone(SAMPLE_RATE, 1100))
    for seconds in 30., .4:
        y = streamed(b'RIFF', seconds=seconds)
        assert len(y) == 5*SAMPLE_RATE
        for i, hz in enumerate([300, 500, 700, 900, 1100]):
            part = y[i*SAMPLE_RATE:(i+1)*SAMPLE_RATE]
            np.testing.assert_allclose(part[300:-300], tone(SAMPLE_RATE, hz)[1][300:-300, 0], atol=2e-3)
            assert np.abs(part).max() < .51

def test_blocks_of_any_size(monkeypatch):
    y = np.stack([VOICE, OTHER], 1)
    decoding(monkeypatch, *[(SR, b) for b in np.split(y, [0, 1, 1, 900, 905, 15_000])])
    assert np.array_equal(load_audio(b'RIFF', SR), y.mean(1))

def test_no_samples(monkeypatch):
    for blocks in [], [(SR, y) for y in (VOICE[:0, None], np.zeros((5, 0), np.float32))]:
        decoding(monkeypatch, *blocks)
        with pytest.raises(AudioError, match='is empty'): load_audio(b'RIFF')

def test_a_rate_of_a_file_that_is_not_possible(monkeypatch):
    decoding(monkeypatch, tone(8_000, 300), (0, VOICE[:, None]))
    with pytest.raises(AudioError, match='rate of 0 Hz'): load_audio(b'RIFF')

def test_warnings_of_the_decoder_are_passed_on(monkeypatch):
    decoding(monkeypatch, tone(8_000, 300), warning='The recording is cut off.')
    got = []
    list(stream_audio(b'RIFF', warn=got.append))
    assert got == ['The recording is cut off.']

# What is opened is closed

def open_files(): return len(os.listdir('/proc/self/fd'))

@pytest.mark.skipif(not os.path.isdir('/proc/self/fd'), reason='needs /proc/self/fd')
@pytest.mark.parametrize('how', ['read', 'close', 'forget', 'throw', 'never', 'damaged', 'interrupted'])
def test_nothing_stays_open(tmp_path, monkeypatch, how):
    path = tmp_path/'a.wav'
    path.write_bytes(FILES['wav'][:0 if how == 'damaged' else None])
    before = open_files()
    with open(path, 'rb') as f:
        for x in str(path), f:
            blocks = stream_audio(x, seconds=.1)
            if how == 'damaged': assert pytest.raises(AudioError, next, blocks)
            elif how == 'read': assert len(list(blocks)) == 10
            elif how != 'never':
                next(blocks)
                assert open_files() == before + 2
                if how == 'close': blocks.close()
                if how == 'throw': assert pytest.raises(ZeroDivisionError, blocks.throw, ZeroDivisionError())
                if how == 'interrupted': assert pytest.raises(KeyboardInterrupt, blocks.throw, KeyboardInterrupt())
                if how == 'forget': del blocks; gc.collect()
            assert open_files() == before + 1 and not f.closed

def test_a_closed_file():
    f = io.BytesIO(FILES['wav'])
    f.close()
    with pytest.raises(AudioError, match='is closed'): load_audio(f)

def test_a_file_that_its_owner_closes_meanwhile(tmp_path):
    path = tmp_path/'a.flac'
    path.write_bytes(FILES['flac'])
    for f in open(path, 'rb'), io.BytesIO(FILES['flac']):
        blocks = stream_audio(f, seconds=.1)
        first = next(blocks)
        f.close()
        assert np.array_equal(np.concatenate([first, *blocks]), load_audio(path))
