"The reader of a saved model: what is damaged, swapped, hostile or of a newer version is refused; nothing is unpickled."
import io, json, os, pickle, shutil, subprocess, sys, zipfile
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from emotion_nb.augmentation import AugmentConfig
from emotion_nb.bundle import (
    BUNDLED, CHOICES, FORMAT, MAX_BYTES, OLD_NAMES, RANGES, _sha256, add_metrics, fingerprint, load_bundle, migrate,
    open_network, parse_arrays, parse_features, parse_manifest, read_manifest, read_split)
from emotion_nb.classifier import EmotionClassifier
from emotion_nb.core import BundleError, EmotionError
from emotion_nb.features import PRESETS, FeatureConfig
from emotion_nb.model import ModelConfig
from emotion_nb.training import Recipe
from fuzz_bundle import TARGETS, fuzz_one, signed

NAMES = ('bundle.json', 'arrays.npz', 'model.onnx')
quick = settings(derandomize=True, max_examples=100, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture])
MANIFEST = json.loads((BUNDLED/'bundle.json').read_bytes())
WIDTH = len(load_bundle().mean) # Columns of the features


@pytest.fixture
def folder(tmp_path):
    "A copy of what a prediction reads"
    (tmp_path/'model').mkdir()
    for name in NAMES: shutil.copy(BUNDLED/name, tmp_path/'model')
    return tmp_path/'model'


def refused(folder, says=None):
    "Load a model that must be refused with one sentence that names it"
    with pytest.raises(BundleError, match=says) as e: EmotionClassifier.load(folder)
    text = str(e.value)
    assert '\n' not in text and text.endswith('.') and text.startswith(str(folder)) and ': ' in text
    return text


def changed(path, value):
    "The manifest with another value at a path of keys"
    m = json.loads(json.dumps(MANIFEST))
    *above, last = path
    inner = m
    for k in above: inner = inner[k]
    inner[last] = value
    return m


def put(folder, name, data):
    "Replace a file, with hash and fingerprint made right"
    (folder/name).write_bytes(data)
    m = json.loads((folder/'bundle.json').read_bytes())
    m['sha256'][name] = _sha256(data)
    (folder/'bundle.json').write_bytes(signed(m))


def test_the_bundled_model_is_read():
    bundle = load_bundle()
    recipe = MANIFEST['recipe']
    config, speeds = FeatureConfig(**recipe['features']), (1., *recipe['tta_speeds'])
    assert (bundle.manifest, bundle.features, bundle.tta_speeds) == (MANIFEST, config, speeds)
    with np.load(BUNDLED/'arrays.npz') as z:
        for name, array in dict(bundle.filters, mean=bundle.mean, scale=bundle.scale).items():
            np.testing.assert_array_equal(array, z[name])
    assert open_network(bundle).get_inputs()[0].shape[1:] == [128, WIDTH]


# Files

def test_not_a_folder_of_a_model(tmp_path):
    (tmp_path/'file').write_text('x')
    (tmp_path/'empty').mkdir()
    (tmp_path/'loop').symlink_to('loop')
    refused(tmp_path/'nowhere', 'no such folder: check the path')
    refused(tmp_path/'file', 'is no folder: name the folder')
    refused(tmp_path/'empty', 'holds no bundle.json: name the folder')
    refused(tmp_path/'loop')
    refused(tmp_path/'a\0b')
    refused(tmp_path/('x'*5000))


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('how', ['missing', 'a folder', 'empty', 'truncated', 'longer', 'one bit', 'a FIFO',
    'a broken link', 'a device', 'of another model'])
