"Predictions as values, many recordings at once, and the classifier in other threads and processes."
import copy, dataclasses, json, logging, multiprocessing, pickle, threading
from itertools import count, islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from emotion_nb import classifier
from emotion_nb.classifier import EmotionClassifier, Network, Prediction, in_parallel
from emotion_nb.core import AudioError, MissingExtraError, UnexpectedError
from emotion_nb.parallel import n_threads, stoppable
from emotion_nb.quality import quality_warnings

TIMEOUT = 120  # Seconds after which something hangs

class Odd(EmotionClassifier):
    "Raises the exceptions that it is given as recordings"
    def recording_proba(self, x, *args):
        if isinstance(x, BaseException): raise x
        return super().recording_proba(x, *args)

@pytest.fixture(scope='module')
def clf(): return Odd.load()

@pytest.fixture(scope='module')
def wanted(clf, examples): return [clf.predict(c) for c in examples]

def same(a, b): return a.emotion == b.emotion and a.probabilities == pytest.approx(b.probabilities, abs=1e-6)

# A prediction is a value

def test_a_prediction_is_hashable_and_plain_data():
    p, q = (Prediction(dict(a=.3, b=.7), ['Very short.']) for _ in range(2))
    assert p == q and {p: 1}[q] == 1 and p != Prediction(p.probabilities)
    assert p.probabilities == dict(a=.3, b=.7) and list(p.probabilities) == ['a', 'b']
    assert dict(p) == p.as_dict() == json.loads(json.dumps(p.as_dict()))
    best, rest = dict(emotion='b', confidence=.7), dict(no_voice=None)
    assert p.as_dict() == best | dict(candidates=['b'], probabilities=dict(a=.3, b=.7), warnings=['Very short.']) | rest
    assert p.as_row() == best | dict(a=.3, b=.7, warnings='Very short.') | rest
    for again in pickle.loads(pickle.dumps(p)), copy.deepcopy(p), dataclasses.replace(p):
        assert again == p and hash(again) == hash(p)

def test_a_prediction_cannot_be_changed():
    p = Prediction(source := dict(a=.3, b=.7))
    source['a'] = 9
    changes = dict(update=[dict(a=1)], __setitem__=['a', 1], __delitem__=['a'], __ior__=[dict(a=1)], pop=['a'],
                   setdefault=['c', 1], clear=[], popitem=[])
    for name, args in changes.items():
        with pytest.raises(TypeError, match='cannot be changed'): getattr(p.probabilities, name)(*args)
    with pytest.raises(dataclasses.FrozenInstanceError): p.warnings = ()
    assert p.probabilities == dict(a=.3, b=.7) and p.probabilities | dict(a=1) == dict(a=1, b=.7)

@pytest.mark.parametrize('probabilities, near', [
    (dict(a=.1, b=.9), 'b'), (dict(a=.48, b=.52), 'ba'), (dict(a=.42, b=.3, c=.28), 'ab'),
    (dict(a=.35, b=.33, c=.32), 'abc'), (dict(a=.6, b=.2, c=.2), 'a')])
def test_near_ties_are_its_candidates(probabilities, near):
    p = Prediction(probabilities)
    assert p.candidates == tuple(near)
    assert ('Not sure' in p._repr_markdown_()) == (len(near) > 1)

@pytest.mark.parametrize('doubt, word', [
    (dict(clipped=.01), 'Clipped'), (dict(peak=.001), 'Very quiet'), (dict(active_seconds=.3), 'Very short'),
    (dict(active_seconds=2.), 'Mostly silence'), (dict(active_seconds=0., seconds=0.), 'Very short'), ({}, None)])
def test_quality_is_judged_once_for_all(doubt, word):
    found = quality_warnings(SimpleNamespace(**dict(seconds=9., active_seconds=5., peak=.5, clipped=0.) | doubt))
    assert [w.split(':')[0] for w in found] == ([word] if word else [])

def test_what_the_reader_doubts_reaches_the_prediction(clf, examples, monkeypatch):
    read = classifier.stream_audio
    def doubtful(*args, **kwargs):
        for _ in range(2): (kwargs.get('warn') or args[-1])('Cut off: the end is missing.')
        yield from read(*args, **kwargs)
    monkeypatch.setattr(classifier, 'stream_audio', doubtful)
    p = clf.predict(examples[0])
    assert p.warnings.count('Cut off: the end is missing.') == 1
    assert 'Cut off' in p._repr_markdown_() and 'Cut off' not in str(p)

# One recording cannot end the work on many

