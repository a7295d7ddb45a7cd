"A timeline leaves in the forms of five tools, and a well-kept reader of each gets back what was written."
import csv, io, re

import numpy as np
import pandas as pd
import pympi
import pytest
import srt
import webvtt
from click.testing import CliRunner
from praatio import textgrid

from emotion_nb import cli
from emotion_nb.annotation import ANNOTATIONS, annotation, annotation_text, save_annotation
from emotion_nb.audio import load_audio
from emotion_nb.classifier import EmotionClassifier
from emotion_nb.core import EmotionError
from emotion_nb.timeline import Window, speaker_turns, timeline_frame

RATE = 22_050
ODD = ['Anna & "Otto" <1>\n.wav', '\u58f0.wav', 'red\x1b[31m.wav']

@pytest.fixture(scope='module')
def clf(): return EmotionClassifier.load()

@pytest.fixture(scope='module')
def long(examples):
    "Two clips with four seconds of silence between them, and after the second"
    a, b = (load_audio(clip) for clip in examples[2:4])
    gap = np.zeros(4*RATE, np.float32)
    return np.concatenate([a, gap, b, gap])

def by_hand(clf, name, *emotions, confidence=.75):
    "A timeline of windows of 3 s, one a second; the emotions, or `None` for silence"
    classes = clf.classes_.tolist()
    rest = (1 - confidence)/(len(classes) - 1)
    proba = lambda e: np.where(np.array(classes) == e, confidence, rest).astype(np.float32)
    windows = [Window(i, i + 3, None if e is None else proba(e)) for i, e in enumerate(emotions)]
    return timeline_frame(clf, name, windows)

@pytest.fixture
def timeline(clf): return by_hand(clf, 'talk.wav', 'sad', 'sad', 'happy', None, None, None, 'calm')

# Each form, read by a library of it

def from_praat(path):
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False, reportingMode='error')
    emotions, confidences = (grid.getTier(k).entries for k in ('emotion', 'confidence'))
    assert [e[:2] for e in emotions] == [e[:2] for e in confidences]
    return [(*e, float(c.label)) for e, c in zip(emotions, confidences)]

def from_elan(path):
    doc = pympi.Elan.Eaf(str(path))
    confidences = [o[2] for o in doc.get_ref_annotation_data_for_tier('confidence')]
    spans = doc.get_annotation_data_for_tier('emotion')
    return [(a/1000, b/1000, e, float(c)) for (a, b, e), c in zip(spans, confidences, strict=True)]

def from_audacity(path):
    rows = csv.reader(io.StringIO(path.read_text(encoding='utf-8')), delimiter='\t')
    return [(float(a), float(b), e, None) for a, b, e in rows]

def cue(start, end, text):
    emotion, percent = re.fullmatch(r'(\w+) \((\d+)\u00a0%\)', text).groups()
    return start, end, emotion, int(percent)/100

def from_srt(path):
    found = [*srt.parse(path.read_text(encoding='utf-8'), ignore_errors=False)]
    assert [o.index for o in found] == [*range(1, len(found) + 1)]
    return [cue(o.start.total_seconds(), o.end.total_seconds(), o.content) for o in found]

def from_vtt(path):
    seconds = lambda text: pd.Timedelta(text).total_seconds()
    return [cue(seconds(o.start), seconds(o.end), o.text) for o in webvtt.read(path)]

READERS = dict(TextGrid=from_praat, eaf=from_elan, txt=from_audacity, srt=from_srt, vtt=from_vtt)

def test_every_form_has_a_reader(): assert READERS.keys() == ANNOTATIONS.keys()

@pytest.mark.parametrize('form', READERS)
def test_a_reader_gets_back_what_was_written(timeline, form, tmp_path):
    expected = annotation(timeline).rows
    assert [row[2] for row in expected] == ['sad', 'happy', 'calm']
    got = READERS[form](save_annotation(timeline, tmp_path/f'talk.{form}'))
    assert [row[2] for row in got] == [row[2] for row in expected]
    for (a, b, _, c), (start, end, _, confidence, _) in zip(got, expected):
        assert (a, b) == (pytest.approx(start, abs=.0006), pytest.approx(end, abs=.0006))
        assert c is None or c == pytest.approx(confidence, abs=.006)

@pytest.mark.parametrize('form', READERS)
def test_a_recording_without_a_voice_is_a_valid_file(clf, form, tmp_path):
    assert READERS[form](save_annotation(by_hand(clf, 'hum.wav', None, None), tmp_path/f'hum.{form}')) == []