def test_a_file_that_is_not_as_it_was_written(folder, name, how):
    file = folder/name
    data = file.read_bytes()
    other = signed(changed(['sha256', 'model.onnx'], _sha256(b'another'))) if name == 'bundle.json' else data[:-1]
    file.unlink()
    if how == 'a folder': file.mkdir()
    elif how == 'a FIFO': os.mkfifo(file)
    elif how == 'a broken link': file.symlink_to('gone')
    elif how == 'a device': file.symlink_to('/dev/zero')
    elif how != 'missing':
        file.write_bytes({'empty': b'', 'truncated': data[:len(data)//2], 'longer': data + b'x',
            'one bit': data[:-20] + bytes([data[-20] ^ 1]) + data[-19:], 'of another model': other}[how])
    refused(folder, 'get the model anew, or train it again|name the folder of a model')


def test_links_to_plain_files_are_read(folder, tmp_path):
    "As a cache of models lays them out"
    (tmp_path/'linked').mkdir()
    for name in NAMES: (tmp_path/'linked'/name).symlink_to(folder/name)
    (tmp_path/'link').symlink_to(tmp_path/'linked')
    assert load_bundle(tmp_path/'link').manifest == MANIFEST


@pytest.mark.parametrize('name', NAMES)
def test_a_huge_file_is_not_read(folder, name):
    with open(folder/name, 'r+b') as f: f.truncate(2**40) # a sparse terabyte
    refused(folder, f'{name} cannot be read, or is no file of a model')


def test_another_file_is_read_only_with_its_hash(tmp_path):
    shutil.copytree(BUNDLED, tmp_path/'model')
    bundle = load_bundle(tmp_path/'model')
    assert bundle.read('split.csv') == (BUNDLED/'split.csv').read_bytes()
    (tmp_path/'model'/'split.csv').write_text('clip,emotion,split\n')
    with pytest.raises(BundleError, match='split.csv does not match its hash'): bundle.read('split.csv')


# The manifest

@pytest.mark.parametrize('data, says', [
    (b'', 'is damaged'), (b'null', 'is damaged'), (b'[1]', 'is damaged'), (b'\xff\xfe', 'is damaged'),
    (b'{"format": 1', 'is damaged'), (b'['*100_000 + b']'*100_000, 'nested too deeply'),
    (b'{"a":'*100_000 + b'1' + b'}'*100_000, 'nested too deeply'), (b'9'*5000, 'is damaged'),
    (b'{"format": 1, "format": 1}', 'a key twice'), (b'{}', 'of which format'), (b'{"format": "1"}', 'of which format'),
    (b'{"format": true}', 'of which format'), (b'{"format": 0}', 'of which format'),
    (b'{"format": NaN}', 'of which format'), (b'{"format": 1e999}', 'of which format'),
    (b'{"format": 3, "fingerprint": null}', 'newer emotion_nb: update the library'),
    (b'{"format": 1}', 'does not match its fingerprint'), (b'{"format": 2}', 'does not match its fingerprint'),
    (b' '*(MAX_BYTES['bundle.json'] + 1), 'cannot be read|larger than any')])
def test_what_is_no_manifest(folder, data, says):
    (folder/'bundle.json').write_bytes(data)
    refused(folder, says)


def test_no_depth_is_too_deep():
    "What can be read may still be too deep for computing the fingerprint, or for saying what it is"
    m = changed(['recipe', 'features', 'n_fft'], 0)
    nested = 0
    for depth in range(1000):
        m['recipe']['features']['n_fft'] = nested = [nested]
        if 20 < depth < 850: continue # the limit of Python is 1,000
        try: data = signed(m)
        except RecursionError: return # this test is as deep as it can
        with pytest.raises(BundleError): parse_manifest(data)
        with pytest.raises(BundleError): parse_manifest(data[:-2] + b'"}')


BAD = [
    *((['labels'], v) for v in (None, 'angry', {}, [], ['sad'], ['sad']*8, ['sad', ''], ['sad', 3], ['sad', 'a\nb'],
        ['sad', '\x1b[2J'], ['sad', '\ud800'], ['sad', 'x'*101], [str(i) for i in range(101)], ['sad', 'calm'])),
    *((['temperature'], v) for v in (None, '1', True, 0, -1, float('nan'), float('inf'), 10**400)),
    *((['recipe'], v) for v in (None, [], {}, dict(features=None), dict(features=[]))),
    *((['recipe', 'tta_speeds'], v) for v in (None, 'fast', [0], [-1], [1e-9], [100], [True], ['1'], [float('nan')],
        [1.]*17, [10**400])),
    *((['sha256'], v) for v in (None, [], {}, {'model.onnx': 3})), (['metrics'], 3),
    (['recipe', 'features', 'wings'], 2), (['recipe', 'features', 'x'*10_000], 2)]
WRONG = (None, 'x', [], {}, True, float('nan'), float('inf'), -float('inf'), -1, 2**31, 10**400, 1e308)
BAD += [(['recipe', 'features', f.name], v) for f in fields(FeatureConfig) for v in WRONG
        if not (v is None and 'None' in str(f.type)) and not (v is True and f.type is bool)
        and not (f.name in ('tuning', 'level_db') and v == -1 and v is not True)]
BAD += [(['recipe', 'features', k], v) for k, v in dict(n_fft=2**20, n_mels=600, hop_length=8, n_mfcc=200,
    n_chroma=100_000, n_bands=9, contrast_fmin=20., delta_width=10, n_frames=10**6, sample_rate=10**9, pad=1,
    scale='mel').items()]

@pytest.mark.parametrize('path, value', BAD, ids=lambda x: str(x)[:40])
def test_no_value_is_believed(folder, path, value):
    "With a right fingerprint, which anybody can compute"
    (folder/'bundle.json').write_bytes(signed(changed(path, value)))
    refused(folder, 'get the model anew, or train it again')


def test_every_constant_has_a_range():
    "One that is new in `FeatureConfig` needs one too"
    assert {*RANGES, *CHOICES} == {f.name for f in fields(FeatureConfig)}
    for config in PRESETS.values(): assert parse_features(json.loads(json.dumps(asdict(config)))) == config


def test_a_bundle_of_fewer_constants_is_migrated(folder):
    "What an older version did not write has its default"
    m = changed(['unknown'], 'is ignored, because nothing reads it')
    del m['recipe']['features']['pad'], m['recipe']['features']['tuning'], m['recipe']['tta_speeds']
    (folder/'bundle.json').write_bytes(signed(m))
    bundle = load_bundle(folder)
    assert bundle.features == load_bundle().features and bundle.tta_speeds == (1.,)


# Format 1

FORMAT_1 = Path(__file__).with_name('bundle_format_1.json') # Of the bundled model, without figures
SECTIONS = dict(recipe=Recipe, model=ModelConfig, augmentation=AugmentConfig)
# No recipe of format 1 had these fields
LATER = dict(recipe=('prior', 'temperature_factor', 'lda_all', 'band_gate', 'lda_weight'), augmentation=('codec',))

def renamed(values, names): return {names.get(k, k): v for k, v in values.items()}

def as_format_1(m):
    "A manifest of today with the names of format 1"
    back = {section: {new: old for old, new in names.items()} for section, names in OLD_NAMES.items()}
    recipe = m['recipe'] | {k: renamed(m['recipe'][k], back[k]) for k in ('model', 'augmentation')}
    return m | dict(format=1, recipe=renamed(recipe, back['recipe']))

def test_old_names_are_those_of_format_1():
    "The recipe as format 1 wrote it has each of them, and with those of today it is a whole recipe but for LATER"
    before = json.loads(FORMAT_1.read_bytes())
    after = parse_manifest(FORMAT_1.read_bytes())
    of = lambda m, section: m['recipe'] if section == 'recipe' else m['recipe'][section]
    for section, config in SECTIONS.items():
        names, old, new = OLD_NAMES[section], of(before, section), of(after, section)
        assert {*names} <= {*old} and len({*names.values()}) == len(names)
        assert {f.name for f in fields(config)} - {*new} == {*LATER.get(section, ())}
        for k, v in old.items():
            if k not in SECTIONS: assert new[names.get(k, k)] == v, k
    assert after['format'] == FORMAT == 2 and after['recipe']['features'] == before['recipe']['features']
    assert {k: v for k, v in after.items() if k not in ('format', 'recipe')} == {
        k: v for k, v in before.items() if k not in ('format', 'recipe')}

def test_todays_manifest_comes_back_from_format_1():
    old = as_format_1(MANIFEST)
    assert not {*OLD_NAMES['recipe'].values()} & {*old['recipe']}
    assert old['recipe']['speeds'] == MANIFEST['recipe']['tta_speeds']
    assert migrate(old) == MANIFEST and old['format'] == 1
    assert migrate(MANIFEST) == MANIFEST

@pytest.fixture
def old_folder(tmp_path):
    "The bundled model as format 1 would have it: old names, and a split.csv with the column `part`"
    for name in (*NAMES, 'split.csv'): shutil.copy(BUNDLED/name, tmp_path)
    split = (BUNDLED/'split.csv').read_text().replace('clip,emotion,split', 'clip,emotion,part')
    assert 'part' in split
    (tmp_path/'split.csv').write_text(split)
    m = as_format_1(MANIFEST)
    (tmp_path/'bundle.json').write_bytes(signed(m | dict(sha256=m['sha256'] | {'split.csv': _sha256(split.encode())})))
    return tmp_path

def test_a_bundle_of_format_1_answers_as_before(old_folder, examples):
    old, new = EmotionClassifier.load(old_folder), EmotionClassifier.load()
    assert (old.bundle.tta_speeds, old.bundle.features) == (new.bundle.tta_speeds, new.bundle.features)
    assert old.bundle.manifest['recipe'] == MANIFEST['recipe'] and old.metrics == new.metrics
    np.testing.assert_array_equal(old.predict_proba(examples[:3]), new.predict_proba(examples[:3]))
    assert read_split(old.bundle) == read_split(new.bundle) and set(read_split(old.bundle).values()) == {
        'train', 'validation', 'test'}

def test_figures_make_format_2_of_format_1(old_folder):
    add_metrics(old_folder, dict(accuracy=.5))
    m = json.loads((old_folder/'bundle.json').read_bytes())
    assert (m['format'], m['recipe'], m['metrics']) == (FORMAT, MANIFEST['recipe'], dict(accuracy=.5))
    assert m['fingerprint'] == fingerprint(m) and parse_manifest((old_folder/'bundle.json').read_bytes()) == m
    assert set(read_split(load_bundle(old_folder)).values()) == {'train', 'validation', 'test'}

def test_the_fingerprint_of_format_1_is_that_of_what_was_written(folder):
    "Not of the manifest with the names of today"
    m = as_format_1(MANIFEST)
    m['recipe']['takes'] += 1
    (folder/'bundle.json').write_bytes(json.dumps(m | dict(fingerprint=MANIFEST['fingerprint'])).encode())
    refused(folder, 'does not match its fingerprint')

@pytest.mark.parametrize('recipe', [None, 3, 'x', [], {}, dict(model=3, augmentation=[], features={}, speeds=3),
    dict(features={}, speeds=[1e-9]), dict(features={}, tta_speeds=[1.], speeds=[100]),
    dict(features=dict(n_fft=2**40))], ids=str)
def test_no_value_of_format_1_is_believed(folder, recipe):
    (folder/'bundle.json').write_bytes(signed(as_format_1(MANIFEST) | dict(recipe=recipe)))
    refused(folder, 'get the model anew, or train it again')

@pytest.mark.parametrize('data', [b'', b'\xff\xfe', b'a,b\n1,2\n', b'clip,emotion\nx,sad\n'], ids=str)
def test_a_split_that_is_no_table(tmp_path, data):
    for name in (*NAMES, 'split.csv'): shutil.copy(BUNDLED/name, tmp_path)
    put(tmp_path, 'split.csv', data)
    bundle = load_bundle(tmp_path)
    if not data: assert read_split(bundle) == {}
    else:
        with pytest.raises(BundleError, match='split.csv is no table of clips and splits'): read_split(bundle)


# Arrays and network

def arrays(**changed):
    "The bytes of an arrays.npz with some arrays changed; `None` leaves one out"
    with np.load(BUNDLED/'arrays.npz') as z: all_ = {**z, **changed}
    np.savez_compressed(out := io.BytesIO(), **{k: v for k, v in all_.items() if v is not None})
    return out.getvalue()

def bomb(header, megabytes=1):
    "An arrays.npz whose mean has this header and many zeros behind it, in a thousandth of the bytes"
    with zipfile.ZipFile(out := io.BytesIO(), 'w', zipfile.ZIP_DEFLATED) as z:
        with z.open('mean.npy', 'w', force_zip64=True) as f:
            f.write(header)
            for _ in range(megabytes): f.write(bytes(2**20))
    return out.getvalue()

def header(shape, dtype='<f4'):
    text = repr(dict(descr=dtype, fortran_order=False, shape=shape)).encode()
    return b'\x93NUMPY\1\0' + (len(text) + 1).to_bytes(2, 'little') + text + b'\n'

def squeezed(method):
    "The arrays in an unusual compression, whose dictionary could be of any size"
    with zipfile.ZipFile(BUNDLED/'arrays.npz') as a, zipfile.ZipFile(out := io.BytesIO(), 'w', method) as b:
        for name in a.namelist(): b.writestr(name, a.read(name))
    return out.getvalue()

ARRAYS = dict(
    nothing=b'', text=b'no archive', missing=arrays(mel=None), wider=arrays(mean=np.zeros(WIDTH + 1, np.float32)),
    transposed=arrays(mel=np.zeros((128, 1025), np.float32)), doubles=arrays(mean=np.zeros(WIDTH)),
    integers=arrays(mean=np.zeros(WIDTH, np.int32)), objects=arrays(mean=np.array([None]*WIDTH)),
    scalars=arrays(mean=np.float32(3)), nan=arrays(mean=np.full(WIDTH, np.nan, np.float32)),
    infinite=arrays(dct=np.full((128, 40), np.inf, np.float32)), zeros=arrays(scale=np.zeros(WIDTH, np.float32)),
    negative=arrays(scale=np.full(WIDTH, -1, np.float32)), lzma=squeezed(zipfile.ZIP_LZMA),
    bz2=squeezed(zipfile.ZIP_BZIP2), long=bomb(header((WIDTH,)), 300), claims=bomb(header((2**40,))),
    overflow=bomb(header((2**62, 2**62))),
    nested=bomb(b'\x93NUMPY\1\0' + (9000).to_bytes(2, 'little') + b'('*9000))

@pytest.mark.parametrize('which', ARRAYS)
def test_arrays_that_are_not_those_of_the_configuration(folder, which):
    put(folder, 'arrays.npz', ARRAYS[which])
    refused(folder, 'arrays.npz')


def test_an_array_in_the_other_order_is_the_same(folder):
    put(folder, 'arrays.npz', arrays(mel=np.asfortranarray(load_bundle().filters['mel'])))
    np.testing.assert_array_equal(load_bundle(folder).filters['mel'], load_bundle().filters['mel'])


def network(*nodes, frames=128, columns=WIDTH, labels=8, weights=()):
    "The bytes of an ONNX network from `x` to `y`"
    onnx = pytest.importorskip('onnx')
    info = lambda name, shape: onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
    parts = [onnx.helper.make_node(*n[:3], **(n[3] if len(n) > 3 else {})) for n in nodes]
    given, answer = info('x', [None, frames, columns]), info('y', [None, labels])
    graph = onnx.helper.make_graph(parts, 'g', [given], [answer], list(weights))
    version = onnx.helper.make_opsetid('', 13)
    return onnx.helper.make_model(graph, opset_imports=[version], ir_version=8).SerializeToString()

def constant(name, value):
    onnx = pytest.importorskip('onnx')
    return onnx.numpy_helper.from_array(np.array(value), name)

def mean_of(size):
    "A network that answers with a softmax over `size` labels, whatever the sound"
    nodes = [('ReduceMean', ['x'], ['m'], dict(axes=[1, 2], keepdims=0)), ('Unsqueeze', ['m', 'one'], ['u']),
        ('Expand', ['u', 'shape'], ['e']), ('Softmax', ['e'], ['y'])]
    return dict(nodes=nodes,
                weights=[constant('one', np.int64([1])), constant('shape', np.int64([1, size]))], labels=size)

def built(nodes, **kwargs): return network(*nodes, **kwargs)

def test_another_network_of_the_right_shape_is_taken(folder):
    put(folder, 'model.onnx', built(**mean_of(8)))
    answer = EmotionClassifier.load(folder).predict((np.random.default_rng(0).standard_normal(8000), 8000))
    assert max(answer.probabilities.values()) == pytest.approx(1/8, abs=1e-6)

@pytest.mark.parametrize('how', ['empty', 'text', 'half', 'frames', 'columns', 'labels', 'no softmax', 'nan',
    'unknown node', 'memory', 'other files'])
def test_networks_that_are_not_those_of_the_manifest(folder, how):
    onnx = pytest.importorskip('onnx')
    good, data = mean_of(8), (BUNDLED/'model.onnx').read_bytes()
    if how == 'other files':
        tensor = constant('weights', np.zeros((WIDTH, 8), np.float32))
        tensor.ClearField('raw_data'); tensor.data_location = onnx.TensorProto.EXTERNAL
        where = dict(location='/etc/passwd', offset='0', length=str(WIDTH*8*4))
        for k, v in where.items(): tensor.external_data.add(key=k, value=v)
        bad = network(('ReduceMean', ['x'], ['m'], dict(axes=[1], keepdims=0)), ('MatMul', ['m', 'weights'], ['z']),
            ('Softmax', ['z'], ['y']), weights=[tensor])
    else:
        nodes = good['nodes']
        memory = network(('ConstantOfShape', ['n'], ['big']), ('ReduceMean', ['big'], ['b'], dict(keepdims=0)),
            ('ReduceMean', ['x'], ['m'], dict(axes=[1, 2], keepdims=0)), ('Add', ['b', 'm'], ['z']),
            ('Expand', ['z', 'shape'], ['y']),
            weights=[constant('n', np.int64([2**40])), constant('shape', np.int64([2, 8]))])
        bad = {'empty': b'', 'text': b'no network', 'half': data[:len(data)//2], 'frames': built(**good, frames=127),
            'columns': built(**good, columns=274), 'labels': built(**mean_of(7)),
            'no softmax': built(**dict(good, nodes=nodes[:-1] + [('Relu', ['e'], ['y'])])),
            'nan': built(**dict(good, nodes=[*nodes[:3], ('Log', ['e'], ['l']), ('Sqrt', ['l'], ['y'])])),
            'unknown node': built(**dict(good, nodes=[('Fly', ['x'], ['y'])])), 'memory': memory}[how]
    put(folder, 'model.onnx', bad)
    refused(folder, 'model.onnx (is not the network|names other files)')


def test_a_small_file_takes_little_memory(tmp_path):
    "Bombs, each in a process of its own that may have one gigabyte of address space more than it needs to import"
    pytest.importorskip('resource')
    crafted = [('arrays.npz', ARRAYS['long']), ('arrays.npz', ARRAYS['claims']),
        ('bundle.json', signed(changed(['recipe', 'features', 'n_fft'], 2**30)))]
    code = ("import resource, sys; from emotion_nb.bundle import load_bundle; from emotion_nb.core import BundleError\n"
            "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss # kilobytes\n"
            "before = peak()\ntry: load_bundle(sys.argv[1])\nexcept BundleError as e: print(e)\n"
            "sys.exit(peak() - before > 100*2**10)")
    for name, bad in crafted:
        for n in NAMES: shutil.copy(BUNDLED/n, tmp_path)
        put(tmp_path, name, bad) if name != 'bundle.json' else (tmp_path/name).write_bytes(bad)
        done = subprocess.run([sys.executable, '-c', code, tmp_path], capture_output=True, text=True)
        assert done.returncode == 0 and name in done.stdout, done


# Chance

values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(max_size=4), v, max_size=4))
paths = ([[k] for k in MANIFEST]
         + [['recipe', 'tta_speeds'], ['recipe', 'features'], ['recipe', 'seed'], ['sha256', 'model.onnx']]
         + [['recipe', 'features', f.name] for f in fields(FeatureConfig)]*2)
