"Sounds that are not a voice, synthesised with random parameters: SOUNDS maps each kind to a function of `Maker`"
import numpy as np
from scipy.signal import butter, sosfilt

class Maker:
    "Random numbers, and the parts of which sounds are made, at one sample rate in Hz"
    def __init__(self, seed, sr=22_050, seconds=None):
        self.rng, self.sr = np.random.default_rng(seed), sr
        self.n = round(sr*(seconds or self.u(.8, 6)))
        self.t = np.arange(self.n)/sr

    def u(self, a, b): return self.rng.uniform(a, b)
    def log(self, a, b): return float(np.exp(self.u(np.log(a), np.log(b))))
    def pick(self, *xs): return xs[self.rng.integers(len(xs))]
    def maybe(self, p=.5): return self.rng.random() < p
    def noise(self, n=None): return self.rng.standard_normal(n or self.n)

    def phase(self, hz): return 2*np.pi*np.cumsum(np.broadcast_to(hz, self.n))/self.sr

    def coloured(self, slope, n=None):
        "Noise whose power falls with frequency to the power of `slope`"
        n = n or self.n
        f = np.maximum(np.fft.rfftfreq(n, 1/self.sr), 20)
        return np.fft.irfft(np.fft.rfft(self.noise(n))*f**(-slope/2), n)

    def filtered(self, y, low, high):
        "The samples between two frequencies"
        nyquist = .49*self.sr
        edges = [min(low, .8*nyquist), min(max(high, 1.2*low), nyquist)]
        return sosfilt(butter(2, edges, 'band', fs=self.sr, output='sos'), y)

    def harmonics(self, hz, n=None, slope=None, odd=False):
        "A periodic sound with a random fixed spectrum; `hz` is a number or `(samples,)`"
        n, slope, y = n or self.rng.integers(1, 25), self.u(.3, 2.5) if slope is None else slope, np.zeros(self.n)
        p, top, stretch = self.phase(hz), np.max(hz), self.pick(0, 0, 0, self.log(1e-5, 1e-3))
        for k in range(1, n + 1, 2 if odd else 1):
            if k*top > .48*self.sr: break
            y += k**-slope*self.u(.2, 1)*np.sin(k*np.sqrt(1 + stretch*k*k)*p + self.u(0, 6.28))
        return y

    def envelope(self, n, attack, decay, sustain, release):
        "ADSR of `n` samples, times in seconds"
        a, d, r = (max(1, round(x*self.sr)) for x in (attack, decay, release))
        held = np.full(max(0, n - a - d - r), sustain)
        e = np.r_[np.linspace(0, 1, a), np.linspace(1, sustain, d), held, np.linspace(sustain, 0, r)]
        return np.pad(e[:n], (0, max(0, n - len(e))))

    def instrument(self):
        "A function of Hz and seconds that gives a note of one random instrument"
        n, slope, odd = self.rng.integers(1, 20), self.u(.5, 2.5), self.maybe(.2)
        gains, plucked = self.u(0, 1), self.maybe()
        amp = self.rng.uniform(.1, 1, 25)
        attack, release = self.log(.002, .15), self.log(.02, .5)
        vibrato, rate = self.pick(0, 0, self.u(.002, .012)), self.u(4, 7)
        decay, breath = self.log(.1, 2), self.pick(0, 0, self.log(.001, .1))
        def note(hz, seconds):
            m = max(8, round(seconds*self.sr))
            t = np.arange(m)/self.sr
            p = 2*np.pi*hz*(t + vibrato*np.sin(2*np.pi*rate*t)/(2*np.pi*rate))
            y = np.zeros(m)
            for k in range(1, n + 1, 2 if odd else 1):
                if k*hz > .48*self.sr: break
                y += amp[k]*k**-slope*np.sin(k*p + k)*(np.exp(-t*k**.5*gains*3/decay) if plucked else 1)
            y += breath*self.noise(m)
            if plucked: return y*self.envelope(m, attack, 2*decay, 0., .02)
            return y*self.envelope(m, attack, .1, self.u(.5, 1), min(release, seconds/2))
        return note

    def place(self, y, sound, at):
        "Add a sound to `y` at a time in seconds"
        a = max(0, round(at*self.sr))
        b = min(len(y), a + len(sound))
        if b > a: y[a:b] += sound[:b - a]

    def rhythm(self, sound, gap, swing=.05, rest=.1):
        "Sounds from `sound()` every `gap` seconds or so"
        y, at = np.zeros(self.n), self.u(0, gap)
        while at < self.n/self.sr:
            if not self.maybe(rest): self.place(y, self.u(.4, 1)*sound(), at)
            at += gap*(1 + swing*self.rng.standard_normal())
        return y

    def burst(self, seconds, low, high, attack=.002):
        "A burst of filtered noise that decays"
        m = max(8, round(seconds*self.sr))
        t = np.arange(m)/self.sr
        return self.filtered(self.noise(m), low, high)*np.minimum(1, t/attack)*np.exp(-5*t/seconds)

