"The command line as a shell sees it: what is printed, to which stream, and with which status."
import csv, dataclasses, io, json, os, re, shutil, signal, subprocess, sys, threading
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from emotion_nb import classifier, cli
from emotion_nb.classifier import EmotionClassifier, Prediction
from emotion_nb.core import AudioError

TIMEOUT = 120  # Seconds after which something hangs
PROGRAM = [sys.executable, '-m', 'emotion_nb']
posix = pytest.mark.skipif(os.name == 'nt', reason='needs a POSIX shell')
NAMES = ['\u58f0.flac', 'esc\x1b[31m\x9b31m.flac', 'two\nlines.flac', os.fsdecode(b'latin\xff.flac')]

@pytest.fixture
def clips(examples, tmp_path, monkeypatch):
    "A folder to work in with five clips, one of them broken in the middle"
    for i, clip in enumerate(examples[:5]): shutil.copy(clip, tmp_path/f'{i}.flac')
    (tmp_path/'2.flac').write_bytes(b'fLaC and nothing more')
    monkeypatch.chdir(tmp_path)
    return [f'{i}.flac' for i in range(5)]

@pytest.fixture
def odd(examples, tmp_path, monkeypatch):
    "A folder with names of every kind"
    monkeypatch.chdir(tmp_path)
    try:
        for name in NAMES: shutil.copy(examples[0], name)
    except OSError: pytest.skip('this file system does not take such names')
    return NAMES

def run(*args, **kwargs): return CliRunner().invoke(cli.main, list(map(str, args)), prog_name='emotion-nb', **kwargs)

def shell(command, *args, **env):
    "Run the program in a shell, where `command` has \"$@\" in its place; status, stdout and stderr as bytes"
    done = subprocess.run(['sh', '-c', command, 'sh', *PROGRAM, *args], capture_output=True, timeout=TIMEOUT,
                          env=os.environ | env)
    assert b'Traceback' not in done.stderr and b'Exception ignored' not in done.stderr
    return done.returncode, done.stdout, done.stderr

def one_sentence(stderr, words): return stderr.count(b'\n') == 1 and stderr.startswith(b'Error: ') and words in stderr

# Answers and errors

@pytest.mark.parametrize('form', ['--table', '--csv', '--json'])
def test_a_bad_file_among_five(clips, form):
    done = run('predict', *clips, *([] if form == '--table' else [form]))
    assert done.exit_code == 1 and done.stderr.count('Error: ') == 1 and done.stderr.startswith('Error: 2.flac')
    assert [c in done.stdout for c in clips] == [True, True, False, True, True]

def test_an_unexpected_error_is_one_recordings(clips, monkeypatch, caplog):
    read = classifier.stream_audio
    def broken(x, *args, **kwargs):
        if x == clips[3]: raise MemoryError('no more')
        return read(x, *args, **kwargs)
    monkeypatch.setattr(classifier, 'stream_audio', broken)
    monkeypatch.setenv('EMOTION_NB_DEBUG', '1')
    done = run('predict', '--csv', *clips)
    assert done.exit_code == 1 and [c in done.stdout for c in clips] == [True, True, False, False, True]
    assert 'Error: 3.flac: something unexpected went wrong (MemoryError: no more).' in done.stderr
    assert [r.exc_info[0] for r in caplog.records if r.name == 'emotion_nb'] == [MemoryError]

def test_doubts_are_printed(clips, monkeypatch):
    p = Prediction(dict(calm=.52, sad=.48), ['Cut off: the end is missing.', 'Very quiet.'])
    monkeypatch.setattr(EmotionClassifier, 'predict', lambda self, x: p)
    table, as_csv, as_json = (run('predict', clips[0], *form) for form in ([], ['--csv'], ['--json']))
    for done in table, as_csv, as_json:
        assert done.exit_code == 0
        assert done.stderr == '0.flac: warning: Cut off: the end is missing.\n0.flac: warning: Very quiet.\n'
    assert table.stdout.splitlines()[1] == '0.flac  calm            52.0%  not sure: calm or sad'
    assert next(csv.DictReader(io.StringIO(as_csv.stdout)))['warnings'] == 'Cut off: the end is missing.; Very quiet.'
    assert json.loads(as_json.stdout) == [dict(file='0.flac', **p.as_dict())]

