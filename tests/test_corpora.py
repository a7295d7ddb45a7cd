"Catalogues of other corpora than RAVDESS, from file names and from tables, and what is made of several of them."
import warnings
from pathlib import Path

import pytest

from emotion_nb.core import EMOTIONS, SUFFIXES, CorpusError
from emotion_nb.corpora import NEMO_FOLDS, joined, nemo_fold, nemo_validation_speaker, protocol_nemo
from emotion_nb.corpus import catalogue, from_names, protocol_a, published_clips
from emotion_nb.labels import EMOTION_LABELS, NAMINGS, emotion_of, name_labels

shared = Path(__file__).resolve().parents[2]/'shared'
columns = ['path', 'clip', 'channel', 'emotion', 'sex', 'corpus', 'speaker', 'content', 'duplicate_of']
names = dict(
    nemo=['EB0_anger_1', 'IC0_fear_90', 'KS0_surprised_33', 'MP0_happiness_7', 'WR0_neutral_2'],
    emodb=['03a01Fa', '16b10Wb', '08a02Tc', '15b03N', '09a04Ea'],
    cremad=['1001_DFA_ANG_XX', '1091_WSI_SAD_HI', '1040_ITH_SAD_X', '1002_IEO_FEA_LO', '1003_IEO_NEU_MD'],
    tess=['OAF_back_angry', 'YAF_youth_ps', 'OA_bite_neutral', 'YAF_dog_fear', 'OAF_dog_disgust'],
    savee=['DC_a01', 'JE_sa15', 'JK_su02', 'KL_n30', 'DC_h03'])


