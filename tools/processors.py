"""How far the answers differ from one processor to another: each is simulated in a process of its own.

    python tools/processors.py                the eight examples, step by step
    python tools/processors.py --write        and the test split of protocol A (EMOTION_NB_DATA), into
                                              docs/processors.md and the bundle's report
    python tools/processors.py --reference    the network's output for fixed windows, into tests/network.json; after a
                                              new model

OpenBLAS, NumPy and soxr have switches for what they use of a processor. ONNX Runtime has none: where qemu-x86_64 is
installed (Debian: apt-get install qemu-user), it simulates a whole processor for all of them at once.
"""
import argparse, json, os, shutil, subprocess, sys, tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np, pandas as pd

from emotion_nb.audio import load_audio
from emotion_nb.bundle import BUNDLED, load_bundle
from emotion_nb.calibration import calibration_error
from emotion_nb.card import model_card
from emotion_nb.classifier import EmotionClassifier
from emotion_nb.core import example_clips
from emotion_nb.features import FeatureExtractor, power_spectrum, prepare

ROOT = Path(__file__).resolve().parent.parent
REFERENCE, REPORT = ROOT/'tests'/'network.json', ROOT/'docs'/'processors.md'
FIGURES = BUNDLED/'report'/'processors.json'

# --- What tests allow

# The worst simulated processor of docs/processors.md changes no answer of 490, and probabilities by 8e-5 in the median
# and 0.004 at most; the calibration error changed by 0.002. Each limit is about five times what was found. An answer
# within 0.02 of a tie may go either way.
CHANGED, MEDIAN, LARGEST, CALIBRATION = .01, 5e-4, .02, .01
# Natural logarithms of the network's probabilities for the same windows: 6e-6 was found; 1 % more of any one matrix of
# weights makes 2e-4 or more.
NETWORK = 5e-5
# In standard deviations of a column: 1e-14 was found; a scaler fitted on the validation split too is off by 0.007.
SCALER = 1e-3
FLOOR = 1e-6 # Lower probabilities are raised to this before they are compared

def disagreements(
    committed, # DataFrame as `predictions.csv` of a report: `clip`, `emotion`, and a column a class
    again, # DataFrame of the same clips, computed again from the sound
    classes, # Names of these columns
) -> list: # Sentences; empty where the two agree
    "In what two tables of predictions differ by more than processors do"
    if not committed[['clip', 'emotion']].equals(again[['clip', 'emotion']]):
        return ['The clips or their emotions are not the same.']
    p, q = (t[classes].to_numpy() for t in (committed, again))
    top = np.sort(p, axis=1)
    clear = top[:, -1] - top[:, -2] > 2*LARGEST
    changed, d = p.argmax(1) != q.argmax(1), np.abs(p - q).max(1)
    true = committed['emotion'].map(classes.index).to_numpy()
    off = abs(calibration_error(p, true) - calibration_error(q, true)) if len(p) >= 100 else 0
    wrong = {f'{changed.mean():.1%} of the answers are different.': changed.mean() > CHANGED and changed.sum() > 1,
             f'{(changed & clear).sum()} clear answers are different.': (changed & clear).any(),
             f'The median probability differs by {np.median(d):.1e}.': np.median(d) > MEDIAN,
             f'A probability differs by {d.max():.3f}.': d.max() > LARGEST,
             f'The calibration error differs by {off:.3f}.': off > CALIBRATION}
    return [text for text, is_so in wrong.items() if is_so]

# --- The network alone, on random windows

def fixed_windows(
    mean, # `(columns,)` mean of the features, roughly
    sd, # `(columns,)` their standard deviation, roughly
    n:int=8, # Windows
    n_frames:int=128, # Of a window
) -> np.ndarray: # `(n, n_frames, columns)` float32, features before they are standardised
    "Random walks, always the same: NumPy never changes the stream of `RandomState`"
    r = np.random.RandomState(0).standard_normal((n, n_frames, len(mean)))
    return (np.asarray(mean) + np.asarray(sd)*(.7*r[:, :1] + .1*r.cumsum(1))).astype(np.float32)

