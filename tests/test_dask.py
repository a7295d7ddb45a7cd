"A cluster gives what one machine gives, whatever happens to its workers."
import json, os, signal
from pathlib import Path

import pytest
from click.testing import CliRunner

from emotion_nb import EmotionClassifier
from emotion_nb.batch import found_recordings
from emotion_nb.cli import main
from emotion_nb.core import AudioError, EmotionError, example_clips

dask = pytest.importorskip('distributed') and pytest.importorskip('emotion_nb.dask')

@pytest.fixture(scope='module')
def clf(): return EmotionClassifier.load()

@pytest.fixture(scope='module')
def client(tmp_path_factory):
    "Two workers of one thread"
    folder = str(tmp_path_factory.mktemp('dask'))
    with dask.local_cluster(2, local_directory=folder) as cluster, cluster.get_client() as client: yield client

@pytest.fixture(scope='module')
def local(clf):
    "The answers of this machine"
    return {str(p): clf.predict(p) for p in example_clips().values()}

def assert_equal(t, local, classes):
    "Each row as the local answer, bit for bit"
    for r in t.to_dict('records'):
        p = local[r['file']]
        assert r['emotion'] == p.emotion and {k: r[k] for k in classes} == dict(p.probabilities)
        assert r['warnings'] == '; '.join(p.warnings)

def test_a_killed_worker_loses_nothing(client, clf, local, tmp_path):
    files = [*local]*2
    parts = dask.predict_parts(files, tmp_path/'out', client=client, batch=2, suffix='.parquet')
    found = [next(parts)]
    victim = [*client.run(os.getpid).values()][0]
    os.kill(victim, signal.SIGKILL)
    found += parts
    assert sum(p.n for p in found) == 16 and not any(p.errors for p in found) and len({p.path for p in found}) == 8
    t = dask.read_parts(tmp_path/'out')
    assert t['file'].tolist() == files
    assert_equal(t, local, clf.classes_)
    client.wait_for_workers(2)
    assert victim not in client.run(os.getpid).values()

def test_a_bad_file_in_each_part_is_a_row(client, clf, local, tmp_path):
    files = []
    for i, f in enumerate([*local][:2]):
        bad = tmp_path/f'bad{i}.wav'
        bad.write_bytes(b'RIFF, or not' if i else b'')
        files += [f, str(bad)]
    parts = list(dask.predict_parts(files, tmp_path/'out', client=client, batch=2))
    assert [(p.n, p.errors) for p in parts] == [(2, 1)]*2
    t = dask.read_parts(tmp_path/'out')
    assert t['file'].tolist() == files and t['error'].notna().tolist() == [False, True]*2
    assert_equal(t[t['error'].isna()], local, clf.classes_)

def test_a_stopped_run_goes_on(client, local, tmp_path):
    files, out = [*local], tmp_path/'out'
    first = dask.predict_parts(files, out, client=client, batch=2)
    done = next(first).path
    first.close()
    stamp = os.stat(done).st_mtime_ns
    second = {p.path: p.new for p in dask.predict_parts(files, out, client=client, batch=2)}
    assert len(second) == 4 and second[done] is False and os.stat(done).st_mtime_ns == stamp
    assert dask.read_parts(out)['file'].tolist() == files
    assert not [p for p in os.listdir(out) if not p.startswith('batch-')]
    with pytest.raises(EmotionError, match='another model'): dask.predict_parts(files[1:], out, client=client, batch=2)

def test_parts_that_cannot_be_written_are_named_at_the_end(client, local, tmp_path):
    files, out = [*local][:2], tmp_path/'out'
    [(_, path, _), _] = dask._plan(files, out, dask.model_key(), 1, '.jsonl', None)
    Path(path).mkdir()     # a folder in its place
    (Path(path)/'x').touch()
    plan = [(b, p, False) for b, p, _ in dask._plan(files, out, dask.model_key(), 1, '.jsonl', None)]
    found = []
    with pytest.raises(EmotionError, match='1 of 2 batches'):
        for p in dask._run(dask.predict_rows, dask.model_key(), plan, client, None): found.append(p)
    assert len(found) == 1

