"The catalogue and the two protocols, on folders of small files, and on the corpus itself if it is there."
import os, subprocess, sys, warnings
from pathlib import Path

import pandas as pd
import pytest

from emotion_nb.core import CorpusError, MissingExtraError
from emotion_nb.corpus import (FOLDS, SPLITS, catalogue, fold_of, from_names, missing_clips, protocol_a, protocol_b,
    published_clips, validation_actors)

shared = Path(__file__).resolve().parents[2]/'shared'
pair = ['03-01-03-01-02-01-07', '03-01-03-01-02-02-07']


def official_splits():
    path = shared/'splits.csv'
    if not path.is_file(): pytest.skip('the official splits, ../shared/splits.csv, are not beside this checkout')
    return pd.read_csv(path)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def stand_in(folder, suffix='.wav', layout='Actor_{actor}', tag=b''):
    "The whole corpus as tiny files, the pair of actor 07 with one content"
    for clip in published_clips():
        channel = 'SPEECH' if clip[3:5] == '01' else 'SONGS'
        content = pair[0] if clip in pair else clip
        write(folder/layout.format(actor=clip[-2:], channel=channel)/f'{clip}{suffix}', tag + content.encode())


def check_against(df, official):
    "Both protocols, clip by clip"
    assert len(df) == len(official) == 2452
    rows = official.set_index('clip').loc[df['clip']]
    assert df.channel.tolist() == rows.channel.tolist()
    assert df.emotion.tolist() == rows.emotion.tolist()
    assert df.actor.tolist() == rows.actor.tolist()
    assert protocol_a(df).tolist() == rows.protocol_a.tolist()
    assert fold_of(df).tolist() == rows.protocol_b_fold.tolist()
    for fold in range(1, 6):
        assert (protocol_b(df, fold) == 'test').tolist() == (rows.protocol_b_fold == fold).tolist()


def test_names_alone_give_the_official_splits():
    check_against(from_names(published_clips()), official_splits())


def test_the_corpus_itself(corpus):
    df = catalogue(corpus)
    check_against(df, official_splits())
    assert missing_clips(df) == [] and df.attrs['unparsed'] == []
    assert df[df.duplicate_of.notna()][['clip', 'duplicate_of']].values.tolist() == [pair[::-1]]
    assert df.content.nunique() == 2451


def test_the_original_recordings():
    folder = shared/'ravdess_48k'
    if not folder.is_dir(): pytest.skip('the original recordings, ../shared/ravdess_48k, are not beside this checkout')
    df = catalogue(folder)
    assert len(df) == 23 and {Path(p).suffix for p in df.path} == {'.wav'}


@pytest.mark.parametrize('suffix, layout', [
    ('.wav', 'Actor_{actor}'), ('.flac', 'data/{channel}/Actor_{actor}'), ('.WAV', '{channel}')])
def test_every_layout_gives_the_official_splits(tmp_path, suffix, layout):
    stand_in(tmp_path, suffix, layout)
    check_against(catalogue(tmp_path), official_splits())


def test_a_corpus_unpacked_twice_counts_once(tmp_path):
    stand_in(tmp_path)
    stand_in(tmp_path, layout='AUDIO_speech_actors_01-24/Actor_{actor}')
    df = catalogue(tmp_path)
    assert df['clip'].tolist() == published_clips()
    assert len(df.attrs['redundant']) == 2452 and not df.attrs['conflicts']
    assert all('AUDIO_speech' not in p for p in df.path)  # the outer one, although the other comes first by name
    assert protocol_a(df).value_counts().to_dict() == dict(train=1765, validation=197, test=490)


def test_wav_beside_flac_keeps_one_row(tmp_path):
    stand_in(tmp_path, '.wav', 'original/Actor_{actor}')
    stand_in(tmp_path, '.flac', '{channel}', tag=b'encoded ')
    with pytest.warns(UserWarning, match='2452 audio files left out because another file of the same clip'):
        df = catalogue(tmp_path)
    assert {Path(p).suffix for p in df.path} == {'.flac'}  # in fewer nested folders
    assert len(df.attrs['conflicts']) == 2452
    check_against(df, official_splits())


