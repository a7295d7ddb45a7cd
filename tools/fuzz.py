"""Coverage-guided fuzzing of the decoder and of the bundle reader, bounded in time, memory and seconds an input.

    make fuzz                                    both, five minutes each
    python tools/fuzz.py decoder --seconds 600   one of them, longer

It starts from the smaller recordings of tests/recordings.py, from the bundled model, and from the cases that were found
before and are kept in tests/fuzz_cases/. A new case (a crash, a hang of ten seconds, more than 1 GB, an exception that
is not ours) is written there. Correct the fault and commit the case: `pytest tests/test_fuzz.py` replays all of them,
without atheris.
"""
import argparse, io, re, subprocess, sys, tempfile
from datetime import date
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CASES = ROOT/'tests'/'fuzz_cases'
MEGABYTES, HANG = 1024, 10  # Memory of the process, and seconds for one input
SAMPLES = 20_000_000        # Of one input that are decoded: what follows is more of the same

def decoder(data):
    "Decode `data` as a file: blocks of finite size, or `AudioError`"
    import numpy as np
    from emotion_nb.core import AudioError
    from emotion_nb.decoding import decode
    left = SAMPLES
    try:
        for rate, block in decode(io.BytesIO(data), 'fuzz', 1., lambda sentence: None):
            if not rate > 0 or block.ndim != 2 or block.dtype != np.float32:
                raise TypeError(f'{rate} Hz, {block.dtype}, {block.shape}')
            left -= block.size
            if left < 0: break
    except AudioError: pass

def bundle(data):
    "Read `data` as a part of a bundle: `BundleError`, or nothing"
    from fuzz_bundle import fuzz_one
    fuzz_one(data)

TARGETS = dict(decoder=decoder, bundle=bundle)
SEED_BYTES = 60_000 # Longer ones are mutated too slowly

def seeds(target):
    "What the mutations start from: bytes"
    if target == 'decoder':
        sys.path.insert(0, str(ROOT/'tests'))
        from recordings import RECORDINGS
        return [data for row in RECORDINGS.values() if len(data := row()) <= SEED_BYTES]
    from emotion_nb.bundle import BUNDLED
    names = 'bundle.json', 'bundle.json', 'arrays.npz'
    return [bytes([i]) + (BUNDLED/name).read_bytes() for i, name in enumerate(names)]

MODULES = 'emotion_nb.bundle', 'emotion_nb.classifier', 'emotion_nb.decoding'  # Whose coverage guides the mutations

def fuzz(target, seconds):
    "Fuzz in this process, which ends with it"
    import atheris
    with atheris.instrument_imports(include=['emotion_nb']):
        for name in MODULES: import_module(name)
    with tempfile.TemporaryDirectory() as grown:
        for i, data in enumerate(seeds(target)): (Path(grown)/f'seed_{i}').write_bytes(data)
        options = [f'-artifact_prefix={CASES/target}/', f'-max_total_time={seconds}', f'-timeout={HANG}',
                   f'-rss_limit_mb={MEGABYTES}', '-max_len=1000000', '-print_final_stats=1']
        atheris.Setup([sys.argv[0], grown, str(CASES/target), *options], TARGETS[target])
        atheris.Fuzz()

def watched(target, seconds):
    "Fuzz in a process of its own; its exit status, and its figures by name"
    done = subprocess.run([sys.executable, __file__, target, '--seconds', str(seconds)],
                          stderr=subprocess.PIPE, text=True, errors='replace')
    if done.returncode: print(done.stderr[-10_000:], file=sys.stderr)
    return done.returncode, dict(re.findall(r'stat::(\w+): +(\d+)', done.stderr))

PAGE = """# Fuzzing

Written by `python tools/fuzz.py --seconds {seconds} --write`, {today}: bytes that are generated from the smaller \
recordings of `tests/recordings.py`, and from the files of the bundled
model, with the coverage of our Python code as a guide (atheris). What is found (a crash, ten seconds without an end, \
more than {mb} MB, an exception that is not ours) is
kept in `tests/fuzz_cases/` and replayed by `pytest tests/test_fuzz.py`.

| target | inputs | found | peak memory, MB | slowest input, s |
|:--|--:|:--|--:|--:|
{rows}
"""

def row(target, status, figures):
    "A row of the page"
    inputs, found = f"{int(figures['number_of_executed_units']):,}", 'a case' if status else 'nothing'
    return f"| {target} | {inputs} | {found} | {figures['peak_rss_mb']} | {figures['slowest_unit_time_sec']} |"

def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('target', nargs='?', choices=TARGETS, help='in this process; both in turn without it')
    parser.add_argument('--seconds', type=int, default=300, help='of each')
    parser.add_argument('--write', action='store_true', help='write docs/fuzzing.md')
    args = parser.parse_args()
    if args.target: return fuzz(args.target, args.seconds)
    ends = {t: watched(t, args.seconds) for t in TARGETS}
    rows = '\n'.join(row(t, status, s) for t, (status, s) in ends.items())
    page = PAGE.format(seconds=args.seconds, today=date.today(), mb=MEGABYTES, rows=rows)
    print(page)
    if args.write: (ROOT/'docs'/'fuzzing.md').write_text(page, encoding='utf-8')
    sys.exit(any(status for status, _ in ends.values()))

if __name__ == '__main__': main()
