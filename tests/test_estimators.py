"The estimators by scikit-learn's own checks, which give them rows of a few numbers; and on sounds."
import pickle
import re
from unittest import SkipTest

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from emotion_nb.core import EmotionError, TrainingError, example_clips
from emotion_nb.estimators import EmotionEstimator, FeatureExtractor, InputError, svm_baseline
from emotion_nb.features import FeatureConfig

# --- The checks that cannot apply to recordings. Each must fail, and as its reason says.

SHORT = 'its rows are a few numbers long, and a sound of so few samples is refused'
OBJECTS = 'its rows are arrays of objects, and a sound is numbers, a path, bytes or a file'
LENGTH = 'recordings differ in length, so an estimator of them has no n_features_in_'
ONE = 'one recording is given as X, and the answer is to give a list, not to reshape it'
FIRST = 'it asks for an error about y, and the rows, too short for sounds, are refused before'
STEPS = 'a Pipeline fits its steps in place, so its parameter `steps` changes: scikit-learn expects that of it too'
ERRORS = {SHORT: 'too short', OBJECTS: 'Samples are given as', LENGTH: 'too short|^AssertionError', FIRST: 'too short',
    ONE: 'is one recording, and many are expected', STEPS: r'\bsteps\b'} # What is raised, or a cause of it

READ = dict.fromkeys('''check_fit_score_takes_y check_estimators_dtypes check_pipeline_consistency
    check_estimators_pickle check_f_contiguous_array_estimator check_methods_sample_order_invariance
    check_methods_subset_invariance check_dict_unchanged check_fit_idempotent
    check_array_api_input'''.split(), SHORT) | dict(
    check_dtype_object=OBJECTS, check_n_features_in=LENGTH, check_n_features_in_after_fitting=LENGTH)
TRANSFORMER = READ | dict(check_fit2d_predict1d=ONE) | dict.fromkeys('''check_transformer_data_not_an_array
    check_transformer_general check_transformer_preserve_dtypes check_transformers_unfitted_stateless'''.split(), SHORT)
CLASSIFIER = READ | dict.fromkeys('''check_estimators_overwrite_params check_dont_overwrite_parameters
    check_estimators_fit_returns_self check_readonly_memmap_input check_positive_only_tag_during_fit
    check_estimators_nan_inf check_classifier_data_not_an_array check_classifiers_classes check_classifiers_train
    check_supervised_y_2d check_fit2d_1feature check_fit_check_is_fitted check_fit2d_predict1d'''.split(), SHORT)
PIPELINE = CLASSIFIER | dict.fromkeys('''check_classifiers_one_label check_classifiers_regression_target
    check_supervised_y_no_nan check_fit2d_1sample'''.split(), FIRST)

def expected_failures(estimator):
    "Name of a check to the reason why it cannot apply"
    if isinstance(estimator, FeatureExtractor): return TRANSFORMER
    return CLASSIFIER if isinstance(estimator, EmotionEstimator) else PIPELINE

def causes(error):
    "An error and what led to it, a line for each"
    while error: yield f'{type(error).__name__}: {error}'; error = error.__cause__ or error.__context__

def held_to(check, estimator, expected, monkeypatch):
    "Run a check; no check may be skipped, and one that cannot apply must fail for the reason that is given"
    monkeypatch.setenv('SCIPY_ARRAY_API', '1') # without it, a check is skipped
    reason, why = expected.get(check.func.__name__), []
    try: check(estimator)
    except SkipTest as e: pytest.fail(f'It is skipped: {e}')
    except Exception as e:
        if reason is None: raise
        why = [*causes(e)] # without its traceback, which pytest would take .3 s to print
    if reason is None: return
    assert why, f'It passes, so take it from the list: {reason}'
    assert re.search(ERRORS[reason], '\n'.join(why), re.M), f'It fails, but not because {reason}: {why}'
    pytest.xfail(reason)

OF_ROWS = [FeatureExtractor(), FeatureExtractor('frames'), EmotionEstimator(), svm_baseline()]

@parametrize_with_checks(OF_ROWS)
def test_scikit_learns_checks_on_rows_of_numbers(estimator, check, monkeypatch):
    held_to(check, estimator, expected_failures(estimator), monkeypatch)

@pytest.mark.parametrize('estimator', OF_ROWS, ids=['functionals', 'frames', 'network', 'svm'])
def test_each_expected_failure_is_a_check_of_scikit_learn(estimator):
    names = {check.func.__name__ for _, check in estimator_checks_generator(estimator)}
    assert {*expected_failures(estimator)} - names <= {'check_array_api_input'} # since scikit-learn 1.9

