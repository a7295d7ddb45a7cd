"""Equal in, equal out: one recording in many forms should get one answer.

    python tools/equal_answers.py            200 clips of the test split of protocol A (EMOTION_NB_DATA),
                                             or the examples
    python tools/equal_answers.py --write    the same, into docs/equal_answers.md
"""
import argparse, io, os, sys
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from functools import partial
from multiprocessing import get_context

import numpy as np
import soundfile as sf
from processors import OLD, ROOT, table, test_clips

from emotion_nb.audio import load_audio
from emotion_nb.augmentation import compressed
from emotion_nb.classifier import EmotionClassifier
from emotion_nb.core import AudioError
from emotion_nb.robustness import CONDITIONS, resampled

N, SEED, REPORT = 200, 0, ROOT/'docs'/'equal_answers.md'

# --- Forms of a recording: functions of its samples `(n,)` and their rate

def by_soundfile(y, sr, **form):
    "The bytes of a file that libsndfile writes"
    f = io.BytesIO()
    sf.write(f, y, sr, **form)
    return f.getvalue()

def surround(y): return np.stack([0*y, 0*y, y, 0*y, 0*y, 0*y], 1)

def at_its_end(y, sr):
    "A file object that was just written"
    f = io.BytesIO()
    sf.write(f, y, sr, format='WAV', subtype='FLOAT')
    return f

def int16(y): return (y*2**15).round().clip(-2**15, 2**15 - 1).astype(np.int16)

WAV, RATES = partial(by_soundfile, format='WAV'), (16_000, 22_050, 44_100, 48_000, 96_000)
FORMS = {
    **{f'rate: {r/1000:g} kHz': lambda y, sr, r=r: WAV(*resampled(y, sr, r), subtype='FLOAT') for r in RATES},
    **{f'width: {w}': partial(WAV, subtype=w) for w in ('PCM_16', 'PCM_24', 'PCM_32', 'FLOAT', 'DOUBLE')},
    'array: float32': lambda y, sr: (y, sr), 'array: int16': lambda y, sr: (int16(y), sr),
    'codec: FLAC': partial(by_soundfile, format='FLAC'),
    'codec: OGG Vorbis': partial(by_soundfile, format='OGG', subtype='VORBIS'),
    'codec: MP3, 128 kbit/s': partial(compressed, codec='mp3', kbps=128),
    'codec: AAC in M4A, 128 kbit/s': partial(compressed, codec='aac', kbps=128),
    'codec: Opus, 96 kbit/s': partial(compressed, codec='opus', kbps=96),
    **{f'level: {k}': lambda y, sr, f=CONDITIONS[k]: f(y, sr, None) for k in ('gain +12 dB', 'gain -12 dB')},
    'channels: stereo, both the same': lambda y, sr: WAV(np.stack([y, y], 1), sr),
    'channels: 5.1, the voice in the centre': lambda y, sr: WAV(surround(y), sr),
    'a file object at its end': at_its_end}

# --- Ways to compute an answer

def in_process(paths): return EmotionClassifier.load().predict_proba(paths, n_jobs=1)

def in_processes(paths, n, **env):
    "The answers of `n` new processes, which see these environment variables"
    before = os.environ.copy()
    os.environ.update(env)
    try:
        with ProcessPoolExecutor(n, get_context('spawn')) as pool:
            return np.concatenate(list(pool.map(in_process, np.array_split(paths, n))))
    finally: os.environ.clear(); os.environ.update(before)

WAYS = {
    **{f'threads: {n}': lambda clf, paths, n=n: clf.predict_proba(paths, n_jobs=n) for n in (1, 2, 16)},
    'processes: 4': lambda clf, paths: in_processes(paths, 4),
    'processor: oldest kernel of OpenBLAS, NumPy without AVX2':
        lambda clf, paths: in_processes(paths, 1, **OLD, OPENBLAS_CORETYPE='Prescott')}

# --- The comparison

def chosen(clips, n=N, seed=SEED):
    "`n` of the clips at random, for this seed always the same"
    if len(clips) <= n: return clips
    return [clips[i] for i in sorted(np.random.RandomState(seed).choice(len(clips), n, replace=False))]

def compare(clf, paths):
    "For each form and way: the share of unchanged answers, and the differences of the probabilities"
    plain, rows = clf.predict_proba(paths), []
    def sounds(form):
        for p in paths: yield form(load_audio(p, (sr := sf.info(p).samplerate)), sr)
    forms = {k: lambda f=f: clf.predict_proba(sounds(f)) for k, f in FORMS.items()}
    ways = {k: lambda w=w: w(clf, paths) for k, w in WAYS.items()}
    for name, answers in (forms | ways).items():
        try: p = answers()
        except AudioError as e: rows.append((name, f'refused: {e}', '', '', '')); continue
        d = np.abs(p - plain).max(1)
        unchanged, figures = (p.argmax(1) == plain.argmax(1)).mean(), (np.median(d), np.quantile(d, .95), d.max())
        rows.append((name, f'{unchanged:.1%}', *(f'{x:.0e}' for x in figures)))
        print(*rows[-1], flush=True)
    return rows

TEXT = """# Equal in, equal out

Made by `python tools/equal_answers.py --write` on {date}.

{n} clips of the test split of protocol A (drawn by `RandomState({seed})`; no label is used, and nothing is chosen by
the result) are classified in other forms and other ways. A form without loss should keep the answer and nearly all of
the probabilities. A lossy codec and a lower rate remove some of the sound: this is how much that matters.

{rows}

The difference of a clip is that of its probability that differs most. The clips are FLAC with 16 bits at 22.05 kHz.
soxr converts them to another rate, and back when they are read: what this removes is above 10 kHz (at 16 kHz, above
7.3 kHz), which the features cover too. For differences between processors see [processors.md](processors.md).
"""

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--write', action='store_true', help='write the report')
    write, paths = p.parse_args().write, chosen([str(c) for c in test_clips()])
    head = ['form or way', 'unchanged', 'median difference', '95th percentile', 'largest']
    rows = table(head, compare(EmotionClassifier.load(), paths))
    if write: REPORT.write_text(TEXT.format(date=date.today(), n=len(paths), seed=SEED, rows=rows))

if __name__ == '__main__': sys.exit(main())
