"""The inputs that users have given, or might give, to `predict`: one row for each, with the promised outcome.

    python tests/inputs.py            writes docs/inputs.md

tests/test_inputs.py checks each row, and that the page says what comes out.
"""
import io, os, tempfile, threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
from recordings import DECODED, RECORDINGS, REFUSED as FILE_REFUSED, WARNED

from emotion_nb.audio import SAMPLE_RATE, load_audio
from emotion_nb.core import EmotionError, example_clips

PAGE = Path(__file__).resolve().parent.parent/'docs'/'inputs.md'
SAME, ANSWERED = 'the answer of the clip itself', 'an answer'
DOUBTED, REFUSED = 'an answer with a warning', 'one sentence'
CLIP = example_clips()['angry']
RATE = SAMPLE_RATE
CLOSE = .1 # How far a probability may be from that of the clip: 16 bits, another rate or processor move it a little

@dataclass(frozen=True)
class Row:
    group:str     # Heading on the page
    name:str      # What is given
    make:object   # Function of a folder that gives it
    promise:str   # One of the four above

def voice(): return load_audio(CLIP)
def wav(y, rate=RATE, **options):
    f = io.BytesIO()
    sf.write(f, y, rate, **dict(format='WAV', subtype='PCM_16') | options)
    return f.getvalue()
def saved(name, content=None):
    "A function of a folder that writes a file there and gives its path"
    def make(folder):
        path = os.path.join(os.fsencode(folder), name) if isinstance(name, bytes) else Path(folder)/name
        data = wav(voice()) if content is None else content() if callable(content) else content
        with open(path, 'wb') as f: f.write(data)
        return os.fsdecode(path)
    return make
def given(f): return lambda folder: f()

def fifo(folder):
    path = Path(folder)/'pipe'
    os.mkfifo(path)
    threading.Thread(target=lambda: path.write_bytes(wav(voice())), daemon=True).start()
    return path
def loop(folder):
    path = Path(folder)/'loop.wav'
    path.symlink_to(path)
    return path
def at_end(f): f.seek(0, os.SEEK_END); return f
def closed(): f = io.BytesIO(wav(voice())); f.close(); return f
def text(folder): return open(saved('a.wav')(folder), encoding='latin-1')
class Asynchronous:
    async def read(self, n=-1): return b''
def long(hours):
    "A clip at both ends and in the middle of hours of silence, as FLAC"
    y, f = voice(), io.BytesIO()
    with sf.SoundFile(f, 'w', RATE, 1, 'PCM_16', format='FLAC') as out:
        out.write(y)
        for _ in range(2):
            for _ in range(int(hours*30)): out.write(np.zeros(60*RATE, np.int16))
            out.write(y)
    return f.getvalue()

