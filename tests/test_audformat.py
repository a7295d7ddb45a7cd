"audformat databases: read as a corpus, and written from predictions."
import shutil
from pathlib import Path

import audformat
import pandas as pd
import pytest

from emotion_nb.audformat import audformat_labels, save_audformat
from emotion_nb.classifier import EmotionClassifier
from emotion_nb.core import CorpusError
from emotion_nb.corpus import catalogue
from emotion_nb.timeline import Window, timeline_frame

@pytest.fixture(scope='module')
def clf(): return EmotionClassifier.load()

@pytest.fixture
def talks(examples, tmp_path):
    "A folder with three recordings, one of them below it"
    for name, clip in zip(('a.flac', 'b.flac', 'deep/c.flac'), examples):
        (tmp_path/name).parent.mkdir(exist_ok=True)
        shutil.copy(clip, tmp_path/name)
    return tmp_path

def database(folder, **tables):
    "Save tables of columns of (scheme or `None`, values), over the three recordings"
    db = audformat.Database('talks')
    db.schemes['speaker'] = audformat.Scheme(labels={'Ann': {'sex': 'female'}, 'Otto': {'sex': 'male'}, 'X': {}})
    for name, columns in tables.items():
        all_files = audformat.filewise_index(['a.flac', 'b.flac', 'deep/c.flac'])
        db[name] = audformat.Table(columns.pop('index', all_files))
        for column, (scheme, values) in columns.items():
            db[name][column] = audformat.Column(scheme_id=scheme)
            db[name][column].set(values)
    db.save(folder)

def test_a_database_is_a_catalogue(talks):
    database(talks, emotion=dict(emotion=(None, ['Anger', 'pleasant surprise', 'boredom'])),
             files=dict(speaker=('speaker', ['Ann', 'Otto', 'Ann']), age=(None, ['1', '2', '3'])))
    with pytest.warns(UserWarning, match='boredom'): df = catalogue(talks)
    assert df.emotion.tolist() == ['angry', 'surprised'] and {*df.corpus} == {'audformat'}
    assert df.speaker.tolist() == ['Ann', 'Otto'] and df.sex.tolist() == ['female', 'male']
    assert all(Path(p).is_file() for p in df.path) and df['clip'].tolist() == ['a.flac', 'b.flac']

def test_without_speakers_each_file_is_its_own(talks):
    database(talks, emotion=dict(emotion=(None, ['anger', 'joy', None])))
    rows = [(r['clip'], r['speaker'], r['sex']) for _, r in audformat_labels(talks)]
    assert rows == [('a.flac', 'a.flac', None), ('b.flac', 'b.flac', None)]

def test_labels_in_a_table_for_each_split(talks):
    train, test = audformat.filewise_index(['a.flac', 'b.flac']), audformat.filewise_index(['deep/c.flac'])
    database(talks, train=dict(index=train, emotion=(None, ['fear', 'joy'])),
             test=dict(index=test, emotion=(None, ['sadness'])))
    assert catalogue(talks, 'audformat').emotion.tolist() == ['fearful', 'happy', 'sad']
    database(talks, train=dict(index=train, emotion=(None, ['fear', 'joy'])),
             again=dict(index=train, emotion=(None, ['fear', 'anger'])))
    with pytest.raises(CorpusError, match="give b.flac two values of 'emotion'"): catalogue(talks)

def test_labels_of_parts_of_files_are_no_labels_of_files(talks):
    whole, part = audformat.segmented_index(['a.flac']), audformat.segmented_index(['b.flac'], ['1s'], ['2s'])
    database(talks, parts=dict(index=whole.append(part), emotion=(None, ['joy', 'joy'])))
    assert catalogue(talks)['clip'].tolist() == ['a.flac']
    database(talks, parts=dict(index=part, emotion=(None, ['joy'])))
    with pytest.raises(CorpusError, match='with labels of whole files'): catalogue(talks)

def test_what_is_no_database(talks):
    with pytest.raises(CorpusError, match='holds no db.yaml'): catalogue(talks, 'audformat')
    (talks/'db.yaml').write_text('name: [')
    with pytest.raises(CorpusError, match='cannot be read'): catalogue(talks)
    database(talks, emotion=dict(emotion=(None, ['joy', 'joy', 'joy'])))
    (talks/'a.flac').unlink()
    with pytest.raises(CorpusError, match="1 of the 3 files.*'a.flac' for one"): catalogue(talks)

def test_predictions_are_written_and_read(clf, talks):
    (talks/'broken.wav').write_text('no recording')
    df = clf.predict_frame(talks)
    save_audformat(df, talks)
    table = audformat.Database.load(str(talks))['emotion'].get()
    assert table.index.tolist() == ['a.flac', 'b.flac', 'broken.wav', 'deep/c.flac']
    assert table.emotion.astype(object).fillna('').tolist() == df.emotion.astype(object).fillna('').tolist()
    assert table[clf.classes_].to_numpy() == pytest.approx(df[clf.classes_].to_numpy(), nan_ok=True)
    assert 'broken.wav' in table.error['broken.wav']
    assert catalogue(talks).emotion.tolist() == df.emotion.dropna().tolist()  # and is a corpus again
    with pytest.raises(CorpusError, match='holds a database already'): save_audformat(df, talks)

def test_a_timeline_is_written_and_asked_again(clf, talks, tmp_path_factory):
    df = clf.predict_frame(talks, cut='pauses')
    other = tmp_path_factory.mktemp('other')  # the recordings are not below it, so they keep their places
    save_audformat(df, other, 'mine', 'utterances')
    table = audformat.Database.load(str(other))['utterances']
    pd.testing.assert_index_equal(table.index, df.index)
    again = clf.predict_frame(table.index)
    assert again.emotion.tolist() == df.emotion.tolist()

def test_a_timeline_of_windows_has_flags(clf, talks):
    windows = [Window(0, 3, clf.predict_proba([talks/'a.flac'])[0], 2.), Window(1, 4, None, 0., True)]
    save_audformat(timeline_frame(clf, str(talks/'a.flac'), windows), talks)
    table = audformat.Database.load(str(talks))['emotion'].get()
    assert table.no_voice.tolist() == [False, True] and table.active_seconds.tolist() == [2, 0]
    assert table.emotion.isna().tolist() == [False, True]

def test_a_header_stands_for_a_whole_database(clf, talks, monkeypatch):
    "Killed or stopped in the middle of writing, there is none"
    def stop(source, target): raise KeyboardInterrupt
    monkeypatch.setattr('emotion_nb.audformat.os.replace', stop)
    with pytest.raises(KeyboardInterrupt): save_audformat(clf.predict_frame([talks/'a.flac']), talks/'new')
    assert not [*(talks/'new').iterdir()]