def network_answers(
    bundle, # From `load_bundle`
    x, # `(n, n_frames, columns)` features before they are standardised
) -> dict: # Label to `(n,)` probabilities
    "The probabilities of a bundle's scaler, network and labels"
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = ort.InferenceSession(bundle.onnx, options, providers=['CPUExecutionProvider'])
    z = ((x - bundle.mean)/bundle.scale).astype(np.float32)
    p = session.run(None, {session.get_inputs()[0].name: z})[0]
    return dict(zip(bundle.manifest['labels'], p.T))

def network_distance(
    want:dict, # Label to `(n,)` probabilities
    got:dict, # Likewise
) -> float: # Infinite where the labels differ
    "The largest difference of the logarithms"
    if want.keys() != got.keys(): return np.inf
    log = lambda p: np.log(np.maximum(p, FLOOR))
    return max(float(np.abs(log(want[k]) - log(got[k])).max()) for k in want)

def scaler_distance(
    scaler, # `StandardScaler`
    frames, # `(frames, columns)` features that it may have been fitted on
) -> float: # In standard deviations
    "The largest difference of a column's mean or deviation"
    off = frames.mean(0, dtype=float) - scaler.mean_, frames.std(0, dtype=float) - scaler.scale_
    return float(np.abs(np.array(off)/scaler.scale_).max())

def write_reference():
    "Write the answers of the bundled network, and its scaler to three digits: the windows need no more"
    b, digits = load_bundle(), lambda v, n: [float(f'{x:.{n}g}') for x in v]
    mean, sd = digits(b.mean, 3), digits(b.scale, 3)
    answers = {k: digits(p, 9) for k, p in network_answers(b, fixed_windows(mean, sd)).items()}
    REFERENCE.write_text(json.dumps(dict(made=str(date.today()), mean=mean, sd=sd, answers=answers)) + '\n')

# --- Processors

def _numpy_without(*names): return dict(NPY_DISABLE_CPU_FEATURES=' '.join(names))
WIDE = ('X86_V4', 'AVX512_ICL', 'AVX512_SPR') # NumPy's names for AVX-512
OLD = _numpy_without('X86_V3', *WIDE)
QEMU_CLIPS = 100 # It is slow
QEMU = {'QEMU: Nehalem (SSE4.2)': 'Nehalem', 'QEMU: Haswell (AVX2, FMA)': 'Haswell',
        'QEMU: EPYC (AVX2, FMA)': 'EPYC'}
CORES = 'Prescott', 'Nehalem', 'Sandybridge', 'Haswell', 'Zen', 'SkylakeX' # Kernels of OpenBLAS
SIMULATED = { # Name to environment
    'this processor again': {},
    'one thread': dict(OMP_NUM_THREADS='1', OPENBLAS_NUM_THREADS='1'),
    **{f'OpenBLAS for {c}': dict(OPENBLAS_CORETYPE=c) for c in CORES},
    'NumPy without AVX-512': _numpy_without(*WIDE), 'NumPy without AVX2': OLD,
    'soxr without SIMD': dict(SOXR_USE_SIMD='0'),
    'OpenBLAS for Prescott, NumPy without AVX2, soxr without SIMD':
        dict(OLD, OPENBLAS_CORETYPE='Prescott', SOXR_USE_SIMD='0'),
    **dict.fromkeys(QEMU, {})}

STEPS = {'read': 'share of the peak', 'level and speed': 'share of the peak', 'spectrum': 'share of the peak',
         'features': 'standard deviations', 'network': 'logarithms of probabilities', 'answer': 'probabilities'}

def steps(clip, clf, given=None):
    "The output of each step for a recording: from the input that was `given` elsewhere, so that a step is judged alone"
    b, out = clf.bundle, {}
    f, speeds = b.features, range(len(b.tta_speeds))
    given = given or out
    out['read'] = load_audio(clip, f.sample_rate)
    for i, s in enumerate(b.tta_speeds): out[f'level and speed {i}'] = prepare(given['read'], f, s)
    extract = FeatureExtractor(replace(f, trim_db=None, level_db=None), b.filters)
    for i in speeds:
        y = given[f'level and speed {i}']
        out[f'spectrum {i}'] = power_spectrum(y, f, b.filters['window'])
        out[f'features {i}'] = (extract(y) - b.mean)/b.scale
    out['answer'] = clf.predict_proba([clip])[0]
    return out

