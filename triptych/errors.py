"""What the command line may raise; each message is one sentence that a person can act on.

TriptychError
  EnvironmentUnfit      this machine or environment cannot run the stack (numpy 2, ...)
  PortInUse
  ReleaseBroken         a release on disk is incomplete or unreadable
  ReleaseExists         releases are immutable
  ReleaseNameInvalid    a release could not be found under that name
  StartFailed           a part did not come up
  AlreadyRunning        another stack owns the state folder
  NotRunning            no stack owns the state folder
  CallFailed            a call to Triton or the gateway was not answered as it should
"""

from __future__ import annotations


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


class StartFailed(TriptychError):
    """A part of the stack did not come up."""


class AlreadyRunning(TriptychError):
    """Another stack owns the state folder."""


class NotRunning(TriptychError):
    """No stack owns the state folder."""


class CallFailed(TriptychError):
    """A call to Triton or the gateway was not answered as it should."""
