"""Measures this library against the reference's way of doing the same, alternating, in one run, and writes RESULTS.md.

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
from emotion_nb.audio import load_audio
from emotion_nb.core import example_clips
from emotion_nb.features import extract_features, power_spectrum, windows

HERE = Path(__file__).resolve().parent
ROOT, CLIPS = HERE.parent, list(example_clips().values())
REFERENCE_NEEDS = ['tensorflow', 'librosa', 'scikit-learn', 'joblib', 'soundfile']  # of its app, its web framework left out

def spread(xs, scale=1, digits=1):
    "Median, and smallest to largest"
    return f'{statistics.median(xs)*scale:.{digits}f} ({min(xs)*scale:.{digits}f} to {max(xs)*scale:.{digits}f})'

def ratio(theirs, ours):
    "Median of the pairwise ratios"
    return statistics.median(t/o for t, o in zip(theirs, ours))

def alternate(theirs, ours, n):
    "Seconds of `n` calls of each, in turn, after one call of each that is not counted"
    out = [], []
    for i in range(n + 1):
        for f, times in zip((theirs, ours), out):
            start = time.perf_counter(); f(); took = time.perf_counter() - start
            if i: times.append(took)
    return out

# A process takes over the peak memory of the one that started it, so a small one stands between, which reports what its child used.
LAUNCHER = """import json, os, resource, subprocess, sys, time
start = time.perf_counter()
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
use = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([status, time.perf_counter() - start, use.ru_utime + use.ru_stime, use.ru_maxrss/(1024 if sys.platform != 'darwin' else 1024**2)]))"""

def process(command):
    "Wall seconds, CPU seconds and peak MB of a process"
    out = subprocess.run([sys.executable, '-S', '-c', LAUNCHER, *map(str, command)], capture_output=True, text=True, check=True, cwd=tempfile.gettempdir())
    status, *figures = json.loads(out.stdout)
    if status: raise SystemExit(f'{command} failed with status {status}.')
    return figures

def ours_cli(*files): return [Path(sys.executable).with_name('emotion-nb'), 'predict', '--json', *files]

def features(n):
    y = load_audio(CLIPS[2])
    theirs, ours = alternate(lambda: reference_features(y), lambda: extract_features(y), n)
    return [('features of one clip, ms', spread(theirs, 1e3), spread(ours, 1e3), ratio(theirs, ours), 20)]

def warm(app, clf, n):
    theirs, ours = alternate(lambda: app.predict(CLIPS[2]), lambda: clf.predict(CLIPS[2]), n)
    return [('file to probabilities, warm, ms', spread(theirs, 1e3), spread(ours, 1e3), ratio(theirs, ours), 15)]

def cold(folder, n):
    runs = [], []
    for i in range(n + 1):
        for out, c in zip(runs, ([sys.executable, HERE/'reference.py', folder, CLIPS[2]], ours_cli(CLIPS[2]))):
            r = process(c)
            if i: out.append(r)
    names = ('whole process, cold, s', 'whole process, cold, s of CPU', 'peak memory of that process, MB')
    return [(name, spread(t, digits=d), spread(o, digits=d), ratio(t, o), goal)
            for name, d, goal, t, o in zip(names, (2, 2, 0), (8, 8, 3), zip(*runs[0]), zip(*runs[1]))]

def many(app, clf, files):
    "Clips per second of wall time, all cores"
    def rate(f):
        start = time.perf_counter(); f(); return len(files)/(time.perf_counter() - start)
    theirs = [rate(lambda: [app.predict(f) for f in files])]
    ours = [rate(lambda: clf.predict_proba(files)) for _ in range(3)]
    one = [rate(lambda: clf.predict_proba(files, n_jobs=1)) for _ in range(3)]
    return [(f'{len(files)} files, clips per second on all cores', spread(theirs), spread(ours), 1/ratio(theirs, ours), None),
            (f'{len(files)} files, clips per second with one thread', '', spread(one), None, None)]

def installed_mb(requirements):
    "MB of a fresh environment with these installed, pip and setuptools left out"
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run([sys.executable, '-m', 'venv', tmp], check=True)
        subprocess.run([f'{tmp}/bin/pip', 'install', '-q', '--disable-pip-version-check', '-c', ROOT/'constraints.txt', *requirements], check=True)
        skip = ('pip', 'setuptools', '_distutils_hack')
        site = next(Path(tmp).glob('lib/python*/site-packages'))
        return sum(f.stat().st_size for f in site.rglob('*') if f.is_file() and f.relative_to(site).parts[0].split('-')[0] not in skip)/1e6

def installed():
    theirs, ours = installed_mb(REFERENCE_NEEDS), installed_mb([ROOT])
    return [('installed environment, MB (goal for ours: at most 450)', f'{theirs:.0f}', f'{ours:.0f}', theirs/ours, None)]

def lengths(folder, tmp, seconds):
    "Cost of one recording against its length, each in a process of its own"
    y, rows = np.concatenate([load_audio(c) for c in CLIPS]), []
    for s in seconds:
        f = tmp/f'{s}.wav'
        with sf.SoundFile(f, 'w', 22_050, 1, 'PCM_16') as out:
            for left in range(s, 0, -20): out.write(np.resize(y, min(20, left)*22_050))
        _, cpu, mb = process(ours_cli(f))
        rows.append((s, cpu, mb, process([sys.executable, HERE/'reference.py', folder, f])[1:] if s <= 60 else None))
        f.unlink()
    return rows

def limits(clf, n):
    "Where the time of one warm prediction goes, in ms"
    path, b = CLIPS[2], clf.bundle
    y, w = load_audio(path), np.concatenate([windows(z, b.features.n_frames) for s in clf.segments(path) for z in s.features])
    parts = {'decode': lambda: load_audio(path), 'one STFT of the whole clip': lambda: power_spectrum(y, b.features, b.filters['window']),
             'one forward pass': lambda: clf.window_proba(w), 'all features (with trimming)': lambda: clf._extract(y),
             'file to probabilities': lambda: clf.predict(path)}
    return {k: alternate(lambda: None, f, n)[1] for k, f in parts.items()}

def machine():
    "The machine and the versions, in words"
    cpu = next((l.split(':')[1].strip() for l in Path('/proc/cpuinfo').read_text().splitlines() if l.startswith('model name')), platform.processor()) \
        if Path('/proc/cpuinfo').exists() else platform.processor()
    packages = ', '.join(f'{p} {version(p)}' for p in 'numpy onnxruntime soundfile soxr librosa tensorflow keras'.split())
    return f'{cpu}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}; {packages}'

def report(rows, by_length, limit):
    "RESULTS.md"
    def verdict(r, goal): return '' if r is None else f'{r:.1f}×' + ('' if goal is None else f' (goal {goal}×: {"reached" if r >= goal else "missed"})')
    table = '\n'.join(f'| {name} | {t} | {o} | {verdict(r, goal)} |' for name, t, o, r, goal in rows)
    name = lambda s: f'{s} s' if s < 60 else f'{s//60} min'
    length = '\n'.join(f'| {name(s)} | {cpu:.2f} | {1e3*cpu/s:.1f} | {mb:.0f} | ' + (f'{ref[0]:.2f} | {ref[1]:.0f} |' if ref else 'not measured | |') for s, cpu, mb, ref in by_length)
    bare = sum(statistics.median(limit[k]) for k in ('decode', 'one STFT of the whole clip', 'one forward pass'))
    whole = statistics.median(limit['file to probabilities'])
    parts = '\n'.join(f'| {k} | {spread(v, 1e3, 2)} |' for k, v in limit.items())
    return f"""# Benchmark: this library against the reference's pipeline

