"Any bytes are decoded to the sound that they hold, or refused in a sentence."
import io, re, subprocess, sys
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf
import soxr
from emotion_nb.audio import stream_audio
from emotion_nb.core import FORMATS, AudioError
from emotion_nb.decoding import BLOCK, MAX_HOURS, decode
from recordings import (DECODED, LISTS, PLAIN_MP3, RECORDINGS, REFUSED, VBR, WARNED, encoded, piped, speech, wav_chunk,
                        wav_file, wav_format, written)

def decoded(data, rate=None, seconds=30., warn=None):
    "The samples of the bytes of a file, mono, each block at `rate`"
    blocks = []
    for sr, b in decode(io.BytesIO(data), 'x', seconds, warn):
        assert b.dtype == np.float32 and b.ndim == 2 and 0 < len(b) <= max(1, seconds*sr) and b.size <= BLOCK
        if blocks and blocks[-1][0] == sr: blocks[-1][1].append(b.mean(1))
        else: blocks.append((sr, [b.mean(1)]))
    parts = [(sr, np.concatenate(b)) for sr, b in blocks]
    return np.concatenate([soxr.resample(y, sr, rate) if rate else y for sr, y in parts])

def likeness(y, want):
    "The greatest correlation of two recordings, of which one may come later"
    n = len(y) + len(want)
    return np.fft.irfft(np.fft.rfft(y, n)*np.fft.rfft(want, n).conj(), n).max()/(np.linalg.norm(y)*np.linalg.norm(want))

def rows(*promises): return [pytest.param(r, id=n) for n, r in RECORDINGS.items() if r.promise in promises]

@pytest.mark.parametrize('row', rows(DECODED, WARNED))
def test_what_can_be_decoded_is_the_source(row):
    y, sr = speech()
    rate, warnings = 8_000, []
    y = soxr.resample(soxr.resample(y, sr, 4_000), 4_000, rate)  # up to 2 kHz, which the poorest of the codecs keeps
    got = decoded(row(), 4_000, warn=warnings.append)
    got = soxr.resample(got, 4_000, rate)
    assert all(w.endswith('.') and '. ' not in w for w in warnings)
    assert any(row.says in w for w in warnings) if row.promise == WARNED else not warnings, warnings
    assert row.part - .03 < len(got)/len(y)/row.copies < 1.08
    for copy in np.array_split(got, row.copies) if row.likeness else ():
        assert likeness(copy, y[-len(got):] if row.tail else y[:len(got)]) > row.likeness

@pytest.mark.parametrize('row', rows(REFUSED))
def test_the_rest_is_refused_in_a_sentence(row):
    with pytest.raises(AudioError) as error: list(stream_audio(row()))
    assert row.says in str(error.value) and str(error.value).endswith('.') and '\n' not in str(error.value)

def test_the_table_is_large():
    assert len(RECORDINGS) > 150

def test_each_format_that_is_promised_has_a_row():
    decoded = [n for n, r in RECORDINGS.items() if r.promise == DECODED]
    for name in re.split(', | or ', FORMATS): assert any(name in n.split() for n in decoded), name

def test_wav_and_flac_are_as_libsndfile_reads_them():
    y, sr = speech()
    kinds = [('WAV', s) for s in 'PCM_U8 PCM_16 PCM_24 PCM_32 FLOAT DOUBLE ULAW ALAW IMA_ADPCM'.split()]
    kinds += [('FLAC', 'PCM_16'), ('FLAC', 'PCM_24')]
    for fmt, sub in kinds:
        data = written(np.stack([y, -y/2], axis=1), sr, format=fmt, subtype=sub)
        want, _ = sf.read(io.BytesIO(data), dtype='float32')
        for seconds in (.3, 30.):
            got = np.concatenate([b for _, b in decode(io.BytesIO(data), 'x', seconds)])
            assert np.array_equal(got, want), (fmt, sub)

def test_pcm_has_the_same_samples_in_every_container():
    y, sr = speech()
    for sub in ('PCM_16', 'PCM_24', 'PCM_32', 'FLOAT'):
        files = {f: decoded(written(y, sr, format=f, subtype=sub)) for f in ('WAV', 'AIFF', 'AU', 'CAF', 'W64', 'RF64')}
        assert all(np.array_equal(z, files['WAV']) for z in files.values()), sub