def tone(m): return m.pick(np.sin, lambda p: np.sign(np.sin(p)), lambda p: p % 6.28 - 3.14)(m.phase(m.log(40, 8000)))
def chord(m):
    ratios = m.pick((1, 1.25, 1.5), (1, 1.2, 1.5), (1, 1.5), (1, 1.26, 1.5, 1.78), (1, 1.41, 1.7))
    return sum(m.harmonics(m.log(80, 1200)*r) for r in ratios)
def sweep(m):
    a, b = m.log(30, 9000), m.log(30, 9000)
    line = m.t/m.t[-1]
    if m.maybe(.7): return np.sin(m.phase(m.pick(a + (b - a)*line, a*(b/a)**line)))
    return m.harmonics(a*(min(b, 2000)/a)**line)
def modulated_tone(m):
    depth, rate = m.u(.3, 1), m.log(.5, 30)
    gate = m.pick(lambda s: s, np.sign)(np.sin(m.phase(rate)))
    return m.harmonics(m.log(60, 4000), m.rng.integers(1, 12))*(1 + depth*gate)
def siren(m):
    hz, rate, wide = m.log(200, 2500), m.log(.15, 12), m.u(.1, .6)
    saw, square = lambda p: p % 6.28/3.14 - 1, lambda p: np.sign(np.sin(p))
    shape = m.pick(np.sin, square, saw, lambda p: np.abs(saw(p))*2 - 1)
    return m.harmonics(hz*(1 + wide*shape(m.phase(rate))), m.rng.integers(1, 10))
def hum(m):
    hz = m.pick(50, 60, 100, 120, 400)
    return m.harmonics(hz, m.rng.integers(1, 40)) + m.log(.001, .5)*m.coloured(m.u(0, 2))
def noise(m): return m.coloured(m.pick(0., 1., 2., m.u(-1, 3)))
def band_noise(m):
    low = m.log(50, 5000)
    return m.filtered(m.coloured(m.u(0, 1)), low, low*m.log(1.1, 8))
def modulated_noise(m): return m.coloured(m.u(0, 2))*(1 + m.u(.3, 1)*np.sin(m.phase(m.log(.3, 20))))
def noise_bursts(m):
    low, long = m.log(60, 4000), m.log(.02, .6)
    burst = lambda: m.burst(long*m.u(.5, 1.5), low, low*m.log(1.3, 8), m.log(.001, .1))
    return m.rhythm(burst, m.log(.15, 1.5), m.u(0, .4))
def clicks(m):
    y = np.zeros(m.n)
    at = m.rng.integers(0, m.n, m.rng.integers(1, 40))
    for a in at:
        loud = m.u(.2, 1)
        m.place(y, loud*m.pick(np.ones(m.rng.integers(1, 30)), m.burst(m.log(.001, .03), 300, 9000)), a/m.sr)
    return y + m.pick(0, 1e-5, 1e-4, 1e-3)*m.noise()
def dc(m):
    y = np.full(m.n, m.u(-.9, .9)) + m.pick(0, 1e-4, 1e-3)*m.noise()
    if m.maybe(): y[:m.rng.integers(1, m.n)] *= m.u(-1, .5)
    return y
def knocking(m):
    low, decay = m.log(60, 900), m.log(.02, .15)
    def knock():
        hit = m.burst(decay, low, low*m.log(1.5, 5))
        t = np.arange(len(hit))/m.sr
        return hit + m.u(0, 2)*np.sin(2*np.pi*low*t)*np.exp(-t*5/decay)
    return m.rhythm(knock, m.log(.1, .8), m.u(0, .5), m.u(0, .4))
def footsteps(m):
    step = lambda: m.burst(m.u(.03, .2), m.log(50, 400), m.log(800, 6000), m.log(.001, .02))
    return m.rhythm(step, m.u(.3, .8), .1)
def dog(m):
    size = m.log(150, 900)
    def bark():
        long = m.u(.08, .35)
        k = round(long*m.sr)
        t = np.arange(k)/k
        hz = size*(1 + m.u(.1, .7)*np.sin(np.pi*t**m.u(.5, 1.5)))*m.u(.9, 1.1)
        p = 2*np.pi*np.cumsum(hz)/m.sr
        y = sum(np.sin(j*p + m.u(0, 6))/j**m.u(.3, 1.) for j in range(1, 15) if j*hz.max() < .45*m.sr)
        y += m.u(.2, 2)*m.noise(k)
        f = m.log(500, 1500)
        return (m.filtered(y, f*.6, f*1.8) + .2*y)*np.sin(np.pi*t**m.u(.3, .8))**m.u(.5, 2)
    return m.rhythm(bark, m.log(.25, 1.2), m.u(.05, .5), m.u(0, .3))
