"""Works out what 10^6 and 10^9 recordings take and cost on Dask, from what it measures on this machine.

    python benchmarks/million.py --write           on an idle machine: all figures, into docs/million_clips.md
    python benchmarks/million.py --busy --write    where other programs run: CPU without Dask, and memory
"""
import argparse, json, os, platform, subprocess, sys, tempfile, time
for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'): os.environ.setdefault(name, '1')
from datetime import date
from pathlib import Path

import distributed, psutil

from emotion_nb import EmotionClassifier
from emotion_nb.audio import SAMPLE_RATE, load_audio
from emotion_nb.core import example_clips
from emotion_nb.dask import WORKER_ENVIRON, _run, local_cluster, model_key, part_bytes, predict_parts, predict_rows

PAGE = Path(__file__).resolve().parent.parent/'docs'/'million_clips.md'
CLIPS = [str(p) for p in example_clips().values()]
PRICE, STORED, GETS = .05, .023, .4   # Dollars: an hour of a core, a GB for a month, a million reads of objects
ROW = 400   # Bytes of a row of `no_answers`, about those of a real one
BATCH = 256
BUSY = """
The machine was busy: only CPU without Dask and memory were measured, and on a busy machine a clip costs more CPU
than on an idle one. `python benchmarks/million.py --write` on an idle machine gives the rest.
"""

def row_bytes(): return len(part_bytes(predict_rows(CLIPS, model_key()), '.jsonl'))/len(CLIPS)

def local(n):
    "Seconds of CPU and clips a second of this process alone"
    clf, xs = EmotionClassifier.load(), (CLIPS*n)[:n]
    clf.predict(CLIPS[0])
    cpu, wall = time.process_time(), time.perf_counter()
    for x in xs: clf.predict(x)
    return (time.process_time() - cpu)/n, n/(time.perf_counter() - wall)

def with_nannys_malloc(n):
    "As `local`, in a process with the malloc settings that Dask gives its workers"
    environ = os.environ | dict(MALLOC_TRIM_THRESHOLD_='65536')
    out = subprocess.run([sys.executable, __file__, '--local', '--clips', str(n)], env=environ, capture_output=True,
                         text=True, check=True)
    return json.loads(out.stdout)

def cpu(client): return sum(client.run(time.process_time).values())

def on_dask(cluster, n, batch=16):
    "Seconds of CPU of the workers and of client and scheduler, for each clip, and clips a second"
    xs = (CLIPS*n)[:n]
    with cluster, cluster.get_client() as client, tempfile.TemporaryDirectory() as tmp:
        client.wait_for_workers(len(cluster.worker_spec))
        client.run(predict_rows, CLIPS[:2], model_key())
        before, mine, wall = cpu(client), time.process_time(), time.perf_counter()
        assert sum(p.n for p in predict_parts(xs, tmp, client=client, batch=batch)) == n
        wall = time.perf_counter() - wall
        return (cpu(client) - before)/n, (time.process_time() - mine)/n, n/wall

def no_answers(xs, given, options):
    "Rows of a batch that costs nothing, as long as real ones"
    return [dict(file=x, answer='x'*(ROW - len(x)), error=None) for x in xs]

def overhead(n):
    "MB that `n` recordings add to client and scheduler, ms of their CPU a batch, and of the worker a clip"
    with local_cluster(1) as cluster, cluster.get_client() as client, tempfile.TemporaryDirectory() as tmp:
        me = psutil.Process()
        names = [f's3://bucket/{i:09}.flac' for i in range(n)]
        plan = [(names[i:i + BATCH], f'{tmp}/batch-{i:09}.jsonl', False) for i in range(0, n, BATCH)]
        before, most, mine, workers = me.memory_info().rss, 0, time.process_time(), cpu(client)
        for _ in _run(no_answers, None, plan, client, None): most = max(most, me.memory_info().rss)
        return (most - before)/1e6, 1e3*(time.process_time() - mine)/len(plan), 1e3*(cpu(client) - workers)/n

def row(*cells): return '| ' + ' | '.join(cells) + ' |'

def size(n): return f'{n/1e12:,.1f} TB' if n >= 1e12 else f'{n/1e9:,.1f} GB'

def hours(h): return f'{h:,.1f} h' if h < 48 else f'{h/24:,.0f} days'

def table(per_clip, read, result):
    "What so many clips take: one row a number of clips"
    heads = 'clips', 'core-hours', '2 cores', '64 cores', '1,000 cores'
    lines = [row(*heads, 'computing', 'read', 'reads', 'stored a month', 'results'), row(':--', *['--:']*9)]
    for n in (10**6, 10**9):
        h = n*per_clip/3600
        lines.append(row(f'{n:,}', f'{h:,.1f}', *(hours(h/c) for c in (2, 64, 1000)), f'${h*PRICE:,.2f}', size(n*read),
                         f'${n/1e6*GETS:,.2f}', f'${n*read/1e9*STORED:,.2f}', size(n*result)))
    return '\n'.join(lines)

