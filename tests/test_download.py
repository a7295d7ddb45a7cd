"The download, from a server on the loopback address that disconnects, misstates sizes and fails as a test plans."
import hashlib, io, os, random, shutil, signal, stat, subprocess, sys, threading, time, wave, zipfile
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from emotion_nb import download as module
from emotion_nb.core import DownloadError
from emotion_nb.corpus import catalogue
from emotion_nb.download import ARCHIVES, PUBLISHED, Archive, download

noise = random.Random(0)
cut = 300_000  # where a connection breaks
shared = Path(__file__).resolve().parents[2]/'shared'


def recording(seconds=1):
    "A WAV file that does not compress"
    with wave.open(wav := io.BytesIO(), 'wb') as f:
        f.setparams((1, 2, 48000, 0, 'NONE', ''))
        f.writeframes(noise.randbytes(int(2*48000*seconds)))
    return wav.getvalue()


def zipped(members):
    "A ZIP archive of `{name or ZipInfo: content}`, or of such pairs"
    with zipfile.ZipFile(out := io.BytesIO(), 'w', zipfile.ZIP_DEFLATED) as z:
        for name, content in (members.items() if isinstance(members, dict) else members): z.writestr(name, content)
    return out.getvalue()


speech = zipped({f'Actor_{a:02}/03-01-05-0{i}-01-01-{a:02}.wav': recording() for a in (1, 2, 3) for i in (1, 2)})
song = zipped({f'Actor_{a:02}/03-02-05-01-01-01-{a:02}.wav': recording() for a in (1, 2)})


class Handler(BaseHTTPRequestHandler):
    "Answers each request by the next word of `server.plan`, and the last one for good"
    def do_GET(self):
        server, body = self.server, self.server.bodies.get(self.path)
        server.asked.append(self.headers['Range'])
        # sizes and ranges hold for the plain file only
        if 'gzip' in self.headers['Accept-Encoding']: return self.send_error(406)
        word = server.plan.pop(0) if len(server.plan) > 1 else server.plan[0]
        if isinstance(word, int) or body is None:
            self.send_response(404 if body is None else word)
            self.send_header('Content-Length', '0')
            return self.end_headers()
        ranges = self.headers['Range'] and word not in ('ignores', 'unsized')
        start = int(self.headers['Range'][6:-1]) if ranges else 0
        self.send_response(206 if start else 200)
        if start: self.send_header('Content-Range', f'bytes {start}-{len(body)-1}/{len(body)}')
        if word not in ('unsized', 'endless'): self.send_header('Content-Length', len(body) - start)
        self.end_headers()
        self.wfile.write(body[start:start + cut] if word in ('breaks', 'hangs') else body[start:])
        if word == 'hangs': server.stop.wait(60)
        if word == 'endless':
            while True: self.wfile.write(body)
    def log_message(self, *args): pass


@pytest.fixture
def server(monkeypatch):
    "A server of `bodies` by path; `asked` is what ranges were asked for"
    monkeypatch.setenv('NO_PROXY', '127.0.0.1')
    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.daemon_threads = True
    server.bodies, server.plan = {'/speech.zip': speech, '/song.zip': song}, ['whole']
    server.asked, server.stop = [], threading.Event()
    threading.Thread(target=server.serve_forever, args=[.02], daemon=True).start()
    yield server
    server.stop.set(); server.shutdown(); server.server_close()


@pytest.fixture
def archive(server): return serve(server, 'speech', speech)


def serve(server, name, body):
    "Put `body` on the server"
    server.bodies[f'/{name}.zip'] = body
    url = f'http://127.0.0.1:{server.server_port}/{name}.zip'
    return Archive(f'{name}.zip', url, len(body), hashlib.md5(body).hexdigest())


def names(folder): return sorted(p.name for p in folder.iterdir()) if folder.exists() else None


