"""Measures what a second core gains: predictions with 1 and 2 threads, and with 1 and 2 processes of one thread.

    python benchmarks/cores.py [--clips 160] [--rounds 5] [--cores 2] [--write]

The four ways run in turn; then a long list is answered with threads and with processes. Where other programs are
busy, look at the CPU and at the page faults; the gain means something on an idle machine alone.
"""
import argparse, json, os, platform, resource, statistics, subprocess, sys, time
from datetime import date
from pathlib import Path
for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'): os.environ.setdefault(name, '1')

PAGE = Path(__file__).parents[1]/'docs'/'cores.md'

def used():
    "CPU seconds in this process, those of them in the system, and page faults"
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime, r.ru_stime, r.ru_minflt

def worker(threads, clips):
    "One process: a line when it is ready, then it waits for one, predicts, and prints what that took"
    from emotion_nb import EmotionClassifier
    from emotion_nb.core import example_clips
    clf, data = EmotionClassifier.load(), [p.read_bytes() for p in example_clips().values()]
    xs = (data*clips)[:clips]
    clf.predict_proba(data, n_jobs=threads)
    print('ready', flush=True)
    sys.stdin.readline()
    before = used()
    clf.predict_proba(xs, n_jobs=threads)
    print(json.dumps([b - a for a, b in zip(before, used())]), flush=True)

def run(processes, threads, clips):
    "Clips a second, and for each clip: ms of CPU, ms of it in the system, page faults"
    command = [sys.executable, __file__, '--worker', str(threads), '--clips', str(clips//processes)]
    ps = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    for p in ps: p.stdout.readline()
    start = time.perf_counter()
    for p in ps: print(file=p.stdin, flush=True)
    sums = [sum(x) for x in zip(*(json.loads(p.stdout.readline()) for p in ps))]
    seconds = time.perf_counter() - start
    for p in ps: p.communicate()
    n = clips//processes*processes
    return n/seconds, 1e3*sums[0]/n, 1e3*sums[1]/n, sums[2]/n

def folder(clips, processes):
    "Clips a second of `emotion-nb predict FOLDER --out`, without its start, its reading of the folder and its table"
    from emotion_nb import EmotionClassifier
    from emotion_nb.batch import predict_rows
    from emotion_nb.core import example_clips
    clf, files = EmotionClassifier.load(), [str(p) for p in example_clips().values()]
    list(predict_rows(clf, files))
    start = time.perf_counter()
    for _ in predict_rows(clf, (files*clips)[:clips], processes=processes): pass
    return clips/(time.perf_counter() - start)

def report(o):
    "The page, in Markdown"
    ways = {'1 thread': (1, 1), f'{o.cores} threads': (1, o.cores),
            '1 process': (1, 1), f'{o.cores} processes': (o.cores, 1)}  # (processes, threads)
    found = {k: [] for k in ways}
    for _ in range(o.rounds):
        for k, way in ways.items(): found[k].append(run(*way, o.clips))
    rows = []
    for one, k in zip(['1 thread']*2 + ['1 process']*2, ways):
        gain = statistics.median(b[0]/a[0] for a, b in zip(found[one], found[k]))
        rate, cpu, system, faults = map(statistics.median, zip(*found[k]))
        rows.append(f'| {k} | {rate:.0f} | {gain:.2f} | {cpu:.1f} | {system:.2f} | {faults:.0f} |')
    threads, processes = (statistics.median(folder(o.many, p) for _ in range(3)) for p in (False, True))
    return PAGE_TEXT.format(o=o, cores=os.cpu_count(), day=date.today(), load=os.getloadavg()[0], rows='\n'.join(rows),
        threads=threads, processes=processes, version=platform.python_version())

PAGE_TEXT = """# All cores

Made by `python benchmarks/cores.py --write` on {day}: {cores} cores, Python {version}, load {load:.1f} at the end;
medians of {o.rounds} runs of {o.clips} clips of 4.3 s, the ways in turn.

| | clips a second | gain | ms of CPU a clip | of it system | page faults a clip |
|:--|--:|--:|--:|--:|--:|
{rows}

Threads gain less than processes because Python's own part of a clip runs in one thread at a time, under the global
interpreter lock (GIL): some 3,800 calls that prepare the work of NumPy, onnxruntime and the decoders, which release the
lock. No memory is given back to the system after a clip, as the page faults show.

So a long list is answered by processes. {o.many:,} recordings, the start of the processes included:

| | clips a second |
|:--|--:|
| `predict_rows(clf, files)`: threads | {threads:.0f} |
| `predict_rows(clf, files, processes=True)` | {processes:.0f} |

`emotion-nb predict FOLDER --out table.csv` uses processes from 1,000 recordings on. In Python ask for them; a script
that does so begins its work under `if __name__ == '__main__':`, as
[multiprocessing](https://docs.python.org/3/library/multiprocessing.html) wants it:

```python
from emotion_nb import EmotionClassifier
if __name__ == '__main__':
    table = EmotionClassifier.load().predict_frame('recordings/', processes=True)
```
"""

def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--clips', type=int, default=160, help='predictions of a run')
    parser.add_argument('--many', type=int, default=4_000, help='predictions of a long list')
    parser.add_argument('--rounds', type=int, default=5, help='runs of each way')
    parser.add_argument('--cores', type=int, default=2, help='threads or processes that are compared with one')
    parser.add_argument('--write', action='store_true', help=f'into docs/{PAGE.name}')
    parser.add_argument('--worker', type=int, help=argparse.SUPPRESS)
    o = parser.parse_args()
    if o.worker: return worker(o.worker, o.clips)
    text = report(o)
    if not o.write: return print(text)
    PAGE.write_text(text, encoding='utf-8')
    print(f'Written to docs/{PAGE.name}.')

if __name__ == '__main__': main()