@pytest.mark.parametrize('name', ODD)
@pytest.mark.parametrize('form', READERS)
def test_odd_names_of_recordings(clf, form, name, tmp_path):
    assert len(READERS[form](save_annotation(by_hand(clf, name, 'sad'), tmp_path/f'odd.{form}'))) == 1

def test_praat_sees_the_whole_recording(timeline, tmp_path):
    "Both tiers reach from its beginning to its end without a gap"
    timeline.attrs['seconds'] = 9.5
    path = save_annotation(timeline, tmp_path/'talk.TextGrid')
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=True, reportingMode='error')
    assert (grid.minTimestamp, grid.maxTimestamp) == (0, 9.5)
    for tier in grid.tiers:
        borders = [t for e in tier.entries for t in e[:2]]
        assert [borders[0], *borders[2::2], 9.5] == [0, *borders[1::2]]

def test_elan_offers_the_emotions_and_finds_the_recording(timeline, clf, tmp_path):
    doc = pympi.Elan.Eaf(str(save_annotation(timeline, tmp_path/'talk.eaf')))
    _, entries, _ = doc.controlled_vocabularies['emotions']
    assert [values[0][0] for values, _ in entries.values()] == clf.classes_.tolist()
    assert doc.get_parameters_for_linguistic_type('emotion')['CONTROLLED_VOCABULARY_REF'] == 'emotions'
    assert doc.get_linked_files()[0]['RELATIVE_MEDIA_URL'] == './talk.wav'
    doc.to_file(str(tmp_path/'again.eaf'))  # nothing in it is unknown to the library
    assert from_elan(tmp_path/'again.eaf') == from_elan(tmp_path/'talk.eaf')

def test_hours(clf, tmp_path):
    "Times from an hour on, which have another width"
    late = [Window(t, t + 3, np.eye(8, dtype=np.float32)[2]) for t in (0., 3600.25, 36_000.)]
    timeline = timeline_frame(clf, 'day.wav', late)
    for form, read in READERS.items():
        got = [row[0] for row in read(save_annotation(timeline, tmp_path/f'day.{form}'))]
        assert got == pytest.approx([0, 3600.25, 36_000], abs=.001)

# Pauses

def test_utterances_are_what_is_between_pauses(clf, long, examples):
    said = clf.predict_timeline((long, RATE), cut='pauses')
    a, b = (load_audio(clip) for clip in examples[2:4])
    assert len(said) == 2 and said.attrs['seconds'] == len(long)/RATE
    (_, s0, e0), (_, s1, e1) = ((f, s.total_seconds(), e.total_seconds()) for f, s, e in said.index)
    assert 0 <= s0 < e0 <= len(a)/RATE < len(a)/RATE + 4 < s1 < e1 <= (len(a) + len(b))/RATE + 4.1
    for row, clip in zip(said.itertuples(), examples[2:4]): assert row.emotion == clf.predict(clip).emotion
    assert len(annotation(said).rows) == 2  # a pause ends a segment even between equal emotions

def test_what_is_too_short_shares_an_answer_and_keeps_its_times(clf, examples):
    "A word, a pause of three seconds, and a sentence as loud"
    y = load_audio(examples[2])
    first = np.flatnonzero(np.abs(y) > .1*np.abs(y).max())[0]
    word = y[first:first + int(.4*RATE)]
    x = np.concatenate([word, np.zeros(3*RATE, np.float32), y])
    said = clf.predict_timeline((x, RATE), cut='pauses')
    p = said[clf.classes_].to_numpy()
    assert len(said) == 2 and np.array_equal(p[0], p[1])
    ends = said.index.get_level_values('end').total_seconds()
    assert ends[0] < 1 and said.index[1][1].total_seconds() > 3
    mean = np.average(p, axis=0, weights=said.active_seconds)
    assert mean == pytest.approx(clf.predict_proba([(x, RATE)])[0], abs=1e-5)

def test_a_tone_between_sentences_has_no_emotion(clf, long):
    t = np.arange(3*RATE)/RATE
    siren = (.3*np.sin(2*np.pi*(400*t + 60*np.sin(2*np.pi*2*t)))*(1 + np.sin(2*np.pi*1.5*t))).astype(np.float32)
    said = clf.predict_timeline((np.concatenate([siren, long]), RATE), cut='pauses')
    after = said[said.index.get_level_values('start').total_seconds() > 3]
    assert after.emotion.notna().all() and len(after) == 2
    before = said[said.index.get_level_values('start').total_seconds() < 3]
    assert before.emotion.isna().all() and before.no_voice.all()

def test_an_unknown_cut_is_refused(clf):
    with pytest.raises(EmotionError, match='choose windows or pauses'): clf.predict_timeline('a.wav', cut='words')

# The command line

