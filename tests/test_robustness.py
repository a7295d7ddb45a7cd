"Codecs and conditions: what each leaves of a clip, and what the table holds."

import numpy as np
import pandas as pd
import pytest
import soundfile as sf

from emotion_nb.augmentation import BIT_RATE_CODECS, CODECS, compressed
from emotion_nb.core import MissingExtraError
from emotion_nb.robustness import CONDITIONS, robustness, with_intervals

SR = 22_050

@pytest.fixture(scope='module')
def voice():
    "A second of a buzz at 150 Hz with a slow tremolo, `(samples,)` float32"
    t = np.arange(SR)/SR
    y = sum(np.sin(2*np.pi*150*k*t)/k for k in range(1, 40))*(.6 + .4*np.sin(2*np.pi*4*t))
    return (.3*y/np.abs(y).max()).astype(np.float32)

def spectrum(y, sr):
    "Mean level in dB of bands of 500 Hz up to 11 kHz"
    p, hz = np.abs(np.fft.rfft(y))**2/len(y)/sr, np.fft.rfftfreq(len(y), 1/sr)
    return np.array([10*np.log10(p[(hz >= lo) & (hz < lo + 500)].sum() + 1e-12) for lo in range(0, 11_000, 500)])

@pytest.mark.parametrize('name', CONDITIONS)
def test_a_condition_leaves_a_clip_that_is_like_the_one_it_was(name, voice):
    y, sr = CONDITIONS[name](voice, SR, np.random.default_rng(0))
    assert np.isfinite(y).all() and y.ndim == 1 and abs(len(y)/sr - 1) < .15
    gain = {'gain +12 dB': 12, 'gain +12 dB, cut off at full scale': 12, 'gain -12 dB': -12}.get(name, 0)
    low = slice(1, 6) # 500 to 3,000 Hz, which every condition leaves
    np.testing.assert_allclose(spectrum(y, sr)[low], spectrum(voice, SR)[low] + gain, atol=6)

NARROW = [k for k in CONDITIONS if k in ('GSM', 'mu-law at 8 kHz', 'sampled at 8 kHz') or k.startswith(('AMR', 'tele'))]

@pytest.mark.parametrize('name', NARROW)
def test_what_goes_over_a_telephone_has_nothing_above_5_khz(name, voice):
    y, sr = CONDITIONS[name](voice, SR, None)
    assert spectrum(y, sr)[11:].max() < spectrum(voice, SR)[11:].max() - 20

def test_five_conditions_are_those_of_a_telephone_and_one_is_its_band(): assert len(NARROW) == 6

@pytest.mark.parametrize('codec, kbps', [('opus', 16), ('opus', 24), ('opus', 32), ('opus', 64), ('mp3', 32),
                                         ('mp3', 64), ('aac', 48), ('amr', 4.75), ('amr', 12.2)])
def test_a_file_has_the_bit_rate_that_was_asked_for(codec, kbps, voice):
    y = np.tile(voice, 8)
    assert 8*len(compressed(y, SR, codec, kbps))*SR/len(y)/1000 == pytest.approx(kbps, rel=.12)

def test_a_missing_encoder_is_one_sentence_and_leaves_a_row_out(voice, monkeypatch):
    monkeypatch.setitem(BIT_RATE_CODECS, 'amr', ('amr', 'no_such_encoder', 8_000, {}))
    with pytest.raises(MissingExtraError, match='no encoder no_such_encoder'): compressed(voice, SR, 'amr', 12.2)

class Deaf:
    "A model that predicts the first emotion whatever it is given, and reads what it is given"
    classes_ = np.array(['happy', 'sad'])
    class bundle:
        class features: sample_rate = SR
    def predict_proba(self, xs): return np.array([[.9, .1] for _ in xs])

@pytest.fixture
def clips(tmp_path, voice):
    for name in 'ab': sf.write(tmp_path/f'{name}.wav', voice, SR)
    return pd.DataFrame(dict(path=[tmp_path/'a.wav', tmp_path/'b.wav'], clip=['a', 'b'], emotion=['happy', 'sad']))

def test_the_table_has_a_row_for_each_condition(clips):
    t = robustness(Deaf(), clips, progress=False)
    assert [*t.index] == [*CONDITIONS] and [*t] == ['unchanged', 'accuracy', 'happy', 'sad']
    assert (t.to_numpy() == [1, .5, 1, 0]).all()

def test_a_condition_without_encoder_is_named_in_a_warning(clips, monkeypatch):
    monkeypatch.setitem(BIT_RATE_CODECS, 'amr', ('amr', 'no_such_encoder', 8_000, {}))
    with pytest.warns(UserWarning, match='"AMR, .* kbit/s" is left out') as said:
        t = robustness(Deaf(), clips, progress=False)
    assert len(said) == 2 and {*CONDITIONS} - {*t.index} == {'AMR, 12.2 kbit/s', 'AMR, 4.75 kbit/s'}

def test_each_clip_is_decoded_once(clips, monkeypatch):
    import emotion_nb.robustness as module
    read, load = [], module.load_audio
    monkeypatch.setattr(module, 'load_audio', lambda x, rate: read.append(x) or load(x, rate))
    robustness(Deaf(), clips, progress=False)
    assert [x for x in read if not isinstance(x, bytes)] == [*clips['path']]

def test_shares_are_printed_with_the_interval_of_wilson():
    "95 of 100: the interval as published calculators give it"
    t = pd.DataFrame(dict(unchanged=[.95], accuracy=[.5], sad=[.25]), index=['as it is'])
    assert with_intervals(t, 100).iloc[0].tolist() == ['95.0% (88.8% to 97.8%)', '50.0% (40.4% to 59.6%)', '25%']

def test_the_codecs_of_augmented_copies_stay_as_they_are():
    "Their order and ranges decide what a seed draws: another one makes other copies than a model was trained on"
    assert CODECS == {
        'opus': ('OGG', 'OPUS', (16_000, 24_000), (.8, .97)), 'vorbis': ('OGG', 'VORBIS', (16_000, 22_050), (.5, 1.)),
        'mp3': ('MP3', 'MPEG_LAYER_III', (16_000, 22_050), (.5, .95)), 'gsm': ('WAV', 'GSM610', (8_000,), None),
        'mu-law': ('WAV', 'ULAW', (8_000,), None), 'adpcm': ('WAV', 'IMA_ADPCM', (8_000, 16_000), None),
        'pcm 8 bit': ('WAV', 'PCM_U8', (8_000, 22_050), None)}
    assert [*CODECS] == ['opus', 'vorbis', 'mp3', 'gsm', 'mu-law', 'adpcm', 'pcm 8 bit']