def report(o):
    "The page"
    mb, batch_ms, noop_ms = overhead(o.names)
    alone, alone_rate = local(o.clips)
    trimmed, trimmed_rate = with_nannys_malloc(o.clips)
    ways = dict(one=1, two=2)
    dask = {k: (alone, 0., 0.) if o.busy else on_dask(local_cluster(n), o.clips) for k, n in ways.items()}
    (one, lead, one_rate), (two, _, two_rate) = dask.values()
    rate = lambda r: 'to be measured' if o.busy else f'{r:.1f}'
    ms = lambda seconds: rate(1e3*seconds)
    gain = 'to be measured on an idle machine' if o.busy else f'{two_rate/one_rate:.2f}'
    result, read = row_bytes(), sum(os.path.getsize(c) for c in CLIPS)/len(CLIPS)
    seconds = sum(len(load_audio(c)) for c in CLIPS)/len(CLIPS)/SAMPLE_RATE
    environ = '\n'.join(f"      {k}: '{v}'" for k, v in WORKER_ENVIRON.items())
    return f"""# A million clips

Made by `python benchmarks/million.py{' --busy'*o.busy} --write` on {date.today()}: {os.cpu_count()} cores,
{platform.system()}, Python {platform.python_version()}, distributed {distributed.__version__};
{o.clips} predictions a row, of clips of {seconds:.1f} s and {read/1e3:.0f} kB (FLAC).
{BUSY*o.busy}
## What a clip costs

| | ms of CPU of the worker | clips a second |
|:--|--:|--:|
| without Dask, one thread | {1e3*alone:.1f} | {rate(alone_rate)} |
| the same with the malloc settings of Dask | {1e3*trimmed:.1f} | {rate(trimmed_rate)} |
| one worker of `local_cluster` | {ms(one)} | {rate(one_rate)} |
| two workers | {ms(two)} | {rate(two_rate)} |

Two workers against one: {gain}. CPU of client and scheduler with batches of 16, in ms a clip: {ms(lead)}.

A worker's CPU holds what Dask itself does in it. Dask's malloc settings give memory back to the system all the time;
`emotion_nb.dask.local_cluster` sets others, and a cluster of your own gets them from Dask's configuration
(`~/.config/dask/distributed.yaml`), before its workers start:

```yaml
distributed:
  nanny:
    pre-spawn-environ:
{environ}
```

## What Dask costs

{o.names:,} recordings in batches of {BATCH}, that is {-(-o.names//BATCH):,} tasks which compute nothing but write their
parts: client and scheduler, in one process, grow by {mb:.0f} MB, names and plan included, and take {batch_ms:.1f} ms of
CPU a batch; the worker takes {1e3*noop_ms:.0f} µs a clip. Only a few batches for each worker are with the scheduler at
any time, so its memory follows the list of names, not the tasks.

## What many clips cost

Core-hours are the CPU of {'a process without Dask' if o.busy else 'one worker'}, {1e3*one:.1f} ms a clip, with nothing
lost between the workers.

{table(one, read, result)}

Assumptions, to be replaced by your own: {100*PRICE:.0f} cents an hour of a core; clips of {read/1e3:.0f} kB in object
storage at ${STORED} a GB and month, ${GETS:.2f} a million reads, in the same region, so that nothing is paid for
transfer; {result:.0f} bytes a row as JSON Lines (Parquet has less). Start of the cluster, idle workers, and clips
longer than {seconds:.1f} s come on top; a recording ten times as long costs about ten times as much. A worker reads
{read/1e6/one:.1f} MB/s, 1,000 of them {read/1e6/one:,.1f} GB/s: more than one disk gives, but not more than object
storage.

For 10⁹ clips, list and plan would take {mb/o.names*1e9/1e3:,.0f} GB in the client: run it as a hundred jobs of 10⁷, one
for each prefix of the bucket, each into a folder of its own. A job that was stopped goes on where it was; a batch of
{BATCH} clips is what a killed worker loses, {BATCH*one:.0f} s of its time.
"""

def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--clips', type=int, default=320, help='predictions of a row')
    parser.add_argument('--names', type=int, default=10**6, help='recordings with which the cost of Dask is measured')
    parser.add_argument('--busy', action='store_true', help='leave out what needs an idle machine')
    parser.add_argument('--write', action='store_true', help=f'into {PAGE.name}')
    parser.add_argument('--local', action='store_true', help=argparse.SUPPRESS)
    o = parser.parse_args()
    if o.local: return print(json.dumps(local(o.clips)))
    text = report(o)
    if not o.write: return print(text)
    PAGE.write_text(text, encoding='utf-8')
    print(f'Written to docs/{PAGE.name}.')

if __name__ == '__main__': main()