def refused(says, *args, **kwargs):
    "Run a download that must fail with one sentence"
    with pytest.raises(DownloadError, match=says) as e: download(*args, **{'progress': False, 'retries': 1} | kwargs)
    assert '\n' not in str(e.value) and str(e.value)[-1] == '.'
    return e.value


def test_both_archives_and_then_nothing(server, archive, tmp_path):
    both = [archive, serve(server, 'song', song)]
    folder = download(tmp_path/'deep'/'corpus', both, progress=False)
    assert folder == tmp_path/'deep'/'corpus' and names(folder) == ['song', 'speech']
    assert catalogue(folder).channel.value_counts().to_dict() == dict(speech=6, song=2)
    before = {p: p.stat().st_mtime_ns for p in folder.rglob('*')}
    server.plan = [500]
    download(folder, both, progress=False)
    assert server.asked == [None, None]
    assert {p: p.stat().st_mtime_ns for p in folder.rglob('*')} == before


def test_what_is_unpacked_is_what_was_packed(archive, tmp_path):
    download(tmp_path, [archive], progress=False)
    with zipfile.ZipFile(io.BytesIO(speech)) as z:
        packed = {n: z.read(n) for n in z.namelist()}
    folder = tmp_path/'speech'
    assert {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob('*.wav')} == packed


def test_the_setting_says_where(archive, tmp_path, monkeypatch):
    monkeypatch.setenv('EMOTION_NB_DATA', str(tmp_path/'here'))
    assert download(archives=[archive], progress=False) == tmp_path/'here'
    assert names(tmp_path/'here') == ['speech']


def test_a_broken_connection_is_resumed(server, archive, tmp_path):
    server.plan = ['breaks', 'breaks', 'whole']
    download(tmp_path, [archive], retries=2, progress=False)
    first, second, third = server.asked
    assert first is None and 0 < int(second[6:-1]) < int(third[6:-1]) <= 2*cut  # nothing is fetched twice
    assert names(tmp_path) == ['speech'] and len(catalogue(tmp_path)) == 6


def test_the_next_call_goes_on(server, archive, tmp_path):
    server.plan = ['breaks']
    refused('of the .* bytes of speech.zip arrived .* goes on from there', tmp_path, [archive], retries=0)
    assert names(tmp_path) == ['speech.zip.part']
    kept = (tmp_path/'speech.zip.part').read_bytes()
    assert 0 < len(kept) <= cut and speech.startswith(kept)
    server.plan = ['whole']
    download(tmp_path, [archive], progress=False)
    assert server.asked == [None, f'bytes={len(kept)}-']
    assert names(tmp_path) == ['speech'] and len(catalogue(tmp_path)) == 6


@pytest.mark.parametrize('plan', ['ignores', 'unsized'])
def test_a_server_without_ranges_starts_over(server, archive, tmp_path, plan):
    (tmp_path/'speech.zip.part').write_bytes(b'x'*1000)  # would spoil the sum if it were kept
    server.plan = [plan]
    download(tmp_path, [archive], progress=False)
    assert server.asked == ['bytes=1000-'] and len(catalogue(tmp_path)) == 6


def test_no_such_range_starts_over(server, archive, tmp_path):
    (tmp_path/'speech.zip.part').write_bytes(b'x'*1000)
    server.plan = [416, 'whole']
    download(tmp_path, [archive], progress=False)
    assert server.asked == ['bytes=1000-', None] and len(catalogue(tmp_path)) == 6


def test_a_complete_part_is_not_fetched_again(server, archive, tmp_path):
    (tmp_path/'speech.zip.part').write_bytes(speech)
    download(tmp_path, [archive], progress=False)
    assert server.asked == [] and names(tmp_path) == ['speech']


def test_too_long_a_part_starts_over(server, archive, tmp_path):
    (tmp_path/'speech.zip.part').write_bytes(speech + b'more')
    download(tmp_path, [archive], progress=False)
    assert server.asked == [None] and names(tmp_path) == ['speech']