ARRAYS = [
    ('(array, rate): float32', lambda: (voice(), RATE), SAME),
    ('(rate, array), as Gradio gives it', lambda: (RATE, voice()), SAME),
    ("{'array': ..., 'sampling_rate': ...}, as Hugging Face gives it",
     lambda: dict(array=voice(), sampling_rate=RATE), SAME),
    ("{'raw': ..., 'sampling_rate': ...}", lambda: dict(raw=voice(), sampling_rate=RATE), SAME),
    ("{'bytes': ..., 'path': None}", lambda: dict(bytes=wav(voice()), path=None), SAME),
    ('float64', lambda: (voice().astype(float), RATE), SAME),
    ('float16', lambda: (voice().astype(np.float16), RATE), SAME),
    ('int16', lambda: ((voice()*32767).astype(np.int16), RATE), SAME),
    ('int32 that holds 16-bit values', lambda: ((voice()*32767).astype(np.int32), RATE), SAME),
    ('int64 that holds 16-bit values', lambda: ((voice()*32767).astype(np.int64), RATE), SAME),
    ('int32, full width', lambda: ((voice().astype(float)*(2**31 - 1)).astype(np.int32), RATE), SAME),
    ('uint8, centred at 128', lambda: ((voice()*127 + 128).astype(np.uint8), RATE), ANSWERED),
    ('floats in ±32768', lambda: (voice()*32768, RATE), SAME),
    ('floats near 1e38', lambda: (voice()/np.abs(voice()).max()*np.float32(3e38), RATE), SAME),
    ('60 dB below full scale', lambda: (voice()*.001, RATE), DOUBTED),
    ('(samples, 2)', lambda: (np.stack([voice()]*2, 1), RATE), SAME),
    ('(2, samples)', lambda: (np.stack([voice()]*2), RATE), SAME),
    ('opposite phase in two channels', lambda: (np.stack([voice(), -voice()], 1), RATE), SAME),
    ('one silent channel of two', lambda: (np.stack([voice(), 0*voice()], 1), RATE), SAME),
    ('six channels', lambda: (np.stack([voice()]*6, 1), RATE), SAME),
    ('with a constant of 0.2', lambda: (voice()*.5 + np.float32(.2), RATE), SAME),
    ('big-endian', lambda: (voice().astype('>f4'), RATE), SAME),
    ('every second of a longer array', lambda: (np.repeat(voice(), 2)[::2], RATE), SAME),
    ('a list of floats', lambda: (voice().tolist(), RATE), SAME),
    ('zeros', lambda: (np.zeros(RATE, np.float32), RATE), REFUSED),
    ('a constant at 48 kHz', lambda: (np.full(96_000, .3, np.float32), 48_000), ANSWERED),
    ('no samples', lambda: (np.zeros(0), RATE), REFUSED),
    ('(0, 2)', lambda: (np.zeros((0, 2)), RATE), REFUSED),
    ('three axes', lambda: (np.zeros((2, 2, 2)), RATE), REFUSED),
    ('NaN', lambda: (np.full(RATE, np.nan), RATE), REFUSED),
    ('infinity', lambda: (np.r_[voice(), np.inf], RATE), REFUSED),
    ('strings', lambda: (np.array(['a', 'b']), RATE), REFUSED),
    ('complex numbers', lambda: (voice().astype(complex), RATE), REFUSED),
    ('0.02 s', lambda: (voice()[20_000:20_441], RATE), REFUSED),
    ('0.2 s', lambda: (voice()[25_000:29_410], RATE), DOUBTED),
    ('2 kHz', lambda: (load_audio(CLIP, 2_000), 2_000), DOUBTED),
    ('8 kHz', lambda: (load_audio(CLIP, 8_000), 8_000), DOUBTED),
    ('16 kHz', lambda: (load_audio(CLIP, 16_000), 16_000), ANSWERED),
    ('44.1 kHz', lambda: (load_audio(CLIP, 44_100), 44_100), SAME),
    ('192 kHz', lambda: (load_audio(CLIP, 192_000), 192_000), SAME),
    ('768 kHz', lambda: (load_audio(CLIP, 768_000), 768_000), SAME),
    ('a rate of 0, -1, NaN, True or text', lambda: (voice(), float('nan')), REFUSED),
    ('1 Hz', lambda: (voice(), 1), REFUSED)]

OTHERS = [
    ('a path', saved('a.wav'), SAME),
    ('a file:// address', lambda d: Path(saved('a b.wav')(d)).as_uri(), SAME),
    ('a name in Japanese', saved('声.wav'), SAME),
    ('a name that is not UTF-8', saved(b'\xff\xfe.wav'), SAME),
    ('a name with a line break and a control sequence', saved('a\n\x1b[31m.wav'), SAME),
    ('~temp.wav', saved('~temp.wav'), SAME),
    ('a wrong ending', saved('a.mp3'), SAME),
    ('no ending', saved('a'), SAME),
    ('a path of 5,000 characters', given(lambda: 'a'*5000 + '.wav'), REFUSED),
    ("''", given(lambda: ''), REFUSED),
    ('a path with a NUL', given(lambda: 'a\0b.wav'), REFUSED),
    ('a folder', lambda d: d, REFUSED),
    ('a missing file', given(lambda: 'missing.wav'), REFUSED),
    ('a symbolic link that leads to itself', loop, REFUSED),
    ('http://...', given(lambda: 'http://localhost/a.wav'), REFUSED),
    ('/dev/zero', given(lambda: '/dev/zero'), REFUSED),
    ('a FIFO', fifo, SAME),
    ('an empty file', saved('a.wav', b''), REFUSED),
    ('text', saved('a.wav', b'this is no recording'*100), REFUSED),
    ('a truncated header', saved('a.wav', lambda: wav(voice())[:30]), REFUSED),
    ('bytes', given(lambda: wav(voice())), SAME),
    ('a bytearray', given(lambda: bytearray(wav(voice()))), SAME),
    ('a memoryview', given(lambda: memoryview(wav(voice()))), SAME),
    ('an open file', lambda d: open(saved('a.wav')(d), 'rb'), SAME),
    ('an open file at its end', lambda d: at_end(open(saved('a.wav')(d), 'rb')), SAME),
    ('a BytesIO that was just written', given(lambda: at_end(io.BytesIO(wav(voice())))), SAME),
    ('a closed file', given(closed), REFUSED),
    ('a file opened as text', text, REFUSED),
    ('an asynchronous upload', given(Asynchronous), REFUSED),
    ('None', given(lambda: None), REFUSED),
    ('42', given(lambda: 42), REFUSED),
    ('an array without its rate', given(voice), REFUSED),
    ('(array, array)', given(lambda: (voice(), voice())), REFUSED),
    ('one hour with three clips of speech', given(lambda: long(1)), SAME),
    ('three hours with three clips of speech', given(lambda: long(3)), SAME)]

