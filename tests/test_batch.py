"Tables of many recordings: what is in them, that a bad file is a row, and that a kill or a full disk loses nothing."
import errno, io, json, os, shutil, signal, subprocess, sys, time
from contextlib import redirect_stderr
from pathlib import Path

import audformat
import numpy as np
import pandas as pd
import pytest
import soundfile
from click.testing import CliRunner
from test_durability import run as killed_at_every_step

from emotion_nb import batch, cli
from emotion_nb.batch import Journal, found_recordings, predict_frame, read_predictions, save_predictions
from emotion_nb.classifier import EmotionClassifier
from emotion_nb.core import AudioError, EmotionError, MissingExtraError
from emotion_nb.files import locked
from emotion_nb.prediction import Prediction

SUFFIXES = ['.csv', '.jsonl', '.parquet']

class Quick:
    "Answers without a network: an error where the name says so"
    classes_ = np.array(['calm', 'sad'])
    bundle = type('Bundle', (), dict(manifest=dict(fingerprint='1')))
    asked = ()

    def predict(self, x):
        self.asked += (x,)
        if 'bad' in x: raise AudioError(f'{x} is broken.')
        p = len(x)/(len(x) + 3)
        return Prediction({'calm': p, 'sad': 1 - p}, ['Very quiet.'] if 'quiet' in x else (),
                          'It is a hum.' if 'hum' in x else None)

FILES = ['a.wav', 'bad.wav', 'quiet, "b".wav', 'sub/hum.wav', '\u58f0.wav', 'NA', os.fsdecode(b'latin\xff.wav')]
NAMES = [*FILES[:-1], r'latin\udcff.wav']

@pytest.fixture(scope='module')
def clf(): return EmotionClassifier.load()

@pytest.fixture
def folder(examples, tmp_path, monkeypatch):
    "A folder to work in, with recordings in `talks` and below it, one of them broken, and what is no recording"
    monkeypatch.chdir(tmp_path)
    for name, clip in zip(('b.flac', 'a.flac', 'deep/er/c.FLAC'), examples):
        target = Path('talks', name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clip, target)
    for name in ('broken.wav', 'notes.txt', '.b.wav'): Path('talks', name).write_text('no recording')
    return Path('talks')

FOUND = ['talks/a.flac', 'talks/b.flac', 'talks/broken.wav', 'talks/deep/er/c.FLAC']

# In pandas

def test_a_folder_as_a_frame(clf, folder):
    df = clf.predict_frame(folder)
    assert (df.index.name, df.index.tolist()) == ('file', FOUND)
    assert [*df.columns] == ['emotion', 'confidence', *clf.classes_, 'warnings', 'no_voice', 'error']
    assert df.error.isna().tolist() == [True, True, False, True] and 'broken.wav' in df.error.iloc[2]
    good = df[df.error.isna()]
    assert good[clf.classes_].to_numpy() == pytest.approx(clf.predict_proba(good.index), abs=1e-6)
    assert good.emotion.tolist() == [clf.predict(f).emotion for f in good.index]
    assert df.loc['talks/broken.wav', [*clf.classes_, 'confidence', 'emotion']].isna().all()

def test_the_indexes_are_those_of_audformat(clf, folder):
    df = clf.predict_frame(folder)
    pd.testing.assert_index_equal(df.index, audformat.filewise_index(FOUND))
    cut = clf.predict_frame(FOUND[:2], cut='pauses')
    assert audformat.is_segmented_index(cut)
    times = [[*cut.index.get_level_values(k)] for k in ('start', 'end')]
    expected = audformat.segmented_index(cut.index.get_level_values('file'), *times)
    pd.testing.assert_index_equal(cut.index, expected)
    assert len(audformat.utils.union([df.index, expected])) == len(df) + len(cut)

def test_windows_and_their_errors(clf, folder):
    df = clf.predict_frame(folder, cut='windows', window=2, hop=1)
    timeline = clf.predict_timeline(FOUND[0], 2, 1)
    mine = df.loc[FOUND[0]]
    assert mine.emotion.fillna('').tolist() == timeline.emotion.fillna('').tolist()
    assert mine[clf.classes_].to_numpy() == pytest.approx(timeline[clf.classes_].to_numpy(), abs=1e-6, nan_ok=True)
    broken = df.reset_index()[df.error.notna().to_numpy()]
    assert broken.file.tolist() == [FOUND[2]] and broken[['start', 'end']].isna().all(axis=None)

