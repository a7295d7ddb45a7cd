"What nobody thought of: arrays, rates and bytes by hypothesis, and the cases that fuzzing has found, each replayed."
import io, math

import numpy as np
import pytest
from fuzz import CASES, TARGETS
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from emotion_nb.classifier import EmotionClassifier
from emotion_nb.core import AudioError

bounded = settings(derandomize=True, deadline=None, max_examples=150,
                   suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])

@pytest.fixture(scope='module')
def clf(): return EmotionClassifier.load()

def answered_or_refused(clf, x):
    "A sentence, or eight probabilities"
    try: p = clf.predict(x)
    except AudioError as e:
        assert str(e).strip().endswith('.') and '\n' not in str(e)
        return
    values = p.probabilities.values()
    assert math.isclose(sum(values), 1, abs_tol=1e-3) and all(0 <= v <= 1 for v in values)

shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
shapes |= st.tuples(st.integers(0, 30_000)) | st.tuples(st.integers(0, 9_000), st.integers(0, 3))
dtypes = hnp.scalar_dtypes() | hnp.floating_dtypes() | hnp.integer_dtypes() | hnp.unsigned_integer_dtypes()
rates = st.integers(-1, 800_000) | st.sampled_from([8_000, 22_050, 44_100, 48_000])
rates |= st.floats() | st.none() | st.text(max_size=3) | st.booleans()
floats = st.floats(width=32, allow_nan=False)
marks = st.sampled_from([
    b'', b'RIFF\xff\xff\xff\xffWAVEfmt ', b'fLaC', b'OggS', b'ID3\x04', b'\xff\xfb\x90', b'\x1aE\xdf\xa3',
    b'\0\0\0 ftypM4A ', b'#!AMR\n', b'FORM', b'caff\0\1', b'.snd', b'0&\xb2u'])

@bounded
@given(data=st.data())
def test_any_array_at_any_rate(clf, data):
    dtype, shape = data.draw(dtypes), data.draw(shapes)
    y = data.draw(hnp.arrays(dtype, shape, fill=hnp.from_dtype(dtype)))
    answered_or_refused(clf, (y, data.draw(rates)))

@bounded
@given(seed=st.integers(0, 2**32 - 1), scale=floats, n=st.integers(1, 60_000), offset=floats,
       rate=st.integers(2_000, 768_000))
def test_noise_at_any_level(clf, seed, scale, n, offset, rate):
    noise = np.random.default_rng(seed).standard_normal(n).astype(np.float32)
    with np.errstate(all='ignore'): y = np.float32(scale)*noise + np.float32(offset)
    answered_or_refused(clf, (y, rate))

@bounded
@given(content=st.binary(max_size=2_000), head=marks)
def test_any_bytes(clf, content, head): answered_or_refused(clf, head + content)

@bounded
@given(data=st.data())
def test_a_recording_with_wrong_bytes(clf, examples, data):
    content = bytearray(examples[0].read_bytes()[:40_000])
    changes = st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=20)
    for at, value in data.draw(changes): content[at] = value
    answered_or_refused(clf, io.BytesIO(content[:data.draw(st.integers(0, len(content)))]))

@pytest.mark.parametrize('target', TARGETS)
def test_what_fuzzing_found_stays_corrected(target):
    for case in sorted((CASES/target).glob('*')): TARGETS[target](case.read_bytes())