def test_the_pair_stays_together_when_encoded_with_other_bytes(tmp_path):
    stand_in(tmp_path)
    write(tmp_path/'Actor_07'/f'{pair[1]}.wav', b'the same sound in other bytes')
    df = catalogue(tmp_path).set_index('clip', drop=False)
    assert df.content[pair[0]] != df.content[pair[1]]
    assert df.duplicate_of[pair].tolist() == [None, pair[0]]
    assert protocol_a(df)[pair].tolist() == ['train', 'train']


@pytest.mark.parametrize('seed', range(5))
def test_duplicates_are_never_in_two_splits(seed):
    "Twenty clips of actor 1 with one content, in both protocols and whatever is filtered away"
    clips = published_clips()
    same = [c for c in clips if c.endswith('-01')][:20]
    df = from_names(clips, content=lambda c: 'same' if c in same else c)
    assert df[df['clip'].isin(same)].duplicate_of.tolist() == [None] + same[:1]*19
    for kept in (df, df[df['clip'] != same[0]], df.sample(frac=1, random_state=seed)):
        assert protocol_a(kept, seed)[kept['clip'].isin(same)].nunique() == 1
        assert protocol_a(kept, seed)[kept['clip'].isin(pair)].nunique() == 1
        assert protocol_b(kept, 1)[kept['clip'].isin(same)].nunique() == 1


def test_pair_linked_through_a_third_clip():
    "An earlier clip with the content of the second of the pair is the first clip of all three"
    earlier = '03-01-01-01-01-01-07'
    df = from_names([earlier, *pair], content={earlier: 'b', pair[0]: 'a', pair[1]: 'b'}.get)
    assert df.duplicate_of.tolist() == [None, earlier, earlier]


@pytest.mark.parametrize('fold', range(1, 6))
def test_splits_of_protocol_b(fold):
    df = from_names(published_clips())
    split = protocol_b(df, fold)
    actors = {name: set(df.actor[split == name]) for name in SPLITS}
    assert actors['test'] == set(FOLDS[fold-1])
    assert actors['validation'] == set(validation_actors(fold)) <= set(FOLDS[fold % 5])
    assert sorted(a % 2 for a in actors['validation']) == [0, 0, 1, 1]
    assert sum(map(len, actors.values())) == 24 == len(set.union(*actors.values()))


def test_splits_keep_the_index_of_the_table():
    df = from_names(published_clips())
    odd = df.sample(frac=1, random_state=1).set_index('path')
    for split in (protocol_a, lambda d: protocol_b(d, 2)):
        assert split(odd).index.equals(odd.index)
        assert dict(zip(odd['clip'], split(odd))) == dict(zip(df['clip'], split(df)))


def test_another_seed_is_another_split():
    df = from_names(published_clips())
    assert (protocol_a(df, 1) != protocol_a(df)).sum() > 500


def test_sound_tracks_of_videos_are_in_no_split():
    videos = [f'{m}-{c[3:]}.wav' for c in published_clips() for m in ('01', '02')]
    df = from_names([*published_clips(), *videos])
    audio = df.modality == 'audio'
    assert df.modality.value_counts().to_dict() == {'audio': 2452, 'full-AV': 2452, 'video': 2452}
    for split in (protocol_a(df), protocol_b(df, 3)): assert split[~audio].isna().all() and split[audio].notna().all()
    assert protocol_a(df)[audio].tolist() == protocol_a(from_names(published_clips())).tolist()
    with pytest.raises(CorpusError, match='no audio clip'): protocol_a(df[~audio])


