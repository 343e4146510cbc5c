"""What can go wrong before a model answers. Each message is one sentence with the cause and the next step."""

from __future__ import annotations

from typing import ClassVar

from codeassist.model.errors import ModelError


class ServingError(Exception):
    """Base of the failures of the model store and of downloads."""


class UnknownModel(ServingError):
    """The catalogue has no model of that name, or the model is not of the kind that was asked for."""


class ModelMissing(ServingError):
    """The model is known, but its file is not on this machine."""


class WrongModelFile(ServingError):
    """There is a file, but it is not the model: wrong size, wrong hash, or no GGUF file at all."""


class PullFailed(ServingError):
    """No source had the model."""


class DiskFull(ServingError):
    """There is not enough room for the model, found out before or while writing it."""


class UnsafeFolder(ServingError):
    """The folder for sockets and keys is not ours alone."""


class EngineNotStarted(ServingError):
    """The engine process cannot start or go on."""


class EngineError(ModelError):
    """The embedded engine cannot be started or does not stay up; the message says why."""

    reason: ClassVar[str] = "engine-failed"


class EngineModelMissing(EngineError):
    """The model that the engine should load is missing or not the right file."""

    reason: ClassVar[str] = "engine-model-missing"


class EngineNotInstalled(EngineError):
    """The package of the embedded engine is not installed."""

    reason: ClassVar[str] = "engine-not-installed"
