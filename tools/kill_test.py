"""Kills downloads, cache filling, training and saving at random moments, and fills their disk; then runs each again.

    python tools/kill_test.py                          # 20 kills and 5 full disks, ten minutes on two idle cores
    python tools/kill_test.py --only save --kills 50   # more of one kind

Each second run must end as a run that was never interrupted. The report is docs/kills.md. Moments are drawn evenly over
the measured duration of the work, from a seed. A full disk is a small tmpfs, which only root may mount; others skip it.
"""
import argparse, hashlib, io, json, os, random, shutil, signal, subprocess, sys
import tempfile, threading, time, wave, zipfile
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

os.environ |= dict(TF_CPP_MIN_LOG_LEVEL='3', CUDA_VISIBLE_DEVICES='', NO_PROXY='127.0.0.1')
import numpy as np

from emotion_nb.bundle import BUNDLED, load_bundle, open_network
from emotion_nb.core import EmotionError, example_clips

ROOT = Path(__file__).resolve().parent.parent


# The archive and the corpus

def archive_bytes():
    "A ZIP archive of noise named as RAVDESS, the same each time"
    noise = random.Random(0)
    with zipfile.ZipFile(out := io.BytesIO(), 'w', zipfile.ZIP_DEFLATED) as z:
        for actor in range(1, 25):
            with wave.open(wav := io.BytesIO(), 'wb') as f:
                f.setparams((1, 2, 48_000, 0, 'NONE', ''))
                f.writeframes(noise.randbytes(96_000))
            z.writestr(zipfile.ZipInfo(f'Actor_{actor:02}/03-01-05-01-01-01-{actor:02}.wav'), wav.getvalue())
    return out.getvalue()

class Slow(BaseHTTPRequestHandler):
    "Sends the archive, or the range that is asked for, in about a second"
    def do_GET(self):
        body, start = self.server.body, int((self.headers['Range'] or 'bytes=0-')[6:-1])
        self.send_response(206 if start else 200)
        if start: self.send_header('Content-Range', f'bytes {start}-{len(body)-1}/{len(body)}')
        self.send_header('Content-Length', len(body) - start)
        self.end_headers()
        for i in range(start, len(body), 2**16):
            try: self.wfile.write(body[i:i + 2**16])
            except OSError: return # it was killed
            time.sleep(.03)
    def log_message(self, *args): pass

def serve():
    "A server of the archive on the loopback address"
    server = ThreadingHTTPServer(('127.0.0.1', 0), Slow)
    server.daemon_threads, server.body = True, archive_bytes()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return dict(name='noise.zip', url=f'http://127.0.0.1:{server.server_port}/noise.zip', bytes=len(server.body),
                md5=hashlib.md5(server.body).hexdigest())

def write_corpus(folder, cache):
    """Clips with the names of RAVDESS, two actors: a tone for each emotion, in noise.

    Their features go into the cache, so that training begins with the network."""
    import soundfile as sf
    from emotion_nb.corpus import catalogue
    from emotion_nb.dataset import dataset_features
    t, rng = np.arange(11_025)/22_050, np.random.default_rng(0)
    folder.mkdir()
    for e in range(1, 9):
        for channel in ((1, 2) if e < 7 else (1,)):
            for i in range(16):
                codes = 3, channel, e, 1 + (i//8)*(e > 1), 1 + i//4%2, 1 + i//2%2, 1 + i%2
                name = '-'.join(f'{code:02}' for code in codes) + '.wav'
                sf.write(folder/name, .3*np.sin(2*np.pi*150*e*t) + .01*rng.standard_normal(len(t)), 22_050)
    dataset_features(catalogue(folder), folder=cache/'features', progress=False)


# The works, each in a process of its own

def begin(): print('begin', flush=True)

def download(folder, setting):
    from emotion_nb.download import Archive, download
    begin()
    download(folder/'corpus', [Archive(**setting['archive'])], progress=False)

def cache(folder, setting):
    from emotion_nb.corpus import catalogue
    from emotion_nb.dataset import dataset_features
    df = catalogue(example_clips()['sad'].parent)
    begin()
    dataset_features(df, n_augmented=3, folder=folder/'cache', n_jobs=2, progress=False)

def training(folder, setting):
    os.environ['EMOTION_NB_CACHE'] = setting['cache']
    from emotion_nb.batches import BatchConfig
    from emotion_nb.corpus import catalogue
    from emotion_nb.experiment import run_seed
    from emotion_nb.model import ModelConfig
    from emotion_nb.training import Recipe
    net = ModelConfig(conv=(8,), kernel_size=(3,), strides=(2,), pool_size=(1,), lstm=(8,), dense=(8,))
    df = catalogue(setting['corpus'])
    begin()
    recipe = Recipe(model=net, batches=BatchConfig(batch_size=16), n_augmented=0, members=1, epochs=4, warmup=1,
                    learning_rate=.01)
    run_seed(df, folder/'run', recipe, progress=False)

def save(folder, setting):
    import joblib, keras
    from emotion_nb.bundle import save_bundle
    from emotion_nb.training import Recipe
    scaler, encoder = (joblib.load(BUNDLED/f'{name}.pkl') for name in ('scaler', 'label_encoder'))
    run = SimpleNamespace(model=keras.models.load_model(BUNDLED/'best_model.keras'), scaler=scaler, encoder=encoder,
                          recipe=Recipe(), temperature=1., versions={}, folder=BUNDLED)
    begin()
    save_bundle(run, folder/'bundle', 'saved')

WORKS = dict(download=download, cache=cache, training=training, save=save)
# Sizes of a disk that is too small, as shares of what the work leaves
ROOM = dict(download=(.1, 3.9), cache=(.05, .95), training=(.01, .9), save=(.05, .95))

def prepare(name, folder):
    "What lies there before the work: for saving, another bundle"
    if name == 'save': shutil.copytree(BUNDLED, folder/'bundle')


# What they leave

def files(folder): return [p for p in sorted(folder.rglob('*')) if p.is_file()]

def contents(folder):
    "The hash of each file in a folder, by its path in there"
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files(folder)}