def write(path, content=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(path.name.encode() if content is None else content)


def table(folder, content, *files):
    "A table and the files beside it"
    write(folder/'labels.csv', content if isinstance(content, bytes) else content.encode())
    for file in files: write(folder/file)
    return folder


def refused(says, *args, **kwargs):
    "Make a catalogue that must fail with one sentence"
    with pytest.raises(CorpusError, match=says) as e: catalogue(*args, **kwargs)
    assert '\n' not in str(e.value) and str(e.value)[-1] == '.'


def shared_folder(name):
    if not (shared/name).is_dir(): pytest.skip(f'the corpus ../shared/{name} is not beside this checkout')
    return shared/name


def test_nemo_itself():
    df = catalogue(shared_folder('nemo'))
    assert len(df) == df.content.nunique() == 4481 and {*df.corpus} == {'nemo'} and {*df.channel} == {'speech'}
    assert df.emotion.value_counts().to_dict() == dict(neutral=809, sad=769, angry=749, happy=749, fearful=736,
                                                       surprised=669)
    published = [line.split('\t') for line in (shared/'nemo'/'speakers.tsv').read_text().splitlines()[1:]]
    sexes = {speaker: sex for _, _, speaker, sex, _ in published}
    assert dict(zip(df.speaker, df.sex)) == sexes and len(sexes) == 9
    assert {Path(p).stem for p in df.path} == {file.removesuffix('.wav') for file, *_ in published}
    answers = {(f'{clip}.wav', emotion) for clip, emotion in zip(df['clip'], df.emotion)}
    assert {(file, emotion_of(label)) for file, label, *_ in published} == answers


def test_emodb_itself():
    with pytest.warns(UserWarning, match=r'^81 audio files left out because their label \(boredom\)'):
        df = catalogue(shared_folder('emodb'))
    assert len(df) == 454 and len(df.attrs['unmapped']) == 81 and df.speaker.nunique() == 10
    assert {*df.emotion} == {*EMOTIONS} - {'calm', 'surprised'}
    assert df.drop_duplicates('speaker').sex.value_counts().to_dict() == dict(female=5, male=5)


@pytest.mark.parametrize('corpus', names)
def test_a_corpus_is_recognised_and_read_with_any_suffix(tmp_path, corpus):
    suffixes = '.wav', '.FLAC', '.opus', '.mp3', '.ogg'
    for name, suffix in zip(names[corpus], suffixes): write(tmp_path/'a'/f'{name}{suffix}')
    write(tmp_path/'notes.txt')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        df = catalogue(tmp_path)
    assert df['clip'].tolist() == sorted(names[corpus]) and df.columns.tolist() == columns
    assert {*df.corpus} == {corpus} and df.emotion.isin(EMOTIONS).all() and df.sex.isin(['male', 'female']).all()
    assert catalogue(tmp_path, corpus).equals(df)


def test_labels_of_each_corpus():
    def labels(corpus):
        rows = [name_labels(name, corpus) for name in names[corpus]]
        return {(row['speaker'], row['sex'], row['emotion']) for row in rows}
    assert labels('nemo') == {('EB0', 'female', 'angry'), ('IC0', 'female', 'fearful'), ('KS0', 'male', 'surprised'),
                              ('MP0', 'male', 'happy'), ('WR0', 'male', 'neutral')}
    assert labels('emodb') == {('03', 'male', 'happy'), ('16', 'female', 'angry'), ('08', 'female', 'sad'),
                               ('15', 'male', 'neutral'), ('09', 'female', 'disgust')}
    assert labels('cremad') == {('1001', 'male', 'angry'), ('1091', 'female', 'sad'), ('1040', 'male', 'sad'),
                                ('1002', 'female', 'fearful'), ('1003', 'female', 'neutral')}
    assert labels('tess') == {('OA', 'female', 'angry'), ('YA', 'female', 'surprised'), ('OA', 'female', 'neutral'),
                              ('YA', 'female', 'fearful'), ('OA', 'female', 'disgust')}
    assert labels('savee') == {('DC', 'male', 'angry'), ('JE', 'male', 'sad'), ('JK', 'male', 'surprised'),
                               ('KL', 'male', 'neutral'), ('DC', 'male', 'happy')}


def test_savee_in_folders_of_speakers(tmp_path):
    for speaker in ('DC', 'JE'):
        for name in ('a01', 'sa02', 'su03'):
            write(tmp_path/'AudioData'/speaker/f'{name}.wav', f'{speaker}{name}'.encode())
    df = catalogue(tmp_path)
    assert df['clip'].tolist() == [f'{s}_{n}' for s in ('DC', 'JE') for n in ('a01', 'sa02', 'su03')]
    assert df.speaker.tolist() == ['DC']*3 + ['JE']*3


@pytest.mark.parametrize('corpus, name', [
    ('nemo', 'XX0_anger_1'), ('nemo', 'EB0_awe_1'), ('nemo', 'EB0_anger'), ('emodb', '04a01Fa'), ('emodb', '03a01Xa'),
    ('cremad', '1092_DFA_ANG_XX'), ('cremad', '1001_DFA_AWE_XX'), ('tess', 'OAF_back_awe'), ('savee', 'DC_x01'),
    ('savee', 'AB_a01'), ('savee', '._DC_a01')])
def test_what_no_rule_fits(corpus, name): assert name_labels(f'{name}.wav', corpus) is None


def test_no_name_fits_two_rules():
    for corpus, files in names.items():
        for name in files: assert [c for c in NAMINGS if name_labels(name, c)] == [corpus]
    assert not any(name_labels(name, c) for name in published_clips()[:100] for c in NAMINGS)


def test_the_map_of_emotions():
    assert tuple(EMOTION_LABELS) == EMOTIONS and all(emotion_of(e) == e for e in EMOTIONS)
    labels = [label for labels in EMOTION_LABELS.values() for label in labels]
    assert len(labels) == len({*labels}) and not {*labels} & {*EMOTIONS}


def test_a_folder_of_two_corpora(tmp_path):
    for name in names['nemo'][:3] + names['emodb'][:2]: write(tmp_path/f'{name}.wav')
    with pytest.warns(UserWarning, match='^2 audio files left out because their names are not nEMO names'):
        assert len(catalogue(tmp_path)) == 3
    with pytest.warns(UserWarning, match='^3 audio files left out because their names are not EmoDB names'):
        assert len(catalogue(tmp_path, 'emodb')) == 2
    refused('holds no TESS clip among its 5 audio files', tmp_path, 'tess')
    refused('holds no RAVDESS clip among its 5 audio files', tmp_path, 'ravdess')


def test_bad_requests_are_one_sentence(tmp_path, monkeypatch):
    refused("There is no corpus 'iemocap': choose one of ravdess, nemo", tmp_path, 'iemocap')
    refused('is missing: .*emotion-nb download nemo', tmp_path/'gone', 'nemo')
    refused('is missing: name its folder with --data', tmp_path/'gone', 'emodb')
    monkeypatch.setenv('EMOTION_NB_CACHE', str(tmp_path/'cache'))
    monkeypatch.setenv('EMOTION_NB_DATA', str(tmp_path))  # of RAVDESS
    refused('nemo is missing', None, 'nemo')
    write(tmp_path/'cache'/'nemo'/'EB0_anger_1.wav')
    assert len(catalogue(corpus='nemo')) == 1
    with pytest.raises(CorpusError, match='Protocols A and B split RAVDESS'): protocol_a(catalogue(corpus='nemo'))


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16', 'utf-16-le'])
@pytest.mark.parametrize('separator', [',', ';', '\t'])
def test_tables_of_every_kind(tmp_path, encoding, separator):
    rows = [['Emotion', 'path', ' Speaker '], ['Anger', 'Zoë\\1.wav', 'Zoë'], ['pleasant_surprise', 'b.opus', 'Bo'], []]
    text = '\r\n'.join(separator.join(row) for row in rows)
    bom = b'\xff\xfe' if encoding == 'utf-16-le' else b''
    table(tmp_path, bom + text.encode(encoding), 'Zoë/1.wav', 'b.opus', 'unlisted.wav')
    df = catalogue(tmp_path)
    assert df['clip'].tolist() == ['Zoë/1.wav', 'b.opus'] and df.columns.tolist() == columns
    assert df.emotion.tolist() == ['angry', 'surprised'] and df.speaker.tolist() == ['Zoë', 'Bo']
    assert all(Path(p).is_file() for p in df.path) and {*df.corpus} == {'table'} and df.sex.isna().all()
    assert catalogue(tmp_path/'labels.csv').equals(df)


def test_a_table_wins_over_file_names(tmp_path):
    table(tmp_path, 'path,emotion\nEB0_anger_1.wav,joy\n', 'EB0_anger_1.wav')
    assert catalogue(tmp_path).emotion.tolist() == ['happy']
    assert catalogue(tmp_path, 'nemo').emotion.tolist() == ['angry']


def test_a_table_without_speakers_counts_each_file_as_one(tmp_path):
    df = catalogue(table(tmp_path, 'path,emotion\na.wav,joy\nb.wav,joy\n', 'a.wav', 'b.wav'))
    assert df.speaker.tolist() == ['a.wav', 'b.wav']


def test_unknown_emotions_are_left_out_with_a_note(tmp_path):
    table(tmp_path, 'path,emotion\na.wav,joy\nb.wav,boredom\nc.wav,\nd.wav\n', 'a.wav', 'b.wav', 'c.wav', 'd.wav')
    with pytest.warns(UserWarning, match=r'^3 audio files left out because their label \(, boredom\)') as caught:
        df = catalogue(tmp_path)
    assert len(df) == 1 and [*df.attrs['unmapped'].values()] == ['boredom', '', '']
    assert caught[0].filename == __file__  # points at the caller
    refused('names no file of a known emotion: use the labels neutral, calm',
            table(tmp_path/'b', 'path,emotion\na.wav,awe\n', 'a.wav'))


def test_rows_that_repeat(tmp_path):
    df = catalogue(table(tmp_path, 'path,emotion\na.wav,joy\na.wav,joy\n', 'a.wav'))
    assert len(df) == 1 and len(df.attrs['redundant']) == 1
    table(tmp_path, 'path,emotion\na.wav,joy\na.wav,sad\n')
    refused('gives a.wav other labels in line 3 than in line 2', tmp_path)
    table(tmp_path, 'path,emotion\na.wav,joy\nb/a.wav,joy\n')
    write(tmp_path/'b'/'a.wav')
    assert catalogue(tmp_path).duplicate_of.tolist() == [None, 'a.wav']


@pytest.mark.parametrize('content, says', [
    ('path,emotion\na.wav,joy\nb.wav,joy\n', r"1 of the 2 files that the table .* names are missing, 'b.wav' for one"),
    ('path,emotion\n,joy\n', "1 of the 1 files"), ('file,emotion\na.wav,joy\n', "has no column 'path'"),
    ('path,mood\na.wav,joy\n', "has no column 'emotion'"), ('', "has no column 'path'"),
    ('path,emotion\n', 'names no file of a known emotion'),
    ('path,emotion\nä.wav,joy\n'.encode('latin-1'), 'is not UTF-8'),
    (b'\xff\xfex', 'is not UTF-16'), ('path,emotion\n' + 'x'*200_000, 'is not a CSV file')])
def test_bad_tables_are_one_sentence(tmp_path, content, says): refused(says, table(tmp_path, content, 'a.wav'))


def test_no_table_is_one_sentence(tmp_path):
    write(tmp_path/'a.wav')
    refused('holds no labels.csv', tmp_path, 'table')
    refused('is no CSV file', tmp_path/'a.wav', 'table')
    refused('is missing', tmp_path/'gone.csv', 'table')


def nemo(): return from_names([f'{s}_{e}_{i}.opus' for speakers in NEMO_FOLDS for s in speakers
                               for e in ('anger', 'fear') for i in (1, 2)], corpus='nemo')


@pytest.mark.parametrize('fold', [1, 2, 3])
def test_splits_of_nemo(fold):
    df = nemo()
    split = protocol_nemo(df, fold)
    speakers = {name: {*df.speaker[split == name]} for name in ('train', 'validation', 'test')}
    assert speakers['test'] == {*NEMO_FOLDS[fold-1]} and speakers['validation'] == {nemo_validation_speaker(fold)}
    assert sum(map(len, speakers.values())) == 9 == len(set.union(*speakers.values()))
    assert {*df.sex[split == 'test']} == {'male', 'female'} and (nemo_fold(df) == fold).equals(split == 'test')
    odd = df.sample(frac=1, random_state=1).set_index('path')
    assert dict(zip(odd['clip'], protocol_nemo(odd, fold))) == dict(zip(df['clip'], split))


def test_refusals_of_nemo_folds():
    for fold in (0, 4, None):
        with pytest.raises(CorpusError, match='choose one from 1 to 3'): protocol_nemo(nemo(), fold)
    with pytest.raises(CorpusError, match='leave out the other corpora'):
        protocol_nemo(from_names(published_clips()), 1)
    with pytest.raises(CorpusError, match='has no test clips here.*emotion-nb download nemo'):
        protocol_nemo(nemo()[lambda d: ~d.speaker.isin(NEMO_FOLDS[0])], 1)


def test_joined_corpora():
    ravdess = from_names(published_clips(), content=lambda name: name)
    other = nemo().assign(content=lambda d: d['clip'])
    mine = other[:2].assign(corpus='table')
    df = joined([ravdess, other, mine])
    assert df['clip'].is_unique and df.index.tolist() == [*range(2452 + 36 + 2)]
    assert df['clip'][:2452].tolist() == ravdess['clip'].tolist()  # as the protocols and saved models know them
    assert {'path', 'content', 'clip', 'channel', 'emotion', 'corpus', 'speaker'} <= {*df.columns}
    assert df.duplicate_of[2452 + 36:].tolist() == ['nemo/' + c for c in mine['clip']]
    assert df.duplicate_of.notna().sum() == 3
    for twice in ([mine, mine], [ravdess, other, other]):
        with pytest.raises(CorpusError, match='is in two of the catalogues'): joined(twice)


def test_every_suffix_of_the_library_counts(tmp_path):
    for i, suffix in enumerate(SUFFIXES, 1): write(tmp_path/f'EB0_anger_{i}{suffix}')
    assert len(catalogue(tmp_path)) == len(SUFFIXES)