def test_leftovers_of_a_power_cut_are_cleared(archive, tmp_path):
    (tmp_path/'speech.unpacking').mkdir()
    (tmp_path/'speech.unpacking'/'half.wav').write_bytes(b'half')
    (tmp_path/'speech').mkdir()
    download(tmp_path, [archive], progress=False)
    assert names(tmp_path) == ['speech'] and names(tmp_path/'speech') == ['Actor_01', 'Actor_02', 'Actor_03']
    (tmp_path/'speech.zip.part').write_bytes(b'x')  # the power went between the last two steps
    download(tmp_path, [archive], progress=False)
    assert names(tmp_path) == ['speech']


def test_a_busy_server_is_asked_again(server, archive, tmp_path):
    server.plan = [503, 'whole']
    download(tmp_path, [archive], progress=False)
    assert server.asked == [None, None] and names(tmp_path) == ['speech']


@pytest.mark.parametrize('status, times', [(404, 1), (403, 1), (503, 2)])
def test_a_status_that_stays_is_one_sentence(server, archive, tmp_path, status, times):
    server.plan = [status]
    refused(f'answered {status} ', tmp_path/'corpus', [archive])
    assert len(server.asked) == times and names(tmp_path) == []


def test_an_unreachable_server_is_one_sentence(server, archive, tmp_path):
    gone = replace(archive, url='http://127.0.0.1:1/speech.zip')
    refused('cannot be reached', tmp_path/'corpus', [gone], retries=0)
    refused('cannot be reached', tmp_path/'corpus', [replace(archive, url='nonsense')], retries=0)
    assert names(tmp_path) == []


def test_a_server_that_stops_answering_is_one_sentence(server, archive, tmp_path, monkeypatch):
    monkeypatch.setattr(module, '_TIMEOUT', (5, .2))
    server.plan = ['hangs']
    refused('arrived before the connection broke', tmp_path, [archive], retries=0)
    assert names(tmp_path) == ['speech.zip.part']


def test_a_wrong_sum_starts_over(server, archive, tmp_path):
    spoilt = bytearray(speech); spoilt[1000] ^= 1
    server.bodies['/speech.zip'] = bytes(spoilt)
    refused('did not arrive as published', tmp_path, [archive])
    assert names(tmp_path) == []
    server.bodies['/speech.zip'] = speech
    download(tmp_path, [archive], progress=False)
    assert server.asked == [None, None] and len(catalogue(tmp_path)) == 6


@pytest.mark.parametrize('page', [b'<html>Please log in</html>', speech + b'more'])
def test_nothing_is_written_of_another_size(server, archive, tmp_path, page):
    (tmp_path/'speech.zip.part').write_bytes(speech[:10])
    server.bodies['/speech.zip'] = page
    server.plan = ['ignores']
    refused('offers .* bytes where .* were expected', tmp_path, [archive])
    assert (tmp_path/'speech.zip.part').read_bytes() == speech[:10]


def test_bytes_beyond_the_published_size_are_dropped(server, archive, tmp_path):
    server.plan = ['endless']
    server.handle_error = lambda *args: None  # the closed connection is an error there
    download(tmp_path, [archive], progress=False)
    assert server.asked == [None] and len(catalogue(tmp_path)) == 6


def link(name, target):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return [(info, target), (f'{name}/03-01-01-01-01-01-01.wav', b'x')]


def squeezed(name):
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_LZMA
    return [(info, b'x')]


def device(name):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFIFO | 0o666) << 16
    return [(info, b'')]


@pytest.mark.parametrize('evil', ['../out.wav', 'a/../../out.wav', '/out.wav', '..', '//host/out.wav', 'C:/out.wav',
    'C:out.wav', '..\\out.wav', 'a\\..\\..\\out.wav', 'a\nb.wav', 'a.wav:stream'])
def test_names_that_leave_the_folder_are_refused(server, tmp_path, evil):
    archive = serve(server, 'evil', zipped({'good.wav': b'good', evil: b'evil'}))
    refused('evil.zip was deleted, because its member', tmp_path/'a'/'b', [archive])
    assert names(tmp_path/'a'/'b') == [] and names(tmp_path/'a') == ['b'] and names(tmp_path) == ['a']


