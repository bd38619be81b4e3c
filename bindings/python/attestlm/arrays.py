"""Log-probabilities as NumPy's arrays. NumPy is optional: `attestlm[numpy]`."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


class AnswerArrays(NamedTuple):
    """Of n output tokens, and of the k likeliest at each of them, the likeliest first. These are log-probabilities, by the
    model's own logits; the logits themselves are not told."""

    tokens: NDArray[numpy.uint32]
    """n"""
    logprobs: NDArray[numpy.float64]
    """n"""
    top_tokens: NDArray[numpy.uint32]
    """n rows of k"""
    top_logprobs: NDArray[numpy.float64]
    """n rows of k"""


class ScoreArrays(NamedTuple):
    """Of each token of a continuation."""

    tokens: NDArray[numpy.uint32]
    logprobs: NDArray[numpy.float64]
    greedy: NDArray[numpy.bool_]


def imported() -> ModuleType:
    try:
        import numpy
    except ImportError as error:
        raise ImportError("attestlm: arrays need NumPy: pip install attestlm[numpy]") from error
    return numpy