near = st.one_of(st.integers(-2, 20_000), st.floats(-1000, 1000),
    st.sampled_from(['db', 'linear', 'chroma', True, False, None]))

@quick
@given(st.sampled_from(paths), values | near)
def test_chance_in_the_manifest(folder, path, value):
    "A model that is loaded answers, or refuses the recording; else it is refused itself"
    (folder/'bundle.json').write_bytes(signed(changed(path, value)))
    try: clf = EmotionClassifier.load(folder)
    except BundleError: return
    if clf.bundle.features.tonnetz == 'harmonic': return # asks librosa, which takes its time
    try: clf.predict((np.random.default_rng(0).standard_normal(8000), 16_000))
    except EmotionError as e: assert not isinstance(e, BundleError)


@quick
@given(st.sampled_from(['recipe', 'model', 'augmentation', 'speeds', 'features']), values | near)
def test_chance_in_format_1(folder, key, value):
    m = as_format_1(MANIFEST)
    if key == 'recipe': m['recipe'] = value
    else: m['recipe'] = m['recipe'] | {key: value}
    (folder/'bundle.json').write_bytes(signed(m))
    try: loaded = load_bundle(folder)
    except BundleError: return
    assert loaded.manifest['format'] == FORMAT and all(.5 <= s <= 2 for s in loaded.tta_speeds)


