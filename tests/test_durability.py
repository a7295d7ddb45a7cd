"""Every file that is written is complete or absent: when the process is killed before any step of writing,
when the disk is full, and when other processes write the same file.
"""
import errno, os, shutil, subprocess, sys, textwrap, threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emotion_nb.augmentation import AugmentConfig
from emotion_nb.bundle import BUNDLED, add_metrics, load_bundle, read_manifest
from emotion_nb.core import CorpusError, EmotionError, TrainingError
from emotion_nb.corpus import catalogue
from emotion_nb.dataset import cache_file, dataset_features, copy_features
from emotion_nb.features import FeatureConfig
from emotion_nb.files import locked, present_folder, whole_file, whole_folder

NAMES = ('bundle.json', 'arrays.npz', 'model.onnx')

KILLED = """
import os, sys
from pathlib import Path

def kill_at(k, work):
    "Do `work` in a process of its own that is killed before its k-th file operation; True if it had fewer"
    if not (pid := os.fork()):
        left = k
        def hook(event, args):
            nonlocal left
            if event in ('open', 'os.mkdir', 'os.rename', 'os.remove', 'os.rmdir', 'os.truncate'):
                left -= 1
                if left < 0: os.kill(os.getpid(), 9)
        sys.addaudithook(hook)
        work()
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0

def at_every_step(begin, work, check):
    "Kill `work` before each of its steps, each time from the beginning; `check` what is left"
    for k in range(1000):
        begin()
        done = kill_at(k, work)
        check(done)
        if done: return print(k)
"""

def run(code, *args):
    "Run a script that kills itself; how many steps it was killed before"
    if not hasattr(os, 'fork'): pytest.skip('no fork on this system')
    done = subprocess.run([sys.executable, '-c', KILLED + textwrap.dedent(code), *map(str, args)],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)

@pytest.fixture
def model(tmp_path):
    "A copy of what a prediction reads"
    (tmp_path/'model').mkdir()
    for name in NAMES: shutil.copy(BUNDLED/name, tmp_path/'model')
    return tmp_path/'model'

def full(*args, **kwargs): raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# Killed

def test_a_bundle_loads_wherever_its_replacement_is_killed(tmp_path):
    "The old one or the new one, and the next save leaves nothing else behind"
    steps = run("""
    import shutil
    from emotion_nb.bundle import BUNDLED, add_metrics, load_bundle
    from emotion_nb.files import whole_folder
    root = Path(sys.argv[1])
    def save(which):
        with whole_folder(root/'model') as part:
            for name in ('bundle.json', 'arrays.npz', 'model.onnx'): shutil.copy(BUNDLED/name, part)
            add_metrics(part, dict(which=which))
    def begin(): shutil.rmtree(root, ignore_errors=True); root.mkdir(); save('old')
    def check(done):
        assert load_bundle(root/'model').manifest['metrics']['which'] in (['new'] if done else ['old', 'new'])
        save('next')
        assert [p.name for p in root.iterdir()] == ['model'], [*root.iterdir()]
        assert load_bundle(root/'model').manifest['metrics']['which'] == 'next'
        assert len([*(root/'model').iterdir()]) == 3
    at_every_step(begin, lambda: save('new'), check)
    """, tmp_path/'runs')
    assert steps > 15

def test_figures_are_old_or_new_wherever_their_writing_is_killed(model):
    steps = run("""
    from emotion_nb.bundle import add_metrics, load_bundle
    folder = Path(sys.argv[1])
    def check(done):
        assert load_bundle(folder).manifest['metrics'] in ([dict(which=2)] if done else [dict(which=1), dict(which=2)])
    at_every_step(lambda: add_metrics(folder, dict(which=1)), lambda: add_metrics(folder, dict(which=2)), check)
    """, model)
    assert steps > 3

def test_the_cache_is_right_wherever_its_filling_is_killed(tmp_path):
    steps = run("""
    import shutil, numpy as np
    from emotion_nb.core import example_clips
    from emotion_nb.corpus import _sha256
    from emotion_nb.dataset import copy_features
    clip, folder = example_clips()['sad'], Path(sys.argv[1])
    content = _sha256(clip)
    make = lambda: copy_features(clip, content, folder=folder)
    expected = make()
    def check(done): assert np.array_equal(make(), expected) and np.array_equal(make(), expected)
    at_every_step(lambda: shutil.rmtree(folder), make, check)
    """, tmp_path/'cache')
    assert steps > 3