Written by `make benchmark`, {date.today()}: {machine()}.

*Theirs* is the student project's pipeline (`reference.py`: librosa, Keras, joblib), *ours* the default preset with the bundled model. Both are measured
in turn in the same run; a figure is the median with the smallest and the largest, a ratio the median of the pairwise ratios.

| | theirs | ours | ratio |
|---|---|---|---|
{table}

## Against the length of the recording

One file, one process, its start included: the first row is nearly all start.

| length | ours: s of CPU | ms of CPU per second of sound | ours: peak MB | theirs: s of CPU | theirs: peak MB |
|---|---|---|---|---|---|
{length}

The reference computes features of the whole recording and keeps four seconds of them; ours hears all of it.

## Where the time goes

One warm prediction of a clip of {len(load_audio(CLIPS[2]))/22_050:.1f} s, in ms:

| step | ms |
|---|---|
{parts}

Decoding, one STFT and one forward pass are what no way around is known for: {1e3*bare:.2f} ms together. A prediction takes {whole/bare:.1f} times that.
"""

def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--quick', action='store_true', help='few repetitions, no hour-long recording, no installation; writes nothing')
    quick = parser.parse_args().quick
    n, tmp = (3 if quick else 15), Path(tempfile.mkdtemp())
    try:
        save_artefacts(tmp)
        app, clf = ReferenceApp(tmp), EmotionClassifier.load()
        files = (CLIPS*25)[:8 if quick else 200]
        rows = []
        for step in (lambda: features(n), lambda: warm(app, clf, n), lambda: cold(tmp, 1 if quick else 7), lambda: many(app, clf, files),
                     *([] if quick else [installed])):
            for row in step(): rows.append(row); print(*row, sep=' | ', flush=True)
        by_length = lengths(tmp, tmp, (4, 60) if quick else (4, 60, 600, 3600))
        text = report(rows, by_length, limits(clf, 10 if quick else 50))
    finally: shutil.rmtree(tmp)
    if quick: print(text)
    else: (HERE/'RESULTS.md').write_text(text); print(f'Written to {(HERE/"RESULTS.md").relative_to(ROOT)}.')

if __name__ == '__main__': main()