@pytest.mark.parametrize('members, says', [
    (link('Actor_01', '..'), 'is neither a file nor a folder'), (device('pipe.wav'), 'is neither a file nor a folder'),
    (squeezed('a.wav'), 'is compressed in an unusual way'),
    ([('a.wav', b'1'), ('A.wav', b'2')], 'two files of the same name'),
    ([('a', b'1'), ('a/b.wav', b'2')], 'cannot be kept')])
def test_members_that_are_no_plain_files_are_refused(server, tmp_path, members, says):
    refused(says, tmp_path, [serve(server, 'evil', zipped(members))])
    assert 'evil' not in names(tmp_path) and 'evil.unpacking' not in names(tmp_path)


def test_an_encrypted_member_is_refused(server, tmp_path):
    body = bytearray(zipped({'a.wav': b'secret'}))
    for signature, flags in ((b'PK\3\4', 6), (b'PK\1\2', 8)): body[body.index(signature) + flags] |= 1
    refused('is encrypted', tmp_path, [serve(server, 'evil', bytes(body))])
    assert names(tmp_path) == []


def test_bombs_are_refused(server, tmp_path):
    bomb = replace(serve(server, 'bomb', zipped({f'{i}.wav': bytes(10**6) for i in range(5)})), max_bytes=4_500_000)
    refused('unpacks to more than 4500000 bytes', tmp_path, [bomb])
    assert names(tmp_path) == []
    many = replace(serve(server, 'many', zipped({f'{i}.wav': b'' for i in range(11)})), max_files=10)
    refused('holds more than 10 files', tmp_path, [many])
    assert names(tmp_path) == []
    download(tmp_path, [replace(bomb, max_bytes=5_000_000), replace(many, max_files=11)], progress=False)
    assert names(tmp_path) == ['bomb', 'many']


@pytest.mark.parametrize('size', [999_000, 1_001_000])
def test_a_wrong_size_in_the_header(server, tmp_path, size):
    body = bytearray(zipped({'a.wav': bytes(10**6)}))
    for signature, field in ((b'PK\3\4', 22), (b'PK\1\2', 24)):
        at = body.index(signature) + field
        body[at:at + 4] = size.to_bytes(4, 'little')
    archive = serve(server, 'liar', bytes(body))
    if size < 10**6: refused('damaged ZIP file', tmp_path, [archive])
    else: download(tmp_path, [archive], progress=False)  # less than was stated: nothing is lost, and no limit passed
    assert names(tmp_path) == ([] if size < 10**6 else ['liar'])
    refused('unpacks to more than 900000 bytes', tmp_path/'again', [replace(archive, max_bytes=900_000)])


@pytest.mark.parametrize('body', [b'no archive at all', speech[:-100], speech[:5000] + bytes(2000) + speech[7000:]])
def test_a_damaged_archive_is_refused(server, tmp_path, body):
    refused('damaged ZIP file', tmp_path, [serve(server, 'damaged', body)])
    assert names(tmp_path) == []


def test_a_full_disk_keeps_what_arrived(server, archive, tmp_path, monkeypatch):
    def full(*args, **kwargs): raise OSError(28, 'No space left on device')
    monkeypatch.setattr(zipfile.ZipExtFile, 'read', full)
    refused('No space left on device', tmp_path, [archive])
    assert names(tmp_path) == ['speech.zip.part']
    monkeypatch.undo()
    download(tmp_path, [archive], progress=False)
    assert server.asked == [None] and names(tmp_path) == ['speech']


def test_too_small_a_disk_is_an_error_before_the_first_byte(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: SimpleNamespace(free=3*len(speech)))
    refused('No space left on device', tmp_path, [archive])
    assert names(tmp_path) == []