def test_a_model_that_was_being_replaced_answers_and_can_be_given_figures(model, examples):
    from emotion_nb.classifier import EmotionClassifier
    model.rename(model.with_name('model.replaced'))
    assert EmotionClassifier.load(model).predict(examples[0]) == EmotionClassifier.load().predict(examples[0])
    add_metrics(model, dict(accuracy=.5))
    assert read_manifest(model)['metrics'] == dict(accuracy=.5)


# With other processes and threads

def test_many_savers_and_a_reader(tmp_path):
    "Each load gives a complete model, and one model is left at the end"
    if sys.platform == 'win32': pytest.skip('Windows locks no folders')
    folder, found = tmp_path/'model', []
    def save(which):
        with whole_folder(folder) as part:
            for name in NAMES: shutil.copy(BUNDLED/name, part)
            add_metrics(part, dict(which=which))
    save(0)
    savers = [threading.Thread(target=lambda i=i: [save(10*i + j) for j in range(5)]) for i in range(4)]
    for t in savers: t.start()
    while any(t.is_alive() for t in savers): found.append(load_bundle(folder).manifest['metrics']['which'])
    for t in savers: t.join()
    assert found and [p.name for p in tmp_path.iterdir()] == ['model']
    assert load_bundle(folder).manifest['metrics']['which'] in {10*i + 4 for i in range(4)}

def test_unfinished_folders_of_running_writers_are_kept(tmp_path):
    if sys.platform == 'win32': pytest.skip('Windows locks no folders')
    (tmp_path/'model.0123abcd.part').mkdir() # of a process that was killed
    with whole_folder(tmp_path/'model') as part:
        (part/'a').write_text('slow')
        with whole_folder(tmp_path/'model') as other: (other/'a').write_text('quick')
        assert sorted(p.name for p in tmp_path.iterdir()) == ['model', part.name]
    assert (tmp_path/'model'/'a').read_text() == 'slow' and [p.name for p in tmp_path.iterdir()] == ['model']

def test_a_folder_of_the_user_is_not_touched(tmp_path):
    for name in ('model.old', 'model.bak', 'model.part', 'model2', 'part-model'): (tmp_path/name).mkdir()
    for text in 'ab':
        with whole_folder(tmp_path/'model') as part: (part/'a').write_text(text)
    left = sorted(p.name for p in tmp_path.iterdir())
    assert left == ['model', 'model.bak', 'model.old', 'model.part', 'model2', 'part-model']

def test_a_link_is_followed(tmp_path):
    (tmp_path/'link').symlink_to('model')
    with whole_folder(tmp_path/'link') as part: (part/'a').write_text('1')
    assert (tmp_path/'link').is_symlink() and (tmp_path/'model'/'a').read_text() == '1'
    (tmp_path/'model').rename(tmp_path/'model.replaced')
    assert (present_folder(tmp_path/'link')/'a').read_text() == '1'

def test_a_lock_ends_with_its_process(tmp_path):
    if sys.platform == 'win32': pytest.skip('Windows locks no folders')
    code = ('import sys, time\nfrom emotion_nb.files import locked\n'
            'with locked(sys.argv[1]): print("locked", flush=True); time.sleep(60)')
    process = subprocess.Popen([sys.executable, '-c', code, tmp_path], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == 'locked\n'
    with pytest.raises(BlockingIOError):
        with locked(tmp_path, wait=False): pass
    process.kill(); process.communicate()
    with locked(tmp_path, wait=False): pass


# A full disk

@pytest.mark.parametrize('whole, name, step', [(whole_file, 'file', 'fsync'), (whole_file, 'file', 'replace'),
    (whole_folder, 'model/a', 'fsync'), (whole_folder, 'model/a', 'rename')])
def test_a_full_disk_leaves_the_old(tmp_path, monkeypatch, whole, name, step):
    path = tmp_path/name
    def save(text):
        with whole(tmp_path/Path(name).parts[0]) as part: (part/'a' if part.is_dir() else part).write_text(text)
    save('old')
    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match='No space left'): save('new')
    monkeypatch.undo()
    assert path.read_text() == 'old' and [p.name for p in tmp_path.iterdir()] == [Path(name).parts[0]]

