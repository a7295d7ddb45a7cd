__version__ = "0.1.0"

from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from .classifier import EmotionClassifier
    from .core import EmotionError
    from .prediction import Prediction

__all__ = ['EmotionClassifier', 'EmotionError', 'Prediction', '__version__']
_module = {'EmotionClassifier': 'classifier', 'EmotionError': 'core', 'Prediction': 'prediction'}

def __getattr__(name):
    "Import a public name when it is first asked for, so that `import emotion_nb` costs next to nothing"
    if name not in _module: raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module
    return getattr(import_module(f'.{_module[name]}', __name__), name)

def __dir__(): return sorted(__all__)
