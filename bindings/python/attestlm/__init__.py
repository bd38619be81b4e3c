"""AttestLM: language-model inference whose answer others can check.

    with Model.bundled() as model, Session(model) as session, Signer.random() as signer:
        answer = session.generate([{"role": "user", "content": "What is 2 + 3?"}], signer=signer)
        report = Receipt.parse(answer.receipt.to_json()).verify(model)
"""

from ._cdef import VERSION as __version__
from ._library import has_feature
from .answer import Answer, Done, Event, Failed, Prefill, Score, ScoredToken, Text, TokenLogprob, TopLogprob
from .arrays import AnswerArrays, ScoreArrays
from .completions import ChatCompletion, ChatCompletionChunk, Completion
from .errors import (
    ArgumentError,
    AttestLMError,
    BusyError,
    CancelledError,
    ClosedError,
    EngineError,
    ForkedError,
    GrammarError,
    InternalError,
    IoError,
    LogitsError,
    ModelError,
    PanicError,
    ReceiptError,
    SignerError,
    TemplateError,
    UnsupportedError,
)
from .log import set_log
from .model import Adapter, Model, ModelInfo, Profile, ProfileInfo, profile_info
from .receipt import Receipt, Report, Verdict
from .request import ContextInputs, Domain, Message, Request
from .session import Session, SessionInfo
from .signer import Signer
from .stream import AsyncStream, Stream

__all__ = [
    "Adapter",
    "Answer",
    "AnswerArrays",
    "ArgumentError",
    "AsyncStream",
    "AttestLMError",
    "BusyError",
    "CancelledError",
    "ChatCompletion",
    "ChatCompletionChunk",
    "ClosedError",
    "Completion",
    "ContextInputs",
    "Domain",
    "Done",
    "EngineError",
    "Event",
    "Failed",
    "ForkedError",
    "GrammarError",
    "InternalError",
    "IoError",
    "LogitsError",
    "Message",
    "Model",
    "ModelError",
    "ModelInfo",
    "PanicError",
    "Prefill",
    "Profile",
    "ProfileInfo",
    "Receipt",
    "ReceiptError",
    "Report",
    "Request",
    "Score",
    "ScoreArrays",
    "ScoredToken",
    "Session",
    "SessionInfo",
    "Signer",
    "SignerError",
    "Stream",
    "TemplateError",
    "Text",
    "TokenLogprob",
    "TopLogprob",
    "UnsupportedError",
    "Verdict",
    "__version__",
    "has_feature",
    "profile_info",
    "set_log",
]
