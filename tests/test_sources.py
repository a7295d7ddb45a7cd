"The objects that may be given as a recording: each is accepted, or refused in one sentence."
import contextlib, errno, gzip, io, os, pty, resource, socket, subprocess, sys, tempfile, threading, time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emotion_nb import sources
from emotion_nb.core import AudioError
from emotion_nb.sources import NAMELESS, as_source, from_array, named, open_source, plain_name, source_name

CONTENT = bytes(range(256))*5_000  # more than a chunk
SAMPLES = np.arange(-5, 5, dtype=np.int16)

def content(x, name='a.wav'):
    "All bytes of a source"
    with open_source(as_source(x), name) as f:
        assert f.seekable() and f.tell() == 0
        return f.read()

def refusal(f, *args):
    "The sentence with which `f` refuses its arguments"
    with pytest.raises(AudioError) as e: f(*args)
    text = str(e.value)
    assert text.isprintable() and text.endswith('.') and len(text) < 700, text
    assert e.value.__suppress_context__ or e.value.__context__ is None  # a traceback shows one error, not two
    return text

def open_files():
    "How many file descriptors this process has"
    return len(os.listdir('/proc/self/fd')) if os.path.isdir('/proc/self/fd') else 0

@pytest.fixture
def path(tmp_path):
    "A file that holds `CONTENT`"
    p = tmp_path/'a.wav'
    p.write_bytes(CONTENT)
    return p

@pytest.fixture(autouse=True)
def nothing_left(monkeypatch, tmp_path_factory):
    "No test leaves a file open, or a temporary file"
    folder = tmp_path_factory.mktemp('temporary')
    monkeypatch.setattr(tempfile, 'tempdir', str(folder))
    before = open_files()
    yield
    assert open_files() <= before and not list(folder.iterdir())

# Names

@pytest.mark.parametrize('name, shown', [
    ('a b-é今.wav', 'a b-é今.wav'), ('\x1b]0;title\x07\x1b[2J', r'\x1b]0;title\x07\x1b[2J'),
    ('a\nb\r\tc', r'a\nb\r\tc'), ('gpj\u202evaw', r'gpj\u202evaw'), ('\udcff.wav', r'\udcff.wav'),
    ('\x9b31m', r'\x9b31m'), ('a\u2028b', r'a\u2028b'), (Path('x/y'), 'x/y')])
def test_names_are_printable(name, shown): assert plain_name(name) == shown

def test_long_names_are_shortened_in_the_middle():
    s = plain_name('a'*3_000 + 'b'*3_000)
    assert len(s) <= 303 and s.startswith('aa') and s.endswith('bb') and '...' in s
    assert plain_name('x'*300) == 'x'*300

class Named:
    def __init__(self, **kw): self.__dict__ |= kw

@pytest.mark.parametrize('x, name', [
    ('a\x1b.wav', r'a\x1b.wav'), (Path('a.wav'), 'a.wav'), ('', NAMELESS), (b'a.wav', NAMELESS),
    ((SAMPLES, 8_000), NAMELESS), ({}, NAMELESS), (None, NAMELESS), (dict(path='a.wav', bytes=b'x'), 'a.wav'),
    (dict(path=None, array=SAMPLES), NAMELESS), (Named(name='a.wav'), 'a.wav'), (Named(name=7), NAMELESS),
    (Named(name=b'\xff.wav'), r'\udcff.wav'), (Named(name='field', filename='a.wav'), 'a.wav'),
    (Named(name=object()), NAMELESS)])
def test_source_name(x, name): assert source_name(x) == name

class Hostile:
    def __getattr__(self, name): raise RuntimeError('never')

def test_an_object_whose_attributes_all_raise():
    assert source_name(Hostile()) == NAMELESS
    assert 'not Hostile' in refusal(as_source, Hostile())
    assert 'are no array' in refusal(from_array, Hostile())

def test_named():
    e = AudioError('It is silent.')
    assert named(e, b'') is e and str(named(e, 'a\n.wav')) == r'a\n.wav: It is silent.'

# Pairs and dicts

class Samples(Named):
    def __array__(self, dtype=None, copy=None): return SAMPLES