PROMISES = {DECODED: ANSWERED, WARNED: DOUBTED, FILE_REFUSED: REFUSED}
# Random bits that clip; a narrow band; little that can be read
DOUBTFUL = {
    'AMR-WB', 'WAV of GSM 6.10', 'WAV of G.726', 'WAV of G.721', 'WAV at 2000 Hz', 'WAV at 8000 Hz',
    'WAV at 11025 Hz', 'VOC', 'MP3 at 8 kHz', 'MP3 from its byte 777 on', 'MP3 from its byte 2345 on', '3GP of AMR',
    'AMR'}

def file_promise(r): return DOUBTED if r.name in DOUBTFUL else PROMISES[r.promise]

ROWS = [Row('Arrays', name, given(f), promise) for name, f, promise in ARRAYS]
ROWS += [Row('Paths, bytes and file objects', name, f, promise) for name, f, promise in OTHERS]
ROWS += [Row('Files', r.name, given(r), file_promise(r)) for r in RECORDINGS.values()]

def outcome(clf, row):
    "What comes of a row: which of the promises, and in words that are the same on every machine"
    with tempfile.TemporaryDirectory() as folder:
        try: p = clf.predict(row.make(folder))
        except EmotionError as e: return REFUSED, str(e).replace(folder, 'FOLDER')
    itself, warned = clf.predict(CLIP), ' '.join(p.warnings)
    same = max(abs(p.probabilities[k] - v) for k, v in itself.probabilities.items()) < CLOSE
    if row.promise == SAME and same: return SAME, f'answered; {warned}' if warned else 'answered'
    return (DOUBTED, f'answered; {warned}') if warned else (ANSWERED, 'answered')

def page(outcomes):
    "docs/inputs.md"
    def table(group):
        rows = [(row, words) for row, words in outcomes if row.group == group]
        lines = [f'| {cell(r.name)} | {r.promise} | {cell(w)} |' for r, w in rows]
        return '\n'.join([f'\n## {group}\n', '| given | promised | outcome |', '|:--|:--|:--|', *lines])
    groups = dict.fromkeys(r.group for r, _ in outcomes)
    return HEAD.format(n=len(outcomes)) + '\n'.join(map(table, groups)) + '\n'

def cell(text):
    "Text for a cell of a Markdown table"
    text = text if len(text) < 200 else f'{text[:90]} ... {text[-90:]}'
    return text.replace('|', '\\|').replace('*', '\\*').replace('~', '\\~').replace('<', '&lt;')

HEAD = """# Table of inputs

Written by `python tests/inputs.py` from {n} rows that `tests/test_inputs.py` holds: each is made, given to `predict`, \
and must come out as promised. *The answer
of the clip itself* means that no probability is further than 0.1 from that of the clip; *one sentence* is the text of \
the error. Files hold two seconds of speech; how well
each is decoded (correlation with the source) is held by `tests/test_decoding.py`, what else may be given by \
`tests/test_sources.py` and `tests/test_audio.py`.
"""

if __name__ == '__main__':
    from emotion_nb import EmotionClassifier
    clf = EmotionClassifier.load()
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page([(row, outcome(clf, row)[1]) for row in ROWS]), encoding='utf-8')