def run(*args): return CliRunner().invoke(cli.main, [*map(str, args)], prog_name='emotion-nb')

@pytest.mark.parametrize('form', ['TextGrid', 'srt', 'json'])
def test_the_command_writes_by_suffix(clf, long, form, tmp_path, monkeypatch):
    import soundfile
    monkeypatch.chdir(tmp_path)
    soundfile.write('talk.wav', long, RATE)
    done = run('timeline', 'talk.wav', '--cut', 'pauses', '--out', f'talk.{form.lower()}')
    assert (done.exit_code, done.output) == (0, f'The timeline lies in talk.{form.lower()}.\n')
    expected = annotation_text(clf.predict_timeline('talk.wav', cut='pauses'), form)
    text = (tmp_path/f'talk.{form.lower()}').read_text(encoding='utf-8')
    undated = lambda s: re.sub('DATE="[^"]*"', '', s)
    assert undated(text) == undated(expected)

def test_what_the_command_refuses(examples, tmp_path):
    for out, words in (('a.doc', 'has no suffix of a timeline'), (tmp_path/'no'/'a.srt', 'cannot be written')):
        done = run('timeline', examples[0], '--out', out)
        assert done.exit_code == 1 and words in done.stderr and done.stderr.count('\n') == 1
    assert not (tmp_path/'no').exists()

def test_one_recording_a_file(clf, timeline):
    two = pd.concat([timeline, by_hand(clf, 'b.wav', 'sad')])
    with pytest.raises(EmotionError, match='for one recording, not 2'): annotation_text(two, 'srt')

# Speakers

RTTM = ''.join(f'SPEAKER {file} 1 {start} {seconds} <NA> <NA> {who} <NA> <NA>\n' for file, start, seconds, who in [
    ('talk', 0, 4.5, 'Ann'), ('talk', 3.5, 20, 'Otto'), ('other', 1, 2, 'Eve'), ('talk', 60, 1, 'Ann')])

@pytest.fixture
def turns(tmp_path):
    (tmp_path/'all.rttm').write_text(';; a comment\n' + RTTM, encoding='utf-8')
    return speaker_turns(tmp_path/'all.rttm', 'talk.wav')

def test_turns_of_one_recording(turns):
    seconds = [(a.total_seconds(), b.total_seconds()) for _, a, b in turns.index]
    assert seconds == [(0, 4.5), (3.5, 23.5), (60, 61)] and turns.speaker.tolist() == ['Ann', 'Otto', 'Ann']
    assert {*turns.index.get_level_values('file')} == {'talk.wav'}

def test_each_turn_has_its_answer(clf, long, turns):
    said = clf.predict_timeline((long, RATE), cut=turns)
    assert said.speaker.tolist() == ['Ann', 'Otto', 'Ann'] and said.emotion.isna().tolist() == [False, False, True]
    for row, (_, a, b) in zip(said.itertuples(), said.index[:2]):
        part = long[round(a.total_seconds()*RATE):round(b.total_seconds()*RATE)]
        assert row.emotion == clf.predict((part, RATE)).emotion

def test_speakers_have_tiers_that_overlap(clf, long, turns, tmp_path):
    said = clf.predict_timeline((long, RATE), cut=turns)
    path = save_annotation(said, tmp_path/'talk.TextGrid')
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False, reportingMode='error')
    assert grid.tierNames == tuple(f'{kind} of {who}' for who in ('Ann', 'Otto') for kind in ('emotion', 'confidence'))
    assert grid.getTier('emotion of Ann').entries[0].end > grid.getTier('emotion of Otto').entries[0].start
    doc = pympi.Elan.Eaf(str(save_annotation(said, tmp_path/'talk.eaf')))
    for who in ('Ann', 'Otto'): assert doc.get_parameters_for_tier(f'emotion of {who}')['PARTICIPANT'] == who
    spans = [doc.get_annotation_data_for_tier(f'emotion of {who}') for who in ('Ann', 'Otto')]
    assert [s[0][:2] for s in spans] == [(0, 4500), (3500, round(1000*len(long)/RATE))]
    texts = [o.content for o in srt.parse(annotation_text(said, 'srt'), ignore_errors=False)]
    assert [t.split(': ')[0] for t in texts] == ['Ann', 'Otto']

@pytest.mark.parametrize('text, words', [('SPEAKER talk 1 a b', 'is no RTTM'), ('', 'has no turn of talk.wav')])
def test_what_is_no_rttm(tmp_path, text, words):
    (tmp_path/'a.rttm').write_text(text)
    with pytest.raises(EmotionError, match=words): speaker_turns(tmp_path/'a.rttm', 'talk.wav')