ODD = [ValueError('frames must be specified'), MemoryError(), RecursionError('deep'), StopIteration(),
       OSError(5, 'disk'), UnicodeError('\x1b[31m\n'), MissingExtraError('Install av.'), AudioError('It is silent.')]

def test_nothing_that_one_recording_does_ends_a_batch(clf, examples, wanted, caplog):
    with caplog.at_level(logging.DEBUG, 'emotion_nb'):
        *errors, last = clf.predict_iter([*ODD, examples[0]], errors='return')
    assert same(last, wanted[0])
    for error, given in zip(errors, ODD):
        if given in ODD[-2:]: assert error is given; continue
        assert type(error) is UnexpectedError and isinstance(error, AudioError) and error.__cause__ is given
        assert f'something unexpected went wrong ({type(given).__name__}' in str(error) and str(error).isprintable()
    assert {id(r.exc_info[1]) for r in caplog.records} == set(map(id, ODD[:-2]))  # in any order
    assert {r.levelname for r in caplog.records} == {'DEBUG'}

def test_errors_are_raised_typed_and_with_their_cause(clf, examples):
    asks = clf.predict_proba, lambda xs: list(clf.predict_iter(xs)), lambda xs: clf.predict(xs[-1])
    for ask in asks:
        with pytest.raises(UnexpectedError) as caught: ask([examples[0], ODD[0]])
        assert caught.value.__cause__ is ODD[0]

def test_what_the_iterable_raises_comes_after_the_answers(clf, examples, wanted):
    def broken(): yield from examples[:3]; raise LookupError('no more')
    answers, got = clf.predict_iter(broken(), errors='return'), []
    with pytest.raises(LookupError, match='no more'): got.extend(islice(answers, 3)); next(answers)
    assert all(map(same, got, wanted)) and len(got) == 3

def test_a_row_of_nan_for_what_has_no_answer(clf, examples, wanted):
    with pytest.warns(UserWarning, match='Row 1 is NaN: missing.wav does not exist'):
        rows = clf.predict_proba([examples[0], 'missing.wav', examples[1]], errors='nan')
    assert rows.shape == (3, 8) and rows.dtype == np.float32 and np.isnan(rows).all(1).tolist() == [False, True, False]
    np.testing.assert_allclose(rows[[0, 2]], [[*p.probabilities.values()] for p in wanted[:2]], atol=1e-6)

def test_an_unexpected_error_is_not_silence_in_a_timeline(clf, examples, monkeypatch):
    monkeypatch.setattr(Network, 'session', property(lambda self: 1/0))
    with pytest.raises((UnexpectedError, ZeroDivisionError)): clf.predict_timeline(examples[0])

# What is asked for wrongly

@pytest.mark.parametrize('x', [
    '', 'a.wav', Path('a.wav'), b'RIFF', bytearray(9), (np.zeros(9), 22_050), (22_050, np.zeros(9)), np.zeros(9),
    np.zeros((2, 9)), dict(path='a.wav'), dict(array=[0.], sampling_rate=9)], ids=repr)
def test_one_recording_in_the_place_of_a_list(clf, x):
    for ask in clf.predict_proba, clf.predict_iter:
        with pytest.raises(AudioError, match='is one recording, and many are expected'): ask(x)

def test_an_open_file_is_one_recording(clf, examples):
    with examples[0].open('rb') as f, pytest.raises(AudioError, match='is one recording'): clf.predict_iter(f)

@pytest.mark.parametrize('x', [None, 42, object()], ids=repr)
def test_what_is_no_list_is_one_sentence(clf, x):
    with pytest.raises(AudioError, match='Recordings are given as a list'): clf.predict_proba(x)

@pytest.mark.parametrize('x', [
    [], ['a.wav', 'b.wav'], ('a.wav', 'b.wav'), {'a.wav'}, iter('ab'), None, 42, ''], ids=repr)
def test_what_is_no_recording_is_one_sentence(clf, x):
    with pytest.raises(AudioError) as caught: clf.predict(x)
    assert not isinstance(caught.value, UnexpectedError) and str(caught.value).endswith('.')

def test_lists_of_other_kinds_are_lists(clf, examples, wanted):
    pd = pytest.importorskip('pandas')
    paths = list(map(str, examples[:2]))
    for xs in tuple(paths), iter(paths), np.array(paths), pd.Series(paths), dict.fromkeys(paths).keys():
        assert all(map(same, clf.predict_iter(xs), wanted[:2]))
    assert clf.predict_proba([]).shape == clf.predict_proba(set()).shape == (0, 8)