@pytest.mark.parametrize('x', [
    (SAMPLES, 8_000), (8_000, SAMPLES), [8_000, SAMPLES], (SAMPLES, np.int64(8_000)), (np.array(8_000), SAMPLES),
    dict(array=SAMPLES, sampling_rate=8_000, path='a.wav'), dict(raw=SAMPLES, sampling_rate=8_000),
    dict(array=SAMPLES, sample_rate=8_000), dict(path=None, bytes=None, array=SAMPLES, sampling_rate=8_000),
    dict(array=SAMPLES, sampling_rate=8_000, path=None, bytes=None)])
def test_pairs(x):
    y, rate = as_source(x)
    assert y is SAMPLES and rate == 8_000

@pytest.mark.parametrize('x', [
    (8_000, 16_000), (SAMPLES, SAMPLES), (SAMPLES,), (SAMPLES, 8_000, 1), (), [], [.1, .2, .3], ('a.wav', 8_000),
    (b'RIFF', 8_000), ('a.wav', 'b.wav'), ['a.wav', 'b.wav'], ['a.wav'], (SAMPLES, '8000'),
    (None, None), (iter(SAMPLES), 8_000)])
def test_what_is_no_pair_of_samples_and_rate(x): assert '(array, sample rate in Hz)' in refusal(as_source, x)

def test_a_decoder_of_torchcodec():
    decoder = Named(get_all_samples=lambda: Named(data=SAMPLES[None], sample_rate=8_000))
    assert np.array_equal(from_array(as_source(decoder)[0]), from_array(SAMPLES)) and as_source(decoder)[1] == 8_000

def test_an_array_without_a_rate():
    for x in SAMPLES, pd.Series(SAMPLES), np.float32(3): assert 'needs its sample rate' in refusal(as_source, x)

def test_dicts(path):
    for x in [dict(path=str(path), bytes=None), dict(path='gone.wav', bytes=CONTENT), dict(bytes=CONTENT),
              dict(path=path)]: assert content(x) == CONTENT
    for x in {}, dict(path=None, bytes=None), dict(sampling_rate=8_000), dict(text='x'):
        assert "'array' and 'sampling_rate'" in refusal(as_source, x)

@pytest.mark.parametrize('x', [
    None, 42, 1.5, True, object(), {1, 2}, len, Named(read='not a method'), (c for c in 'ab'), range(3)])
def test_other_objects(x): assert f'not {type(x).__name__}' in refusal(as_source, x)

# Paths

def test_paths(path, monkeypatch):
    class Bytes:
        def __fspath__(self): return os.fsencode(path)
    for x in path, str(path), Bytes(), path.as_uri(), f'file://localhost{path}', f'file:{path}', np.str_(path):
        assert content(x) == CONTENT
    with open(path) as f: assert content(f'/dev/fd/{f.fileno()}') == CONTENT
    monkeypatch.setenv('HOME', str(path.parent))
    assert content('~/a.wav') == content(Path('~/a.wav')) == CONTENT

@pytest.mark.parametrize('name', [
    '~temp.wav', '~', '~root', 'a b%20c.wav', 'http:x.wav', 'file:x.wav', 'a\nb\x1b.wav', '-', '-i.wav', '今日は.wav',
    'x'*200, ' ', os.fsdecode(b'\xe9\xff.wav'), '*.wav', '$HOME', 'C:\\a.wav'])
def test_names_of_every_kind(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path/name).write_bytes(CONTENT)
    for x in name, f'./{name}', tmp_path/name, (tmp_path/name).as_uri(): assert content(x) == CONTENT

@pytest.mark.parametrize('x, why', [
    ('', 'path is empty'), ('missing.wav', 'does not exist'), ('~temp.wav', 'does not exist'),
    ('~nobody-of-that-name/a.wav', 'does not exist'), ('~\0/a', 'not a possible name'),
    ('~\udc80x/a', 'does not exist'), ('a\0b.wav', 'not a possible name'), ('\ud800', 'not a possible name'),
    ('a'*5_000, 'too long'), ('a/'*2_500, 'too long'), ('.', 'is a folder'), ('/', 'is a folder'),
    ('file:///', 'is a folder'), ('file:///a%00b', 'not a possible name'), ('file:missing.wav', 'does not exist'),
    ('file://server/a.wav', 'download it first'), ('https://example.org/a.wav', 'download it first'),
    (Path('https://example.org/a.wav'), 'download it first'), ('S3://bucket/a.wav', 'download it first'),
    ('data:audio/wav;base64,UklGRg==', 'download it first'), ('/dev/zero', 'is a device'),
    ('/dev/urandom', 'is a device'), ('/dev/null', 'is a device'), (b'', 'is empty'),
    ('here.wav/a.wav', 'a part of the path is a file'), ('loop', 'leads back to itself'),
    ('nowhere', 'does not exist'), ('empty.wav', 'is empty'), ('socket', 'is a socket')])