def child(out, folder, clips):
    "Compute all of it, in the process that has this processor"
    clf = EmotionClassifier.load()
    given = lambda i: np.load(folder/f'{i}.npz') if folder else None
    for i, clip in enumerate(example_clips().values()):
        np.savez(out/f'{i}.npz', **steps(clip, clf, given(i)))
    ref = json.loads(REFERENCE.read_text())
    np.savez(out/'network.npz', **network_answers(clf.bundle, fixed_windows(ref['mean'], ref['sd'])))
    np.save(out/'answers.npy', clf.predict_proba(clips))

def simulate(name, out, given, clips):
    "Run `child` under a simulated processor; whether that was possible"
    python = [sys.executable]
    if name in QEMU:
        if not (qemu := shutil.which('qemu-x86_64')): return False
        python, clips = [qemu, '-cpu', QEMU[name], sys.executable], clips[:QEMU_CLIPS]
    out.mkdir()
    (out/'clips.json').write_text(json.dumps(list(map(str, clips))))
    env = {k: v for k, v in os.environ.items() if not k.startswith(('OPENBLAS_', 'NPY_', 'SOXR_', 'OMP_'))}
    command = [*python, __file__, '--child', out, *(['--given', given] if given else [])]
    done = subprocess.run(command, env=env | SIMULATED.get(name, {}), capture_output=True, text=True)
    if done.returncode and not given: sys.exit(done.stderr)
    if done.returncode:
        last = done.stderr.splitlines()[-3:]
        print(f'{name}: ended with {done.returncode}', *last, sep='\n  ', file=sys.stderr, flush=True)
    return done.returncode == 0

def step_differences(a, b):
    "The largest difference of each step, in the units of `STEPS`"
    worst = dict.fromkeys(STEPS, 0.)
    for file in sorted(a.glob('[0-9]*.npz')):
        x, y = np.load(file), np.load(b/file.name)
        for k in x:
            step = k.rstrip(' 0123456789')
            unit = np.abs(x[k]).max() if STEPS[step] == 'share of the peak' else 1
            d = np.abs(x[k].astype(float) - y[k]).max()/unit if x[k].shape == y[k].shape else np.inf
            worst[step] = max(worst[step], float(d))
    here, there = (dict(np.load(folder/'network.npz')) for folder in (a, b))
    return worst | dict(network=network_distance(here, there))

def answer_differences(a, b):
    "How the answers to the clips differ"
    q = np.load(b/'answers.npy')
    p = np.load(a/'answers.npy')[:len(q)]
    d = np.abs(p - q).max(1)
    return dict(clips=len(q), changed=int((p.argmax(1) != q.argmax(1)).sum()), median=float(np.median(d)),
                p99=float(np.quantile(d, .99)), largest=float(d.max()))

def compare(clips):
    "The differences (of steps, of answers) of each simulated processor, by name; and which ones cannot run here"
    found, not_here = {}, []
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)/'here'
        simulate('', here, None, clips)
        for i, name in enumerate(SIMULATED):
            there = Path(folder)/str(i)
            if simulate(name, there, here, clips):
                found[name] = step_differences(here, there), answer_differences(here, there)
            else: not_here.append(name)
            print(name, *found.get(name, ['no result']), flush=True)
    return found, not_here

# --- The report

def processor():
    "What NumPy uses of this processor"
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
    used = [f for f in __cpu_dispatch__ if __cpu_features__.get(f)]
    return f"NumPy {np.__version__} uses {', '.join(used) or 'its baseline alone'}"

def table(head, rows):
    line = lambda cells: '| ' + ' | '.join(map(str, cells)) + ' |'
    return '\n'.join([line(head), '|:--' + '|--:'*(len(head) - 1) + '|', *map(line, rows)])

def report(found, not_here):
    "Markdown"
    small = lambda x: '0' if x == 0 else f'{x:.0e}'
    by_step = table(['processor', *STEPS], [[k, *(small(s[x]) for x in STEPS)] for k, (s, _) in found.items()])
    by_clip = table(['processor', 'changed answers', 'median', '99th percentile', 'largest'],
                    [[k, f"{a['changed']} of {a['clips']}", *(small(a[x]) for x in ('median', 'p99', 'largest'))]
                     for k, (_, a) in found.items()])
    units = '; '.join(f'{k}: {v}' for k, v in STEPS.items())
    missing = f"\nWithout a result where this was made: {', '.join(not_here)}.\n" if not_here else ''
    return TEXT.format(date=date.today(), processor=processor(), units=units, by_step=by_step, by_clip=by_clip,
                       missing=missing, qemu=QEMU_CLIPS, changed=CHANGED, median=MEDIAN, largest=LARGEST,
                       calibration=CALIBRATION, network=NETWORK)