def test_json_is_one_list(clips):
    assert json.loads(run('predict', '--json', clips[2]).stdout) == []
    assert [r['file'] for r in json.loads(run('predict', '--json', *clips[:2]).stdout)] == clips[:2]

@pytest.mark.parametrize('args, status, words', [
    (['predict', '.'], 1, '. is a folder'), (['predict', ''], 1, 'The path is empty'),
    (['predict'], 2, 'Missing argument'),
    (['timeline', '0.flac', '--window', 'nan'], 1, 'A window of nan s'),
    (['timeline', '0.flac', '--hop', 'x'], 2, 'float'),
    (['predict', '0.flac', '--model', 'nowhere'], 1, 'nowhere'),
    (['--no\x1b[31m'], 2, '31m'), (['ex\x1b[31m'], 2, '31m')])
def test_what_is_asked_for_wrongly_is_said(clips, args, status, words):
    done = run(*args)
    assert (done.exit_code, done.stdout) == (status, '') and words in done.stderr and '\x1b' not in done.stderr

def test_times_of_an_hour_are_written_as_on_the_page(clips, monkeypatch):
    from emotion_nb.output import clock
    from emotion_nb.timeline import Window, timeline_frame
    def made(clf, x, *args, **kwargs):
        "Windows of an hour, answered calm and then sad"
        one = np.eye(len(clf.classes_), dtype=np.float32)
        t = timeline_frame(clf, x, [Window(3597., 3599.96, one[1], 3.), Window(3599.96, 3662.5, one[6], 3.)])
        t.attrs['warnings'] = []
        return t
    monkeypatch.setattr(EmotionClassifier, 'predict_timeline', made)
    head, *lines = run('timeline', clips[0]).stdout.splitlines()
    spans = [line.split()[:2] for line in lines]
    assert spans == [[clock(t, 1) for t in span] for span in ((3597, 3599.96), (3599.96, 3662.5))]
    assert spans[1] == ['1:00:00.0', '1:01:02.5']
    assert {line.index('100.0%') + 6 for line in lines} == {len(head)}  # in one column, however long the times

@pytest.mark.filterwarnings('ignore::DeprecationWarning') # as Python itself does; the oldest Matplotlib has some
@pytest.mark.parametrize('command, called', [('train', 'run_protocol_a'), ('crossval', 'run_protocol_b')])
def test_options_replace_what_the_recipe_says(command, called, monkeypatch):
    corpus, experiment = pytest.importorskip('emotion_nb.corpus'), pytest.importorskip('emotion_nb.experiment')
    asked = []
    def stopped(df, out, recipe, *args): asked.append(recipe); raise KeyboardInterrupt
    monkeypatch.setattr(corpus, 'catalogue', lambda *args: None)
    monkeypatch.setattr(experiment, called, stopped)
    for options in ([], ['--n-augmented', '2', '--epochs', '3', '--members', '1', '--seed', '7']):
        done = run(command, '--recipe', 'reference', *options)
        assert (done.exit_code, done.output) == (1, f'Error: {cli.STOPPED}\n')
    plain, changed = asked
    assert changed == dataclasses.replace(plain, n_augmented=2, epochs=3, members=1, seed=7)
    assert 'choose one of default, ravdess, reference.' in run(command, '--recipe', 'best').stderr

def test_the_help_names_the_formats_of_the_decoder():
    from emotion_nb.decoding import FORMATS
    for _ in range(2): assert f'FILE is a {FORMATS} file' in ' '.join(run('predict', '--help').output.split())

# Adaptation

def table(**labels): return 'path,emotion\n' + ''.join(f'{k}.flac,{v}\n' for k, v in labels.items())

@pytest.mark.parametrize('folder, labels, words', [
    ('nowhere', None, 'nowhere is not a folder'), ('empty', None, 'The folder empty holds no recording'),
    ('0.flac', None, '0.flac is not a folder'),
    ('.', 'name,mood\n', "has no column 'path'"), ('.', table(), 'names no recording'),
    ('.', table(_0='sad', _1='bored'), "the label 'bored': use one of neutral"),
    ('.', table(_0='sad', _1=''), "the label ''"), ('.', table(_0='sad', _1='sad'), 'All labels are sad'),
    ('.', table(_0='sad', gone='happy'), "'gone.flac' for one")])
