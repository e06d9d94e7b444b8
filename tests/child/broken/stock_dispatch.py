"""Raises in a callback, under kclpy's own dispatch."""

import sys

from amazon_kclpy import kcl

from consumers.kcl.pipe import ShardProcess
from tests.child.broken import raises, run

_init = ShardProcess.__init__


def _with_errors(self, *args):  # type: ignore[no-untyped-def]
    _init(self, *args)
    self.io_handler.error_file = sys.stderr


ShardProcess.__init__ = _with_errors  # type: ignore[method-assign]
ShardProcess._perform_action = kcl.KCLProcess._perform_action  # type: ignore[method-assign]
assert raises

if __name__ == "__main__":
    run()
