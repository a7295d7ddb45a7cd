__version__ = "0.1.0"

_lazy = {'EmotionClassifier': 'classifier', 'Prediction': 'classifier', 'EmotionError': 'core'}
__all__ = ['__version__', *_lazy]

def __getattr__(name):
    "Import a public name when it is first asked for, so that `import emotion_nb` costs next to nothing"
    if name not in _lazy: raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module
    return getattr(import_module(f'.{_lazy[name]}', __name__), name)

def __dir__(): return sorted(__all__)
