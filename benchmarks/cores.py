"""Measures what a second core gains: predictions with 1 and 2 threads, and with 1 and 2 processes of one thread.

    python benchmarks/cores.py [--clips 160] [--rounds 5] [--cores 2]

The four ways run in turn. Where other programs are busy, look at the CPU and at the page faults; the gain means
something on an idle machine alone.
"""
import argparse, json, os, resource, statistics, subprocess, sys, time
for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'): os.environ.setdefault(name, '1')

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

def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--clips', type=int, default=160, help='predictions of a run')
    parser.add_argument('--rounds', type=int, default=5, help='runs of each way')
    parser.add_argument('--cores', type=int, default=2, help='threads or processes that are compared with one')
    parser.add_argument('--worker', type=int, help=argparse.SUPPRESS)
    o = parser.parse_args()
    if o.worker: return worker(o.worker, o.clips)
    ways = {'1 thread': (1, 1), f'{o.cores} threads': (1, o.cores),
            '1 process': (1, 1), f'{o.cores} processes': (o.cores, 1)}  # (processes, threads)
    found = {k: [] for k in ways}
    for _ in range(o.rounds):
        for k, way in ways.items(): found[k].append(run(*way, o.clips))
    print(f'{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians of {o.rounds} runs of {o.clips} clips\n')
    print('| | clips/s | gain | ms of CPU a clip | of it system | page faults a clip |\n|:--|--:|--:|--:|--:|--:|')
    for one, k in zip(['1 thread']*2 + ['1 process']*2, ways):
        gain = statistics.median(b[0]/a[0] for a, b in zip(found[one], found[k]))
        rate, cpu, system, faults = map(statistics.median, zip(*found[k]))
        print(f'| {k} | {rate:.1f} | {gain:.2f} | {cpu:.1f} | {system:.2f} | {faults:.0f} |')

if __name__ == '__main__': main()
