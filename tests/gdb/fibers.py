# SPDX-License-Identifier: MIT
"""Parked fibers in gdb, of a running daemon or a core:

    gdb -x tests/gdb/fibers.py build/cachewardend CORE
    (gdb) fibers              each fiber: number, state, name, group, id, what it waits for, for how
                              long, and how much time is left
    (gdb) fibers all          the same with the stacks of parked fibers
    (gdb) fiber 3             the stack of fiber number 3

Needs the debugging information that every build has, and x86-64 for the stacks: there the place of a
parked fiber is its stack pointer, below which fiber_switch() has pushed its registers.
"""

import gdb
import gdb.unwinder
from gdb.unwinder import Unwinder


def constant(name):
    return int(gdb.parse_and_eval(name))


def live():
    """Each live struct fiber of the selected thread's loop."""
    scheduler = gdb.parse_and_eval("'src/base/fiber.c'::fiber_scheduler_here")
    if not scheduler:
        raise gdb.GdbError("this thread has not run fibers: select the thread that runs the loop")
    fiber = scheduler["live"]
    while fiber:
        yield fiber.dereference()
        fiber = fiber["live_next"]


def text(value):
    return value.string() if value else ""


def times(fiber):
    """Since when it is in its state, and until when, in ms of the loop's clock."""
    now = int(fiber["group"]["loop"]["uv"]["time"])
    since = f", {now - int(fiber['since_ms'])} ms"
    left = int(fiber["deadline"]) - now
    return since + (f", {left} ms left" if left < 10 ** 12 else "")


def line(number, fiber):
    state = str(fiber["state"]).replace("FIBER_", "").lower()
    waits = text(fiber["waits_for"]) if state == "parked" else ""
    of = fiber["id"].string()
    return (f"{number:4}  {state:8} {text(fiber['name'])}  [{text(fiber['group']['name'])}]"
            + (f"  for {of}" if of else "") + (f"  waits for {waits}{times(fiber)}" if waits else ""))


class Parked(Unwinder):
    """Lets the innermost frame return to a parked fiber, once, without changing the process."""

    def __init__(self):
        super().__init__("cachewarden parked fiber")
        self.fiber = None

    def __call__(self, frame):
        if self.fiber is None:
            return None
        # On its stack, the lowest first: control words, r15 r14 r13 r12 rbx rbp, where it goes on.
        words = self.fiber["place"]["top"].cast(gdb.lookup_type("unsigned long").pointer())
        self.fiber = None
        # As if it lay below the fiber's frames: gdb takes a stack that grows upwards for corrupt.
        here = FrameId(words.cast(words.dereference().type), frame.read_register("rip"))
        unwound = frame.create_unwind_info(here)
        for index, name in enumerate(("r15", "r14", "r13", "r12", "rbx", "rbp", "rip"), 1):
            unwound.add_saved_register(name, words[index])
        unwound.add_saved_register("rsp", (words + 8).cast(words.dereference().type))
        return unwound


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


PARKED = Parked()
gdb.unwinder.register_unwinder(None, PARKED, replace=True)


def backtrace(fiber):
    """The stack of a parked fiber, without the frame that stands for the loop's own stack."""
    if int(fiber["state"]) != constant("FIBER_PARKED"):
        print("      not parked")
        return
    PARKED.fiber = fiber
    gdb.invalidate_cached_frames()
    try:
        print("\n".join(gdb.execute("backtrace 30", to_string=True).rstrip().split("\n")[1:]))
    finally:
        PARKED.fiber = None
        gdb.invalidate_cached_frames()


class Fibers(gdb.Command):
    """Lists the fibers; with `all` the stack of each parked one, too."""

    def __init__(self):
        super().__init__("fibers", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        found = list(live())
        for number, fiber in enumerate(found, 1):
            print(line(number, fiber))
            if argument == "all":
                backtrace(fiber)


class Fiber(gdb.Command):
    """The stack of the fiber with that number in `fibers`."""

    def __init__(self):
        super().__init__("fiber", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        found = list(live())
        if not argument.isdigit() or not 1 <= int(argument) <= len(found):
            raise gdb.GdbError(f"a number from 1 to {len(found)}, as `fibers` shows them")
        backtrace(found[int(argument) - 1])


Fibers()
Fiber()