def test_an_index_of_spans_is_answered_in_its_order(clf, folder):
    y, rate = soundfile.read(FOUND[0])
    soundfile.write('long.wav', np.concatenate([y, y]), rate)
    half = pd.Timedelta(len(y)/rate, 's')
    spans = [('long.wav', half, pd.NaT), (FOUND[1], pd.Timedelta(0), pd.NaT), ('long.wav', pd.Timedelta(0), half),
             ('missing.wav', pd.Timedelta(0), pd.NaT), ('long.wav', 9*half, pd.NaT)]
    index = pd.MultiIndex.from_tuples(spans, names=['file', 'start', 'end'])
    df = predict_frame(clf, index)
    pd.testing.assert_index_equal(df.index, index)
    expected = clf.predict_proba([FOUND[0], FOUND[1], FOUND[0]])
    assert df[clf.classes_].to_numpy()[:3] == pytest.approx(expected, abs=.02)
    assert 'missing.wav does not exist' in df.error.iloc[3] and 'This span has no sound' in df.error.iloc[4]

def test_an_impossible_cut_is_no_row(tmp_path):
    "It is refused before anything is read, not once a recording"
    for options in (dict(cut='words'), dict(cut='windows', window=.1), dict(cut='windows', hop=9)):
        with pytest.raises(EmotionError, match='choose'): predict_frame(Quick(), FILES, **options)

def test_what_is_no_folder(tmp_path):
    (tmp_path/'empty').mkdir()
    with pytest.raises(AudioError, match='holds no recording'): found_recordings([tmp_path/'empty'])
    with pytest.raises(AudioError, match='many are expected'): predict_frame(Quick(), b'RIFF')
    assert predict_frame(Quick(), []).empty

# Files

@pytest.mark.parametrize('suffix', SUFFIXES)
def test_every_form_gives_back_the_frame(tmp_path, suffix):
    quick, out = Quick(), tmp_path/f'table{suffix}'
    assert save_predictions(quick, FILES, out) == (len(FILES), 0, 1)
    df = read_predictions(out)
    pd.testing.assert_frame_equal(df, predict_frame(quick, FILES), atol=1e-6)
    assert df.index.tolist() == NAMES and df.warnings.dropna().tolist() == ['Very quiet.']
    assert df.emotion.isna().tolist() == [False, True, False, True, False, False, False]
    assert [p.name for p in tmp_path.iterdir()] == [out.name]

def test_pandas_reads_parquet_with_its_index(tmp_path):
    save_predictions(Quick(), FILES, tmp_path/'t.parquet')
    df = pd.read_parquet(tmp_path/'t.parquet')
    assert df.index.name == 'file' and df.index.tolist() == NAMES

def test_parquet_in_many_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(batch, 'GROUP', 3)
    names = [f'bad{i}.wav' for i in range(4)] + [f'{i}.wav' for i in range(6)]  # a first group without any emotion
    save_predictions(Quick(), names, tmp_path/'t.parquet')
    pd.testing.assert_frame_equal(read_predictions(tmp_path/'t.parquet'), predict_frame(Quick(), names))

def test_without_pyarrow_only_parquet_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pyarrow', None)
    with pytest.raises(MissingExtraError, match=r"emotion_nb\[parquet\]"):
        save_predictions(Quick(), FILES, tmp_path/'t.parquet')
    assert not [*tmp_path.iterdir()]
    save_predictions(Quick(), FILES, tmp_path/'t.csv')

def test_json_lines_are_strict_json(clf, folder):
    save_predictions(clf, folder, 't.jsonl', cut='windows', window=.5, hop=.5)
    def refuse(name): raise AssertionError(name)
    lines = Path('t.jsonl').read_text(encoding='utf-8').splitlines()
    rows = [json.loads(line, parse_constant=refuse) for line in lines]
    silent = [r for r in rows if r['emotion'] is None and r['error'] is None]
    assert silent and all(r['confidence'] is None for r in silent)

# Stopped

@pytest.mark.parametrize('suffix', ['.csv', '.parquet'])
def test_the_table_is_the_same_wherever_the_run_is_killed(tmp_path, suffix):
    "Also in the middle of a line of the journal"
    steps = killed_at_every_step("""
    import os, sys, types
    import numpy as np, pandas
    from emotion_nb import batch
    from emotion_nb.prediction import Prediction
    folder, out = Path(sys.argv[1]), Path(sys.argv[1])/('t' + sys.argv[2])
    class Quick:
        classes_ = np.array(['calm', 'sad'])
        bundle = types.SimpleNamespace(manifest=dict(fingerprint='1'))
        def predict(self, x): return Prediction({'calm': .7, 'sad': .3}, [x])
    write = os.write
    def torn(fd, data):
        "Half of it, a step at which it may be killed, and the rest"
        if len(data) < 2: return write(fd, data)
        n = write(fd, data[:len(data)//2])
        sys.audit('os.truncate', fd, n)
        return n
    names = [f'{i}.wav' for i in range(2)]
    work = lambda: batch.save_predictions(Quick(), names, out, n_jobs=1)
    folder.mkdir(); work(); expected = out.read_bytes()
    def begin():
        for p in folder.iterdir(): p.unlink()
    def torn_work(): os.write = batch.os.write = torn; work()
    def check(done):
        if out.exists() and not (folder/(out.name + '.journal')).exists(): assert out.read_bytes() == expected; return
        assert not done
        work()
        assert out.read_bytes() == expected
        assert [p.name for p in folder.iterdir() if not p.name.startswith('part-')] == [out.name]
    at_every_step(begin, torn_work, check)
    """, tmp_path/'work', suffix)
    assert steps > 8