@pytest.mark.parametrize('kind', [{}, dict(codec_options=VBR)])
def test_mp3_without_header_has_the_samples_of_one_with_it(kind):
    y, sr = speech()
    with_header = decoded(encoded(y, sr, 'mp3', 'libmp3lame', **kind))
    bare = [decoded(encoded(y, sr, 'mp3', 'libmp3lame', options=PLAIN_MP3, **kind)) for _ in range(2)]
    assert len(with_header) == len(y) and np.array_equal(*bare)
    assert np.array_equal(bare[0][1105:1105 + len(y)], with_header)  # 1105 samples are the delay that the header states

def test_no_answer_depends_on_what_was_in_memory():
    for name in ('MP3 of variable rate without header', 'FLAC of a pipe', 'WAV of GSM 6.10', 'OGG Vorbis, joined'):
        data, first = RECORDINGS[name](), None
        for fill in (0., .9):
            junk = [np.full(2**18, fill, np.float32) for _ in range(8)]  # the next array may be made of this memory
            del junk
            got = decoded(data)
            first = got if first is None else first
            assert np.array_equal(got, first), name

def test_mp3_from_anywhere_is_the_rest_of_the_sound():
    y, sr = speech()
    rng = np.random.default_rng(0)
    for kind in ({}, dict(codec_options=VBR)):
        data = encoded(y, sr, 'mp3', 'libmp3lame', options=PLAIN_MP3, **kind)
        whole = decoded(data)
        for n in rng.integers(1, len(data)*2//3, 40):
            rest = decoded(data[n:])
            assert np.corrcoef(rest, whole[-len(rest):])[0, 1] > .98, n

def test_ordinary_encodings_give_no_warning(examples):
    for i, clip in enumerate(examples):
        y, sr = sf.read(clip, dtype='float32')
        pipes = [('mp3', 'libmp3lame'), ('adts', 'aac'), ('wav', 'pcm_s16le'), ('flac', 'flac')]
        kinds = [*pipes, ('ipod', 'aac')]
        for data in [clip.read_bytes(), encoded(y, sr, *kinds[i%5]), piped(y, sr, *pipes[i%4]),
                     encoded(soxr.resample(y, sr, 48_000), 48_000, *[('webm', 'libopus'), ('ogg', 'libopus')][i%2])]:
            decoded(data, warn=pytest.fail)

def test_a_rate_that_changes_begins_a_new_block():
    blocks = list(decode(io.BytesIO(RECORDINGS['AAC that changes its rate and channels']()), 'x'))
    assert [(sr, b.shape[1]) for sr, b in blocks] == [(24_000, 1), (48_000, 2)]

def test_blocks_are_bounded():
    "A few kilobytes that unpack to silence of 8 channels at 655,350 Hz, and a day"
    data = written(np.zeros((655_350, 8), np.int16), 655_350, format='FLAC')
    assert len(data) < 10_000
    sizes = [b.size for _, b in decode(io.BytesIO(data), 'x')]
    assert max(sizes) <= BLOCK and sum(sizes) == 8*655_350
    long = wav_file(wav_format(1), wav_chunk(b'data', bytes(2*(3600*MAX_HOURS + 60))))
    with pytest.raises(AudioError, match='longer than'): decoded(long)

CRAFTED = {
    'many chunks': b'RIFF\0\0\0\0WAVE' + bytes(3_000_000),
    'many boxes': b'\0\0\0\x10ftypisom\0\0\0\0' + b'\0\0\0\x10freexxxxxxxx'*100_000,
    'many pages': b'OggS' + bytes(23) + b'OggS'*500_000,
    'many tags': (b'ID3\3\0\0\0\0\0\0\xff\xfb\x90\0')*50_000,
    'a giant ALAC frame': None}

@pytest.mark.parametrize('name', CRAFTED)
def test_crafted_files_end_soon_and_need_little_memory(name, tmp_path):
    """In a process of its own, whose peak of memory is VmHWM.

    VmHWM begins at zero; ru_maxrss begins at the peak of the process that started it."""
    if not Path('/proc/self/status').exists(): pytest.skip('this system has no /proc with the peak of memory')
    data = CRAFTED[name]
    if data is None:
        data = bytearray(RECORDINGS['M4A of ALAC']())
        i = data.index(b'alac', data.index(b'stsd') + 20)
        data[i + 8:i + 12], data[i + 17] = (4096*4096).to_bytes(4, 'big'), 8
    path = tmp_path/'crafted'
    path.write_bytes(data)
    code = """import re, sys
from pathlib import Path
from emotion_nb.audio import stream_audio
from emotion_nb.core import AudioError
try: list(stream_audio(sys.argv[1]))
except AudioError: print(re.search(r'VmHWM:\\s*(\\d+) kB', Path('/proc/self/status').read_text())[1])"""
    done = subprocess.run([sys.executable, '-c', code, path], capture_output=True, text=True, check=True, timeout=120)
    assert int(done.stdout) < 2**20  # KiB

def test_lists_are_followed_by_none_but_an_unconfined_ffmpeg(tmp_path, monkeypatch):
    "What the rows of the table refuse is what FFmpeg would do unasked"
    monkeypatch.chdir(tmp_path)
    y, sr = speech()
    (tmp_path/'secret.wav').write_bytes(written(y, sr, format='WAV'))
    with av.open(io.BytesIO(LISTS['ffconcat list'])) as c: assert c.format.name == 'concat'
    mov = RECORDINGS['MOV whose samples lie in another file']()
    (tmp_path/'a.mov').write_bytes(mov)
    with av.open('a.mov', options=dict(enable_drefs='1')) as c: assert sum(f.samples for f in c.decode(audio=0)) > sr
    for data in [*LISTS.values(), mov]:
        with pytest.raises(AudioError): decoded(data)

QUIET = """
import io, sys
import numpy as np, soundfile as sf
sys.path[:0] = {paths!r}
from emotion_nb.decoding import decode
from recordings import RECORDINGS
for name in {names!r}:
    try: list(decode(io.BytesIO(RECORDINGS[name]()), 'x'))
    except Exception as e: print(name, type(e).__name__)
"""

def in_python(code, **kw):
    "What a fresh Python prints"
    return subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, **kw)

