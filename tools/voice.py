"""How many recordings of voices, and how many of other sounds, are recognised as a voice; printed as Markdown

The sounds: the corpora in `--data`; Debian packages unpacked with `apt-get download` and `dpkg-deb -x` in
`--packages`; notes of the General MIDI instruments, rendered by `fluidsynth`; speech of `espeak-ng`; and the sounds of
nonvoices.py. `--webrtc` asks the detector of WebRTC instead (`pip install webrtcvad-wheels`)."""
import argparse, io, re, subprocess, tempfile
from collections import defaultdict
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import soxr
from emotion_nb.activity import stream_segments
from emotion_nb.audio import at_speed, load_audio
from emotion_nb.augmentation import CODECS, add_noise, band, encoded, equalise, reverberate
from emotion_nb.core import EMOTIONS, EmotionError
from emotion_nb.voice import VOICE_PROBABILITY, voice_score
from nonvoices import SOUNDS, nonvoice

SR, HOP = 22_050, 512
PROMPTS = 'en', 'fr', 'es', 'ru', 'it' # Languages of asterisk-core-sounds-*-wav
PACKAGES = ('wesnoth-1.16-data', 'lmms-common', 'lincity-ng-data', 'ardentryst', 'planetblupi-music-ogg',
    'trackballs-data', 'asterisk-moh-opsound-wav', 'hydrogen-drumkits', 'sound-theme-freedesktop',
    'extremetuxracer-data', 'freedroid-data', 'tuxpaint-stamps-default', 'supertux-data', 'minetest-data', 'xmoto-data',
    'oxygen-sounds', 'gnome-audio', 'frozen-bubble-data')
SPOKEN = re.compile(r'speech|voice|human|female|woman|elf|elv|dwarf|orc|ogre|goblin|troll|mermaid|mermen|lich|naga|'
                    r'drake|saurian|ghost|groan|grunt|laugh|cry|scream|choir|vox|excellent|welldone|lalala|upset|(?<!d)amen|phone-|'
                    r'_desc|/symbols/|_[a-z]{2}(_[a-zA-Z]{2})?\.ogg$', re.I)
SOUNDFONT = 'TimGM6mb.sf2'
VOCAL_PROGRAMS = {52, 53, 54, 85, 91, 121} # Of General MIDI, from 0: choirs, voices and breath
VOICES = ['en', 'en+f3', 'en+m7', 'de+f2', 'fr+m3', 'es+f4', 'pl', 'tr+f5', 'zh+f1', 'sw+m5', 'en+croak', 'en+whisper',
          'de+whisperf', 'it+m1']
TEXTS = ['The weather is fine today, and I am going to the market.', 'No!', 'Please call me back as soon as you can.',
         'One, two, three, four, five, six, seven.', 'Kids are talking by the door.',
         'What did you say? I cannot believe it.']

NO_PROMPT = re.compile(r'silence|beep|tone|ascending|descending|busy|ring|dial|is.wav')
HEAD = """# Voices and other sounds

Printed by `python tools/voice.py --packages DIR`: how many recordings the detector recognises as a voice. The Debian
packages are named in that file; files in which somebody speaks are left out by their names.
"""

def excerpt(y, rng):
    "A few seconds of it"
    if len(y) < 8*SR: return y
    start = rng.integers(0, len(y) - 6*SR)
    return y[start:start + 6*SR]

def midi(rng, program):
    "A MIDI file: a few bars of one instrument, or of percussion (`None`), with chords where it is told so"
    channel, chords, beat = 9 if program is None else 0, rng.random() < .4, int(rng.integers(15, 60))
    events = bytearray([0, 0xC0 | channel, program or 0])
    note = int(rng.integers(35, 60) if program is None else rng.integers(45, 80))
    for _ in range(int(rng.integers(6, 24))):
        note = int(np.clip(note + rng.integers(-5, 6), 30, 90))
        notes, v = [note, note + 4, note + 7][:3 if chords else 1], int(rng.integers(50, 127))
        for n in notes: events += bytes([0, 0x90 | channel, n, v])
        for i, n in enumerate(notes):
            events += bytes([0 if i else min(127, beat*int(rng.integers(1, 3))), 0x80 | channel, n, 0])
    events += bytes([100, 0xFF, 0x2F, 0])
    return b'MThd\0\0\0\6\0\0\0\1\0\x60MTrk' + len(events).to_bytes(4, 'big') + bytes(events)