def test_what_cannot_be_adapted_to(clips, folder, labels, words):
    for i in (0, 1): shutil.copy(f'{i}.flac', f'_{i}.flac')
    os.mkdir('empty')
    if labels is not None: Path('labels.csv').write_text(labels)
    done = run('adapt', folder, '--out', 'mine')
    assert (done.exit_code, done.stdout) == (1, '') and one_sentence(done.stderr.encode(), words.encode())
    assert not os.path.exists('mine')

def test_a_model_is_never_overwritten_by_another(clips):
    os.mkdir('mine')
    assert 'mine is there already: name another folder' in run('adapt', '.', '--out', 'mine').stderr
    assert os.listdir('mine') == []

def test_adapting_says_whether_labels_were_used(clips):
    os.remove('2.flac')
    assert 'to 4 recordings without labels (there is no ./labels.csv)' in run('adapt', '.', '--out', 'a').stdout
    Path('labels.csv').write_text('path;emotion\n0.flac;happiness\n1.flac;Sad\n')  # as Excel writes it
    assert 'to 2 recordings with labels.' in run('adapt', '.', '--out', 'b').stdout
    labels = EmotionClassifier.load('b').bundle.manifest['adaptation']['labels']
    assert {e for e, n in labels.items() if n} == {'happy', 'sad'}

def test_the_dashboard_takes_a_model(clips, monkeypatch):
    dashboard, server = (pytest.importorskip(f'emotion_nb.{name}') for name in ('dashboard', 'app.server'))
    port = server.free_port('127.0.0.1', 0)
    assert 'nowhere: There is no such folder' in run('dashboard', '--port', port, '--model', 'nowhere').stderr
    EmotionClassifier.load().adapted(clips[:2]).save('mine')
    inherited = server.kernel_environment(50, 'mine')
    for name, value in inherited.items(): monkeypatch.setenv(name, value)
    monkeypatch.chdir('/')
    assert dashboard.EmotionApp().classifier.bundle.manifest['adaptation']['recordings'] == 2

# Names

def test_odd_names_in_a_pipe_of_another_encoding(odd):
    status, out, err = shell('"$@"', 'predict', *odd, 'no\x1b[31m\u58f0.wav', PYTHONIOENCODING='ascii')
    lines = out.decode('ascii').splitlines()
    assert status == 1 and len(lines) == 1 + len(odd) and all(' neutral ' in line for line in lines[1:])
    escaped = [r'\u58f0.flac', r'esc\x1b[31m\x9b31m.flac', r'two\nlines.flac', r'latin\udcff.flac']
    assert [line.split(' ')[0] for line in lines[1:]] == escaped
    assert one_sentence(err, rb'no\x1b[31m\u58f0.wav does not exist')

@pytest.mark.parametrize('form', ['--csv', '--json'])
def test_odd_names_for_programs(odd, form):
    done = run('predict', form, *odd)
    assert done.exit_code == 0 and not done.stderr and all(c.isprintable() or c == '\n' for c in done.stdout)
    rows = json.loads(done.stdout) if form == '--json' else list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(rows) == len(odd)
    if form == '--json': assert [r['file'] for r in rows] == odd

# Streams that are not there

def test_standard_input_is_read_once(clips):
    done = run('predict', '-', '-', input=Path(clips[0]).read_bytes())
    assert done.exit_code == 1 and not done.stdout
    assert done.stderr == 'Error: Standard input can be read only once: name - once.\n'

def test_standard_input_that_is_empty(clips):
    done = run('predict', '-', clips[0], input=b'')
    assert done.exit_code == 1 and 'is empty' in done.stderr and clips[0] in done.stdout

def test_standard_input_that_is_a_device(monkeypatch):
    with open(os.devnull) as f:
        monkeypatch.setattr(sys, 'stdin', f)
        with pytest.raises(AudioError, match='Standard input is a terminal or a device: pipe'): cli._source('-')

@posix
def test_standard_input_that_is_closed(clips):
    status, out, err = shell('exec "$@" <&-', 'predict', '-', clips[0])
    assert status == 1 and clips[0].encode() in out and one_sentence(err, b'Standard input is closed: pipe')

@posix
def test_standard_output_that_is_closed(clips):
    status, out, err = shell('exec "$@" >&-', 'predict', clips[0])
    assert status == 1 and one_sentence(err, b'The output cannot be written (it is closed)')

