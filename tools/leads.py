"""Tries what may help with the recordings of strangers: a short training each, judged by leaving a corpus out.

    python tools/leads.py LEAD --set without_nemo [--epochs 20] [--teachers MODEL ...] [--write]

A lead changes one thing of the default recipe. The model of `--set` is trained on RAVDESS and asked about nEMO
(`without_nemo`), trained on nEMO and asked about the speech of RAVDESS (`without_ravdess`), or trained on both and
asked about the validation split of RAVDESS (`both`: protocol A): what choices may be made by. The figures are added to
`nbs/tutorials/trials_leads.csv`, which the page of trials shows.
"""
import argparse, csv, tempfile
from dataclasses import replace
from pathlib import Path
import keras, numpy as np, tensorflow as tf
from keras import layers as L, ops
from emotion_nb import features, model as networks, training
from emotion_nb.audio import load_audio
from emotion_nb.batches import _batch
from emotion_nb.corpora import joined
from emotion_nb.corpus import catalogue, protocol_a
from emotion_nb.dataset import dataset_features
from emotion_nb.evaluation import evaluate, evaluate_corpus
from emotion_nb.experiment import joint_splits, left_out_clips, of_corpus

CSV = Path(__file__).parents[1]/'nbs'/'tutorials'/'trials_leads.csv'
LEFT_OUT = dict(without_nemo='nemo', without_ravdess='ravdess')

@keras.saving.register_keras_serializable()
class MixStyle(L.Layer):
    "Half of the clips of a batch, in training, with mean and deviation mixed with those of another (Zhou et al. 2021)"
    def call(self, x, training=False):
        if not training: return x
        mean, sd = ops.mean(x, 1, keepdims=True), ops.std(x, 1, keepdims=True) + 1e-6
        n = ops.shape(x)[0]
        other = tf.random.shuffle(tf.range(n))
        a, b = (tf.random.gamma([n, 1, 1], .1) + 1e-6 for _ in range(2))
        weight = tf.where(tf.random.uniform([n, 1, 1]) < .5, a/(a + b), 1.)
        mix = lambda v: weight*v + (1 - weight)*tf.gather(v, other)
        return (x - mean)/sd*mix(sd) + mix(mean)

@keras.saving.register_keras_serializable()
class Reversed(L.Layer):
    "Passes values on, and gradients with the opposite sign, times `strength` (Ganin et al. 2016)"
    def __init__(self, strength=.3, **kw):
        super().__init__(**kw)
        self.strength = strength
    def get_config(self): return super().get_config() | dict(strength=self.strength)
    def call(self, x):
        @tf.custom_gradient
        def turn(v): return tf.identity(v), lambda g: -self.strength*g
        return turn(x)

def embedding(model):
    "What the layer of the logits reads"
    return model.get_layer('logits').input

def adversarial(speakers):
    "The network with a second head, which names the speaker and from which the first one learns the opposite"
    build, loss = training.build_model, training.masked_crossentropy
    n = len(np.unique(speakers))
    def built(shape, columns, *args):
        m = build(shape, columns - n, *args)
        who = L.Dense(n, activation='softmax')(L.Dense(64, activation='relu')(Reversed()(embedding(m))))
        return keras.Model(m.input, L.Concatenate()([m.output, who]))
    def both(label_smoothing):
        first = loss(label_smoothing)
        def summed(y, p):
            return first(y[:, :-n], p[:, :-n]) + keras.losses.categorical_crossentropy(y[:, -n:], p[:, -n:])
        return summed
    return built, both

def contrastive(copies, recipe, epochs=10):
    "Weights of a network that tells augmented copies of one clip from those of others (Chen et al. 2020)"
    frames, rms = recipe.features.n_frames, features.feature_ranges(recipe.features)['rms'].start
    m = networks.build_model((frames, copies[0][0].shape[1]), 8, recipe.model, 0., rms)
    z = L.UnitNormalization()(L.Dense(64)(L.Dense(128, activation='relu')(embedding(m))))
    e, optimiser = keras.Model(m.input, z), keras.optimizers.AdamW(1e-3, clipnorm=1.)
    rng, n = np.random.default_rng(0), 64
    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            v = e(x, training=True)
            likeness = v@tf.transpose(v)/.1 - 1e9*tf.eye(2*n)
            pair = tf.concat([tf.range(n, 2*n), tf.range(n)], 0)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(pair, likeness))
        g = tape.gradient(loss, e.trainable_variables)
        optimiser.apply_gradients(zip(g, e.trainable_variables))
        return loss
    for _ in range(epochs):
        order = rng.permutation(len(copies[0]))
        for at in range(0, len(order) - n + 1, n):
            i = order[at:at+n]
            step(np.concatenate([training_batch(copies, i, rng, recipe) for _ in range(2)]))
    return m.get_weights()

def training_batch(copies, chosen, rng, recipe):
    "A random copy of each chosen clip, as training draws it"
    clips = [copies[c][i] for i, c in zip(chosen, rng.integers(0, len(copies), len(chosen)))]
    return _batch(clips, rng, recipe.features.n_frames, recipe.batches, recipe.features)

def warped(df, config, seed):
    "Features of the clips with another length of the vocal tract: the frequencies of their spectra times .85 to 1.15"
    rng, transform, out = np.random.default_rng(seed), features._transform, []
    def stretched(f, window, power):
        transform(f, window, power)
        bins = np.arange(power.shape[1])/factor
        low = np.minimum(bins.astype(int), power.shape[1] - 2)
        share = np.minimum(bins - low, 1).astype(np.float32)
        power[:] = power[:, low]*(1 - share) + power[:, low + 1]*share
    features._transform = stretched
    for path in df['path']:
        factor = rng.uniform(.85, 1.15)
        out.append(features.extract_features(load_audio(path, config.sample_rate), config))
    features._transform = transform
    return out