def test_n_jobs_is_counted_as_in_joblib(clf, examples, wanted):
    cores = n_threads(None)
    assert [n_threads(n) for n in (-1, -2, -999, 5, np.int64(3))] == [cores, max(1, cores - 1), 1, 5, 3]
    for n in (0, 0.5, 2., '2', True, [1]):
        with pytest.raises((ValueError, TypeError), match='n_jobs .*[.]$'): clf.predict_iter([], n)
    for n in (-1, -2, np.int64(2)): assert all(map(same, clf.predict_iter(examples, n), wanted))
    for ask in clf.predict_iter, clf.predict_proba:
        with pytest.raises(ValueError, match="errors is 'raise' or"): ask([], errors='ignore')

# Many at once

def test_sixteen_threads_give_equal_answers(clf, examples, wanted):
    assert all(map(same, clf.predict_iter(examples*6, n_jobs=16), wanted*6))

def test_an_endless_iterable_is_read_only_a_little_ahead():
    asked = []
    def items():
        for i in count(): asked.append(i); yield i
    assert list(islice(in_parallel(abs, items(), 2), 3)) == [0, 1, 2] and len(asked) <= 3 + 2*2

def given_up(begun):
    "Items of which the second never ends; then Ctrl-C"
    yield 0; yield 1
    begun.wait(TIMEOUT)
    raise KeyboardInterrupt

@pytest.mark.parametrize('interrupted', [False, True])
def test_work_that_is_given_up_ends(interrupted):
    begun, ended = threading.Event(), threading.Event()
    def task(item):
        if item == 0: return 'done'
        begun.set()
        try: next(o for o in stoppable(count()) if o < 0)
        finally: ended.set()
    if interrupted:
        with pytest.raises(KeyboardInterrupt): next(in_parallel(task, given_up(begun), 2))
    else:
        results = in_parallel(task, [0, 1], 2)
        assert next(results) == 'done' and begun.wait(TIMEOUT)
        results.close()
    assert ended.wait(TIMEOUT)

def test_a_recording_of_an_hour_is_left_between_two_segments(clf, monkeypatch):
    begun, left = threading.Event(), threading.Event()
    def endless(*args, **kwargs):
        rng = np.random.default_rng(0)
        while True: begun.set(); yield rng.standard_normal(7*22_050).astype(np.float32)
    def proba(self, x, *args):
        try: return EmotionClassifier.recording_proba(self, x, *args)
        finally: left.set()
    monkeypatch.setattr(classifier, 'stream_audio', endless)
    monkeypatch.setattr(Odd, 'recording_proba', proba)
    with pytest.raises(KeyboardInterrupt): next(clf.predict_iter(given_up(begun), 2))
    assert left.wait(TIMEOUT)

# In other processes

def test_it_travels_as_its_bundle_and_is_loaded_once(clf, examples, wanted, tmp_path):
    elsewhere = Odd(dataclasses.replace(clf.bundle, folder=tmp_path/'gone', tta_speeds=(1.,)))
    for c in clf, elsewhere:
        data = pickle.dumps(c)
        there = pickle.loads(data)
        assert type(there) is Odd and pickle.loads(data) is there is copy.deepcopy(c)
        assert there.bundle.tta_speeds == c.bundle.tta_speeds
        assert same(there.predict(examples[0]), c.predict(examples[0]))

@pytest.mark.parametrize('start', multiprocessing.get_all_start_methods())
def test_four_processes_give_equal_answers(clf, examples, wanted, start):
    with multiprocessing.get_context(start).Pool(4) as pool:
        assert all(map(same, pool.map_async(clf.predict, examples, 1).get(TIMEOUT), wanted))

def test_joblib_gives_equal_answers(clf, examples, wanted):
    joblib = pytest.importorskip('joblib')
    got = joblib.Parallel(2)(joblib.delayed(clf.predict)(c) for c in examples)
    assert all(map(same, got, wanted))

def test_a_forked_process_opens_the_network_anew(clf):
    if 'fork' not in multiprocessing.get_all_start_methods(): pytest.skip('no fork here')
    context = multiprocessing.get_context('fork')
    answer = context.SimpleQueue()
    child = context.Process(target=lambda: answer.put(id(clf.network.session)))
    mine = id(clf.network.session); child.start(); child.join(TIMEOUT)
    assert answer.get() != mine and id(clf.network.session) == mine

def test_it_says_what_it_is(clf):
    assert repr(clf) == f"Odd('bundled', 8 emotions, fingerprint {clf.bundle.manifest['fingerprint'][:12]})"
    assert all(e in clf._repr_markdown_() for e in clf.classes_)