def test_a_full_cache_is_one_sentence(tmp_path, examples, monkeypatch):
    df = catalogue(examples[0].parent)[:1]
    def half(self, data):
        with open(self, 'wb') as f: f.write(data[:len(data)//2])
        full()
    monkeypatch.setattr(Path, 'write_bytes', half)
    with pytest.raises(TrainingError, match=r'No space left on device.*make room there.*EMOTION_NB_CACHE') as e:
        dataset_features(df, folder=tmp_path, n_jobs=1, progress=False)
    assert '\n' not in str(e.value) and [p for p in tmp_path.rglob('*') if p.is_file()] == []
    monkeypatch.undo()
    assert len(dataset_features(df, folder=tmp_path, n_jobs=1, progress=False)) == 1


# The cache

@pytest.fixture(scope='module')
def clips(examples): return catalogue(examples[0].parent)[:2]

@pytest.mark.parametrize('how', ['empty', 'truncated', 'one bit', 'zeros', 'longer', 'another clip',
    'without a checksum', 'a pickle', 'another shape', 'a folder'])
def test_a_damaged_file_of_the_cache_is_made_again(clips, tmp_path, how):
    make = lambda i=0: copy_features(clips.path[i], clips.content[i], folder=tmp_path)
    first, _ = make(0), make(1)
    file, other = (cache_file(c, folder=tmp_path) for c in clips.content)
    whole = file.read_bytes()
    def save(x, **kwargs):
        np.save(file, x, **kwargs)
        return file.read_bytes()
    bad = {'empty': b'', 'truncated': whole[:-1], 'one bit': whole[:9000] + bytes([whole[9000] ^ 1]) + whole[9001:],
           'zeros': bytes(len(whole)), 'longer': whole + b'\0', 'another clip': other.read_bytes(),
           'without a checksum': save(first), 'a pickle': save(np.array([None]), allow_pickle=True),
           'another shape': save(first[:5]), 'a folder': None}[how]
    file.unlink()
    file.mkdir() if bad is None else file.write_bytes(bad)
    if bad is None:
        with pytest.raises(TrainingError, match='cannot be written'): make()
        return
    np.testing.assert_array_equal(make(), first)
    assert file.read_bytes() == whole

def test_the_name_in_the_cache_depends_on_all_that_decides_the_features(clips):
    content = clips.content[0]
    config = FeatureConfig()
    changed = dict(n_fft=1024, hop_length=256, trim_db=None, scale='linear', pad=True, tuning=None)
    other = [cache_file(content), cache_file(clips.content[1]), cache_file(content, config, 1),
             cache_file(content, config, 2), cache_file(content, config, 1, AugmentConfig(pitch=.1))]
    other += [cache_file(content, replace(config, **{k: v})) for k, v in changed.items()]
    assert len(set(other)) == len(other)

def test_a_clip_that_changed_after_the_catalogue_is_not_kept(clips, tmp_path):
    path = tmp_path/Path(clips.path[0]).name
    shutil.copy(clips.path[0], path)
    shutil.copy(clips.path[1], path)
    with pytest.raises(CorpusError, match='changed after the catalogue was made'):
        copy_features(path, clips.content[0], folder=tmp_path/'cache')
    assert not (tmp_path/'cache').exists()

def test_old_unfinished_files_are_cleared_and_recent_ones_kept(clips, tmp_path):
    old, recent = (cache_file(c, folder=tmp_path).parent/'part-12345678-x.npy' for c in clips.content)
    for p in (old, recent): p.parent.mkdir(parents=True, exist_ok=True); p.write_bytes(b'half')
    os.utime(old, (0, 0))
    dataset_features(clips[:1], folder=tmp_path, n_jobs=1, progress=False)
    assert not old.exists() and recent.exists()


# Training

@pytest.fixture(scope='module')
def tiny():
    "A function that fits a network in a folder and gives its answers; eagerly, as building a graph takes longer"
    tf = pytest.importorskip('tensorflow')
    tf.config.run_functions_eagerly(True)
    from emotion_nb.batches import BatchConfig
    from emotion_nb.features import feature_names
    from emotion_nb.model import ModelConfig
    from emotion_nb.training import Recipe, fit, open_run
    net = ModelConfig(conv=(4,), kernel_size=(3,), strides=(2,), pool_size=(1,), lstm=(4,), dense=(4,), functionals=0)
    recipe = Recipe(model=net, epochs=3, batches=BatchConfig(batch_size=16), learning_rate=.02, warmup=1,
        ema_momentum=.8)
    rng, y = np.random.default_rng(0), np.eye(2, dtype=np.float32)[np.arange(32) % 2]
    x = rng.standard_normal((32, 8, len(feature_names(recipe.features))), dtype=np.float32)
    def run(folder, **changed):
        r = replace(recipe, **changed)
        return fit([list(x)], y, (x, y), r, open_run(folder, {}), verbose=0).predict(x, verbose=0)
    yield run
    tf.config.run_functions_eagerly(False)

@pytest.fixture(scope='module')
def uninterrupted(tiny, tmp_path_factory): return tiny(tmp_path_factory.mktemp('runs')/'uninterrupted')

class Killed(BaseException): "Nothing catches it"

@pytest.mark.parametrize('step', [4, 7])
def test_a_killed_run_is_resumed_from_its_complete_files(tiny, uninterrupted, tmp_path, monkeypatch, step):
    "Killed between history and state of the second epoch, and before the checkpoint has its name"
    import emotion_nb.files as files
    steps = [step]
    def replace_or_die(part, path):
        steps[0] -= 1
        if steps[0] < 0: raise Killed
        os_replace(part, path)
    os_replace = os.replace
    monkeypatch.setattr(files.os, 'replace', replace_or_die)
    with pytest.raises(Killed): tiny(tmp_path/'run')
    assert not (tmp_path/'run'/'finished').exists()
    monkeypatch.undo()
    np.testing.assert_allclose(tiny(tmp_path/'run'), uninterrupted, atol=1e-5) # threads may add in another order
    left = sorted(p.name for p in (tmp_path/'run').iterdir())
    assert left == ['checkpoint.keras', 'config.json', 'finished', 'history.csv']
    assert (tmp_path/'run'/'history.csv').read_text().count('\n') == 4

@pytest.mark.parametrize('name, data', [('state.npz', b'PK\3\4 half'), ('part-1234-state.npz', b'half')])
def test_a_run_with_a_damaged_state_starts_again(tiny, uninterrupted, tmp_path, name, data):
    (tmp_path/'run').mkdir()
    (tmp_path/'run'/name).write_bytes(data)
    np.testing.assert_allclose(tiny(tmp_path/'run'), uninterrupted, atol=1e-5)
    assert not (tmp_path/'run'/name).exists()

@pytest.mark.parametrize('config', [b'', b'{', b'[]', b'{"another": "recipe"}'])
def test_a_folder_of_another_run_is_one_sentence(tmp_path, config):
    pytest.importorskip('tensorflow')
    from emotion_nb.training import open_run
    (tmp_path/'config.json').write_bytes(config)
    with pytest.raises(TrainingError, match='other settings: name another folder'): open_run(tmp_path, {})

def test_early_stopping_that_had_ended_the_run_trains_no_further_epoch():
    pytest.importorskip('tensorflow')
    from emotion_nb.training import Recipe, _stopped
    rows = lambda *losses: [dict(epoch=i, val_loss=v, val_accuracy=-v) for i, v in enumerate(losses)]
    runs = [], [1], [1, 2], [1, 2, 2], [3, 2, 1], [3, 2, 1, 1], [3, 2, 1, 1, 1]
    for monitor in ('val_loss', 'val_accuracy'):
        recipe = Recipe(monitor=monitor, patience=2)
        assert [_stopped(rows(*losses), recipe) for losses in runs] == [False, False, False, True, False, False, True]
    assert not _stopped(rows(1, 2, 3, 4), Recipe(monitor=None))

def test_a_full_disk_in_training_is_one_sentence(tiny, uninterrupted, tmp_path, monkeypatch):
    import emotion_nb.training as training
    monkeypatch.setattr(training, '_write_state', full)
    message = 'No space left on device.*make room there, and run the same command again'
    with pytest.raises(TrainingError, match=message) as e: tiny(tmp_path/'run')
    assert '\n' not in str(e.value) and isinstance(e.value, EmotionError)
    monkeypatch.undo()
    np.testing.assert_allclose(tiny(tmp_path/'run'), uninterrupted, atol=1e-5)