@st.composite
def mutated(draw, name):
    "The bytes of a bundled file with a few changes"
    data = bytearray((BUNDLED/name).read_bytes())
    for _ in range(draw(st.integers(1, 4))):
        last = len(data) - 1
        at = draw(st.integers(0, last) | st.integers(0, min(4000, last)) | st.integers(max(0, last - 3999), last))
        data[at:at + draw(st.sampled_from([0, 1, 1, 4, 5000]))] = draw(st.binary(max_size=4))
        if not data: data = bytearray(b'x')
    return bytes(data)

@quick
@given(st.data())
def test_chance_in_the_files(data):
    "With hashes that are right"
    target = data.draw(st.sampled_from(sorted(TARGETS)))
    name = dict(manifest='bundle.json', signed='bundle.json', arrays='arrays.npz', onnx='model.onnx')[target]
    fuzz_one(bytes([list(TARGETS).index(target)]) + data.draw(mutated(name)))

@quick
@given(st.binary(max_size=400))
def test_chance_alone(data): fuzz_one(data)

@quick
@given(st.sampled_from(['mean', 'scale', 'mel', 'tonnetz']), st.lists(st.integers(0, 300), max_size=3),
    st.sampled_from(['f4', 'f8', 'i4', 'U3', 'V5', 'c8', '>f4', 'M8[s]', '?']))
