from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True)
class ColourConfig:
    """How to paint.

    Attributes:
        depth: Bits.
        token: Password of the painter; not shown.
    """

    __dovetail_task_type__: ClassVar[str] = "PKG"
    depth: int = 8
    token: str = field(default="", repr=False)
