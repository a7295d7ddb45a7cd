"Memory that is used again must not leak from one clip into another, nor from thread to thread."
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from emotion_nb.audio import load_audio
from emotion_nb.core import example_clips
from emotion_nb.features import FeatureConfig, FeatureExtractor

SPEEDS = 1., .92, 1.08

def test_features_stay_when_others_are_computed():
    for config in (FeatureConfig(), FeatureConfig(pitch=True)):
        extract, ys = FeatureExtractor(config), [load_audio(p) for p in [*example_clips().values()][:3]]
        kept = [extract.at_speeds(y, SPEEDS) for y in ys]
        power, mel = extract.mel(ys[0])
        before = power.copy(), mel.copy()
        for y, xs in zip(ys, kept):
            for s, x in zip(SPEEDS, xs): np.testing.assert_array_equal(x, extract(y, s))
        np.testing.assert_array_equal(power, before[0]); np.testing.assert_array_equal(mel, before[1])

def test_threads_do_not_share_memory():
    extract, ys = FeatureExtractor(), [load_audio(p) for p in example_clips().values()]
    alone = [extract.at_speeds(y, SPEEDS) for y in ys]
    with ThreadPoolExecutor(4) as pool: together = list(pool.map(lambda y: extract.at_speeds(y, SPEEDS), ys*3))
    for i, xs in enumerate(together):
        for x, z in zip(xs, alone[i % len(ys)]): np.testing.assert_array_equal(x, z)