def test_chance_in_the_shapes(name, shape, dtype):
    array = np.zeros(shape[:2] + [min(n, 3) for n in shape[2:]], dtype)
    bundle = load_bundle()
    expected = bundle.filters.get(name, bundle.mean)
    try: got = parse_arrays(arrays(**{name: array}), bundle.features)
    except BundleError: return
    assert got[name].shape == expected.shape and np.isfinite(got[name]).all()


# Pickles

class Trace:
    "Leaves a file where it is unpickled"
    def __init__(self, path): self.path = path
    def __reduce__(self): return Path.touch, (self.path,)

@pytest.fixture
def planted(tmp_path):
    "A whole copy of the bundled model with a pickle that would leave a trace in place of each pickle; the trace"
    shutil.copytree(BUNDLED, tmp_path/'planted')
    trace = tmp_path/'trace'
    for name in ('scaler.pkl', 'label_encoder.pkl'): put(tmp_path/'planted', name, pickle.dumps(Trace(trace)))
    pickle.loads(pickle.dumps(Trace(trace))); assert trace.exists(); trace.unlink()
    return tmp_path/'planted', trace

def test_nothing_is_unpickled_by_the_library(planted, examples):
    folder, trace = planted
    clf = EmotionClassifier.load(folder)
    assert clf.predict(examples[0]).probabilities == EmotionClassifier.load().predict(examples[0]).probabilities
    assert not trace.exists()

