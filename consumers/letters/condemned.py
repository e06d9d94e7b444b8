"""The rejections of condemned records, which are made without judging them, for the reason that was proven."""

from collections.abc import Mapping

from consumers.documents.document import Rejected
from consumers.letters.letter import KILLS_PROCESS, TOO_SLOW

CONDEMNED: Mapping[str, Rejected] = {
    KILLS_PROCESS: Rejected(KILLS_PROCESS, "a process that tried this record alone died each time"),
    TOO_SLOW: Rejected(TOO_SLOW, "a process that tried this record alone used up its CPU time each time"),
}