def answers(bundle):
    "The probabilities of a bundle for three windows of noise"
    b = load_bundle(bundle)
    x = np.random.default_rng(0).standard_normal((3, b.features.n_frames, len(b.mean)), dtype=np.float32)
    session = open_network(b)
    return session.run(None, {session.get_inputs()[0].name: x})[0]

def result(name, folder):
    "What is compared: bytes, or probabilities"
    if name in ('download', 'cache'): return contents(folder)
    return answers(folder/'bundle' if name == 'save' else folder/'run'/'bundle')

def leftovers(folder):
    "What has a name that only unfinished things have"
    unfinished = lambda p: p.name.startswith('part-') or p.suffix in ('.part', '.replaced', '.unpacking')
    return sorted(str(p.relative_to(folder)) for p in filter(unfinished, folder.rglob('*')))

def compare(name, folder, expected):
    "How the end of a run differs from that of an uninterrupted one; '' if it does not"
    got = result(name, folder)
    if isinstance(got, dict):
        wrong = [k for k in {*got, *expected} if got.get(k) != expected.get(k) and 'part-' not in k]
        return f'{len(wrong)} files differ' if wrong else ''
    return '' if np.abs(got - expected).max() < 1e-4 else f'answers differ by {np.abs(got - expected).max():.1g}'

def whole_meanwhile(name, folder):
    "After a kill, what a reader would find: the bundle that was there loads at any moment"
    if name != 'save': return ''
    try: return f"{load_bundle(folder/'bundle').manifest['protocol']!r} loads"
    except EmotionError as e: return f'BROKEN: {e}'


# Running and killing

def start(name, folder, setting):
    "Start a work and wait until it begins"
    command = [sys.executable, __file__, '--work', name, folder, json.dumps(setting)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)
    process.stdout.readline()
    return process

def to_its_end(name, folder, setting):
    "Run a work; its status, what it says and its seconds"
    process, at = start(name, folder, setting), time.monotonic()
    error = process.communicate()[1]
    return process.returncode, error, time.monotonic() - at

def killed_at(name, folder, setting, seconds):
    "Kill a work and all of its processes; whether it was still at work"
    process = start(name, folder, setting)
    try: process.wait(seconds)
    except subprocess.TimeoutExpired: pass
    alive = process.poll() is None
    try: os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError: pass
    process.communicate()
    return alive

def again(name, folder, setting, expected):
    "Run a work once more; what is wrong with its end"
    status, error, _ = to_its_end(name, folder, setting)
    if status: return f'FAILED: {error.strip().splitlines()[-1]}'
    return compare(name, folder, expected) or 'the same'

def kill(name, root, setting, expected, duration, rng):
    "One kill: a row of the report"
    folder, seconds = root/'killed', rng.uniform(0, duration)
    folder.mkdir(); prepare(name, folder)
    alive = killed_at(name, folder, setting, seconds)
    found = [*leftovers(folder), whole_meanwhile(name, folder)]
    how = f'killed after {seconds:.2f} of {duration:.2f} s' + ('' if alive else ' (had ended)')
    row = dict(work=name, how=how, found=', '.join(filter(None, found)) or '-',
               again=again(name, folder, setting, expected))
    row['left'] = ', '.join(leftovers(folder)) or '-'
    shutil.rmtree(folder)
    return row

def mount(*options): subprocess.run(['mount', *options], check=True, capture_output=True)

def sentence(status, error):
    "What a work said of the full disk: one sentence, or what was wrong"
    if status == 1 and 'Traceback' not in error: return error.strip().splitlines()[-1]
    return f'FAILED: status {status}, {error[-200:]!r}'