def engine(m):
    wobble = np.cumsum(m.noise())
    wobble = m.filtered(wobble - wobble.mean(), .3, 5)
    hz = m.log(15, 120)*(1 + m.u(.01, .3)*wobble/np.abs(wobble).max())*(1 + m.pick(0, m.u(-.5, 1.5))*m.t/m.t[-1])
    y = m.harmonics(hz, 40, m.u(.3, 1.2))
    return y + m.log(.05, 3)*m.filtered(m.coloured(1.), 60, 3000)*(1 + m.u(0, 1)*np.sin(m.phase(hz)))
def rain(m):
    y = m.log(.02, 1)*m.filtered(m.coloured(m.u(0, 1)), m.log(200, 1500), m.log(4000, 10000))
    for at in m.rng.uniform(0, m.n/m.sr, m.rng.integers(20, 300)):
        m.place(y, m.log(.1, 3)*m.burst(m.log(.002, .03), m.log(800, 4000), 9500), at)
    return y
def wind(m):
    gust = m.filtered(m.noise(), .1, m.u(.5, 3))
    return m.filtered(m.coloured(m.u(1, 2)), m.log(50, 300), m.log(400, 3000))*np.exp(m.u(.3, 1.5)*gust/gust.std())
def _melody(m, notes):
    note, y, at, beat, root = m.instrument(), np.zeros(m.n), 0., m.log(.09, .7), m.log(65, 800)
    scale = m.pick((0, 2, 4, 5, 7, 9, 11, 12), (0, 2, 3, 5, 7, 8, 10, 12), (0, 2, 4, 7, 9, 12), tuple(range(13)))
    i = 0
    while at < m.n/m.sr:
        long = beat*m.pick(.5, 1, 1, 1, 2)
        i = notes(i, len(scale))
        if not m.maybe(.1): m.place(y, note(root*2**(scale[i]/12), long*m.u(.8, 1.6)), at)
        at += long
    return y
def arpeggio(m): return _melody(m, lambda i, n: (i + 2) % n)
def melody(m): return _melody(m, lambda i, n: int(np.clip(i + m.rng.integers(-2, 3), 0, n - 1)))
def music(m):
    y = melody(m)
    y /= np.abs(y).max() + 1e-9
    for part in m.rng.permutation([arpeggio, drums, chords, melody])[:m.rng.integers(1, 4)]:
        z = part(m)
        y += m.u(.2, 1.2)*z/(np.abs(z).max() + 1e-9)
    return y
def chords(m):
    note, y, at, beat, root = m.instrument(), np.zeros(m.n), 0., m.log(.3, 2), m.log(80, 500)
    while at < m.n/m.sr:
        base = root*2**(m.pick(0, 5, 7, 9, 3, 8)/12)
        for r in m.pick((1, 1.25, 1.5), (1, 1.2, 1.5), (1, 1.25, 1.5, 1.875)): m.place(y, note(base*r, beat*1.1), at)
        at += beat
    return y
def drums(m):
    beat, y = m.log(.1, .35), np.zeros(m.n)
    def kick():
        t = np.arange(round(.25*m.sr))/m.sr
        return np.sin(2*np.pi*(m.u(40, 60)*t + m.u(2, 6)*(1 - np.exp(-30*t))))*np.exp(-12*t)
    snare, hat = lambda: m.burst(.2, 300, 7000) , lambda: .5*m.burst(.05, 5000, 10500)
    pattern = [m.pick(kick, snare, hat, None) for _ in range(8)]
    for i in range(int(m.n/m.sr/beat) + 1):
        if pattern[i % 8]: m.place(y, pattern[i % 8](), i*beat)
        if m.maybe(.5): m.place(y, hat(), i*beat)
    return y
def beeps(m):
    hz, long, gap, turn = m.log(300, 5000), m.log(.04, .8), m.log(.1, 1.5), iter(range(10**6))
    second = hz*m.pick(1, 1, m.u(.7, 1.5))
    def beep():
        k = round(long*m.sr)
        return np.sin(2*np.pi*(second if next(turn) % 2 else hz)*np.arange(k)/m.sr)*m.envelope(k, .005, .01, 1, .01)
    y = m.rhythm(beep, long + gap, 0, 0)
    return y + m.u(0, .7)*m.pick(np.tanh, np.sign)(3*y)
def dialling(m):
    def key():
        k = round(m.u(.08, .25)*m.sr)
        t = 2*np.pi*np.arange(k)/m.sr
        return np.sin(m.pick(697, 770, 852, 941, 440, 350)*t) + np.sin(m.pick(1209, 1336, 1477, 480, 440)*t)
    return m.rhythm(key, m.u(.15, .5), .1)