def test_decoders_print_nothing():
    names = [n for n, r in RECORDINGS.items() if r.promise != DECODED or n.startswith('MP3')]
    out = in_python(QUIET.format(paths=[str(Path(__file__).parent)], names=names))
    assert out.stderr == '' and {l.split()[-1] for l in out.stdout.splitlines()} <= {'AudioError', '_Unreadable'}

def test_wav_and_flac_need_no_ffmpeg():
    code = """if True:
        import io, sys
        from emotion_nb.decoding import decode
        for data in eval(sys.stdin.read()): list(decode(io.BytesIO(data), 'x'))
        print('av' in sys.modules)"""
    names = 'WAV of PCM_16', 'FLAC', 'WAV with 0 as length', 'WAV with LIST without its filling byte'
    plain = [RECORDINGS[n]() for n in names]
    assert in_python(code, input=repr(plain)).stdout.split() == ['False']
    assert in_python(code, input=repr([RECORDINGS['M4A']()])).stdout.split() == ['True']

class Failing(io.BytesIO):
    "A file whose reads fail from the `n`-th on"
    def __init__(self, data, n, error): super().__init__(data); self.n, self.error = n, error
    def read(self, *args):
        self.n -= 1
        if self.n < 0: raise self.error
        return super().read(*args)
    def readinto(self, b): raise self.error

@pytest.mark.parametrize('name', ['WAV of PCM_16', 'FLAC', 'M4A', 'MP3', 'Opus'])
def test_a_failing_disk_and_ctrl_c_end_the_reading(name, capfd):
    data = RECORDINGS[name]()*1
    for n in (0, 3, 8):
        with pytest.raises(AudioError, match='cannot be read to its end: .*broken'):
            list(decode(Failing(data, n, OSError(5, 'broken')), 'x', .1))
        with pytest.raises(KeyboardInterrupt): list(decode(Failing(data, n, KeyboardInterrupt()), 'x', .1))
    assert capfd.readouterr().err == ''
