"""Measures how late the answers of a stream are: a call in blocks of 20 ms, on one core.

    python benchmarks/stream.py [--sample-rate 16000] [--answers 60]

The goal is less than 50 ms behind a window of three seconds, on an idle machine. The CPU of an answer is told too: it
means something on a busy one.
"""
import argparse, os, statistics, time
for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'): os.environ.setdefault(name, '1')
import numpy as np
from emotion_nb import EmotionClassifier
from emotion_nb.audio import load_audio
from emotion_nb.core import example_clips
from emotion_nb.stream import EmotionStream

def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--sample-rate', type=int, default=16_000)
    parser.add_argument('--answers', type=int, default=60)
    o = parser.parse_args()
    call = np.concatenate([load_audio(p, o.sample_rate) for p in example_clips().values()])
    stream, latency, cpu, n, i = EmotionStream(EmotionClassifier.load(), o.sample_rate), [], [], o.sample_rate//50, 0
    while len(latency) < o.answers:
        before = time.process_time()
        found = stream.push(np.take(call, range(i, i + n), mode='wrap'))
        if found: latency += [a.latency for a in found]; cpu.append(time.process_time() - before)
        i += n
    ms = lambda x: f'{1e3*x:.0f} ms'
    worst = sorted(latency)[int(.95*(len(latency) - 1))]
    print(f'{len(latency)} answers, load {os.getloadavg()[0]:.1f}: latency {ms(statistics.median(latency))}, 95 in 100 '
          f'within {ms(worst)}; {ms(statistics.median(cpu))} of CPU an answer')

if __name__ == '__main__': main()