def test_nothing_is_unpickled_by_the_command(planted, examples):
    folder, trace = planted
    command = ['emotion-nb', 'predict', '--model', folder, examples[0]]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert str(examples[0]) in out and not trace.exists()

def test_nothing_is_unpickled_by_the_dashboard(planted, examples):
    pytest.importorskip('anywidget')
    folder, trace = planted
    code = ("import sys, pathlib, emotion_nb.bundle; emotion_nb.bundle.BUNDLES['default'] = pathlib.Path(sys.argv[1])\n"
            "from emotion_nb.app.page import EmotionClassifier; clf = EmotionClassifier.load()\n"
            "clf.predict(sys.argv[2]); print(clf.bundle.folder)")
    command = [sys.executable, '-c', code, folder, examples[0]]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert out.strip() == str(folder) and not trace.exists()

def test_an_array_of_objects_is_not_unpickled(planted, examples):
    folder, trace = planted
    put(folder, 'arrays.npz', arrays(mean=np.array([Trace(trace)]*WIDTH, object)))
    refused(folder, 'arrays.npz')
    done = subprocess.run(['emotion-nb', 'predict', '--model', folder, examples[0]], capture_output=True, text=True)
    assert done.returncode == 1 and 'arrays.npz' in done.stderr and 'Traceback' not in done.stderr
    assert not trace.exists()