def test_paths_that_are_no_file(tmp_path, monkeypatch, x, why):
    monkeypatch.chdir(tmp_path)
    for name in 'here.wav', 'empty.wav': Path(name).write_bytes(CONTENT*(name == 'here.wav'))
    os.symlink('loop', 'loop'); os.symlink('gone', 'nowhere')
    with socket.socket(socket.AF_UNIX) as s:
        s.bind('socket')
        assert why in refusal(content, x, source_name(x))

def test_a_terminal():
    a, b = pty.openpty()
    try:
        assert 'is a device' in refusal(content, os.ttyname(b))
        with open(b, 'rb', closefd=False, buffering=0) as f: assert 'is a device' in refusal(content, f)
    finally: os.close(a); os.close(b)

def test_devices_that_are_open_already():
    for mode in 0, -1:
        with open('/dev/zero', 'rb', buffering=mode) as f: assert 'is a device' in refusal(content, f)

@contextlib.contextmanager
def as_nobody():
    "Without the rights of root"
    if os.geteuid(): yield; return
    os.seteuid(65534)
    try: yield
    finally: os.seteuid(0)

def test_permissions():
    with tempfile.TemporaryDirectory(dir='/tmp') as d:
        os.chmod(d, 0o755)
        file, inner = Path(d)/'a.wav', Path(d)/'inner'
        file.write_bytes(CONTENT); file.chmod(0)
        inner.mkdir(); (inner/'a.wav').write_bytes(CONTENT); inner.chmod(0)
        with as_nobody():
            for x in file, inner/'a.wav': assert 'may not be read' in refusal(content, x)
        inner.chmod(0o700)

def test_errors_of_the_operating_system(path, monkeypatch):
    def failing(number):
        def f(*args, **kw): raise OSError(number, os.strerror(number))
        return f
    for number, why in [(errno.EIO, 'Input/output error'), (errno.EMFILE, 'too many files'), (errno.ESTALE, 'Stale'),
                        (errno.ENOENT, 'does not exist')]:
        with monkeypatch.context() as m:
            m.setattr('os.open', failing(number))
            assert why in refusal(content, path)
    with pytest.raises(AudioError, match='Input/output'), open_source(str(path), 'a.wav'): failing(errno.EIO)()

def test_a_file_whose_reads_fail(): assert 'Input/output error' in refusal(content, '/proc/self/mem')

def test_a_file_that_is_deleted_while_it_is_read(path):
    with open_source(str(path)) as f:
        path.unlink()
        assert f.read() == CONTENT

def test_a_file_without_a_size(): assert b'Name' in content('/proc/self/status')

def test_under_an_ascii_locale(tmp_path):
    names = [os.fsencode(tmp_path) + n for n in ('/今.wav'.encode(), b'/\xff\x1b.wav')]
    for n in names: Path(os.fsdecode(n)).write_bytes(b'RIFF')
    code = '''import sys; from emotion_nb.sources import open_source, source_name
for x in sys.argv[1:]:
    with open_source(x) as f: print(f.read(), ascii(source_name(x)))'''
    env = os.environ | dict(LC_ALL='C', PYTHONCOERCECLOCALE='0', PYTHONUTF8='0')
    out = subprocess.run([sys.executable, '-c', code, *names], env=env, capture_output=True, check=True).stdout
    assert out.count(b"b'RIFF'") == 2 and b'\x1b' not in out

# Pipes

@pytest.fixture
def fifo(tmp_path):
    "A named pipe"
    p = tmp_path/'pipe'
    os.mkfifo(p)
    return p

@contextlib.contextmanager
def written(path, data=CONTENT, wait=0.):
    "While a thread writes `data` to `path` after `wait` seconds"
    def write():
        time.sleep(wait)
        with open(path, 'wb') as f: f.write(data)
    t = threading.Thread(target=write)
    t.start()
    try: yield
    finally: t.join()

@pytest.mark.parametrize('wait', [0, .3])
def test_a_named_pipe(fifo, wait):
    with written(fifo, wait=wait): assert content(fifo) == CONTENT

