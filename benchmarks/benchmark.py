"""Measures this library against the reference's pipeline, in turn within one run, and writes RESULTS.md.

    make benchmark    or    python benchmarks/benchmark.py [--quick]
"""
import argparse, json, os, platform, shutil, statistics, subprocess, sys, tempfile, time
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np, soundfile as sf
from reference import ReferenceApp, reference_features, save_artefacts

from emotion_nb import EmotionClassifier
from emotion_nb.audio import SAMPLE_RATE, load_audio
from emotion_nb.bundle import BUNDLED
from emotion_nb.core import example_clips
from emotion_nb.features import FeatureExtractor, extract_features, power_spectrum, windows
from emotion_nb.voice import is_voice

HERE = Path(__file__).resolve().parent
ROOT, CLIPS = HERE.parent, list(example_clips().values())
CLIP = CLIPS[2]  # The one that is timed
REFERENCE_NEEDS = ['tensorflow', 'librosa', 'scikit-learn', 'joblib', 'soundfile']  # Of its app, no web framework

def spread(xs, scale=1, digits=1):
    "Median, and smallest to largest"
    return f'{statistics.median(xs)*scale:.{digits}f} ({min(xs)*scale:.{digits}f} to {max(xs)*scale:.{digits}f})'

def ratio(theirs, ours):
    "Median of the pairwise ratios"
    return statistics.median(t/o for t, o in zip(theirs, ours))

def timed(f):
    "Seconds of a call"
    start = time.perf_counter()
    f()
    return time.perf_counter() - start

def turn(f, seconds):
    "Seconds of a call: the median of as many calls as these seconds hold, at least one"
    took = [timed(f)]
    while sum(took) < seconds: took.append(timed(f))
    return statistics.median(took)

def alternate(theirs, ours, n, seconds=0):
    "Seconds of a call of each in `n` turns of so many seconds, after one turn that is not counted"
    out = [], []
    for i in range(n + 1):
        for f, times in zip((theirs, ours), out):
            took = turn(f, seconds)
            if i: times.append(took)
    return out

# The peak memory of a process counts that of the process which started it. So a small one, the launcher,
# stands between and reports what its child used.
LAUNCHER = """import json, resource, subprocess, sys, time
start = time.perf_counter()
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
wall = time.perf_counter() - start
use = resource.getrusage(resource.RUSAGE_CHILDREN)
unit = 1024 if sys.platform != 'darwin' else 1024**2
print(json.dumps([status, wall, use.ru_utime + use.ru_stime, use.ru_maxrss/unit]))"""

def process(command):
    "Wall seconds, CPU seconds and peak MB of a process"
    launcher = [sys.executable, '-S', '-c', LAUNCHER, *map(str, command)]
    out = subprocess.run(launcher, capture_output=True, text=True, check=True, cwd=tempfile.gettempdir())
    status, *figures = json.loads(out.stdout)
    if status: raise SystemExit(f'{command} failed with status {status}.')
    return figures

def our_command(*files):
    "Arguments of a process that predicts by this library"
    return [Path(sys.executable).with_name('emotion-nb'), 'predict', '--json', *files]

def their_command(folder, *files):
    "Arguments of a process that predicts by the reference"
    return [sys.executable, HERE/'reference.py', folder, *files]

def features(clf, n):
    "Rows of the report: the features of one clip"
    y, config = load_audio(CLIP), clf.bundle.features
    theirs, ours = alternate(lambda: reference_features(y), lambda: extract_features(y, config), n)
    return [('features of one clip, ms', spread(theirs, 1e3), spread(ours, 1e3), ratio(theirs, ours), 20)]

WARM = 'file to probabilities, warm, ms (must: 30×)'
ONE_BY_ONE = 'file to probabilities, call by call in turn, ms'
TURN = .5  # Seconds that a turn of the warm predictions lasts

def warm(app, clf, n):
    "Rows of the report: predictions of a process that has started"
    rows = []
    for name, seconds, goal in ((ONE_BY_ONE, 0, None), (WARM, TURN, 50)):
        theirs, ours = alternate(lambda: app.predict(CLIP), lambda: clf.predict(CLIP), n, seconds)
        rows.append((name, spread(theirs, 1e3), spread(ours, 1e3), ratio(theirs, ours), goal))
    return rows