TEXT = """# One model, many processors

Made by `python tools/processors.py --write` on {date}; {processor}. The others are compared with this
processor.

A sum of many floating-point numbers depends on the order in which a processor adds them. Wider instructions (AVX2,
AVX-512) add in another order than SSE, and fused multiplications round once instead of twice. So the same recording
has slightly different features, and slightly different probabilities, on another processor. This page says how much.

## Which step differs

The largest difference over the eight examples. Each step has the same input on both sides, so a difference belongs to
that step alone; the last column is the whole way from the file to the answer.

{by_step}

Units: {units}.
{missing}
- The **Fourier transform** of NumPy is compiled for one set of instructions and differs nowhere.
- **OpenBLAS** computes the dot products of mel bands, cepstrum and chroma. What it changes there stays that small,
  because every feature is the logarithm or a ratio of its result.
- **The level** of a clip is summed in float64, and is the same on all of them. It was summed in float32 by OpenBLAS:
  then a whole clip differed in its last bit from one processor to another, one answer of 490 changed, and
  probabilities differed by up to 0.003.
- **soxr** changes the speed of a clip. Its SSE code and its plain code round differently. A clip that is slowed down
  has nothing above 10 kHz, and the spectral contrast up there measures these rounding errors. Every x86-64 processor
  has SSE; processors of other families (ARM) may differ like the row "soxr without SIMD".
- **ONNX Runtime** runs with one thread and differs in the last digits.

The number of threads changes nothing.

## How the answers differ

The test split of protocol A, or the examples where the corpus is not available; for QEMU, which is slow, its first
{qemu} clips.

{by_clip}

## What tests allow

Answers that are computed again from the sound may differ from committed ones: {changed:.0%} of the answers,
{median:g} in the median of the probabilities, {largest:g} in any of them, {calibration:g} in the calibration error.
No answer may change whose probability leads by more than twice the limit of a probability.

That alone would not find a small change of the model. So scaler, network and labels are also tested on fixed windows
that need no sound (`tests/network.json`), where all processors agree: the logarithms of the probabilities may differ
by {network:g}. `tests/test_processors.py` proves that two swapped labels, a scaler fitted on all clips and 1 % more
of any matrix of weights fail.
"""

def test_clips():
    "The clips of the test split of the bundled model, or the examples where the corpus is not available"
    from emotion_nb.corpus import catalogue
    folder = Path(os.environ.get('EMOTION_NB_DATA') or ROOT.parent/'shared'/'ravdess')
    if not folder.is_dir(): return list(example_clips().values())
    names = pd.read_csv(BUNDLED/'report'/'predictions.csv')['clip']
    return catalogue(folder).set_index('clip').path[names].tolist()

def write(found, not_here, n):
    "Write the report, its figures, and the model card, which has a line of them"
    figures = dict(made=str(date.today()), clips=n, processors={k: a for k, (_, a) in found.items()})
    FIGURES.write_text(json.dumps(figures, indent=1) + '\n')
    REPORT.write_text(report(found, not_here))
    for folder in (BUNDLED, ROOT): (folder/'MODEL_CARD.md').write_text(model_card())

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--write', action='store_true', help='also the test split; write the report')
    p.add_argument('--reference', action='store_true', help='write the output of the network for fixed windows')
    p.add_argument('--child', type=Path, help=argparse.SUPPRESS)
    p.add_argument('--given', type=Path, help=argparse.SUPPRESS)
    o = p.parse_args()
    if o.child: return child(o.child, o.given, json.loads((o.child/'clips.json').read_text()))
    if o.reference: write_reference()
    if o.reference and not o.write: return
    clips = test_clips() if o.write else list(example_clips().values())
    found, not_here = compare(clips)
    if o.write: write(found, not_here, len(clips))
    else: print(report(found, not_here))

if __name__ == '__main__': main()
