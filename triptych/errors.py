"""What the command line may raise; each message is one sentence that a person can act on.

TriptychError
  EnvironmentUnfit      this machine or environment cannot run the stack (numpy 2, ...)
  PortInUse
  ReleaseBroken         a release on disk is incomplete or unreadable
  ReleaseExists         releases are immutable
  ReleaseNameInvalid    a release could not be found under that name
  OptionInvalid         options that do not go together, or a file of theirs that cannot be read
  SourceUnfit           a checkpoint that cannot become a release
  EngineUnfit           an engine answers a network's inputs with what is no number
  ExtraMissing          a framework that this source needs is not installed
  StartFailed           a part did not come up
  LoadRefused           a supervisor does not add a release to what it serves, and says why
  UnloadRefused         a supervisor does not take a release away that is in use
  PlanUnavailable       this machine cannot have a TensorRT plan
  PlanRefused           a TensorRT plan was not built, or does not answer as ONNX does
  RestartUnderWay       a supervisor was asked to restart what is being started already
  AlreadyRunning        another stack owns the state folder
  NotRunning            no stack owns the state folder
  SpansMalformed        what came to a supervisor as Triton's spans is none
  CallFailed            a call to Triton or the gateway was not answered as it should
    CallTimedOut        it was not answered at all
"""

from __future__ import annotations


def first_line(exc: BaseException) -> str:
    """What another library's error says, cut to the one line that fits into a sentence."""
    return (str(exc).strip() or type(exc).__name__).splitlines()[0]


class TriptychError(Exception):
    """Anything that the command line reports as a sentence instead of a traceback."""


class EnvironmentUnfit(TriptychError):
    """This machine or environment cannot run the stack."""


class PortInUse(TriptychError):
    """A port that the stack needs is taken."""


class ReleaseBroken(TriptychError):
    """A release on disk is incomplete or unreadable."""


class ReleaseExists(TriptychError):
    """A release of that name and number is there already."""


class ReleaseNameInvalid(TriptychError):
    """A release could not be found under that name."""


class OptionInvalid(TriptychError):
    """Options do not go together, or a file that one names cannot be used."""


class SourceUnfit(TriptychError):
    """A checkpoint cannot become a release."""


class EngineUnfit(TriptychError):
    """An engine does not compute a network as it should; another one may."""


class ExtraMissing(TriptychError):
    """A framework that the source needs is not installed here."""


class StartFailed(TriptychError):
    """A part of the stack did not come up."""


class LoadRefused(TriptychError):
    """A supervisor does not add a release to what it serves."""


class UnloadRefused(TriptychError):
    """A supervisor does not take a release away that is in use."""


class PlanUnavailable(TriptychError):
    """This machine, or this release, cannot have a TensorRT plan."""


class PlanRefused(TriptychError):
    """A TensorRT plan was not built, or does not answer as ONNX does."""


class RestartUnderWay(TriptychError):
    """A supervisor was asked to restart what is being started already."""


class AlreadyRunning(TriptychError):
    """Another stack owns the state folder."""


class NotRunning(TriptychError):
    """No stack owns the state folder."""


class SpansMalformed(TriptychError):
    """What came to a supervisor as Triton's spans is none."""


class CallFailed(TriptychError):
    """A call to Triton or the gateway was not answered as it should."""


class CallTimedOut(CallFailed):
    """A call was not answered at all in the time that it was given."""