def cold(folder, n):
    "Rows of the report: processes that start, predict once and end"
    runs = [], []
    for i in range(n + 1):
        for out, command in zip(runs, (their_command(folder, CLIP), our_command(CLIP))):
            figures = process(command)
            if i: out.append(figures)
    names = ('whole process, cold, s', 'whole process, cold, s of CPU', 'peak memory of that process, MB')
    return [(name, spread(t, digits=d), spread(o, digits=d), ratio(t, o), goal)
            for name, d, goal, t, o in zip(names, (2, 2, 0), (8, 8, 3), zip(*runs[0]), zip(*runs[1]))]

def many(app, clf, files):
    "Rows of the report: clips per second of wall time"
    rate = lambda f: len(files)/timed(f)
    theirs = [rate(lambda: [app.predict(f) for f in files])]
    ours = [rate(lambda: clf.predict_proba(files)) for _ in range(3)]
    one = [rate(lambda: clf.predict_proba(files, n_jobs=1)) for _ in range(3)]
    name = f'{len(files)} files, clips per second'
    return [(f'{name} on all cores', spread(theirs), spread(ours), 1/ratio(theirs, ours), None),
            (f'{name} with one thread', '', spread(one), None, None)]

def installed_mb(requirements):
    "MB of a fresh environment with these installed, pip and setuptools left out"
    with tempfile.TemporaryDirectory() as tmp:
        install = [f'{tmp}/bin/pip', 'install', '-q', '--disable-pip-version-check', '-c', ROOT/'constraints.txt']
        subprocess.run([sys.executable, '-m', 'venv', tmp], check=True)
        subprocess.run([*install, *requirements], check=True)
        site = next(Path(tmp).glob('lib/python*/site-packages'))
        package = lambda f: f.relative_to(site).parts[0].split('-')[0]
        files = [f for f in site.rglob('*') if f.is_file()]
        return sum(f.stat().st_size for f in files if package(f) not in ('pip', 'setuptools', '_distutils_hack'))/1e6

def installed():
    "Rows of the report: size on the disk"
    theirs, ours = installed_mb(REFERENCE_NEEDS), installed_mb([ROOT])
    name = 'installed environment, MB (goal for ours: at most 450)'
    return [(name, f'{theirs:.0f}', f'{ours:.0f}', theirs/ours, None)]

def write_wav(path, y, seconds):
    "A WAV file of so many seconds that repeats `y`, written 20 s at a time"
    with sf.SoundFile(path, 'w', SAMPLE_RATE, 1, 'PCM_16') as out:
        for left in range(seconds, 0, -20): out.write(np.resize(y, min(20, left)*SAMPLE_RATE))

def lengths(folder, tmp, seconds):
    "Cost of one recording against its length, each in a process of its own: seconds, ours, theirs"
    y, rows = np.concatenate([load_audio(c) for c in CLIPS]), []
    for s in seconds:
        f = tmp/f'{s}.wav'
        write_wav(f, y, s)
        ours = process(our_command(f))[1:]
        theirs = process(their_command(folder, f))[1:] if s <= 60 else None
        rows.append((s, *ours, theirs))
        f.unlink()
    return rows

DECODE, STFT, FORWARD = 'decode', 'one STFT of the whole clip', 'one forward pass'
WHOLE = 'file to probabilities'

def limits(clf, n):
    "Where the time of one warm prediction goes, in seconds"
    b, y = clf.bundle, load_audio(CLIP)
    extract = FeatureExtractor(b.features, b.filters)
    w = np.concatenate([windows(z, b.features.n_frames) for s in clf.segments(CLIP) for z in s.features])
    steps = {DECODE: lambda: load_audio(CLIP),
             STFT: lambda: power_spectrum(y, b.features, b.filters['window']),
             FORWARD: lambda: clf.window_proba(w),
             'all features (with trimming)': lambda: extract(y),
             'voice detector': lambda: is_voice(y, SAMPLE_RATE),
             WHOLE: lambda: clf.predict(CLIP)}
    return {name: alternate(lambda: None, f, n)[1] for name, f in steps.items()}

def machine():
    "The machine and the versions, in words"
    cpu, info = platform.processor(), Path('/proc/cpuinfo')
    if info.exists():
        lines = info.read_text().splitlines()
        cpu = next((line.split(':')[1].strip() for line in lines if line.startswith('model name')), cpu)
    names = 'numpy onnxruntime soundfile soxr librosa tensorflow keras'.split()
    packages = ', '.join(f'{name} {version(name)}' for name in names)
    return f'{cpu}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}; {packages}'

