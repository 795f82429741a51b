from dovetail.errors import PlatformError


class TooDark(PlatformError):
    """No light."""