# Figures that are added

def test_figures_are_added_whole_or_not_at_all(folder, monkeypatch):
    add_metrics(folder, dict(accuracy=.5))
    assert read_manifest(folder)['metrics'] == dict(accuracy=.5)
    before = (folder/'bundle.json').read_bytes()
    def full(self, data):
        with open(self, 'wb') as f: f.write(data[:1000])
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr(Path, 'write_bytes', full)
    with pytest.raises(BundleError, match='No space left on device.*make room there'):
        add_metrics(folder, dict(accuracy=.6))
    assert (folder/'bundle.json').read_bytes() == before
    assert sorted(p.name for p in folder.iterdir()) == sorted(NAMES)

def test_what_could_not_be_read_is_not_written(folder):
    with pytest.raises(BundleError): add_metrics(folder, dict(text='x'*MAX_BYTES['bundle.json']))
    with pytest.raises(BundleError, match='no such folder'): add_metrics(folder/'nowhere', {})
    assert load_bundle(folder).manifest == MANIFEST


# Reports

def test_a_report_on_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    "Also by `emotion-nb evaluate --out`; nothing half written stays"
    import pandas as pd
    from click.testing import CliRunner
    from emotion_nb import cli, corpus, experiment
    from emotion_nb.evaluation import evaluate, save_report
    labels, proba = MANIFEST['labels'], np.eye(8)
    report = evaluate(pd.DataFrame(dict(clip=labels, channel='speech', emotion=labels)), proba, labels, 'invented')
    def full(self, *args, **kwargs): raise OSError(28, 'No space left on device')
    monkeypatch.setattr(Path, 'write_text', full)
    with pytest.raises(EmotionError, match='cannot be written .No space left on device.: make room there or name'):
        save_report(report, tmp_path/'report')
    assert [*(tmp_path/'report').iterdir()] == []
    monkeypatch.setattr(corpus, 'catalogue', lambda *args: None)
    monkeypatch.setattr(experiment, 'evaluate_a', lambda clf, df: report)
    args = ['evaluate', '--data', str(tmp_path), '--protocol', 'A', '--out', str(tmp_path/'report')]
    done = CliRunner().invoke(cli.main, args)
    assert done.exit_code == 1 and 'Traceback' not in done.output
    assert done.output.endswith('make room there or name another folder.\n'), done.output
