"Recordings of every kind, made of samples: `RECORDINGS` holds one row for each, with what is promised for it."
import io, struct, tempfile
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Callable

import av
import numpy as np
import soundfile as sf
import soxr
from emotion_nb.core import example_clips

DECODED, WARNED, REFUSED = 'decoded', 'decoded, with a warning', 'refused'

@cache
def speech():
    "Two seconds of speech at 24 kHz, `(samples,)` float32 with a peak of 0.5, and the sample rate"
    y, sr = sf.read(example_clips()['angry'], dtype='float32')
    start = max(0, np.abs(y).argmax() - sr)
    y = soxr.resample(y[start:start + 2*sr], sr, 24_000)
    return (.5*y/np.abs(y).max()).astype(np.float32), 24_000

class Pipe:
    "A file that cannot seek, so that FFmpeg writes no length into it"
    def __init__(self): self.data = bytearray()
    def write(self, b): self.data += b; return len(b)
    def getvalue(self): return bytes(self.data)

def sound_frames(codec, y, sr, layout):
    "Samples `(n, channels)` as frames for an encoder of PyAV"
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(y.T, np.float32), format='fltp', layout=layout)
    frame.sample_rate, frame.pts = sr, 0
    cut = av.AudioResampler(codec.format, layout, sr, codec.frame_size or 1024)
    return [*cut.resample(frame), *cut.resample(None)]