# --- The same checks where each row becomes a sound: they fit, predict and pickle in earnest

def as_sounds(X):
    "For each row a chord of .15 s at 8 kHz; its k-th tone is the louder, the larger the k-th number"
    t = np.arange(1200)/8000
    tones = np.sin(2*np.pi*300*(1 + np.arange(X.shape[1]))[:, None]*t)
    return .1*np.exp(np.clip(np.nan_to_num(X), -4, 4)/2)@tones + 1e-3

class Remembering(FeatureExtractor):
    "Computes the features of each sound once, as the checks give the same ones again and again"
    known = {}

    def transform(self, X):
        keys = [x.tobytes() for x in X]
        new = {k: x for k, x in zip(keys, X) if k not in self.known}
        if new: self.known.update(zip(new, super().transform([*new.values()])))
        return np.stack([self.known[k] for k in keys])

def svm_of_rows():
    "The baseline behind `as_sounds`"
    quick = FeatureConfig(sample_rate=8000, n_fft=256, hop_length=160, n_mels=24, n_mfcc=8, n_bands=3, trim_db=None,
        level_db=None)
    (_, _), *rest = svm_baseline().steps
    return Pipeline([('sounds', FunctionTransformer(as_sounds, validate=True)),
        ('features', Remembering(features=quick, sample_rate=8000, n_jobs=1)), *rest])

OF_A_PIPELINE = dict.fromkeys(['check_estimators_overwrite_params', 'check_dont_overwrite_parameters'], STEPS)

@parametrize_with_checks([svm_of_rows()])
def test_scikit_learns_checks_on_sounds(estimator, check, monkeypatch):
    held_to(check, estimator, OF_A_PIPELINE, monkeypatch)

# --- The network

