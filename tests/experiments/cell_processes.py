"""Which processes run cells."""

import psutil


def cells_alive(pid: int | None = None) -> list[psutil.Process]:
    """What a fork server of this process, or of another, has forked; not what it has started while it imports."""
    servers = filter(_is_server, psutil.Process(pid).children())
    return [cell for server in servers for cell in server.children() if _is_server(cell)]


def _is_server(process: psutil.Process) -> bool:
    """Whether its command line is a fork server's, as a fork's is too."""
    try:
        return "forkserver" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # it has just ended
        return False