def verdict(r, goal):
    "A ratio, and whether it reaches its goal"
    if r is None: return ''
    return f'{r:.1f}×' + ('' if goal is None else f' (goal {goal}×: {"reached" if r >= goal else "missed"})')

def row(*cells): return '| ' + ' | '.join(cells) + ' |'

def length_row(seconds, cpu, mb, theirs):
    "A row of the table of lengths"
    name = f'{seconds} s' if seconds < 60 else f'{seconds//60} min'
    reference = (f'{theirs[0]:.2f}', f'{theirs[1]:.0f}') if theirs else ('not measured', '')
    return row(name, f'{cpu:.2f}', f'{1e3*cpu/seconds:.1f}', f'{mb:.0f}', *reference)

def report(rows, by_length, limit):
    "RESULTS.md"
    table = '\n'.join(row(name, theirs, ours, verdict(r, goal)) for name, theirs, ours, r, goal in rows)
    length = '\n'.join(length_row(*figures) for figures in by_length)
    steps = '\n'.join(row(name, spread(seconds, 1e3, 2)) for name, seconds in limit.items())
    bare = sum(statistics.median(limit[name]) for name in (DECODE, STFT, FORWARD))
    whole = statistics.median(limit[WHOLE])
    return f"""# Benchmark: this library against the reference's pipeline

Written by `make benchmark`, {date.today()}: {machine()}.

*Theirs* is the student project's pipeline (`reference.py`: librosa, Keras, joblib), *ours* the bundled model and its
features. Both are measured in turn in the same run; a figure is the median with the smallest and the largest, a
ratio the median of the pairwise ratios. *Warm* is a prediction that follows others of the same pipeline, as in use:
the pipelines take turns of {TURN} s, and a turn counts as the median of its calls. *Call by call in turn*, each
prediction follows one of the other pipeline, whose BLAS threads are still spinning and whose data fill the caches.

| | theirs | ours | ratio |
|---|---|---|---|
{table}

## Against the length of the recording

One file, one process, its start included: the first row is nearly all start.

| length | ours: s of CPU | ms of CPU per second of sound | ours: peak MB | theirs: s of CPU | theirs: peak MB |
|---|---|---|---|---|---|
{length}

The reference computes features of the whole recording and uses four seconds of them; ours uses all of it.

## Where the time goes

One warm prediction of a clip of {len(load_audio(CLIP))/SAMPLE_RATE:.1f} s, in ms:

| step | ms |
|---|---|
{steps}

Decoding, one STFT and one forward pass cannot be avoided: {1e3*bare:.2f} ms together. A prediction takes
{whole/bare:.1f} times that.
"""

def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--quick', action='store_true',
                        help='few repetitions, no hour-long recording, no installation; writes nothing')
    quick = parser.parse_args().quick
    n, tmp = (3 if quick else 15), Path(tempfile.mkdtemp())
    try:
        save_artefacts(tmp)
        app, clf = ReferenceApp(tmp), EmotionClassifier.load()
        files = (CLIPS*25)[:8 if quick else 200]
        steps = [lambda: features(clf, n), lambda: warm(app, clf, n), lambda: cold(tmp, 1 if quick else 7),
                 lambda: many(app, clf, files)]
        if not quick: steps.append(installed)
        rows = []
        for step in steps:
            for figures in step():
                rows.append(figures)
                print(*figures, sep=' | ', flush=True)
        by_length = lengths(tmp, tmp, (4, 60) if quick else (4, 60, 600, 3600))
        text = report(rows, by_length, limits(clf, 10 if quick else 50))
    finally: shutil.rmtree(tmp)
    if quick: return print(text)
    (HERE/'RESULTS.md').write_text(text, encoding='utf-8')
    theirs, ours, speed, _ = next(figures for name, *figures in rows if name == WARM)
    figures = dict(ratio=round(speed, 2), spread=f'{theirs} against {ours} ms')
    (BUNDLED/'report'/'speed.json').write_text(json.dumps(figures) + '\n')
    print(f'Written to {(HERE/"RESULTS.md").relative_to(ROOT)}.')

if __name__ == '__main__': main()