def birds(m):
    base = m.log(1500, 6000)
    def chirp():
        k = round(m.log(.03, .5)*m.sr)
        t = np.arange(k)/k
        hz = base*m.u(.8, 1.25)*(1 + m.u(-.4, .4)*t + m.u(0, .2)*np.sin(2*np.pi*m.u(1, 20)*t))
        p = 2*np.pi*np.cumsum(hz)/m.sr
        return (np.sin(p) + m.u(0, .4)*np.sin(2*p))*np.sin(np.pi*t)**m.u(.3, 2)
    return m.rhythm(chirp, m.log(.08, .8), m.u(.1, .6), .2) + m.log(1e-4, .03)*m.coloured(1.)
def bell(m):
    hz, ratios = m.log(150, 2500), m.rng.uniform(.5, 6, m.rng.integers(3, 10))
    def stroke():
        t = np.arange(round(m.u(.5, 3)*m.sr))/m.sr
        return sum(m.u(.2, 1)*np.sin(2*np.pi*hz*r*t)*np.exp(-t*m.u(1, 8)) for r in ratios)
    return m.rhythm(stroke, m.log(.15, 3), .1)
def buzzer(m):
    y = m.harmonics(m.log(60, 600), 60, m.u(0, .6))
    f = m.log(200, 3000)
    return (m.filtered(y, f*.8, f*1.3) + m.u(0, .3)*y)*(np.sin(m.phase(m.log(.3, 6))) > m.u(-1, .7))
def insects(m):
    y = m.filtered(m.noise(), hz := m.log(2500, 8000), 1.1*hz)*np.maximum(0, np.sin(m.phase(m.log(10, 80))))
    return y*(np.sin(m.phase(m.log(.3, 4))) > m.u(-1, .5))
def crackle(m):
    crack = lambda: m.log(.05, 3)*m.burst(m.log(.002, .04), m.log(300, 3000), 9500)
    return m.rhythm(crack, m.log(.01, .1), .9) + m.log(.001, .1)*m.coloured(2.)
def glide(m):
    "A theremin, a whistle or a slide guitar: pitch that glides as a voice does, with a spectrum that does not change"
    steps = np.cumsum(m.rng.normal(0, m.u(.05, .3), max(3, int(m.n/m.sr*m.u(1, 6)))))
    hz = m.log(150, 2000)*np.exp(np.interp(m.t, np.linspace(0, m.t[-1], len(steps)), steps - steps.mean()))
    y = m.harmonics(hz*(1 + m.u(0, .01)*np.sin(m.phase(m.u(4, 7)))), m.rng.integers(1, 15))
    return y*np.abs(np.sin(m.phase(m.log(.2, 2))))**m.u(0, 1)
def typing(m):
    key = lambda: m.u(.3, 1)*m.burst(m.log(.005, .05), m.log(500, 3000), 9500)
    return m.rhythm(key, m.log(.06, .35), .6, .2) + m.log(1e-4, .03)*m.coloured(1.)

SOUNDS = {f.__name__.replace('_', ' '): f for f in (
    tone, chord, sweep, modulated_tone, siren, hum, noise, band_noise, modulated_noise, noise_bursts, clicks, dc,
    knocking, footsteps, dog, engine, rain, wind, arpeggio, melody, music, chords, drums, beeps, dialling, birds, bell,
    buzzer, insects, crackle, glide, typing)}

def nonvoice(kind, seed, sr=22_050, seconds=None):
    "`(samples,)` float32 of a kind of `SOUNDS`, perhaps between two pauses, in a room or in noise"
    m = Maker([seed, *kind.encode()], sr, seconds)
    y = SOUNDS[kind](m)
    y = y/(np.abs(y).max() + 1e-12)*(m.log(.05, 1.) if kind != 'dc' else 1)
    if kind == 'dc': return y.astype(np.float32)
    if m.maybe(.3):
        room = np.r_[1, m.log(.02, .2)*m.noise(2000)*np.exp(-np.arange(2000)/m.u(200, 900))]
        y = np.convolve(y, room)[:m.n]
    if m.maybe(.4): y = y*np.minimum(1, np.minimum(m.t, m.t[-1] - m.t)/m.log(.005, .5))
    if m.maybe(.4): y = np.r_[np.zeros(m.rng.integers(1, sr)), y, np.zeros(m.rng.integers(1, sr))]
    if m.maybe(.5): y = y + np.sqrt(np.mean(y**2))*m.log(.001, .3)*m.coloured(m.u(0, 1.5), len(y))
    return (y/max(1, np.abs(y).max())).astype(np.float32)
