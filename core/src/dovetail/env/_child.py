"""``python -m dovetail.env._child REQUEST REPLY LIFELINE``: a worker process. The arguments are inherited file descriptors."""

import sys

from dovetail.env._serve import serve

if __name__ == "__main__":
    serve(*map(int, sys.argv[1:4]))