def fill(name, root, setting, expected, size, rng):
    "One full disk: a row of the report"
    disk, room = root/'disk', int(size*rng.uniform(*ROOM[name]))
    extra = sum(p.stat().st_size for p in files(BUNDLED))*(name == 'save') # the bundle that is there before
    disk.mkdir()
    mount('-t', 'tmpfs', '-o', f'size={room + extra + 2**17}', 'tmpfs', str(disk))
    try:
        prepare(name, disk)
        status, error, _ = to_its_end(name, disk, setting)
        said = sentence(status, error).replace(str(disk), 'DISK')
        found = [*leftovers(disk), whole_meanwhile(name, disk)]
        mount('-o', 'remount,size=1G', str(disk))
        row = dict(work=name, how=f'disk of {room/1e6:.2f} MB where {size/1e6:.2f} are left at the end',
                   found=', '.join(filter(None, [said, *found])), again=again(name, disk, setting, expected),
                   left=', '.join(leftovers(disk)) or '-')
    finally: subprocess.run(['umount', '-l', disk], check=True); disk.rmdir()
    return row

def uninterrupted(name, root, setting):
    "What an uninterrupted run leaves, its seconds and its bytes"
    folder = root/'uninterrupted'
    folder.mkdir(); prepare(name, folder)
    status, error, seconds = to_its_end(name, folder, setting)
    assert not status, error
    expected, size = result(name, folder), sum(p.stat().st_size for p in files(folder))
    shutil.rmtree(folder)
    return expected, seconds, size

def can_mount(root):
    "Whether a disk can be made here"
    try: subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1M', 'tmpfs', root], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError): return False
    subprocess.run(['umount', root], check=True)
    return True

HEAD = """# Killed and out of room

Made by `{command}` (seed {seed}): {kills} kills, {disks} full disks, {wrong} of them with a wrong end.

Each work is killed with SIGKILL, with all of its processes, at a moment drawn evenly over the duration of a run that \
nobody stops. Then the same work runs again to its end. Files of the download and of the feature cache must be the \
same bit for bit; the answers of a trained or saved model must agree within 0.0001. A full disk must give one sentence \
and status 1; then the disk grows and the same work runs again.

What is found after a kill is what unfinished work leaves: a file or a folder under a temporary name. Saving replaces \
a bundle of protocol A with one of protocol "saved": the old or the new one must load at once.
{skipped}
| work | stopped | found then | run again | left at the end |
|:--|:--|:--|:--|:--|
"""

def report(rows, seed, command, skipped):
    "The report in Markdown, and the rows with a wrong end"
    wrong = [r for r in rows if r['again'] != 'the same' or 'BROKEN' in r['found'] or 'FAILED' in r['found']]
    kills = sum(r['how'].startswith('killed') for r in rows)
    skipped = '\nFull disks were left out: only root can mount one.\n' if skipped else ''
    head = HEAD.format(command=command, seed=seed, kills=kills, disks=len(rows) - kills, wrong=len(wrong),
                       skipped=skipped)
    lines = (f"| {r['work']} | {r['how']} | {r['found']} | {r['again']} | {r['left']} |\n" for r in rows)
    return head + ''.join(lines), wrong

def main(only, kills, disks, seed, out):
    "Kill, fill, and write the report; the status"
    rng, rows = random.Random(seed), []
    with tempfile.TemporaryDirectory() as root:
        root = Path(root)
        write_corpus(root/'clips', root/'cache')
        setting = dict(archive=serve(), corpus=str(root/'clips'), cache=str(root/'cache'))
        mountable = can_mount(root/'clips')
        for name in only or WORKS:
            expected, seconds, size = uninterrupted(name, root, setting)
            steps = [partial(kill, name, root, setting, expected, seconds, rng)]*kills
            if mountable: steps += [partial(fill, name, root, setting, expected, size, rng)]*disks[name]
            for step in steps:
                rows.append(step())
                print(*rows[-1].values(), sep=' | ', flush=True)
    command = ' '.join(['python tools/kill_test.py', *sys.argv[1:]])
    text, wrong = report(rows, seed, command, not mountable)
    out.parent.mkdir(exist_ok=True)
    out.write_text(text)
    return bool(wrong)

def work(name, folder, setting):
    "Do one work, as the command line would: an error is one sentence, and status 1"
    try: WORKS[name](Path(folder), json.loads(setting))
    except EmotionError as e: sys.exit(str(e))

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--only', nargs='+', choices=WORKS, help='these works [default: all]')
    p.add_argument('--kills', type=int, default=5, help='of each work [default: 5]')
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--out', type=Path, default=ROOT/'docs'/'kills.md', help='the report')
    p.add_argument('--work', nargs=3, help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.work: work(*a.work)
    else: sys.exit(main(a.only, a.kills, dict(download=1, cache=1, training=1, save=2), a.seed, a.out))