@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='this system has no /dev/full')
@pytest.mark.parametrize('args', [['predict', '0.flac'], ['predict', '--json', '0.flac'], ['--help']], ids=repr)
def test_a_full_disk(clips, args):
    status, _, err = shell('exec "$@" >/dev/full', *args)
    assert status == 1 and one_sentence(err, b'The output cannot be written (No space left on device)')

@posix
def test_nobody_reads_on(clips):
    status, out, err = shell('{ "$@"; echo $? >&2; } | head -1', 'predict', *[clips[0]]*40)
    assert out.count(b'\n') == 1 and err == b'1\n'

# Ctrl-C

@pytest.mark.skipif(not hasattr(os, 'mkfifo'), reason='this system has no FIFOs')
@pytest.mark.parametrize('form', ['--csv', '--json'])
def test_ctrl_c_ends_it_at_once_and_keeps_what_was_answered(clips, form):
    "A pipe that never ends holds a thread; the answer before it is out already, and the status is that of Ctrl-C"
    os.mkfifo('pipe.wav')
    with open('pipe.wav', 'r+b', buffering=0) as pipe:
        pipe.write(Path(clips[0]).read_bytes()[:1000])
        program = subprocess.Popen([*PROGRAM, 'predict', form, clips[0], 'pipe.wav', clips[1]],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        watchdog = threading.Timer(TIMEOUT, program.kill)
        watchdog.start()
        try:
            assert any(clips[0] in line for line in program.stdout)
            program.send_signal(signal.SIGINT)
            out, err = program.communicate(timeout=TIMEOUT)
        finally: watchdog.cancel(); program.kill(); program.communicate()
    assert program.returncode == cli.INTERRUPTED and 'Traceback' not in err and 'Error' not in err
    if form == '--json': assert out.rstrip().endswith(']')

# One program, three names

@pytest.mark.parametrize('name', ['emotion_nb', 'emotion_nb.cli'])
def test_it_runs_as_a_module(name):
    command = [sys.executable, '-m', name, 'predict', '--help']
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0 and done.stdout.startswith(f'Usage: python -m {name} predict [OPTIONS] FILE...')

# --- Completion

COMPLETE = """eval "$(_EMOTION_NB_COMPLETE=bash_source emotion-nb)"
compopt() { echo "as ${*: -1}"; }  # bash's own refuses outside of a completion
COMP_WORDS=(emotion-nb "$@"); COMP_CWORD=$#
_emotion_nb_completion emotion-nb
printf '%s\\n' "${COMPREPLY[@]}"
"""

@posix
@pytest.mark.skipif(not shutil.which('bash'), reason='needs bash')
@pytest.mark.parametrize('words, offered', [(['time'], 'timeline'), (['predict', '--js'], '--json'),
    (['evaluate', '--protocol', ''], 'A C'), (['predict', 'voi'], 'as default'),
    (['timeline', '--model', ''], 'as default')])
def test_bash_completes_commands_options_values_and_files(words, offered):
    done = subprocess.run(['bash', '-c', COMPLETE, 'bash', *words], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.stdout.split() == offered.split(), done.stderr

def test_crossval_prints_the_three_figures_of_emobox(monkeypatch):
    import pandas as pd
    from emotion_nb import experiment
    from emotion_nb.evaluation import evaluate
    asked = []
    def two_folds(df, out, recipe, folds, split):
        "The first is right, the second answers sad alone"
        asked.extend([df, out, list(folds), split])
        clips = pd.DataFrame(dict(clip=[*'abcd'], channel='speech', emotion=['sad', 'calm']*2, fold=[1, 1, 2, 2]))
        return evaluate(clips, np.eye(2)[[1, 0, 1, 1]], ['calm', 'sad'], 'EmoBox')
    monkeypatch.setattr(experiment, 'run_protocol_emobox', two_folds)
    monkeypatch.setattr(cli, '_training_clips', lambda data, nemo, recipe: f'clips of {recipe}')
    monkeypatch.setattr(cli, 'require', lambda *names: None)
    done = CliRunner().invoke(cli.main, ['crossval', '--protocol', 'emobox', '--recipe', 'ravdess'])
    assert done.exit_code == 0, done.output
    assert asked == ['clips of ravdess', 'runs/emobox', [1, 2, 3, 4, 5, 6], 'test']
    assert re.search(r'UA +WA +F1', done.output) and re.search(r'mean +75\.00% +75\.00% +66\.67%', done.output)