def test_a_named_pipe_whose_writer_is_slow(fifo, monkeypatch):
    monkeypatch.setattr(sources, 'PIPE_SECONDS', .1)
    writer = os.open(fifo, os.O_RDWR)
    later = threading.Timer(.4, lambda: (os.write(writer, b'RIFF'), os.close(writer)))
    later.start()
    assert content(fifo) == b'RIFF'
    later.join()

def test_a_named_pipe_that_nobody_writes_to(fifo, monkeypatch):
    monkeypatch.setattr(sources, 'PIPE_SECONDS', .1)
    assert 'nothing writes to' in refusal(content, fifo)

def test_a_named_pipe_that_is_empty(fifo):
    with written(fifo, b''): assert 'is empty' in refusal(content, fifo)

READ = '''import sys; from emotion_nb.sources import open_source
with open_source(sys.argv[1]) as f: print(len(f.read()))'''

@pytest.mark.parametrize('command', [
    'cat {a} | {read} /dev/stdin', '{read} /dev/stdin < {a}', '{read} <(cat {a})', '{read} /dev/fd/7 7< {a}',
    'cat {a} | {read} /proc/self/fd/0'])
def test_pipes_of_a_shell(path, tmp_path, command):
    (tmp_path/'read.py').write_text(READ)
    command = command.format(a=path, read=f'{sys.executable} {tmp_path}/read.py')
    done = subprocess.run(['bash', '-c', command], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == f'{len(CONTENT)}\n'

def test_a_pipe_that_is_open_already():
    a, b = os.pipe()
    t = threading.Thread(target=lambda: (os.write(b, b'R'), time.sleep(.1), os.write(b, b'IFF'), os.close(b)))
    t.start()
    with open(a, 'rb') as f: assert content(f) == b'RIFF' and not f.closed
    t.join()

def test_a_socket():
    a, b = socket.socketpair()
    with a, b, b.makefile('rb') as f:
        a.sendall(CONTENT[:1000]); a.shutdown(socket.SHUT_WR)
        assert content(f) == CONTENT[:1000]
        assert 'not socket' in refusal(as_source, a)

# File objects

class Minimal:
    "Only what it must have"
    def __init__(self, data): self.file = io.BytesIO(data)
    def read(self, n): return self.file.read(n)

class ShortReads(io.BytesIO):
    "Gives less than it was asked for"
    def read(self, n=-1): return super().read(min(n, 70_000))

class LongReads(Minimal):
    "Gives more than it was asked for"
    def read(self, n): return self.file.read()

def filled(f, data): f.write(data); return f

FILES = dict(
    bytes=io.BytesIO, short_reads=ShortReads, buffered=lambda d: io.BufferedReader(io.BytesIO(d)),
    spooled=lambda d: filled(tempfile.SpooledTemporaryFile(100), d),
    named=lambda d: filled(tempfile.NamedTemporaryFile(), d),
    temporary=lambda d: filled(tempfile.TemporaryFile(), d), gzip=lambda d: gzip.open(io.BytesIO(gzip.compress(d, 1))))

@pytest.mark.parametrize('kind', FILES)
def test_file_objects_are_read_from_their_start(kind):
    with FILES[kind](CONTENT) as f:
        for at in 0, 7, len(CONTENT):
            f.seek(at)
            for _ in range(2): assert content(f) == CONTENT
            assert f.tell() == at and not f.closed
        f.seek(7); assert f.read(3) == CONTENT[7:10]

def test_file_objects_of_the_operating_system(path):
    for buffering in 0, -1:
        with open(path, 'rb', buffering=buffering) as f:
            f.read(5)
            with open_source(f) as g:
                assert g.read(10) == CONTENT[:10] and f.read(5) == CONTENT[5:10]  # they do not share a position
                f.close()
                assert g.read(10) == CONTENT[10:20] and g.seek(-3, 2) == len(CONTENT) - 3 and g.read() == CONTENT[-3:]

@pytest.mark.parametrize('kind', FILES)
def test_one_file_object_in_many_threads(kind):
    with FILES[kind](CONTENT) as f, ThreadPoolExecutor(8) as pool: assert set(pool.map(content, [f]*30)) == {CONTENT}

@pytest.mark.parametrize('make', [Minimal, LongReads])
def test_what_cannot_seek_is_read_from_its_position(make):
    f = make(CONTENT)
    f.file.seek(10)
    assert content(f) == CONTENT[10:] and 'is empty' in refusal(content, f)

@pytest.mark.parametrize('x', [
    CONTENT, bytearray(CONTENT), memoryview(CONTENT), memoryview(CONTENT*2)[::2][:3], np.bytes_(b'RIFF')])
def test_bytes(x): assert content(x) == bytes(x)

def test_bytes_are_no_path(path): assert content(os.fsencode(path)) == os.fsencode(path)

class Upload:
    "As Starlette's"
    filename = 'a.wav'
    async def read(self, size=-1): return CONTENT
    async def seek(self, offset): pass
    async def tell(self): return 0

class Gives(Minimal):
    def __init__(self, value): self.value = value
    def read(self, n): return self.value

class Raises(Minimal):
    def __init__(self, error): self.error = error
    def read(self, n): raise self.error

def closed(f): f.close(); return f

@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('make, why', [
    (lambda p: open(p), 'open as text'), (lambda p: io.StringIO('RIFF'), 'open as text'),
    (lambda p: Gives('RIFF'), 'open as text'), (lambda p: Upload(), 'await file.read()'),
    (lambda p: closed(open(p, 'rb')), 'is closed'), (lambda p: closed(io.BytesIO(b'RIFF')), 'is closed'),
    (lambda p: closed(tempfile.NamedTemporaryFile()), 'is closed'), (lambda p: closed(open(p)), 'is closed'),
    (lambda p: open(p, 'ab'), 'for writing only'), (lambda p: Gives(None), 'gives NoneType'),
    (lambda p: Gives(7), 'gives int'), (lambda p: Gives([1]), 'gives list'), (lambda p: Gives(b''), 'is empty'),
    (lambda p: Raises(RuntimeError('torn\x1b')), r'RuntimeError: torn\x1b'),
    (lambda p: Raises(OSError('gone')), 'gone'), (lambda p: Raises(OSError()), 'OSError'),
    (lambda p: Raises(TimeoutError('timed out')), 'timed out'),
    (lambda p: Raises(MemoryError()), 'MemoryError'), (lambda p: Raises(EOFError('short')), 'short'),
    (lambda p: gzip.open(io.BytesIO(gzip.compress(CONTENT)[:-9])), 'EOFError'), (lambda p: io.BytesIO, 'TypeError')])
def test_file_objects_that_cannot_be_read(path, make, why):
    x = make(path)
    assert why in refusal(content, x, source_name(x))
    if hasattr(x, 'close') and not isinstance(x, type): x.close()

def test_an_interrupt_is_no_error_of_the_recording():
    with pytest.raises(KeyboardInterrupt): content(Raises(KeyboardInterrupt()))

def test_an_upload_leaves_no_coroutine_behind(recwarn):
    for x in Upload(), Named(read=lambda n: Upload().read()): assert 'await file.read()' in refusal(content, x)
    assert not [w for w in recwarn if 'never awaited' in str(w.message)]

class Awaitable:
    "As a future, which has nothing to close"
    def __await__(self): yield

def test_a_read_that_gives_a_future(): assert 'await file.read()' in refusal(content, Gives(Awaitable()))

def test_what_has_no_end(monkeypatch):
    monkeypatch.setattr(sources, 'LARGEST', 3*2**20)
    monkeypatch.setattr(sources, 'IN_MEMORY', 2**20)
    assert 'is longer than' in refusal(content, Gives(bytes(2**20)))

def test_a_long_copy_lies_in_a_temporary_file(monkeypatch):
    monkeypatch.setattr(sources, 'IN_MEMORY', 1000)
    with open_source(Minimal(CONTENT)) as f:
        assert isinstance(f.fileno(), int)  # memory has none
        assert f.read() == CONTENT

def test_no_room_for_a_temporary_file(monkeypatch):
    monkeypatch.setattr(sources, 'IN_MEMORY', 1000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # as a full disk
    try: assert 'does not fit into the temporary folder' in refusal(content, Minimal(CONTENT))
    finally: resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with monkeypatch.context() as m:
        m.setattr(tempfile, 'tempdir', '/nowhere')
        assert 'does not fit into the temporary folder' in refusal(content, Minimal(CONTENT))

def test_an_error_while_it_is_read_closes_it(path):
    for x in str(path), CONTENT, Minimal(CONTENT):
        with pytest.raises(RuntimeError), open_source(x) as f: raise RuntimeError
        assert f.closed

# Arrays

WANT = [-1, 0, .5]

@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('y', [
    np.array([-128, 0, 64], np.int8), np.array([-32768, 0, 16384], np.int16), np.array([-32768, 0, 16384], np.int32),
    np.array([-32768, 0, 16384]), [-32768, 0, 16384], np.array([-2**23, 0, 2**22], np.int32),
    np.array([-2**31, 0, 2**30], np.int32), np.array([-2**31, 0, 2**30]), np.array([0, 128, 192], np.uint8),
    np.array([0, 2**15, 3*2**14], np.uint16), np.array([0, 2**15, 3*2**14], np.uint32),
    np.array([0, 2**31, 3*2**30], np.uint64), [-1., 0, .5], np.array(WANT, np.float16), np.array(WANT, '>f4'),
    np.array(WANT, np.longdouble), np.array([-32768, 0, 16384], '>i2'), [-32768., 0, 16384], [-1e38, 0, 5e37],
    [-1e300, 0, 5e299], np.array([-6e4, 0, 3e4], np.float16), np.array(['-1e4000', 0, '5e3999'], np.longdouble),
    pd.Series(WANT), pd.DataFrame(WANT), np.ma.masked_array(WANT), Samples(), np.array([-1, 9, 0, 9, .5])[::2],
    (-1, 0., .5)])
def test_arrays_are_scaled_by_their_type_and_values(y):
    x = from_array(y)
    assert x.dtype == np.float32 and x.ndim == 2 and x.shape[1] == 1
    np.testing.assert_allclose(x[:, 0], SAMPLES/32768 if isinstance(y, Samples) else WANT, rtol=1e-6)

def test_floats_a_little_beyond_full_scale_are_kept(): assert from_array([-4., 0, 2]).ravel().tolist() == [-4, 0, 2]

def test_16_bit_integers_are_the_same_in_every_type():
    y = np.random.default_rng(0).integers(-2**15, 2**15, 1000)
    for kind in np.int16, np.int32, np.int64, '>i4':
        assert np.array_equal(from_array(y.astype(kind)), (y/2**15).astype(np.float32)[:, None])

@pytest.mark.parametrize('shape, want', [
    ((100,), (100, 1)), ((100, 2), (100, 2)), ((2, 100), (100, 2)), ((1, 100), (100, 1)), ((100, 1), (100, 1)),
    ((64, 100), (100, 64)), ((5, 5), (5, 5))])
def test_shapes(shape, want):
    y = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    time_first = y if shape == want or y.ndim == 1 else y.T
    assert np.array_equal(from_array(y), time_first.reshape(want)/np.float32(2**15))

def test_arrays_stay_as_they_were(tmp_path):
    y = np.array([-20., 0, 10]); y.flags.writeable = False
    from_array(y)
    assert y.tolist() == [-20, 0, 10]
    m = np.memmap(tmp_path/'m', np.int16, 'w+', shape=(2, 100))
    m[:] = 5
    assert (from_array(m) == np.float32(5/32768)).all()

@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('y, why', [
    ([True, False], 'not 1-D of bool'), ([1j], 'complex'), (['a'], 'integers or floats'), ([None], 'object'),
    ([Decimal(1)], 'object'), (np.array([0], 'M8[s]'), 'datetime'), (3., '0-D'), (np.zeros((2, 3, 4)), '3-D'),
    (np.zeros(3, 'f4,f4'), 'integers or floats'), ([[1], [2, 3]], 'are no array'), ([], 'is empty'),
    (np.zeros((0, 2)), 'is empty'), (np.zeros((2, 0)), 'is empty'), (np.zeros((100, 101)), 'not 100'),
    (np.zeros((65, 65)), 'not 65'), ([2**31], 'beyond 32 bits'), ([-2**31 - 1], 'beyond 32 bits'),
    ([2**63], 'beyond 32 bits'), ([2**70], 'object'), (np.array([2**32], np.uint64), 'beyond 32 bits'),
    ([1., np.nan], 'not finite'), ([np.inf], 'not finite'), ([-np.inf, np.inf], 'not finite'),
    (np.array([np.inf], np.float16), 'not finite'), (np.ma.masked_equal([1., 2], 2), 'masked'),
    (b'RIFF', 'integers or floats')])
def test_arrays_that_are_no_samples(y, why): assert why in refusal(from_array, y)