def test_a_file_in_place_of_the_folder_is_one_sentence(archive, tmp_path):
    (tmp_path/'corpus').write_text('a file')
    refused('cannot be kept in', tmp_path/'corpus', [archive])
    assert (tmp_path/'corpus').read_text() == 'a file'


@pytest.mark.parametrize('where', ['_verify', '_unpack'])
def test_an_interrupt_leaves_only_the_part(server, archive, tmp_path, monkeypatch, where):
    def interrupted(*args, **kwargs): raise KeyboardInterrupt
    if where == '_verify': monkeypatch.setattr(module, '_verify', interrupted)
    else: monkeypatch.setattr(zipfile.ZipExtFile, 'read', interrupted)
    with pytest.raises(KeyboardInterrupt): download(tmp_path, [archive], progress=False)
    assert names(tmp_path) == ['speech.zip.part']
    monkeypatch.undo()
    download(tmp_path, [archive], progress=False)
    assert server.asked == [None] and len(catalogue(tmp_path)) == 6


@pytest.mark.skipif(os.name == 'nt', reason='Windows has no SIGINT for one process')
def test_ctrl_c_while_bytes_flow(server, archive, tmp_path):
    server.plan = ['hangs']
    code = f"from emotion_nb.download import *; download({str(tmp_path/'corpus')!r}, [{archive!r}])"
    part = tmp_path/'corpus'/'speech.zip.part'
    process = subprocess.Popen([sys.executable, '-c', code], stderr=subprocess.PIPE, text=True)
    try:
        while not (part.exists() and part.stat().st_size) and process.poll() is None: time.sleep(.05)
        process.send_signal(signal.SIGINT)
        server.stop.set()
        error = process.communicate(timeout=60)[1]
    finally: process.kill()
    assert 'KeyboardInterrupt' in error and 'speech.zip' in error  # the progress bar names the file
    assert names(tmp_path/'corpus') == ['speech.zip.part']
    kept = part.stat().st_size
    server.plan = ['whole']
    download(tmp_path/'corpus', [archive], progress=False)
    assert server.asked == [None, f'bytes={kept}-'] and len(catalogue(tmp_path)) == 6


def test_the_progress_bar_counts_bytes_and_can_be_off(server, archive, tmp_path, capfd):
    download(tmp_path/'shown', [archive])
    assert 'speech.zip: 100%' in capfd.readouterr().err
    download(tmp_path/'hidden', [archive], progress=False)
    assert capfd.readouterr() == ('', '')


def test_the_published_archives():
    assert [(a.name, a.bytes, a.md5) for a in ARCHIVES] == [
        ('Audio_Speech_Actors_01-24.zip', 208_468_073, 'bc696df654c87fed845eb13823edef8a'),
        ('Audio_Song_Actors_01-24.zip', 225_505_317, '5411230427d67a21e18aa4d466e6d1b9')]
    record = 'https://zenodo.org/records/1188976/files'
    assert [a.url for a in ARCHIVES] == [f'{record}/{a.name}?download=1' for a in ARCHIVES]


polish = [f'{s}_{e}_{i}.wav' for s in ('EB0', 'KS0') for e in ('anger', 'fear') for i in (1, 2)]


@pytest.fixture
def nemo(server):
    "An archive as GitHub makes them: no published size or checksum; known by the names and sizes of its clips"
    clips = {f'nEMO-06f1/samples/{name}': recording(.5) for name in polish}
    body = zipped(clips | {'nEMO-06f1/README.md': b'nEMO', 'nEMO-06f1/data.tsv': b'file_id'})
    names = hashlib.sha256('\n'.join(sorted(polish)).encode()).hexdigest()
    return replace(serve(server, 'nEMO', body), bytes=None, md5=None, clips=8, names=names, min_bytes=8*48_000,
                   command='emotion-nb download nemo')