def encoded(y, sr, fmt, codec, *more, file=None, video=None, options=None, codec_options=None, bit_rate=None):
    "`y`, and each of `more` as another track, as the bytes of a file that FFmpeg writes"
    f, tracks = file or io.BytesIO(), [t if t.ndim == 2 else t[:, None] for t in (y, *more)]
    with av.open(f, 'w', format=fmt, options=options or {}) as out:
        pictures = out.add_stream(video, rate=25, width=64, height=64, pix_fmt='yuv420p') if video else None
        layouts = [{1: 'mono', 2: 'stereo', 6: '5.1'}[t.shape[1]] for t in tracks]
        streams = [out.add_stream(codec, rate=sr, layout=layout, options=codec_options or {}) for layout in layouts]
        for s in streams if bit_rate else (): s.bit_rate = bit_rate
        out.start_encoding()
        if pictures: streams.insert(0, pictures)
        sounds = [sound_frames(s.codec_context, t, sr, layout)
                  for s, t, layout in zip(streams[bool(video):], tracks, layouts)]
        images = [[av.VideoFrame(64, 64, 'yuv420p') for _ in range(25*len(y)//sr)]] if video else []
        packets = [list(chain.from_iterable(s.encode(frame) for frame in [*frames, None]))
                   for s, frames in zip(streams, images + sounds)]
        for p in sorted(chain(*packets), key=lambda p: float((p.dts or 0)*p.time_base)): out.mux(p)
    return None if isinstance(f, str) else f.getvalue()

def piped(y, sr, *args, **kw): return encoded(y, sr, *args, file=Pipe(), **kw)

def to_path(y, sr, *args, **kw):
    "As `encoded`, for what FFmpeg only writes to a path"
    with tempfile.TemporaryDirectory() as d:
        path = Path(d)/'recording'
        encoded(y, sr, *args, file=str(path), **kw)
        return path.read_bytes()

def written(y, sr, **kw):
    "`y` as the bytes of a file that libsndfile writes"
    f = io.BytesIO(); sf.write(f, y, sr, **kw); return f.getvalue()

def at(rate, make):
    "`make` with the samples at another sample rate"
    return lambda y, sr: make(soxr.resample(y, sr, rate), rate)

def snd(format, subtype=None): return lambda y, sr: written(y, sr, format=format, subtype=subtype)
def ff(fmt, codec, rate=None, how=encoded, **kw):
    make = lambda y, sr: how(y, sr, fmt, codec, **kw)
    return at(rate, make) if rate else make

# MP3
PLAIN_MP3 = dict(write_xing='0', id3v2_version='0')
VBR = dict(global_quality='472', flags='+qscale')
mp3 = ff('mp3', 'libmp3lame', bit_rate=64_000)
bare_mp3 = ff('mp3', 'libmp3lame', bit_rate=64_000, options=PLAIN_MP3)

def id3(n=40_000):
    "An ID3 tag with a picture of `n` random bytes"
    body = b'\0image/jpeg\0\3\0' + np.random.default_rng(0).integers(0, 256, n, dtype=np.uint8).tobytes()
    body = b'APIC' + struct.pack('>IH', len(body), 0) + body
    return b'ID3\3\0\0' + bytes(len(body)>>s & 127 for s in (21, 14, 7, 0)) + body

ID3V1 = b'TAG' + b'x'*125
APE = b'APETAGEX' + struct.pack('<IIII', 2000, 32 + 8, 1, 1<<31) + bytes(8) + b'x'*8

# WAV by hand
def wav_chunk(name, data, n=None): return name + struct.pack('<I', len(data) if n is None else n) + data
def pcm(y, sr): return (np.clip(y, -1, 1)*32767).astype('<i2').tobytes()
def wav_file(*chunks, n=None):
    body = b'WAVE' + b''.join(chunks)
    return wav_chunk(b'RIFF', body, n)
def wav_format(sr, kind=1, channels=1, bits=16):
    width = channels*bits//8
    return wav_chunk(b'fmt ', struct.pack('<HHIIHH', kind, channels, sr, sr*width, width, bits))
def wav(before=b'', after=b'', stated=None, riff=None):
    "A WAV file with other chunks before and after its samples, and a stated length: a function of the true length"
    def make(y, sr):
        data = pcm(y, sr)
        return wav_file(wav_format(sr), before, wav_chunk(b'data', data, stated and stated(len(data))), after, n=riff)
    return make

LIST, UNFILLED = b'LIST\7\0\0\0INFOabc\0', b'LIST\7\0\0\0INFOabc'

def flac_stating(n):
    "A FLAC file that states another number of samples: a function of the true number"
    def make(y, sr):
        data = bytearray(written(y, sr, format='FLAC'))
        data[18:26] = ((int.from_bytes(data[18:26], 'big')>>36<<36) + n(len(y))).to_bytes(8, 'big')
        return bytes(data)
    return make

def amr_wb(y, sr):
    "Bare AMR-WB of as many seconds, of random bits: there is no encoder"
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (50*len(y)//sr, 18), dtype=np.uint8)
    frames[:, 0] = 4  # 6.6 kbit/s, a good frame
    return b'#!AMR-WB\n' + frames.tobytes()

# What happens to files
def joined(*makes): return lambda y, sr: b''.join(m(y, sr) for m in makes)
def cut(make, part=.6): return lambda y, sr: (d := make(y, sr))[:int(len(d)*part)]
def beheaded(make, n=1_234): return lambda y, sr: make(y, sr)[n:]
def damaged(make, start=.5, part=.1):
    "Random bytes in the middle of a file"
    def made(y, sr):
        d = bytearray(make(y, sr))
        n, i = int(part*len(d)), int(start*len(d))
        d[i:i + n] = np.random.default_rng(1).integers(0, 256, n, dtype=np.uint8).tobytes()
        return bytes(d)
    return made
def stereo(make): return lambda y, sr: make(np.stack([y, y], axis=1), sr)
def channels(n, make): return lambda y, sr: make(np.tile(y[:, None], (1, n)), sr)
def just(data): return lambda y, sr: data
def changed(make, *edits):
    "Bytes at places of a file replaced by others"
    def made(y, sr):
        d = bytearray(make(y, sr))
        for i, b in edits: d[i:i + len(b)] = b
        return bytes(d)
    return made

def silent_first(fmt, codec): return at(48_000, lambda y, sr: encoded(0*y, sr, fmt, codec, y))

def without_sound(y, sr):
    f = io.BytesIO()
    with av.open(f, 'w', format='mp4') as out:
        s = out.add_stream('mpeg4', rate=10, width=64, height=64, pix_fmt='yuv420p')
        for frame in [av.VideoFrame(64, 64, 'yuv420p') for _ in range(5)] + [None]: out.mux(s.encode(frame))
    return f.getvalue()

def referring(y, sr, path=b'/xx/secret.wav'):
    "A MOV file whose samples lie in another file"
    data = encoded(y, sr, 'mov', 'pcm_s16le')
    i = data.index(b'dref') - 4
    old = struct.unpack('>I', data[i:i + 4])[0]
    alias = bytearray(150) + struct.pack('>HH', 2, len(path)) + path + struct.pack('>hH', -1, 0)
    alias[4:8], alias[130:134] = struct.pack('>HH', len(alias), 2), struct.pack('>HH', 1, 1)  # in the same folder
    entry = struct.pack('>I4sI', 12 + len(alias), b'alis', 0) + alias
    new = struct.pack('>I4sII', 16 + len(entry), b'dref', 0, 1) + entry
    out = bytearray(data[:i] + new + data[i + old:])
    for name in (b'moov', b'trak', b'mdia', b'minf', b'dinf'):
        j = out.index(name) - 4
        out[j:j + 4] = struct.pack('>I', struct.unpack('>I', out[j:j + 4])[0] + len(new) - old)
    return bytes(out)

LISTS = { # files that name other files; `secret.wav` is in the same folder
    'M3U playlist': b'#EXTM3U\n#EXTINF:4,x\nsecret.wav\n',
    'HLS playlist': b'#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nsecret.wav\n#EXT-X-ENDLIST\n',
    'ffconcat list': b'ffconcat version 1.0\nfile secret.wav\n',
    'PLS playlist': b'[playlist]\nFile1=secret.wav\nNumberOfEntries=1\n',
    'SDP session': b'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n',
    'DASH manifest': (b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
                      b'mediaPresentationDuration="PT4S"><Period><AdaptationSet mimeType="audio/mp4">'
                      b'<Representation id="1" bandwidth="1"><BaseURL>secret.wav</BaseURL></Representation>'
                      b'</AdaptationSet></Period></MPD>'),
    'SMIL presentation': b'<smil><body><audio src="secret.wav"/></body></smil>',
    'ASX playlist': b'<asx version="3.0"><entry><ref href="secret.wav"/></entry></asx>'}
RANDOM = np.random.default_rng(2).integers(0, 256, 100_000, dtype=np.uint8).tobytes()

@dataclass(frozen=True)
class Recording:
    "A row of the table of inputs"
    name:str
    make:Callable           # `(y, sr)` to the bytes of the file
    promise:str = DECODED
    says:str = ''           # part of the warning or of the error
    likeness:float = .95    # correlation with the source, at least; 0 where the bytes are not the source
    copies:int = 1          # how often the source follows itself in the file
    part:float = 1.         # of the source that is in the file, at least
    tail:bool = False       # the file holds the end of the source

    def __call__(self): return self.make(*speech())

CUT, GOES_ON = 'breaks off before its end', 'goes on after the end'
NOTHING, UNKNOWN = 'holds nothing that can be read', 'is not a recording that can be read'
def cut_row(name, make, **kw): return Recording(f'{name}, cut off', cut(make, .8), WARNED, CUT, part=.3, **kw)
def hurt_row(name, make):
    return Recording(f'{name}, damaged in the middle', damaged(make), WARNED, likeness=0, part=.3)
def refused(name, make, says=UNKNOWN): return Recording(name, make, REFUSED, says)

gsm, wav16, flac = at(8_000, snd('WAV', 'GSM610')), snd('WAV', 'PCM_16'), snd('FLAC', 'PCM_16')
vorbis, opus, m4a, adts = snd('OGG', 'VORBIS'), ff('ogg', 'libopus', 48_000), ff('ipod', 'aac'), ff('adts', 'aac')
webm, webm_live, alac = ff('webm', 'libopus', 48_000), ff('webm', 'libopus', 48_000, piped), ff('ipod', 'alac')
fragmented = ff('mp4', 'aac', options=dict(movflags='frag_keyframe+empty_moov', frag_duration='300000'))
index_first = ff('mp4', 'aac', how=to_path, options=dict(movflags='faststart'))
amr, wma = ff('amr', 'libopencore_amrnb', 8_000, bit_rate=12_200), ff('asf', 'wmav2', bit_rate=64_000)
ogg_flac, mka = ff('ogg', 'flac'), ff('matroska', 'flac')
ts, ac3 = ff('mpegts', 'aac', 48_000), ff('ac3', 'ac3', 48_000, bit_rate=96_000)

ROWS = [
    *(Recording(f'WAV of {s}', snd('WAV', s)) for s in 'PCM_U8 PCM_16 PCM_24 PCM_32 FLOAT DOUBLE ULAW ALAW'.split()),
    *(Recording(f'WAV, extensible, of {s}', snd('WAVEX', s)) for s in 'PCM_24 FLOAT'.split()),
    *(Recording(f'WAV of {s}', snd('WAV', s)) for s in 'IMA_ADPCM MS_ADPCM NMS_ADPCM_32'.split()),
    Recording('WAV of 64-bit integers', ff('wav', 'pcm_s64le')),
    Recording('WAV of GSM 6.10', gsm, likeness=.8),
    Recording('WAV of G.722', ff('wav', 'g722', 16_000)),
    Recording('WAV of G.726', ff('wav', 'g726', 8_000), likeness=.9),
    Recording('WAV of G.721', at(8_000, snd('WAV', 'G721_32')), likeness=.9),
    Recording('WAV of MP3', ff('wav', 'libmp3lame', bit_rate=64_000)),
    Recording('WAV at 2000 Hz', at(2_000, wav16), likeness=.6),
    *(Recording(f'WAV at {r} Hz', at(r, wav16)) for r in (8_000, 11_025, 44_100, 96_000, 192_000, 384_000, 768_000)),
    *(Recording(f'WAV of {n} channels', channels(n, wav16)) for n in (2, 6, 64)),
    Recording('WAV with 0 as length', wav(stated=lambda n: 0, riff=0)),
    Recording('WAV with 2^32-1 as length', wav(stated=lambda n: 2**32 - 1, riff=2**32 - 1)),
    Recording('WAV with 2^31-1 as length', wav(stated=lambda n: 2**31 - 1)),
    Recording('WAV with 2^31 as length', wav(stated=lambda n: 2**31)),
    Recording('WAV with an odd length', wav(stated=lambda n: n - 1)),
    Recording('WAV with twice the length', wav(stated=lambda n: 2*n), WARNED, CUT),
    Recording('WAV with three quarters of the length', wav(stated=lambda n: n*3//8*2), WARNED, GOES_ON, part=.7),
    Recording('WAV with another RIFF length', wav(riff=1_000)),
    Recording('WAV with LIST', wav(before=LIST)),
    Recording('WAV with LIST without its filling byte', wav(before=UNFILLED)),
    Recording('WAV with LIST without its filling byte behind', wav(after=UNFILLED)),
    Recording('WAV with zeros behind', joined(wav16, just(bytes(9_000)))),
    Recording('WAV with two chunks of samples',
              lambda y, sr: wav_file(wav_format(sr), *[wav_chunk(b'data', pcm(y, sr))]*2), WARNED, GOES_ON),
    Recording('WAV behind a WAV', joined(wav16, wav16), WARNED, GOES_ON),
    Recording('RF64', snd('RF64', 'PCM_24')),
    Recording('W64', snd('W64', 'PCM_16')),
    *(Recording(f'AIFF of {s}', snd('AIFF', s)) for s in 'PCM_16 FLOAT ALAW'.split()),
    *(Recording(f'AU of {s}', snd('AU', s)) for s in 'PCM_16 ULAW'.split()),
    Recording('AU with 2^32-1 as length', changed(snd('AU', 'PCM_16'), (8, b'\xff'*4))),
    Recording('CAF', snd('CAF', 'PCM_16')),
    Recording('CAF of ALAC', snd('CAF', 'ALAC_16')),
    Recording('VOC', at(8_000, snd('VOC', 'PCM_16'))),
    Recording('NIST', snd('NIST', 'PCM_16')),
    Recording('FLAC', flac),
    Recording('FLAC of 24 bits, 6 channels', channels(6, snd('FLAC', 'PCM_24'))),
    Recording('FLAC of a pipe', ff('flac', 'flac', how=piped)),
    *(Recording(f'FLAC that states {what}', flac_stating(n)) for what, n in {
        'no length': lambda n: 0, 'half its length': lambda n: n//2, 'one sample less': lambda n: n - 1}.items()),
    Recording('FLAC that states more', flac_stating(lambda n: 2*n), WARNED, CUT),
    Recording('FLAC with ID3 at both ends', joined(just(id3()), flac, just(ID3V1))),
    Recording('OGG Vorbis', vorbis), Recording('OGG FLAC', ogg_flac), Recording('Opus', opus),
    Recording('OGG Vorbis, joined', joined(vorbis, vorbis), copies=2),
    Recording('OGG FLAC, joined', joined(ogg_flac, ogg_flac), copies=2),
    Recording('Opus, joined three times', joined(opus, opus, opus), copies=3),
    Recording('OGG Vorbis of two rates and channels, joined', joined(vorbis, stereo(at(44_100, vorbis))), copies=2),
    Recording('OGG Vorbis and Opus, joined', joined(vorbis, opus), copies=2),
    Recording('MP3', mp3),
    Recording('MP3, stereo, 44.1 kHz, 192 kbit/s', stereo(ff('mp3', 'libmp3lame', 44_100, bit_rate=192_000))),
    Recording('MP3 at 8 kHz', ff('mp3', 'libmp3lame', 8_000, bit_rate=16_000), likeness=.9),
    Recording('MP3 of variable rate', ff('mp3', 'libmp3lame', codec_options=VBR)),
    Recording('MP3 without header', bare_mp3),
    Recording('MP3 of variable rate without header', ff('mp3', 'libmp3lame', codec_options=VBR, options=PLAIN_MP3)),
    Recording('MP3 of a pipe', ff('mp3', 'libmp3lame', how=piped, bit_rate=64_000)),
    Recording('MP3 of variable rate of a pipe', ff('mp3', 'libmp3lame', how=piped, codec_options=VBR)),
    Recording('MP3 with a picture', joined(just(id3()), bare_mp3)),
    Recording('MP3 with tags at both ends', joined(just(id3()), bare_mp3, just(APE + ID3V1))),
    Recording('MP3 with ID3v2 behind', joined(bare_mp3, just(id3(500)))),
    Recording('MP3, joined', joined(mp3, mp3), copies=2),
    Recording('MP3 with pictures and tags, joined', joined(*[joined(just(id3()), bare_mp3, just(ID3V1))]*3), copies=3),
    Recording('MP3 without header, joined', joined(bare_mp3, bare_mp3), copies=2),
    Recording('MP3 of two rates and channels, joined',
              joined(mp3, stereo(ff('mp3', 'libmp3lame', 48_000, bit_rate=128_000))), copies=2),
    *(Recording(f'MP3 from its byte {n} on', beheaded(bare_mp3, n), likeness=.9, part=.7, tail=True)
      for n in (1, 777, 2_345)),
    Recording('MP3 without header, cut off', cut(bare_mp3), part=.55),
    Recording('MP2', ff('mp2', 'mp2', 48_000)),
    Recording('AAC', adts), Recording('AAC in LATM', ff('latm', 'aac')),
    Recording('AAC that changes its rate and channels', joined(adts, stereo(ff('adts', 'aac', 48_000))), copies=2),
    Recording('AAC, cut off', cut(adts), part=.5),
    Recording('M4A', m4a), Recording('M4A of ALAC', alac), Recording('M4A, index first', index_first),
    Recording('MP4 in fragments', fragmented),
    Recording('MP4 in fragments, of a pipe',
              ff('mp4', 'aac', how=piped, options=dict(movflags='frag_keyframe+empty_moov', frag_duration='300000'))),
    Recording('3GP of AMR', ff('3gp', 'libopencore_amrnb', 8_000, bit_rate=12_200), likeness=.8),
    Recording('3G2 of AAC', ff('3g2', 'aac')),
    Recording('AMR', amr, likeness=.8), Recording('AMR-WB', amr_wb, likeness=0),
    Recording('MOV of PCM', ff('mov', 'pcm_s16le')),
    Recording('WMA', wma), Recording('WMA 1', ff('asf', 'wmav1', bit_rate=64_000)),
    Recording('WMA of a pipe', ff('asf', 'wmav2', how=piped, bit_rate=64_000)),
    Recording('AC-3', ac3), Recording('E-AC-3', ff('eac3', 'eac3', 48_000, bit_rate=96_000)),
    Recording('AC-3 of 6 channels', channels(6, ff('ac3', 'ac3', 48_000, bit_rate=384_000)), likeness=.9),
    Recording('WebM', webm), Recording('WebM without duration', webm_live),
    Recording('MKV of FLAC', mka),
    Recording('True Audio', ff('tta', 'tta')), Recording('WavPack', ff('wv', 'wavpack')),
    *(Recording(f'{name} video', ff(fmt, codec, 48_000, video=video)) for name, fmt, codec, video in (
        ('MP4', 'mp4', 'aac', 'mpeg4'), ('MOV', 'mov', 'pcm_s16le', 'mpeg4'), ('MKV', 'matroska', 'libopus', 'mpeg4'),
        ('AVI', 'avi', 'mp2', 'mpeg4'), ('MPEG-TS', 'mpegts', 'aac', 'mpeg2video'),
        ('MPEG', 'mpeg', 'mp2', 'mpeg2video'), ('FLV', 'flv', 'aac', 'flv'))),
    *(Recording(f'{name} video, the first of two tracks silent', silent_first(fmt, codec)) for name, fmt, codec in (
        ('MP4', 'mp4', 'aac'), ('MKV', 'matroska', 'libopus'), ('MPEG-TS', 'mpegts', 'mp2'))),
    *(cut_row(name, make) for name, make in {
        'WAV': wav16, 'WAV of ADPCM': snd('WAV', 'IMA_ADPCM'),
        'RF64': snd('RF64', 'PCM_16'), 'W64': snd('W64', 'PCM_16'), 'AIFF': snd('AIFF', 'PCM_16'),
        'AU': snd('AU', 'PCM_16'), 'CAF': snd('CAF', 'PCM_16'), 'FLAC': flac,
        'FLAC of a pipe': ff('flac', 'flac', how=piped), 'OGG Vorbis': vorbis, 'Opus': opus, 'OGG FLAC': ogg_flac,
        'Opus, joined,': joined(opus, opus), 'MP3': mp3, 'MP3 with a picture': joined(just(id3(2_000)), mp3),
        'M4A, index first': index_first,
        'MP4 in fragments': fragmented, 'WebM': webm, 'WebM without duration': webm_live, 'MKV of FLAC': mka,
        'AVI': ff('avi', 'mp2', 48_000, video='mpeg4'), 'WMA': wma}.items()),
    cut_row('GSM 6.10', gsm, likeness=.8), cut_row('AMR', amr, likeness=.8),
    *(hurt_row(name, make) for name, make in {
        'FLAC': flac, 'OGG Vorbis': vorbis, 'Opus': opus, 'MP3': mp3, 'M4A': m4a, 'MPEG-TS': ts, 'AC-3': ac3,
        'WMA': wma, 'WebM': webm, 'CAF of ALAC': snd('CAF', 'ALAC_16')}.items()),
    refused('nothing', just(b''), 'is empty'),
    refused('WAV header alone', lambda y, sr: wav_file(wav_format(sr), wav_chunk(b'data', b'')), 'is empty'),
    refused('WAV header alone that claims 4 GB',
            lambda y, sr: wav_file(wav_format(sr), wav_chunk(b'data', b'', 2**32 - 1)), 'is empty'),
    refused('WAV cut in its header', cut(wav16, 3e-4), NOTHING),
    refused('M4A, cut off before its index', cut(m4a), NOTHING),
    refused('ALAC, cut off before its index', cut(alac), NOTHING),
    refused('FLAC, cut in its header', cut(flac, 5e-4), ''),
    refused('OGG Vorbis, cut in its header', cut(vorbis, .01), ''),
    refused('WebM, cut in its header', cut(webm, .01), ''),
    refused('M4A, most of it damaged', damaged(m4a, .05, .75), 'is damaged'),
    refused('AMR, all of it zeros', just(b'#!AMR\n' + b'\x7c'*3000), 'is damaged'),
    *(refused(f'WAV of {n} channels', channels(n, wav16), f'{n} channels') for n in (65, 1024)),
    refused('WAV that claims 65,535 channels', changed(wav16, (22, b'\xff\xff')), 'is damaged'),
    refused('WAV that claims 0 Hz', changed(wav16, (24, bytes(4))), NOTHING),
    refused('AU that claims 2^31 channels', changed(snd('AU', 'PCM_16'), (20, b'\x80\0\0\0')), NOTHING),
    refused('MP4 video without sound', without_sound, 'no audio track'),
    refused('MOV whose samples lie in another file', referring, 'is damaged'),
    *(refused(name, just(data)) for name, data in LISTS.items()),
    *(refused(name, just(data)) for name, data in {
        'text': b'Not a recording.\n'*500, 'zeros': bytes(100_000), 'ones': b'\xff'*100_000, 'random bytes': RANDOM,
        'PNG': b'\x89PNG\r\n\x1a\n' + RANDOM[:5_000], 'PDF': b'%PDF-1.7\n' + RANDOM[:5_000],
        'ZIP': b'PK\3\4' + RANDOM[:5_000],
        'web page': b'<!DOCTYPE html><html><body>Hello</body></html>'}.items()),
]
RECORDINGS = {row.name: row for row in ROWS}
assert len(RECORDINGS) == len(ROWS)