def test_workers_keep_their_memory_and_get_any_model(client, clf, local, tmp_path):
    environ = client.run(lambda: dict(os.environ))
    assert all(e.items() >= dask.WORKER_ENVIRON.items() for e in environ.values())
    mine = EmotionClassifier.load(clf.adapted([*local]).save(tmp_path/'mine'))
    assert isinstance(dask.model_key(mine), bytes)
    [f, *_] = local
    list(dask.predict_parts([f], tmp_path/'out', mine, client))
    [row] = map(json.loads, next((tmp_path/'out').iterdir()).read_text().splitlines())
    assert {k: row[k] for k in mine.classes_} == dict(mine.predict(f).probabilities)

def test_the_command_line(client, clf, local, tmp_path):
    folder = tmp_path/'in'
    (folder/'deeper').mkdir(parents=True)
    for f in [*local][:2]: os.symlink(f, folder/'deeper'/Path(f).name)
    (folder/'deeper'/'notes.txt').write_text('not a recording')
    command = ['predict', str(folder), '--out', str(tmp_path/'r.parquet'), '--scheduler', client.scheduler.address]
    for _ in range(2):
        r = CliRunner().invoke(main, command)
        assert r.exit_code == 0 and '2 recordings' in r.output
    t = dask.read_parts(tmp_path/'r.parquet')
    real = {os.path.realpath(k): v for k, v in local.items()}
    assert_equal(t.assign(file=[os.path.realpath(f) for f in t['file']]), real, clf.classes_)
    r = CliRunner().invoke(main, ['predict', 'x', '--scheduler', 'tcp://127.0.0.1:1'])
    assert r.exit_code == 2 and '--out' in r.output

def test_object_storage_that_fails_for_a_moment_is_asked_again(monkeypatch, clf, local):
    import fsspec
    memory, [f, *_] = fsspec.filesystem('memory'), local
    memory.pipe('/flaky/a.flac', Path(f).read_bytes())
    read, fails = type(memory).cat_file, [OSError('slow down')]*2
    def flaky(*args, **kwargs):
        if fails: raise fails.pop()
        return read(*args, **kwargs)
    monkeypatch.setattr(type(memory), 'cat_file', flaky)
    [row, missing] = dask.predict_rows(['memory://flaky/a.flac', 'memory://flaky/b.flac'], dask.model_key())
    assert row['emotion'] == local[f].emotion and not fails and 'does not exist' in missing['error']
    fails += [OSError('down')]*9
    [row] = dask.predict_rows(['memory://flaky/a.flac'], dask.model_key())
    assert 'cannot be read' in row['error']

def test_recordings_are_found_as_for_a_table(tmp_path):
    import fsspec
    for name in ('b.wav', 'a.FLAC', '.hidden.wav', 'notes.txt'):
        (tmp_path/name).touch()
        fsspec.filesystem('memory').pipe(f'/mixed/{name}', b'')
    expected = [str(tmp_path/'a.FLAC'), str(tmp_path/'b.wav')]
    assert dask.find_recordings(tmp_path) == expected
    assert found_recordings([tmp_path]) == found_recordings([tmp_path], {}) == expected
    assert dask.find_recordings(f'{tmp_path}/*.*') == found_recordings([f'{tmp_path}/*.*']) == expected
    for place in ('memory://mixed', 'memory://mixed/*'):
        assert dask.find_recordings(place) == ['memory:///mixed/a.FLAC', 'memory:///mixed/b.wav']
    with pytest.raises(AudioError, match='holds no recording'): dask.find_recordings('memory://nowhere')

def test_an_address_is_opened_only_with_options():
    from emotion_nb.batch import fetched
    assert found_recordings(['memory://mixed']) == ['memory://mixed'] and fetched('memory://a.wav') == 'memory://a.wav'
    for call in (found_recordings, lambda xs, options: fetched(*xs, options)):
        with pytest.raises(AudioError, match='cannot be opened by fsspec'): call(['nothing://a.wav'], {})