def rendered(packages, program):
    "The sound of one instrument"
    font = next(packages.rglob(SOUNDFONT))
    with tempfile.TemporaryDirectory() as folder:
        (song := Path(folder)/'a.mid').write_bytes(midi(np.random.default_rng(program or 200), program))
        command = ['fluidsynth', '-ni', '-q', '-r', '22050', '-F', f'{folder}/a.wav', font, song]
        subprocess.run(command, check=True, capture_output=True)
        y = load_audio(f'{folder}/a.wav')
    return y[:10*SR]

def spoken(voice, text):
    "A sentence of espeak-ng"
    wav = subprocess.run(['espeak-ng', '-v', voice, '--stdout', text], check=True, capture_output=True).stdout
    return load_audio(io.BytesIO(wav))

def whispered(y, rng):
    "Speech with noise in the place of its source: the short-time spectrum smoothed over frequency, with random phases"
    n, hop = 512, 128
    z = np.lib.stride_tricks.sliding_window_view(np.pad(y, n), n)[::hop]*np.hanning(n)
    log = np.fft.irfft(np.log(np.abs(np.fft.rfft(z)) + 1e-6))
    log[:, 28:-27] = 0
    envelope = np.exp(np.fft.rfft(log).real)
    f = np.fft.rfftfreq(n, 1/SR)
    envelope *= np.minimum(1, f/1000)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(z.shape)*np.hanning(n))*envelope)
    out = np.zeros(hop*len(z) + n)
    for i, part in enumerate(noise): out[i*hop:i*hop + n] += part*np.hanning(n)
    out = out[n:n + len(y)]
    return (out/np.abs(out).max()*rng.uniform(.05, .8)).astype(np.float32)

def codec(y, rng):
    "Through a random codec"
    name = list(CODECS)[rng.integers(len(CODECS))]
    _, _, rates, levels = CODECS[name]
    rate = int(rng.choice(rates))
    return encoded(np.clip(y, -1, 1), SR, name, rate, None if levels is None else float(rng.uniform(*levels)))

CONDITIONS = { # Name to a function of samples and a random generator
    'noise 10 dB': lambda y, rng: add_noise(y, SR, 10, rng, rng.uniform(0, 1.2)),
    'telephone': lambda y, rng: equalise(y, SR, band(300, 3400)),
    'codec': codec,
    'pitch up': lambda y, rng: at_speed(y, SR, rng.uniform(1.15, 1.3)),
    'pitch down': lambda y, rng: at_speed(y, SR, rng.uniform(.78, .9)),
    'whispered': whispered,
    'clipped': lambda y, rng: np.clip(y/np.abs(y).max()*rng.uniform(2, 8), -1, 1),
    'room': lambda y, rng: reverberate(y, SR, rng.uniform(.2, .8), rng.uniform(-2, 8), rng)}