def test_a_process_that_is_killed_is_resumed(examples, tmp_path):
    "The program itself, at some moment in the middle"
    (tmp_path/'talks').mkdir()
    for i in range(24): os.symlink(examples[i % 3], tmp_path/'talks'/f'{i:02}.flac')
    command = [sys.executable, '-m', 'emotion_nb', 'predict', 'talks', '--out']
    journal = tmp_path/'a.csv.journal'
    process = subprocess.Popen([*command, 'a.csv'], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    until = time.monotonic() + 120
    while time.monotonic() < until and not (journal.exists() and journal.read_bytes().count(b'\n') > 3): time.sleep(.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = journal.read_bytes().count(b'\n') - 1
    assert 3 <= kept < 24 and not (tmp_path/'a.csv').exists()
    done = subprocess.run([*command, 'a.csv'], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout == f'The answers for 24 recordings lie in a.csv, {kept} of them answered by a run before.\n'
    rows = pd.read_csv(tmp_path/'a.csv')
    assert len(rows) == 24 and rows.groupby(rows.index % 3).confidence.nunique().tolist() == [1, 1, 1]
    assert not journal.exists()

def test_what_had_an_error_is_tried_again(tmp_path, monkeypatch):
    quick, out = Quick(), tmp_path/'t.csv'
    monkeypatch.setattr(batch, 'whole_file', lambda path: 1/0)
    with pytest.raises(ZeroDivisionError): save_predictions(quick, FILES, out)
    monkeypatch.undo()
    quick.asked = ()
    assert save_predictions(quick, [*FILES, 'new.wav'], out) == (len(FILES) + 1, len(FILES) - 1, 1)
    assert sorted(quick.asked) == ['bad.wav', 'new.wav']
    assert read_predictions(out).index.tolist() == [*NAMES, 'new.wav']

def test_a_full_disk(tmp_path, monkeypatch):
    quick, out, write, room = Quick(), tmp_path/'t.csv', os.write, 300
    def full(fd, data):
        nonlocal room
        n = write(fd, data[:max(room, 0)])
        room -= len(data)
        if not n: raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return n
    monkeypatch.setattr(batch.os, 'write', full)
    with pytest.raises(EmotionError, match='No space left.*the same command goes on'):
        save_predictions(quick, FILES, out)
    monkeypatch.undo()
    resumed = save_predictions(quick, FILES, out).resumed
    assert 0 < resumed < len(FILES)
    pd.testing.assert_frame_equal(read_predictions(out), predict_frame(quick, FILES), atol=1e-6)

def test_a_disk_that_is_full_for_the_table(tmp_path, monkeypatch):
    quick, out = Quick(), tmp_path/'t.csv'
    def full(*args): raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setitem(batch._WRITERS, '.csv', full)
    with pytest.raises(EmotionError, match='No space left'): save_predictions(quick, FILES, out)
    assert [p.name for p in tmp_path.iterdir()] == ['t.csv.journal']
    monkeypatch.undo()
    assert save_predictions(quick, FILES, out).resumed == len(FILES) - 1  # all but the bad one

def test_nothing_is_mixed_and_nothing_replaced(tmp_path):
    quick, out = Quick(), tmp_path/'t.csv'
    Journal(tmp_path/'t.csv.journal', dict(model='0')).close()
    with pytest.raises(EmotionError, match='another model or of other options'): save_predictions(quick, FILES, out)
    (tmp_path/'t.csv.journal').unlink()
    save_predictions(quick, FILES, out)
    before = out.read_bytes()
    with pytest.raises(EmotionError, match='is there already'): save_predictions(quick, ['a.wav'], out)
    assert out.read_bytes() == before

def test_two_processes_do_not_write_one_file(tmp_path):
    pytest.importorskip('fcntl')
    journal = tmp_path/'t.csv.journal'
    journal.touch()
    with locked(journal), pytest.raises(EmotionError, match='Another process is writing'):
        save_predictions(Quick(), FILES, tmp_path/'t.csv')
    assert save_predictions(Quick(), FILES, tmp_path/'t.csv').failed == 1

def test_the_bar_counts_what_was_answered_before(tmp_path):
    journal = Journal(tmp_path/'t.csv.journal', dict(model='1', cut=None, window=3., hop=1.))
    journal.add('a.wav', [dict(file='a.wav', emotion='sad')])
    journal.close()
    with redirect_stderr(io.StringIO()) as err: save_predictions(Quick(), FILES, tmp_path/'t.csv', progress=True)
    assert '1/7' in err.getvalue() and '7/7' in err.getvalue() and '<' in err.getvalue()  # [so far<to go]

# The command line

def run(*args): return CliRunner().invoke(cli.main, [*map(str, args)], prog_name='emotion-nb')

def test_the_command(clf, folder):
    done = run('predict', folder, 'missing.wav', '--out', 't.parquet')
    assert (done.exit_code, done.stdout) == (1, 'The answers for 5 recordings lie in t.parquet.\n')
    assert done.stderr == 'Error: 2 of the 5 recordings could not be answered: the column error says why.\n'
    expected = predict_frame(clf, [*FOUND, 'missing.wav'])
    pd.testing.assert_frame_equal(read_predictions('t.parquet'), expected)
    assert run('predict', FOUND[0], '--cut', 'pauses', '--out', 't.csv').exit_code == 0
    assert read_predictions('t.csv').index.names == ['file', 'start', 'end']

@pytest.mark.parametrize('args, words', [
    (['talks', '--out', 'a.xlsx'], 'has no suffix of a table'), (['-', '--out', 'a.csv'], 'cannot be resumed'),
    (['talks', '--cut', 'pauses'], '--cut is for a table'), (['talks', '--out', 'no/a.csv'], 'cannot be written'),
    (['talks/deep/empty', '--out', 'a.csv'], 'holds no recording')])
def test_what_the_command_refuses(folder, args, words):
    (folder/'deep'/'empty').mkdir()
    done = run('predict', *args)
    assert done.exit_code == 1 and words in done.stderr and done.stderr.count('\n') == 1
    assert not Path('a.csv').exists()


WORKERS = """
import os, sys
from emotion_nb.batch import MANY, save_predictions
class Quick:
    class bundle: manifest = dict(fingerprint='x')
    import numpy
    classes_ = numpy.array(['calm', 'sad'])
    def predict(self, x):
        from emotion_nb.prediction import Prediction
        if x == sys.argv[3]: os._exit(1)
        return Prediction(dict(calm=.25, sad=.75))
if __name__ == '__main__': print(*save_predictions(
    Quick(), [f'{i}.wav' for i in range(MANY)], sys.argv[1], n_jobs=2, processes=sys.argv[2] == 'processes'))
"""


def test_processes_give_the_table_of_threads_and_one_that_dies_is_resumed(tmp_path):
    def run(out, how, deadly=''):
        command = [sys.executable, 'work.py', out, how, deadly]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    (tmp_path/'work.py').write_text(WORKERS)
    assert run('threads.csv', 'threads').stdout == '1000 0 0\n'
    died = run('processes.csv', 'processes', '900.wav')
    assert died.returncode and 'A worker process has ended before its work was done' in died.stderr
    n, resumed, failed = map(int, run('processes.csv', 'processes').stdout.split())
    assert (n, failed) == (1000, 0) and 0 < resumed < 900
    assert (tmp_path/'processes.csv').read_bytes() == (tmp_path/'threads.csv').read_bytes()
    assert not [*tmp_path.glob('*.journal')]


ENDLESS = """
import itertools, time
from contextlib import closing
from emotion_nb.parallel import in_processes, stoppable
def work(i):
    if i:
        for _ in stoppable(itertools.count()): time.sleep(.01)
if __name__ == '__main__':
    try:
        with closing(in_processes(work, itertools.chain([0]*16, itertools.count(1)), n_jobs=2)) as results:
            next(results)
            print('begun', flush=True)
            list(results)
    except KeyboardInterrupt: print('stopped', flush=True)
"""


@pytest.mark.skipif(os.name != 'posix', reason='Windows has neither these signals nor process groups')
@pytest.mark.parametrize('sent', ['SIGINT', 'SIGKILL'])
def test_no_process_outlives_the_one_that_began_it(tmp_path, sent):
    "Nor does one that is still starting complain about Ctrl+C: the second one is, when the first has answered"
    (tmp_path/'work.py').write_text(ENDLESS)
    p = subprocess.Popen([sys.executable, tmp_path/'work.py'], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True)
    assert p.stdout.readline() == 'begun\n'
    if sent == 'SIGINT': os.killpg(p.pid, signal.SIGINT)  # as a terminal sends it: to all processes
    else: p.kill()
    out, err = p.communicate(timeout=60)                  # which waits for the workers too, that hold the same pipes
    if sent == 'SIGINT': assert (out, err, p.returncode) == ('stopped\n', '', 0)