def test_labels_of_a_name():
    df = from_names(['03-02-06-02-01-02-24.flac', 'x/02-01-01-01-02-01-07.wav'])
    labels = df.drop(columns=['path', 'content', 'duplicate_of'])
    assert labels.to_dict('records') == [
        dict(clip='02-01-01-01-02-01-07', modality='video', channel='speech', emotion='neutral', intensity='normal',
             statement=2, repetition=1, actor=7, sex='male', corpus='ravdess', speaker='07'),
        dict(clip='03-02-06-02-01-02-24', modality='audio', channel='song', emotion='fearful', intensity='strong',
             statement=1, repetition=2, actor=24, sex='female', corpus='ravdess', speaker='24')]
    assert df.columns.tolist() == ['path', 'clip', 'modality', 'channel', 'emotion', 'intensity', 'statement',
                                   'repetition', 'actor', 'sex', 'corpus', 'speaker', 'content', 'duplicate_of']


def test_names_that_do_not_parse_are_listed(tmp_path):
    bad = ['04-01-01-01-01-01-01.wav', '03-03-01-01-01-01-01.wav', '03-01-00-01-01-01-01.wav',
           '03-01-01-03-01-01-01.wav', '03-01-01-01-01-01-00.flac', '03-01-01-01-01-01-25.wav',
           '3-1-1-1-1-1-1.wav', '03-01-01-01-01-01.wav', '03-01-01-01-01-01-01-01.wav',
           '03_01_01_01_01_01_01.wav', '03-01-01-01-01-01-01 copy.wav', 'x.WAV']
    for name in [*bad, '03-01-01-01-01-01-01.Wav', 'notes.txt', '03-01-01-01-01-01-02.mp4']:
        write(tmp_path/'a'/name, name.encode())
    with pytest.warns(UserWarning, match=f'^{len(bad)} audio files left out because their names') as caught:
        df = catalogue(tmp_path)
    assert sorted(Path(p).name for p in df.attrs['unparsed']) == sorted(bad)
    assert df['clip'].tolist() == ['03-01-01-01-01-01-01']
    assert caught[0].filename == __file__  # points at the caller