def logits(model, clips, n_frames):
    "Mean of the logits over the windows of each clip, `(n, classes)`"
    ws = [features.windows(x, n_frames) for x in clips]
    z = keras.Model(model.input, model.get_layer('logits').output).predict(np.concatenate(ws), 128, verbose=0)
    return features.mean_over_windows(z, ws)

def taught(y, teachers, copies, n_frames):
    "Targets of which half is what networks that are trained say of the copies of each clip"
    members = [keras.models.load_model(t, compile=False) for t in teachers]
    members = [next((k for k in m.layers if k.name == 'member_0'), m) for m in members]
    z = sum(logits(m, clips, n_frames) for m in members for clips in copies)/len(members)/len(copies)
    soft = features.softmax(np.where(y < 0, -1e9, z)).astype(np.float32)
    return np.where(y < 0, -1, .5*y + .5*soft).astype(np.float32)

def trained(lead, data, train, recipe, teachers, folder):
    "The network of a lead"
    frames, drawn = recipe.features.n_frames, data.drawn
    y = np.where(data.absent, -1, data.one_hot(data.y)).astype(np.float32)
    yv = data.one_hot(data.true)
    copies = [data.copies[0]]*recipe.original_weight[0] + data.copies[1:]
    if lead == 'distillation': y = taught(y, teachers, data.copies, frames)
    if lead == 'vtlp':
        mean, scale = training._mean_and_scale(data.scaler)
        more = [warped(train, recipe.features, seed) for seed in (0, 1)]
        copies += [[features.scaled(x, mean, scale).astype(np.float16) for x in xs] for xs in more]
    if lead == 'mixstyle':
        block = networks._conv_block
        networks._conv_block = lambda x, *args: MixStyle()(block(x, *args))
    if lead == 'adversarial':
        speakers = np.unique(train['speaker'], return_inverse=True)[1]
        training.build_model, training.masked_crossentropy = adversarial(speakers)
        y = np.c_[y, np.eye(speakers.max() + 1, dtype=np.float32)[speakers]]
        yv = np.c_[yv, np.zeros((len(yv), speakers.max() + 1), np.float32)]
    if lead == 'contrastive':
        weights, build = contrastive(data.copies, recipe), training.build_model
        def warm(*args):
            m = build(*args)
            m.set_weights([*weights[:-2], *m.get_weights()[-2:]])
            return m
        training.build_model = warm
    x = np.stack([features.fit_frames(clip[0], frames) for clip in data.validation])
    return training.fit([[c[i] for i in drawn] for c in copies], y[drawn], (x, yv), recipe, folder, 0)

def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument('lead', choices=['none', 'mixstyle', 'adversarial', 'vtlp', 'contrastive', 'distillation'])
    a.add_argument('--set', dest='which', choices=[*LEFT_OUT, 'both'], required=True)
    a.add_argument('--data', default='../shared/ravdess'); a.add_argument('--nemo', default='../shared/nemo')
    a.add_argument('--epochs', type=int, default=20); a.add_argument('--seed', type=int, default=0)
    a.add_argument('--teachers', nargs='*', default=[], help='best_model.keras of models trained on the same split')
    a.add_argument('--write', action='store_true', help='add the figures to the table')
    a = a.parse_args()
    recipe = replace(training.RECIPES['default'], epochs=a.epochs, seed=a.seed)
    df = joined([catalogue(a.data), catalogue(a.nemo, 'nemo')])
    if a.which == 'both':
        own = df
        splits = joint_splits(df, protocol_a(of_corpus(df, 'ravdess')))
        asked = df[splits == 'validation']
    else: own, splits, asked = left_out_clips(df, LEFT_OUT[a.which])
    data = training.prepare_data(own, splits, recipe, False)
    with tempfile.TemporaryDirectory() as folder:
        network = trained(a.lead, data, own[splits == 'train'], recipe, a.teachers, Path(folder))
    lda = training.fit_lda(data.copies, data.y, recipe, data.drawn, data.corpus)
    training.calibrate(lda, [clip[:1] for clip in data.validation], data.true)
    mean, scale = training._mean_and_scale(data.scaler)
    classes, frames = data.encoder.classes_, recipe.features.n_frames
    by = evaluate if a.which == 'both' else evaluate_corpus
    shift = np.log([dict(recipe.prior).get(c, 1.) for c in classes])
    row = dict(lead=a.lead, set=a.which, epochs=a.epochs, seed=a.seed)
    for copy, name in enumerate(('', ' augmented')):
        clips = dataset_features(asked, recipe.features, copy, recipe.augmentation, progress=False)[-len(asked):]
        clips = [features.scaled(x, mean, scale) for x in clips]
        z = [logits(m, clips, frames) for m in (network, lda)]
        for who, v in dict(network=z[0], fused=(z[0] + z[1])/2).items():
            g = by(asked, features.softmax(v + shift), classes, '').groups['both']
            row[f'{who}{name}'] = round(100*(g.accuracy if a.which == 'both' else g.uar), 2)
    print(row, flush=True)
    if a.write:
        new = not CSV.exists()
        with open(CSV, 'a', newline='') as f:
            w = csv.DictWriter(f, row, lineterminator='\n')
            if new: w.writeheader()
            w.writerow(row)

if __name__ == '__main__': main()
