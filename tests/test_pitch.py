"Pitch and voice quality: contour, columns, and what must not change when they are off"
import json
from dataclasses import asdict

import numpy as np
import pytest

from emotion_nb.batches import spec_augment
from emotion_nb.bundle import array_shapes, parse_features
from emotion_nb.core import BundleError
from emotion_nb.dataset import cache_file
from emotion_nb.features import (FeatureConfig, extract_features, feature_names, feature_ranges, filterbanks,
    power_spectrum)
from emotion_nb.pitch import PITCH_COLUMNS, pitch_contour, pitch_features

OLD_KEY = '66a99a92fe645bdc98bfc5f53a0d39e92e395366eb4e23291c12dc1e3d9348da' # Of FeatureConfig() before it had `pitch`
RATE, PITCH = 22_050, FeatureConfig(pitch=True)
T = np.arange(2*RATE)/RATE

def buzz(hz, harmonics=12):
    "Harmonics with amplitudes 1/k below 10 kHz"
    return sum(np.sin(2*np.pi*k*hz*T)/k for k in range(1, harmonics + 1) if k*hz < 10_000).astype(np.float32)

def spectrum(y, config=PITCH):
    window = filterbanks(config)['window']
    return power_spectrum(y, config, window)[4:-4], window # without the frames that reach over the ends

def columns(y): return dict(zip(PITCH_COLUMNS, extract_features(y, PITCH)[4:-4, feature_ranges(PITCH)['pitch']].T))

@pytest.mark.parametrize('hz', [70, 110, 220, 440, 780])
@pytest.mark.parametrize('noise', [0, .05])
def test_the_frequency_of_a_tone_is_found_without_errors_of_an_octave(hz, noise):
    y = buzz(hz) + noise*np.random.default_rng(0).standard_normal(len(T), dtype=np.float32)
    f, _, voiced = pitch_contour(*spectrum(y), RATE)
    assert voiced.all()
    assert np.abs(f - np.log2(hz)).max() < 1/24 # half a semitone

def test_a_missing_fundamental_is_found():
    f, _, _ = pitch_contour(*spectrum(buzz(120) - np.sin(2*np.pi*120*T).astype(np.float32)), RATE)
    assert np.abs(2**f - 120).max() < 2

@pytest.mark.parametrize('rate, n_fft', [(8_000, 512), (16_000, 2_048), (48_000, 4_096)])
def test_other_sample_rates_give_the_same_frequency(rate, n_fft):
    t = np.arange(rate)/rate
    y = sum(np.sin(2*np.pi*k*180*t)/k for k in range(1, 8)).astype(np.float32)
    c = FeatureConfig(sample_rate=rate, n_fft=n_fft, hop_length=n_fft//4, pitch=True)
    power, window = spectrum(y, c)
    assert np.abs(2**pitch_contour(power, window, rate)[0] - 180).max() < 4

def test_noise_is_unvoiced_and_silence_finite():
    noise = np.random.default_rng(0).standard_normal(len(T), dtype=np.float32)
    assert pitch_contour(*spectrum(noise), RATE)[2].mean() < .2
    silent = pitch_features(*spectrum(0*noise), RATE)
    assert np.isfinite(silent).all() and not silent[:, 0].any()

def test_relative_pitch_does_not_depend_on_the_voice_but_the_height_does():
    glide = lambda hz: np.sin(2*np.pi*np.cumsum(hz*2**(.5*T))/RATE)
    low, high = (columns(sum(glide(k*hz)/k for k in range(1, 6)).astype(np.float32)) for hz in (120, 240))
    assert np.abs(low['pitch'] - high['pitch']).max() < .05
    assert np.abs(high['height'] - low['height'] - 1).max() < .05
    assert np.abs(low['slope'].mean() - .5*512/RATE) < .002

def test_noise_lowers_the_hnr_and_a_trembling_voice_has_jitter():
    rng = np.random.default_rng(0)
    clean, breathy = columns(buzz(200)), columns(buzz(200) + .3*rng.standard_normal(len(T), dtype=np.float32))
    assert clean['hnr'].mean() > breathy['hnr'].mean() + 5
    phase = 2*np.pi*np.cumsum(200*2**(.05*np.sin(2*np.pi*8*T)))/RATE
    trembling = columns(sum(np.sin(k*phase)/k for k in range(1, 6)).astype(np.float32))
    assert trembling['jitter'].mean() > 10*clean['jitter'].mean()

def test_a_brighter_voice_has_a_higher_alpha_ratio_and_the_gain_does_not_matter():
    dark, bright = buzz(200), buzz(200, 30) + .5*np.sin(2*np.pi*2_000*T).astype(np.float32)
    assert columns(bright)['alpha'].mean() > columns(dark)['alpha'].mean() + 3
    a, b = extract_features(dark, PITCH), extract_features(dark/100, PITCH)
    np.testing.assert_allclose(a[:, 275:], b[:, 275:], atol=.05)

def test_the_nine_features_are_the_same_with_and_without_pitch():
    y = buzz(200)
    nine, more = extract_features(y), extract_features(y, PITCH)
    assert nine.shape[1] == 275 and more.shape[1] == 275 + len(PITCH_COLUMNS) == len(feature_names(PITCH))
    np.testing.assert_array_equal(more[:, :275], nine)
    assert 'pitch' not in feature_ranges()

def test_the_cache_of_the_nine_is_still_found():
    key = cache_file('0'*64).name
    assert key == OLD_KEY + '.npy'
    assert key != cache_file('0'*64, PITCH).name

def test_a_bundle_knows_the_option():
    assert parse_features(json.loads(json.dumps(asdict(PITCH)))) == PITCH
    assert array_shapes(PITCH)['mean'] == (283,)
    for bad in (dict(pitch=1), dict(pitch=True, n_fft=512)):
        with pytest.raises(BundleError, match='pitch'): parse_features(bad)

def test_spec_augment_keeps_the_columns_of_the_pitch():
    x = np.ones((20, 128, 283), np.float32)
    out = spec_augment(x, np.full(20, 128), np.random.default_rng(0), features=PITCH)
    kept = (out != 0).any(2)
    assert out.shape == x.shape and (out[..., 275:][kept] == 1).all()