@pytest.mark.parametrize('plan', [['whole'], ['unsized'], ['breaks', 'whole'], ['breaks', 'ignores']])
def test_an_archive_made_on_request(server, nemo, tmp_path, plan):
    server.plan = [*plan]
    folder = download(tmp_path, [nemo], progress=False, retries=1)
    assert names(folder) == ['nEMO'] and len(server.asked) == len(plan)
    if len(plan) > 1: assert server.asked[1].startswith('bytes=')
    df = catalogue(folder)
    assert {*df.corpus} == {'nemo'} and df['clip'].tolist() == [n.removesuffix('.wav') for n in sorted(polish)]
    download(tmp_path, [nemo], progress=False)
    assert len(server.asked) == len(plan)


def test_an_archive_made_on_request_is_resumed_by_the_next_call(server, nemo, tmp_path):
    server.plan = ['breaks']
    says = '^Only [0-9]+ bytes of nEMO.zip arrived .* run `emotion-nb download nemo` again'
    refused(says, tmp_path, [nemo], retries=0)
    kept = (tmp_path/'nEMO.zip.part').stat().st_size
    assert 0 < kept <= cut
    server.plan = ['whole']
    download(tmp_path, [nemo], progress=False)
    assert server.asked == [None, f'bytes={kept}-'] and len(catalogue(tmp_path)) == 8


def test_the_rest_of_another_archive_starts_over(server, nemo, tmp_path):
    "What arrived came from an archive with other bytes: the checksums of its members do not fit"
    (tmp_path/'nEMO.zip.part').write_bytes(noise.randbytes(100_000))
    refused('damaged ZIP file and was deleted: run `emotion-nb download nemo` again', tmp_path, [nemo])
    assert names(tmp_path) == []
    download(tmp_path, [nemo], progress=False)
    assert server.asked == ['bytes=100000-', None] and len(catalogue(tmp_path)) == 8


@pytest.mark.parametrize('change', [dict(min_bytes=10**7), dict(names='0'*64, clips=9)])
def test_clips_that_are_not_the_published_ones_are_refused(nemo, tmp_path, change):
    wrong = replace(nemo, **change)
    refused(f'does not hold the {wrong.clips} clips that were published .8 clips of', tmp_path, [wrong])
    assert names(tmp_path) == []


def test_endless_bytes_of_unknown_size_are_stopped(server, nemo, tmp_path):
    server.plan = ['endless']
    server.handle_error = lambda *args: None  # the closed connection is an error there
    refused('was deleted', tmp_path, [replace(nemo, max_bytes=10**6)])
    assert names(tmp_path) == []


def test_nemo_on_the_command_line(server, nemo, tmp_path, monkeypatch):
    from click.testing import CliRunner
    from emotion_nb.cli import main
    monkeypatch.setitem(PUBLISHED, 'nemo', (nemo,))
    monkeypatch.setenv('EMOTION_NB_DATA', str(tmp_path/'ravdess'))
    monkeypatch.setenv('EMOTION_NB_CACHE', str(tmp_path/'cache'))
    result = CliRunner().invoke(main, ['download', 'nemo'])
    assert result.exit_code == 0 and str(tmp_path/'cache'/'nemo') in result.output
    assert len(catalogue(corpus='nemo')) == 8 and not (tmp_path/'ravdess').exists()
    assert CliRunner().invoke(main, ['download', 'emodb']).exit_code == 2
    refused("The corpus 'emodb' cannot be fetched: choose one of ravdess, nemo", corpus='emodb')


def test_nemo_as_published():
    [archive] = PUBLISHED['nemo']
    assert archive.url.startswith('https://github.com/amu-cai/nEMO/archive/') and archive.clips == 4481
    assert PUBLISHED['ravdess'] == ARCHIVES
    table = shared/'nemo'/'speakers.tsv'
    if not table.is_file(): pytest.skip('the corpus ../shared/nemo is not beside this checkout')
    files = [line.split('\t')[0] for line in table.read_text().splitlines()[1:]]
    assert len(files) == 4481 and hashlib.sha256('\n'.join(sorted(files)).encode()).hexdigest() == archive.names
