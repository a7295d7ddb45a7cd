"""Pauses, clicks, repetitions and noise: how many clips are still classified correctly.

    python tools/pauses.py --write      into docs/pauses.md; without it, the table is printed alone
"""
import argparse, csv, random, sys
from datetime import date
from pathlib import Path

import numpy as np

from emotion_nb.audio import load_audio
from emotion_nb.classifier import EmotionClassifier
from emotion_nb.core import EMOTIONS
from emotion_nb.features import active_range

PAGE = Path(__file__).parents[1]/'docs'/'pauses.md'
N_CLIPS, SEED = 60, 0  # Clips of the test split: the first in the shuffled order of their sorted names

def emotion(clip): return EMOTIONS[int(clip.split('-')[2]) - 1]

def cat(*parts): return np.concatenate(parts).astype(np.float32)

class Sounds:
    "What is put before, between and after clips, at one sample rate in Hz"
    def __init__(self, sr): self.sr = sr
    def n(self, seconds): return round(seconds*self.sr)
    def silence(self, seconds): return np.zeros(self.n(seconds), np.float32)
    def click(self, seconds=0): return np.ones(max(1, self.n(seconds)), np.float32)
    def room(self, seconds, level=-60): return 10**(level/20)*np.random.default_rng(0).standard_normal(self.n(seconds))
    def hum(self, y, level=-60): return y + 10**(level/20)*np.sin(2*np.pi*50*np.arange(len(y))/self.sr)
    def burst(self, seconds=.05): return np.random.default_rng(1).uniform(-.5, .5, self.n(seconds))
    def bang(self, seconds, rise):
        "A cough or a door: noise that rises and fades away"
        t = np.arange(self.n(seconds))/self.n(seconds)
        return .9*np.minimum(1, t/rise)*np.exp(-5*t)*np.clip(np.random.default_rng(2).standard_normal(len(t))/2, -1, 1)
    def cough(self): return self.bang(.3, .1)
    def door(self): return self.bang(.5, .005)
    def trimmed(self, y):
        a, b = active_range(y)
        return y[a:b]
    def loud(self, y, level): return y*10**(level/20)/np.sqrt(np.mean(self.trimmed(y)**2))

    def paused(self, y, pause, n=1):
        "A clip with pauses inside its voice, where it is quietest"
        step = self.n(.025)
        power = np.convolve((y[:len(y)//step*step].reshape(-1, step)**2).mean(1), np.ones(3), 'same')
        a, b = active_range(y)
        spans = [(.25, .75)] if n == 1 else [(.15, .45), (.55, .85)]
        limits = [((a + np.array(s)*(b - a))//step).astype(int) for s in spans]
        at = [(lo + power[lo:hi].argmin())*step for lo, hi in limits]
        parts = np.split(y, at)
        return cat(parts[0], *(p for part in parts[1:] for p in (pause, part)))

# Name -> function of (sounds, clip, another clip of its emotion)
CASES = {
    'alone': lambda s, y, z: y,
    'twice in a row': lambda s, y, z: np.tile(y, 2),
    'three times': lambda s, y, z: np.tile(y, 3),
    'ten times': lambda s, y, z: np.tile(y, 10),
    'two clips of one emotion': lambda s, y, z: cat(y, z),
    'the same, the second 12 dB weaker': lambda s, y, z: cat(s.loud(y, -23), s.loud(z, -35)),
    'the same, the first 12 dB weaker': lambda s, y, z: cat(s.loud(y, -35), s.loud(z, -23)),
    'the clip 30 dB weaker, then itself': lambda s, y, z: cat(y/32, y),
    'trimmed, twice, 0.3 s between': lambda s, y, z: cat(s.trimmed(y), s.silence(.3), s.trimmed(y)),
    'trimmed, twice, 0.6 s between': lambda s, y, z: cat(s.trimmed(y), s.silence(.6), s.trimmed(y)),
    'trimmed, three times, 2 s between': lambda s, y, z: np.tile(cat(s.trimmed(y), s.silence(2)), 3),
    '20 s of silence and a click after it': lambda s, y, z: cat(y, s.silence(20), s.click()),
    'a click 0.2 s before': lambda s, y, z: cat(s.click(), s.silence(.2), y),
    'a click 0.2 s after': lambda s, y, z: cat(y, s.silence(.2), s.click()),
    'a click of 1 ms 0.2 s before': lambda s, y, z: cat(s.click(.001), s.silence(.2), y),
    'a click of 10 ms 0.2 s before': lambda s, y, z: cat(s.click(.01), s.silence(.2), y),
    'a click of 10 ms 0.2 s after': lambda s, y, z: cat(y, s.silence(.2), s.click(.01)),
    'a click 0.2 s before the trimmed clip': lambda s, y, z: cat(s.click(), s.silence(.2), s.trimmed(y)),
    'a click of 10 ms 0.2 s after the trimmed clip': lambda s, y, z: cat(s.trimmed(y), s.silence(.2), s.click(.01)),
    'five clicks around it': lambda s, y, z: cat(s.click(), s.silence(1), s.click(), y, s.silence(.5), s.click(),
                                                 s.silence(3), s.click(), s.silence(1), s.click()),
    'a click in the voice': lambda s, y, z: s.paused(y, s.click()),
    'noise of 50 ms 0.2 s before': lambda s, y, z: cat(s.burst(), s.silence(.2), y),
    'noise of 50 ms 0.2 s after': lambda s, y, z: cat(y, s.silence(.2), s.burst()),
    'a cough before': lambda s, y, z: cat(s.cough(), y),
    'a cough after': lambda s, y, z: cat(y, s.cough()),
    'a door before': lambda s, y, z: cat(s.door(), y),
    'a door 2 s after': lambda s, y, z: cat(y, s.silence(2), s.door(), s.silence(1)),
    '5 s of silence before': lambda s, y, z: cat(s.silence(5), y),
    '60 s of silence before and after': lambda s, y, z: cat(s.silence(60), y, s.silence(60)),
    'twice, 5 s of silence between': lambda s, y, z: cat(y, s.silence(5), y),
    'twice, 20 s of silence between': lambda s, y, z: cat(y, s.silence(20), y),
    '5 s of noise at -60 dBFS before': lambda s, y, z: cat(s.room(5), y),
    '20 s of noise before and after': lambda s, y, z: cat(s.room(20), y, s.room(20)),
    'twice, 20 s of noise between': lambda s, y, z: cat(y, s.room(20), y),
    '60 s of noise after': lambda s, y, z: cat(y, s.room(60)),
    'in the middle of 10 minutes of silence': lambda s, y, z: cat(s.silence(298), y, s.silence(298)),
    'a pause of 1 s inside': lambda s, y, z: s.paused(y, s.silence(1)),
    'a pause of 5 s inside': lambda s, y, z: s.paused(y, s.silence(5)),
    'two pauses of 0.7 s inside': lambda s, y, z: s.paused(y, s.silence(.7), 2),
    'a pause of 1 s of noise inside': lambda s, y, z: s.paused(y, s.room(1)),
    'a pause with noise of 50 ms inside': lambda s, y, z: s.paused(y, cat(s.silence(.5), s.burst(), s.silence(.5))),
    'hum at -60 dBFS': lambda s, y, z: s.hum(y),
    'hum, 10 s of it before and after': lambda s, y, z: s.hum(cat(s.silence(10), y, s.silence(10))),
    'a constant offset of 0.1, in silence': lambda s, y, z: cat(s.silence(5), y + .1, s.silence(5)),
    'four times, the level rising by 20 dB': lambda s, y, z: np.tile(y, 4)*np.geomspace(.1, 1, 4*len(y)),
}
for _k in range(15):
    CASES[f'{_k/2:g} s of silence before it, 10 s in all'] = \
        lambda s, y, z, k=_k: cat(s.silence(k/2), y, s.silence(10 - k/2))

INTRODUCTION = """# Pauses, clicks, repetitions and noise

Each case puts something before, between, after or inside clips. The first row has the clips alone. The columns: how
many of the {originals} originals (clips as published, 48 kHz) are classified correctly; how many of {clips} clips of
the test split of protocol A (the first of their sorted names after `random.Random(0).shuffle`); how many originals
the mean of the timeline classifies correctly, its windows weighted by their active seconds; and for how many
originals both give the same answer. The weakest are sounds that are no voice but as long and as loud as a word: a
cough, a door.

The constants of [05a_activity](../nbs/05a_activity.ipynb) were chosen on the training and validation splits and on
these cases of the originals, with the model before this one; the test split was used to check.

Made by `python tools/pauses.py --write` on {day}, with the model {model}.
"""

ISSUE = ['twice in a row', 'three times', 'two clips of one emotion', '20 s of silence and a click after it',
         'a click 0.2 s before', 'a click 0.2 s after']

def read(paths):
    "Clip to (samples, sample rate) of each"
    import soundfile as sf
    rates = {p: sf.info(p).samplerate for p in sorted(paths)}
    return {p.stem: (load_audio(p, sr), sr) for p, sr in rates.items()}

def test_clips(data, splits):
    "The paths of the clips of the test split of protocol A that are tried"
    names = sorted(r['clip'] for r in csv.DictReader(open(splits)) if r['protocol_a'] == 'test')
    random.Random(SEED).shuffle(names)
    paths = {p.stem: p for p in Path(data).rglob('*.flac')}
    return [paths[n] for n in names[:N_CLIPS]]

def partner(clips, clip):
    "The next clip of the same emotion, or the clip itself where there is no other"
    same = [c for c in clips if emotion(c) == emotion(clip) and c != clip]
    return next((c for c in same if c > clip), [*same, clip][0])

def recordings(clips, case):
    "The recording of each clip in a case"
    for c, (y, sr) in clips.items():
        yield CASES[case](Sounds(sr), y, clips[partner(clips, c)][0]).astype(np.float32), sr

def answers(clf, clips, case):
    "The emotion that `predict` gives for each clip"
    return clf.classes_[clf.predict_proba(recordings(clips, case)).argmax(1)].tolist()

def timeline_answers(clf, clips, case):
    "The emotion with the highest mean over the windows of the timeline of each clip, weighted by their active seconds"
    for x in recordings(clips, case):
        t = clf.predict_timeline(x).dropna()
        weights = t.get('active_seconds')  # not there before the windows were weighted
        yield str(clf.classes_[np.average(t[clf.classes_], axis=0, weights=weights).argmax()])

def n_correct(found, clips): return sum(e == emotion(c) for e, c in zip(found, clips))

def row(clf, originals, clips, case):
    "The counts of one case"
    first = answers(clf, originals, case)
    over_time = list(timeline_answers(clf, originals, case))
    return dict(originals=n_correct(first, originals), clips=n_correct(answers(clf, clips, case), clips),
                timeline=n_correct(over_time, originals), same=sum(a == b for a, b in zip(first, over_time)))

def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('--data', default='../shared/ravdess', help='folder of the corpus')
    p.add_argument('--originals', default='../shared/ravdess_48k', help='folder of the clips as published, 48 kHz')
    p.add_argument('--splits', default='../shared/splits.csv', help='splits.csv')
    p.add_argument('--write', action='store_true', help=f'into docs/{PAGE.name}')
    a = p.parse_args()
    clf = EmotionClassifier.load()
    originals, clips = read(Path(a.originals).glob('*.wav')), read(test_clips(a.data, a.splits))
    lines = [INTRODUCTION.format(originals=len(originals), clips=len(clips), day=date.today(),
                                 model=clf.bundle.manifest['fingerprint'][:12]),
             f'| case | of {len(originals)} | of {len(clips)} | timeline | same |', '|:--|--:|--:|--:|--:|']
    for case in CASES:
        lines.append(' | '.join([f'| {case}', *map(str, row(clf, originals, clips, case).values())]) + ' |')
        print(lines[-1], flush=True)
    if a.write: PAGE.write_text('\n'.join(lines) + '\n', encoding='utf-8')

if __name__ == '__main__': sys.exit(main())