@pytest.fixture(scope='module')
def tones():
    "Sounds of .5 s with their sample rate: high or low, by six speakers"
    t, rng = np.arange(8000)/16_000, np.random.default_rng(0)
    sounds = [(.3*np.sin(2*np.pi*((900, 200)[i % 2] + 15*(i//4))*t) + .01*rng.standard_normal(len(t)), 16_000)
              for i in range(24)]
    return sounds, np.array(['high', 'low']*12), np.repeat(range(6), 4)

@pytest.fixture(scope='module')
def network(tones):
    "A tiny network that has learnt the tones"
    pytest.importorskip('tensorflow')
    from emotion_nb.batches import BatchConfig
    from emotion_nb.model import ModelConfig
    from emotion_nb.training import Recipe
    net = ModelConfig(conv=(), kernel_size=(), strides=(), pool_size=(), lstm=(), pooling=('mean',), functionals=0,
        dense=(8,), dropout=0.)
    recipe = Recipe(model=net, batches=BatchConfig(batch_size=8, time_masks=0, mel_masks=0), n_augmented=0, warmup=1,
        learning_rate=.01, ema_momentum=0., lda=False, prior=())
    X, y, speakers = tones
    return EmotionEstimator(recipe, epochs=20, random_state=0).fit(X, y, speakers=speakers)

def test_the_network_learns_and_its_answers_are_those_of_its_classifier(network, tones):
    X, y, _ = tones
    assert network.score(X, y) > .9 and network.classes_.tolist() == ['high', 'low']
    proba = network.predict_proba(X)
    np.testing.assert_allclose(proba.sum(1), 1, atol=1e-5)
    np.testing.assert_array_equal(proba, network.classifier_.predict_proba(X))
    assert network.classes_[proba.argmax(1)].tolist() == network.predict(X).tolist()

def test_speakers_are_not_divided_between_training_and_validation(network, tones):
    from emotion_nb.bundle import read_split
    split = read_split(network.classifier_.bundle)
    of = [{split[f'{i:06}'] for i in np.flatnonzero(tones[2] == speaker)} for speaker in range(6)]
    assert all(len(s) == 1 for s in of) and of.count({'validation'}) == 1

def test_a_fitted_network_outlives_its_folder_and_a_pickle(network, tones, tmp_path):
    copy = pickle.loads(pickle.dumps(network))
    assert not network.classifier_.bundle.folder.exists()
    np.testing.assert_array_equal(copy.predict_proba(tones[0][:4]), network.predict_proba(tones[0][:4]))
    from emotion_nb.classifier import EmotionClassifier
    saved = EmotionClassifier.load(copy.classifier_.save(tmp_path/'model'))
    np.testing.assert_allclose(saved.predict_proba(tones[0][:4]), network.predict_proba(tones[0][:4]), atol=1e-6)

def test_a_speaker_that_is_not_known_is_no_speaker_of_others(tones, tmp_path):
    from emotion_nb.estimators import _catalogue
    df = _catalogue(tones[0][:4], ['a', 'b']*2, ['Ada', None, float('nan'), 'Ada'], tmp_path, FeatureConfig())
    assert df['speaker'].nunique() == 3 and df['speaker'][0] == df['speaker'][3]

@pytest.mark.parametrize('speakers', [['Ada', float('nan')]*12, [['Ada'], [None]]*12, pd.DataFrame(['Ada', None]*12)])
def test_speakers_may_be_a_column_in_which_some_are_not_known(tones, speakers):
    from emotion_nb.estimators import _aligned
    found = _aligned(tones[0], speakers, 'speakers')
    assert found.shape == (24,) and found[2] == 'Ada' and pd.isna(found[3])

@pytest.mark.parametrize('y, message', [
    (['a', 'b']*11 + ['a', float('nan')], r'NaN or None, first in y\[23\]'), (['a', 'b']*11 + [None, 'b'], r'y\[22\]'),
    (pd.Series(['a', 'b']*11 + [None, 'b'], dtype='string'), r'y\[22\]'),
    ([0., 1.]*11 + [0., float('nan')], r'y\[23\]'),
    (['a', 1]*12, 'text or all numbers'), (['a']*24, "only one class, 'a'"), ('high', '1d array')])
def test_labels_that_cannot_be_learnt(network, tones, y, message):
    with pytest.raises(ValueError, match=message): clone(network).fit(tones[0], y)

@pytest.mark.parametrize('speakers, message', [('Ada', 'speakers is a list'), ([1, 2], 'inconsistent numbers')])
def test_speakers_that_are_not_one_for_each_recording(network, tones, speakers, message):
    with pytest.raises(ValueError, match=message): clone(network).fit(*tones[:2], speakers=speakers)

@pytest.mark.parametrize('parameter, values', dict(validation=[0, 1, -.1, float('nan'), '.1'], recipe=['default', {}],
    epochs=[0, 1.5], members=[0, '2'], n_augmented=[-1], n_jobs=[0], random_state=[-1, 2**32, 'a']).items())
def test_a_parameter_that_is_not_possible_is_named_before_anything_is_trained(network, tones, parameter, values):
    named = 'seed' if parameter == 'random_state' else parameter # in the words of scikit-learn, or of NumPy
    for value in values:
        with pytest.raises(ValueError, match=f'(?i){named}'):
            clone(network).set_params(**{parameter: value}).fit(*tones[:2])

def test_a_fit_that_fails_leaves_the_network_as_it_was(network, tones):
    fitted = pickle.loads(pickle.dumps(network))
    with pytest.raises(InputError, match='no validation split'): fitted.fit(tones[0][:2], ['other', 'words'])
    assert fitted.score(*tones[:2]) == network.score(*tones[:2])

def test_a_folder_is_resumed_for_the_same_recordings_and_labels_only(network, tones, tmp_path):
    X, y, _ = tones
    kept = clone(network).set_params(folder=tmp_path/'run', epochs=1)
    first = clone(kept).fit(X[:12], y[:12]).predict_proba(X[:2])
    trained = (tmp_path/'run'/'run'/'config.json').stat()
    np.testing.assert_array_equal(clone(kept).fit(X[:12], y[:12]).predict_proba(X[:2]), first)
    for other in (X[12:], y[12:]), (X[:12], y[1:13]):
        with pytest.raises(TrainingError, match='other settings'): clone(kept).fit(*other)
    assert (tmp_path/'run'/'run'/'config.json').stat() == trained

def test_a_folder_that_cannot_be_written_is_one_sentence(network, tones, tmp_path):
    (tmp_path/'file').write_bytes(b'')
    with pytest.raises(TrainingError, match='cannot be written'):
        clone(network).set_params(folder=tmp_path/'file').fit(*tones[:2])

def test_parameters_change_the_recipe(network):
    from emotion_nb.estimators import _changed_recipe
    e = clone(network).set_params(epochs=7, members=3, n_augmented=None)
    r = _changed_recipe(e, 20, seed=5)
    assert (r.epochs, r.members, r.n_augmented, r.seed) == (7, 3, 0, 5) and r.model == network.recipe.model
    few, many = (_changed_recipe(EmotionEstimator(), n, 0) for n in (50, 50_000))
    assert few.epochs > many.epochs and few.prior == ()

# --- Features and baseline on recordings

def test_a_baseline_is_validated_on_whole_speakers_and_searched(tones):
    X, y, speakers = tones
    svm = svm_baseline(n_jobs=1)
    assert cross_val_score(svm, X, y, groups=speakers, cv=GroupKFold(3)).mean() > .7
    search = GridSearchCV(svm, {'svm__C': [1., 10.]}, cv=GroupKFold(3)).fit(X, y, groups=speakers)
    assert search.best_score_ > .7 and search.score(X, y) > .9 and len(search.cv_results_['params']) == 2
    proba = CalibratedClassifierCV(svm, cv=2).fit(X, y).predict_proba(X) # as the page says, since it has none itself
    assert not hasattr(svm, 'predict_proba') and proba.shape == (24, 2)

def test_a_clip_has_the_same_features_as_path_bytes_and_samples(tmp_path, monkeypatch):
    import soundfile as sf
    monkeypatch.setenv('EMOTION_NB_CACHE', str(tmp_path))
    path = example_clips()['calm']
    given = [path], [str(path)], [path.read_bytes()], [sf.read(path, dtype='float32')], np.array([[str(path)]])
    found = [FeatureExtractor().fit_transform(X) for X in given]
    for x in found[1:]: np.testing.assert_allclose(x, found[0], rtol=1e-4, atol=1e-4)
    assert len([*tmp_path.rglob('*.npy')]) == 1 # of the path alone
    assert found[0].shape[1] == len(FeatureExtractor().get_feature_names_out())

def test_a_table_of_features_has_their_names(tones):
    t = FeatureExtractor().set_output(transform='pandas').fit_transform(tones[0][:2])
    assert t.shape[0] == 2 and t.columns[0] == 'mfcc_0_mean' and t.notna().all().all()

def test_an_array_without_a_sample_rate_may_have_channels(tones):
    y = tones[0][0][0]
    X = [y, np.stack([y, y]), pd.Series(y)]
    mono, *others = FeatureExtractor(sample_rate=16_000, n_jobs=1).fit_transform(X)
    for x in [*others, *FeatureExtractor(sample_rate=16_000, n_jobs=1).fit_transform(np.stack([X[1]]))]:
        np.testing.assert_allclose(x, mono, rtol=1e-4, atol=1e-4)

def test_pairs_may_be_the_rows_of_an_array_of_objects(tones):
    rows = np.array(tones[0][:2], object)
    assert rows.shape == (2, 2) and (FeatureExtractor(n_jobs=1).fit_transform(rows)
                                     == FeatureExtractor(n_jobs=1).fit_transform(tones[0][:2])).all()

NONE = 'minimum of 1 is required'

@pytest.mark.parametrize('X, message', [
    ('a.wav', 'a.wav is one recording, and many are expected: give a list of them'), ([], NONE), (np.array([]), NONE),
    (pd.DataFrame(dict(path=[])), NONE), (np.zeros(9), '^This is one recording'), ([3.], r'X\[0\]: A recording is'),
    (pd.Series([3.], name='code'), '^This is one recording'), (['nowhere.wav'], '^nowhere.wav does not exist'),
    ([np.zeros(9000)], r'X\[0\]: The recording is silent'), (None, 'not as NoneType'), ({'a.wav'}, 'not as set'),
    ((x for x in ['a.wav']), 'not as generator'), ([np.zeros(9) > 0], 'not 1-D of bool'),
    (pd.DataFrame(dict(path=['a.wav'], emotion=['calm'])), 'table of 2 columns')])
def test_what_is_no_list_of_recordings_is_an_error_of_both_kinds(X, message):
    with pytest.raises(ValueError, match=message) as e: FeatureExtractor().fit(X).transform(X)
    assert isinstance(e.value, EmotionError) and isinstance(e.value, InputError) and '\n' not in str(e.value)

@pytest.mark.parametrize('bad', [None, b'no sound', (np.zeros(9), 16_000), (np.zeros(9000), 16_000)])
def test_a_bad_recording_without_a_name_is_named_by_its_place(network, tones, bad):
    X, y, _ = tones
    for use in FeatureExtractor().transform, network.predict, lambda X: clone(network).fit(X, y[:4]):
        with pytest.raises(InputError, match=r'^X\[2\]: '): use([*X[:2], bad, X[3]])

@pytest.mark.parametrize('parameters, message', [
    (dict(features={}), 'features is a FeatureConfig'), (dict(output=['frames']), "output is 'functionals' or"),
    (dict(output=np.array(['functionals', 'frames'])), "output is 'functionals' or")])
def test_a_parameter_of_the_features_that_is_not_possible(parameters, message):
    with pytest.raises(ValueError, match=message): FeatureExtractor(**parameters).fit(['a.wav'])

def test_impossible_features_have_no_names():
    with pytest.raises(ValueError, match='is a FeatureConfig'): FeatureExtractor(features={}).get_feature_names_out()