def test_a_clean_folder_warns_of_nothing(tmp_path):
    stand_in(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        catalogue(tmp_path)


def test_links_to_folders_are_followed_once(tmp_path):
    write(tmp_path/'elsewhere'/'03-01-01-01-01-01-01.wav', b'a')
    (tmp_path/'data').mkdir()
    try:
        (tmp_path/'data'/'Actor_01').symlink_to(tmp_path/'elsewhere', target_is_directory=True)
        (tmp_path/'elsewhere'/'loop').symlink_to(tmp_path/'data', target_is_directory=True)
    except OSError: pytest.skip('this system does not let us make links')
    df = catalogue(tmp_path/'data')
    assert len(df) == 1 and df.attrs['redundant'] == []


def test_bad_folders_are_one_sentence(tmp_path):
    write(tmp_path/'other'/'song.wav', b'a')
    write(tmp_path/'archive.zip', b'a')
    (tmp_path/'empty').mkdir()
    for data, says in [('missing', 'is missing'), ('archive.zip', 'is not a folder'), ('empty', 'holds no audio file:'),
                       ('other', 'holds no RAVDESS clip among its 1 audio files')]:
        with pytest.raises(CorpusError) as e: catalogue(tmp_path/data)
        text = str(e.value)
        assert str(tmp_path/data) in text and says in text and '\n' not in text
        assert 'emotion-nb download' in text and '--data' in text and 'EMOTION_NB_DATA' in text


def test_an_unreadable_file_is_one_sentence(tmp_path):
    write(tmp_path/'03-01-01-01-01-01-01.wav', b'a')
    try: (tmp_path/'03-01-01-01-01-01-02.wav').symlink_to(tmp_path/'gone.wav')
    except OSError: pytest.skip('this system does not let us make links')
    with pytest.raises(CorpusError, match='03-01-01-01-01-01-02.wav cannot be read'): catalogue(tmp_path)


def test_an_unreadable_folder_is_one_sentence(tmp_path, monkeypatch):
    write(tmp_path/'a'/'03-01-01-01-01-01-01.wav', b'a')
    write(tmp_path/'locked'/'03-01-01-01-01-01-02.wav', b'b')
    def scandir(path, real=os.scandir):
        if str(path).endswith('locked'): raise PermissionError(13, 'Permission denied', str(path))
        return real(path)
    monkeypatch.setattr(os, 'scandir', scandir)
    with pytest.raises(CorpusError, match=r'locked cannot be read \(Permission denied\)'): catalogue(tmp_path)


def test_the_setting_says_where(tmp_path, monkeypatch):
    write(tmp_path/'a'/'03-01-01-01-01-01-01.wav', b'a')
    write(tmp_path/'b'/'03-01-01-01-01-01-02.wav', b'b')
    monkeypatch.setenv('EMOTION_NB_DATA', str(tmp_path/'a'))
    assert catalogue().actor.tolist() == [1]
    assert catalogue(tmp_path/'b').actor.tolist() == [2]


def one_calm_clip_a_channel(d):
    one = (d.actor < 2) & (d.intensity == 'strong') & (d.statement + d.repetition == 2)
    return d[(d.emotion != 'calm') | one]


@pytest.mark.parametrize('pick', [lambda d: d.head(1), lambda d: d.drop_duplicates('emotion'), one_calm_clip_a_channel])
def test_too_few_clips_are_one_sentence(pick):
    few = pick(from_names(published_clips()))
    with pytest.raises(CorpusError, match='^Protocol A cannot be drawn from .* too few of some emotion') as e:
        protocol_a(few)
    assert '\n' not in str(e.value)


def test_speech_alone_can_be_split():
    df = from_names(published_clips())
    speech = df[df.channel == 'speech']
    assert protocol_a(speech).tolist() == protocol_a(df)[speech.index].tolist()


def test_protocol_b_refusals():
    df = from_names(published_clips())
    for fold in (0, 6, -1, '1', None):
        with pytest.raises(CorpusError, match='choose one from 1 to 5'): protocol_b(df, fold)
    for gone, name in [(FOLDS[0], 'test'), (validation_actors(1), 'validation')]:
        with pytest.raises(CorpusError, match=f'Fold 1 of protocol B has no {name} clips'):
            protocol_b(df[~df.actor.isin(gone)], 1)
    with pytest.raises(CorpusError, match='no train clips'): protocol_b(df[df.actor.isin([2, 3])], 1)
    same = ['03-01-01-01-01-01-01', '03-01-08-01-01-01-24']
    mislabelled = from_names(published_clips(), content=lambda c: 'same' if c in same else c)
    with pytest.raises(CorpusError, match=f'{same[0]} and {same[1]} have the same content'): protocol_b(mislabelled, 1)
    assert protocol_a(mislabelled)[mislabelled['clip'].isin(same)].nunique() == 1


def test_without_scikit_learn(monkeypatch):
    class NotInstalled:
        def find_spec(self, name, path=None, target=None):
            if name == 'sklearn': raise ModuleNotFoundError(f'No module named {name!r}', name=name)
    for name in [m for m in sys.modules if m.split('.')[0] == 'sklearn']: monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, 'meta_path', [NotInstalled(), *sys.meta_path])
    df = from_names(published_clips())
    with pytest.raises(MissingExtraError, match=r"pip install 'emotion_nb\[train\]'"): protocol_a(df)
    assert protocol_b(df, 1).notna().all()


def test_the_import_is_light():
    heavy = {'sklearn', 'tensorflow', 'librosa', 'fastcore', 'nbdev'}
    code = f'import emotion_nb.corpus, sys; print(*({heavy} & {{*sys.modules}}))'
    out = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == ''