def sources(data, packages):
    "(is it a voice?, group, function that gives samples) of each sound"
    for p in sorted((data/'ravdess').glob('*/*/*.*')):
        kind = ', loud' if p.stem[9:11] == '02' else ''
        yield True, f"RAVDESS {p.parts[-3]}, {EMOTIONS[int(p.stem[6:8]) - 1]}{kind}", partial(load_audio, p)
    for p in sorted((data/'nemo').glob('*/*.opus')): yield True, f"nEMO, {p.stem.split('_')[1]}", partial(load_audio, p)
    for l in PROMPTS:
        for p in sorted((packages/f'asterisk-core-sounds-{l}-wav').rglob('*.wav')):
            if NO_PROMPT.search(str(p).split('sounds')[-1]): continue
            yield True, f'telephone prompts, {l}', partial(load_audio, p)
    for v in VOICES:
        for t in TEXTS: yield True, 'espeak-ng, whispered' if 'whisper' in v else 'espeak-ng', partial(spoken, v, t)
    for package in PACKAGES:
        for p in sorted((packages/package).rglob('*.*')):
            name = str(p.relative_to(packages/package))
            if p.suffix in ('.wav', '.ogg', '.oga') and not SPOKEN.search(name):
                yield False, f'package {package}', partial(load_audio, p)
    for program in [*range(128), *[None]*20]:
        if program not in VOCAL_PROGRAMS: yield False, 'General MIDI instruments', partial(rendered, packages, program)
    for kind in SOUNDS:
        for seed in range(100): yield False, f'synthesised {kind}', partial(nonvoice, kind, seed)

def webrtc(y, sr):
    "1 where the detector of WebRTC finds a quarter of a second of voice, at its strictest"
    from webrtcvad import Vad
    pcm = (np.clip(soxr.resample(y, sr, 16_000), -1, 1)*32767).astype(np.int16)
    vad = Vad(3)
    return float(sum(vad.is_speech(pcm[i:i + 480].tobytes(), 16_000) for i in range(0, len(pcm) - 479, 480)) >= 8)

def recognised(y, score):
    "Is there a voice in one of the segments of a recording?"
    blocks = np.split(np.ascontiguousarray(y, np.float32), range(7*SR, len(y), 7*SR))
    return any(score(s.samples, SR) >= VOICE_PROBABILITY for s in stream_segments(blocks, SR, HOP))

def measured(job):
    "(is it a voice?, group, condition, is it recognised?) of a sound as it is, and of a voice under one condition"
    i, score, (voice, group, load) = job
    rng = np.random.default_rng(i)
    try:
        y = excerpt(load(), rng)
        found = [(voice, group, 'as it is', recognised(y, score))]
        if not voice: return found
        name = list(CONDITIONS)[i % len(CONDITIONS)]
        return [*found, (voice, group, name, recognised(CONDITIONS[name](y, rng), score))]
    except (EmotionError, subprocess.CalledProcessError): return []

def sampled(sounds, n):
    "At most `n` of each group, drawn with seed 0"
    groups, rng = defaultdict(list), np.random.default_rng(0)
    for s in sounds: groups[s[1]].append(s)
    return [group[i] for group in groups.values() for i in rng.permutation(len(group))[:n]]

def table(title, rows, of):
    "Markdown: a line a group with its number and the share that is recognised as a voice"
    groups = defaultdict(list)
    for r in rows: groups[of(r)].append(r[3])
    lines = [f'| {k} | {len(v)} | {sum(v)} | {np.mean(v):.1%} |' for k, v in groups.items()]
    every = [o for v in groups.values() for o in v]
    return '\n'.join([f'| {title} | recordings | recognised as a voice | share |', '|:--|--:|--:|--:|', *lines,
                      f'| **all** | {len(every)} | {sum(every)} | {np.mean(every):.1%} |', ''])

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', type=Path, default='../shared')
    parser.add_argument('--packages', type=Path, required=True)
    parser.add_argument('--most', type=int, default=60, help='Recordings of each group')
    parser.add_argument('--webrtc', action='store_true')
    a = parser.parse_args()
    score = webrtc if a.webrtc else voice_score
    jobs = [(i, score, s) for i, s in enumerate(sampled(sources(a.data, a.packages), a.most))]
    with Pool() as pool: rows = [r for rs in pool.imap(measured, jobs, chunksize=4) for r in rs]
    plain = [r for r in rows if r[2] == 'as it is']
    print(HEAD)
    print(table('voices as they are', [r for r in plain if r[0]], lambda r: r[1]))
    print(table('voices, by condition', [r for r in rows if r[0] and r[2] != 'as it is'], lambda r: r[2]))
    print(table('other sounds', [r for r in plain if not r[0]], lambda r: r[1]))
