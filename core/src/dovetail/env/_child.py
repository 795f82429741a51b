"""The program of a worker process: ``_child.py REQUEST REPLY LIFELINE [ROOT]``.

The first three are inherited file descriptors; ROOT is where the hub has dovetail from, given to its own interpreter only.
Run as a file, so that a hub whose module path was set at run time, or is relative, can start workers all the same.
"""

import gc
import sys

if __name__ == "__main__":
    gc.disable()  # until the first job's code is there: what is imported stays, and looking through it again takes time
    sys.path += sys.argv[4:]
    from dovetail.env._serve import serve

    serve(*map(int, sys.argv[1:4]))
